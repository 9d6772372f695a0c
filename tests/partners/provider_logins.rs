//! Who may talk to the box as an app, in what order, and what it does with what makes no sense.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::app::App;
use crate::cipher::Login;
use crate::devices::{CODE, Seen};
use crate::ground::{PATIENCE, wait_until};
use crate::pbx::{OBJECT, Pbx, Users, itself};
use crate::place::address;
use crate::site::{PASSWORD, PATHS, Site, URLS};

const OFF: &str = "mode = \"off\"";
const PHONE: &str = "805ec0000042";

/// A wish that nobody proved his right to.
fn wish() -> serde_json::Value {
    json!({ "mt": "ProvisioningPhone", "mac": PHONE, "code": CODE, "hwid": "hw-ann", "usename": "ann", "cn": "Ann",
        "seed1": "0", "password": "x", "domain": "example.com", "dns": "", "src": "p" })
}

#[test]
fn every_form_of_a_login_is_taken_by_its_digest_alone() {
    let (site, appliance) = Site::new(OFF);
    let mut challenges = Vec::new();
    let with = |info: Option<&str>| Login { info: info.map(str::to_owned), ..itself() };
    // No info, an empty one, members in no order, letters beyond ASCII, a slash, numbers and depth.
    let odd = "{\"z\":1,\"a\":[{\"name\":\"users\"},{}],\"cn\":\"Z\u{f6}e/\u{1f600} \\\"x\\\"\",\"n\":10.50,\"t\":true,\"o\":null}";
    for (form, info) in [(0, None), (1, Some("{}")), (2, Some(odd)), (0, Some("{\"cn\":\"\"}"))] {
        let mut app = site.open(form);
        let login = with(info);
        let challenge = app.challenge();
        assert!(app.prove(&login, &login.digest(&challenge, PASSWORD), None), "{info:?}");
        assert!(!challenges.contains(&challenge), "{challenge} came before");
        challenges.push(challenge);
    }
    // What is not hashed may differ, and what is may not.
    for (what, changed) in [
        ("app", Login { app: "other".into(), ..itself() }),
        ("domain", Login { domain: "example.org".into(), ..itself() }),
        ("sip", Login { sip: "other".into(), ..itself() }),
        ("guid", Login { guid: "0".into(), ..itself() }),
        ("dn", Login { dn: "other".into(), ..itself() }),
        ("info", with(Some("{}"))),
        ("no info", with(None)),
    ] {
        let mut app = site.open(0);
        let challenge = app.challenge();
        let digest = itself().digest(&challenge, PASSWORD);
        assert!(!app.prove(&changed, &digest, None), "{what} is not looked at");
    }
    let mut app = site.open(1);
    assert!(app.log_in(&itself(), "other-password").is_none(), "a wrong password");
    site.ground.events_with(&["provider.refused"]);
    site.keeps_secrets(&appliance.log());
    appliance.stop();
}

#[test]
fn what_was_said_before_proves_nothing_again() {
    let (site, appliance) = Site::new(OFF);
    let mut first = site.open(0);
    let challenge = first.challenge();
    let digest = itself().digest(&challenge, PASSWORD);
    assert!(first.prove(&itself(), &digest, None));
    // Recorded, and played to another connection: before and after it has a challenge of its own.
    let mut second = site.open(0);
    assert!(!second.prove(&itself(), &digest, None), "no challenge was asked for");
    let mut third = site.open(0);
    third.challenge();
    assert!(!third.prove(&itself(), &digest, None), "it was for another challenge");
    // One try for each challenge: the right digest comes too late.
    let mut fourth = site.open(0);
    let challenge = fourth.challenge();
    assert!(!fourth.prove(&itself(), &"0".repeat(64), None));
    assert!(!fourth.prove(&itself(), &itself().digest(&challenge, PASSWORD), None), "a second try");
    // The password cannot be left out of the digest.
    let mut fifth = site.open(0);
    assert!(fifth.log_in(&itself(), "").is_none());
    appliance.stop();
}

#[test]
fn nothing_is_told_and_nothing_is_done_before_the_login() {
    let (site, appliance) = Site::new(OFF);
    let _pbx = site.connect_pbx(0, 0);
    let mut app = site.open(1);
    app.say(&json!({ "mt": "AppInfo", "app": OBJECT, "src": "i" }));
    assert_eq!(app.hear("AppInfoResult").map(|said| said["serviceInfo"].clone()).unwrap_or_default(), json!(null));
    let mut app = site.open(2);
    app.say(&wish());
    let said = app.hear("ProvisioningPhoneResult");
    assert!(said.is_none_or(|said| said["result"] != "ok"), "a phone for nobody");
    // After a login that was refused, too.
    let mut app = site.open(2);
    app.challenge();
    assert!(!app.prove(&itself(), &"0".repeat(64), None));
    app.say(&wish());
    assert!(app.hear("ProvisioningPhoneResult").is_none_or(|said| said["result"] != "ok"));
    // Who says that it is the PBX, and gives a list of services, but has not logged in.
    let mut app = site.open(0);
    app.say(&json!({ "mt": "PbxInfo", "apis": ["Services"], "domain": "evil.example", "pbx": "evil" }));
    app.say(&json!({ "api": "Services", "mt": "ServicesInfo", "services": [{ "name": "devices",
        "url": "wss://10.66.0.66/x", "info": { "apis": { "com.innovaphone.devices": {} } } }] }));
    assert!(app.hear("SubscribeServices").is_none());
    assert!(!site.status().contains("10.66.0.66") && !site.status().contains("evil"), "{}", site.status());
    assert!(!site.listed().contains("80:5e:c0:00:00:42"));
    assert_eq!(site.devices.times(Seen::Code) + site.devices.times(Seen::Stranger), 0);
    appliance.stop();
}

#[test]
fn who_does_not_log_in_has_few_websockets_and_takes_none_of_others() {
    const MOST: usize = 4;
    let (site, appliance) = Site::new(OFF);
    let laptop = site.ground.client();
    address(&laptop, Ipv4Addr::new(10, 66, 0, 66));
    let mut pbx = site.open(0);
    let mut inside = site.open_at(&laptop, 0);
    inside.log_in(&itself(), PASSWORD).expect("who knows the password logs in");
    // One after the other: each is counted before the next one comes.
    let mut strangers: Vec<App> = Vec::new();
    for _ in 0..MOST {
        strangers.push(site.open_at(&laptop, 0));
        assert!(strangers.last_mut().unwrap().is_open());
    }
    assert!(strangers.iter_mut().all(App::is_open), "so many find a place");
    let mut fifth = site.open_at(&laptop, 0);
    assert!(fifth.is_open());
    // Long before its time to log in is over.
    let soon = Duration::from_secs(10);
    assert!(wait_until(soon, || !strangers[0].is_open()), "the oldest does not give way");
    assert!(strangers[1..].iter_mut().all(App::is_open), "another one gave way, too");
    assert!(inside.is_open(), "one that has logged in gave way");
    // From elsewhere nobody gives way, logged in or not yet.
    assert!(pbx.is_open());
    pbx.log_in(&itself(), PASSWORD).expect("the PBX logs in");
    appliance.stop();
}

#[test]
fn somebody_else_in_the_place_of_devices_is_not_trusted_and_told_nothing() {
    let (mut site, appliance) = Site::new(OFF);
    let _pbx = site.connect_pbx(0, 0);
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
    let false_devices = site.usurp_devices();
    false_devices.set(|known| known.codes.push("222222222222".into()));
    // Neither the phone that has a password there, nor one that has a code.
    site.says("10.66.0.81 cannot be trusted");
    let why = site.fails("805ec0000043", "222222222222");
    assert!(why.contains("10.66.0.81 cannot be trusted"), "{why}");
    assert_eq!(false_devices.set(|known| known.seen.clone()), [], "it was told something");
    assert!(site.shown(PHONE).contains("10.66.0.90"), "what was configured stays: {}", site.shown(PHONE));
    appliance.stop();
}

#[test]
fn what_makes_no_sense_ends_its_own_connection_at_most() {
    let (site, appliance) = Site::new(OFF);
    let pbx = site.connect_pbx(0, 0);
    let deep = format!("{{\"mt\":\"AppInfo\",\"app\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let long = json!({ "mt": "AppInfo", "app": "x".repeat(3_000_000) }).to_string();
    for logged_in in [false, true] {
        for message in [
            Message::Text("".into()),
            Message::Text("{".into()),
            Message::Text("[1,2]".into()),
            Message::Text("{\"mt\":7}".into()),
            Message::Text("{\"mt\":\"AppLogin\"}".into()),
            Message::Text("{\"mt\":\"ProvisioningPhone\"}".into()),
            Message::Text("{\"mt\":\"ProvisioningPhone\",\"mac\":\"../../etc\",\"code\":{},\"src\":[]}".into()),
            Message::Text("{\"mt\":\"AppChallengeResult\",\"challenge\":\"1\"}".into()),
            Message::Binary(vec![0xff; 1000].into()),
            Message::Text(deep.clone().into()),
            Message::Text(long.clone().into()),
        ] {
            let mut app = site.open(0);
            if logged_in {
                app.log_in(&itself(), PASSWORD).expect("the PBX logs in");
            }
            app.send(message);
            while app.glance().is_some() {}
        }
    }
    // What newer peers say is ignored, and the connection goes on.
    let mut app = site.open(0);
    app.log_in(&itself(), PASSWORD).expect("the PBX logs in");
    app.say(&json!({ "mt": "CheckBuild", "url": "/innovaphone/141234/block66.htm", "src": "c" }));
    app.say(&json!({ "mt": "SomethingNew", "src": "n", "more": { "x": [1] } }));
    app.say(&json!({ "mt": "KeepAlive" }));
    assert!(app.is_open(), "what is not known is ignored");
    assert!(!pbx.seen().ended, "the other connection went on");
    assert!(site.status().contains("told where Devices is"), "{}", site.status());
    drop(pbx);
    appliance.stop();
}

#[test]
fn a_pbx_without_services_is_not_asked_and_one_whose_devices_moves_is_followed() {
    let (site, appliance) = Site::new(OFF);
    let mut app = site.open(0);
    app.log_in(&itself(), PASSWORD).expect("the PBX logs in");
    let bare = Pbx::take(app, &["PbxSignal"], URLS[0]);
    let offered = wait_until(PATIENCE, || bare.seen().offer.is_some());
    assert!(offered && bare.seen().subscriptions == 0);
    drop(bare);
    // First at a place where nobody is, then at its own.
    let mut app = site.open(1);
    app.log_in(&itself(), PASSWORD).expect("the PBX logs in");
    let pbx = Pbx::take(app, &["Services"], "https://10.66.0.80:8443/example.com/devices/innovaphone-devices");
    site.says("told where Devices is");
    assert!(site.fails(PHONE, CODE).contains("10.66.0.80"), "it says who cannot be reached");
    pbx.moves_devices(URLS[2]);
    let mut result = json!(null);
    let so = wait_until(PATIENCE, || {
        result = site.provision(PHONE, CODE);
        result["result"] == "ok"
    });
    assert!(so, "{result}");
    assert_eq!(pbx.seen().subscriptions, 1);
    site.devices.is_content();
    appliance.stop();
}

#[test]
fn users_may_ask_for_several_phones_on_one_connection() {
    let (site, appliance) = Site::new(OFF);
    let _pbx = site.connect_pbx(0, 0);
    site.devices.set(|known| known.codes = vec!["111111111111".into(), "222222222222".into()]);
    let mut users = Users::log_in(site.open(2), PASSWORD).expect("the users' service logs in");
    let mut first = users.wish("805ec0000041", "111111111111", "one");
    assert_eq!(users.want(&first)["result"], "ok");
    let second = users.wish("805ec0000042", "222222222222", "two");
    assert_eq!(users.want(&second)["result"], "ok");
    // One that cannot be had, in between, and without a source.
    first.mac = "nonsense".into();
    first.src = None;
    assert_eq!(users.want(&first)["result"], "failed");
    // A seed of one character: the password is in the clear.
    site.devices.set(|known| known.codes.push("333333333333".into()));
    let mut plain = users.wish("805ec0000043", "333333333333", "");
    (plain.seed, plain.password) = ("0".into(), "in-the-clear".into());
    assert_eq!(users.want(&plain)["result"], "ok");
    for mac in ["80:5e:c0:00:00:41", "80:5e:c0:00:00:42", "80:5e:c0:00:00:43"] {
        assert!(site.listed().contains(mac), "{mac}: {}", site.listed());
    }
    assert!(users.app.is_open());
    site.devices.is_content();
    // Switched off, nobody is an app any more.
    site.set("enabled=false");
    let off = site.at_the_pbx(|ca| App::open(PATHS[0], ca).ok().and_then(|mut app| app.log_in(&itself(), PASSWORD)));
    assert!(off.is_none(), "it is switched off");
    appliance.stop();
}

#[test]
fn whoever_logged_in_before_password_or_settings_changed_is_out() {
    const OTHER: &str = "other-password";
    let (site, appliance) = Site::new(OFF);
    let set_password = |password: &str| {
        site.ground.block66(&["partners", "innovaphone", "password"], &format!("{password}\n"));
    };
    let out_after = |what: &str, change: &dyn Fn()| {
        let (pbx, mut users) = (site.connect_pbx(0, 0), site.users());
        change();
        assert!(wait_until(PATIENCE, || pbx.seen().ended), "after {what} the PBX is still connected");
        assert!(!users.app.is_open(), "after {what} the users' service is still connected");
        assert!(!site.status().contains("told where Devices is"), "after {what}: {}", site.status());
    };
    out_after("another password", &|| set_password(OTHER));
    assert!(site.open(0).log_in(&itself(), PASSWORD).is_none(), "the old password is still good");
    set_password(PASSWORD);

    out_after("another list of providers", &|| site.set("providers=profile"));
    let pbx = site.connect_pbx(0, 0);
    assert!(site.fails(PHONE, CODE).contains("may not bring phones"));
    drop(pbx);
    site.set("providers=");
    // In the network of the box's phones a PBX is let in again.
    out_after("other sources", &|| site.set("sources=10.99.0.0/24"));
    out_after("the app was switched off", &|| site.set("enabled=false"));
    let again = site.at_the_pbx(|ca| App::open(PATHS[0], ca).is_ok());
    assert!(!again, "it is switched off");
    assert_eq!(site.devices.times(Seen::Code), 0, "the code is not spent");
    appliance.stop();
}
