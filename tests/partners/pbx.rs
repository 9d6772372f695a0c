//! A PBX and its Users service, from innovaphone's SDK pages on app websockets, services and provisioning: the PBX logs
//! in as the app's object, tells what it is, asks what the app offers, and lists the services; Users comes with a login
//! that the PBX made for it, and wants phones.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::app::App;
use crate::cipher::{Login, hide, session_key, show};

/// The name of the app's object, of its URL's last part, and of nothing else.
pub(crate) const OBJECT: &str = "block66";
/// A seed as the tutorial shows one.
const SEED: &str = "10046478319880090512700";

/// As whom the PBX itself comes: its object is user and name at once, and stands for nobody.
pub(crate) fn itself() -> Login {
    let info = format!(
        r#"{{"appobj":"{OBJECT}","appdn":"Phones of others","appurl":"https://10.66.0.1/innovaphone/{OBJECT}","pbx":"main","cn":"Phones \u00fcber/all","unlicensed":true,"testmode":false,"apps":[{{"name":"devices","dn":"Devices"}}]}}"#
    );
    // Compact, and with no escape that is not needed.
    let info = info.replace("\\u00fc", "\u{fc}");
    Login {
        app: OBJECT.into(),
        domain: "example.com".into(),
        sip: OBJECT.into(),
        guid: "3954ae7854c96301c9dd009033400109".into(),
        dn: OBJECT.into(),
        info: Some(info),
    }
}

/// What a PBX saw of the app.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// What it answered to AppInfo.
    pub(crate) offer: Option<Value>,
    /// How often it asked for the services.
    pub(crate) subscriptions: usize,
    /// Whether the connection has ended.
    pub(crate) ended: bool,
}

/// A PBX that is connected, reading and answering by itself. It hangs up when it is dropped.
pub(crate) struct Pbx {
    pub(crate) seen: Arc<Mutex<Seen>>,
    orders: Option<Sender<Value>>,
    thread: Option<JoinHandle<()>>,
}

impl Pbx {
    /// Takes over a connection that is logged in. `apis` is what it says it can do; `url` is where its Devices is.
    pub(crate) fn take(app: App, apis: &[&str], url: &str) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (orders, work) = channel();
        let (shown, apis) = (seen.clone(), json!(apis));
        let list = services(url);
        let thread = std::thread::spawn(move || serve(app, &apis, list, &shown, &work));
        Self { seen, orders: Some(orders), thread: Some(thread) }
    }

    /// Devices is elsewhere from now on: who subscribed is told.
    pub(crate) fn moves_devices(&self, url: &str) {
        self.orders.as_ref().unwrap().send(services(url)).unwrap();
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Pbx {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // Its panic is what the test shows.
            let failed = thread.join().is_err();
            assert!(!failed || std::thread::panicking(), "the PBX saw something that no app does");
        }
    }
}

/// Services as a PBX lists them: one without the interface that is looked for, one with it.
fn services(url: &str) -> Value {
    json!([
        { "name": "users", "title": "Users", "url": "https://10.66.0.82/example.com/users/innovaphone-users",
          "info": { "apis": { "com.innovaphone.users": {} } } },
        { "name": "plain", "title": "No interfaces", "url": "https://10.66.0.82/example.com/plain/plain" },
        { "name": "devices", "title": "Devices", "url": url, "info": { "apis": { "com.innovaphone.devices": {} } } },
    ])
}

fn serve(mut app: App, apis: &Value, mut list: Value, seen: &Mutex<Seen>, work: &Receiver<Value>) {
    app.say(
        &json!({ "mt": "PbxInfo", "domain": "example.com", "pbx": "main", "pbxDns": "pbx.example.com", "apis": apis,
        "version": "14r1", "build": "141234" }),
    );
    app.say(&json!({ "mt": "AppInfo", "app": OBJECT, "src": "info:1" }));
    // What an app does not know is nothing to it.
    app.say(&json!({ "mt": "PbxWeather", "sunny": true, "src": "w" }));
    app.say(&json!({ "mt": "KeepAlive" }));
    let mut subscriber = None;
    loop {
        match work.try_recv() {
            Ok(services) => {
                list = services;
                if let Some(source) = &subscriber {
                    app.say(&json!({ "api": "Services", "mt": "ServicesInfo", "src": source, "services": list }));
                }
            }
            Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
            Err(std::sync::mpsc::TryRecvError::Empty) => {}
        }
        let Some(said) = app.glance() else {
            if !app.still() {
                seen.lock().unwrap().ended = true;
                return;
            }
            continue;
        };
        match said["mt"].as_str().unwrap() {
            "AppInfoResult" => {
                assert_eq!(said["src"], "info:1", "what was asked with a source is answered with it");
                seen.lock().unwrap().offer = Some(said);
            }
            "SubscribeServices" => {
                assert_eq!(said["api"], "Services");
                let known = apis.as_array().unwrap().contains(&json!("Services"));
                assert!(known, "it asks for services of a PBX that has none");
                seen.lock().unwrap().subscriptions += 1;
                subscriber = Some(said["src"].clone());
                app.say(&json!({ "api": "Services", "mt": "SubscribeServicesResult", "src": said["src"] }));
                app.say(&json!({ "api": "Services", "mt": "ServicesInfo", "src": said["src"], "services": list }));
            }
            "KeepAlive" => {}
            other => panic!("a PBX gets no {other}"),
        }
    }
}

/// A phone that Users wants.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) mac: String,
    pub(crate) code: String,
    pub(crate) seed: String,
    /// As it is on the wire.
    pub(crate) password: String,
    pub(crate) src: Option<&'static str>,
}

/// The Users service, logged in on behalf of somebody.
pub(crate) struct Users {
    pub(crate) app: App,
    /// The key of its session with the app, as it got it from the PBX.
    key: String,
}

impl Users {
    /// Logs in with what the PBX makes of the app's challenge: Users never knows the app's password.
    pub(crate) fn log_in(mut app: App, password: &str) -> Option<Self> {
        let login = Login {
            app: OBJECT.into(),
            domain: "example.com".into(),
            sip: "users".into(),
            guid: "b1d6f2d0c0ffee01c9dd009033400109".into(),
            dn: "Users".into(),
            info: Some(
                r#"{"appobj":"users","appdn":"Users","appurl":"https://10.66.0.1/innovaphone/block66","pbx":"main","cn":"Users","unlicensed":true,"groups":["staff"],"apps":[]}"#.into(),
            ),
        };
        let challenge = app.challenge();
        // The PBX's part, with the key that PBX and Users share.
        let shared = session_key("4711471147114711", "password-of-users");
        let (digest, salt) = (login.digest(&challenge, password), "somesalt");
        let wrapped = hide(salt, &shared, &session_key(&challenge, password));
        let taken = app.prove(&login, &digest, Some(OBJECT));
        taken.then(|| Self { app, key: show(salt, &shared, &wrapped) })
    }

    /// A wish with a password that the app can read.
    pub(crate) fn wish(&self, mac: &str, code: &str, password: &str) -> Wish {
        let password = hide(SEED, &self.key, password);
        Wish { mac: mac.into(), code: code.into(), seed: SEED.into(), password, src: Some("p:7") }
    }

    /// Sends it.
    pub(crate) fn send(&mut self, wish: &Wish) {
        let mut message = json!({ "mt": "ProvisioningPhone", "mac": wish.mac, "code": wish.code, "hwid": "hw-ann",
            // Without its r, as the interface has it.
            "usename": "ann", "cn": "Ann Example", "seed1": wish.seed, "password": wish.password,
            "domain": "example.com", "dns": "pbx.example.com" });
        if let Some(source) = wish.src {
            message["src"] = json!(source);
        }
        self.app.say(&message);
    }

    /// Sends it, and waits for what came of it.
    pub(crate) fn want(&mut self, wish: &Wish) -> Value {
        self.send(wish);
        let result = self.app.hear("ProvisioningPhoneResult").expect("a result");
        assert_eq!(result["src"].as_str(), wish.src, "{result}");
        match result["result"].as_str() {
            Some("ok") => assert_eq!(result["error"], Value::Null, "{result}"),
            Some("failed") => assert!(result["error"].is_null() || result["error"] != "", "{result}"),
            other => panic!("{other:?} is no result"),
        }
        result
    }
}
