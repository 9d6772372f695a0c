//! Cisco phones with multiplatform firmware \[facts\].

use super::flat_profile::{NOTICES, authorities, expand, look, meaning, resources};
use crate::phonesim::breed::{Breed, Habits, Make, Trust, Words, never};

/// Cisco MPP.
pub(super) static BREED: Breed = Breed {
    brand: "cisco_mpp",
    // User-Agent [facts]; the second by likeness. The code is the product's name in `$PSN`.
    makes: &[
        Make { model: "7832", firmware: "11.0.1", code: "CP-7832-3PCC", prefix: [0x00, 0x56, 0x2b] },
        Make { model: "8851", firmware: "12.0.1", code: "CP-8851-3PCC", prefix: [0xd0, 0xec, 0x35] },
    ],
    trust: Trust::Authority,
    most_authorities: 1,
    dhcp: Habits {
        // Ends with `CP-8841-3PCC` and NUL [facts]; what stands before is assumed.
        class: |phone| format!("Cisco Systems, Inc. IP Phone {}\0", phone.make.code).into_bytes(),
        user_class: None,
        // DHCP_Option_To_Use is 66,160,159,150,60,43,125 [facts]; the rest as phones do [assumed].
        wanted: &[1, 3, 6, 15, 42, 43, 51, 54, 60, 66, 125, 150, 159, 160],
        place: |options, _| options.first_text(&[66, 160, 159]),
    },
    // [facts, as `Cisco-CP-7832-3PCC/11.0.1 (00562b043615)`]
    user_agent: |phone, _| format!("Cisco-{}/{} ({})", phone.make.code, phone.make.firmware, phone.mac.plain()),
    expand,
    look,
    authorities,
    resources,
    relative_names: false,
    meaning,
    restarts: never,
    notices: NOTICES,
    words: Words { server_url: "Profile_Rule", authority: "Custom_CA_Rule" },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;
    use crate::phonesim::Identity;

    #[test]
    fn names_itself_as_the_real_one_does() {
        let phone =
            Identity { breed: &BREED, make: &BREED.makes[0], mac: Mac::new([0x00, 0x56, 0x2b, 0x04, 0x36, 0x15]) };
        assert_eq!((BREED.user_agent)(&phone, 0), "Cisco-CP-7832-3PCC/11.0.1 (00562b043615)");
        assert_eq!((BREED.dhcp.class)(&phone), b"Cisco Systems, Inc. IP Phone CP-7832-3PCC\0");
    }
}
