use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

use crate::model::{Mac, Timestamp};

/// The most devices that are remembered; the one that was heard of longest ago makes room.
const MOST: usize = 4096;

/// A device that was noticed on a LAN, and what it said of itself. Each field is a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its hardware address.
    pub mac: Mac,
    /// Name of the network.
    pub network: String,
    /// The address that it uses, once known.
    pub address: Option<Ipv4Addr>,
    /// Option 60 that it sent, cleaned to printable ASCII.
    pub class: Option<String>,
    /// Folder name of the brand that it seems to be of.
    pub brand: Option<String>,
    /// Whether that is enough to take it for a phone.
    pub phone: bool,
    /// Whether it looked for a DHCP server by broadcast.
    pub asked: bool,
    /// When it was noticed first.
    pub first: Timestamp,
    /// When it was noticed last.
    pub last: Timestamp,
}

/// What a packet says of its sender.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glimpse {
    /// The address that it uses.
    pub address: Option<Ipv4Addr>,
    /// Option 60, cleaned.
    pub class: Option<String>,
    /// Folder name of its brand.
    pub brand: Option<String>,
    /// Whether it is a phone.
    pub phone: bool,
    /// Whether it looked for a DHCP server.
    pub asked: bool,
}

/// The devices that were noticed since the start: a bounded number.
#[derive(Debug, Default)]
pub struct Sightings {
    by_mac: HashMap<Mac, Seen>,
    by_time: BTreeSet<(Timestamp, Mac)>,
}

impl Sightings {
    /// Notes a packet of `mac`.
    pub fn note(&mut self, network: &str, mac: Mac, glimpse: Glimpse, now: Timestamp) {
        if let Some(seen) = self.by_mac.get_mut(&mac) {
            self.by_time.remove(&(seen.last, mac));
            self.by_time.insert((now, mac));
            if seen.network != network {
                network.clone_into(&mut seen.network);
            }
            seen.last = now;
            seen.address = glimpse.address.or(seen.address);
            seen.class = glimpse.class.or(seen.class.take());
            seen.brand = glimpse.brand.or(seen.brand.take());
            seen.phone |= glimpse.phone;
            seen.asked |= glimpse.asked;
            return;
        }
        if self.by_mac.len() >= MOST
            && let Some((_, oldest)) = self.by_time.pop_first()
        {
            self.by_mac.remove(&oldest);
        }
        let Glimpse { address, class, brand, phone, asked } = glimpse;
        let network = network.to_owned();
        let seen = Seen { mac, network, address, class, brand, phone, asked, first: now, last: now };
        self.by_mac.insert(mac, seen);
        self.by_time.insert((now, mac));
    }

    /// Whether a device was noticed.
    pub fn contains(&self, mac: Mac) -> bool {
        self.by_mac.contains_key(&mac)
    }

    /// All of them, the latest first.
    pub fn latest(&self) -> impl Iterator<Item = &Seen> {
        self.by_time.iter().rev().filter_map(|(_, mac)| self.by_mac.get(mac))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(number: u32) -> Mac {
        let [_, a, b, c] = number.to_be_bytes();
        Mac::new([0x80, 0x5e, 0xc0, a, b, c])
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_790_000_000 + seconds)
    }

    #[test]
    fn what_was_said_once_is_kept() {
        let mut sightings = Sightings::default();
        let said = Glimpse { class: Some("phone".into()), phone: true, asked: true, ..Glimpse::default() };
        sightings.note("office", mac(1), said, at(0));
        let address = Some([10, 66, 0, 9].into());
        sightings.note("office", mac(1), Glimpse { address, ..Glimpse::default() }, at(5));
        let seen = sightings.latest().next().unwrap();
        assert_eq!((seen.first, seen.last, seen.address), (at(0), at(5), address));
        assert!(seen.phone && seen.asked && seen.class.as_deref() == Some("phone"));
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_room_and_the_oldest_go_first() {
        let mut sightings = Sightings::default();
        for number in 0..10_000 {
            sightings.note("office", mac(number), Glimpse::default(), at(i64::from(number)));
        }
        assert_eq!(sightings.latest().count(), MOST);
        assert_eq!(sightings.by_time.len(), sightings.by_mac.len());
        assert!(sightings.contains(mac(9_999)) && !sightings.contains(mac(0)));
        assert_eq!(sightings.latest().next().unwrap().mac, mac(9_999));
    }
}
