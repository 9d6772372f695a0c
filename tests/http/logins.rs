//! Logins: what counts as one, replayed ones, and who guesses at them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use block66::model::Reason;
use hyper::StatusCode;

use crate::access::{NO_BRANCH, own};
use crate::ground::{DESK, Ground, OTHER, STRANGER, ask, digest};

#[tokio::test]
async fn basic_counts_over_tls_alone() {
    let ground = Ground::new().await;
    let desk = ground.settle(1, DESK).await;
    let pair = format!("{}:{}", desk.user, desk.password.expose());
    let basic = Some(format!("Basic {}", STANDARD.encode(pair)));
    assert!(ground.once(&ask(own(1)), basic.clone()).await.text.contains("line-secret-1"));
    let plain = ground.once(&ask(own(1)).plain(), basic).await;
    assert!(!plain.text.contains("line-secret-1"));
}

/// A guess over plain HTTP is a guess, listed or not: whether Basic counts there, which is asked of the phone's
/// organisation, is not looked up for it.
#[tokio::test]
async fn a_guess_over_plain_http_is_answered_without_a_look_at_the_phone() {
    let mut ground = Ground::new().await;
    for name in [own(1), format!("/p/{}.cfg", STRANGER.plain())] {
        let guess = ask(name).from(NO_BRANCH).plain().with("authorization", "Basic YnJhbmNoOmd1ZXNz");
        assert_eq!(ground.once(&guess, None).await.status, StatusCode::UNAUTHORIZED);
        ground.told(&Reason::WrongCredentials).await;
    }
}

#[tokio::test]
async fn nonces_are_counted_reused_and_renewed() {
    let mut ground = Ground::new().await;
    let desk = ground.settle(1, DESK).await;
    let asked = ask(own(1));
    let (user, password) = (desk.user.as_str(), desk.password.expose());
    let nonce = ground.once(&asked, None).await.nonce();
    let first = digest(&asked, user, password, &nonce, Some(1));
    assert_eq!(ground.once(&asked, Some(first.clone())).await.status, StatusCode::OK);
    let replayed = ground.once(&asked, Some(first)).await;
    assert_eq!(replayed.status, StatusCode::UNAUTHORIZED);
    assert!(replayed.header("www-authenticate").ends_with("stale=true"));
    let second = digest(&asked, user, password, &nonce, Some(2));
    assert_eq!(ground.once(&asked, Some(second)).await.status, StatusCode::OK);

    let old_form = digest(&asked, user, password, &nonce, None);
    for _ in 0..3 {
        assert_eq!(ground.once(&asked, Some(old_form.clone())).await.status, StatusCode::OK);
    }
    let away = ground.once(&asked.clone().from(OTHER), Some(old_form.clone())).await;
    assert!(away.header("www-authenticate").ends_with("stale=true"), "a nonce is for one address");

    ground.restart();
    let after = ground.once(&asked, Some(old_form)).await;
    assert_eq!(after.status, StatusCode::UNAUTHORIZED);
    assert!(after.header("www-authenticate").ends_with("stale=true"));
    let wrong = digest(&asked, user, "wrong", &nonce, None);
    assert!(!ground.once(&asked, Some(wrong)).await.header("www-authenticate").contains("stale"));
    assert_eq!(ground.get(asked.login(&desk)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_login_for_another_file_is_no_login_for_this_one() {
    let ground = Ground::new().await;
    let desk = ground.settle(1, DESK).await;
    let asked = ask(own(1));
    let nonce = ground.once(&asked, None).await.nonce();
    let other = digest(&ask(own(2)), &desk.user, desk.password.expose(), &nonce, Some(1));
    assert_eq!(ground.once(&asked, Some(other)).await.status, StatusCode::UNAUTHORIZED);
    let spelled = digest(&ask(own(1).to_uppercase()), &desk.user, desk.password.expose(), &nonce, Some(1));
    assert_eq!(ground.once(&asked, Some(spelled)).await.status, StatusCode::OK, "the same file in another spelling");
}

#[tokio::test]
async fn a_guesser_waits_and_the_phone_does_not() {
    let mut ground = Ground::new().await;
    let desk = ground.settle(1, DESK).await;
    let guess = ask(own(1)).from(NO_BRANCH).with("authorization", "Basic YnJhbmNoOmd1ZXNz");
    let mut last = StatusCode::OK;
    for _ in 0..40 {
        let answer = ground.once(&guess, None).await;
        last = answer.status;
        if last == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
        }
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    ground.told(&Reason::Throttled).await;
    assert_eq!(ground.get(ask(own(1)).login(&desk)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn one_wrong_login_behind_a_router_keeps_no_other_phone_out() {
    let ground = Ground::new().await;
    let desk = ground.settle(1, DESK).await;
    ground.settle(2, OTHER).await;
    let guess = ask(own(2)).from(NO_BRANCH).with("authorization", basic("branch", "an old password"));
    for _ in 0..31 {
        assert_eq!(ground.once(&guess, None).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(ground.once(&guess, None).await.status, StatusCode::TOO_MANY_REQUESTS);
    for _ in 0..40 {
        ground.once(&ask(own(2)).from(NO_BRANCH), Some("Bearer x".into())).await;
    }
    let right = ground.get(ask(own(1)).from(NO_BRANCH).login(&desk)).await;
    assert_eq!(right.status, StatusCode::OK);
    assert!(right.text.contains("line-secret-1"));
}

/// As many names as one likes, each for the first time: nobody is refused for it, and each answer comes late.
#[tokio::test]
async fn who_guesses_at_many_logins_waits_and_the_phones_behind_the_same_router_do_not() {
    /// A second, less what timers may be early.
    const LATE: std::time::Duration = std::time::Duration::from_millis(950);
    /// Nobody is slowed before so many: a whole branch behind one address sends fewer.
    const FREE: u32 = 30_000;
    let ground = Ground::new().await;
    let desk = ground.settle(1, DESK).await;
    let asked = ask(own(1)).from(NO_BRANCH);
    let mut number = 0;
    let mut guess = async || {
        number += 1;
        let began = std::time::Instant::now();
        let answer = ground.once(&asked, Some(basic(&format!("p-{number}"), "guess"))).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        (number, began.elapsed() >= LATE)
    };
    let late = loop {
        let (number, late) = guess().await;
        if late {
            break number;
        }
        assert!(number < 3 * FREE, "nothing ever slows it");
    };
    assert!(late > FREE, "late from number {late} on");
    let began = std::time::Instant::now();
    let right = ground.once(&asked, Some(basic(&desk.user, desk.password.expose()))).await;
    assert_eq!(right.status, StatusCode::OK);
    assert!(began.elapsed() < LATE, "the right login waits for nothing");
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[tokio::test]
async fn a_login_that_cannot_be_read_is_a_wrong_one() {
    let ground = Ground::new().await;
    let asked = ask(own(1)).from(NO_BRANCH);
    for login in ["Bearer x", "Digest", "Basic ?", "x"].into_iter().cycle().take(40) {
        ground.once(&asked, Some(login.into())).await;
    }
    assert_eq!(ground.once(&asked, Some("Bearer x".into())).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ground.once(&asked, None).await.status, StatusCode::UNAUTHORIZED);
}
