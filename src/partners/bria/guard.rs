//! PURE. Who may try a password: those who guess wait longer and longer, and a user whose password many guess is reached
//! only from where they have signed in before. Nobody can lock a user out of the computer that they work at.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::block_of;

/// Counts wrong passwords by source and by user.
#[derive(Debug, Default)]
pub struct Guard {
    sources: HashMap<IpAddr, Tries>,
    users: HashMap<String, Tries>,
    /// Where users have signed in, since the process started.
    familiar: HashMap<String, BTreeSet<IpAddr>>,
}

/// How long somebody has to wait before a password is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl fmt::Display for Wait {
    /// As people say it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs().max(1) {
            1 => f.write_str("a second"),
            seconds @ 2..=90 => write!(f, "{seconds} seconds"),
            seconds => write!(f, "{} minutes", seconds.div_ceil(60)),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Tries {
    wrong: u32,
    last: Duration,
    /// When the one before the last was.
    before: Duration,
    /// How many the last one found forgiven.
    forgiven: u32,
}

impl Guard {
    /// Wrong passwords of one source that cost nothing.
    pub const FREE: u32 = 5;
    /// Wrong passwords for one user, from wherever, before strangers wait.
    pub const FREE_FOR_A_USER: u32 = 20;
    /// The longest wait.
    pub const LONGEST: Duration = Duration::from_secs(900);
    /// After so long without a try all is forgotten.
    const FORGET: Duration = Duration::from_secs(3600);
    /// After so long one wrong password is forgiven: typos of many behind one address do not add up for days.
    const FORGIVE: Duration = Duration::from_secs(600);
    /// Sources and users that are remembered.
    const MOST: usize = 4096;
    /// Places that a user is known from.
    const MOST_PLACES: usize = 16;

    /// Counts a try at `now` (time since the process started) as a wrong one, or says how long to wait. A right one is
    /// taken back by [`Guard::right`]: so that many at once do not slip through while the first is looked at.
    ///
    /// # Errors
    /// The wait, when the password is not to be looked at.
    pub fn begin(&mut self, source: IpAddr, user: &str, now: Duration) -> Result<(), Wait> {
        let (source, user) = (block_of(source), user.to_lowercase());
        let left = |tries: Option<&Tries>, free: u32| {
            let tries = tries.filter(|tries| now.saturating_sub(tries.last) < Self::FORGET)?;
            let until = tries.last + penalty(tries.wrong, free)?;
            until.checked_sub(now).filter(|left| !left.is_zero())
        };
        let by_source = left(self.sources.get(&source), Self::FREE);
        let known = self.familiar.get(&user).is_some_and(|places| places.contains(&source));
        let by_user = if known { None } else { left(self.users.get(&user), Self::FREE_FOR_A_USER) };
        if let Some(wait) = by_source.max(by_user) {
            return Err(Wait(wait));
        }
        count(&mut self.sources, source, now);
        count(&mut self.users, user, now);
        Ok(())
    }

    /// The try counts for nothing: the password was right, or was not looked at after all.
    pub fn take_back(&mut self, source: IpAddr, user: &str) {
        uncount(&mut self.sources, &block_of(source));
        uncount(&mut self.users, &user.to_lowercase());
    }

    /// The password was right. What the same source guessed before, and what others guessed for this user, stays
    /// counted: whoever has a password of their own would guess at others without end.
    pub fn right(&mut self, source: IpAddr, user: &str) {
        self.take_back(source, user);
        let (source, user) = (block_of(source), user.to_lowercase());
        if self.familiar.len() >= Self::MOST && !self.familiar.contains_key(&user) {
            self.familiar.clear();
        }
        let places = self.familiar.entry(user).or_default();
        if places.len() < Self::MOST_PLACES {
            places.insert(source);
        }
    }
}

fn count<K: std::hash::Hash + Eq + Clone>(table: &mut HashMap<K, Tries>, key: K, now: Duration) {
    if table.len() >= Guard::MOST && !table.contains_key(&key) {
        table.retain(|_, tries| now.saturating_sub(tries.last) < Guard::FORGET);
        let oldest = table.iter().min_by_key(|(_, tries)| tries.last).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest.filter(|_| table.len() >= Guard::MOST) {
            table.remove(&oldest);
        }
    }
    let tries = table.entry(key).or_insert(Tries { wrong: 0, last: now, before: now, forgiven: 0 });
    let since = now.saturating_sub(tries.last);
    let forgiven = u32::try_from(since.as_secs() / Guard::FORGIVE.as_secs()).unwrap_or(u32::MAX);
    let forgiven = if since >= Guard::FORGET { tries.wrong } else { forgiven.min(tries.wrong) };
    let wrong = tries.wrong.saturating_sub(forgiven).saturating_add(1);
    *tries = Tries { wrong, last: now, before: tries.last, forgiven };
}

/// Takes one try back, and with it what it put off and what it found forgiven: the same hours forgive once.
fn uncount<K: std::hash::Hash + Eq>(table: &mut HashMap<K, Tries>, key: &K) {
    let Some(tries) = table.get_mut(key) else { return };
    let wrong = tries.wrong.saturating_sub(1).saturating_add(tries.forgiven);
    *tries = Tries { wrong, last: tries.before, before: tries.before, forgiven: 0 };
    if tries.wrong == 0 {
        table.remove(key);
    }
}

/// The wait that so many wrong tries have earned: 10 seconds, and twice as long with each further one.
fn penalty(wrong: u32, free: u32) -> Option<Duration> {
    let beyond = wrong.checked_sub(free)?;
    Some(Duration::from_secs(10_u64.saturating_mul(1 << beyond.min(10))).min(Guard::LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 66, 0, 10));
    const START: Duration = Duration::from_secs(100);

    fn other(number: u8) -> IpAddr {
        [10, 66, 1, number].into()
    }

    #[test]
    fn a_guesser_waits_longer_and_longer_and_nobody_else_does() {
        let mut guard = Guard::default();
        for _ in 0..Guard::FREE {
            assert_eq!(guard.begin(DESK, "ann", START), Ok(()));
        }
        assert_eq!(guard.begin(DESK, "ann", START), Err(Wait(Duration::from_secs(10))));
        assert_eq!(guard.begin(DESK, "bob", START), Err(Wait(Duration::from_secs(10))), "whomever it tries");
        assert_eq!(guard.begin(other(1), "bob", START), Ok(()));
        let later = START + Duration::from_secs(10);
        assert_eq!(guard.begin(DESK, "ann", later), Ok(()));
        assert_eq!(guard.begin(DESK, "ann", later), Err(Wait(Duration::from_secs(20))));
        assert_eq!(guard.begin(DESK, "ann", later + Guard::FORGET), Ok(()));
    }

    #[test]
    fn a_try_that_was_not_looked_at_costs_nothing() {
        let mut guard = Guard::default();
        for _ in 0..10 * Guard::FREE_FOR_A_USER {
            assert_eq!(guard.begin(DESK, "Ann", START), Ok(()));
            guard.take_back(DESK, "ann");
        }
    }

    #[test]
    fn a_password_of_ones_own_buys_no_further_guesses_at_others() {
        let mut guard = Guard::default();
        for _ in 0..Guard::FREE - 1 {
            assert_eq!(guard.begin(DESK, "ann", START), Ok(()));
        }
        let later = START + Duration::from_secs(60);
        for _ in 0..100 {
            assert_eq!(guard.begin(DESK, "mallory", later), Ok(()), "who knows it never waits for it");
            guard.right(DESK, "mallory");
        }
        assert_eq!(guard.begin(DESK, "ann", later), Ok(()), "the last one that is free");
        assert_eq!(guard.begin(DESK, "ann", later), Err(Wait(Duration::from_secs(10))));
        // Whoever signs in all day long puts off neither the end of the wait nor the hour after which all is forgotten.
        let after = later + Duration::from_secs(10);
        assert_eq!(guard.begin(DESK, "mallory", after), Ok(()));
        guard.right(DESK, "mallory");
        let hours = later + Guard::FORGET;
        for _ in 0..Guard::FREE {
            assert_eq!(guard.begin(DESK, "ann", hours), Ok(()));
        }
    }

    #[test]
    fn the_same_hour_forgives_once() {
        let mut guard = Guard::default();
        for _ in 0..Guard::FREE {
            assert_eq!(guard.begin(DESK, "ann", START), Ok(()));
        }
        let later = START + Guard::FORGIVE;
        for _ in 0..Guard::FREE {
            assert_eq!(guard.begin(DESK, "mallory", later), Ok(()));
            guard.right(DESK, "mallory");
        }
        assert_eq!(guard.begin(DESK, "ann", later), Ok(()), "one is forgiven");
        assert!(guard.begin(DESK, "ann", later).is_err(), "no more than one");
    }

    #[test]
    fn a_user_whom_many_guess_still_signs_in_from_their_own_desk() {
        let mut guard = Guard::default();
        assert_eq!(guard.begin(DESK, "Ann", START), Ok(()));
        guard.right(DESK, "Ann");
        for number in 0..u8::try_from(Guard::FREE_FOR_A_USER).unwrap() {
            assert_eq!(guard.begin(other(number), "ann", START), Ok(()), "{number}");
        }
        assert!(guard.begin(other(200), "ANN", START).is_err(), "a stranger waits");
        assert_eq!(guard.begin(DESK, "ann", START), Ok(()), "the desk does not");
        assert_eq!(guard.begin(other(200), "bob", START), Ok(()), "nor does anybody for another user");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut guard = Guard::default();
        for number in 0..10_000_u32 {
            let _ = guard.begin(IpAddr::V4(number.into()), &number.to_string(), Duration::from_millis(number.into()));
            guard.right(IpAddr::V4(number.into()), &format!("u{number}"));
        }
        assert!(guard.sources.len() <= Guard::MOST && guard.users.len() <= Guard::MOST);
        assert!(guard.familiar.len() <= Guard::MOST);
    }
}
