//! The TFTP door: the same files as over HTTP, for phones that speak nothing else. What they leave is taken only where
//! an administrator wants that.
//!
//! RFC 1350 with the options of RFC 2347, 2348 (block size), 2349 (timeout, size) and 7440 (window), in octet and
//! netascii. What a name means and who may have it is decided elsewhere, as for HTTP.

mod netascii;
mod payload;
mod receive;
mod serve;
mod socket;
mod terms;
mod transfer;
mod window;
mod wire;

use std::net::{IpAddr, SocketAddr};

pub use netascii::NetAscii;
pub use payload::Payload;
pub use receive::LARGEST;
pub use serve::{Answer, Ask, Door, Files, Keep, Limits, serve};
pub use socket::bind;
pub use terms::Terms;
pub use window::{HEAD, Meaning, Patience, Window};
pub use wire::{LONGEST_REQUEST, Malformed, Mode, Packet, Refusal, Request, error};

/// An address as a socket of this family names it.
fn as_seen_by(v6: bool, address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(v4) if v6 => (v4.to_ipv6_mapped(), address.port()).into(),
        _ => address,
    }
}
