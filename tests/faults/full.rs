//! A disk that is full at any one of the writes of a branch in which leases, first contacts, images and certificates are
//! on their way.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use block66::lab::{Lab, table};
use block66::model::Mac;
use block66::phonesim::Report;
use serde_json::{Value, json};

use crate::disk::{add, alarms, failing, listed, phones_find_their_files};
use crate::page::{Page, place};
use crate::place::Place;
use crate::{PATIENCE, all_serve, wait_until};

/// As many writes as one phone, one image and one certificate take, and some.
const WRITES: u16 = 24;
/// More writes than there are until the disk has room again.
const FOR_GOOD: u32 = 1_000_000;
/// A minute of the phones' own in a quarter of a second: what they wait for comes within a round.
const PACE: u32 = 240;
const ALARM: &str = "box.disk-full";

/// What an administrator was told about things of one kind.
struct Ledger {
    /// How a refusal reads.
    refusals: &'static [&'static str],
    /// What was acknowledged.
    kept: BTreeSet<String>,
    /// What was refused since it was last compared.
    refused: BTreeSet<String>,
    /// What was refused and is there all the same after a power cut: nobody was told that it is.
    left: BTreeSet<String>,
    /// How often something was refused.
    times: u32,
}

impl Ledger {
    /// Of this that is there already.
    fn new(refusals: &'static [&'static str], kept: BTreeSet<String>) -> Self {
        Self { refusals, kept, refused: BTreeSet::new(), left: BTreeSet::new(), times: 0 }
    }

    /// Takes down what the box said to one of them; whether it was acknowledged.
    fn note(&mut self, name: String, said: Result<(), String>) -> bool {
        let Err(said) = said else { return self.kept.insert(name) };
        assert!(self.refusals.iter().any(|words| said.contains(words)), "{name}: {said}");
        self.refused.insert(name);
        self.times += 1;
        false
    }

    /// All that was acknowledged is there, and nothing else but what a power cut may have left.
    fn compare(&mut self, there: &BTreeSet<String>, cut: bool, when: &str) {
        let lost: Vec<_> = self.kept.difference(there).collect();
        assert!(lost.is_empty(), "{when}: {lost:?} was acknowledged and is lost");
        let refused = std::mem::take(&mut self.refused);
        let known = if cut { &self.left | &refused } else { self.left.clone() };
        self.left = there - &self.kept;
        assert!(self.left.is_subset(&known), "{when}: {:?} was refused and is there", &self.left - &known);
    }
}

/// A branch with an administrator, whose box has a disk that becomes full.
struct Branch {
    lab: Lab,
    page: Page,
    /// A computer that fetches images.
    desk: Place,
    /// Where it is said what is wrong with the disk.
    fault: PathBuf,
    root: Value,
    phones: Ledger,
    images: Ledger,
    certificates: Ledger,
    /// The last phone that was put on the list, or was to be.
    number: u16,
    _directories: [tempfile::TempDir; 2],
}

impl Branch {
    fn new() -> Self {
        let (mut lab, fault, _directories) = failing(4);
        for phone in lab.phones() {
            phone.remote.pace(PACE);
        }
        lab.power_on().unwrap();
        all_serve(&mut lab, "before");
        let page = Page::claim(&lab);
        let desk = place(&lab, Mac::new([2, 0, 0, 0, 0, 0x67]), Ipv4Addr::new(10, 66, 3, 201));
        let root = lab.api().get("ca").unwrap()["fingerprint"].clone();
        assert!(root.as_str().is_some_and(|root| root.len() > 30), "{root}");
        let phones = Ledger::new(&["disk-full"], listed(&lab));
        // Whoever brings an image finds the door shut when it is refused before it has come.
        let images = Ledger::new(&[" 507 ", "Broken pipe", "Connection reset"], BTreeSet::new());
        let certificates = Ledger::new(&["disk-full"], BTreeSet::new());
        Self { lab, page, desk, fault, root, phones, images, certificates, number: 100, _directories }
    }

    /// The disk is full from this write on, so many times, while phones start and an administrator works. What comes back
    /// is the phone that was reset meanwhile.
    fn fill(&mut self, write: u16, times: u32, when: &str) -> Mac {
        let phones = self.lab.phones();
        let turn = |offset: usize| &phones[(usize::from(write) + offset) % phones.len()];
        let reset = turn(0).mac;
        self.lab.api().post(&format!("phones/{reset}/first-contact"), &json!({})).unwrap();
        fs::write(&self.fault, format!("enospc {write} {times}")).unwrap();
        turn(0).remote.factory_reset();
        turn(1).remote.reboot();
        turn(2).remote.renew();
        turn(3).remote.poll();
        self.add();
        self.bring(write);
        self.show_certificate(write);
        if times == FOR_GOOD {
            assert!((0..60).any(|_| !self.add()), "{when}: the disk was never full");
            assert!(alarms(&self.lab).iter().any(|code| code == ALARM), "{when}: {:?}", alarms(&self.lab));
            let overview = self.page.overview();
            assert!(overview.contains("The disk is full: nothing new can be stored"), "{when}: {overview}");
        }
        reset
    }

    /// One more phone is put on the list; whether it was acknowledged.
    fn add(&mut self) -> bool {
        self.number += 1;
        let said = add(&self.lab, self.number);
        self.phones.note(format!("Desk {}", self.number), said)
    }

    fn bring(&mut self, write: u16) {
        let release = format!("108.87.0.{write}");
        let path = format!("firmware?brand=yealink&version={release}&name={release}.rom&model=T46U");
        let said = self.lab.api().put_file(&path, &image(&release));
        self.images.note(release, said.map(drop).map_err(|error| error.to_string()));
    }

    /// A certificate of the company's own comes, for one more name of the box.
    fn show_certificate(&mut self, write: u16) {
        let name = format!("phones{write}.example.net");
        let key = rcgen::KeyPair::generate().unwrap();
        let own = rcgen::CertificateParams::new(vec![name.clone()]).unwrap().self_signed(&key).unwrap();
        let bundle = own.pem() + &key.serialize_pem();
        let said = self.lab.api().post_text("trust/certificates", "text/plain", &bundle);
        self.certificates.note(name, said.map(drop).map_err(|error| error.to_string()));
    }

    /// The disk has room again, with a power cut in the same moment or without one, and all is as it should be.
    fn empty(&mut self, reset: Mac, cut: bool, when: &str) {
        fs::remove_file(&self.fault).unwrap();
        if cut {
            self.lab.appliance().kill();
            self.lab.appliance().start().unwrap();
            self.page.sign_in();
        }
        self.compare(cut, when);
        self.number += 1;
        let number = self.number;
        let added = wait_until(PATIENCE, || add(&self.lab, number).is_ok());
        assert!(added, "{when}: nothing can be stored again\n{}", self.lab.appliance().last_words());
        self.phones.kept.insert(format!("Desk {number}"));
        let over = wait_until(PATIENCE, || alarms(&self.lab).iter().all(|code| code != ALARM));
        assert!(over, "{when}: {:?}", alarms(&self.lab));
        self.settle(reset, when);
        // A phone that was served while nothing could be stored is on record from its next look on.
        phones_find_their_files(&self.lab, when);
        assert_eq!(self.lab.disagreements().unwrap(), Vec::<String>::new(), "{when}");
        self.compare(false, when);
    }

    /// Waits until every phone is in service. One that has given up, or shows a fault for long, is turned off and on by
    /// whoever sits before it; the one that was reset is let in again before.
    fn settle(&mut self, reset: Mac, when: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut shown = vec![0; self.lab.phones().len()];
        loop {
            let mut waiting = 0;
            for (phone, shown) in self.lab.phones().iter().zip(&mut shown) {
                let Err(report) = phone.remote.wait_for(Duration::from_millis(100), Report::in_service) else {
                    continue;
                };
                waiting += 1;
                *shown += u32::from(report.fault().is_some());
                if report.stuck(5) || *shown > 10 {
                    *shown = 0;
                    if phone.mac == reset {
                        self.lab.api().post(&format!("phones/{reset}/first-contact"), &json!({})).unwrap();
                    }
                    phone.remote.reboot();
                }
            }
            if waiting == 0 {
                return;
            }
            if Instant::now() > deadline {
                panic!("{when}:\n{}\n{}", table::text(self.lab.phones()), self.lab.appliance().last_words());
            }
        }
    }

    /// What is there is what was acknowledged, and the root and the leases are as they must be.
    fn compare(&mut self, cut: bool, when: &str) {
        let api = self.lab.api();
        assert_eq!(api.get("ca").unwrap()["fingerprint"], self.root, "{when}: another root");
        let leases = api.get("leases").unwrap();
        let leases: Vec<&Value> = leases["leases"].as_array().unwrap().iter().map(|lease| &lease["address"]).collect();
        let addresses: BTreeSet<String> = leases.iter().map(|address| address.to_string()).collect();
        assert_eq!(addresses.len(), leases.len(), "{when}: an address is leased twice: {leases:?}");

        self.phones.compare(&listed(&self.lab), cut, when);
        let trust = api.get("trust").unwrap();
        let certificates = trust["certificates"].as_array().unwrap().iter();
        let names = certificates.map(|shown| shown["names"][0].as_str().unwrap().to_owned()).collect();
        self.certificates.compare(&names, cut, when);
        let firmware = api.get("firmware").unwrap();
        let images = firmware["images"].as_array().unwrap();
        let release = |image: &Value| image["version"].as_str().unwrap().to_owned();
        self.images.compare(&images.iter().map(release).collect(), cut, when);
        for found in images.iter().filter(|&found| self.images.kept.contains(&release(found))) {
            let reply = self.desk.get(false, found["path"].as_str().unwrap(), "x");
            let whole = reply.status == 200 && reply.body == image(&release(found));
            assert!(whole, "{when}: {} with {} bytes of {found}", reply.status, reply.body.len());
        }
    }
}

/// The image of a release: 256 KiB, and no two the same.
fn image(release: &str) -> Vec<u8> {
    let mut bytes = format!("image for SIP-T46U: {release}\n").into_bytes();
    bytes.resize(256 << 10, 0x66);
    bytes
}

#[test]
fn a_disk_full_at_any_write_loses_nothing_acknowledged_and_keeps_no_phone_out() {
    let mut branch = Branch::new();
    for write in 1..=WRITES {
        let times = if write % 2 == 0 { FOR_GOOD } else { 1 };
        // In every fourth round the power goes, in turn after a disk that was full once and one that was full for good.
        let cut = matches!(write % 8, 3 | 0);
        let when = format!("{times} failures from write {write} on, then a power cut: {cut}");
        let reset = branch.fill(write, times, &when);
        branch.empty(reset, cut, &when);
    }
    let Branch { phones, images, certificates, .. } = &branch;
    for (what, ledger) in [("phone", phones), ("image", images), ("certificate", certificates)] {
        assert!(ledger.times > 0 && !ledger.kept.is_empty(), "no {what} was refused, or none taken");
        println!(
            "figure: a disk that was full at each of {WRITES} writes refused a {what} {} times and lost none of {}",
            ledger.times,
            ledger.kept.len()
        );
    }
    let log = fs::read_to_string(branch.lab.appliance().log()).unwrap();
    // The engine panics when it is let go and cannot sync; the store is made for that.
    let ours = |line: &&str| line.contains("panicked") && !line.contains("/sled-0.34.7/");
    let panics: Vec<_> = log.lines().filter(ours).collect();
    assert!(panics.is_empty(), "{panics:?}");
}
