//! Phones that are told to fetch again or to restart.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::requests::{branch, tag};
use super::{Core, Purpose};
use crate::brands::{Manners, Told};
use crate::model::{Door, Event, LeaseState, Mac, Phone, Reason, Secret, Transport};
use crate::sip::address::{Host, Uri};
use crate::sip::digest::{Challenge, Login};
use crate::sip::notify::{self, Act, Attempt, Credentials, Fetch, Habit, Input, Job, Order, Target, Way};
use crate::sip::orders::{Refusal, Telling};
use crate::sip::pnp::Place;
use crate::sip::transaction::{Hop, Key};
use crate::sip::wire::Message;
use crate::store::{EventFilter, Write};
use crate::sys::random;

/// A job with what its messages are made of.
pub(super) struct Running {
    job: Job,
    phone: Addressee,
    event: String,
    call_id: String,
    tag: String,
    /// The address that was tried last.
    last: Option<IpAddr>,
    /// When it stands in the schedule.
    scheduled: Option<Duration>,
    /// The other way to tell it.
    otherwise: Option<String>,
}

/// Jobs that run, and when each wants to be looked at.
#[derive(Default)]
pub(super) struct Jobs {
    running: HashMap<Mac, Running>,
    schedule: BTreeSet<(Duration, Mac)>,
}

impl Jobs {
    pub(super) fn next(&self) -> Option<Duration> {
        self.schedule.first().map(|(at, _)| *at)
    }

    fn reschedule(&mut self, mac: Mac) {
        let Some(running) = self.running.get_mut(&mac) else { return };
        let next = running.job.next();
        if running.scheduled == next {
            return;
        }
        if let Some(at) = running.scheduled.take() {
            self.schedule.remove(&(at, mac));
        }
        if let Some(at) = next {
            self.schedule.insert((at, mac));
        }
        running.scheduled = next;
    }

    fn remove(&mut self, mac: Mac) -> Option<Running> {
        let running = self.running.remove(&mac)?;
        if let Some(at) = running.scheduled {
            self.schedule.remove(&(at, mac));
        }
        Some(running)
    }
}

/// What of a phone its messages are made of.
struct Addressee {
    organisation: crate::model::Id,
    user: String,
    auth_user: String,
    password: Secret,
    server: Option<String>,
}

/// Where a phone said that it listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Contact {
    at: SocketAddr,
    transport: Transport,
}

/// What is seen of phones' fetches.
#[derive(Debug, Default)]
pub(super) struct Watched {
    habits: HashMap<Mac, Habit>,
    addresses: HashMap<Mac, IpAddr>,
    /// Who has which address, as of a moment ago: a campaign asks thousands of times.
    leases: HashMap<Mac, Ipv4Addr>,
    leases_read: Option<Duration>,
}

/// How long what was read of the leases is good for.
const LEASES_KEPT: Duration = Duration::from_secs(1);
/// Events that are looked through for the address that a phone last came from.
const LOOK_BACK: usize = 50;

impl Core {
    /// Begins to tell a phone. `outdated` is the revision that it has, when another is to be fetched.
    pub(super) fn tell(&mut self, mac: Mac, told: Told, outdated: Option<String>) -> Result<(), Refusal> {
        if self.jobs.running.contains_key(&mac) {
            return Err(Refusal::Busy(mac));
        }
        let phone = self.parts.store.phone_by_mac(mac).ok_or(Refusal::Unknown(mac))?;
        let now = self.now();
        let says = "Is being told.".to_owned();
        self.board.put(mac, Telling { told, began: now.wall, over: false, code: None, says });
        let registry = self.parts.registry.clone();
        let brand = phone.brand.as_deref().and_then(|brand| registry.brand(brand));
        let event = brand.and_then(|brand| brand.event(told, phone.model.as_deref()));
        let Some((brand, event)) = brand.zip(event) else {
            let wanted = if told == Told::Resync { "resync" } else { "reboot" };
            let hint = brand.and_then(|brand| brand.manners().switch_on.clone()).unwrap_or_default();
            self.settled(mac, Some(phone.organisation), None, Reason::SipUnknownEvent { wanted: wanted.into(), hint });
            return Ok(());
        };
        let manners = brand.manners();
        let line = phone.lines.first();
        let order = Order {
            mac,
            told,
            targets: self.targets(&phone, manners, told).into(),
            credentials: Credentials {
                realms: self.realms(&phone, manners),
                known: line.is_some_and(|line| !line.password.is_empty()),
            },
            fetches_within: manners.fetches_within,
            outdated,
            switch_on: manners.switch_on.clone(),
            habit: self.watched.habits.get(&mac).cloned().unwrap_or_default(),
        };
        let (job, acts) = Job::begin(order, now.monotonic);
        let running = Running {
            phone: Addressee {
                organisation: phone.organisation,
                user: line.map_or_else(|| mac.plain(), |line| line.user.clone()),
                auth_user: line
                    .map_or_else(String::new, |line| line.auth_user.clone().unwrap_or_else(|| line.user.clone())),
                password: line.map(|line| line.password.clone()).unwrap_or_default(),
                server: line.map(|line| line.server.clone()).filter(|server| !server.is_empty()),
            },
            event: event.to_owned(),
            call_id: random::token(20),
            tag: tag(),
            last: None,
            scheduled: None,
            otherwise: manners.otherwise.clone(),
            job,
        };
        self.jobs.running.insert(mac, running);
        self.carry_out(mac, acts);
        Ok(())
    }

    /// The ways to a phone, the best first: where it said to listen, where its line's messages go, and where its brand
    /// listens; then the proxy.
    fn targets(&mut self, phone: &Phone, manners: &Manners, told: Told) -> Vec<Target> {
        let mut targets: Vec<Target> = Vec::new();
        let mut add = |way, transport, to: SocketAddr| {
            let target = Target { way, transport, to };
            if !targets.contains(&target) {
                targets.push(target);
            }
        };
        let leased = self.address_by_lease(phone.mac);
        if let Some(contact) = self.contact(phone.mac) {
            // An address that is somebody else's by now is not the phone's.
            let elsewhere = self.leased_to(contact.at.ip()).is_some_and(|mac| mac != phone.mac);
            if !elsewhere && leased.is_none_or(|leased| leased == contact.at.ip()) {
                add(Way::Direct, contact.transport, contact.at);
            }
        }
        let seen = self.watched.addresses.get(&phone.mac).copied().or_else(|| self.address_by_events(phone.mac));
        if let Some(address) = leased.or(seen) {
            let lines =
                phone.lines.iter().filter_map(|line| line.transport).filter(|transport| *transport != Transport::Udp);
            let transports = lines.chain(manners.transports.iter().copied());
            for transport in transports {
                let port = if transport == Transport::Tls { manners.port.saturating_add(1) } else { manners.port };
                add(Way::Direct, transport, SocketAddr::new(address, port));
            }
        }
        if let Some((transport, proxy)) = self.parts.settings.proxy {
            add(Way::Proxy, transport, proxy);
        }
        let otherwise = manners.otherwise.as_ref().is_some_and(|name| self.parts.otherwise.contains_key(name));
        if let Some(address) = leased.or(seen).filter(|_| otherwise && told == Told::Resync) {
            add(Way::Other, Transport::Udp, SocketAddr::new(address, 0));
        }
        targets
    }

    fn realms(&self, phone: &Phone, manners: &Manners) -> Vec<String> {
        let servers = phone.lines.iter().map(|line| line.server.clone());
        servers.chain(manners.realms.iter().cloned()).chain(self.parts.settings.realms.iter().cloned()).collect()
    }

    fn address_by_lease(&mut self, mac: Mac) -> Option<IpAddr> {
        let now = self.now();
        if self.watched.leases_read.is_none_or(|at| at + LEASES_KEPT <= now.monotonic) {
            let leases = self.parts.networks.iter().flat_map(|network| self.parts.store.leases(&network.name));
            let bound = leases.filter(|lease| lease.state == LeaseState::Bound && lease.expires > now.wall);
            let mut newest: Vec<_> = bound.map(|lease| (lease.expires, lease.mac, lease.address)).collect();
            newest.sort_unstable();
            self.watched.leases = newest.into_iter().map(|(_, mac, address)| (mac, address)).collect();
            self.watched.leases_read = Some(now.monotonic);
        }
        self.watched.leases.get(&mac).map(|address| IpAddr::V4(*address))
    }

    /// The address from which it last fetched its own file with its own login.
    fn address_by_events(&self, mac: Mac) -> Option<IpAddr> {
        let filter = EventFilter { mac: Some(mac), after: None, limit: LOOK_BACK };
        let events = self.parts.store.events(&filter);
        events
            .into_iter()
            .find_map(|(_, event)| fetched(&event).and(event.address))
            .map(|address| address.to_canonical())
    }

    fn contact(&self, mac: Mac) -> Option<Contact> {
        serde_json::from_value(self.parts.store.setting(&contact_key(mac))?).ok()
    }

    pub(super) fn remember_contact(&self, mac: Mac, at: SocketAddr, transport: Transport) {
        let contact = Contact { at: SocketAddr::new(at.ip().to_canonical(), at.port()), transport };
        if self.contact(mac) == Some(contact) {
            return;
        }
        if let Ok(value) = serde_json::to_value(contact) {
            drop(self.parts.store.commit(vec![Write::PutSetting { key: contact_key(mac), value }]));
        }
    }

    pub(super) fn step_job(&mut self, mac: Mac, input: Input) {
        let now = self.now().monotonic;
        let Some(running) = self.jobs.running.get_mut(&mac) else { return };
        let before = running.job.is_accepted();
        let acts = running.job.step(input, now);
        if !before && running.job.is_accepted() {
            self.board.change(mac, |telling| telling.says = "Accepted the message; is waited for.".into());
        }
        self.carry_out(mac, acts);
    }

    pub(super) fn jobs_due(&mut self) {
        let now = self.now().monotonic;
        while let Some(&(at, mac)) = self.jobs.schedule.first() {
            if at > now {
                break;
            }
            self.jobs.schedule.remove(&(at, mac));
            if let Some(running) = self.jobs.running.get_mut(&mac) {
                running.scheduled = None;
            }
            self.step_job(mac, Input::Time);
        }
    }

    fn carry_out(&mut self, mac: Mac, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Send { attempt, target, login, sequence } => self.send(mac, attempt, target, login, sequence),
                Act::Settle(reason) => {
                    let running = self.jobs.remove(mac);
                    let organisation = running.as_ref().map(|running| running.phone.organisation);
                    self.settled(mac, organisation, running.and_then(|running| running.last), reason);
                }
            }
        }
        self.jobs.reschedule(mac);
    }

    fn settled(&mut self, mac: Mac, organisation: Option<crate::model::Id>, address: Option<IpAddr>, reason: Reason) {
        self.board.change(mac, |telling| {
            telling.over = true;
            telling.code = Some(reason.code());
            telling.says = reason.sentence();
        });
        self.campaign_settled(mac, &reason);
        let event = Event::new(self.now().wall, Door::Sip, reason).about(mac).of(organisation).from_address(address);
        self.parts.journal.record(event);
    }

    fn send(
        &mut self,
        mac: Mac,
        attempt: Attempt,
        target: Target,
        login: Option<(Challenge, bool, u32)>,
        sequence: u32,
    ) {
        if target.way == Way::Other {
            return self.tell_otherwise(mac, attempt, target);
        }
        let now = self.now().monotonic;
        let secure = target.transport == Transport::Tls;
        let local = self.surroundings.address_towards(target.to.ip());
        let Some(running) = self.jobs.running.get_mut(&mac) else { return };
        let begun = local.and_then(|local| {
            running.last = (target.way == Way::Direct).then(|| target.to.ip().to_canonical());
            let local = SocketAddr::new(local, self.surroundings.port_of(secure));
            let message = running.message(target, local, login.as_ref(), sequence);
            let hop = Hop { transport: target.transport, remote: target.to, interface: 0 };
            self.transactions.begin(&message, hop, now).ok()
        });
        match begun {
            Some((key, send)) => {
                self.purposes.insert(key, Purpose::Job(mac, attempt));
                self.out.push_back(send);
            }
            None => self.step_job(mac, Input::Unreachable(attempt)),
        }
    }

    fn tell_otherwise(&mut self, mac: Mac, attempt: Attempt, target: Target) {
        let name = self.jobs.running.get(&mac).and_then(|running| running.otherwise.clone());
        let Some(tell) = name.and_then(|name| self.parts.otherwise.get(&name).cloned()) else {
            return self.step_job(mac, Input::Unreachable(attempt));
        };
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            let result = tell(target.to.ip().to_canonical()).await;
            // The part may have ended meanwhile.
            let _ = inputs.send(super::Input::Otherwise(mac, attempt, result)).await;
        });
    }

    pub(super) fn told_otherwise(&mut self, mac: Mac, attempt: Attempt, result: Result<(), String>) {
        let input = match result {
            Ok(()) => Input::Answered { attempt, status: 200, phrase: String::new() },
            Err(error) => {
                tracing::info!(%mac, error, "a phone could not be told otherwise");
                Input::Silent(attempt)
            }
        };
        self.step_job(mac, input);
    }

    pub(super) fn job_answered(&mut self, key: &Key, mac: Mac, attempt: Attempt, message: &Message) {
        let Some(status) = message.status() else { return };
        if status < 200 {
            return self.step_job(mac, Input::Heard(attempt));
        }
        self.purposes.remove(key);
        let input = match (status, &message.start) {
            (401 | 407, _) => {
                let name = if status == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
                Input::Challenged { attempt, status, challenge: Challenge::choose(message.all(name)) }
            }
            (_, crate::sip::wire::Start::Response { phrase, .. }) => {
                let phrase = phrase.chars().take(80).collect();
                Input::Answered { attempt, status, phrase }
            }
            _ => return,
        };
        self.step_job(mac, input);
    }

    /// A phone fetched its own file with its own login.
    pub(super) fn saw_fetch(&mut self, event: &Event, mac: Mac, revision: &str) {
        let at = self.now().monotonic;
        if let Some(address) = event.address {
            self.watched.addresses.insert(mac, address.to_canonical());
        }
        self.step_job(mac, Input::Fetched(Fetch { at, revision: revision.to_owned() }));
        self.watched.habits.entry(mac).or_default().add(at);
    }
}

/// The revision that a phone has after an event that shows it to have fetched its own file with its own login.
pub(super) fn fetched(event: &Event) -> Option<&str> {
    match &event.reason {
        Reason::Success { own_file: true, own_login: true, revision, .. }
        | Reason::NotModified { own_login: true, revision, .. } => Some(revision),
        _ => None,
    }
}

fn contact_key(mac: Mac) -> String {
    format!("sip.contact.{}", mac.plain())
}

impl Running {
    fn message(
        &self,
        target: Target,
        local: SocketAddr,
        login: Option<&(Challenge, bool, u32)>,
        sequence: u32,
    ) -> Message {
        let Addressee { user, server, .. } = &self.phone;
        let place = Place(target.to).to_string();
        let server = server.as_deref().and_then(bare_host).unwrap_or_else(|| local.ip().to_string());
        let transport = match target.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
        };
        let user: String =
            user.chars().filter(|letter| letter.is_ascii_graphic() && !"@<>;?:\"".contains(*letter)).collect();
        let uri = match target.way {
            Way::Proxy => format!("sip:{user}@{server}"),
            Way::Direct | Way::Other => format!("sip:{user}@{place}{transport}"),
        };
        let of_record = format!("sip:{user}@{server}");
        let answer = login.map(|(challenge, proxy, count)| {
            let login = Login { user: &self.phone.auth_user, password: &self.phone.password };
            let name = if *proxy { "Proxy-Authorization" } else { "Authorization" };
            (name, challenge.answer(&login, ("NOTIFY", &uri), *count, &random::token(12)))
        });
        notify::notify(&notify::Parts {
            uri: &uri,
            from: &of_record,
            to: &of_record,
            tag: &self.tag,
            call_id: &self.call_id,
            sequence,
            event: &self.event,
            branch: &branch(),
            local,
            transport: target.transport,
            login: answer.as_ref().map(|(name, value)| (*name, value.as_str())),
        })
    }
}

/// A server as it stands in a URI; `None` when it cannot.
fn bare_host(server: &str) -> Option<String> {
    match Uri::read(&format!("sip:{server}"))?.host {
        Host::Name(name) => Some(name),
        Host::Address(IpAddr::V6(address)) => Some(format!("[{address}]")),
        Host::Address(address) => Some(address.to_string()),
    }
}
