//! PURE. Telling computers by DHCP where the login server is: option 120 with the text of its URL.
//!
//! The client reads plain text there, which is not what RFC 3361 puts into this option: a SIP phone that follows the
//! RFC would take it for rubbish. So nobody is told who is a phone, who does not ask for it, or whose vendor class is
//! not one of those that the administrator named; and nobody at all where the administrator has not switched it on.

use super::settings::Settings;

/// The option: "SIP servers" to everybody else.
const OPTION: u8 = 120;

/// Somebody who sent a DHCP message and is no phone.
#[derive(Debug, Clone, Copy)]
pub struct Discovery<'a> {
    /// Name of the network.
    pub network: &'a str,
    /// Option 60 as sent.
    pub vendor_class: Option<&'a [u8]>,
    /// Option 55.
    pub requested: &'a [u8],
}

impl Discovery<'_> {
    /// Whether this one is told.
    fn is_meant(&self, settings: &Settings) -> bool {
        let class = self.vendor_class.unwrap_or_default();
        let begins = |prefix: &String| {
            class.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        let classes = &settings.discovery_classes;
        settings.enabled
            && settings.discovery.iter().any(|network| network == self.network)
            && self.requested.contains(&OPTION)
            && (classes.is_empty() || classes.iter().any(begins))
    }

    /// What this one is told: the bytes of the URL and nothing before or after them.
    pub fn option(&self, settings: &Settings, login_url: &str) -> Option<(u8, Vec<u8>)> {
        let fits = login_url.len() <= 255 && login_url.starts_with("http");
        (fits && self.is_meant(settings)).then(|| (OPTION, login_url.as_bytes().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOWS: Discovery<'_> =
        Discovery { network: "office", vendor_class: Some(b"MSFT 5.0"), requested: &[1, 3, 120] };

    fn settings() -> Settings {
        Settings { enabled: true, discovery: vec!["office".into()], ..Settings::default() }
    }

    #[test]
    fn the_option_is_the_text_of_the_url() {
        let (number, bytes) = WINDOWS.option(&settings(), "https://10.66.0.1/p/bria/login").unwrap();
        assert_eq!(number, 120);
        // https://10.66.0.1/p/bria/login, by hand: no encoding byte, no labels, no end.
        let expected = [
            0x68, 0x74, 0x74, 0x70, 0x73, 0x3a, 0x2f, 0x2f, 0x31, 0x30, 0x2e, 0x36, 0x36, 0x2e, 0x30, 0x2e, 0x31, 0x2f,
            0x70, 0x2f, 0x62, 0x72, 0x69, 0x61, 0x2f, 0x6c, 0x6f, 0x67, 0x69, 0x6e,
        ];
        assert_eq!(bytes, expected);
        assert_eq!(bytes[0], 0x68);
        assert_eq!(WINDOWS.option(&settings(), &format!("https://{}", "x".repeat(250))), None);
    }

    #[test]
    fn nobody_else_is_told() {
        let url = "https://10.66.0.1/p/bria/login";
        let others = [
            Discovery { network: "guests", ..WINDOWS },
            Discovery { requested: &[1, 3], ..WINDOWS },
            Discovery { vendor_class: Some(b"udhcp 1.30"), ..WINDOWS },
            Discovery { vendor_class: None, ..WINDOWS },
        ];
        for other in others {
            assert_eq!(other.option(&settings(), url), None, "{other:?}");
        }
        assert_eq!(WINDOWS.option(&Settings::default(), url), None, "off by default");
        assert_eq!(WINDOWS.option(&Settings { enabled: false, ..settings() }, url), None);
        let anybody = Settings { discovery_classes: Vec::new(), ..settings() };
        assert!(Discovery { vendor_class: None, ..WINDOWS }.option(&anybody, url).is_some());
    }
}
