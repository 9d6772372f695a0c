//! One file, with everything that it takes to get it: connection, TLS, login, redirects.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::fault::Halt;
use super::http::{Response, Unreadable, request};
use super::login::Challenge;
use super::phone::Phone;
use super::report::Exchange;
use super::trust;
use super::url::Url;
use super::wire::Wire;
use super::{Fault, Trust};

/// Time that a connection may stand still before the phone gives it up \[assumed; a Yealink gives an attempt as long,
/// facts\].
const STANDSTILL: Duration = Duration::from_secs(5);
/// Redirects that are followed for one file \[assumed\].
const REDIRECTS: usize = 5;

/// A file, and how it came.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) body: Vec<u8>,
    /// 304 only where the request was conditional.
    pub(super) status: u16,
    /// Name, in lower case, and value.
    pub(super) headers: Vec<(String, String)>,
    /// Whether it came after a login was asked for and given; from whom, TLS has proven where the phone trusts CAs.
    pub(super) by_login: bool,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Vec<u8>>,
}

impl Ask {
    pub(super) fn get(url: Url) -> Self {
        Self { method: "GET", url, headers: Vec::new(), body: None }
    }

    pub(super) fn put(url: Url, body: Vec<u8>) -> Self {
        Self { method: "PUT", url, headers: Vec::new(), body: Some(body) }
    }

    pub(super) fn head(url: Url) -> Self {
        Self { method: "HEAD", url, headers: Vec::new(), body: None }
    }

    fn conditional(&self) -> bool {
        self.headers.iter().any(|(name, _)| matches!(*name, "If-Modified-Since" | "If-None-Match"))
    }

    /// Whether an answer of this status is what was asked for.
    fn met_by(&self, status: u16) -> bool {
        status == 200 || self.body.is_some() && (200..300).contains(&status) || status == 304 && self.conditional()
    }
}

impl Phone {
    /// Fetches `url`, with the phone's login where one is asked for.
    pub(super) fn fetch(&mut self, url: &Url) -> Result<Fetched, Halt> {
        self.send(&Ask::get(url.clone()))
    }

    /// Makes a request, with the phone's login where one is asked for.
    pub(super) fn send(&mut self, ask: &Ask) -> Result<Fetched, Halt> {
        let mut url = ask.url.clone();
        let mut authorization = None;
        let mut renewed = false;
        let mut redirects = 0;
        let identity = self.setup.identity;
        loop {
            let response = self.exchange(ask, &url, authorization.as_deref())?;
            let file = || url.name().to_owned();
            match response.status {
                status if ask.met_by(status) => {
                    let proven = url.tls || matches!(identity.breed.trust, Trust::PlainLogin | Trust::Lan);
                    let Response { status, headers, body } = response;
                    return Ok(Fetched { body, status, headers, by_login: proven && authorization.is_some() });
                }
                301 | 302 | 303 | 307 | 308 if redirects < REDIRECTS => {
                    let target = response
                        .headers("location")
                        .next()
                        .ok_or_else(|| Fault::NotHttp { file: file(), why: "a redirect leads nowhere" })?;
                    url = url.redirected(target)?;
                    authorization = None;
                    redirects += 1;
                }
                401 => {
                    let Some((user, password)) = url.login.clone().or_else(|| self.flash.meaning().login) else {
                        return Err(Fault::LoginAsked { file: file() }.into());
                    };
                    let Some(challenge) = Challenge::choose(response.headers("www-authenticate")) else {
                        let challenge = response.headers("www-authenticate").collect::<Vec<_>>().join("; ");
                        return Err(Fault::LoginUnknown { file: file(), challenge }.into());
                    };
                    if authorization.is_some() && (renewed || !challenge.stale()) {
                        return Err(Fault::LoginRefused { file: file() }.into());
                    }
                    renewed = authorization.is_some();
                    let cnonce = crate::sys::random::token(16);
                    authorization = Some(challenge.answer(&user, &password, (ask.method, &url.path), &cnonce));
                }
                404 => return Err(Fault::NotFound { file: file() }.into()),
                status => return Err(Fault::Status { file: file(), status }.into()),
            }
        }
    }

    /// One request and its answer, on a connection of its own.
    fn exchange(&mut self, ask: &Ask, url: &Url, authorization: Option<&str>) -> Result<Response, Halt> {
        let escort = self.setup.escort.as_ref();
        if escort.is_some_and(|escort| !escort.hosts.contains(&url.host)) {
            return Err(Fault::Elsewhere { host: url.host }.into());
        }
        let header = escort.map(|escort| (escort.header.0, escort.header.1.as_str()));
        let cut = self.remote.take_cut(self.exchanges);
        let identity = self.setup.identity;
        let user_agent = (identity.breed.user_agent)(&identity, self.exchanges);
        self.exchanges += 1;
        let host = url.address().to_string();
        let limit = self.clock.patience(STANDSTILL);
        let begun = Instant::now();
        let mut wire = Wire::connect(url.address(), self.remote.clone(), cut, limit).map_err(|error| {
            let (url, took) = (url.to_string(), begun.elapsed());
            let failed = Exchange { url, status: None, bytes: 0, took, handshake: None };
            self.remote.tell(|report| report.exchanged(failed));
            Fault::Unreachable { host: host.clone(), why: error.to_string() }
        })?;
        let request = request(ask, &user_agent, url, (authorization, header));
        let bodiless = ask.method == "HEAD";
        let trust_fault = self.flash.meaning().trust_fault;
        let mut handshake = None;
        let (result, bytes) = if url.tls {
            let usable = if trust_fault.is_none() { self.flash.authorities.as_slice() } else { &[] };
            let client = match identity.breed.trust {
                Trust::Unchecked => trust::unchecked_client(Arc::clone(&self.clock)),
                _ => trust::client(usable, Arc::clone(&self.clock)),
            };
            let tls = client
                .and_then(|client| ClientConnection::new(client, ServerName::IpAddress(url.host.into())))
                .map_err(|error| Fault::Tls { host: host.clone(), why: error.to_string() })?;
            let mut stream = StreamOwned::new(tls, wire);
            let shaken = stream.conn.complete_io(&mut stream.sock);
            handshake = shaken.is_ok().then(|| begun.elapsed());
            let result = shaken.map_err(Unreadable::from).and_then(|_| talk(&mut stream, &request, bodiless));
            stream.conn.send_close_notify();
            // The answer is whole by now, or lost for another reason.
            let _ = stream.flush();
            self.power_went();
            (result, stream.sock.bytes)
        } else {
            let result = talk(&mut wire, &request, bodiless);
            self.power_went();
            (result, wire.bytes)
        };
        let status = result.as_ref().ok().map(|response| response.status);
        let took = begun.elapsed();
        self.remote.tell(|report| report.exchanged(Exchange { url: url.to_string(), status, bytes, took, handshake }));
        if let Some(order) = self.remote.ordered() {
            return Err(Halt::Power(order));
        }
        self.remote.note(match status {
            Some(status) => format!("{} {url}: {status}", ask.method),
            None => format!("{} {url}: no answer", ask.method),
        });
        result.map_err(|error| Halt::Fault(self.explain(error, url, host)))
    }

    /// Pulls the cable before a broken connection is closed: a phone without power says no good-bye.
    fn power_went(&mut self) {
        if self.remote.ordered().is_some() {
            self.unplug();
        }
    }

    fn explain(&self, error: Unreadable, url: &Url, host: String) -> Fault {
        let file = url.name().to_owned();
        match error {
            Unreadable::NotHttp(why) => Fault::NotHttp { file, why },
            Unreadable::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(tls) => {
                    let switches = self.flash.meaning().trust_fault;
                    match (trust::explain(tls, &host, &self.clock, &self.flash.authorities), switches) {
                        (Fault::UnknownAuthority { .. }, Some(why)) if !self.flash.authorities.is_empty() => {
                            Fault::TrustSwitch(why)
                        }
                        (fault, _) => fault,
                    }
                }
                None => Fault::Broken { file, why: error.to_string() },
            },
        }
    }
}

fn talk(stream: &mut (impl Read + Write), request: &[u8], bodiless: bool) -> Result<Response, Unreadable> {
    stream.write_all(request)?;
    stream.flush()?;
    if bodiless { Response::read_head(stream) } else { Response::read(stream) }
}
