//! What phones must take first.

use super::*;

/// The image of a branch that needs another release, which needs none.
fn catalogue(branch: &mut Branch) -> [Firmware; 3] {
    let numbered = |number, image: Firmware| Firmware { id: Id::from_bytes([number; 16]), ..image };
    branch.image.needs = Some("66.86.5.0".into());
    let step = numbered(5, image("66.86.5.0", &["M1"], None));
    [step, branch.image.clone(), numbered(6, image("66.86.1.0", &["M1"], None))]
}

#[test]
fn what_phones_that_are_there_take_first_is_needed_and_nothing_else() {
    let mut branch = Branch::new(plan(1, 9, 9, 0), &[Does::Sleeps; 2]);
    let catalogue = catalogue(&mut branch);
    let releases = |branch: &Branch| -> Vec<String> {
        let phones: Vec<Candidate> = branch.phones.iter().map(|(phone, _)| phone.clone()).collect();
        let images = (&branch.image, &catalogue[..]);
        let ladder = ladder(&branch.rollout, images, brand().firmware.as_ref(), &phones, branch.now.wall);
        ladder.into_iter().map(|image| image.release.clone()).collect()
    };
    assert_eq!(releases(&branch), ["66.86.5.0"], "none for M2, and none that nobody needs");
    branch.rollout.phones.insert(mac(0), Turn::Waiting);
    assert_eq!(releases(&branch), ["66.86.5.0"]);
    branch.rollout.phones.insert(mac(0), Turn::Failed { at: START, why: String::new() });
    assert!(releases(&branch).is_empty());
    branch.rollout.phones.clear();
    branch.now.wall = START.plus(Duration::from_secs(27 * 3600));
    assert!(releases(&branch).is_empty(), "it is away");
    branch.phones[0].0.heard = Some(branch.now.wall);
    branch.phones[0].0.runs = Some("66.86.5.0".into());
    assert!(releases(&branch).is_empty(), "it has climbed it");
}

#[test]
fn no_turn_comes_before_all_that_is_needed_is_here() {
    let mut branch = Branch::new(plan(1, 9, 9, 0), &[Does::Sleeps; 2]);
    let [step, goal, _] = catalogue(&mut branch);
    let lacks = |here: &[&Firmware]| lack(&goal, &[&step], |image| here.iter().any(|one| one.id == image.id));
    assert_eq!(
        [lacks(&[]), lacks(&[&step]), lacks(&[&goal]), lacks(&[&goal, &step])],
        [Some(Lack::Image), Some(Lack::Image), Some(Lack::Step), None]
    );
    assert_eq!(hold(&branch.rollout, Some(Lack::Step), branch.now), Some(Hold::Lacks(Lack::Step)));
}
