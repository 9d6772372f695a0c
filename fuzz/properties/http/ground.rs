use std::cell::OnceCell;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use block66::brands::Registry;
use block66::depot::Depot;
use block66::http::provision::{Foundations, Provision};
use block66::journal::Journal;
use block66::model::{
    FirstContact, Id, Lease, LeaseState, Line, Login, Mac, Organisation, Phone, Policy, Secret, Settings, Timestamp,
    Transport, Via,
};
use block66::pairing::Pairing;
use block66::pki::Authority;
use block66::store::{Disk, Key, Options, Store, Write};
use block66::sys::clock::Clock;
use md5::{Digest, Md5};

pub(super) const BOX: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 1);
/// Phone n has the address 9 + n: 1 waits for its first contact, 2 has begun it, 3 is in service, 4 was reset.
pub(super) const PHONES: [u8; 4] = [1, 2, 3, 4];

/// What stays from input to input.
struct Base {
    _directory: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    store: Store,
    depot: Depot,
    journal: Journal,
    authority: Authority,
    registry: Arc<Registry>,
    clock: Clock,
    /// The documents as every input finds them.
    documents: Vec<Write>,
}

thread_local! {
    static BASE: OnceCell<Base> = const { OnceCell::new() };
}

/// A box with two organisations and four phones of the first.
pub(super) struct Ground<'a> {
    base: &'a Base,
    pub(super) provision: Provision,
}

impl Ground<'_> {
    /// Runs with the box as it was at the beginning.
    pub(super) fn with<T>(run: impl FnOnce(&Ground<'_>) -> T) -> T {
        BASE.with(|base| {
            let base = base.get_or_init(Base::new);
            base.store.commit(base.documents.clone()).wait().expect("the beginning is stored");
            let provision = Provision::new(Foundations {
                store: base.store.clone(),
                depot: base.depot.clone(),
                pairing: Pairing::new(base.store.clone(), Id::new(Timestamp::default(), 99)),
                journal: base.journal.clone(),
                registry: Arc::clone(&base.registry),
                authority: &base.authority,
                clock: base.clock.clone(),
                networks: vec!["10.66.0.0/24".parse().expect("a network")],
                policy: None,
                http: 80,
                https: 443,
            });
            run(&Ground { base, provision })
        })
    }

    pub(super) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.base.runtime.block_on(future)
    }

    /// A login by the name that inputs use for it.
    pub(super) fn login(&self, who: &str) -> Option<Login> {
        if let "branch" | "rival" = who {
            return Some(organisation_login(who));
        }
        let (kind, number) = who.split_at_checked(3)?;
        // One name each: `own03` would be another one's than `own3` to whoever goes by names.
        let number = PHONES.into_iter().find(|phone| phone.to_string() == number)?;
        let phone = self.base.store.phone_by_mac(mac(number))?;
        match kind {
            "own" => phone.login.clone(),
            "new" => phone.pending_login.clone(),
            _ => None,
        }
    }

    /// Every login that a phone has now.
    pub(super) fn logins_of(&self, number: u8) -> Vec<Login> {
        let phone = self.base.store.phone_by_mac(mac(number)).expect("a listed phone");
        phone.login.iter().chain(&phone.pending_login).cloned().collect()
    }
}

impl Base {
    fn new() -> Self {
        // Nothing of it is to last, and a disk would take most of the time.
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let directory = directory.expect("a directory");
        let clock = Clock::new(Timestamp::from_secs(1_700_000_000));
        clock.vouch();
        let now = clock.now().wall;
        let options = Options {
            directory: directory.path().join("store"),
            key: Key::new(&[7; 32]),
            clock: clock.clone(),
            disk: Disk::default(),
        };
        let (store, _) = Store::open(options).expect("a store");
        let organisation = |number: u128, name: &str| Organisation {
            id: Id::new(now, number),
            version: 0,
            origin: Id::new(now, 99),
            name: name.into(),
            login: organisation_login(name),
            policy: Policy::default(),
            settings: Settings::NONE,
            created: now,
        };
        let (own, foreign) = (organisation(1, "branch"), organisation(2, "rival"));
        let whose = own.id;
        let mut documents = vec![
            Write::PutOrganisation { organisation: own, expect: None },
            Write::PutOrganisation { organisation: foreign, expect: None },
        ];
        documents.extend(PHONES.map(|number| Write::PutPhone { phone: phone(number, whose, now), expect: None }));
        store.commit(documents.clone()).wait().expect("a list of phones");
        let leases = PHONES.map(|number| lease(number, now)).into_iter().collect();
        store.commit(leases).wait().expect("their leases");
        let (journal, _running) = Journal::open(store.clone()).expect("a journal");
        let authority = Authority::open(&directory.path().join("ca"), now).expect("an authority");
        Self {
            runtime: tokio::runtime::Builder::new_current_thread().build().expect("a runtime"),
            registry: Arc::new(Registry::builtin().expect("the built-in brands")),
            depot: Depot::open(directory.path(), Key::new(&[7; 32]), Default::default()).expect("a depot"),
            _directory: directory,
            store,
            journal,
            authority,
            clock,
            documents,
        }
    }
}

pub(super) fn mac(number: u8) -> Mac {
    Mac::new([0x80, 0x5e, 0xc0, 0, 0, number])
}

pub(super) fn line_password(number: u8) -> String {
    format!("line-{number}-Kx93vTq")
}

fn organisation_login(name: &str) -> Login {
    Login { user: name.into(), password: Secret::new(format!("{name}-password")) }
}

fn phone(number: u8, organisation: Id, now: Timestamp) -> Phone {
    let login = |kind: &str| Login {
        user: format!("{kind}{number}"),
        password: Secret::new(format!("{kind}-{number}-Wm20hRz")),
    };
    let address = [10, 66, 0, 9 + number].into();
    Phone {
        id: Id::new(now, 100 + u128::from(number)),
        version: 0,
        origin: Id::new(now, 99),
        mac: mac(number),
        organisation,
        brand: None,
        model: None,
        name: format!("Desk {number}"),
        lines: vec![Line {
            user: format!("20{number}"),
            auth_user: None,
            password: Secret::new(line_password(number)),
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
        login: (number >= 3).then(|| login("own")),
        pending_login: (number <= 2).then(|| login("new")),
        first_contact: match number {
            1 => FirstContact::Waiting,
            2 => FirstContact::Open { since: now, address },
            3 => FirstContact::Closed { at: now },
            _ => FirstContact::Reset { at: now },
        },
        created: now,
    }
}

fn lease(number: u8, now: Timestamp) -> Write {
    let lease = Lease {
        address: [10, 66, 0, 9 + number].into(),
        mac: mac(number),
        client_id: None,
        host_name: None,
        vendor_class: None,
        state: LeaseState::Bound,
        expires: now.plus(Duration::from_secs(86_400)),
        seconds_left: 86_400,
        via: Via::Wire,
    };
    Write::PutLease { network: "office".into(), lease }
}

pub(super) fn basic(login: &Login) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", login.user, login.password.expose())))
}

/// With a count by RFC 2617, without one by RFC 2069.
pub(super) fn digest(login: &Login, method: &str, uri: &str, nonce: &str, count: Option<u32>) -> String {
    let (user, password) = (&login.user, login.password.expose());
    let (secret, request) = (md5(&format!("{user}:Block66:{password}")), md5(&format!("{method}:{uri}")));
    let common = format!("Digest username=\"{user}\", realm=\"Block66\", nonce=\"{nonce}\", uri=\"{uri}\"");
    match count {
        Some(count) => {
            let response = md5(&format!("{secret}:{nonce}:{count:08x}:c0ffee:auth:{request}"));
            format!("{common}, qop=auth, nc={count:08x}, cnonce=\"c0ffee\", response=\"{response}\"")
        }
        None => format!("{common}, response=\"{}\"", md5(&format!("{secret}:{nonce}:{request}"))),
    }
}

fn md5(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
