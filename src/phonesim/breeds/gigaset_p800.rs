//! Gigaset desk phones P7xx and P8xx, which run Snom's software under names of their own \[facts\].

use super::snom;
use crate::phonesim::breed::{Breed, Habits, Make, Notices, Trust, Words, never, verbatim};
use crate::phonesim::fault::Halt;
use crate::phonesim::look::{Look, Whose};

/// Gigaset, desk phones.
pub(super) static BREED: Breed = Breed {
    brand: "gigaset-p800",
    // The name as in those of its files, the prefix as in the facts; the firmware is written after Snom's.
    makes: &[Make { model: "GigasetP850", firmware: "10.1.33.33", code: "", prefix: [0x00, 0x04, 0x13] }],
    trust: Trust::Authority,
    // [assumed]
    most_authorities: 10,
    dhcp: Habits {
        // Not known [facts].
        class: |_| Vec::new(),
        user_class: None,
        wanted: &[1, 2, 3, 6, 15, 42, 43, 51, 54, 58, 59, 66, 114, 132],
        // [facts]
        place: |options, _| options.first_text(&[114, 66]),
    },
    // Not known [facts]; nobody's that is.
    user_agent: |phone, _| format!("{}/{}", phone.make.model, phone.make.firmware),
    expand: verbatim,
    look,
    authorities: snom::authorities,
    resources: |_| Vec::new(),
    relative_names: false,
    meaning: snom::meaning,
    restarts: never,
    notices: Notices::CHECK_SYNC,
    words: Words { server_url: "setting_server", authority: "a certificate" },
};

/// The file of the model, its twin with the MAC, and where the firmware is \[facts\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let (model, mac) = (look.identity().make.model, look.identity().mac.plain());
    look.take(&format!("{model}.htm"), Whose::Shared, snom::read)?;
    look.take(&format!("{model}-{mac}.htm"), Whose::Own, snom::read)?;
    look.take(&format!("{model}-firmware.htm"), Whose::Shared, snom::read)?;
    Ok(())
}
