use crate::admin::{Admin, types};
use crate::firmware::rollout::{self, Lack, window};
use crate::model::{Firmware, Mac, Rollout, RolloutPlan, RolloutScope, RolloutState, Turn, UpdateWindow};

/// Days as they are written, Monday first.
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Admin {
    /// A roll-out as the API shows it, with its phones if they are wanted.
    pub(in crate::admin) fn shown_rollout(&self, rollout: &Rollout, whole: bool) -> types::Rollout {
        let image = self.0.store.firmware(rollout.firmware);
        let now = self.0.clock.now();
        let lack = || match &image {
            Some(image) => self.0.facts.firmware.lack(rollout, image),
            None => Some(Lack::Image),
        };
        let running = rollout.state == RolloutState::Running;
        let holds = running.then(|| rollout::hold(rollout, lack(), now)).flatten();
        let counts = counts(rollout);
        let (state, at) = match &rollout.state {
            RolloutState::Planned => ("planned", None),
            RolloutState::Running => ("running", None),
            RolloutState::Stopped { at, .. } => ("stopped", Some(at)),
            RolloutState::Finished { at } => ("finished", Some(at)),
        };
        let gone = || types::RolloutImage {
            id: rollout.firmware.to_string(),
            brand: String::new(),
            version: "an image that is gone".into(),
        };
        types::Rollout {
            id: rollout.id.to_string(),
            revision: rollout.version,
            name: rollout.name.clone(),
            image: image.as_ref().map_or_else(gone, shown_image),
            scope: self.scope_in_words(&rollout.scope),
            plan: shown_plan(&rollout.plan),
            state: state.to_owned(),
            says: says(&rollout.state, &counts),
            at: at.map(ToString::to_string),
            holds: holds.map(|hold| hold.to_string()),
            wave: rollout.wave.number,
            counts,
            phones: if whole { self.phones_of(rollout) } else { Vec::new() },
            created: rollout.created.to_string(),
        }
    }

    fn phones_of(&self, rollout: &Rollout) -> Vec<types::RolloutPhone> {
        let shown = |(mac, turn): (&Mac, &Turn)| {
            let phone = self.0.store.phone_by_mac(*mac);
            let (turn, says, at) = turn_in_words(turn, rollout.before.get(mac));
            types::RolloutPhone {
                mac: *mac,
                name: phone.as_ref().map(|phone| phone.name.clone()).unwrap_or_default(),
                model: phone.as_ref().and_then(|phone| phone.model.clone()),
                runs: self.0.store.journey(*mac).and_then(|journey| journey.firmware),
                turn: turn.to_owned(),
                says,
                at,
                in_wave: rollout.wave.phones.contains(mac),
            }
        };
        rollout.phones.iter().map(shown).collect()
    }

    fn scope_in_words(&self, scope: &RolloutScope) -> String {
        let mut words = Vec::new();
        if !scope.phones.is_empty() {
            words.push(match scope.phones.as_slice() {
                [one] => self.phone_name(*one).filter(|name| !name.is_empty()).unwrap_or_else(|| one.to_string()),
                many => format!("{} phones", many.len()),
            });
        }
        words.extend(scope.model.clone());
        words.extend(scope.group.map(|id| match self.0.store.group(id) {
            Some(group) => format!("of group {}", group.name),
            None => "of a group that is gone".into(),
        }));
        words.extend(scope.organisation.map(|id| match self.0.store.organisation(id) {
            Some(organisation) => format!("of {}", organisation.name),
            None => "of an organisation that is gone".into(),
        }));
        if words.is_empty() { "all phones that it is for".into() } else { words.join(" ") }
    }
}

pub(super) fn shown_image(image: &Firmware) -> types::RolloutImage {
    types::RolloutImage { id: image.id.to_string(), brand: image.brand.clone(), version: image.release.clone() }
}

fn shown_plan(plan: &RolloutPlan) -> types::RolloutPlan {
    let window = plan.window.as_ref();
    let days = |window: &UpdateWindow| {
        DAYS.iter().zip(window.days).filter(|(_, chosen)| *chosen).map(|(day, _)| (*day).to_owned()).collect()
    };
    types::RolloutPlan {
        canary: plan.canary,
        wave: plan.wave,
        at_once: plan.at_once,
        patience: plan.patience,
        may_fail: plan.may_fail,
        hours: window.map(window::hours),
        days: window.map(days).unwrap_or_default(),
        zone: window.map(|window| window.zone.clone()),
    }
}

fn counts(rollout: &Rollout) -> types::RolloutCounts {
    let mut counts = types::RolloutCounts::default();
    for turn in rollout.phones.values() {
        *match turn {
            Turn::Waiting => &mut counts.waiting,
            Turn::Updating { .. } => &mut counts.updating,
            Turn::PutOff { .. } => &mut counts.put_off,
            Turn::Done { .. } => &mut counts.done,
            Turn::Failed { .. } => &mut counts.failed,
            Turn::Away => &mut counts.away,
            Turn::Refused { .. } => &mut counts.refused,
        } += 1;
    }
    counts
}

fn says(state: &RolloutState, counts: &types::RolloutCounts) -> String {
    let done = counts.done;
    match state {
        RolloutState::Planned => "It is planned and has not begun.".into(),
        RolloutState::Running => {
            let left = counts.waiting + counts.put_off;
            format!("It runs: {done} done, {} updating, {left} to come, {} failed.", counts.updating, counts.failed)
        }
        RolloutState::Stopped { why: Some(why), .. } => format!("It stopped by itself: {why}. {done} are done."),
        RolloutState::Stopped { why: None, .. } => format!("An administrator stopped it. {done} are done."),
        RolloutState::Finished { .. } => {
            let absent = match counts.away {
                0 => String::new(),
                away => format!(" {away} were not there and get it when they come."),
            };
            format!("It is over: {done} done, {} failed.{absent}", counts.failed)
        }
    }
}

fn turn_in_words(turn: &Turn, before: Option<&String>) -> (&'static str, String, Option<String>) {
    match turn {
        Turn::Waiting => ("waiting", "Its turn is to come.".into(), None),
        Turn::Updating { since, fetched: None, .. } => {
            ("updating", "It is told, and has not fetched the image yet.".into(), Some(since.to_string()))
        }
        Turn::Updating { fetched: Some(at), .. } => {
            ("updating", "It has begun to fetch the image.".into(), Some(at.to_string()))
        }
        Turn::PutOff { times } => (
            "put-off",
            format!("It came {times} times in its turn and was not seen to fetch the image, as phones on a call."),
            None,
        ),
        Turn::Done { at } => {
            let says = match before {
                Some(before) => format!("It came back with it; before, it ran {before}."),
                None => "It runs it.".into(),
            };
            ("done", says, Some(at.to_string()))
        }
        Turn::Failed { at, why, .. } => ("failed", format!("It failed: {why}."), Some(at.to_string())),
        Turn::Away => ("away", "It was not there; it gets the image when it comes.".into(), None),
        Turn::Refused { why } => ("refused", format!("It does not get the image: {why}."), None),
    }
}
