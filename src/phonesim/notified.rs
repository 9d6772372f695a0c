//! The phone's ear for SIP: a NOTIFY outside of any subscription makes it look for its files, or restart.
//!
//! It listens at UDP 5060 from power-on. `check-sync` is what it heeds \[facts: B1.7\]; what it does then depends on
//! `sip.notify_reboot_enable`: 0 restarts only for `;reboot=true`, 1 (as it left the factory) always, 2 never does
//! anything.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use super::Remote;
use super::wire::GLANCE;

/// Listens until the phone is off for good. The calling thread stands where the phone does.
pub(super) fn listen(remote: &Remote) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5060))?;
    socket.set_read_timeout(Some(GLANCE))?;
    let mut buffer = [0; 4096];
    let mut last = String::new();
    while !remote.is_finished() {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let message = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
        let Some((answer, event)) = hear(&message) else { continue };
        // Whether it arrives is the sender's care: it asks again.
        let _ = socket.send_to(answer.as_bytes(), from);
        let branch = field(&message, "Via").unwrap_or_default().to_owned();
        if branch == last {
            continue;
        }
        last = branch;
        remote.note(format!("{from} says by SIP: {event}"));
        if event.starts_with("check-sync") {
            remote.notified(event.contains("reboot=true"));
        }
    }
    Ok(())
}

/// The answer to a NOTIFY (RFC 3261 section 8.2.6), and its event.
fn hear(message: &str) -> Option<(String, String)> {
    if !message.starts_with("NOTIFY sip:") {
        return None;
    }
    let event = field(message, "Event")?.replace(' ', "").to_ascii_lowercase();
    let status = if event.starts_with("check-sync") { "200 OK" } else { "489 Bad Event" };
    let mut answer = format!("SIP/2.0 {status}\r\n");
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let tag = if name == "To" { ";tag=66" } else { "" };
        answer.push_str(&format!("{name}: {}{tag}\r\n", field(message, name)?));
    }
    answer.push_str("Content-Length: 0\r\n\r\n");
    Some((answer, event))
}

fn field<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = message.lines().take_while(|line| !line.is_empty());
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTIFY: &str = "NOTIFY sip:200@10.66.0.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.66.0.1:5060;branch=z9hG4bKa\r\n\
        From: <sip:200@pbx>;tag=1\r\nTo: <sip:200@pbx>\r\nCall-ID: c\r\nCSeq: 1 NOTIFY\r\nEvent: check-sync;reboot=false\r\n\
        Content-Length: 0\r\n\r\n";

    #[test]
    fn answers_what_it_heeds_and_refuses_the_rest() {
        let (answer, event) = hear(NOTIFY).unwrap();
        assert!(
            answer.starts_with("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.66.0.1:5060;branch=z9hG4bKa\r\n"),
            "{answer}"
        );
        assert!(answer.contains("To: <sip:200@pbx>;tag=66\r\n") && event == "check-sync;reboot=false");
        let (answer, _) = hear(&NOTIFY.replace("check-sync", "resync")).unwrap();
        assert!(answer.starts_with("SIP/2.0 489 "), "{answer}");
        assert_eq!(hear("OPTIONS sip:a SIP/2.0\r\n\r\n"), None);
        assert_eq!(hear(&NOTIFY.replace("Event", "Evnet")), None);
    }
}
