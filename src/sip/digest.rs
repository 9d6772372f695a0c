//! Answers to Digest challenges (RFC 3261 section 22, RFC 2617, RFC 8760).

use aws_lc_rs::digest::{SHA256, digest};
use md5::{Digest as _, Md5};

use super::wire::list;
use crate::model::Secret;
use crate::sys::hex;

/// What a challenge asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Whose password is meant.
    pub realm: String,
    /// What the answer is bound to.
    pub nonce: String,
    /// To be given back as it is.
    pub opaque: Option<String>,
    /// How it is to be hashed.
    pub algorithm: Algorithm,
    /// Whether `qop=auth` is offered; else the older form without it is meant.
    pub quality: bool,
    /// Whether only the nonce was too old.
    pub stale: bool,
}

/// How an answer is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5, also when nothing is said.
    Md5,
    /// SHA-256.
    Sha256,
}

/// The longest realm or nonce that is looked at.
const LONGEST: usize = 512;

impl Challenge {
    /// Reads the value of a WWW-Authenticate or Proxy-Authenticate field. `None` when it asks for something else than
    /// Digest with an algorithm and quality that can be given.
    pub fn read(value: &str) -> Option<Self> {
        let (scheme, rest) = value.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let field = |wanted: &str| {
            list(rest).find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim().eq_ignore_ascii_case(wanted).then(|| unquoted(value.trim()))
            })
        };
        let algorithm = match field("algorithm").map(|name| name.to_ascii_uppercase()).as_deref() {
            None | Some("MD5") => Algorithm::Md5,
            Some("SHA-256") => Algorithm::Sha256,
            Some(_) => return None,
        };
        let quality = match field("qop") {
            None => false,
            Some(offered) if offered.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")) => true,
            Some(_) => return None,
        };
        let challenge = Self {
            realm: field("realm")?,
            nonce: field("nonce").filter(|nonce| !nonce.is_empty())?,
            opaque: field("opaque"),
            algorithm,
            quality,
            stale: field("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        };
        let fits = |text: &str| text.len() <= LONGEST && !text.contains(char::is_control);
        (fits(&challenge.realm) && fits(&challenge.nonce) && challenge.opaque.as_deref().is_none_or(fits))
            .then_some(challenge)
    }

    /// The first challenge that can be answered: they stand in the order of who asks (RFC 8760 section 2.4).
    pub fn choose<'a>(values: impl Iterator<Item = &'a str>) -> Option<Self> {
        values.filter_map(Self::read).next()
    }

    /// The value of the Authorization or Proxy-Authorization field. `count` is how often this nonce was answered, this
    /// time included.
    pub fn answer(&self, login: &Login<'_>, request: (&str, &str), count: u32, client_nonce: &str) -> String {
        let (method, uri) = request;
        let hash = |text: &str| self.algorithm.hash(text);
        let secret = hash(&format!("{}:{}:{}", login.user, self.realm, login.password.expose()));
        let asked = hash(&format!("{method}:{uri}"));
        let count = format!("{count:08x}");
        let response = if self.quality {
            hash(&format!("{secret}:{}:{count}:{client_nonce}:auth:{asked}", self.nonce))
        } else {
            hash(&format!("{secret}:{}:{asked}", self.nonce))
        };
        let mut value = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\", algorithm={}",
            quoted(login.user),
            quoted(&self.realm),
            quoted(&self.nonce),
            quoted(uri),
            self.algorithm.name(),
        );
        if let Some(opaque) = &self.opaque {
            value.push_str(&format!(", opaque={}", quoted(opaque)));
        }
        if self.quality {
            value.push_str(&format!(", qop=auth, nc={count}, cnonce=\"{client_nonce}\""));
        }
        value
    }
}

/// Whose password answers.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// Name for Digest.
    pub user: &'a str,
    /// Its password.
    pub password: &'a Secret,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex::encode(&Md5::digest(text.as_bytes())),
            Self::Sha256 => hex::encode(digest(&SHA256, text.as_bytes()).as_ref()),
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn unquoted(text: &str) -> String {
    let Some(inside) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return text.to_owned() };
    let mut plain = String::with_capacity(inside.len());
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        plain.push(if letter == '\\' { letters.next().unwrap_or('\\') } else { letter });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2617 section 3.5.
    #[test]
    fn the_literal_example_of_rfc_2617_holds() {
        let challenge = Challenge::read(
            "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
             nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
        )
        .unwrap();
        let password = Secret::new("Circle Of Life");
        let login = Login { user: "Mufasa", password: &password };
        let answer = challenge.answer(&login, ("GET", "/dir/index.html"), 1, "0a4f113b");
        assert!(answer.contains("response=\"6629fae49393a05397450978507c4ef1\""), "{answer}");
        assert!(answer.contains("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""), "{answer}");
    }

    /// RFC 7616 section 3.9.1.
    #[test]
    fn the_literal_example_of_rfc_7616_holds() {
        let text = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=ALGORITHM, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
        let password = Secret::new("Circle of Life");
        let login = Login { user: "Mufasa", password: &password };
        let nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        for (algorithm, response) in [
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ] {
            let challenge = Challenge::read(&text.replace("ALGORITHM", algorithm)).unwrap();
            let answer = challenge.answer(&login, ("GET", "/dir/index.html"), 1, nonce);
            assert!(answer.contains(&format!("response=\"{response}\"")), "{answer}");
        }
    }

    #[test]
    fn what_cannot_be_answered_is_not() {
        for text in [
            "Basic realm=\"x\"",
            "Digest realm=\"x\"",
            "Digest nonce=\"x\"",
            "Digest realm=\"x\", nonce=\"\"",
            "Digest realm=\"x\", nonce=\"y\", algorithm=MD5-sess",
            "Digest realm=\"x\", nonce=\"y\", qop=\"auth-int\"",
            "Digest",
            "",
        ] {
            assert_eq!(Challenge::read(text), None, "{text}");
        }
        assert_eq!(Challenge::read(&format!("Digest realm=\"x\", nonce=\"{}\"", "n".repeat(600))), None);
    }

    #[test]
    fn the_first_that_can_be_answered_is_chosen() {
        let offered = [
            "Digest realm=\"a\", nonce=\"1\", algorithm=SHA-512-256, qop=\"auth\"",
            "Digest realm=\"a\", nonce=\"2\", algorithm=SHA-256, qop=\"auth\"",
            "Digest realm=\"a\", nonce=\"3\", algorithm=MD5",
        ];
        let chosen = Challenge::choose(offered.into_iter()).unwrap();
        assert_eq!((chosen.algorithm, chosen.nonce.as_str(), chosen.quality), (Algorithm::Sha256, "2", true));
    }

    #[test]
    fn a_realm_cannot_break_out_of_its_quotes() {
        let challenge = Challenge::read("Digest realm=\"a\\\" , evil=\\\"b\", nonce=\"n\", stale=TRUE").unwrap();
        assert_eq!((challenge.realm.as_str(), challenge.stale), ("a\" , evil=\"b", true));
        let password = Secret::new("p");
        let answer = challenge.answer(&Login { user: "u\"x", password: &password }, ("NOTIFY", "sip:u@h"), 1, "c");
        assert!(answer.contains("realm=\"a\\\" , evil=\\\"b\", nonce="), "{answer}");
        assert!(answer.contains("username=\"u\\\"x\""), "{answer}");
    }
}
