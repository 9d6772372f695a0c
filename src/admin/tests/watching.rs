//! What those see who watch the box, and those who are to help with it.

use super::*;
use crate::model::Login;

#[tokio::test]
async fn metrics_are_read_with_a_token_and_health_by_anybody() {
    let ground = Ground::new().await;
    ground.claim().await;
    ground.store.commit(vec![Write::PutPhone { phone: test_data::phone(1), expect: None }]).await.unwrap();
    assert_eq!(ground.call(BROWSER, Request::get("/healthz"), "").await.text, "ok\n");
    assert_eq!(ground.call(BROWSER, Request::get("/readyz"), "").await.text, "ready\n");
    let refused = ground.call(BROWSER, Request::get("/metrics"), "").await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::UNAUTHORIZED, "token-needed"));
    let made = ground.post("tokens", &json!({ "name": "prometheus", "scope": "read" })).await;
    let bearer = format!("Bearer {}", made.json()["token"].as_str().unwrap());
    let metrics = ground.call(BROWSER, Request::get("/metrics").header("authorization", bearer), "").await;
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        "block66_phones{state=\"not-seen\"} 1",
        "block66_pool_size{network=\"office\"} 100",
        "# TYPE block66_events_total counter",
    ] {
        assert!(metrics.text.contains(line), "{line}: {}", metrics.text);
    }
    for line in metrics.text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("block66_") && value.parse::<u64>().is_ok(), "{line}");
    }
    let wrong = Request::get("/metrics").header("authorization", "Bearer b66_nonsense");
    assert_eq!(ground.call(BROWSER, wrong, "").await.status, StatusCode::UNAUTHORIZED);
}

/// An interface that is gone, and one with its address where no server runs, keep the box from serving phones.
#[tokio::test]
async fn a_network_that_is_not_served_is_a_fault() {
    for (interface, subnet, fault) in [
        ("no-such-0", "10.66.0.0/24", "There is no interface no-such-0, which the network office is behind."),
        ("lo", "127.0.0.0/8", "DHCP does not answer on the network office."),
    ] {
        let ground = Ground::told(|facts| {
            let network = facts.networks.first_mut().unwrap();
            (network.interface, network.subnet) = (interface.to_owned(), subnet.parse().unwrap());
        })
        .await;
        assert_eq!(ground.get("health").await.json()["faults"], json!([fault]));
        let ready = ground.call(BROWSER, Request::get("/readyz"), "").await;
        assert_eq!((ready.status, ready.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "not-ready"));
    }
}

#[tokio::test]
async fn a_support_bundle_holds_what_happened_and_no_secret() {
    let ground = Ground::new().await;
    ground.claim().await;
    let mut phone = test_data::phone(1);
    phone.login = Some(Login { user: "p-1".into(), password: Secret::new("own-login-secret") });
    ground.store.commit(vec![Write::PutPhone { phone, expect: None }]).await.unwrap();
    let hook = "https://hooks.example/T0/secret-of-the-hook";
    let set = Request::put("/api/v1/outlets").header("content-type", "application/json");
    let settings = json!({ "webhooks": [{ "url": hook, "alarms": true }] }).to_string();
    assert_eq!(ground.call(Origin::Local, set, &settings).await.status, StatusCode::OK);
    // Words of an error may quote what they are about.
    let what = format!("line 3: {} and own-login-secret and {hook}", test_data::PASSWORD);
    let event = Event::new(Timestamp::from_secs(1), Door::Http, Reason::RenderFailed { what });
    ground.admin.0.journal.record(event);
    ground.event(|event| matches!(event.reason, Reason::RenderFailed { .. })).await;
    let bundle = ground.get("support").await;
    assert_eq!(bundle.status, StatusCode::OK);
    for secret in [
        test_data::PASSWORD,
        "login-secret-never-shown",
        "own-login-secret",
        "organisation-secret",
        "secret-of-the-hook",
        "a long password",
        "$argon2",
    ] {
        assert!(!bundle.text.contains(secret), "{secret} stands in the bundle");
    }
    let bundle = bundle.json();
    assert!(bundle["events"].to_string().contains("line 3: (removed) and (removed) and (removed)"), "{bundle:#}");
    assert_eq!(bundle["phones"][0]["mac"], "80:5e:c0:12:34:01");
    assert!(bundle["metrics"].as_str().unwrap().contains("block66_build_info"));
    ground.event(|event| event.reason == Reason::SupportBundle).await;
}

#[tokio::test]
async fn a_backup_is_made_and_looked_into() {
    let ground = Ground::new().await;
    ground.claim().await;
    let made = ground.post("backup", &json!({ "passphrase": "short" })).await;
    assert_eq!(made.code(), "passphrase-short");
    assert_eq!(ground.get("backup/kept").await.json(), json!({ "kept": [], "last_made": null }));
    assert_eq!(ground.get("backup/kept/nothing").await.code(), "backup-unknown");
    assert_eq!(ground.get("backup/kept/..%2f..%2fkey").await.code(), "malformed");
    let inspect =
        |passphrase: &'static str| Request::post("/api/v1/backup/inspect").header("block66-passphrase", passphrase);
    assert_eq!(ground.call(Origin::Local, inspect("x"), "rubbish").await.code(), "no-backup");
    let nobody = ground.call(BROWSER, inspect("x"), "rubbish").await;
    assert_eq!(nobody.code(), "sign-in-first", "nothing is read of nobody's");
}
