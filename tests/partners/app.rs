//! A websocket to an app, as a PBX and other services open it, from innovaphone's SDK page on app websockets: no
//! subprotocol, text frames with one object each, challenge, login, and only messages that the page knows.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::cipher::{Login, session_key};
use crate::place::PATIENCE;

/// What an app says to a PBX or a service.
const KNOWN: [&str; 9] = [
    "AppChallengeResult",
    "AppLoginResult",
    "AppInfoResult",
    "AppCheckLoginResult",
    "CheckBuildResult",
    "KeepAlive",
    "SubscribeServices",
    "UnsubscribeServices",
    "ProvisioningPhoneResult",
];
/// How long one look into the socket takes.
const GLANCE: Duration = Duration::from_millis(30);

/// A connection to an app.
pub(crate) struct App {
    socket: WebSocket<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>,
    open: bool,
}

impl App {
    /// Opens a websocket; the reason when it cannot be had.
    pub(crate) fn open(url: &str, authority: &str) -> Result<Self, String> {
        let host = url.strip_prefix("wss://").unwrap().split('/').next().unwrap().to_owned();
        let stream = TcpStream::connect((&*host, 443)).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        let session = rustls::ClientConnection::new(Arc::new(config), ServerName::try_from(host).unwrap()).unwrap();
        let opened = tungstenite::client(url, rustls::StreamOwned::new(session, stream));
        let (socket, answer) = opened.map_err(|error| error.to_string())?;
        assert_eq!(answer.headers().get("sec-websocket-protocol"), None, "nobody asked for a subprotocol");
        socket.get_ref().sock.set_read_timeout(Some(GLANCE)).unwrap();
        Ok(Self { socket, open: true })
    }

    pub(crate) fn say(&mut self, message: &Value) {
        self.say_text(message.to_string());
    }

    pub(crate) fn say_text(&mut self, text: String) {
        self.send(Message::Text(text.into()));
    }

    /// Sends anything; that the app hangs up meanwhile is seen when it is listened to.
    pub(crate) fn send(&mut self, message: Message) {
        if self.socket.send(message).is_err() {
            self.open = false;
        }
    }

    /// What has come, if anything; pings are answered by the way.
    pub(crate) fn glance(&mut self) -> Option<Value> {
        match self.socket.read() {
            Ok(Message::Text(text)) => {
                let said: Value = serde_json::from_str(&text).expect("an app says JSON");
                let kind = said["mt"].as_str().expect("every message has its type");
                assert!(KNOWN.contains(&kind), "{kind} is no message of an app");
                Some(said)
            }
            Ok(Message::Binary(_)) => panic!("an app sends text"),
            Ok(_) => None,
            Err(tungstenite::Error::Io(error)) if is_nothing_yet(&error) => None,
            Err(_) => {
                self.open = false;
                None
            }
        }
    }

    /// Whether the other end has not hung up, as far as was seen.
    pub(crate) fn still(&self) -> bool {
        self.open
    }

    /// Waits for a message; `None` when the app hung up, or said something else.
    pub(crate) fn hear(&mut self, kind: &str) -> Option<Value> {
        let until = Instant::now() + PATIENCE;
        while self.open && Instant::now() < until {
            if let Some(said) = self.glance().filter(|said| said["mt"] != "KeepAlive") {
                return (said["mt"] == kind).then_some(said);
            }
        }
        None
    }

    /// Whether it is still connected, after a look.
    pub(crate) fn is_open(&mut self) -> bool {
        let _ = self.socket.write(Message::Ping(b"there".to_vec().into()));
        let until = Instant::now() + PATIENCE;
        let _ = self.socket.flush();
        while self.open && Instant::now() < until {
            match self.socket.read() {
                Ok(Message::Pong(said)) if said[..] == *b"there" => return true,
                Err(tungstenite::Error::Io(error)) if is_nothing_yet(&error) => {}
                Err(_) => self.open = false,
                Ok(_) => {}
            }
        }
        false
    }

    /// Asks for a challenge: at most 16 printable characters.
    pub(crate) fn challenge(&mut self) -> String {
        // What newer clients add is nothing that an app must know.
        self.say(&json!({ "mt": "AppChallenge", "user": "", "appObj": "block66" }));
        let said = self.hear("AppChallengeResult").expect("a challenge");
        let challenge = said["challenge"].as_str().expect("a text").to_owned();
        let fits = (1..=16).contains(&challenge.len()) && challenge.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(fits, "{challenge:?}");
        challenge
    }

    /// Shows a digest; whether the app took it. `object` stands for logins on somebody's behalf.
    pub(crate) fn prove(&mut self, login: &Login, digest: &str, object: Option<&str>) -> bool {
        let mut members = vec![
            "\"mt\":\"AppLogin\"".to_owned(),
            format!("\"app\":{}", json!(login.app)),
            format!("\"domain\":{}", json!(login.domain)),
            format!("\"sip\":{}", json!(login.sip)),
            format!("\"guid\":{}", json!(login.guid)),
            format!("\"dn\":{}", json!(login.dn)),
            format!("\"digest\":\"{digest}\""),
            "\"key\":\"of newer clients\"".to_owned(),
        ];
        // As it stands: the order of its members is part of the proof.
        members.extend(login.info.as_ref().map(|info| format!("\"info\":{info}")));
        members.extend(object.map(|object| format!("\"pbxObj\":{}", json!(object))));
        self.say_text(format!("{{{}}}", members.join(",")));
        self.hear("AppLoginResult").is_some_and(|said| said["ok"] == true)
    }

    /// Logs in with a password; the key of the session when the app took it.
    pub(crate) fn log_in(&mut self, login: &Login, password: &str) -> Option<String> {
        let challenge = self.challenge();
        let digest = login.digest(&challenge, password);
        self.prove(login, &digest, None).then(|| session_key(&challenge, password))
    }
}

/// Nothing came for so long, or the machine was suspended meanwhile.
fn is_nothing_yet(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted)
}
