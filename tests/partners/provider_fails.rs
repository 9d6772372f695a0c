//! What can go wrong between a PBX, Devices and the box: each has its answer, and nothing that holds is lost.

use serde_json::json;

use crate::ground::{PATIENCE, wait_until};
use crate::pbx::{App, CODE};
use crate::site::{LINE, PASSWORD, PATHS, Site};

const OFF: &str = "mode = \"off\"";
const PHONE: &str = "805ec0000042";

#[test]
fn what_fails_is_answered_with_its_reason_and_changes_nothing() {
    let (site, appliance) = Site::new(OFF);
    let early = site.provision(PHONE, CODE);
    assert_eq!(early["result"], "failed");
    assert!(early["error"].as_str().unwrap().contains("where Devices is"), "{early}");

    let _pbx = site.connect_pbx();
    let undecryptable = site.at_the_pbx(|ca| {
        let mut app = App::open(PATHS[0], ca, "users", PASSWORD, true).unwrap();
        app.provision_hidden(PHONE, CODE, "10046478319880090512700", "00ff00ff00ff00ff00ff00ff00ff")
    });
    assert_eq!(undecryptable["result"], "failed");
    assert!(undecryptable["error"].as_str().unwrap().contains("does not decrypt"), "{undecryptable}");

    // Nobody listens there; then somebody whom the box does not trust.
    site.set("devices=wss://10.66.0.80:8443/example.com/devices/sysclients");
    let unreachable = site.provision(PHONE, CODE);
    assert_eq!(unreachable["result"], "failed");
    assert!(unreachable["error"].as_str().unwrap().contains("10.66.0.80 cannot be reached"), "{unreachable}");
    site.set("devices=wss://10.66.0.1:443/example.com/devices/sysclients");
    let untrusted = site.provision(PHONE, CODE);
    assert!(untrusted["error"].as_str().unwrap().contains("10.66.0.1 cannot be trusted"), "{untrusted}");
    site.set("devices=");

    let expired = site.provision(PHONE, "000000000000");
    assert_eq!((expired["result"].as_str(), site.devices.saw("a bad code")), (Some("failed"), 1), "{expired}");
    assert!(expired["error"].as_str().unwrap().contains("expired"), "{expired}");
    assert!(!site.listed().contains("80:5e:c0:00:00:42"), "{}", site.listed());

    // The code that is good still is.
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
    let wrong = site.at_the_pbx(|ca| App::open(PATHS[0], ca, "block66", "wrong-password", false).is_some());
    assert!(!wrong, "a wrong password is taken");
    site.ground.events_with(&["provider.refused", "provider.failed"]);
    site.set("enabled=false");
    let off = site.at_the_pbx(|ca| App::open(PATHS[0], ca, "block66", PASSWORD, false).is_some());
    assert!(!off, "it is switched off");
    appliance.stop();
}

#[test]
fn what_makes_no_sense_or_breaks_off_leaves_what_is_in_force() {
    let (site, appliance) = Site::new(OFF);
    let _pbx = site.connect_pbx();
    let bomb = [&[1, 0, 6][..], "{\"config\":".repeat(20_000).as_bytes()].concat();
    site.devices.known.lock().unwrap().odd = vec![
        bomb,
        b"\x01\x00\x06{\"config\":{\"id\":1,\"type\":\"PHONE\",\"gk1\"".to_vec(),
        b"\x01\x00\x09whatever".to_vec(),
        // A password for administrators that is garbage once decrypted.
        b"\x01\x00\x03{\"seed\":\"x\",\"pwd\":\"00ff00ff00ff00ff\"}".to_vec(),
        b"\x02\x00\x00\x00\x0d\x00\x00\x00\x00GET / HTTP/1.1\r\n\r\n".to_vec(),
    ];
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
    site.saw("a tunnel refused", 1);
    let shown = site.shown(PHONE);
    assert!(shown.contains("10.66.0.90"), "{shown}");

    // A burst that is cut off: the next whole one counts.
    {
        let mut known = site.devices.known.lock().unwrap();
        known.cut = true;
        known.hold = true;
        known.configuration[0] = json!({ "id": 1, "type": "PHONE", "gk1": "10.66.0.99" });
    }
    site.devices.drop_connections();
    site.saw("a digest", 1);
    assert!(site.shown(PHONE).contains("10.66.0.90"));
    site.devices.known.lock().unwrap().hold = false;
    site.saw("cut off", 1);
    assert!(wait_until(PATIENCE, || site.shown(PHONE).contains("10.66.0.99")), "{}", site.shown(PHONE));
    let log = appliance.log();
    for secret in [LINE, "sysclient-password-of", PASSWORD] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    appliance.stop();
}

#[test]
fn a_pbx_that_is_restarted_in_the_middle_finds_its_phone_there() {
    let (site, appliance) = Site::new(OFF);
    let pbx = site.connect_pbx();
    site.devices.known.lock().unwrap().hold = true;
    site.at_the_pbx(|ca| {
        let mut users = App::open(PATHS[2], ca, "users", PASSWORD, true).unwrap();
        users.want(PHONE, CODE, LINE);
        // Something after it, so that it was read before the connection ends.
        users.say(json!({ "mt": "AppInfo", "app": "block66" }));
        users.hear("AppInfoResult");
    });
    site.saw("a code", 1);
    drop(pbx);
    site.says("No PBX is connected");
    site.devices.known.lock().unwrap().hold = false;
    site.says("Connected to Devices and configured.");
    assert!(site.shown(PHONE).contains("10.66.0.90"));
    let _pbx = site.connect_pbx();
    // Users asks once more for what it had no answer to: Devices knows the phone by now, and so does the box.
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
    assert_eq!((site.devices.saw("a code"), site.devices.saw("a wrong digest")), (1, 0));
    appliance.stop();
}

#[test]
fn a_box_that_loses_its_power_in_the_middle_comes_back_with_the_password() {
    let (site, appliance) = Site::new(OFF);
    let _pbx = site.connect_pbx();
    site.devices.known.lock().unwrap().hold = true;
    let _users = site.at_the_pbx(|ca| {
        let mut users = App::open(PATHS[2], ca, "users", PASSWORD, true).unwrap();
        users.want(PHONE, CODE, LINE);
        users
    });
    site.saw("stored", 1);
    assert!(!site.listed().contains("80:5e:c0:00:00:42"), "not before its configuration is whole");
    appliance.kill();
    let appliance = site.again();
    site.saw("a digest", 1);
    site.devices.known.lock().unwrap().hold = false;
    site.says("Connected to Devices and configured.");
    let shown = site.shown(PHONE);
    assert!(shown.contains("10.66.0.90") && shown.contains("ann"), "{shown}");
    appliance.stop();
}
