//! Answers to a challenge: Digest (RFC 2617 and its older form, RFC 2069) and Basic (RFC 7617).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use crate::sys::hex;

/// A challenge that the phone can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Digest { realm: String, nonce: String, opaque: Option<String>, auth: bool, stale: bool },
}

impl Challenge {
    /// The first challenge of an answer that the phone knows how to meet. Each header holds one: several in one
    /// header are not understood by these phones \[assumed\].
    pub(super) fn choose<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Self> {
        headers.into_iter().find_map(Self::parse)
    }

    fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let mut given = parameters(rest);
        if given.get("algorithm").is_some_and(|name| !name.eq_ignore_ascii_case("md5")) {
            return None;
        }
        let auth = match given.get("qop") {
            Some(offered) if offered.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")) => true,
            Some(_) => return None,
            None => false,
        };
        let stale = given.get("stale").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Some(Self::Digest {
            realm: given.remove("realm")?,
            nonce: given.remove("nonce")?,
            opaque: given.remove("opaque"),
            auth,
            stale,
        })
    }

    /// The value of the Authorization header for one request: its method and its path.
    pub(super) fn answer(&self, user: &str, password: &str, (method, path): (&str, &str), cnonce: &str) -> String {
        match self {
            Self::Basic => format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))),
            Self::Digest { realm, nonce, opaque, auth, .. } => {
                // RFC 2617 section 3.2.2.
                let ha1 = md5(&format!("{user}:{realm}:{password}"));
                let ha2 = md5(&format!("{method}:{path}"));
                let mut answer = format!(
                    "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{path}\", algorithm=MD5"
                );
                if *auth {
                    let response = md5(&format!("{ha1}:{nonce}:00000001:{cnonce}:auth:{ha2}"));
                    answer.push_str(&format!(", response=\"{response}\", qop=auth, nc=00000001, cnonce=\"{cnonce}\""));
                } else {
                    let response = md5(&format!("{ha1}:{nonce}:{ha2}"));
                    answer.push_str(&format!(", response=\"{response}\""));
                }
                if let Some(opaque) = opaque {
                    answer.push_str(&format!(", opaque=\"{opaque}\""));
                }
                answer
            }
        }
    }

    /// Whether the server only wants a fresh nonce.
    pub(super) fn stale(&self) -> bool {
        matches!(self, Self::Digest { stale: true, .. })
    }
}

fn md5(text: &str) -> String {
    hex::encode(&Md5::digest(text.as_bytes()))
}

/// `name=value` and `name="value"`, with commas between them.
fn parameters(text: &str) -> BTreeMap<String, String> {
    let mut given = BTreeMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches(|c: char| c == ',' || c.is_whitespace()).to_ascii_lowercase();
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        given.insert(name, value.trim().to_owned());
        rest = next;
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_2617_section_3_5() {
        let header = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
                      nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        let challenge = Challenge::choose(["Negotiate", header].into_iter()).unwrap();
        let answer = challenge.answer("Mufasa", "Circle Of Life", ("GET", "/dir/index.html"), "0a4f113b");
        assert!(answer.contains("response=\"6629fae49393a05397450978507c4ef1\""), "{answer}");
        assert!(answer.contains("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""));
    }

    #[test]
    fn the_older_form_and_basic() {
        // RFC 2069 section 2.4, with the response that its erratum 749 gives.
        let header = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
        let answer = Challenge::choose([header].into_iter()).unwrap().answer(
            "Mufasa",
            "CircleOfLife",
            ("GET", "/dir/index.html"),
            "",
        );
        assert!(answer.contains("response=\"1949323746fe6a43ef61f9606e7febea\""), "{answer}");
        // RFC 7617 section 2.
        let basic = Challenge::choose(["Basic realm=\"WallyWorld\""].into_iter()).unwrap();
        assert_eq!(basic.answer("Aladdin", "open sesame", ("GET", "/"), ""), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn takes_the_first_that_it_knows() {
        let unknown = ["Bearer", "Digest realm=\"a\", nonce=\"b\", algorithm=SHA-256"];
        assert_eq!(Challenge::choose(unknown.into_iter()), None);
        let later = ["Digest realm=\"a\", nonce=\"b\", stale=TRUE, qop=auth", "Basic realm=\"a\""];
        assert!(Challenge::choose(later.into_iter()).unwrap().stale());
    }
}
