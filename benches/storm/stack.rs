//! Those who serve the branch.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use block66::lab::namespace::Namespace;
use block66::lab::{Api, Appliance, organisation};
use block66::phonesim::{Identity, Trust};
use serde_json::{Value, json};

use crate::branch::{Branch, PREFIX, ROUTER, SERVER, asks_securely, listed};
use crate::harvest::Files;

/// The first and the last address that may be given on the first wire.
fn pool(room: usize) -> (Ipv4Addr, Ipv4Addr) {
    let first = u32::from(Ipv4Addr::new(10, 66, 4, 1));
    let last = (first + u32::try_from(room).unwrap()).min(u32::from(Ipv4Addr::new(10, 66, 15, 200)));
    (first.into(), last.into())
}

/// The real program.
pub(crate) struct Block66 {
    appliance: Appliance,
    directory: tempfile::TempDir,
}

impl Block66 {
    pub(crate) fn new(branch: &Branch) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = as_its_service_starts_it(directory.path());
        let appliance = Appliance::new(&program, directory.path(), branch.server.clone()).unwrap();
        let (first, last) = pool(branch.room);
        let relays: Vec<_> = branch.segments.iter().map(|segment| format!("\"{}\"", segment.gateway())).collect();
        let mut text = format!(
            "data-directory = \"{at}/data\"\nsocket = \"{at}/socket\"\n\n[log]\nfilter = \"warn\"\n\n[[network]]\nname = \"branch\"\n\
             interface = \"eth0\"\nsubnet = \"10.66.0.0/{PREFIX}\"\ngateway = \"{ROUTER}\"\ndns = [\"{ROUTER}\"]\n\n[network.dhcp]\n\
             mode = \"full\"\npool = \"{first}-{last}\"\nlease-time = \"1h\"\nrelays = [{}]\n",
            relays.join(", "),
            at = directory.path().display(),
        );
        for segment in &branch.segments {
            let [a, b, c, _] = segment.gateway().octets();
            let _ = write!(
                text,
                "\n[[network.dhcp.subnet]]\nsubnet = \"{}\"\ngateway = \"{}\"\npool = \"{a}.{b}.{c}.2-{a}.{b}.{}.200\"\n",
                segment.net(),
                segment.gateway(),
                c + 1,
            );
        }
        fs::write(appliance.configuration(), text).unwrap();
        Self { appliance, directory }
    }

    pub(crate) fn start(&mut self) {
        self.appliance.start().unwrap();
        let organisations = self.api().get("organisations").unwrap().to_string();
        for trust in [Trust::PlainLogin, Trust::Lan] {
            let Some((name, policy)) = organisation(trust) else { continue };
            if !organisations.contains(name) {
                self.api().post("organisations", &json!({ "name": name, "policy": policy })).unwrap();
            }
        }
        self.bring_books();
    }

    /// A phone book of fifty names for each organisation, unless they are there.
    fn bring_books(&self) {
        if !self.api().get("books").unwrap()["books"].as_array().unwrap().is_empty() {
            return;
        }
        let contact =
            |number: u32| json!({ "name": format!("Desk {number}"), "numbers": [(2000 + number).to_string()] });
        let contacts: Vec<Value> = (1..=50).map(contact).collect();
        for organisation in self.api().get("organisations").unwrap()["organisations"].as_array().unwrap() {
            let name = organisation["name"].as_str().unwrap();
            let book = json!({ "name": format!("Company of {name}"), "organisation": name, "contacts": contacts });
            self.api().post("books", &book).unwrap();
        }
    }

    pub(crate) fn stop(&mut self) {
        self.appliance.stop().unwrap();
    }

    pub(crate) fn api(&self) -> Api {
        self.appliance.api()
    }

    pub(crate) fn processes(&self) -> Vec<u32> {
        self.appliance.id().into_iter().collect()
    }

    /// The certificate of its authority.
    pub(crate) fn root(&self) -> String {
        fs::read_to_string(self.directory.path().join("data/ca.pem"))
            .unwrap_or_else(|_| self.api().get("ca").unwrap()["pem"].as_str().unwrap().to_owned())
    }

    pub(crate) fn list(&self, identity: &Identity, number: u32) {
        let organisation = organisation(identity.breed.trust).map(|(name, _)| name);
        self.api().post("phones", &listed(identity, number, organisation)).unwrap();
    }
}

/// The program with the environment and the descriptors that its unit sets.
fn as_its_service_starts_it(directory: &Path) -> PathBuf {
    let unit = include_str!("../../systemd/block66.service");
    let set = |name: &str| unit.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let (environment, descriptors) = (set("Environment="), set("LimitNOFILE="));
    let at = directory.join("start");
    let program = env!("CARGO_BIN_EXE_block66");
    let start = format!("#!/bin/sh\nulimit -n {descriptors}\nexec env {environment} {program} \"$@\"\n");
    fs::write(&at, start).unwrap();
    fs::set_permissions(&at, fs::Permissions::from_mode(0o755)).unwrap();
    at
}

/// dnsmasq and nginx with static files, and something that says what time it is.
pub(crate) struct Static {
    children: Vec<Child>,
    stop: Arc<AtomicBool>,
    time: Option<JoinHandle<std::io::Result<()>>>,
    _directory: tempfile::TempDir,
}

impl Static {
    /// Starts them where Block66 stood, with its files, its certificate and what it told each product by DHCP. A hasty
    /// one does not look whether an address is free before it is given for the first time, as dnsmasq does unless told.
    pub(crate) fn start(branch: &Branch, ours: &Block66, files: &Files, hasty: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        write_files(at, files);
        fs::write(at.join("nginx.conf"), nginx(at, &ours.directory.path().join("data/leaf-rsa.pem"))).unwrap();
        fs::write(at.join("dnsmasq.conf"), dnsmasq(at, branch, hasty)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let time = Some(tell_time(&branch.server, Arc::clone(&stop)));
        let start = |program: &str, arguments: &[String]| {
            let log = fs::File::create(at.join(format!("{program}.log"))).unwrap();
            let mut command = Command::new(program);
            command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
            let child = branch.server.run(|| command.spawn()).unwrap();
            child.unwrap_or_else(|error| panic!("{program} is not installed: {error}"))
        };
        let children = vec![
            start("dnsmasq", &["-k".into(), format!("--conf-file={}", at.join("dnsmasq.conf").display())]),
            start("nginx", &["-c".into(), at.join("nginx.conf").display().to_string()]),
        ];
        let until = Instant::now() + Duration::from_secs(10);
        // :0043 is port 67, :01BB port 443.
        for (table, port) in [("udp", ":0043 "), ("tcp", ":01BB ")] {
            let there = || {
                let read = branch.server.run(|| fs::read_to_string(format!("/proc/thread-self/net/{table}")));
                read.is_ok_and(|text| text.is_ok_and(|text| text.contains(port)))
            };
            while !there() {
                let said = |name: &str| fs::read_to_string(at.join(name)).unwrap_or_default();
                assert!(Instant::now() < until, "{}{}{}", said("dnsmasq.log"), said("nginx.log"), said("error.log"));
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Self { children, stop, time, _directory: directory }
    }

    /// The processes that serve.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.children.iter().map(Child::id).collect();
        for id in all.clone() {
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
        all
    }
}

impl Drop for Static {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for child in &mut self.children {
            // nginx ends its workers with it only when it is asked to.
            let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
            let _ = nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM);
            let _ = child.wait();
        }
        // Its port is Block66's next.
        let _ = self.time.take().map(JoinHandle::join);
    }
}

fn write_files(at: &Path, files: &Files) {
    for ((secure, path), bytes) in &files.bytes {
        let file = at.join(if *secure { "https" } else { "http" }).join(path.trim_start_matches('/'));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    for folder in ["http", "https"] {
        fs::create_dir_all(at.join(folder)).unwrap();
    }
    let hash = |password: &str| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        STANDARD.encode(digest)
    };
    let users: String =
        files.logins.iter().map(|(user, password)| format!("{user}:{{SHA}}{}\n", hash(password))).collect();
    fs::write(at.join("users"), users).unwrap();
}

fn nginx(at: &Path, leaf: &Path) -> String {
    let (at, leaf) = (at.display(), leaf.display());
    // What a phone sends up is taken and forgotten.
    let common = "if ($request_method = PUT) { return 204; }";
    format!(
        "user root; worker_processes auto; daemon off; pid {at}/nginx.pid; error_log {at}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; default_type text/plain; sendfile on; client_body_temp_path {at}/body;\n\
         proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
         server {{ listen {SERVER}:80 backlog=1024; root {at}/http; {common} }}\n\
         server {{ listen {SERVER}:443 ssl backlog=1024; root {at}/https; {common}\n\
         ssl_certificate {leaf}; ssl_certificate_key {leaf}; ssl_protocols TLSv1.2 TLSv1.3;\n\
         auth_basic \"Phones\"; auth_basic_user_file {at}/users; }} }}\n"
    )
}

/// As people write it: a range, and for each product the options that its phones read.
fn dnsmasq(at: &Path, branch: &Branch, hasty: bool) -> String {
    let (first, last) = pool(branch.room);
    let mask = Ipv4Addr::from(u32::MAX << (32 - u32::from(PREFIX)));
    let mut text = format!(
        "port=0\ninterface=eth0\nbind-interfaces\nuser=root\npid-file={at}/dnsmasq.pid\ndhcp-leasefile={at}/leases\n\
         dhcp-authoritative\ndhcp-lease-max=20000\ndhcp-range={first},{last},{mask},1h\ndhcp-option=3,{ROUTER}\n\
         dhcp-option=6,{ROUTER}\ndhcp-option=42,{SERVER}\n",
        at = at.display(),
    );
    if hasty {
        text.push_str("no-ping\n");
    }
    let mut seen = std::collections::BTreeSet::new();
    for desk in &branch.desks {
        let identity = desk.identity;
        let [a, b, c] = identity.make.prefix;
        if !seen.insert(identity.make.prefix) {
            continue;
        }
        let tag = format!("m{a:02x}{b:02x}{c:02x}");
        let scheme = if asks_securely(identity.breed.trust) { "https" } else { "http" };
        let url = format!("{scheme}://{SERVER}/p/");
        let _ = writeln!(text, "dhcp-mac=set:{tag},{a:02x}:{b:02x}:{c:02x}:*:*:*");
        for code in [66, 160] {
            let _ = writeln!(text, "dhcp-option-force=tag:{tag},{code},\"{url}\"");
        }
        for code in [43, 67, 150, 159, 161, 242] {
            if let Some(value) = desk.options.iter().find(|(known, _)| *known == code).map(|(_, value)| value) {
                let quoted = if value.contains(':') && value.split(':').all(|octet| octet.len() == 2) {
                    value.clone()
                } else {
                    format!("\"{value}\"")
                };
                let _ = writeln!(text, "dhcp-option-force=tag:{tag},{code},{quoted}");
            }
        }
    }
    text
}

/// Answers SNTP (RFC 4330), as a time server beside the two would.
fn tell_time(at: &Namespace, stop: Arc<AtomicBool>) -> JoinHandle<std::io::Result<()>> {
    let serve = move || {
        let socket = UdpSocket::bind((SERVER, 123)).expect("port 123");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket");
        let mut packet = [0; 128];
        while !stop.load(Ordering::Relaxed) {
            let Ok((length, from)) = socket.recv_from(&mut packet) else { continue };
            if length < 48 {
                continue;
            }
            // Seconds between 1900 and 1970.
            let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let now = [&u32::try_from(unix.as_secs() + 2_208_988_800).unwrap().to_be_bytes()[..], &[0; 4]].concat();
            let mut answer = vec![0x24, 2, 6, 0xec, 0, 0, 0, 0, 0, 0, 0, 0, 127, 0, 0, 1];
            answer.extend(&now);
            answer.extend(&packet[40..48]);
            answer.extend(&now);
            answer.extend(&now);
            let _ = socket.send_to(&answer, from);
        }
    };
    at.spawn("time".into(), serve).expect("a thread")
}
