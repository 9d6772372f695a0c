//! Roll-outs as they run: what the core decides is stored, phones are told, and what comes of it is recorded.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::catalogue;
use super::library::Library;
use super::rollout::{self, Candidate, World};
use crate::journal::{Heard, Journal, Live};
use crate::model::{Door, Event, Mac, Now, Outcome, Phone, Reason, Rollout, RolloutState, Step, Timestamp, Turn};
use crate::store::{self, Store, Write};
use crate::sys::clock::Clock;

/// How often roll-outs are looked at, though nothing is heard.
const TICK: Duration = Duration::from_secs(2);
/// How soon they are looked at after something was heard.
const SOON: Duration = Duration::from_millis(250);
/// How often it is looked for phones that have come into the scope of a roll-out meanwhile.
const FAR: Duration = Duration::from_secs(60);

/// Has a phone fetch its files now, where there is a way to tell it. Never waits; one that cannot be told comes by
/// itself.
pub type Tell = Arc<dyn Fn(Mac) + Send + Sync>;

/// Roll-outs, as one task drives them.
pub struct Rollouts {
    store: Store,
    journal: Journal,
    clock: Clock,
    library: Library,
    tell: Tell,
    /// Since when the clock has been trusted.
    up: Option<Timestamp>,
    heard: Heard,
    /// When each phone last began to fetch an image.
    fetched: HashMap<Mac, Timestamp>,
    /// When all phones were last looked at.
    far: Option<Instant>,
    /// Whether those whose turn it was when the box went down were told again.
    begun: bool,
}

impl Rollouts {
    /// Roll-outs of images of `library`; phones are told by `tell`.
    pub fn new(library: Library, (store, journal, clock): (Store, Journal, Clock), tell: Tell) -> Self {
        let (heard, fetched) = (Heard::from_now(&store), HashMap::new());
        Self { store, journal, clock, library, tell, up: None, heard, fetched, far: None, begun: false }
    }

    /// Drives them for as long as it is polled.
    pub async fn run(mut self) -> Infallible {
        let mut feed = self.journal.subscribe();
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(next) => {
                    self.all().await;
                    next = Instant::now() + TICK;
                }
                news = feed.recv() => {
                    // The box goes down.
                    if matches!(news, Err(RecvError::Closed)) {
                        std::future::pending::<()>().await;
                    }
                    self.hear(news);
                    next = next.min(Instant::now() + SOON);
                }
            }
        }
    }

    /// News of the journal.
    fn hear(&mut self, news: Result<Live, RecvError>) {
        match news {
            Ok(Live::Event { sequence, event }) if self.heard.is_news(sequence, &event) => self.note(event),
            // Who fetched the image unseen would be taken for one that puts it off.
            Err(RecvError::Lagged(_)) => {
                for event in self.heard.missed(&self.store) {
                    self.note(event);
                }
            }
            Ok(_) | Err(RecvError::Closed) => {}
        }
    }

    fn note(&mut self, event: Event) {
        if let (Reason::FirmwareGiven { .. }, Some(mac)) = (event.reason, event.mac) {
            self.fetched.insert(mac, event.last);
        }
    }

    /// Takes every roll-out a step on.
    async fn all(&mut self) {
        let now = self.clock.now();
        self.up = trusted_since(self.up, now);
        let is_live = |rollout: &Rollout| match rollout.state {
            RolloutState::Running => true,
            RolloutState::Stopped { .. } => rollout.phones.values().any(|turn| matches!(turn, Turn::Updating { .. })),
            RolloutState::Planned | RolloutState::Finished { .. } => false,
        };
        let live: Vec<Rollout> = self.store.rollouts().into_iter().filter(is_live).collect();
        if live.is_empty() {
            self.fetched.clear();
            self.begun = true;
            return;
        }
        let far = self.far.is_none_or(|far| far.elapsed() >= FAR);
        for rollout in live {
            if let Err(error) = self.one(&rollout, far).await {
                // Somebody changed it meanwhile, or the disk is full: the next look decides anew.
                tracing::debug!(rollout = rollout.name, %error, "a roll-out could not go on");
            }
        }
        if far {
            self.far = Some(Instant::now());
            // Whoever fetches an image may have made its name up.
            self.fetched.retain(|mac, _| self.store.listed(*mac).is_some());
        }
        self.begun = true;
    }

    async fn one(&self, rollout: &Rollout, far: bool) -> Result<(), store::Error> {
        let Some(image) = self.store.firmware(rollout.firmware) else {
            let why = "its image was taken out of the catalogue".to_owned();
            let state = RolloutState::Stopped { at: self.clock.now().wall, why: Some(why.clone()) };
            // Nobody is looked after any more: what they should run is not known.
            let phones = rollout.phones.iter().map(|(mac, turn)| (*mac, without_image(turn))).collect();
            self.put(Rollout { state, phones, ..rollout.clone() }).await?;
            self.say(None, Reason::RolloutStopped { name: rollout.name.clone(), why });
            return Ok(());
        };
        let fetched = |phone: &Phone| self.fetched.get(&phone.mac).copied();
        let phones = self.phones(rollout, far);
        let elsewhere = self.elsewhere(rollout, &phones);
        let phones: Vec<Candidate> = phones.iter().map(|phone| candidate(&self.store, phone, fetched(phone))).collect();
        let catalogue = self.store.firmwares();
        // Read after what phones did: what lies beyond it was before the clock was set back.
        let now = self.clock.now();
        let images = self.library.images_of(&image.brand);
        let ladder = rollout::ladder(rollout, (&image, &catalogue), images, &phones, now.wall);
        if rollout.state == RolloutState::Running {
            let needed = ladder.iter().copied().chain([&image]);
            needed.filter(|image| !self.library.has(image)).for_each(|image| self.library.want(image));
        }
        let world = World {
            image: &image,
            lack: rollout::lack(&image, &ladder, |image| self.library.has(image)),
            catalogue: &catalogue,
            images,
            phones: &phones,
            elsewhere: &elsewhere,
            up: self.up.unwrap_or(now.wall),
        };
        let step = rollout::step(rollout, &world, now);
        if step.rollout != *rollout {
            self.put(step.rollout).await?;
        }
        for (mac, reason) in step.say {
            self.say(mac, reason);
        }
        let again = if self.begun { Vec::new() } else { untold(rollout) };
        for mac in step.tell.into_iter().chain(again) {
            (self.tell)(mac);
        }
        Ok(())
    }

    /// The phones that a roll-out is for, by MAC; at times, those also that came into its scope since.
    ///
    /// The order is always the same one: who goes first must not depend on how they were found.
    fn phones(&self, rollout: &Rollout, far: bool) -> Vec<Arc<Phone>> {
        let group = |id| self.store.group(id);
        let known = |mac: &Mac| self.store.phone_by_mac(*mac);
        let mut phones: Vec<Arc<Phone>> = if !rollout.scope.phones.is_empty() {
            rollout.scope.phones.iter().filter_map(known).collect()
        } else if far || rollout.phones.is_empty() {
            self.store.phones()
        } else {
            rollout.phones.keys().filter_map(known).collect()
        };
        phones.retain(|phone| catalogue::covers(&rollout.scope, phone, group));
        phones.sort_unstable_by_key(|phone| phone.mac);
        phones
    }

    /// Those of its phones about which a roll-out decides that was started later.
    fn elsewhere(&self, rollout: &Rollout, phones: &[Arc<Phone>]) -> BTreeSet<Mac> {
        let mut later = self.store.rollouts();
        later.retain(|other| other.started > rollout.started);
        if later.is_empty() {
            return BTreeSet::new();
        }
        let decided = |phone: &&Arc<Phone>| {
            let suits = |id| match (self.store.firmware(id), &phone.brand) {
                (Some(image), Some(brand)) => image.suits(brand, phone.model.as_deref()),
                _ => false,
            };
            catalogue::decided(&later, phone, |id| self.store.group(id), suits).is_some()
        };
        phones.iter().filter(decided).map(|phone| phone.mac).collect()
    }

    async fn put(&self, rollout: Rollout) -> Result<(), store::Error> {
        let expect = Some(rollout.version);
        self.store.commit(vec![Write::PutRollout { rollout, expect }]).await
    }

    fn say(&self, mac: Option<Mac>, reason: Reason) {
        self.journal.record(Event::new(self.clock.now().wall, Door::Box, reason).about(mac));
    }
}

/// A phone as roll-outs see it.
pub(crate) fn candidate(store: &Store, phone: &Phone, fetched: Option<Timestamp>) -> Candidate {
    let journey = store.journey(phone.mac).unwrap_or_default();
    let light = journey.lights.get(&Step::Configuration);
    Candidate {
        mac: phone.mac,
        brand: phone.brand.clone(),
        model: phone.model.clone(),
        heard: light.filter(|light| light.outcome == Outcome::Done).map(|light| light.at),
        asked: light.map(|light| light.at),
        runs: journey.firmware,
        fetched,
    }
}

/// Since when the clock has been trusted, given since when it was at the last look; anew where it was set back.
fn trusted_since(up: Option<Timestamp>, now: Now) -> Option<Timestamp> {
    let up = up.filter(|up| *up <= now.wall).unwrap_or(now.wall);
    now.trusted.then_some(up)
}

/// Those whose turn it is and who have not begun to fetch the image.
fn untold(rollout: &Rollout) -> Vec<Mac> {
    let untold = |turn: &Turn| matches!(turn, Turn::Updating { fetched: None, .. });
    rollout.phones.iter().filter(|(_, turn)| untold(turn)).map(|(mac, _)| *mac).collect()
}

fn without_image(turn: &Turn) -> Turn {
    match turn {
        Turn::Updating { .. } | Turn::PutOff { .. } => Turn::Waiting,
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
