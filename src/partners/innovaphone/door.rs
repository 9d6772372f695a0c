use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::header::{
    CONNECTION, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::Upgraded;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::{Semaphore, mpsc};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;

use super::app::{self, About, CHALLENGE, Session};
use super::heard::{Heard, News, Request, Wrong};
use super::keeper::Keeper;
use super::secrets;
use super::settings::Settings;
use crate::http::throttle::{Allowance, Throttle, Who};
use crate::http::{Body, Peer, Service, body};
use crate::model::{Event, Reason, block_of};
use crate::partners::{Foundations, Serves};
use crate::sys::random;

/// Beginning of the paths.
const PATH: &str = "innovaphone";
/// Connections at once.
const MOST: usize = 64;
/// Connections of one source at once that have not logged in.
const MOST_STRANGERS: usize = 4;
/// How long a connection may stand without a login.
const LOGIN: Duration = Duration::from_secs(30);
/// Phones that are provisioned at once.
const MOST_AT_ONCE: usize = 64;

/// Where PBX and users' service connect.
pub struct Door {
    on: Foundations,
    keeper: Keeper,
    next: AtomicU64,
    connections: Mutex<BTreeMap<u64, Connected>>,
    /// Places of phones that are being provisioned.
    places: Arc<Semaphore>,
    /// Who gave a wrong password.
    guesses: Mutex<Throttle>,
}

/// What becomes of one more connection.
#[derive(Debug, PartialEq, Eq)]
enum Room {
    /// It finds a place.
    Free,
    /// This one gives way to it.
    After(u64),
    /// All that are there have logged in.
    None,
}

/// One that is connected, as the page shows it.
#[derive(Debug, Clone, Default)]
pub(super) struct Connected {
    pub(super) address: Option<IpAddr>,
    /// Name of its app object, once it has logged in.
    pub(super) who: Option<String>,
    /// Name and domain, where it is a PBX.
    pub(super) pbx: Option<String>,
    /// Whether Devices is among its services, where it told them.
    pub(super) devices: Option<bool>,
    /// Ends it.
    gives_way: CancellationToken,
}

impl Door {
    /// A door that brings phones to this keeper.
    pub fn new(on: Foundations, keeper: Keeper) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(MOST_AT_ONCE));
        let guesses = Mutex::new(Throttle::new(u64::from_be_bytes(random::bytes()), Allowance::WRONG_OF_A_SYSTEM));
        Arc::new(Self { on, keeper, next: AtomicU64::new(1), connections: Mutex::default(), places, guesses })
    }

    /// Answers websockets that are meant for the app, and hands everything else to `service`.
    pub fn in_front_of(self: &Arc<Self>, service: Service, serves: Serves) -> Service {
        let door = Arc::clone(self);
        Arc::new(move |mut request, peer| {
            let first = request.uri().path().split('/').find(|part| !part.is_empty()).unwrap_or_default();
            if !first.eq_ignore_ascii_case(PATH) {
                return service(request, peer);
            }
            let settings = secrets::settings(&door.on.store);
            let meant = lets_in(&settings, peer, &serves);
            let rest: Vec<&str> = request.uri().path().split('/').filter(|part| !part.is_empty()).skip(1).collect();
            // As the PBX writes it, without and with a slash, and with the name of the app.
            let here = rest.is_empty() || matches!(rest[..], [app] if app.eq_ignore_ascii_case(&settings.app));
            let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
            let asks = header(UPGRADE).is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"));
            let fits = header(SEC_WEBSOCKET_VERSION).is_some_and(|version| version.trim() == "13");
            let key = request.headers().get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
            let (true, Some(accept)) = (meant && here && asks && fits && *request.method() == Method::GET, key) else {
                return service(request, peer);
            };
            let wait = door.guesses().wait(Who::at(peer.address), door.on.clock.now().monotonic);
            if let Some(wait) = wait {
                return Box::pin(async move { later(wait) });
            }
            let upgrade = hyper::upgrade::on(&mut request);
            let (door, serves) = (Arc::clone(&door), Arc::clone(&serves));
            tokio::spawn(async move {
                match upgrade.await {
                    Ok(upgraded) => door.serve(upgraded, peer, &serves).await,
                    Err(error) => tracing::debug!(%error, "an upgrade did not come about"),
                }
            });
            Box::pin(async move { switch(&accept) })
        })
    }

    /// Everybody who is connected.
    pub(super) fn connections(&self) -> Vec<Connected> {
        self.all().values().cloned().collect()
    }

    /// Ends every connection, and forgets what was told over it: they were let in by settings and a password that are
    /// others now. Whoever still may comes back by themselves.
    pub(super) fn end(&self) {
        let mut all = self.all();
        for (number, connected) in std::mem::take(&mut *all) {
            connected.gives_way.cancel();
            self.keeper.told(number, None);
        }
    }

    async fn serve(self: Arc<Self>, upgraded: Upgraded, peer: Peer, serves: &Serves) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let gives_way;
        {
            let mut all = self.all();
            match room(&all, peer.address) {
                Room::Free => {}
                Room::After(oldest) => {
                    tracing::debug!(address = %peer.address, "one that has not logged in gives way to one more");
                    if let Some(oldest) = all.remove(&oldest) {
                        oldest.gives_way.cancel();
                    }
                }
                Room::None => {
                    tracing::warn!(address = %peer.address, "too many apps are connected: one more was closed");
                    return;
                }
            }
            let connected = Connected { address: Some(peer.address), ..Connected::default() };
            gives_way = connected.gives_way.clone();
            all.insert(number, connected);
        }
        // Read now that it is counted: whatever is set from here on ends it.
        let settings = secrets::settings(&self.on.store);
        if lets_in(&settings, peer, serves) {
            let talk = self.talk(upgraded, &settings, (number, peer));
            self.on.stop.run_until_cancelled(gives_way.run_until_cancelled(talk)).await;
        }
        self.all().remove(&number);
        self.keeper.told(number, None);
    }

    async fn talk(&self, upgraded: Upgraded, settings: &Settings, (number, peer): (u64, Peer)) {
        let config = WebSocketConfig::default().max_message_size(Some(app::LONGEST)).max_frame_size(Some(app::LONGEST));
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        let about = About {
            app: settings.app.clone(),
            title: settings.title.clone(),
            password: secrets::password(&self.on.store),
            both_spellings: settings.both_spellings,
            answers_keep_alive: settings.answer_keep_alive,
        };
        let mut session = Session::new(random::token(CHALLENGE));
        let (results, mut done) = mpsc::channel(MOST_AT_ONCE);
        let mut ping = tokio::time::interval(Duration::from_secs(settings.ping.max(5).into()));
        let login = tokio::time::sleep(LOGIN);
        tokio::pin!(login);
        loop {
            let heard = tokio::select! {
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => session.hear(&text, &about),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => continue,
                },
                Some(result) = done.recv() => Heard { say: vec![result], ..Heard::default() },
                _ = ping.tick(), if settings.ping > 0 => {
                    if socket.send(Message::Ping(Vec::new().into())).await.is_err() {
                        return;
                    }
                    continue;
                }
                () = &mut login, if !session.is_logged_in() => return,
            };
            for text in heard.say {
                if socket.send(Message::Text(text.into())).await.is_err() {
                    return;
                }
            }
            if let Some(news) = heard.news
                && let Some(refusal) = self.take(news, (number, peer), &results)
                && socket.send(Message::Text(refusal.into())).await.is_err()
            {
                return;
            }
            if heard.end {
                let _ = socket.close(None).await;
                return;
            }
        }
    }

    /// Does what news mean; what is to be said to them at once. One that was ended is heard no more, whatever of it is
    /// still on its way.
    fn take(&self, news: News, (number, peer): (u64, Peer), results: &mpsc::Sender<String>) -> Option<String> {
        let by = self.all().get(&number)?.who.clone().unwrap_or_default();
        let record = |reason| {
            let door = if peer.tls { crate::model::Door::Https } else { crate::model::Door::Http };
            self.on.journal.record(Event::new(self.on.clock.now().wall, door, reason).from_address(peer.address));
        };
        match news {
            News::LoggedIn { who, .. } => {
                record(Reason::ProviderConnected { who: clean(&who) });
                self.update(number, |connected| connected.who = Some(clean(&who)));
            }
            News::Refused(why) => {
                if why == Wrong::Digest {
                    self.guesses().count(Who::at(peer.address), self.on.clock.now().monotonic);
                }
                record(Reason::ProviderRefused { why: why.to_string() });
            }
            News::Unfit { why } => record(Reason::ProviderFailed { why: why.to_string() }),
            News::Note(why) => {
                tracing::warn!(address = %peer.address, %why, "an app said something that cannot be used")
            }
            News::Pbx { domain, name } => {
                self.update(number, |connected| connected.pbx = Some(format!("{name} of {domain}")))
            }
            // Both at once: what one told that is being ended is not kept.
            News::Devices(devices) => self.update(number, |connected| {
                connected.devices = Some(devices.is_some());
                self.keeper.told(number, Some(devices));
            }),
            News::Phone(request) => {
                let settings = secrets::settings(&self.on.store);
                let allowed = settings.providers.is_empty() || settings.providers.contains(&by);
                return self.provision(*request, allowed, peer, results.clone());
            }
        }
        None
    }

    /// Provisions a phone beside the conversation, which goes on meanwhile. The answer, where there is no place for it.
    fn provision(&self, request: Request, allowed: bool, peer: Peer, results: mpsc::Sender<String>) -> Option<String> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let why = format!("the box provisions {MOST_AT_ONCE} phones already: add it again in a minute");
            return Some(app::result(request.src.as_ref(), Err(&why)));
        };
        let (keeper, journal, clock, stop) =
            (self.keeper.clone(), self.on.journal.clone(), self.on.clock.clone(), self.on.stop.clone());
        tokio::spawn(async move {
            let _place = place;
            let work = async {
                if allowed { keeper.provision(&request).await } else { Err("this app may not bring phones".to_owned()) }
            };
            let Some(result) = stop.run_until_cancelled(work).await else { return };
            if let Err(why) = &result {
                let event = Event::new(
                    clock.now().wall,
                    crate::model::Door::Https,
                    Reason::ProviderFailed { why: why.clone() },
                );
                journal.record(event.about(request.mac).from_address(peer.address));
            }
            let answer = app::result(request.src.as_ref(), result.as_ref().copied().map_err(String::as_str));
            let _ = results.send(answer).await;
        });
        None
    }

    fn update(&self, number: u64, change: impl FnOnce(&mut Connected)) {
        if let Some(connected) = self.all().get_mut(&number) {
            change(connected);
        }
    }

    fn guesses(&self) -> std::sync::MutexGuard<'_, Throttle> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Connected>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether somebody at this address may connect, by these settings.
fn lets_in(settings: &Settings, peer: Peer, serves: &Serves) -> bool {
    let named = match peer.address.to_canonical() {
        IpAddr::V4(address) => settings.sources.iter().any(|net| net.contains(&address)),
        IpAddr::V6(_) => false,
    };
    settings.enabled && (peer.tls || settings.plain) && (serves(peer.address) || named)
}

/// Where one more of this address finds a place. Whoever has not logged in keeps nobody out who would: of those of one
/// source there are few, and where all places are taken the oldest of them gives way.
fn room(all: &BTreeMap<u64, Connected>, address: IpAddr) -> Room {
    let of = |connected: &Connected| connected.address.map(block_of);
    let strangers = || all.iter().filter(|(_, connected)| connected.who.is_none());
    let mut own = strangers().filter(|(_, connected)| of(connected) == Some(block_of(address)));
    let gives_way = match own.clone().count() >= MOST_STRANGERS {
        true => own.next(),
        false if all.len() >= MOST => strangers().next(),
        false => return Room::Free,
    };
    gives_way.map_or(Room::None, |(number, _)| Room::After(*number))
}

fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// The answer by which HTTP ends and the websocket begins (RFC 6455 section 4.2.2).
fn switch(accept: &str) -> Response<Body> {
    let mut response = Response::new(body(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

/// The answer to whoever gave too many wrong passwords.
fn later(wait: Duration) -> Response<Body> {
    let mut response = Response::new(body("Too many wrong logins came from here. Please try again later.\n"));
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
    response
}

#[cfg(test)]
mod tests {
    use super::super::apply::tests::Ground;
    use super::*;
    use crate::model::{Mac, Secret};

    /// Connections in their order: the last octet of each one's address, and whether it has logged in.
    fn connected(of: impl IntoIterator<Item = (u8, bool)>) -> BTreeMap<u64, Connected> {
        let one = |(last, in_): (u8, bool)| Connected {
            address: Some([192, 0, 2, last].into()),
            who: in_.then(|| "pbx".to_owned()),
            ..Connected::default()
        };
        (1..).zip(of.into_iter().map(one)).collect()
    }

    #[test]
    fn who_does_not_log_in_keeps_no_pbx_out() {
        let from = |last: u8| IpAddr::from([192, 0, 2, last]);
        let laptop = connected([(66, true), (66, false), (66, false), (66, false), (66, false)]);
        assert_eq!(room(&laptop, from(66)), Room::After(2), "the oldest of its own that has not logged in");
        assert_eq!(
            room(&laptop, IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0242])),
            Room::After(2),
            "written anew"
        );
        assert_eq!(room(&laptop, from(1)), Room::Free);
        assert_eq!(room(&connected([(66, false); 3]), from(66)), Room::Free);
        let full = |own: usize| connected((0..MOST).map(|n| (u8::try_from(n).unwrap(), n < own)));
        assert_eq!(room(&full(0), from(200)), Room::After(1), "many sources keep nobody out either");
        assert_eq!(room(&full(10), from(200)), Room::After(11), "whoever has logged in stays");
        assert_eq!(room(&full(MOST), from(200)), Room::None);
    }

    #[tokio::test]
    async fn whoever_gives_wrong_passwords_again_and_again_waits_and_others_do_not() {
        let Ground { on, _directory } = Ground::new().await;
        let door = Door::new(on.clone(), Keeper::new(on.clone()));
        let (results, _done) = mpsc::channel(1);
        let peer = |last| Peer {
            address: [192, 0, 2, last].into(),
            local: [192, 0, 2, 66].into(),
            tls: true,
            certificate: None,
        };
        let waits = |last: u8| door.guesses().wait(Who::at([192, 0, 2, last].into()), on.clock.now().monotonic);
        for (number, why) in (1..).zip([Wrong::Digest, Wrong::OtherApp].into_iter().cycle().take(20)) {
            assert_eq!(waits(1), None, "{number}");
            door.all().insert(number, Connected::default());
            door.take(News::Refused(why), (number, peer(1)), &results);
        }
        assert_eq!(waits(1), None, "ten are free, and another app is no guess");
        door.all().insert(21, Connected::default());
        door.take(News::Refused(Wrong::Digest), (21, peer(1)), &results);
        assert!(waits(1).is_some_and(|wait| wait <= Duration::from_secs(60)));
        assert_eq!(waits(2), None);
        let answer = later(Duration::from_secs(59));
        assert_eq!(
            (answer.status(), &answer.headers()[RETRY_AFTER]),
            (StatusCode::TOO_MANY_REQUESTS, &"60".parse().unwrap())
        );
    }

    #[tokio::test]
    async fn whoever_was_let_in_by_other_settings_is_ended_and_heard_no_more() {
        let Ground { on, _directory } = Ground::new().await;
        let keeper = Keeper::new(on.clone());
        let door = Door::new(on.clone(), keeper.clone());
        let users = Connected { who: Some("users".into()), ..Connected::default() };
        let ended = users.gives_way.clone();
        door.all().insert(1, users);
        let peer = Peer { address: [192, 0, 2, 1].into(), local: [192, 0, 2, 66].into(), tls: true, certificate: None };
        let (results, mut done) = mpsc::channel(1);
        let hear = |news| door.take(news, (1, peer), &results);
        let devices = Some("wss://ap/x/sysclients".to_owned());
        let wish = || {
            let texts = ["123456789012", "hw-ann", "ann", "Ann", "a.example", "pbx.a.example"];
            let [code, hwid, user, name, domain, host] = texts.map(str::to_owned);
            let (mac, password) = (Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]), Secret::new("p"));
            News::Phone(Box::new(Request { mac, code, hwid, user, name, password, domain, host, src: None }))
        };
        hear(News::Devices(devices.clone()));
        assert_eq!(keeper.devices(), devices);
        // The one that stands is judged by what is set when it speaks.
        let others = Settings { enabled: true, providers: vec!["profile".into()], ..Settings::default() };
        on.store.commit(vec![secrets::set(&others)]).await.unwrap();
        hear(wish());
        let answer = done.recv().await.unwrap();
        assert!(answer.contains("this app may not bring phones"), "{answer}");

        door.end();
        assert!(ended.is_cancelled() && door.connections().is_empty());
        assert_eq!(keeper.devices(), None);
        hear(News::Devices(devices));
        hear(wish());
        assert_eq!(keeper.devices(), None, "what was still on its way counts");
        assert!(done.try_recv().is_err() && door.places.available_permits() == MOST_AT_ONCE);
    }
}
