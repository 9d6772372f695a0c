//! What the system around the program tells: what the image's scripts did, and whether a time server keeps the clock.

use std::io::Read;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::CARE;
use crate::journal::Journal;
use crate::model::{Door, Event, Reason};
use crate::store::{Store, Write};
use crate::sys::clock::Clock;

/// Sentences of the scripts, one a line, since the system started.
const NOTICES: &str = "/run/block66-boot/notices";
/// Each there while a time service has reached its source: the image's, or whoever says so in its way, and
/// systemd-timesyncd. The kernel is not asked: no safe call does that, and the service unit forbids it.
const CLOCK_KEPT: [&str; 2] = ["/run/block66-clock/synchronised", "/run/systemd/timesync/synchronized"];
/// A name that is another one after each start of the system.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
/// Key of the setting that says how many of them are on record.
const TOLD: &str = "box.notices";
/// Most that is read of them, in bytes.
const MOST: u64 = 64 * 1024;

/// How many sentences of which start are on record.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    boot: String,
    lines: usize,
}

/// Where time services say that they have reached their source.
pub(super) fn clock_kept() -> Vec<PathBuf> {
    CLOCK_KEPT.map(PathBuf::from).into()
}

/// Vouches for the clock as soon as one of `kept` is there. The network, and with it the source of a time service,
/// often comes later than the program.
pub(super) async fn follow_clock(kept: Vec<PathBuf>, clock: Clock, stop: CancellationToken) {
    while !kept.iter().any(|path| path.exists()) {
        tokio::select! {
            () = tokio::time::sleep(CARE) => {}
            () = stop.cancelled() => return,
        }
    }
    clock.vouch();
}

/// Puts on record what the scripts did, until the box stops.
pub(super) async fn follow(store: Store, journal: Journal, clock: Clock, stop: CancellationToken) {
    loop {
        put_on_record(&store, &journal, &clock).await;
        tokio::select! {
            () = tokio::time::sleep(CARE) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn put_on_record(store: &Store, journal: &Journal, clock: &Clock) {
    let Ok(text) = bounded(NOTICES) else { return };
    let boot = bounded(BOOT).unwrap_or_default().trim().to_owned();
    let told: Told = store.setting(TOLD).and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    let new = untold(&text, &told, &boot);
    if new.is_empty() {
        return;
    }
    for what in &new {
        let reason = Reason::BoxNotice { what: what.chars().filter(|c| !c.is_control()).take(300).collect() };
        journal.record(Event::new(clock.now().wall, Door::Box, reason));
    }
    let told = Told { boot, lines: text.lines().count() };
    if let Ok(value) = serde_json::to_value(told) {
        let kept = store.commit(vec![Write::PutSetting { key: TOLD.into(), value }]).await;
        if let Err(error) = kept {
            tracing::warn!(%error, "what the system did may be recorded twice");
        }
    }
}

/// The lines that are not on record yet.
fn untold<'a>(text: &'a str, told: &Told, boot: &str) -> Vec<&'a str> {
    let before = if told.boot == boot { told.lines } else { 0 };
    text.lines().skip(before).filter(|line| !line.trim().is_empty()).collect()
}

fn bounded(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MOST).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[tokio::test(start_paused = true)]
    async fn a_time_service_that_reaches_its_source_after_the_start_counts() {
        let directory = tempfile::tempdir().unwrap();
        let kept = directory.path().join("synchronized");
        let clock = Clock::new(Timestamp::default());
        let paths = vec![directory.path().join("another"), kept.clone()];
        let following = tokio::spawn(follow_clock(paths, clock.clone(), CancellationToken::new()));
        tokio::time::sleep(CARE * 3).await;
        assert!(!clock.now().trusted, "nobody vouches yet");
        std::fs::write(kept, "").unwrap();
        tokio::time::timeout(CARE * 2, following).await.unwrap().unwrap();
        assert!(clock.now().trusted);
    }

    #[test]
    fn each_sentence_is_told_once_a_start() {
        let text = "The disk was repaired.\nVersion 1 runs again.\n";
        let told = Told { boot: "a".into(), lines: 1 };
        assert_eq!(untold(text, &Told::default(), "a").len(), 2);
        assert_eq!(untold(text, &told, "a"), ["Version 1 runs again."]);
        assert_eq!(untold(text, &told, "b").len(), 2, "another start");
        assert!(untold(text, &Told { boot: "a".into(), lines: 2 }, "a").is_empty());
    }
}
