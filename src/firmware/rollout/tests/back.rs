//! Who goes back to what.

use super::branch::{Branch, Does, NEW, OLD, PATIENCE, brand, image, mac, plan};
use super::*;
use crate::firmware::rollout::back::{Back, back};
use crate::model::Id;

/// The image that most had before.
fn older() -> Firmware {
    Firmware { id: Id::from_bytes([4; 16]), ..image(OLD, &[], None) }
}

fn candidates(branch: &Branch) -> Vec<Candidate> {
    branch.phones.iter().map(|(phone, _)| phone.clone()).collect()
}

fn way(branch: &Branch) -> Back {
    back(&branch.rollout, (&branch.image, &[older()]), brand().firmware.as_ref(), &candidates(branch))
}

#[test]
fn the_way_back_is_the_release_that_each_had() {
    let mut branch = Branch::new(plan(1, 9, 9, 9), &[Does::Updates; 5]);
    branch.phones[2].0.runs = Some("66.85.0.1".into());
    branch.phones[3].0.runs = Some(NEW.into());
    branch.pass(2);
    let (old, phones) = (older(), candidates(&branch));
    let images = brand().firmware.as_ref();
    let way = back(&branch.rollout, (&branch.image, &[old.clone(), branch.image.clone()]), images, &phones);
    assert_eq!(way.to, BTreeMap::from([(old.id, vec![mac(0), mac(1), mac(4)])]));
    assert_eq!(way.stay, [(mac(2), "release 66.85.0.1 is not in the catalogue".into())]);
    let way = back(&branch.rollout, (&branch.image, &[old]), None, &phones);
    assert!(way.to.is_empty() && way.stay.iter().all(|(_, why)| why.contains("no older release")), "{way:?}");
}

#[test]
fn who_is_being_updated_is_named_and_goes_back_when_it_has_come_up() {
    let mut branch = Branch::new(plan(2, 9, 9, 9), &[Does::Updates, Does::LosesPower]);
    branch.pass(1);
    assert!(matches!(branch.turn(1), Turn::Updating { fetched: Some(_), .. }), "{:?}", branch.turn(1));
    branch.rollout.state = RolloutState::Stopped { at: branch.now.wall, why: None };
    let found = way(&branch);
    assert_eq!(found.to, BTreeMap::from([(older().id, vec![mac(0)])]));
    let [(stays, why)] = found.stay.as_slice() else { panic!("{:?}", found.stay) };
    assert!(*stays == mac(1) && why.contains("being updated"), "{why}");
    // It comes up with the image, and is seen to though the roll-out is stopped.
    branch.phones[1].0.runs = Some(NEW.into());
    branch.pass(1);
    assert_eq!(way(&branch), Back { to: BTreeMap::from([(older().id, vec![mac(0), mac(1)])]), stay: Vec::new() });
}

#[test]
fn who_had_its_turn_twice_goes_back_to_what_it_ran_before_the_first() {
    let mut branch = Branch::new(plan(1, 9, 9, 0), &[Does::Sleeps, Does::Updates]);
    branch.pass(PATIENCE / 60 + 1);
    assert!(matches!(branch.turn(0), Turn::Failed { .. }), "{:?}", branch.turn(0));
    assert!(matches!(branch.rollout.state, RolloutState::Stopped { .. }));
    // It was only slow: somebody sees that it is well, and starts the roll-out again.
    branch.phones[0].0.runs = Some(NEW.into());
    branch.rollout = start(&branch.rollout, branch.now.wall, &BTreeSet::new());
    assert_eq!(*branch.turn(0), Turn::Waiting);
    branch.pass(2);
    assert!(branch.is_done(0) && branch.is_done(1), "{:?}", branch.rollout);
    assert_eq!(way(&branch).to, BTreeMap::from([(older().id, vec![mac(0), mac(1)])]));

    // Who went another way since goes back to where that led.
    branch.phones[0].0.runs = Some("66.85.0.1".into());
    branch.rollout = start(&branch.rollout, branch.now.wall, &BTreeSet::from([mac(0)]));
    branch.phones[0].1 = Does::Updates;
    branch.pass(2);
    assert!(branch.is_done(0), "{:?}", branch.rollout);
    assert_eq!(way(&branch).stay, [(mac(0), "release 66.85.0.1 is not in the catalogue".into())]);
}

#[test]
fn who_took_the_image_unseen_or_after_all_others_goes_back_too() {
    let mut branch = Branch::new(plan(1, 5, 5, 0), &[Does::Updates, Does::Updates, Does::DiesUnseen, Does::Sleeps]);
    branch.phones[3].0.heard = None;
    branch.pass(PATIENCE / 60 + 1);
    assert!(matches!(branch.turn(2), Turn::PutOff { .. } | Turn::Updating { .. }), "{:?}", branch.turn(2));
    branch.phones[2].0.runs = Some(NEW.into());
    branch.pass(2);
    assert!(branch.is_done(2), "{:?}", branch.rollout);
    assert_eq!(*branch.turn(3), Turn::Away);
    let to = |reached: &[u8]| BTreeMap::from([(older().id, reached.iter().copied().map(mac).collect::<Vec<Mac>>())]);
    assert_eq!(way(&branch).to, to(&[0, 1, 2]), "the last one has not got it yet");
    branch.phones[3].0.runs = Some(NEW.into());
    assert_eq!(way(&branch).to, to(&[0, 1, 2, 3]));
}

#[test]
fn who_went_elsewhere_since_is_named_and_stays() {
    let mut branch = Branch::new(plan(1, 9, 9, 9), &[Does::Updates, Does::Updates, Does::Updates, Does::Sleeps]);
    branch.phones[3].0.heard = None;
    branch.pass(PATIENCE / 60 + 1);
    assert_eq!(*branch.turn(3), Turn::Away);
    // Another roll-out brings two of them on, and decides about a third.
    for number in [1, 3] {
        branch.phones[number].0.runs = Some("66.99.0.1".into());
    }
    branch.rollout.phones.insert(mac(2), Turn::Refused { why: "another one decides".into() });
    let found = way(&branch);
    assert_eq!(found.to, BTreeMap::from([(older().id, vec![mac(0)])]));
    let elsewhere = "it runs 66.99.0.1, and not by this roll-out";
    let expected = [(mac(1), elsewhere), (mac(2), "another one decides"), (mac(3), elsewhere)];
    assert_eq!(found.stay, expected.map(|(mac, why)| (mac, why.to_owned())));
}

#[test]
fn who_failed_and_went_elsewhere_goes_back_to_there() {
    let mut branch = Branch::new(plan(1, 9, 9, 0), &[Does::Sleeps]);
    branch.pass(PATIENCE / 60 + 1);
    assert!(matches!(branch.turn(0), Turn::Failed { .. }), "{:?}", branch.turn(0));
    branch.phones[0] = (Candidate { runs: Some("66.85.0.1".into()), ..branch.phones[0].0.clone() }, Does::Updates);
    branch.rollout = start(&branch.rollout, branch.now.wall, &BTreeSet::new());
    branch.pass(2);
    assert!(branch.is_done(0), "{:?}", branch.rollout);
    assert_eq!(way(&branch).stay, [(mac(0), "release 66.85.0.1 is not in the catalogue".into())]);
}
