//! A branch whose PBX has phones of other makers provisioned by the box: box, PBX, Devices, phones.

use std::net::Ipv4Addr;
use std::thread::JoinHandle;

use block66::phonesim::{Account, Identity, Phone, Plug, Remote, Setup, breed};
use serde_json::{Value, json};

use crate::app::App;
use crate::devices::{CODE, DEVICES, Devices};
use crate::ground::{Appliance, Client, Ground, PATIENCE, wait_until};
use crate::pbx::{Pbx, Users, itself};
use crate::place::{address, at, start};

/// The app object's password.
pub(crate) const PASSWORD: &str = "app-password";
/// The user's password, which is what the line signs in with.
pub(crate) const LINE: &str = "sip-p\u{e4}ss-of-ann";
/// What Devices has an alarm server and a TURN server asked with.
pub(crate) const DEEP: &str = "deep-secret-of-the-site";
/// Every form of the address that is in use.
pub(crate) const PATHS: [&str; 3] =
    ["wss://10.66.0.1/innovaphone", "wss://10.66.0.1/innovaphone/", "wss://10.66.0.1/innovaphone/block66"];
/// Where the list of services may say that Devices is: the app's URL, and what the documents call a websocket's.
pub(crate) const URLS: [&str; 3] = [
    "https://10.66.0.81:8443/example.com/devices/innovaphone-devices",
    "wss://10.66.0.81:8443/example.com/devices/innovaphone-devices",
    "wss://10.66.0.81:8443/example.com/devices/",
];
/// Seconds of a phone's own waits in one of ours.
const PACE: u32 = 60;

/// A box that is an app, a PBX's place, and Devices.
pub(crate) struct Site {
    pub(crate) ground: Ground,
    pub(crate) devices: Devices,
    dhcp: &'static str,
    pbx: Client,
    /// Where Devices is.
    place: Client,
    ca: String,
}

/// A simulated phone that is switched on.
pub(crate) struct Plugged {
    pub(crate) remote: Remote,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    /// With this DHCP section.
    pub(crate) fn new(dhcp: &'static str) -> (Self, Appliance) {
        let ground = Ground::new();
        let appliance = ground.start_as(dhcp);
        let (pbx, place) = (ground.client(), ground.client());
        address(&pbx, Ipv4Addr::new(10, 66, 0, 80));
        address(&place, DEVICES);
        let devices = Devices::serve(&place);
        devices.set(|known| {
            known.codes.push(CODE.into());
            known.configuration = configuration();
        });
        let authority = place.directory.join("devices.pem");
        std::fs::write(&authority, &devices.pem).unwrap();
        let trust = format!("authorities=@{}", authority.display());
        ground.block66(&["partners", "innovaphone", "settings", "enabled=true", "patience=10", "ping=5", &trust], "");
        ground.block66(&["partners", "innovaphone", "password"], &format!("{PASSWORD}\n"));
        let ca = ground.block66(&["ca", "export"], "");
        (Self { ground, devices, dhcp, pbx, place, ca }, appliance)
    }

    /// The box, started again with what it has.
    pub(crate) fn again(&self) -> Appliance {
        self.ground.start_as(self.dhcp)
    }

    pub(crate) fn set(&self, change: &str) {
        self.ground.block66(&["partners", "innovaphone", "settings", change], "");
    }

    /// Something that the PBX's machine does, with the authority that it trusts.
    pub(crate) fn at_the_pbx<T: Send + 'static>(&self, work: impl FnOnce(&str) -> T + Send + 'static) -> T {
        let ca = self.ca.clone();
        at(&self.pbx, move || work(&ca))
    }

    /// A websocket to the box from the PBX's machine.
    pub(crate) fn open(&self, path: usize) -> App {
        self.open_at(&self.pbx, path)
    }

    /// The same from another place.
    pub(crate) fn open_at(&self, place: &Client, path: usize) -> App {
        let ca = self.ca.clone();
        at(place, move || App::open(PATHS[path], &ca)).expect("a websocket")
    }

    /// Somebody else takes the place of Devices, at its address and with an authority of their own.
    pub(crate) fn usurp_devices(&mut self) -> Devices {
        self.devices.end();
        Devices::serve(&self.place)
    }

    /// The PBX connects by a form of the box's URL, and says where Devices is by a form of that one's.
    pub(crate) fn connect_pbx(&self, path: usize, url: usize) -> Pbx {
        let mut app = self.open(path);
        assert!(app.log_in(&itself(), PASSWORD).is_some(), "the PBX logs in");
        let pbx = Pbx::take(app, &["PbxSignal", "Services"], URLS[url]);
        self.says("told where Devices is");
        assert!(wait_until(PATIENCE, || pbx.seen().offer.is_some()), "the app does not say what it offers");
        let offer = pbx.seen().offer.unwrap();
        let title = &offer["serviceInfo"]["apis"]["com.innovaphone.provisioning"]["title"];
        assert!(title.as_str().is_some_and(|title| !title.is_empty()), "{offer}");
        assert!(offer["info"]["hidden"].is_boolean() && offer["info"]["apis"].is_object(), "{offer}");
        pbx
    }

    /// The users' service connects.
    pub(crate) fn users(&self) -> Users {
        Users::log_in(self.open(2), PASSWORD).expect("the users' service logs in")
    }

    /// The users' service connects and wants a phone; what came of it.
    pub(crate) fn provision(&self, mac: &str, code: &str) -> Value {
        let mut users = self.users();
        let wish = users.wish(mac, code, LINE);
        users.want(&wish)
    }

    /// Wants a phone that cannot be had: the reason.
    pub(crate) fn fails(&self, mac: &str, code: &str) -> String {
        let result = self.provision(mac, code);
        assert_eq!(result["result"], "failed", "{result}");
        result["error"].as_str().expect("a reason").to_owned()
    }

    pub(crate) fn status(&self) -> String {
        self.ground.block66(&["partners", "innovaphone", "status"], "")
    }

    /// Waits until the state of the app is said so.
    pub(crate) fn says(&self, text: &str) {
        let mut said = String::new();
        let so = wait_until(PATIENCE, || {
            said = self.status();
            said.contains(text)
        });
        assert!(so, "\"{text}\" is not said:\n{said}");
    }

    /// What the list has of a phone.
    pub(crate) fn shown(&self, mac: &str) -> String {
        self.ground.block66(&["phones", "show", mac, "--json"], "")
    }

    /// Waits until the list has something of a phone.
    pub(crate) fn shows(&self, mac: &str, text: &str) {
        let so = wait_until(PATIENCE, || self.shown(mac).contains(text));
        assert!(so, "{text} is not in {}", self.shown(mac));
    }

    /// The macs of the list, as JSON.
    pub(crate) fn listed(&self) -> String {
        self.ground.block66(&["phones", "list", "--json"], "")
    }

    /// No secret of the site has come into the log.
    pub(crate) fn keeps_secrets(&self, log: &str) {
        let given: Vec<String> = self.devices.set(|known| known.passwords.values().cloned().collect());
        for secret in given.iter().map(String::as_str).chain([LINE, PASSWORD, DEEP, "of-admins"]) {
            assert!(!log.contains(secret), "{secret} is in the log");
        }
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

/// One object of every kind that Devices has, and one that it may have some day.
fn configuration() -> Vec<Value> {
    vec![
        json!({ "id": 1, "domainId": 1, "desc": "Phones", "type": "PHONE", "categories": [], "gk1": "10.66.0.90",
            "gkId": "example.com", "coder": "G722", "frameSize": 20, "exclusive": false, "silenceComp": false,
            "srtpKey": "4", "srtpCipher": "0", "dialTone": 15, "protectCfg": true, "audioOnly": true }),
        json!({ "id": 2, "domainId": 1, "desc": "Time", "type": "NTP", "categories": [1, 2], "ntp1": "10.66.0.91",
            "tz": "CET-1CEST-2,M3.5.0/2,M10.5.0/3" }),
        json!({ "id": 3, "type": "MEDIA", "stunServer": "10.66.0.92", "turnServer": "10.66.0.92", "turnUser": "turn",
            "turnPassword": DEEP, "tosRtp": "b8", "tosSig": "68", "setRtpPorts": true, "rtpFirst": 16384, "rtpNum": 128 }),
        json!({ "id": 4, "type": "TLS_PROFILE", "profile": "secure" }),
        json!({ "id": 5, "type": "ALARM_SERVER", "url": "https://10.66.0.93/alarms", "setLogUrl": true,
            "logUrl": "https://10.66.0.93/log", "logUser": "logs", "logPassword": DEEP }),
        json!({ "id": 6, "type": "EXPERT" }),
        json!({ "id": 7, "type": "TRUST_LIST", "certificates": [{ "pem": "of a newer release" }] }),
    ]
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
