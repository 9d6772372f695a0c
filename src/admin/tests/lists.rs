//! Lists of phones: read from other systems, written out and read again.

use super::office::{comes, listed, send};
use super::*;

async fn import(ground: &Ground, body: &str) -> Answered {
    ground.call(Origin::Local, Request::post("/api/v1/phones/import?server=pbx.example.net"), body).await
}

/// The same of a list that names its servers itself.
async fn read_again(ground: &Ground, body: &str) -> Answered {
    ground.call(Origin::Local, Request::post("/api/v1/phones/import"), body).await
}

/// What is said of a phone, without what the box made for it.
fn said(phone: &Phone) -> Phone {
    let (id, created) = (Id::new(Timestamp::default(), 0), Timestamp::default());
    let mac = if phone.mac.is_placeholder() { Mac::placeholder([0; 4]) } else { phone.mac };
    let first_contact = FirstContact::Waiting;
    Phone { id, version: 0, mac, login: None, pending_login: None, first_contact, created, ..phone.clone() }
}

/// A phone that inherits the server and the transport of its line, with all that is set for one phone alone.
async fn inheriting(ground: &Ground) -> Mac {
    let (mac, brand, _) = listed(ground).await;
    let all = json!({ "set": { "line.server": "all.example", "line.transport": "tls" } });
    assert_eq!(send(ground, "PATCH", "organisations/Branch/settings", &all).await.status, StatusCode::OK);
    let line = json!({ "user": "201", "server": "", "settings": { "line.srtp": "required" } });
    assert_eq!(send(ground, "PATCH", "phones/805ec0123456", &json!({ "lines": [line] })).await.status, StatusCode::OK);
    let edit = json!({
        "set": { "screen.title": "Own", "access.admin_password": "hunter2-admin" },
        "put_keys": [{ "position": 2, "kind": "blf", "value": "202", "extension": "**202" }],
        "overrides": [{ "brand": brand, "setting": "some.setting", "value": "hunter2-raw" }],
    });
    let set = send(ground, "PATCH", "phones/805ec0123456/settings", &edit).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    mac
}

#[tokio::test]
async fn lines_and_settings_of_every_kind_can_be_read_again() {
    let ground = Ground::new().await;
    inheriting(&ground).await;
    let two = json!({ "mac": "805ec0123457", "name": "Two", "lines": [
        { "user": "201", "password": "of-the-first", "server": "pbx1" },
        { "user": "201", "password": "of-the-second", "server": "pbx2" },
    ] });
    assert_eq!(ground.post("phones", &two).await.status, StatusCode::CREATED);
    let waits = "name,extension,password\nHall,301,p301\nYard,302,p302\n";
    assert_eq!(import(&ground, waits).await.json()["added"], 2);
    let before: Vec<Phone> = ground.store.phones().iter().map(|phone| said(phone)).collect();

    let plain = ground.get("phones/export").await.text;
    for secret in ["hunter2", "of-the", "p301", test_data::PASSWORD] {
        assert!(!plain.contains(secret), "{secret} in {plain}");
    }
    for kept in [import(&ground, &plain).await, read_again(&ground, &plain).await] {
        assert_eq!((kept.status, &kept.json()["kept"]), (StatusCode::OK, &json!(4)), "{}", kept.text);
    }
    let reversed = json!({ "lines": [{ "user": "201", "server": "pbx2" }, { "user": "201", "server": "pbx1" }] });
    send(&ground, "PATCH", "phones/805ec0123457", &reversed).await;
    let lines = ground.store.phone_by_mac("805ec0123457".parse().unwrap()).unwrap().lines.clone();
    let passwords: Vec<&str> = lines.iter().map(|line| line.password.expose()).collect();
    assert_eq!(passwords, ["of-the-second", "of-the-first"]);
    assert_eq!(read_again(&ground, &plain).await.json()["changed"], 1, "the lines are as they were");

    let whole = ground.get("phones/export?passwords=true").await.text;
    for phone in ground.store.phones() {
        ground.store.commit(vec![Write::DeletePhone(phone.id)]).await.unwrap();
    }
    let again = read_again(&ground, &whole).await;
    assert_eq!(again.json()["added"], 4, "{}", again.text);
    let after: Vec<Phone> = ground.store.phones().iter().map(|phone| said(phone)).collect();
    assert_eq!(after, before);

    let wrong = json!([
        { "mac": "805ec0000009", "overrides": [{ "brand": "nobody", "setting": "a", "value": "b" }] },
    ]);
    assert_eq!(
        read_again(&ground, &wrong.to_string()).await.json()["errors"][0]["field"],
        "row 1, overrides[nobody a]"
    );
    let nothing = json!({ "set": { "line.server": null } });
    send(&ground, "PATCH", "organisations/Branch/settings", &nothing).await;
    let wrong = json!([{ "mac": "805ec0000009", "lines": [{ "user": "209", "password": "p" }] }]);
    assert_eq!(read_again(&ground, &wrong.to_string()).await.json()["errors"][0]["field"], "row 1, lines[0].server");
}

#[tokio::test]
async fn what_a_phone_was_when_it_was_removed_can_be_added() {
    let ground = Ground::new().await;
    let mac = inheriting(&ground).await;
    assert_eq!(import(&ground, "name,extension,password\nHall,301,p301\n").await.json()["added"], 1);
    let waits = ground.store.phones().iter().find(|phone| phone.mac.is_placeholder()).unwrap().mac;
    let before: Vec<Phone> = ground.store.phones().iter().map(|phone| said(phone)).collect();
    for mac in [mac, waits] {
        let was = ground.get(&format!("phones/export?passwords=true&mac={}", mac.plain())).await.json();
        let mut was = was["phones"].as_array().unwrap().clone();
        assert_eq!(was.len(), 1, "only the one that is asked for");
        let mut was = was.remove(0);
        was["mac"] = json!(mac.to_string());
        send(&ground, "DELETE", &format!("phones/{}", mac.plain()), &json!({})).await;
        let added = ground.post("phones", &was).await;
        assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    }
    let after: Vec<Phone> = ground.store.phones().iter().map(|phone| said(phone)).collect();
    assert_eq!(after, before);
    let missing = json!({ "mac": "805ec0000009", "lines": [{ "user": "209", "password": "p" }] });
    let nothing = json!({ "set": { "line.server": null } });
    send(&ground, "PATCH", "organisations/Branch/settings", &nothing).await;
    assert_eq!(ground.post("phones", &missing).await.json()["errors"][0]["field"], "lines[0].server");
}

#[tokio::test]
async fn rows_without_devices_change_lines_of_a_phone_at_once() {
    let ground = Ground::new().await;
    let two = json!({ "mac": "805ec0123457", "name": "Two", "lines": [
        { "user": "201", "password": "p1", "server": "pbx.example.net" },
        { "user": "202", "password": "p2", "server": "pbx.example.net" },
    ] });
    assert_eq!(ground.post("phones", &two).await.status, StatusCode::CREATED);
    let read = import(&ground, "name,extension,password\nAnna,201,new1\nBo,202,new2\n").await;
    assert_eq!((read.status, &read.json()["changed"]), (StatusCode::OK, &json!(1)), "{}", read.text);
    assert_eq!(import(&ground, "name,extension,password\nAnna,202,newest\n").await.json()["changed"], 1);
    let phone = ground.store.phone_by_mac("805ec0123457".parse().unwrap()).unwrap();
    let lines: Vec<(&str, &str)> =
        phone.lines.iter().map(|line| (line.user.as_str(), line.password.expose())).collect();
    assert_eq!((lines, phone.name.as_str()), (vec![("201", "new1"), ("202", "newest")], "Two"));
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
