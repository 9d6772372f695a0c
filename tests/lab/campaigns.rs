//! Many phones told, at a pace, and on through a power cut of the box.

use std::time::{Duration, Instant};

use block66::lab::{Lab, Settings};
use block66::phonesim::BREEDS;
use serde_json::{Value, json};

use super::whole::{LIMIT, all_serve, lab};

fn begin(lab: &Lab, plan: &Value) -> String {
    let campaign = lab.api().post("campaigns", plan).unwrap();
    campaign["id"].as_str().unwrap().to_owned()
}

/// Looks at a campaign until it is as wanted.
fn watch(lab: &Lab, id: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
    let until = Instant::now() + LIMIT;
    loop {
        let all = lab.api().get("campaigns").unwrap_or_default();
        let found =
            all["campaigns"].as_array().and_then(|all| all.iter().find(|campaign| campaign["id"] == id).cloned());
        if let Some(campaign) = found.as_ref().filter(|campaign| wanted(campaign)) {
            return campaign.clone();
        }
        assert!(Instant::now() < until, "{found:?}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn a_campaign_tells_each_phone_once_and_no_more_than_so_many_at_a_time() {
    let mut lab = lab(6);
    all_serve(&mut lab);
    let rounds: Vec<u32> = lab.phones().iter().map(|phone| phone.remote.report().rounds).collect();
    let id = begin(&lab, &json!({ "told": "resync", "brand": "yealink", "at-most": 2, "per-second": 50 }));
    let mut most = 0;
    let over = watch(&lab, &id, |campaign| {
        most = most.max(campaign["phones"]["running"].as_u64().unwrap());
        campaign["state"] == "ended"
    });
    assert!(most <= 2, "{most} at a time");
    assert_eq!(over["outcomes"], json!({ "sip.resynced": 6 }), "{over}");
    for (phone, before) in lab.phones().iter().zip(rounds) {
        assert!(phone.remote.report().rounds > before, "{} did not fetch", phone.mac);
    }
    let nobody = lab.api().post("campaigns", &json!({ "told": "resync", "model": "none such" })).unwrap_err();
    assert!(nobody.to_string().contains("No phone is meant"), "{nobody}");
}

#[test]
fn a_campaign_goes_on_after_a_power_cut_of_the_box() {
    let mut lab = lab(6);
    all_serve(&mut lab);
    let rounds: Vec<u32> = lab.phones().iter().map(|phone| phone.remote.report().rounds).collect();
    let id = begin(&lab, &json!({ "told": "resync", "at-most": 1, "per-second": 1 }));
    watch(&lab, &id, |campaign| campaign["phones"]["done"].as_u64() >= Some(1));
    lab.appliance().kill();
    lab.appliance().start().unwrap();
    let over = watch(&lab, &id, |campaign| campaign["state"] == "ended");
    assert_eq!(over["phones"]["done"], 6, "{over}");
    for (phone, before) in lab.phones().iter().zip(rounds) {
        assert!(phone.remote.report().rounds > before, "{} did not fetch", phone.mac);
    }
}

#[test]
fn a_campaign_that_is_stopped_begins_no_more() {
    let mut lab = lab(3);
    all_serve(&mut lab);
    let id = begin(&lab, &json!({ "told": "resync", "at-most": 1, "per-second": 1 }));
    watch(&lab, &id, |campaign| campaign["phones"]["done"] == 1);
    lab.api().delete(&format!("campaigns/{id}")).unwrap();
    let over = watch(&lab, &id, |campaign| campaign["state"] == "stopped" && campaign["phones"]["running"] == 0);
    assert!(over["phones"]["waiting"].as_u64() >= Some(1), "{over}");
}

/// Phones that the box sends nothing, and why: those of one brand take nothing that it could send; old products of two
/// others, and a desk phone whose User-Agent nobody has written down, do not say what they are, so that their brand is
/// not known until an administrator says it.
const DEAF: [(&str, &str); 4] = [
    ("cisco_enterprise", "sip.unknown-event"),
    ("ale-40x8", "sip.unknown-event"),
    ("avaya-1200", "sip.unknown-event"),
    ("gigaset-p800", "sip.unknown-event"),
];

#[test]
fn phones_of_every_brand_do_what_they_are_told() {
    let program = std::path::PathBuf::from(env!("CARGO_BIN_EXE_block66"));
    let brands = BREEDS.to_vec();
    // Some look again only after an hour of theirs.
    let mut settings = Settings { program, phones: 0, brands, pace: 600, plant: None };
    settings.phones = u16::try_from(settings.makes().len()).unwrap();
    let mut lab = Lab::new(&settings).unwrap();
    lab.power_on().unwrap();
    all_serve(&mut lab);
    let id = begin(&lab, &json!({ "told": "resync", "at-most": 50, "per-second": 100, "stop-above": 100 }));
    watch(&lab, &id, |campaign| campaign["state"] == "ended");
    for phone in lab.phones() {
        let brand = phone.identity.breed.brand;
        let telling = lab.api().get(&format!("phones/{}/telling", phone.mac)).unwrap();
        let wanted = DEAF.iter().find(|(deaf, _)| *deaf == brand).map_or("sip.resynced", |(_, code)| code);
        assert_eq!(telling["code"], wanted, "{brand}: {telling}\n{:#?}", phone.remote.report().log);
    }
    println!("figure: {} simulated phones of {} brands re-synced", lab.phones().len(), BREEDS.len());
}
