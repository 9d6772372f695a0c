//! Who is handed what.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use block66::http::Peer;
use block66::model::{FirstContact, Login, Phone, Policy, Reason, Secret, SecretPolicy};
use hyper::StatusCode;

use crate::ground::{AGENT, Ask, BOX, DESK, Ground, OTHER, STRANGER, ask, mac};

pub(crate) const NO_BRANCH: std::net::Ipv4Addr = std::net::Ipv4Addr::new(10, 66, 0, 77);

pub(crate) fn own(number: u8) -> String {
    format!("/p/{}.cfg", mac(number).plain())
}

fn login(user: &str, password: &str) -> Login {
    Login { user: user.into(), password: Secret::new(password) }
}

#[tokio::test]
async fn known_and_unknown_are_challenged_alike() {
    let ground = Ground::new().await;
    for tls in [true, false] {
        let mut answers = Vec::new();
        for name in [mac(1).plain(), mac(2).plain(), STRANGER.plain()] {
            let mut asked = ask(format!("/p/{name}.cfg")).from(NO_BRANCH);
            asked.tls = tls;
            let mut answer = ground.get(asked).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
            let nonce = answer.nonce();
            for value in answer.headers.get_all("www-authenticate") {
                assert!(!value.to_str().unwrap().contains("stale"));
            }
            let lines: Vec<String> = answer
                .headers
                .get_all("www-authenticate")
                .iter()
                .map(|value| value.to_str().unwrap().replace(&nonce, ""))
                .collect();
            answer.headers.remove("www-authenticate");
            assert!(lines[0].starts_with("Digest "));
            assert_eq!(lines.len(), if tls { 2 } else { 1 }, "Basic is offered over TLS alone");
            answers.push((answer, lines));
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
        for (user, password) in [("branch", "wrong"), ("nobody", "wrong")] {
            for name in [mac(1).plain(), STRANGER.plain()] {
                let mut asked = ask(format!("/p/{name}.cfg")).from(NO_BRANCH).login(&login(user, password));
                asked.tls = tls;
                assert_eq!(ground.get(asked).await.status, StatusCode::UNAUTHORIZED);
            }
        }
    }
}

#[tokio::test]
async fn the_three_events_of_a_login() {
    let mut ground = Ground::new().await;
    let branch = ground.organisation("branch").login;
    let rival = ground.organisation("rival").login;
    let desk = ground.settle(1, DESK).await;

    let good = ground.get(ask(own(1)).login(&desk).with("user-agent", AGENT)).await;
    assert_eq!(good.status, StatusCode::OK);
    let event = loop {
        let event = ground.event().await;
        if matches!(event.reason, Reason::Success { own_file: true, own_login: true, .. }) && event.user_agent.is_some()
        {
            break event;
        }
    };
    assert_eq!((event.mac, event.address), (Some(mac(1)), Some(DESK.into())));
    assert_eq!((event.file.as_deref(), event.user_agent.as_deref()), (Some(own(1).as_str()), Some(AGENT)));
    assert_eq!(event.organisation, Some(ground.phone(1).organisation));
    assert_eq!(ground.phone(1).model.as_deref(), Some("T46S"));
    assert_eq!(ground.phone(1).brand.as_deref(), Some("yealink"));

    let foreign = ground.get(ask(own(1)).login(&rival)).await;
    assert_eq!(foreign.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ground.told(&Reason::OtherOrganisation).await.mac, Some(mac(1)));
    let of_another_phone = ground.get(ask(own(2)).from(NO_BRANCH).login(&desk)).await;
    assert_eq!(of_another_phone.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ground.told(&Reason::WrongCredentials).await.mac, Some(mac(2)));

    let stranger = format!("/p/{}.cfg", STRANGER.plain());
    let unknown = ground.get(ask(&stranger).from(NO_BRANCH).login(&branch)).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(ground.told(&Reason::MacUnknown).await.mac, Some(STRANGER));
}

#[tokio::test]
async fn first_contact_gives_the_same_bytes_to_one_address_until_the_login_was_used() {
    let ground = Ground::new().await;
    let first = ground.get(ask(own(1)).plain()).await;
    assert_eq!(first.status, StatusCode::OK);
    let open = ground.phone(1);
    assert!(matches!(open.first_contact, FirstContact::Open { .. }), "durable before the answer");
    let handed_out = open.pending_login.clone().unwrap();
    assert_eq!(first.setting("static.auto_provision.server.username"), Some(handed_out.user.as_str()));
    assert_eq!(first.setting("static.auto_provision.server.password"), Some(handed_out.password.expose()));
    assert!(!first.text.contains("line-secret"));
    for _ in 0..3 {
        let challenged = ground.get(ask(own(1)).plain()).await;
        assert_eq!((challenged.status, &challenged.text), (StatusCode::OK, &first.text));
    }
    let elsewhere = ground.get(ask(own(1)).plain().from(OTHER)).await;
    assert_eq!(elsewhere.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ground.get(ask(own(1)).plain()).await.text, first.text);

    let full = ground.get(ask(own(1)).login(&handed_out)).await;
    assert_eq!(full.status, StatusCode::OK);
    assert!(full.text.contains("line-secret-1"));
    let closed = ground.phone(1);
    assert_eq!((closed.login, closed.pending_login), (Some(handed_out.clone()), None));
    assert!(matches!(closed.first_contact, FirstContact::Closed { .. }));

    let after = ground.get(ask(own(1)).plain()).await;
    assert_eq!(after.status, StatusCode::OK, "never a dead end");
    assert!(!after.text.contains(handed_out.password.expose()) && !after.text.contains("line-secret"));
}

#[tokio::test]
async fn many_first_contacts_at_once_are_one() {
    let ground = Ground::new().await;
    let asks = (0..8).map(|_| ground.get(ask(own(1)).plain()));
    let answers = futures_util::future::join_all(asks).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK && answer.text == answers[0].text));
}

#[tokio::test]
async fn a_reset_phone_is_noticed_over_tls_and_by_its_alert() {
    let mut ground = Ground::new().await;
    ground.settle(1, DESK).await;
    assert_eq!(ground.get(ask(own(1))).await.status, StatusCode::UNAUTHORIZED);
    assert!(matches!(ground.phone(1).first_contact, FirstContact::Closed { .. }), "every phone is challenged once");
    assert_eq!(ground.get(ask(own(1))).await.status, StatusCode::UNAUTHORIZED);
    ground.told(&Reason::WasReset).await;
    wait_for_reset(&ground, 1).await;

    ground.settle(2, OTHER).await;
    let stranger = Peer { address: NO_BRANCH.into(), local: BOX.into(), tls: true, certificate: None };
    ground.provision.handshake_failed(stranger, Reason::TlsUnknownCa);
    let phone = Peer { address: OTHER.into(), ..stranger };
    ground.provision.handshake_failed(phone, Reason::TlsFailed { what: "it hung up".into() });
    assert!(matches!(ground.phone(2).first_contact, FirstContact::Closed { .. }));
    ground.provision.handshake_failed(phone, Reason::TlsUnknownCa);
    assert_eq!(ground.told(&Reason::WasReset).await.mac, Some(mac(2)));
    wait_for_reset(&ground, 2).await;
}

async fn wait_for_reset(ground: &Ground, number: u8) {
    let reset = async {
        while !matches!(ground.phone(number).first_contact, FirstContact::Reset { .. }) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), reset).await.expect("stored in time");
}

#[tokio::test]
async fn a_phone_with_its_login_is_no_reset_phone() {
    let ground = Ground::new().await;
    let desk = ground.settle(1, DESK).await;
    for _ in 0..3 {
        assert_eq!(ground.get(ask(own(1)).login(&desk)).await.status, StatusCode::OK);
    }
    assert!(matches!(ground.phone(1).first_contact, FirstContact::Closed { .. }));
}

#[tokio::test]
async fn policy_may_let_a_reset_phone_start_over() {
    let ground = Ground::new().await;
    let before = ground.settle(1, DESK).await;
    ground.policy("branch", Policy { reopen_after_reset: true, ..Policy::default() }).await;
    ground.get(ask(own(1))).await;
    ground.get(ask(own(1))).await;
    wait_for_reset(&ground, 1).await;
    let after = ground.settle(1, DESK).await;
    assert_ne!(before, after);
    let old = ground.get(ask(own(1)).login(&before)).await;
    assert_eq!(old.status, StatusCode::UNAUTHORIZED, "the old login ended when the new one was used");
}

#[tokio::test]
async fn the_organisations_login_needs_the_right_address_unless_policy_says_otherwise() {
    let ground = Ground::new().await;
    let branch = ground.organisation("branch").login;
    let away = ask(own(1)).from(NO_BRANCH).login(&branch);
    assert_eq!(ground.get(away.clone()).await.status, StatusCode::FORBIDDEN);
    ground.policy("branch", Policy { secret_files: SecretPolicy::Organisation, ..Policy::default() }).await;
    let full = ground.get(away.clone()).await;
    assert_eq!(full.status, StatusCode::OK);
    assert!(full.text.contains("line-secret-1"));
    let plain = ground.get(away.plain()).await;
    assert!(!plain.text.contains("line-secret-1"), "not over plain HTTP without policy");
}

#[tokio::test]
async fn what_a_phone_is_listed_as_shows_to_nobody_who_has_shown_nothing() {
    let ground = Ground::new().await;
    // No files are made for this brand, so a phone that is known as one is told that there are none.
    ground.change(Phone { brand: Some("unify".into()), ..ground.phone(2) }).await;
    for asked in [ask(own(2)), ask(own(2)).plain()] {
        for guess in [None, Some("Basic YnJhbmNoOmd1ZXNz"), Some("Bearer x")] {
            let [listed, unlisted] = [own(2), own(9)].map(|path| Ask { path, ..asked.clone().from(NO_BRANCH) });
            let listed = ground.once(&listed, guess.map(String::from)).await;
            let unlisted = ground.once(&unlisted, guess.map(String::from)).await;
            assert_eq!((listed.status, listed.text), (unlisted.status, unlisted.text), "with {guess:?}");
        }
        let itself = ground.once(&asked.clone().from(OTHER), None).await;
        assert_eq!(itself.status, StatusCode::NOT_FOUND, "at its own address");
        let login = ground.organisation("branch").login;
        let pair = STANDARD.encode(format!("{}:{}", login.user, login.password.expose()));
        let known = ground.once(&asked.from(NO_BRANCH), Some(format!("Basic {pair}"))).await;
        assert_eq!(known.status, StatusCode::NOT_FOUND, "with a login that is right");
    }
}

#[tokio::test]
async fn what_nobody_gets_is_not_found_for_everybody() {
    let mut ground = Ground::new().await;
    let desk = ground.settle(1, DESK).await;
    let plain = mac(1).plain();
    for name in [
        format!("{plain}.boot"),
        format!("{plain}.enc"),
        "y000000000000.boot".into(),
        "nothing.cfg".into(),
        String::new(),
    ] {
        for tls in [true, false] {
            let mut asked = ask(format!("/p/{name}"));
            asked.tls = tls;
            assert_eq!(ground.get(asked.clone()).await.status, StatusCode::NOT_FOUND, "{name}");
            let pair = format!("{}:{}", desk.user, desk.password.expose());
            let basic = format!("Basic {}", STANDARD.encode(pair));
            assert_eq!(ground.once(&asked, Some(basic)).await.status, StatusCode::NOT_FOUND, "{name}");
        }
    }
    ground.told(&Reason::NotServed).await;
    for path in ["/p/../../etc/shadow", "/p/%2e%2e/%2e%2e/etc/shadow", "/p/%00"] {
        assert_eq!(ground.get(ask(path)).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
    let event = ground.told(&Reason::HttpMalformed { what: "its path climbs out with \"..\"".into() }).await;
    assert_eq!(event.file.as_deref(), Some("/p/../../etc/shadow"));
    for method in ["PUT", "POST", "DELETE", "OPTIONS"] {
        let answer = ground.get(crate::ground::Ask { method, ..ask(own(1)) }).await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
    }
}

#[tokio::test]
async fn common_files_hold_no_secret_whoever_asks() {
    let ground = Ground::new().await;
    let desk = ground.settle(1, DESK).await;
    let branch = ground.organisation("branch").login;
    let common = "/p/y000000000066.cfg";
    let mut seen = Vec::new();
    for asked in [
        ask(common).login(&desk),
        ask(common).login(&branch),
        ask(common).login(&branch).from(NO_BRANCH),
        ask(common).plain().with("user-agent", AGENT),
    ] {
        let answer = ground.get(asked.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{asked:?}");
        assert!(!answer.text.contains("password") && !answer.text.contains("line-secret"), "{}", answer.text);
        seen.push(answer.text);
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(ground.get(ask(common).from(NO_BRANCH)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn outside_the_networks_there_is_nothing() {
    let ground = Ground::new().await;
    let branch = ground.organisation("branch").login;
    let outside = std::net::Ipv4Addr::new(192, 0, 2, 1);
    let pair = format!("branch:{}", branch.password.expose());
    let basic = format!("Basic {}", STANDARD.encode(pair));
    for path in [own(1), "/p/ca.pem".into(), "/ca.pem".into()] {
        assert_eq!(ground.once(&ask(path).from(outside), Some(basic.clone())).await.status, StatusCode::NOT_FOUND);
    }
    let mut from_v6 = ask("/ca.pem");
    from_v6.from = "2001:db8::1".parse().unwrap();
    assert_eq!(ground.get(from_v6).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_root_is_for_everybody() {
    let mut ground = Ground::new().await;
    for (path, kind, tls) in [
        ("/p/ca.pem", "application/x-pem-file", false),
        ("/ca.pem", "application/x-pem-file", true),
        ("/CA.PEM", "application/x-pem-file", false),
        ("/p/ca.crt", "application/x-x509-ca-cert", false),
    ] {
        let mut asked = ask(path);
        asked.tls = tls;
        let answer = ground.get(asked).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, kind), "{path}");
        assert_eq!(answer.text, ground.authority.root_pem());
    }
    let der = ground.get(ask("/p/ca.der").plain()).await;
    assert_eq!(der.header("content-type"), "application/pkix-cert");
    assert_eq!(ground.told(&Reason::CaGiven).await.mac, Some(mac(1)), "known by its lease");
}

#[tokio::test]
async fn who_gets_the_root_with_the_first_file_need_not_ask_for_it() {
    let mut ground = Ground::new().await;
    let plain = mac(1).plain().to_uppercase();
    let agent = format!("Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 2010.12-1 {plain} SXM:0 UXM:0)");
    let mut phone = ground.phone(1);
    phone.brand = Some("snom".into());
    ground.change(phone).await;
    let own = ask(format!("/p/snomD785-{plain}.htm")).plain().with("user-agent", agent);
    let first = ground.get(own.clone()).await;
    assert!(first.text.contains("<certificate type=\"base64\">"), "{}", first.text);
    assert_eq!(ground.told(&Reason::CaGiven).await.mac, Some(mac(1)));
    ground.told(&Reason::FirstContactGiven).await;

    // A file that only says where it is brings it to nobody.
    let other = ground.get(ask(format!("/p/{}.cfg", mac(2).plain())).plain().from(OTHER)).await;
    assert!(other.text.contains("trusted_certificates.url"), "{}", other.text);
    let next = ground.event().await;
    assert_eq!((next.reason, next.mac), (Reason::FirstContactGiven, Some(mac(2))));
}
