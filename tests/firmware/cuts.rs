//! Kills and power cuts at any moment of downloads and uploads: what is in the catalogue as brought is there whole, and
//! nobody is ever given a wrong byte.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use block66::firmware::Whereabouts;
use block66::model::{Firmware, FirmwareSource};

use crate::disk::{Disk, Mode};
use crate::ground::{Ground, Upstream, response, whole, within};
use crate::random::{self, Random};
use crate::record::{self, Deed};

/// Images that are in the catalogue at a time; older ones are taken out.
const KEPT: u32 = 6;
/// Power cuts, unless `FIRMWARE_CUTS` says how many.
const CUTS: usize = 100;
/// Lives that are killed.
const KILLS: usize = 30;

/// The bytes of release `66.N.0.0`: never the same twice, and of a length of its own.
fn bytes_of(release: &str) -> Vec<u8> {
    let number: usize = release.split('.').nth(1).unwrap().parse().unwrap();
    let length = 90_000 + number * 7919 % 400_000;
    (0..length).map(|at| ((at / 5) * (number * 2 + 3) % 253) as u8).collect()
}

/// Brings images and has images fetched, one after the other, until `count` are done or somebody kills it. Tells on its
/// standard output which ones it was told to be in the catalogue.
async fn work(directory: &Path, first: u32, count: u32) {
    let upstream = Upstream::start(|number, head| {
        let release = head.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
        let bytes = bytes_of(&release);
        let from =
            head.lines().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        let total = bytes.len();
        match from {
            // Every second answer breaks off.
            None if number % 2 == 0 => {
                let headers = format!("Content-Length: {total}\r\nETag: \"{release}\"\r\n");
                let whole = response("200 OK", &headers, &bytes);
                whole[..whole.len() * 2 / 3].to_vec()
            }
            None => response("200 OK", &format!("Content-Length: {total}\r\nETag: \"{release}\"\r\n"), &bytes),
            Some(from) => {
                let range = format!("Content-Range: bytes {from}-{}/{total}\r\n", total - 1);
                let headers = format!("Content-Length: {}\r\n{range}", total - from);
                response("206 Partial Content", &headers, &bytes[from..])
            }
        }
    })
    .await;
    let ground = Ground::at(directory);
    for number in first..first + count {
        let release = format!("66.{number}.0.0");
        if number % 2 == 0 {
            ground.upload(&release, &bytes_of(&release)).await;
            println!("\nbrought {release}");
        } else {
            let url = format!("http://{}/{release}", upstream.at);
            let image = ground.refer_to(url, &release, &bytes_of(&release)).await;
            if let Ok(content) = ground.library.content(&image).await {
                let _ = whole(content).await;
            }
        }
        for old in ground.library.images() {
            let of: u32 = old.release.split('.').nth(1).unwrap().parse().unwrap();
            if of + KEPT < number {
                ground.library.remove(&old).await.unwrap();
            }
        }
    }
}

#[test]
#[ignore = "the work, which other tests start as a child"]
fn work_in_a_child() {
    let Some(directory) = std::env::var_os("FIRMWARE_CHILD").map(PathBuf::from) else { return };
    let (first, count) = (number("FIRMWARE_FIRST"), number("FIRMWARE_COUNT"));
    within(300, work(&directory, first, count));
}

fn number(name: &str) -> u32 {
    std::env::var(name).unwrap().parse().unwrap()
}

fn child(directory: &Path, first: u32, count: u32) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--ignored", "--nocapture", "cuts::work_in_a_child"])
        .env("FIRMWARE_CHILD", directory)
        .env("FIRMWARE_FIRST", first.to_string())
        .env("FIRMWARE_COUNT", count.to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Opens what is left, and reads every image as a phone would, with nobody to fetch from. How many could be read; or
/// what is wrong.
async fn look(directory: &Path) -> Result<usize, String> {
    let ground = Ground::at(directory);
    let mut read = 0;
    for image in ground.library.images() {
        let Firmware { release, source, .. } = &image;
        let brought = *source == FirmwareSource::Uploaded;
        let here = ground.library.whereabouts(&image) == Whereabouts::Here;
        if !here {
            if brought && !ground.restored {
                return Err(format!("{release} was brought and is gone"));
            }
            continue;
        }
        match ground.library.content(&image).await {
            Ok(content) => match whole(content).await {
                Ok(bytes) if bytes == bytes_of(release) => read += 1,
                Ok(_) => return Err(format!("{release} is given with wrong bytes")),
                Err(far) => return Err(format!("{release} ends after {far} bytes")),
            },
            // Damage is found out before a phone has a byte, and then it is to be fetched again.
            Err(why) if brought => return Err(format!("{release} was brought and cannot be had: {why}")),
            Err(_) => {}
        }
    }
    Ok(read)
}

/// Looks in a runtime of its own, at most for so long.
fn looked(directory: &Path) -> Result<usize, String> {
    let (sender, outcome) = std::sync::mpsc::channel();
    within(30, async move { sender.send(look(directory).await).unwrap() });
    outcome.recv().unwrap()
}

/// The same deeds on a disk that keeps the store and every name, but never the bytes of an image.
fn without_image_syncs(deeds: Vec<Deed>) -> Vec<Deed> {
    let mut images = HashSet::new();
    let mut is_kept = |deed: &Deed| match deed {
        Deed::Open { fd, path, .. } => {
            let directory = path.parent();
            if ["firmware/images", "firmware/arriving"].map(Path::new).map(Some).contains(&directory) {
                images.insert(*fd);
            } else {
                images.remove(fd);
            }
            true
        }
        Deed::SyncBegin { fd, .. } => !images.contains(fd),
        _ => true,
    };
    deeds.into_iter().filter(|deed| is_kept(deed)).collect()
}

#[test]
fn no_power_cut_leaves_a_wrong_byte() {
    let seed = random::seed();
    let mut random = Random::new(seed);
    let scratch = tempfile::tempdir().unwrap();
    let (root, log, marks) = (scratch.path().join("root"), scratch.path().join("log"), scratch.path().join("marks"));
    std::fs::create_dir(&root).unwrap();
    let mut command = child(&root, 0, 24);
    command.env("LD_PRELOAD", record::compile()).env("RECORD_ROOT", &root).env("RECORD_LOG", &log);
    command.env("RECORD_MARKS", &marks).stdout(Stdio::null());
    assert!(command.status().unwrap().success(), "the work failed");
    let deeds = record::read(&log, &root);
    assert!(deeds.iter().any(|deed| matches!(deed, Deed::Rename { to, .. } if to.starts_with("firmware/images"))));

    let cuts = |count: usize, random: &mut Random| -> Vec<(usize, Mode)> {
        let mut cuts: Vec<_> =
            (0..count).map(|number| (random.below(deeds.len()) + 1, Mode::ALL[number % 4])).collect();
        cuts.sort_unstable();
        cuts
    };
    let replay = |deeds: &[Deed], cuts: Vec<(usize, Mode)>, random: &mut Random| -> Vec<Result<usize, String>> {
        let (mut disk, mut done) = (Disk::new(true), 0);
        let look = |(after, mode): (usize, Mode)| {
            deeds[done..after].iter().for_each(|deed| disk.go_on(deed));
            done = after;
            let image = scratch.path().join("image");
            disk.image(mode, random, &image);
            let outcome = looked(&image).map_err(|why| format!("after {after} deeds, {mode:?}: {why}"));
            std::fs::remove_dir_all(&image).unwrap();
            outcome
        };
        cuts.into_iter().map(look).collect()
    };
    let many = std::env::var("FIRMWARE_CUTS").map_or(CUTS, |many| many.parse().unwrap());
    let outcomes = replay(&deeds, cuts(many, &mut random), &mut random);
    let bad: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    let read: usize = outcomes.iter().flatten().sum();
    println!("figure: {many} power cuts in {} deeds: {} bad; {read} images read through", deeds.len(), bad.len());
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(read > many, "the images that are left hold nothing");

    // Control: on a disk that syncs no image, the same must find images that are gone.
    let unsynced = without_image_syncs(deeds);
    let most = unsynced.len();
    let late = (0..20).map(|number| (most - most * number / 40, Mode::Dropped)).rev().collect();
    let lost = replay(&unsynced, late, &mut random).iter().filter(|outcome| outcome.is_err()).count();
    println!("figure: control without fsync: {lost} of 20 cuts lost something");
    assert!(lost > 5, "the harness does not see lost syncs");
}

#[test]
fn no_kill_leaves_a_wrong_byte_and_what_was_brought_stays() {
    let seed = random::seed();
    let mut random = Random::new(seed);
    let directory = tempfile::tempdir().unwrap();
    let (mut first, mut read) = (0, 0);
    for life in 0..KILLS {
        let mut command = child(directory.path(), first, 1000);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        // It has begun when it says something; then any moment will do.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let heard = lines.by_ref().find(|line| line.starts_with("brought"));
        std::thread::park_timeout(Duration::from_micros(random.below(80_000) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        let brought: Vec<String> = heard
            .into_iter()
            .chain(lines)
            .filter_map(|line| line.strip_prefix("brought ").map(str::to_owned))
            .collect();
        let last = brought.last().unwrap_or_else(|| panic!("life {life}: nothing was brought"));
        let kept = std::sync::mpsc::channel();
        let of = |release: &str| release.split('.').nth(1).unwrap().parse::<u32>().unwrap();
        within(30, async {
            let ground = Ground::at(directory.path());
            let images = ground.library.images();
            kept.0.send(images.iter().map(|image| image.release.clone()).collect::<Vec<_>>()).unwrap();
        });
        let kept = kept.1.recv().unwrap();
        assert!(kept.contains(last), "life {life}: {last} was brought and is not among {kept:?}");
        read += looked(directory.path()).unwrap_or_else(|why| panic!("life {life}: {why}"));
        first = kept.iter().map(|release| of(release)).max().unwrap() / 2 * 2 + 2;
    }
    println!("figure: {KILLS} kills: {read} images read through, none bad");
}
