use std::net::IpAddr;
use std::time::Duration;

use super::order::{Act, Attempt, Input, Order, Target, Way};
use super::proof::Fetch;
use crate::brands::Told;
use crate::model::{Mac, Reason, Transport};
use crate::sip::digest::Challenge;

/// One phone that is told once.
#[derive(Debug, Clone)]
pub struct Job {
    order: Order,
    begun: Duration,
    next_attempt: Attempt,
    live: Vec<Live>,
    tried: Vec<Target>,
    refusal: Option<Refusal>,
    state: State,
    fetched: Option<Fetch>,
    /// Whether it fetched what it has already.
    same: bool,
}

#[derive(Debug, Clone)]
struct Live {
    attempt: Attempt,
    target: Target,
    sent: Duration,
    heard: bool,
    /// How often a challenge was answered on this way, and the last nonce.
    answered: u32,
    nonce: Option<String>,
}

#[derive(Debug, Clone)]
enum Refusal {
    Status(u16, String),
    LoginRefused(String),
    LoginWithheld(String),
    LoginUnproven(String, IpAddr),
    SnmpWithheld(IpAddr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Sending,
    /// It was accepted; the fetch must come by then.
    Accepted {
        at: Duration,
        until: Duration,
    },
    Settled,
}

/// A way on which nothing is heard for so long is not waited for alone: the next one is tried beside it.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long a phone has for a restart, on top of the time that it has for a fetch.
const RESTART: Duration = Duration::from_secs(180);
/// Challenges that are answered on one way: the first, and one more when only the nonce was too old.
const MOST_ANSWERS: u32 = 3;

impl Job {
    /// Begins.
    pub fn begin(order: Order, now: Duration) -> (Self, Vec<Act>) {
        let mut job = Self {
            order,
            begun: now,
            next_attempt: 0,
            live: Vec::new(),
            tried: Vec::new(),
            refusal: None,
            state: State::Sending,
            fetched: None,
            same: false,
        };
        let acts = job.go_on(now);
        (job, acts)
    }

    /// The phone.
    pub fn mac(&self) -> Mac {
        self.order.mac
    }

    /// What it is told.
    pub fn told(&self) -> Told {
        self.order.told
    }

    /// Whether the phone has taken the message and is waited for.
    pub fn is_accepted(&self) -> bool {
        matches!(self.state, State::Accepted { .. })
    }

    /// Where the message of this number went, while it is under way.
    pub fn asked(&self, attempt: Attempt) -> Option<Target> {
        self.live.iter().find(|live| live.attempt == attempt).map(|live| live.target)
    }

    /// When it wants to be told that time has passed.
    pub fn next(&self) -> Option<Duration> {
        match self.state {
            State::Accepted { until, .. } => Some(until),
            State::Sending if self.may_go_beside() => self.live.iter().map(|live| live.sent + PATIENCE).max(),
            State::Sending | State::Settled => None,
        }
    }

    /// Something happened.
    pub fn step(&mut self, input: Input, now: Duration) -> Vec<Act> {
        if self.state == State::Settled {
            return Vec::new();
        }
        match input {
            Input::Heard(attempt) => {
                if let Some(live) = self.live.iter_mut().find(|live| live.attempt == attempt) {
                    live.heard = true;
                }
                Vec::new()
            }
            Input::Answered { attempt, status, phrase } => self.answered(attempt, status, phrase, now),
            Input::Challenged { attempt, status, challenge, proven } => {
                self.challenged(attempt, status, (challenge, proven), now)
            }
            Input::Silent(attempt) | Input::Unreachable(attempt) => {
                self.live.retain(|live| live.attempt != attempt);
                self.go_on_if_alone(now)
            }
            Input::Withheld(attempt) => {
                let Some(live) = self.take(attempt) else { return Vec::new() };
                // What it answered by SIP says more.
                self.refusal.get_or_insert(Refusal::SnmpWithheld(live.target.to.ip().to_canonical()));
                self.go_on_if_alone(now)
            }
            Input::Fetched(fetch) => self.fetched(fetch),
            Input::Time => self.time(now),
        }
    }

    fn answered(&mut self, attempt: Attempt, status: u16, phrase: String, now: Duration) -> Vec<Act> {
        let Some(live) = self.take(attempt) else { return Vec::new() };
        if status < 300 {
            return self.accepted(now);
        }
        self.refusal = Some(Refusal::Status(status, phrase));
        // A busy or slow phone may do better on another transport; a refusal is the same on each.
        if matches!(status, 408 | 480 | 500..=599) {
            self.go_on_if_alone(now)
        } else {
            self.refused_here(live.target, now)
        }
    }

    fn accepted(&mut self, now: Duration) -> Vec<Act> {
        if let State::Accepted { .. } = self.state {
            return Vec::new();
        }
        let restart = if self.order.told == Told::Reboot { RESTART } else { Duration::ZERO };
        self.state = State::Accepted { at: now, until: now + self.order.fetches_within + restart };
        self.live.clear();
        // Some fetch first and answer then.
        match self.fetched.take() {
            Some(fetch) => self.fetched(fetch),
            None => Vec::new(),
        }
    }

    fn challenged(
        &mut self,
        attempt: Attempt,
        status: u16,
        (challenge, proven): (Option<Challenge>, bool),
        now: Duration,
    ) -> Vec<Act> {
        let Some(mut live) = self.take(attempt) else { return Vec::new() };
        let Some(challenge) = challenge else {
            self.refusal = Some(Refusal::LoginWithheld(String::new()));
            return self.refused_here(live.target, now);
        };
        let known = self.order.credentials.realms.iter().any(|realm| realm.eq_ignore_ascii_case(&challenge.realm));
        if !known || !self.order.credentials.known {
            // A stranger's realm is a request for a hash to guess a password from.
            self.refusal = Some(Refusal::LoginWithheld(challenge.realm));
            return self.refused_here(live.target, now);
        }
        if live.target.way == Way::Direct && !proven {
            let address = live.target.to.ip().to_canonical();
            self.refusal = Some(Refusal::LoginUnproven(challenge.realm, address));
            return self.refused_here(live.target, now);
        }
        let same = live.nonce.as_ref() == Some(&challenge.nonce);
        if live.answered > 0 && (same || !challenge.stale) || live.answered >= MOST_ANSWERS {
            self.refusal = Some(Refusal::LoginRefused(challenge.realm));
            return self.refused_here(live.target, now);
        }
        live.attempt = self.number();
        live.sent = now;
        live.answered += 1;
        live.nonce = Some(challenge.nonce.clone());
        let act = Act::Send {
            attempt: live.attempt,
            target: live.target,
            login: Some((challenge, status == 407, 1)),
            sequence: live.answered + 1,
        };
        self.live.push(live);
        vec![act]
    }

    /// Whoever is there is not told anything more by another transport; the phone may be at another address.
    fn refused_here(&mut self, target: Target, now: Duration) -> Vec<Act> {
        if target.way == Way::Direct {
            let address = |target: &Target| target.to.ip().to_canonical();
            self.order.targets.retain(|other| other.way != Way::Direct || address(other) != address(&target));
        }
        self.go_on_if_alone(now)
    }

    fn fetched(&mut self, fetch: Fetch) -> Vec<Act> {
        if fetch.at < self.begun {
            return Vec::new();
        }
        if self.order.outdated.as_ref() == Some(&fetch.revision) {
            // What it was told for may be on its way yet.
            self.same = true;
            return Vec::new();
        }
        let by_chance = self.order.habit.expects(fetch.at);
        match self.state {
            State::Accepted { .. } if by_chance => {
                self.fetched = Some(fetch);
                Vec::new()
            }
            State::Accepted { .. } => self.settle_by(&fetch),
            State::Sending => {
                self.fetched = Some(fetch);
                Vec::new()
            }
            State::Settled => Vec::new(),
        }
    }

    fn settle_by(&mut self, fetch: &Fetch) -> Vec<Act> {
        let seconds = fetch.at.saturating_sub(self.begun).as_secs();
        self.settle(match self.order.told {
            Told::Resync => Reason::SipResynced { seconds },
            Told::Reboot => Reason::SipRestarted { seconds },
        })
    }

    fn time(&mut self, now: Duration) -> Vec<Act> {
        match self.state {
            State::Accepted { at, until } if until <= now => {
                let reason = match self.fetched.take() {
                    Some(_) => Reason::SipFetchedByChance,
                    None if self.same => Reason::SipNothingNew,
                    None => Reason::SipNotFetched { seconds: (until - at).as_secs(), hint: self.hint() },
                };
                self.settle(reason)
            }
            State::Sending if self.may_go_beside() && self.live.iter().all(|live| live.sent + PATIENCE <= now) => {
                self.go_on(now)
            }
            _ => Vec::new(),
        }
    }

    /// Whether another way may be tried while one is still open. A phone that is told twice to restart would.
    fn may_go_beside(&self) -> bool {
        let silent = !self.live.is_empty() && self.live.iter().all(|live| !live.heard);
        silent && self.order.told == Told::Resync && !self.order.targets.is_empty()
    }

    fn go_on_if_alone(&mut self, now: Duration) -> Vec<Act> {
        if self.state == State::Sending && self.live.is_empty() { self.go_on(now) } else { Vec::new() }
    }

    /// Tries the next way, or gives up.
    fn go_on(&mut self, now: Duration) -> Vec<Act> {
        // One that fetched since has heard it, though its answer never came: it is not told to restart once more. One
        // that refused to restart has not.
        let may_have_heard = self.order.told == Told::Resync || self.refusal.is_none();
        if let Some(fetch) = self.fetched.take_if(|fetch| may_have_heard && !self.order.habit.expects(fetch.at)) {
            return self.settle_by(&fetch);
        }
        let Some(target) = self.order.targets.pop_front() else {
            return if self.live.is_empty() { self.give_up() } else { Vec::new() };
        };
        let attempt = self.number();
        self.live.push(Live { attempt, target, sent: now, heard: false, answered: 0, nonce: None });
        self.tried.push(target);
        vec![Act::Send { attempt, target, login: None, sequence: 1 }]
    }

    fn give_up(&mut self) -> Vec<Act> {
        let hint = self.hint();
        let reason = match self.refusal.take() {
            Some(Refusal::Status(status, phrase)) => Reason::SipRefused { status, phrase, hint },
            Some(Refusal::LoginRefused(realm)) => Reason::SipLoginRefused { realm },
            Some(Refusal::LoginWithheld(realm)) => Reason::SipLoginWithheld { realm },
            Some(Refusal::LoginUnproven(realm, address)) => Reason::SipLoginUnproven { realm, address },
            Some(Refusal::SnmpWithheld(address)) => Reason::SipSnmpWithheld { address },
            None if self.tried.is_empty() => Reason::SipNoAddress,
            None => Reason::SipNoAnswer { tried: self.tried_in_words(), hint },
        };
        self.settle(reason)
    }

    fn tried_in_words(&self) -> String {
        let word = |target: &Target| {
            let name = match (target.way, target.transport) {
                (Way::Other, _) => return "SNMP".to_owned(),
                (_, Transport::Udp) => "UDP",
                (_, Transport::Tcp) => "TCP",
                (_, Transport::Tls) => "TLS",
            };
            let through = if target.way == Way::Proxy { " at the proxy" } else { "" };
            format!("{name} {}{through}", target.to.port())
        };
        self.tried.iter().map(word).collect::<Vec<_>>().join(", ")
    }

    fn settle(&mut self, reason: Reason) -> Vec<Act> {
        self.state = State::Settled;
        self.live.clear();
        vec![Act::Settle(reason)]
    }

    fn hint(&self) -> String {
        self.order.switch_on.clone().unwrap_or_default()
    }

    fn take(&mut self, attempt: Attempt) -> Option<Live> {
        let at = self.live.iter().position(|live| live.attempt == attempt)?;
        Some(self.live.swap_remove(at))
    }

    fn number(&mut self) -> Attempt {
        self.next_attempt += 1;
        self.next_attempt
    }
}
