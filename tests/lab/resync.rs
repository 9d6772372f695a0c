//! Phones are told by SIP that something changed; those that heed it are told apart from those that do not.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use block66::lab::Lab;
use block66::model::Mac;
use serde_json::{Value, json};

use super::whole::{LIMIT, all_serve, lab};

/// Changes the display name of a phone's line, as an import of the same list does.
fn change(lab: &Lab, number: usize, display: &str) {
    let phone = &lab.phones()[number];
    let csv = format!(
        "mac,name,extension,password,server,display\n{},{},{},{},10.66.3.254,{display}\n",
        phone.mac,
        phone.name,
        phone.user,
        phone.password.expose()
    );
    let done = lab.api().post_text("phones/import", "text/csv", &csv).unwrap();
    assert_eq!(done["changed"], 1, "{done}");
}

fn outcome(lab: &Lab, mac: Mac, enough: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + LIMIT;
    loop {
        let telling = lab.api().get(&format!("phones/{mac}/telling")).unwrap_or_default();
        if telling["over"] == true && enough(&telling) {
            return telling;
        }
        assert!(Instant::now() < until, "{telling}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Waits until the light says something that begins so: it follows the outcome by way of the journal.
fn shows(lab: &Lab, mac: Mac, wanted: &str) {
    let until = Instant::now() + LIMIT;
    loop {
        let phone = lab.api().get(&format!("phones/{mac}")).unwrap();
        let lights = phone["journey"].as_array().unwrap().clone();
        let light = lights.into_iter().find(|light| light["step"] == "resynced").unwrap();
        if light["says"].as_str().unwrap_or_default().starts_with(wanted) {
            return;
        }
        assert!(Instant::now() < until, "{light}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn a_changed_display_name_is_on_the_phone_within_seconds() {
    let mut lab = lab(2);
    all_serve(&mut lab);
    let mac = lab.phones()[0].mac;
    let began = Instant::now();
    change(&lab, 0, "New Name");
    let telling = outcome(&lab, mac, |_| true);
    assert_eq!(telling["code"], "sip.resynced", "{telling}");
    println!("figure: re-synced {:.1} s after the change", began.elapsed().as_secs_f64());
    assert_eq!(lab.phones()[0].remote.holding().accounts[0].display, "New Name");
    shows(&lab, mac, "Re-synced: ");
    let other = lab.api().get(&format!("phones/{}/telling", lab.phones()[1].mac));
    assert!(other.is_err(), "a phone that was not changed is not told: {other:?}");
    assert_eq!(lab.phones()[0].remote.report().starts, 1, "without a restart");
    // It can be made to restart, too.
    lab.api().post(&format!("phones/{mac}/reboot"), &Value::Null).unwrap();
    let telling = outcome(&lab, mac, |telling| telling["told"] == "reboot");
    assert_eq!(telling["code"], "sip.restarted", "{telling}");
    assert_eq!(lab.phones()[0].remote.report().starts, 2);
}

#[test]
fn a_change_that_is_undone_on_the_command_line_is_taken_back_on_the_phone() {
    let mut lab = lab(1);
    all_serve(&mut lab);
    let mac = lab.phones()[0].mac;
    let socket = lab.appliance().configuration().parent().unwrap().join("socket");
    let display = || lab.phones()[0].remote.holding().accounts[0].display.clone();
    let before = display();
    change(&lab, 0, "Not This");
    outcome(&lab, mac, |_| true);
    assert_eq!(display(), "Not This");
    let block66 = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_block66"));
        let output = command.arg("--socket").arg(&socket).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let phone = mac.to_string();
    let shown = block66(&["phones", "history", &phone, "1"]);
    assert!(shown.contains("Imported from a list.") && shown.contains("Not This"), "{shown}");
    assert!(!shown.contains(lab.phones()[0].password.expose()));
    block66(&["phones", "undo", &phone, "1"]);
    let until = Instant::now() + LIMIT;
    while display() != before {
        assert!(Instant::now() < until, "the phone still has {:?}", display());
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let changes: Value = serde_json::from_str(&block66(&["phones", "history", &phone, "--json"])).unwrap();
    assert_eq!((&changes["changes"][0]["how"], &changes["changes"][0]["undoes"]), (&json!("undone"), &json!(1)));
}

#[test]
fn one_that_accepts_and_one_that_fetches_by_chance_are_told_apart() {
    let mut lab = lab(2);
    all_serve(&mut lab);
    for phone in lab.phones() {
        phone.remote.ignore_messages();
    }
    let (deaf, lucky) = (lab.phones()[0].mac, lab.phones()[1].mac);
    // The second one looks for its files by itself every two seconds.
    let ended = std::sync::atomic::AtomicBool::new(false);
    let (first, second) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut next = Instant::now();
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                lab.phones()[1].remote.poll();
                next += Duration::from_secs(2);
                std::thread::park_timeout(next.saturating_duration_since(Instant::now()));
            }
        });
        // Until the box has seen how it goes.
        let fetches = |count: usize| {
            let rounds = lab.phones()[1].remote.report().rounds;
            lab.phones()[1]
                .remote
                .wait_for(LIMIT, |report| report.rounds >= rounds + u32::try_from(count).unwrap())
                .unwrap();
        };
        fetches(4);
        let api = lab.api();
        for mac in [deaf, lucky] {
            api.post(&format!("phones/{mac}/resync"), &json!(null)).unwrap();
        }
        let outcomes = (outcome(&lab, deaf, |_| true), outcome(&lab, lucky, |_| true));
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        outcomes
    });
    assert_eq!(first["code"], "sip.not-fetched", "{first}");
    assert_eq!(second["code"], "sip.fetched-by-chance", "{second}");
    shows(&lab, deaf, "Accepted the message and did not fetch");
}
