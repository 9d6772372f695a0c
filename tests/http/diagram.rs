//! A hosted server's sequence for a phone that was reset, step by step, with the box in place of the vendor's
//! redirection service.

use block66::brands::{DhcpQuery, Registry};
use block66::model::{BoxAddress, Login, Reason, ResourceKind, Scheme, Secret};
use hyper::StatusCode;

use crate::ground::{AGENT, Answer, Ground, STRANGER, ask, digest, mac};
use crate::kinds::{AWAY, add_book, add_resource};

const COMMON: &str = "y000000000066.cfg";

/// What a phone has come to know, as it goes.
struct Phone {
    /// What DHCP told it.
    url: String,
    /// Where its first file sent it.
    provisioning: String,
    ca: String,
    login: Login,
}

/// The path of a URL of the box, and whether it is HTTPS.
fn path(url: &str) -> (&str, bool) {
    let (rest, tls) = match url.strip_prefix("https://10.66.0.1") {
        Some(rest) => (rest, true),
        None => (url.strip_prefix("http://10.66.0.1").unwrap_or_else(|| panic!("not the box's: {url}")), false),
    };
    assert!(rest.starts_with('/'), "{url}");
    (rest, tls)
}

/// Fetches as the phone does: without a login first, and with it when it is asked.
async fn fetch(ground: &Ground, url: &str, login: Option<&Login>) -> Answer {
    let (path, tls) = path(url);
    let mut asked = ask(path).with("user-agent", AGENT);
    asked.tls = tls;
    let answer = ground.once(&asked, None).await;
    match login {
        Some(login) if answer.status == StatusCode::UNAUTHORIZED => {
            let header = digest(&asked, &login.user, login.password.expose(), &answer.nonce(), Some(1));
            ground.once(&asked, Some(header)).await
        }
        _ => answer,
    }
}

#[tokio::test]
async fn a_reset_phone_goes_through_the_nine_steps() {
    let mut ground = Ground::new().await;
    add_resource(&ground, "logo.jpg", ResourceKind::Wallpaper, "branch", b"picture").await;
    add_resource(&ground, "bell.wav", ResourceKind::Ringtone, "branch", b"ding dong").await;
    add_resource(&ground, "talking.xml", ResourceKind::Xml, "branch", b"<softkeys/>").await;
    add_book(&ground, 1213, "branch", &[("Eva M\u{fc}ller", "+49 89 4711")]).await;
    add_book(&ground, 1214, "rival", &[("Secret", "666")]).await;
    let mut phone = ground.phone(1);
    phone.settings.set_text("screen.wallpaper", "logo.jpg").unwrap();
    phone.settings.set_text("sound.ringtone", "bell.wav").unwrap();
    ground.change(phone).await;

    let phone = url_user_password_and_ca_url(&ground).await;
    ca_certificate(&ground, &phone).await;
    common_file_asks_for_the_login(&ground, &phone).await;
    the_three_events(&mut ground, &phone).await;
    let own = own_file(&ground, &phone).await;
    wallpaper_and_ringtone(&ground, &phone, &own).await;
    phone_book_for_those_who_may_see_it(&ground, &phone, &own).await;
    softkey_xml(&ground, &phone).await;
    ca_certificate_again(&ground, &phone, &own).await;
}

/// Step 1. DHCP says where; the first file there says the rest.
async fn url_user_password_and_ca_url(ground: &Ground) -> Phone {
    let registry = Registry::builtin().unwrap();
    let at = BoxAddress { host: [10, 66, 0, 1].into(), http: 80, https: 443 };
    let url = provisioning_option(&registry, &at);
    assert_eq!(url, "http://10.66.0.1/p/", "until the phone has the CA");
    let first = fetch(ground, &format!("{url}{}.cfg", mac(1).plain()), None).await;
    assert_eq!(first.status, StatusCode::OK);
    assert!(!first.text.contains("line-secret"), "no line before the CA is there");
    let told = |name: &str| first.setting(name).unwrap_or_else(|| panic!("{name} is missing")).to_owned();
    Phone {
        url,
        provisioning: told("static.auto_provision.server.url"),
        ca: told("static.trusted_certificates.url"),
        login: Login {
            user: told("static.auto_provision.server.username"),
            password: Secret::new(told("static.auto_provision.server.password")),
        },
    }
}

fn provisioning_option(registry: &Registry, at: &BoxAddress) -> String {
    let brand = registry.brand("yealink").unwrap();
    let query = DhcpQuery {
        scheme: Scheme::Http,
        at,
        also: &[],
        mac: Some(mac(1)),
        vendor_class: Some(b"yealink"),
        user_class: None,
        requested: None,
        voice_vlan: None,
    };
    let options = brand.dhcp_options(&query).into_values();
    let value = options.into_iter().find_map(|(number, value)| (number == 66).then_some(value)).unwrap();
    String::from_utf8(value).unwrap()
}

/// Step 2. Without TLS, for it is not trusted yet.
async fn ca_certificate(ground: &Ground, phone: &Phone) {
    assert!(phone.ca.starts_with("http://"));
    let answer = fetch(ground, &phone.ca, None).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, ground.authority.root_pem()));
}

/// Step 3. 401 on any path teaches the phone to send its login; it does, and gets the file.
async fn common_file_asks_for_the_login(ground: &Ground, phone: &Phone) {
    let url = format!("{}{COMMON}", phone.provisioning);
    assert!(url.starts_with("https://"));
    // The boot file that comes before it is nobody's: the phone goes on to the next name.
    let boot = fetch(ground, &format!("{}y000000000000.boot", phone.provisioning), None).await;
    assert_eq!(boot.status, StatusCode::NOT_FOUND);
    assert_eq!(fetch(ground, &url, None).await.status, StatusCode::UNAUTHORIZED);
    let answer = fetch(ground, &url, Some(&phone.login)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text.starts_with("#!version:1.0.0.1\n") && !answer.text.contains("password"), "{}", answer.text);
}

/// Step 4.
async fn the_three_events(ground: &mut Ground, phone: &Phone) {
    let branch = ground.organisation("branch").login;
    let url = |name: &str| format!("{}{name}.cfg", phone.provisioning);
    let nobody = Login { user: "nobody".into(), password: Secret::new("wrong") };
    // From its own place a phone on its first contact is given its login again, whatever it sends: so from elsewhere.
    let elsewhere = ask(format!("/p/{}.cfg", mac(1).plain())).from(AWAY).login(&nobody);
    assert_eq!(ground.get(elsewhere).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ground.told(&Reason::WrongCredentials).await.mac, Some(mac(1)));
    assert_eq!(fetch(ground, &url(&STRANGER.plain()), Some(&branch)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(ground.told(&Reason::MacUnknown).await.mac, Some(STRANGER));
    assert_eq!(fetch(ground, &url(&mac(1).plain()), Some(&phone.login)).await.status, StatusCode::OK);
    loop {
        let event = ground.event().await;
        if matches!(event.reason, Reason::Success { own_file: true, own_login: true, .. }) {
            assert_eq!(event.mac, Some(mac(1)));
            break;
        }
    }
}

/// Step 5.
async fn own_file(ground: &Ground, phone: &Phone) -> Answer {
    let own = fetch(ground, &format!("{}{}.cfg", phone.provisioning, mac(1).plain()), Some(&phone.login)).await;
    assert_eq!((own.status, own.header("content-type")), (StatusCode::OK, "text/plain"));
    assert!(own.text.starts_with("#!version:1.0.0.1\n") && own.text.contains("line-secret-1"));
    own
}

/// Step 6. A picture that is not there leaves the old one.
async fn wallpaper_and_ringtone(ground: &Ground, phone: &Phone, own: &Answer) {
    for (setting, bytes) in [("wallpaper_upload.url", "picture"), ("ringtone.url", "ding dong")] {
        let answer = fetch(ground, own.setting(setting).unwrap(), Some(&phone.login)).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, bytes), "{setting}");
    }
    for gone in ["wallpaper/gone.jpg", "ringtone/gone.wav"] {
        let answer = fetch(ground, &format!("{}{gone}", phone.provisioning), Some(&phone.login)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{gone}");
    }
}

/// Step 7.
async fn phone_book_for_those_who_may_see_it(ground: &Ground, phone: &Phone, own: &Answer) {
    let told = own.setting("remote_phonebook.data.1.url").unwrap();
    for url in [told, &format!("{}pb-t4xg-1213.xml", phone.provisioning)] {
        let book = fetch(ground, url, Some(&phone.login)).await;
        assert_eq!(book.status, StatusCode::OK, "{url}");
        assert!(book.text.contains("Eva M\u{fc}ller") && book.text.contains("IPPhoneDirectory>"), "{}", book.text);
    }
    let theirs = fetch(ground, &format!("{}pb-t4xg-1214.xml", phone.provisioning), Some(&phone.login)).await;
    assert_eq!(theirs.status, StatusCode::NOT_FOUND);
    let rival = ground.organisation("rival").login;
    let rivals = ground.get(ask("/p/pb-t4xg-1213.xml").from(AWAY).with("user-agent", AGENT).login(&rival));
    assert_eq!(rivals.await.status, StatusCode::UNAUTHORIZED, "not with another organisation's login");
}

/// Step 8.
async fn softkey_xml(ground: &Ground, phone: &Phone) {
    for path in ["xml/_global/talking.xml", "XML/_global/Talking.XML"] {
        let answer = fetch(ground, &format!("{}{path}", phone.provisioning), Some(&phone.login)).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "<softkeys/>"));
    }
}

/// Step 9. The CA's URL stands in the full configuration as well.
async fn ca_certificate_again(ground: &Ground, phone: &Phone, own: &Answer) {
    let told = own.setting("static.trusted_certificates.url").unwrap();
    let answer = fetch(ground, told, Some(&phone.login)).await;
    assert_eq!(answer.text, ground.authority.root_pem());
    assert_eq!(phone.url, "http://10.66.0.1/p/");
}
