use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use super::super::request::Request;
use crate::model::{Lease, LeaseState, Mac, Now, Via};

/// Milliseconds on the monotonic clock. Negative for what ended before the process started.
pub(super) type Tick = i64;

/// A span in milliseconds.
pub(super) fn millis(span: Duration) -> Tick {
    Tick::try_from(span.as_millis()).unwrap_or(Tick::MAX)
}

/// By what a client is known (RFC 2131 section 4.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Client {
    /// Its client identifier, as sent. Shared by all that know the client: there may be many of them.
    Identifier(Arc<[u8]>),
    /// Its hardware address: it sent no identifier, or an address is reserved for this hardware.
    Hardware(Mac),
}

impl Client {
    /// By what the sender of a request is known. A reservation names hardware, whatever system runs on it.
    pub(super) fn of(request: &Request, reserved: bool) -> Self {
        match request.client_id() {
            Some(id) if !reserved => Self::Identifier(id.into()),
            _ => Self::Hardware(request.mac),
        }
    }

    /// By what the client of a lease is known.
    pub(super) fn of_lease(lease: &Lease, reserved: bool) -> Self {
        match &lease.client_id {
            Some(id) if !reserved => Self::Identifier(id.as_slice().into()),
            _ => Self::Hardware(lease.mac),
        }
    }
}

/// An address with its last client: of a lease what the engine decides by, and the rest packed away, since there is one
/// of these for each address.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    pub(super) client: Client,
    pub(super) address: Ipv4Addr,
    pub(super) mac: Mac,
    pub(super) state: LeaseState,
    pub(super) via: Via,
    /// When it ends or ended.
    pub(super) ends: Tick,
    /// When it was last written to the store.
    stored: Tick,
    said: Option<Box<Said>>,
}

/// What a client said that no decision depends on.
#[derive(Debug, Clone)]
struct Said {
    /// Its identifier, where it is known by its hardware address all the same.
    client_id: Option<Box<[u8]>>,
    host_name: Option<Box<str>>,
    vendor_class: Option<Box<str>>,
}

impl Binding {
    fn new(client: Client, lease: Lease, ends: Tick, stored: Tick) -> Self {
        let client_id = lease.client_id.filter(|_| matches!(client, Client::Hardware(_)));
        let said = Said {
            client_id: client_id.map(Vec::into_boxed_slice),
            host_name: lease.host_name.map(String::into_boxed_str),
            vendor_class: lease.vendor_class.map(String::into_boxed_str),
        };
        let silent = said.client_id.is_none() && said.host_name.is_none() && said.vendor_class.is_none();
        let said = (!silent).then(|| Box::new(said));
        let Lease { address, mac, state, via, .. } = lease;
        Self { client, address, mac, state, via, ends, stored, said }
    }

    /// The lease with what is left of it at `at`.
    pub(super) fn lease(&self, at: Tick, now: Now) -> Lease {
        let left = self.ends.saturating_sub(at).max(0);
        let said = self.said.as_deref();
        Lease {
            address: self.address,
            mac: self.mac,
            client_id: match &self.client {
                Client::Identifier(id) => Some(id.to_vec()),
                Client::Hardware(_) => said.and_then(|said| said.client_id.as_deref()).map(<[u8]>::to_vec),
            },
            host_name: said.and_then(|said| said.host_name.as_deref()).map(str::to_owned),
            vendor_class: said.and_then(|said| said.vendor_class.as_deref()).map(str::to_owned),
            state: self.state,
            expires: now.wall.plus(Duration::from_millis(left.unsigned_abs())),
            seconds_left: u32::try_from(left / 1000).unwrap_or(u32::MAX),
            via: self.via,
        }
    }
}

/// Milliseconds that a stored lease has left.
///
/// Inside a run the monotonic clock decides. A lease read back has two witnesses: its end by the wall clock, and
/// the seconds it had left when it was last stored. The wall clock is heard when it is trusted now and was trusted
/// when the end was written (`dated`); it may then shorten what was left and never lengthens it. A clock that is
/// not trusted may be years off in either direction: it would end every lease at once, or keep them for ever. Then
/// what was left counts from now; and since leases that are not renewed are stored again every ten minutes
/// ([`Bindings::stale`]), this too comes to an end over many restarts.
fn left(lease: &Lease, now: Now, dated: bool) -> Tick {
    let stored = Tick::from(lease.seconds_left) * 1000;
    let by_wall = lease.expires.millis().saturating_sub(now.wall.millis());
    if now.trusted && dated { by_wall.min(stored) } else { stored }
}

/// Who holds or last held which address. One binding an address, one address a client; ends are found without
/// scanning. A binding lasts beyond its end, so that a client finds its address again, until the address is
/// needed for another.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    by_address: HashMap<Ipv4Addr, Box<Binding>>,
    of_client: HashMap<Client, Ipv4Addr>,
    running: BTreeSet<(Tick, Ipv4Addr)>,
    /// How many of those that run were declined.
    declined: usize,
    by_age: BTreeSet<(Tick, Ipv4Addr)>,
}

impl Bindings {
    /// Takes in a stored lease.
    pub(super) fn load(&mut self, lease: Lease, reserved: bool, at: Tick, now: Now, dated: bool) {
        let ends = at.saturating_add(left(&lease, now, dated));
        let client = Client::of_lease(&lease, reserved);
        // Two leases of one client can only be left over from another configuration: the longer one is its own.
        let other = self.of_client.get(&client).and_then(|address| self.by_address.get(address));
        let yields = other.is_some_and(|other| other.ends >= ends);
        let former = self.of_client.get(&client).copied();
        self.put(Binding::new(client.clone(), lease, ends, at), at);
        if let (true, Some(former)) = (yields, former) {
            self.of_client.insert(client, former);
        }
    }

    /// Writes down a binding; what was known of its address is forgotten.
    pub(super) fn bind(&mut self, client: Client, lease: Lease, ends: Tick, at: Tick) {
        self.put(Binding::new(client, lease, ends, at), at);
    }

    fn put(&mut self, binding: Binding, at: Tick) {
        let address = binding.address;
        self.remove(address);
        if binding.state != LeaseState::Released && binding.ends > at {
            self.running.insert((binding.ends, address));
            self.declined += usize::from(binding.state == LeaseState::Declined);
            self.by_age.insert((binding.stored, address));
        }
        // What was declined belongs to nobody: its client must get another.
        if binding.state != LeaseState::Declined {
            self.of_client.insert(binding.client.clone(), address);
        }
        self.by_address.insert(address, Box::new(binding));
    }

    /// Forgets an address.
    pub(super) fn remove(&mut self, address: Ipv4Addr) -> Option<Box<Binding>> {
        let binding = self.by_address.remove(&address)?;
        if self.running.remove(&(binding.ends, address)) && binding.state == LeaseState::Declined {
            self.declined = self.declined.saturating_sub(1);
        }
        self.by_age.remove(&(binding.stored, address));
        if self.of_client.get(&binding.client) == Some(&address) {
            self.of_client.remove(&binding.client);
        }
        Some(binding)
    }

    /// What is known of an address.
    pub(super) fn at(&self, address: Ipv4Addr) -> Option<&Binding> {
        self.by_address.get(&address).map(Box::as_ref)
    }

    /// The binding of a client, running or over.
    pub(super) fn of(&self, client: &Client) -> Option<&Binding> {
        self.at(*self.of_client.get(client)?)
    }

    /// Whether somebody holds the address now.
    pub(super) fn holds(&self, address: Ipv4Addr) -> bool {
        self.at(address).is_some_and(|binding| self.running.contains(&(binding.ends, address)))
    }

    /// How many addresses somebody holds, or are set aside.
    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    /// Those addresses.
    pub(super) fn held(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.running.iter().map(|(_, address)| *address)
    }

    /// How many addresses are set aside.
    pub(super) fn declined(&self) -> usize {
        self.declined
    }

    /// Every binding, running or over.
    pub(super) fn all(&self) -> impl Iterator<Item = &Binding> {
        self.by_address.values().map(Box::as_ref)
    }

    /// The next binding that is over by `at`. It stays known; tells when it ended.
    pub(super) fn next_over(&mut self, at: Tick) -> Option<(Tick, Ipv4Addr)> {
        let first = *self.running.first().filter(|(ends, _)| *ends <= at)?;
        self.running.remove(&first);
        if self.at(first.1).is_some_and(|binding| binding.state == LeaseState::Declined) {
            self.declined = self.declined.saturating_sub(1);
        }
        Some(first)
    }

    /// A binding that was last stored by `before`, with its seconds left and its end by the wall clock as of now,
    /// for the store. It counts as stored from then on, and is not looked at again once it is over.
    pub(super) fn stale(&mut self, before: Tick, at: Tick, now: Now) -> Option<Lease> {
        let first = *self.by_age.first().filter(|(stored, _)| *stored <= before)?;
        self.by_age.remove(&first);
        let binding = self.by_address.get_mut(&first.1)?;
        binding.stored = at;
        if binding.ends > at {
            self.by_age.insert((at, first.1));
        }
        Some(binding.lease(at, now))
    }

    /// How many addresses are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_address.len()
    }
}
