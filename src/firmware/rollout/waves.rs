//! PURE. Who comes next.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Candidate, World};
use crate::model::{Rollout, Timestamp, Turn, Wave};

/// A phone that was not heard of for so long is not there: the slowest poll once a day, and some are late.
const AWAY: Duration = Duration::from_secs(26 * 3600);

/// The next wave, once the one before is over; `None` when nobody is left who is there.
pub(super) fn next(rollout: &Rollout, world: &World<'_>, now: Timestamp) -> Option<Wave> {
    let turn = |phone: &Candidate| rollout.phones.get(&phone.mac);
    let with = |wanted: fn(&Turn) -> bool| {
        let phones = world.phones.iter().filter(move |phone| turn(phone).is_some_and(wanted));
        phones.filter(|phone| is_there(phone, now)).collect::<Vec<&Candidate>>()
    };
    // Who has put it off comes after all others.
    let mut left = with(|turn| matches!(turn, Turn::Waiting));
    left.extend(with(|turn| matches!(turn, Turn::PutOff { .. })));
    if rollout.wave.number == 0 {
        let more = canaries(rollout, world, &left);
        if !more.is_empty() {
            let phones = rollout.wave.phones.iter().copied().chain(more.iter().map(|phone| phone.mac)).collect();
            return Some(Wave { number: 0, phones });
        }
    }
    let size = usize::try_from(rollout.plan.wave).unwrap_or(usize::MAX).max(1);
    let phones: Vec<_> = left.iter().take(size).map(|phone| phone.mac).collect();
    (!phones.is_empty()).then_some(Wave { number: rollout.wave.number + 1, phones })
}

/// Whether a phone was heard of lately.
pub(super) fn is_there(phone: &Candidate, now: Timestamp) -> bool {
    phone.heard.is_some_and(|heard| now.since(heard) < AWAY)
}

/// Those who are still to go first: one of each model that none went of, and others until there are enough.
fn canaries<'a>(rollout: &Rollout, world: &World<'_>, left: &[&'a Candidate]) -> Vec<&'a Candidate> {
    let been: Vec<&Candidate> =
        rollout.wave.phones.iter().filter_map(|mac| world.phones.iter().find(|phone| phone.mac == *mac)).collect();
    let mut models: BTreeSet<Option<&str>> = been.iter().map(|phone| phone.model.as_deref()).collect();
    let (mut chosen, mut others) = (Vec::new(), Vec::new());
    for phone in left {
        if models.insert(phone.model.as_deref()) { chosen.push(*phone) } else { others.push(*phone) }
    }
    let wanted = usize::try_from(rollout.plan.canary).unwrap_or(usize::MAX);
    let more = wanted.saturating_sub(been.len() + chosen.len());
    chosen.extend(others.into_iter().take(more));
    chosen
}
