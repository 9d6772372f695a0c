//! Where phones are, and how they are spoken to there.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Core;
use super::tell::fetched;
use crate::access::{self, Lan};
use crate::brands::{Manners, Told};
use crate::config::Network;
use crate::model::settings::Value;
use crate::model::{Door, Event, LeaseState, Mac, Phone, Timestamp, Transport};
use crate::sip::notify::{Habit, Target, Way};
use crate::sip::presence::Evidence;
use crate::store::{EventFilter, Write};
use crate::sys::neighbours;

/// Where a phone listens, as it said itself or as its registrar says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Contact {
    pub(super) at: SocketAddr,
    pub(super) transport: Transport,
}

/// A contact as it is stored. Earlier versions stored also what nothing proved, without this field: those are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    proven: Contact,
}

/// A fetch of a phone's own file with its own login.
#[derive(Debug, Clone, Copy)]
struct Seen {
    address: IpAddr,
    at: Timestamp,
    /// Over HTTPS, where nobody on the way could take part in it.
    secure: bool,
}

impl Seen {
    fn read(event: &Event) -> Option<Self> {
        let address = event.address?.to_canonical();
        Some(Self { address, at: event.last, secure: event.door == Door::Https })
    }
}

/// What is seen of phones' fetches and leases.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) habits: HashMap<Mac, Habit>,
    /// The last fetch of each phone with its own login.
    fetches: HashMap<Mac, Seen>,
    /// Whether `fetches` holds what the journal knew before this part began, too.
    is_read: bool,
    /// Who has which address, as of a moment ago: a campaign asks thousands of times.
    leases: HashMap<Mac, Ipv4Addr>,
    leases_read: Option<Duration>,
}

impl Watched {
    pub(super) fn saw(&mut self, mac: Mac, event: &Event) {
        if let Some(seen) = Seen::read(event) {
            self.fetches.insert(mac, seen);
        }
    }
}

/// What holds for the lines of a phone, inherited settings among it.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// The server of each line; empty where there is none.
    pub(super) servers: Vec<String>,
    /// How each line's messages travel, where that is said.
    transports: Vec<Transport>,
}

/// How long what was read of the leases is good for.
const LEASES_KEPT: Duration = Duration::from_secs(1);

impl Core {
    pub(super) fn accounts(&self, phone: &Phone) -> Accounts {
        let levels = self.parts.store.levels(phone);
        let settings = levels.resolve();
        let inherited = |key| settings.get(key).and_then(Value::as_text);
        let server = inherited("line.server");
        let transport = inherited("line.transport").and_then(|word| match word {
            "udp" => Some(Transport::Udp),
            "tcp" => Some(Transport::Tcp),
            "tls" => Some(Transport::Tls),
            _ => None,
        });
        let of = |own: &str| if own.is_empty() { server.unwrap_or_default().to_owned() } else { own.to_owned() };
        Accounts {
            servers: phone.lines.iter().map(|line| of(&line.server)).collect(),
            transports: phone.lines.iter().filter_map(|line| line.transport.or(transport)).collect(),
        }
    }

    /// The ways to a phone, the best first: where it said to listen or is registered, where its line's messages go, and
    /// where its brand listens; then the proxy.
    pub(super) fn targets(
        &mut self,
        phone: &Phone,
        accounts: &Accounts,
        manners: &Manners,
        told: Told,
        registered: Option<Contact>,
    ) -> Vec<Target> {
        let mut targets: Vec<Target> = Vec::new();
        let mut add = |way, transport, to: SocketAddr| {
            let target = Target { way, transport, to };
            if !targets.contains(&target) {
                targets.push(target);
            }
        };
        let leased = self.address_by_lease(phone.mac);
        if let Some(contact) = self.own_contact(phone.mac, leased).or(registered) {
            add(Way::Direct, contact.transport, contact.at);
        }
        let address = leased.or_else(|| Some(self.last_fetch(phone.mac)?.address));
        if let Some(address) = address {
            let lines = accounts.transports.iter().copied().filter(|transport| *transport != Transport::Udp);
            for transport in lines.chain(manners.transports.iter().copied()) {
                let port = if transport == Transport::Tls { manners.port.saturating_add(1) } else { manners.port };
                add(Way::Direct, transport, SocketAddr::new(address, port));
            }
        }
        if let Some((transport, proxy)) = self.parts.settings.proxy {
            add(Way::Proxy, transport, proxy);
        }
        let otherwise = manners.otherwise.as_ref().is_some_and(|name| self.parts.otherwise.contains_key(name));
        if let Some(address) = address.filter(|_| otherwise && told == Told::Resync) {
            add(Way::Other, Transport::Udp, SocketAddr::new(address, 0));
        }
        targets
    }

    /// Realms in which a line's password is known.
    pub(super) fn realms(&self, accounts: &Accounts, more: &[String]) -> Vec<String> {
        let servers = accounts.servers.iter().filter(|server| !server.is_empty());
        let mut realms: Vec<String> = servers.chain(more).chain(&self.parts.settings.realms).cloned().collect();
        realms.dedup();
        realms
    }

    /// Where the phone said that it listens. An address that is somebody else's by now is not the phone's.
    pub(super) fn own_contact(&mut self, mac: Mac, leased: Option<IpAddr>) -> Option<Contact> {
        let kept: Kept = serde_json::from_value(self.parts.store.setting(&contact_key(mac))?).ok()?;
        let (contact, address) = (kept.proven, kept.proven.at.ip());
        let elsewhere = access::lan(mac, self.leased_to(address), neighbours::lookup(address)) == Lan::Disagrees;
        (!elsewhere && leased.is_none_or(|leased| leased == address)).then_some(contact)
    }

    /// Whether the phone is proven to be at an address at this moment.
    pub(super) fn is_at(&mut self, mac: Mac, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let wall = self.now().wall;
        let fetch = self.last_fetch(mac).filter(|seen| seen.secure && seen.address == address);
        let evidence = Evidence {
            on_link: self.is_on_link(address),
            lease: self.leased_to(address),
            neighbour: neighbours::lookup(address),
            fetched: fetch.map(|seen| wall.since(seen.at)),
        };
        evidence.proves(mac)
    }

    /// Whether an address is of a wire that the box stands on itself.
    pub(super) fn is_on_link(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => self.surroundings.link_to(address).is_some(),
            // Phones are served by IPv6 on our own links alone.
            IpAddr::V6(_) => true,
        }
    }

    /// Keeps where a phone listens. It has to be proven to be there.
    pub(super) fn remember_contact(&self, mac: Mac, at: SocketAddr, transport: Transport) {
        let proven = Contact { at: SocketAddr::new(at.ip().to_canonical(), at.port()), transport };
        let key = contact_key(mac);
        let Ok(value) = serde_json::to_value(Kept { proven }) else { return };
        if self.parts.store.setting(&key).as_ref() != Some(&value) {
            drop(self.parts.store.commit(vec![Write::PutSetting { key, value }]));
        }
    }

    pub(super) fn address_by_lease(&mut self, mac: Mac) -> Option<IpAddr> {
        let now = self.now();
        if self.watched.leases_read.is_none_or(|at| at + LEASES_KEPT <= now.monotonic) {
            let subnets = self.parts.networks.iter().flat_map(Network::subnets);
            let leases = subnets.flat_map(|net| self.parts.store.leases_between(net.network()..=net.broadcast()));
            let bound = leases.filter(|lease| lease.state == LeaseState::Bound && lease.expires > now.wall);
            let mut newest: Vec<_> = bound.map(|lease| (lease.expires, lease.mac, lease.address)).collect();
            newest.sort_unstable();
            self.watched.leases = newest.into_iter().map(|(_, mac, address)| (mac, address)).collect();
            self.watched.leases_read = Some(now.monotonic);
        }
        self.watched.leases.get(&mac).map(|address| IpAddr::V4(*address))
    }

    /// When it last fetched its own file with its own login.
    fn last_fetch(&mut self, mac: Mac) -> Option<Seen> {
        if !self.watched.is_read {
            self.watched.is_read = true;
            let all = EventFilter { mac: None, after: None, limit: usize::MAX };
            let fetches = self.parts.store.pick_events(&all, |_, event| {
                fetched(&event)?;
                event.mac.zip(Seen::read(&event))
            });
            for (mac, seen) in fetches {
                // The newest stand first, and what was seen meanwhile is newer.
                self.watched.fetches.entry(mac).or_insert(seen);
            }
        }
        self.watched.fetches.get(&mac).copied()
    }
}

/// Name of the setting that says where a phone listens.
pub fn contact_key(mac: Mac) -> String {
    format!("sip.contact.{}", mac.plain())
}
