//! The task: what it waits for, what it keeps, and what it hears.

use std::collections::BTreeMap;
use std::io::Write as _;

use aws_lc_rs::digest::{Context, SHA256};

use super::super::{Settings, cache};
use super::*;
use crate::brands::Registry;
use crate::journal::Running;
use crate::model::{Firmware, FirmwareSource, Id, Journey, Light, RolloutPlan, RolloutScope, Wave};
use crate::store::samples;

struct Ground {
    rollouts: Rollouts,
    running: Running,
    _directory: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::new(Timestamp::from_secs(1_700_000_000));
        let (store, _) = Store::open(samples::options(directory.path(), clock.clone())).unwrap();
        let (journal, running) = Journal::open(store.clone()).unwrap();
        let parts = || (store.clone(), journal.clone(), clock.clone());
        let registry = Arc::new(Registry::builtin().unwrap());
        let library = Library::open(&directory.path().join("firmware"), parts(), registry).unwrap();
        let rollouts = Rollouts::new(library, parts(), Arc::new(|_| {}));
        Self { rollouts, running, _directory: directory }
    }

    /// Puts a phone on the list that was heard of now, on a box whose clock is trusted.
    async fn list(&self, runs: &str) -> (Mac, Timestamp) {
        self.rollouts.clock.vouch();
        let now = self.rollouts.clock.now().wall;
        let phone = samples::phone(1, 1);
        let mac = phone.mac;
        let heard = Light { at: now, outcome: Outcome::Done, reason: Reason::CaGiven };
        let lights = BTreeMap::from([(Step::Configuration, heard)]);
        let journey = Journey { lights, firmware: Some(runs.into()), ..Journey::default() };
        let writes = vec![
            Write::PutOrganisation { organisation: samples::organisation(1), expect: None },
            Write::PutPhone { phone, expect: None },
            Write::PutJourney { mac, journey },
        ];
        self.rollouts.store.commit(writes).await.unwrap();
        (mac, now)
    }

    /// Puts the bytes of an image on the box.
    fn bring(&self, bytes: &[u8]) {
        let cache = &self.rollouts.library.0.cache;
        let path = cache.arriving("test");
        let mut file = cache::create(&path).unwrap();
        file.write_all(bytes).unwrap();
        cache.take(&path, &file, digest(bytes)).unwrap();
    }
}

fn digest(bytes: &[u8]) -> super::super::Digest {
    let mut context = Context::new(&SHA256);
    context.update(bytes);
    cache::finish(context)
}

/// An image that is fetched from elsewhere, and whose bytes are its release.
fn image(number: u8, release: &str, needs: Option<&str>) -> Firmware {
    Firmware {
        id: Id::from_bytes([number; 16]),
        version: 0,
        origin: Id::from_bytes([0; 16]),
        brand: "brand".into(),
        models: Vec::new(),
        release: release.into(),
        name: format!("{release}.bin"),
        sha256: Some(digest(release.as_bytes()).0),
        size: Some(release.len() as u64),
        source: FirmwareSource::Url { url: "http://vendor.example/image.bin".into(), enabled: false },
        needs: needs.map(str::to_owned),
        notes: String::new(),
        pinned: false,
        created: Timestamp::default(),
    }
}

/// A roll-out that runs, to one phone.
fn running(number: u8, firmware: &Firmware, (mac, turn): (Mac, Option<Turn>), started: Timestamp) -> Rollout {
    Rollout {
        id: Id::from_bytes([number; 16]),
        version: 0,
        origin: Id::from_bytes([0; 16]),
        name: format!("roll-out {number}"),
        firmware: firmware.id,
        scope: RolloutScope { phones: vec![mac], ..RolloutScope::default() },
        plan: RolloutPlan::default(),
        state: RolloutState::Running,
        wave: Wave::default(),
        phones: turn.into_iter().map(|turn| (mac, turn)).collect(),
        before: Default::default(),
        created: Timestamp::default(),
        started,
    }
}

#[tokio::test]
async fn a_step_on_the_way_is_waited_for_and_stays_on_the_box() {
    let mut ground = Ground::new();
    let (store, library) = (ground.rollouts.store.clone(), ground.rollouts.library.clone());
    let (mac, now) = ground.list("7.4").await;
    let goal = image(2, "7.6", Some("7.5"));
    let rollout = running(3, &goal, (mac, None), now);
    let id = rollout.id;
    store.commit(vec![Write::PutRollout { rollout, expect: None }]).await.unwrap();
    for firmware in [goal, image(1, "7.5", None), image(4, "6.1", None)] {
        library.put(firmware, None).await.unwrap();
    }
    ground.bring(b"7.6");
    ground.rollouts.all().await;
    assert_eq!(store.rollout(id).unwrap().phones, BTreeMap::from([(mac, Turn::Waiting)]));
    ground.bring(b"7.5");
    ground.rollouts.all().await;
    assert!(matches!(store.rollout(id).unwrap().phones[&mac], Turn::Updating { .. }));

    ground.bring(b"6.1");
    library.set(&Settings { quota: 6, reserve: 0, ..library.settings() }).await.unwrap();
    library.make_room(0, 0).unwrap();
    let has = |number| library.has(&store.firmware(Id::from_bytes([number; 16])).unwrap());
    assert_eq!([1, 2, 4].map(has), [true, true, false]);
    assert!(library.make_room(1, 0).is_err(), "all that is left is needed");
}

#[tokio::test]
async fn a_phone_that_a_later_roll_out_reached_is_left_to_that_one() {
    let mut ground = Ground::new();
    let (store, library) = (ground.rollouts.store.clone(), ground.rollouts.library.clone());
    let (mac, now) = ground.list("7.4").await;
    let (one, other) = (image(1, "7.5", None), image(2, "7.6", None));
    let updating = Turn::Updating { since: now, step: None, fetched: None, put_off: 0 };
    let later = now.plus(Duration::from_millis(1));
    let rollouts = [
        running(3, &one, (mac, Some(updating.clone())), now),
        running(4, &other, (mac, Some(updating.clone())), later),
    ];
    let ids = rollouts.each_ref().map(|rollout| rollout.id);
    let writes = rollouts.map(|rollout| Write::PutRollout { rollout, expect: None });
    store.commit(writes.into()).await.unwrap();
    for firmware in [one, other] {
        library.put(firmware, None).await.unwrap();
    }
    ground.rollouts.all().await;
    let [first, second] = ids.map(|id| store.rollout(id).unwrap().phones[&mac].clone());
    assert!(matches!(&first, Turn::Refused { why } if why.contains("started later")), "{first:?}");
    assert_eq!(second, updating);
}

#[tokio::test]
async fn who_fetched_is_known_though_the_feed_was_faster() {
    let Ground { mut rollouts, running, _directory } = Ground::new();
    let journal = rollouts.journal.clone();
    let mut feed = journal.subscribe();
    let (mac, at) = (Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]), Timestamp::from_secs(1_700_000_001));
    let given = Event::new(at, Door::Http, Reason::FirmwareGiven { release: "66.87.0.10".into() });
    journal.record(given.about(mac));
    for number in 0..2000 {
        let reason = Reason::FirmwareFetched { release: format!("66.{number}"), bytes: 1 };
        journal.record(Event::new(at, Door::Box, reason));
    }
    running.close();
    let news = feed.recv().await;
    assert!(matches!(news, Err(RecvError::Lagged(_))), "{news:?}");
    rollouts.hear(news);
    assert_eq!(rollouts.fetched.get(&mac), Some(&at));
    // What follows was looked up, and is no news.
    let Ok(Live::Event { sequence, event }) = feed.recv().await else { panic!("no event") };
    assert!(!rollouts.heard.is_news(sequence, &event));
}

#[test]
fn a_clock_that_is_set_back_is_trusted_from_then_on() {
    let at = |secs, trusted| Now { monotonic: Duration::ZERO, wall: Timestamp::from_secs(secs), trusted };
    let up = trusted_since(None, at(1000, true));
    assert_eq!((up, trusted_since(None, at(1000, false))), (Some(Timestamp::from_secs(1000)), None));
    assert_eq!((trusted_since(up, at(2000, true)), trusted_since(up, at(2000, false))), (up, None));
    assert_eq!(trusted_since(up, at(500, true)), Some(Timestamp::from_secs(500)));
}
