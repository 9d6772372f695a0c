//! A campaign as it is stored: what is over as numbers, and the phones that are left in twelve letters each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Campaign, Plan, State};
use crate::model::{Id, Mac, Timestamp};

/// Letters of a phone.
const LETTERS: usize = 12;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Kept {
    id: Id,
    /// Without its phones.
    plan: Plan,
    begun: Timestamp,
    state: State,
    phones: usize,
    over: usize,
    outcomes: BTreeMap<String, usize>,
    failed: u32,
    /// The phones that are not over, while it goes on.
    left: String,
}

/// As earlier versions stored it, in one text.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Former {
    id: Id,
    plan: Plan,
    begun: Timestamp,
    state: State,
    over: BTreeMap<Mac, IgnoredAny>,
    outcomes: BTreeMap<String, usize>,
    failed: u32,
}

impl Campaign {
    /// What is to be stored of it; `None` when it has no such form. Phones that are being told count as left.
    pub fn keep(&self) -> Option<Value> {
        let unbegun = self.plan.phones.get(self.position..).unwrap_or_default();
        let left = self.running.iter().chain(unbegun).filter(|_| self.state == State::Running);
        let kept = Kept {
            id: self.id,
            plan: Plan { phones: Vec::new(), ..self.plan },
            begun: self.begun,
            state: self.state,
            phones: self.phones,
            over: self.over,
            outcomes: self.outcomes.clone(),
            failed: self.failed,
            left: left.map(|mac| mac.plain()).collect(),
        };
        serde_json::to_value(kept).ok()
    }

    /// The campaign of which this was stored, by this version or an earlier one.
    pub fn read(value: Value) -> Option<Self> {
        let kept = match value {
            Value::String(text) => Kept::of_former(serde_json::from_str(&text).ok()?),
            value => serde_json::from_value(value).ok()?,
        };
        let Kept { id, mut plan, begun, state, phones, over, outcomes, failed, left } = kept;
        let mac = |letters: &[u8]| Mac::from_plain(std::str::from_utf8(letters).ok()?);
        plan.phones = left.as_bytes().chunks(LETTERS).map(mac).collect::<Option<_>>()?;
        let (running, position, next_at) = (BTreeSet::new(), 0, Duration::ZERO);
        Some(Self { id, plan, begun, state, phones, over, outcomes, failed, running, position, next_at })
    }
}

impl Kept {
    fn of_former(former: Former) -> Self {
        let Former { id, mut plan, begun, state, over, outcomes, failed } = former;
        let all = std::mem::take(&mut plan.phones);
        let left = all.iter().filter(|mac| !over.contains_key(mac)).map(|mac| mac.plain()).collect();
        Self { id, plan, begun, state, phones: all.len(), over: over.len(), outcomes, failed, left }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DONE, campaign, mac, now};
    use super::*;
    use crate::model::Reason;
    use crate::sip::campaign::Tally;

    #[test]
    fn it_outlives_a_restart_and_tells_those_again_that_were_under_way() {
        let mut campaign = campaign(5, |plan| (plan.per_second, plan.at_most) = (10_000, 3));
        assert_eq!(campaign.due(now(1000), 1).len(), 3);
        campaign.settle(mac(0), &DONE);
        campaign.put_back(mac(1));
        let mut again = Campaign::read(campaign.keep().unwrap()).unwrap();
        assert_eq!(again.tally(), Tally { waiting: 4, running: 0, done: 1, failed: 0 });
        again.plan.at_most = 10;
        assert_eq!(again.due(now(1000), 1), [mac(2), mac(3), mac(4), mac(1)], "the monotonic clock begins anew");
    }

    #[test]
    fn of_one_that_is_over_what_the_page_shows_is_kept_without_its_phones() {
        let mut campaign = campaign(5, |plan| plan.per_second = 10_000);
        campaign.due(now(1000), 1);
        campaign.settle(mac(0), &DONE);
        campaign.settle(mac(1), &Reason::SipNoAddress);
        campaign.stop();
        let kept = campaign.keep().unwrap();
        assert!(!kept.to_string().contains("805ec0"), "{kept}");
        let again = Campaign::read(kept).unwrap();
        assert_eq!(again.tally(), Tally { waiting: 3, running: 0, done: 1, failed: 1 });
        assert_eq!((again.state, again.outcomes), (State::Stopped, campaign.outcomes));
    }

    #[test]
    fn what_an_earlier_version_stored_goes_on() {
        let text = r#"{"id":ID,"plan":{"told":"resync","phones":["80:5e:c0:00:00:00",
            "80:5e:c0:00:00:01","80:5e:c0:00:00:02"],"at-most":10,"per-second":2,"between":null,"stop-above":25},
            "begun":1767225600000,"state":"running","over":{"80:5e:c0:00:00:01":"sip.no-address"},
            "outcomes":{"sip.no-address":1},"failed":1}"#;
        let id = serde_json::to_string(&campaign(1, |_| {}).id).unwrap();
        let text = text.replacen("ID", &id, 1);
        let mut again = Campaign::read(text.into()).unwrap();
        assert_eq!(again.tally(), Tally { waiting: 2, running: 0, done: 0, failed: 1 });
        assert_eq!([again.due(now(1000), 1), again.due(now(2000), 1)].concat(), [mac(0), mac(2)]);
    }
}
