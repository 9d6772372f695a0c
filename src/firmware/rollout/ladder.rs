//! PURE. Which images phones take on the way to that of a roll-out.

use std::collections::BTreeMap;

use super::{Candidate, waves};
use crate::brands::Images;
use crate::firmware::catalogue;
use crate::model::{Firmware, Id, Rollout, Timestamp, Turn};

/// Whether a phone whose turn stands so may take the image yet.
pub fn is_open(turn: &Turn) -> bool {
    match turn {
        Turn::Waiting | Turn::Updating { .. } | Turn::PutOff { .. } | Turn::Away => true,
        Turn::Done { .. } | Turn::Failed { .. } | Turn::Refused { .. } => false,
    }
}

/// The images that phones of a roll-out take before its own, from the first step to the last: of those who are there, and
/// whose turn is not over. Who is away keeps nobody waiting.
pub fn ladder<'a>(
    rollout: &Rollout,
    (image, catalogue): (&'a Firmware, &'a [Firmware]),
    images: Option<&Images>,
    phones: &[Candidate],
    now: Timestamp,
) -> Vec<&'a Firmware> {
    let mut steps: BTreeMap<Id, &Firmware> = BTreeMap::new();
    // Else all take it at once.
    if image.needs.is_some() {
        let climbs = |phone: &&Candidate| rollout.phones.get(&phone.mac).is_none_or(is_open);
        for phone in phones.iter().filter(climbs).filter(|phone| waves::is_there(phone, now)) {
            let about = (phone.brand.as_deref().unwrap_or_default(), phone.model.as_deref());
            let way = catalogue::way(image, catalogue, images, about, phone.runs.as_deref());
            steps.extend(way.into_iter().map(|step| (step.id, step)));
        }
        steps.remove(&image.id);
    }
    steps.into_values().collect()
}
