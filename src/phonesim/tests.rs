//! A phone against a small server that is written here, with right and wrong files.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Cut, Fault, Identity, Outcome, Phone, Plug, Remote, Report, Setup, Stage};
use crate::model::Mac;

const MAC: Mac = Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]);
const LIMIT: Duration = Duration::from_secs(20);

struct Ca {
    pem: String,
    der: Vec<u8>,
    server: Arc<ServerConfig>,
}

/// A CA and a leaf for 127.0.0.1, valid from 2020 to 2037.
fn ca(name: &str) -> Ca {
    let (from, to) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2037, 1, 1));
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.distinguished_name.push(DnType::CommonName, name);
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (root.not_before, root.not_after) = (from, to);
    let root_certificate = root.self_signed(&root_key).unwrap();
    let leaf_key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(Vec::new()).unwrap();
    leaf.subject_alt_names = vec![SanType::IpAddress(Ipv4Addr::LOCALHOST.into())];
    (leaf.not_before, leaf.not_after) = (from, to);
    let leaf = leaf.signed_by(&leaf_key, &Issuer::new(root, root_key)).unwrap();
    let key = PrivateKeyDer::try_from(leaf_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(leaf.der().to_vec())], key)
        .unwrap();
    Ca { pem: root_certificate.pem(), der: root_certificate.der().to_vec(), server: Arc::new(server) }
}

/// Body for a path over plain HTTP and over HTTPS; over HTTPS a `.cfg` needs the login me:secret.
type Files = Box<dyn Fn(&Places, bool, &str) -> Option<Vec<u8>> + Send + Sync>;

/// Where the listeners are.
#[derive(Clone, Copy)]
struct Places {
    http: SocketAddr,
    https: SocketAddr,
}

struct Server {
    places: Places,
    time: SocketAddr,
    alerts: Arc<Mutex<Vec<String>>>,
    ca: Arc<Ca>,
}

impl Server {
    fn start(files: Files) -> Self {
        let ca = Arc::new(ca("Branch CA"));
        let any = (Ipv4Addr::LOCALHOST, 0);
        let (http, https) = (TcpListener::bind(any).unwrap(), TcpListener::bind(any).unwrap());
        let clock = UdpSocket::bind(any).unwrap();
        let places = Places { http: http.local_addr().unwrap(), https: https.local_addr().unwrap() };
        let time = clock.local_addr().unwrap();
        let alerts = Arc::new(Mutex::new(Vec::new()));
        let files = Arc::new(files);
        let (plain_files, heard, tls) = (Arc::clone(&files), Arc::clone(&alerts), Arc::clone(&ca.server));
        std::thread::spawn(move || {
            for mut stream in http.incoming().flatten() {
                let _ = answer(&mut stream, false, &places, &plain_files);
            }
        });
        std::thread::spawn(move || {
            for stream in https.incoming().flatten() {
                let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&tls)).unwrap(), stream);
                match answer(&mut stream, true, &places, &files) {
                    Ok(()) => {
                        stream.conn.send_close_notify();
                        let _ = stream.flush();
                    }
                    Err(error) => heard.lock().unwrap().push(error.to_string()),
                }
            }
        });
        std::thread::spawn(move || {
            let mut packet = [0; 48];
            while let Ok((_, client)) = clock.recv_from(&mut packet) {
                let asked: [u8; 8] = packet[40..48].try_into().unwrap();
                let mut reply = [0; 48];
                reply[..2].copy_from_slice(&[0x24, 2]);
                reply[24..32].copy_from_slice(&asked);
                // 2023-11-14T22:13:20Z
                reply[40..44].copy_from_slice(&[0xe8, 0xfe, 0x6f, 0x80]);
                let _ = clock.send_to(&reply, client);
            }
        });
        Self { places, time, alerts, ca }
    }

    fn phone(&self, time_server: Option<SocketAddr>) -> Running {
        let url = format!("http://{}/p/", self.places.http);
        Running::new(Plug::Given { url, time_server })
    }
}

/// A phone that runs until the test is over.
struct Running {
    remote: Remote,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn new(plug: Plug) -> Self {
        let (phone, remote) =
            Phone::new(Setup { identity: Identity::t46u(MAC), plug, pace: 600, instead: None, escort: None });
        Self { remote, thread: Some(std::thread::spawn(move || phone.run())) }
    }

    fn until(&self, enough: impl Fn(&Report) -> bool) -> Report {
        self.remote.wait_for(LIMIT, enough).unwrap_or_else(|report| panic!("{report:#?}"))
    }

    fn fault_at(&self, stage: Stage) -> Fault {
        let report = self.until(|report| matches!(report.outcome(stage), Outcome::Failed { .. }));
        assert!(!report.in_service());
        match report.outcome(stage) {
            Outcome::Failed { fault, .. } => fault.clone(),
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.remote.stop();
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

fn answer(stream: &mut (impl Read + Write), tls: bool, places: &Places, files: &Files) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap();
    let login = head.contains("Authorization: Basic bWU6c2VjcmV0\r\n");
    let (status, extra, body) = match files(places, tls, path) {
        Some(_) if tls && path.ends_with(".cfg") && !login => {
            ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"box\"\r\n", Vec::new())
        }
        Some(body) => ("200 OK", "", body),
        None => ("404 Not Found", "", b"<html>not here</html>".to_vec()),
    };
    write!(stream, "HTTP/1.1 {status}\r\n{extra}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body)?;
    stream.flush()
}

fn bootstrap(places: &Places) -> String {
    format!(
        "#!version:1.0.0.1\nstatic.security.ca_cert = 2\n\
         static.trusted_certificates.url = http://{}/p/ca.pem\n\
         static.auto_provision.server.url = https://{}/p/\n\
         static.auto_provision.server.username = me\nstatic.auto_provision.server.password = secret\n\
         static.auto_provision.repeat.enable = 1\nstatic.auto_provision.repeat.minutes = 1\n",
        places.http, places.https
    )
}

const LINE: &str = "#!version:1.0.0.1\naccount.1.enable = 1\naccount.1.user_name = 200\naccount.1.password = pw\n\
                    account.1.sip_server.1.address = 10.0.0.9\nwallpaper_upload.url = ";

fn own(places: &Places) -> String {
    format!("{LINE}http://{}/p/wall.jpg\n", places.http)
}

const OWN: &str = "/p/805ec0000001.cfg";
const CA: &str = "/p/ca.pem";

/// A server that does everything right, with the CA that it turns out to have.
fn right(pem: &Arc<Mutex<Vec<u8>>>) -> Files {
    let pem = Arc::clone(pem);
    Box::new(move |places, tls, path| match (tls, path) {
        (false, CA) => Some(pem.lock().unwrap().clone()),
        (false, "/p/wall.jpg") => Some(vec![0xff, 0xd8]),
        (false, OWN) => Some(bootstrap(places).into()),
        (true, OWN) => Some(own(places).into()),
        _ => None,
    })
}

fn right_server() -> Server {
    let pem = Arc::new(Mutex::new(Vec::new()));
    let server = Server::start(right(&pem));
    *pem.lock().unwrap() = server.ca.pem.clone().into();
    server
}

/// As [`right_server`], with one answer replaced.
fn wrong_server(wrong: impl Fn(&Places, bool, &str) -> Option<Option<Vec<u8>>> + Send + Sync + 'static) -> Server {
    let pem = Arc::new(Mutex::new(Vec::new()));
    let right = right(&pem);
    let server = Server::start(Box::new(move |places, tls, path| {
        wrong(places, tls, path).unwrap_or_else(|| right(places, tls, path))
    }));
    *pem.lock().unwrap() = server.ca.pem.clone().into();
    server
}

#[test]
fn from_factory_state_to_service_and_through_a_reboot() {
    let server = right_server();
    let phone = server.phone(Some(server.time));
    let report = phone.until(Report::in_service);
    let asked: Vec<String> = report
        .exchanges
        .iter()
        .map(|exchange| {
            let path = exchange.url.rsplit('/').next().unwrap();
            format!("{} {path} {}", &exchange.url[..5], exchange.status.unwrap())
        })
        .collect();
    assert_eq!(
        asked,
        [
            "http: 805ec0000001.boot 404",
            "http: y000000000000.boot 404",
            "http: y000000000108.cfg 404",
            "http: 805ec0000001.cfg 200",
            "http: ca.pem 200",
            "https 805ec0000001.boot 404",
            "https y000000000000.boot 404",
            "https y000000000108.cfg 404",
            "https 805ec0000001.cfg 401",
            "https 805ec0000001.cfg 200",
            "http: wall.jpg 200",
        ]
    );
    for exchange in &report.exchanges {
        assert_eq!(exchange.handshake.is_some(), exchange.url.starts_with("https:"), "{exchange:?}");
        assert!(exchange.handshake.is_none_or(|shaken| shaken <= exchange.took), "{exchange:?}");
    }
    let holding = phone.remote.holding();
    assert_eq!(holding.authorities, std::slice::from_ref(&server.ca.der));
    assert_eq!(holding.accounts[0].user, "200");
    assert_eq!(holding.accounts[0].password.expose(), "pw");
    phone.until(|report| report.log.iter().any(|moment| moment.what.contains("nothing is applied")));
    phone.remote.reboot();
    phone.until(|report| report.starts == 2 && report.in_service());
    phone.remote.factory_reset();
    let report = phone.until(|report| report.starts == 3 && report.in_service());
    assert!(report.log.iter().any(|moment| moment.what == "reset to factory settings"));
}

#[test]
fn without_the_version_line_nothing_is_taken() {
    let server = wrong_server(|places, tls, path| {
        (!tls && path == OWN).then(|| Some(bootstrap(places).replace("#!version:1.0.0.1\n", "").into()))
    });
    let phone = server.phone(Some(server.time));
    assert!(matches!(phone.fault_at(Stage::Bootstrap), Fault::NoVersionLine { .. }));
    phone.until(|report| !report.asks_again && report.stuck(5));
    assert_eq!(phone.remote.holding(), super::Holding::default());
}

#[test]
fn a_web_page_is_no_configuration() {
    let server = wrong_server(|_, tls, path| (!tls && path == OWN).then(|| Some(b"<!DOCTYPE html><html>".to_vec())));
    let phone = server.phone(Some(server.time));
    assert_eq!(phone.fault_at(Stage::Bootstrap), Fault::Html { file: "805ec0000001.cfg".into() });
}

#[test]
fn without_the_url_it_never_comes_to_https() {
    let server = wrong_server(|places, tls, path| {
        let without = |line: &&str| !line.starts_with("static.auto_provision.server.url");
        (!tls && path == OWN)
            .then(|| Some(bootstrap(places).split_inclusive('\n').filter(without).collect::<String>().into()))
    });
    let phone = server.phone(Some(server.time));
    assert_eq!(phone.fault_at(Stage::Configuration), Fault::NoServerUrl("static.auto_provision.server.url"));
}

#[test]
fn another_ca_is_found_out() {
    let other = ca("Another CA").pem;
    let server = wrong_server(move |_, _, path| (path == CA).then(|| Some(other.clone().into())));
    let phone = server.phone(Some(server.time));
    let fault = phone.fault_at(Stage::Configuration);
    let words = format!(
        "{}: its certificate is signed by a CA that this phone does not trust (it trusts Another CA)",
        server.places.https
    );
    assert_eq!(fault.to_string(), words);
}

#[test]
fn a_phone_without_a_ca_says_unknown_ca() {
    let server = right_server();
    let url = format!("https://{}/p/", server.places.https);
    let phone = Running::new(Plug::Given { url, time_server: Some(server.time) });
    assert!(matches!(phone.fault_at(Stage::Configuration), Fault::UnknownAuthority { .. }));
    // TLS alert 48 (RFC 8446 section 6.2).
    assert_eq!(server.alerts.lock().unwrap()[0], "received fatal alert: UnknownCA");
}

#[test]
fn in_1970_no_certificate_is_valid() {
    let server = right_server();
    let phone = server.phone(None);
    assert!(matches!(phone.fault_at(Stage::Configuration), Fault::NotYetValid { .. }));
    assert_eq!(phone.fault_at(Stage::Time), Fault::NoTimeServer);
}

#[test]
fn a_ca_file_that_is_none_is_named() {
    let server = wrong_server(|_, _, path| (path == CA).then(|| Some(b"<html>".to_vec())));
    let phone = server.phone(Some(server.time));
    assert!(matches!(phone.fault_at(Stage::Authority), Fault::BadAuthority { .. }));
}

#[test]
fn installed_cas_need_their_switch() {
    let server = wrong_server(|places, tls, path| {
        (!tls && path == OWN).then(|| Some(bootstrap(places).replace("ca_cert = 2", "ca_cert = 0").into()))
    });
    let phone = server.phone(Some(server.time));
    assert!(matches!(phone.fault_at(Stage::Authority), Fault::TrustSwitch(_)));
    assert!(matches!(phone.fault_at(Stage::Configuration), Fault::TrustSwitch(_)));
}

#[test]
fn a_login_that_is_refused_or_never_given_is_named() {
    let server = wrong_server(|places, tls, path| {
        (!tls && path == OWN).then(|| Some(bootstrap(places).replace("= secret", "= wrong").into()))
    });
    let phone = server.phone(Some(server.time));
    assert!(matches!(phone.fault_at(Stage::Configuration), Fault::LoginRefused { .. }));
    let server = wrong_server(|places, tls, path| {
        (!tls && path == OWN).then(|| Some(bootstrap(places).replace("password = secret", "password =").into()))
    });
    let phone = server.phone(Some(server.time));
    assert!(matches!(phone.fault_at(Stage::Configuration), Fault::LoginAsked { .. }));
}

#[test]
fn a_resource_that_is_missing_or_no_account_keeps_it_out_of_service() {
    let server = wrong_server(|_, _, path| (path == "/p/wall.jpg").then_some(None));
    let phone = server.phone(Some(server.time));
    assert_eq!(phone.fault_at(Stage::Resources), Fault::NotFound { file: "wall.jpg".into() });
    let server = wrong_server(|places, tls, path| {
        (tls && path == OWN).then(|| Some(own(places).replace("enable = 1", "enable = 0").into()))
    });
    let phone = server.phone(Some(server.time));
    assert_eq!(phone.fault_at(Stage::InService), Fault::NoAccount);
}

#[test]
fn without_polling_it_does_not_come_back() {
    let server = wrong_server(|places, tls, path| {
        (!tls && path == OWN).then(|| Some(bootstrap(places).replace("repeat.enable = 1", "repeat.enable = 0").into()))
    });
    let phone = server.phone(Some(server.time));
    assert_eq!(phone.fault_at(Stage::Configuration), Fault::NoPolling);
    phone.until(|report| !report.asks_again);
    phone.remote.poll();
    phone.until(Report::in_service);
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let phone = Running::new(Plug::Given { url: format!("http://{nobody}/"), time_server: None });
    assert!(matches!(phone.fault_at(Stage::Bootstrap), Fault::Unreachable { .. }));
    let tried = phone.remote.report().exchanges;
    assert!(tried.len() >= 3 && tried.iter().all(|exchange| exchange.status.is_none()), "{tried:?}");
}

#[test]
fn a_cut_at_any_place_of_any_exchange_still_ends_in_service() {
    let server = right_server();
    let phone = server.phone(Some(server.time));
    let whole = phone.until(Report::in_service);
    let mut starts = whole.starts;
    for (number, exchange) in whole.exchanges.iter().enumerate() {
        // The end of a TLS exchange varies by a record or two from time to time: the last cut keeps away from it.
        for after in [0, 1, exchange.bytes / 2, exchange.bytes - 64] {
            phone.remote.cut(Cut { exchange: number, after });
            phone.remote.factory_reset();
            // Once by the reset, once by the cut.
            starts += 2;
            let report = phone.until(|report| report.starts == starts && report.in_service());
            assert_eq!(phone.remote.holding().accounts.len(), 1, "{report:#?}");
        }
    }
}

#[test]
fn a_stream_that_stands_still_is_given_up() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let held = std::thread::spawn(move || silent.incoming().take(3).flatten().collect::<Vec<TcpStream>>());
    let phone = Running::new(Plug::Given { url, time_server: None });
    assert!(matches!(phone.fault_at(Stage::Bootstrap), Fault::Broken { .. }));
    assert_eq!(held.join().unwrap().len(), 3, "it tries three times");
}
