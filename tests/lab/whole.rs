//! The real box with a dozen phones.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use block66::lab::{Lab, Settings, table};
use block66::phonesim::{BREEDS, Cut, Fault, Outcome, Report, Stage};
use serde_json::json;

pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn lab(phones: u16) -> Lab {
    at_pace(phones, Settings::USUAL_PACE)
}

fn at_pace(phones: u16, pace: u32) -> Lab {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_block66"));
    let mut lab =
        Lab::new(&Settings { program, phones, brands: BREEDS.iter().copied().take(1).collect(), pace, plant: None })
            .unwrap();
    lab.power_on().unwrap();
    lab
}

pub(crate) fn all_serve(lab: &mut Lab) {
    if !lab.all_in_service(LIMIT) {
        panic!("{}\nThe end of the box's log:\n{}", table::text(lab.phones()), lab.appliance().last_words());
    }
}

#[test]
fn every_product_of_every_brand_ends_in_service() {
    // Some look by the hour at the most often.
    const PACE: u32 = 240;
    let program = PathBuf::from(env!("CARGO_BIN_EXE_block66"));
    let all = Settings { program, phones: 0, brands: BREEDS.to_vec(), pace: PACE, plant: None };
    let phones = u16::try_from(all.makes().len()).unwrap();
    let mut lab = Lab::new(&Settings { phones, ..all }).unwrap();
    lab.power_on().unwrap();
    all_serve(&mut lab);
    println!("figure: {phones} products of {} brands in service", BREEDS.len());
    lab.appliance().stop().unwrap();
}

#[test]
fn every_phone_ends_in_service_and_the_box_agrees() {
    let mut lab = lab(12);
    all_serve(&mut lab);
    assert_eq!(lab.disagreements().unwrap(), Vec::<String>::new());
    for phone in lab.phones() {
        let report = phone.remote.report();
        let first_https = report.exchanges.iter().position(|exchange| exchange.url.starts_with("https:")).unwrap();
        assert!(first_https > 0 && report.starts == 1, "{report:#?}");
    }
    lab.appliance().stop().unwrap();
}

#[test]
fn the_page_is_shown_at_a_port_of_the_host() {
    let mut lab = lab(0);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    lab.show_page(listener).unwrap();
    for _ in 0..2 {
        let options = ["--silent", "--insecure", "--location", "--max-time", "20", &url];
        let output = std::process::Command::new("curl").args(options).output().unwrap();
        assert!(output.status.success(), "{}", output.status);
        assert!(String::from_utf8_lossy(&output.stdout).contains("<title>"), "{output:?}");
    }
}

#[test]
fn a_second_start_goes_straight_to_https() {
    let mut lab = lab(2);
    all_serve(&mut lab);
    for phone in lab.phones() {
        phone.remote.reboot();
    }
    all_serve(&mut lab);
    for phone in lab.phones() {
        let report = phone.remote.report();
        assert_eq!(report.starts, 2);
        assert!(report.exchanges.iter().all(|exchange| exchange.url.starts_with("https:")), "{report:#?}");
    }
    assert_eq!(lab.disagreements().unwrap(), Vec::<String>::new());
}

#[test]
fn a_phone_that_was_reset_is_noticed_and_comes_back_by_one_click() {
    let mut lab = lab(2);
    all_serve(&mut lab);
    let phone = &lab.phones()[0];
    phone.remote.factory_reset();
    let failed = |report: &Report| {
        let Outcome::Failed { fault, .. } = report.outcome(Stage::Configuration) else { return false };
        matches!(fault, Fault::UnknownAuthority { .. } | Fault::LoginAsked { .. }) || report.stuck(3)
    };
    phone.remote.wait_for(LIMIT, failed).unwrap_or_else(|report| panic!("{report:#?}"));
    let mac = phone.mac;
    lab.api().post(&format!("phones/{mac}/first-contact"), &json!({})).unwrap();
    // A phone without a configuration does not come back by itself: somebody turns it off and on.
    lab.phones()[0].remote.reboot();
    all_serve(&mut lab);
    assert_eq!(lab.disagreements().unwrap(), Vec::<String>::new());
}

#[test]
fn a_phone_cut_off_in_its_first_contact_still_ends_in_service() {
    // Every byte is met by `tests/cut`, which has no more of the box than its doors and store. Here it is the whole
    // program: a prime stride meets every kind of byte, and a dozen phones share the work.
    const STRIDE: usize = 101;
    let mut lab = at_pace(12, 600);
    all_serve(&mut lab);
    let whole = lab.phones()[0].remote.report().exchanges;
    let secured = whole.iter().rposition(|exchange| exchange.url.starts_with("https:")).unwrap();
    let mut cuts = Vec::new();
    for (exchange, seen) in whole.iter().enumerate().take(secured + 1) {
        cuts.extend((0..seen.bytes).step_by(STRIDE).map(|after| Cut { exchange, after }));
    }
    // An exchange may be shorter than the one before, by a record of TLS: its end is then not met.
    let beyond = AtomicUsize::new(0);
    let api = lab.api();
    std::thread::scope(|scope| {
        for (number, phone) in lab.phones().iter().enumerate() {
            let share: Vec<Cut> = cuts.iter().skip(number).step_by(lab.phones().len()).copied().collect();
            let (api, beyond) = (&api, &beyond);
            scope.spawn(move || {
                for cut in share {
                    api.post(&format!("phones/{}/first-contact", phone.mac), &json!({})).unwrap();
                    let starts = phone.remote.report().starts;
                    phone.remote.cut(cut);
                    phone.remote.factory_reset();
                    let back = phone.remote.wait_for(LIMIT, |report| report.starts > starts && report.in_service());
                    let report = back.unwrap_or_else(|report| panic!("{cut:?}: {report:#?}"));
                    // Once by the reset, once by the cut.
                    assert!((starts + 1..=starts + 2).contains(&report.starts), "{cut:?}: {report:#?}");
                    beyond.fetch_add(usize::from(report.starts == starts + 1), Ordering::Relaxed);
                }
            });
        }
    });
    let beyond = beyond.into_inner();
    println!(
        "figure: {} cuts in the {} exchanges of a first contact, {beyond} of them met none",
        cuts.len(),
        secured + 1
    );
    assert!(beyond * 10 < cuts.len(), "{beyond} of {} cuts met no exchange", cuts.len());
    assert_eq!(lab.disagreements().unwrap(), Vec::<String>::new());
}
