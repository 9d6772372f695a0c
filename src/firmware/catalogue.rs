//! PURE. What each phone should run, and what it is told to take next on the way there.

use std::cmp::Ordering;

use super::version::Numbering;
use crate::brands::Images;
use crate::model::{Firmware, Id, Phone, Rollout, RolloutScope, RolloutState, Turn};

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

/// The image that a phone should run by the roll-outs, newest first: the one whose turn it had, or whose roll-out is over
/// and was for phones like it.
pub fn goal(rollouts: &[Rollout], phone: &Phone) -> Option<Id> {
    let mut rollouts: Vec<&Rollout> = rollouts.iter().collect();
    rollouts.sort_by_key(|rollout| std::cmp::Reverse(rollout.created));
    let told = |rollout: &&Rollout| match (&rollout.state, rollout.phones.get(&phone.mac)) {
        (RolloutState::Running | RolloutState::Finished { .. }, Some(Turn::Updating { .. } | Turn::Done { .. })) => {
            true
        }
        // It came later, as when a phone on a desk was replaced.
        (RolloutState::Finished { .. }, None) => covers(&rollout.scope, phone),
        _ => false,
    };
    rollouts.into_iter().find(told).map(|rollout| rollout.firmware)
}

/// Whether a scope names the phone.
pub fn covers(scope: &RolloutScope, phone: &Phone) -> bool {
    scope.organisation.is_none_or(|organisation| organisation == phone.organisation)
        && scope
            .model
            .as_ref()
            .is_none_or(|model| phone.model.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(model)))
        && (scope.phones.is_empty() || scope.phones.contains(&phone.mac))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brands::Registry;
    use crate::model::{FirmwareSource, Timestamp};

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
        let mut runs = "7.1.0".to_owned();
        let mut steps = Vec::new();
        while let Advice::Take(image) = next(goal, &catalogue, None, PHONE, Some(&runs)) {
            steps.push(image.release.as_str());
            runs = image.release.clone();
        }
        assert_eq!(steps, ["7.5.2b", "7.5.5", "7.6.2"]);
        assert_eq!(next(goal, &catalogue, None, PHONE, Some(&runs)), Advice::Right);
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
}
