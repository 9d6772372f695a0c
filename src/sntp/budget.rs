use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Duration;

/// Answers that a source may have at once.
const BURST: u32 = 16;
/// How long it takes until a source may have one more.
const REFILL: Duration = Duration::from_secs(1);
/// Sources that are told apart.
const SLOTS: usize = 1024;

/// What each source may still ask, in memory of a fixed size: sources are spoofed as easily as anything, so two that
/// share a slot push each other out rather than make the table grow.
#[derive(Debug)]
pub(super) struct Budget {
    slots: Vec<Option<Slot>>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    source: IpAddr,
    left: u32,
    since: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { slots: vec![None; SLOTS], hasher: RandomState::new() }
    }
}

impl Budget {
    /// Whether `source` may have an answer at `now`, which counts as given.
    pub(super) fn admits(&mut self, source: IpAddr, now: Duration) -> bool {
        let hash = usize::try_from(self.hasher.hash_one(source) % SLOTS as u64).unwrap_or(0);
        let Some(place) = self.slots.get_mut(hash) else { return false };
        let fresh = Slot { source, left: BURST, since: now };
        let slot = place.get_or_insert(fresh);
        if slot.source != source {
            *slot = fresh;
        }
        let refills = now.saturating_sub(slot.since).as_secs() / REFILL.as_secs();
        if refills > 0 {
            slot.left = BURST.min(slot.left.saturating_add(u32::try_from(refills).unwrap_or(u32::MAX)));
            slot.since = now;
        }
        let admitted = slot.left > 0;
        slot.left = slot.left.saturating_sub(1);
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_a_burst_and_then_one_a_second() {
        let mut budget = Budget::default();
        let phone: IpAddr = [10, 66, 0, 10].into();
        let start = Duration::from_secs(100);
        let answered = |budget: &mut Budget, now| (0..100).filter(|_| budget.admits(phone, now)).count();
        assert_eq!(answered(&mut budget, start), 16);
        assert_eq!(answered(&mut budget, start + Duration::from_millis(999)), 0);
        assert_eq!(answered(&mut budget, start + Duration::from_secs(1)), 1);
        assert_eq!(answered(&mut budget, start + Duration::from_secs(3600)), 16);
    }
}
