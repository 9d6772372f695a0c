use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Core, Error, Fault, Input, Parts};
use crate::model::Transport;
use crate::sip::orders::Receiver;
use crate::sip::streams::Streams;
use crate::sip::transaction::{Hop, Outcome};
use crate::sip::udp::Udp;
use crate::sip::wire::{LONGEST, Malformed};
use crate::sys::arp::Arp;
use crate::sys::sockets;

/// Inputs that wait, at most. What comes beyond is dropped, as a full socket buffer does.
const QUEUE: usize = 8192;
/// Inputs that are taken before what they led to is sent.
const BATCH: usize = 256;
/// How often interfaces are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Errors of the datagram socket in a row after which it is opened anew.
const MOST_ERRORS: u32 = 32;

/// Serves SIP until stopped.
///
/// # Errors
/// When a port cannot be had, or the datagram socket fails again and again.
pub async fn serve(parts: Parts, receiver: Arc<Mutex<Receiver>>, stop: CancellationToken) -> Result<(), Error> {
    let mut receiver = receiver.lock().await;
    let udp = Arc::new(Udp::open(parts.settings.listen)?);
    let (sender, mut inputs) = mpsc::channel(QUEUE);
    let streams = Streams::new(sender.clone(), Arc::new(aws_lc_rs::default_provider()))?;
    let mut parts_at_work = JoinSet::new();
    for (at, tls) in [(parts.settings.listen, None), (parts.settings.listen_tls, Some(parts.tls.clone()))] {
        let listener = tokio::net::TcpListener::from_std(sockets::connections(at)?)?;
        parts_at_work.spawn(streams.clone().accept(listener, tls));
    }
    parts_at_work.spawn(hear(udp.clone(), sender.clone()));
    let answers = sender.clone();
    let arp = Arp::open(move |address, mac| {
        // A full queue loses an answer; the phone asks again.
        let _ = answers.try_send(Input::Arp(address, mac));
    });
    let arp = arp
        .inspect_err(|error| tracing::warn!(%error, "claims of phones are checked by the kernel's table alone"))
        .ok();
    let mut news = parts.journal.subscribe();
    let mut altered = parts.store.altered();
    let mut core = Core::new(parts, receiver.board.clone(), udp.port(), arp, sender);
    let mut look = tokio::time::interval(LOOK);
    tracing::info!(port = udp.port(), "speaks SIP");
    loop {
        let next = core.next().unwrap_or(Duration::from_secs(3600));
        let wait = next.saturating_sub(core.now().monotonic);
        tokio::select! {
            Some(input) = inputs.recv() => {
                core.take(input);
                for _ in 0..BATCH {
                    let Ok(input) = inputs.try_recv() else { break };
                    core.take(input);
                }
            }
            Some(order) = receiver.orders.recv() => core.order(order),
            heard = news.recv() => {
                match heard {
                    Ok(live) => core.hear_live(&live),
                    Err(RecvError::Lagged(_)) => core.catch_up(),
                    Err(RecvError::Closed) => return Ok(()),
                }
                for _ in 0..BATCH {
                    match news.try_recv() {
                        Ok(live) => core.hear_live(&live),
                        Err(TryRecvError::Lagged(_)) => core.catch_up(),
                        Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                    }
                }
            }
            altered = altered.recv() => match altered {
                Ok(altered) => core.altered(altered),
                Err(RecvError::Lagged(_)) => core.all_altered(),
                Err(RecvError::Closed) => return Ok(()),
            },
            _ = look.tick() => udp.join(core.surroundings.look()),
            Some(ended) = parts_at_work.join_next() => return Ok(ended??),
            () = sleep_until(Instant::now() + wait) => {}
            () = stop.cancelled() => {
                core.keep_campaigns_at_last().await;
                return Ok(());
            }
        }
        core.due();
        core.show_campaigns();
        while let Some(outcome) = core.out.pop_front() {
            let Outcome::Send { hop, bytes, key } = outcome else { continue };
            if hop.transport != Transport::Udp {
                streams.send(hop, bytes, key);
            } else if let Err(error) = udp.send(&bytes, hop.remote).await {
                tracing::debug!(to = %hop.remote, %error, "sending SIP");
                core.take(Input::Unreachable(key));
            }
        }
    }
}

/// Takes datagrams for as long as it is polled.
async fn hear(udp: Arc<Udp>, inputs: mpsc::Sender<Input>) -> io::Result<()> {
    let mut buffer = vec![0; LONGEST + 1];
    let mut errors = 0;
    loop {
        let datagram = match udp.receive(&mut buffer).await {
            Ok(datagram) => datagram,
            // Any peer can cause one, as by ICMP.
            Err(error) if errors < MOST_ERRORS => {
                errors += 1;
                tracing::debug!(%error, "receiving SIP");
                continue;
            }
            Err(error) => return Err(error),
        };
        errors = 0;
        let hop = Hop { transport: Transport::Udp, remote: datagram.from, interface: datagram.interface };
        let input = match buffer.get(..datagram.length).filter(|bytes| bytes.len() <= LONGEST) {
            Some(bytes) => Input::Bytes { bytes: bytes.to_vec(), hop, to_group: datagram.to_group },
            None => Input::Fault(Fault::Malformed(Malformed::TooLong), datagram.from),
        };
        // A full queue drops, and never holds up the socket.
        let _ = inputs.try_send(input);
    }
}
