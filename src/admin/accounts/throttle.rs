use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::model::Id;

/// Both kinds of guessing: by who guesses, and by what is guessed at.
#[derive(Debug)]
pub(crate) struct Throttles {
    /// By source.
    pub(crate) sources: Throttle<IpAddr>,
    /// By account.
    pub(crate) accounts: Throttle<Id>,
}

impl Default for Throttles {
    fn default() -> Self {
        Self { sources: Throttle::of_sources(), accounts: Throttle::of_accounts() }
    }
}

/// How long each source must wait before it may guess again, or each account before it may be guessed at.
///
/// The first few wrong guesses cost nothing, since people mistype. From then on each one doubles the wait.
#[derive(Debug)]
pub(crate) struct Throttle<K> {
    /// Wrong guesses before there is any wait.
    free: u32,
    guessed: HashMap<K, Guesses>,
}

#[derive(Debug, Clone, Copy)]
struct Guesses {
    wrong: u32,
    last: Duration,
}

impl Throttle<IpAddr> {
    /// For sources: an IPv4 address or an IPv6 /64. Nobody else is ever locked out by one source's guessing.
    pub(crate) fn of_sources() -> Self {
        Self { free: 5, guessed: HashMap::new() }
    }
}

impl Throttle<Id> {
    /// For accounts, against guessing from many sources. One source alone is slowed down so much before that that it
    /// takes hours to keep anybody out. Whoever is signed in stays so, and the local socket is not asked.
    pub(crate) fn of_accounts() -> Self {
        Self { free: 50, guessed: HashMap::new() }
    }
}

impl<K: Copy + Eq + Hash> Throttle<K> {
    /// The longest wait.
    const LONGEST: Duration = Duration::from_secs(300);
    /// After this long without a guess a source starts afresh.
    const FORGET: Duration = Duration::from_secs(3600);
    /// Remembered at once; beyond, the one that was guessed at longest ago is forgotten.
    const MOST: usize = 4096;

    /// How long `key` must still wait at `now` (time since the process started); `None` when it may guess.
    pub(crate) fn wait(&self, key: K, now: Duration) -> Option<Duration> {
        let guesses = self.guessed.get(&key)?;
        let wait = self.penalty(guesses.wrong)?;
        guesses.last.saturating_add(wait).checked_sub(now).filter(|left| !left.is_zero())
    }

    /// Counts a guess that was wrong.
    ///
    /// A guess is counted before it is checked and taken back by [`Throttle::right`], so that many at once do
    /// not slip through while the first is being checked.
    pub(crate) fn guess(&mut self, key: K, now: Duration) {
        if self.guessed.len() >= Self::MOST && !self.guessed.contains_key(&key) {
            self.guessed.retain(|_, g| now.saturating_sub(g.last) < Self::FORGET);
            if self.guessed.len() >= Self::MOST
                && let Some(oldest) = self.guessed.iter().min_by_key(|(_, g)| g.last).map(|(a, _)| *a)
            {
                self.guessed.remove(&oldest);
            }
        }
        let guesses = self.guessed.entry(key).or_insert(Guesses { wrong: 0, last: now });
        if now.saturating_sub(guesses.last) >= Self::FORGET {
            guesses.wrong = 0;
        }
        guesses.wrong = guesses.wrong.saturating_add(1);
        guesses.last = now;
    }

    /// The guess was right: `key` starts afresh.
    pub(crate) fn right(&mut self, key: K) {
        self.guessed.remove(&key);
    }

    /// The wait that so many wrong guesses have earned.
    fn penalty(&self, wrong: u32) -> Option<Duration> {
        let beyond = wrong.checked_sub(self.free)?;
        let seconds = 1_u64.checked_shl(beyond.min(20)).unwrap_or(u64::MAX);
        Some(Duration::from_secs(seconds).min(Self::LONGEST))
    }
}

/// The source that an address is of: an IPv6 host has a whole /64 to guess from.
pub(crate) fn block_of(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & !0_u128 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn people_mistype_and_machines_wait() {
        let mut throttle = Throttle::of_sources();
        let guesser: IpAddr = [192, 0, 2, 1].into();
        let other: IpAddr = [192, 0, 2, 2].into();
        let mut now = Duration::from_secs(100);
        for _ in 0..4 {
            assert_eq!(throttle.wait(guesser, now), None);
            throttle.guess(guesser, now);
        }
        assert_eq!(throttle.wait(guesser, now), None);
        throttle.guess(guesser, now);
        assert_eq!(throttle.wait(guesser, now), Some(SECOND));
        assert_eq!(throttle.wait(other, now), None, "nobody else waits");
        now += SECOND;
        assert_eq!(throttle.wait(guesser, now), None);
        for _ in 0..40 {
            throttle.guess(guesser, now);
        }
        assert_eq!(throttle.wait(guesser, now), Some(Throttle::<IpAddr>::LONGEST));
        throttle.right(guesser);
        assert_eq!(throttle.wait(guesser, now), None);
    }

    #[test]
    fn a_whole_ipv6_network_is_one_source() {
        let mut throttle = Throttle::of_sources();
        for host in 0..6_u16 {
            throttle.guess(block_of(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host])), SECOND);
        }
        assert!(throttle.wait(block_of("2001:db8:0:1::ffff".parse().unwrap()), SECOND).is_some());
        assert!(throttle.wait(block_of("2001:db8:0:2::ffff".parse().unwrap()), SECOND).is_none());
    }

    #[test]
    fn one_source_takes_hours_to_keep_anybody_out_of_an_account() {
        let (mut source, mut account) = (Throttle::of_sources(), Throttle::of_accounts());
        let guesser: IpAddr = [192, 0, 2, 1].into();
        let whose = Id::from_bytes([1; 16]);
        let mut now = Duration::ZERO;
        while account.wait(whose, now).is_none() {
            now += source.wait(guesser, now).unwrap_or_default();
            source.guess(guesser, now);
            account.guess(whose, now);
        }
        assert!(now > Duration::from_secs(2 * 3600), "{now:?}");
        account.right(whose);
        assert_eq!(account.wait(whose, now), None, "who unlocks it may try at once");
    }

    #[test]
    fn remembers_a_bounded_number_of_sources() {
        let mut throttle = Throttle::of_sources();
        for n in 0..10_000_u32 {
            throttle.guess(IpAddr::V4(n.into()), Duration::from_millis(u64::from(n)));
        }
        assert_eq!(throttle.guessed.len(), Throttle::<IpAddr>::MOST);
    }
}
