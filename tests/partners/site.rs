//! A branch whose PBX has phones of other makers provisioned by the box: box, PBX, Devices, phones.

use std::net::Ipv4Addr;
use std::thread::JoinHandle;

use block66::phonesim::{Account, Identity, Phone, Plug, Remote, Setup, breed};
use serde_json::{Value, json};

use crate::ground::{Appliance, Client, Ground, PATIENCE, wait_until};
use crate::pbx::{App, CODE, DEVICES, Devices};
use crate::place::{address, at, start};

/// The app object's password.
pub(crate) const PASSWORD: &str = "app-password";
/// The user's password, which is what the line signs in with.
pub(crate) const LINE: &str = "sip-p\u{e4}ss-of-ann";
/// Every form of the address that is in use.
pub(crate) const PATHS: [&str; 3] =
    ["wss://10.66.0.1/innovaphone", "wss://10.66.0.1/innovaphone/", "wss://10.66.0.1/innovaphone/block66"];
/// Seconds of a phone's own waits in one of ours.
const PACE: u32 = 60;

/// A box that is an app, a PBX's place, and Devices.
pub(crate) struct Site {
    pub(crate) ground: Ground,
    pub(crate) devices: Devices,
    dhcp: &'static str,
    pbx: Client,
    ca: String,
}

/// A simulated phone that is switched on.
pub(crate) struct Plugged {
    pub(crate) remote: Remote,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    /// With this DHCP section, or with nothing that asks for addresses.
    pub(crate) fn new(dhcp: &'static str) -> (Self, Appliance) {
        let ground = Ground::new();
        let appliance = ground.start_as(dhcp);
        let (pbx, place) = (ground.client(), ground.client());
        address(&pbx, Ipv4Addr::new(10, 66, 0, 80));
        address(&place, DEVICES);
        let devices = Devices::serve(&place);
        devices.known.lock().unwrap().codes.push(CODE.into());
        devices.known.lock().unwrap().configuration = vec![
            json!({ "id": 1, "type": "PHONE", "gk1": "10.66.0.90", "coder": "G722", "frameSize": 20, "dialTone": 15 }),
            json!({ "id": 2, "type": "NTP", "tz": "CET-1CEST-2,M3.5.0/2,M10.5.0/3" }),
        ];
        let authority = place.directory.join("devices.pem");
        std::fs::write(&authority, &devices.pem).unwrap();
        let trust = format!("authorities=@{}", authority.display());
        ground.block66(&["partners", "innovaphone", "settings", "enabled=true", "patience=10", "ping=5", &trust], "");
        ground.block66(&["partners", "innovaphone", "password"], &format!("{PASSWORD}\n"));
        let ca = ground.block66(&["ca", "export"], "");
        (Self { ground, devices, dhcp, pbx, ca }, appliance)
    }

    /// The box, started again with what it has.
    pub(crate) fn again(&self) -> Appliance {
        self.ground.start_as(self.dhcp)
    }

    pub(crate) fn set(&self, change: &str) {
        self.ground.block66(&["partners", "innovaphone", "settings", change], "");
    }

    /// Something that the PBX's machine does.
    pub(crate) fn at_the_pbx<T: Send + 'static>(&self, work: impl FnOnce(&str) -> T + Send + 'static) -> T {
        let ca = self.ca.clone();
        at(&self.pbx, move || work(&ca))
    }

    /// The PBX connects, and is told what the box offers.
    pub(crate) fn connect_pbx(&self) -> App {
        let (app, info) = self.at_the_pbx(|ca| {
            let mut app = App::open(PATHS[1], ca, "block66", PASSWORD, false).expect("the PBX logs in");
            let info = app.introduce();
            (app, info)
        });
        let expected = json!({ "apis": { "com.innovaphone.provisioning": { "title": "Block66" } } });
        assert_eq!((&info["serviceInfo"], &info["src"]), (&expected, &json!("i")));
        self.says("told where Devices is");
        app
    }

    /// The users' service connects and wants a phone; what came of it.
    pub(crate) fn provision(&self, mac: &'static str, code: &'static str) -> Value {
        self.at_the_pbx(move |ca| {
            let mut app = App::open(PATHS[2], ca, "users", PASSWORD, true).expect("the users' service logs in");
            app.provision(mac, code, LINE)
        })
    }

    /// Waits until the state of the app is said so.
    pub(crate) fn says(&self, text: &str) {
        let mut said = String::new();
        let so = wait_until(PATIENCE, || {
            said = self.ground.block66(&["partners", "innovaphone", "status"], "");
            said.contains(text)
        });
        assert!(so, "\"{text}\" is not said:\n{said}");
    }

    /// Waits until Devices has seen something so many times.
    pub(crate) fn saw(&self, what: &str, times: usize) {
        let seen = || self.devices.known.lock().unwrap().seen.clone();
        assert!(wait_until(PATIENCE, || self.devices.saw(what) == times), "{what} {times} times: {:?}", seen());
    }

    /// What the list has of a phone.
    pub(crate) fn shown(&self, mac: &str) -> String {
        self.ground.block66(&["phones", "show", mac, "--json"], "")
    }

    /// The macs of the list, as JSON.
    pub(crate) fn listed(&self) -> String {
        self.ground.block66(&["phones", "list", "--json"], "")
    }

    /// Plugs in a phone of a brand in its factory state.
    pub(crate) fn plug(&self, brand: &str, mac: &str) -> Plugged {
        let place = self.ground.client();
        place.run("ip", &["link", "set", "eth0", "down"]);
        place.run("ip", &["link", "set", "eth0", "address", mac]);
        place.run("ip", &["link", "set", "eth0", "up"]);
        let breed = breed(brand).unwrap_or_else(|| panic!("no phone of {brand} is simulated"));
        let identity = Identity { breed, make: &breed.makes[0], mac: mac.parse().unwrap() };
        let plug = Plug::Lan { interface: "eth0".into() };
        let (phone, remote) = Phone::new(Setup { identity, plug, pace: PACE, instead: None, escort: None });
        Plugged { remote, thread: Some(start(&place, move || phone.run())) }
    }
}

impl Plugged {
    /// Waits until it is in service.
    pub(crate) fn is_served(&self) {
        if let Err(report) = self.remote.wait_for(PATIENCE, |report| report.in_service()) {
            panic!("{report:#?}");
        }
    }

    /// Waits until its one account is at this server, and gives it.
    pub(crate) fn signs_in_at(&self, server: &str) -> Account {
        let accounts = || self.remote.holding().accounts;
        let so = wait_until(PATIENCE, || accounts().first().is_some_and(|account| account.server.starts_with(server)));
        assert!(so, "not at {server}: {:?}\n{:#?}", accounts(), self.remote.report().log);
        accounts().remove(0)
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        self.remote.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
