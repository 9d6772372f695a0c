//! The server's side of HTTP logins: what is asked for, what an `Authorization` header says, and whether it
//! is right.
//!
//! Digest with MD5 by RFC 2617, with `qop=auth` and in the older form of RFC 2069; Basic by RFC 7617.

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use md5::{Digest as _, Md5};

use crate::model::Secret;
use crate::sys::hex;

/// What logins are asked for. It never changes: phones remember their login by it.
pub(super) const REALM: &str = "Block66";
/// Longest header that is read.
const LONGEST: usize = 4096;

/// What an `Authorization` header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Authorization {
    /// User name and password as they are.
    Basic {
        /// The user name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// The answer to a challenge of ours.
    Digest(Answer),
}

/// The answer to a Digest challenge (RFC 2617 section 3.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The user name.
    pub(super) user: String,
    /// The realm that the password is for.
    pub(super) realm: String,
    /// The nonce that is answered.
    pub(super) nonce: String,
    /// The path as the client sees it.
    pub(super) uri: String,
    /// The answer: 32 hexadecimal digits in lower case.
    pub(super) response: String,
    /// What came with `qop=auth`; `None` in the form of RFC 2069.
    pub(super) quality: Option<Quality>,
}

/// What an answer with `qop=auth` carries besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quality {
    /// How often the nonce was used, this time included.
    pub(super) count: u32,
    /// The same as sent: it goes into the hash.
    pub(super) count_text: String,
    /// The client's own nonce.
    pub(super) client_nonce: String,
}

/// Why an `Authorization` header could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AuthorizationError {
    /// Longer than any that a phone sends.
    #[error("its login is too long")]
    TooLong,
    /// Not in the grammar.
    #[error("its login cannot be read")]
    Malformed,
    /// A scheme, algorithm or quality of protection that was not offered.
    #[error("its login is of a kind that was not asked for")]
    NotOffered,
}

impl Authorization {
    /// Reads the value of an `Authorization` header.
    ///
    /// # Errors
    /// It is too long, not in the grammar, or of a kind that was not offered.
    pub(super) fn read(value: &[u8]) -> Result<Self, AuthorizationError> {
        use AuthorizationError::{Malformed, NotOffered, TooLong};
        if value.len() > LONGEST {
            return Err(TooLong);
        }
        let value = std::str::from_utf8(value).map_err(|_| Malformed)?.trim();
        let (scheme, rest) = value.split_once(' ').ok_or(Malformed)?;
        if scheme.eq_ignore_ascii_case("basic") {
            let text = rest.trim();
            let bytes = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).map_err(|_| Malformed)?;
            let text = String::from_utf8(bytes).map_err(|_| Malformed)?;
            let (user, password) = text.split_once(':').ok_or(Malformed)?;
            return Ok(Self::Basic { user: user.to_owned(), password: Secret::new(password) });
        }
        if scheme.eq_ignore_ascii_case("digest") { Answer::read(rest).map(Self::Digest) } else { Err(NotOffered) }
    }

    /// The user name it claims.
    pub(super) fn user(&self) -> &str {
        match self {
            Self::Basic { user, .. } => user,
            Self::Digest(answer) => &answer.user,
        }
    }

    /// Whether it shows knowledge of `password`. It takes the same time whichever it is.
    pub(super) fn proves(&self, method: &str, password: &Secret) -> bool {
        match self {
            Self::Basic { password: sent, .. } => {
                let [sent, right] =
                    [sent, password].map(|text| digest::digest(&digest::SHA256, text.expose().as_bytes()));
                constant_time::verify_slices_are_equal(sent.as_ref(), right.as_ref()).is_ok()
            }
            Self::Digest(answer) => {
                let right = answer.right_response(method, password);
                constant_time::verify_slices_are_equal(answer.response.as_bytes(), right.as_bytes()).is_ok()
            }
        }
    }
}

impl Answer {
    fn read(text: &str) -> Result<Self, AuthorizationError> {
        use AuthorizationError::{Malformed, NotOffered};
        let mut fields = Fields::default();
        let mut rest = text;
        while let Some((name, value, after)) = next_field(rest)? {
            if let Some(field) = fields.named(&name)
                && field.replace(value).is_some()
            {
                return Err(Malformed);
            }
            rest = after;
        }
        if fields.algorithm.is_some_and(|algorithm| !algorithm.eq_ignore_ascii_case("md5")) {
            return Err(NotOffered);
        }
        let quality = match fields.qop {
            None => None,
            Some(qop) if qop.eq_ignore_ascii_case("auth") => {
                let count_text = fields.nc.ok_or(Malformed)?;
                if count_text.is_empty() || !count_text.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(Malformed);
                }
                let count = u32::from_str_radix(&count_text, 16).map_err(|_| Malformed)?;
                Some(Quality { count, count_text, client_nonce: fields.cnonce.ok_or(Malformed)? })
            }
            Some(_) => return Err(NotOffered),
        };
        let response = fields.response.ok_or(Malformed)?.to_ascii_lowercase();
        if response.len() != 32 || !response.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Malformed);
        }
        Ok(Self {
            user: fields.username.ok_or(Malformed)?,
            realm: fields.realm.ok_or(Malformed)?,
            nonce: fields.nonce.ok_or(Malformed)?,
            uri: fields.uri.ok_or(Malformed)?,
            response,
            quality,
        })
    }

    /// The response that only one who knows `password` can give (RFC 2617 section 3.2.2.1).
    fn right_response(&self, method: &str, password: &Secret) -> String {
        let secret = hex_md5(&[&self.user, ":", &self.realm, ":", password.expose()]);
        let request = hex_md5(&[method, ":", &self.uri]);
        match &self.quality {
            Some(quality) => hex_md5(&[
                &secret,
                ":",
                &self.nonce,
                ":",
                &quality.count_text,
                ":",
                &quality.client_nonce,
                ":auth:",
                &request,
            ]),
            None => hex_md5(&[&secret, ":", &self.nonce, ":", &request]),
        }
    }
}

#[derive(Default)]
struct Fields {
    username: Option<String>,
    realm: Option<String>,
    nonce: Option<String>,
    uri: Option<String>,
    response: Option<String>,
    algorithm: Option<String>,
    qop: Option<String>,
    nc: Option<String>,
    cnonce: Option<String>,
}

impl Fields {
    fn named(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name.to_ascii_lowercase().as_str() {
            "username" => &mut self.username,
            "realm" => &mut self.realm,
            "nonce" => &mut self.nonce,
            "uri" => &mut self.uri,
            "response" => &mut self.response,
            "algorithm" => &mut self.algorithm,
            "qop" => &mut self.qop,
            "nc" => &mut self.nc,
            "cnonce" => &mut self.cnonce,
            _ => return None,
        })
    }
}

/// The next `name=value` or `name="value"` of a list with commas, and what follows it.
fn next_field(text: &str) -> Result<Option<(String, String, &str)>, AuthorizationError> {
    use AuthorizationError::Malformed;
    let text = text.trim_start_matches([' ', '\t', ',']);
    if text.is_empty() {
        return Ok(None);
    }
    let (name, rest) = text.split_once('=').ok_or(Malformed)?;
    let name = name.trim_end();
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'*')) {
        return Err(Malformed);
    }
    let rest = rest.trim_start();
    let Some(quoted) = rest.strip_prefix('"') else {
        let (value, after) = rest.split_once(',').unwrap_or((rest, ""));
        return Ok(Some((name.to_owned(), value.trim().to_owned(), after)));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => {
                let after = quoted.get(at + 1..).unwrap_or_default().trim_start();
                if !after.is_empty() && !after.starts_with(',') {
                    return Err(Malformed);
                }
                return Ok(Some((name.to_owned(), value, after)));
            }
            '\\' => value.push(letters.next().ok_or(Malformed)?.1),
            other => value.push(other),
        }
    }
    Err(Malformed)
}

fn hex_md5(parts: &[&str]) -> String {
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize())
}

/// The value of a `WWW-Authenticate` header that asks for a Digest login.
pub(super) fn challenge(nonce: &str, stale: bool) -> String {
    let stale = if stale { ", stale=true" } else { "" };
    format!("Digest realm=\"{REALM}\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"{stale}")
}

/// The value of a second `WWW-Authenticate` header that also offers Basic; over TLS only.
pub(super) fn basic_challenge() -> String {
    format!("Basic realm=\"{REALM}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Answer {
        match Authorization::read(text.as_bytes()) {
            Ok(Authorization::Digest(answer)) => answer,
            other => panic!("{text}: {other:?}"),
        }
    }

    /// RFC 2617 section 3.5, as printed there but for the line ends.
    const MUFASA: &str = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
        nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", qop=auth, nc=00000001, \
        cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\", \
        opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
    /// RFC 2069 section 2.4 with the response of erratum 749.
    const MUFASA_OLD: &str = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
        nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", \
        response=\"1949323746fe6a43ef61f9606e7febea\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";

    #[test]
    fn the_literal_examples_of_the_standards_hold() {
        let new = Authorization::read(MUFASA.as_bytes()).unwrap();
        assert!(new.proves("GET", &Secret::new("Circle Of Life")));
        assert!(!new.proves("GET", &Secret::new("CircleOfLife")));
        assert!(!new.proves("HEAD", &Secret::new("Circle Of Life")));
        let old = Authorization::read(MUFASA_OLD.as_bytes()).unwrap();
        assert!(old.proves("GET", &Secret::new("CircleOfLife")));
        assert!(!old.proves("GET", &Secret::new("Circle Of Life")));
        // RFC 7617 section 2.
        let basic = Authorization::read(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert_eq!(basic.user(), "Aladdin");
        assert!(basic.proves("GET", &Secret::new("open sesame")));
        assert!(!basic.proves("GET", &Secret::new("open")));
    }

    #[test]
    fn reads_what_clients_make_of_the_grammar() {
        let read = answer(MUFASA);
        assert_eq!(read.user, "Mufasa");
        assert_eq!(read.uri, "/dir/index.html");
        let quality = read.quality.clone().unwrap();
        assert_eq!((quality.count, quality.client_nonce.as_str()), (1, "0a4f113b"));
        for same in [
            MUFASA.replace("Digest ", "digest   "),
            MUFASA.replace("qop=auth", "qop=\"auth\""),
            MUFASA.replace("nc=00000001", "nc=\"00000001\""),
            MUFASA.replace(", ", ","),
            MUFASA.replace('=', " = "),
            MUFASA.replace("username", "USERNAME"),
            MUFASA.replace("opaque", "algorithm=MD5, opaque"),
            MUFASA.replace("opaque", "algorithm=\"md5\", opaque"),
            MUFASA.replace("6629fae49393a05397450978507c4ef1", "6629FAE49393A05397450978507C4EF1"),
            MUFASA.replace("Mufasa", "Mu\\fasa"),
            format!("{MUFASA},"),
        ] {
            assert_eq!(answer(&same), read, "{same}");
        }
        assert_eq!(answer(&MUFASA.replace("Mufasa", "a, \\\"b\\\"=c")).user, "a, \"b\"=c");
    }

    #[test]
    fn refuses_what_is_no_answer() {
        use AuthorizationError::{Malformed, NotOffered, TooLong};
        for (text, expected) in [
            (String::new(), Malformed),
            ("Digest".into(), Malformed),
            ("Bearer abc".into(), NotOffered),
            ("Basic !!!".into(), Malformed),
            ("Basic bm9jb2xvbg==".into(), Malformed),
            (MUFASA.replace("qop=auth", "qop=auth-int"), NotOffered),
            (MUFASA.replace("opaque", "algorithm=SHA-256, opaque"), NotOffered),
            (MUFASA.replace("opaque", "algorithm=MD5-sess, opaque"), NotOffered),
            (MUFASA.replace("nc=00000001, ", ""), Malformed),
            (MUFASA.replace("00000001", "+0000001"), Malformed),
            (MUFASA.replace("00000001", "100000001"), Malformed),
            (MUFASA.replace("cnonce", "other"), Malformed),
            (MUFASA.replace("username", "user"), Malformed),
            (MUFASA.replace("opaque", "username"), Malformed),
            (MUFASA.replace("6629", "662"), Malformed),
            (MUFASA.replace("6629", "662g"), Malformed),
            (MUFASA.trim_end_matches('"').to_owned(), Malformed),
            (MUFASA.replace("\", realm", "\"x, realm"), Malformed),
            (MUFASA.replace("Mufasa", &"M".repeat(5000)), TooLong),
        ] {
            assert_eq!(Authorization::read(text.as_bytes()), Err(expected), "{text}");
        }
        assert_eq!(Authorization::read(b"Digest \xff"), Err(Malformed));
    }

    #[test]
    fn no_mutation_panics_or_proves_anything() {
        use proptest::test_runner::{Config, RngSeed, TestRunner};
        let seeds = [MUFASA, MUFASA_OLD, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="];
        let config =
            Config { cases: 20_000, rng_seed: RngSeed::Fixed(66), failure_persistence: None, ..Config::default() };
        let mutation = (0..seeds.len(), proptest::collection::vec((0..300_usize, proptest::num::u8::ANY), 1..6));
        TestRunner::new(config)
            .run(&mutation, |(seed, changes)| {
                let mut bytes = seeds[seed].as_bytes().to_vec();
                for (at, byte) in changes {
                    let at = at % bytes.len();
                    match byte % 4 {
                        0 => bytes.truncate(at + 1),
                        1 => bytes.insert(at, b"\",=\\ "[at % 5]),
                        2 => drop(bytes.remove(at)),
                        _ => bytes[at] = byte,
                    }
                    if bytes.is_empty() {
                        bytes.push(byte);
                    }
                }
                if let Ok(read) = Authorization::read(&bytes) {
                    assert!(!read.proves("GET", &Secret::new("another password")));
                }
                Ok(())
            })
            .unwrap();
    }
}
