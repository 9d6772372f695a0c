//! PURE. Slows down those who guess logins, by where they come from and never by which phone they ask for: nobody can
//! lock a phone out.

use std::net::IpAddr;
use std::time::Duration;

/// An address, or for IPv6 the /64 that one host can use as it likes.
pub(super) fn source(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => u64::try_from(address.to_bits() >> 64).unwrap_or_default() | 1 << 63,
    }
}

/// How often each source may be wrong.
///
/// A source may be wrong [`Throttle::FREE`] times at once, which is more than a phone with an old password is in one
/// boot, and once every [`Throttle::EACH`] from then on. The table has a fixed size. Sources that share a slot push
/// each other out, which forgives and never punishes.
#[derive(Debug)]
pub(super) struct Throttle {
    slots: Vec<Slot>,
    key: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    source: u64,
    /// When all is forgiven.
    settled: Duration,
}

impl Throttle {
    /// Wrong logins in a row that cost nothing.
    pub(super) const FREE: u32 = 30;
    /// What each further one costs.
    pub(super) const EACH: Duration = Duration::from_secs(2);
    const SLOTS: usize = 4096;

    /// An empty table. `key` makes it hard to choose sources that share a slot.
    pub(super) fn new(key: u64) -> Self {
        Self { slots: vec![Slot::default(); Self::SLOTS], key }
    }

    /// How long `address` has to wait before its next login is looked at, in time since the start of the process.
    pub(super) fn wait(&self, address: IpAddr, now: Duration) -> Option<Duration> {
        let source = source(address);
        let slot = self.slots.get(self.index(source)).filter(|slot| slot.source == source)?;
        slot.settled.saturating_sub(now).checked_sub(Self::EACH * Self::FREE).filter(|wait| !wait.is_zero())
    }

    /// `address` sent a wrong login.
    pub(super) fn wrong(&mut self, address: IpAddr, now: Duration) {
        let source = source(address);
        let index = self.index(source);
        if let Some(slot) = self.slots.get_mut(index) {
            let settled = if slot.source == source { slot.settled } else { Duration::ZERO };
            *slot = Slot { source, settled: settled.max(now) + Self::EACH };
        }
    }

    fn index(&self, source: u64) -> usize {
        // Multiplicative hashing: the high bits depend on every bit of the key.
        let mixed = (source ^ self.key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        usize::try_from(mixed >> 52).unwrap_or_default() % Self::SLOTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUESSER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 66, 0, 66));

    #[test]
    fn a_guesser_is_slowed_down_and_forgiven_and_nobody_else_waits() {
        let mut throttle = Throttle::new(66);
        let start = Duration::from_secs(1000);
        for _ in 0..Throttle::FREE {
            throttle.wrong(GUESSER, start);
            assert_eq!(throttle.wait(GUESSER, start), None);
        }
        throttle.wrong(GUESSER, start);
        assert_eq!(throttle.wait(GUESSER, start), Some(Throttle::EACH));
        assert_eq!(throttle.wait(GUESSER, start + Throttle::EACH), None);
        for last in 0..=255 {
            let other = IpAddr::from([10, 66, 1, last]);
            assert_eq!(throttle.wait(other, start), None);
        }
        throttle.wrong(GUESSER, start + Throttle::EACH * 1000);
        assert_eq!(throttle.wait(GUESSER, start + Throttle::EACH * 1000), None);
    }

    #[test]
    fn one_host_has_one_source() {
        let [a, b, c] = ["fd00::1", "fd00::2", "fd00:0:0:1::1"].map(|text| source(text.parse().unwrap()));
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_eq!(source("::ffff:10.66.0.66".parse().unwrap()), source(GUESSER));
    }
}
