//! One connection to Devices for each phone, kept up and made anew.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

use super::apply::{self, GONE, apply};
use super::backoff;
use super::frame::{self, Identity};
use super::heard::Request;
use super::map::Owner;
use super::secrets::{self, Kept};
use super::settings::Settings;
use super::sysclient::{Failure, Out, Sysclient};
use crate::model::{Door, Event, Mac, Reason};
use crate::partners::Foundations;
use crate::partners::web::Web;
use crate::store;
use crate::sys::random;

/// Pings without any answer after which a connection counts as dead.
const UNANSWERED: u32 = 4;
/// How long a connection stands before its end is one like any other: until then the next wait is a longer one.
const STANDING: Duration = Duration::from_secs(60);

/// Keeps one connection to Devices for each phone, and the phones of the list as Devices wants them. Clones share it.
#[derive(Clone)]
pub struct Keeper(Arc<Inner>);

struct Inner {
    on: Foundations,
    phones: Mutex<BTreeMap<Mac, Standing>>,
    /// What ends each phone's connection, with a number: a later one takes the place of an earlier.
    running: Mutex<HashMap<Mac, (u64, CancellationToken)>>,
    next: AtomicU64,
    /// Where Devices is, by the PBX that told it.
    devices: Mutex<BTreeMap<u64, Option<String>>>,
}

/// How a phone's connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// In plain words.
    pub(super) says: String,
    /// Whether it is as it should be.
    pub(super) well: bool,
    /// What of its configuration could not be taken over.
    pub(super) left_out: Vec<String>,
}

/// Whoever waits for the first configuration of a phone.
type First = Option<oneshot::Sender<Result<(), String>>>;

/// How a conversation ended.
struct Ended {
    why: String,
    /// Whether it stood for a while.
    stood: bool,
}

impl Keeper {
    /// A keeper on these foundations. Phones that were provisioned before are connected at once.
    pub fn new(on: Foundations) -> Self {
        let (phones, running, devices) = (Mutex::default(), Mutex::default(), Mutex::default());
        let keeper = Self(Arc::new(Inner { on, phones, running, next: AtomicU64::new(1), devices }));
        if secrets::settings(&keeper.0.on.store).enabled {
            keeper.begin();
        }
        keeper
    }

    /// Connects every phone that was provisioned before and is not connected.
    pub(super) fn begin(&self) {
        let phones = secrets::phones(&self.0.on.store);
        let count = phones.len();
        for mac in phones {
            if !self.running().contains_key(&mac)
                && let Some(kept) = Kept::read(&self.0.on.store, mac)
            {
                let delay = backoff::spread(count, u16::from_be_bytes(random::bytes()));
                self.start(mac, delay, kept, None, None);
            }
        }
    }

    /// Ends every connection: the app was switched off.
    pub(super) fn end(&self) {
        for (_, (_, stop)) in self.running().drain() {
            stop.cancel();
        }
        self.phones().clear();
    }

    /// A PBX says where Devices is, or is gone.
    pub(super) fn told(&self, pbx: u64, devices: Option<Option<String>>) {
        let mut known = lock(&self.0.devices);
        match devices {
            Some(devices) => drop(known.insert(pbx, devices)),
            None => drop(known.remove(&pbx)),
        }
    }

    /// Where phones connect, as far as is known.
    pub(super) fn devices(&self) -> Option<String> {
        let fixed = secrets::settings(&self.0.on.store).devices;
        fixed.or_else(|| lock(&self.0.devices).values().flatten().next().cloned())
    }

    /// Every phone with how it is.
    pub(super) fn standings(&self) -> BTreeMap<Mac, Standing> {
        self.phones().clone()
    }

    /// Provisions a phone: done when its first configuration is stored.
    pub(super) async fn provision(&self, request: &Request) -> Result<(), String> {
        let settings = secrets::settings(&self.0.on.store);
        if !settings.enabled {
            return Err("the app is switched off at the box".into());
        }
        let devices = self.devices().ok_or(
            "the box does not know where Devices is: tick \"devices\" and \"devices-api\" in the Apps of its app object",
        )?;
        let before = Kept::read(&self.0.on.store, request.mac);
        let listed = self.0.on.store.phone_by_mac(request.mac);
        let mut kept = Kept::new(devices, Owner::of(request));
        if let Some(phone) = listed {
            let own = before.as_ref().is_some_and(|before| before.is_on(&phone));
            apply::may_take(&phone, own, apply::organisation(&self.0.on, &settings)?)?;
            kept.phone = own.then_some(phone.id);
        }
        // Devices may know the phone still, whatever its user has done: it asks for this password then.
        kept.password = before.and_then(|before| before.password);
        self.forget_running(request.mac);
        let (tell, told) = oneshot::channel();
        self.start(request.mac, Duration::ZERO, kept, Some(request.code.clone()), Some(tell));
        let patience = Duration::from_secs(settings.patience.into());
        match tokio::time::timeout(patience, told).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err("the box is being stopped".into()),
            Err(_) => {
                // One that Devices has taken is kept: its configuration may come yet.
                if Kept::read(&self.0.on.store, request.mac).is_some() {
                    return Err(format!("Devices sent no configuration within {} seconds", settings.patience));
                }
                self.forget_running(request.mac);
                let why = format!("{} ({} seconds passed)", Failure::Code, settings.patience);
                self.show(request.mac, false, format!("Not provisioned: {why}."));
                Err(why)
            }
        }
    }

    /// Forgets what is kept of a phone; the phone itself stays on the list.
    pub(super) async fn forget(&self, mac: Mac) -> Result<(), store::Error> {
        self.forget_running(mac);
        self.phones().remove(&mac);
        self.0.on.store.commit(vec![secrets::forgotten(mac)]).await
    }

    fn forget_running(&self, mac: Mac) {
        let stopped = self.running().remove(&mac);
        if let Some((_, stop)) = stopped {
            stop.cancel();
        }
    }

    fn start(&self, mac: Mac, delay: Duration, kept: Kept, code: Option<String>, first: First) {
        let stop = self.0.on.stop.child_token();
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.running().insert(mac, (number, stop.clone()));
        let keeper = self.clone();
        tokio::spawn(async move {
            let work = async {
                tokio::time::sleep(delay).await;
                keeper.keep(mac, kept, code, first).await;
            };
            stop.run_until_cancelled(work).await;
            let mut running = keeper.running();
            if running.get(&mac).is_some_and(|(current, _)| *current == number) {
                running.remove(&mac);
            }
        });
    }

    /// Keeps one phone's connection for as long as the box runs.
    async fn keep(&self, mac: Mac, mut kept: Kept, mut code: Option<String>, mut first: First) {
        let (mut attempt, mut known, mut last) = (0, None, None);
        loop {
            if self.is_gone(mac, &kept) {
                return self.let_go(mac).await;
            }
            if let Some(devices) = self.devices() {
                kept.devices = devices;
            }
            let before = last.as_ref().map(|last| format!(" {last}")).unwrap_or_default();
            self.show(mac, false, format!("The box connects to Devices for it.{before}"));
            let new = code.is_some();
            let Ended { why, stood } = self.converse(mac, &mut kept, code.take(), &mut first).await;
            tracing::info!(%mac, why, "the connection to Devices ended");
            // A code is good for once. What Devices took is stored; else what was there before is in force.
            let stored = if new { Kept::read(&self.0.on.store, mac) } else { Some(kept.clone()) };
            let keeps = if stored.is_some() { " It keeps its last configuration." } else { "" };
            self.show(mac, false, format!("Not connected to Devices: {why}.{keeps}"));
            last = Some(format!("Last time: {why}.{keeps}"));
            // One that fails again and again for the same reason is one event.
            if stored.is_some() && known.as_ref() != Some(&why) {
                self.record(mac, Reason::ProviderLost { why: why.clone() });
            }
            if let Some(first) = first.take() {
                let _ = first.send(Err(why.clone()));
            }
            let Some(stored) = stored else { return };
            kept = stored;
            known = Some(why);
            if stood {
                (attempt, known) = (0, None);
            }
            tokio::time::sleep(backoff::wait(attempt, u16::from_be_bytes(random::bytes()))).await;
            attempt += 1;
        }
    }

    async fn converse(&self, mac: Mac, kept: &mut Kept, code: Option<String>, first: &mut First) -> Ended {
        let settings = secrets::settings(&self.0.on.store);
        let gone = |why: String| Ended { why, stood: false };
        let identity = Identity {
            id: mac.plain(),
            product: settings.app.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            name: kept.owner().name,
        };
        let mut talk = Sysclient::new(identity, code, kept.password.clone());
        let stream = match connect(&kept.devices, &settings).await {
            Ok(stream) => stream,
            Err(why) => return gone(why),
        };
        let config =
            WebSocketConfig::default().max_message_size(Some(frame::LONGEST)).max_frame_size(Some(frame::LONGEST));
        let handshake = tokio_tungstenite::client_async_with_config(kept.devices.as_str(), stream, Some(config));
        let opened = tokio::time::timeout(Duration::from_secs(20), handshake).await;
        let (mut socket, _) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return gone(format!("Devices takes no connection: {error}")),
            Err(_) => return gone("Devices did not open the connection within 20 seconds".into()),
        };
        let now = || self.0.on.clock.now().monotonic;
        let ping = Duration::from_secs(settings.ping.into());
        let opened = now();
        let end = |why: String| Ended { why, stood: now() >= opened + STANDING };
        let (mut pinged, mut heard, mut noted) = (opened, opened, None);
        let mut todo = talk.opened(now());
        loop {
            for out in todo {
                match out {
                    Out::Send(bytes) => {
                        if let Err(error) = socket.send(Message::Binary(bytes.into())).await {
                            return end(broken(&error));
                        }
                    }
                    Out::Keep(password) => {
                        kept.password = Some(password);
                        if let Err(error) = self.0.on.store.commit(vec![kept.written(mac)]).await {
                            return end(format!("the password of Devices could not be stored: {error}"));
                        }
                    }
                    Out::AdminPassword(password) => {
                        kept.admin_password = Some(password);
                        if let Err(error) = self.0.on.store.commit(vec![kept.written(mac)]).await {
                            tracing::warn!(%mac, %error, "a password for administrators could not be stored");
                        }
                    }
                    Out::Configured(configuration) => {
                        match apply(&self.0.on, mac, kept, configuration, &settings).await {
                            Ok(left_out) => {
                                self.phones().insert(
                                    mac,
                                    Standing {
                                        says: "Connected to Devices and configured.".into(),
                                        well: true,
                                        left_out,
                                    },
                                );
                                if let Some(first) = first.take() {
                                    let _ = first.send(Ok(()));
                                }
                            }
                            Err(why) => return gone(why),
                        }
                    }
                    Out::Note(what) => {
                        tracing::warn!(%mac, what, "Devices said something that cannot be used");
                        // The same again and again is one event.
                        if noted.as_ref() != Some(&what) {
                            self.record(mac, Reason::ProviderUnusable { what: what.clone() });
                            noted = Some(what);
                        }
                    }
                    Out::End(failure) => {
                        let _ = socket.close(None).await;
                        return gone(failure.to_string());
                    }
                }
            }
            let wait = talk.next().map(|deadline| deadline.saturating_sub(now()));
            let until_ping = (!ping.is_zero()).then(|| (pinged + ping).saturating_sub(now()));
            let wait = [wait, until_ping].into_iter().flatten().min().unwrap_or(Duration::from_secs(3600));
            todo = tokio::select! {
                message = socket.next() => {
                    heard = now();
                    match message {
                        Some(Ok(Message::Binary(bytes))) => talk.receive(&bytes, now()),
                        Some(Ok(Message::Close(_))) | None => {
                            let refused = talk.refused().map(|failure| failure.to_string());
                            return end(refused.unwrap_or_else(|| "Devices ended the connection".into()));
                        }
                        Some(Ok(_)) => Vec::new(),
                        Some(Err(Error::Capacity(error))) => {
                            return end(format!("Devices says more at once than the box takes: {error}"));
                        }
                        Some(Err(error)) => {
                            let error = broken(&error);
                            let refused = talk.refused().map(|failure| format!("{failure}: {error}"));
                            return end(refused.unwrap_or(error));
                        }
                    }
                },
                () = tokio::time::sleep(wait) => {
                    if !ping.is_zero() && now() >= pinged + ping {
                        if now() > heard + ping * UNANSWERED {
                            return end("Devices answers no more".into());
                        }
                        if self.is_gone(mac, kept) {
                            return end(GONE.into());
                        }
                        pinged = now();
                        if let Err(error) = socket.send(Message::Ping(Vec::new().into())).await {
                            return end(broken(&error));
                        }
                    }
                    talk.tick(now())
                }
            };
        }
    }

    /// Whether the phone that was provisioned was taken off the list since, or another device has its place.
    fn is_gone(&self, mac: Mac, kept: &Kept) -> bool {
        kept.is_gone(self.0.on.store.phone_by_mac(mac).as_deref())
    }

    /// Keeps nothing more of a phone that is gone: it would come back to the list by itself.
    async fn let_go(&self, mac: Mac) {
        tracing::info!(%mac, "{GONE}");
        self.phones().remove(&mac);
        if let Err(error) = self.0.on.store.commit(vec![secrets::forgotten(mac)]).await {
            tracing::warn!(%mac, %error, "what is kept of it could not be forgotten");
        }
    }

    fn record(&self, mac: Mac, reason: Reason) {
        self.0.on.journal.record(Event::new(self.0.on.clock.now().wall, Door::Box, reason).about(mac));
    }

    fn show(&self, mac: Mac, well: bool, says: String) {
        let mut phones = self.phones();
        let left_out = phones.get(&mac).map(|standing| standing.left_out.clone()).unwrap_or_default();
        phones.insert(mac, Standing { says, well, left_out });
    }

    fn phones(&self) -> MutexGuard<'_, BTreeMap<Mac, Standing>> {
        lock(&self.0.phones)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Mac, (u64, CancellationToken)>> {
        lock(&self.0.running)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a connection ended, in words.
fn broken(error: &Error) -> String {
    match error {
        Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => "the connection broke off".into(),
        error => error.to_string(),
    }
}

/// A stream to the host of a websocket's address.
async fn connect(url: &str, settings: &Settings) -> Result<crate::partners::web::Stream, String> {
    let (secure, rest) = match url.split_once("://") {
        Some(("wss", rest)) => (true, rest),
        Some(("ws", rest)) if settings.plain => (false, rest),
        Some(("ws", _)) => return Err("Devices is reached without TLS, which is not allowed here".into()),
        _ => return Err("the address of Devices is none".into()),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let web = Web::new(settings.authorities.as_deref()).map_err(|failure| failure.to_string())?;
    web.reach(authority, secure).await.map_err(|failure| failure.to_string())
}
