//! PURE. How a roll-out begins, or begins again.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Candidate;
use crate::brands::Images;
use crate::firmware::version::Numbering;
use crate::model::{Firmware, Mac, Rollout, RolloutState, Timestamp, Turn, Wave};

/// The roll-out as it begins, or begins again, at a time of [`begins`]: phones that failed get another turn, and so do
/// those who took its image and have `strayed` from it, as by a way back.
pub fn start(rollout: &Rollout, started: Timestamp, strayed: &BTreeSet<Mac>) -> Rollout {
    let mut next = rollout.clone();
    next.state = RolloutState::Running;
    next.wave = Wave::default();
    next.started = started;
    for (mac, turn) in &mut next.phones {
        let again = match turn {
            Turn::Updating { .. } | Turn::PutOff { .. } | Turn::Failed { .. } | Turn::Away => true,
            Turn::Done { .. } => strayed.contains(mac),
            Turn::Waiting | Turn::Refused { .. } => false,
        };
        if again {
            if let Turn::Done { .. } = turn {
                // It went elsewhere since: its way back is from there.
                next.before.remove(mac);
            }
            *turn = Turn::Waiting;
        }
    }
    next
}

/// When a roll-out begins that is started now: later than all others, so that it decides about whom it reaches though
/// the clock was set back.
pub fn begins(others: &[Rollout], now: Timestamp) -> Timestamp {
    let last = others.iter().map(|other| other.started).max();
    last.map_or(now, |last| now.max(last.plus(Duration::from_millis(1))))
}

/// Those of these phones that say that they run another release than this image.
pub fn strayed(image: &Firmware, images: Option<&Images>, phones: &[Candidate]) -> BTreeSet<Mac> {
    let numbering = Numbering { hardware: images.map_or(0, |images| images.hardware_numbers) };
    let other = |phone: &&Candidate| phone.runs.as_ref().is_some_and(|runs| !numbering.same(runs, &image.release));
    phones.iter().filter(other).map(|phone| phone.mac).collect()
}
