//! A branch whose phones behave in every way that phones do.

use std::sync::LazyLock;

use super::super::*;
use crate::brands::{Brand, Registry};
use crate::model::{FirmwareSource, Id, RolloutPlan, RolloutScope, Wave};

pub(super) const START: Timestamp = Timestamp::from_secs(1_790_000_000);
pub(super) const NEW: &str = "66.87.0.10";
pub(super) const OLD: &str = "66.86.0.15";
pub(super) const PATIENCE: u64 = 600;

/// What a phone does when it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// It fetches the image and comes back with it.
    Updates,
    /// It fetches the image and is never heard of again.
    Dies,
    /// As it dies, and nobody sees that it fetches the image.
    DiesUnseen,
    /// It comes, fetches its file and not the image, so many times, and then updates.
    IsOnACall(u32),
    /// It loses its power on the way, comes back with what it ran, and then updates.
    LosesPower,
    /// It does not listen.
    Sleeps,
}

pub(super) struct Branch {
    pub(super) rollout: Rollout,
    pub(super) image: Firmware,
    pub(super) here: bool,
    pub(super) phones: Vec<(Candidate, Does)>,
    pub(super) elsewhere: BTreeSet<Mac>,
    pub(super) told: Vec<Mac>,
    pub(super) said: Vec<(Option<Mac>, Reason)>,
    pub(super) up: Timestamp,
    pub(super) now: Now,
}

pub(super) fn mac(number: u8) -> Mac {
    Mac::new([0x80, 0x5e, 0xc0, 0, 0, number])
}

pub(super) fn image(release: &str, models: &[&str], needs: Option<&str>) -> Firmware {
    Firmware {
        id: Id::from_bytes([9; 16]),
        version: 1,
        origin: Id::from_bytes([0; 16]),
        brand: brand().id.clone(),
        models: models.iter().map(|&model| model.to_owned()).collect(),
        release: release.into(),
        name: "image.rom".into(),
        sha256: None,
        size: None,
        source: FirmwareSource::Uploaded,
        needs: needs.map(str::to_owned),
        notes: String::new(),
        pinned: false,
        created: START,
    }
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::builtin().unwrap());

/// A brand whose releases begin with a number for the hardware, and that takes older ones.
pub(super) fn brand() -> &'static Brand {
    let fits = |images: &Images| images.hardware_numbers == 1 && images.rollback;
    REGISTRY.brands().find(|brand| brand.firmware.as_ref().is_some_and(fits)).unwrap()
}

impl Branch {
    /// Phones by what they do, each of the first model but for every second one.
    pub(super) fn new(plan: RolloutPlan, does: &[Does]) -> Self {
        let brand = &brand().id;
        let phone = |number: u8| Candidate {
            mac: mac(number),
            brand: Some(brand.clone()),
            model: Some(if number.is_multiple_of(2) { "M1" } else { "M2" }.into()),
            runs: Some(OLD.into()),
            heard: Some(START),
            asked: Some(START),
            fetched: None,
        };
        let rollout = Rollout {
            id: Id::from_bytes([1; 16]),
            version: 1,
            origin: Id::from_bytes([0; 16]),
            name: "new one".into(),
            firmware: Id::from_bytes([9; 16]),
            scope: RolloutScope::default(),
            plan,
            state: RolloutState::Planned,
            wave: Wave::default(),
            phones: BTreeMap::new(),
            before: BTreeMap::new(),
            created: START,
            started: START,
        };
        Self {
            rollout: start(&rollout, START, &BTreeSet::new()),
            image: image(NEW, &["M1", "M2"], None),
            here: true,
            phones: (0..).map(phone).zip(does.iter().copied()).collect(),
            elsewhere: BTreeSet::new(),
            told: Vec::new(),
            said: Vec::new(),
            up: START,
            now: Now { monotonic: Duration::ZERO, wall: START, trusted: true },
        }
    }

    /// One look at the roll-out; those who are told in it act at once.
    pub(super) fn step(&mut self) {
        let candidates: Vec<Candidate> = self.phones.iter().map(|(phone, _)| phone.clone()).collect();
        let catalogue = [self.image.clone()];
        let world = World {
            image: &self.image,
            lack: (!self.here).then_some(Lack::Image),
            catalogue: &catalogue,
            images: brand().firmware.as_ref(),
            phones: &candidates,
            elsewhere: &self.elsewhere,
            up: self.up,
        };
        let step = step(&self.rollout, &world, self.now);
        self.rollout = step.rollout;
        self.said.extend(step.say);
        for mac in step.tell {
            self.told.push(mac);
            self.is_told(mac);
        }
    }

    pub(super) fn is_told(&mut self, mac: Mac) {
        let now = self.now.wall;
        let (phone, does) = self.phones.iter_mut().find(|(phone, _)| phone.mac == mac).unwrap();
        let later = |seconds| now.plus(Duration::from_secs(seconds));
        let heard = later(1);
        match *does {
            Does::Updates => (phone.heard, phone.fetched, phone.runs) = (Some(heard), Some(heard), Some(NEW.into())),
            Does::Dies => (phone.heard, phone.fetched) = (Some(heard), Some(heard)),
            Does::DiesUnseen => {
                phone.heard = Some(heard);
                *does = Does::Sleeps;
            }
            Does::IsOnACall(times) => {
                phone.heard = Some(heard);
                *does = if times > 1 { Does::IsOnACall(times - 1) } else { Does::Updates };
            }
            Does::LosesPower => {
                (phone.heard, phone.fetched) = (Some(heard), Some(heard));
                *does = Does::Updates;
            }
            Does::Sleeps => {}
        }
    }

    /// Time goes by, and the roll-out is looked at every minute.
    pub(super) fn pass(&mut self, minutes: u64) {
        for _ in 0..minutes {
            self.step();
            self.now.wall = self.now.wall.plus(Duration::from_secs(60));
        }
        self.step();
    }

    pub(super) fn turn(&self, number: u8) -> &Turn {
        &self.rollout.phones[&mac(number)]
    }

    pub(super) fn at_work(&self) -> usize {
        self.rollout.phones.values().filter(|turn| matches!(turn, Turn::Updating { .. })).count()
    }

    pub(super) fn is_done(&self, number: u8) -> bool {
        matches!(self.turn(number), Turn::Done { .. })
    }
}

pub(super) fn plan(canary: u32, wave: u32, at_once: u32, may_fail: u32) -> RolloutPlan {
    RolloutPlan { canary, wave, at_once, window: None, patience: PATIENCE, may_fail }
}
