//! A clock that jumps: to 1970, as on a box without a battery, and thirty years ahead.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use block66::lab::Lab;
use block66::model::Timestamp;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::page::Page;
use crate::{PATIENCE, all_serve, lab_behind, phones_are_served, preloaded, wait_until};

const YEAR: i64 = 365 * 24 * 3600;
const NOT_CONFIRMED: &str = "not confirmed by anything yet";

/// What the box takes the time for, and whether it trusts it.
fn time(lab: &Lab) -> (Timestamp, bool) {
    let status = lab.api().get("status").unwrap();
    let time = OffsetDateTime::parse(status["time"].as_str().unwrap(), &Rfc3339).unwrap();
    (Timestamp::from_secs(time.unix_timestamp()), status["time_trusted"].as_bool().unwrap())
}

/// What it is.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_secs(i64::try_from(since.as_secs()).unwrap())
}

/// An administrator says that the clock of the box is right.
fn vouch(lab: &Lab) {
    lab.api().post("clock", &json!({ "time": now().to_string() })).unwrap();
    assert!(time(lab).1);
}

#[test]
fn the_root_outlives_every_jump_of_the_clock_and_phones_are_served() {
    let library = preloaded("clock.c");
    let directory = tempfile::tempdir().unwrap();
    let offset = directory.path().join("offset");
    fs::write(&offset, "0").unwrap();
    let lines = format!("export CLOCK_OFFSET={} LD_PRELOAD={}", offset.display(), library.display());
    let (mut lab, _program) = lab_behind(&lines, 2);
    lab.power_on().unwrap();
    all_serve(&mut lab, "before");
    let mut page = Page::claim(&lab);
    let root = lab.api().get("ca").unwrap()["fingerprint"].clone();
    assert!(root.as_str().is_some_and(|root| root.len() > 30), "{root}");
    // The floor: what the box goes on from where the clock says what cannot be.
    let built = now();
    let to_1970 = -now().secs();
    for (what, jump) in [("1970", to_1970), ("a year ago", -YEAR), ("in an hour", 3600), ("in thirty years", 30 * YEAR)]
    {
        vouch(&lab);
        assert!(!page.overview().contains(NOT_CONFIRMED), "an administrator has confirmed the clock");
        fs::write(&offset, jump.to_string()).unwrap();
        for started_anew in [false, true] {
            if started_anew {
                lab.appliance().stop().unwrap();
                lab.appliance().start().unwrap();
                page.sign_in();
            }
            let when = format!("the clock says {what}, started anew: {started_anew}");
            assert_eq!(lab.api().get("ca").unwrap()["fingerprint"], root, "{when}: another root");
            // Phones take their time from the box, so it never tells one that their certificates do not cover: neither
            // one before it was built nor one after their clocks end. Such a clock is not trusted, and the page says it.
            phones_are_served(&mut lab, &when);
            assert_eq!(lab.disagreements().unwrap(), Vec::<String>::new(), "{when}");
            let (believed, trusted) = time(&lab);
            let possible = jump == 3600;
            assert!(
                believed <= Timestamp::LAST && believed.since(built) < Duration::from_secs(2 * 3600),
                "{when}: {believed}"
            );
            assert!(built.since(believed) < Duration::from_secs(2 * YEAR.unsigned_abs()), "{when}: {believed}");
            // Whether a possible time is trusted after a start is the clock chip's matter, where there is one.
            assert!(trusted == possible || possible && started_anew, "{when}: {believed}");
            assert_eq!(page.overview().contains(NOT_CONFIRMED), !trusted, "{when}");
        }
        println!("figure: the clock says {what}: the root is the same, and phones are served");
        // Back again, as an administrator or a time server puts it.
        fs::write(&offset, "0").unwrap();
    }
    // What the jumps brought with them goes when the clock is right again.
    lab.appliance().stop().unwrap();
    lab.appliance().start().unwrap();
    page.sign_in();
    assert_eq!(lab.api().get("ca").unwrap()["fingerprint"], root);
    phones_are_served(&mut lab, "after a jump of thirty years and back");
    assert!(
        wait_until(PATIENCE, || lab.disagreements().is_ok_and(|found| found.is_empty())),
        "{:?}",
        lab.disagreements()
    );
    vouch(&lab);
    assert!(!page.overview().contains(NOT_CONFIRMED));
    let apart = |believed: Timestamp| believed.since(now()).max(now().since(believed));
    assert!(apart(time(&lab).0) < Duration::from_secs(60), "{}", time(&lab).0);
    // All that the box said in all of its lives, the last words of this one included.
    lab.appliance().stop().unwrap();
    let log = fs::read_to_string(lab.appliance().log()).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}
