//! Who is let in, and who is not.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use hyper::body::Frame;

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

#[tokio::test]
async fn a_proof_opens_nothing_when_the_account_changes_while_it_is_looked_at() {
    let ground = Ground::new().await;
    ground.claim().await;
    let anna = || json!({ "name": "anna", "role": "operator", "password": "a long password" });
    assert_eq!(ground.post("accounts", &anna()).await.status, StatusCode::CREATED);
    let named = |name: &str| Credentials { name: Some(name.into()), ..with("a long password") };
    let from = IpAddr::from([192, 0, 2, 1]);
    for (name, method, path, body) in [
        ("anna", "PATCH", "accounts/anna", json!({ "role": "viewer" })),
        ("anna", "PATCH", "accounts/anna", json!({ "password": "another password" })),
        ("anna", "DELETE", "accounts/anna", Value::Null),
        ("admin", "POST", "claim", json!({ "password": "the next password" })),
    ] {
        let mut sign_in = pin!(ground.admin.sign_in(named(name), from));
        // Up to where the password is looked at, and no further until the account is another.
        let waits = poll_fn(|context| Poll::Ready(sign_in.as_mut().poll(context).is_pending())).await;
        assert!(waits, "{method} {path}");
        let request = Request::builder().method(method).uri(format!("/api/v1/{path}"));
        let request = request.header("content-type", "application/json");
        let changed = ground.call(Origin::Local, request, &body.to_string()).await;
        assert!(changed.status.is_success(), "{}", changed.text);
        let problem = sign_in.await.map(drop).unwrap_err();
        assert_eq!(problem.code, "changed-meanwhile", "{method} {path}");
        if body["password"] == "another password" {
            let back = Request::patch("/api/v1/accounts/anna").header("content-type", "application/json");
            ground.call(Origin::Local, back, "{\"password\":\"a long password\"}").await;
        }
    }
}

#[tokio::test]
async fn a_sign_in_of_ones_own_buys_no_further_guesses() {
    let ground = Ground::new().await;
    ground.claim().await;
    let vera = json!({ "name": "vera", "role": "viewer", "password": "a long password" });
    assert_eq!(ground.post("accounts", &vera).await.status, StatusCode::CREATED);
    let named = |name: &str, password: &str| Credentials { name: Some(name.into()), ..with(password) };
    let from = IpAddr::from([192, 0, 2, 66]);
    let slowed = async |name: &str| {
        let mut tries = 0;
        // By the tenth wrong one the wait is longer than any machine takes for a password.
        while tries < 12 {
            let guess = ground.admin.sign_in(named(name, "not this one"), from).await.map(drop).unwrap_err();
            let own = ground.admin.sign_in(named("vera", "a long password"), from).await.map(drop);
            if [Some(guess.code), own.err().map(|problem| problem.code)].contains(&Some("too-many-guesses".into())) {
                return true;
            }
            tries += 1;
        }
        false
    };
    assert!(slowed("admin").await, "guesses at somebody else");
}

#[tokio::test]
async fn proving_ones_own_password_buys_no_further_guesses() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let prove = async |old: &str| {
        let request = Request::post("/api/v1/account/password")
            .header("content-type", "application/json")
            .header("cookie", &browser.cookie)
            .header("x-csrf-token", &browser.csrf)
            .header("origin", "https://box.lan");
        ground.call(BROWSER, request, &json!({ "old": old, "new": "a long password" }).to_string()).await
    };
    for _ in 0..12 {
        let guess = prove("not this one").await.code();
        let own = prove("a long password").await;
        if guess == "too-many-guesses" || own.status == StatusCode::TOO_MANY_REQUESTS {
            return;
        }
    }
    panic!("twelve wrong guesses, and no wait");
}

/// A body that goes on and on, and counts what was taken of it.
struct Endless<'a> {
    taken: &'a AtomicUsize,
}

impl hyper::body::Body for Endless<'_> {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = Bytes::from_static(&[b'a'; 16 * 1024]);
        self.taken.fetch_add(piece.len(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

#[tokio::test]
async fn of_somebody_without_a_login_no_long_body_is_kept() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let taken = AtomicUsize::new(0);
    let send = async |path: &str, cookie: &str| {
        taken.store(0, Ordering::Relaxed);
        let request = Request::post(path).header("host", "box.lan").header("origin", "https://box.lan");
        let request = request.header("cookie", cookie).header("x-csrf-token", &browser.csrf);
        let answer = ground.admin.answer(request.body(Endless { taken: &taken }).unwrap(), BROWSER).await;
        (answer.status(), taken.load(Ordering::Relaxed))
    };
    let few = 1024 * 1024 + 64 * 1024;
    for (path, status) in [
        ("/api/v1/phones/import", StatusCode::UNAUTHORIZED),
        ("/api/v1/nothing/import", StatusCode::UNAUTHORIZED),
        ("/api/v1/session", StatusCode::PAYLOAD_TOO_LARGE),
        ("/sign-in", StatusCode::PAYLOAD_TOO_LARGE),
        // What was typed stays in the browser, which is led to the door.
        ("/phones/import", StatusCode::SEE_OTHER),
        ("/a/%2e%2e/import", StatusCode::BAD_REQUEST),
    ] {
        let (answered, taken) = send(path, "").await;
        assert_eq!(answered, status, "{path}");
        assert!(taken <= few, "{path}: {taken} bytes");
    }
    let (answered, taken) = send("/api/v1/phones/import", &browser.cookie).await;
    assert_eq!(answered, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(taken > 6_000_000, "{taken}");
}
