use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use block66::depot::Depot;
use block66::http::Peer;
use block66::http::provision::{Foundations, Provision};
use block66::journal::{Journal, Live};
use block66::model::{
    Event, FirstContact, Id, Lease, LeaseState, Line, Login, Mac, Organisation, Phone, Policy, Reason, Secret,
    Settings, Timestamp, Transport, Via,
};
use block66::pairing::Pairing;
use block66::pki::Authority;
use block66::store::{Disk, Key, Options, Store, Write};
use block66::sys::clock::Clock;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use md5::{Digest, Md5};
use tokio::sync::broadcast;

pub(crate) const BOX: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 1);
pub(crate) const DESK: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 10);
pub(crate) const OTHER: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 11);
pub(crate) const STRANGER: Mac = Mac::new([0x80, 0x5e, 0xc0, 0, 0, 0x99]);

/// What phone 1 calls itself.
pub(crate) const AGENT: &str = "Yealink SIP-T46S 66.86.0.15 80:5e:c0:00:00:01";

pub(crate) fn mac(number: u8) -> Mac {
    Mac::new([0x80, 0x5e, 0xc0, 0, 0, number])
}

/// A box with two organisations and two phones of the first; phone 1 holds the lease of `DESK`.
pub(crate) struct Ground {
    directory: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) depot: Depot,
    pub(crate) journal: Journal,
    pub(crate) provision: Arc<Provision>,
    pub(crate) authority: Authority,
    pub(crate) clock: Clock,
    /// When the program was built.
    built: Timestamp,
    news: broadcast::Receiver<Live>,
}

/// An answer, read whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The nonce of the challenge.
    pub(crate) fn nonce(&self) -> String {
        let challenge = self.header("www-authenticate");
        challenge
            .split("nonce=\"")
            .nth(1)
            .unwrap_or_else(|| panic!("no challenge: {self:?}"))
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    }

    /// A setting of a rendered file of the built-in brand.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('=')).map(str::trim)
    }
}

/// How a request comes in.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) path: String,
    pub(crate) method: &'static str,
    pub(crate) from: IpAddr,
    /// The address of the box that is asked.
    pub(crate) at: Ipv4Addr,
    pub(crate) tls: bool,
    pub(crate) login: Option<(String, String)>,
    pub(crate) certificate: Option<Mac>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

pub(crate) fn ask(path: impl Into<String>) -> Ask {
    Ask {
        path: path.into(),
        method: "GET",
        from: DESK.into(),
        at: BOX,
        tls: true,
        login: None,
        certificate: None,
        headers: Vec::new(),
        body: Bytes::new(),
    }
}

impl Ask {
    pub(crate) fn plain(self) -> Self {
        Self { tls: false, ..self }
    }

    pub(crate) fn from(self, from: Ipv4Addr) -> Self {
        Self { from: from.into(), ..self }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn send(self, method: &'static str, body: impl Into<Bytes>) -> Self {
        Self { method, body: body.into(), ..self }
    }

    /// Digest, after the challenge that a client waits for.
    pub(crate) fn login(self, login: &Login) -> Self {
        Self { login: Some((login.user.clone(), login.password.expose().to_owned())), ..self }
    }
}

impl Ground {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::new(Timestamp::from_secs(1_700_000_000));
        clock.vouch();
        let now = clock.now().wall;
        let options = Options {
            directory: directory.path().to_owned(),
            key: Key::new(&[7; 32]),
            clock: clock.clone(),
            disk: Disk::default(),
        };
        let (store, _) = Store::open(options).unwrap();
        let organisation = |number: u128, name: &str| Organisation {
            id: Id::new(now, number),
            version: 0,
            origin: Id::new(now, 99),
            name: name.into(),
            login: Login { user: name.into(), password: Secret::new(format!("{name}-password")) },
            policy: Policy::default(),
            settings: Settings::NONE,
            created: now,
        };
        let (own, foreign) = (organisation(1, "branch"), organisation(2, "rival"));
        let phone = |number: u8| Phone {
            id: Id::new(now, 100 + u128::from(number)),
            version: 0,
            origin: Id::new(now, 99),
            mac: mac(number),
            organisation: own.id,
            brand: None,
            model: None,
            name: format!("Desk {number}"),
            lines: vec![Line {
                user: format!("20{number}"),
                auth_user: None,
                password: Secret::new(format!("line-secret-{number}")),
                display: format!("Desk {number}"),
                server: "pbx.example".into(),
                port: None,
                transport: Some(Transport::Udp),
                expires: None,
                voicemail: None,
                settings: Settings::NONE,
            }],
            group: None,
            settings: Settings::NONE,
            handsets: Vec::new(),
            ports: Vec::new(),
            login: None,
            pending_login: None,
            first_contact: FirstContact::Waiting,
            created: now,
        };
        let lease = |address, mac| Write::PutLease {
            network: "office".into(),
            lease: Lease {
                address,
                mac,
                client_id: None,
                host_name: None,
                vendor_class: None,
                state: LeaseState::Bound,
                expires: now.plus(Duration::from_secs(86_400)),
                seconds_left: 86_400,
                via: Via::Wire,
            },
        };
        let writes = vec![
            Write::PutOrganisation { organisation: own.clone(), expect: None },
            Write::PutOrganisation { organisation: foreign, expect: None },
            Write::PutPhone { phone: phone(1), expect: None },
            Write::PutPhone { phone: phone(2), expect: None },
            lease(DESK, mac(1)),
            lease(OTHER, mac(2)),
        ];
        store.commit(writes).await.unwrap();
        let (journal, _running) = Journal::open(store.clone()).unwrap();
        let authority = Authority::open(&directory.path().join("ca"), now).unwrap();
        let depot = Depot::open(directory.path(), Key::new(&[7; 32]), Default::default()).unwrap();
        let provision = provision(&store, &depot, &journal, &authority, &clock);
        let news = journal.subscribe();
        Self { directory, store, depot, journal, provision, authority, clock, built: now, news }
    }

    /// Where the store and the certificates are.
    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// The process starts anew: what was only in memory is gone.
    pub(crate) fn restart(&mut self) {
        self.provision = provision(&self.store, &self.depot, &self.journal, &self.authority, &self.clock);
    }

    /// Another authority, made by the same build of the program, takes the place of the one there was.
    pub(crate) fn with_another_authority(&mut self) {
        let another = Authority::open(&self.directory.path().join("another-ca"), self.built).unwrap();
        assert_eq!(self.authority.not_before(), another.not_before());
        self.authority = another;
        self.restart();
    }

    pub(crate) fn phone(&self, number: u8) -> Phone {
        (*self.store.phone_by_mac(mac(number)).unwrap()).clone()
    }

    pub(crate) async fn change(&self, phone: Phone) {
        self.store.commit(vec![Write::PutPhone { phone, expect: None }]).await.unwrap();
    }

    pub(crate) async fn policy(&self, name: &str, policy: Policy) {
        let organisation = self.organisation(name);
        let organisation = Organisation { policy, ..organisation };
        self.store.commit(vec![Write::PutOrganisation { organisation, expect: None }]).await.unwrap();
    }

    pub(crate) fn organisation(&self, name: &str) -> Organisation {
        (*self.store.organisations().into_iter().find(|o| o.name == name).unwrap()).clone()
    }

    /// Asks, and asks again with the login when there is one, as clients do.
    pub(crate) async fn get(&self, ask: Ask) -> Answer {
        let Some((user, password)) = &ask.login else { return self.once(&ask, None).await };
        let challenge = self.once(&Ask { login: None, ..ask.clone() }, None).await;
        assert_eq!(challenge.status, StatusCode::UNAUTHORIZED, "{}", challenge.text);
        let answer = digest(&ask, user, password, &challenge.nonce(), Some(1));
        self.once(&ask, Some(answer)).await
    }

    /// Asks once.
    pub(crate) async fn once(&self, ask: &Ask, authorization: Option<String>) -> Answer {
        let mut request = Request::builder().method(ask.method).uri(&ask.path);
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let peer = Peer { address: ask.from, local: ask.at.into(), tls: ask.tls, certificate: ask.certificate };
        let response = self.provision.answer(request.body(Full::new(ask.body.clone())).unwrap(), peer).await;
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status, headers: head.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    /// The next event, within a deadline.
    pub(crate) async fn event(&mut self) -> Event {
        let next = async {
            loop {
                if let Live::Event { event, .. } = self.news.recv().await.unwrap() {
                    return event;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), next).await.expect("an event in time")
    }

    /// Waits for an event with this reason.
    pub(crate) async fn told(&mut self, reason: &Reason) -> Event {
        loop {
            let event = self.event().await;
            if event.reason == *reason {
                return event;
            }
        }
    }

    /// First contact, and then the first fetch with the login of it: the phone is in service.
    pub(crate) async fn settle(&self, number: u8, from: Ipv4Addr) -> Login {
        let path = format!("/p/{}.cfg", mac(number).plain());
        let first = self.get(ask(&path).plain().from(from).with("user-agent", AGENT)).await;
        assert_eq!(first.status, StatusCode::OK, "{}", first.text);
        let login = Login {
            user: first.setting("static.auto_provision.server.username").unwrap().into(),
            password: Secret::new(first.setting("static.auto_provision.server.password").unwrap()),
        };
        let full = self.get(ask(&path).from(from).login(&login).with("user-agent", AGENT)).await;
        assert_eq!(full.status, StatusCode::OK, "{}", full.text);
        assert!(full.text.contains(&format!("line-secret-{number}")));
        assert!(matches!(self.phone(number).first_contact, FirstContact::Closed { .. }));
        login
    }
}

fn provision(store: &Store, depot: &Depot, journal: &Journal, authority: &Authority, clock: &Clock) -> Arc<Provision> {
    Arc::new(Provision::new(Foundations {
        store: store.clone(),
        depot: depot.clone(),
        pairing: Pairing::new(store.clone(), Id::new(Timestamp::default(), 99)),
        journal: journal.clone(),
        registry: crate::toy::registry(),
        authority,
        clock: clock.clone(),
        networks: vec!["10.66.0.0/24".parse().unwrap()],
        policy: None,
        http: 80,
        https: 443,
    }))
}

fn md5(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a client sends: with a count by RFC 2617, without one by RFC 2069.
pub(crate) fn digest(ask: &Ask, user: &str, password: &str, nonce: &str, count: Option<u32>) -> String {
    let secret = md5(&format!("{user}:Block66:{password}"));
    let request = md5(&format!("{}:{}", ask.method, ask.path));
    let common = format!("Digest username=\"{user}\", realm=\"Block66\", nonce=\"{nonce}\", uri=\"{}\"", ask.path);
    match count {
        Some(count) => {
            let response = md5(&format!("{secret}:{nonce}:{count:08x}:c0ffee:auth:{request}"));
            format!("{common}, qop=auth, nc={count:08x}, cnonce=\"c0ffee\", response=\"{response}\"")
        }
        None => format!("{common}, response=\"{}\"", md5(&format!("{secret}:{nonce}:{request}"))),
    }
}
