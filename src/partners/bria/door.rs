use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as Incoming, Bytes};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response};

use super::answer::Answer;
use super::build::{self, Build, CATALOGUE};
use super::discovery::Discovery;
use super::form::Parameters;
use super::keep::{Person, Users, Which};
use super::mobile;
use super::prepared::{Prepared, Unprepared, Urls, prepare};
use super::setting::Setting;
use super::settings::Settings;
use super::sign_in::{Refusal, SignIn};
use super::template::Sheet;
use super::token::{Claim, Tokens};
use crate::dhcp::Stranger;
use crate::firmware::Whereabouts;
use crate::http::path::Wanted;
use crate::http::{Body, Peer, Service, body};
use crate::model::{BoxAddress, Event, FirmwareSource, Reason, Scheme, provisioning_url};
use crate::partners::{Foundations, Serves, stretto};

/// The longest body that is read.
const MOST_BODY: usize = 16 * 1024;
/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(15);
/// Beginning of the paths, after the provisioning prefix or without it.
const PATH: &str = "bria";

/// The three servers, in front of all that is served besides.
pub struct Door {
    users: Users,
    on: Foundations,
    sign_in: SignIn,
}

/// Which of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Login,
    Update,
    Upgrade,
}

/// A request, and what is set.
struct Ask<'a> {
    headers: &'a HeaderMap,
    peer: Peer,
    settings: Settings,
}

impl Door {
    /// A door to these users.
    pub fn new(users: Users, on: Foundations) -> Arc<Self> {
        Arc::new(Self { sign_in: SignIn::new(users.clone()), users, on })
    }

    /// Answers what is meant for the three servers, and hands everything else to `service`.
    pub fn in_front_of(self: &Arc<Self>, service: Service, serves: Serves) -> Service {
        let door = Arc::clone(self);
        Arc::new(move |request, peer| {
            let server = Wanted::read(request.uri().path()).ok().and_then(|wanted| Server::named(wanted.name()));
            let Some(server) = server.filter(|_| serves(peer.address)) else {
                return service(request, peer);
            };
            let settings = door.users.settings();
            if !settings.enabled {
                return service(request, peer);
            }
            let door = Arc::clone(&door);
            Box::pin(async move { door.answer(server, request, peer, settings).await })
        })
    }

    /// What computers are told by DHCP.
    pub fn tell_strangers(&self, stranger: &Stranger<'_>) -> Vec<(u8, Vec<u8>)> {
        let settings = self.users.settings();
        if settings.discovery.is_empty() {
            return Vec::new();
        }
        let asker =
            Discovery { network: stranger.network, vendor_class: stranger.vendor_class, requested: stranger.requested };
        let base = self.base(&settings, stranger.local.into(), settings.discovery_secure);
        asker.option(&settings, &format!("{base}{PATH}/login")).into_iter().collect()
    }

    async fn answer<B>(&self, server: Server, request: Request<B>, peer: Peer, settings: Settings) -> Response<Body>
    where
        B: Incoming + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let ask = Ask { headers: &head.headers, peer, settings };
        let query = head.uri.query();
        if server == Server::Login && head.method != Method::POST {
            return text("This is where softphones sign in. Type this address into the login dialog of yours.\r\n");
        }
        let sent = match tokio::time::timeout(PATIENCE, Limited::new(body, MOST_BODY).collect()).await {
            Ok(Ok(whole)) => whole.to_bytes(),
            Ok(Err(_)) | Err(_) => {
                self.record(&ask, Reason::HttpMalformed { what: "its form is too long or broke off".into() });
                return said(&Answer::Refused { why: "The request could not be read.".into() });
            }
        };
        if mobile::is_one(&sent) && server == Server::Login {
            return self.login_mobile(&ask, &sent).await;
        }
        let parameters = Parameters::read(query, &String::from_utf8_lossy(&sent));
        let names: Vec<&str> = parameters.names().collect();
        tracing::debug!(?server, ?names, address = %peer.address, "a softphone asks");
        match server {
            Server::Login => said(&self.login(&ask, &parameters).await),
            Server::Update => said(&self.update(&ask, &parameters).await),
            Server::Upgrade => said(&self.upgrade(&ask, &parameters)),
        }
    }

    async fn login(&self, ask: &Ask<'_>, parameters: &Parameters) -> Answer {
        let person = match self.let_in(ask, (parameters.get("username"), parameters.get("password"))).await {
            Ok(person) => person,
            Err(why) => return Answer::Refused { why },
        };
        let Some(tokens) = self.users.tokens() else { return Answer::Refused { why: internal() } };
        let machine = tokens.machine(parameters.get(&ask.settings.names.computerid));
        match self.prepare(ask, &person, &machine, parameters, &tokens) {
            Ok((prepared, revision)) => {
                self.tell(&person, &machine, revision).await;
                self.record(ask, Reason::SoftphoneSignedIn { user: person.name });
                prepared.signed_in()
            }
            Err(error) => {
                self.record(ask, Reason::SoftphoneUnmade { user: person.name, what: error.to_string() });
                Answer::Refused { why: internal() }
            }
        }
    }

    /// Who this is, or what they are told instead.
    async fn let_in(&self, ask: &Ask<'_>, login: (Option<&str>, Option<&str>)) -> Result<Person, String> {
        if !ask.peer.tls && !ask.settings.plain_http {
            self.record(ask, Reason::SoftphoneRefused { why: "it sent its password over plain HTTP".into() });
            return Err("This server takes passwords over HTTPS only. Begin its address with https:// instead.".into());
        }
        let now = self.on.clock.now().monotonic;
        let refusal = match self.sign_in.check(login, ask.peer.address, &ask.settings, now).await {
            Ok(person) => return Ok(person),
            Err(refusal) => refusal,
        };
        let why = match &refusal {
            Refusal::Incomplete => "no name or no password came",
            Refusal::Wrong => "unknown user or wrong password",
            Refusal::Wait(_) => "too many wrong passwords came before",
            Refusal::Busy => "too many sign in at once",
        };
        self.record(ask, Reason::SoftphoneRefused { why: why.into() });
        let help = &ask.settings.help;
        Err(if help.is_empty() { refusal.to_string() } else { format!("{refusal} {help}") })
    }

    async fn login_mobile(&self, ask: &Ask<'_>, sent: &Bytes) -> Response<Body> {
        let refuse = |why: &str| xml(mobile::refused(why));
        let login = match mobile::read(sent) {
            Ok(login) => login,
            Err(what) => {
                self.record(ask, Reason::HttpMalformed { what });
                return refuse("The request could not be read.");
            }
        };
        let person = match self.let_in(ask, (login.user.as_deref(), login.password.as_deref())).await {
            Ok(person) => person,
            Err(why) => return refuse(&why),
        };
        let sheet = Sheet { user: &person.name, accounts: &person.accounts, platform: None, language: None };
        let made = self.users.template(Which::Mobile).and_then(|template| template.render(&sheet));
        let made = made.map_err(|error| error.to_string()).and_then(|mut entries| {
            for attribute in stretto::delivered(&self.on.store, &person.accounts) {
                let name = format!("data:core:{}", attribute.name);
                entries.push(Setting::new(&name, attribute.value.expose()).map_err(|misfit| misfit.to_string())?);
            }
            mobile::signed_in(&entries)
        });
        match made {
            Ok(document) => {
                self.record(ask, Reason::SoftphoneSignedIn { user: person.name });
                xml(document)
            }
            Err(what) => {
                self.record(ask, Reason::SoftphoneUnmade { user: person.name, what });
                refuse(&internal())
            }
        }
    }

    /// Settings that have changed since this computer was told. Whoever cannot be told is told that nothing is new: its
    /// client goes on with what it has.
    async fn update(&self, ask: &Ask<'_>, parameters: &Parameters) -> Answer {
        if !ask.peer.tls && !ask.settings.plain_http {
            return Answer::Nothing;
        }
        let claim = parameters.get("t").and_then(Claim::read);
        let person = claim.as_ref().and_then(|claim| self.users.bearer(claim, &ask.settings));
        let (Some(claim), Some(person), Some(tokens)) = (claim, person, self.users.tokens()) else {
            self.record(ask, Reason::SoftphoneRefused { why: "its token is nobody's; it must sign in anew".into() });
            return Answer::Nothing;
        };
        match self.prepare(ask, &person, &claim.machine, parameters, &tokens) {
            Ok((_, revision)) if self.users.told(person.owner, &claim.machine) == Some(revision.clone()) => {
                Answer::Nothing
            }
            Ok((prepared, revision)) => {
                self.tell(&person, &claim.machine, revision).await;
                self.record(ask, Reason::SoftphoneTold { user: person.name });
                prepared.changed()
            }
            Err(error) => {
                self.record(ask, Reason::SoftphoneUnmade { user: person.name, what: error.to_string() });
                Answer::Nothing
            }
        }
    }

    fn upgrade(&self, ask: &Ask<'_>, parameters: &Parameters) -> Answer {
        if !ask.settings.upgrades {
            return Answer::Nothing;
        }
        let names = &ask.settings.names;
        let runs = parameters.get(&names.build).and_then(Build::read);
        let there = |image: &&crate::model::Firmware| match self.on.library.whereabouts(image) {
            Whereabouts::Here => true,
            Whereabouts::Gone => false,
            _ => matches!(image.source, FirmwareSource::Url { enabled: true, .. }),
        };
        let catalogue = self.on.library.images();
        let mine = catalogue.iter().filter(|image| image.brand == CATALOGUE).filter(there);
        let Some((Build(build), image)) = build::offer(mine, parameters.get(&names.platform), runs) else {
            return Answer::Nothing;
        };
        self.record(ask, Reason::SoftphoneUpgradeOffered { build });
        let url = format!("{}{}", self.base(&ask.settings, ask.peer.local, ask.peer.tls), image.path());
        Answer::Upgrade { build, mandatory: ask.settings.mandatory, url }
    }

    fn prepare(
        &self,
        ask: &Ask<'_>,
        person: &Person,
        machine: &str,
        parameters: &Parameters,
        tokens: &Tokens,
    ) -> Result<(Prepared, String), Unprepared> {
        let names = &ask.settings.names;
        let base = self.base(&ask.settings, ask.peer.local, ask.peer.tls);
        let token = tokens.issue(person.owner, machine, person.credential.expose());
        let update = names.query(&["build", "language", "platform"]);
        let upgrade = names.query(&["build", "platform", "language", "loginame"]);
        let urls = Urls {
            update: format!("{base}{PATH}/update?t={token}{update}"),
            upgrade: ask.settings.upgrades.then(|| format!("{base}{PATH}/upgrade?{}", upgrade.trim_start_matches('&'))),
        };
        let sheet = Sheet {
            user: &person.name,
            accounts: &person.accounts,
            platform: parameters.get(&names.platform),
            language: parameters.get(&names.language),
        };
        let template = self.users.template(Which::Desktop)?;
        let own = (&person.settings, person.licence.as_deref());
        let prepared = prepare(&template, &sheet, own, &ask.settings, &urls)?;
        let bytes = prepared.clone().signed_in().bytes()?;
        Ok((prepared, tokens.revision(&bytes)))
    }

    /// The store must know what is told before it is told; where it cannot, the computer is told again.
    async fn tell(&self, person: &Person, machine: &str, revision: String) {
        if let Err(error) = self.users.tell(person.owner, machine, revision).await {
            tracing::warn!(%error, "what a softphone was told could not be stored");
        }
    }

    /// Where clients find the box, with the provisioning prefix.
    fn base(&self, settings: &Settings, local: IpAddr, tls: bool) -> String {
        let (http, https) = self.on.ports;
        let scheme = if tls { Scheme::Https } else { Scheme::Http };
        match &settings.base_url {
            Some(url) => format!("{}/p/", url.trim_end_matches('/')),
            None => provisioning_url(scheme, &BoxAddress { host: local.to_canonical(), http, https }, ""),
        }
    }

    fn record(&self, ask: &Ask<'_>, reason: Reason) {
        let door = if ask.peer.tls { crate::model::Door::Https } else { crate::model::Door::Http };
        let agent = ask.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let event = Event::new(self.on.clock.now().wall, door, reason).from_address(ask.peer.address);
        self.on.journal.record(event.by_agent(agent));
    }
}

impl Server {
    /// By the name of the path, in lower case and without the prefix.
    fn named(name: &str) -> Option<Self> {
        match name.strip_prefix(PATH)? {
            "" | "/login" => Some(Self::Login),
            "/update" => Some(Self::Update),
            "/upgrade" => Some(Self::Upgrade),
            _ => None,
        }
    }
}

fn internal() -> String {
    "This server cannot make your settings at the moment. Please tell your administrator.".into()
}

/// The answer as a response: always 200, never a redirect.
fn said(answer: &Answer) -> Response<Body> {
    match answer.bytes() {
        Ok(bytes) => response(bytes.into(), "text/plain; charset=utf-8"),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            text("[DATA]\r\nSuccess=0\r\n")
        }
    }
}

fn text(text: &'static str) -> Response<Body> {
    response(Bytes::from_static(text.as_bytes()), "text/plain; charset=utf-8")
}

fn xml(document: String) -> Response<Body> {
    response(document.into(), "text/xml; charset=utf-8")
}

fn response(bytes: Bytes, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(body(bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
