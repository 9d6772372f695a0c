use std::net::SocketAddr;

use crate::model::Transport;
use crate::sip::address::via_name;
use crate::sip::pnp::Place;
use crate::sip::wire::{Message, Method};

/// What a request outside of any dialog is made of.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The request line's URI.
    pub uri: &'a str,
    /// Who it is from, as an address of record that the phone trusts.
    pub from: &'a str,
    /// Whom it is for.
    pub to: &'a str,
    /// Tag of From.
    pub tag: &'a str,
    /// Call-ID.
    pub call_id: &'a str,
    /// Number of CSeq: one more each time the same is sent again with a login.
    pub sequence: u32,
    /// Branch of Via.
    pub branch: &'a str,
    /// Our address and port, as the phone reaches them.
    pub local: SocketAddr,
    /// How it travels.
    pub transport: Transport,
    /// Name and value of the field that answers a challenge.
    pub login: Option<(&'a str, &'a str)>,
}

/// The NOTIFY of an event. It carries no body and ends the subscription that it pretends to belong to.
pub fn notify(event: &str, parts: &Parts<'_>) -> Message {
    let transport = match parts.transport {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
        Transport::Tls => ";transport=tls",
    };
    around(Method::Notify, parts)
        .with("Contact", format!("<sip:block66@{}{transport}>", Place(parts.local)))
        .with("Event", event)
        .with("Subscription-State", "terminated")
}

/// What every request outside of a dialog has.
pub(super) fn around(method: Method, parts: &Parts<'_>) -> Message {
    let message = Message::request(method, parts.uri)
        .with(
            "Via",
            format!("SIP/2.0/{} {};branch={};rport", via_name(parts.transport), Place(parts.local), parts.branch),
        )
        .with("Max-Forwards", "70")
        .with("From", format!("<{}>;tag={}", parts.from, parts.tag))
        .with("To", format!("<{}>", parts.to))
        .with("Call-ID", parts.call_id)
        .with("CSeq", format!("{} {method}", parts.sequence));
    match parts.login {
        Some((name, value)) => message.with(name, value),
        None => message,
    }
}
