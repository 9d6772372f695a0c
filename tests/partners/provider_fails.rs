//! What can go wrong between a PBX, Devices and the box: each has its answer, and nothing that holds is lost.

use serde_json::json;

use crate::devices::{CODE, Order, Seen, admin, admin_text, tunnel};
use crate::ground::{PATIENCE, wait_until};
use crate::site::{LINE, Site};

const OFF: &str = "mode = \"off\"";
const PHONE: &str = "805ec0000042";

#[test]
fn what_fails_is_answered_with_its_reason_and_changes_nothing() {
    let (site, appliance) = Site::new(OFF);
    assert!(site.fails(PHONE, CODE).contains("where Devices is"));

    let _pbx = site.connect_pbx(1, 0);
    // Hidden with another key than the session's.
    let mut users = site.users();
    for hidden in ["00ff00ff00ff00ff00ff00ff00ff", "not hexadecimal", "abc"] {
        let mut wish = users.wish(PHONE, CODE, LINE);
        wish.password = hidden.into();
        let result = users.want(&wish);
        assert_eq!(result["result"], "failed", "{hidden}: {result}");
        let reason = result["error"].as_str().expect("a reason");
        assert!(reason.contains("does not decrypt"), "{hidden}: {reason}");
    }

    // Nobody listens there; then somebody whom the box does not trust.
    site.set("devices=wss://10.66.0.80:8443/example.com/devices/sysclients");
    assert!(site.fails(PHONE, CODE).contains("10.66.0.80 cannot be reached"));
    site.set("devices=wss://10.66.0.1:443/example.com/devices/sysclients");
    assert!(site.fails(PHONE, CODE).contains("10.66.0.1 cannot be trusted"));
    site.set("devices=");
    assert_eq!(site.devices.times(Seen::Code), 0, "the code is not spent");
    // Each change of the settings ended the connections.
    let _pbx = site.connect_pbx(1, 0);

    // Devices says nothing about a code that is no good; or it hangs up.
    for abrupt in [false, true] {
        site.devices.set(|known| known.abrupt = abrupt);
        let expired = site.fails(PHONE, "000000000000");
        assert!(expired.contains("expired"), "hangs up: {abrupt}: {expired}");
        assert!(!site.listed().contains("80:5e:c0:00:00:42"), "{}", site.listed());
    }
    assert!(site.devices.times(Seen::BadCode) >= 2);

    // The code that is good still is.
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
    site.ground.events_with(&["provider.failed"]);
    site.devices.is_content();
    site.keeps_secrets(&appliance.log());
    appliance.stop();
}

#[test]
fn what_is_of_no_use_in_a_burst_is_passed_over() {
    let (site, appliance) = Site::new(OFF);
    let _pbx = site.connect_pbx(0, 1);
    let odd = vec![
        // Of a newer release; the result of what was not asked for.
        admin_text(9, "whatever"),
        admin(7, &json!({ "paths": ["a"] })),
        admin(5, &json!({ "error": "no" })),
        // A password for administrators that is garbage once decrypted; one that is not hexadecimal; none.
        admin(3, &json!({ "seed": "x", "pwd": "00ff00ff00ff00ff" })),
        admin(3, &json!({ "seed": "x", "pwd": "zz" })),
        admin(3, &json!({})),
        // A configuration with no type, and with one that is none.
        admin(6, &json!({ "config": { "id": 8 } })),
        admin(6, &json!({ "config": { "id": 9, "type": "" } })),
        tunnel(13, 0, b"GET / HTTP/1.1\r\n\r\n"),
    ];
    site.devices.set(|known| known.odd = odd);
    let result = site.provision(PHONE, CODE);
    assert_eq!(result["result"], "ok", "{result}\n{}", site.status());
    site.devices.saw(Seen::TunnelRefused, 1);
    site.shows(PHONE, "10.66.0.90");
    site.devices.is_content();
    site.keeps_secrets(&appliance.log());
    appliance.stop();
}

#[test]
fn what_makes_no_sense_leaves_what_is_in_force_and_is_named() {
    let (site, appliance) = Site::new(OFF);
    let _pbx = site.connect_pbx(0, 1);
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
    for (number, bytes) in [
        admin_text(6, &"{\"config\":".repeat(20_000)),
        admin_text(6, "{\"config\":{\"id\":1,\"type\":\"PHONE\",\"gk1\""),
        admin(6, &json!({ "config": { "id": 1, "type": ["PHONE"], "gk1": {} } })),
        // Out of order: what only devices say.
        admin(0, &json!({ "id": PHONE })),
        // Too short to be anything, and of no kind.
        vec![1],
        vec![7, 7, 7],
    ]
    .into_iter()
    .enumerate()
    {
        site.devices.order(&Order::Say(bytes));
        // Whether the box stays or comes back: the next change is followed.
        let registrar = format!("10.66.0.{}", 200 + number);
        site.devices.change(&json!({ "id": 1, "type": "PHONE", "gk1": registrar, "coder": "G722" }));
        site.shows(PHONE, &registrar);
    }
    site.says("Connected to Devices and configured.");
    assert_eq!(site.devices.times(Seen::WrongDigest), 0);
    site.devices.is_content();
    site.keeps_secrets(&appliance.log());
    let named = [site.ground.block66(&["events", "--json"], ""), site.status()].concat();
    for reason in ["unknown kind 7", "no JSON object"] {
        assert!(named.contains(reason), "\"{reason}\" stands in the log alone: {named}");
    }
    appliance.stop();
}

#[test]
fn a_message_that_is_too_long_is_named_for_what_it_is() {
    let (site, appliance) = Site::new(OFF);
    let _pbx = site.connect_pbx(0, 2);
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
    site.devices.set(|known| known.odd = vec![admin_text(6, &format!("{{\"config\":{}", "[".repeat(4_000_000)))]);
    site.devices.drop_connections();
    site.devices.saw(Seen::Digest, 2);
    let events = site.ground.events_with(&["provider.lost"]);
    assert!(!events.contains("did not take the password"), "it did: {events}");
    assert!(site.shown(PHONE).contains("10.66.0.90"));
    site.says("Connected to Devices and configured.");
    appliance.stop();
}

#[test]
fn a_cut_burst_is_said_and_what_was_whole_stays_in_force() {
    let (site, appliance) = Site::new(OFF);
    let _pbx = site.connect_pbx(0, 0);
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
    // From now on never whole.
    site.devices.set(|known| {
        known.cut = true;
        known.configuration[0]["gk1"] = json!("10.66.0.99");
    });
    site.devices.drop_connections();
    site.devices.saw(Seen::Cut, 1);
    site.devices.set(|known| known.hold = true);
    site.devices.saw(Seen::Digest, 2);
    assert!(!site.shown(PHONE).contains("10.66.0.99"), "half a configuration is in force: {}", site.shown(PHONE));
    assert!(site.shown(PHONE).contains("10.66.0.90"));
    let status = site.status();
    assert!(!status.contains("Connected to Devices and configured."), "{status}");
    site.devices.release();
    site.shows(PHONE, "10.66.0.99");
    site.devices.is_content();
    appliance.stop();
}

/// Somebody removed a device in Devices, and another has it by now. Devices may hang up on a digest that is wrong, or
/// say nothing.
fn keeps_its_configuration_without_a_password_and_says_so(abrupt: bool) {
    let (site, appliance) = Site::new(OFF);
    let _pbx = site.connect_pbx(2, 2);
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
    site.set("patience=5");
    site.devices.set(|known| {
        known.abrupt = abrupt;
        known.password(PHONE);
    });
    site.devices.drop_connections();
    let so = wait_until(PATIENCE, || site.devices.times(Seen::WrongDigest) > 0);
    assert!(so, "{:?}", site.devices.set(|known| known.seen.clone()));
    site.says("remove the phone there");
    assert!(site.shown(PHONE).contains("10.66.0.90"));
    site.ground.events_with(&["provider.lost"]);
    site.keeps_secrets(&appliance.log());
    appliance.stop();
    site.devices.is_content();
}

#[test]
fn a_device_whose_password_is_not_good_any_more_is_named_when_devices_hangs_up() {
    keeps_its_configuration_without_a_password_and_says_so(true);
}

#[test]
fn a_device_whose_password_is_not_good_any_more_is_named_when_devices_is_silent() {
    keeps_its_configuration_without_a_password_and_says_so(false);
}

#[test]
fn a_device_that_devices_assigns_later_is_configured_then() {
    let (site, appliance) = Site::new(OFF);
    let _pbx = site.connect_pbx(0, 0);
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
    // An administrator takes it out of its domain, and puts it back while it is connected.
    site.devices.set(|known| {
        known.passwords.clear();
        known.configuration[0]["gk1"] = json!("10.66.0.99");
    });
    site.devices.drop_connections();
    site.devices.saw(Seen::Stranger, 1);
    assert!(site.shown(PHONE).contains("10.66.0.90"));
    site.devices.order(&Order::Assign);
    site.shows(PHONE, "10.66.0.99");
    site.devices.drop_connections();
    site.devices.saw(Seen::Digest, 1);
    assert_eq!(site.devices.times(Seen::WrongDigest), 0, "the newer password is the one that holds");
    site.devices.is_content();
    appliance.stop();
}

#[test]
fn a_pbx_that_is_restarted_in_the_middle_finds_its_phone_there() {
    let (site, appliance) = Site::new(OFF);
    let pbx = site.connect_pbx(2, 0);
    site.devices.set(|known| known.hold = true);
    let mut users = site.users();
    let wish = users.wish(PHONE, CODE, LINE);
    users.send(&wish);
    site.devices.saw(Seen::Code, 1);
    drop((users, pbx));
    site.says("No PBX is connected");
    site.devices.release();
    site.says("Connected to Devices and configured.");
    site.shows(PHONE, "10.66.0.90");
    let _pbx = site.connect_pbx(0, 0);
    // Users asks once more for what it had no answer to: Devices knows the phone by now, and so does the box.
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
    assert_eq!((site.devices.times(Seen::Code), site.devices.times(Seen::WrongDigest)), (1, 0));
    site.devices.is_content();
    appliance.stop();
}

#[test]
fn a_box_that_loses_its_power_in_the_middle_comes_back_with_the_password() {
    let (site, appliance) = Site::new(OFF);
    let _pbx = site.connect_pbx(0, 0);
    site.devices.set(|known| known.hold = true);
    let mut users = site.users();
    let wish = users.wish(PHONE, CODE, LINE);
    users.send(&wish);
    // It has read what came after its password, and stores that before anything else.
    site.devices.saw(Seen::Pong, 1);
    assert!(!site.listed().contains("80:5e:c0:00:00:42"), "not before its configuration is whole");
    appliance.kill();
    let appliance = site.again();
    site.devices.saw(Seen::Digest, 1);
    site.devices.release();
    site.says("Connected to Devices and configured.");
    let shown = site.shown(PHONE);
    assert!(shown.contains("10.66.0.90") && shown.contains("ann"), "{shown}");
    site.devices.is_content();
    appliance.stop();
}
