//! Campaigns: begun, gone on with, and kept.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Core;
use crate::model::{Door, Event, Id, Mac, Now, Reason};
use crate::sip::campaign::{Campaign, Plan, State};
use crate::sip::orders::Refusal;
use crate::store::{Store, Write};
use crate::sys::random;

/// Campaigns that are remembered when they are over, the newest ones.
const MOST_KEPT: usize = 20;
/// How often how far they are is stored while they go on. After a power cut, phones that were over since are told again.
const KEEP: Duration = Duration::from_secs(10);
/// Where it is stored which campaigns there are.
const INDEX: &str = "sip.campaigns";

/// All campaigns that are remembered.
#[derive(Debug, Default)]
pub(super) struct Campaigns {
    all: BTreeMap<Id, Campaign>,
    /// Which have changed since they were stored.
    changed: Vec<Id>,
    keep_at: Duration,
    /// Whether the board shows how far they are.
    is_shown: bool,
}

impl Campaigns {
    /// Those that the box was at when it went down go on.
    pub(super) fn read(store: &Store) -> Self {
        let ids: Vec<Id> =
            store.setting(INDEX).and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
        // As one text: ten thousand phones as values of their own would take much room while they are stored.
        let read = |id: Id| Some((id, serde_json::from_str(store.setting(&key(id))?.as_str()?).ok()?));
        Self { all: ids.into_iter().filter_map(read).collect(), ..Self::default() }
    }

    pub(super) fn next(&self, now: Now) -> Option<Duration> {
        let keep = (!self.changed.is_empty()).then_some(self.keep_at);
        self.all.values().filter_map(|campaign| campaign.next(now)).chain(keep).min()
    }
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
        let phones = campaign.plan.phones.len();
        self.record(Reason::CampaignBegun { phones });
        self.campaigns.all.insert(id, campaign);
        let mut forgotten = Vec::new();
        while self.campaigns.all.len() > MOST_KEPT {
            let over = self.campaigns.all.iter().find(|(_, campaign)| campaign.state != State::Running);
            let Some(oldest) = over.map(|(id, _)| *id) else { break };
            self.campaigns.all.remove(&oldest);
            forgotten.push(Write::DeleteSetting(key(oldest)));
        }
        let ids: Vec<Id> = self.campaigns.all.keys().copied().collect();
        if let Ok(value) = serde_json::to_value(ids) {
            forgotten.push(Write::PutSetting { key: INDEX.into(), value });
        }
        drop(self.parts.store.commit(forgotten));
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
        if self.campaigns.changed.is_empty() {
            self.campaigns.keep_at = self.now().monotonic + KEEP;
        }
        if !self.campaigns.changed.contains(&id) {
            self.campaigns.changed.push(id);
        }
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
        if self.campaigns.changed.is_empty() || !at_once && self.now().monotonic < self.campaigns.keep_at {
            return;
        }
        let changed = std::mem::take(&mut self.campaigns.changed);
        let put = |id: &Id| {
            let text = serde_json::to_string(self.campaigns.all.get(id)?).ok()?;
            Some(Write::PutSetting { key: key(*id), value: text.into() })
        };
        let writes: Vec<Write> = changed.iter().filter_map(put).collect();
        drop(self.parts.store.commit(writes));
    }

    fn record(&self, reason: Reason) {
        self.parts.journal.record(Event::new(self.now().wall, Door::Sip, reason));
    }
}
