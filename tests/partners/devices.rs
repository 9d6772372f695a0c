//! A Devices service, from innovaphone's SDK pages on sysclients and on Devices' configuration objects: binary frames,
//! a device that is identified, a password for each, challenges, configurations. It tells nothing to whom it does not
//! know, and writes down whatever no device should do.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::cipher::hex;
use crate::cloud::identity;
use crate::ground::{Client, PATIENCE, wait_until};
use crate::place::start;
use crate::sysclient::converse;

pub(crate) const DEVICES: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 81);
/// Where the connections of devices go: base path and `sysclients`.
pub(crate) const PATH: &str = "/example.com/devices/sysclients";
/// A code that is good once, as an administrator got it for a category.
pub(crate) const CODE: &str = "123456789012";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A device came with a code that was good.
    Code,
    /// With one that is not, or not any more.
    BadCode,
    /// Without code and not known.
    Stranger,
    /// It got its challenge.
    Challenged,
    /// It knew its password.
    Digest,
    /// It did not.
    WrongDigest,
    /// It answered what was sent after its password: it has read that.
    Pong,
    /// All of its configuration was sent.
    Configured,
    /// It was sent half of it.
    Cut,
    /// It ended the tunnel that was opened to it.
    TunnelRefused,
}

/// Where the end of a burst is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Last {
    /// Beside the last object.
    #[default]
    Beside,
    /// In the last object.
    Inside,
    /// In a message with no object.
    Alone,
}

/// What it does.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    /// Send a changed object.
    Change(Value),
    /// Send what is due.
    Release,
    /// Take the device into a domain.
    Assign,
    /// Send these bytes.
    Say(Vec<u8>),
}

/// What it knows.
#[derive(Default)]
pub(crate) struct Known {
    /// Codes that nobody used yet.
    pub(crate) codes: Vec<String>,
    /// Passwords of devices in a domain, by id.
    pub(crate) passwords: BTreeMap<String, String>,
    /// What each is configured with; `turnPassword` and `logPassword` are hidden as they are sent.
    pub(crate) configuration: Vec<Value>,
    pub(crate) last: Last,
    pub(crate) seen: Vec<Seen>,
    /// What no device should have done.
    pub(crate) complaints: Vec<String>,
    /// Sends no configuration for now.
    pub(crate) hold: bool,
    /// Ends the connection after each burst.
    pub(crate) hangs_up: bool,
    /// Ends the next burst in its middle, and the connection with it.
    pub(crate) cut: bool,
    /// Hangs up on a code or a digest that is wrong, where others say nothing.
    pub(crate) abrupt: bool,
    /// Sent before the next burst.
    pub(crate) odd: Vec<Vec<u8>>,
    /// Challenges that were given: none comes twice.
    pub(crate) serial: u32,
    pub(crate) live: Vec<UnboundedSender<Order>>,
}

/// The running service.
pub(crate) struct Devices {
    pub(crate) known: Arc<Mutex<Known>>,
    /// The certificate of its authority.
    pub(crate) pem: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Devices {
    pub(crate) fn serve(place: &Client) -> Self {
        let (config, pem) = identity(DEVICES);
        let known = Arc::new(Mutex::new(Known::default()));
        let (stop, stopped) = oneshot::channel();
        let (shared, (ready, wait)) = (known.clone(), std::sync::mpsc::channel());
        let thread = start(place, move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind((DEVICES, 8443)).await.unwrap();
                ready.send(()).unwrap();
                let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
                let serve = async {
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        let (acceptor, shared) = (acceptor.clone(), shared.clone());
                        tokio::spawn(async move {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                converse(stream, &shared).await;
                            }
                        });
                    }
                };
                tokio::select! { () = serve => {}, _ = stopped => {} }
            });
        });
        wait.recv_timeout(PATIENCE).expect("Devices does not start");
        Self { known, pem, stop: Some(stop), thread: Some(thread) }
    }

    /// Ends it, with every connection.
    pub(crate) fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    /// Changes what it knows or does.
    pub(crate) fn set<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        change(&mut self.known.lock().unwrap())
    }

    /// An administrator changes an object: every connected device is sent it alone, with no mark of an end.
    pub(crate) fn change(&self, object: &Value) {
        self.set(|known| {
            known.configuration.retain(|old| old["id"] != object["id"]);
            known.configuration.push(object.clone());
        });
        self.order(&Order::Change(object.clone()));
    }

    /// Tells all connections to do something.
    pub(crate) fn order(&self, order: &Order) {
        self.set(|known| known.live.retain(|line| line.send(order.clone()).is_ok()));
    }

    /// Sends what was held back.
    pub(crate) fn release(&self) {
        self.set(|known| known.hold = false);
        self.order(&Order::Release);
    }

    /// Every connection breaks, as when it is restarted.
    pub(crate) fn drop_connections(&self) {
        self.set(|known| known.live.clear());
    }

    pub(crate) fn times(&self, what: Seen) -> usize {
        self.set(|known| known.seen.iter().filter(|seen| **seen == what).count())
    }

    /// Waits until it has seen something so many times.
    pub(crate) fn saw(&self, what: Seen, times: usize) {
        let so = wait_until(PATIENCE, || self.times(what) == times);
        let (seen, complaints) = self.set(|known| (known.seen.clone(), known.complaints.clone()));
        assert!(so, "{what:?} was not seen {times} times: {seen:?}, {complaints:?}");
    }

    /// All that a device did was what devices do.
    pub(crate) fn is_content(&self) {
        let complaints = self.set(|known| known.complaints.clone());
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        self.end();
    }
}

impl Known {
    pub(crate) fn see(&mut self, what: Seen) {
        self.seen.push(what);
    }

    pub(crate) fn complain(&mut self, about: impl Into<String>) {
        self.complaints.push(about.into());
    }

    /// Takes a device into the domain of a code, which is used up.
    pub(crate) fn takes(&mut self, code: &str) -> bool {
        let before = self.codes.len();
        self.codes.retain(|known| known != code);
        self.codes.len() < before
    }

    /// Decimal digits, and never the same.
    pub(crate) fn challenge(&mut self) -> String {
        self.serial += 1;
        format!("{}{}", 144_693_125 + self.serial * 7919, self.serial % 10)
    }

    /// A password for a device: 32 letters, digits and marks.
    pub(crate) fn password(&mut self, id: &str) -> String {
        let password = format!("K!_{}Z", &hex(&random::<14>()));
        assert_eq!(password.len(), 32);
        self.passwords.insert(id.to_owned(), password.clone());
        password
    }
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}

/// An admin message: 01, its type in two bytes, JSON to the end.
pub(crate) fn admin(kind: u16, said: &Value) -> Vec<u8> {
    admin_text(kind, &said.to_string())
}

pub(crate) fn admin_text(kind: u16, text: &str) -> Vec<u8> {
    [&[1], &kind.to_be_bytes()[..], text.as_bytes()].concat()
}

/// A message of a tunnel: 02, its session and its event in four bytes each, data.
pub(crate) fn tunnel(session: u32, event: u32, data: &[u8]) -> Vec<u8> {
    [&[2], &session.to_be_bytes()[..], &event.to_be_bytes()[..], data].concat()
}

#[test]
fn frames_are_those_of_the_documents() {
    assert_eq!(admin(6, &json!({})), b"\x01\x00\x06{}");
    assert_eq!(tunnel(13, 4, b""), [2, 0, 0, 0, 13, 0, 0, 0, 4]);
}
