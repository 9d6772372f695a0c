//! A box on the loopback, with a listed phone at each of some desks.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use block66::brands::Registry;
use block66::depot::Depot;
use block66::http::listeners::{self, Entrance, OnTlsFailure};
use block66::http::provision::{Foundations, Provision};
use block66::http::{self, Body, Limits, Peer, Service, Workers, dispatch};
use block66::journal::{Journal, Running};
use block66::model::{
    BoxAddress, FirstContact, Id, Lease, LeaseState, Line, Login, Organisation, Phone, Policy, Scheme, Secret,
    Settings, Timestamp, Transport, Via, provisioning_url,
};
use block66::pairing::Pairing;
use block66::pki::{Authority, Certificates, Names};
use block66::sntp;
use block66::store::{Disk, Key, Options, Store, Write};
use block66::sys::clock::Clock;
use block66::sys::sockets::connections;
use http_body_util::BodyExt;
use hyper::header::AUTHORIZATION;
use hyper::{Response, StatusCode};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;

/// Something that is wrong with the box, for what looks for it to be seen to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planted {
    Nothing,
    /// First contact is over as soon as the login was handed out.
    ClosesOnHandOut,
    /// The own file differs each time.
    OtherBytesEachTime,
}

pub(crate) struct Ground {
    pub(crate) desks: Arc<[Desk]>,
    pub(crate) time_server: SocketAddr,
    ports: (u16, u16),
    store: Store,
    authority: Authority,
    stop: CancellationToken,
    _certificates: Certificates,
    _journal: Running,
    _runtime: Runtime,
    _directory: tempfile::TempDir,
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Ground {
    pub(crate) fn new(planted: Planted) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::new(Timestamp::from_secs(1_700_000_000));
        clock.vouch();
        let now = clock.now();
        let store = open_store(directory.path(), &clock);
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let desks: Arc<[Desk]> = (0..u8::try_from(2 * cores).unwrap().min(16))
            .map(|number| Desk::new(20 + number, Id::new(now.wall, 100 + u128::from(number))))
            .collect();
        store.commit(furniture(&desks, now.wall)).wait().unwrap();

        let (journal, running) = Journal::open(store.clone()).unwrap();
        let authority = Authority::open(&directory.path().join("ca"), now.wall).unwrap();
        let names = Names {
            common_name: "block66.test".into(),
            dns: Vec::new(),
            addresses: desks.iter().map(|desk| desk.speaks_to.into()).collect(),
        };
        let certificates = Certificates::open(&directory.path().join("ca"), &authority, &names, now).unwrap();
        let (plain, secure) = (bind(&desks), bind(&desks));
        let ports = (port(&plain), port(&secure));
        let provision = Arc::new(Provision::new(Foundations {
            store: store.clone(),
            depot: Depot::open(directory.path(), Key::new(&[7; 32]), Default::default()).unwrap(),
            pairing: Pairing::new(store.clone(), Id::new(now.wall, 99)),
            journal,
            registry: Arc::new(Registry::builtin().unwrap()),
            authority: &authority,
            clock: clock.clone(),
            networks: vec!["10.66.0.0/24".parse().unwrap()],
            policy: None,
            http: ports.0,
            https: ports.1,
        }));

        let runtime = Runtime::new().unwrap();
        let stop = CancellationToken::new();
        let on_lan = OnLan { desks: Arc::clone(&desks), store: store.clone(), planted, count: AtomicUsize::new(0) };
        let on_lan = Arc::new(on_lan);
        let page: Service = Arc::new(|_, _| Box::pin(async { Response::new(http::body("page")) }));
        let root = authority.fingerprint();
        let service = on_lan.clone().watch(dispatch::service(Arc::clone(&provision), page, root, ports.1));
        let on_failure: OnTlsFailure =
            Arc::new(move |peer, reason| provision.handshake_failed(on_lan.seen(peer).0, reason));
        for (sockets, tls) in [(plain, None), (secure, Some((certificates.clone(), on_failure)))] {
            for socket in sockets {
                let entrance = Entrance {
                    service: service.clone(),
                    tls: tls.clone(),
                    limits: Limits::default(),
                    clock: clock.clone(),
                    workers: Workers::here(),
                };
                runtime.spawn(listeners::serve(socket, entrance, stop.clone()));
            }
        }
        Self {
            time_server: tell_the_time(clock),
            desks,
            ports,
            store,
            authority,
            stop,
            _certificates: certificates,
            _journal: running,
            _runtime: runtime,
            _directory: directory,
        }
    }

    /// What DHCP would say to the phone.
    pub(crate) fn url(&self, desk: &Desk) -> String {
        let (http, https) = self.ports;
        provisioning_url(Scheme::Http, &BoxAddress { host: desk.speaks_to.into(), http, https }, "")
    }

    /// The root certificate, DER.
    pub(crate) fn root(&self) -> &[u8] {
        self.authority.root_der()
    }

    pub(crate) fn phone(&self, desk: &Desk) -> Phone {
        Phone::clone(&self.store.phone(desk.id).unwrap())
    }

    pub(crate) fn put(&self, phone: Phone) {
        self.store.commit(vec![Write::PutPhone { phone, expect: None }]).wait().unwrap();
    }
}

/// Stands where the LAN is: every connection comes from the loopback, and is shown to the box as from the address that
/// is leased to the phone at that desk. It looks at what the box hands out, and spoils it where that was planted.
struct OnLan {
    desks: Arc<[Desk]>,
    store: Store,
    planted: Planted,
    count: AtomicUsize,
}

impl OnLan {
    fn seen(&self, peer: Peer) -> (Peer, &Desk) {
        let desk = self.desks.iter().find(|desk| IpAddr::from(desk.speaks_to) == peer.local).unwrap();
        (Peer { address: desk.leased.into(), ..peer }, desk)
    }

    fn watch(self: Arc<Self>, inner: Service) -> Service {
        Arc::new(move |request, peer| {
            let here = Arc::clone(&self);
            let (peer, desk) = here.seen(peer);
            let own_file = format!("{}.cfg", desk.mac.plain());
            let is_own = request.uri().path().ends_with(&own_file) && !request.headers().contains_key(AUTHORIZATION);
            let answer = inner(request, peer);
            let here = Arc::clone(&here);
            Box::pin(async move {
                let before = here.phone(peer).first_contact;
                let response = answer.await;
                let after = here.phone(peer).first_contact;
                let admitted = !matches!(before, FirstContact::Closed { .. } | FirstContact::Reset { .. })
                    && matches!(after, FirstContact::Open { .. });
                if is_own && admitted && response.status() == StatusCode::OK {
                    here.handed_out(response, peer).await
                } else {
                    response
                }
            })
        })
    }

    fn phone(&self, peer: Peer) -> Phone {
        Phone::clone(&self.store.phone(self.seen(peer).1.id).unwrap())
    }

    async fn handed_out(&self, response: Response<Body>, peer: Peer) -> Response<Body> {
        let (head, body) = response.into_parts();
        let mut bytes = body.collect().await.unwrap().to_bytes().to_vec();
        match self.planted {
            Planted::Nothing => {}
            Planted::ClosesOnHandOut => {
                let mut phone = self.phone(peer);
                phone.login = phone.pending_login.take();
                phone.first_contact = FirstContact::Closed { at: phone.created };
                self.store.commit(vec![Write::PutPhone { phone, expect: None }]).await.unwrap();
            }
            Planted::OtherBytesEachTime => {
                let count = self.count.fetch_add(1, Ordering::Relaxed);
                bytes.extend(format!("# {count}\n").into_bytes());
            }
        }
        self.seen(peer).1.hand_over(&bytes);
        Response::from_parts(head, http::body(bytes))
    }
}

fn open_store(directory: &Path, clock: &Clock) -> Store {
    let options = Options {
        directory: directory.to_owned(),
        key: Key::new(&[7; 32]),
        clock: clock.clone(),
        disk: Disk::default(),
    };
    Store::open(options).unwrap().0
}

/// An organisation, and a phone with one line and a lease for each desk.
fn furniture(desks: &[Desk], now: Timestamp) -> Vec<Write> {
    let organisation = Organisation {
        id: Id::new(now, 1),
        version: 0,
        origin: Id::new(now, 99),
        name: "branch".into(),
        login: Login { user: "branch".into(), password: Secret::new("branch-password") },
        policy: Policy::default(),
        settings: Settings::NONE,
        created: now,
    };
    let owner = organisation.id;
    let mut writes = vec![Write::PutOrganisation { organisation, expect: None }];
    for desk in desks {
        let line = Line {
            user: "201".into(),
            auth_user: None,
            password: Secret::new("line-secret"),
            display: "Desk".into(),
            server: "pbx.example".into(),
            port: None,
            transport: Some(Transport::Udp),
            expires: Some(Line::DEFAULT_EXPIRES),
            voicemail: None,
            settings: Settings::NONE,
        };
        let phone = Phone {
            id: desk.id,
            version: 0,
            origin: Id::new(now, 99),
            mac: desk.mac,
            organisation: owner,
            brand: None,
            model: None,
            name: format!("Desk {}", desk.mac),
            lines: vec![line],
            group: None,
            settings: Settings::NONE,
            handsets: Vec::new(),
            ports: Vec::new(),
            login: None,
            pending_login: None,
            first_contact: FirstContact::Waiting,
            created: now,
        };
        let lease = Lease {
            address: desk.leased,
            mac: desk.mac,
            client_id: None,
            host_name: None,
            vendor_class: None,
            state: LeaseState::Bound,
            expires: now.plus(Duration::from_secs(86_400)),
            seconds_left: 86_400,
            via: Via::Wire,
        };
        writes.push(Write::PutPhone { phone, expect: None });
        writes.push(Write::PutLease { network: "office".into(), lease });
    }
    writes
}

/// A socket at each desk's address of the box, all on one port: the box has one for each scheme.
fn bind(desks: &[Desk]) -> Vec<TcpListener> {
    for _ in 0..20 {
        let mut sockets: Vec<TcpListener> = Vec::new();
        for desk in desks {
            let port = if sockets.is_empty() { 0 } else { port(&sockets) };
            sockets.extend(connections((desk.speaks_to, port).into()).ok());
        }
        if sockets.len() == desks.len() {
            return sockets;
        }
    }
    panic!("no port is free at every desk");
}

fn port(sockets: &[TcpListener]) -> u16 {
    sockets[0].local_addr().unwrap().port()
}

/// Answers for the time as the box does, but without its limit for one source: a phone is switched on hundreds of times
/// a second here.
fn tell_the_time(clock: Clock) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut packet = [0; 128];
        while let Ok((length, client)) = socket.recv_from(&mut packet) {
            let now = clock.now().wall;
            let source = sntp::Source { trusted: true, set: now };
            if let Some(answer) = sntp::reply(&packet[..length], now, now, &source) {
                let _ = socket.send_to(&answer, client);
            }
        }
    });
    at
}
