//! The registrar, asked where a phone is.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use super::requests::{branch, tag};
use super::tell::{Addressee, Wish, bare_host};
use super::whereabouts::Contact;
use super::{Core, Purpose};
use crate::model::{Mac, Phone, Reason, Transport};
use crate::sip::digest::Challenge;
use crate::sip::notify::{self, Parts};
use crate::sip::transaction::{Hop, Key};
use crate::sip::wire::Message;
use crate::sys::random;

/// How long the registrar is waited for: then the phone is told where it is likely to be.
const PATIENCE: Duration = Duration::from_secs(3);
/// Questions of one lookup: without a login, with one, and with a newer nonce.
const MOST_ASKED: u32 = 3;

/// Phones that are looked for at the registrar.
#[derive(Default)]
pub(super) struct Lookups {
    running: HashMap<Mac, Lookup>,
    /// In their order.
    deadlines: VecDeque<(Duration, Mac)>,
}

struct Lookup {
    wish: Wish,
    phone: Addressee,
    realms: Vec<String>,
    call_id: String,
    tag: String,
    asked: u32,
    nonce: Option<String>,
    /// The question that is under way.
    key: Option<Key>,
    until: Duration,
}

impl Lookups {
    pub(super) fn is_at(&self, mac: Mac) -> bool {
        self.running.contains_key(&mac)
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.deadlines.front().map(|(at, _)| *at)
    }
}

impl Core {
    /// Asks the registrar first. The wish comes back where there is none, or the phone itself said where it listens.
    pub(super) fn ask_registrar(&mut self, phone: &Phone, wish: Wish) -> Option<Wish> {
        let mac = phone.mac;
        let leased = self.address_by_lease(mac);
        if self.parts.settings.registrar.is_none() || self.own_contact(mac, leased).is_some() {
            return Some(wish);
        }
        let accounts = self.accounts(phone);
        let addressee = Addressee::of(phone, &accounts);
        if !addressee.may_register() {
            return Some(wish);
        }
        let until = self.now().monotonic + PATIENCE;
        let lookup = Lookup {
            wish,
            phone: addressee,
            realms: self.realms(&accounts, &[]),
            call_id: random::token(20),
            tag: tag(),
            asked: 0,
            nonce: None,
            key: None,
            until,
        };
        self.lookups.running.insert(mac, lookup);
        self.lookups.deadlines.push_back((until, mac));
        if self.query(mac, None) { None } else { self.lookups.running.remove(&mac).map(|lookup| lookup.wish) }
    }

    fn query(&mut self, mac: Mac, login: Option<(Challenge, bool, u32)>) -> bool {
        let now = self.now().monotonic;
        let Some((transport, to)) = self.parts.settings.registrar else { return false };
        let Some(local) = self.surroundings.address_towards(to.ip()) else { return false };
        let local = SocketAddr::new(local, self.surroundings.port_of(transport == Transport::Tls));
        let Some(lookup) = self.lookups.running.get_mut(&mac) else { return false };
        let Some(server) = lookup.phone.server.as_deref().and_then(bare_host) else { return false };
        lookup.asked += 1;
        let (uri, of_record) = (format!("sip:{server}"), format!("sip:{}@{server}", lookup.phone.user));
        let answer = login.map(|login| lookup.phone.answer(&login, ("REGISTER", &uri)));
        let question = notify::bindings(&Parts {
            uri: &uri,
            from: &of_record,
            to: &of_record,
            tag: &lookup.tag,
            call_id: &lookup.call_id,
            sequence: lookup.asked,
            branch: &branch(),
            local,
            transport,
            login: answer.as_ref().map(|(name, value)| (*name, value.as_str())),
        });
        match self.transactions.begin(&question, Hop { transport, remote: to, interface: 0 }, now) {
            Ok((key, send)) => {
                lookup.key = Some(key.clone());
                self.purposes.insert(key, Purpose::Lookup(mac));
                self.out.push_back(send);
                true
            }
            Err(unfit) => {
                tracing::debug!(%unfit, %mac, "the registrar cannot be asked");
                false
            }
        }
    }

    pub(super) fn registrar_answered(&mut self, key: &Key, mac: Mac, message: &Message) {
        let Some(status) = message.status().filter(|status| *status >= 200) else { return };
        self.purposes.remove(key);
        match status {
            200..=299 => {
                let found = notify::registered(message).map(|(at, transport)| Contact { at, transport });
                self.end_lookup(mac, found);
            }
            401 | 407 => {
                let name = if status == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
                let challenge = Challenge::choose(message.all(name));
                let Some(lookup) = self.lookups.running.get_mut(&mac) else { return };
                let answerable = challenge.filter(|challenge| {
                    let new = lookup.nonce.as_ref().is_none_or(|nonce| challenge.stale && *nonce != challenge.nonce);
                    let known = lookup.realms.iter().any(|realm| realm.eq_ignore_ascii_case(&challenge.realm));
                    new && known && lookup.asked < MOST_ASKED
                });
                lookup.nonce = answerable.as_ref().map(|challenge| challenge.nonce.clone());
                let again = answerable.is_some_and(|challenge| self.query(mac, Some((challenge, status == 407, 1))));
                if !again {
                    self.end_lookup(mac, None);
                }
            }
            _ => self.end_lookup(mac, None),
        }
    }

    pub(super) fn end_lookup(&mut self, mac: Mac, registered: Option<Contact>) {
        let Some(lookup) = self.lookups.running.remove(&mac) else { return };
        match self.parts.store.phone_by_mac(mac) {
            Some(phone) => self.begin_job(&phone, Wish { registered, ..lookup.wish }),
            // It was taken off the list meanwhile.
            None => self.settled(mac, None, None, Reason::SipNoAddress),
        }
    }

    pub(super) fn lookups_due(&mut self) {
        let now = self.now().monotonic;
        while let Some(&(at, mac)) = self.lookups.deadlines.front() {
            if at > now {
                break;
            }
            self.lookups.deadlines.pop_front();
            // It may be over, and another one be under way.
            let late = self.lookups.running.get(&mac).filter(|lookup| lookup.until <= now);
            if let Some(key) = late.map(|lookup| lookup.key.clone()) {
                if let Some(key) = key {
                    self.purposes.remove(&key);
                    self.transactions.forget(&key);
                }
                self.end_lookup(mac, None);
            }
        }
    }
}
