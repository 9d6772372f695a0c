//! One file on its way from a client.

use std::io;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::netascii::Received;
use super::transfer::Way;
use super::wire::{self, Mode, Packet, Refusal, Request};

/// The largest file that a client may leave, in bytes.
pub const LARGEST: usize = 1 << 20;
/// Bytes of a block when nothing is agreed (RFC 1350), and at most.
const BLOCKS: (usize, usize) = (512, 1428);
/// How long a client may be silent before it is given up.
const GIVE_UP: Duration = Duration::from_secs(20);
/// How long a client may take for all of a file.
const LONGEST: Duration = Duration::from_secs(300);
/// How long is waited before an acknowledgement is sent again.
const WAIT: Duration = Duration::from_secs(1);

/// Takes a file of at most [`LARGEST`] bytes; `None` when it did not come whole. The last block is not acknowledged:
/// that is for [`acknowledge`], once the file is kept.
///
/// Of what has come, a file takes a place in `room` with its first block: who names somebody else's address sends none.
pub(super) async fn receive<'r>(
    way: &mut Way,
    request: &Request,
    room: &'r Semaphore,
) -> io::Result<Option<(Vec<u8>, u16, SemaphorePermit<'r>)>> {
    let (agreed, size) = agree(request);
    if agreed.iter().any(|(name, length)| *name == "tsize" && *length > LARGEST as u64) {
        way.send(&wire::error(Refusal::TooLarge)).await?;
        return Ok(None);
    }
    let begun = Instant::now();
    let mut answer = if agreed.is_empty() { wire::acknowledgement(0) } else { wire::options(&agreed) };
    let (mut file, mut ascii) = (Vec::new(), (request.mode == Mode::NetAscii).then(Received::default));
    let (mut number, mut buffer, mut raw, mut place) = (0_u16, Vec::new(), 0, None);
    loop {
        way.send(&answer).await?;
        let heard = Instant::now();
        let mut sent = heard;
        let block = loop {
            match tokio::time::timeout_at(sent + WAIT, way.receive(&mut buffer)).await {
                Err(_) if heard.elapsed() > GIVE_UP => return Ok(None),
                Err(_) => {
                    way.send(&answer).await?;
                    sent = Instant::now();
                    continue;
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(None),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(())) => {}
            }
            match buffer.split_first_chunk::<4>() {
                Some(([0, 3, high, low], block)) if u16::from_be_bytes([*high, *low]) == number.wrapping_add(1) => {
                    break block;
                }
                _ if matches!(Packet::read(&buffer), Ok(Packet::Error { .. })) => return Ok(None),
                // A block that came twice, or nonsense: the timer has the answer sent again, so that it does not
                // multiply.
                _ => {}
            }
        };
        if block.len() > size {
            way.send(&wire::error(Refusal::Malformed)).await?;
            return Ok(None);
        }
        if place.is_none() {
            place = room.try_acquire().ok();
        }
        if place.is_none() || begun.elapsed() > LONGEST {
            way.send(&wire::error(Refusal::Busy)).await?;
            return Ok(None);
        }
        raw += block.len();
        if raw > LARGEST {
            way.send(&wire::error(Refusal::TooLarge)).await?;
            return Ok(None);
        }
        number = number.wrapping_add(1);
        match &mut ascii {
            Some(ascii) => ascii.feed(block, &mut file),
            None => file.extend_from_slice(block),
        }
        if block.len() < size {
            return Ok(place.map(|place| (file, number, place)));
        }
        answer = wire::acknowledgement(number);
    }
}

/// Tells the client that all of it is kept, and once more if it asks.
pub(super) async fn acknowledge(way: &mut Way, number: u16) -> io::Result<()> {
    const LINGER: Duration = Duration::from_secs(3);
    let until = Instant::now() + LINGER;
    let mut buffer = Vec::new();
    loop {
        way.send(&wire::acknowledgement(number)).await?;
        match tokio::time::timeout_at(until, way.receive(&mut buffer)).await {
            Ok(Ok(())) if buffer.starts_with(&[0, 3]) => {}
            _ => return Ok(()),
        }
    }
}

/// What is agreed on: block size and length. A window for what comes in is not offered.
fn agree(request: &Request) -> (Vec<(&'static str, u64)>, usize) {
    let number = |name: &str| {
        let value = request.options.iter().find(|(option, _)| option == name);
        value.and_then(|(_, value)| value.parse::<u64>().ok())
    };
    let (usual, most) = BLOCKS;
    let mut agreed = Vec::new();
    let mut size = usual;
    if let Some(block) = number("blksize").filter(|block| (8..=65_464).contains(block)) {
        size = usize::try_from(block).unwrap_or(usual).min(most);
        agreed.push(("blksize", size as u64));
    }
    if let Some(length) = number("tsize") {
        agreed.push(("tsize", length));
    }
    (agreed, size)
}
