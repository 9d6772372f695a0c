//! The HTTP and HTTPS doors: requests to the provisioning side, with a store behind it.
//!
//! An input is text: requests with an empty line between them. The first line of each says how it comes in, from
//! which last octet, by which method and for what: `tls 10 GET /p/805ec0000001.cfg`; the others are headers. `tls@3` is
//! TLS with a client certificate that names the MAC of phone 3, and with `tls@9` that of a phone on no list.
//! `Authorization: @basic WHO`, `@digest WHO COUNT` and `@old-digest WHO` stand for a right answer to the last
//! challenge with a login of WHO: `own1` to `own4`, `new1` to `new4` (logins not used yet), `branch`, `rival`.
//! `alert 10` stands for a phone that ends a handshake because it does not know our authority.

mod ground;

use std::collections::BTreeSet;

use block66::http::Peer;
use block66::model::Reason;
use ground::{BOX, Ground, PHONES};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

/// Requests of one input, at most.
const MOST: usize = 24;

/// A fault that is planted in front of the box, so that it is known to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// None.
    None,
    /// Whichever MAC a certificate names, it is taken for that of phone 3.
    AnyCertificate,
}

/// Checks one conversation.
pub fn hold(input: &[u8]) -> bool {
    hold_with(input, Plant::None)
}

/// Checks one conversation with a fault planted.
pub fn hold_with(input: &[u8], plant: Plant) -> bool {
    let text = String::from_utf8_lossy(input);
    Ground::with(|ground| {
        let mut talk = Talk { plant, nonce: String::new(), served: false };
        for request in text.split("\n\n").take(MOST) {
            talk.play(ground, request);
        }
        talk.served
    })
}

struct Talk {
    plant: Plant,
    /// Of the last challenge.
    nonce: String,
    /// Whether any answer was more than a refusal.
    served: bool,
}

/// What a request proves, by the password that stands behind its login.
struct Sent {
    who: String,
    header: String,
}

impl Talk {
    fn play(&mut self, ground: &Ground, text: &str) {
        let mut lines = text.lines();
        let mut head = lines.next().unwrap_or_default().split(' ');
        let (how, from) = (head.next().unwrap_or_default(), head.next().and_then(|octet| octet.parse::<u8>().ok()));
        let Some(from) = from else { return };
        let (how, named) = how.split_once('@').unwrap_or((how, ""));
        let tls = how != "plain";
        // None comes without TLS.
        let certificate = named.parse().ok().filter(|_| tls).map(ground::mac);
        let peer = Peer { address: [10, 66, 0, from].into(), local: BOX.into(), tls, certificate };
        if how == "alert" {
            return ground.provision.handshake_failed(peer, Reason::TlsUnknownCa);
        }
        let (method, path) = (head.next().unwrap_or("GET"), head.next().unwrap_or("/"));
        let mut request = Request::builder().method(method).uri(path);
        let mut sent = None;
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { continue };
            let mut value = value.trim().to_owned();
            if name.eq_ignore_ascii_case("authorization") && value.starts_with('@') && sent.is_none() {
                sent = self.authorization(ground, value.trim_start_matches('@'), method, path);
                value = sent.as_ref().map_or(value, |sent| sent.header.clone());
            }
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
                request = request.header(name, value);
            }
        }
        let Ok(request) = request.body(Full::new(Bytes::from_static(b"sent up"))) else { return };
        let logins = request.headers().get_all("authorization").iter().count();
        let seen = match self.plant {
            Plant::None => peer,
            Plant::AnyCertificate => Peer { certificate: peer.certificate.map(|_| ground::mac(3)), ..peer },
        };
        let response = ground.run(async {
            let (head, body) = ground.provision.answer(request, seen).await.into_parts();
            let body = body.collect().await.expect("a body at hand").to_bytes();
            Response::from_parts(head, body)
        });
        // Which of several headers counts is not for the check to say.
        let who = sent.as_ref().map(|sent| sent.who.as_str()).filter(|_| logins == 1);
        if logins <= 1 {
            check_secrets(ground, &response, who, peer, from);
        }
        self.check(&response, method, peer);
    }

    fn authorization(&self, ground: &Ground, value: &str, method: &str, path: &str) -> Option<Sent> {
        let mut words = value.split(' ');
        let (kind, who) = (words.next()?, words.next()?);
        let login = ground.login(who)?;
        let count = match kind {
            "digest" => Some(words.next().and_then(|count| count.parse().ok()).unwrap_or(1)),
            "old-digest" => None,
            "basic" => return Some(Sent { who: who.to_owned(), header: ground::basic(&login) }),
            _ => return None,
        };
        let header = ground::digest(&login, method, path, &self.nonce, count);
        Some(Sent { who: who.to_owned(), header })
    }

    fn check(&mut self, response: &Response<impl AsRef<[u8]>>, method: &str, peer: Peer) {
        let status = response.status();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let body = response.body().as_ref();
        assert!(body.len() < 256 * 1024, "{} bytes", body.len());
        match status {
            StatusCode::OK | StatusCode::CREATED if matches!(method, "PUT" | "POST") => {
                assert_eq!(body, b"Kept.\n");
                self.served = true;
            }
            StatusCode::OK => {
                let tag = header("etag").expect("a file has a tag");
                assert!(tag.len() == 66 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
                assert!(matches!(method, "GET" | "HEAD"));
                self.served = true;
            }
            StatusCode::NOT_MODIFIED => {
                assert!(body.is_empty() && header("etag").is_some());
                self.served = true;
            }
            StatusCode::FOUND => {
                let place = header("location").expect("a redirect leads somewhere");
                assert!(body.is_empty() && place.contains("://") && place.ends_with('/'), "{place}");
            }
            StatusCode::UNAUTHORIZED => {
                let offered: BTreeSet<&str> = response
                    .headers()
                    .get_all("www-authenticate")
                    .iter()
                    .filter_map(|value| value.to_str().ok()?.split(' ').next())
                    .collect();
                let expected = if peer.tls { BTreeSet::from(["Digest", "Basic"]) } else { BTreeSet::from(["Digest"]) };
                assert_eq!(offered, expected);
                let challenge = response.headers().get_all("www-authenticate").iter().find_map(|value| {
                    value.to_str().ok()?.split_once("nonce=\"")?.1.split_once('"').map(|(nonce, _)| nonce.to_owned())
                });
                self.nonce = challenge.expect("a nonce");
            }
            StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::TOO_MANY_REQUESTS => {
            }
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::INSUFFICIENT_STORAGE => {
                assert!(matches!(method, "PUT" | "POST"))
            }
            StatusCode::METHOD_NOT_ALLOWED => assert!(method != Method::GET.as_str()),
            other => panic!("{other}: {}", String::from_utf8_lossy(body)),
        }
    }
}

/// What is one phone's leaves only to whoever proved to be that phone, as far as policy asks for it.
fn check_secrets(ground: &Ground, response: &Response<impl AsRef<[u8]>>, who: Option<&str>, peer: Peer, from: u8) {
    let body = String::from_utf8_lossy(response.body().as_ref());
    for number in PHONES {
        // A certificate says who asks. One of another phone outweighs whatever else is shown.
        let certified = peer.certificate.map(|mac| mac == ground::mac(number));
        let contradicted = certified == Some(false);
        let at_its_address = from == 9 + number && !contradicted;
        let own = certified == Some(true)
            || who.is_some_and(|who| who == format!("own{number}") || who == format!("new{number}"));
        let full = peer.tls && !contradicted && (own || (who == Some("branch") && at_its_address));
        let line = ground::line_password(number);
        assert!(full || !body.contains(&line), "the line of phone {number} left to {who:?} at {peer:?}");
        for login in ground.logins_of(number) {
            let leaks = body.contains(login.password.expose());
            assert!(full || at_its_address || !leaks, "the login of phone {number} left to {who:?} at {peer:?}");
        }
    }
    for secret in ["branch-password", "rival-password"] {
        assert!(!body.contains(secret), "an organisation's login left");
    }
}
