//! The phone's ear for SIP: a NOTIFY outside of any subscription makes it look for its files, or restart.
//!
//! It listens at UDP 5060 from power-on. Which events it knows, and what it does then, is its brand's.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use super::Remote;
use super::breed::Call;

/// How long it listens at the most until it looks whether the phone is off: seldom, since thousands of phones may listen.
const ATTENTION: Duration = Duration::from_secs(1);

/// Listens until the phone is off for good. The calling thread stands where the phone does.
pub(super) fn listen(remote: &Remote, knows: fn(&str) -> Option<Call>) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5060))?;
    socket.set_read_timeout(Some(ATTENTION))?;
    let mut buffer = [0; 4096];
    let mut last = String::new();
    while !remote.is_finished() {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let message = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
        let Some((answer, event, call)) = hear(&message, knows) else { continue };
        // Whether it arrives is the sender's care: it asks again.
        let _ = socket.send_to(answer.as_bytes(), from);
        let branch = field(&message, "Via").unwrap_or_default().to_owned();
        if branch == last {
            continue;
        }
        last = branch;
        remote.note(format!("{from} says by SIP: {event}"));
        if let Some(call) = call {
            remote.notified(call);
        }
    }
    Ok(())
}

/// The answer to a NOTIFY (RFC 3261 section 8.2.6), its event, and what that calls for.
fn hear(message: &str, knows: fn(&str) -> Option<Call>) -> Option<(String, String, Option<Call>)> {
    if !message.starts_with("NOTIFY sip:") {
        return None;
    }
    let event = field(message, "Event")?.replace(' ', "").to_ascii_lowercase();
    let call = knows(&event);
    let status = if call.is_some() { "200 OK" } else { "489 Bad Event" };
    let mut answer = format!("SIP/2.0 {status}\r\n");
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let tag = if name == "To" { ";tag=66" } else { "" };
        answer.push_str(&format!("{name}: {}{tag}\r\n", field(message, name)?));
    }
    answer.push_str("Content-Length: 0\r\n\r\n");
    Some((answer, event, call))
}

fn field<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = message.lines().take_while(|line| !line.is_empty());
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phonesim::breed::check_sync;

    const NOTIFY: &str = "NOTIFY sip:200@10.66.0.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.66.0.1:5060;branch=z9hG4bKa\r\n\
        From: <sip:200@pbx>;tag=1\r\nTo: <sip:200@pbx>\r\nCall-ID: c\r\nCSeq: 1 NOTIFY\r\nEvent: check-sync;reboot=false\r\n\
        Content-Length: 0\r\n\r\n";

    #[test]
    fn answers_what_it_heeds_and_refuses_the_rest() {
        let (answer, event, call) = hear(NOTIFY, check_sync).unwrap();
        assert!(
            answer.starts_with("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.66.0.1:5060;branch=z9hG4bKa\r\n"),
            "{answer}"
        );
        assert!(answer.contains("To: <sip:200@pbx>;tag=66\r\n") && event == "check-sync;reboot=false");
        assert_eq!(call, Some(Call::Look));
        let (answer, _, call) = hear(&NOTIFY.replace("check-sync", "resync"), check_sync).unwrap();
        assert!(answer.starts_with("SIP/2.0 489 ") && call.is_none(), "{answer}");
        assert_eq!(hear("OPTIONS sip:a SIP/2.0\r\n\r\n", check_sync), None);
        assert_eq!(hear(&NOTIFY.replace("Event", "Evnet"), check_sync), None);
    }
}
