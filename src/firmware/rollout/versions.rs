//! PURE. Who runs what, and who is behind.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::brands::Images;
use crate::firmware::version::Numbering;
use crate::model::Firmware;

/// Brand, model and release, as far as they are known.
pub type Kind = (Option<String>, Option<String>, Option<String>);

/// Phones of one kind that run one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs<'a> {
    /// Folder name of their brand.
    pub brand: Option<String>,
    /// Their model.
    pub model: Option<String>,
    /// What they run.
    pub release: Option<String>,
    /// How many they are.
    pub phones: usize,
    /// The newest image for them, when it is newer than what they run.
    pub behind: Option<&'a Firmware>,
}

/// Who runs what, by brand, model and release; `images` tells how a brand numbers its releases.
pub fn report<'a>(
    phones: impl Iterator<Item = Kind>,
    catalogue: &'a [Firmware],
    images: impl Fn(&str) -> Option<&'a Images>,
) -> Vec<Runs<'a>> {
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for kind in phones {
        *kinds.entry(kind).or_default() += 1;
    }
    let shown = |((brand, model, release), phones): (Kind, usize)| {
        let behind = match (&brand, &release) {
            (Some(brand), Some(release)) => {
                newest(catalogue, images(brand), (brand.as_str(), model.as_deref()), release)
            }
            _ => None,
        };
        Runs { brand, model, release, phones, behind }
    };
    kinds.into_iter().map(shown).collect()
}

/// The newest image for phones of this kind that is newer than what they run.
fn newest<'a>(
    catalogue: &'a [Firmware],
    images: Option<&Images>,
    (brand, model): (&str, Option<&str>),
    runs: &str,
) -> Option<&'a Firmware> {
    let numbering = Numbering { hardware: images.map_or(0, |images| images.hardware_numbers) };
    let newer = |image: &&Firmware| {
        image.suits(brand, model) && numbering.compare(runs, &image.release) == Some(Ordering::Less)
    };
    catalogue
        .iter()
        .filter(newer)
        .max_by(|one, other| numbering.compare(&one.release, &other.release).unwrap_or(Ordering::Equal))
}
