//! One device's conversation with Devices, as innovaphone's SDK page on sysclients has its sequences: identify, then a
//! password or a challenge, then configurations to the one that is marked as the last, then changes one by one.

use std::sync::Mutex;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc::unbounded_channel;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::cipher::{hex, hide, sysclient_digest};
use crate::devices::{Known, Last, Order, PATH, Seen, admin, random, tunnel};

/// The session of the tunnel that is tried on every device.
const TUNNEL: u32 = 13;

/// How far a device is.
enum State {
    /// It has not said who it is.
    New,
    /// It belongs to no domain.
    Unassigned { id: String },
    /// It owes the digest.
    Challenged { id: String, product: String, version: String, challenge: String },
    /// It is in a domain, and is sent its configuration.
    Assigned { id: String, configured: bool },
    /// It was refused, and nobody talks to it.
    Refused,
}

/// The other end of the connection of one device.
struct Line<'known> {
    socket: WebSocketStream<TlsStream<TcpStream>>,
    known: &'known Mutex<Known>,
    state: State,
}

/// Serves one connection to its end.
pub(crate) async fn converse(stream: TlsStream<TcpStream>, known: &Mutex<Known>) {
    #[allow(clippy::result_large_err, reason = "the refusal of a handshake is the library's")]
    let look = |request: &Request, response: Response| {
        let header = request.headers().get("sec-websocket-protocol");
        let mut known = known.lock().unwrap();
        if let Some(protocol) = header {
            known.complain(format!("it wants the subprotocol {protocol:?}"));
        }
        if request.uri().path() == PATH && request.uri().query().is_none() {
            return Ok(response);
        }
        known.complain(format!("there is no {}", request.uri()));
        let mut refusal = ErrorResponse::new(None);
        *refusal.status_mut() = tokio_tungstenite::tungstenite::http::StatusCode::NOT_FOUND;
        Err(refusal)
    };
    let Ok(socket) = tokio_tungstenite::accept_hdr_async(stream, look).await else { return };
    let (orders, mut work) = unbounded_channel();
    known.lock().unwrap().live.push(orders);
    let mut line = Line { socket, known, state: State::New };
    loop {
        let goes_on = tokio::select! {
            order = work.recv() => match order {
                Some(order) => line.carries_out(order).await,
                None => false,
            },
            message = line.socket.next() => match message {
                Some(Ok(message)) => line.hears(message).await,
                _ => false,
            },
        };
        if !goes_on {
            return;
        }
    }
}

impl Line<'_> {
    fn complain(&self, about: &str) {
        self.known.lock().unwrap().complain(about);
    }

    fn see(&self, what: Seen) {
        self.known.lock().unwrap().see(what);
    }

    async fn say(&mut self, bytes: Vec<u8>) -> bool {
        self.socket.send(Message::Binary(bytes.into())).await.is_ok()
    }

    /// What came from the device. Whether the connection goes on.
    async fn hears(&mut self, message: Message) -> bool {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => {
                self.complain(&format!("messages are binary, and not {text}"));
                return true;
            }
            Message::Pong(said) => {
                if said[..] == *b"read" {
                    self.see(Seen::Pong);
                }
                return true;
            }
            Message::Close(_) => return false,
            _ => return true,
        };
        match bytes.get(..3) {
            Some([1, 0, 0]) => self.is_identified(&bytes.slice(3..)).await,
            Some([1, ..]) => {
                self.complain(&format!("no device sends {:?}", &bytes[..3]));
                true
            }
            // The end of a tunnel is said back.
            _ if bytes[..] == tunnel(TUNNEL, 4, b"")[..] => {
                self.see(Seen::TunnelRefused);
                true
            }
            _ => {
                self.complain(&format!("{} is no message", hex(&bytes)));
                true
            }
        }
    }

    /// A device says who it is, the first time or with its digest.
    async fn is_identified(&mut self, text: &Bytes) -> bool {
        let said: Value = serde_json::from_slice(text).unwrap_or_default();
        let word = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        let (id, product, version) = (word("id"), word("product"), word("version"));
        let small = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if id.len() != 12 || !id.bytes().all(small) {
            self.complain(&format!("{id:?} is no MAC in small letters"));
        }
        if product.is_empty() || version.is_empty() {
            self.complain("product and version are no option");
        }
        if said["platform"]["type"] != "PHONE" {
            self.complain(&format!("{} is no platform of a phone", said["platform"]));
        }
        if said["other"] != true {
            self.complain("only another maker's device (other: true) is sent configurations");
        }
        match std::mem::replace(&mut self.state, State::Refused) {
            State::New => {
                if said.get("digest").is_some() {
                    self.complain("a digest, and no challenge was given");
                }
                self.greet(id, product, version, said["provisioningCode"].as_str()).await
            }
            State::Challenged { id: first, product: named, version: was, challenge } => {
                if (&id, &product, &version) != (&first, &named, &was) {
                    self.complain("id, product and version differ between the two messages");
                }
                let password = self.known.lock().unwrap().passwords.get(&id).cloned().unwrap_or_default();
                if word("digest") == sysclient_digest(&id, &product, &version, &challenge, &password) {
                    self.see(Seen::Digest);
                    self.state = State::Assigned { id, configured: false };
                    return self.configures().await;
                }
                self.see(Seen::WrongDigest);
                !self.known.lock().unwrap().abrupt
            }
            _ => {
                self.complain("it says who it is when nobody asks");
                true
            }
        }
    }

    /// Meets a device: by its password, its code, or not at all.
    async fn greet(&mut self, id: String, product: String, version: String, code: Option<&str>) -> bool {
        let (member, taken) = {
            let mut known = self.known.lock().unwrap();
            let member = known.passwords.contains_key(&id);
            (member, !member && code.is_some_and(|code| known.takes(code)))
        };
        if member {
            let challenge = self.known.lock().unwrap().challenge();
            let said = admin(2, &json!({ "challenge": challenge }));
            self.state = State::Challenged { id, product, version, challenge };
            self.see(Seen::Challenged);
            return self.say(said).await;
        }
        if taken {
            self.see(Seen::Code);
            return self.assigns(id).await;
        }
        self.see(if code.is_some() { Seen::BadCode } else { Seen::Stranger });
        // It is listed as one that is not assigned, and the connection stays.
        self.state = State::Unassigned { id };
        code.is_none() || !self.known.lock().unwrap().abrupt
    }

    /// The device is in a domain now: its password, and what the domain deploys.
    async fn assigns(&mut self, id: String) -> bool {
        let password = self.known.lock().unwrap().password(&id);
        self.say(admin(1, &json!({ "password": password }))).await;
        let _ = self.socket.send(Message::Ping(Bytes::from_static(b"read"))).await;
        let seed = hex(&random::<8>());
        self.say(admin(3, &json!({ "seed": seed, "pwd": hide(&seed, &password, "of-admins") }))).await;
        self.state = State::Assigned { id, configured: false };
        self.configures().await
    }

    /// All objects of the configuration, unless they are held back.
    async fn configures(&mut self) -> bool {
        let State::Assigned { id, configured: configured @ false } = &mut self.state else { return true };
        let (objects, odd, cut, last) = {
            let mut known = self.known.lock().unwrap();
            if known.hold {
                return true;
            }
            *configured = true;
            let password = &known.passwords[id];
            let objects: Vec<Value> = known.configuration.iter().map(|object| hidden(object, password)).collect();
            (objects, std::mem::take(&mut known.odd), std::mem::take(&mut known.cut), known.last)
        };
        for bytes in odd {
            self.say(bytes).await;
        }
        for (number, mut object) in objects.iter().cloned().enumerate() {
            if cut && number > 0 {
                self.see(Seen::Cut);
                return false;
            }
            let end = number + 1 == objects.len();
            if end && last == Last::Inside {
                object["last"] = json!(true);
            }
            let said = if last == Last::Beside {
                json!({ "config": object, "last": end })
            } else {
                json!({ "config": object })
            };
            self.say(admin(6, &said)).await;
        }
        if objects.is_empty() || last == Last::Alone {
            self.say(admin(6, &json!({ "last": true }))).await;
        }
        self.see(Seen::Configured);
        !self.known.lock().unwrap().hangs_up
    }

    async fn carries_out(&mut self, order: Order) -> bool {
        match (order, &self.state) {
            (Order::Say(bytes), _) => self.say(bytes).await,
            (Order::Change(object), State::Assigned { id, configured: true }) => {
                let password = self.known.lock().unwrap().passwords[id].clone();
                self.say(admin(6, &json!({ "config": hidden(&object, &password) }))).await
            }
            (Order::Release, State::Assigned { .. }) => self.configures().await,
            (Order::Assign, State::Unassigned { id }) => {
                let id = id.clone();
                self.assigns(id).await
            }
            _ => true,
        }
    }
}

/// An object as one device gets it: its passwords are hidden with a seed and the device's own password.
fn hidden(object: &Value, password: &str) -> Value {
    let mut object = object.clone();
    for (name, seed) in [("turnPassword", "turnSeed"), ("logPassword", "logSeed")] {
        if let Some(text) = object[name].as_str().map(str::to_owned) {
            let chosen = hex(&random::<8>());
            object[name] = json!(hide(&chosen, password, &text));
            object[seed] = json!(chosen);
        }
    }
    object
}
