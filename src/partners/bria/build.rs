//! PURE. Which program is offered: only a higher build than the one that the client says it runs.

use crate::model::Firmware;

/// Folder name under which installers stand in the catalogue.
pub(super) const CATALOGUE: &str = "bria";

/// The build of a client: a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Build(pub u64);

impl Build {
    /// Reads what a client sends; `None` when it is no number, as an unexpanded macro.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.trim();
        (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok().map(Self))?
    }
}

/// The installer to offer to a client that runs `runs` on `platform`: the highest of those for its platform, if it is
/// higher. Clients of old prompt for any other number, so that one which does not say what it runs is offered nothing.
pub(super) fn offer<'a>(
    catalogue: impl IntoIterator<Item = &'a Firmware>,
    platform: Option<&str>,
    runs: Option<Build>,
) -> Option<(Build, &'a Firmware)> {
    let runs = runs?;
    let suited = catalogue.into_iter().filter(|image| image.suits(CATALOGUE, platform));
    let numbered = suited.filter_map(|image| Some((Build::read(&image.release)?, image)));
    numbered.max_by_key(|(build, image)| (*build, image.created)).filter(|(build, _)| *build > runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FirmwareSource, Id, Timestamp};

    fn installer(release: &str, platforms: &[&str]) -> Firmware {
        Firmware {
            id: Id::from_bytes([1; 16]),
            version: 1,
            origin: Id::from_bytes([0; 16]),
            brand: CATALOGUE.into(),
            models: platforms.iter().map(|&platform| platform.to_owned()).collect(),
            release: release.into(),
            name: format!("Bria_{release}.exe"),
            sha256: None,
            size: None,
            source: FirmwareSource::Uploaded,
            needs: None,
            notes: String::new(),
            pinned: false,
            created: Timestamp::default(),
        }
    }

    #[test]
    fn only_a_higher_build_is_offered() {
        let catalogue = [installer("60000", &["win32"]), installer("59000", &[]), installer("70000", &["mac"])];
        let offered = |platform, runs: &str| offer(&catalogue, platform, Build::read(runs)).map(|(build, _)| build.0);
        assert_eq!(offered(Some("win32"), "59999"), Some(60_000), "lower");
        assert_eq!(offered(Some("win32"), "60000"), None, "equal");
        assert_eq!(offered(Some("win32"), "60001"), None, "higher: never a downgrade");
        assert_eq!(offered(Some("WIN32"), "1"), Some(60_000));
        assert_eq!(offered(None, "1"), Some(59_000), "only what is for every platform");
        for runs in ["", "$build$", "sixty", "-1", "6e4", "99999999999999999999999"] {
            assert_eq!(offered(Some("win32"), runs), None, "{runs}");
        }
    }

    #[test]
    fn images_of_others_and_without_a_number_are_not_offered() {
        let other = Firmware { brand: "other".into(), ..installer("90000", &[]) };
        let unnumbered = installer("4.8.1", &[]);
        assert!(offer([&other, &unnumbered], None, Some(Build(1))).is_none());
    }
}
