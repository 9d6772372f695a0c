//! A server's side of HTTP Digest, from RFC 7616 (and RFC 2617 for servers without `qop`): every part of the proof is
//! looked at, and the response is computed anew.

use std::collections::BTreeMap;

use md5::{Digest, Md5};

use crate::cipher::hex;
use crate::cloud::Request;

/// How often a nonce may be used before it is stale.
const USES: u32 = 5;

/// Who keeps a place.
pub(crate) struct Guard {
    pub(crate) realm: &'static str,
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
    /// Whether counts and nonces of the client's are asked for.
    pub(crate) qop: bool,
    /// Nonces that were given, with the last count of each.
    pub(crate) nonces: BTreeMap<String, u32>,
}

/// What a request is to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Proven,
    /// Not, with the challenge to answer.
    Challenge(String),
}

impl Guard {
    /// Looks at a request. What makes a proof wrong is written down.
    pub(crate) fn looks(&mut self, request: &Request, wrong: &mut Vec<String>) -> Verdict {
        let Some(shown) = request.headers.get("authorization") else { return self.challenges(false) };
        match self.is_proven(shown, request) {
            Ok(true) => Verdict::Proven,
            Ok(false) => self.challenges(true),
            Err(reason) => {
                wrong.push(reason);
                self.challenges(false)
            }
        }
    }

    fn challenges(&mut self, stale: bool) -> Verdict {
        let nonce = format!("{}/x+A==", hex(&crate::devices::random::<12>()));
        self.nonces.insert(nonce.clone(), 0);
        let mut text = format!("Digest realm=\"{}\", nonce=\"{nonce}\"", self.realm);
        if self.qop {
            text += ", qop=\"auth,auth-int\"";
        }
        if stale {
            text += ", stale=true";
        }
        Verdict::Challenge(text + ", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\", algorithm=MD5")
    }

    /// Whether it is proven; `false` for a nonce that is too old.
    fn is_proven(&mut self, shown: &str, request: &Request) -> Result<bool, String> {
        let text = shown.strip_prefix("Digest ").ok_or("not Digest")?;
        let said = parts(text)?;
        let word = |name: &str| said.get(name).map(|(value, _)| value.clone()).ok_or(format!("no {name} in {shown}"));
        if (word("username")?, word("realm")?) != (self.user.to_owned(), self.realm.to_owned()) {
            return Err(format!("nobody is known so: {shown}"));
        }
        if word("uri")? != request.target {
            return Err(format!("{} is asked for, and {} is proven", request.target, word("uri")?));
        }
        if word("opaque")? != "5ccc069c403ebaf9f0171e9517f40e41" {
            return Err("what is opaque comes back as it was".into());
        }
        if said.get("algorithm").is_some_and(|(name, quoted)| *quoted || name != "MD5") {
            return Err("the algorithm is MD5, without quotes".into());
        }
        let nonce = word("nonce")?;
        let secret = md5(&format!("{}:{}:{}", self.user, self.realm, self.password));
        let asked = md5(&format!("{}:{}", request.method, request.target));
        let made = if self.qop {
            if said.get("qop") != Some(&("auth".to_owned(), false)) {
                return Err(format!("qop is auth, without quotes: {shown}"));
            }
            let (count, quoted) = said.get("nc").ok_or("no nc")?;
            let number = u32::from_str_radix(count, 16).map_err(|error| error.to_string())?;
            if *quoted || count.len() != 8 {
                return Err(format!("nc is eight digits without quotes, and not {count}"));
            }
            let last = self.nonces.get_mut(&nonce).ok_or("a nonce that was never given")?;
            if number <= *last {
                return Err(format!("{count} was counted before: somebody plays it again"));
            }
            *last = number;
            if number > USES {
                return Ok(false);
            }
            let own = word("cnonce")?;
            if own.len() < 8 {
                return Err(format!("{own} is no nonce"));
            }
            md5(&format!("{secret}:{nonce}:{count}:{own}:auth:{asked}"))
        } else {
            if let Some(name) = ["qop", "nc", "cnonce"].iter().find(|name| said.contains_key(**name)) {
                return Err(format!("{name}, and nobody asked for a quality of protection"));
            }
            self.nonces.get(&nonce).ok_or("a nonce that was never given")?;
            md5(&format!("{secret}:{nonce}:{asked}"))
        };
        if word("response")? == made { Ok(true) } else { Err("the password is wrong".into()) }
    }
}

/// The parts of a header by name, each with whether it was in quotes.
fn parts(text: &str) -> Result<BTreeMap<String, (String, bool)>, String> {
    let mut parts = BTreeMap::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or(format!("{rest} has no value"))?;
        let (value, quoted, after) = if let Some(inner) = after.strip_prefix('"') {
            let (value, after) = inner.split_once('"').ok_or("a quote that does not end")?;
            (value, true, after.trim_start().trim_start_matches(','))
        } else {
            let (value, after) = after.split_once(',').unwrap_or((after, ""));
            (value.trim(), false, after)
        };
        if parts.insert(name.trim().to_ascii_lowercase(), (value.to_owned(), quoted)).is_some() {
            return Err(format!("{name} twice"));
        }
        rest = after.trim_start();
    }
    Ok(parts)
}

fn md5(text: &str) -> String {
    hex(&Md5::digest(text))
}

/// The example of RFC 2617, section 3.5.
#[test]
fn the_example_of_the_rfc_is_proven() {
    let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
    let mut guard = Guard {
        realm: "testrealm@host.com",
        user: "Mufasa",
        password: "Circle Of Life",
        qop: true,
        nonces: [(nonce.to_owned(), 0)].into(),
    };
    let target = "/dir/index.html";
    let shown = format!(
        "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", nonce=\"{nonce}\", uri=\"{target}\", qop=auth, nc=00000001, \
         cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""
    );
    let mut request = Request {
        method: "GET".into(),
        path: target.into(),
        target: target.into(),
        query: Vec::new(),
        headers: [("authorization".to_owned(), shown)].into(),
        body: String::new(),
    };
    let mut wrong = Vec::new();
    assert_eq!(guard.looks(&request, &mut wrong), Verdict::Proven, "{wrong:?}");
    assert_ne!(guard.looks(&request, &mut wrong), Verdict::Proven, "it is played again");
    guard.nonces.insert(nonce.to_owned(), 0);
    request.target = "/dir/other.html".into();
    assert_ne!(guard.looks(&request, &mut wrong), Verdict::Proven, "it was for another target");
}
