use std::net::IpAddr;

use crate::model::Mac;

/// Which phone last showed its own login at each address.
///
/// It tells who probably asks from there next, and is no evidence. The table has a fixed size; a phone that is pushed
/// out of it is seen again with its next login.
#[derive(Debug)]
pub(super) struct Seen {
    slots: Vec<Option<(IpAddr, Mac)>>,
}

impl Seen {
    const SLOTS: usize = 4096;

    pub(super) fn new() -> Self {
        Self { slots: vec![None; Self::SLOTS] }
    }

    /// `mac` showed its login at `address`.
    pub(super) fn note(&mut self, address: IpAddr, mac: Mac) {
        if let Some(slot) = self.slots.get_mut(index(address)) {
            *slot = Some((address, mac));
        }
    }

    /// Who was last seen at `address`.
    pub(super) fn at(&self, address: IpAddr) -> Option<Mac> {
        let seen = self.slots.get(index(address)).copied().flatten();
        seen.filter(|(at, _)| *at == address).map(|(_, mac)| mac)
    }
}

/// Addresses of one network differ at their end.
fn index(address: IpAddr) -> usize {
    let (high, low) = match address {
        IpAddr::V4(address) => {
            let [.., high, low] = address.octets();
            (high, low)
        }
        IpAddr::V6(address) => {
            let [.., high, low] = address.octets();
            (high, low)
        }
    };
    usize::from(u16::from_be_bytes([high, low])) % Seen::SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_at_an_address_is_kept() {
        let [one, other] = [1, 2].map(|last| Mac::new([0x80, 0x5e, 0xc0, 0, 0, last]));
        let [here, there, far] = [[10, 66, 0, 10], [10, 66, 0, 11], [10, 67, 0, 10]].map(IpAddr::from);
        let mut seen = Seen::new();
        assert_eq!(seen.at(here), None);
        seen.note(here, one);
        assert_eq!((seen.at(here), seen.at(there), seen.at(far)), (Some(one), None, None));
        seen.note(here, other);
        seen.note(there, one);
        assert_eq!((seen.at(here), seen.at(there)), (Some(other), Some(one)));
    }
}
