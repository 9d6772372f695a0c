//! Roll-outs of firmware: what administrators do with them, and what they see of them.

pub(super) mod draft;
mod show;

use std::collections::BTreeSet;

use hyper::StatusCode;

pub(in crate::admin) use self::draft::RolloutDraft;
use self::show::shown_image;
use super::problem::Problem;
use super::{Admin, types};
use crate::brands::Images;
use crate::firmware::candidate;
use crate::firmware::rollout::{self, Candidate, back, versions};
use crate::model::{Door, Event, Id, Reason, Rollout, RolloutPlan, RolloutScope, RolloutState, Timestamp, Wave};
use crate::store::Write;
use crate::sys::random;

impl Admin {
    /// All roll-outs, newest first.
    pub(in crate::admin) fn rollouts(&self) -> types::Rollouts {
        let mut all = self.0.store.rollouts();
        all.sort_by_key(|rollout| std::cmp::Reverse(rollout.created));
        types::Rollouts { rollouts: all.iter().map(|rollout| self.shown_rollout(rollout, false)).collect() }
    }

    pub(in crate::admin) fn rollout_in(&self, id: &str) -> Result<Rollout, Problem> {
        let found = id.parse::<Id>().ok().and_then(|id| self.0.store.rollout(id));
        found.ok_or_else(|| {
            let detail = format!("There is no roll-out {id}.");
            let next = "Look it up with `block66 rollouts list`.";
            Problem::new(StatusCode::NOT_FOUND, "rollout-unknown", detail, next)
        })
    }

    fn new_rollout(&self, name: String, firmware: Id, scope: RolloutScope, plan: RolloutPlan) -> Rollout {
        let now = self.0.clock.now().wall;
        Rollout {
            id: random::id(now),
            version: 0,
            origin: self.0.facts.box_id,
            name,
            firmware,
            scope,
            plan,
            state: RolloutState::Planned,
            wave: Wave::default(),
            phones: Default::default(),
            before: Default::default(),
            created: now,
            started: now,
        }
    }

    /// Begins a roll-out, or begins a stopped one again.
    pub(in crate::admin) async fn start_rollout(&self, id: &str) -> Result<types::Rollout, Problem> {
        let rollout = self.rollout_in(id)?;
        if !matches!(rollout.state, RolloutState::Planned | RolloutState::Stopped { .. }) {
            return Err(wrong_state("It runs already, or is over."));
        }
        let Some(image) = self.0.store.firmware(rollout.firmware) else {
            return Err(wrong_state("Its image was taken out of the catalogue."));
        };
        let strayed = rollout::strayed(&image, self.images_of(&image.brand), &self.candidates(&rollout));
        let version = rollout.version;
        let shown = self.put_rollout(rollout::start(&rollout, self.begins(), &strayed), version).await?;
        self.note(Reason::RolloutStarted { name: rollout.name });
        Ok(shown)
    }

    /// Stops a roll-out: no phone is told of its image any more.
    pub(in crate::admin) async fn stop_rollout(&self, id: &str) -> Result<types::Rollout, Problem> {
        let rollout = self.rollout_in(id)?;
        if rollout.state != RolloutState::Running {
            return Err(wrong_state("It does not run."));
        }
        self.end_rollout(rollout).await
    }

    /// Neither phones that it was to reach nor those that come are told of its image any more.
    async fn end_rollout(&self, rollout: Rollout) -> Result<types::Rollout, Problem> {
        let (version, name) = (rollout.version, rollout.name.clone());
        let state = RolloutState::Stopped { at: self.0.clock.now().wall, why: None };
        let shown = self.put_rollout(Rollout { state, ..rollout }, version).await?;
        self.note(Reason::RolloutStopped { name, why: "an administrator wanted it".into() });
        Ok(shown)
    }

    /// Takes away a roll-out that does not run. What its phones should run is no longer known by it.
    pub(in crate::admin) async fn remove_rollout(&self, id: &str) -> Result<types::Rollout, Problem> {
        let rollout = self.rollout_in(id)?;
        if rollout.state == RolloutState::Running {
            return Err(wrong_state("It runs; stop it first."));
        }
        self.0.store.commit(vec![Write::DeleteRollout(rollout.id)]).await?;
        Ok(self.shown_rollout(&rollout, false))
    }

    /// Stops a roll-out and brings the phones that it reached back to the release that they had. One that runs, or is over
    /// and what phones that come are told of, is stopped first: no phone gets the image while it is looked who goes back,
    /// nor after that where nobody can.
    pub(in crate::admin) async fn roll_back(&self, id: &str) -> Result<types::RolledBack, Problem> {
        let rollout = self.rollout_in(id)?;
        let Some(image) = self.0.store.firmware(rollout.firmware) else {
            return Err(wrong_state("Its image was taken out of the catalogue."));
        };
        let decided = matches!(rollout.state, RolloutState::Running | RolloutState::Finished { .. });
        let rollout = if decided {
            self.end_rollout(rollout).await?;
            self.rollout_in(id)?
        } else {
            rollout
        };
        let phones = self.candidates(&rollout);
        let catalogue = self.0.store.firmwares();
        let way = back::back(&rollout, (&image, &catalogue), self.images_of(&image.brand), &phones);
        if !decided && way.to.is_empty() && way.stay.is_empty() {
            return Err(wrong_state("No phone has got its image from it."));
        }
        let mut rollouts = Vec::new();
        for (firmware, macs) in way.to {
            let scope = RolloutScope { phones: macs, ..RolloutScope::default() };
            let name: String = format!("Back from {}", rollout.name).chars().take(64).collect();
            // Whoever goes back does not wait for the night.
            let plan = RolloutPlan { window: None, ..rollout.plan.clone() };
            let planned = self.new_rollout(name.clone(), firmware, scope, plan);
            let back = rollout::start(&planned, self.begins(), &BTreeSet::new());
            rollouts.push(self.put_rollout(back, 0).await?);
            self.note(Reason::RolloutStarted { name });
        }
        let stay = way.stay.into_iter().map(|(mac, why)| types::Staying { mac, why }).collect();
        Ok(types::RolledBack { rollouts, stay })
    }

    /// Who runs what.
    pub(in crate::admin) fn versions(&self) -> types::Versions {
        let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
        let phones = self.roster().into_iter().map(|row| (text(&row.brand), text(&row.model), text(&row.firmware)));
        let catalogue = self.0.store.firmwares();
        let report = versions::report(phones, &catalogue, |brand| self.images_of(brand));
        let behind = report.iter().filter(|runs| runs.behind.is_some()).map(|runs| runs.phones).sum();
        let shown = |runs: versions::Runs<'_>| types::Version {
            brand: runs.brand,
            model: runs.model,
            version: runs.release,
            phones: runs.phones,
            newer: runs.behind.map(shown_image),
        };
        types::Versions { versions: report.into_iter().map(shown).collect(), behind }
    }

    async fn put_rollout(&self, rollout: Rollout, expect: u64) -> Result<types::Rollout, Problem> {
        let id = rollout.id;
        self.0.store.commit(vec![Write::PutRollout { rollout, expect: Some(expect) }]).await?;
        Ok(self.shown_rollout(&self.rollout_in(&id.to_string())?, true))
    }

    /// The phones that have a turn in a roll-out and are still on the list.
    fn candidates(&self, rollout: &Rollout) -> Vec<Candidate> {
        let phones = rollout.phones.keys().filter_map(|mac| self.0.store.phone_by_mac(*mac));
        phones.map(|phone| candidate(&self.0.store, &phone, None)).collect()
    }

    /// When a roll-out begins that is started now.
    fn begins(&self) -> Timestamp {
        rollout::begins(&self.0.store.rollouts(), self.0.clock.now().wall)
    }

    fn images_of(&self, brand: &str) -> Option<&Images> {
        self.0.facts.firmware.images_of(brand)
    }

    fn note(&self, reason: Reason) {
        self.0.journal.record(Event::new(self.0.clock.now().wall, Door::Admin, reason));
    }
}

fn wrong_state(detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "not-possible", detail, "Look at it as it is now.")
}
