//! Every page as it looks and as it is heard: no violation that axe-core finds, no script but the page's own, nothing
//! wider than the window, and a picture of each to look at.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::chromium::Chromium;
use super::ground::{Ground, SERVICE};

/// Every page that has a path of its own.
pub(crate) const PAGES: [&str; 20] = [
    "/",
    "/phones",
    "/phones?state=attention",
    "/phones?q=nobody-is-called-so",
    "/phones/new",
    "/phones/import",
    "/campaigns",
    "/shared",
    "/firmware",
    "/networks",
    "/events",
    "/certificate",
    "/box",
    "/settings",
    "/backup",
    "/accounts",
    "/tokens",
    "/audit",
    "/account",
    "/nowhere",
];

fn axe() -> String {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let path = target.join("test-clients/axe.min.js");
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{} ({error}): `tests/run` fetches axe-core", path.display()))
}

/// What axe-core finds wrong with the page that is shown.
fn violations(browser: &Chromium, axe: &str) -> Vec<String> {
    browser.run(&format!("{axe}\n;window.axe = axe;"));
    let found = browser.run_async(
        "const done = arguments[0];
         axe.run(document, { resultTypes: ['violations'] }).then(
           (result) => done(result.violations.map((v) => [v.id, v.nodes.map((n) => n.html + ' ' + n.failureSummary)])),
           (error) => done([['axe itself', [String(error)]]]))",
    );
    let found = found.as_array().cloned().unwrap_or_default();
    found.iter().map(|violation| format!("{}: {}", violation[0], violation[1])).collect()
}

/// Keeps a picture where somebody wants to look at it.
fn keep(browser: &Chromium, name: &str) {
    let Some(directory) = std::env::var_os("BLOCK66_PAGES").map(PathBuf::from) else { return };
    std::fs::write(directory.join(format!("{name}.png")), browser.picture()).unwrap();
}

/// A branch on an ordinary day: phones that are well, one that was reset, some that nobody has seen, one on no list.
fn branch() -> Ground {
    let mut ground = Ground::claimed(5);
    ground.lab.all_in_service(SERVICE);
    let api = ground.lab.api();
    let csv = "mac,name,extension,password,server,model,brand\n\
               805ec0440001,Meeting room 1,301,a,pbx.example.net,T46U,yealink\n\
               805ec0440002,Bjørn Aas,302,b,pbx.example.net,T46U,yealink\n\
               805ec0440003,Fax adapter,303,c,pbx.example.net,,\n";
    api.post_text("phones/import", "text/csv", csv).unwrap();
    api.post("organisations", &json!({ "name": "Tenant upstairs" })).unwrap();
    api.post("groups", &json!({ "name": "Sales" })).unwrap();
    api.post("books", &json!({ "name": "Company", "contacts": [] }))
        .or_else(|_| api.post("books", &json!({ "name": "Company" })))
        .unwrap();
    for (name, role) in [("anna", "operator"), ("visitor", "viewer")] {
        api.post("accounts", &json!({ "name": name, "role": role, "password": "a long password" })).unwrap();
    }
    api.post("tokens", &json!({ "name": "grafana", "scope": "read", "days": 365 })).unwrap();
    let mac = ground.lab.phones()[1].mac;
    ground.lab.phones()[1].remote.factory_reset();
    ground.until(&format!("phones/{mac}"), |phone| phone["standing"] == "attention");
    ground.plug(9);
    ground.until("waiting", |waiting| !waiting["waiting"].as_array().unwrap().is_empty());
    ground
}

#[test]
fn every_page_can_be_used_by_everybody() {
    let axe = axe();
    let ground = branch();
    let browser = &ground.browser;
    let mac = ground.lab.phones()[0].mac.plain();
    let reset = ground.lab.phones()[1].mac.plain();
    let organisation =
        ground.lab.api().get("organisations").unwrap()["organisations"][0]["id"].as_str().unwrap().to_owned();
    let book = ground.lab.api().get("books").unwrap()["books"][0]["number"].clone();
    let own_file = format!("/phones/{mac}/files?file={mac}.cfg");
    let mut pages: Vec<(String, String)> =
        PAGES.iter().map(|page| (page.to_string(), page.trim_matches('/').replace(['/', '?', '='], "-"))).collect();
    for (page, name) in [
        (format!("/phones/{mac}"), "phone"),
        (format!("/phones/{reset}"), "phone-reset"),
        (format!("/phones/{mac}/edit?module=0&key=2"), "edit"),
        (format!("/phones/{mac}/settings"), "phone-settings"),
        (format!("/phones/{mac}/rehearse"), "rehearsal"),
        ("/accounts/anna".into(), "account-of-another"),
        (own_file, "files"),
        (format!("/organisations/{organisation}/settings"), "organisation"),
        (format!("/books/{book}"), "book"),
    ] {
        pages.push((page, name.into()));
    }
    let mut wrong = Vec::new();
    browser.complaints();
    for scheme in ["light", "dark"] {
        browser.prefer(&[("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")]);
        for (width, shape) in [(1280, "wide"), (360, "narrow")] {
            browser.resize(width, 900);
            for (page, name) in &pages {
                ground.open(page);
                let name = if name.is_empty() { "overview" } else { name };
                keep(browser, &format!("{name}-{scheme}-{shape}"));
                let over =
                    browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
                if over.as_i64().unwrap() > 0 {
                    wrong.push(format!("{page} is {over} pixels wider than a window of {width}"));
                }
                // Contrast differs by scheme, and order and size by width: each is looked at.
                wrong
                    .extend(violations(browser, &axe).into_iter().map(|one| format!("{page} {scheme} {shape}: {one}")));
                for complaint in browser.complaints() {
                    // Pages that are left faster than the box notices use up the streams that one may have: live.js asks again.
                    let all_in_use = complaint.contains("/live") && complaint.contains("503");
                    if !(all_in_use || page == "/nowhere" && complaint.contains("404")) {
                        wrong.push(format!("{page}: {complaint}"));
                    }
                }
            }
        }
    }
    browser.resize(3840, 2160);
    for (page, name) in [("/", "overview"), ("/settings", "settings"), ("/backup", "backup"), ("/accounts", "accounts")]
    {
        ground.open(page);
        keep(browser, &format!("{name}-4k"));
    }
    // The door and the first visit, of a box that nobody has claimed.
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_first_visit_can_be_used_by_everybody() {
    let axe = axe();
    let ground = Ground::new(0);
    let browser = &ground.browser;
    let code = ground.lab.api().get("status").unwrap()["setup_code"].as_str().unwrap().to_owned();
    let mut wrong = Vec::new();
    let mut look = |name: &str| {
        for (scheme, width) in [("light", 1280), ("dark", 360)] {
            browser.prefer(&[("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")]);
            browser.resize(width, 900);
            keep(browser, &format!("visit-{name}-{scheme}-{width}"));
            wrong.extend(violations(browser, &axe).into_iter().map(|one| format!("{name} {scheme}: {one}")));
        }
    };
    ground.open("/claim");
    look("code");
    browser.fill("#code", &code);
    browser.click("button[value=check]");
    browser.fill("#password", super::ground::PASSWORD);
    look("password");
    browser.fill("#again", super::ground::PASSWORD);
    browser.click("button[value=claim]");
    browser.is_at("/welcome");
    look("name");
    for step in ["network", "phones"] {
        browser.click("form[action=\"/welcome\"] button");
        browser.find("h1");
        look(step);
    }
    browser.click(".sign-out button");
    browser.is_at("/sign-in");
    look("sign-in");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_keyboard_alone_is_enough() {
    let ground = Ground::claimed(1);
    let browser = &ground.browser;
    let focused =
        || browser.run("const a = document.activeElement; return [a.tagName, a.getAttribute('href') ?? a.name ?? '']");
    ground.open("/phones");
    browser.press("\u{e004}");
    assert_eq!(focused(), json!(["A", "#main"]), "the first stop leads past the head");
    browser.press("\u{e007}");
    // Through the page by Tab alone, until the phone; every stop can be seen.
    let phone = format!("/phones/{}", ground.lab.phones()[0].mac.plain());
    let mut stops = Vec::new();
    for _ in 0..40 {
        browser.press("\u{e004}");
        let stop = focused();
        let seen = browser.run("const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' || s.boxShadow !== 'none'");
        assert_eq!(seen, Value::Bool(true), "{stop} has the focus and does not show it");
        if stop[1] == phone.as_str() {
            browser.press("\u{e007}");
            browser.is_at(&phone);
            return;
        }
        stops.push(stop);
    }
    panic!("the phone is not reached by Tab: {stops:?}");
}
