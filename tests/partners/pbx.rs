//! A PBX, its users' service and its Devices service, as their documents describe them: websockets over TLS, messages
//! written out by hand, digests and cipher of their own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::cloud::identity;
use crate::ground::Client;
use crate::place::{PATIENCE, start};

pub(crate) const DEVICES: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 81);
pub(crate) const CODE: &str = "123456789012";

type Tls = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

/// A connection of the PBX, or of a service on a user's behalf, to an app.
pub(crate) struct App {
    socket: WebSocket<Tls>,
    password: String,
    key: String,
}

impl App {
    /// Opens a websocket and logs in as `sip`; `None` when the app does not take the login.
    pub(crate) fn open(url: &str, trust: &str, sip: &str, password: &str, user: bool) -> Option<Self> {
        let rest = url.strip_prefix("wss://").unwrap();
        let host = rest.split('/').next().unwrap().to_owned();
        let stream = TcpStream::connect((host.as_str(), 443)).expect("the box takes no connection");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(trust.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        let session = rustls::ClientConnection::new(Arc::new(config), ServerName::try_from(host).unwrap()).unwrap();
        let (socket, _) = tungstenite::client(url, rustls::StreamOwned::new(session, stream)).ok()?;
        let mut app = Self { socket, password: password.to_owned(), key: String::new() };
        app.log_in(sip, user).then_some(app)
    }

    fn log_in(&mut self, sip: &str, user: bool) -> bool {
        self.say(json!({ "mt": "AppChallenge" }));
        let challenge = self.hear("AppChallengeResult")["challenge"].as_str().unwrap().to_owned();
        assert!(challenge.len() <= 16 && challenge.bytes().all(|b| (33..127).contains(&b)), "{challenge}");
        // The order of the keys is the sender's, and is what is hashed.
        let groups = if user { r#","groups":["staff"]"# } else { "" };
        let info = format!(
            r#"{{"appobj":"{sip}","appdn":"{sip}","appurl":"https://10.66.0.1/innovaphone/block66","pbx":"main","cn":"{sip}","unlicensed":true,"apps":[]{groups}}}"#
        );
        let parts =
            ["block66", "example.com", sip, "3954ae7854c96301c9dd009033400109", sip, &info, &challenge, &self.password];
        let made = sha256(&parts.join(":"));
        let object = if user { format!(r#","pbxObj":"{sip}""#) } else { String::new() };
        let text = format!(
            r#"{{"mt":"AppLogin","app":"block66","domain":"example.com","sip":"{sip}","guid":"3954ae7854c96301c9dd009033400109","dn":"{sip}","info":{info},"digest":"{made}"{object}}}"#
        );
        self.socket.send(Message::Text(text.into())).unwrap();
        self.key = sha256(&format!("innovaphoneAppSessionKey:{challenge}:{}", self.password));
        self.hear("AppLoginResult")["ok"] == true
    }

    pub(crate) fn say(&mut self, message: Value) {
        self.socket.send(Message::Text(message.to_string().into())).unwrap();
    }

    /// The next message of this type; pings are answered meanwhile.
    pub(crate) fn hear(&mut self, kind: &str) -> Value {
        let until = Instant::now() + PATIENCE * 2;
        while Instant::now() < until {
            if let Message::Text(text) = self.socket.read().expect("the app ended the connection") {
                let said: Value = serde_json::from_str(&text).unwrap();
                if said["mt"] == kind {
                    return said;
                }
            }
        }
        panic!("no {kind} came");
    }

    /// As a PBX: what the app offers, and then which services there are.
    pub(crate) fn introduce(&mut self) -> Value {
        self.say(json!({ "mt": "AppInfo", "app": "block66", "src": "i" }));
        let info = self.hear("AppInfoResult");
        self.say(json!({ "mt": "PbxInfo", "domain": "example.com", "pbx": "main", "pbxDns": "pbx.example.com",
            "apis": ["Services", "PbxSignal"], "version": "14r1", "build": "1" }));
        let asked = self.hear("SubscribeServices");
        assert_eq!(asked["api"], "Services");
        self.say(json!({ "api": "Services", "mt": "SubscribeServicesResult", "src": asked["src"] }));
        let url = format!("https://{DEVICES}:8443/example.com/devices/innovaphone-devices");
        self.say(json!({ "api": "Services", "mt": "ServicesInfo", "src": asked["src"], "services": [
            { "name": "users", "title": "Users", "url": "https://10.66.0.82/x/innovaphone-users", "info": { "apis": {} } },
            { "name": "devices", "title": "Devices", "url": url, "info": { "apis": { "com.innovaphone.devices": {} } } },
        ] }));
        info
    }

    /// As the users' service: wants a phone; what came of it.
    pub(crate) fn provision(&mut self, mac: &str, code: &str, password: &str) -> Value {
        let seed = "10046478319880090512700";
        let hidden = hex(&rc4(format!("{seed}:{}", self.key).as_bytes(), password.as_bytes()));
        self.provision_hidden(mac, code, seed, &hidden)
    }

    /// The same without waiting for what comes of it.
    pub(crate) fn want(&mut self, mac: &str, code: &str, password: &str) {
        let seed = "10046478319880090512700";
        let hidden = hex(&rc4(format!("{seed}:{}", self.key).as_bytes(), password.as_bytes()));
        self.say_phone(mac, code, seed, &hidden);
    }

    fn say_phone(&mut self, mac: &str, code: &str, seed: &str, hidden: &str) {
        self.say(
            json!({ "mt": "ProvisioningPhone", "src": "p", "mac": mac, "code": code, "hwid": "hw-ann", "usename": "ann",
            "cn": "Ann Example", "seed1": seed, "password": hidden, "domain": "example.com", "dns": "" }),
        );
    }

    pub(crate) fn provision_hidden(&mut self, mac: &str, code: &str, seed: &str, hidden: &str) -> Value {
        self.say_phone(mac, code, seed, hidden);
        let result = self.hear("ProvisioningPhoneResult");
        assert_eq!(result["src"], "p");
        result
    }
}

/// What Devices knows, and what it has seen.
#[derive(Default)]
pub(crate) struct Known {
    /// Codes that are good.
    pub(crate) codes: Vec<String>,
    /// Passwords that it gave, by MAC.
    pub(crate) passwords: BTreeMap<String, String>,
    /// What each phone is configured with.
    pub(crate) configuration: Vec<Value>,
    /// What happened, in words.
    pub(crate) seen: Vec<String>,
    /// Ends the next burst in its middle.
    pub(crate) cut: bool,
    /// Gives passwords and takes digests, and sends no configuration for now.
    pub(crate) hold: bool,
    /// Sent before the next burst: what no phone expects.
    pub(crate) odd: Vec<Vec<u8>>,
    live: Vec<Sender<Value>>,
}

/// The Devices service.
pub(crate) struct Devices {
    pub(crate) known: Arc<Mutex<Known>>,
    /// The certificate that it shows.
    pub(crate) pem: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Devices {
    pub(crate) fn serve(place: &Client) -> Self {
        let (config, pem) = identity(DEVICES);
        let known = Arc::new(Mutex::new(Known::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, ended, (ready, wait)) = (known.clone(), stop.clone(), channel());
        let thread = start(place, move || {
            let listener = TcpListener::bind((DEVICES, 8443)).unwrap();
            listener.set_nonblocking(true).unwrap();
            ready.send(()).unwrap();
            let config = Arc::new(config);
            while !ended.load(Ordering::Relaxed) {
                let Ok((stream, _)) = listener.accept() else {
                    std::thread::park_timeout(Duration::from_millis(5));
                    continue;
                };
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
                let session = rustls::ServerConnection::new(config.clone()).unwrap();
                let (shared, ended) = (shared.clone(), ended.clone());
                std::thread::spawn(move || device(rustls::StreamOwned::new(session, stream), &shared, &ended));
            }
        });
        wait.recv_timeout(Duration::from_secs(10)).expect("Devices does not start");
        Self { known, pem, stop, thread: Some(thread) }
    }

    /// An administrator changes an object: every connected phone is told.
    pub(crate) fn change(&self, object: &Value) {
        let mut known = self.known.lock().unwrap();
        known.configuration.retain(|old| old["type"] != object["type"]);
        known.configuration.push(object.clone());
        known.live.retain(|phone| phone.send(object.clone()).is_ok());
    }

    /// Every connection ends, as when it is restarted.
    pub(crate) fn drop_connections(&self) {
        self.known.lock().unwrap().live.clear();
    }

    pub(crate) fn saw(&self, what: &str) -> usize {
        self.known.lock().unwrap().seen.iter().filter(|seen| *seen == what).count()
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Server = WebSocket<rustls::StreamOwned<rustls::ServerConnection, TcpStream>>;

/// One phone's conversation.
#[allow(clippy::result_large_err, reason = "the refusal of a handshake is the library's")]
fn device(stream: rustls::StreamOwned<rustls::ServerConnection, TcpStream>, known: &Mutex<Known>, stop: &AtomicBool) {
    let mut handshake =
        tungstenite::accept_hdr(stream, |request: &tungstenite::handshake::server::Request, response| {
            assert_eq!(request.uri().path(), "/example.com/devices/sysclients");
            Ok(response)
        });
    let until = Instant::now() + PATIENCE;
    let mut socket: Server = loop {
        match handshake {
            Ok(socket) => break socket,
            Err(tungstenite::HandshakeError::Interrupted(middle)) if Instant::now() < until => {
                handshake = middle.handshake()
            }
            Err(_) => return,
        }
    };
    let see = |what: &str| known.lock().unwrap().seen.push(what.to_owned());
    let Some(first) = identify(&mut socket, stop) else { return };
    assert_eq!((&first["other"], &first["platform"]["type"]), (&json!(true), &json!("PHONE")));
    let id = first["id"].as_str().unwrap().to_owned();
    assert!(id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
    let given = known.lock().unwrap().passwords.get(&id).cloned();
    match (first["provisioningCode"].as_str(), given) {
        (Some(code), None) => {
            let good = known.lock().unwrap().codes.iter().any(|known| known == code);
            if !good {
                see("a bad code");
                // Kept open, as one that is not in any domain; an administrator might assign it.
                while !stop.load(Ordering::Relaxed) && !matches!(socket.read(), Err(error) if !waits(&error)) {}
                return;
            }
            let password = format!("sysclient-password-of-{id}");
            known.lock().unwrap().passwords.insert(id.clone(), password.clone());
            see("a code");
            say(&mut socket, 1, &json!({ "password": password }));
            let seed = "wJQog70GUK!GPTN2";
            let hidden = hex(&rc4(format!("{seed}:{password}").as_bytes(), b"admin"));
            say(&mut socket, 3, &json!({ "seed": seed, "pwd": hidden }));
        }
        (_, Some(password)) => {
            let challenge = "1446931255";
            say(&mut socket, 2, &json!({ "challenge": challenge }));
            let Some(second) = identify(&mut socket, stop) else { return };
            let text = |name: &str| second[name].as_str().unwrap_or_default().to_owned();
            assert_eq!((&second["product"], &second["version"]), (&first["product"], &first["version"]));
            let made = sha256(&[text("id"), text("product"), text("version"), challenge.into(), password].join(":"));
            if text("digest") != made {
                see("a wrong digest");
                return;
            }
            see("a digest");
        }
        (None, None) => {
            see("a stranger");
            return;
        }
    }
    // Its answer comes after the box has done with what came before: the password is stored then.
    let _ = socket.send(Message::Ping(b"stored".to_vec().into()));
    while known.lock().unwrap().hold && !stop.load(Ordering::Relaxed) {
        match socket.read() {
            Ok(Message::Pong(said)) if said[..] == *b"stored" => see("stored"),
            Ok(_) => {}
            Err(error) if waits(&error) => {}
            Err(_) => return,
        }
    }
    for bytes in std::mem::take(&mut known.lock().unwrap().odd) {
        let _ = socket.send(Message::Binary(bytes.into()));
    }
    let (sender, changes): (_, Receiver<Value>) = channel();
    let (objects, cut) = {
        let mut known = known.lock().unwrap();
        known.live.push(sender);
        (known.configuration.clone(), std::mem::take(&mut known.cut))
    };
    for (index, object) in objects.iter().enumerate() {
        if cut && index > 0 {
            see("cut off");
            return;
        }
        say(&mut socket, 6, &json!({ "config": object, "last": index + 1 == objects.len() }));
    }
    see("configured");
    loop {
        match changes.try_recv() {
            Ok(object) => say(&mut socket, 6, &json!({ "config": object })),
            Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
            Err(std::sync::mpsc::TryRecvError::Empty) if stop.load(Ordering::Relaxed) => return,
            Err(std::sync::mpsc::TryRecvError::Empty) => match socket.read() {
                // Shutdown of the tunnel with the number 13.
                Ok(Message::Binary(bytes)) if bytes[..] == [2, 0, 0, 0, 13, 0, 0, 0, 4] => see("a tunnel refused"),
                Ok(_) => {}
                Err(error) if waits(&error) => {}
                Err(_) => return,
            },
        }
    }
}

fn waits(error: &tungstenite::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error, tungstenite::Error::Io(error) if matches!(error.kind(), WouldBlock | TimedOut))
}

/// The JSON of the next identify message: 01, 0000, text.
fn identify(socket: &mut Server, stop: &AtomicBool) -> Option<Value> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && !stop.load(Ordering::Relaxed) {
        match socket.read() {
            Ok(Message::Binary(bytes)) => {
                assert_eq!(bytes[..3], [1, 0, 0], "not an identify message");
                return Some(serde_json::from_slice(&bytes[3..]).unwrap());
            }
            Ok(_) => {}
            Err(error) if waits(&error) => {}
            Err(_) => return None,
        }
    }
    None
}

fn say(socket: &mut Server, kind: u8, said: &Value) {
    let mut bytes = vec![1, 0, kind];
    bytes.extend(said.to_string().into_bytes());
    let _ = socket.send(Message::Binary(bytes.into()));
}

fn sha256(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RC4, as every textbook has it.
fn rc4(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut s: Vec<usize> = (0..256).collect();
    let mut j = 0;
    for i in 0..256 {
        j = (j + s[i] + usize::from(key[i % key.len()])) % 256;
        s.swap(i, j);
    }
    let (mut i, mut j) = (0, 0);
    text.iter()
        .map(|byte| {
            i = (i + 1) % 256;
            j = (j + s[i]) % 256;
            s.swap(i, j);
            byte ^ u8::try_from(s[(s[i] + s[j]) % 256]).unwrap()
        })
        .collect()
}
