//! The box is killed at moments that a printed seed chooses, while phones start and an administrator edits, and started
//! again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use block66::lab::{Lab, Settings, table};
use block66::model::Mac;
use block66::phonesim::BREEDS;
use serde_json::{Value, json};

use super::ledger::Ledger;
use super::whole::{LIMIT, all_serve};

const KILLS: u32 = 20;

/// A generator that needs no more than a seed (Steele and others, SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// Does what the people of the branch do: turns a phone off and on that has given up, or that shows a fault and will
/// look again only tomorrow.
fn settle(lab: &mut Lab) {
    const PATIENCE: u32 = 10;
    let until = Instant::now() + LIMIT;
    let mut looks = vec![0; lab.phones().len()];
    loop {
        let mut waiting = 0;
        for (phone, looks) in lab.phones().iter().zip(&mut looks) {
            let Err(report) = phone.remote.wait_for(Duration::from_millis(200), |report| report.in_service()) else {
                continue;
            };
            waiting += 1;
            *looks += u32::from(report.fault().is_some());
            if *looks > PATIENCE {
                *looks = 0;
                phone.remote.reboot();
            }
        }
        if waiting == 0 {
            return;
        }
        if Instant::now() > until {
            let silent = lab.phones().iter().find(|phone| !phone.remote.report().in_service());
            if let Some(phone) = silent {
                for moment in phone.remote.report().log {
                    println!("{:8.3} s  {}", moment.at.as_secs_f64(), moment.what);
                }
                for what in ["status", "phones", "leases"] {
                    println!("{what}: {:#}", lab.api().get(what).unwrap());
                }
            }
            panic!("{}\nThe end of the box's log:\n{}", table::text(lab.phones()), lab.appliance().last_words());
        }
    }
}

/// Phones of two brands.
fn lab() -> Lab {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_block66"));
    let brands = BREEDS.iter().copied().filter(|breed| matches!(breed.brand, "yealink" | "snom")).collect();
    let mut lab = Lab::new(&Settings { program, phones: 6, brands, pace: Settings::USUAL_PACE, plant: None }).unwrap();
    lab.power_on().unwrap();
    lab
}

/// What happened stands among the events, once for each time.
fn says_that_it_was_cut_off(lab: &Lab, times: u32) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let events = lab.api().get("events?kind=box&limit=1000").unwrap();
        let of = |code: &str| -> Vec<&Value> {
            events["events"].as_array().unwrap().iter().filter(|event| event["code"] == code).collect()
        };
        let told: u64 = of("box.cut-off").iter().map(|event| event["count"].as_u64().unwrap()).sum();
        if told == u64::from(times) {
            return;
        }
        assert!(told < u64::from(times) && Instant::now() < deadline, "told {told} times, not {times}: {events:#}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn twenty_kills_leave_phones_and_box_of_one_mind() {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs());
    println!("seed: {seed} (SEED={seed} repeats these kills)");
    let mut chance = Chance(seed);
    let mut lab = lab();
    all_serve(&mut lab);
    let mut ledger = Ledger::new(lab.api());
    let trusted = lab.phones()[0].remote.holding().authorities;
    let mut addresses: BTreeMap<Mac, std::net::Ipv4Addr> = BTreeMap::new();
    for kill in 1..=KILLS {
        for phone in lab.phones() {
            match chance.below(3) {
                0 => {
                    lab.api().post(&format!("phones/{}/first-contact", phone.mac), &json!({})).unwrap();
                    phone.remote.factory_reset();
                }
                1 => phone.remote.reboot(),
                _ => phone.remote.renew(),
            }
        }
        let moment = Duration::from_millis(chance.below(2_000));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| ledger.edit_until(&over));
            // The moment is the point of the test; nothing is waited for.
            std::thread::sleep(moment);
            lab.appliance().kill();
            over.store(true, Ordering::Relaxed);
        });
        lab.appliance().start().unwrap();
        ledger.check(&format!("kill {kill} after {moment:?}, seed {seed}"));
        says_that_it_was_cut_off(&lab, kill);
        settle(&mut lab);
        assert_eq!(lab.disagreements().unwrap(), Vec::<String>::new(), "kill {kill} after {moment:?}, seed {seed}");
        for phone in lab.phones() {
            assert_eq!(phone.remote.holding().authorities, trusted, "kill {kill}, seed {seed}: the CA changed");
            let address = phone.remote.report().address.unwrap();
            let before = *addresses.entry(phone.mac).or_insert(address);
            assert_eq!(address, before, "kill {kill}, seed {seed}: {} has another address", phone.name);
        }
    }
    assert!(ledger.acknowledged() > KILLS, "hardly anything was edited: {ledger}");
    println!("figure: {KILLS} kills, no disagreement, {ledger}");
}
