use std::net::Ipv4Addr;
use std::time::Duration;

use super::super::knowledge::Knowledge;
use super::super::options::code;
use super::super::request::Request;
use super::bindings::{Client, Tick};
use crate::model::{Door, Event, Lease, LeaseState, Now, Reason, Via};

/// A request with what is known around it.
pub(super) struct Ask<'a> {
    pub(super) request: &'a Request,
    pub(super) knowledge: &'a Knowledge,
    pub(super) client: Client,
    pub(super) now: Now,
    pub(super) at: Tick,
}

impl Ask<'_> {
    pub(super) fn event(&self, reason: Reason) -> Event {
        let class = self.request.vendor_class().map(String::from_utf8_lossy);
        Event::new(self.now.wall, Door::Dhcp, reason).about(self.request.mac).by_agent(class.as_deref())
    }

    /// How the client reached us; `former` is how it did before, where it has the lease that it asks for.
    pub(super) fn via(&self, former: Option<Via>) -> Via {
        let renews = !self.request.ciaddr.is_unspecified();
        match (self.request.giaddr.is_unspecified(), self.request.circuit()) {
            (false, Some(_)) => Via::Port,
            (false, None) => Via::Unknown,
            // Who renews speaks to us directly, wherever they are (RFC 2131 section 4.3.2).
            (true, _) if renews => former.unwrap_or(Via::Unknown),
            (true, _) => Via::Wire,
        }
    }

    pub(super) fn lease(&self, address: Ipv4Addr, state: LeaseState, seconds_left: u32, via: Via) -> Lease {
        let request = self.request;
        Lease {
            address,
            mac: request.mac,
            client_id: request.client_id().map(<[u8]>::to_vec),
            host_name: request.options.text(code::HOST_NAME, 64),
            vendor_class: request.options.text(code::VENDOR_CLASS, 128),
            state,
            expires: self.now.wall.plus(Duration::from_secs(seconds_left.into())),
            seconds_left,
            via,
        }
    }
}
