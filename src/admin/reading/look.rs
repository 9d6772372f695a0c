//! Reading: from the store to what the API says.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::gather;
use super::roster::Row;
use super::standing::{Standing, advice, remedy};
use crate::admin::speech::{said, say};
use crate::admin::types;
use crate::admin::{Admin, SETUP_CODE};
use crate::config::Network;
use crate::model::settings::{Value, Zone};
use crate::model::{
    BoxAddress, Door, Event, Id, Language, Lease, LeaseState, Mac, Organisation, Reason, Scheme, Timestamp,
    provisioning_url,
};
use crate::store::EventFilter;

/// Events that come with one phone, on its page as in the answer about it.
pub(in crate::admin) const EVENTS_OF_A_PHONE: usize = 50;
/// Most events that are looked through for one answer.
const MOST_EVENTS: usize = 20_000;

/// Every phone, read once for an answer.
pub(in crate::admin) struct Listing {
    rows: Vec<Arc<Row>>,
    addresses: HashMap<Mac, Ipv4Addr>,
    now: Timestamp,
}

impl Listing {
    /// How many phones there are.
    pub(in crate::admin) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The brands of the phones, by folder name.
    pub(in crate::admin) fn brands(&self) -> BTreeSet<&str> {
        self.rows.iter().filter_map(|row| row.brand.as_deref()).collect()
    }
}

/// Which phones are asked for.
#[derive(Debug, Clone, Default)]
pub(in crate::admin) struct PhoneQuery {
    /// Words to look for.
    pub(in crate::admin) words: String,
    /// Only those that stand so.
    pub(in crate::admin) standing: Option<Standing>,
    /// Only those of the brand of this folder name.
    pub(in crate::admin) brand: Option<String>,
    /// Only those of this organisation.
    pub(in crate::admin) organisation: Option<Id>,
    pub(in crate::admin) offset: usize,
    /// Only those behind this one.
    pub(in crate::admin) after: Option<Mac>,
    pub(in crate::admin) limit: usize,
    /// The most urgent ones first, instead of by name.
    pub(in crate::admin) urgent_first: bool,
}

/// Which events are asked for.
#[derive(Debug, Clone, Default)]
pub(in crate::admin) struct EventQuery {
    pub(in crate::admin) mac: Option<Mac>,
    pub(in crate::admin) after: Option<u64>,
    pub(in crate::admin) before: Option<u64>,
    /// First part of the reason's code.
    pub(in crate::admin) kind: Option<String>,
    /// Only those that went so.
    pub(in crate::admin) outcome: Option<String>,
    /// Only what happened there.
    pub(in crate::admin) door: Option<Door>,
    /// Only what this account or token did.
    pub(in crate::admin) by: Option<String>,
    pub(in crate::admin) limit: usize,
}

impl Admin {
    /// Reads all phones.
    pub(in crate::admin) fn listing(&self) -> Listing {
        let now = self.0.clock.now().wall;
        Listing { rows: self.roster(), addresses: gather::addresses(&self.leases_of_all(), now), now }
    }

    /// A page of the list.
    pub(in crate::admin) fn phones(&self, listing: &Listing, query: &PhoneQuery) -> types::Phones {
        let now = listing.now;
        let mut found: Vec<&Arc<Row>> = listing
            .rows
            .iter()
            .filter(|row| query.standing.is_none_or(|standing| row.standing(now) == standing))
            .filter(|row| query.brand.is_none() || query.brand.as_deref() == row.brand.as_deref())
            .filter(|row| query.organisation.is_none_or(|organisation| row.organisation == organisation))
            .filter(|row| row.matches(listing.addresses.get(&row.mac).copied(), &query.words))
            .collect();
        if query.urgent_first {
            found.sort_by_key(|row| row.standing(now));
        }
        let matching = found.len();
        let behind = match query.after {
            None => 0,
            // One that is gone has nothing behind it: the offset beyond the end says so.
            Some(mac) => found.iter().position(|row| row.mac == mac).map_or(usize::MAX, |at| at + 1),
        };
        let offset = query.offset.saturating_add(behind);
        let last = found.get(offset.saturating_add(query.limit).saturating_sub(1));
        let next = last.filter(|_| offset.saturating_add(query.limit) < matching).map(|row| row.mac.to_string());
        let organisations = self.0.store.organisations();
        let names: HashMap<_, _> = organisations.iter().map(|o| (o.id, o.name.clone())).collect();
        let groups = organisations.iter().flat_map(|o| self.0.store.groups(o.id));
        let groups: HashMap<_, _> = groups.map(|group| (group.id, group.name)).collect();
        let shown = found.into_iter().skip(offset).take(query.limit).filter_map(|row| {
            let phone = self.0.store.phone(row.id)?;
            let journey = self.0.store.journey(phone.mac).unwrap_or_default();
            let organisation = names.get(&phone.organisation).map_or("", String::as_str);
            let address = listing.addresses.get(&phone.mac).copied();
            let group = phone.group.and_then(|id| groups.get(&id)).map(String::as_str);
            Some(gather::phone(&phone, &journey, address, (organisation, group), (now, self.1)))
        });
        types::Phones { phones: shown.collect(), matching, offset, next }
    }

    /// One phone, with its newest events.
    pub(in crate::admin) fn phone(&self, mac: Mac, events: usize) -> Option<types::Phone> {
        let phone = self.0.store.phone_by_mac(mac)?;
        let now = self.0.clock.now().wall;
        let journey = self.0.store.journey(mac).unwrap_or_default();
        let address = gather::addresses(&self.leases_of_all(), now).get(&mac).copied();
        let organisation = self.0.store.organisation(phone.organisation);
        let name = organisation.as_ref().map_or("", |o| o.name.as_str());
        let group = phone.group.and_then(|id| self.0.store.group(id)).map(|group| group.name);
        let mut shown = gather::phone(&phone, &journey, address, (name, group.as_deref()), (now, self.1));
        let of = |mac| self.events(&EventQuery { mac: Some(mac), limit: events, ..EventQuery::default() });
        shown.events = of(mac);
        // What happened to the devices that stood in its place before is its history, too.
        for former in if events > 0 { self.former(phone.id) } else { Vec::new() } {
            shown.events.extend(of(former));
        }
        shown.events.sort_by_key(|event| std::cmp::Reverse(event.sequence));
        shown.events.truncate(events);
        Some(shown)
    }

    /// What people call the phone with this address, if it is on the list.
    pub(in crate::admin) fn phone_name(&self, mac: Mac) -> Option<String> {
        self.0.store.phone_by_mac(mac).map(|phone| phone.name.clone())
    }

    /// Events, newest first.
    pub(in crate::admin) fn events(&self, query: &EventQuery) -> Vec<types::Event> {
        let narrow = query.before.is_some()
            || query.kind.is_some()
            || query.outcome.is_some()
            || query.door.is_some()
            || query.by.is_some();
        let mut reach = if narrow { MOST_EVENTS } else { query.limit };
        let fitting = loop {
            let found = self.0.store.events(&EventFilter { mac: query.mac, after: query.after, limit: reach });
            let all = found.len() < reach || reach >= MOST_EVENTS;
            let fitting: Vec<(u64, Event)> = found
                .into_iter()
                .filter_map(|(sequence, event)| Some((sequence, self.shown(event)?)))
                .filter(|(sequence, _)| query.before.is_none_or(|before| *sequence < before))
                .filter(|(_, event)| query.door.is_none_or(|door| event.door == door))
                .filter(|(_, event)| query.by.is_none() || event.by == query.by)
                .filter(|(_, event)| {
                    query.kind.as_ref().is_none_or(|kind| event.reason.code().split('.').next() == Some(kind.as_str()))
                })
                .filter(|(_, event)| {
                    query.outcome.as_ref().is_none_or(|outcome| gather::outcome(event.reason.outcome()) == outcome)
                })
                .take(query.limit)
                .collect();
            if all || fitting.len() >= query.limit {
                break fitting;
            }
            // Some of them are not shown to everybody: then it takes older ones.
            reach = reach.saturating_mul(4).min(MOST_EVENTS);
        };
        let mut names: HashMap<Mac, Option<String>> = HashMap::new();
        let named = |(sequence, event): (u64, Event)| {
            let name = event.mac.and_then(|mac| names.entry(mac).or_insert_with(|| self.phone_name(mac)).clone());
            gather::event(sequence, &event, name, self.1)
        };
        fitting.into_iter().map(named).collect()
    }

    /// What of an event whoever is answered may see, if anything. Who did what is for administrators: others see what was
    /// done to phones, and not by whom or from where.
    pub(in crate::admin) fn shown(&self, event: Event) -> Option<Event> {
        if self.shows_all() || event.door != Door::Admin {
            return Some(event);
        }
        event.mac.is_some().then_some(Event { by: None, address: None, ..event })
    }

    /// Leases of all networks.
    pub(in crate::admin) fn leases(&self) -> Vec<types::Lease> {
        let now = self.0.clock.now().wall;
        let networks = self.0.facts.networks.iter();
        networks
            .flat_map(|network| {
                self.0.store.leases(&network.name).into_iter().map(|lease| (network.name.as_str(), lease))
            })
            .map(|(network, lease)| gather::lease(network, &lease, self.phone_name(lease.mac), now))
            .collect()
    }

    fn leases_of_all(&self) -> Vec<Lease> {
        self.0.facts.networks.iter().flat_map(|network| self.0.store.leases(&network.name)).collect()
    }

    /// The organisations, each with the number of its phones.
    pub(in crate::admin) fn organisations(&self) -> Vec<types::Organisation> {
        let mut phones: HashMap<Id, usize> = HashMap::new();
        for row in self.roster() {
            *phones.entry(row.organisation).or_default() += 1;
        }
        let shown = |organisation: &Arc<Organisation>| types::Organisation {
            id: organisation.id.to_string(),
            version: organisation.version,
            name: organisation.name.clone(),
            policy: organisation.policy,
            login_user: organisation.login.user.clone(),
            phones: phones.get(&organisation.id).copied().unwrap_or_default(),
        };
        self.0.store.organisations().iter().map(shown).collect()
    }

    /// The organisation of that name or id; the first that was made when none is named.
    pub(in crate::admin) fn organisation(&self, name: Option<&str>) -> Option<Arc<Organisation>> {
        let all = self.0.store.organisations();
        match name {
            None => all.into_iter().min_by_key(|organisation| organisation.id),
            Some(name) => all.into_iter().find(|o| o.name.eq_ignore_ascii_case(name) || o.id.to_string() == name),
        }
    }

    /// The time zone of the branch: the one that is set for the first organisation of the box.
    pub(in crate::admin) fn zone(&self) -> Option<Zone> {
        let organisation = self.organisation(None)?;
        organisation.settings.get("regional.time_zone").and_then(Value::as_text).and_then(Zone::named)
    }

    /// The certificate authority, with its root certificate when `pem` is asked for.
    pub(in crate::admin) fn authority(&self, pem: bool) -> types::Authority {
        let authority = &self.0.facts.authority;
        types::Authority {
            fingerprint: authority.fingerprint.clone(),
            words: authority.words.clone(),
            not_before: authority.not_before.to_string(),
            not_after: authority.not_after.to_string(),
            pem: pem.then(|| authority.pem.clone()),
        }
    }

    /// How the box is. The setup code is told only to callers on the box.
    pub(in crate::admin) fn status(&self, listing: &Listing, local: bool) -> types::Status {
        let now = self.0.clock.now();
        let facts = &self.0.facts;
        let addresses = (facts.addresses)();
        let networks: Vec<types::Network> = facts
            .networks
            .iter()
            .map(|network| {
                let own = addresses.iter().find_map(|a| match a {
                    std::net::IpAddr::V4(v4) if network.subnet.contains(v4) => Some(*v4),
                    _ => None,
                });
                self.network(network, own, now.wall)
            })
            .collect();
        let alarms = self.0.store.alarms().into_iter().chain(self.0.facts.dhcp.alarms());
        let appliance = self.0.appliance.is_there();
        let alarms: Vec<types::Alarm> = alarms.map(|reason| alarm(&reason, self.1, appliance)).collect();
        let phones = gather::count(listing.rows.iter().map(|row| row.standing(listing.now)));
        let (health, says) = health(phones, &alarms, self.1);
        types::Status {
            name: facts.name.clone(),
            version: facts.version.clone(),
            uptime_seconds: now.monotonic.as_secs(),
            time: now.wall.to_string(),
            time_trusted: now.trusted,
            zone: self.zone().map(|zone| zone.name().to_owned()),
            claimed: self.is_claimed(),
            setup_code: self
                .0
                .store
                .secret(SETUP_CODE)
                .filter(|_| local && !self.is_claimed())
                .map(|code| code.expose().to_owned()),
            health,
            says,
            alarms,
            addresses: addresses.iter().map(ToString::to_string).collect(),
            networks,
            phones,
            authority: self.authority(false),
        }
    }

    pub(in crate::admin) fn network(&self, network: &Network, own: Option<Ipv4Addr>, now: Timestamp) -> types::Network {
        let held = |lease: &&Lease| lease.state == LeaseState::Bound && lease.expires > now;
        let leases = self.0.store.leases(&network.name);
        let in_pool =
            |lease: &&Lease| network.dhcp.pool.is_some_and(|pool| (pool.first..=pool.last).contains(&lease.address));
        let leases = leases.iter().filter(held).filter(in_pool).count();
        let says = match self.0.facts.dhcp.view(&network.name).and_then(|view| view.standing) {
            Some(standing) if standing.conduct.gives_addresses() => standing.reason.sentence_in(self.1),
            Some(standing) => format!("{} {}", standing.reason.sentence_in(self.1), self.how_phones_find_us(own)),
            None => self.how_phones_find_us(own),
        };
        let dhcp = network.dhcp.mode.name();
        types::Network {
            name: network.name.clone(),
            interface: network.interface.clone(),
            subnet: network.subnet.to_string(),
            dhcp: dhcp.to_owned(),
            says,
            pool_size: network.dhcp.pool.map_or(0, |pool| pool.size()),
            leases: u32::try_from(leases).unwrap_or(u32::MAX),
        }
    }

    /// What must stand in another DHCP server where this box gives no addresses.
    fn how_phones_find_us(&self, own: Option<Ipv4Addr>) -> String {
        let Some(own) = own else {
            return said(self.1, "This box has no address in this network yet: phones cannot find it.").to_owned();
        };
        let ports = self.0.facts.ports;
        let at = BoxAddress { host: own.into(), http: ports.http, https: ports.https };
        let url = provisioning_url(Scheme::Http, &at, "");
        say(self.1, "Phones find it when your DHCP server sends {url} as option 66.", &[("url", &url)])
    }
}

fn alarm(reason: &Reason, language: Language, appliance: bool) -> types::Alarm {
    types::Alarm {
        code: reason.code(),
        says: reason.sentence_in(language),
        advice: advice(reason).map(|advice| said(language, advice).to_owned()),
        remedy: remedy(reason, language, appliance),
    }
}

/// How the box is, in a word and in a sentence.
fn health(phones: types::Counts, alarms: &[types::Alarm], language: Language) -> (types::Health, String) {
    let say = |text: &str, n: usize, m: usize| say(language, text, &[("n", &n), ("m", &m)]);
    if !alarms.is_empty() {
        let says = match alarms.len() {
            1 => say("This box itself has a fault.", 1, 0),
            n => say("This box itself has {n} faults.", n, 0),
        };
        return (types::Health::Fault, says);
    }
    if phones.attention > 0 {
        let says = match phones.attention {
            1 => say("1 phone needs your attention.", 1, 0),
            n => say("{n} phones need your attention.", n, 0),
        };
        return (types::Health::Attention, says);
    }
    let says = match (phones.total, phones.in_service) {
        (0, _) => say("This box is ready. Tell it which phones belong here.", 0, 0),
        (1, 1) => say("All is well: the one phone is in service.", 1, 1),
        (total, served) if total == served => say("All is well: all {n} phones are in service.", total, 0),
        (1, 0) => say("Nothing needs your attention. 1 phone on the list, none in service yet.", 1, 0),
        (total, 0) => say("Nothing needs your attention. {n} phones on the list, none in service yet.", total, 0),
        (total, served) => say("Nothing needs your attention. {n} of {m} phones are in service.", served, total),
    };
    (types::Health::Good, says)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_fits_the_numbers() {
        let counts = |attention, on_the_way, in_service| types::Counts {
            total: attention + on_the_way + in_service,
            attention,
            on_the_way,
            not_seen: 0,
            in_service,
        };
        for (phones, says) in [
            (counts(0, 0, 0), "This box is ready. Tell it which phones belong here."),
            (counts(0, 0, 1), "All is well: the one phone is in service."),
            (counts(0, 0, 12), "All is well: all 12 phones are in service."),
            (counts(0, 3, 9), "Nothing needs your attention. 9 of 12 phones are in service."),
            (counts(0, 1, 0), "Nothing needs your attention. 1 phone on the list, none in service yet."),
            (counts(1, 2, 9), "1 phone needs your attention."),
            (counts(2, 2, 9), "2 phones need your attention."),
        ] {
            assert_eq!(health(phones, &[], Language::English).1, says);
        }
        let full = alarm(&Reason::DiskFull, Language::English, false);
        let (health, _) = health(counts(1, 0, 0), &[full], Language::English);
        assert_eq!(health, types::Health::Fault, "a fault of the box comes first");
    }
}
