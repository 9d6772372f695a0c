//! PURE. What the box says to the client, byte for byte.

use super::setting::{self, Misfit, Setting};

/// An answer of one of the three servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The user is who they say; these are their settings.
    SignedIn {
        /// Licence key of the client, where the administrator has one for this user.
        licence: Option<String>,
        /// All settings.
        settings: Vec<Setting>,
    },
    /// The user is not let in, for this reason, which the client shows in its login dialog.
    Refused {
        /// The reason.
        why: String,
    },
    /// Nothing new, or no upgrade. This is no error.
    Nothing,
    /// Settings have changed.
    Changed {
        /// Those that are sent.
        settings: Vec<Setting>,
    },
    /// There is a newer program.
    Upgrade {
        /// Its build.
        build: u64,
        /// Whether the client ends when the user declines it.
        mandatory: bool,
        /// Where the installer is.
        url: String,
    },
}

/// A value that cannot be written.
pub type Unfit = Misfit;

/// Every line ends so, the last one too: the client ignores a last line that does not.
const END: &str = "\r\n";

impl Answer {
    /// The body of the answer: `[DATA]`, `[SETTINGS]` and `[##MEMORY##]` in this order and no other.
    ///
    /// # Errors
    /// A value that the format cannot hold; nothing is sent then.
    pub fn bytes(&self) -> Result<Vec<u8>, Unfit> {
        let mut text = format!("[DATA]{END}");
        let success = !matches!(self, Self::Refused { .. } | Self::Nothing);
        text += &format!("Success={}{END}", u8::from(success));
        match self {
            Self::Nothing => {}
            Self::Refused { why } => text += &quoted("Failure", why)?,
            Self::SignedIn { licence, settings } => {
                if let Some(licence) = licence {
                    text += &quoted("LicenseKey", licence)?;
                }
                text += &sections(settings)?;
            }
            Self::Changed { settings } => text += &sections(settings)?,
            Self::Upgrade { build, mandatory, url } => {
                text += &format!("Mandatory={}{END}version={build}{END}", u8::from(*mandatory));
                text += &quoted("url", url)?;
            }
        }
        Ok(text.into_bytes())
    }
}

fn sections(settings: &[Setting]) -> Result<String, Unfit> {
    let mut text = format!("[SETTINGS]{END}");
    for setting in settings.iter().filter(|setting| !setting.in_memory) {
        text += &quoted(setting.name(), setting.value())?;
    }
    if settings.iter().any(|setting| setting.in_memory) {
        text += &format!("[##MEMORY##]{END}");
        for setting in settings.iter().filter(|setting| setting.in_memory) {
            text += &quoted(setting.name(), setting.value())?;
        }
    }
    Ok(text)
}

fn quoted(name: &str, value: &str) -> Result<String, Unfit> {
    setting::sound(name, value)?;
    Ok(format!("{name}=\"{value}\"{END}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, value: &str) -> Setting {
        Setting::new(name, value).unwrap()
    }

    /// The sample of the guides, as bytes.
    #[test]
    fn a_login_is_answered_in_three_sections() {
        let answer = Answer::SignedIn {
            licence: Some("ABC-123".into()),
            settings: vec![
                setting("proxies:proxy0:password", "s3cret").in_memory(),
                setting("proxies:proxy0:enabled", "1"),
                setting("proxies:proxy0:username", "1001"),
            ],
        };
        let expected: &[u8] = b"[DATA]\r\nSuccess=1\r\nLicenseKey=\"ABC-123\"\r\n[SETTINGS]\r\n\
            proxies:proxy0:enabled=\"1\"\r\nproxies:proxy0:username=\"1001\"\r\n\
            [##MEMORY##]\r\nproxies:proxy0:password=\"s3cret\"\r\n";
        assert_eq!(answer.bytes().unwrap(), expected);
    }

    #[test]
    fn refusals_and_nothing_new_are_these_bytes() {
        let refused = Answer::Refused { why: "Unknown user or wrong password".into() };
        assert_eq!(refused.bytes().unwrap(), b"[DATA]\r\nSuccess=0\r\nFailure=\"Unknown user or wrong password\"\r\n");
        assert_eq!(Answer::Nothing.bytes().unwrap(), b"[DATA]\r\nSuccess=0\r\n");
        let changed = Answer::Changed { settings: vec![setting("ui:x:y", "1")] };
        assert_eq!(changed.bytes().unwrap(), b"[DATA]\r\nSuccess=1\r\n[SETTINGS]\r\nui:x:y=\"1\"\r\n");
    }

    #[test]
    fn an_upgrade_has_no_settings() {
        let url = "https://box.example/p/firmware/bria/60000/bria_60000.exe".to_owned();
        let answer = Answer::Upgrade { build: 60_000, mandatory: false, url }.bytes().unwrap();
        assert_eq!(
            answer,
            b"[DATA]\r\nSuccess=1\r\nMandatory=0\r\nversion=60000\r\n\
              url=\"https://box.example/p/firmware/bria/60000/bria_60000.exe\"\r\n"
        );
    }

    #[test]
    fn what_cannot_be_quoted_is_refused() {
        for why in ["say \"please\"", "two\r\nlines", "two\nlines"] {
            assert!(Answer::Refused { why: why.into() }.bytes().is_err(), "{why:?}");
        }
        let licence = Some("a\"\r\n[SETTINGS]".to_owned());
        assert!(Answer::SignedIn { licence, settings: Vec::new() }.bytes().is_err());
    }
}
