//! PURE. Digest as a client answers it (RFC 7616 and, without `qop`, RFC 2069; MD5 and SHA-256).

use aws_lc_rs::digest::{SHA256, digest};
use md5::{Digest as _, Md5};

/// What a server asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// Whether `qop="auth"` is offered.
    auth: bool,
    sha256: bool,
}

impl Challenge {
    /// Reads the value of `WWW-Authenticate`; `None` when it is no Digest challenge that can be answered.
    pub fn read(header: &str) -> Option<Self> {
        let rest = header.trim().get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("digest "))?;
        let rest = header.trim().get(rest.len()..)?;
        let parameters = parameters(rest);
        let of = |name: &str| parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone());
        let algorithm = of("algorithm").unwrap_or_else(|| "MD5".into()).to_ascii_uppercase();
        let sha256 = match algorithm.as_str() {
            "MD5" => false,
            "SHA-256" => true,
            _ => return None,
        };
        let qop = of("qop");
        let auth = qop.as_ref().is_some_and(|qop| qop.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")));
        if qop.is_some() && !auth {
            return None;
        }
        Some(Self { realm: of("realm")?, nonce: of("nonce")?, opaque: of("opaque"), auth, sha256 })
    }

    /// The value of `Authorization` for one request with this client nonce.
    pub fn answer(&self, (user, password): (&str, &str), method: &str, uri: &str, cnonce: &str) -> String {
        let hash = |text: String| if self.sha256 { sha256(&text) } else { md5(&text) };
        let secret = hash(format!("{user}:{}:{password}", self.realm));
        let request = hash(format!("{method}:{uri}"));
        let (nonce, realm) = (&self.nonce, &self.realm);
        let mut header = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\"",
            quoted(user),
            quoted(realm),
            quoted(nonce),
            quoted(uri)
        );
        if self.auth {
            let response = hash(format!("{secret}:{nonce}:00000001:{cnonce}:auth:{request}"));
            header += &format!(", qop=auth, nc=00000001, cnonce=\"{cnonce}\", response=\"{response}\"");
        } else {
            header += &format!(", response=\"{}\"", hash(format!("{secret}:{nonce}:{request}")));
        }
        header += if self.sha256 { ", algorithm=SHA-256" } else { ", algorithm=MD5" };
        if let Some(opaque) = &self.opaque {
            header += &format!(", opaque=\"{}\"", quoted(opaque));
        }
        header
    }
}

/// `name=value` and `name="value"`, with commas between them and within quotes.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([',', ' ', '\t']).to_owned();
        let after = after.trim_start();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => {
                let mut value = String::new();
                let mut characters = quoted.char_indices();
                let mut end = quoted.len();
                while let Some((at, c)) = characters.next() {
                    match c {
                        '\\' => value.extend(characters.next().map(|(_, c)| c)),
                        '"' => {
                            end = at + 1;
                            break;
                        }
                        c => value.push(c),
                    }
                }
                (value, quoted.get(end..).unwrap_or_default())
            }
            None => {
                let (value, left) = after.split_once(',').unwrap_or((after, ""));
                (value.trim().to_owned(), left)
            }
        };
        found.push((name, value));
        rest = left;
    }
    found
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn md5(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

fn sha256(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2617 section 3.5 and RFC 7616 section 3.9.1.
    #[test]
    fn the_examples_of_the_standards_are_met() {
        let header = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
                      nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        let challenge = Challenge::read(header).unwrap();
        let answer = challenge.answer(("Mufasa", "Circle Of Life"), "GET", "/dir/index.html", "0a4f113b");
        assert!(answer.contains("response=\"6629fae49393a05397450978507c4ef1\""), "{answer}");
        assert!(answer.contains("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""), "{answer}");
        let header = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, \
                      nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"x\"";
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let challenge = Challenge::read(header).unwrap();
        let answer = challenge.answer(("Mufasa", "Circle of Life"), "GET", "/dir/index.html", cnonce);
        assert!(answer.contains("753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"), "{answer}");
    }

    #[test]
    fn what_cannot_be_answered_is_not() {
        for header in [
            "",
            "Basic realm=\"x\"",
            "Digest",
            "Digest realm=\"x\"",
            "Digest realm=\"x\", nonce=\"y\", algorithm=MD5-sess",
            "Digest realm=\"x\", nonce=\"y\", qop=\"auth-int\"",
            "Digest realm=\"x",
        ] {
            assert_eq!(Challenge::read(header), None, "{header}");
        }
        let old = Challenge::read("digest nonce=abc,realm=\"a, \\\"b\\\"\"").unwrap();
        assert_eq!(old.realm, "a, \"b\"");
        assert!(!old.answer(("u", "p"), "GET", "/", "c").contains("qop"));
    }
}
