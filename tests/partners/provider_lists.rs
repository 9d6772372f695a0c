//! The box's list and the app: what somebody put on the list stays theirs, and what was taken off it stays off; and what
//! is asked too often is asked more seldom.

use std::time::{Duration, Instant};

use crate::devices::{CODE, Seen};
use crate::ground::{PATIENCE, wait_until};
use crate::site::{LINE, Site};

const OFF: &str = "mode = \"off\"";
const PHONE: &str = "805ec0000042";
/// The same as the list has it.
const LISTED: &str = "80:5e:c0:00:00:42";

#[test]
fn a_phone_that_somebody_else_listed_is_not_taken_over() {
    let (site, appliance) = Site::new(OFF);
    let _pbx = site.connect_pbx(0, 0);
    let add = ["phones", "add", LISTED, "--name", "Front desk", "--user", "100", "--server", "pbx.example"];
    site.ground.block66(&add, "line-secret\n");
    let why = site.fails(PHONE, CODE);
    assert!(why.contains("take its line away first, or remove it from the list"), "{why}");
    let shown = site.shown(PHONE);
    assert!(shown.contains("pbx.example") && !shown.contains("Ann Example"), "{shown}");

    site.ground.block66(&["phones", "edit", PHONE, "--lines", "-"], "[]");
    site.ground.block66(&["organisations", "add", "Elsewhere"], "");
    site.ground.block66(&["phones", "edit", PHONE, "--organisation", "Elsewhere"], "");
    let why = site.fails(PHONE, CODE);
    assert!(why.contains("another organisation") && why.contains("remove it from the list"), "{why}");
    assert_eq!(site.devices.times(Seen::Code), 0, "the code is not spent");

    site.ground.block66(&["phones", "edit", PHONE, "--organisation", "Branch"], "");
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok", "nobody has a line on it");
    assert!(site.shown(PHONE).contains("10.66.0.90"));
    // Its own phone the app may have once more.
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
    site.devices.is_content();
    appliance.stop();
}

/// Devices still knows it, and would configure it whenever the box asks.
#[test]
fn a_phone_that_is_taken_off_the_list_or_replaced_does_not_come_back() {
    for change in [&["phones", "remove", PHONE, "--yes"][..], &["phones", "replace", PHONE, "80:5e:c0:00:00:43"]] {
        let (site, appliance) = Site::new(OFF);
        let _pbx = site.connect_pbx(0, 0);
        assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
        site.ground.block66(change, "");
        site.devices.drop_connections();
        let forgotten = wait_until(PATIENCE, || !site.status().contains(LISTED));
        assert!(forgotten, "{change:?}: {}", site.status());
        appliance.stop();
        let appliance = site.again();
        site.says("No PBX is connected");
        assert!(!site.status().contains(LISTED), "{change:?}: {}", site.status());
        assert!(!site.listed().contains(LISTED), "{change:?}: {}", site.listed());
        assert_eq!(site.devices.times(Seen::Configured), 1, "{change:?}");
        site.devices.is_content();
        appliance.stop();
    }
}

#[test]
fn devices_that_hangs_up_after_each_configuration_is_asked_ever_more_seldom() {
    let (site, appliance) = Site::new(OFF);
    let _pbx = site.connect_pbx(0, 0);
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
    site.devices.set(|known| known.hangs_up = true);
    site.devices.drop_connections();
    let configured = |times| wait_until(PATIENCE, || site.devices.times(Seen::Configured) >= times);
    assert!(configured(2), "the first one was of its provisioning");
    let began = Instant::now();
    assert!(configured(5));
    // One, two and four seconds at least; without growing three waits are three seconds at most.
    assert!(began.elapsed() > Duration::from_secs(6), "{:?}", began.elapsed());
    assert!(site.shown(PHONE).contains("10.66.0.90"));
    appliance.stop();
}

#[test]
fn more_phones_at_once_than_there_are_places_for_are_told_so() {
    const PLACES: usize = 64;
    let (site, appliance) = Site::new(OFF);
    site.set("patience=300");
    let _pbx = site.connect_pbx(0, 0);
    let mut users = site.users();
    for number in 0..PLACES + 3 {
        // Devices says nothing about a code that is no good: each keeps its place.
        let wish = users.wish(&format!("805ec00001{number:02x}"), "000000000000", LINE);
        users.send(&wish);
    }
    for _ in 0..3 {
        let said = users.app.hear("ProvisioningPhoneResult").expect("a result");
        let why = said["error"].as_str().expect("a reason");
        assert!(why.contains("64 phones already"), "{said}");
    }
    appliance.stop();
}
