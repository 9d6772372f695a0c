//! Where a phone is registered, as its registrar says: a REGISTER without a Contact only asks (RFC 3261 section
//! 10.2.3).

use std::net::SocketAddr;

use super::message::{Parts, around};
use crate::model::Transport;
use crate::sip::address::Uri;
use crate::sip::wire::{Message, Method, list, parameter};

/// The question. It is asked as the phone, and changes nothing.
pub fn bindings(parts: &Parts<'_>) -> Message {
    around(Method::Register, parts)
}

/// Where the phone is registered: of the bindings in an answer, the one that the registrar prefers. Only those count
/// that name an address.
pub fn registered(answer: &Message) -> Option<(SocketAddr, Transport)> {
    let bound = answer.all("Contact").flat_map(list).filter_map(|binding| {
        let uri = Uri::read(binding)?;
        let transport = uri.transport.unwrap_or(if uri.secure { Transport::Tls } else { Transport::Udp });
        let over = parameter(binding, "expires").is_some_and(|left| left == "0");
        let at = uri.socket().filter(|_| !over)?;
        Some((preference(binding), at, transport))
    });
    // Of those that are preferred alike the first.
    bound.reduce(|best, other| if other.0 > best.0 { other } else { best }).map(|(_, at, transport)| (at, transport))
}

/// `q` in thousandths.
fn preference(binding: &str) -> u32 {
    let Some(text) = parameter(binding, "q") else { return 1000 };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = part.chars().chain("000".chars()).take(3).collect();
    let number = |text: &str| text.parse::<u32>().unwrap_or_default();
    number(whole).min(1) * 1000 + number(&digits).min(999)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(contacts: &[&str]) -> Message {
        contacts.iter().fold(Message::response(200, "OK"), |message, contact| message.with("Contact", *contact))
    }

    #[test]
    fn the_preferred_binding_that_names_an_address_counts() {
        let at = |contacts: &[&str]| registered(&answer(contacts)).map(|(at, transport)| (at.to_string(), transport));
        let one = "<sip:201@10.66.0.10:5062;line=x>;expires=300";
        assert_eq!(at(&[one]), Some(("10.66.0.10:5062".into(), Transport::Udp)));
        let both = "<sip:201@10.66.0.10:5062>;q=0.5, \"Desk, 1\" <sip:201@10.66.0.11;transport=tcp>;q=0.75";
        assert_eq!(at(&[both]), Some(("10.66.0.11:5060".into(), Transport::Tcp)));
        assert_eq!(at(&[one, "<sips:201@[fd00::1]>"]), Some(("10.66.0.10:5062".into(), Transport::Udp)), "the first");
        assert_eq!(at(&["<sips:201@[fd00::1]>"]), Some(("[fd00::1]:5061".into(), Transport::Tls)));
        for nothing in [&[][..], &["*"], &["<sip:201@phone.example>"], &["<sip:201@10.66.0.10>;expires=0"]] {
            assert_eq!(at(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn preferences_are_read_in_thousandths() {
        for (text, thousandths) in [
            ("<sip:a@b>", 1000),
            ("<sip:a@b>;q=0.7", 700),
            ("<sip:a@b>;q=1.0", 1000),
            ("<sip:a@b>;q=0", 0),
            ("<sip:a@b>;q=x", 0),
        ] {
            assert_eq!(preference(text), thousandths, "{text}");
        }
    }
}
