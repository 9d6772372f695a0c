//! The TFTP door: a request, what is agreed on for it, and the transfer as the client's acknowledgements lead it.
//!
//! A seed is two octets with the length of the request, the request, two octets with the length of the file, and then
//! an octet for each packet of the client: up to 199 acknowledges the block so many behind the first one on its way,
//! less 2; more repeats the last number that was acknowledged.

use std::collections::{BTreeSet, VecDeque};

use super::bytes::Bytes;
use block66::http::path::Wanted;
use block66::tftp::{HEAD, Meaning, Mode, NetAscii, Packet, Request, Terms, Window};

/// Most blocks of a file.
const MOST_BLOCKS: usize = 400;

/// Checks one transfer.
pub fn hold(input: &[u8]) -> bool {
    let mut rest = Bytes(input);
    let length = usize::from(rest.u16());
    let packet = rest.take(length);
    let read = Packet::read(packet);
    assert_eq!(read, Packet::read(packet), "the same packet reads differently");
    let request = match read {
        Ok(Packet::Read(request) | Packet::Write(request)) => request,
        Ok(Packet::Error { text, .. }) => {
            assert!(text.chars().count() <= 100 && !text.chars().any(char::is_control), "{text:?}");
            return true;
        }
        Ok(Packet::Acknowledged(_)) => return true,
        Err(_) => return false,
    };
    check_request(&request);
    let size = usize::from(rest.u16());
    let terms = Terms::agree(&request, Some(size as u64));
    assert!((8..=16 << 10).contains(&terms.block) && (1..=64).contains(&terms.window), "{terms:?}");
    assert!(terms.window == 1 || terms.block * usize::from(terms.window) <= 64 << 10, "{terms:?}");
    let asked: BTreeSet<&str> = request.options.iter().map(|(name, _)| name.as_str()).collect();
    assert!(terms.agreed.iter().all(|(name, _)| asked.contains(name)), "told what nobody asked for: {terms:?}");
    if request.mode == Mode::NetAscii {
        check_text(packet);
    }
    transfer(&mut rest, &terms, size);
    true
}

fn check_request(request: &Request) {
    let clean = |text: &str| !text.chars().any(char::is_control);
    assert!(!request.name.is_empty() && clean(&request.name), "{request:?}");
    assert!(request.options.len() <= 16, "{request:?}");
    let names: BTreeSet<&str> = request.options.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), request.options.len(), "an option twice: {request:?}");
    // Names go the way that paths of HTTP go: none of them climbs.
    if let Ok(wanted) = Wanted::read(&request.name) {
        let name = wanted.name();
        assert!(!name.starts_with('/') && name.split('/').all(|part| part != ".." && part != "."), "{name}");
    }
}

fn check_text(bytes: &[u8]) {
    let whole = {
        let (mut text, mut out) = (NetAscii::default(), Vec::new());
        text.feed(bytes, &mut out);
        text.finish(&mut out);
        out
    };
    let (mut text, mut out) = (NetAscii::default(), Vec::new());
    for piece in bytes.chunks(3) {
        text.feed(piece, &mut out);
    }
    text.finish(&mut out);
    assert_eq!(whole, out, "a text is another one when it is cut elsewhere");
    assert!(whole.len() <= bytes.len() * 2 + 2);
}

/// Sends a file as the client's acknowledgements say. Whatever they are, no more is on its way than was agreed on, and
/// each packet of the client's is worth one window at most.
fn transfer(client: &mut Bytes<'_>, terms: &Terms, size: usize) {
    let blocks = (size / terms.block + 1).min(MOST_BLOCKS);
    let mut window = Window::new(terms.window);
    let (mut made, mut arrived) = (0_usize, 0_usize);
    let mut spare = VecDeque::new();
    let mut repeats = 0;
    loop {
        while window.room() > 0 && made < blocks {
            made += 1;
            window.push(vec![0; HEAD + terms.block]);
        }
        let numbers: Vec<u16> = window.numbered().map(|(number, _)| number).collect();
        let expected: Vec<u16> =
            (arrived + 1..=made).map(|number| u16::try_from(number).expect("few blocks")).collect();
        assert_eq!(numbers, expected);
        assert!(numbers.len() <= usize::from(terms.window));
        if client.is_empty() || window.is_empty() {
            return;
        }
        let last = u16::try_from(arrived).expect("few blocks");
        let said = match client.u8() {
            ahead @ 0..200 => (last + 1).wrapping_add(u16::from(ahead)).wrapping_sub(2),
            _ => last,
        };
        match window.acknowledged(said, &mut spare) {
            Meaning::Arrived(count) => {
                assert!((1..=numbers.len()).contains(&count));
                assert_eq!(numbers[count - 1], said, "more has arrived than was said");
                arrived += count;
                repeats = 0;
            }
            Meaning::Missing => {
                repeats += 1;
                assert!(repeats == 1 && terms.window > 1, "one acknowledgement sends a window twice");
            }
            Meaning::Nothing => {}
        }
        assert!(spare.iter().all(|block| block.len() == HEAD), "a block that has arrived is kept");
        spare.clear();
    }
}
