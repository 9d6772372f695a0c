//! What an administrator does with groups, settings, waiting phones and files, as calls of the API.

use super::*;
use crate::model::settings::{Key as PhoneKey, KeyKind};
use crate::pairing::Visit;

pub(super) async fn send(ground: &Ground, method: &str, path: &str, body: &Value) -> Answered {
    let request = Request::builder().method(method).uri(format!("/api/v1/{path}"));
    ground.call(Origin::Local, request.header("content-type", "application/json"), &body.to_string()).await
}

/// A phone of the brand that makes files and has the most models, with one line.
pub(super) async fn listed(ground: &Ground) -> (Mac, String, String) {
    let registry = Registry::builtin().unwrap();
    let brand = registry
        .brands()
        .filter(|brand| brand.makes_files() && brand.models().any(|(_, model)| model.keys > 0))
        .max_by_key(|brand| brand.models().count())
        .unwrap();
    let (model, _) =
        brand.models().filter(|(_, model)| model.keys > 0).max_by_key(|(_, model)| model.accounts).unwrap();
    let mut draft = draft("805ec0123456");
    draft["brand"] = json!(brand.id);
    draft["model"] = json!(model);
    assert_eq!(ground.post("phones", &draft).await.status, StatusCode::CREATED);
    ("805ec0123456".parse().unwrap(), brand.id.clone(), model.to_owned())
}

fn value<'a>(settings: &'a Value, key: &str) -> &'a Value {
    settings["settings"].as_array().unwrap().iter().find(|setting| setting["key"] == key).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn each_value_says_where_it_comes_from() {
    let ground = Ground::new().await;
    let (_, brand, model) = listed(&ground).await;
    let set = async |path: &str, value: &str| {
        let answer =
            send(&ground, "PATCH", &format!("{path}/settings"), &json!({ "set": { "screen.title": value } })).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    };
    let title = async || {
        let settings = ground.get("phones/805ec0123456/settings").await.json();
        let title = value(&settings, "screen.title");
        (title["value"].as_str().unwrap_or_default().to_owned(), title["from"].clone(), title["name"].clone())
    };
    assert_eq!(ground.post("groups", &json!({ "name": "Sales" })).await.status, StatusCode::CREATED);
    let models = json!({ "name": "Old ones", "brand": brand, "model": model });
    assert_eq!(ground.post("groups", &models).await.json()["phones"], 1);
    set("organisations/Branch", "all").await;
    assert_eq!(title().await, ("all".into(), json!("organisation"), json!("Branch")));
    set("groups/Sales", "sales").await;
    assert_eq!(title().await.0, "all", "it is in no group yet");
    let into = send(&ground, "PATCH", "phones/805ec0123456", &json!({ "group": "Sales" })).await;
    assert_eq!(into.json()["group"]["name"], "Sales", "{}", into.text);
    assert_eq!(title().await, ("sales".into(), json!("group"), json!("Sales")));
    set("groups/Old%20ones", "model").await;
    assert_eq!(title().await, ("model".into(), json!("model"), json!("Old ones")));
    set("phones/805ec0123456", "own").await;
    assert_eq!(title().await, ("own".into(), json!("phone"), Value::Null));
    send(&ground, "PATCH", "phones/805ec0123456/settings", &json!({ "set": { "screen.title": null } })).await;
    assert_eq!(title().await.0, "model");
    assert_eq!(send(&ground, "DELETE", "groups/Sales", &json!({})).await.code(), "not-possible", "a phone is in it");
    let wrong = send(&ground, "PATCH", "phones/805ec0123456", &json!({ "group": "Old ones" })).await;
    assert_eq!(wrong.json()["errors"][0]["field"], "group");
    send(&ground, "PATCH", "phones/805ec0123456", &json!({ "group": "" })).await;
    assert_eq!(send(&ground, "DELETE", "groups/Sales", &json!({})).await.status, StatusCode::OK);
    ground.event(|event| event.reason == Reason::DocumentRemoved { what: "group \"Sales\"".into() }).await;
}

#[tokio::test]
async fn a_change_of_an_old_version_is_refused() {
    let ground = Ground::new().await;
    listed(&ground).await;
    let shown = ground.get("phones/805ec0123456").await;
    let tag = shown.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", shown.json()["version"]));
    let rename = async |name: &str| {
        let request = Request::patch("/api/v1/phones/805ec0123456").header("content-type", "application/json");
        ground.call(Origin::Local, request.header("if-match", &tag), &json!({ "name": name }).to_string()).await
    };
    assert_eq!(rename("Hall").await.status, StatusCode::OK);
    let late = rename("Yard").await;
    assert_eq!((late.status, late.code().as_str()), (StatusCode::PRECONDITION_FAILED, "changed-meanwhile"));
    assert_eq!(ground.store.phones()[0].name, "Hall");
    ground.event(|event| event.reason == Reason::PhoneChanged).await;
}

#[tokio::test]
async fn lines_keep_their_passwords_and_what_is_wrong_is_named() {
    let ground = Ground::new().await;
    let (mac, ..) = listed(&ground).await;
    let lines = json!({ "lines": [
        { "user": "202", "password": "second", "server": "pbx2.example.net", "settings": { "line.srtp": "required" } },
        { "user": "201", "server": "pbx.example.net", "display": "Front" },
    ] });
    let changed = send(&ground, "PATCH", "phones/805ec0123456", &lines).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    let stored = ground.store.phone_by_mac(mac).unwrap();
    assert_eq!(stored.lines[1].password.expose(), test_data::PASSWORD);
    assert_eq!(changed.json()["lines"][0]["settings"]["line.srtp"], "required");
    let wrong = json!({ "lines": [{ "user": "203", "server": "" }], "handsets": [{ "number": 0, "lines": [] }],
        "ports": [{ "number": 1 }, { "number": 1 }] });
    let refused = send(&ground, "PATCH", "phones/805ec0123456", &wrong).await;
    let fields: Vec<Value> = refused.json()["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
    assert_eq!(fields, ["lines[0].password", "lines[0].server", "handsets[0]", "ports[1]"]);
    send(&ground, "PATCH", "organisations/Branch/settings", &json!({ "set": { "line.server": "all.example" } })).await;
    let inherits = json!({ "lines": [{ "user": "201", "server": "" }] });
    assert_eq!(send(&ground, "PATCH", "phones/805ec0123456", &inherits).await.status, StatusCode::OK);
    assert_eq!(ground.store.phone_by_mac(mac).unwrap().lines[0].server, "");
}

#[tokio::test]
async fn files_are_shown_as_they_go_out_without_a_secret() {
    let ground = Ground::new().await;
    let (mac, brand, _) = listed(&ground).await;
    let edit = json!({
        "set": { "access.admin_password": "hunter2-admin", "screen.title": "Shown" },
        "overrides": [{ "brand": brand, "setting": "some.setting", "value": "hunter2-override" }],
        "put_keys": [{ "position": 1, "kind": "blf", "value": "202", "label": "Yard" }],
    });
    let set = send(&ground, "PATCH", "phones/805ec0123456/settings", &edit).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    let files = ground.get("phones/805ec0123456/files").await;
    let login = ground.store.phone_by_mac(mac).unwrap().pending_login.clone().unwrap();
    let mut all = files.text.clone() + &set.text;
    let files = files.json();
    let made = files["files"].as_array().unwrap().iter().filter(|file| file["made"] == true && file["kind"] == "own");
    for file in made {
        assert_eq!(file["fault"], Value::Null, "{file}");
        let preview = ground.get(&format!("phones/805ec0123456/files/{}", file["name"].as_str().unwrap())).await;
        assert_eq!(preview.status, StatusCode::OK, "{}", preview.text);
        all += preview.json()["text"].as_str().unwrap();
    }
    for shown in ["201", "pbx.example.net", "202", "********", "some.setting", "10.66.0.1", "805ec0123456"] {
        assert!(all.contains(shown), "{shown} in {all}");
    }
    for secret in ["hunter2", test_data::PASSWORD, login.password.expose()] {
        assert!(!all.contains(secret), "{secret}");
    }
    assert_eq!(ground.get("phones/805ec0123456/files/none.such").await.code(), "file-unknown");
    assert_eq!(ground.get("phones/805ec0123456/files/x?content=all").await.code(), "malformed");
    let bad = json!({ "overrides": [{ "brand": brand, "setting": "a = b", "value": "x" }] });
    assert_eq!(
        send(&ground, "PATCH", "phones/805ec0123456/settings", &bad).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn a_password_is_revealed_on_record() {
    let ground = Ground::new().await;
    let (mac, ..) = listed(&ground).await;
    let password = Write::PutSecret { key: Store::PASSWORD_KEY.into(), value: Secret::new("a long random text") };
    ground.store.commit(vec![password]).await.unwrap();
    let shown = ground.post("phones/805ec0123456/reveal", &json!({ "whose": "admin" })).await;
    assert_eq!(shown.json()["password"].as_str().unwrap().len(), 12, "{}", shown.text);
    let event = ground.event(|event| matches!(event.reason, Reason::PasswordRevealed { .. })).await;
    assert_eq!(event.mac, Some(mac));
    assert!(!event.reason.sentence().contains(shown.json()["password"].as_str().unwrap()));
    assert_eq!(ground.post("phones/805ec0123456/reveal", &json!({ "whose": "root" })).await.code(), "fields-wrong");
}

pub(super) fn comes(ground: &Ground, mac: &str) {
    let visit = Visit {
        mac: mac.parse().unwrap(),
        brand: Some("yard"),
        model: Some("X1"),
        firmware: None,
        address: Some([10, 66, 0, 50].into()),
        in_place: true,
        door: Door::Http,
        asked: "/p/x.cfg",
    };
    ground.admin.0.facts.pairing.note(&visit, ground.admin.0.clock.now().wall);
}

#[tokio::test]
async fn who_waits_is_adopted_in_one_call() {
    let ground = Ground::new().await;
    comes(&ground, "805ec0aa0001");
    let waiting = ground.get("waiting").await.json();
    assert_eq!(
        (&waiting["waiting"][0]["mac"], &waiting["waiting"][0]["model"]),
        (&json!("80:5e:c0:aa:00:01"), &json!("X1"))
    );
    let adopted = ground.post("waiting/805ec0aa0001/adopt", &json!({ "name": "Hall" })).await;
    assert_eq!((adopted.status, &adopted.json()["name"]), (StatusCode::CREATED, &json!("Hall")), "{}", adopted.text);
    assert_eq!(ground.get("waiting").await.json()["waiting"], json!([]));
    assert_eq!(ground.post("waiting/805ec0aa0001/adopt", &json!({})).await.code(), "taken");
    assert_eq!(ground.post("waiting/805ec0aa0002/adopt", &json!({ "group": "none" })).await.code(), "group-unknown");
    ground.event(|event| event.reason == Reason::PhoneAdded).await;
}

#[tokio::test]
async fn the_pairing_window_is_ten_minutes_when_nothing_is_said() {
    let ground = Ground::new().await;
    assert_eq!(ground.get("pairing").await.json()["open"], false);
    let lines = json!({ "free_lines": [{ "user": "201", "password": "hunter2", "server": "pbx.example.net" }] });
    let opened = ground.post("pairing", &lines).await;
    assert_eq!(opened.json()["free_lines"], json!(["201"]), "{}", opened.text);
    assert!(!opened.text.contains("hunter2"));
    let now = ground.admin.0.clock.now().wall;
    let until = ground.admin.0.facts.pairing.window(now).unwrap().until;
    assert!((590..=600).contains(&(until.secs() - now.secs())));
    let wrong = json!({ "minutes": 100_000, "free_lines": [{ "user": "20 1", "password": "p", "server": "" }] });
    let refused = ground.post("pairing", &wrong).await;
    assert_eq!(refused.json()["errors"].as_array().unwrap().len(), 3, "{}", refused.text);
    assert_eq!(send(&ground, "DELETE", "pairing", &json!({})).await.json()["open"], false);
    ground.event(|event| event.reason == Reason::PairingClosed).await;
}

#[tokio::test]
async fn another_device_takes_a_phones_place_with_all_that_belongs_to_it() {
    let ground = Ground::new().await;
    let (old, brand, _) = listed(&ground).await;
    let registry = Registry::builtin().unwrap();
    let small = registry.brand(&brand).unwrap().models().filter(|(_, model)| model.keys > 0);
    let (small, keys) = small.map(|(name, model)| (name.to_owned(), model.keys)).min_by_key(|(_, keys)| *keys).unwrap();
    let key = PhoneKey {
        module: 0,
        position: keys + 1,
        kind: KeyKind::Blf,
        value: "202".into(),
        label: "".into(),
        line: None,
        extension: "".into(),
    };
    send(&ground, "PATCH", "phones/805ec0123456/settings", &json!({ "put_keys": [key] })).await;
    let before = ground.store.phone_by_mac(old).unwrap();
    let replace = async |dry_run: bool| {
        let wanted = json!({ "mac": "805ec0aa0001", "brand": brand, "model": small, "dry_run": dry_run });
        ground.post("phones/805ec0123456/replace", &wanted).await
    };
    let tried = replace(true).await;
    assert!(tried.json()["unfit"][0].as_str().unwrap().contains("no such keys"), "{}", tried.text);
    assert_eq!(ground.store.phone_by_mac(old).unwrap().version, before.version, "nothing was stored");
    let done = replace(false).await;
    assert_eq!((done.status, &done.json()["phone"]["model"]), (StatusCode::OK, &json!(small)), "{}", done.text);
    let after = ground.store.phone_by_mac("805ec0aa0001".parse().unwrap()).unwrap();
    assert_eq!((after.id, &after.lines, &after.settings.keys), (before.id, &before.lines, &before.settings.keys));
    assert_eq!(after.first_contact, FirstContact::Waiting);
    assert!(
        after.login.is_none() && after.pending_login != before.pending_login,
        "the old device knows nothing of use"
    );
    assert!(ground.store.phone_by_mac(old).is_none());
    ground.event(|event| event.reason == Reason::PhoneReplaces { old } && event.mac == Some(after.mac)).await;
    let history = ground.get("phones/805ec0aa0001").await.json();
    let codes: Vec<&Value> = history["events"].as_array().unwrap().iter().map(|event| &event["code"]).collect();
    assert!(codes.contains(&&json!("admin.phone-added")), "its history goes along: {codes:?}");
    assert_eq!(replace(false).await.code(), "phone-unknown");
}

#[tokio::test]
async fn what_devices_sent_up_takes_no_room_of_the_next_one() {
    let ground = Ground::new().await;
    let (mut mac, ..) = listed(&ground).await;
    let id = ground.store.phone_by_mac(mac).unwrap().id;
    let most = crate::depot::Limits::default().files;
    for next in ["805ec0aa0001", "805ec0aa0002", "805ec0123456"] {
        for number in 0..most {
            let name = format!("{}-{number}.log", mac.plain());
            ground.depot.keep(id, &name, "text/plain", b"x", Timestamp::from_secs(1), || true).unwrap();
        }
        let replace = async |dry_run: bool| {
            let wanted = json!({ "mac": next, "dry_run": dry_run });
            ground.post(&format!("phones/{}/replace", mac.plain()), &wanted).await.status
        };
        assert_eq!(replace(true).await, StatusCode::OK);
        assert_eq!(ground.depot.uploads(id).unwrap().len(), most, "it is still there");
        assert_eq!(replace(false).await, StatusCode::OK);
        mac = next.parse().unwrap();
        assert_eq!(ground.get(&format!("phones/{next}/files")).await.json()["uploads"], json!([]));
    }
    assert_eq!(ground.store.phone_by_mac(mac).unwrap().id, id, "the first one is back");
}

#[tokio::test]
async fn a_phone_that_is_let_go_is_told_nothing_of_the_box() {
    let ground = Ground::new().await;
    listed(&ground).await;
    let asked = ground.post("phones/805ec0123456/release", &json!({})).await;
    assert_eq!(asked.json()["letting_go"], true, "{}", asked.text);
    let files = ground.get("phones/805ec0123456/files").await.json();
    let mut seen = 0;
    for file in files["files"].as_array().unwrap().iter().filter(|file| file["made"] == true && file["kind"] == "own") {
        let preview = ground.get(&format!("phones/805ec0123456/files/{}", file["name"].as_str().unwrap())).await.json();
        let text = preview["text"].as_str().unwrap_or_else(|| panic!("{file}: {preview}"));
        let ours = ["box66.branch.example", "pbx.example.net"];
        assert!(ours.iter().all(|ours| !text.contains(ours)), "{text}");
        seen += 1;
    }
    assert!(seen > 0);
    let refused =
        send(&ground, "PATCH", "phones/805ec0123456/settings", &json!({ "set": { "provisioning.release": null } }))
            .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let kept = send(&ground, "DELETE", "phones/805ec0123456/release", &json!({})).await;
    assert_eq!(kept.json()["letting_go"], false, "{}", kept.text);
    ground.event(|event| event.reason == Reason::Keeping).await;
}

#[tokio::test]
async fn what_a_phone_sent_up_is_kept_from_running() {
    let ground = Ground::new().await;
    let (mac, ..) = listed(&ground).await;
    let phone = ground.store.phone_by_mac(mac).unwrap();
    ground.depot.keep(phone.id, "a.html", "text/html", b"<script>", phone.created, || true).unwrap();
    assert_eq!(ground.get("phones/805ec0123456/files").await.json()["uploads"][0]["name"], "a.html");
    let file = ground.get("phones/805ec0123456/uploads/a.html").await;
    assert_eq!((file.text.as_str(), file.header("content-type")), ("<script>", "application/octet-stream"));
    assert!(file.header("content-disposition").starts_with("attachment"));
    assert_eq!(ground.get("phones/805ec0123456/uploads/b").await.code(), "upload-unknown");
}

#[tokio::test]
async fn phone_books_are_filled_from_a_list() {
    let ground = Ground::new().await;
    let made = ground.post("books", &json!({ "name": "Company" })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let number = made.json()["number"].clone();
    let list = async |text: &str| {
        let request = Request::post(format!("/api/v1/books/{number}/import")).header("content-type", "text/csv");
        ground.call(Origin::Local, request, text).await
    };
    assert_eq!(list("name;number\nHall;201\nYard;202\n").await.json()["size"], 2);
    let wrong = list("name;number\nHall;\n").await;
    assert_eq!((wrong.code().as_str(), &wrong.json()["errors"][0]["field"]), ("import-rows", &json!("row 2")));
    assert_eq!(ground.get("books/Company").await.json()["contacts"].as_array().unwrap().len(), 2, "nothing changed");
    let contacts = json!({ "contacts": [{ "name": "Hall\nx", "numbers": ["201"] }] });
    assert_eq!(send(&ground, "PATCH", "books/Company", &contacts).await.json()["errors"][0]["field"], "contacts[0]");
    assert_eq!(ground.post("books", &json!({ "name": "Other", "number": number })).await.code(), "taken");
    assert_eq!(send(&ground, "DELETE", "books/Company", &json!({})).await.status, StatusCode::OK);
    assert_eq!(ground.get(&format!("books/{number}")).await.code(), "book-unknown");
}

#[tokio::test]
async fn an_organisation_is_renamed_given_another_policy_and_removed_when_it_is_empty() {
    let ground = Ground::new().await;
    listed(&ground).await;
    let made = ground.post("organisations", &json!({ "name": "North" })).await;
    assert_eq!((made.status, made.header("etag")), (StatusCode::CREATED, "\"1\""), "{}", made.text);
    assert_eq!(made.json()["policy"]["secret-files"], "organisation-on-lan");
    let place = made.header("location").strip_prefix("/api/v1/").unwrap().to_owned();
    assert_eq!(ground.get(&place).await.json()["name"], "North", "it is where the answer says");
    let policy = json!({ "secret-files": "own" });
    let changed = send(&ground, "PATCH", &place, &json!({ "name": "South", "policy": policy })).await;
    assert_eq!((changed.status, changed.header("etag")), (StatusCode::OK, "\"2\""), "{}", changed.text);
    let named = send(&ground, "PATCH", "organisations/South", &json!({ "name": "West" })).await;
    assert_eq!(named.json()["policy"]["secret-files"], "own", "what is not named stays: {}", named.text);
    assert_eq!(send(&ground, "PATCH", "organisations/West", &json!({ "name": "Branch" })).await.code(), "taken");
    assert_eq!(send(&ground, "PATCH", "organisations/West", &json!({ "name": " " })).await.code(), "fields-wrong");
    let request = Request::patch("/api/v1/organisations/West").header("content-type", "application/json");
    let late = ground.call(Origin::Local, request.header("if-match", "\"2\""), r#"{"name":"East"}"#).await;
    assert_eq!(late.code(), "changed-meanwhile");
    assert_eq!(
        send(&ground, "DELETE", "organisations/Branch", &json!({})).await.code(),
        "not-possible",
        "it has a phone"
    );
    assert_eq!(send(&ground, "DELETE", "organisations/West", &json!({})).await.status, StatusCode::OK);
    assert_eq!(ground.get("organisations/West").await.code(), "organisation-unknown");
    ground.call(Origin::Local, Request::delete("/api/v1/phones/805ec0123456"), "").await;
    assert_eq!(send(&ground, "DELETE", "organisations/Branch", &json!({})).await.code(), "last-organisation");
}
