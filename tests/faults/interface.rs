//! The box's cable is pulled, and its address becomes another one.

use std::fs;
use std::process::Command;

use block66::lab::Lab;
use serde_json::Value;

use crate::{PATIENCE, all_serve, lab_behind, phones_are_served, wait_until};

fn ip(lab: &Lab, arguments: &str) {
    let words: Vec<&str> = arguments.split(' ').collect();
    let output = lab.ground().appliance().run(|| Command::new("ip").args(&words).output().unwrap()).unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_cable_that_is_pulled_and_put_back_leaves_nothing_behind() {
    let (mut lab, _program) = lab_behind("", 3);
    lab.power_on().unwrap();
    all_serve(&mut lab, "before");
    for _ in 0..3 {
        ip(&lab, "link set eth0 down");
        for phone in lab.phones() {
            phone.remote.reboot();
        }
        // Nobody is served meanwhile, and nobody gives up.
        std::thread::sleep(std::time::Duration::from_millis(700));
        assert!(!lab.phones().iter().any(|phone| phone.remote.report().in_service()));
        ip(&lab, "link set eth0 up");
        all_serve(&mut lab, "after the cable was put back");
    }
    assert_eq!(lab.disagreements().unwrap(), Vec::<String>::new());
    lab.appliance().stop().unwrap();
    let log = fs::read_to_string(lab.appliance().log()).unwrap();
    assert!(!log.contains("panicked"), "{}", lab.appliance().last_words());
}

#[test]
fn an_address_that_changes_is_followed_by_certificate_and_phones() {
    let (mut lab, _program) = lab_behind("", 2);
    lab.power_on().unwrap();
    all_serve(&mut lab, "before");
    let root = lab.api().get("ca").unwrap()["fingerprint"].clone();
    // In this order: with the first address of a subnet the kernel takes away all others of it.
    ip(&lab, "addr del 10.66.0.1/22 dev eth0");
    ip(&lab, "addr add 10.66.0.5/22 dev eth0");
    // The box notices by itself: phones that start are sent to where it is now, with a certificate for it.
    let arrived = wait_until(PATIENCE, || {
        for phone in lab.phones() {
            phone.remote.reboot();
        }
        lab.phones().iter().all(|phone| {
            let there = |report: &block66::phonesim::Report| {
                report.in_service() && report.exchanges.iter().any(|exchange| exchange.url.contains("10.66.0.5"))
            };
            phone.remote.wait_for(PATIENCE / 4, there).is_ok()
        })
    });
    let log = |lab: &Lab| lab.phones()[0].remote.report().log;
    assert!(arrived, "{:#?}\n{}", log(&lab), lab.appliance().last_words());
    assert_eq!(lab.api().get("ca").unwrap()["fingerprint"], root);
    assert_eq!(lab.disagreements().unwrap(), Vec::<String>::new());
    let status: Value = lab.api().get("status").unwrap();
    assert!(status.to_string().contains("10.66.0.5"), "{status}");
    ip(&lab, "addr del 10.66.0.5/22 dev eth0");
    ip(&lab, "addr add 10.66.0.1/22 dev eth0");
    assert!(wait_until(PATIENCE, || lab.api().get("status").unwrap().to_string().contains("10.66.0.1")));
    phones_are_served(&mut lab, "after the address came back");
}
