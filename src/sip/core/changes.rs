//! A change to a phone makes it fetch again.

use std::collections::HashMap;
use std::time::Duration;

use super::Core;
use super::tell::fetched;
use crate::brands::Told;
use crate::journal::Live;
use crate::model::settings::Value;
use crate::model::{Event, Group, Mac, Phone, Reason};
use crate::sip::campaign::Plan;
use crate::sip::orders::Refusal;
use crate::store::Altered;

/// How long after the last change to a phone it is told: changes come in bunches.
const QUIET: Duration = Duration::from_secs(2);
/// How long a phone waits that is changed again and again.
const LONGEST: Duration = Duration::from_secs(20);

/// Phones that are told at once when something changed for them; more of them are told by a campaign.
const FEW: usize = 5;

/// What changed and is waiting to be told.
#[derive(Debug, Default)]
pub(super) struct Changes {
    phones: HashMap<Mac, Change>,
    /// Documents with settings of many phones, and when those are told.
    shared: Vec<Altered>,
    shared_due: Option<Change>,
}

#[derive(Debug, Clone, Copy)]
struct Change {
    first: Duration,
    due: Duration,
}

impl Changes {
    pub(super) fn next(&self) -> Option<Duration> {
        self.phones.values().chain(&self.shared_due).map(|change| change.due).min()
    }

    fn add(&mut self, mac: Mac, now: Duration) {
        self.phones.entry(mac).or_insert(Change { first: now, due: now }).put_off(now);
    }

    fn add_shared(&mut self, altered: Altered, now: Duration) {
        if !self.shared.contains(&altered) {
            self.shared.push(altered);
        }
        self.shared_due.get_or_insert(Change { first: now, due: now }).put_off(now);
    }
}

impl Change {
    fn put_off(&mut self, now: Duration) {
        self.due = (now + QUIET).min(self.first + LONGEST).max(now);
    }
}

impl Core {
    /// News of the journal.
    pub(super) fn hear_live(&mut self, live: &Live) {
        if let Live::Event { sequence, event } = live
            && self.heard.is_news(*sequence, event)
        {
            self.hear(event);
        }
    }

    /// Something was recorded.
    pub(super) fn hear(&mut self, event: &Event) {
        let Some(mac) = event.mac else { return };
        if let Some(revision) = fetched(event) {
            let revision = revision.to_owned();
            self.saw_fetch(event, mac, &revision);
        }
        match event.reason {
            Reason::PhoneChanged | Reason::ProviderConfigured => {
                let now = self.now().monotonic;
                self.changes.add(mac, now);
            }
            Reason::PhoneRemoved => drop(self.changes.phones.remove(&mac)),
            _ => {}
        }
    }

    /// Looks through what was recorded faster than it could be heard.
    pub(super) fn catch_up(&mut self) {
        for event in self.heard.missed(&self.parts.store) {
            self.hear(&event);
        }
    }

    /// Settings were stored that many phones share.
    pub(super) fn altered(&mut self, altered: Altered) {
        let now = self.now().monotonic;
        self.changes.add_shared(altered, now);
    }

    /// Some such news were missed: it may have been any of them.
    pub(super) fn all_altered(&mut self) {
        for organisation in self.parts.store.organisations() {
            self.altered(Altered::Organisation(organisation.id));
        }
    }

    pub(super) fn changes_due(&mut self) {
        let now = self.now().monotonic;
        if self.changes.shared_due.is_some_and(|change| change.due <= now) {
            self.changes.shared_due = None;
            let altered = std::mem::take(&mut self.changes.shared);
            self.tell_sharers(&altered);
        }
        if self.changes.phones.values().all(|change| change.due > now) {
            return;
        }
        // Many that were changed are one bunch, as after an import: those that are due wait for no others.
        let many = self.changes.phones.len() > FEW;
        let waiting = std::mem::take(&mut self.changes.phones);
        let (due, later) = waiting.into_iter().partition(|(_, change)| many || change.due <= now);
        self.changes.phones = later;
        let wants = |mac: &Mac| self.parts.store.phone_by_mac(*mac).is_some_and(|phone| self.wants_to_be_told(&phone));
        let due: HashMap<Mac, Change> = due;
        let due: Vec<Mac> = due.into_keys().filter(wants).collect();
        self.tell_all(due, |core, mac| core.parts.store.journey(mac)?.revision);
    }

    /// Tells the phones whose settings these are.
    fn tell_sharers(&mut self, altered: &[Altered]) {
        let groups: Vec<Group> = altered.iter().filter_map(|altered| self.group_of(*altered)).collect();
        let phones = self.parts.store.phones().into_iter().filter(|phone| {
            let of_organisation = altered.contains(&Altered::Organisation(phone.organisation));
            (of_organisation || groups.iter().any(|group| group.has(phone))) && self.wants_to_be_told(phone)
        });
        let phones: Vec<Mac> = phones.map(|phone| phone.mac).collect();
        self.tell_all(phones, |_, _| None);
    }

    /// Tells phones, many of them at the pace of a campaign: neither they nor the telephone system are asked all at once.
    /// Of few it is known which revision each has, when another is to be fetched.
    fn tell_all(&mut self, phones: Vec<Mac>, outdated: impl Fn(&Self, Mac) -> Option<String>) {
        if phones.len() <= FEW {
            let now = self.now().monotonic;
            for mac in phones {
                let outdated = outdated(self, mac);
                if let Err(Refusal::Busy(_)) = self.tell(mac, Told::Resync, outdated) {
                    self.changes.add(mac, now);
                }
            }
            return;
        }
        let plan = Plan {
            told: Told::Resync,
            phones,
            at_most: Plan::USUAL_AT_MOST,
            per_second: Plan::USUAL_PER_SECOND,
            between: None,
            stop_above: Plan::USUAL_STOP_ABOVE,
        };
        if let Err(refusal) = self.begin_campaign(plan) {
            tracing::warn!(%refusal, "phones whose settings changed are not told");
        }
    }

    fn group_of(&self, altered: Altered) -> Option<Group> {
        match altered {
            Altered::Group(id) => self.parts.store.group(id),
            Altered::Organisation(_) => None,
        }
    }

    /// A phone that never fetched does so soon by itself; and policy may leave changes to the daily look.
    fn wants_to_be_told(&self, phone: &Phone) -> bool {
        let fetched = |mac| self.parts.store.journey(mac).is_some_and(|journey| journey.revision.is_some());
        let policy = || {
            let levels = self.parts.store.levels(phone);
            levels.resolve().get("provisioning.resync_on_change").and_then(Value::as_flag)
        };
        fetched(phone.mac) && self.parts.settings.resync_on_change.or_else(policy).unwrap_or(true)
    }
}
