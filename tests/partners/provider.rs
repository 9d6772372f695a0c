//! The box as provider of phones for a PBX, from its publication to a phone that runs with what Devices says.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::ground::{Appliance, Client, Ground, PATIENCE, wait_until};
use crate::pbx::{App, CODE, DEVICES, Devices};
use crate::place::{address, at};

const PHONE: &str = "805ec0000042";
const AGENT: &str = "Yealink SIP-T46U 108.86.0.20 80:5e:c0:00:00:42";
const PASSWORD: &str = "app-password";
const PATHS: [&str; 3] =
    ["wss://10.66.0.1/innovaphone", "wss://10.66.0.1/innovaphone/", "wss://10.66.0.1/innovaphone/block66"];

/// A box that is an app, a PBX's place, and Devices.
struct Site {
    ground: Ground,
    appliance: Appliance,
    pbx: Client,
    devices: Devices,
    ca: String,
}

fn site() -> Site {
    let ground = Ground::new();
    let appliance = ground.start_as("mode = \"off\"");
    let (pbx, place) = (ground.client(), ground.client());
    address(&pbx, Ipv4Addr::new(10, 66, 0, 80));
    address(&place, DEVICES);
    let devices = Devices::serve(&place);
    devices.known.lock().unwrap().codes.push(CODE.into());
    devices.known.lock().unwrap().configuration = vec![
        json!({ "id": 1, "type": "PHONE", "gk1": "10.66.0.90", "coder": "G722", "frameSize": 20, "dialTone": 15 }),
        json!({ "id": 2, "type": "NTP", "ntp1": "10.66.0.91", "tz": "CET-1CEST-2,M3.5.0/2,M10.5.0/3" }),
    ];
    let authority = place.directory.join("devices.pem");
    std::fs::write(&authority, &devices.pem).unwrap();
    let trust = format!("authorities=@{}", authority.display());
    ground.block66(&["partners", "innovaphone", "settings", "enabled=true", "patience=10", "ping=5", &trust], "");
    ground.block66(&["partners", "innovaphone", "password"], &format!("{PASSWORD}\n"));
    let ca = ground.block66(&["ca", "export"], "");
    Site { ground, appliance, pbx, devices, ca }
}

impl Site {
    /// Something that the PBX's machine does.
    fn at_the_pbx<T: Send + 'static>(&self, work: impl FnOnce(&str) -> T + Send + 'static) -> T {
        let ca = self.ca.clone();
        at(&self.pbx, move || work(&ca))
    }

    fn connect_pbx(&self) -> App {
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

    fn provision(&self, mac: &'static str, code: &'static str) -> Value {
        self.at_the_pbx(move |ca| {
            let mut app = App::open(PATHS[2], ca, "users", PASSWORD, true).expect("the users' service logs in");
            app.provision(mac, code, "sip-p\u{e4}ss-of-ann")
        })
    }

    fn says(&self, text: &str) {
        let mut said = String::new();
        let so = wait_until(PATIENCE, || {
            said = self.ground.block66(&["partners", "innovaphone", "status"], "");
            said.contains(text)
        });
        assert!(so, "\"{text}\" is not said:\n{said}");
    }

    fn shown(&self) -> String {
        self.ground.block66(&["phones", "show", PHONE, "--json"], "")
    }
}

fn curl(client: &Client, arguments: &[&str]) -> String {
    let quiet = ["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--user-agent", AGENT];
    let output = client.command("curl", &[&quiet[..], arguments].concat()).output().expect("curl is installed");
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}

fn setting(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
}

#[test]
fn a_phone_of_the_profile_app_comes_up_and_follows_devices() {
    let site = site();
    let _pbx = site.connect_pbx();
    let phone = site.ground.client();
    phone.run("ip", &["link", "set", "eth0", "down"]);
    phone.run("ip", &["link", "set", "eth0", "address", "80:5e:c0:00:00:42"]);
    phone.run("ip", &["link", "set", "eth0", "up"]);
    address(&phone, Ipv4Addr::new(10, 66, 0, 50));

    let result = site.provision(PHONE, CODE);
    assert_eq!(result["result"], "ok", "{result}");
    assert_eq!((site.devices.saw("a code"), site.devices.saw("configured")), (1, 1));
    site.says("Connected to Devices and configured.");

    // The phone boots as any other: first contact, then its own file over HTTPS.
    let ca = phone.directory.join("ca.pem");
    std::fs::write(&ca, &site.ca).unwrap();
    let own = format!("{PHONE}.cfg");
    let first = curl(&phone, &[&format!("http://10.66.0.1/p/{own}")]);
    let login = format!(
        "{}:{}",
        setting(&first, "static.auto_provision.server.username"),
        setting(&first, "static.auto_provision.server.password")
    );
    let fetch = || {
        let trust = ca.to_str().unwrap();
        curl(&phone, &["--cacert", trust, "--digest", "--user", &login, &format!("https://10.66.0.1/p/{own}")])
    };
    let file = fetch();
    for (name, value) in [
        ("account.1.user_name", "ann"),
        ("account.1.auth_name", "hw-ann"),
        ("account.1.password", "sip-p\u{e4}ss-of-ann"),
        ("account.1.sip_server.1.address", "10.66.0.90"),
        ("local_time.ntp_server1", "10.66.0.91"),
    ] {
        assert_eq!(setting(&file, name), value, "{name}");
    }

    // A change in Devices, without the mark of an end.
    site.devices.change(&json!({ "id": 1, "type": "PHONE", "gk1": "10.66.0.95", "coder": "G722" }));
    let followed = wait_until(PATIENCE, || setting(&fetch(), "account.1.sip_server.1.address") == "10.66.0.95");
    assert!(followed, "{}", fetch());
    let events = site.ground.block66(&["events", "--json"], "");
    assert!(events.contains("\"provider.configured\"") && events.contains("\"provider.connected\""), "{events}");

    // Devices is restarted: the box comes back with the password that it keeps.
    site.devices.drop_connections();
    assert!(wait_until(PATIENCE, || site.devices.saw("a digest") == 1), "it does not come back");
    site.says("Connected to Devices and configured.");

    // The box is restarted, with no PBX to tell it anything.
    let Site { ground, appliance, devices, .. } = site;
    let log = appliance.log();
    for secret in ["sip-p\u{e4}ss-of-ann", "sysclient-password-of", PASSWORD] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    appliance.stop();
    let appliance = ground.start_as("mode = \"off\"");
    assert!(wait_until(PATIENCE, || devices.saw("a digest") == 2), "it does not come back");
    devices.change(&json!({ "id": 1, "type": "PHONE", "gk1": "10.66.0.96", "coder": "G722" }));
    assert!(wait_until(PATIENCE, || setting(&fetch(), "account.1.sip_server.1.address") == "10.66.0.96"));
    assert_eq!(devices.saw("a wrong digest"), 0);
    appliance.stop();
}

#[test]
fn what_fails_is_answered_with_its_reason_and_changes_nothing() {
    let site = site();
    let early = site.provision(PHONE, CODE);
    assert_eq!(early["result"], "failed");
    assert!(early["error"].as_str().unwrap().contains("where Devices is"), "{early}");

    let _pbx = site.connect_pbx();
    let undecryptable = site.at_the_pbx(|ca| {
        let mut app = App::open(PATHS[0], ca, "users", PASSWORD, true).unwrap();
        app.provision_hidden(PHONE, CODE, "10046478319880090512700", "00ff00ff00ff00ff00ff00ff00ff")
    });
    assert!(undecryptable["error"].as_str().unwrap().contains("does not decrypt"), "{undecryptable}");
    let expired = site.provision(PHONE, "000000000000");
    assert_eq!((expired["result"].as_str(), site.devices.saw("a bad code")), (Some("failed"), 1), "{expired}");
    let phones = site.ground.block66(&["phones", "list", "--json"], "");
    assert!(!phones.contains("80:5e:c0:00:00:42") && !phones.contains(PHONE), "{phones}");

    // The same connection goes on, and the code that is good still is.
    assert_eq!(site.provision(PHONE, CODE)["result"], "ok");
    let before = site.shown();

    // A burst that is cut off leaves what is in force.
    site.devices.known.lock().unwrap().cut = true;
    site.devices.change(&json!({ "id": 1, "type": "PHONE", "gk1": "10.66.0.99" }));
    site.devices.drop_connections();
    assert!(wait_until(PATIENCE, || site.devices.saw("cut off") == 1 && site.devices.saw("configured") >= 2));
    assert!(before.contains("10.66.0.90"), "{before}");

    let wrong = site.at_the_pbx(|ca| App::open(PATHS[0], ca, "block66", "wrong-password", false).is_some());
    assert!(!wrong, "a wrong password is taken");
    let events = site.ground.block66(&["events", "--json"], "");
    assert!(events.contains("\"provider.refused\"") && events.contains("\"provider.failed\""), "{events}");
    site.appliance.stop();
}
