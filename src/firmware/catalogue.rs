//! PURE. What each phone should run, and what it is told to take next on the way there.

use std::cmp::Ordering;

use super::version::Numbering;
use crate::brands::Images;
use crate::model::{Firmware, Group, Id, Phone, Rollout, RolloutScope, RolloutState, Turn};

/// What a phone should do about its firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice<'a> {
    /// Nothing: it runs what it should.
    Right,
    /// Take this image, the goal or a step on the way there.
    Take(&'a Firmware),
    /// There is no way from what it runs to what it should run.
    Stuck(Stuck),
}

/// Why a phone cannot come to what it should run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// The image is for other models.
    #[error("the image is for another model")]
    OtherModel,
    /// The releases are for different hardware.
    #[error("the release is for other hardware than the one it runs")]
    OtherHardware,
    /// It runs a newer release, and its brand takes no older ones.
    #[error("it runs a newer release, and phones of its brand take no older ones")]
    NoWayBack,
    /// It must take another release first, and none that would do is in the catalogue.
    #[error("it runs too old a release to take this one at once, and no step between is in the catalogue")]
    NoStep,
}

/// What a phone should run by the roll-outs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// The image.
    pub firmware: Id,
    /// Whether it goes back for it to an older release than it runs: only when its turn comes. What it took after
    /// that, somebody wanted.
    pub back: bool,
}

/// What a phone should run by the roll-out that decides about it: of those that reached it, or that are over and were for
/// phones like it, the one that was started last. The inner `None` is nothing else than it runs, where that one stopped
/// or failed with it; the outer one, that none decides. `group` finds a group, and `suits` says whether an image is for
/// phones like it.
pub fn decided(
    rollouts: &[Rollout],
    phone: &Phone,
    group: impl Fn(Id) -> Option<Group>,
    suits: impl Fn(Id) -> bool,
) -> Option<Option<Goal>> {
    let mut rollouts: Vec<&Rollout> = rollouts.iter().collect();
    rollouts.sort_by_key(|rollout| std::cmp::Reverse(rollout.started));
    let decides = |rollout: &Rollout| {
        let goal = |back| Some(Some(Goal { firmware: rollout.firmware, back }));
        match (&rollout.state, rollout.phones.get(&phone.mac)) {
            (RolloutState::Running, Some(Turn::Updating { .. })) => goal(true),
            (RolloutState::Finished { .. }, Some(Turn::Away)) => goal(true),
            (RolloutState::Running | RolloutState::Finished { .. }, Some(Turn::Done { .. })) => goal(false),
            // It came later, as when a phone on a desk was replaced. A scope alone may name phones of any model.
            (RolloutState::Finished { .. }, None)
                if suits(rollout.firmware) && covers(&rollout.scope, phone, &group) =>
            {
                goal(false)
            }
            // It was told of the image, and may have it: no older roll-out turns it round.
            (_, Some(Turn::Updating { .. } | Turn::PutOff { .. } | Turn::Done { .. } | Turn::Failed { .. })) => {
                Some(None)
            }
            _ => None,
        }
    };
    rollouts.into_iter().find_map(decides)
}

/// Whether a scope names the phone. `group` finds a group; one that is gone has no phones, and none has phones of another
/// organisation than its own.
pub fn covers(scope: &RolloutScope, phone: &Phone, group: impl Fn(Id) -> Option<Group>) -> bool {
    let is_in = |id: Id| group(id).is_some_and(|group| group.has(phone));
    scope.organisation.is_none_or(|organisation| organisation == phone.organisation)
        && scope.group.is_none_or(is_in)
        && scope
            .model
            .as_ref()
            .is_none_or(|model| phone.model.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(model)))
        && (scope.phones.is_empty() || scope.phones.contains(&phone.mac))
}

/// What a phone is told to take next; nothing where it is as it should be, or cannot come there. `images` tells how
/// its brand is updated.
pub fn told<'a>(
    goal: (&'a Firmware, Goal),
    catalogue: &'a [Firmware],
    images: Option<&Images>,
    phone: (&str, Option<&str>),
    runs: Option<&str>,
) -> Option<&'a Firmware> {
    let (image, Goal { back, .. }) = goal;
    let Advice::Take(next) = next(image, catalogue, images, phone, runs) else { return None };
    let numbering = Numbering { hardware: images.map_or(0, |images| images.hardware_numbers) };
    let is_older = runs.is_some_and(|runs| numbering.compare(runs, &next.release) == Some(Ordering::Greater));
    (back || !is_older).then_some(next)
}

/// What a phone of `brand` and `model` that runs `runs` takes next to come to `goal`. Steps are taken from
/// `catalogue`: of those that it can take at once, the newest on the way.
pub fn next<'a>(
    goal: &'a Firmware,
    catalogue: &'a [Firmware],
    images: Option<&Images>,
    phone: (&str, Option<&str>),
    runs: Option<&str>,
) -> Advice<'a> {
    let (brand, model) = phone;
    if !goal.suits(brand, model) {
        return Advice::Stuck(Stuck::OtherModel);
    }
    // One that has not said what it runs is told of the goal, and says it when it asks.
    let Some(runs) = runs else { return Advice::Take(goal) };
    let numbering = Numbering { hardware: images.map_or(0, |images| images.hardware_numbers) };
    let old_enough = |image: &Firmware| {
        image.needs.as_ref().is_none_or(|needs| numbering.compare(runs, needs).is_some_and(Ordering::is_ge))
    };
    match numbering.compare(runs, &goal.release) {
        None => return Advice::Stuck(Stuck::OtherHardware),
        Some(Ordering::Equal) => return Advice::Right,
        Some(Ordering::Greater) => {
            let back = images.is_some_and(|images| images.rollback);
            return if back { Advice::Take(goal) } else { Advice::Stuck(Stuck::NoWayBack) };
        }
        Some(Ordering::Less) => {}
    }
    let between = |image: &&Firmware| {
        image.suits(brand, model)
            && numbering.compare(runs, &image.release) == Some(Ordering::Less)
            && numbering.compare(&image.release, &goal.release).is_some_and(Ordering::is_le)
            && old_enough(image)
    };
    if old_enough(goal) {
        return Advice::Take(goal);
    }
    let newest =
        |one: &&Firmware, other: &&Firmware| numbering.compare(&one.release, &other.release).unwrap_or(Ordering::Equal);
    catalogue.iter().filter(between).max_by(newest).map_or(Advice::Stuck(Stuck::NoStep), Advice::Take)
}

/// Whether such a phone that ran `before` comes by `release` on its way to `goal`, or at its end.
pub fn comes_by(
    goal: &Firmware,
    catalogue: &[Firmware],
    images: Option<&Images>,
    phone: (&str, Option<&str>),
    (before, release): (&str, &str),
) -> bool {
    let numbering = Numbering { hardware: images.map_or(0, |images| images.hardware_numbers) };
    let way = way(goal, catalogue, images, phone, Some(before));
    way.into_iter().chain([goal]).any(|image| numbering.same(&image.release, release))
}

/// All that such a phone takes, one after the other, on its way to `goal`, as far as it comes.
pub fn way<'a>(
    goal: &'a Firmware,
    catalogue: &'a [Firmware],
    images: Option<&Images>,
    phone: (&str, Option<&str>),
    runs: Option<&str>,
) -> Vec<&'a Firmware> {
    let (mut way, mut runs) = (Vec::new(), runs);
    // Each step is a newer release than the one before, or the goal.
    while let Advice::Take(step) = next(goal, catalogue, images, phone, runs) {
        way.push(step);
        if step.id == goal.id {
            break;
        }
        runs = Some(&step.release);
    }
    way
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brands::Registry;
    use crate::model::{FirmwareSource, FirstContact, Mac, RolloutPlan, Scope, Settings, Timestamp, Wave};

    fn image(number: u8, release: &str, needs: Option<&str>) -> Firmware {
        Firmware {
            id: Id::from_bytes([number; 16]),
            version: 1,
            origin: Id::from_bytes([0; 16]),
            brand: "brand".into(),
            models: vec!["M1".into()],
            release: release.into(),
            name: format!("m1-{release}.bin"),
            sha256: None,
            size: None,
            source: FirmwareSource::Uploaded,
            needs: needs.map(str::to_owned),
            notes: String::new(),
            pinned: false,
            created: Timestamp::default(),
        }
    }

    const PHONE: (&str, Option<&str>) = ("brand", Some("M1"));

    #[test]
    fn an_old_phone_climbs_the_ladder() {
        let catalogue = [
            image(1, "7.4.9", None),
            image(2, "7.5.2b", None),
            image(3, "7.5.5", Some("7.5.2b")),
            image(4, "7.6.2", Some("7.5.5")),
        ];
        let goal = &catalogue[3];
        let steps = |runs| -> Vec<&str> {
            way(goal, &catalogue, None, PHONE, runs).into_iter().map(|image| image.release.as_str()).collect()
        };
        assert_eq!(steps(Some("7.1.0")), ["7.5.2b", "7.5.5", "7.6.2"]);
        assert_eq!(steps(None), ["7.6.2"]);
        assert!(steps(Some("7.6.2")).is_empty());
        assert_eq!(next(goal, &catalogue, None, PHONE, Some("7.6.2")), Advice::Right);
        assert_eq!(next(goal, &catalogue[2..], None, PHONE, Some("7.1.0")), Advice::Stuck(Stuck::NoStep));
        assert_eq!(next(goal, &catalogue, None, PHONE, None), Advice::Take(goal));
    }

    #[test]
    fn what_does_not_fit_is_never_taken() {
        let goal = image(1, "7.5.5", None);
        for phone in [("brand", Some("M2")), ("brand", None), ("other", Some("M1"))] {
            assert_eq!(next(&goal, &[], None, phone, Some("7.1")), Advice::Stuck(Stuck::OtherModel));
        }
        assert_eq!(next(&goal, &[], None, PHONE, Some("7.6")), Advice::Stuck(Stuck::NoWayBack));
        let registry = Registry::builtin().unwrap();
        let brand = registry.brands().find(|brand| brand.firmware.as_ref().is_some_and(|i| i.hardware_numbers == 1));
        let images = brand.unwrap().firmware.as_ref();
        let goal = image(1, "66.86.0.160", None);
        assert_eq!(next(&goal, &[], images, PHONE, Some("96.86.0.15")), Advice::Stuck(Stuck::OtherHardware));
        assert_eq!(next(&goal, &[], images, PHONE, Some("66.87.0.15")), Advice::Take(&goal), "it takes older ones");
    }

    #[test]
    fn a_phone_should_run_what_its_newest_roll_out_told_it() {
        let phone = phone();
        let rollout = |number, state, turn| rollout(&phone, number, state, turn);
        let (running, at) = (RolloutState::Running, Timestamp::default());
        let finished = RolloutState::Finished { at };
        let stopped = RolloutState::Stopped { at, why: None };
        let updating = Turn::Updating { since: at, step: None, fetched: None, put_off: 0 };
        let done = Turn::Done { at };
        let failed = Turn::Failed { at, why: String::new() };
        let told = |rollouts: &[Rollout]| {
            let goal = decided(rollouts, &phone, |_| None, |_| true).flatten();
            goal.map(|goal| goal.firmware.to_bytes()[0])
        };
        for (state, turn, expected) in [
            (RolloutState::Planned, None, None),
            (running.clone(), None, None),
            (running.clone(), Some(Turn::Waiting), None),
            (running.clone(), Some(Turn::PutOff { times: 1 }), None),
            (running.clone(), Some(updating.clone()), Some(1)),
            (running.clone(), Some(done.clone()), Some(1)),
            (stopped.clone(), Some(updating.clone()), None),
            (stopped.clone(), Some(done.clone()), None),
            (finished.clone(), Some(done.clone()), Some(1)),
            (finished.clone(), Some(Turn::Away), Some(1)),
            (finished.clone(), None, Some(1)),
            (finished.clone(), Some(failed.clone()), None),
        ] {
            assert_eq!(told(&[rollout(1, state.clone(), turn.clone())]), expected, "{state:?} {turn:?}");
        }
        let older = rollout(1, finished.clone(), Some(done.clone()));
        assert_eq!(told(&[rollout(2, running.clone(), Some(updating.clone())), older.clone()]), Some(2));
        assert_eq!(told(&[rollout(2, running, Some(Turn::Waiting)), older.clone()]), Some(1), "until its turn comes");
        // Whom a roll-out reached that stopped, an older one does not turn round.
        for turn in [updating, done, failed, Turn::PutOff { times: 1 }] {
            assert_eq!(told(&[rollout(2, stopped.clone(), Some(turn.clone())), older.clone()]), None, "{turn:?}");
        }
        assert_eq!(told(&[rollout(2, stopped, Some(Turn::Waiting)), older]), Some(1), "it was not reached");
    }

    #[test]
    fn the_one_that_was_started_last_decides_whichever_was_planned_first() {
        let phone = phone();
        let at = Timestamp::default();
        let updating = Turn::Updating { since: at, step: None, fetched: None, put_off: 0 };
        let again = Rollout {
            created: Timestamp::from_secs(1),
            started: Timestamp::from_secs(9),
            ..rollout(&phone, 1, RolloutState::Running, Some(updating))
        };
        let back = Rollout {
            created: Timestamp::from_secs(5),
            ..rollout(&phone, 5, RolloutState::Finished { at }, Some(Turn::Done { at }))
        };
        for rollouts in [[again.clone(), back.clone()], [back, again.clone()]] {
            let told = decided(&rollouts, &phone, |_| None, |_| true);
            assert_eq!(told, Some(Some(Goal { firmware: again.firmware, back: true })));
        }
    }

    #[test]
    fn a_roll_out_for_other_models_decides_for_nobody_else() {
        let phone = phone();
        let finished = RolloutState::Finished { at: Timestamp::default() };
        let of_others = rollout(&phone, 2, finished.clone(), None);
        for turn in [None, Some(Turn::Away)] {
            let rollouts = [rollout(&phone, 1, finished.clone(), turn.clone()), of_others.clone()];
            let told = decided(&rollouts, &phone, |_| None, |image| image != of_others.firmware);
            assert_eq!(told.flatten().map(|goal| goal.firmware), Some(rollouts[0].firmware), "{turn:?}");
        }
    }

    #[test]
    fn only_whose_turn_comes_goes_back() {
        let registry = Registry::builtin().unwrap();
        let brand = registry.brands().find(|brand| brand.firmware.as_ref().is_some_and(|images| images.rollback));
        let images = brand.unwrap().firmware.as_ref();
        let phone = phone();
        let (image, at) = (image(1, "66.86.0.160", None), Timestamp::default());
        let (running, finished) = (RolloutState::Running, RolloutState::Finished { at });
        let updating = Turn::Updating { since: at, step: None, fetched: None, put_off: 0 };
        let done = Turn::Done { at };
        for (state, turn, back) in [
            (running.clone(), Some(updating), true),
            (finished.clone(), Some(Turn::Away), true),
            (running, Some(done.clone()), false),
            // As when the roll-out that brought it the newer release was removed.
            (finished.clone(), Some(done), false),
            (finished, None, false),
        ] {
            let rollouts = [rollout(&phone, 1, state, turn)];
            let goal = decided(&rollouts, &phone, |_| None, |_| true).flatten().unwrap();
            let takes = |runs| told((&image, goal), &[], images, PHONE, Some(runs)).is_some();
            assert_eq!((takes("66.87.0.15"), takes("66.86.0.15")), (back, true), "{rollouts:?}");
        }
    }

    #[test]
    fn a_scope_is_what_all_of_it_names() {
        let phone = phone();
        let other = Id::from_bytes([8; 16]);
        let group = |scope| Group {
            id: other,
            version: 1,
            origin: phone.origin,
            organisation: phone.organisation,
            name: String::new(),
            scope,
            settings: Settings::NONE,
            created: Timestamp::default(),
        };
        let of = |scope: RolloutScope| covers(&scope, &phone, |_| None);
        let model = |model: &str| RolloutScope { model: Some(model.into()), ..RolloutScope::default() };
        assert!(of(RolloutScope::default()) && of(model("m1")) && !of(model("M2")));
        assert!(of(RolloutScope { phones: vec![phone.mac], ..model("M1") }));
        assert!(!of(RolloutScope { phones: vec![phone.mac], ..model("M2") }));
        assert!(!of(RolloutScope { organisation: Some(other), ..RolloutScope::default() }));
        let of_group = RolloutScope { group: Some(other), ..RolloutScope::default() };
        assert!(!of(of_group.clone()));
        let by_model = Scope::Model { brand: "brand".into(), model: Some("M1".into()) };
        assert!(covers(&of_group, &phone, |_| Some(group(by_model.clone()))));
        assert!(!covers(&of_group, &phone, |_| Some(group(Scope::Members))));
        let member = Phone { group: Some(other), ..phone.clone() };
        assert!(covers(&of_group, &member, |_| Some(group(Scope::Members))));
        assert!(!covers(&of_group, &member, |_| None), "it is gone");
        let of_another = |_| Some(Group { organisation: other, ..group(Scope::Members) });
        assert!(!covers(&of_group, &member, of_another), "as after its phone was moved back");
    }

    fn rollout(phone: &Phone, number: u8, state: RolloutState, turn: Option<Turn>) -> Rollout {
        Rollout {
            id: Id::from_bytes([number; 16]),
            version: 1,
            origin: phone.origin,
            name: String::new(),
            firmware: Id::from_bytes([number; 16]),
            scope: RolloutScope::default(),
            plan: RolloutPlan::default(),
            state,
            wave: Wave::default(),
            phones: turn.map(|turn| (phone.mac, turn)).into_iter().collect(),
            before: Default::default(),
            created: Timestamp::default(),
            started: Timestamp::from_secs(number.into()),
        }
    }

    fn phone() -> Phone {
        Phone {
            id: Id::from_bytes([3; 16]),
            version: 1,
            origin: Id::from_bytes([0; 16]),
            mac: Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]),
            organisation: Id::from_bytes([4; 16]),
            brand: Some("brand".into()),
            model: Some("M1".into()),
            name: String::new(),
            lines: Vec::new(),
            group: None,
            settings: Settings::NONE,
            handsets: Vec::new(),
            ports: Vec::new(),
            login: None,
            pending_login: None,
            first_contact: FirstContact::Waiting,
            created: Timestamp::default(),
        }
    }
}
