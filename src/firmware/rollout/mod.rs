//! PURE. Roll-outs: whose turn comes, who is done, and when one stops by itself.
//!
//! ```text
//!            ┌──────────── put off (on a call) ◄──────────┐
//!            ▼                                            │
//!  waiting ──► updating ── told, and heard with the old release, and nothing fetched
//!                 ├── heard with the image's release ──► done
//!                 └── patience over ──────────────────► failed ── too many ──► the roll-out stops
//! ```
//!
//! The first wave are the canaries, at least one of each model: none of them may fail. Then one wave follows the other.
//! One of them that fetches the image where the box does not see it, and dies of it, looks like one on a call: so no
//! more than a few may put it off. Nothing begins and nothing is given up while the clock is not trusted: a box that
//! wakes up in the wrong year must not take every phone for lost.

pub mod back;
mod hold;
mod ladder;
mod start;
pub mod versions;
mod waves;
pub mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use self::hold::{Hold, Lack, hold, lack};
pub use self::ladder::{is_open, ladder};
pub use self::start::{begins, start, strayed};

use super::catalogue::{self, Advice};
use super::version::Numbering;
use crate::brands::Images;
use crate::model::{Firmware, Mac, Now, Reason, Rollout, RolloutState, Timestamp, Turn};

/// How often a phone may put its update off.
const MOST_PUT_OFF: u8 = 3;
/// So many of the first phones of a model that put it off stop the roll-out, unless as many of that model have taken it.
const UNSEEN: usize = 2;
/// A phone that has put its update off and was not heard of for so long has failed: longer than a weekend.
const SILENT: Duration = Duration::from_secs(3 * 86_400);

/// A phone as a roll-out sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its address.
    pub mac: Mac,
    /// Folder name of its brand, once known.
    pub brand: Option<String>,
    /// Its model, once known.
    pub model: Option<String>,
    /// The release that it reported last.
    pub runs: Option<String>,
    /// When it last fetched its own file with its own login.
    pub heard: Option<Timestamp>,
    /// When it last asked for its own file, whatever came of it; nothing where that was forgotten.
    pub asked: Option<Timestamp>,
    /// When it last began to fetch the image.
    pub fetched: Option<Timestamp>,
}

/// What a step is decided on.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// The image of the roll-out.
    pub image: &'a Firmware,
    /// What is not on the box of the image and its [`ladder`].
    pub lack: Option<Lack>,
    /// All images: some may be steps on the way.
    pub catalogue: &'a [Firmware],
    /// How the brand's phones are updated.
    pub images: Option<&'a Images>,
    /// The phones that the scope names.
    pub phones: &'a [Candidate],
    /// Those of them about which a roll-out decides that was started later.
    pub elsewhere: &'a BTreeSet<Mac>,
    /// Since when the box has run with a clock that can be trusted: phones are not held to have been silent before.
    pub up: Timestamp,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The roll-out after it.
    pub rollout: Rollout,
    /// Phones that are to fetch their files now.
    pub tell: Vec<Mac>,
    /// What is to be recorded, and about which phone.
    pub say: Vec<(Option<Mac>, Reason)>,
}

/// The next step of a roll-out, at this moment.
pub fn step(rollout: &Rollout, world: &World<'_>, now: Now) -> Step {
    let mut step = Step { rollout: rollout.clone(), tell: Vec::new(), say: Vec::new() };
    let running = match rollout.state {
        RolloutState::Running => true,
        // Those that were updating when it stopped are still looked after.
        RolloutState::Stopped { .. } => false,
        RolloutState::Planned | RolloutState::Finished { .. } => return step,
    };
    step.let_go(world);
    if running {
        step.take_in(world);
    }
    for candidate in world.phones {
        step.look(candidate, world, now);
    }
    if running && now.trusted && !step.stop(world, now) {
        step.go_on(world, now);
    }
    step
}

impl Step {
    /// Phones that are gone lose their turn.
    fn let_go(&mut self, world: &World<'_>) {
        let phones = &mut self.rollout.phones;
        let there: BTreeSet<Mac> = world.phones.iter().map(|phone| phone.mac).collect();
        phones.retain(|mac, _| there.contains(mac));
        self.rollout.before.retain(|mac, _| there.contains(mac));
        self.rollout.wave.phones.retain(|mac| there.contains(mac));
    }

    /// New phones get a turn, as long as there are not too many.
    fn take_in(&mut self, world: &World<'_>) {
        let phones = &mut self.rollout.phones;
        let named = &self.rollout.scope.phones;
        for phone in world.phones {
            if phones.len() >= Rollout::MOST_PHONES {
                break;
            }
            let suits = phone.brand.as_deref().is_some_and(|brand| world.image.suits(brand, phone.model.as_deref()));
            // Of an organisation or a group only those are meant that the image is for.
            if suits || named.contains(&phone.mac) {
                phones.entry(phone.mac).or_insert(Turn::Waiting);
            }
        }
    }

    /// What has become of a phone.
    fn look(&mut self, phone: &Candidate, world: &World<'_>, now: Now) {
        let Some(turn) = self.rollout.phones.get(&phone.mac).cloned() else { return };
        let release = world.image.release.as_str();
        let brand = phone.brand.as_deref().unwrap_or_default();
        let known = (brand, phone.model.as_deref());
        let advice = catalogue::next(world.image, world.catalogue, world.images, known, phone.runs.as_deref());
        let done = Turn::Done { at: now.wall };
        let new = match (&turn, &advice) {
            (Turn::Done { .. }, _) => return,
            (Turn::Updating { .. } | Turn::Failed { .. }, Advice::Right) => {
                self.say.push((Some(phone.mac), Reason::FirmwareRight { release: release.to_owned() }));
                done
            }
            (_, Advice::Right) => done,
            // Its files name what that one wants: here it has neither failed nor put anything off.
            (Turn::Waiting | Turn::Updating { .. } | Turn::PutOff { .. } | Turn::Away | Turn::Refused { .. }, _)
                if world.elsewhere.contains(&phone.mac) =>
            {
                // Another one goes first of its model.
                self.rollout.wave.phones.retain(|mac| *mac != phone.mac);
                Turn::Refused { why: "a roll-out that was started later decides about it".to_owned() }
            }
            (Turn::Updating { .. }, Advice::Stuck(why)) => self.fail(phone.mac, why.to_string(), (release, now)),
            (Turn::Failed { .. }, _) => return,
            (_, Advice::Stuck(why)) => Turn::Refused { why: why.to_string() },
            (Turn::Refused { .. }, Advice::Take(_)) => Turn::Waiting,
            (Turn::Updating { .. }, Advice::Take(_)) => match self.updating(phone, &turn, world, now) {
                Some(new) => new,
                None => return,
            },
            (Turn::PutOff { .. }, Advice::Take(_)) if is_silent(phone, world, now) => {
                let why = "it was not heard of since it put the update off".to_owned();
                self.fail(phone.mac, why, (release, now))
            }
            (Turn::Waiting | Turn::PutOff { .. } | Turn::Away, Advice::Take(_)) => return,
        };
        self.rollout.phones.insert(phone.mac, new);
    }

    /// What has become of a phone that runs another release still.
    fn updating(&mut self, phone: &Candidate, turn: &Turn, world: &World<'_>, now: Now) -> Option<Turn> {
        let Turn::Updating { since, step, fetched, put_off } = turn.clone() else { return None };
        if now.trusted && since > now.wall {
            // The clock was set back: it has all its time again, by the clock as it is now.
            let fetched = fetched.map(|at| at.min(now.wall));
            return Some(Turn::Updating { since: now.wall, step, fetched, put_off });
        }
        let hardware = world.images.map_or(0, |images| images.hardware_numbers);
        let climbed = |runs: &&str| step.as_deref().is_some_and(|step| !Numbering { hardware }.same(runs, step));
        if let Some(runs) = phone.runs.as_deref().filter(climbed) {
            // One step of the ladder: it has all its time again for the next one.
            let step = Some(runs.to_owned());
            return Some(Turn::Updating { since: now.wall, step, fetched: None, put_off });
        }
        if let (None, Some(at)) = (fetched, phone.fetched.filter(|at| *at >= since)) {
            return Some(Turn::Updating { since, step, fetched: Some(at), put_off });
        }
        let patient = since.max(world.up).plus(self.rollout.plan.patience());
        if !now.trusted || now.wall < patient {
            return None;
        }
        let heard = phone.heard.filter(|at| *at > since && *at <= now.wall);
        let runs = phone.runs.as_deref().unwrap_or("a release that it does not say");
        let why = match (fetched, heard) {
            (None, Some(_)) if put_off + 1 < MOST_PUT_OFF => {
                self.rollout.wave.phones.retain(|mac| *mac != phone.mac);
                return Some(Turn::PutOff { times: put_off + 1 });
            }
            (None, Some(_)) => format!("it came {MOST_PUT_OFF} times and was not seen to fetch the image"),
            (None, None) => "it was not heard of since it was told".to_owned(),
            (Some(fetched), Some(heard)) if heard > fetched => format!("it fetched the image and still runs {runs}"),
            (Some(_), _) => "it began to fetch the image and was not heard of since".to_owned(),
        };
        Some(self.fail(phone.mac, why, (world.image.release.as_str(), now)))
    }

    fn fail(&mut self, mac: Mac, why: String, (release, now): (&str, Now)) -> Turn {
        self.say.push((Some(mac), Reason::FirmwareFailed { release: release.to_owned() }));
        Turn::Failed { at: now.wall, why }
    }

    /// Stops when too many have failed, or may have; whether it did.
    fn stop(&mut self, world: &World<'_>, now: Now) -> bool {
        let Some(why) = self.too_many_failed().or_else(|| self.unseen(world)) else { return false };
        self.rollout.state = RolloutState::Stopped { at: now.wall, why: Some(why.clone()) };
        self.say.push((None, Reason::RolloutStopped { name: self.rollout.name.clone(), why }));
        true
    }

    /// Why it stops, when more have failed than may.
    fn too_many_failed(&self) -> Option<String> {
        let failed: Vec<(&Mac, &String)> = self
            .rollout
            .phones
            .iter()
            .filter_map(|(mac, turn)| match turn {
                Turn::Failed { why, .. } => Some((mac, why)),
                _ => None,
            })
            .collect();
        let canaries = self.rollout.wave.number == 0;
        let may_fail = if canaries { 0 } else { self.rollout.plan.may_fail };
        match failed.as_slice() {
            many if many.len() as u64 <= u64::from(may_fail) => None,
            [(mac, why), ..] if canaries => Some(format!("{mac} of the first phones failed: {why}")),
            [(mac, why)] => Some(format!("{mac} failed: {why}")),
            [(mac, why), rest @ ..] => {
                Some(format!("{} phones failed, and {may_fail} may; {mac}, as one of them: {why}", rest.len() + 1))
            }
            [] => None,
        }
    }

    /// Why it stops, when several of the first phones of a model were heard, and not seen to fetch the image.
    fn unseen(&self, world: &World<'_>) -> Option<String> {
        if self.rollout.wave.number != 0 {
            return None;
        }
        let mut models: BTreeMap<Option<&str>, (Vec<Mac>, usize)> = BTreeMap::new();
        for phone in world.phones {
            let (put_off, done) = models.entry(phone.model.as_deref()).or_default();
            match self.rollout.phones.get(&phone.mac) {
                Some(Turn::PutOff { .. }) => put_off.push(phone.mac),
                Some(Turn::Done { .. }) if self.rollout.before.contains_key(&phone.mac) => *done += 1,
                _ => {}
            }
        }
        let (put_off, _) = models.into_values().find(|(put_off, done)| put_off.len() >= UNSEEN.max(done + 1))?;
        let (n, mac) = (put_off.len(), put_off.first()?);
        let why =
            format!("{n} of the first phones were not seen to fetch the image: on a call, or broken; look at {mac}");
        Some(why)
    }

    /// Has turns begin, wave by wave, until all had theirs.
    fn go_on(&mut self, world: &World<'_>, now: Now) {
        let is = |phones: &BTreeMap<Mac, Turn>, mac: &Mac, open: fn(&Turn) -> bool| phones.get(mac).is_some_and(open);
        let open = |turn: &Turn| matches!(turn, Turn::Waiting | Turn::Updating { .. } | Turn::PutOff { .. });
        if !self.rollout.wave.phones.iter().any(|mac| is(&self.rollout.phones, mac, open)) {
            match waves::next(&self.rollout, world, now.wall) {
                Some(wave) => self.rollout.wave = wave,
                None => return self.finish(world, now),
            }
        }
        if hold(&self.rollout, world.lack, now).is_some() {
            return;
        }
        let at_work = self.rollout.phones.values().filter(|turn| matches!(turn, Turn::Updating { .. })).count();
        let most = usize::try_from(self.rollout.plan.at_once).unwrap_or(usize::MAX);
        let next: Vec<&Candidate> = self
            .rollout
            .wave
            .phones
            .iter()
            .filter(|mac| is(&self.rollout.phones, mac, |turn| matches!(turn, Turn::Waiting | Turn::PutOff { .. })))
            .filter_map(|mac| world.phones.iter().find(|phone| phone.mac == *mac))
            .take(most.saturating_sub(at_work))
            .collect();
        for phone in next {
            let put_off = match self.rollout.phones.get(&phone.mac) {
                Some(Turn::PutOff { times }) => *times,
                _ => 0,
            };
            self.remember(phone, world);
            let turn = Turn::Updating { since: now.wall, step: phone.runs.clone(), fetched: None, put_off };
            self.rollout.phones.insert(phone.mac, turn);
            self.tell.push(phone.mac);
            self.say.push((Some(phone.mac), Reason::FirmwareBehind { release: world.image.release.clone() }));
        }
    }

    /// What a phone runs is its way back, unless it is on its way already from what it ran before an earlier turn.
    fn remember(&mut self, phone: &Candidate, world: &World<'_>) {
        let Some(runs) = &phone.runs else { return };
        let about = (phone.brand.as_deref().unwrap_or_default(), phone.model.as_deref());
        let is_on_its_way =
            |before: &String| catalogue::comes_by(world.image, world.catalogue, world.images, about, (before, runs));
        if !self.rollout.before.get(&phone.mac).is_some_and(is_on_its_way) {
            self.rollout.before.insert(phone.mac, runs.clone());
        }
    }

    /// Everybody had a turn who was there. The others are told when they come, if that is no more than one wave: else,
    /// and before any phone has shown that the image is good, they are waited for.
    fn finish(&mut self, world: &World<'_>, now: Now) {
        let (mut left, mut done) = (0_u64, false);
        for turn in self.rollout.phones.values() {
            match turn {
                // Who has put it off comes again, or fails.
                Turn::Updating { .. } | Turn::PutOff { .. } => return,
                Turn::Waiting => left += 1,
                Turn::Done { .. } => done = true,
                Turn::Failed { .. } | Turn::Away | Turn::Refused { .. } => {}
            }
        }
        if left > 0 && (!done || left > u64::from(self.rollout.plan.wave)) {
            return;
        }
        for phone in world.phones {
            if self.rollout.phones.get(&phone.mac) == Some(&Turn::Waiting) {
                self.remember(phone, world);
                self.rollout.phones.insert(phone.mac, Turn::Away);
            }
        }
        self.rollout.state = RolloutState::Finished { at: now.wall };
        self.rollout.wave.phones.clear();
        self.say.push((None, Reason::RolloutFinished { name: self.rollout.name.clone() }));
    }
}

/// Whether a phone has not asked for long, in all of which the box could have heard it. One that is to start over, of
/// which nothing is known any more, is not silent.
fn is_silent(phone: &Candidate, world: &World<'_>, now: Now) -> bool {
    let since = |asked: Timestamp| if asked <= now.wall { asked.max(world.up) } else { world.up };
    now.trusted && phone.asked.is_some_and(|asked| now.wall.since(since(asked)) >= SILENT)
}

#[cfg(test)]
mod tests;
