//! What proves that a phone is at an address.
//!
//! A phone that is told to fetch may ask for the login of its line before it does. What it is given then is a hash of
//! the line's password, and whoever has that can try passwords on it at leisure. So it is given only to an address
//! that is proven to be the phone's, by more than what the device there says of itself.

use std::time::Duration;

use crate::access::{self, Lan};
use crate::model::Mac;

/// What is known of an address at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// Whether the address is on a link of ours, so that the neighbour table knows whoever is spoken to there. True of
    /// IPv6 addresses, too, of which that table knows none.
    pub on_link: bool,
    /// Whose lease it is, by a lease that vouches for who is there.
    pub lease: Option<Mac>,
    /// Who has it, as the neighbour table says.
    pub neighbour: Option<Mac>,
    /// How long ago the phone last fetched its files, if that was from this address, over HTTPS, and with its own login
    /// or certificate.
    pub fetched: Option<Duration>,
}

impl Evidence {
    /// How long a fetch proves where a phone is. Phones look for their files once a day; one look may fail.
    pub const FETCH_KEPT: Duration = Duration::from_secs(48 * 3600);

    /// Whether the phone is proven to be there.
    ///
    /// On a link of ours the neighbour table has to say so. A lease does not replace its word: who holds the address of
    /// a phone can let its entry run out by not answering ARP, and answer again a moment later. Elsewhere no hardware
    /// address is seen: there the lease speaks, and where it does not, the phone's own fetch.
    pub fn proves(&self, mac: Mac) -> bool {
        match access::lan(mac, self.lease, self.neighbour) {
            Lan::Disagrees => false,
            Lan::Agrees | Lan::Unknown if self.on_link => self.neighbour == Some(mac),
            Lan::Agrees => true,
            Lan::Unknown => self.fetched.is_some_and(|ago| ago <= Self::FETCH_KEPT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: Mac = Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]);
    const LAPTOP: Mac = Mac::new([0x02, 0, 0, 0, 0, 0x66]);
    const ON_LINK: Evidence = Evidence { on_link: true, lease: None, neighbour: None, fetched: None };
    const ELSEWHERE: Evidence = Evidence { on_link: false, ..ON_LINK };
    const NOW: Option<Duration> = Some(Duration::ZERO);

    #[test]
    fn the_neighbour_table_proves_where_a_phone_of_the_link_is() {
        assert!(Evidence { neighbour: Some(PHONE), ..ON_LINK }.proves(PHONE), "leased by another server, or by none");
        assert!(Evidence { neighbour: Some(PHONE), lease: Some(PHONE), ..ON_LINK }.proves(PHONE));
    }

    #[test]
    fn a_laptop_on_the_link_is_not_the_phone() {
        let own_mac = Evidence { neighbour: Some(LAPTOP), ..ON_LINK };
        assert!(!own_mac.proves(PHONE), "at an address of its own");
        assert!(!Evidence { lease: Some(PHONE), fetched: NOW, ..own_mac }.proves(PHONE), "at the phone's address");
        let silent = Evidence { fetched: NOW, ..ON_LINK };
        assert!(!silent.proves(PHONE), "it does not answer ARP");
        assert!(!Evidence { lease: Some(PHONE), ..silent }.proves(PHONE), "nor at the phone's address");
        let named = Evidence { neighbour: Some(PHONE), lease: Some(LAPTOP), ..ON_LINK };
        assert!(!named.proves(PHONE), "its own lease says who it is");
    }

    #[test]
    fn behind_a_router_a_lease_or_a_fetch_proves_where_a_phone_is() {
        assert!(Evidence { lease: Some(PHONE), ..ELSEWHERE }.proves(PHONE));
        assert!(Evidence { fetched: Some(Evidence::FETCH_KEPT), ..ELSEWHERE }.proves(PHONE));
        assert!(!ELSEWHERE.proves(PHONE), "saying so from there is no proof");
        let long_ago = Some(Evidence::FETCH_KEPT + Duration::from_millis(1));
        assert!(!Evidence { fetched: long_ago, ..ELSEWHERE }.proves(PHONE));
        let leased_to_another = Evidence { lease: Some(LAPTOP), fetched: NOW, ..ELSEWHERE };
        assert!(!leased_to_another.proves(PHONE));
    }
}
