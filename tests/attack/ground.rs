//! The box, phones that are in service, and places from which an attacker speaks.

#[path = "../wait/mod.rs"]
mod wait;

use std::cell::Cell;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use block66::lab::{Lab, Settings, table};
use block66::model::Mac;
use block66::phonesim::{BREEDS, Breed};
use serde_json::{Value, json};

use crate::place::Place;

pub(crate) use wait::wait_until;

/// The longest that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Whose hardware the attacker's is: nobody's that makes phones.
pub(crate) const ATTACKER: Mac = Mac::new([0x02, 0x66, 0x6e, 0, 0, 1]);
/// The administrator's password.
pub(crate) const PASSWORD: &str = "a password that nobody guesses";

/// A branch.
pub(crate) struct Ground {
    pub(crate) lab: Lab,
    root: Vec<u8>,
    places: Cell<u8>,
}

impl Ground {
    /// A box with so many phones, all of them in service: their first contact is over.
    pub(crate) fn new(phones: u16) -> Self {
        Self::configured(phones, BREEDS.iter().copied().take(1).collect(), "")
    }

    /// The same with phones of these brands, and with more lines at the end of the box's configuration.
    pub(crate) fn configured(phones: u16, brands: Vec<&'static Breed>, more: &str) -> Self {
        assert!(nix::unistd::geteuid().is_root(), "these tests make network namespaces: run them as root");
        let program = PathBuf::from(env!("CARGO_BIN_EXE_block66"));
        let mut lab = Lab::new(&Settings { program, phones, brands, pace: Settings::USUAL_PACE, plant: None }).unwrap();
        if !more.is_empty() {
            let path = lab.appliance().configuration();
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, format!("{text}\n{more}\n")).unwrap();
            lab.appliance().stop().unwrap();
            lab.appliance().start().unwrap();
        }
        lab.power_on().unwrap();
        if !lab.all_in_service(PATIENCE) {
            panic!("{}\nThe end of the box's log:\n{}", table::text(lab.phones()), lab.appliance().last_words());
        }
        let pem = lab.api().get("ca").unwrap()["pem"].as_str().unwrap().to_owned();
        Self { lab, root: pem.into_bytes(), places: Cell::new(0) }
    }

    /// A place with this hardware address, and an address on the LAN that nobody leased to it.
    pub(crate) fn place(&self, mac: Mac) -> Place {
        let number = self.places.get() + 1;
        self.places.set(number);
        self.place_at(mac, Ipv4Addr::new(10, 66, 3, 150 + number))
    }

    /// A place with this hardware address at this address.
    pub(crate) fn place_at(&self, mac: Mac, address: Ipv4Addr) -> Place {
        let serial = self.places.replace(self.places.get() + 1);
        let namespace = self.lab.ground().place(&format!("evil{serial}"), mac, address).unwrap();
        Place::new(namespace, mac, address, self.root.clone())
    }

    /// Makes the administrator.
    pub(crate) fn claim(&self) {
        self.lab.api().post("claim", &json!({ "password": PASSWORD })).unwrap();
    }

    /// Every event about this phone.
    pub(crate) fn events_of(&self, mac: Mac) -> Vec<Value> {
        let events = self.lab.api().get(&format!("events?mac={mac}&limit=1000")).unwrap();
        events["events"].as_array().unwrap().clone()
    }

    /// Waits until there is an event with this code about this phone.
    pub(crate) fn event(&self, mac: Mac, code: &str) -> Value {
        let mut found = None;
        let so = wait_until(PATIENCE, || {
            found = self.events_of(mac).into_iter().find(|event| event["code"] == code);
            found.is_some()
        });
        assert!(so, "no {code} about {mac}: {:#?}", self.events_of(mac));
        found.unwrap()
    }

    /// Nothing that the phones own stands in these bytes.
    pub(crate) fn holds_no_secret(&self, bytes: &[u8], what: &str) {
        let text = String::from_utf8_lossy(bytes);
        for phone in self.lab.phones() {
            assert!(!text.contains(phone.password.expose()), "{what} gave the password of {}'s line", phone.name);
            if let Some((_, password)) = phone.remote.holding().login {
                assert!(!text.contains(password.expose()), "{what} gave the login of {}", phone.name);
            }
        }
        assert!(!text.contains("PRIVATE KEY"), "{what} gave a key");
        assert!(!text.contains("root:x:"), "{what} gave a file of the system");
    }

    /// Each phone turned off and on is in service again.
    pub(crate) fn phones_are_served(&self) {
        for phone in self.lab.phones() {
            phone.remote.reboot();
        }
        assert!(self.lab.all_in_service(PATIENCE), "{}", table::text(self.lab.phones()));
    }

    /// The process has not panicked, and still answers.
    pub(crate) fn box_is_well(&mut self) {
        self.lab.api().get("status").unwrap();
        let log = fs::read_to_string(self.lab.appliance().log()).unwrap();
        assert!(!log.contains("panicked"), "{}", self.lab.appliance().last_words());
    }
}

/// The middle one.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
