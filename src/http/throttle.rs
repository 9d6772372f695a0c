//! PURE. Slows down those who guess logins or ask without end, by where they come from and never by which phone they
//! ask for: nobody can lock a phone out from elsewhere.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::block_of;

/// How often a source may do something for nothing, and what each further time costs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    free: u32,
    each: Duration,
}

impl Allowance {
    /// Wrong logins under one user name: more of them than a phone with an old password sends in one boot.
    pub(crate) const WRONG: Self = Self { free: 30, each: Duration::from_secs(2) };
    /// Requests that show nothing, without a login or with a wrong one: a thousand phones behind one router's address
    /// that all start at once and ask for thirty names each make fewer, and asking each second for forty is no phone's
    /// habit.
    pub(crate) const SHOWS_NOTHING: Self = Self { free: 32_768, each: Duration::from_millis(25) };
    /// Wrong logins of another system, with a password that somebody chose: fifteen hundred guesses a day, and whoever put
    /// a wrong one right waits for a minute at most.
    pub(crate) const WRONG_OF_A_SYSTEM: Self = Self { free: 10, each: Duration::from_secs(60) };
}

/// Whose tries are counted together.
///
/// Many phones may stand behind one router's address, and one wrong login among them is no reason to look at no other.
/// So logins are counted by source and by the user name that they claim. Whoever tries many names has a new allowance
/// with each, and is held by that of the source as a whole; so is whoever pushes entries of their own out of the table.
///
/// What that comes to: the password of a login has 20 letters and digits at least, which are 119 bits, and the user
/// name of a phone's has 59 more. Forty guesses a second come at once, and one a second on each connection that a
/// source may have open, which is well below a thousand a second, or 2^35 a year. Were each guess good for the logins
/// of ten thousand phones, a hit would still take some 2^70 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    source: IpAddr,
    /// Stands for a user name; 0 for whoever is there.
    name: u64,
}

impl Who {
    /// Whoever is at this address.
    pub(crate) fn at(address: IpAddr) -> Self {
        Self { source: block_of(address), name: 0 }
    }

    /// Whoever there claims a user name. It is the sender's, of any length: `name` is its hash, under a key that nobody
    /// knows.
    pub(crate) fn named(address: IpAddr, name: u64) -> Self {
        Self { name, ..Self::at(address) }
    }
}

/// Who has used up an allowance.
///
/// The table has a fixed size. Two that share a slot push each other out, which forgives and never punishes.
#[derive(Debug)]
pub(crate) struct Throttle {
    slots: Vec<Slot>,
    key: u64,
    allowance: Allowance,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    who: Option<Who>,
    /// When all is forgiven.
    settled: Duration,
}

impl Throttle {
    const SLOTS: usize = 4096;

    /// An empty table. `key` makes it hard to choose sources that share a slot.
    pub(crate) fn new(key: u64, allowance: Allowance) -> Self {
        Self { slots: vec![Slot::default(); Self::SLOTS], key, allowance }
    }

    /// How long somebody has to wait before they may do so again. Times are since the start of the process.
    pub(crate) fn wait(&self, who: Who, now: Duration) -> Option<Duration> {
        let slot = self.slots.get(self.index(who)).filter(|slot| slot.who == Some(who))?;
        let Allowance { free, each } = self.allowance;
        slot.settled.saturating_sub(now).checked_sub(each * free).filter(|wait| !wait.is_zero())
    }

    /// Somebody did so once.
    pub(crate) fn count(&mut self, who: Who, now: Duration) {
        let index = self.index(who);
        if let Some(slot) = self.slots.get_mut(index) {
            let settled = if slot.who == Some(who) { slot.settled } else { Duration::ZERO };
            *slot = Slot { who: Some(who), settled: settled.max(now) + self.allowance.each };
        }
    }

    fn index(&self, who: Who) -> usize {
        let bits = match who.source {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => {
                address.segments().into_iter().fold(0, |bits: u64, part| bits.rotate_left(16) ^ u64::from(part))
            }
        };
        // Multiplicative hashing: the high bits depend on every bit of the key.
        let mixed = (bits ^ who.name ^ self.key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        usize::try_from(mixed >> 52).unwrap_or_default() % Self::SLOTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 66, 0, 66));

    #[test]
    fn a_guesser_is_slowed_down_and_forgiven_and_nobody_else_waits() {
        for (guesser, allowance) in [(Who::named(HERE, 7), Allowance::WRONG), (Who::at(HERE), Allowance::SHOWS_NOTHING)]
        {
            let Allowance { free, each } = allowance;
            let mut throttle = Throttle::new(66, allowance);
            let start = Duration::from_secs(1000);
            for _ in 0..free {
                throttle.count(guesser, start);
                assert_eq!(throttle.wait(guesser, start), None);
            }
            throttle.count(guesser, start);
            assert_eq!(throttle.wait(guesser, start), Some(each));
            assert_eq!(throttle.wait(guesser, start + each), None);
            for last in 0..=255 {
                let other = IpAddr::from([10, 66, 1, last]);
                assert_eq!(throttle.wait(Who::at(other), start), None);
                assert_eq!(throttle.wait(Who::named(other, 7), start), None);
                assert_eq!(throttle.wait(Who::named(HERE, 8 + u64::from(last)), start), None);
            }
            let later = start + each * free * 2;
            throttle.count(guesser, later);
            assert_eq!(throttle.wait(guesser, later), None);
        }
    }

    /// A branch behind one router's address starts twice within five minutes, and then asks each minute.
    #[test]
    fn a_branch_behind_one_address_never_waits() {
        const PHONES: u32 = 300;
        const NAMES: u32 = 40;
        let mut throttle = Throttle::new(66, Allowance::SHOWS_NOTHING);
        let mut ask = |at: u64, times: u32| {
            let now = Duration::from_secs(at);
            for _ in 0..times {
                assert_eq!(throttle.wait(Who::at(HERE), now), None, "{at} s");
                throttle.count(Who::at(HERE), now);
            }
        };
        ask(1000, PHONES * NAMES);
        ask(1300, PHONES * NAMES);
        for minute in 1..60 {
            ask(1300 + minute * 60, PHONES * 8);
        }
    }
}
