//! The time, for phones whose clock starts in 1970: an SNTP server (RFC 4330).

mod budget;
mod reply;

use std::io;

use tokio::net::UdpSocket;

pub use reply::{LENGTH, Source, reply};

use crate::model::Timestamp;
use crate::sys::clock::Clock;
use budget::Budget;

/// The longest datagram that is looked at: a message with the longest authenticator and some extensions.
const LONGEST: usize = 512;
/// Errors in a row after which the socket is given up.
const MOST_ERRORS: u32 = 32;

/// Answers requests on `socket` for as long as it is polled; drop it to stop. The time served is the clock's, and so
/// never below its floor.
///
/// # Errors
/// When the socket fails again and again. A single error, as ICMP brings them, is anybody's doing and ends nothing.
pub async fn serve(socket: UdpSocket, clock: Clock) -> io::Result<()> {
    let mut budget = Budget::default();
    let mut buffer = [0; LONGEST];
    let mut errors = 0;
    let mut at_first: Option<Timestamp> = None;
    loop {
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) if errors < MOST_ERRORS => {
                errors += 1;
                tracing::debug!(%error, "receiving on the time port");
                continue;
            }
            Err(error) => return Err(error),
        };
        errors = 0;
        let received = clock.now();
        if !budget.admits(from.ip(), received.monotonic) {
            continue;
        }
        // Clients may doubt a server whose clock was set more than a day ago (RFC 1305, 3.4.4): one that is kept right
        // is set each minute.
        let set = match received.trusted {
            true => Timestamp::from_secs(received.wall.secs() & !63),
            false => *at_first.get_or_insert(received.wall),
        };
        let source = Source { trusted: received.trusted, set };
        let Some(request) = buffer.get(..length) else { continue };
        if let Some(answer) = reply(request, received.wall, clock.now().wall, &source)
            && let Err(error) = socket.send_to(&answer, from).await
        {
            tracing::debug!(%error, %from, "sending the time");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sys::sockets;

    #[tokio::test]
    async fn serves_the_time_of_the_clock_and_survives_nonsense() {
        let socket = sockets::datagrams("[::]:0".parse().unwrap()).unwrap();
        let port = socket.local_addr().unwrap().port();
        let floor = Timestamp::from_secs(4_000_000_000);
        let server = tokio::spawn(serve(socket, Clock::new(floor)));
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.connect(("127.0.0.1", port)).await.unwrap();
        let mut request = [0; 48];
        for nonsense in [&[][..], &[0x1b], &[0xff; 48], &[0x1b; 47]] {
            client.send(nonsense).await.unwrap();
        }
        request[0] = 0x23;
        client.send(&request).await.unwrap();
        let mut answer = [0; 100];
        let length = tokio::time::timeout(Duration::from_secs(5), client.recv(&mut answer)).await.unwrap().unwrap();
        assert_eq!(length, 48);
        // 4000000000 + 2208988800 - 2^32: the era of 2036.
        let sent = u32::from_be_bytes(answer[40..44].try_into().unwrap());
        assert!((1_914_021_504..1_914_021_534).contains(&sent), "{sent}");
        server.abort();
    }
}
