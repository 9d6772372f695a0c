//! A disk that is full, one that can only be read, and one that becomes so while the box runs.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use block66::lab::Lab;
use block66::model::Mac;
use serde_json::json;

use crate::page::{Page, place};
use crate::{PATIENCE, all_serve, lab_behind, phones_are_served, preloaded, wait_until};

/// A small file system of its own.
struct Small {
    at: tempfile::TempDir,
}

impl Small {
    fn new(size: &str) -> Self {
        let at = tempfile::tempdir().unwrap();
        let small = Self { at };
        small.mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "none"]);
        small
    }

    fn mount(&self, arguments: &[&str]) {
        let output = Command::new("mount").args(arguments).arg(self.at.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn ballast(&self) -> PathBuf {
        self.at.path().join("ballast")
    }

    /// Fills it until so many bytes are free.
    fn fill(&self, left: u64) {
        let _ = fs::remove_file(self.ballast());
        let mut file = File::create(self.ballast()).unwrap();
        while free(self.at.path()) > left && file.write_all(&[0xaa; 4096]).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.at.path()).output();
    }
}

fn free(at: &Path) -> u64 {
    let disk = nix::sys::statvfs::statvfs(at).unwrap();
    disk.blocks_available() * disk.fragment_size()
}

/// A box whose data are on a small disk.
fn on(small: &Small) -> (Lab, tempfile::TempDir) {
    let (mut lab, program) = lab_behind("", 0);
    let path = lab.appliance().configuration();
    let text = fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.starts_with("data-directory")).unwrap();
    let there = format!("data-directory = \"{}\"", small.at.path().join("data").display());
    fs::write(&path, text.replace(line, &there)).unwrap();
    lab.appliance().kill();
    lab.appliance().start().unwrap();
    (lab, program)
}

/// An administrator puts a phone on the list, as `Desk <number>`.
pub(crate) fn add(lab: &Lab, number: u16) -> Result<(), String> {
    let [high, low] = number.to_be_bytes();
    let phone = json!({ "mac": Mac::new([0x80, 0x5e, 0xc0, 0, high, low]).to_string(), "name": format!("Desk {number}"),
        "lines": [{ "user": "1", "password": "p".repeat(100), "display": "x".repeat(60), "server": "pbx.example.net" }] });
    lab.api().post("phones", &phone).map(drop).map_err(|error| error.to_string())
}

/// What the phones on the list are called.
pub(crate) fn listed(lab: &Lab) -> BTreeSet<String> {
    let phones = lab.api().get("phones?limit=1000").unwrap();
    phones["phones"].as_array().unwrap().iter().map(|phone| phone["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_full_disk_refuses_what_is_new_serves_what_is_there_and_says_so() {
    let small = Small::new("96m");
    let (mut lab, _program) = on(&small);
    add(&lab, 1).unwrap();
    let desk = place(&lab, Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]), Ipv4Addr::new(10, 66, 3, 151));
    let path = "/p/805ec0000001.cfg";
    let first = desk.get(false, path, "x").text();
    assert!(first.contains("static.auto_provision.server.password"), "{first}");
    let mut acknowledged = BTreeSet::from(["Desk 1".to_owned()]);
    let mut number = 1;
    let mut refused = 0;
    for pages in [0, 1, 2, 3, 5, 8, 16, 40, 100] {
        small.fill(pages * 4096);
        for _ in 0..6 {
            number += 1;
            match add(&lab, number) {
                Ok(()) => drop(acknowledged.insert(format!("Desk {number}"))),
                Err(said) => {
                    assert!(said.contains("disk-full") || said.contains("507") || said.contains("503"), "{said}");
                    refused += 1;
                }
            }
        }
        // What is there is read and given all the same: the same bytes as before.
        assert_eq!(desk.get(false, path, "x").text(), first, "with {pages} pages left");
        assert_eq!(listed(&lab), acknowledged, "with {pages} pages left");
    }
    assert!(refused > 0, "the disk was never full");
    let said = wait_until(PATIENCE, || {
        let events = lab.api().get("events?limit=1000").unwrap().to_string();
        events.contains("box.disk-full") || lab.api().get("status").unwrap().to_string().contains("disk")
    });
    assert!(said, "nothing says that the disk is full: {}", lab.api().get("status").unwrap());
    small.empty();
    // With room again things go on by themselves, and what was acknowledged outlives a power cut.
    let more = wait_until(PATIENCE, || {
        number += 1;
        let done = add(&lab, number).is_ok();
        if done {
            acknowledged.insert(format!("Desk {number}"));
        }
        done
    });
    assert!(more, "{}", lab.appliance().last_words());
    lab.appliance().kill();
    lab.appliance().start().unwrap();
    assert_eq!(listed(&lab), acknowledged);
    println!("figure: a full disk refused {refused} changes and lost none of {} that were taken", acknowledged.len());
    let log = fs::read_to_string(lab.appliance().log()).unwrap();
    assert!(!log.contains("panicked"), "{}", lab.appliance().last_words());
}

#[test]
fn a_disk_that_can_only_be_read_is_named_and_loses_nothing() {
    let small = Small::new("96m");
    let (mut lab, _program) = on(&small);
    for number in 1..=5 {
        add(&lab, number).unwrap();
    }
    let before = listed(&lab);
    lab.appliance().stop().unwrap();
    small.mount(&["-o", "remount,ro"]);
    let refused = lab.appliance().start().unwrap_err().to_string();
    let named = refused.contains(&small.at.path().display().to_string()) || refused.contains("Read-only");
    assert!(named && !refused.contains("panicked"), "{refused}");
    small.mount(&["-o", "remount,rw"]);
    lab.appliance().start().unwrap();
    assert_eq!(listed(&lab), before);
}

/// Each phone of the lab looks for its files again, and gets them.
pub(crate) fn phones_find_their_files(lab: &Lab, when: &str) {
    let before: Vec<u32> = lab.phones().iter().map(|phone| phone.remote.report().looks).collect();
    for (phone, before) in lab.phones().iter().zip(before) {
        phone.remote.poll();
        let found = phone.remote.wait_for(PATIENCE, |report| report.looks > before && report.kept.is_none());
        let report = found.unwrap_or_else(|report| panic!("{when}: {:#?}", report.log));
        assert!(report.in_service(), "{when}: {:#?}", report.log);
    }
}

/// The codes of what is wrong with the box.
pub(crate) fn alarms(lab: &Lab) -> Vec<String> {
    let status = lab.api().get("status").unwrap();
    status["alarms"].as_array().unwrap().iter().map(|alarm| alarm["code"].as_str().unwrap().to_owned()).collect()
}

/// A lab whose box's disk goes wrong as the file says that is named beside it (`tests/process/failing.c`).
pub(crate) fn failing(phones: u16) -> (Lab, PathBuf, [tempfile::TempDir; 2]) {
    let library = preloaded("../process/failing.c");
    let directory = tempfile::tempdir().unwrap();
    let fault = directory.path().join("fault");
    // The program is called as `run --config <directory>/block66.toml`.
    let disk = "DISK=\"${3%/*}/data\"";
    let lines = format!("export FAULT={} {disk} LD_PRELOAD={}", fault.display(), library.display());
    let (lab, program) = lab_behind(&lines, phones);
    (lab, fault, [directory, program])
}

/// As a kernel does with a file system in which it found an error: files that are open for writing stay open, and each
/// write fails. `mount -o remount,ro` is refused while there are such files.
#[test]
fn a_disk_that_becomes_read_only_refuses_by_name_serves_on_and_is_written_to_again() {
    let (mut lab, fault, _directories) = failing(2);
    lab.power_on().unwrap();
    all_serve(&mut lab, "before");
    let page = Page::claim(&lab);
    add(&lab, 101).unwrap();
    let (mut acknowledged, process) = (listed(&lab), lab.appliance().id());
    assert!(acknowledged.len() == 3 && alarms(&lab).is_empty(), "{acknowledged:?}, {:?}", alarms(&lab));

    fs::write(&fault, "erofs").unwrap();
    for number in 102..105 {
        let said = add(&lab, number).unwrap_err();
        assert!(
            said.contains(" 507 ") && said.contains("disk-read-only") && said.contains("can only be read"),
            "{said}"
        );
        assert_eq!(listed(&lab), acknowledged);
        phones_find_their_files(&lab, "with a disk that can only be read");
    }
    let status = lab.api().get("status").unwrap();
    assert_eq!(alarms(&lab), ["box.disk-read-only"], "{status:#}");
    let named = status["alarms"][0]["says"].as_str().unwrap().starts_with("The disk can only be read");
    assert!(named && status["health"] == "fault", "{status:#}");
    assert!(page.overview().contains("The disk can only be read: nothing new can be stored"), "{}", page.overview());
    let vitals = lab.api().get("health").unwrap();
    assert_eq!(vitals["faults"], json!([]), "an update would be taken back for what no version can help");
    // What the page advises is possible: the backup comes, as bytes, which are no JSON.
    let made = lab.api().post("backup", &json!({ "passphrase": "correct horse battery" })).unwrap_err().to_string();
    assert!(made.contains("the answer is not JSON"), "{made}");

    // It can be written to again: things go on by themselves, in the same process, and say what was.
    fs::remove_file(&fault).unwrap();
    assert!(wait_until(PATIENCE, || alarms(&lab).is_empty()), "{}", lab.appliance().last_words());
    add(&lab, 105).unwrap();
    acknowledged.insert("Desk 105".to_owned());
    phones_are_served(&mut lab, "with a disk that can be written to again");
    assert_eq!(lab.disagreements().unwrap(), Vec::<String>::new());
    let told = || lab.api().get("events?limit=1000").unwrap().to_string().contains("box.disk-writable");
    assert!(wait_until(PATIENCE, told), "{}", lab.api().get("events?limit=1000").unwrap());
    assert_eq!((lab.appliance().id(), listed(&lab)), (process, acknowledged.clone()));
    lab.appliance().kill();
    lab.appliance().start().unwrap();
    assert_eq!(listed(&lab), acknowledged);
    let log = fs::read_to_string(lab.appliance().log()).unwrap();
    assert!(!log.contains("panicked"), "{}", lab.appliance().last_words());
    println!("figure: a disk that became read-only refused 3 changes and kept no phone from its files");
}
