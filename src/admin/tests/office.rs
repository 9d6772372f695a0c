//! What an administrator does with groups, settings, waiting phones and files, as calls of the API.

use super::*;
use crate::model::settings::{Key as PhoneKey, KeyKind};
use crate::pairing::Visit;

async fn send(ground: &Ground, method: &str, path: &str, body: &Value) -> Answered {
    let request = Request::builder().method(method).uri(format!("/api/v1/{path}"));
    ground.call(Origin::Local, request.header("content-type", "application/json"), &body.to_string()).await
}

/// A phone of the brand that makes files and has the most models, with one line.
async fn listed(ground: &Ground) -> (Mac, String, String) {
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

fn comes(ground: &Ground, mac: &str) {
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
    ground.depot.keep(phone.id, "a.html", "text/html", b"<script>", phone.created).unwrap();
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
async fn a_wallpaper_that_is_no_picture_is_refused() {
    let ground = Ground::new().await;
    let put = async |query: &str, bytes: &[u8]| {
        let request = Request::put(format!("/api/v1/resources?{query}")).header("host", "box.lan");
        let request = request.body(Full::new(Bytes::from(bytes.to_vec()))).unwrap();
        let (head, body) = ground.admin.answer(request, Origin::Local).await.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answered { status: head.status, headers: head.headers, text }
    };
    let picture = crate::admin::files::genuine::tests::png(480, 272);
    let wallpaper = "name=branch.png&kind=wallpaper";
    let refused = put(wallpaper, b"<html>not a picture</html>").await;
    assert_eq!(refused.json()["errors"][0]["field"], "file", "{}", refused.text);
    assert_eq!(ground.store.resources(), []);
    let broken = put("name=menu.xml&kind=xml", b"<Menu><Item></Menu>").await;
    assert!(broken.json()["detail"].as_str().unwrap().contains("line 1"), "{}", broken.text);
    let kept = put(wallpaper, &picture).await;
    assert_eq!((kept.status, &kept.json()["size"]), (StatusCode::CREATED, &json!(picture.len())), "{}", kept.text);
    let sum = ground.store.resources()[0].sha256;
    assert_eq!(ground.depot.resource(&sum).unwrap().as_deref(), Some(picture.as_slice()));
    let other = crate::admin::files::genuine::tests::png(320, 240);
    assert_eq!(put(wallpaper, &other).await.json()["version"], 2, "in place of the one of that name");
    assert_eq!(ground.depot.resource(&sum).unwrap(), None);
    assert_eq!(put("name=../x.png&kind=wallpaper", &picture).await.json()["errors"][0]["field"], "name");
    assert_eq!(send(&ground, "DELETE", "resources/branch.png", &json!({})).await.status, StatusCode::OK);
    assert_eq!(ground.store.resources(), []);
}

#[tokio::test]
async fn a_folder_is_tried_before_it_is_put_in_force() {
    let ground = Ground::new().await;
    let (_, brand, _) = listed(&ground).await;
    let folder = crate::brands::Folder::built_in().into_iter().find(|folder| folder.id == brand).unwrap();
    let (name, text) = folder.files.iter().find(|(name, _)| name.starts_with("templates/")).unwrap();
    let attempt = async |text: &str| {
        let trial = json!({ "brand": brand, "files": { name.as_str(): text } });
        ground.post("overlays/try", &trial).await
    };
    assert_eq!(attempt(text).await.status, StatusCode::OK);
    let endless =
        format!("{{% for a in range(99999) %}}{{% for b in range(99999) %}}x{{% endfor %}}{{% endfor %}}{text}");
    for (bad, said) in [(endless.as_str(), "fuel"), ("{{ nothing_of_this_name }}", "line 1"), ("{% for", "line 1")] {
        let refused = attempt(bad).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(said) && detail.contains(name.as_str()), "{detail}");
    }
    assert_eq!(ground.get("overlays").await.json()["overlays"], json!([]));
}

#[tokio::test]
async fn authorities_and_certificates_are_checked_before_they_are_kept() {
    let ground = Ground::new().await;
    let send = async |path: &str, text: &str| {
        ground.call(Origin::Local, Request::post(format!("/api/v1/trust/{path}")), text).await
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec!["phones.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = authority.self_signed(&key).unwrap().pem();
    assert_eq!(send("authorities", "no certificate").await.code(), "certificate-unusable");
    assert_eq!(send("certificates", &own.pem()).await.code(), "certificate-unusable", "without its key");
    let kept = send("authorities", &authority).await.json();
    assert_eq!(kept["authorities"].as_array().unwrap().len(), 1, "{kept}");
    assert_eq!(send("authorities", &authority).await.json()["authorities"].as_array().unwrap().len(), 1, "once");
    let bundle = own.pem() + &key.serialize_pem();
    let kept = send("certificates", &bundle).await;
    assert_eq!(kept.json()["certificates"][0]["names"], json!(["phones.example"]));
    assert!(!kept.text.contains("PRIVATE"));
    let sum = kept.json()["authorities"][0]["sha256"].as_str().unwrap().replace(':', "").to_lowercase();
    let request = Request::delete(format!("/api/v1/trust/authorities/{sum}"));
    assert_eq!(ground.call(Origin::Local, request, "").await.json()["authorities"], json!([]));
}

async fn import(ground: &Ground, body: &str) -> Answered {
    ground.call(Origin::Local, Request::post("/api/v1/phones/import?server=pbx.example.net"), body).await
}

#[tokio::test]
async fn what_is_written_out_can_be_read_again() {
    let ground = Ground::new().await;
    let (mac, ..) = listed(&ground).await;
    ground.post("groups", &json!({ "name": "Sales" })).await;
    let edit = json!({ "set": { "screen.title": "Own" }, "put_keys": [{ "position": 2, "kind": "dnd" }] });
    send(&ground, "PATCH", "phones/805ec0123456/settings", &edit).await;
    let more = json!({ "group": "Sales", "handsets": [{ "number": 1, "name": "Yard", "lines": [1] }] });
    send(&ground, "PATCH", "phones/805ec0123456", &more).await;
    let before = ground.store.phone_by_mac(mac).unwrap();

    let plain = ground.get("phones/export").await;
    assert!(!plain.text.contains(test_data::PASSWORD));
    assert_eq!(import(&ground, &plain.text).await.json()["kept"], 1, "each keeps its password");
    let browser = ground.claim().await;
    assert_eq!(ground.browse(&browser, "/api/v1/phones/export?passwords=true").await.code(), "local-only");
    let whole = ground.get("phones/export?passwords=true").await;
    ground.event(|event| event.reason == Reason::PasswordsExported { phones: 1 }).await;
    ground.call(Origin::Local, Request::delete("/api/v1/phones/805ec0123456"), "").await;
    assert_eq!(import(&ground, &plain.text).await.code(), "import-rows", "nothing knows its password now");
    let again = import(&ground, &whole.text).await;
    assert_eq!(again.json()["added"], 1, "{}", again.text);
    let after = ground.store.phone_by_mac(mac).unwrap();
    assert_eq!((&after.lines, &after.settings, after.group), (&before.lines, &before.settings, before.group));
    assert_eq!((&after.handsets, &after.model), (&before.handsets, &before.model));
    for broken in ["{\"phones\": [", "{\"what\": 1}", "[{\"mac\": 7}]"] {
        assert_eq!(import(&ground, broken).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{broken}");
    }
}

#[tokio::test]
async fn lists_of_other_systems_are_read_as_they_are() {
    let ground = Ground::new().await;
    let brand = Registry::builtin().unwrap().brands().find(|brand| brand.makes_files()).unwrap().id.clone();
    let fusion = format!(
        "device_address,device_label,device_vendor,device_template,line_number,server_address,label,display_name,user_id,auth_id,password,sip_port,sip_transport,register_expires\n\
         80-5e-c0-00-00-01,Hall,{brand},{brand}/x1,1,pbx.example.net,Hall 1,Front Hall,201,201,p1,5060,udp,80\n\
         80-5e-c0-00-00-01,Hall,{brand},{brand}/x1,2,pbx.example.net,Hall 2,Front Hall,202,202,p2,5060,udp,80\n"
    );
    let read = import(&ground, &fusion).await.json();
    assert_eq!((&read["added"], &read["phones"][0]["lines"]), (&json!(1), &json!(["201", "202"])), "{read}");
    let phone = ground.store.phone_by_mac("805ec0000001".parse().unwrap()).unwrap();
    assert_eq!(
        (phone.name.as_str(), phone.model.as_deref(), phone.brand.as_deref()),
        ("Hall", Some("x1"), Some(brand.as_str()))
    );
    assert_eq!(phone.lines[0].display, "Front Hall");

    let free = "extension,password,name,voicemail,tech,devicetype,secret,transport\n301,,Anna,novm,pjsip,fixed,s301,0.0.0.0-udp\n302,,Bo,default,pjsip,fixed,s302,0.0.0.0-tls\n";
    let read = import(&ground, free).await;
    assert_eq!(read.json()["added"], 2, "{}", read.text);
    let waiting: Vec<Phone> = ground
        .store
        .phones()
        .iter()
        .filter(|phone| phone.mac.is_placeholder())
        .map(|phone| Phone::clone(phone))
        .collect();
    assert_eq!(waiting.iter().map(|phone| phone.name.as_str()).collect::<Vec<_>>(), ["Anna", "Bo"]);
    assert_eq!(waiting[1].lines[0].password.expose(), "s302");
    assert!(waiting[0].pending_login.is_none() && waiting[0].lines[0].voicemail.is_none());
    assert!(!waiting[0].first_contact.admits([10, 66, 0, 10].into(), Timestamp::from_secs(1_700_000_000)));
    assert_eq!(import(&ground, free).await.json()["kept"], 2, "no entry comes twice");

    let wazo = json!({
        "devices": [{ "id": "a", "mac": "80:5e:c0:00:00:02", "vendor": brand, "model": "x1", "plugin": "x", "config": "c1" }],
        "configs": [{ "id": "c1", "raw_config": {
            "locale": "de_DE", "timezone": "Europe/Berlin", "sip_registrar_ip": "10.0.0.1",
            "sip_lines": { "1": { "username": "u1", "password": "p", "auth_username": "a1", "display_name": "Cleo" } },
            "funckeys": { "3": { "type": "blf", "value": "202", "label": "Hall", "line": 1 } },
        } }],
    });
    let read = import(&ground, &wazo.to_string()).await;
    assert_eq!(read.json()["added"], 1, "{}", read.text);
    let phone = ground.store.phone_by_mac("805ec0000002".parse().unwrap()).unwrap();
    assert_eq!((phone.name.as_str(), phone.lines[0].server.as_str()), ("Cleo", "10.0.0.1"));
    assert_eq!(phone.settings.get("regional.language").and_then(|value| value.as_text()), Some("de"));
    assert_eq!(phone.settings.keys[0].position, 3);
}

#[tokio::test]
async fn an_entry_without_a_device_is_given_one_that_waits() {
    let ground = Ground::new().await;
    let list = "name,extension,password\nHall,201,p1\nYard,202,p2\n";
    assert_eq!(import(&ground, list).await.json()["added"], 2);
    assert_eq!(ground.get("phones?q=Hall").await.json()["phones"][0]["unassigned"], true);
    comes(&ground, "805ec0aa0001");
    let given = ground.post("waiting/805ec0aa0001/adopt", &json!({ "as": "Hall" })).await;
    assert_eq!(
        (given.status, &given.json()["lines"][0]["user"]),
        (StatusCode::CREATED, &json!("201")),
        "{}",
        given.text
    );
    let phone = ground.store.phone_by_mac("805ec0aa0001".parse().unwrap()).unwrap();
    assert_eq!((phone.first_contact, phone.model.as_deref()), (FirstContact::Waiting, Some("X1")));
    assert!(phone.pending_login.is_some());
    assert_eq!(ground.store.phones().len(), 2);
    comes(&ground, "805ec0aa0002");
    assert_eq!(ground.post("waiting/805ec0aa0002/adopt", &json!({ "as": "Hall" })).await.code(), "place-unknown");
}

#[tokio::test]
async fn a_list_in_latin_1_with_semicolons_is_read_or_named() {
    let ground = Ground::new().await;
    let send = async |bytes: &[u8]| {
        let request = Request::post("/api/v1/phones/import").header("host", "box.lan");
        let request = request.body(Full::new(Bytes::from(bytes.to_vec()))).unwrap();
        let (head, body) = ground.admin.answer(request, Origin::Local).await.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answered { status: head.status, headers: head.headers, text }
    };
    let read = send(b"MAC;Name;Durchwahl;Extension;Password;Server\n805ec0000001;K\xfcche;;201;p;pbx\n").await;
    assert_eq!(read.json()["phones"][0]["name"], "Küche", "{}", read.text);
    let warnings = read.json()["warnings"].to_string();
    assert!(warnings.contains("Windows-1252") && warnings.contains("Durchwahl"), "{warnings}");
    let refused = send(b"MAC;Name;Extension;Password;Server\n805ec0000002;K\xfcche;20 1;p;pbx\n").await;
    assert_eq!(refused.json()["errors"][0]["field"], "row 2, user");
    assert_eq!(ground.store.phones().len(), 1, "nothing of it was stored");
}
