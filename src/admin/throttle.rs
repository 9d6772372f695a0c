use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// How long each source must wait before it may guess again.
///
/// The first few wrong guesses cost nothing, since people mistype. From then on each one doubles the wait. A
/// source is an IPv4 address or an IPv6 /64. Nobody else is ever locked out by one source's guessing.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    sources: HashMap<IpAddr, Guesses>,
}

#[derive(Debug, Clone, Copy)]
struct Guesses {
    wrong: u32,
    last: Duration,
}

impl Throttle {
    /// Wrong guesses before there is any wait.
    const FREE: u32 = 5;
    /// The longest wait.
    const LONGEST: Duration = Duration::from_secs(300);
    /// After this long without a guess a source starts afresh.
    const FORGET: Duration = Duration::from_secs(3600);
    /// Sources remembered at once; beyond, the one that guessed longest ago is forgotten.
    const MOST: usize = 4096;

    /// How long `source` must still wait at `now` (time since the process started); `None` when it may guess.
    pub(crate) fn wait(&self, source: IpAddr, now: Duration) -> Option<Duration> {
        let guesses = self.sources.get(&block_of(source))?;
        let wait = penalty(guesses.wrong)?;
        guesses.last.saturating_add(wait).checked_sub(now).filter(|left| !left.is_zero())
    }

    /// Counts a guess that was wrong.
    ///
    /// A guess is counted before it is checked and taken back by [`Throttle::right`], so that many at once do
    /// not slip through while the first is being checked.
    pub(crate) fn guess(&mut self, source: IpAddr, now: Duration) {
        let source = block_of(source);
        if self.sources.len() >= Self::MOST && !self.sources.contains_key(&source) {
            self.sources.retain(|_, g| now.saturating_sub(g.last) < Self::FORGET);
            if self.sources.len() >= Self::MOST
                && let Some(oldest) = self.sources.iter().min_by_key(|(_, g)| g.last).map(|(a, _)| *a)
            {
                self.sources.remove(&oldest);
            }
        }
        let guesses = self.sources.entry(source).or_insert(Guesses { wrong: 0, last: now });
        if now.saturating_sub(guesses.last) >= Self::FORGET {
            guesses.wrong = 0;
        }
        guesses.wrong = guesses.wrong.saturating_add(1);
        guesses.last = now;
    }

    /// The guess was right: `source` starts afresh.
    pub(crate) fn right(&mut self, source: IpAddr) {
        self.sources.remove(&block_of(source));
    }
}

/// The wait that so many wrong guesses have earned.
fn penalty(wrong: u32) -> Option<Duration> {
    let beyond = wrong.checked_sub(Throttle::FREE)?;
    let seconds = 1_u64.checked_shl(beyond.min(20)).unwrap_or(u64::MAX);
    Some(Duration::from_secs(seconds).min(Throttle::LONGEST))
}

/// An IPv6 host has a whole /64 to guess from.
fn block_of(source: IpAddr) -> IpAddr {
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
        let mut throttle = Throttle::default();
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
        assert_eq!(throttle.wait(guesser, now), Some(Throttle::LONGEST));
        throttle.right(guesser);
        assert_eq!(throttle.wait(guesser, now), None);
    }

    #[test]
    fn a_whole_ipv6_network_is_one_source() {
        let mut throttle = Throttle::default();
        for host in 0..6_u16 {
            throttle.guess(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]), SECOND);
        }
        assert!(throttle.wait("2001:db8:0:1::ffff".parse().unwrap(), SECOND).is_some());
        assert!(throttle.wait("2001:db8:0:2::ffff".parse().unwrap(), SECOND).is_none());
    }

    #[test]
    fn remembers_a_bounded_number_of_sources() {
        let mut throttle = Throttle::default();
        for n in 0..10_000_u32 {
            throttle.guess(IpAddr::V4(n.into()), Duration::from_millis(u64::from(n)));
        }
        assert_eq!(throttle.sources.len(), Throttle::MOST);
    }
}
