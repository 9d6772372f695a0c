//! Lists of phones: read from other systems, written out and read again.

use super::office::{comes, listed, send};
use super::*;

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
