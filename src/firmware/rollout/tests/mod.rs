//! A roll-out, hour by hour and step by step.

mod back;
mod branch;
mod ladder;

use self::branch::{Branch, Does, NEW, OLD, PATIENCE, START, brand, image, mac, plan};
use super::*;
use crate::model::{Id, UpdateWindow};

#[test]
fn canaries_of_each_model_go_first_and_then_waves_never_too_many_at_once() {
    let mut branch = Branch::new(plan(1, 6, 4, 0), &[Does::Sleeps; 20]);
    branch.step();
    // Two models: two canaries, though the plan says one.
    assert_eq!(branch.told, [mac(0), mac(1)]);
    branch.phones.iter_mut().for_each(|(_, does)| *does = Does::Updates);
    branch.is_told(mac(0));
    branch.step();
    assert_eq!((branch.told.len(), branch.rollout.wave.number), (2, 0), "all canaries come before the first wave");
    branch.phones.iter_mut().for_each(|(_, does)| *does = Does::Sleeps);
    let done = |branch: &mut Branch, number: usize| branch.phones[number].0.runs = Some(NEW.into());
    done(&mut branch, 1);
    branch.step();
    assert_eq!((branch.rollout.wave.number, branch.rollout.wave.phones.len(), branch.at_work()), (1, 6, 4));
    done(&mut branch, 2);
    done(&mut branch, 3);
    branch.step();
    assert_eq!((branch.told.len(), branch.at_work()), (8, 4));
    (4..8).for_each(|number| done(&mut branch, number));
    branch.step();
    assert_eq!((branch.rollout.wave.number, branch.at_work()), (2, 4), "one wave follows the other");
    branch.phones.iter_mut().for_each(|(phone, _)| phone.runs = Some(NEW.into()));
    branch.pass(1);
    assert!(matches!(branch.rollout.state, RolloutState::Finished { .. }));
    assert_eq!(branch.said.last().unwrap().1, Reason::RolloutFinished { name: "new one".into() });
}

#[test]
fn it_stops_by_itself_when_a_canary_or_too_many_others_do_not_come_back() {
    let mut branch = Branch::new(plan(2, 5, 5, 3), &[Does::Updates, Does::Dies, Does::Updates, Does::Updates]);
    branch.pass(PATIENCE / 60 + 1);
    let RolloutState::Stopped { why: Some(why), .. } = &branch.rollout.state else { panic!("{:?}", branch.rollout) };
    assert!(why.contains(&mac(1).to_string()) && why.contains("was not heard of since"), "{why}");
    assert_eq!((branch.told.len(), branch.is_done(0)), (2, true));
    assert_eq!(*branch.turn(2), Turn::Waiting, "nobody else is put at risk");

    for (may_fail, stops) in [(1, true), (2, false)] {
        let mut does = [Does::Updates; 10];
        (does[7], does[8]) = (Does::Dies, Does::Sleeps);
        let mut branch = Branch::new(plan(2, 4, 4, may_fail), &does);
        branch.pass(PATIENCE / 60 * 3);
        assert_eq!(matches!(branch.rollout.state, RolloutState::Stopped { .. }), stops, "{may_fail}");
        assert_eq!(matches!(branch.rollout.state, RolloutState::Finished { .. }), !stops, "{may_fail}");
        assert!(matches!(branch.turn(7), Turn::Failed { .. }), "{may_fail}");
    }
}

#[test]
fn a_phone_on_a_call_has_its_turn_again_and_one_that_lost_its_power_has_time() {
    let does = [Does::Updates, Does::Updates, Does::IsOnACall(2), Does::LosesPower, Does::Updates];
    let mut branch = Branch::new(plan(1, 5, 5, 0), &does);
    branch.pass(3);
    assert!(matches!(branch.turn(2), Turn::Updating { fetched: None, .. }), "{:?}", branch.turn(2));
    assert!(matches!(branch.turn(3), Turn::Updating { fetched: Some(_), .. }), "{:?}", branch.turn(3));
    // It comes back by itself, reads its file again, and tries again.
    branch.is_told(mac(3));
    branch.pass(1);
    assert!(branch.is_done(3));
    branch.pass(PATIENCE / 60);
    assert!(matches!(branch.turn(2), Turn::Updating { put_off: 1, .. }), "{:?}", branch.turn(2));
    branch.pass(PATIENCE / 60 + 1);
    assert!(branch.is_done(2) && matches!(branch.rollout.state, RolloutState::Finished { .. }));

    let mut branch = Branch::new(plan(1, 5, 5, 0), &[Does::Updates, Does::Updates, Does::IsOnACall(99)]);
    branch.pass(PATIENCE / 60 * 4);
    let Turn::Failed { why, .. } = branch.turn(2) else { panic!("{:?}", branch.turn(2)) };
    assert!(why.contains("3 times"), "{why}");
}

#[test]
fn a_canary_on_a_call_is_replaced_and_not_taken_for_a_failure() {
    let does = [Does::IsOnACall(1), Does::Updates, Does::Updates, Does::Updates];
    let mut branch = Branch::new(plan(2, 5, 5, 0), &does);
    branch.pass(PATIENCE / 60 + 1);
    assert_eq!(branch.told[..3], [mac(0), mac(1), mac(2)]);
    branch.pass(PATIENCE / 60 + 1);
    assert!(matches!(branch.rollout.state, RolloutState::Finished { .. }), "{:?}", branch.rollout.state);
}

#[test]
fn first_phones_that_die_unseen_are_not_replaced_without_end() {
    let mut branch = Branch::new(plan(1, 5, 5, 9), &[Does::DiesUnseen; 10]);
    branch.phones.iter_mut().for_each(|(phone, _)| phone.model = Some("M1".into()));
    branch.pass(PATIENCE / 60 * 10);
    assert_eq!(branch.told, [mac(0), mac(1)]);
    let RolloutState::Stopped { why: Some(why), .. } = &branch.rollout.state else { panic!("{:?}", branch.rollout) };
    assert!(why.starts_with("2 of the first phones were not seen") && why.contains(&mac(0).to_string()), "{why}");

    // Two of five are on a call, and three have shown that the image is good.
    let mut does = [Does::Updates; 10];
    (does[1], does[3]) = (Does::IsOnACall(1), Does::IsOnACall(1));
    let mut branch = Branch::new(plan(5, 5, 5, 0), &does);
    branch.phones.iter_mut().for_each(|(phone, _)| phone.model = Some("M1".into()));
    branch.pass(PATIENCE / 60 * 3);
    assert!(matches!(branch.rollout.state, RolloutState::Finished { .. }), "{:?}", branch.rollout);
}

#[test]
fn who_has_put_it_off_and_is_not_heard_of_any_more_has_failed() {
    let does = [Does::Updates, Does::Updates, Does::DiesUnseen, Does::Updates];
    let mut branch = Branch::new(plan(1, 5, 5, 1), &does);
    branch.pass(2);
    // Its turn does not come again for as long as the image is away.
    branch.here = false;
    branch.pass(PATIENCE / 60);
    assert_eq!(*branch.turn(2), Turn::PutOff { times: 1 });
    branch.pass(SILENT.as_secs() / 60 - PATIENCE / 60 - 10);
    assert_eq!((branch.turn(2), &branch.rollout.state), (&Turn::PutOff { times: 1 }, &RolloutState::Running));
    branch.pass(20);
    let Turn::Failed { why, .. } = branch.turn(2) else { panic!("{:?}", branch.turn(2)) };
    assert!(why.contains("put the update off"), "{why}");
    assert!(matches!(branch.rollout.state, RolloutState::Finished { .. }), "{:?}", branch.rollout.state);
}

#[test]
fn who_has_put_it_off_and_is_refused_or_starts_over_has_not_failed() {
    for forgotten in [false, true] {
        let does = [Does::Updates, Does::Updates, Does::DiesUnseen, Does::Updates];
        let mut branch = Branch::new(plan(1, 5, 5, 1), &does);
        branch.pass(2);
        branch.here = false;
        branch.pass(PATIENCE / 60);
        branch.pass(SILENT.as_secs() / 60 - PATIENCE / 60 - 10);
        // Its login was wrong, or somebody had it start over.
        let phone = &mut branch.phones[2].0;
        (phone.heard, phone.asked) = (None, (!forgotten).then_some(branch.now.wall));
        branch.pass(SILENT.as_secs() / 60 - 20);
        assert_eq!(*branch.turn(2), Turn::PutOff { times: 1 }, "{forgotten}");
    }
}

#[test]
fn a_clock_that_is_set_back_gives_a_dead_phone_no_endless_time() {
    let mut branch = Branch::new(plan(1, 5, 5, 0), &[Does::Dies; 4]);
    branch.step();
    branch.now.wall = Timestamp::from_secs(START.secs() - 86_400);
    branch.up = branch.now.wall;
    branch.pass(PATIENCE / 60 - 1);
    assert_eq!(branch.rollout.state, RolloutState::Running, "it has all its time again");
    branch.pass(2);
    let RolloutState::Stopped { why: Some(why), .. } = &branch.rollout.state else { panic!("{:?}", branch.rollout) };
    assert!(why.contains("was not heard of since"), "{why}");
    assert_eq!(branch.told, [mac(0), mac(1)]);
}

#[test]
fn nothing_begins_and_nobody_is_given_up_while_the_clock_is_not_trusted() {
    let mut branch = Branch::new(plan(1, 5, 5, 0), &[Does::Dies; 4]);
    branch.now.trusted = false;
    branch.pass(1000);
    assert!(branch.told.is_empty() && branch.said.is_empty());
    assert_eq!(hold(&branch.rollout, None, branch.now), Some(Hold::Clock));
    branch.now.trusted = true;
    branch.now.wall = START;
    branch.step();
    assert_eq!(branch.told.len(), 2);
    // The power fails, and the box wakes up in another year.
    branch.now = Now { wall: START.plus(Duration::from_secs(1_000_000)), trusted: false, ..branch.now };
    branch.pass(1000);
    assert_eq!((branch.at_work(), &branch.rollout.state), (2, &RolloutState::Running));
}

#[test]
fn what_a_phone_did_while_the_box_was_down_is_not_held_against_it() {
    let mut branch = Branch::new(plan(1, 5, 5, 0), &[Does::Sleeps; 2]);
    branch.step();
    branch.now.wall = START.plus(Duration::from_secs(PATIENCE * 10));
    let candidates: Vec<Candidate> = branch.phones.iter().map(|(phone, _)| phone.clone()).collect();
    let mut world = World {
        image: &branch.image,
        lack: None,
        catalogue: &[],
        images: None,
        phones: &candidates,
        elsewhere: &branch.elsewhere,
        up: branch.now.wall,
    };
    assert_eq!(step(&branch.rollout, &world, branch.now).rollout, branch.rollout);
    world.up = START;
    assert!(matches!(step(&branch.rollout, &world, branch.now).rollout.state, RolloutState::Stopped { .. }));
}

#[test]
fn it_waits_for_its_hours_and_for_its_image() {
    let mut branch = Branch::new(plan(1, 1, 1, 0), &[Does::Updates; 4]);
    // START is 16:13:20 in Berlin.
    let zone = "Europe/Berlin".to_owned();
    branch.rollout.plan.window = Some(UpdateWindow { from: 22 * 60, until: 6 * 60, days: [false; 7], zone });
    branch.here = false;
    branch.pass(5 * 60 + 46);
    assert!(branch.told.is_empty());
    assert_eq!(hold(&branch.rollout, Some(Lack::Image), branch.now), Some(Hold::Window));
    branch.pass(1);
    assert_eq!(hold(&branch.rollout, Some(Lack::Image), branch.now), Some(Hold::Lacks(Lack::Image)));
    branch.here = true;
    branch.pass(1);
    assert_eq!(branch.told.len(), 2);
    // The morning comes: who has begun may end, and nobody else begins.
    branch.now.wall = START.plus(Duration::from_secs(16 * 3600));
    branch.phones.iter_mut().for_each(|(phone, _)| phone.heard = Some(branch.now.wall));
    let told = branch.told.len();
    branch.pass(60);
    assert_eq!(branch.told.len(), told);
}

#[test]
fn who_it_is_not_for_is_refused_and_who_is_not_there_is_not_waited_for() {
    let mut branch = Branch::new(plan(1, 9, 9, 0), &[Does::Updates; 6]);
    branch.phones[3].0.model = Some("M3".into());
    branch.phones[4].0.runs = Some("77.86.0.15".into());
    branch.phones[5].0.heard = Some(Timestamp::from_secs(START.secs() - 200_000));
    branch.rollout.scope.phones = (0..6).map(mac).collect();
    branch.pass(2);
    let refused = |number| match branch.turn(number) {
        Turn::Refused { why } => why.clone(),
        other => panic!("{other:?}"),
    };
    assert!(refused(3).contains("another model"), "{}", refused(3));
    assert!(refused(4).contains("other hardware"), "{}", refused(4));
    assert_eq!(*branch.turn(5), Turn::Away);
    assert!(!branch.told.contains(&mac(3)) && !branch.told.contains(&mac(4)) && !branch.told.contains(&mac(5)));
    assert!(matches!(branch.rollout.state, RolloutState::Finished { .. }));

    // Of a whole organisation, phones of other models are simply not meant.
    let mut branch = Branch::new(plan(1, 9, 9, 0), &[Does::Updates; 4]);
    branch.phones[3].0.model = Some("M3".into());
    branch.pass(2);
    assert!(!branch.rollout.phones.contains_key(&mac(3)));
    // One that is taken off the list, and one that runs it already.
    branch.phones.remove(0);
    let mut again = Branch { rollout: start(&branch.rollout, START, &BTreeSet::new()), ..branch };
    again.pass(2);
    assert!(!again.rollout.phones.contains_key(&mac(0)));
    assert_eq!(again.told, [mac(0), mac(1), mac(2)], "nobody is told twice");
}

#[test]
fn a_branch_that_is_away_does_not_update_all_at_once_when_it_comes_back() {
    let mut branch = Branch::new(plan(1, 2, 2, 0), &[Does::Updates; 8]);
    let away = Some(Timestamp::from_secs(START.secs() - 200_000));
    branch.phones.iter_mut().for_each(|(phone, _)| phone.heard = away);
    branch.pass(10);
    assert!(branch.told.is_empty() && branch.rollout.state == RolloutState::Running);
    // Four come: two are the first ones, two a wave. The other four are more than a wave.
    for (phone, _) in &mut branch.phones[..4] {
        phone.heard = Some(branch.now.wall);
    }
    branch.pass(10);
    assert_eq!((branch.told.len(), &branch.rollout.state), (4, &RolloutState::Running));
    branch.phones[4].0.heard = Some(branch.now.wall);
    branch.phones[5].0.heard = Some(branch.now.wall);
    branch.pass(10);
    assert!(matches!(branch.rollout.state, RolloutState::Finished { .. }));
    assert_eq!((branch.turn(6), branch.turn(7)), (&Turn::Away, &Turn::Away));
}

#[test]
fn a_ladder_is_climbed_with_patience_for_each_step() {
    let mut branch = Branch::new(plan(1, 1, 1, 0), &[Does::Sleeps]);
    branch.step();
    let minutes = PATIENCE / 60 - 1;
    branch.pass(minutes);
    branch.phones[0].0.runs = Some("66.86.5.0".into());
    branch.pass(minutes);
    let Turn::Updating { step, .. } = branch.turn(0) else { panic!("{:?}", branch.turn(0)) };
    assert_eq!(step.as_deref(), Some("66.86.5.0"));
    branch.phones[0].0.runs = Some(NEW.into());
    branch.step();
    assert!(branch.is_done(0) && branch.rollout.before[&mac(0)] == OLD, "{:?}", branch.rollout);
}

#[test]
fn a_later_roll_out_decides_about_whom_it_reached_and_here_nobody_has_failed() {
    let mut branch = Branch::new(plan(1, 5, 5, 0), &[Does::Sleeps; 6]);
    branch.step();
    assert_eq!(branch.told, [mac(0), mac(1)]);
    // The other one reaches a canary, which takes a newer release, and one whose turn was to come.
    branch.elsewhere = BTreeSet::from([mac(0), mac(4)]);
    branch.phones[0].0.runs = Some("66.88.0.1".into());
    branch.phones[1].0.runs = Some(NEW.into());
    branch.phones[2].1 = Does::Updates;
    branch.pass(PATIENCE / 60 * 2);
    for number in [0, 4] {
        let Turn::Refused { why } = branch.turn(number) else { panic!("{:?}", branch.turn(number)) };
        assert!(why.contains("started later"), "{why}");
    }
    assert!(branch.told.starts_with(&[mac(0), mac(1), mac(2)]), "another of its model went first: {:?}", branch.told);
    assert!(
        branch
            .said
            .iter()
            .all(|(mac_of, said)| { *mac_of != Some(mac(0)) || !matches!(said, Reason::FirmwareFailed { .. }) })
    );
    assert!(!branch.told.contains(&mac(4)));
    // It was taken off the list: their turn is to come again.
    branch.elsewhere.clear();
    branch.rollout.state = RolloutState::Running;
    branch.step();
    assert!(!matches!(branch.turn(4), Turn::Refused { .. }), "{:?}", branch.turn(4));
}

#[test]
fn what_is_started_again_decides_from_then_on_and_who_went_back_has_a_turn_again() {
    let mut branch = Branch::new(plan(1, 9, 9, 0), &[Does::Updates; 4]);
    branch.pass(2);
    assert!((0..4).all(|number| branch.is_done(number)));
    branch.phones[1].0.runs = Some(OLD.into());
    branch.phones[2].0.runs = None;
    let phones: Vec<Candidate> = branch.phones.iter().map(|(phone, _)| phone.clone()).collect();
    let strayed = strayed(&branch.image, brand().firmware.as_ref(), &phones);
    // The way back was planned later, and by a clock that was ahead.
    let back = Rollout { started: START.plus(Duration::from_secs(86_400)), ..branch.rollout.clone() };
    let started = begins(&[branch.rollout.clone(), back.clone()], branch.now.wall);
    assert!(started > back.started);
    assert_eq!(begins(&[branch.rollout.clone()], branch.now.wall), branch.now.wall);
    let again = start(&branch.rollout, started, &strayed);
    assert_eq!(again.started, started);
    let waits = |number| again.phones[&mac(number)] == Turn::Waiting;
    assert_eq!([0, 1, 2, 3].map(waits), [false, true, false, false], "only of that one it is known");
}

#[test]
fn it_is_known_who_is_behind() {
    let brand = brand();
    let kind =
        |model: &str, runs: Option<&str>| (Some(brand.id.clone()), Some(model.to_owned()), runs.map(str::to_owned));
    let phones = [
        kind("M1", Some(OLD)),
        kind("M1", Some(OLD)),
        kind("M1", Some(NEW)),
        kind("M2", Some("77.1.0.0")),
        kind("M1", None),
    ];
    let catalogue = [image(OLD, &[], None), image(NEW, &["M1"], None), image("66.87.0.9", &[], None)];
    let report = versions::report(phones.into_iter(), &catalogue, |_| brand.firmware.as_ref());
    let found: Vec<_> = report
        .iter()
        .map(|runs| (runs.release.as_deref(), runs.phones, runs.behind.map(|image| image.release.as_str())))
        .collect();
    assert_eq!(found, [(None, 1, None), (Some(OLD), 2, Some(NEW)), (Some(NEW), 1, None), (Some("77.1.0.0"), 1, None)]);
}
