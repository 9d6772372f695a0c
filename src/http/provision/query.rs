use std::sync::OnceLock;

use hyper::header::{HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use hyper::{HeaderMap, Method};

use super::Provision;
use super::lan::Neighbour;
use super::login::Login;
use crate::access::Channel;
use crate::brands::Recognition;
use crate::http::Peer;
use crate::http::conditional::Condition;
use crate::http::path::{self, Wanted};
use crate::model::{Door, Event, Mac, Now, Reason};

/// A request, taken apart.
pub(super) struct Query<'a> {
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
    /// Path as asked, for the record.
    pub(super) asked: &'a str,
    /// What stood behind the question mark.
    pub(super) parameters: Option<&'a str>,
    pub(super) agent: Option<String>,
    /// What it says it is.
    pub(super) said: Option<Recognition<'a>>,
    /// Who holds its address; looked up when it is first needed.
    pub(super) neighbour: OnceLock<Neighbour>,
    /// What its login is worth; judged, and counted, when it is first needed.
    pub(super) login: OnceLock<Login>,
    pub(super) peer: Peer,
    pub(super) channel: Channel,
    pub(super) now: Now,
}

impl Query<'_> {
    /// The value of a parameter, if it is one that can be read.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        path::parameter(self.parameters?, name)
    }

    /// The door that it has come by.
    pub(super) fn door(&self) -> Door {
        match self.channel {
            Channel::Tls => Door::Https,
            Channel::Plain => Door::Http,
            Channel::Tftp => Door::Tftp,
        }
    }

    /// What the client says about its copy.
    pub(super) fn condition(&self) -> Condition<'_> {
        let text = |name| self.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        Condition { none_match: text(IF_NONE_MATCH), modified_since: text(IF_MODIFIED_SINCE) }
    }
}

impl Provision {
    /// What the LAN knows about whoever asks.
    pub(super) fn whereabouts(&self, query: &Query<'_>) -> Neighbour {
        *query.neighbour.get_or_init(|| self.neighbour(query.peer.address, query.now))
    }

    /// What the login is worth that came for `wanted`.
    pub(super) fn login<'q>(&self, query: &'q Query<'_>, wanted: &Wanted) -> &'q Login {
        query.login.get_or_init(|| {
            self.logins.judge(&self.store, (query.method.as_str(), wanted, query.headers), query.peer, query.now)
        })
    }

    /// An event about this request.
    pub(super) fn event(&self, query: &Query<'_>, mac: Option<Mac>, reason: Reason) -> Event {
        Event::new(query.now.wall, query.door(), reason)
            .about(mac)
            .from_address(query.peer.address)
            .for_file(query.asked)
            .by_agent(query.agent.as_deref())
    }

    /// Records an event about this request.
    pub(super) fn record(&self, query: &Query<'_>, mac: Option<Mac>, reason: Reason) {
        self.journal.record(self.event(query, mac, reason));
    }
}
