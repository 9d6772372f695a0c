//! A box in a namespace of its own, and what is done to it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use block66::lab::ground::{BOX, Ground, INTERFACE};
use block66::model::Mac;
use block66::phonesim;
use serde_json::{Value, json};
use tempfile::TempDir;

/// All rehearsals together.
pub(crate) const MOST: Duration = Duration::from_secs(60);
const START: Duration = Duration::from_secs(30);
const PROGRAM: &str = env!("CARGO_BIN_EXE_block66");

pub(crate) struct Box66 {
    ground: Ground,
    directory: TempDir,
    child: Child,
}

impl Box66 {
    /// A box with these DHCP options and brand folders.
    pub(crate) fn start(options: &str, folders: &[(&str, &str)]) -> Self {
        let ground = Ground::new().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for (name, text) in folders {
            let file = path("data/brands").join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let configuration = format!(
            "data-directory = {:?}\nsocket = {:?}\n\n[[network]]\nname = \"lab\"\ninterface = \"{INTERFACE}\"\n\
             subnet = \"10.66.0.0/22\"\ngateway = \"10.66.3.254\"\ndns = [\"10.66.3.254\"]\n\n[network.dhcp]\nmode = \"full\"\n\
             pool = \"10.66.0.10-10.66.0.60\"\n\n{options}",
            path("data"),
            path("socket"),
        );
        std::fs::write(path("block66.toml"), configuration).unwrap();
        let log = std::fs::File::create(path("log")).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["run", "--config"]).arg(path("block66.toml")).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let child = ground.appliance().run(|| command.spawn()).unwrap().unwrap();
        let mut on = Self { ground, directory, child };
        let until = Instant::now() + START;
        while !on.block66(&["status"]).status.success() {
            assert!(on.child.try_wait().unwrap().is_none() && Instant::now() < until, "{}", on.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        // It looks for other DHCP servers before it answers anybody.
        while !on.json(&["dhcp", "--json"]).0.to_string().contains("\"now\":\"full\"") {
            assert!(Instant::now() < until, "{}", on.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        on
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub(crate) fn block66(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM).arg("--socket").arg(self.path("socket")).args(arguments).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> (Value, i32) {
        let output = self.block66(arguments);
        let read = serde_json::from_slice(&output.stdout);
        (read.unwrap_or_else(|_| panic!("{output:?}\n{}", self.log())), output.status.code().unwrap_or(-1))
    }

    pub(crate) fn rehearse(&self, mac: Mac) -> (Value, i32) {
        self.json(&["rehearse", &mac.to_string(), "--json"])
    }

    pub(crate) fn list(&self, mac: Mac, brand: &str, model: &str) {
        let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        let line = json!({ "user": format!("u{}", mac.plain()), "server": "10.66.3.253", "password": "secret" });
        let phone = json!({ "mac": mac, "name": format!("Phone {mac}"), "brand": text(brand), "model": text(model), "lines": [line] });
        self.send("POST", "phones", &phone);
    }

    /// Adds an organisation; its login.
    pub(crate) fn add_organisation(&self, name: &str) -> (String, String) {
        self.send("POST", "organisations", &json!({ "name": name }));
        let (login, _) = self.json(&["organisations", "login", name, "--json"]);
        let text = |name: &str| login[name].as_str().unwrap().to_owned();
        (text("user"), text("password"))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) {
        self.send("PATCH", path, body);
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> String {
        let mut stream = UnixStream::connect(self.path("socket")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let body = body.to_string();
        let request = format!(
            "{method} /api/v1/{path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer.split(' ').nth(1).map(|status| &status[..1]), Some("2"), "{method} {path}: {answer}");
        answer
    }

    /// The phone shows at its desk that it speaks nothing newer than TLS 1.0.
    pub(crate) fn greets_as_of_old(&self, mac: Mac) {
        let desk = self.ground.place("desk", mac, [10, 66, 0, 200].into()).unwrap();
        let greeted = desk.run(|| {
            let until = Instant::now() + Duration::from_secs(10);
            loop {
                // The switch takes a moment to notice a cable.
                match phonesim::greet_as_of_old((BOX, 443).into()) {
                    Err(phonesim::Fault::Unreachable { .. }) if Instant::now() < until => {
                        std::thread::sleep(Duration::from_millis(100));
                    }
                    other => return other,
                }
            }
        });
        assert!(greeted.unwrap().is_err());
        let until = Instant::now() + Duration::from_secs(10);
        let of = mac.to_string();
        while !self.json(&["events", "--mac", &of, "--json"]).0.to_string().contains("tls.too-old") {
            assert!(Instant::now() < until, "{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn has_no_trace_of(&self, mac: Mac) {
        let of = mac.to_string();
        let (events, _) = self.json(&["events", "--mac", &of, "--json"]);
        let events = events.to_string();
        for code in ["http.", "dhcp.", "tls."] {
            assert!(!events.contains(&format!("\"{code}")), "{events}");
        }
        let (phone, _) = self.json(&["phones", "show", &of, "--json"]);
        assert_eq!(phone["first_contact"]["state"], "waiting", "{phone:#}");
        let leases = self.send("GET", "leases", &Value::Null);
        assert!(!leases.contains(&of), "{leases}");
        let left = std::fs::read_dir(self.path("data/rehearsal")).unwrap().count();
        assert_eq!(left, 0, "doubles were left behind");
    }

    fn ip(&self, commands: &[&str]) {
        for command in commands {
            let run = || Command::new("ip").args(command.split(' ')).output();
            let output = self.ground.appliance().run(run).unwrap().unwrap();
            assert!(output.status.success(), "ip {command}: {output:?}");
        }
    }

    /// Nobody reaches port 443: the rule goes before the one that finds the box's own addresses.
    pub(crate) fn forbid_https(&self) {
        self.ip(&["rule add pref 1 ipproto tcp dport 443 prohibit", "rule add pref 2 lookup local", "rule del pref 0"]);
    }

    pub(crate) fn allow_https(&self) {
        self.ip(&["rule add pref 0 lookup local", "rule del pref 1", "rule del pref 2"]);
    }
}

impl Drop for Box66 {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
