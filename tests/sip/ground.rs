//! The box on the lab's LAN, and places on it from which phones speak.

#[path = "../wait/mod.rs"]
mod wait;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use block66::lab::ground::{BOX, INTERFACE};
use block66::lab::namespace::Namespace;
use block66::lab::{Lab, Settings};
use block66::model::Mac;
use block66::phonesim::{Identity, Phone, Plug, Remote, Setup, Trust, breed};
use serde_json::{Value, json};

pub(crate) use wait::wait_until;

/// The longest that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How many seconds of a simulated phone's own waits pass in one.
const PACE: u32 = 600;
/// Password of every line.
pub(crate) const PASSWORD: &str = "line-password";
/// Where phones ask.
pub(crate) const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 1, 75), 5060);

/// The box, with nobody there yet.
pub(crate) struct Ground {
    pub(crate) lab: Lab,
    pub(crate) directory: tempfile::TempDir,
    places: std::cell::Cell<u16>,
}

/// A simulated phone at a place; it is switched off with this.
pub(crate) struct Simulated {
    pub(crate) remote: Remote,
    thread: Option<std::thread::JoinHandle<std::io::Result<()>>>,
}

/// A place on the LAN.
pub(crate) struct Place {
    pub(crate) namespace: Namespace,
    pub(crate) mac: Mac,
    pub(crate) address: Ipv4Addr,
    directory: PathBuf,
}

/// A program that is ended when it is dropped.
pub(crate) struct Running(Child);

impl Ground {
    pub(crate) fn new() -> Self {
        Self::configured("")
    }

    /// With more lines at the end of its configuration.
    pub(crate) fn configured(more: &str) -> Self {
        assert!(nix::unistd::geteuid().is_root(), "these tests make network namespaces: run them as root");
        let program = PathBuf::from(env!("CARGO_BIN_EXE_block66"));
        let mut lab = Lab::new(&Settings { program, phones: 0, brands: Vec::new(), pace: PACE, plant: None }).unwrap();
        if !more.is_empty() {
            let path = lab.appliance().configuration();
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, format!("{text}\n{more}\n")).unwrap();
            lab.appliance().stop().unwrap();
            lab.appliance().start().unwrap();
        }
        let ground = Self { lab, directory: tempfile::tempdir().unwrap(), places: 0.into() };
        ground.wait_for_sip();
        ground
    }

    /// Waits until the box hears the multicast group: 4B0100E0 is 224.0.1.75 in /proc's form.
    fn wait_for_sip(&self) {
        let heard = wait_until(PATIENCE, || {
            let read = self.lab.ground().appliance().run(|| fs::read_to_string("/proc/thread-self/net/igmp"));
            read.is_ok_and(|text| text.is_ok_and(|text| text.contains("4B0100E0")))
        });
        assert!(heard, "the box does not hear the group");
    }

    /// A place with this hardware address and an address of its own that nobody leased to it.
    pub(crate) fn place(&self, mac: Mac) -> Place {
        let number = self.places.get() + 1;
        self.places.set(number);
        let address = Ipv4Addr::new(10, 66, 3, 150 + u8::try_from(number).unwrap());
        let namespace = self.lab.ground().place(&format!("port{number}"), mac, address).unwrap();
        let directory = self.directory.path().join(format!("place{number}"));
        fs::create_dir_all(&directory).unwrap();
        Place { namespace, mac, address, directory }
    }

    /// Puts a phone on the list.
    pub(crate) fn list(&self, mac: Mac, brand: &str, transport: &str) {
        let trusts_nobody = breed(brand).is_some_and(|breed| breed.trust == Trust::PlainLogin);
        let organisation = if trusts_nobody { self.without_our_ca() } else { Value::Null };
        let phone = json!({
            "mac": mac.to_string(),
            "organisation": organisation,
            "name": format!("Desk {mac}"),
            "brand": brand,
            "lines": [{
                "user": "201",
                "password": PASSWORD,
                "display": "Desk",
                "server": "pbx.example.net",
                "transport": transport,
            }],
        });
        self.lab.api().post("phones", &phone).unwrap();
    }

    /// The organisation of phones that cannot trust the box; made when it is not there.
    fn without_our_ca(&self) -> Value {
        let organisation = json!({ "name": "Without our CA", "policy": { "plain-http": true } });
        // The second time it is there already.
        let _ = self.lab.api().post("organisations", &organisation);
        organisation["name"].clone()
    }

    /// What the box knows of its last message to a phone, once that is over.
    pub(crate) fn outcome(&self, mac: Mac) -> Value {
        let mut last = Value::Null;
        let over = wait_until(PATIENCE, || {
            last = self.lab.api().get(&format!("phones/{mac}/telling")).unwrap_or_default();
            last.get("over") == Some(&Value::Bool(true))
        });
        assert!(over, "it is not known what came of it: {last}");
        last
    }

    /// Has a phone told, and waits for what comes of it.
    pub(crate) fn tell(&self, mac: Mac, what: &str) -> Value {
        self.lab.api().post(&format!("phones/{mac}/{what}"), &Value::Null).unwrap();
        self.outcome(mac)
    }

    /// Waits for an event about a phone.
    pub(crate) fn event(&self, mac: Mac, code: &str) -> Value {
        let mut found = None;
        let mut all = Value::Null;
        wait_until(PATIENCE, || {
            all = self.lab.api().get(&format!("events?mac={mac}&limit=50")).unwrap();
            found = all["events"].as_array().and_then(|list| list.iter().find(|event| event["code"] == code).cloned());
            found.is_some()
        });
        found.unwrap_or_else(|| panic!("no {code}: {all:#}"))
    }

    /// How often something was dropped for a reason that contains `why`.
    pub(crate) fn dropped(&self, why: &str) -> u64 {
        let dropped = self.lab.api().get("sip").unwrap();
        let all = dropped["dropped"].as_object().unwrap();
        all.iter().filter(|(name, _)| name.contains(why)).filter_map(|(_, count)| count.as_u64()).sum()
    }
}

impl Place {
    /// A socket for datagrams at a port of its own.
    pub(crate) fn socket(&self, port: u16) -> UdpSocket {
        let address = self.address;
        let socket = self.namespace.run(move || UdpSocket::bind((address, port)).unwrap()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket
    }

    /// Has its address leased by the box, in place of the one that it had.
    pub(crate) fn lease(&mut self) {
        let script = self.directory.join("udhcpc.sh");
        let text = "#!/bin/sh\n[ \"$1\" = bound ] || exit 0\nip -4 addr flush dev $interface\nip addr add $ip/22 dev $interface\n\
                    ip route replace default via 10.66.0.1\necho leased=$ip\n";
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let output = self
            .run("udhcpc", &["-q", "-n", "-f", "-i", INTERFACE, "-t", "10", "-T", "1", "-s", script.to_str().unwrap()]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let leased = text.lines().find_map(|line| line.strip_prefix("leased=")).unwrap_or_else(|| panic!("{output:?}"));
        self.address = leased.parse().unwrap();
    }

    /// Gets a login of its own, as on first contact, and a script that fetches the phone's file with it.
    pub(crate) fn learn_login(&self) {
        self.learn_login_as(&format!("Yealink SIP-T46S 66.86.0.15 {}", self.mac));
    }

    /// The same with another name.
    pub(crate) fn learn_login_as(&self, agent: &str) {
        let name = self.mac.plain();
        let output = self.run("curl", &["-s", "-A", agent, &format!("http://{BOX}/p/{name}.cfg")]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
            line.unwrap_or_else(|| panic!("no {key} in:\n{text}")).trim().to_owned()
        };
        let (user, password) =
            (value("static.auto_provision.server.username"), value("static.auto_provision.server.password"));
        let script = format!(
            "curl -sk --digest -u '{user}:{password}' -A '{agent}' -o fetched.cfg https://{BOX}/p/{name}.cfg </dev/null\n"
        );
        fs::write(self.file("fetch.sh"), script).unwrap();
        // Used once, it is its own.
        self.run("sh", &["fetch.sh"]);
        assert!(self.read("fetched.cfg").contains("account.1.password"), "{}", self.read("fetched.cfg"));
    }

    /// Switches a simulated phone of this brand on, in its factory state, that was told this URL.
    pub(crate) fn simulate(&self, brand: &str, url: &str) -> Simulated {
        let breed = breed(brand).unwrap_or_else(|| panic!("no phone of {brand} is simulated"));
        let identity = Identity { breed, make: &breed.makes[0], mac: self.mac };
        let plug = Plug::Given { url: url.into(), time_server: Some((BOX, 123).into()) };
        // It restarts with what it was told, and looks again only a day later.
        let pace = if brand == "gigaset" { PACE * 6 } else { PACE };
        let (phone, remote) = Phone::new(Setup { identity, plug, pace, instead: None, escort: None });
        let thread = self.namespace.spawn(brand.into(), move || phone.run()).unwrap();
        Simulated { remote, thread: Some(thread) }
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.file(name)).unwrap_or_default()).into_owned()
    }

    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null());
        command
    }

    /// Runs a program to its end.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = self.command(program, arguments);
        self.namespace
            .run(|| command.output().unwrap_or_else(|error| panic!("{program} is not installed: {error}")))
            .unwrap()
    }

    /// Starts a program; its output is kept in a file of this name.
    pub(crate) fn start(&self, program: &str, arguments: &[&str], log: &str) -> Running {
        let file = fs::File::create(self.directory.join(log)).unwrap();
        let mut command = self.command(program, arguments);
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let child = self.namespace.run(|| command.spawn()).unwrap();
        Running(child.unwrap_or_else(|error| panic!("{program} is not installed: {error}")))
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Waits until something listens at a port of this place.
    pub(crate) fn wait_for_port(&self, kind: &str, port: u16) {
        let there = wait_until(PATIENCE, || {
            let table = self.namespace.run(|| fs::read_to_string(format!("/proc/thread-self/net/{kind}")));
            table.is_ok_and(|text| text.is_ok_and(|text| text.contains(&format!(":{port:04X} "))))
        });
        assert!(there, "nothing listens at {kind} {port}");
    }
}

impl Simulated {
    /// Waits until the phone is in service.
    pub(crate) fn is_served(&self) {
        if let Err(report) = self.remote.wait_for(PATIENCE, |report| report.in_service()) {
            panic!("{report:#?}");
        }
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        self.remote.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Running {
    /// Waits for its end; whether it was a success.
    pub(crate) fn succeeds(&mut self) -> bool {
        let mut status = None;
        wait_until(PATIENCE, || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        status.is_some_and(|status| status.success())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The next datagram as text, and who sent it.
pub(crate) fn receive(socket: &UdpSocket) -> Option<(String, SocketAddr)> {
    let mut buffer = [0; 4096];
    let (length, from) = socket.recv_from(&mut buffer).ok()?;
    Some((String::from_utf8_lossy(&buffer[..length]).into_owned(), from))
}
