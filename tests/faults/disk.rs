//! A disk that is full, and one that can only be read.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use block66::lab::Lab;
use block66::lab::ground::INTERFACE;
use block66::model::Mac;
use block66::phonesim::link::Netlink;
use serde_json::json;

use crate::place::Place;
use crate::{PATIENCE, lab_behind, wait_until};

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

fn add(lab: &Lab, number: u16) -> Result<(), String> {
    let [high, low] = number.to_be_bytes();
    let phone = json!({ "mac": Mac::new([0x80, 0x5e, 0xc0, 0, high, low]).to_string(), "name": format!("Desk {number}"),
        "lines": [{ "user": "1", "password": "p".repeat(100), "display": "x".repeat(60), "server": "pbx.example.net" }] });
    lab.api().post("phones", &phone).map(drop).map_err(|error| error.to_string())
}

fn listed(lab: &Lab) -> BTreeSet<String> {
    let phones = lab.api().get("phones?limit=1000").unwrap();
    phones["phones"].as_array().unwrap().iter().map(|phone| phone["name"].as_str().unwrap().to_owned()).collect()
}

fn place(lab: &Lab, mac: Mac) -> Place {
    let address = Ipv4Addr::new(10, 66, 3, 151);
    let namespace = lab.ground().plug("desk", mac).unwrap();
    namespace
        .run(|| {
            let net = Netlink::open().unwrap();
            net.up("lo").unwrap();
            net.up(INTERFACE).unwrap();
            net.address(INTERFACE, ipnet::Ipv4Net::new(address, 22).unwrap()).unwrap();
        })
        .unwrap();
    let pem = lab.api().get("ca").unwrap()["pem"].as_str().unwrap().to_owned();
    Place::new(namespace, mac, address, pem.into_bytes())
}

#[test]
fn a_full_disk_refuses_what_is_new_serves_what_is_there_and_says_so() {
    let small = Small::new("96m");
    let (mut lab, _program) = on(&small);
    add(&lab, 1).unwrap();
    let desk = place(&lab, Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]));
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
