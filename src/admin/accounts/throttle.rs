use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::Id;

/// Both kinds of guessing: by who guesses, and by what is guessed at.
#[derive(Debug)]
pub(crate) struct Throttles {
    /// By source.
    pub(crate) sources: Throttle<IpAddr>,
    /// By account.
    pub(crate) accounts: Throttle<Id>,
    /// Where accounts were signed in to last, since the process started: whoever guesses from elsewhere keeps nobody out who
    /// comes from there.
    familiar: HashMap<Id, VecDeque<IpAddr>>,
}

impl Default for Throttles {
    fn default() -> Self {
        Self { sources: Throttle::of_sources(), accounts: Throttle::of_accounts(), familiar: HashMap::new() }
    }
}

impl Throttles {
    /// Places that an account is known from, and accounts that have any.
    const MOST_PLACES: usize = 16;
    const MOST_ACCOUNTS: usize = 256;

    /// How long `source` must wait before a guess at `account` is looked at.
    pub(crate) fn wait_at(&self, account: Id, source: IpAddr, now: Duration) -> Option<Duration> {
        let known = self.familiar.get(&account).is_some_and(|places| places.contains(&source));
        if known { None } else { self.accounts.wait(account, now) }
    }

    /// Somebody at `source` has shown that `account` is theirs, with all that it asks for: what others guessed at it must
    /// not keep them out one day.
    pub(crate) fn shown(&mut self, account: Id, source: IpAddr) {
        self.accounts.forget(account);
        if self.familiar.len() >= Self::MOST_ACCOUNTS && !self.familiar.contains_key(&account) {
            self.familiar.clear();
        }
        let places = self.familiar.entry(account).or_default();
        places.retain(|place| *place != source);
        if places.len() >= Self::MOST_PLACES {
            places.pop_front();
        }
        places.push_back(source);
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
    /// When the one before the last was.
    before: Duration,
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
    /// A guess is counted before it is checked and taken back by [`Throttle::right`] when it was right, so that many at once do
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
        let guesses = self.guessed.entry(key).or_insert(Guesses { wrong: 0, last: now, before: now });
        if now.saturating_sub(guesses.last) >= Self::FORGET {
            guesses.wrong = 0;
        }
        *guesses = Guesses { wrong: guesses.wrong.saturating_add(1), last: now, before: guesses.last };
    }

    /// The guess was right, and counts for nothing. Those before it stay counted: whoever has a password of their own
    /// would guess at others without end.
    pub(crate) fn right(&mut self, key: K) {
        let Some(guesses) = self.guessed.get_mut(&key) else { return };
        *guesses = Guesses { wrong: guesses.wrong.saturating_sub(1), last: guesses.before, before: guesses.before };
        if guesses.wrong == 0 {
            self.guessed.remove(&key);
        }
    }

    /// `key` starts afresh.
    pub(crate) fn forget(&mut self, key: K) {
        self.guessed.remove(&key);
    }

    /// The wait that so many wrong guesses have earned.
    fn penalty(&self, wrong: u32) -> Option<Duration> {
        let beyond = wrong.checked_sub(self.free)?;
        let seconds = 1_u64.checked_shl(beyond.min(20)).unwrap_or(u64::MAX);
        Some(Duration::from_secs(seconds).min(Self::LONGEST))
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
        throttle.forget(guesser);
        assert_eq!(throttle.wait(guesser, now), None);
    }

    #[test]
    fn a_right_guess_takes_itself_back_and_nothing_else() {
        let mut throttle = Throttle::of_sources();
        let guesser: IpAddr = [192, 0, 2, 1].into();
        let now = Duration::from_secs(100);
        for _ in 0..4 {
            throttle.guess(guesser, now);
        }
        let later = now + 60 * SECOND;
        for _ in 0..100 {
            assert_eq!(throttle.wait(guesser, later), None, "who knows it never waits for it");
            throttle.guess(guesser, later);
            throttle.right(guesser);
        }
        throttle.guess(guesser, later);
        assert_eq!(throttle.wait(guesser, later), Some(SECOND));
        // What is right puts off neither the end of the wait nor the hour after which all is forgotten.
        throttle.guess(guesser, later + SECOND);
        throttle.right(guesser);
        assert_eq!(throttle.wait(guesser, later + SECOND), None);
        throttle.guess(guesser, later + Throttle::<IpAddr>::FORGET);
        assert_eq!(throttle.guessed[&guesser].wrong, 1);
        throttle.right(guesser);
        assert!(throttle.guessed.is_empty());
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
        account.forget(whose);
        assert_eq!(account.wait(whose, now), None, "who unlocks it may try at once");
    }

    #[test]
    fn an_account_that_many_guess_at_is_open_to_where_it_was_signed_in_to() {
        let mut throttles = Throttles::default();
        let (desk, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let whose = Id::from_bytes([1; 16]);
        throttles.shown(whose, desk);
        for _ in 0..60 {
            throttles.accounts.guess(whose, SECOND);
            // As where a password was not looked at after all.
            throttles.accounts.guess(whose, SECOND);
            throttles.accounts.right(whose);
        }
        assert_eq!(throttles.wait_at(whose, desk, SECOND), None);
        assert!(throttles.wait_at(whose, other, SECOND).is_some());
        for last in 10..30 {
            throttles.shown(whose, [192, 0, 2, last].into());
            throttles.shown(whose, desk);
        }
        for _ in 0..60 {
            throttles.accounts.guess(whose, SECOND);
        }
        assert_eq!(throttles.wait_at(whose, desk, SECOND), None, "the places of today push out those of long ago");
        assert!(throttles.wait_at(whose, [192, 0, 2, 10].into(), SECOND).is_some());
        for number in 0..1000_u16 {
            let [high, low] = number.to_be_bytes();
            throttles.shown(Id::from_bytes([high.wrapping_add(low); 16]), IpAddr::from([192, 0, high, low]));
        }
        assert!(throttles.familiar.len() <= Throttles::MOST_ACCOUNTS);
        assert!(throttles.familiar.values().all(|places| places.len() <= Throttles::MOST_PLACES));
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
