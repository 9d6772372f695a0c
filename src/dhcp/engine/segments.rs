use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

use super::super::knowledge::Knowledge;
use super::super::options::code;
use super::super::reply::Reply;
use super::super::request::{Kind, Request};
use super::conduct::Conduct;
use super::decision::{Decision, LeaseWrite, Preview, Silence, write_provisioning};
use super::network::Network;
use super::{Engine, budget::Budgets};
use crate::model::{Lease, Mac, Now};

/// The subnets that are served through one interface, each with an engine: those on its wire (a shared network), and
/// those behind relay agents.
#[derive(Debug)]
pub struct Segments {
    server: Ipv4Addr,
    nets: Vec<Ipv4Net>,
    relays: Vec<Ipv4Addr>,
    conduct: Conduct,
    engines: Vec<Engine>,
    budgets: Budgets,
    /// When a client that asked for an address found none last.
    exhausted: Option<Duration>,
}

/// How long an address is missed after the last client found none. Clients ask again every few minutes.
const MISSED: Duration = Duration::from_secs(900);

impl Segments {
    /// Engines that go on from what is stored, one for each of `networks`, the one in which the box is first.
    /// `server` is the box; `nets` are all subnets that are served, with those that have no pool; `relays` are the
    /// agents whose requests count.
    pub fn new(
        server: Ipv4Addr,
        (networks, nets): (&[Network], &[Ipv4Net]),
        relays: &[Ipv4Addr],
        leases: &[Lease],
        now: Now,
    ) -> Self {
        let engines = networks.iter().map(|network| {
            let inside = leases.iter().filter(|lease| network.subnet.net.contains(&lease.address));
            Engine::new(network.clone(), inside.cloned(), now)
        });
        let engines = engines.collect();
        let relays = relays.to_vec();
        Self {
            server,
            nets: nets.to_vec(),
            relays,
            conduct: Conduct::Silent,
            engines,
            budgets: Budgets::default(),
            exhausted: None,
        }
    }

    /// Goes on with the engines of `anew`, made from what is stored. What no store holds stays as it is: the part that
    /// is played, how often each source may still ask, and when an address was missed last.
    pub fn renew(&mut self, anew: Self) {
        self.engines = anew.engines;
        self.conduct(self.conduct);
    }

    /// Says what is done from now on: each time that it was decided, since what clients say of other servers counts only
    /// until then.
    pub fn conduct(&mut self, conduct: Conduct) {
        self.conduct = conduct;
        for engine in &mut self.engines {
            engine.conduct(conduct);
        }
    }

    /// Decides about one request.
    pub fn handle(&mut self, request: &Request, knowledge: &Knowledge, now: Now) -> Decision {
        let decision = self.decide(request, knowledge, now);
        if decision.silence == Some(Silence::PoolExhausted) {
            self.exhausted = Some(now.monotonic);
        }
        decision
    }

    /// Whether clients find no address.
    pub fn is_exhausted(&self, now: Now) -> bool {
        self.exhausted.is_some_and(|last| now.monotonic.saturating_sub(last) < MISSED)
    }

    fn decide(&mut self, request: &Request, knowledge: &Knowledge, now: Now) -> Decision {
        if self.conduct == Conduct::Silent {
            return Decision::silent(Silence::NotServing);
        }
        if let Some(silence) = self.refuses(request) {
            return Decision::silent(silence);
        }
        if !self.budgets.allow(request, knowledge.phone, now.monotonic) {
            return Decision::silent(Silence::TooMany);
        }
        let Some(at) = self.of(request) else { return self.without_engine(request, knowledge) };
        let decision = self.engine(at).map(|engine| engine.handle(request, knowledge, now)).unwrap_or_default();
        if request.kind != Kind::Discover || decision.silence != Some(Silence::PoolExhausted) {
            return decision;
        }
        // The wire has further subnets: one of them may have an address left.
        let others = (0..self.engines.len()).filter(|other| *other != at);
        for other in others.collect::<Vec<_>>() {
            let shares = self.engines.get(other).is_some_and(|engine| engine.network.subnet.on_link);
            if request.link().is_none()
                && shares
                && let Some(engine) = self.engine(other)
            {
                let found = engine.handle(request, knowledge, now);
                if found.silence != Some(Silence::PoolExhausted) {
                    return found;
                }
            }
        }
        decision
    }

    /// What a request would be answered, without anything being done about it.
    pub fn preview(&self, request: &Request, knowledge: &Knowledge, now: Now) -> Preview {
        let silent = |silence| Preview { answer: Err(silence), address: None };
        if self.conduct == Conduct::Silent {
            return silent(Silence::NotServing);
        }
        let Some(engine) = self.of(request).and_then(|at| self.engines.get(at)) else {
            let decision = self.without_engine(request, knowledge);
            return Preview {
                answer: decision.reply.ok_or(decision.silence.unwrap_or(Silence::Unclear)),
                address: None,
            };
        };
        engine.preview(request, knowledge, now)
    }

    /// To be called every few seconds; see [`Engine::tick`].
    pub fn tick(&mut self, now: Now) -> Vec<LeaseWrite> {
        let mut writes: Vec<_> = self.engines.iter_mut().flat_map(|engine| engine.tick(now)).collect();
        // The store vouches for the leases of all subnets or of none: the last engine to be through says it.
        if !self.engines.iter().all(|engine| engine.dated) {
            writes.retain(|write| *write != LeaseWrite::Dated(true));
        }
        writes
    }

    /// See [`Engine::found_unused`].
    pub fn found_unused(&mut self, address: Ipv4Addr) {
        for engine in &mut self.engines {
            engine.found_unused(address);
        }
    }

    /// See [`Engine::found_used`].
    pub fn found_used(&mut self, address: Ipv4Addr, mac: Mac, now: Now) -> Decision {
        let engine = self.engines.iter_mut().find(|engine| engine.network.subnet.net.contains(&address));
        engine.map(|engine| engine.found_used(address, mac, now)).unwrap_or_default()
    }

    /// See [`Engine::heard`].
    pub fn heard(&mut self, address: Ipv4Addr, mac: Mac, now: Now) -> Decision {
        let engine = self.engines.iter_mut().find(|engine| engine.network.subnet.net.contains(&address));
        engine.map(|engine| engine.heard(address, mac, now)).unwrap_or_default()
    }

    /// See [`Engine::abandoned`].
    pub fn abandoned(&self) -> Vec<(Ipv4Addr, Mac)> {
        self.engines.iter().flat_map(Engine::abandoned).collect()
    }

    /// Those leases of another server that can be taken over: of subnets that are served, and none that one which runs
    /// here speaks against.
    pub fn importable(&mut self, mut leases: Vec<Lease>, now: Now) -> Vec<Lease> {
        leases.retain(|lease| {
            let holds = |net: &Ipv4Net| net.contains(&lease.address);
            let engine = self.engines.iter_mut().find(|engine| holds(&engine.network.subnet.net));
            self.nets.iter().any(holds) && engine.is_none_or(|engine| engine.may_import(lease, now))
        });
        leases
    }

    /// Whether any lease that was given still runs.
    pub fn has_leases(&self) -> bool {
        self.engines.iter().any(Engine::has_leases)
    }

    fn engine(&mut self, at: usize) -> Option<&mut Engine> {
        self.engines.get_mut(at)
    }

    fn refuses(&self, request: &Request) -> Option<Silence> {
        if request.options.get(code::MARKER).is_some() && request.kind == Kind::Discover {
            return Some(Silence::OtherBox);
        }
        // Anybody can write an address into a packet: only agents that an administrator named count.
        let relayed = !request.giaddr.is_unspecified();
        (relayed && !self.relays.contains(&request.giaddr)).then_some(Silence::UnknownRelay)
    }

    /// The engine that is to decide: for a relayed request by the relay's subnet; else the one whose subnet holds
    /// the address that the client speaks of, the one that knows the client, or the first.
    fn of(&self, request: &Request) -> Option<usize> {
        let holding =
            |address: Ipv4Addr| self.engines.iter().position(|engine| engine.network.subnet.net.contains(&address));
        if let Some(link) = request.link() {
            return holding(link);
        }
        let named = [Some(request.ciaddr).filter(|address| !address.is_unspecified()), request.requested_address()];
        let on_link = |at: &usize| self.engines.get(*at).is_some_and(|engine| engine.network.subnet.on_link);
        // A client that renews from behind a relay speaks to us directly.
        if let Some(at) = named.into_iter().flatten().find_map(holding).filter(|at| on_link(at) || named[0].is_some()) {
            return Some(at);
        }
        let knowing = self.engines.iter().position(|engine| engine.network.subnet.on_link && engine.knows(request));
        knowing.or_else(|| self.engines.iter().position(|engine| engine.network.subnet.on_link))
    }

    /// A request where there is no pool: an INFORM of a phone is all that can be answered.
    fn without_engine(&self, request: &Request, knowledge: &Knowledge) -> Decision {
        let inside = self.nets.iter().any(|net| net.contains(&request.ciaddr));
        if request.kind == Kind::Inform && !inside {
            return Decision::silent(Silence::OtherNetwork);
        }
        if request.kind == Kind::Inform && knowledge.phone && !knowledge.options.is_empty() {
            let reply: Reply = write_provisioning(self.server, request, knowledge);
            return Decision::reply(reply);
        }
        Decision::silent(if request.kind == Kind::Inform { Silence::NotAPhone } else { Silence::NoNewLeases })
    }
}
