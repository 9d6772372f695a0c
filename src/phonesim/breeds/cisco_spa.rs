//! Cisco SPA and Linksys phones \[facts\]. They trust their maker's CAs alone.

use super::flat_profile::{NOTICES, expand, look, meaning, resources};
use crate::phonesim::Identity;
use crate::phonesim::breed::{Anchor, Breed, Habits, Make, Trust, Words, never};

/// Cisco SPA.
pub(super) static BREED: Breed = Breed {
    brand: "cisco_spa",
    // User-Agent and class of each [facts]; the code is the product's name in `$PSN`.
    makes: &[
        Make { model: "SPA501G", firmware: "7.4.4", code: "501G", prefix: [0x88, 0x43, 0xe1] },
        Make { model: "SPA-942", firmware: "6.1.5(a)", code: "942", prefix: [0x00, 0x0e, 0x08] },
    ],
    trust: Trust::PlainLogin,
    most_authorities: 0,
    dhcp: Habits {
        class: |phone| match phone.make.model {
            "SPA-942" => b"LINKSYS SPA-942".to_vec(),
            model => format!("Cisco {model}").into_bytes(),
        },
        user_class: None,
        // DHCP_Option_To_Use is 66,160,159,150 [facts]; the rest as phones do [assumed].
        wanted: &[1, 3, 6, 15, 42, 51, 54, 66, 150, 159, 160],
        place: |options, _| options.first_text(&[66, 160, 159]),
    },
    user_agent,
    expand,
    look,
    authorities: |_| Vec::<Anchor>::new(),
    resources,
    relative_names: false,
    meaning,
    restarts: never,
    notices: NOTICES,
    words: Words { server_url: "Profile_Rule", authority: "none" },
};

/// `Cisco/SPA501G-7.4.4 (8843E157DDCC)(CBT141100HR)`, `Linksys/SPA-942-6.1.5(a) (88019FA42805)` where the digits are a
/// serial number \[facts\].
fn user_agent(phone: &Identity, _: usize) -> String {
    let make = phone.make;
    match make.model {
        "SPA-942" => format!("Linksys/{}-{} (88019FA42805)", make.model, make.firmware),
        _ => {
            let mac = phone.mac.plain().to_ascii_uppercase();
            format!("Cisco/{}-{} ({mac})(CBT141100HR)", make.model, make.firmware)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;

    #[test]
    fn names_itself_as_the_real_one_does() {
        let mac = Mac::new([0x88, 0x43, 0xe1, 0x57, 0xdd, 0xcc]);
        let phone = |make| Identity { breed: &BREED, make: &BREED.makes[make], mac };
        assert_eq!(user_agent(&phone(0), 0), "Cisco/SPA501G-7.4.4 (8843E157DDCC)(CBT141100HR)");
        assert_eq!(user_agent(&phone(1), 0), "Linksys/SPA-942-6.1.5(a) (88019FA42805)");
        assert_eq!((BREED.dhcp.class)(&phone(0)), b"Cisco SPA501G");
        assert_eq!(expand(&phone(0), "/spa$MA.cfg/spa$PSN.cfg/$MAU"), "/spa8843e157ddcc.cfg/spa501G.cfg/8843E157DDCC");
    }
}
