//! Accounts, tokens, codes of apps, and who did what.

use totp_rs::{Algorithm, TOTP};

use super::*;
use crate::admin::PASSWORD;

impl Ground {
    /// Somebody with an account of this role, signed in.
    pub(super) async fn somebody(&self, name: &str, role: &str) -> Browser {
        let made = self.post("accounts", &json!({ "name": name, "role": role, "password": "a long password" })).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        self.signed_in(&json!({ "name": name, "password": "a long password" })).await
    }

    async fn sign(&self, from: Origin, body: &Value) -> Answered {
        let request = Request::post("/api/v1/session").header("content-type", "application/json");
        self.call(from, request, &body.to_string()).await
    }

    async fn signed_in(&self, body: &Value) -> Browser {
        let answer = self.sign(BROWSER, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        Browser { cookie, csrf: answer.json()["csrf"].as_str().unwrap().to_owned() }
    }

    pub(super) async fn with(&self, browser: &Browser, method: &str, path: &str, body: &Value) -> Answered {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header("content-type", "application/json")
            .header("cookie", &browser.cookie)
            .header("x-csrf-token", &browser.csrf)
            .header("origin", "https://box.lan");
        self.call(BROWSER, request, &body.to_string()).await
    }
}

fn code_of(secret: &str, seconds_later: u64) -> String {
    let bytes = totp_rs::Secret::Encoded(secret.to_owned()).to_bytes().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    TOTP::new(Algorithm::SHA1, 6, 1, 30, bytes).unwrap().generate(now + seconds_later)
}

#[tokio::test]
async fn a_box_with_a_password_alone_keeps_it_as_the_account_admin() {
    let ground = Ground::new().await;
    let hash = ground.admin.hash(Secret::new("the old password")).await.unwrap();
    ground.store.commit(vec![Write::PutSecret { key: PASSWORD.into(), value: hash.clone() }]).await.unwrap();
    let accounts = ground.get("accounts").await.json();
    assert_eq!(
        (&accounts["accounts"][0]["name"], &accounts["accounts"][0]["role"]),
        (&json!("admin"), &json!("administrator"))
    );
    let old = ground.signed_in(&json!({ "password": "the old password" })).await;
    let who = ground.browse(&old, "/api/v1/session").await.json();
    assert_eq!((&who["name"], &who["role"]), (&json!("admin"), &json!("administrator")));

    ground.somebody("anna", "viewer").await;
    assert_eq!(ground.store.secret(PASSWORD), Some(hash), "a release before accounts would still know it");
    ground.signed_in(&json!({ "name": "ADMIN", "password": "the old password" })).await;
    let other = ground.admin.hash(Secret::new("set by the old one")).await.unwrap();
    ground.store.commit(vec![Write::PutSecret { key: PASSWORD.into(), value: other }]).await.unwrap();
    ground.signed_in(&json!({ "password": "set by the old one" })).await;
    ground.signed_in(&json!({ "name": "anna", "password": "a long password" })).await;
}

#[tokio::test]
async fn roles_hold_for_pages_forms_and_calls_alike() {
    let ground = Ground::new().await;
    ground.claim().await;
    let login = Some(crate::sys::random::login());
    let phone = Phone { login, pending_login: None, ..test_data::phone(1) };
    ground.store.commit(vec![Write::PutPhone { phone, expect: None }]).await.unwrap();
    let viewer = ground.somebody("vera", "viewer").await;
    let operator = ground.somebody("otto", "operator").await;
    for browser in [&viewer, &operator] {
        assert_eq!(ground.browse(browser, "/").await.status, StatusCode::OK);
        assert_eq!(ground.browse(browser, "/api/v1/phones").await.status, StatusCode::OK);
        assert_eq!(ground.submit(browser, "/phones/805ec0123401/remove", "").await.status, StatusCode::FORBIDDEN);
        let removed = ground.with(browser, "DELETE", "phones/805ec0123401", &Value::Null).await;
        assert_eq!(removed.code(), "not-allowed");
        assert_eq!(ground.browse(browser, "/api/v1/accounts").await.code(), "not-allowed");
        assert_eq!(ground.browse(browser, "/phones/805ec0123401/uploads/a.xml").await.status, StatusCode::FORBIDDEN);
    }
    let over = |browser| ground.with(browser, "POST", "phones/805ec0123401/first-contact", &Value::Null);
    assert_eq!(over(&viewer).await.code(), "not-allowed");
    let user = || ground.store.phones()[0].pending_login.as_ref().map(|login| login.user.clone());
    assert_eq!(over(&operator).await.status, StatusCode::OK);
    let pending = user();
    let phone = &ground.store.phones()[0];
    assert!(pending.is_some() && pending != phone.login.as_ref().map(|login| login.user.clone()), "both are valid");
    assert_eq!(over(&operator).await.status, StatusCode::OK);
    assert_eq!(user(), pending, "the phone may have been told it, and nothing else");
    let form = |browser| ground.submit(browser, "/phones/805ec0123401/start-over", "");
    assert_eq!(form(&viewer).await.status, StatusCode::FORBIDDEN);
    assert_eq!(form(&operator).await.status, StatusCode::SEE_OTHER);
    ground.event(|e| e.reason == Reason::FirstContactReopened && e.by.as_deref() == Some("otto")).await;
    assert_eq!(ground.store.phones().len(), 1);
}

#[tokio::test]
async fn accounts_are_changed_with_care() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let anna = ground.somebody("anna", "operator").await;
    for (body, field) in [
        (json!({ "name": "a b", "role": "viewer", "password": "a long password" }), "name"),
        (json!({ "name": "short", "role": "viewer", "password": "short" }), "password"),
    ] {
        assert_eq!(ground.post("accounts", &body).await.json()["errors"][0]["field"], field);
    }
    let twice = json!({ "name": "Anna", "role": "viewer", "password": "a long password" });
    assert_eq!(ground.post("accounts", &twice).await.code(), "taken");
    assert_eq!(ground.get("accounts/nobody").await.code(), "account-unknown");

    let shown = ground.get("accounts/anna").await;
    let tag = shown.header("etag").to_owned();
    let promote = |tag: &str| {
        let request = Request::patch("/api/v1/accounts/anna").header("content-type", "application/json");
        let request = request.header("if-match", tag);
        let ground = &ground;
        async move { ground.call(Origin::Local, request, "{\"role\":\"administrator\"}").await }
    };
    assert_eq!(promote("\"17\"").await.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(promote(&tag).await.json()["role"], "administrator");
    let over = ground.browse(&anna, "/api/v1/phones").await;
    assert_eq!((over.status, over.code().as_str()), (StatusCode::UNAUTHORIZED, "session-over"));
    assert!(over.header("www-authenticate").starts_with("Bearer"));
    // What was typed is sent once more with the token of the new session.
    let anna = ground.signed_in(&json!({ "name": "anna", "password": "a long password" })).await;
    let again = ground.with(&anna, "POST", "phones", &draft("805ec0123456")).await;
    assert_eq!(again.status, StatusCode::CREATED, "{}", again.text);

    let gone = ground.with(&browser, "DELETE", "accounts/admin", &Value::Null).await;
    assert_eq!(gone.status, StatusCode::OK, "anna is left: {}", gone.text);
    assert_eq!(ground.browse(&browser, "/api/v1/phones").await.code(), "session-over");
    let last = ground.with(&anna, "DELETE", "accounts/anna", &Value::Null).await;
    assert_eq!(last.code(), "last-administrator");
    let down = ground.with(&anna, "PATCH", "accounts/anna", &json!({ "role": "viewer" })).await;
    assert_eq!(down.code(), "last-administrator");
}

#[tokio::test]
async fn ones_own_password_needs_the_old_one_and_keeps_ones_own_session() {
    let ground = Ground::new().await;
    ground.claim().await;
    let anna = ground.somebody("anna", "viewer").await;
    let elsewhere = ground.signed_in(&json!({ "name": "anna", "password": "a long password" })).await;
    let wrong = json!({ "old": "not this one", "new": "another password" });
    assert_eq!(ground.with(&anna, "POST", "account/password", &wrong).await.code(), "wrong-password");
    let right = json!({ "old": "a long password", "new": "another password" });
    assert_eq!(ground.with(&anna, "POST", "account/password", &right).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ground.browse(&anna, "/api/v1/session").await.json()["name"], "anna");
    assert_eq!(ground.browse(&elsewhere, "/api/v1/session").await.code(), "session-over");
    ground.signed_in(&json!({ "name": "anna", "password": "another password" })).await;
    assert_eq!(ground.post("account/password", &right).await.code(), "no-account");
}

#[tokio::test]
async fn codes_of_an_app_are_asked_for_and_good_once() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let offer = ground.with(&browser, "POST", "account/factor", &Value::Null).await.json();
    let secret = offer["secret"].as_str().unwrap();
    assert!(offer["qr"].as_str().unwrap().starts_with("<svg") && !offer["qr"].as_str().unwrap().contains("style"));
    assert!(offer["uri"].as_str().unwrap().contains(secret));
    let put = |code: String, password: &str| json!({ "secret": secret, "code": code, "password": password });
    let wrong = ground.with(&browser, "PUT", "account/factor", &put("000000".into(), "a long password")).await;
    assert_eq!(wrong.json()["errors"][0]["field"], "code");
    let stranger = ground.with(&browser, "PUT", "account/factor", &put(code_of(secret, 0), "not this one")).await;
    assert_eq!(stranger.code(), "wrong-password");
    ground.signed_in(&json!({ "password": "a long password" })).await;
    let first = code_of(secret, 0);
    let set = ground.with(&browser, "PUT", "account/factor", &put(first.clone(), "a long password")).await;
    let codes = set.json()["codes"].as_array().unwrap().clone();
    assert_eq!(codes.len(), 10, "{}", set.text);
    assert_eq!(ground.get("accounts/admin").await.json()["factor"], true);

    let sign = |code: Option<String>| json!({ "password": "a long password", "code": code });
    for time in 1..=12 {
        assert_eq!(
            ground.sign(BROWSER, &sign(None)).await.code(),
            "code-needed",
            "to come without a code is no guess: {time}"
        );
    }
    assert_eq!(ground.sign(BROWSER, &sign(Some("123".into()))).await.code(), "wrong-app-code");
    // The code that put it in force was used; half a minute later there may be another.
    assert_eq!(ground.sign(BROWSER, &sign(Some(first))).await.code(), "wrong-app-code");
    let next = code_of(secret, 30);
    ground.signed_in(&sign(Some(next.clone()))).await;
    assert_eq!(ground.sign(BROWSER, &sign(Some(next))).await.code(), "wrong-app-code", "it was used");
    let paper = codes[3].as_str().unwrap().to_lowercase();
    ground.signed_in(&sign(Some(paper.clone()))).await;
    assert_eq!(ground.sign(BROWSER, &sign(Some(paper))).await.code(), "wrong-app-code", "it was used");
    assert_eq!(ground.get("accounts/admin").await.json()["recovery_codes"], 9);
    ground.event(|e| matches!(&e.reason, Reason::RecoveryCodeUsed { name } if name == "admin")).await;

    // Who has lost both gets in by way of the console.
    assert_eq!(ground.post("claim", &json!({ "password": "the next password" })).await.status, StatusCode::NO_CONTENT);
    // From elsewhere: here there was so much guessing that it takes a wait.
    let elsewhere = Origin::Web([192, 0, 2, 8].into());
    assert_eq!(ground.sign(elsewhere, &json!({ "password": "the next password" })).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_app_in_force_gives_way_to_another_by_its_own_code_alone() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let offer = async || {
        let offer = ground.with(&browser, "POST", "account/factor", &Value::Null).await.json();
        offer["secret"].as_str().unwrap().to_owned()
    };
    let (first, second) = (offer().await, offer().await);
    let put = async |secret: &str, old: Option<&str>| {
        let body =
            json!({ "secret": secret, "code": code_of(secret, 0), "password": "a long password", "old_code": old });
        ground.with(&browser, "PUT", "account/factor", &body).await
    };
    let codes = put(&first, None).await.json()["codes"].clone();
    let without = put(&second, None).await;
    assert_eq!(without.code(), "code-needed", "the password alone is not enough");
    assert_eq!(without.json()["errors"][0]["field"], "old_code");
    // The new app proves nothing of the old one.
    assert_eq!(put(&second, Some(&code_of(&second, 0))).await.code(), "wrong-app-code");
    let sign = |code: String| json!({ "password": "a long password", "code": code });
    assert_eq!(ground.sign(BROWSER, &sign(code_of(&second, 30))).await.code(), "wrong-app-code");
    assert_eq!(put(&second, codes[0].as_str()).await.json()["codes"].as_array().unwrap().len(), 10);
    ground.signed_in(&sign(code_of(&second, 30))).await;
}

#[tokio::test]
async fn tokens_of_an_account_end_with_it_and_with_its_role() {
    let ground = Ground::new().await;
    ground.claim().await;
    let anna = ground.somebody("anna", "administrator").await;
    let make = async |name: &str, scope: &str| {
        let made = ground.with(&anna, "POST", "tokens", &json!({ "name": name, "scope": scope })).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        made.json()["token"].as_str().unwrap().to_owned()
    };
    let (deploy, graph) = (make("deploy", "administer").await, make("graph", "read").await);
    let send = async |method: &str, path: &str, token: &str, body: &str| {
        let request = Request::builder().method(method).uri(format!("/api/v1/{path}"));
        let request = request.header("authorization", format!("Bearer {token}"));
        ground.call(BROWSER, request.header("content-type", "application/json"), body).await
    };
    let child = send("POST", "tokens", &deploy, "{\"name\":\"child\",\"scope\":\"administer\"}").await.json();
    let child = child["token"].as_str().unwrap().to_owned();
    ground.post("tokens", &json!({ "name": "here", "scope": "administer" })).await;
    let patch = Request::patch("/api/v1/accounts/anna").header("content-type", "application/json");
    let down = ground.call(Origin::Local, patch, "{\"role\":\"operator\"}").await;
    assert_eq!(down.status, StatusCode::OK, "{}", down.text);
    for token in [&deploy, &child] {
        assert_eq!(send("GET", "phones", token, "").await.code(), "token-void");
    }
    assert_eq!(send("GET", "phones", &graph, "").await.status, StatusCode::OK, "it may do no more than she may");
    for name in ["deploy", "child"] {
        ground.event(|e| matches!(&e.reason, Reason::TokenRevoked { name: void } if void == name)).await;
    }
    let request = Request::delete("/api/v1/accounts/anna");
    assert_eq!(ground.call(Origin::Local, request, "").await.status, StatusCode::OK);
    assert_eq!(send("GET", "phones", &graph, "").await.code(), "token-void");
    let left = ground.get("tokens").await.json();
    assert_eq!((left["tokens"].as_array().unwrap().len(), &left["tokens"][0]["name"]), (1, &json!("here")));
}

#[tokio::test]
async fn tokens_let_programs_in_as_far_as_they_go() {
    let ground = Ground::new().await;
    ground.claim().await;
    let made = ground.post("tokens", &json!({ "name": "grafana", "scope": "read", "days": 30 })).await.json();
    let text = made["token"].as_str().unwrap().to_owned();
    assert!(text.starts_with("b66_") && text.len() == 44, "{text}");
    assert_eq!(made["about"]["by"], "console");
    let listed = ground.get("tokens").await;
    assert!(listed.text.contains("grafana") && !listed.text.contains(&text), "{}", listed.text);
    let send = |method: &str, path: &str, token: &str| {
        let request = Request::builder().method(method).uri(format!("/api/v1/{path}"));
        let request = request.header("authorization", format!("bearer {token}"));
        let ground = &ground;
        async move { ground.call(BROWSER, request, "").await }
    };
    assert_eq!(send("GET", "phones", &text).await.status, StatusCode::OK);
    assert_eq!(send("GET", "session", &text).await.json()["name"], "token grafana");
    assert_eq!(send("DELETE", "phones/805ec0123456", &text).await.code(), "not-allowed");
    assert_eq!(send("GET", "phones", "b66_guess").await.code(), "token-void");
    assert_eq!(send("GET", "tokens", &text).await.code(), "not-allowed");
    // Pages are for people.
    let page = ground.call(BROWSER, Request::get("/").header("authorization", format!("Bearer {text}")), "").await;
    assert_eq!(page.header("location"), "/sign-in");

    assert_eq!(ground.post("tokens", &json!({ "name": "Grafana", "scope": "read" })).await.code(), "taken");
    assert_eq!(ground.post("tokens", &json!({ "name": "x", "scope": "read", "days": 0 })).await.code(), "fields-wrong");
    let admin = ground.post("tokens", &json!({ "name": "deploy", "scope": "administer" })).await.json();
    let admin = admin["token"].as_str().unwrap().to_owned();
    assert_eq!(send("DELETE", "tokens/grafana", &admin).await.json()["name"], "grafana");
    assert_eq!(send("GET", "phones", &text).await.code(), "token-void");
    ground
        .event(|e| {
            matches!(&e.reason, Reason::TokenRevoked { name } if name == "grafana")
                && e.by.as_deref() == Some("token deploy")
        })
        .await;
}

#[tokio::test]
async fn the_trail_says_who_did_what() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let anna = ground.somebody("anna", "administrator").await;
    ground.with(&anna, "POST", "phones", &draft("805ec0123456")).await;
    ground.submit(&browser, "/phones/805ec0123456/remove", "").await;
    ground.with(&anna, "POST", "overlays/try", &json!({ "brand": "none", "files": {} })).await;
    ground.with(&anna, "PUT", "firmware/settings", &json!({ "quota": 5_000_000_000_u64 })).await;
    ground.event(|e| matches!(&e.reason, Reason::AdminDid { what } if what.contains("rates"))).await;
    let did = |by: &str| {
        let path = format!("audit?by={by}&limit=100");
        let ground = &ground;
        async move {
            let found = ground.get(&path).await.json();
            let events = found["events"].as_array().unwrap().clone();
            events.iter().rev().map(|event| event["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(did("anna").await, ["admin.signed-in", "admin.phone-added", "admin.did"]);
    assert_eq!(did("admin").await, ["admin.claimed", "admin.phone-removed"]);
    let all = ground.get("audit?limit=2").await.json();
    assert_eq!(all["events"].as_array().unwrap().len(), 2);
    let older = ground.get(&format!("audit?limit=100&before={}", all["next"])).await.json();
    assert!(older["events"].as_array().unwrap().len() >= 3 && older["next"].is_null(), "{older}");
}

#[tokio::test]
async fn guessing_from_everywhere_keeps_nobody_out_of_the_console() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let guess = |n: u8| {
        let from = Origin::Web([10, 0, n, 1].into());
        let ground = &ground;
        async move { ground.sign(from, &json!({ "name": "admin", "password": "not this one" })).await.code() }
    };
    let mut last = String::new();
    for n in 0..60 {
        last = guess(n).await;
        if last == "too-many-guesses" {
            break;
        }
    }
    assert_eq!(last, "too-many-guesses");
    assert_eq!(ground.sign(BROWSER, &json!({ "password": "a long password" })).await.code(), "too-many-guesses");
    assert_eq!(ground.browse(&browser, "/").await.status, StatusCode::OK, "who is signed in stays so");
    let locked = ground.get("accounts/admin").await.json();
    assert!(locked["locked_seconds"].as_u64().is_some(), "the console is heard: {locked}");
    assert_eq!(ground.post("accounts/admin/unlock", &Value::Null).await.status, StatusCode::OK);
    ground.signed_in(&json!({ "password": "a long password" })).await;
}

#[tokio::test]
async fn lists_are_gone_on_with() {
    let ground = Ground::new().await;
    let writes = (1..=5).map(|n| Write::PutPhone { phone: test_data::phone(n), expect: None }).collect();
    ground.store.commit(writes).await.unwrap();
    let mut seen = Vec::new();
    let mut path = "phones?limit=2".to_owned();
    let mut pages = 0;
    loop {
        let page = ground.get(&path).await.json();
        seen.extend(page["phones"].as_array().unwrap().iter().map(|phone| phone["mac"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("phones?limit=2&after={next}");
    }
    assert_eq!((pages, seen.len()), (3, 5));
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
    assert_eq!(ground.get("phones?after=805ec0ffffff").await.code(), "list-changed");
    let leases = ground.get("leases?limit=1").await.json();
    assert_eq!((leases["leases"].as_array().unwrap().len(), leases["next"].is_null()), (0, true));
    assert_eq!(ground.get("leases?after=nowhere").await.code(), "list-changed");
}
