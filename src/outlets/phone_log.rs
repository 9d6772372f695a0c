//! What phones say of themselves by syslog: taken from phones on the list alone, and kept in bounded room.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv6Addr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::UdpSocket;

use super::Outlets;
use super::message::cut;
use crate::model::{Mac, Timestamp};
use crate::sys::sockets;

/// Lines of one phone that are kept.
pub const MOST_LINES: usize = 200;
/// Lines of all phones.
const MOST_OF_ALL: usize = 20_000;
/// Longest line, in bytes.
const LONGEST: usize = 512;
/// Lines that one phone may say in a minute.
const A_MINUTE: u32 = 300;
/// How long to wait for a port that is taken.
const RETRY: Duration = Duration::from_secs(30);

/// A line that a phone said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Its number: later lines have higher ones.
    pub number: u64,
    /// When it came, by the box's clock.
    pub at: String,
    /// Its severity, 0 (worst) to 7, where the phone says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<u8>,
    /// What it said, without control characters.
    pub text: String,
}

/// The lines of all phones.
#[derive(Debug, Default)]
pub(super) struct PhoneLogs {
    phones: BTreeMap<Mac, Lines>,
    all: usize,
    /// The number of the newest line.
    last: u64,
}

#[derive(Debug, Default)]
struct Lines {
    lines: VecDeque<Line>,
    minute: i64,
    in_minute: u32,
}

impl PhoneLogs {
    /// Keeps a line; whether there was room for it.
    fn keep(&mut self, mac: Mac, line: Line, now: Timestamp) -> bool {
        let minute = now.secs() / 60;
        let phone = self.phones.entry(mac).or_default();
        if phone.minute != minute {
            (phone.minute, phone.in_minute) = (minute, 0);
        }
        if phone.in_minute >= A_MINUTE {
            return false;
        }
        phone.in_minute += 1;
        self.last += 1;
        phone.lines.push_back(Line { number: self.last, ..line });
        self.all += 1;
        if phone.lines.len() > MOST_LINES {
            phone.lines.pop_front();
            self.all -= 1;
        }
        if self.all > MOST_OF_ALL
            && let Some(longest) = self.phones.values_mut().max_by_key(|phone| phone.lines.len())
        {
            longest.lines.pop_front();
            self.all -= 1;
        }
        true
    }

    pub(super) fn of(&self, mac: Mac) -> Vec<Line> {
        self.phones.get(&mac).map(|phone| phone.lines.iter().cloned().collect()).unwrap_or_default()
    }
}

/// Takes lines at this port until it is dropped.
pub(super) async fn take(outlets: Outlets, port: u16) {
    loop {
        match sockets::datagrams((Ipv6Addr::UNSPECIFIED, port).into()) {
            Ok(socket) => hear(&outlets, &socket).await,
            Err(error) => tracing::warn!(%error, port, "phones' own syslog cannot be taken"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn hear(outlets: &Outlets, socket: &UdpSocket) {
    let mut buffer = [0; 2048];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok(heard) => heard,
            Err(error) => {
                tracing::warn!(%error, "phones' own syslog");
                return;
            }
        };
        let now = outlets.0.on.clock.now().wall;
        let said = buffer.get(..length).unwrap_or_default();
        let mac = (outlets.0.on.phone_at)(from.ip().to_canonical());
        let kept = mac.is_some_and(|mac| read(said, now).is_some_and(|line| outlets.logs().keep(mac, line, now)));
        let mut counts = outlets.counted();
        *if kept { &mut counts.lines } else { &mut counts.lines_dropped } += 1;
    }
}

/// A line with its severity, of either form of syslog (RFC 3164, RFC 5424) or of none.
fn read(said: &[u8], now: Timestamp) -> Option<Line> {
    let text = String::from_utf8_lossy(said);
    let (severity, rest) = match text.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((priority, rest)) if (1..=3).contains(&priority.len()) => match priority.parse::<u8>() {
            Ok(priority) if priority < 192 => (Some(priority % 8), rest),
            _ => (None, &*text),
        },
        _ => (None, &*text),
    };
    let mut plain: String = rest.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(&mut plain, LONGEST);
    let text = plain.trim().to_owned();
    (!text.is_empty()).then(|| Line { number: 0, at: now.to_string(), severity, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn mac(number: u16) -> Mac {
        let [high, low] = number.to_be_bytes();
        Mac::new([0x80, 0x5e, 0xc0, 0, high, low])
    }

    #[test]
    fn reads_what_phones_send() {
        let line = read(b"<133>Nov 21 14:00:00 SIP[305]: <b>\x1b[31mhello\xff\n\0", NOW).unwrap();
        assert_eq!(line.severity, Some(5));
        assert_eq!(line.text, "Nov 21 14:00:00 SIP[305]: <b> [31mhello\u{fffd}");
        for (said, severity) in [(&b"no priority"[..], None), (b"<999>x", None), (b"<7>x", Some(7)), (b"<>x", None)] {
            assert_eq!(read(said, NOW).unwrap().severity, severity);
        }
        assert_eq!(read(b"<133>\n\0 ", NOW), None);
        assert!(read(&[b'x'; 2048], NOW).unwrap().text.len() <= LONGEST);
    }

    #[test]
    fn room_is_bounded_for_each_and_for_all() {
        let mut logs = PhoneLogs::default();
        let line = |number: usize| Line { number: 0, at: String::new(), severity: None, text: number.to_string() };
        let taken = (0..500).filter(|number| logs.keep(mac(1), line(*number), NOW)).count();
        assert_eq!((taken, logs.of(mac(1)).len()), (A_MINUTE as usize, MOST_LINES));
        assert_eq!(logs.of(mac(1))[0].text, "100");
        for number in 0..400 {
            for of_one in 0..100 {
                assert!(logs.keep(mac(100 + number), line(of_one), NOW));
            }
        }
        assert_eq!(logs.all, MOST_OF_ALL);
        assert_eq!(logs.phones.values().map(|phone| phone.lines.len()).sum::<usize>(), MOST_OF_ALL);
        assert!(!logs.of(mac(499)).is_empty(), "the latest has its lines");
    }
}
