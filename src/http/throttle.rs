//! PURE. Slows down those who guess logins or ask without end, by where they come from and never by which phone they
//! ask for: nobody can lock a phone out.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::block_of;

/// How often a source may do something for nothing, and what each further time costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    free: u32,
    each: Duration,
}

impl Allowance {
    /// Wrong logins: more of them than a phone with an old password sends in one boot.
    pub(super) const WRONG: Self = Self { free: 30, each: Duration::from_secs(2) };
    /// Requests without a login: a thousand phones behind one router's address that all start at once and ask for
    /// thirty names each make fewer, and asking each second for forty is no phone's habit.
    pub(super) const WITHOUT_LOGIN: Self = Self { free: 32_768, each: Duration::from_millis(25) };
}

/// Who has used up an allowance.
///
/// The table has a fixed size. Sources that share a slot push each other out, which forgives and never punishes.
#[derive(Debug)]
pub(super) struct Throttle {
    slots: Vec<Slot>,
    key: u64,
    allowance: Allowance,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    source: Option<IpAddr>,
    /// When all is forgiven.
    settled: Duration,
}

impl Throttle {
    const SLOTS: usize = 4096;

    /// An empty table. `key` makes it hard to choose sources that share a slot.
    pub(super) fn new(key: u64, allowance: Allowance) -> Self {
        Self { slots: vec![Slot::default(); Self::SLOTS], key, allowance }
    }

    /// How long `address` has to wait before it may do so again. Times are since the start of the process.
    pub(super) fn wait(&self, address: IpAddr, now: Duration) -> Option<Duration> {
        let source = block_of(address);
        let slot = self.slots.get(self.index(source)).filter(|slot| slot.source == Some(source))?;
        let Allowance { free, each } = self.allowance;
        slot.settled.saturating_sub(now).checked_sub(each * free).filter(|wait| !wait.is_zero())
    }

    /// `address` did so once.
    pub(super) fn count(&mut self, address: IpAddr, now: Duration) {
        let source = block_of(address);
        let index = self.index(source);
        if let Some(slot) = self.slots.get_mut(index) {
            let settled = if slot.source == Some(source) { slot.settled } else { Duration::ZERO };
            *slot = Slot { source: Some(source), settled: settled.max(now) + self.allowance.each };
        }
    }

    fn index(&self, source: IpAddr) -> usize {
        let bits = match source {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => {
                address.segments().into_iter().fold(0, |bits: u64, part| bits.rotate_left(16) ^ u64::from(part))
            }
        };
        // Multiplicative hashing: the high bits depend on every bit of the key.
        let mixed = (bits ^ self.key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        usize::try_from(mixed >> 52).unwrap_or_default() % Self::SLOTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUESSER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 66, 0, 66));

    #[test]
    fn a_guesser_is_slowed_down_and_forgiven_and_nobody_else_waits() {
        for allowance in [Allowance::WRONG, Allowance::WITHOUT_LOGIN] {
            let Allowance { free, each } = allowance;
            let mut throttle = Throttle::new(66, allowance);
            let start = Duration::from_secs(1000);
            for _ in 0..free {
                throttle.count(GUESSER, start);
                assert_eq!(throttle.wait(GUESSER, start), None);
            }
            throttle.count(GUESSER, start);
            assert_eq!(throttle.wait(GUESSER, start), Some(each));
            assert_eq!(throttle.wait(GUESSER, start + each), None);
            for last in 0..=255 {
                let other = IpAddr::from([10, 66, 1, last]);
                assert_eq!(throttle.wait(other, start), None);
            }
            let later = start + each * free * 2;
            throttle.count(GUESSER, later);
            assert_eq!(throttle.wait(GUESSER, later), None);
        }
    }

    /// A branch behind one router's address starts twice within five minutes, and then asks each minute.
    #[test]
    fn a_branch_behind_one_address_never_waits() {
        const PHONES: u32 = 300;
        const NAMES: u32 = 40;
        let mut throttle = Throttle::new(66, Allowance::WITHOUT_LOGIN);
        let mut ask = |at: u64, times: u32| {
            let now = Duration::from_secs(at);
            for _ in 0..times {
                assert_eq!(throttle.wait(GUESSER, now), None, "{at} s");
                throttle.count(GUESSER, now);
            }
        };
        ask(1000, PHONES * NAMES);
        ask(1300, PHONES * NAMES);
        for minute in 1..60 {
            ask(1300 + minute * 60, PHONES * 8);
        }
    }
}
