//! What was changed of a phone, taken back, and what it said of itself.

use std::net::UdpSocket;

use tokio_util::sync::CancellationToken;

use super::*;

const PHONE: &str = "phones/805ec0123456";

async fn send(ground: &Ground, method: &str, path: &str, body: &Value) -> Answered {
    let request = Request::builder().method(method).uri(format!("/api/v1/{path}"));
    ground.call(Origin::Local, request.header("content-type", "application/json"), &body.to_string()).await
}

async fn undo(ground: &Ground, change: u64, tag: &str) -> Answered {
    let request = Request::post(format!("/api/v1/{PHONE}/history/{change}/undo")).header("if-match", tag);
    ground.call(Origin::Local, request, "").await
}

#[tokio::test]
async fn a_change_is_shown_without_its_secrets_and_undone_with_them() {
    let ground = Ground::new().await;
    assert_eq!(ground.post("phones", &draft("805ec0123456")).await.status, StatusCode::CREATED);
    assert_eq!(ground.get(&format!("{PHONE}/history")).await.json(), json!({ "forgotten": 0, "changes": [] }));
    let edit = json!({ "name": "Hall", "lines": [{ "user": "201", "password": "another-secret", "server": "pbx.example.net" }] });
    assert_eq!(send(&ground, "PATCH", PHONE, &edit).await.status, StatusCode::OK);
    let set = json!({ "set": { "screen.title": "Hall", "access.admin_password": "menu-secret" } });
    assert_eq!(send(&ground, "PATCH", &format!("{PHONE}/settings"), &set).await.status, StatusCode::OK);

    let list = ground.get(&format!("{PHONE}/history")).await;
    let first = ground.get(&format!("{PHONE}/history/1")).await;
    let second = ground.get(&format!("{PHONE}/history/2")).await;
    for shown in [&list.text, &first.text, &second.text] {
        assert!(!shown.contains("another-secret") && !shown.contains("menu-secret"), "{shown}");
        assert!(!shown.contains(test_data::PASSWORD), "{shown}");
    }
    let list = list.json();
    assert_eq!(list["changes"][0]["change"], 2);
    assert_eq!(list["changes"][1]["parts"], json!(["name", "line 1"]));
    assert_eq!((&list["changes"][1]["how"], &list["changes"][1]["can_undo"]), (&json!("edited"), &json!(true)));
    let differences = first.json()["differences"].clone();
    assert_eq!(differences[0]["label"], "Name");
    assert_eq!((&differences[0]["before"], &differences[0]["after"]), (&json!("Reception"), &json!("Hall")));
    let password = differences.as_array().unwrap().iter().find(|one| one["field"] == "password").unwrap();
    assert_eq!(
        password,
        &json!({ "part": "line 1", "field": "password", "label": "Line 1: Password", "before": null, "after": null, "secret": true })
    );

    // At the version that was read, else not.
    let tag = ground.get(PHONE).await.header("etag").to_owned();
    let late = undo(&ground, 1, "\"1\"").await;
    assert_eq!((late.status, late.code().as_str()), (StatusCode::PRECONDITION_FAILED, "changed-meanwhile"));
    let undone = undo(&ground, 1, &tag).await;
    assert_eq!(undone.status, StatusCode::OK, "{}", undone.text);
    assert_ne!(undone.header("etag"), tag);
    let phone = ground.store.phones().remove(0);
    assert_eq!((phone.name.as_str(), phone.lines[0].password.expose()), ("Reception", test_data::PASSWORD));
    assert_eq!(phone.settings.get("screen.title").unwrap().as_text(), Some("Hall"), "the other change stays");

    // Which is a change itself, and is undone in its turn; the first one is not undone twice.
    let third = ground.get(&format!("{PHONE}/history/3")).await.json();
    assert_eq!((&third["how"], &third["undoes"]), (&json!("undone"), &json!(1)));
    let twice = undo(&ground, 1, "*").await;
    assert_eq!((twice.status, twice.code().as_str()), (StatusCode::CONFLICT, "changed-since"));
    assert_eq!(twice.json()["errors"][0]["field"], "name");
    assert_eq!(undo(&ground, 3, "*").await.status, StatusCode::OK);
    let phone = ground.store.phones().remove(0);
    assert_eq!((phone.name.as_str(), phone.lines[0].password.expose()), ("Hall", "another-secret"));
    for unknown in ["99", "0", "x", "18446744073709551616"] {
        assert_eq!(ground.get(&format!("{PHONE}/history/{unknown}")).await.code(), "change-unknown");
    }
    // Old secrets are as secret as new ones.
    let what = "seen: another-secret menu-secret".to_owned();
    ground.admin.0.journal.record(Event::new(Timestamp::from_secs(1), Door::Http, Reason::RenderFailed { what }));
    ground.event(|event| matches!(event.reason, Reason::RenderFailed { .. })).await;
    undo(&ground, 4, "*").await;
    let bundle = ground.get("support").await.text;
    assert!(!bundle.contains("another-secret") && !bundle.contains("menu-secret"));
    // And nothing is left of them with the phone gone.
    send(&ground, "DELETE", PHONE, &json!({})).await;
    assert_eq!(ground.store.secret_names("phone.history."), Vec::<String>::new());
}

#[tokio::test]
async fn a_phone_is_not_put_back_into_a_group_of_another_organisation() {
    let ground = Ground::new().await;
    assert_eq!(ground.post("organisations", &json!({ "name": "North" })).await.status, StatusCode::CREATED);
    assert_eq!(ground.post("groups", &json!({ "name": "Sales" })).await.status, StatusCode::CREATED);
    assert_eq!(ground.post("phones", &draft("805ec0123456")).await.status, StatusCode::CREATED);
    for change in [json!({ "group": "Sales" }), json!({ "group": "" }), json!({ "organisation": "North" })] {
        let changed = send(&ground, "PATCH", PHONE, &change).await;
        assert_eq!(changed.status, StatusCode::OK, "{change}: {}", changed.text);
    }
    let refused = undo(&ground, 2, "*").await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::CONFLICT, "foreign-group"));
    let shown = ground.get(&format!("{PHONE}/history/2")).await.json();
    assert_eq!(shown["can_undo"], false, "{shown}");
    // In their order they fit.
    for change in [3, 2] {
        assert_eq!(undo(&ground, change, "*").await.status, StatusCode::OK);
    }
    assert_eq!(ground.get(PHONE).await.json()["group"]["name"], "Sales");
}

#[tokio::test]
async fn lists_and_other_devices_leave_their_changes() {
    let ground = Ground::new().await;
    assert_eq!(ground.post("phones", &draft("805ec0123456")).await.status, StatusCode::CREATED);
    let list = "mac,name\n805ec0123456,Yard\n";
    let import = Request::post("/api/v1/phones/import").header("content-type", "text/csv");
    assert_eq!(ground.call(Origin::Local, import, list).await.status, StatusCode::OK);
    let replaced = ground.post(&format!("{PHONE}/replace"), &json!({ "mac": "805ec0123499" })).await;
    assert_eq!(replaced.status, StatusCode::OK, "{}", replaced.text);
    let history = ground.get("phones/805ec0123499/history").await.json();
    let hows: Vec<&Value> = history["changes"].as_array().unwrap().iter().map(|change| &change["how"]).collect();
    assert_eq!(hows, ["replaced", "imported"]);
    let undo = ground.post("phones/805ec0123499/history/2/undo", &json!(null)).await;
    assert_eq!((undo.status, undo.code().as_str()), (StatusCode::CONFLICT, "other-device"));
    let undo = ground.post("phones/805ec0123499/history/1/undo", &json!(null)).await;
    assert_eq!((undo.status, &undo.json()["name"]), (StatusCode::OK, &json!("Reception")));
}

#[tokio::test]
async fn the_page_shows_changes_and_undoes_them_after_a_second_look() {
    let ground = Ground::new().await;
    assert_eq!(ground.post("phones", &draft("805ec0123456")).await.status, StatusCode::CREATED);
    let browser = ground.claim().await;
    send(&ground, "PATCH", PHONE, &json!({ "name": "<script>alert(1)</script>" })).await;
    let page = ground.browse(&browser, "/phones/805ec0123456").await;
    assert!(page.text.contains("&lt;script&gt;alert(1)") && !page.text.contains("<script>alert"), "{}", page.text);
    assert!(page.text.contains("/phones/805ec0123456/history/1/undo") && page.text.contains("on the box itself"));
    let german = Request::get("/phones/805ec0123456").header("cookie", format!("{}; language=de", browser.cookie));
    let german = ground.call(BROWSER, german.header("accept-language", "de"), "").await;
    assert!(german.text.contains("Diese Änderung rückgängig machen"), "{}", german.text);
    let undone = ground.submit(&browser, "/phones/805ec0123456/history/1/undo", "").await;
    assert_eq!(undone.header("location"), "/phones/805ec0123456?done=undone#changes", "{}", undone.text);
    assert_eq!(ground.store.phones()[0].name, "Reception");
    let by = ground.get(&format!("{PHONE}/history")).await.json()["changes"][0]["by"].clone();
    assert_eq!(by, "admin");
    let again = ground.submit(&browser, "/phones/805ec0123456/history/1/undo", "").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_phone_says_stands_in_its_timeline_as_a_claim() {
    let ground = Ground::new().await;
    assert_eq!(ground.post("phones", &draft("805ec0123456")).await.status, StatusCode::CREATED);
    ground.event(|event| event.reason == Reason::PhoneAdded).await;
    let browser = ground.claim().await;
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let set = send(&ground, "PUT", "outlets", &json!({ "phone_log_port": port })).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    let (outlets, stop) = (ground.admin.0.facts.outlets.clone(), CancellationToken::new());
    let _stop = stop.clone().drop_guard();
    tokio::spawn(async move { outlets.run(stop).await });
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while ground.get("outlets/counts").await.json()["lines"].as_u64().unwrap() < 3 {
        assert!(Instant::now() < until);
        // A port that nobody has opened yet is no failure of a datagram's.
        let _ = phone.send_to(b"<131>SIP: <img src=x onerror=alert(1)> \x1b[31mfailed", ("127.0.0.1", port));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let whole = ground.get(&format!("{PHONE}/timeline?limit=1000")).await.json();
    let entries = whole["entries"].as_array().unwrap();
    assert_eq!(entries[0]["kind"], "said");
    assert_eq!(entries[0]["text"], "SIP: <img src=x onerror=alert(1)>  [31mfailed");
    assert!(entries.iter().any(|entry| entry["kind"] == "event" && entry["code"] == "admin.phone-added"), "{whole:#}");
    // In pages, each entry once.
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = ground.get(&format!("{PHONE}/timeline?limit=2{after}")).await.json();
        paged.extend(page["entries"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(&paged, entries);
    assert_eq!(ground.get(&format!("{PHONE}/timeline?after=x")).await.code(), "malformed");
    for page in ["/phones/805ec0123456", "/phones/805ec0123456/timeline"] {
        let page = ground.browse(&browser, page).await;
        assert!(page.text.contains("The phone says:") && page.text.contains("&lt;img src"), "{}", page.text);
        assert!(!page.text.contains("<img src=x"));
    }
}
