//! The HTTP and HTTPS doors: files for phones, and the way to the administrator's page.
//!
//! ```text
//!   listeners ── TLS, bounds of number, size and time ──┬── firmware ── path → image → bytes, as they arrive
//!                                                       ├── provision ── path → who asks? → access → brands → bytes
//!                                                       └── page (plugged in; HTTPS only)
//! ```

mod bounds;
mod conditional;
mod digest;
pub mod dispatch;
pub mod firmware;
pub mod listeners;
mod nonce;
pub mod path;
pub mod provision;
pub mod range;
mod stall;
pub(crate) mod throttle;
mod workers;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};

use crate::model::Mac;

pub use bounds::Limits;
pub use workers::Workers;

/// The body of a response: bytes at hand, or a stream.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// What answers requests. The page is plugged into the listeners as one of these.
pub type Service = Arc<dyn Fn(Request<Incoming>, Peer) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Where it speaks from; IPv4 as such, whatever the socket.
    pub address: IpAddr,
    /// The address of ours that it speaks to.
    pub local: IpAddr,
    /// Whether TLS is in between.
    pub tls: bool,
    /// The MAC that its client certificate proves it to be.
    pub certificate: Option<Mac>,
}

/// A body of bytes at hand.
pub fn body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}
