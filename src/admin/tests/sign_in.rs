//! Who is let in, and who is not.

use super::*;
use crate::admin::accounts::sign_in::Credentials;

fn with(password: &str) -> Credentials {
    Credentials { password: Secret::new(password), ..Credentials::default() }
}

#[tokio::test]
async fn an_unclaimed_box_shows_only_the_form_to_claim_it() {
    let ground = Ground::new().await;
    let code = ground.admin.setup_code().await.unwrap().unwrap();
    assert_eq!(ground.admin.setup_code().await.unwrap(), Some(code.clone()), "it stays the same until it is used");
    assert_eq!(ground.get("status").await.json()["setup_code"], code.expose());

    for path in ["/", "/events", "/phones/new", "/sign-in", "/nonsense"] {
        let answer = ground.call(BROWSER, Request::get(path), "").await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/claim"), "{path}");
    }
    assert_eq!(ground.call(BROWSER, Request::get("/api/v1/status"), "").await.code(), "not-claimed");
    let form = ground.call(BROWSER, Request::get("/claim"), "").await;
    assert!(form.text.contains("Setup code") && !form.text.contains(code.expose()));

    let claim = |form: String, origin: &'static str| {
        let ground = &ground;
        async move { ground.call(BROWSER, Request::post("/claim").header("origin", origin), &form).await }
    };
    let right = format!("code={}&password=a+long+password&again=a+long+password", code.expose());
    let forged = claim(right.clone(), "https://evil.example").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let short = format!("code={}&password=short&again=short", code.expose());
    assert!(claim(short, "https://box.lan").await.text.contains("Shorter than 10 characters"));
    let differs = format!("code={}&password=a+long+password&again=another", code.expose());
    assert!(claim(differs, "https://box.lan").await.text.contains("The two passwords differ"));
    let wrong =
        claim("code=AAAA-AAAA-AAAA&password=a+long+password&again=a+long+password".into(), "https://box.lan").await;
    assert!(wrong.text.contains("not the setup code"));
    ground.event(|e| e.reason == Reason::SignInRefused).await;

    let claimed = claim(right.clone(), "https://box.lan").await;
    assert_eq!((claimed.status, claimed.header("location")), (StatusCode::SEE_OTHER, "/welcome"));
    let cookie = claimed.header("set-cookie");
    for attribute in ["__Host-block66=", "; Path=/;", "HttpOnly", "Secure", "SameSite=Strict"] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    ground.event(|e| e.reason == Reason::Claimed && e.address == Some([192, 0, 2, 7].into())).await;
    assert_eq!(ground.admin.setup_code().await.unwrap(), None);
    assert_eq!(ground.get("status").await.json()["setup_code"], Value::Null);
    assert_eq!(claim(right, "https://box.lan").await.header("location"), "/sign-in", "the code is void");
}

#[tokio::test]
async fn two_claims_at_once_make_one_administrator() {
    let ground = Ground::new().await;
    let code = ground.admin.setup_code().await.unwrap().unwrap();
    let claim = |password: &str| ground.admin.claim(code.expose(), None, Secret::new(password), [192, 0, 2, 1].into());
    let (one, two) = tokio::join!(claim("password of one"), claim("password of two"));
    assert!(one.is_ok());
    assert_eq!(two.err().map(|p| p.code), Some("claimed-already".to_owned()));
}

#[tokio::test]
async fn guessing_is_slowed_for_the_guesser_alone() {
    let ground = Ground::new().await;
    ground.claim().await;
    // All at once: a slow machine takes so long for them that a guess would be free again before the sixth.
    let guess = || async {
        let guess = ground.admin.sign_in(with("not this one"), [192, 0, 2, 66].into()).await;
        guess.map(drop).unwrap_err().code
    };
    let (a, b, c, d, e, f) = tokio::join!(guess(), guess(), guess(), guess(), guess(), guess());
    let codes = [a, b, c, d, e, f];
    assert_eq!(codes.iter().filter(|code| *code == "wrong-password").count(), 5, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| *code == "too-many-guesses").count(), 1, "{codes:?}");
    assert!(ground.admin.sign_in(with("a long password"), [192, 0, 2, 67].into()).await.is_ok());
    let long = Secret::new("x".repeat(100_000));
    assert!(
        ground
            .admin
            .sign_in(Credentials { password: long, ..Credentials::default() }, [192, 0, 2, 68].into())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn changes_need_the_token_and_our_own_page() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    assert_eq!(ground.call(BROWSER, Request::get("/api/v1/phones"), "").await.code(), "sign-in-first");
    assert_eq!(ground.browse(&browser, "/api/v1/phones").await.status, StatusCode::OK);

    let body = draft("805ec0123456").to_string();
    let post =
        || Request::post("/api/v1/phones").header("content-type", "application/json").header("cookie", &browser.cookie);
    let other_page = post().header("x-csrf-token", &browser.csrf).header("origin", "https://evil.example");
    for (request, code) in [
        (post(), "not-from-our-page"),
        (post().header("x-csrf-token", "guess"), "not-from-our-page"),
        (other_page, "not-from-our-page"),
    ] {
        assert_eq!(ground.call(BROWSER, request, &body).await.code(), code);
    }
    assert!(ground.store.phones().is_empty());
    let right = post().header("x-csrf-token", &browser.csrf).header("origin", "https://box.lan");
    assert_eq!(ground.call(BROWSER, right, &body).await.status, StatusCode::CREATED);

    let forged = Request::post("/phones/805ec0123456/remove").header("cookie", &browser.cookie);
    assert_eq!(ground.call(BROWSER, forged, "csrf=guess").await.status, StatusCode::FORBIDDEN);
    assert_eq!(ground.store.phones().len(), 1);
    assert_eq!(ground.submit(&browser, "/phones/805ec0123456/remove", "").await.header("location"), "/?done=removed");
    assert!(ground.store.phones().is_empty());

    assert_eq!(ground.submit(&browser, "/sign-out", "").await.header("location"), "/sign-in");
    assert_eq!(ground.browse(&browser, "/").await.header("location"), "/sign-in");
}

#[tokio::test]
async fn a_password_set_on_the_box_itself_signs_everybody_out() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let answer = ground.post("claim", &json!({ "password": "the next password" })).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text);
    assert_eq!(ground.browse(&browser, "/").await.header("location"), "/sign-in");
    let address = [192, 0, 2, 1].into();
    assert!(ground.admin.sign_in(with("a long password"), address).await.is_err());
    assert!(ground.admin.sign_in(with("the next password"), address).await.is_ok());
}
