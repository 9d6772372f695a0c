use serde::{Deserialize, Serialize};

use super::{Id, Timestamp};

/// An image in the catalogue: what it is for, where it comes from, and what may run before it. The bytes are a file
/// of their own, named by their digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firmware {
    /// Identity, never reused.
    pub id: Id,
    /// Counts every change, for If-Match.
    pub version: u64,
    /// The box that made the document.
    pub origin: Id,
    /// Folder name of the brand that it is for.
    pub brand: String,
    /// The models that it is for, as their brand spells them; none means every model of the brand.
    pub models: Vec<String>,
    /// The version of the software in it, as phones report it.
    pub release: String,
    /// File name as phones ask for it. Brand, release and name together are unique.
    pub name: String,
    /// SHA-256 of the bytes, once known.
    pub sha256: Option<[u8; 32]>,
    /// Number of bytes, once known.
    pub size: Option<u64>,
    /// Where the bytes come from.
    pub source: FirmwareSource,
    /// The oldest release that can be updated to this one at once; an older one takes another step first.
    pub needs: Option<String>,
    /// What an administrator should know of it.
    pub notes: String,
    /// Whether its bytes stay on the box whatever else needs the room.
    pub pinned: bool,
    /// When it was put into the catalogue.
    pub created: Timestamp,
}

/// Where the bytes of an image come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum FirmwareSource {
    /// An administrator brought them: they cannot be fetched again.
    Uploaded,
    /// They are fetched from here when somebody asks for them.
    Url {
        /// An `http` or `https` URL.
        url: String,
        /// Whether an administrator lets the box fetch from it.
        enabled: bool,
    },
}

impl Firmware {
    /// The longest name, in bytes.
    pub const LONGEST_NAME: usize = 128;
    /// The largest image, in bytes: 1 GiB.
    pub const LARGEST: u64 = 1 << 30;

    /// Whether it is for phones of this brand and model. An image for single models is not for a phone whose model
    /// is not known.
    pub fn suits(&self, brand: &str, model: Option<&str>) -> bool {
        let listed = |model: &str| self.models.iter().any(|own| own.eq_ignore_ascii_case(model));
        self.brand == brand && (self.models.is_empty() || model.is_some_and(listed))
    }

    /// Where the paths of images begin, below the provisioning prefix.
    pub const FOLDER: &str = "firmware/";

    /// The path below the provisioning prefix that always means this image, as phones are told it.
    pub fn location(&self) -> String {
        format!("{}{}/{}/{}", Self::FOLDER, self.brand, self.release, self.name)
    }

    /// The same in lower case, in which names are compared.
    pub fn path(&self) -> String {
        self.location().to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_for_its_models_alone() {
        let image = |models: &[&str]| Firmware {
            id: Id::from_bytes([1; 16]),
            version: 0,
            origin: Id::from_bytes([0; 16]),
            brand: "brand".into(),
            models: models.iter().map(|&model| model.to_owned()).collect(),
            release: "66.86.0.160".into(),
            name: "T46S.rom".into(),
            sha256: None,
            size: None,
            source: FirmwareSource::Uploaded,
            needs: None,
            notes: String::new(),
            pinned: false,
            created: Timestamp::default(),
        };
        assert!(image(&["T46S", "T48S"]).suits("brand", Some("t48s")));
        for (brand, model) in [("brand", Some("T54W")), ("brand", None), ("other", Some("T46S"))] {
            assert!(!image(&["T46S", "T48S"]).suits(brand, model), "{brand} {model:?}");
        }
        assert!(image(&[]).suits("brand", None) && !image(&[]).suits("other", None));
        assert_eq!(image(&[]).path(), "firmware/brand/66.86.0.160/t46s.rom");
    }
}
