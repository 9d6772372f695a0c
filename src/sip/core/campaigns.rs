//! Campaigns: begun, gone on with, and kept.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::Core;
use crate::model::{Door, Event, Id, Mac, Now, Reason};
use crate::sip::campaign::{Campaign, Plan, State};
use crate::sip::orders::Refusal;
use crate::store::{Store, Ticket, Write};
use crate::sys::random;

/// Campaigns that are remembered when they are over, the newest ones.
const MOST_KEPT: usize = 20;
/// How often how far they are is stored while they go on. After a power cut, phones that were over since are told again.
const KEEP: Duration = Duration::from_secs(10);
/// How often it is looked whether a slow disk has stored them.
const GLANCE: Duration = Duration::from_secs(1);
/// How long the box, when it stops, tries to store how far they are, and how long it waits between two tries.
const LAST: Duration = Duration::from_secs(3);
const LAST_AGAIN: Duration = Duration::from_millis(100);
/// Where it is stored which campaigns there are.
const INDEX: &str = "sip.campaigns";

/// All campaigns that are remembered.
#[derive(Debug, Default)]
pub(super) struct Campaigns {
    all: BTreeMap<Id, Campaign>,
    /// Which have changed since they were stored.
    changed: Vec<Id>,
    keep_at: Duration,
    /// Those that are being stored.
    under_way: Vec<(Id, Ticket)>,
    /// Whether the board shows how far they are.
    is_shown: bool,
}

impl Campaigns {
    /// Those that the box was at when it went down go on.
    pub(super) fn read(store: &Store) -> Self {
        let read = |id: Id| Some((id, Campaign::read(store.setting(&key(id))?)?));
        Self { all: stored(store).into_iter().filter_map(read).collect(), ..Self::default() }
    }

    pub(super) fn next(&self, now: Now) -> Option<Duration> {
        let keep = (!self.changed.is_empty() || !self.under_way.is_empty()).then_some(self.keep_at);
        self.all.values().filter_map(|campaign| campaign.next(now)).chain(keep).min()
    }

    /// Forgets the oldest of those that are over, while there are too many.
    fn forget(&mut self) {
        while self.all.len() > MOST_KEPT {
            let over = self.all.iter().find(|(_, campaign)| campaign.state != State::Running);
            let Some(oldest) = over.map(|(id, _)| *id) else { break };
            self.all.remove(&oldest);
        }
    }

    fn change(&mut self, id: Id, now: Duration) {
        if self.changed.is_empty() {
            self.keep_at = now + KEEP;
        }
        if !self.changed.contains(&id) {
            self.changed.push(id);
        }
    }

    /// Begins to store those that have changed, each by itself: one that cannot be stored keeps no other from it.
    fn keep(&mut self, store: &Store, now: Duration) {
        for id in std::mem::take(&mut self.changed) {
            self.under_way.push((id, store.commit(self.writes(id, store))));
        }
        self.keep_at = now + KEEP;
    }

    /// What stores a campaign, and with it that it is there and others are not any more.
    fn writes(&self, id: Id, store: &Store) -> Vec<Write> {
        let kept = self.all.get(&id).and_then(Campaign::keep);
        let campaign = kept.map(|value| Write::PutSetting { key: key(id), value });
        let ids: Vec<Id> = self.all.keys().copied().collect();
        let known = stored(store);
        let forgotten = known.iter().filter(|id| !self.all.contains_key(id)).map(|id| Write::DeleteSetting(key(*id)));
        let index = serde_json::to_value(&ids).ok().filter(|_| known != ids);
        let index = index.map(|value| Write::PutSetting { key: INDEX.into(), value });
        campaign.into_iter().chain(forgotten).chain(index).collect()
    }

    /// Stores those that have changed, and tries again until they are stored.
    async fn keep_at_last(&mut self, store: &Store, now: Duration) {
        loop {
            self.keep(store, now);
            for (id, ticket) in std::mem::take(&mut self.under_way) {
                if ticket.await.is_err() {
                    self.change(id, now);
                }
            }
            if self.changed.is_empty() {
                return;
            }
            tokio::time::sleep(LAST_AGAIN).await;
        }
    }

    /// Looks at what came of storing them. One that could not be stored has changed still.
    fn look(&mut self, now: Duration) {
        for (id, mut ticket) in std::mem::take(&mut self.under_way) {
            match (&mut ticket).now_or_never() {
                None => self.under_way.push((id, ticket)),
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    tracing::error!(campaign = %id, %error, "how far a campaign is could not be stored yet");
                    self.change(id, now);
                }
            }
        }
        if !self.under_way.is_empty() {
            // A slow disk is asked for nothing more meanwhile.
            self.keep_at = self.keep_at.max(now + GLANCE);
        }
    }
}

/// What stops all campaigns that were stored while they went on: of a store that was put back from an earlier time they may
/// have been over for long.
pub fn stop_campaigns(store: &Store) -> Vec<Write> {
    let stopped = Campaigns::read(store).all.into_iter().filter_map(|(id, mut campaign)| {
        let value = campaign.stop().then(|| campaign.keep())??;
        Some(Write::PutSetting { key: key(id), value })
    });
    stopped.collect()
}

/// Which campaigns are stored.
fn stored(store: &Store) -> Vec<Id> {
    store.setting(INDEX).and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
}

fn key(id: Id) -> String {
    format!("sip.campaign.{id}")
}

impl Core {
    pub(super) fn begin_campaign(&mut self, plan: Plan) -> Result<Id, Refusal> {
        plan.check().map_err(Refusal::Plan)?;
        let now = self.now();
        let id = random::id(now.wall);
        let campaign = Campaign::new(id, plan, now);
        self.record(Reason::CampaignBegun { phones: campaign.phones });
        self.campaigns.all.insert(id, campaign);
        self.campaigns.forget();
        self.campaign_changed(id);
        self.keep_campaigns(true);
        Ok(id)
    }

    pub(super) fn stop_campaign(&mut self, id: Id) -> Result<(), Refusal> {
        let campaign = self.campaigns.all.get_mut(&id).ok_or(Refusal::NoCampaign)?;
        if campaign.stop() {
            self.campaign_changed(id);
            self.keep_campaigns(true);
            self.campaign_over(id);
        }
        Ok(())
    }

    pub(super) fn campaigns_due(&mut self) {
        let now = self.now();
        let mut begun: Vec<(Id, Vec<Mac>)> = Vec::new();
        for (id, campaign) in &mut self.campaigns.all {
            if campaign.next(now).is_some_and(|at| at <= now.monotonic) {
                begun.push((*id, campaign.due(now, u64::from_be_bytes(random::bytes()))));
            }
        }
        for (id, phones) in begun {
            for mac in phones {
                self.begin_of_campaign(id, mac);
            }
            self.campaign_changed(id);
        }
        self.keep_campaigns(false);
    }

    fn begin_of_campaign(&mut self, id: Id, mac: Mac) {
        let Some(told) = self.campaigns.all.get(&id).map(|campaign| campaign.plan.told) else { return };
        match self.tell(mac, told, None) {
            Ok(()) => {}
            Err(Refusal::Busy(_)) => {
                if let Some(campaign) = self.campaigns.all.get_mut(&id) {
                    campaign.put_back(mac);
                }
            }
            // It was taken off the list in the meantime.
            Err(_) => self.campaign_settled(mac, &Reason::SipNoAddress),
        }
    }

    /// What came of a phone is told to the campaign that it belongs to.
    pub(super) fn campaign_settled(&mut self, mac: Mac, reason: &Reason) {
        let of = self.campaigns.all.iter_mut().find(|(_, campaign)| campaign.is_telling(mac));
        let Some((id, campaign)) = of else { return };
        let (id, over) = (*id, campaign.settle(mac, reason));
        self.campaign_changed(id);
        if over {
            self.campaign_over(id);
        }
    }

    fn campaign_over(&mut self, id: Id) {
        let Some(campaign) = self.campaigns.all.get(&id) else { return };
        let tally = campaign.tally();
        let (done, failed, left) = (tally.done, tally.failed, tally.waiting);
        self.record(match campaign.state {
            State::Failing => Reason::CampaignFailing { done, failed, left },
            State::Stopped => Reason::CampaignStopped { done, failed, left },
            State::Running | State::Ended => Reason::CampaignEnded { done, failed },
        });
    }

    fn campaign_changed(&mut self, id: Id) {
        let now = self.now().monotonic;
        self.campaigns.change(id, now);
        self.campaigns.is_shown = false;
    }

    /// Shows how far they are, if that is news.
    pub(super) fn show_campaigns(&mut self) {
        if !self.campaigns.is_shown {
            self.campaigns.is_shown = true;
            self.board.show(self.campaigns.all.values());
        }
    }

    /// Stores how far they are, now or when it is time.
    pub(super) fn keep_campaigns(&mut self, at_once: bool) {
        let now = self.now().monotonic;
        self.campaigns.look(now);
        if !self.campaigns.changed.is_empty() && (at_once || now >= self.campaigns.keep_at) {
            self.campaigns.keep(&self.parts.store, now);
        }
    }

    /// Stores how far they are and waits until that is done: nobody comes back to it. It takes a moment at most.
    pub(super) async fn keep_campaigns_at_last(&mut self) {
        let now = self.now().monotonic;
        let (campaigns, store) = (&mut self.campaigns, &self.parts.store);
        if tokio::time::timeout(LAST, campaigns.keep_at_last(store, now)).await.is_err() {
            tracing::error!("how far campaigns are is not known to be stored: phones may be told again");
        }
    }

    fn record(&self, reason: Reason) {
        self.parts.journal.record(Event::new(self.now().wall, Door::Sip, reason));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use super::*;
    use crate::brands::Told;
    use crate::model::Timestamp;
    use crate::sip::campaign::Tally;
    use crate::store::samples;
    use crate::sys::clock::Clock;

    const DONE: Reason = Reason::SipResynced { seconds: 1 };
    const NOW: Now =
        Now { monotonic: Duration::from_secs(3600), wall: Timestamp::from_secs(1_767_225_600), trusted: true };

    fn open(directory: &Path) -> Store {
        let clock = Clock::new(Timestamp::default());
        let options = samples::options(directory, clock);
        Store::open(options).unwrap().0
    }

    fn campaigns(phones: u32, over: u32) -> (Id, Campaigns) {
        let mac = |number: u32| {
            let [_, a, b, c] = number.to_be_bytes();
            Mac::new([0x80, 0x5e, 0xc0, a, b, c])
        };
        let phones = (0..phones).map(mac).collect();
        let told = Told::Resync;
        let plan = Plan { told, phones, at_most: 10_000, per_second: 10_000, between: None, stop_above: 25 };
        let begun = Now { monotonic: Duration::ZERO, ..NOW };
        let mut campaign = Campaign::new(Id::new(NOW.wall, 1), plan, begun);
        let mut told = Vec::new();
        for second in 1.. {
            if told.len() >= over as usize {
                break;
            }
            let due = campaign.due(Now { monotonic: Duration::from_secs(second), ..NOW }, 1);
            for mac in &due {
                campaign.settle(*mac, &DONE);
            }
            told.extend(due);
        }
        let id = campaign.id;
        let mut campaigns = Campaigns { all: BTreeMap::from([(id, campaign)]), ..Campaigns::default() };
        campaigns.change(id, NOW.monotonic);
        (id, campaigns)
    }

    /// Looks until it is known what came of storing.
    fn settle(campaigns: &mut Campaigns) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !campaigns.under_way.is_empty() {
            assert!(Instant::now() < deadline, "not within 20 s");
            campaigns.look(NOW.monotonic);
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_campaign_of_many_thousand_phones_goes_on_where_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        for (phones, over) in [(20_000, 15_000), (Plan::MOST_PHONES, 0)] {
            let (id, mut campaigns) = campaigns(phones as u32, over);
            campaigns.keep(&store, NOW.monotonic);
            settle(&mut campaigns);
            assert!(campaigns.changed.is_empty(), "it was stored");
            let tally = Campaigns::read(&store).all.get(&id).map(Campaign::tally);
            assert_eq!(tally, campaigns.all.get(&id).map(Campaign::tally));
            assert!(tally.is_some_and(|Tally { waiting, done, .. }| waiting + done == phones && done >= over as usize));
        }
    }

    #[test]
    fn what_could_not_be_stored_is_stored_later() {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let (id, mut campaigns) = campaigns(20, 20);
        store.close();
        campaigns.keep(&store, NOW.monotonic);
        settle(&mut campaigns);
        assert_eq!(campaigns.changed, [id]);
        assert_eq!(campaigns.next(NOW), Some(NOW.monotonic + KEEP));
        drop(store);
        let store = open(directory.path());
        campaigns.keep(&store, NOW.monotonic + KEEP);
        settle(&mut campaigns);
        assert_eq!((campaigns.changed.len(), campaigns.next(NOW)), (0, None));
        assert_eq!(Campaigns::read(&store).all.get(&id).map(|campaign| campaign.state), Some(State::Ended));
    }

    #[test]
    fn one_that_is_forgotten_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let (first, mut campaigns) = campaigns(1, 1);
        campaigns.keep(&store, NOW.monotonic);
        settle(&mut campaigns);
        let campaign = campaigns.all.get(&first).unwrap().clone();
        let more = (2..).map(|number| Id::new(NOW.wall, number)).take(MOST_KEPT);
        campaigns.all.extend(more.map(|id| {
            let mut another = campaign.clone();
            another.id = id;
            (id, another)
        }));
        campaigns.forget();
        let last = *campaigns.all.keys().last().unwrap();
        campaigns.change(last, NOW.monotonic);
        campaigns.keep(&store, NOW.monotonic);
        settle(&mut campaigns);
        assert_eq!((stored(&store).len(), store.setting(&key(first))), (MOST_KEPT, None));
        assert!(store.setting(&key(last)).is_some());
    }
}
