//! No password is in any answer: each call that reads and each page, over a box that keeps one of every kind. And who did
//! what is in none that somebody gets who is no administrator.

use std::collections::{BTreeMap, BTreeSet};

use super::office::{listed, send};
use super::*;
use crate::admin::Role;
use crate::admin::table::{self, Caller, Route, Segment, Verb};
use crate::model::Login;
use crate::model::settings::definitions;

/// What stands in every secret of this box, and in nothing else.
const MARK: &str = "never-shown";
/// Calls that have nothing to say here: no backup was put back, DHCP does not run, and no phone was told anything.
const SILENT: [&str; 3] = ["/backup/kept/{name}", "/dhcp/{network}/explain", "/phones/{mac}/telling"];
/// Where the walk over the pages begins. It follows every link.
const PAGES: [&str; 22] = [
    "/",
    "/account",
    "/accounts",
    "/audit",
    "/backup",
    "/box",
    "/campaigns",
    "/certificate",
    "/events",
    "/firmware",
    "/networks",
    "/partners",
    "/phones",
    "/phones/805ec0123456",
    "/phones/805ec0123456/edit",
    "/phones/805ec0123456/files",
    "/phones/805ec0123456/rehearse",
    "/phones/import",
    "/phones/new",
    "/settings",
    "/shared",
    "/tokens",
];
/// More pages than there are.
const MOST_PAGES: usize = 3000;

/// A box with a secret of each kind.
struct Keeper {
    ground: Ground,
    browser: Browser,
    /// What must be in no answer.
    secrets: Vec<String>,
    /// What there is for parameters of a path, by its first word and the parameter.
    there: BTreeMap<(&'static str, &'static str), Vec<String>>,
}

fn done(answer: Answered) -> Answered {
    assert!(answer.status.is_success(), "{}", answer.text);
    answer
}

impl Keeper {
    async fn new() -> Self {
        let ground = Ground::new().await;
        let browser = ground.claim().await;
        let line = |of: &str| json!({ "user": "201", "password": format!("{of}-{MARK}"), "server": "pbx.example.net" });
        // One phone with a brand that makes files, changed so that it has a past.
        listed(&ground).await;
        let phone = "phones/805ec0123456";
        done(send(&ground, "PATCH", phone, &json!({ "name": "Hall", "lines": [line("second-line")] })).await);
        done(ground.post("groups", &json!({ "name": "Sales" })).await);
        let kinds = definitions().filter(|definition| definition.kind.is_secret());
        let set: BTreeMap<&str, String> = kinds.map(|kind| (kind.key, format!("setting-{MARK}"))).collect();
        for level in [phone, "groups/Sales", "organisations/Branch"] {
            done(send(&ground, "PATCH", &format!("{level}/settings"), &json!({ "set": set })).await);
        }
        // Another one with a login of its own, a login to come, an upload, and a roll-out of firmware.
        super::rollouts::list(&ground, 1, "T46S", "66.86.0.15").await;
        let mut other = Phone::clone(&ground.store.phone_by_mac(test_data::phone(1).mac).unwrap());
        other.login = Some(Login { user: "own".into(), password: Secret::new(format!("own-login-{MARK}")) });
        ground.depot.keep(other.id, "calls.xml", "text/xml", b"<calls/>", other.created, || true).unwrap();
        ground.store.commit(vec![Write::PutPhone { phone: other, expect: None }]).await.unwrap();
        let image = super::rollouts::image(&ground, "66.87.0.10", &["T46S"]).await;
        let plan = json!({ "canary": 2, "hours": "22:00-06:00", "days": ["fri"], "zone": "europe/berlin" });
        let rollout =
            done(ground.post("rollouts", &json!({ "image": image, "model": "T46S", "plan": plan })).await).json();
        // What belongs to none of them.
        done(ground.post("pairing", &json!({ "free_lines": [line("free-line")] })).await);
        let login = json!({ "user": "box", "password": format!("mail-{MARK}") });
        let mail = json!({ "host": "mx.lan", "login": login, "from": "box@a.example", "to": ["desk@a.example"] });
        done(send(&ground, "PUT", "outlets", &json!({ "mail": mail })).await);
        done(ground.post("books", &json!({ "name": "Company" })).await);
        done(ground.call(Origin::Local, Request::put("/api/v1/resources?name=menu.xml&kind=xml"), "<Menu/>").await);
        let token = done(ground.post("tokens", &json!({ "name": "graph", "scope": "read" })).await).json();

        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let session = browser.cookie.split_once('=').unwrap().1.to_owned();
        let secrets = vec![MARK.into(), "$argon2".into(), text(&token["token"]), session];
        let files = ground.get(&format!("{phone}/files")).await.json();
        let files = files["files"].as_array().unwrap().iter().filter(|file| file["made"] == true);
        let mut files: Vec<String> = files.map(|file| text(&file["name"])).collect();
        files.push("calls.xml".into());
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let there = BTreeMap::from([
            (("phones", "mac"), names(&["805ec0123456", "805ec0123401"])),
            (("phones", "change"), names(&["1", "2"])),
            (("phones", "name"), files),
            (("organisations", "name"), names(&["Branch"])),
            (("groups", "group"), names(&["Sales"])),
            (("books", "book"), names(&["Company"])),
            (("resources", "id"), names(&["menu.xml"])),
            (("firmware", "id"), vec![image]),
            (("rollouts", "id"), vec![text(&rollout["id"])]),
            (("dhcp", "network"), names(&["office"])),
            (("accounts", "account"), names(&["admin"])),
            (("backup", "name"), names(&["none"])),
            (("partners", "partner"), names(&["pbx", "tenant", "service"])),
            (("partners", "rest"), names(&["plan"])),
        ]);
        Self { ground, browser, secrets, there }
    }

    /// The paths of a route, with all that there is in the place of its parameters.
    fn paths(&self, route: &Route) -> Vec<String> {
        let first = route.path.split('/').nth(1).unwrap();
        let mut paths = vec!["/api/v1".to_owned()];
        for segment in route.segments() {
            let words = match segment {
                Segment::Word(word) => vec![word.to_owned()],
                Segment::Any(name) | Segment::Rest(name) => self
                    .there
                    .iter()
                    .find(|((of, parameter), _)| *of == first && *parameter == name)
                    .unwrap_or_else(|| panic!("nothing is known for {name} in {}", route.path))
                    .1
                    .clone(),
            };
            paths = paths.iter().flat_map(|path| words.iter().map(move |word| format!("{path}/{word}"))).collect();
        }
        let queries: &[&str] = match route.path {
            "/dhcp/{network}/explain" => &["?client=805ec0123456"],
            "/leases/export" => &["?form=kea", "?form=dnsmasq"],
            "/dhcp/export" => &["?for=kea&address=10.66.0.1"],
            "/phones/export" => &["", "?passwords=true"],
            "/phones/{mac}/files/{name*}" => &["?content=pointer", "?content=first-contact", "?content=settings", ""],
            _ => &[""],
        };
        paths.iter().flat_map(|path| queries.iter().map(move |query| format!("{path}{query}"))).collect()
    }

    fn is_told_in(&self, answer: &Answered) -> bool {
        self.secrets.iter().any(|secret| answer.text.contains(secret))
    }

    /// Makes every call that reads and that this caller may make. The routes that told a secret, and those that had
    /// nothing to say.
    async fn calls(&self, caller: Caller) -> (BTreeSet<&'static str>, BTreeSet<&'static str>) {
        let (mut telling, mut silent) = (BTreeSet::new(), BTreeSet::new());
        // News that go on and on are events like those of /events.
        let reads = table::routes().filter(|route| route.verb == Verb::Get && route.path != "/live");
        for route in reads.filter(|route| route.needs.lets(caller)) {
            let mut answered = false;
            for path in self.paths(route) {
                let answer = match caller {
                    Caller::Console => self.ground.call(Origin::Local, Request::get(&path), "").await,
                    _ => self.ground.browse(&self.browser, &path).await,
                };
                answered |= answer.status.is_success();
                if self.is_told_in(&answer) {
                    telling.insert(route.path);
                }
            }
            if !answered {
                silent.insert(route.path);
            }
        }
        (telling, silent)
    }

    /// Opens every page, and those that they lead to.
    async fn pages(&self) -> BTreeMap<String, Answered> {
        let mut seen = BTreeMap::new();
        let mut ahead: Vec<String> = PAGES.map(str::to_owned).into();
        while let Some(path) = ahead.pop() {
            if seen.contains_key(&path) {
                continue;
            }
            assert!(seen.len() < MOST_PAGES, "there is no end of pages: {path}");
            let page = self.ground.browse(&self.browser, &path).await;
            let links = page.text.split("href=\"").skip(1).filter_map(|rest| rest.split(['"', '#']).next());
            let links = links.map(|link| link.replace("&#x2f;", "/").replace("&amp;", "&"));
            ahead.extend(links.filter(|link| link.starts_with('/')));
            seen.insert(path, page);
        }
        seen
    }
}

#[tokio::test]
async fn no_password_is_in_any_answer_or_on_any_page() {
    let keeper = Keeper::new().await;
    // On the box itself two calls do give passwords away: whatever else did would be seen as these are.
    let (telling, _) = keeper.calls(Caller::Console).await;
    assert_eq!(telling, BTreeSet::from(["/organisations/{name}/login", "/phones/export"]));
    let (telling, silent) = keeper.calls(Caller::Account(Role::Administrator)).await;
    assert_eq!(telling, BTreeSet::new());
    assert_eq!(silent, BTreeSet::from(SILENT), "a call that is not answered proves nothing");

    let pages = keeper.pages().await;
    let missing = PAGES.into_iter().filter(|path| pages[*path].status != StatusCode::OK);
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<&str>::new());
    let telling = pages.iter().filter(|(_, page)| keeper.is_told_in(page)).map(|(path, _)| path);
    assert_eq!(telling.collect::<Vec<_>>(), Vec::<&String>::new());
    println!("figure: {} pages hold no password", pages.len());
}

/// What stands in the name of every account and token but the one that looks.
const SOMEBODY: &str = "zq7zq7";

#[tokio::test]
async fn who_did_what_and_how_other_systems_are_set_is_told_to_administrators_alone() {
    let mut keeper = Keeper::new().await;
    let zoe = keeper.ground.somebody("zoe-zq7zq7", "administrator").await;
    keeper.ground.somebody("quentin-zq7zq7", "operator").await;
    let viewer = keeper.ground.somebody("vera", "viewer").await;
    let ground = &keeper.ground;
    let token = done(ground.with(&zoe, "POST", "tokens", &json!({ "name": "t-zq7zq7", "scope": "read" })).await);
    let program = done(ground.post("tokens", &json!({ "name": "plain", "scope": "read" })).await).json();
    let stream = |browser: &Browser| {
        let request = Request::get("/api/v1/live").header("cookie", &browser.cookie);
        ground.admin.answer(request.header("host", "box.lan").body(Full::new(Bytes::new())).unwrap(), BROWSER)
    };
    let (mut whole, mut narrow) = (stream(&zoe).await.into_body(), stream(&viewer).await.into_body());
    done(ground.with(&zoe, "POST", "groups", &json!({ "name": "Yard" })).await);
    done(ground.with(&zoe, "PATCH", "phones/805ec0123456", &json!({ "name": "Yard" })).await);
    done(ground.with(&zoe, "POST", "phones/805ec0123456/first-contact", &Value::Null).await);
    for (stream, named) in [(&mut whole, true), (&mut narrow, false)] {
        let mut told = String::new();
        while !told.contains("admin.first-contact-reopened") {
            let frame = tokio::time::timeout(Duration::from_secs(10), stream.frame()).await.unwrap().unwrap().unwrap();
            told += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
        }
        for text in [SOMEBODY, "192.0.2.7", "admin.document-changed"] {
            assert_eq!(told.contains(text), named, "{text}: {told}");
        }
    }

    keeper.secrets = vec![SOMEBODY.to_owned(), token.json()["token"].as_str().unwrap().to_owned()];
    // Whoever may see it is told it: where others are, nothing would be wrong with a box on which nobody did anything.
    let (telling, _) = keeper.calls(Caller::Account(Role::Administrator)).await;
    let where_told = [
        "/events",
        "/audit",
        "/accounts",
        "/tokens",
        "/phones/{mac}",
        "/phones/{mac}/history",
        "/phones/{mac}/timeline",
    ];
    assert!(where_told.iter().all(|path| telling.contains(path)), "{telling:?}");
    let told = keeper.ground.browse(&zoe, "/phones/805ec0123456").await;
    assert!(keeper.is_told_in(&told) && told.text.contains("on the box itself"), "{}", told.text);
    assert!(keeper.ground.browse(&zoe, "/api/v1/partners/pbx").await.json()["settings"]["every"] == 20);

    keeper.browser = viewer;
    let (telling, _) = keeper.calls(Caller::Account(Role::Viewer)).await;
    assert_eq!(telling, BTreeSet::new());
    let pages = keeper.pages().await;
    let telling = pages.iter().filter(|(_, page)| keeper.is_told_in(page)).map(|(path, _)| path);
    assert_eq!(telling.collect::<Vec<_>>(), Vec::<&String>::new());
    let page = &pages["/phones/805ec0123456"].text;
    assert!(page.contains("Change 1") && !page.contains("on the box itself"), "{page}");

    let bearer = format!("Bearer {}", program["token"].as_str().unwrap());
    for path in
        ["events", "phones/805ec0123456", "phones/805ec0123456/timeline", "phones/805ec0123456/history", "partners/pbx"]
    {
        let request = Request::get(format!("/api/v1/{path}")).header("authorization", &bearer);
        for answer in [
            keeper.ground.call(BROWSER, request, "").await,
            keeper.ground.browse(&keeper.browser, &format!("/api/v1/{path}")).await,
        ] {
            assert!(answer.status.is_success() && !keeper.is_told_in(&answer), "{path}: {}", answer.text);
            let shown = answer.json();
            assert_eq!(shown.get("settings"), None, "{path}");
            assert_eq!(shown["title"] == "Our PBX", path == "partners/pbx", "how it stands is for everybody: {shown}");
            if path == "events" {
                let codes = answer.text.matches("admin.phone-changed").count();
                assert!(codes > 0 && !answer.text.contains("admin.signed-in"), "what was done to phones: {shown}");
            }
        }
    }
}

/// Many of what is not shown in a row cut no page short.
#[tokio::test]
async fn a_page_of_events_is_full_whatever_is_left_out_of_it() {
    let ground = Ground::new().await;
    ground.claim().await;
    let viewer = ground.somebody("vera", "viewer").await;
    for number in 0..6 {
        done(ground.post("phones", &draft(&format!("805ec000000{number}"))).await);
    }
    for number in 0..60 {
        done(ground.post("groups", &json!({ "name": format!("Group {number}") })).await);
    }
    let last = Reason::DocumentChanged { what: "group \"Group 59\"".into() };
    ground.event(|event| event.reason == last).await;
    let (mut before, mut found) = (String::new(), 0);
    for page in 0..3 {
        let shown = ground.browse(&viewer, &format!("/api/v1/events?limit=2{before}")).await.json();
        let events = shown["events"].as_array().unwrap();
        assert_eq!(events.len(), 2, "page {page}: {shown}");
        assert!(events.iter().all(|event| event["code"] == "admin.phone-added"), "{shown}");
        found += events.len();
        before = format!("&before={}", shown["next"]);
    }
    assert_eq!(found, 6);
}
