//! What must stay on the box, and what gives way to others.

use std::collections::BTreeSet;

use super::cache::{NoRoom, Promise};
use super::library::Library;
use super::rollout::{self, Candidate, Lack};
use super::rollouts::candidate;
use crate::model::{Firmware, FirmwareSource, Id, Rollout, RolloutState};

impl Library {
    /// Makes room for bytes to come, of which `arrived` are here already. What is pinned, what was uploaded and what a
    /// roll-out needs never gives way.
    pub(super) fn make_room(&self, bytes: u64, arrived: u64) -> Result<Promise, NoRoom> {
        let (images, needed) = (self.images(), self.needed());
        let keep: Vec<[u8; 32]> = images
            .iter()
            .filter(|image| image.pinned || image.source == FirmwareSource::Uploaded || needed.contains(&image.id))
            .filter_map(|image| image.sha256)
            .collect();
        self.0.cache.promise((bytes, arrived), self.settings().room(), |digest| keep.contains(&digest.0))
    }

    /// What is not on the box of what a roll-out of this image needs.
    pub fn lack(&self, rollout: &Rollout, image: &Firmware) -> Option<Lack> {
        let catalogue = self.images();
        rollout::lack(image, &self.ladder(rollout, (image, &catalogue)), |image| self.has(image))
    }

    /// The images that roll-outs need: their own, and those that phones take on the way there.
    fn needed(&self) -> BTreeSet<Id> {
        let (images, mut needed) = (self.images(), BTreeSet::new());
        for rollout in self.0.store.rollouts() {
            let is_stopped = matches!(rollout.state, RolloutState::Stopped { .. });
            let Some(image) = images.iter().find(|image| image.id == rollout.firmware && !is_stopped) else { continue };
            needed.insert(image.id);
            needed.extend(self.ladder(&rollout, (image, &images)).iter().map(|step| step.id));
        }
        needed
    }

    fn ladder<'a>(&self, rollout: &Rollout, images: (&'a Firmware, &'a [Firmware])) -> Vec<&'a Firmware> {
        let (image, _) = images;
        // Reading phones takes its time, and there is no ladder without this.
        if image.needs.is_none() {
            return Vec::new();
        }
        let store = &self.0.store;
        let open = rollout.phones.iter().filter(|(_, turn)| rollout::is_open(turn));
        let phones = open.filter_map(|(mac, _)| store.phone_by_mac(*mac));
        let phones: Vec<Candidate> = phones.map(|phone| candidate(store, &phone, None)).collect();
        rollout::ladder(rollout, images, self.images_of(&image.brand), &phones, self.0.clock.now().wall)
    }
}
