//! The box as provider of phones for a PBX, from its publication to a phone that runs with what Devices says.

use serde_json::json;

use crate::ground::{PATIENCE, wait_until};
use crate::pbx::CODE;
use crate::site::{LINE, PASSWORD, Site};

const FULL: &str = "mode = \"full\"\npool = \"10.66.0.100-10.66.0.120\"";

/// Provider published, phone wanted, configured, plugged in, changed in Devices, Devices and box restarted.
fn comes_up_and_follows(brand: &str, mac: &'static str) {
    let (site, appliance) = Site::new(FULL);
    let _pbx = site.connect_pbx();
    let result = site.provision(mac, CODE);
    assert_eq!(result["result"], "ok", "{result}");
    assert_eq!((site.devices.saw("a code"), site.devices.saw("configured")), (1, 1));
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
    let events = site.ground.block66(&["events", "--json"], "");
    assert!(events.contains("\"provider.configured\"") && events.contains("\"provider.connected\""), "{events}");

    // Devices is restarted: the box comes back with the password that it keeps.
    site.devices.drop_connections();
    site.saw("a digest", 1);
    site.says("Connected to Devices and configured.");
    let log = appliance.log();
    for secret in [LINE, "sysclient-password-of", PASSWORD] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }

    // The box is restarted, with no PBX to tell it anything.
    appliance.stop();
    let appliance = site.again();
    site.saw("a digest", 2);
    site.devices.change(&json!({ "id": 1, "type": "PHONE", "gk1": "10.66.0.96", "coder": "G722" }));
    phone.signs_in_at("10.66.0.96");
    assert_eq!(site.devices.saw("a wrong digest"), 0);
    drop(phone);
    appliance.stop();
}

#[test]
fn a_yealink_of_the_profile_app_comes_up_and_follows_devices() {
    comes_up_and_follows("yealink", "80:5e:c0:00:00:42");
}

#[test]
fn a_snom_of_the_profile_app_comes_up_and_follows_devices() {
    comes_up_and_follows("snom", "00:04:13:00:00:42");
}

#[test]
fn a_poly_of_the_profile_app_comes_up_and_follows_devices() {
    comes_up_and_follows("poly", "64:16:7f:00:00:42");
}
