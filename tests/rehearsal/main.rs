//! `block66 rehearse` against the built binary: it passes a phone that is well, leaves no trace of itself, and names
//! each of ten faults that are planted.
//!
//! Needs the right to make network namespaces (root), and `ip`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod ground;

use std::time::Instant;

use serde_json::{Value, json};

use block66::model::Mac;
use ground::{Box66, MOST};

const ELSEWHERE: &str = "10.66.0.99";

fn mac(number: u8) -> Mac {
    Mac::new([0x80, 0x5e, 0xc0, 0, 0, number])
}

/// Options that an administrator set for two of the phones.
fn options() -> String {
    format!(
        "[[network.dhcp.option]]\ncode = 66\ntype = \"text\"\nvalue = \"http://{ELSEWHERE}/p/\"\nmac = \"{}\"\n\n\
         [[network.dhcp.option]]\ncode = 42\ntype = \"ip-list\"\nvalue = [\"{ELSEWHERE}\"]\nmac = \"{}\"\n",
        mac(4),
        mac(10),
    )
}

/// A brand folder that leaves out the phone's own file.
fn without_own_file() -> String {
    let manifest =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/brands/panasonic/brand.toml")).unwrap();
    let without = manifest.replace("name = \"Config{MAC}.cfg\"", "name = \"Gone{MAC}.cfg\"");
    assert_ne!(manifest, without, "the brand has its own file under another name now");
    without
}

fn panasonic() -> Mac {
    Mac::new([0x00, 0x80, 0xf0, 0, 0, 5])
}

/// Puts raw settings of the brand on a phone.
fn put(on: &Box66, mac: Mac, settings: &[(&str, &str)]) {
    let overrides: Vec<Value> =
        settings.iter().map(|(name, value)| json!({ "brand": "yealink", "setting": name, "value": value })).collect();
    on.patch(&format!("phones/{}/settings", mac.plain()), &json!({ "overrides": overrides }));
}

fn says(played: &Value) -> String {
    played["stopped_by"]["says"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn names_what_would_stop_a_phone_and_leaves_no_trace() {
    let began = Instant::now();
    let manifest = without_own_file();
    let on = Box66::start(&options(), &[("panasonic/brand.toml", &manifest)]);
    for number in 1..=10 {
        on.list(mac(number), "yealink", "SIP-T46U");
    }
    on.list(panasonic(), "panasonic", "KX-UT113");

    // One that is well.
    let (played, code) = on.rehearse(mac(1));
    assert_eq!((played["passes"].as_bool(), code), (Some(true), 0), "{played:#}");
    assert!(played["parts"].as_array().unwrap().iter().all(|part| part["state"] == "done"), "{played:#}");
    assert!(played["steps"][0]["says"].as_str().unwrap().contains("option 66 is http://10.66.0.1"), "{played:#}");
    assert!(played["unseen"].as_array().unwrap().iter().any(|text| text.as_str().unwrap().contains("snooping")));
    on.has_no_trace_of(mac(1));
    assert_eq!(on.rehearse(mac(1)).0["passes"], true, "it can be played again");
    println!("figure: two rehearsals that pass took {:.1} s with the start of the box", began.elapsed().as_secs_f64());

    let other = on.add_organisation("Elsewhere Ltd");
    put(&on, mac(2), &[("static.auto_provision.server.password", "not this one")]);
    put(&on, mac(3), &[("static.security.ca_cert", "0")]);
    put(
        &on,
        mac(6),
        &[("static.auto_provision.server.username", &other.0), ("static.auto_provision.server.password", &other.1)],
    );
    on.greets_as_of_old(mac(7));
    put(&on, mac(8), &[("static.firmware.url", "http://10.66.0.1/f/yealink/gone.rom")]);
    on.patch(&format!("phones/{}/settings", mac(9).plain()), &json!({ "set": { "screen.wallpaper": "gone.jpg" } }));

    let planted = [
        (mac(2), "wrong-password", "the login that this phone was given is refused"),
        (mac(3), "ca-not-trusted", "static.security.ca_cert"),
        (mac(4), "wrong-option", "10.66.0.99 is another host"),
        (panasonic(), "missing-template", "the server does not have it"),
        (mac(6), "wrong-organisation", "organisation"),
        (mac(7), "old-tls", "refused with alert"),
        (mac(8), "no-firmware", "software"),
        (mac(9), "no-resource", "gone.jpg"),
        (mac(10), "clock", "the clock stays in 1970"),
    ];
    let faults = Instant::now();
    let mut wrong = Vec::new();
    std::thread::scope(|scope| {
        let lanes: Vec<_> = planted
            .chunks(3)
            .map(|lane| scope.spawn(|| lane.iter().map(|plant| (*plant, on.rehearse(plant.0))).collect::<Vec<_>>()))
            .collect();
        for ((mac, code, words), (played, exit)) in lanes.into_iter().flat_map(|lane| lane.join().unwrap()) {
            let named =
                played["stopped_by"]["code"] == code && says(&played).to_lowercase().contains(&words.to_lowercase());
            if !named || exit != 1 {
                wrong.push(format!("{mac} {code}: exit {exit}, {:#}\n{:#}", played["stopped_by"], played["steps"]));
            }
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // The firewall is everybody's: it goes last.
    on.forbid_https();
    let (played, code) = on.rehearse(mac(1));
    assert_eq!((played["stopped_by"]["code"].as_str(), code), (Some("firewall"), 1), "{played:#}");
    assert!(says(&played).contains("Cannot connect to 10.66.0.1:443"), "{played:#}");
    on.allow_https();
    assert_eq!(on.rehearse(mac(1)).0["passes"], true, "nothing but the fault was found");
    println!(
        "figure: ten planted faults were named within {:.1} s, the whole took {:.1} s",
        faults.elapsed().as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    assert!(began.elapsed() < MOST, "it took longer than {MOST:?}");
}

#[test]
fn a_phone_that_cannot_be_played_is_refused_with_the_reason() {
    let on = Box66::start("", &[]);
    let output = on.block66(&["rehearse", "80:5e:c0:00:00:99"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not on the list"), "{output:?}");
    on.list(Mac::new([2, 0, 0, 0, 0, 1]), "", "");
    let output = on.block66(&["rehearse", "02:00:00:00:00:01"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("set its brand"), "{output:?}");
}
