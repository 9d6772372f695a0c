use std::net::Ipv4Addr;

use dhcproto::v4::MessageType;

use super::super::knowledge::{Knowledge, boots_over_network};
use super::super::options::code;
use super::super::reply::{Draft, Reply};
use super::super::request::{Kind, Request};
use super::Engine;
use crate::model::{Event, Lease};

/// What the engine wants done about a request. The reply may leave only when the writes are durable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// What to send.
    pub reply: Option<Reply>,
    /// What to store first, all or nothing.
    pub writes: Vec<LeaseWrite>,
    /// What to put on record.
    pub event: Option<Event>,
    /// An address to be seen unused before the request is handled again.
    pub probe: Option<Ipv4Addr>,
    /// Why there is no reply, where one might be expected.
    pub silence: Option<Silence>,
}

/// A change of the stored leases of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseWrite {
    /// Store this lease under its address.
    Put(Lease),
    /// Forget what is stored of this address.
    Delete(Ipv4Addr),
    /// Store whether the ends of the network's leases are by a trusted clock from now on; see [`Network::dated`].
    ///
    /// [`Network::dated`]: super::Network::dated
    Dated(bool),
}

/// Why a request gets no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// It names another server.
    OtherServer,
    /// It comes from a network that is not served.
    OtherNetwork,
    /// Another server may know the client; we do not.
    NoRecord,
    /// To be refused, which only the sole server of a network may do.
    NotSole,
    /// No address is left.
    PoolExhausted,
    /// It does not say what it wants.
    Unclear,
    /// Nobody is answered here now.
    NotServing,
    /// No new lease is given here now.
    NoNewLeases,
    /// Only recognised phones are answered.
    NotAPhone,
    /// It does not come from where it says.
    Forged,
    /// The sender asks more often than any client needs to.
    TooMany,
    /// It came through a relay that is not configured.
    UnknownRelay,
    /// Another box looks for other servers.
    OtherBox,
}

impl Silence {
    /// The same as the end of a sentence.
    pub fn why(self) -> &'static str {
        match self {
            Self::NotServing => "this box answers nobody here now",
            Self::NoNewLeases => "this box gives no new addresses here now",
            Self::NotAPhone => "only phones are answered here",
            Self::PoolExhausted => "no address is left",
            Self::OtherNetwork | Self::UnknownRelay => "it is not on a network that is served",
            Self::TooMany => "it asks too often",
            Self::OtherServer | Self::NotSole | Self::NoRecord => "another server may know it",
            Self::Unclear | Self::Forged | Self::OtherBox => "it makes no sense",
        }
    }
}

/// What a client would be offered, without any of it being done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The answer: an OFFER, or the ACK of an INFORM; `None` with the reason when there is none.
    pub answer: Result<Reply, Silence>,
    /// The address in it.
    pub address: Option<Ipv4Addr>,
}

impl Decision {
    pub(super) fn silent(why: Silence) -> Self {
        Self { silence: Some(why), ..Self::default() }
    }

    pub(super) fn reply(reply: Reply) -> Self {
        Self { reply: Some(reply), ..Self::default() }
    }

    pub(super) fn with_event(mut self, event: Event) -> Self {
        self.event = Some(event);
        self
    }
}

/// What a client that sends no list of its own is told.
const USUAL: [u8; 5] = [code::SUBNET_MASK, code::ROUTER, code::DNS, code::DOMAIN, code::NTP];

impl Engine {
    pub(super) fn write_offer(
        &self,
        request: &Request,
        knowledge: &Knowledge,
        address: Ipv4Addr,
        seconds: u32,
    ) -> Reply {
        self.write_lease(request, knowledge, address, (MessageType::Offer, seconds))
    }

    pub(super) fn write_ack(&self, request: &Request, knowledge: &Knowledge, address: Ipv4Addr, seconds: u32) -> Reply {
        self.write_lease(request, knowledge, address, (MessageType::Ack, seconds))
    }

    fn write_lease(
        &self,
        request: &Request,
        knowledge: &Knowledge,
        address: Ipv4Addr,
        (kind, seconds): (MessageType, u32),
    ) -> Reply {
        let mut draft = Draft::new(request, kind, address, self.network.server);
        draft.add(code::LEASE_TIME, &seconds.to_be_bytes());
        if kind == MessageType::Ack && request.kind == Kind::Discover {
            draft.add_mark(code::RAPID_COMMIT);
        }
        self.add_parameters(&mut draft, request, knowledge, Some(seconds));
        if kind == MessageType::Offer
            && let Some(marker) = &self.network.marker
        {
            draft.add(code::MARKER, marker);
        }
        draft.finish()
    }

    /// The answer to an INFORM: no address and no lease (RFC 2131 section 4.3.5).
    pub(super) fn write_parameters(&self, request: &Request, knowledge: &Knowledge) -> Reply {
        let mut draft = Draft::new(request, MessageType::Ack, Ipv4Addr::UNSPECIFIED, self.network.server);
        self.add_parameters(&mut draft, request, knowledge, None);
        draft.finish()
    }

    /// The answer to an INFORM beside another server: provisioning options alone.
    pub(super) fn write_provisioning(&self, request: &Request, knowledge: &Knowledge) -> Reply {
        write_provisioning(self.network.server, request, knowledge)
    }

    pub(super) fn write_nak(&self, request: &Request) -> Reply {
        let mut draft = Draft::new(request, MessageType::Nak, Ipv4Addr::UNSPECIFIED, self.network.server);
        draft.add(code::MESSAGE, b"address not available here");
        draft.finish()
    }

    /// Adds what the client asks for, in the order in which it asks (RFC 2132 section 9.8).
    ///
    /// A recognised phone gets its provisioning options whether or not it asks for them: phones read the custom
    /// option number that their settings name, and which one a factory-new phone lists is not known for every
    /// firmware. They are few bytes, which a client that does not know them skips (RFC 2131 section 3.5). Nobody else
    /// gets them even when asking: another device on the LAN may be told by them to boot from here.
    fn add_parameters(&self, draft: &mut Draft<'_>, request: &Request, knowledge: &Knowledge, lease: Option<u32>) {
        let provisioning: &[(u8, Vec<u8>)] = if boots_over_network(request) { &[] } else { &knowledge.options };
        let wanted = if request.requested().is_empty() { &USUAL[..] } else { request.requested() };
        for code in wanted {
            if lease.is_none() && matches!(*code, code::RENEWAL_TIME | code::REBINDING_TIME) {
                continue;
            }
            if let Some((_, value)) = knowledge.custom.iter().find(|(custom, _)| custom == code) {
                draft.add(*code, value);
            } else if let Some((_, value)) = provisioning.iter().find(|(provisioned, _)| provisioned == code) {
                draft.add(*code, value);
            } else if let Some(value) =
                self.network.subnet.parameter(*code, self.network.server, request.mac, lease.unwrap_or_default())
            {
                draft.add(*code, &value);
            }
        }
        // What an administrator sets is sent whether asked for or not: that is why it was set.
        for (code, value) in knowledge.custom.iter().chain(provisioning) {
            draft.add(*code, value);
        }
    }
}

/// An ACK for an INFORM that holds provisioning options and nothing else.
pub(super) fn write_provisioning(server: Ipv4Addr, request: &Request, knowledge: &Knowledge) -> Reply {
    let mut draft = Draft::new(request, MessageType::Ack, Ipv4Addr::UNSPECIFIED, server);
    if !boots_over_network(request) {
        for (code, value) in &knowledge.options {
            draft.add(*code, value);
        }
    }
    draft.finish()
}
