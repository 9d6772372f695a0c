//! Phones that ask by multicast: checked against the LAN, then answered or left alone.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::requests::{branch, tag};
use super::{Core, Purpose};
use crate::access::{self, Lan};
use crate::brands::{Recognition, SipClaims};
use crate::model::{BoxAddress, Door, Event, LeaseState, Mac, Phone, Reason, Transport};
use crate::pairing::{Adopted, Visit};
use crate::sip::pnp::{self, Ask, Known, Verdict};
use crate::sip::transaction::{Hop, Key};
use crate::sip::wire::Message;
use crate::store::Write;
use crate::sys::neighbours;

/// How long the LAN is asked who has the address that a phone speaks from.
const PATIENCE: Duration = Duration::from_millis(300);
/// Questions that wait for the LAN, at most.
const MOST_WAITING: usize = 8192;
/// How long a question that was answered is not answered again.
const REPEAT: Duration = Duration::from_secs(10);
/// Questions that are remembered as answered.
const MOST_ANSWERED: usize = 8192;

/// Questions that are being looked into, and those that were answered.
#[derive(Debug, Default)]
pub(super) struct Questions {
    waiting: HashMap<Ipv4Addr, Vec<Question>>,
    /// In the order of their deadlines.
    deadlines: VecDeque<(Duration, Ipv4Addr)>,
    answered: HashMap<(IpAddr, String), Duration>,
    order: VecDeque<(Duration, (IpAddr, String))>,
    /// The NOTIFYs that tell each phone its URL, oldest first.
    telling: HashMap<Mac, VecDeque<Key>>,
}

#[derive(Debug)]
pub(in crate::sip) struct Question {
    key: Key,
    message: Message,
    ask: Ask,
    hop: Hop,
}

/// A phone that was told its URL.
#[derive(Debug, Clone)]
pub(super) struct Told {
    mac: Mac,
    url: String,
    to: SocketAddr,
    agent: Option<String>,
    /// Brand and model that it said to be.
    says: Option<(String, Option<String>)>,
}

impl Questions {
    /// Phones are told by so many NOTIFYs at once: whoever asks in a phone's name again and again takes no room from others.
    const MOST_AT_ONCE: usize = 3;

    /// A phone is being told; the oldest NOTIFY to it that is to be given up for that.
    fn begin(&mut self, mac: Mac, key: Key) -> Option<Key> {
        let telling = self.telling.entry(mac).or_default();
        telling.push_back(key);
        if telling.len() > Self::MOST_AT_ONCE { telling.pop_front() } else { None }
    }

    /// A NOTIFY is answered, or given up.
    fn end(&mut self, mac: Mac, key: &Key) {
        if let Some(telling) = self.telling.get_mut(&mac) {
            telling.retain(|other| other != key);
            if telling.is_empty() {
                self.telling.remove(&mac);
            }
        }
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.deadlines.front().map(|(at, _)| *at)
    }

    fn was_answered(&self, question: &(IpAddr, String), now: Duration) -> bool {
        self.answered.get(question).is_some_and(|&at| now < at + REPEAT)
    }

    fn remember(&mut self, question: (IpAddr, String), now: Duration) {
        while self.order.len() >= MOST_ANSWERED || self.order.front().is_some_and(|(at, _)| *at + REPEAT <= now) {
            if let Some((_, old)) = self.order.pop_front() {
                self.answered.remove(&old);
            }
        }
        self.order.push_back((now, question.clone()));
        self.answered.insert(question, now);
    }
}

/// What a phone says of itself, with the hardware address that the LAN knows where it names none.
fn claims(ask: &Ask, otherwise: Option<Mac>) -> SipClaims<'_> {
    SipClaims {
        user_agent: ask.agent.as_deref(),
        vendor: ask.vendor.as_deref(),
        model: ask.model.as_deref(),
        version: ask.version.as_deref(),
        mac: ask.mac.or(otherwise),
    }
}

impl Core {
    /// A phone asks. The LAN is asked first who it is.
    pub(super) fn ask(&mut self, key: Key, message: Message, ask: Ask, hop: Hop) {
        let now = self.now().monotonic;
        let IpAddr::V4(address) = hop.remote.ip().to_canonical() else { return };
        if hop.transport != Transport::Udp {
            return;
        }
        let question = Question { key, message, ask, hop };
        let waiting = self.questions.deadlines.len();
        let asked =
            self.arp.as_ref().zip(self.surroundings.link_to(address)).is_some_and(|(arp, (interface, own))| {
                waiting < MOST_WAITING && arp.ask(interface, own, address).is_ok()
            });
        if !asked {
            let neighbour = neighbours::lookup(address.into());
            return self.resolve(question, neighbour);
        }
        self.questions.waiting.entry(address).or_default().push(question);
        self.questions.deadlines.push_back((now + PATIENCE, address));
    }

    pub(super) fn answered_by_arp(&mut self, address: Ipv4Addr, mac: Mac) {
        for question in self.questions.waiting.remove(&address).unwrap_or_default() {
            self.resolve(question, Some(mac));
        }
    }

    /// Goes on without the LAN's answer where that did not come in time.
    pub(super) fn answer_questions_due(&mut self) {
        let now = self.now().monotonic;
        while let Some(&(at, address)) = self.questions.deadlines.front() {
            if at > now {
                break;
            }
            self.questions.deadlines.pop_front();
            for question in self.questions.waiting.remove(&address).unwrap_or_default() {
                self.resolve(question, None);
            }
        }
    }

    fn resolve(&mut self, question: Question, neighbour: Option<Mac>) {
        let now = self.now();
        let Question { ask, hop, .. } = &question;
        let address = hop.remote.ip().to_canonical();
        let registry = self.parts.registry.clone();
        let recognised = registry.recognise_by_sip(&claims(ask, neighbour));
        let claimed = ask.mac.or_else(|| recognised.as_ref().and_then(|found| found.mac));
        let lease = self.leased_to(address);
        let mac = claimed.or_else(|| match (lease, neighbour) {
            (Some(lease), Some(neighbour)) => Some(lease).filter(|mac| *mac == neighbour),
            (lease, neighbour) => lease.or(neighbour),
        });
        let known = Known {
            mac,
            lan: mac.map_or(Lan::Unknown, |mac| access::lan(mac, lease, neighbour)),
            listed: mac.is_some_and(|mac| self.parts.store.listed(mac).is_some()),
            pairing: recognised.as_ref().is_some_and(|found| found.phone)
                && self.parts.pairing.window(now.wall).is_some(),
        };
        if let Some(mac) = mac.filter(|_| !known.listed && known.lan != Lan::Disagrees) {
            let visit = Visit {
                mac,
                brand: recognised.as_ref().map(|found| found.brand.id.as_str()),
                model: recognised.as_ref().and_then(|found| found.model.as_deref()),
                firmware: recognised.as_ref().and_then(|found| found.firmware.as_deref()),
                address: Some(address),
                in_place: known.lan == Lan::Agrees,
                door: Door::Sip,
                asked: "its URL, by SIP multicast",
            };
            self.parts.pairing.note(&visit, now.wall);
        }
        let event = |reason, mac: Mac| {
            Event::new(now.wall, Door::Sip, reason).about(mac).from_address(address).by_agent(ask.agent.as_deref())
        };
        match pnp::decide(&known) {
            Verdict::Answer(mac) => {
                self.answer_question(&question, mac, recognised.as_ref());
            }
            Verdict::False(mac) => {
                self.parts.journal.record(event(Reason::MacMismatch { claimed: mac, address }, mac));
            }
            Verdict::Adopt(mac) => self.adopt(question, mac),
            Verdict::Waiting(mac) => self.parts.journal.record(event(Reason::PnpWaiting, mac)),
            Verdict::Nobody => tracing::debug!(%address, "asks by SIP multicast, and nothing says who it is"),
        }
    }

    /// Puts a phone on the list while a pairing window is open.
    fn adopt(&self, question: Question, mac: Mac) {
        let (pairing, inputs, wall) = (self.parts.pairing.clone(), self.inputs.clone(), self.now().wall);
        let (journal, agent) = (self.parts.journal.clone(), question.ask.agent.clone());
        let address = question.hop.remote.ip().to_canonical();
        tokio::spawn(async move {
            let put = match pairing.adopt_by_itself(mac, wall).await {
                Ok(Some(Adopted { phone, closed })) => {
                    let event = Event::new(wall, Door::Sip, Reason::Adopted { name: phone.name }).about(mac);
                    let event = event.of(phone.organisation).from_address(address);
                    journal.record(event.by_agent(agent.as_deref()));
                    if closed {
                        journal.record(Event::new(wall, Door::Box, Reason::PairingClosed));
                    }
                    true
                }
                Ok(None) => false,
                Err(error) => {
                    tracing::warn!(%error, %mac, "a phone could not be put on the list");
                    false
                }
            };
            // The part may have ended meanwhile.
            let _ = inputs.send(super::Input::Adopted(Box::new(question), mac, put)).await;
        });
    }

    pub(super) fn adopted(&mut self, question: Question, mac: Mac, put: bool) {
        let now = self.now();
        if !put {
            let event = Event::new(now.wall, Door::Sip, Reason::PnpWaiting).about(mac);
            return self.parts.journal.record(event.from_address(question.hop.remote.ip().to_canonical()));
        }
        let registry = self.parts.registry.clone();
        let recognised = registry.recognise_by_sip(&claims(&question.ask, Some(mac)));
        self.answer_question(&question, mac, recognised.as_ref());
    }

    fn answer_question(&mut self, question: &Question, mac: Mac, recognised: Option<&Recognition<'_>>) {
        let now = self.now().monotonic;
        let Question { key, message, ask, hop } = question;
        let address = hop.remote.ip();
        let Some(local) = self.surroundings.address_towards(address) else { return };
        let phone = self.parts.store.phone_by_mac(mac);
        let tag = tag();
        let branch = branch();
        let url = self.url_for(mac, phone.as_deref(), recognised, local);
        let parts =
            pnp::Parts { tag: &tag, local: SocketAddr::new(local, self.surroundings.port), branch: &branch, url: &url };
        self.answer(key, &pnp::accept(message, &parts));
        // A phone that asks anew what it was just told missed the 200 and not the NOTIFY, which is sent until it answers.
        let asked = (address, ask.call_id.clone());
        if self.questions.was_answered(&asked, now) {
            return;
        }
        self.questions.remember(asked, now);
        let to = ask.tell_at(hop.remote);
        let notify = pnp::tell(message, &ask.event, to, &parts);
        match self.transactions.begin(&notify, Hop { remote: to, ..*hop }, now) {
            Ok((key, send)) => {
                let says = recognised.map(|found| (found.brand.id.clone(), found.model.clone()));
                let told = Told { mac, url, to, agent: ask.agent.clone(), says };
                if let Some(oldest) = self.questions.begin(mac, key.clone()) {
                    self.transactions.forget(&oldest);
                    self.purposes.remove(&oldest);
                }
                self.purposes.insert(key, Purpose::Pnp(Box::new(told)));
                self.out.push_back(send);
            }
            Err(unfit) => tracing::debug!(%unfit, %mac, "a phone cannot be told its URL"),
        }
    }

    fn url_for(&self, mac: Mac, phone: Option<&Phone>, recognised: Option<&Recognition<'_>>, local: IpAddr) -> String {
        let at = BoxAddress { host: local, http: self.parts.http, https: self.parts.https };
        let listed = phone.and_then(|phone| self.parts.registry.brand(phone.brand.as_deref()?));
        let brand = recognised.map(|found| found.brand).or(listed);
        pnp::url(mac, brand, phone.is_some_and(Phone::trusts_us), &at)
    }

    /// Takes over what the phone says of itself. Somebody who changes it in the meantime wins.
    fn learn(&self, phone: &Phone, (brand, model): &(String, Option<String>)) {
        let brand = Some(brand.clone());
        let model = model.clone().or_else(|| phone.model.clone());
        if phone.brand == brand && phone.model == model {
            return;
        }
        let learned = Phone { brand, model, ..phone.clone() };
        drop(self.parts.store.commit(vec![Write::PutPhone { phone: learned, expect: Some(phone.version) }]));
    }

    pub(super) fn pnp_answered(&mut self, key: &Key, told: &Told, status: u16) {
        if status < 200 {
            return;
        }
        self.purposes.remove(key);
        if status >= 300 {
            return self.pnp_not_taken(key, told);
        }
        self.questions.end(told.mac, key);
        // Whoever asked in the phone's name has said 200 as well. By now the box has spoken to that address, so the
        // neighbour table knows who is there, also when the question for it was not answered.
        let in_place = self.is_at(told.mac, told.to.ip());
        if in_place {
            self.remember_contact(told.mac, told.to, Transport::Udp);
        }
        // Whoever asks in a phone's name says anything of it, from its address, too: what is known changes only where the
        // LAN vouches for the address, and an answer came from there.
        if let (Some(phone), Some(says)) = (self.parts.store.phone_by_mac(told.mac), &told.says)
            && (in_place || phone.brand.is_none())
        {
            self.learn(&phone, says);
        }
        self.record_told(told, Reason::PnpAnswered { url: told.url.clone() });
    }

    pub(super) fn pnp_not_taken(&mut self, key: &Key, told: &Told) {
        self.questions.end(told.mac, key);
        self.record_told(told, Reason::PnpNotTaken);
    }

    fn record_told(&self, told: &Told, reason: Reason) {
        let organisation = self.parts.store.listed(told.mac).map(|listed| listed.organisation);
        let event = Event::new(self.now().wall, Door::Sip, reason).about(told.mac).of(organisation);
        self.parts.journal.record(event.from_address(told.to.ip().to_canonical()).by_agent(told.agent.as_deref()));
    }

    /// Whose lease an address is.
    pub(super) fn leased_to(&self, address: IpAddr) -> Option<Mac> {
        let IpAddr::V4(address) = address.to_canonical() else { return None };
        let lease = self.parts.store.lease_by_address(address)?;
        (lease.state == LeaseState::Bound && lease.via.vouches() && lease.expires > self.now().wall)
            .then_some(lease.mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_again_and_again_in_a_phones_name_has_three_notifys() {
        let (mac, other) = (Mac::new([2, 0, 0, 0, 0, 1]), Mac::new([2, 0, 0, 0, 0, 2]));
        let key = |number: u32| Key::Client(number.to_string().into());
        let mut questions = Questions::default();
        assert_eq!([1, 2, 3].map(|number| questions.begin(mac, key(number))), [None, None, None]);
        assert_eq!(questions.begin(mac, key(4)), Some(key(1)), "the oldest is given up");
        assert_eq!(questions.begin(other, key(5)), None);
        questions.end(mac, &key(3));
        assert_eq!(questions.begin(mac, key(6)), None, "one was answered");
        for number in [2, 4, 6] {
            questions.end(mac, &key(number));
        }
        questions.end(other, &key(5));
        assert!(questions.telling.is_empty(), "nothing is kept of phones that were told");
    }
}
