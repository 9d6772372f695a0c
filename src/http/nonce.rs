//! PURE. Digest nonces: made without keeping anything, judged without being fooled twice.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::{constant_time, hmac};

use crate::model::Now;
use crate::sys::hex;

/// Gives out nonces and judges those that come back.
///
/// A nonce says when it was made and for which address, under a key that lives as long as the process: nothing is
/// kept for a nonce until it was answered rightly. Then a table of fixed size remembers which counts were used.
pub(super) struct Nonces {
    key: hmac::Key,
    made: AtomicU32,
    used: Mutex<Vec<Used>>,
}

/// A nonce that was answered, and the counts that were used with it.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    nonce: (u64, u32),
    highest: u32,
    /// Bit n: the count `highest - n` was used.
    seen: u64,
}

/// What a nonce is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It may be used.
    Fresh,
    /// It is too old, of an earlier process, made for another address, or was used before in the same way.
    Stale,
}

impl Nonces {
    /// How long a nonce may be used with ever higher counts.
    pub(super) const LIFE: Duration = Duration::from_secs(30 * 60);
    /// How long a nonce may be used by a client that does not count: from one address, on any connection.
    pub(super) const LIFE_WITHOUT_COUNT: Duration = Duration::from_secs(5 * 60);
    /// Answered nonces that are remembered, in slots: each takes 40 bytes.
    const SLOTS: usize = 4096;

    /// Nonces under `key`, which must be random.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            made: AtomicU32::new(0),
            used: Mutex::new(vec![Used::default(); Self::SLOTS]),
        }
    }

    /// A new nonce for a client at `address`.
    pub(super) fn issue(&self, address: IpAddr, now: Now) -> String {
        let serial = self.made.fetch_add(1, Ordering::Relaxed);
        self.write(now.monotonic.as_secs(), serial, address)
    }

    /// Whether `nonce` may be used now. It counts as used from then on: ask only for a right answer.
    pub(super) fn judge(&self, nonce: &str, count: Option<u32>, address: IpAddr, now: Now) -> Freshness {
        let Some((made, serial)) = self.read(nonce, address) else { return Freshness::Stale };
        let age = now.monotonic.saturating_sub(Duration::from_secs(made));
        let life = if count.is_some() { Self::LIFE } else { Self::LIFE_WITHOUT_COUNT };
        if age > life {
            return Freshness::Stale;
        }
        match count {
            None => Freshness::Fresh,
            Some(count) => self.count((made, serial), count),
        }
    }

    fn count(&self, nonce: (u64, u32), count: u32) -> Freshness {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = usize::try_from(nonce.1).unwrap_or_default() % Self::SLOTS;
        let Some(entry) = used.get_mut(slot) else { return Freshness::Stale };
        if entry.nonce != nonce || entry.highest == 0 {
            // A slot never goes back to an older nonce: its counts are forgotten, so it must not be believed.
            if entry.highest != 0 && entry.nonce > nonce || count == 0 {
                return Freshness::Stale;
            }
            *entry = Used { nonce, highest: count, seen: 1 };
            return Freshness::Fresh;
        }
        if count > entry.highest {
            entry.seen = entry.seen.checked_shl(count - entry.highest).unwrap_or_default() | 1;
            entry.highest = count;
            return Freshness::Fresh;
        }
        let Some(bit) = 1_u64.checked_shl(entry.highest - count) else { return Freshness::Stale };
        if count == 0 || entry.seen & bit != 0 {
            return Freshness::Stale;
        }
        entry.seen |= bit;
        Freshness::Fresh
    }

    /// Sixteen digits of age and serial number, 24 of their seal.
    fn write(&self, made: u64, serial: u32, address: IpAddr) -> String {
        let plain = format!("{:08x}{serial:08x}", made & 0xffff_ffff);
        let seal = self.seal(&plain, address);
        plain + &seal
    }

    fn read(&self, nonce: &str, address: IpAddr) -> Option<(u64, u32)> {
        let (plain, seal) = nonce.split_at_checked(16)?;
        constant_time::verify_slices_are_equal(self.seal(plain, address).as_bytes(), seal.as_bytes()).ok()?;
        let (made, serial) = plain.split_at_checked(8)?;
        Some((u64::from_str_radix(made, 16).ok()?, u32::from_str_radix(serial, 16).ok()?))
    }

    fn seal(&self, plain: &str, address: IpAddr) -> String {
        let tag = hmac::sign(&self.key, format!("{plain} {}", address.to_canonical()).as_bytes());
        hex::encode(tag.as_ref().get(..12).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use Freshness::{Fresh, Stale};

    const PHONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 66, 0, 10));

    fn at(seconds: u64) -> Now {
        Now { monotonic: Duration::from_secs(seconds), wall: Timestamp::default(), trusted: false }
    }

    #[test]
    fn a_nonce_is_good_for_its_address_and_its_time() {
        let nonces = Nonces::new(&[1; 32]);
        let nonce = nonces.issue(PHONE, at(100));
        assert_eq!(nonce.len(), 40);
        assert_ne!(nonce, nonces.issue(PHONE, at(100)));
        for _ in 0..3 {
            assert_eq!(nonces.judge(&nonce, None, PHONE, at(400)), Fresh, "without a count it may be used again");
        }
        assert_eq!(nonces.judge(&nonce, None, PHONE, at(401)), Stale);
        assert_eq!(nonces.judge(&nonce, Some(1), PHONE, at(401)), Fresh);
        assert_eq!(nonces.judge(&nonce, Some(2), PHONE, at(1901)), Stale);
        assert_eq!(nonces.judge(&nonce, None, [10, 66, 0, 11].into(), at(100)), Stale);
        assert_eq!(nonces.judge(&nonce, None, "::ffff:10.66.0.10".parse().unwrap(), at(100)), Fresh);
    }

    #[test]
    fn a_nonce_of_an_earlier_process_or_none_of_ours_is_stale() {
        let nonce = Nonces::new(&[1; 32]).issue(PHONE, at(100));
        let nonces = Nonces::new(&[2; 32]);
        assert_eq!(nonces.judge(&nonce, Some(1), PHONE, at(1)), Stale);
        let own = nonces.issue(PHONE, at(100));
        for bad in ["", "x", &own[..39], &own.to_uppercase(), &format!("{own}0"), "\u{e9}".repeat(20).as_str()] {
            assert_eq!(nonces.judge(bad, None, PHONE, at(100)), Stale, "{bad}");
        }
    }

    #[test]
    fn a_count_is_good_once() {
        let nonces = Nonces::new(&[1; 32]);
        let nonce = nonces.issue(PHONE, at(0));
        let judge = |count| nonces.judge(&nonce, Some(count), PHONE, at(1));
        assert_eq!(judge(0), Stale);
        assert_eq!(judge(1), Fresh);
        assert_eq!(judge(1), Stale);
        // Two connections may cross.
        assert_eq!([judge(4), judge(3), judge(2)], [Fresh; 3]);
        assert_eq!([judge(4), judge(3), judge(2), judge(1), judge(0)], [Stale; 5]);
        assert_eq!(judge(1000), Fresh);
        assert_eq!([judge(936), judge(937), judge(937)], [Stale, Fresh, Stale], "64 counts back are remembered");
        assert_eq!([judge(u32::MAX), judge(u32::MAX), judge(0)], [Fresh, Stale, Stale]);
    }

    #[test]
    fn what_was_forgotten_is_not_believed() {
        let nonces = Nonces::new(&[1; 32]);
        let first = nonces.issue(PHONE, at(0));
        assert_eq!(nonces.judge(&first, Some(1), PHONE, at(0)), Fresh);
        let mut other = String::new();
        for _ in 0..Nonces::SLOTS {
            other = nonces.issue(PHONE, at(0));
        }
        assert_eq!(nonces.judge(&other, Some(1), PHONE, at(0)), Fresh, "it takes the slot of the first");
        assert_eq!(nonces.judge(&first, Some(1), PHONE, at(0)), Stale);
        assert_eq!(nonces.judge(&first, Some(2), PHONE, at(0)), Stale);
        assert_eq!(nonces.judge(&other, Some(2), PHONE, at(0)), Fresh);
    }
}
