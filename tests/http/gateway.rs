//! An analogue gateway that keeps itself up to date, as its manuals describe it: its requests are bytes on a socket,
//! and it knows of the server only what these promise.
//!
//! What matters to it is that a file comes once: each new one resets it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use block66::brands::{DhcpQuery, Registry};
use block66::model::{BoxAddress, FirstContact, Scheme};
use md5::{Digest as _, Md5};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::door::Door;
use crate::ground::{DESK, mac};

/// How it shows who it is, where it is asked to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Login {
    /// Digest as RFC 2069 has it: no qop, no count.
    OldDigest,
    /// Digest with qop=auth.
    Digest,
    /// From the URL, before anybody asks.
    Basic,
}

/// How it writes the time of its last download.
#[derive(Debug, Clone, Copy)]
enum Dates {
    /// As the server's Date was.
    Same,
    /// As its manual prints one: `Mon, 1 January 2014 19:43:31 GMT`.
    Printed,
}

/// An answer: status, headers by small names, body.
#[derive(Debug, Clone)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    challenges: Vec<String>,
    body: String,
}

struct Gateway {
    plain: SocketAddr,
    secure: SocketAddr,
    login: Login,
    dates: Dates,
    credentials: Option<(String, String)>,
    /// The root that it believes, and a certificate of its own.
    root: Option<String>,
    certificate: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
    /// When each URL was last downloaded.
    downloaded: BTreeMap<String, String>,
    /// Settings by small names, as the last ini left them.
    settings: BTreeMap<String, String>,
    /// Check sum of the last ini.
    sum: Option<[u8; 16]>,
    resets: usize,
    /// Answers of 200.
    given: usize,
}

impl Gateway {
    fn new(door: &Door, login: Login) -> Self {
        Self {
            plain: door.plain.at,
            secure: door.secure.at,
            login,
            dates: Dates::Same,
            credentials: None,
            root: None,
            certificate: None,
            downloaded: BTreeMap::new(),
            settings: BTreeMap::new(),
            sum: None,
            resets: 0,
            given: 0,
        }
    }

    /// One look at the periodic file, and what follows from it.
    fn update(&mut self, url: &str) -> Answer {
        let answer = self.fetch(url, true);
        assert!(![301, 307, 308].contains(&answer.status), "a lasting redirect sticks");
        if answer.status == 200 {
            self.load(&answer.body);
        }
        answer
    }

    /// Where it looks from now on.
    fn ini_url(&self) -> String {
        self.settings["inifileurl"].clone()
    }

    fn load(&mut self, ini: &str) {
        let sum: [u8; 16] = Md5::digest(ini.as_bytes()).into();
        if self.settings.get("aupdcheckifinichanged").is_some_and(|on| on != "0") && self.sum == Some(sum) {
            return;
        }
        self.sum = Some(sum);
        let mut told = BTreeMap::new();
        for line in ini.lines().filter(|line| !line.starts_with([';', '['])) {
            if let Some((name, value)) = line.split_once('=') {
                told.insert(name.trim().to_ascii_lowercase(), value.trim().trim_matches('\'').to_owned());
            }
        }
        assert_eq!(told.get("setdefaultoninifileprocess").map(String::as_str), Some("0"), "it would wipe everything");
        self.settings.extend(told.clone());
        if let Some(url) = told.get("tlsrootfileurl") {
            // A file for once: asked for without a date, and never again until it is named again.
            let root = self.fetch(url, false);
            assert_eq!(root.status, 200);
            self.root = Some(root.body);
        }
        let credential = |name: &str| self.settings.get(name).cloned();
        self.credentials = credential("aupddigestusername").zip(credential("aupddigestpassword"));
        if told.get("resetnow").is_some_and(|now| now == "1") {
            self.resets += 1;
            self.take_time();
        }
    }

    /// Longer than a second passes: until the server's clock shows another one.
    fn take_time(&self) {
        let date =
            || self.exchange("http", "GET /p/ca.pem HTTP/1.1\r\nHost: 127.0.0.1\r\n", None).headers["date"].clone();
        let (before, until) = (date(), Instant::now() + Duration::from_secs(10));
        while date() == before {
            assert!(Instant::now() < until, "the server's clock stands still");
        }
    }

    fn fetch(&mut self, url: &str, periodic: bool) -> Answer {
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (host, path) = rest.split_once('/').expect("a path");
        assert!(url.len() < 99, "{url} is longer than old firmware takes");
        let mut head = format!(
            "GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/4.0 (compatible; AudioCodes;MP-118 FXS;\
             6.60A.332.002;{};4711)\r\n",
            mac(1).plain().to_uppercase()
        );
        let last = self.downloaded.get(url).filter(|_| periodic);
        if let Some(date) = last {
            head.push_str(&format!("If-Modified-Since: {}\r\n", self.written(date)));
        }
        let mut authorization = match (self.login, &self.credentials, scheme) {
            (Login::Basic, Some((user, password)), "https") => {
                Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
            }
            _ => None,
        };
        let mut answer = self.exchange(scheme, &head, authorization.as_deref());
        if answer.status == 401 && authorization.is_none() && self.credentials.is_some() {
            authorization = Some(self.answer_to(&answer, &format!("/{path}")));
            answer = self.exchange(scheme, &head, authorization.as_deref());
        }
        assert!(answer.headers.contains_key("date"), "without a Date it may reset over and over: {answer:?}");
        if answer.status == 200 {
            self.given += 1;
            self.downloaded.insert(url.to_owned(), answer.headers["date"].clone());
        }
        answer
    }

    fn written(&self, date: &str) -> String {
        let Dates::Printed = self.dates else { return date.to_owned() };
        let long = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        let parts: Vec<&str> = date.split(' ').collect();
        let month = long.iter().find(|month| month.starts_with(parts[2])).expect("a month");
        format!("{} {} {month} {} {} GMT", parts[0], parts[1].trim_start_matches('0'), parts[3], parts[4])
    }

    fn answer_to(&self, challenge: &Answer, path: &str) -> String {
        let (user, password) = self.credentials.as_ref().expect("credentials");
        let offered = challenge.challenges.iter().find(|one| one.starts_with("Digest ")).expect("Digest is offered");
        let part = |name: &str| {
            let rest = offered.split(&format!("{name}=\"")).nth(1)?;
            rest.split('"').next().map(str::to_owned)
        };
        let (realm, nonce) = (part("realm").expect("a realm"), part("nonce").expect("a nonce"));
        let hash = |text: String| Md5::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>();
        let (one, two) = (hash(format!("{user}:{realm}:{password}")), hash(format!("GET:{path}")));
        let common = format!("Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{path}\"");
        if self.login == Login::Digest {
            let response = hash(format!("{one}:{nonce}:00000001:0a4f113b:auth:{two}"));
            return format!("{common}, qop=auth, nc=00000001, cnonce=\"0a4f113b\", response=\"{response}\"");
        }
        format!("{common}, response=\"{}\"", hash(format!("{one}:{nonce}:{two}")))
    }

    fn exchange(&self, scheme: &str, head: &str, authorization: Option<&str>) -> Answer {
        let login = authorization.map_or_else(String::new, |value| format!("Authorization: {value}\r\n"));
        let request = format!("{head}{login}Connection: close\r\n\r\n");
        let stream = TcpStream::connect(if scheme == "https" { self.secure } else { self.plain }).expect("a listener");
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut bytes = Vec::new();
        if scheme == "https" {
            let mut stream = StreamOwned::new(self.tls(), stream);
            stream.write_all(request.as_bytes()).expect("TLS");
            let _ = stream.read_to_end(&mut bytes);
        } else {
            let mut stream = stream;
            stream.write_all(request.as_bytes()).unwrap();
            stream.read_to_end(&mut bytes).unwrap();
        }
        read(&String::from_utf8(bytes).expect("text"))
    }

    /// It checks the server's certificate, and shows its own where the server asks.
    fn tls(&self) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        let root = self.root.as_deref().expect("the root came before HTTPS");
        roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(roots);
        let config = match &self.certificate {
            Some((certificate, key)) => {
                builder.with_client_auth_cert(vec![certificate.clone()], key.clone_key()).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
        ClientConnection::new(Arc::new(config), name).unwrap()
    }
}

fn read(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let (mut headers, mut challenges) = (BTreeMap::new(), Vec::new());
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        if name.eq_ignore_ascii_case("www-authenticate") {
            challenges.push(value.to_owned());
        }
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    Answer { status, headers, challenges, body: body.to_owned() }
}

/// The URL that option 67 tells a gateway that asks for 66 and 67.
fn found() -> String {
    let registry = Registry::builtin().unwrap();
    let address = mac(1);
    let gateway = block66::model::Mac::new([0x00, 0x90, 0x8f, 0, 0, 1]);
    let at = BoxAddress { host: Ipv4Addr::LOCALHOST.into(), http: 80, https: 443 };
    let claims = block66::brands::Claims { mac: Some(gateway), requested: &[1, 3, 66, 67], ..Default::default() };
    let recognised = registry.recognise(&claims).expect("a brand");
    let query = DhcpQuery {
        scheme: Scheme::Http,
        at: &at,
        also: &[],
        mac: Some(address),
        vendor_class: None,
        user_class: None,
        requested: Some(&[1, 3, 66, 67]),
        voice_vlan: None,
    };
    let options = recognised.brand.dhcp_options(&query);
    let (_, url) = options.into_values().into_iter().find(|(number, _)| *number == 67).expect("option 67");
    String::from_utf8(url).unwrap()
}

/// A door on whose LAN the gateway has its lease.
async fn door() -> Door {
    Door::open_to(Some(DESK)).await
}

/// Runs the gateway's blocking calls beside the listeners.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::time::timeout(Duration::from_secs(60), tokio::task::spawn_blocking(work)).await.expect("in time").unwrap()
}

/// From the factory state to its ports, and then nothing new.
fn into_service(mut gateway: Gateway, start: &str) -> Gateway {
    let first = gateway.update(start);
    assert_eq!(first.status, 200, "{first:?}");
    assert!(gateway.credentials.is_some() && !first.body.contains("line-secret"), "{}", first.body);
    let full = gateway.update(&gateway.ini_url());
    assert_eq!(full.status, 200, "{full:?}");
    assert!(full.body.contains("\"line-secret-1\""), "{}", full.body);
    assert_eq!(gateway.resets, 2, "once for the way here, once for the ports");
    gateway
}

async fn ten_polls(door: &Door, mut gateway: Gateway) -> Gateway {
    let given = gateway.given;
    let gateway = beside(move || {
        for poll in 0..10 {
            let answer = gateway.update(&gateway.ini_url());
            assert_eq!(answer.status, 304, "poll {poll}: {answer:?}");
            assert_eq!(answer.body, "");
        }
        gateway
    })
    .await;
    assert_eq!((gateway.given, gateway.resets), (given, 2), "each file came once");
    assert!(matches!(door.ground.phone(1).first_contact, FirstContact::Closed { .. }));
    gateway
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_gets_each_file_once_however_it_logs_in() {
    for login in [Login::OldDigest, Login::Digest, Login::Basic] {
        let door = door().await;
        let gateway = Gateway::new(&door, login);
        let gateway = beside(move || into_service(gateway, &found())).await;
        let mut gateway = ten_polls(&door, gateway).await;
        gateway.dates = Dates::Printed;
        let mut gateway = ten_polls(&door, gateway).await;

        let mut phone = door.ground.phone(1);
        phone.lines[0].display = "Renamed".into();
        door.ground.change(phone).await;
        let gateway = beside(move || {
            // Polls are minutes apart.
            gateway.take_time();
            let changed = gateway.update(&gateway.ini_url());
            assert!(changed.status == 200 && changed.body.contains("\"Renamed\""), "{changed:?}");
            assert_eq!(gateway.resets, 3);
            gateway.resets = 2;
            gateway
        })
        .await;
        ten_polls(&door, gateway).await;
        door.plain.end().await;
        door.secure.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_certificate_is_welcome_and_not_needed() {
    let door = door().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, mac(1).plain().to_uppercase());
    let certificate = parameters.self_signed(&key).unwrap();
    let mut gateway = Gateway::new(&door, Login::OldDigest);
    gateway.certificate = Some((certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap()));
    let gateway = beside(move || into_service(gateway, &found())).await;
    ten_polls(&door, gateway).await;
    door.plain.end().await;
    door.secure.end().await;
}

/// At a start it asks where DHCP says, unless it was told not to ask DHCP any more: over plain HTTP it would get
/// another content each time, and reset for each.
#[tokio::test(flavor = "multi_thread")]
async fn starts_do_not_go_round_in_circles() {
    let door = door().await;
    let gateway = Gateway::new(&door, Login::OldDigest);
    let gateway = beside(move || {
        let mut gateway = into_service(gateway, &found());
        for _ in 0..5 {
            let asks_dhcp = gateway.settings.get("dhcprequesttftpparams").is_none_or(|asks| asks != "0");
            let place = if asks_dhcp { found() } else { gateway.ini_url() };
            assert_eq!(gateway.update(&place).status, 304);
        }
        gateway
    })
    .await;
    assert_eq!(gateway.resets, 2);
    door.plain.end().await;
    door.secure.end().await;
}
