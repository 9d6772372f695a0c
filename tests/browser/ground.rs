//! The real box on the lab's LAN, a browser beside it, and phones that are plugged in when a test wants them.

use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use block66::lab::ground::{BOX, INTERFACE};
use block66::lab::namespace::Namespace;
use block66::lab::{Lab, Settings};
use block66::model::Mac;
use block66::phonesim::{BREEDS, Identity, Phone, Plug, Remote, Report, Setup};
use serde_json::{Value, json};

use super::chromium::{Chromium, until};

/// The administrator's password.
pub(crate) const PASSWORD: &str = "maple thunder cotton";
/// How long a phone may take into service.
pub(crate) const SERVICE: Duration = Duration::from_secs(60);

/// A box, its LAN, and a browser.
pub(crate) struct Ground {
    // Dropped in this order.
    pub(crate) browser: Chromium,
    phones: Vec<Plugged>,
    pub(crate) lab: Lab,
}

/// A phone that nobody has put on a list.
pub(crate) struct Plugged {
    pub(crate) mac: Mac,
    pub(crate) remote: Remote,
    /// Where it stands.
    pub(crate) namespace: Namespace,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl Ground {
    /// A box that nobody has claimed, with so many phones on its list, which are on.
    pub(crate) fn new(phones: u16) -> Self {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_block66"));
        let brands = BREEDS.iter().copied().take(1).collect();
        let settings = Settings { program, phones, brands, pace: Settings::USUAL_PACE, plant: None };
        let mut lab = Lab::new(&settings).unwrap();
        lab.power_on().unwrap();
        let browser = Chromium::start(lab.ground().switch(), (1280, 1000));
        Self { browser, phones: Vec::new(), lab }
    }

    /// The same with an administrator, who is signed in.
    pub(crate) fn claimed(phones: u16) -> Self {
        let ground = Self::new(phones);
        ground.lab.api().post("claim", &json!({ "password": PASSWORD })).unwrap();
        ground.sign_in();
        ground
    }

    /// Signs in on the page as the first administrator.
    pub(crate) fn sign_in(&self) {
        self.sign_in_as("admin", PASSWORD);
    }

    /// Signs in on the page as somebody who is not signed in as anybody yet.
    pub(crate) fn sign_in_as(&self, name: &str, password: &str) {
        self.open("/sign-in");
        self.browser.fill("#name", name);
        self.browser.fill("#password", password);
        self.browser.click("form[action^=\"/sign-in\"] button");
        self.browser.is_at("/");
    }

    /// Loads a page of the box.
    pub(crate) fn open(&self, path: &str) {
        self.browser.open(&format!("https://{BOX}{path}"));
    }

    /// Changes something by the API as whoever is signed in on the page, from the page that is shown.
    pub(crate) fn change(&self, method: &str, path: &str, body: &Value) {
        let changed = self.browser.run_async(&format!(
            "const done = arguments[0];
             fetch('/api/v1/{path}', {{ method: '{method}', body: {body:?}, headers: {{ 'Content-Type': 'application/json',
               'X-CSRF-Token': document.querySelector('input[name=csrf]').value }} }})
               .then(async (r) => done([r.status, await r.text()]))",
            body = body.to_string()
        ));
        assert!((200..300).contains(&changed[0].as_u64().unwrap()), "{method} {path}: {changed}");
    }

    /// Asks the API on the box itself until what it says is enough.
    pub(crate) fn until(&self, what: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let api = self.lab.api();
        let found = until(|| api.get(what).ok().filter(&enough));
        found.unwrap_or_else(|| panic!("{what}: {:?}", api.get(what)))
    }

    /// Plugs a phone in that is on no list, and switches it on.
    pub(crate) fn plug(&mut self, last: u8) -> &Plugged {
        let mac = Mac::new([0x80, 0x5e, 0xc0, 0x77, 0, last]);
        let namespace = self.lab.ground().plug(&format!("desk{last}"), mac).unwrap();
        let (phone, remote) = Phone::new(Setup {
            identity: Identity::t46u(mac),
            plug: Plug::Lan { interface: INTERFACE.into() },
            pace: Settings::USUAL_PACE,
            instead: None,
            escort: None,
        });
        let thread = namespace.spawn("phone".into(), move || phone.run()).unwrap();
        self.phones.push(Plugged { mac, remote, namespace, thread: Some(thread) });
        self.phones.last().unwrap()
    }

    /// The phones that were plugged in.
    pub(crate) fn plugged(&self) -> &[Plugged] {
        &self.phones
    }
}

impl Plugged {
    /// Waits until the phone has come so far.
    pub(crate) fn until(&self, enough: impl Fn(&Report) -> bool) -> Report {
        self.remote.wait_for(SERVICE, enough).unwrap_or_else(|report| panic!("{report:#?}"))
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        self.remote.stop();
        if let Some(thread) = self.thread.take() {
            // What it died of was printed when it did.
            let _ = thread.join();
        }
    }
}
