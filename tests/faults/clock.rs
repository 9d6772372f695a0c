//! A clock that jumps: to 1970, as on a box without a battery, and thirty years ahead.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{PATIENCE, all_serve, lab_behind, phones_are_served, preloaded, wait_until};

const YEAR: i64 = 365 * 24 * 3600;

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
    let root = lab.api().get("ca").unwrap()["fingerprint"].clone();
    assert!(root.as_str().is_some_and(|root| root.len() > 30), "{root}");
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    // A jump forward while it runs is one that the box believes as far as it must: phones take their time from it, and
    // what they are given has to be valid then.
    for (what, jump) in [("1970", -now), ("a year ago", -YEAR), ("in an hour", 3600), ("in thirty years", 30 * YEAR)] {
        fs::write(&offset, jump.to_string()).unwrap();
        let log = fs::read_to_string(lab.appliance().log()).unwrap();
        for started_anew in [false, true] {
            if started_anew {
                lab.appliance().stop().unwrap();
                lab.appliance().start().unwrap();
            }
            let when = format!("the clock says {what}, started anew: {started_anew}");
            assert_eq!(lab.api().get("ca").unwrap()["fingerprint"], root, "{when}: another root");
            if jump < 30 * YEAR {
                phones_are_served(&mut lab, &when);
                assert_eq!(lab.disagreements().unwrap(), Vec::<String>::new(), "{when}");
            }
        }
        assert!(!log.contains("panicked"), "{}", lab.appliance().last_words());
        println!("figure: the clock says {what}: the root is the same");
        // Back again, as an administrator or a time server puts it.
        fs::write(&offset, "0").unwrap();
    }
    // What the thirty years brought with them goes when the clock is right again.
    lab.appliance().stop().unwrap();
    lab.appliance().start().unwrap();
    assert_eq!(lab.api().get("ca").unwrap()["fingerprint"], root);
    phones_are_served(&mut lab, "after a jump of thirty years and back");
    assert!(
        wait_until(PATIENCE, || lab.disagreements().is_ok_and(|found| found.is_empty())),
        "{:?}",
        lab.disagreements()
    );
}
