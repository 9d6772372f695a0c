//! PURE. The way back: which image each phone of a roll-out had before.

use std::collections::BTreeMap;

use super::Candidate;
use crate::brands::Images;
use crate::firmware::catalogue::comes_by;
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

/// The way back for the phones that a roll-out of this image reached. `images` tells how phones of its brand are updated.
pub fn back(
    rollout: &Rollout,
    (image, catalogue): (&Firmware, &[Firmware]),
    images: Option<&Images>,
    phones: &[Candidate],
) -> Back {
    let numbering = Numbering { hardware: images.map_or(0, |images| images.hardware_numbers) };
    let mut found = Back::default();
    for phone in phones {
        let (Some(turn), Some(before)) = (rollout.phones.get(&phone.mac), rollout.before.get(&phone.mac)) else {
            continue;
        };
        if phone.runs.as_ref().is_some_and(|runs| numbering.same(runs, before)) {
            // It says so until it comes up with the image that it may be writing now.
            if matches!(turn, Turn::Updating { .. }) {
                let why = "it is being updated at this moment: take it back when it has come up with the image";
                found.stay.push((phone.mac, why.into()));
            }
            continue;
        }
        if let Turn::Refused { why } = turn {
            found.stay.push((phone.mac, why.clone()));
            continue;
        }
        let brand = phone.brand.as_deref().unwrap_or_default();
        let about = (brand, phone.model.as_deref());
        let elsewhere = |runs: &&str| !comes_by(image, catalogue, images, about, (before, runs));
        if let Some(runs) = phone.runs.as_deref().filter(elsewhere) {
            found.stay.push((phone.mac, format!("it runs {runs}, and not by this roll-out")));
            continue;
        }
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
