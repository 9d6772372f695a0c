//! Phones that are told to fetch again or to restart.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::requests::{branch, tag};
use super::whereabouts::{Accounts, Contact};
use super::{Core, Purpose};
use crate::brands::Told;
use crate::model::{Door, Event, Id, Mac, Phone, Reason, Secret, Transport};
use crate::sip::address::{Host, Uri};
use crate::sip::digest::{Challenge, Login};
use crate::sip::notify::{self, Act, Attempt, Credentials, Fetch, Input, Job, Order, Target, Way};
use crate::sip::orders::{Refusal, Telling};
use crate::sip::pnp::Place;
use crate::sip::transaction::{Hop, Key};
use crate::sip::wire::Message;
use crate::sys::{neighbours, random};

/// A job with what its messages are made of.
pub(super) struct Running {
    job: Job,
    phone: Addressee,
    event: String,
    call_id: String,
    tag: String,
    /// The address that was tried last.
    last: Option<IpAddr>,
    /// Its messages that are under way.
    under_way: Vec<Key>,
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

const MILLISECOND: Duration = Duration::from_millis(1);

/// What of a phone its messages are made of.
pub(super) struct Addressee {
    organisation: Id,
    pub(super) user: String,
    auth_user: String,
    password: Secret,
    pub(super) server: Option<String>,
}

/// What a phone is to be told.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) told: Told,
    /// The revision that it has, when another is to be fetched.
    pub(super) outdated: Option<String>,
    /// Where it is as its registrar says.
    pub(super) registered: Option<Contact>,
}

impl Addressee {
    pub(super) fn of(phone: &Phone, accounts: &Accounts) -> Self {
        let line = phone.lines.first();
        Self {
            organisation: phone.organisation,
            user: line.map_or_else(|| phone.mac.plain(), |line| fit_user(&line.user)),
            auth_user: line
                .map_or_else(String::new, |line| line.auth_user.clone().unwrap_or_else(|| line.user.clone())),
            password: line.map(|line| line.password.clone()).unwrap_or_default(),
            server: accounts.servers.first().cloned().filter(|server| !server.is_empty()),
        }
    }

    /// Whether a registrar would say where it is.
    pub(super) fn may_register(&self) -> bool {
        self.server.is_some() && !self.user.is_empty() && !self.password.is_empty()
    }

    /// Name and value of the field that answers a challenge.
    pub(super) fn answer(
        &self,
        (challenge, proxy, count): &(Challenge, bool, u32),
        (method, uri): (&str, &str),
    ) -> (&'static str, String) {
        let login = Login { user: &self.auth_user, password: &self.password };
        let name = if *proxy { "Proxy-Authorization" } else { "Authorization" };
        (name, challenge.answer(&login, (method, uri), *count, &random::token(12)))
    }
}

/// The user part of a URI: what cannot stand in it is left out.
fn fit_user(user: &str) -> String {
    user.chars().filter(|letter| letter.is_ascii_graphic() && !"@<>;?:\"".contains(*letter)).collect()
}

impl Core {
    /// Begins to tell a phone. `outdated` is the revision that it has, when another is to be fetched.
    pub(super) fn tell(&mut self, mac: Mac, told: Told, outdated: Option<String>) -> Result<(), Refusal> {
        if self.jobs.running.contains_key(&mac) || self.lookups.is_at(mac) {
            return Err(Refusal::Busy(mac));
        }
        let phone = self.parts.store.phone_by_mac(mac).ok_or(Refusal::Unknown(mac))?;
        let says = "Is being told.".to_owned();
        self.board.put(mac, Telling { told, began: self.now().wall, over: false, code: None, says, reason: None });
        let wish = Wish { told, outdated, registered: None };
        if let Some(wish) = self.ask_registrar(&phone, wish) {
            self.begin_job(&phone, wish);
        }
        Ok(())
    }

    pub(super) fn begin_job(&mut self, phone: &Phone, wish: Wish) {
        let Wish { told, outdated, registered } = wish;
        let mac = phone.mac;
        let now = self.now();
        let registry = self.parts.registry.clone();
        let brand = phone.brand.as_deref().and_then(|brand| registry.brand(brand));
        let event = brand.and_then(|brand| brand.event(told, phone.model.as_deref()));
        let Some((brand, event)) = brand.zip(event) else {
            let wanted = if told == Told::Resync { "resync" } else { "reboot" };
            let hint = brand.and_then(|brand| brand.manners().switch_on.clone()).unwrap_or_default();
            self.settled(mac, Some(phone.organisation), None, Reason::SipUnknownEvent { wanted: wanted.into(), hint });
            return;
        };
        let manners = brand.manners();
        let accounts = self.accounts(phone);
        let addressee = Addressee::of(phone, &accounts);
        let order = Order {
            mac,
            told,
            targets: self.targets(phone, &accounts, manners, told, registered).into(),
            credentials: Credentials {
                realms: self.realms(&accounts, &manners.realms),
                known: !addressee.password.is_empty(),
            },
            fetches_within: manners.fetches_within,
            outdated,
            switch_on: manners.switch_on.clone(),
            habit: self.watched.habits.get(&mac).cloned().unwrap_or_default(),
        };
        let (job, acts) = Job::begin(order, now.monotonic);
        let running = Running {
            phone: addressee,
            event: event.to_owned(),
            call_id: random::token(20),
            tag: tag(),
            last: None,
            under_way: Vec::new(),
            scheduled: None,
            otherwise: manners.otherwise.clone(),
            job,
        };
        self.jobs.running.insert(mac, running);
        self.carry_out(mac, acts);
    }

    pub(super) fn step_job(&mut self, mac: Mac, input: Input) {
        let now = self.now().monotonic;
        let Some(running) = self.jobs.running.get_mut(&mac) else { return };
        let before = running.job.is_accepted();
        let acts = running.job.step(input, now);
        if !before && running.job.is_accepted() {
            let under_way = std::mem::take(&mut running.under_way);
            self.forget(under_way);
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
                    let mut running = self.jobs.remove(mac);
                    let under_way = running.as_mut().map(|running| std::mem::take(&mut running.under_way));
                    self.forget(under_way.unwrap_or_default());
                    let organisation = running.as_ref().map(|running| running.phone.organisation);
                    self.settled(mac, organisation, running.and_then(|running| running.last), reason);
                }
            }
        }
        self.jobs.reschedule(mac);
    }

    /// Sends messages no more that have no answer yet: nothing that comes of them has to do with what the phone is told
    /// next.
    fn forget(&mut self, under_way: Vec<Key>) {
        for key in under_way {
            if self.purposes.remove(&key).is_some() {
                self.transactions.forget(&key);
            }
        }
    }

    pub(super) fn settled(&mut self, mac: Mac, organisation: Option<Id>, address: Option<IpAddr>, reason: Reason) {
        self.board.change(mac, |telling| {
            telling.over = true;
            telling.code = Some(reason.code());
            telling.says = reason.sentence();
            telling.reason = Some(reason.clone());
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
                if let Some(running) = self.jobs.running.get_mut(&mac) {
                    running.under_way.push(key.clone());
                }
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
        // What is sent holds the login of all gateways, or what it can be guessed from.
        if !self.is_at(mac, target.to.ip()) {
            let nobody = self.is_on_link(target.to.ip()) && neighbours::lookup(target.to.ip()).is_none();
            let input = if nobody { Input::Unreachable(attempt) } else { Input::Withheld(attempt) };
            return self.step_job(mac, input);
        }
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
                let asked = self.jobs.running.get(&mac).and_then(|running| running.job.asked(attempt));
                let proven = asked.is_some_and(|target| self.is_at(mac, target.to.ip()));
                Input::Challenged { attempt, status, challenge: Challenge::choose(message.all(name)), proven }
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
        let now = self.now();
        // It was recorded before it is heard of here, at a time in whole milliseconds: what came before a phone was told
        // proves nothing.
        let at = (now.monotonic + MILLISECOND).saturating_sub(now.wall.since(event.last)).min(now.monotonic);
        self.watched.saw(mac, event);
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
        let uri = match target.way {
            Way::Proxy => format!("sip:{user}@{server}"),
            Way::Direct | Way::Other => format!("sip:{user}@{place}{transport}"),
        };
        let of_record = format!("sip:{user}@{server}");
        let answer = login.map(|login| self.phone.answer(login, ("NOTIFY", &uri)));
        let parts = notify::Parts {
            uri: &uri,
            from: &of_record,
            to: &of_record,
            tag: &self.tag,
            call_id: &self.call_id,
            sequence,
            branch: &branch(),
            local,
            transport: target.transport,
            login: answer.as_ref().map(|(name, value)| (*name, value.as_str())),
        };
        notify::notify(&self.event, &parts)
    }
}

/// A server as it stands in a URI; `None` when it cannot.
pub(super) fn bare_host(server: &str) -> Option<String> {
    match Uri::read(&format!("sip:{server}"))?.host {
        Host::Name(name) => Some(name),
        Host::Address(IpAddr::V6(address)) => Some(format!("[{address}]")),
        Host::Address(address) => Some(address.to_string()),
    }
}
