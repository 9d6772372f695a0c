use std::net::IpAddr;
use std::time::Duration;

use crate::access::Ask;
use crate::model::Mac;

/// Which phones were asked for a login, at which address, and have sent none since.
///
/// Phones send a login only when asked. One that is asked, comes again, and again has none was reset. The table has a
/// fixed size; a phone that is pushed out of it is asked once more.
#[derive(Debug)]
pub(super) struct Unanswered {
    slots: Vec<Option<Asked>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    mac: Mac,
    address: IpAddr,
    at: Duration,
}

impl Unanswered {
    const SLOTS: usize = 2048;

    pub(super) fn new() -> Self {
        Self { slots: vec![None; Self::SLOTS] }
    }

    /// `mac` was asked for a login at `address`; times are since the start of the process.
    pub(super) fn ask(&mut self, mac: Mac, address: IpAddr, now: Duration) {
        if let Some(slot) = self.slots.get_mut(index(mac)) {
            *slot = Some(Asked { mac, address, at: now });
        }
    }

    /// `mac` sent one from `address`, right or wrong.
    pub(super) fn answer(&mut self, mac: Mac, address: IpAddr) {
        if let Some(slot) = self.slots.get_mut(index(mac))
            && slot.is_some_and(|asked| asked.mac == mac && asked.address == address)
        {
            *slot = None;
        }
    }

    /// Whether `mac` was asked at `address` a short time ago.
    pub(super) fn holds(&self, mac: Mac, address: IpAddr, now: Duration) -> bool {
        self.slots.get(index(mac)).copied().flatten().is_some_and(|asked| {
            asked.mac == mac && asked.address == address && now.saturating_sub(asked.at) < Ask::UNANSWERED
        })
    }
}

/// The low bits of a MAC count up in the factory: neighbours on a desk do not meet in one slot.
fn index(mac: Mac) -> usize {
    let [.., high, low] = mac.octets();
    usize::from(u16::from_be_bytes([high, low])) % Unanswered::SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_one_phone_at_one_address_for_a_while() {
        let mac = Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]);
        let other = Mac::new([0x80, 0x5e, 0xc1, 0, 0, 1]);
        let [here, there] = [10, 11].map(|last| IpAddr::from([10, 66, 0, last]));
        let at = Duration::from_secs(100);
        let mut asked = Unanswered::new();
        assert!(!asked.holds(mac, here, at));
        asked.ask(mac, here, at);
        assert!(asked.holds(mac, here, at) && !asked.holds(mac, there, at) && !asked.holds(other, here, at));
        assert!(!asked.holds(mac, here, at + Ask::UNANSWERED));
        asked.answer(mac, there);
        asked.answer(other, here);
        assert!(asked.holds(mac, here, at));
        asked.answer(mac, here);
        assert!(!asked.holds(mac, here, at));
    }
}
