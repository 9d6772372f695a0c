//! The box as provider of phones for a PBX, from its publication to a phone that runs with what Devices says.

use serde_json::json;

use crate::devices::{CODE, Last, Seen};
use crate::ground::{PATIENCE, wait_until};
use crate::site::{LINE, Site};

const FULL: &str = "mode = \"full\"\npool = \"10.66.0.100-10.66.0.120\"";

/// Provider published, phone wanted, configured, plugged in, changed in Devices, Devices and box restarted.
fn comes_up_and_follows(brand: &str, mac: &str, form: usize, last: Last) {
    let (site, appliance) = Site::new(FULL);
    site.devices.set(|known| known.last = last);
    let pbx = site.connect_pbx(form, form);
    let result = site.provision(&mac.replace(':', ""), CODE);
    assert_eq!(result["result"], "ok", "{result}");
    assert_eq!((site.devices.times(Seen::Code), site.devices.times(Seen::Configured)), (1, 1));
    site.says("Connected to Devices and configured.");

    site.ground.dhcp_says("This box is the DHCP server");
    let phone = site.plug(brand, mac);
    phone.is_served();
    let account = phone.signs_in_at("10.66.0.90");
    assert_eq!((account.user.as_str(), account.auth_user.as_str()), ("ann", "hw-ann"));
    assert_eq!(account.password.expose(), LINE);

    // A change in Devices, without the mark of an end: the phone is told, and fetches.
    site.devices.change(&json!({ "id": 1, "type": "PHONE", "gk1": "10.66.0.95", "coder": "G722" }));
    phone.signs_in_at("10.66.0.95");
    let resynced = || site.ground.block66(&["events", "--json"], "").contains("\"sip.resynced\"");
    assert!(wait_until(PATIENCE, resynced), "it was not told: {:#?}", phone.remote.report().log);
    site.ground.events_with(&["provider.configured", "provider.connected"]);

    // Devices is restarted: the box comes back with the password that it keeps.
    site.devices.drop_connections();
    site.devices.saw(Seen::Digest, 1);
    site.says("Connected to Devices and configured.");
    assert!(!pbx.seen().ended, "the PBX's connection has nothing to do with that");
    drop(pbx);
    site.keeps_secrets(&appliance.log());

    // The box is restarted, with no PBX to tell it anything.
    appliance.stop();
    let appliance = site.again();
    site.devices.saw(Seen::Digest, 2);
    site.devices.saw(Seen::Configured, 3);
    site.devices.change(&json!({ "id": 1, "type": "PHONE", "gk1": "10.66.0.96", "coder": "G722" }));
    phone.signs_in_at("10.66.0.96");
    assert_eq!((site.devices.times(Seen::WrongDigest), site.devices.times(Seen::Code)), (0, 1));
    site.keeps_secrets(&appliance.log());
    drop(phone);
    appliance.stop();
    site.devices.is_content();
}

#[test]
fn a_yealink_of_the_profile_app_comes_up_and_follows_devices() {
    comes_up_and_follows("yealink", "80:5e:c0:00:00:42", 0, Last::Beside);
}

#[test]
fn a_snom_of_the_profile_app_comes_up_and_follows_devices() {
    comes_up_and_follows("snom", "00:04:13:00:00:42", 1, Last::Inside);
}

#[test]
fn a_poly_of_the_profile_app_comes_up_and_follows_devices() {
    comes_up_and_follows("poly", "64:16:7f:00:00:42", 2, Last::Alone);
}
