//! After the store was put back, from a backup or from its snapshots: what it says of a time that is over, and must not be gone
//! on with.

use crate::model::{Rollout, RolloutState, Timestamp};
use crate::sip;
use crate::store::{Store, Write};

/// Why a roll-out does not go on.
const WHY: &str = "what this box had stored was put back from an earlier time";

/// Ends what went on when the store was saved: campaigns and roll-outs that were over since would tell phones to restart
/// and give them images that were withdrawn. And forgets since when phones' files have been as they are: whoever asks by
/// date for a file that was put back has a newer date than that.
pub(super) async fn settle(store: &Store, now: Timestamp) {
    let live = store.rollouts().into_iter().filter(|rollout| rollout.state == RolloutState::Running);
    let stopped = live.map(|rollout| {
        let state = RolloutState::Stopped { at: now, why: Some(WHY.into()) };
        Write::PutRollout { rollout: Rollout { state, ..rollout }, expect: None }
    });
    let dates = store.served_keys().into_iter().map(Write::DeleteSetting);
    let writes: Vec<Write> = stopped.chain(sip::stop_campaigns(store)).chain(dates).collect();
    if writes.is_empty() {
        return;
    }
    // Phones need the box, whatever its disk says.
    if let Err(error) = store.commit(writes).await {
        tracing::error!(%error, "what went on when this box was saved could not be ended: it may go on");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::brands::Told;
    use crate::model::{Id, Mac, Now, RolloutPlan, RolloutScope, Wave};
    use crate::sip::campaign::{Campaign, Plan, State};
    use crate::store::samples;
    use crate::sys::clock::Clock;

    const THEN: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn rollout(number: u128, state: RolloutState) -> Rollout {
        Rollout {
            id: Id::new(THEN, number),
            version: 0,
            origin: Id::new(THEN, 9),
            name: format!("Roll-out {number}"),
            firmware: Id::new(THEN, 8),
            scope: RolloutScope::default(),
            plan: RolloutPlan::default(),
            state,
            wave: Wave::default(),
            phones: BTreeMap::new(),
            before: BTreeMap::new(),
            created: THEN,
            started: THEN,
        }
    }

    #[tokio::test]
    async fn what_went_on_then_does_not_go_on_and_dates_of_files_are_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(samples::options(directory.path(), Clock::new(THEN))).unwrap();
        settle(&store, THEN).await;
        let (phone, now) = (samples::phone(1, 0), Now { monotonic: Duration::ZERO, wall: THEN, trusted: true });
        let plan = Plan {
            told: Told::Reboot,
            phones: vec![Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1])],
            at_most: 1,
            per_second: 1,
            between: None,
            stop_above: 25,
        };
        let id = Id::new(THEN, 1);
        let (key, campaign) = (format!("sip.campaign.{id}"), Campaign::new(id, plan, now).keep().unwrap());
        let planned = rollout(2, RolloutState::Planned);
        let writes = vec![
            Write::PutOrganisation { organisation: samples::organisation(1), expect: None },
            Write::PutPhone { phone: phone.clone(), expect: None },
            Write::PutServed { phone: phone.id, file: "own".into(), value: json!("a date") },
            Write::PutSetting { key: "sip.campaigns".into(), value: json!([id]) },
            Write::PutSetting { key: key.clone(), value: campaign },
            Write::PutRollout { rollout: rollout(1, RolloutState::Running), expect: None },
            Write::PutRollout { rollout: planned.clone(), expect: None },
        ];
        store.commit(writes).await.unwrap();
        assert_eq!(store.served_keys().len(), 1);

        settle(&store, THEN).await;
        assert_eq!(store.served_keys(), Vec::<String>::new());
        assert_eq!(Campaign::read(store.setting(&key).unwrap()).unwrap().state, State::Stopped);
        let state = |number| store.rollout(Id::new(THEN, number)).unwrap().state;
        assert_eq!(state(1), RolloutState::Stopped { at: THEN, why: Some(WHY.into()) });
        assert_eq!(state(2), planned.state, "what was only planned waits for whoever starts it");
    }
}
