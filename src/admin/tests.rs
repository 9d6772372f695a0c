//! The administrator's side as its callers meet it: requests in, answers out, over a real store.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::call::Origin;
use super::test_data;
use super::{Admin, Authority, Backups, Facts, Ports};
use crate::backup;
use crate::brands::Registry;
use crate::config::{Dhcp, Mode, Network, Pool};
use crate::depot::Depot;
use crate::firmware::Library;
use crate::journal::Journal;
use crate::model::{Door, Mac, Secret};
use crate::model::{Event, FirstContact, Id, Journey, Lease, LeaseState, Light, Phone, Reason, Step, Timestamp};
use crate::outlets::Outlets;
use crate::pairing::Pairing;
use crate::store::{Key, Store, Write, samples};
use crate::sys::clock::Clock;

mod accounts;
mod demo;
mod dhcp;
mod hanging_up;
mod history;
mod lists;
mod office;
mod pages;
mod partners;
mod rollouts;
mod routes;
mod secrets;
mod sign_in;
mod telling;
mod uploads;
mod watching;

const BROWSER: Origin = Origin::Web(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7)));

/// A box with an organisation and nothing else.
pub(super) struct Ground {
    pub(super) admin: Admin,
    pub(super) store: Store,
    depot: Depot,
    _directory: tempfile::TempDir,
}

pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: hyper::HeaderMap,
    pub(super) text: String,
}

impl Answered {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

/// A browser that has signed in.
pub(super) struct Browser {
    pub(super) cookie: String,
    pub(super) csrf: String,
}

impl Ground {
    pub(super) async fn new() -> Self {
        Self::told(|_| {}).await
    }

    /// Where some of what the page is told is another.
    pub(super) async fn told(change: impl FnOnce(&mut Facts)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::new(Timestamp::from_secs(1_700_000_000));
        let (store, _) = Store::open(samples::options(directory.path(), clock.clone())).unwrap();
        let (journal, _running) = Journal::open(store.clone()).unwrap();
        let organisation = test_data::organisation();
        store.commit(vec![Write::PutOrganisation { organisation, expect: None }]).await.unwrap();
        let parts = (store.clone(), journal.clone(), clock.clone());
        let registry = Arc::new(Registry::builtin().unwrap());
        let library = Library::open(&directory.path().join("firmware"), parts, registry).unwrap();
        let depot = Depot::open(directory.path(), Key::new(&[7; 32]), Default::default()).unwrap();
        let outlets = Outlets::new(crate::outlets::Foundations {
            store: store.clone(),
            journal: journal.clone(),
            clock: clock.clone(),
            name: "box66".into(),
            alarms: Arc::new(Vec::new),
            phone_at: Arc::new(|address| {
                address.is_loopback().then_some(Mac::new([0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56]))
            }),
        });
        let pairing = Pairing::new(store.clone(), Id::new(Timestamp::from_secs(1), 0));
        let ground = backup::Ground {
            directory: directory.path().to_owned(),
            credential: None,
            store: store.clone(),
            name: "box66".into(),
            addresses: Vec::new(),
        };
        let backups = Backups { ground: Arc::new(move || ground.clone()), restart: Default::default() };
        let mut facts = facts(library, depot.clone(), pairing, (outlets, backups));
        change(&mut facts);
        let admin = Admin::new(store.clone(), journal, clock, facts).unwrap();
        Self { admin, store, depot, _directory: directory }
    }

    pub(super) async fn call(&self, from: Origin, request: hyper::http::request::Builder, body: &str) -> Answered {
        let request = request.header("host", "box.lan").body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let response = self.admin.answer(request, from).await;
        let (head, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answered { status: head.status, headers: head.headers, text }
    }

    pub(super) async fn get(&self, path: &str) -> Answered {
        self.call(Origin::Local, Request::get(format!("/api/v1/{path}")), "").await
    }

    async fn post(&self, path: &str, body: &Value) -> Answered {
        let request = Request::post(format!("/api/v1/{path}")).header("content-type", "application/json");
        self.call(Origin::Local, request, &body.to_string()).await
    }

    async fn claim(&self) -> Browser {
        let code = self.admin.setup_code().await.unwrap().unwrap();
        let body = json!({ "code": code.expose(), "password": "a long password" });
        let request = Request::post("/api/v1/claim").header("content-type", "application/json");
        let answer = self.call(BROWSER, request, &body.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        Browser { cookie, csrf: answer.json()["csrf"].as_str().unwrap().to_owned() }
    }

    async fn browse(&self, browser: &Browser, path: &str) -> Answered {
        self.call(BROWSER, Request::get(path).header("cookie", &browser.cookie), "").await
    }

    async fn submit(&self, browser: &Browser, path: &str, form: &str) -> Answered {
        let request = Request::post(path).header("cookie", &browser.cookie).header("origin", "https://box.lan");
        self.call(BROWSER, request, &format!("csrf={}&{form}", browser.csrf)).await
    }

    /// Waits until the journal has stored what the predicate looks for.
    async fn event(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let events = self.store.events(&crate::store::EventFilter { limit: 100, ..Default::default() });
            if let Some((_, event)) = events.into_iter().find(|(_, event)| wanted(event)) {
                return event;
            }
            assert!(Instant::now() < deadline, "no such event");
            tokio::task::yield_now().await;
        }
    }
}

fn facts(firmware: Library, depot: Depot, pairing: Pairing, (outlets, backups): (Outlets, Backups)) -> Facts {
    Facts {
        name: "box66.branch.example".into(),
        version: "0.1.0".into(),
        box_id: Id::new(Timestamp::from_secs(1), 0),
        brands: [("acme".to_owned(), "Acme".to_owned())].into(),
        networks: vec![Network {
            name: "office".into(),
            // There wherever this runs, and without an address in the subnet.
            interface: "lo".into(),
            subnet: "10.66.0.0/24".parse().unwrap(),
            gateway: Some([10, 66, 0, 254].into()),
            dns: Vec::new(),
            domain: None,
            vlan: None,
            dhcp: Dhcp {
                mode: Mode::Full,
                pool: Some(Pool { first: [10, 66, 0, 10].into(), last: [10, 66, 0, 109].into() }),
                ..Dhcp::usual()
            },
        }],
        ports: Ports { http: 80, https: 443 },
        authority: Authority {
            pem: "-----BEGIN CERTIFICATE-----\n".into(),
            fingerprint: [
                "4A:9C:11:0E:75:D2:3B:88",
                "1F:60:C4:A7:59:02:EE:31",
                "B6:8D:44:97:0C:F5:62:DA",
                "03:7E:B1:58:CF:26:94:6D",
            ]
            .join(":"),
            words: "harbor pencil violet anchor maple thunder cotton river".into(),
            not_before: Timestamp::from_secs(1_740_000_000),
            not_after: Timestamp::from_secs(2_140_000_000),
        },
        sip: crate::sip::channel().0,
        firmware,
        depot,
        outlets,
        backups,
        pairing,
        rehearse: Arc::new(|mac, _| Box::pin(async move { Err(crate::rehearsal::Refusal::Unknown(mac)) })),
        addresses: Arc::new(|| vec![[10, 66, 0, 1].into()]),
        overlays: Arc::new(|| (Vec::new(), Vec::new())),
        registry: Arc::new(crate::brands::Registry::builtin().unwrap()),
        dhcp: crate::dhcp::Control::default(),
        partners: partners::desks(),
    }
}

fn draft(mac: &str) -> Value {
    json!({
        "mac": mac,
        "name": "Reception",
        "lines": [{ "user": "201", "password": test_data::PASSWORD, "server": "pbx.example.net" }],
    })
}

#[tokio::test]
async fn a_phone_is_added_shown_and_removed() {
    let ground = Ground::new().await;
    let added = ground.post("phones", &draft("80-5E-C0-12-34-56")).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    assert_eq!(added.header("location"), "/api/v1/phones/805ec0123456");
    let stored = ground.store.phone_by_mac("805ec0123456".parse().unwrap()).unwrap();
    let login = stored.pending_login.clone().unwrap();
    assert!(login.user.starts_with("p-") && !login.user.contains("123456"), "no MAC gives it away: {}", login.user);
    assert_eq!(login.password.expose().len(), 20);
    assert_eq!(stored.first_contact, FirstContact::Waiting);
    assert_eq!(stored.lines[0].password.expose(), test_data::PASSWORD);

    for answer in [&added, &ground.get("phones/805ec0123456").await, &ground.get("phones").await] {
        assert!(answer.text.contains("Reception"), "{}", answer.text);
        assert!(!answer.text.contains(test_data::PASSWORD) && !answer.text.contains(login.password.expose()));
    }
    assert_eq!(ground.post("phones", &draft("805ec0123456")).await.code(), "phone-listed");
    ground.depot.keep(stored.id, "calls.xml", "text/xml", b"<calls/>", stored.created, || true).unwrap();
    let removed = ground.call(Origin::Local, Request::delete("/api/v1/phones/805ec0123456"), "").await;
    assert_eq!((removed.status, removed.json()["name"].as_str()), (StatusCode::OK, Some("Reception")));
    assert_eq!(ground.depot.uploads(stored.id).unwrap(), [], "what it sent up goes with it");
    assert_eq!(ground.get("phones/805ec0123456").await.code(), "phone-unknown");
    ground.event(|e| e.reason == Reason::PhoneAdded && e.mac == Some(stored.mac)).await;
    ground.event(|e| e.reason == Reason::PhoneRemoved && e.organisation == Some(stored.organisation)).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_phone_is_named() {
    let ground = Ground::new().await;
    let mut wrong = draft("nonsense");
    wrong["lines"][0]["server"] = json!("http://pbx");
    let answer = ground.post("phones", &wrong).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "fields-wrong"));
    let fields: Vec<Value> = answer.json()["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
    assert_eq!(fields, ["mac", "lines[0].server"]);
    wrong = draft("805ec0123456");
    wrong["organisation"] = json!("Elsewhere");
    assert_eq!(ground.post("phones", &wrong).await.json()["errors"][0]["field"], "organisation");
    wrong = draft("805ec0123456");
    wrong["colour"] = json!("red");
    assert_eq!(ground.post("phones", &wrong).await.code(), "malformed");
    assert_eq!(ground.get("phones?state=lost").await.code(), "malformed");
    assert_eq!(ground.get("phones/nonsense").await.code(), "malformed");
    assert_eq!(ground.get("nothing").await.code(), "nothing-here");
}

#[tokio::test]
async fn starting_over_gives_a_new_login_and_keeps_the_old_one() {
    let ground = Ground::new().await;
    let mut phone = test_data::phone(1);
    phone.login = phone.pending_login.take();
    phone.first_contact = FirstContact::Reset { at: Timestamp::from_secs(1_700_000_100) };
    let (mac, old) = (phone.mac, phone.login.clone());
    let light = Light { at: phone.created, outcome: Reason::WasReset.outcome(), reason: Reason::WasReset };
    let journey = Journey { lights: [(Step::Configuration, light)].into(), ..Journey::default() };
    ground
        .store
        .commit(vec![Write::PutPhone { phone, expect: None }, Write::PutJourney { mac, journey }])
        .await
        .unwrap();
    assert_eq!(ground.get("phones/805ec0123401").await.json()["start_over"], true);

    let answer = ground.post("phones/805ec0123401/first-contact", &json!({})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let after = ground.store.phone_by_mac(mac).unwrap();
    assert_eq!((after.first_contact, &after.login), (FirstContact::Waiting, &old));
    assert!(after.pending_login.is_some() && after.pending_login != old);
    assert_eq!(answer.json()["standing"], "on-the-way", "its lights are out: {}", answer.text);
    ground.event(|e| e.reason == Reason::FirstContactReopened && e.mac == Some(mac)).await;
}

#[tokio::test]
async fn an_import_is_all_or_nothing() {
    let ground = Ground::new().await;
    let good = "mac,name,extension,secret\n805ec0000001,One,201,p1\n805ec0000002,Two,202,p2\n";
    let import = |query: &'static str, body: String| {
        let ground = &ground;
        async move {
            let request = Request::post(format!("/api/v1/phones/import?{query}")).header("content-type", "text/csv");
            ground.call(Origin::Local, request, &body).await
        }
    };
    assert_eq!(import("", good.into()).await.code(), "import-columns");
    let tried = import("server=pbx.example.net&dry-run=true", good.into()).await;
    assert_eq!((tried.json()["added"].as_u64(), ground.store.phones().len()), (Some(2), 0), "{}", tried.text);
    let refused = import("server=pbx.example.net", format!("{good}nonsense,Three,203,p3\n")).await;
    assert_eq!((refused.code().as_str(), ground.store.phones().len()), ("import-rows", 0));
    assert_eq!(refused.json()["errors"][0]["field"], "row 4, mac");
    assert_eq!(import("server=pbx.example.net", good.into()).await.json()["added"], 2);
    let again = import("server=pbx.example.net", good.replace("Two", "Second")).await.json();
    assert_eq!((&again["changed"], &again["kept"]), (&json!(1), &json!(1)));
    let names: Vec<String> = ground.store.phones().iter().map(|p| p.name.clone()).collect();
    assert_eq!(names, ["One", "Second"]);
}

#[tokio::test]
async fn forms_do_what_the_api_does() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let form =
        "mac=80%3A5e%3Ac0%3A12%3A34%3A56&name=Hall&user=201&password=p&server=pbx.example.net&port=&transport=tls";
    let added = ground.submit(&browser, "/phones/new", form).await;
    assert_eq!(added.header("location"), "/phones/805ec0123456?done=added", "{}", added.text);
    let phone = ground.store.phones().remove(0);
    assert_eq!(
        (phone.lines[0].display.as_str(), phone.lines[0].transport),
        ("Hall", Some(crate::model::Transport::Tls))
    );

    let wrong = ground.submit(&browser, "/phones/new", "mac=12&user=<b>&password=hunter2&server=pbx").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("is not a MAC address") && wrong.text.contains("&lt;b&gt;"));
    assert!(!wrong.text.contains("hunter2") && !wrong.text.contains("<b>\""));

    let list = "list=mac%2Cname%0A805ec0000009%2C%3Cscript%3E&server=";
    let checked = ground.submit(&browser, "/phones/import", &format!("{list}&do=check")).await;
    assert!(checked.text.contains("Import 1 phone") && checked.text.contains("&lt;script&gt;"), "{}", checked.text);
    assert_eq!(ground.store.phones().len(), 1);
    assert_eq!(
        ground.submit(&browser, "/phones/import", &format!("{list}&do=import")).await.header("location"),
        "/?done=imported"
    );
    assert_eq!(ground.store.phones().len(), 2);
}

#[tokio::test]
async fn every_answer_says_what_a_page_may_load() {
    let ground = Ground::new().await;
    for path in ["/claim", "/api/v1/status", "/assets/style.css", "/assets/none"] {
        let answer = ground.call(BROWSER, Request::get(path), "").await;
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.header("content-security-policy").contains("unsafe"));
    }
    let page = ground.call(BROWSER, Request::get("/claim"), "").await;
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(!page.text.contains(" style=") && !page.text.contains("<script>") && !page.text.contains("onclick"));
}

#[tokio::test]
async fn news_reach_a_page_until_its_session_ends() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let request = Request::get("/live").header("cookie", &browser.cookie).body(Full::new(Bytes::new())).unwrap();
    let mut stream = ground.admin.answer(request, BROWSER).await.into_body();
    let mut next = async || match stream.frame().await {
        Some(frame) => String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap(),
        None => "ended".into(),
    };
    assert_eq!(next().await, "retry: 3000\n\n");
    let mac: Mac = "805ec0123456".parse().unwrap();
    ground.post("phones", &draft("805ec0123456")).await;
    loop {
        let message = next().await;
        let data = message.strip_prefix("event: event\ndata: ").unwrap_or_else(|| panic!("{message}"));
        let event: Value = serde_json::from_str(data.trim_end()).unwrap();
        if event["code"] == "admin.phone-added" {
            assert_eq!(
                (event["mac"].as_str(), event["phone"].as_str()),
                (Some(mac.to_string().as_str()), Some("Reception"))
            );
            break;
        }
    }
    ground.submit(&browser, "/sign-out", "").await;
    ground.post("phones", &draft("805ec0123457")).await;
    assert_eq!(next().await, "ended");
}

#[tokio::test]
async fn the_local_socket_serves_its_own_user() {
    let ground = Ground::new().await;
    let path = ground._directory.path().join("run").join("socket");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    // What a killed box leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let serving = tokio::spawn({
        let (admin, path) = (ground.admin.clone(), path.clone());
        async move { admin.serve_local(&path, CancellationToken::new()).await }
    });
    let client = crate::cli::Client::new(path.clone());
    let deadline = Instant::now() + Duration::from_secs(10);
    let status = loop {
        match client.get::<super::types::Status>("status").await {
            Ok(status) => break status,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(status.name, "box66.branch.example");
    let second = ground.admin.serve_local(&path, CancellationToken::new()).await;
    assert_eq!(second.err().map(|e| e.kind()), Some(std::io::ErrorKind::AddrInUse));
    serving.abort();
}
