//! A branch on one machine: the real box, a switch, and simulated phones, each in a network namespace of its own.
//!
//! ```text
//!   host: 127.0.0.1:8066 ── bytes ──┐
//!                                   │        ┌── phone 1   80:5e:c0:66:00:01
//!        box 10.66.0.1 ─────────  switch ────┼── phone 2
//!     (`block66 run`)           10.66.3.254  └── …
//! ```
//!
//! The phones are [`crate::phonesim`]'s and get everything over the wire. [`Lab`] is also what tests stand on: it
//! can kill the box and start it again, reset phones, and compare what the phones hold with what the box believes.

mod api;
mod appliance;
mod compare;
pub mod ground;
mod interposer;
pub mod namespace;
mod page;
mod scratch;
pub mod table;

use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

pub use api::Api;
pub use appliance::Appliance;
pub use interposer::Plant;

use self::ground::{Ground, INTERFACE, SWITCH};
use self::interposer::Interposer;
use self::page::Forwarder;
use self::scratch::Scratch;
use crate::model::{Mac, Secret};
use crate::phonesim::{Breed, Identity, Make, Phone, Plug, Remote, Setup, Trust};
use crate::sys;

/// Why a lab cannot be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel does not let this process make namespaces.
    #[error("this user may not make network namespaces here ({why}): {remedy}")]
    NotAllowed {
        /// What the kernel said.
        why: String,
        /// What to do.
        remedy: String,
    },
    /// More phones than one kernel's neighbour table carries.
    #[error(
        "a lab has at most {} phones: all namespaces share one neighbour table (net.ipv4.neigh.default.gc_thresh3)",
        Settings::MOST_PHONES
    )]
    TooManyPhones,
    /// The box ended when it should run.
    #[error("the box ended ({status}). The end of its log:\n{log}")]
    BoxEnded {
        /// How it ended.
        status: String,
        /// Its last lines.
        log: String,
    },
    /// The box runs and does not answer.
    #[error("the box does not answer on its local socket. The end of its log:\n{log}")]
    BoxSilent {
        /// Its last lines.
        log: String,
    },
    /// The box refused something or said something strange.
    #[error("the box did not answer {what}: {why}")]
    Api {
        /// What was asked.
        what: String,
        /// What came back.
        why: String,
    },
    /// Namespaces, files, processes.
    #[error("the lab's ground gives way: {0}")]
    System(#[from] io::Error),
}

/// What a lab is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program to run as the box.
    pub program: PathBuf,
    /// Number of phones.
    pub phones: u16,
    /// Their brands; every product of them has its turn, in this order and then again.
    pub brands: Vec<&'static Breed>,
    /// How many seconds of a phone's own waits pass in one of ours.
    pub pace: u32,
    /// What is spoilt on the way to the last phone.
    pub plant: Option<Plant>,
}

impl Settings {
    /// More share one neighbour table badly: see [`Error::TooManyPhones`].
    pub const MOST_PHONES: u16 = 400;
    /// One minute of polling in a second.
    pub const USUAL_PACE: u32 = 60;

    /// Every product that has its turn.
    pub fn makes(&self) -> Vec<(&'static Breed, &'static Make)> {
        self.brands.iter().flat_map(|breed| breed.makes.iter().map(|make| (*breed, make))).collect()
    }
}

/// A phone of the lab.
#[derive(Debug)]
pub struct LabPhone {
    /// Its name on the box's list.
    pub name: String,
    /// What it is.
    pub identity: Identity,
    /// Its address.
    pub mac: Mac,
    /// User part of its line.
    pub user: String,
    /// Password of its line.
    pub password: Secret,
    /// The remote control.
    pub remote: Remote,
    phone: Option<Phone>,
    namespace: namespace::Namespace,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl LabPhone {
    /// Whether its thread died of a panic or could not enter its namespace.
    pub fn died(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }
}

/// A running lab. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Lab {
    // Dropped in this order: phones first, the directory last.
    phones: Vec<LabPhone>,
    interposer: Option<Interposer>,
    forwarder: Option<Forwarder>,
    appliance: Appliance,
    ground: Ground,
    _scratch: Scratch,
}

impl Lab {
    /// Lays the ground, starts the box, and puts every phone on its list. The phones are plugged in and still off.
    ///
    /// Where the process has not the rights of an administrator, [`namespace::prepare`] comes first.
    ///
    /// # Errors
    /// What keeps the lab from being.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        if settings.phones > Settings::MOST_PHONES {
            return Err(Error::TooManyPhones);
        }
        raise_file_limit();
        let scratch = Scratch::new()?;
        let ground = Ground::new().map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => namespace_refused(&error),
            _ => error.into(),
        })?;
        let mut appliance = Appliance::new(&settings.program, scratch.path(), ground.appliance().clone())?;
        appliance.start()?;
        let mut lab =
            Self { phones: Vec::new(), interposer: None, forwarder: None, appliance, ground, _scratch: scratch };
        lab.add_organisations(&settings.brands)?;
        for (number, (breed, make)) in (1..=settings.phones).zip(settings.makes().into_iter().cycle()) {
            let plant = settings.plant.filter(|_| number == settings.phones);
            let [high, low] = number.to_be_bytes();
            let [a, b, c] = make.prefix;
            let identity = Identity { breed, make, mac: Mac::new([a, b, c, 0x66, high, low]) };
            lab.add_phone(number, identity, settings.pace, plant)?;
        }
        Ok(lab)
    }

    /// Phones that cannot do as the others do belong to organisations whose policy allows for it.
    fn add_organisations(&self, brands: &[&Breed]) -> Result<(), Error> {
        for trust in [Trust::PlainLogin, Trust::Lan] {
            let Some((name, policy)) = organisation(trust) else { continue };
            if brands.iter().any(|breed| breed.trust == trust) {
                self.api().post("organisations", &json!({ "name": name, "policy": policy }))?;
            }
        }
        Ok(())
    }

    fn add_phone(&mut self, number: u16, identity: Identity, pace: u32, plant: Option<Plant>) -> Result<(), Error> {
        let mac = identity.mac;
        let namespace = self.ground.plug(&format!("port{number}"), mac)?;
        let name = format!("Desk {number}");
        let user = format!("{}", 2000 + u32::from(number));
        let password = Secret::new(sys::random::token(16));
        let mut listed = json!({
            "mac": mac.to_string(),
            "name": name,
            "lines": [{
                "user": user,
                "password": password.expose(),
                "display": name,
                "server": SWITCH.to_string(),
            }],
        });
        if let (Some((name, _)), Some(listed)) = (organisation(identity.breed.trust), listed.as_object_mut()) {
            listed.insert("organisation".into(), name.into());
        }
        self.api().post("phones", &listed)?;
        let instead = match plant {
            Some(plant) => {
                self.interposer = Some(Interposer::start(plant, &namespace)?);
                Some(Interposer::url())
            }
            None => None,
        };
        let (phone, remote) = Phone::new(Setup {
            identity,
            plug: Plug::Lan { interface: INTERFACE.into() },
            pace,
            instead,
            escort: None,
        });
        let phone = Some(phone);
        self.phones.push(LabPhone { name, identity, mac, user, password, remote, phone, namespace, thread: None });
        Ok(())
    }

    /// Switches every phone on that is still off.
    ///
    /// # Errors
    /// When there are no more threads.
    pub fn power_on(&mut self) -> Result<(), Error> {
        for slot in &mut self.phones {
            if let Some(phone) = slot.phone.take() {
                slot.thread = Some(slot.namespace.spawn(slot.name.clone(), move || phone.run())?);
            }
        }
        Ok(())
    }

    /// Makes the box's page reachable at a listener of the host.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub fn show_page(&mut self, listener: TcpListener) -> Result<(), Error> {
        self.forwarder = Some(Forwarder::start(listener, self.ground.switch())?);
        Ok(())
    }

    /// The phones, by number.
    pub fn phones(&self) -> &[LabPhone] {
        &self.phones
    }

    /// The box.
    pub fn appliance(&mut self) -> &mut Appliance {
        &mut self.appliance
    }

    /// The ground, to plug something else in.
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// The box's API.
    pub fn api(&self) -> Api {
        self.appliance.api()
    }

    /// Waits until every phone is in service; whether that was so within `limit`.
    pub fn all_in_service(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        self.phones.iter().all(|phone| {
            let left = until.saturating_duration_since(Instant::now());
            phone.remote.wait_for(left, super::phonesim::Report::in_service).is_ok()
        })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for phone in &self.phones {
            phone.remote.stop();
        }
        for phone in &mut self.phones {
            if let Some(thread) = phone.thread.take() {
                // What it died of was printed when it did.
                let _ = thread.join();
            }
        }
    }
}

/// The organisation of phones that trust in this way, with its policy, since they cannot do as the others do; `None` is the
/// box's own.
pub fn organisation(trust: Trust) -> Option<(&'static str, serde_json::Value)> {
    match trust {
        Trust::Authority | Trust::Unchecked => None,
        Trust::PlainLogin => Some(("Without our CA", json!({ "plain-http": true }))),
        Trust::Lan => Some(("Without a login", json!({ "plain-http": true, "lan-alone": true }))),
    }
}

fn namespace_refused(error: &io::Error) -> Error {
    Error::NotAllowed {
        why: error.to_string(),
        remedy: "run the lab as root, or call it before other threads are started".into(),
    }
}

/// Raises the limit of open files as far as any user may, and tells what it is then. Each phone takes a few files; the usual
/// 1,024 are not enough for hundreds.
pub fn raise_file_limit() -> u64 {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let Ok((own, most)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 0 };
    if setrlimit(Resource::RLIMIT_NOFILE, most, most).is_ok() { most } else { own }
}
