//! PURE. The way back: which image each phone of a roll-out had before.

use std::collections::BTreeMap;

use super::Candidate;
use crate::brands::Images;
use crate::firmware::version::Numbering;
use crate::model::{Firmware, Id, Mac, Rollout, Turn};

/// What is to be done to have all as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Back {
    /// The phones that go back to each image.
    pub to: BTreeMap<Id, Vec<Mac>>,
    /// Phones that cannot go back, or not yet, and why.
    pub stay: Vec<(Mac, String)>,
}

/// The way back for the phones that a roll-out reached. `images` tells how phones of its brand are updated.
pub fn back(rollout: &Rollout, phones: &[Candidate], catalogue: &[Firmware], images: Option<&Images>) -> Back {
    let numbering = Numbering { hardware: images.map_or(0, |images| images.hardware_numbers) };
    let mut found = Back::default();
    for phone in phones {
        let turn = rollout.phones.get(&phone.mac);
        // About those that it refuses now, another roll-out decides.
        let before = match (turn, rollout.before.get(&phone.mac)) {
            (None | Some(Turn::Refused { .. }), _) | (_, None) => continue,
            (Some(_), Some(before)) => before,
        };
        if phone.runs.as_ref().is_some_and(|runs| numbering.same(runs, before)) {
            // It says so until it comes up with the image that it may be writing now.
            if matches!(turn, Some(Turn::Updating { .. })) {
                let why = "it is being updated at this moment: take it back when it has come up with the image";
                found.stay.push((phone.mac, why.into()));
            }
            continue;
        }
        let brand = phone.brand.as_deref().unwrap_or_default();
        let suits =
            |image: &&Firmware| image.suits(brand, phone.model.as_deref()) && numbering.same(&image.release, before);
        match catalogue.iter().find(suits) {
            _ if !images.is_some_and(|images| images.rollback) => {
                found.stay.push((phone.mac, "phones of its brand take no older release".into()));
            }
            Some(image) => found.to.entry(image.id).or_default().push(phone.mac),
            None => found.stay.push((phone.mac, format!("release {before} is not in the catalogue"))),
        }
    }
    found
}
