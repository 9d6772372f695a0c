//! Files besides a phone's own: phone books, pictures, and what phones send up.

use base64::Engine;
use block66::http::path::Wanted;
use block66::model::settings::Settings;
use block66::model::{Contact, FirstContact, Group, Id, Login, PhoneBook, Reason, Resource, ResourceKind, Scope};
use block66::pairing::{FreeLine, Pairing, Window};
use block66::store::Write;
use hyper::StatusCode;

use crate::ground::{DESK, Ground, OTHER, STRANGER, ask, mac};
use crate::toy::AGENT;

pub(crate) const AWAY: std::net::Ipv4Addr = std::net::Ipv4Addr::new(10, 66, 0, 77);

fn name(number: u8, end: &str) -> String {
    format!("/p/toy{}{end}", mac(number).plain())
}

pub(crate) async fn add_book(ground: &Ground, number: u32, organisation: &str, contacts: &[(&str, &str)]) {
    let now = ground.clock.now().wall;
    let contact = |(name, number): &(&str, &str)| Contact { name: (*name).into(), numbers: vec![(*number).into()] };
    let book = PhoneBook {
        id: Id::new(now, 5000 + u128::from(number)),
        version: 0,
        origin: Id::new(now, 99),
        organisation: ground.organisation(organisation).id,
        number,
        name: format!("Book {number}"),
        contacts: contacts.iter().map(contact).collect(),
        created: now,
    };
    ground.store.commit(vec![Write::PutPhoneBook { book, expect: Some(0) }]).await.unwrap();
}

pub(crate) async fn add_resource(ground: &Ground, name: &str, kind: ResourceKind, organisation: &str, bytes: &[u8]) {
    let now = ground.clock.now().wall;
    let resource = Resource {
        id: Id::new(now, 6000 + bytes.len() as u128),
        version: 0,
        origin: Id::new(now, 99),
        organisation: ground.organisation(organisation).id,
        name: name.into(),
        kind,
        sha256: ground.depot.put_resource(bytes).unwrap(),
        size: bytes.len() as u64,
        created: now,
    };
    ground.store.commit(vec![Write::PutResource { resource, expect: Some(0) }]).await.unwrap();
}

#[tokio::test]
async fn a_phone_book_is_for_phones_that_may_see_it() {
    let mut ground = Ground::new().await;
    add_book(&ground, 1213, "branch", &[("Zo\u{eb} <&> \"Q\"", "+49 89 1"), ("Adam", "202")]).await;
    add_book(&ground, 7, "rival", &[("Secret", "666")]).await;
    let branch = ground.organisation("branch").login;
    let rival = ground.organisation("rival").login;
    let book = "/p/toy-t4xg-1213.xml";
    for asked in [
        ask(book),
        ask(book).plain(),
        ask(book).with("user-agent", AGENT),
        ask(book).from(AWAY).with("user-agent", AGENT).login(&branch),
    ] {
        let answer = ground.get(asked.clone()).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "text/xml"), "{asked:?}");
        assert!(answer.text.contains("name=\"Zo\u{eb} &lt;&amp;&gt; &quot;Q&quot;\">+49 89 1<"), "{}", answer.text);
        let tag = answer.header("etag").to_owned();
        let again = ground.get(asked.with("if-none-match", tag)).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    }
    assert_eq!(ground.get(ask("/p/toy-t4xg-7.xml")).await.status, StatusCode::NOT_FOUND, "another organisation's");
    ground.told(&Reason::BookNotShown).await;
    for gone in ["/p/toy-t4xg-9.xml", "/p/toy-t4xg-99999999999.xml", "/p/toy-t4xg-abc.xml"] {
        assert_eq!(ground.get(ask(gone)).await.status, StatusCode::NOT_FOUND);
    }
    let nobody = ask(book).from(AWAY).with("user-agent", AGENT);
    assert_eq!(ground.get(nobody.clone()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ground.get(nobody.clone().login(&rival)).await.status, StatusCode::UNAUTHORIZED);
    let stranger = ask(book).from(AWAY).with("user-agent", format!("Toy/X1 2.0 {STRANGER}")).login(&branch);
    assert_eq!(ground.get(stranger).await.status, StatusCode::NOT_FOUND, "a MAC that is on no list");
}

#[tokio::test]
async fn a_phone_book_is_searched() {
    let ground = Ground::new().await;
    add_book(&ground, 1, "branch", &[("Eva M\u{fc}ller", "201"), ("Adam", "+49 (89) 4711"), ("J\u{f6}rg", "203")])
        .await;
    for (query, found) in [
        ("", vec!["Eva", "Adam", "J\u{f6}rg"]),
        ("?term=", vec!["Eva", "Adam", "J\u{f6}rg"]),
        ("?term=eva+m%c3%bc", vec!["Eva"]),
        ("?x=1&term=89%204711", vec!["Adam"]),
        ("?term=nobody", vec![]),
        ("?term=%ff", vec!["Eva", "Adam", "J\u{f6}rg"]),
    ] {
        let answer = ground.get(ask(format!("/p/toy-t4xg-1.xml{query}"))).await;
        assert_eq!(answer.status, StatusCode::OK);
        for name in ["Eva", "Adam", "J\u{f6}rg"] {
            assert_eq!(answer.text.contains(name), found.contains(&name), "{query} {name}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn all_books_in_one_for_phones_that_know_only_one() {
    let ground = Ground::new().await;
    let all = ask("/p/toy-all.xml").with("user-agent", AGENT);
    assert_eq!(ground.get(all.clone()).await.status, StatusCode::NOT_FOUND, "no book is no empty book");
    add_book(&ground, 1, "branch", &[("Eva", "201")]).await;
    add_book(&ground, 2, "branch", &[("Adam", "202")]).await;
    add_book(&ground, 3, "rival", &[("Secret", "666")]).await;
    let text = ground.get(all).await.text;
    assert!(text.contains("Eva") && text.contains("Adam") && !text.contains("Secret"), "{text}");
}

#[tokio::test]
async fn pictures_come_from_the_box_or_not_at_all() {
    let mut ground = Ground::new().await;
    add_resource(&ground, "Logo.JPG", ResourceKind::Wallpaper, "branch", b"picture").await;
    add_resource(&ground, "bell.wav", ResourceKind::Ringtone, "branch", b"ding dong").await;
    add_resource(&ground, "talking.xml", ResourceKind::Xml, "branch", b"<softkeys/>").await;
    add_resource(&ground, "theirs.jpg", ResourceKind::Wallpaper, "rival", b"their picture").await;
    let branch = ground.organisation("branch").login;
    for (path, kind, bytes) in [
        ("/p/toy/media/logo.jpg", "image/jpeg", "picture"),
        ("/p/x/y/TOY/Media/bell.wav", "audio/wav", "ding dong"),
        ("/p/toy/xml/talking.xml", "text/xml", "<softkeys/>"),
    ] {
        for asked in [ask(path), ask(path).plain(), ask(path).from(AWAY).login(&branch)] {
            let answer = ground.get(asked).await;
            assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, kind), "{path}");
            assert_eq!(answer.text, bytes);
        }
        assert_eq!(ground.get(ask(path).from(AWAY)).await.status, StatusCode::UNAUTHORIZED);
    }
    for path in ["/p/toy/media/none.jpg", "/p/toy/media/theirs.jpg", "/p/toy/media/talking.xml", "/p/toy/xml/logo.jpg"]
    {
        assert_eq!(ground.get(ask(path)).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    ground.told(&Reason::ResourceMissing { name: "none.jpg".into() }).await;
    for path in ["/p/toy/media/../../etc/passwd", "/p/toy/media/%2e%2e%2fkey"] {
        assert_eq!(ground.get(ask(path)).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn a_file_without_secrets_is_open_to_the_phones_place() {
    let ground = Ground::new().await;
    let open = ground.get(ask(name(1, "-open.txt")).plain()).await;
    assert_eq!((open.status, open.text.as_str()), (StatusCode::OK, "201 = open\nurl = https://10.66.0.1/p/\n"));
    assert_eq!(ground.get(ask(name(1, "-open.txt")).from(OTHER)).await.status, StatusCode::UNAUTHORIZED);
    // A file whose name does not say whose it is belongs to whoever has the address.
    let own = ground.get(ask("/p/toy.txt").plain().with("user-agent", "Toy/X1 2.0")).await;
    assert!(own.status == StatusCode::OK && own.text.contains("login = "), "{own:?}");
    assert!(!own.text.contains("line-secret"));
}

#[tokio::test]
async fn what_a_phone_sends_up_goes_back_to_it_alone() {
    let mut ground = Ground::new().await;
    let local = name(1, "-local.txt");
    // Without evidence of being the phone nothing is taken: it would come back as the phone's own settings.
    for asked in [ask(&local), ask(&local).plain(), ask(&local).from(AWAY)] {
        let answer = ground.get(asked.send("PUT", "planted")).await;
        assert_ne!(answer.status, StatusCode::OK);
        assert_ne!(answer.status, StatusCode::CREATED);
    }
    let desk = ground.settle(1, DESK).await;
    let other = ground.settle(2, OTHER).await;
    let put = |body: &'static str| ask(&local).login(&desk).with("content-type", "text/x-toy").send("PUT", body);
    assert_eq!(ground.get(put("volume = 1\n")).await.status, StatusCode::CREATED);
    assert_eq!(ground.get(put("volume = 2\n")).await.status, StatusCode::OK);
    assert_eq!(ground.told(&Reason::UploadKept).await.mac, Some(mac(1)));
    assert_eq!(ground.get(ask(&local).login(&desk).send("POST", "volume = 3\n")).await.status, StatusCode::OK);

    let back = ground
        .get(ask(name(1, "-LOCAL.txt").replace("805ec0", "80-5E-C0-").replace("000001", "00-00-01")).login(&desk))
        .await;
    assert_eq!((back.status, back.text.as_str()), (StatusCode::OK, "volume = 3\n"), "however the name is written");
    assert_eq!(ground.get(put("volume = 2\n")).await.status, StatusCode::OK);
    let kept = ground.get(ask(&local).login(&desk)).await;
    assert_eq!(kept.header("content-type"), "text/x-toy");
    // Nor does a browser run what it says, should one be led there with the phone's login.
    assert_eq!(kept.header("x-content-type-options"), "nosniff");
    assert!(kept.header("content-security-policy").ends_with("sandbox"), "{kept:?}");
    for refused in [
        ask(&local).login(&other),
        ask(&local).from(OTHER).login(&other),
        ask(&local).login(&ground.organisation("rival").login),
        ask(&local).from(AWAY),
    ] {
        assert_eq!(ground.get(refused).await.status, StatusCode::UNAUTHORIZED);
    }
    let plain = ground.get(ask(&local).plain()).await;
    assert!(!plain.text.contains("volume"), "{plain:?}");
    assert_eq!(plain.status, StatusCode::NOT_FOUND);
    ground.restart();
    assert_eq!(ground.get(ask(&local).login(&desk)).await.text, "volume = 2\n");
    assert_eq!(ground.get(ask(name(2, "-local.txt")).from(OTHER).login(&other)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn uploads_are_bounded_and_logs_stay_here() {
    let mut ground = Ground::new().await;
    let log = name(1, ".log");
    let sent = ground.get(ask(&log).plain().send("PUT", vec![b'x'; 1000])).await;
    assert_eq!(sent.status, StatusCode::CREATED, "a log needs no login from the phone's own place");
    assert_eq!(ground.get(ask(&log).plain()).await.status, StatusCode::NOT_FOUND, "it is for the administrator");
    let large = ground.get(ask(&log).plain().send("PUT", vec![b'y'; 1001])).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    ground.told(&Reason::UploadTooLarge { most: 1000 }).await;
    let announced = ask(&log).plain().with("content-length", "99999999999").send("PUT", "x");
    assert_eq!(ground.get(announced).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let kept = ground.depot.upload(ground.phone(1).id, &log[3..].to_lowercase()).unwrap().unwrap();
    assert_eq!(kept.1, vec![b'x'; 1000]);
    for path in [name(1, ".txt"), name(1, "-open.txt"), "/p/ca.pem".into(), "/p/nothing.log".into()] {
        let answer = ground.get(ask(&path).send("PUT", "x")).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    assert_eq!(ground.get(ask(name(9, ".log")).from(AWAY).send("PUT", "x")).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_phone_that_asks_where_to_go_is_sent_there_but_not_for_good() {
    let mut ground = Ground::new().await;
    for (tls, url) in [(true, "https://10.66.0.1/p/"), (false, "http://10.66.0.1/p/")] {
        let mut asked = ask(format!("/toy{}", STRANGER.plain().to_uppercase())).from(AWAY);
        asked.tls = tls;
        let answer = ground.get(asked).await;
        assert_eq!((answer.status, answer.header("location"), answer.text.as_str()), (StatusCode::FOUND, url, ""));
    }
    assert_eq!(ground.told(&Reason::Redirected).await.mac, Some(STRANGER));
}

#[tokio::test]
async fn paths_that_phones_make_up_are_no_pages() {
    let ground = Ground::new().await;
    let files = |path: &str| ground.provision.has_files_at(&Wanted::read(path).unwrap());
    for path in
        ["/p/", "/p/x", "/any.cfg", "/toy/media/logo.jpg", "/a/toy/xml/x.xml", "/toy805ec0000001", "/805EC0000001.cfg"]
    {
        assert!(files(path), "{path}");
    }
    for path in [
        "/",
        "/phones",
        "/phones/toy805ec0000001",
        "/phones/805ec0000001",
        "/api/v1/toy805ec0000001",
        "/api/toy/media/logo.jpg",
        "/assets/toy/xml/x.xml",
        "/events",
        "/live",
        "/toy",
    ] {
        assert!(!files(path), "{path}");
    }
}

/// What is set for all phones of the toy brand in the first organisation.
async fn set_for_toys(ground: &Ground, settings: &[(&str, &str)]) {
    let now = block66::model::Timestamp::from_secs(1_700_000_000);
    let mut set = Settings::default();
    for (key, text) in settings {
        set.set_text(key, text).unwrap();
    }
    let group = Group {
        id: Id::new(now, 7000),
        version: 0,
        origin: Id::new(now, 99),
        organisation: ground.organisation("branch").id,
        name: "Toys".into(),
        scope: Scope::Model { brand: "toy".into(), model: None },
        settings: set,
        created: now,
    };
    ground.store.commit(vec![Write::PutGroup { group, expect: None }]).await.unwrap();
}

async fn of_brand(ground: &Ground, number: u8, brand: &str) {
    let mut phone = ground.phone(number);
    phone.brand = Some(brand.into());
    phone.login = Some(Login { user: format!("p{number}"), password: block66::model::Secret::new("pw") });
    phone.first_contact = FirstContact::Closed { at: ground.clock.now().wall };
    ground.change(phone).await;
}

#[tokio::test]
async fn what_policy_allows_it_may_allow_to_one_brand() {
    let ground = Ground::new().await;
    of_brand(&ground, 1, "toy").await;
    of_brand(&ground, 2, "another").await;
    let login = |number: u8| ground.phone(number).login.unwrap();
    let full = |text: &str| text.contains("line-secret");
    let basic = |number: u8| {
        let login = login(number);
        let pair = format!("{}:{}", login.user, login.password.expose());
        Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
    };
    let asks = |number: u8| ask(name(number, ".txt")).from(if number == 1 { DESK } else { OTHER }).plain();

    set_for_toys(&ground, &[("provisioning.plain_http", "yes")]).await;
    assert!(full(&ground.get(asks(1).login(&login(1))).await.text), "against a Digest login");
    let challenged = ground.once(&asks(1), basic(1)).await;
    assert!(!full(&challenged.text), "Basic was not asked for: {challenged:?}");
    assert!(!challenged.header("www-authenticate").contains("Basic"));
    let pointed = ground.once(&asks(2), None).await;
    assert!(pointed.status == StatusCode::OK && !full(&pointed.text));

    set_for_toys(&ground, &[("provisioning.plain_http", "yes"), ("provisioning.plain_basic", "yes")]).await;
    assert!(full(&ground.once(&asks(1), basic(1)).await.text));
    assert!(!full(&ground.once(&asks(2), basic(2)).await.text));
    assert!(!full(&ground.once(&asks(1), basic(2)).await.text), "another phone's");

    set_for_toys(&ground, &[("provisioning.lan_alone", "yes")]).await;
    assert!(full(&ground.once(&asks(1), None).await.text));
    assert_eq!(ground.once(&asks(1).from(AWAY), None).await.status, StatusCode::UNAUTHORIZED);
    // Whoever has the phone's address does not make it another brand's phone.
    let posing = ground.once(&asks(2).with("user-agent", "Toy/X1 2.0"), None).await;
    assert!(!full(&posing.text));
    assert_eq!(ground.phone(2).brand.as_deref(), Some("another"));
    assert!(!full(&ground.once(&asks(2), None).await.text));
}

#[tokio::test]
async fn a_phone_shows_the_books_that_are_chosen_for_it() {
    let ground = Ground::new().await;
    add_book(&ground, 1, "branch", &[("Eva", "201")]).await;
    add_book(&ground, 2, "branch", &[("Adam", "202")]).await;
    of_brand(&ground, 1, "toy").await;
    let chosen = ground.store.phone_book_by_number(2).unwrap().id.to_string();
    set_for_toys(&ground, &[("directory.books", &chosen)]).await;
    assert_eq!(ground.get(ask("/p/toy-x-1.xml")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(ground.get(ask("/p/toy-x-2.xml")).await.status, StatusCode::OK);
    assert_eq!(ground.get(ask("/p/toy-x-1.xml").from(OTHER)).await.status, StatusCode::OK, "chosen for toys alone");
    assert!(!ground.get(ask("/p/toy-all.xml")).await.text.contains("Eva"));
}

#[tokio::test]
async fn the_record_says_why_a_phone_failed() {
    let mut ground = Ground::new().await;
    let misspelt = name(1, ".text").replace("toy", "tou");
    assert_eq!(ground.get(ask(&misspelt).with("user-agent", AGENT)).await.status, StatusCode::NOT_FOUND);
    let event = ground.told(&Reason::NameUnknown { nearest: "toy805ec0000001.txt".into() }).await;
    assert_eq!(event.mac, Some(mac(1)));
    assert_eq!(ground.get(ask("/p/nothing-like-it.dat").with("user-agent", AGENT)).await.status, StatusCode::NOT_FOUND);
    ground.told(&Reason::NotServed).await;
    ground.settle(1, DESK).await;
    ground.get(ask(name(1, ".txt")).plain()).await;
    ground.told(&Reason::PlainAfterTls).await;
}

#[tokio::test]
async fn in_a_pairing_window_a_stranger_in_its_place_is_put_on_the_list() {
    let mut ground = Ground::new().await;
    let now = ground.clock.now().wall;
    let pairing = Pairing::new(ground.store.clone(), Id::new(now, 99));
    let lease = block66::model::Lease {
        address: std::net::Ipv4Addr::new(10, 66, 0, 12),
        mac: STRANGER,
        client_id: None,
        host_name: None,
        vendor_class: None,
        state: block66::model::LeaseState::Bound,
        expires: now.plus(std::time::Duration::from_secs(3600)),
        seconds_left: 3600,
        via: block66::model::Via::Wire,
    };
    let here = lease.address;
    ground.store.commit(vec![Write::PutLease { network: "office".into(), lease }]).await.unwrap();
    let path = format!("/p/toy{}.txt", STRANGER.plain());
    let agent = "Toy/X1 2.0 80:5e:c0:00:00:99";
    let comes = |from| ask(&path).plain().from(from).with("user-agent", agent);
    assert_eq!(ground.get(comes(here)).await.status, StatusCode::UNAUTHORIZED, "no window is open");
    let line = FreeLine {
        user: "299".into(),
        auth_user: None,
        password: "free-line-secret".into(),
        display: "Lobby".into(),
        server: "pbx.example".into(),
    };
    let organisation = ground.organisation("branch").id;
    let until = now.plus(Window::USUAL);
    pairing
        .open(&Window { opened: Some(now), until, organisation, group: None, free_lines: vec![line], guests: 1 })
        .await
        .unwrap();
    assert_eq!(ground.get(comes(AWAY)).await.status, StatusCode::UNAUTHORIZED, "not in its place");
    assert!(ground.store.listed(STRANGER).is_none());
    let taken_in = ground.get(comes(here)).await;
    assert_eq!(taken_in.status, StatusCode::OK);
    assert!(taken_in.text.contains("login = ") && !taken_in.text.contains("free-line-secret"), "{}", taken_in.text);
    assert_eq!(ground.told(&Reason::Adopted { name: "Lobby".into() }).await.mac, Some(STRANGER));
    let phone = ground.store.phone_by_mac(STRANGER).unwrap();
    assert_eq!((phone.lines[0].user.as_str(), phone.model.as_deref()), ("299", Some("X1")));
    let full = ground.get(ask(&path).from(here).login(phone.pending_login.as_ref().unwrap())).await;
    assert!(full.text.contains("free-line-secret"), "{}", full.text);
}
