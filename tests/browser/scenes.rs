//! Every page of a branch on an ordinary day, and what its forms answer: how one comes there, for whoever looks at
//! them.

use std::io::Write;

use serde_json::json;

use super::chromium::until;
use super::ground::{Ground, SERVICE};
use super::people::code_of;
use super::recovery::{PASSPHRASE, download_backup};

/// Every page that has a path of its own.
pub(crate) const PAGES: [&str; 21] = [
    "/",
    "/phones",
    "/phones?state=attention",
    "/phones?q=nobody-is-called-so",
    "/phones/new",
    "/phones/import",
    "/campaigns",
    "/shared",
    "/firmware",
    "/partners",
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

/// Something to look at.
pub(crate) struct Scene {
    pub(crate) name: String,
    way: Box<dyn Fn(&Ground)>,
}

impl Scene {
    fn page(name: &str, path: String) -> Self {
        Self { name: name.to_owned(), way: Box::new(move |ground| ground.open(&path)) }
    }

    fn new(name: &str, way: impl Fn(&Ground) + 'static) -> Self {
        Self { name: name.to_owned(), way: Box::new(way) }
    }

    /// Goes there.
    pub(crate) fn show(&self, ground: &Ground) {
        (self.way)(ground);
    }
}

/// Phones that are well, one that was reset, some that nobody has seen, one on no list; and some of all else.
pub(crate) fn branch() -> Ground {
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
    api.post("tokens", &json!({ "name": "inventory-of-the-head-office", "scope": "administer" })).unwrap();
    // An image and its roll-out; where news go; a campaign.
    let image =
        api.put_file("firmware?brand=yealink&version=108.87.0.20&name=T46U-108.87.0.20.rom", &[7; 4096]).unwrap();
    api.post("rollouts", &json!({ "image": image["id"], "model": "T46U" })).unwrap();
    let outlets = json!({
        "syslog": [{ "host": "logs.example.net", "transport": "tls" }],
        "webhooks": [{ "url": "https://hooks.example.net/services/T02/B04/a-long-path-of-a-hook", "alarms": true, "events": ["admin."] }],
        "phone_log_port": 514,
    });
    ground.change("PUT", "outlets", &outlets);
    api.post("campaigns", &json!({ "told": "resync", "macs": [ground.lab.phones()[2].mac] })).unwrap();
    let mac = ground.lab.phones()[1].mac;
    ground.lab.phones()[1].remote.factory_reset();
    ground.until(&format!("phones/{mac}"), |phone| phone["standing"] == "attention");
    ground.plug(9);
    ground.until("waiting", |waiting| !waiting["waiting"].as_array().unwrap().is_empty());
    // Changes of a phone: by whom, when, and from what to what.
    let mac = ground.lab.phones()[3].mac;
    let line = json!({ "lines": [{ "user": "204", "password": "new secret", "display": "Harbour gate, north", "server": "pbx.example.net" }] });
    for (path, body) in [
        (format!("phones/{mac}"), json!({ "name": "Harbour gate" })),
        (format!("phones/{mac}"), line),
        (format!("phones/{mac}/settings"), json!({ "set": { "screen.title": "Harbour" } })),
    ] {
        ground.change("PATCH", &path, &body);
    }
    ground
}

/// All that there is to look at. The last of them leaves its account with a code that it is asked for.
pub(crate) fn scenes(ground: &Ground) -> Vec<Scene> {
    let api = ground.lab.api();
    let [mac, reset, _, changed, played] = [0, 1, 2, 3, 4].map(|at| ground.lab.phones()[at].mac.plain());
    let id = |what: &str, list: &str, name: &str| {
        let found = &api.get(what).unwrap()[list][0][name];
        found.as_str().map_or_else(|| found.to_string(), str::to_owned)
    };
    let mut scenes: Vec<Scene> = PAGES
        .iter()
        .map(|page| match page.trim_matches('/').replace(['/', '?', '='], "-") {
            name if name.is_empty() => Scene::page("overview", page.to_string()),
            name => Scene::page(&name, page.to_string()),
        })
        .collect();
    for (name, path) in [
        ("phone", format!("/phones/{mac}")),
        ("phone-reset", format!("/phones/{reset}")),
        ("phone-timeline", format!("/phones/{mac}/timeline")),
        ("phone-edit", format!("/phones/{mac}/edit?module=0&key=2")),
        ("phone-settings", format!("/phones/{mac}/settings")),
        ("phone-file", format!("/phones/{mac}/files?file={mac}.cfg")),
        ("rehearsal", format!("/phones/{mac}/rehearse")),
        ("account-of-another", "/accounts/anna".into()),
        ("organisation", format!("/organisations/{}/settings", id("organisations", "organisations", "id"))),
        ("group", format!("/groups/{}/settings", id("groups", "groups", "id"))),
        ("book", format!("/books/{}", id("books", "books", "number"))),
        ("rollout", format!("/rollouts/{}", id("rollouts", "rollouts", "id"))),
    ] {
        scenes.push(Scene::page(name, path));
    }
    scenes.extend(of_phones(mac, changed, played));
    scenes.extend(of_the_box());
    scenes
}

/// What the pages of phones answer.
fn of_phones(mac: String, changed: String, played: String) -> Vec<Scene> {
    let other = mac.clone();
    vec![
        Scene::new("phone-changes", move |ground| {
            ground.open(&format!("/phones/{changed}"));
            ground.browser.find("details.change");
            ground.browser.run("for (const one of document.querySelectorAll('details.change')) one.open = true");
        }),
        Scene::new("rehearsal-well", move |ground| {
            ground.open(&format!("/phones/{mac}/rehearse"));
            ground.browser.click("form[data-rehearse] button");
            ground.browser.reads("It would come into service, and could come back.");
        }),
        Scene::new("rehearsal-failing", move |ground| {
            // A login that is not the phone's own, by a raw setting of its brand.
            let brand = ground.lab.api().get(&format!("phones/{played}")).unwrap()["brand"].clone();
            let wrong = json!({ "overrides": [
                { "brand": brand, "setting": "static.auto_provision.server.password", "value": "not this one" },
            ]});
            ground.change("PATCH", &format!("phones/{played}/settings"), &wrong);
            ground.open(&format!("/phones/{played}/rehearse"));
            ground.browser.click("form[data-rehearse] button");
            ground.browser.reads("This would stop it");
        }),
        Scene::new("phone-merge", move |ground| {
            ground.open(&format!("/phones/{other}/edit"));
            ground.change("PATCH", &format!("phones/{other}"), &json!({ "name": "As somebody else says" }));
            ground.browser.fill("#name", "As I say");
            ground.browser.click("button[value=save]");
            ground.browser.find(".merge");
            ground.change("PATCH", &format!("phones/{other}"), &json!({ "name": "Reception" }));
        }),
        Scene::new("phones-new-wrong", |ground| {
            ground.open("/phones/new");
            ground.browser.fill("#mac", "nonsense");
            ground.browser.click("main form.panel button, main form button");
            ground.browser.find(".field-wrong #mac");
        }),
        Scene::new("phones-import-wrong", |ground| {
            check_list(ground, "805ec0660001,Hall,201,a,pbx.example\nnonsense,Yard,202,b,pbx.example\n", "row 3, mac");
        }),
        Scene::new("phones-import-plan", |ground| {
            let rows = "805ec0990001,Hall,201,a,pbx.example\n805ec0440001,Meeting room one,301,a,pbx.example\n";
            check_list(ground, rows, "New: 1.");
        }),
    ]
}

/// Has a list of phones checked, which says this.
fn check_list(ground: &Ground, rows: &str, says: &str) {
    ground.open("/phones/import");
    ground.browser.fill("#list", &format!("mac,name,extension,password,server\n{rows}"));
    ground.browser.click("button[value=check]");
    ground.browser.reads(says);
}

/// What the pages about the box answer.
fn of_the_box() -> Vec<Scene> {
    vec![
        Scene::new("settings-mail-wrong", |ground| {
            ground.open("/settings");
            ground.browser.click("#mail-server summary");
            ground.browser.fill("#mail-host", "mail.example.net");
            ground.browser.fill("#mail-from", "block66@example.net");
            ground.browser.fill("#mail-to", "help@example.net, nobody");
            ground.browser.click("button[value=mail]");
            ground.browser.find(".field-wrong #mail-to");
        }),
        Scene::new("partners-settings", |ground| {
            ground.open("/partners");
            ground.browser.run("for (const one of document.querySelectorAll('details')) one.open = true");
        }),
        Scene::new("partners-wrong", |ground| {
            ground.open("/partners");
            ground.browser.click("#innovaphone-settings summary");
            ground.browser.fill("[id=\"innovaphone.patience\"]", "a while");
            ground.browser.click("#innovaphone-settings form button");
            ground.browser.find(".field-wrong [id=\"innovaphone.patience\"]");
        }),
        Scene::new("accounts-wrong", |ground| {
            ground.open("/accounts");
            ground.browser.fill("#name", "berta");
            ground.browser.fill("#password", "a long password");
            ground.browser.fill("#again", "another password");
            ground.browser.click("form[action=\"/accounts\"] button");
            ground.browser.find(".field-wrong #again");
        }),
        Scene::new("tokens-made", |ground| {
            ground.open("/tokens");
            ground.browser.fill("#name", "backup");
            ground.browser.click("form[action=\"/tokens\"] button");
            ground.browser.find(".notice .secret");
        }),
        Scene::new("backup-plan", |ground| {
            let browser = &ground.browser;
            ground.open("/backup");
            let (_files, made) = download_backup(ground);
            ground.open("/backup");
            browser.type_into(&browser.find("#restore-file"), made.to_str().unwrap());
            browser.fill("#restore-passphrase", PASSPHRASE);
            browser.click("#restore button");
            browser.reads("Everything on this box would give way to this");
        }),
        Scene::new("firmware-refused", |ground| {
            ground.open("/firmware");
            let mut empty = tempfile::Builder::new().suffix(".rom").tempfile().unwrap();
            empty.flush().unwrap();
            ground.browser.type_into(&ground.browser.find("#upload"), empty.path().to_str().unwrap());
            ground.browser.fill("#version", "108.86.0.91");
            ground.browser.click("#upload-firmware button");
            let said =
                || ground.browser.run("return document.querySelector('#upload-firmware [role=status]').textContent");
            until(|| Some(said()).filter(|said| said != "")).expect("what the box refuses is said");
        }),
        Scene::new("account-code", |ground| {
            ground.open("/account");
            ground.browser.click("form[action=\"/account/factor\"] button");
            ground.browser.find(".code-of-app svg");
        }),
        Scene::new("account-codes-on-paper", |ground| {
            ground.open("/account");
            ground.browser.click("form[action=\"/account/factor\"] button");
            ground.browser.find(".code-of-app svg");
            let secret = ground.browser.run("return document.querySelector('code.secret').textContent");
            ground.browser.fill("#code", &code_of(secret.as_str().unwrap()));
            ground.browser.fill("#on-password", super::ground::PASSWORD);
            ground.browser.click("form[action=\"/account/factor-on\"] button");
            ground.browser.find(".paper code");
        }),
    ]
}
