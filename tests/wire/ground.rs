//! A LAN for one test: a namespace for the box with a bridge in it, and one for each client, wired to the bridge.
//!
//! Namespaces carry the id of this process, so that leftovers of a run that was killed are known and removed by the
//! next. Each client has a mount namespace of its own with private `/run`, state directories and `resolv.conf`.

#[path = "../wait/mod.rs"]
mod wait;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub(crate) use wait::wait_until;

/// What the box is called on its LAN.
pub(crate) const BOX: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 1);
/// The bridge, which is the box's interface.
pub(crate) const INTERFACE: &str = "lan0";
/// The longest that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

static SERIAL: AtomicU32 = AtomicU32::new(0);
static TIDY: Once = Once::new();

/// A LAN.
pub(crate) struct Ground {
    name: String,
    directory: tempfile::TempDir,
    clients: AtomicU32,
}

/// A place on the LAN with one interface, `eth0`.
pub(crate) struct Client {
    pub(crate) namespace: String,
    pub(crate) directory: PathBuf,
    /// Its hardware address, as `02:00:00:00:00:01`: nobody's, so that it makes no phone.
    pub(crate) mac: String,
}

/// A process that is ended when it is dropped, and whose output is kept.
pub(crate) struct Process {
    child: Child,
    output: Arc<Mutex<Vec<String>>>,
}

/// The box: the real program.
pub(crate) struct Appliance {
    process: Process,
}

impl Ground {
    /// Makes the namespace of the box, with nothing in it but the bridge.
    pub(crate) fn new() -> Self {
        assert!(nix::unistd::geteuid().is_root(), "the wire tests make network namespaces: run them as root");
        TIDY.call_once(remove_leftovers);
        let name = format!("b66-{}-{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed));
        let ground = Self { name, directory: tempfile::tempdir().expect("a directory"), clients: AtomicU32::new(0) };
        ip(&format!("netns add {}", ground.name));
        ground.ip("link set lo up");
        // With an address of its own: else it takes the lowest of its ports', and changes as clients come.
        ground.ip(&format!("link add {INTERFACE} address 02:00:00:00:01:00 type bridge forward_delay 0 stp_state 0"));
        ground.ip(&format!("addr add {BOX}/24 dev {INTERFACE}"));
        ground.ip(&format!("link set {INTERFACE} up"));
        ground
    }

    /// A new client, on the wire at once.
    pub(crate) fn client(&self) -> Client {
        let number = self.clients.fetch_add(1, Ordering::Relaxed) + 1;
        let namespace = format!("{}-c{number}", self.name);
        let mac = format!("02:00:00:00:00:{number:02x}");
        ip(&format!("netns add {namespace}"));
        let port = format!("port{number}");
        self.ip(&format!("link add {port} type veth peer name eth0 address {mac} netns {namespace}"));
        self.ip(&format!("link set {port} master {INTERFACE} up"));
        ip(&format!("-n {namespace} link set lo up"));
        ip(&format!("-n {namespace} link set eth0 up"));
        let directory = self.directory.path().join(format!("client{number}"));
        for private in ["run", "dhcp", "dhcpcd"] {
            fs::create_dir_all(directory.join(private)).expect("a directory");
        }
        fs::write(directory.join("resolv.conf"), "").expect("a file");
        Client { namespace, directory, mac }
    }

    /// Starts the real program in mode `full` with a network on the bridge whose DHCP section ends with `dhcp`, and
    /// waits until it takes DHCP packets. Its data stays when it is stopped and started again.
    pub(crate) fn start(&self, dhcp: &str) -> Appliance {
        let appliance = self.start_as(&format!("mode = \"full\"\n{dhcp}"));
        // 00000000:0043 is port 67 of every address, in /proc's form.
        let took = wait_until(PATIENCE, || {
            let mut command = self.command(Path::new("cat"));
            command.arg("/proc/net/udp");
            command.output().is_ok_and(|found| String::from_utf8_lossy(&found.stdout).contains("00000000:0043"))
        });
        assert!(took, "the box does not take DHCP packets:\n{}", appliance.process.text());
        appliance
    }

    /// Starts the real program with this DHCP section, and waits until it answers its command line.
    pub(crate) fn start_as(&self, dhcp: &str) -> Appliance {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]);
        start_box(command, self.directory.path(), INTERFACE, dhcp)
    }

    /// Starts the real program at another place on the LAN, as [`Ground::start_as`].
    pub(crate) fn start_second(&self, place: &Client, dhcp: &str) -> Appliance {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &place.namespace]);
        start_box(command, &place.directory, "eth0", dhcp)
    }

    /// The command line of a box at another place.
    pub(crate) fn block66_at(&self, place: &Client, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_block66"));
        command.arg("--socket").arg(place.directory.join("socket")).args(arguments);
        let output = command.output().expect("the program");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until `block66 dhcp` says `text`.
    pub(crate) fn dhcp_says(&self, text: &str) {
        let mut said = String::new();
        let so = wait_until(PATIENCE * 2, || {
            said = self.block66(&["dhcp"], "");
            said.contains(text)
        });
        assert!(so, "\"{text}\" is not said:\n{said}");
    }

    /// Takes the database away from a box that is not running, so that it must go back to its snapshots.
    pub(crate) fn lose_database(&self) {
        let store = self.directory.path().join("data/store");
        let databases = fs::read_dir(store).expect("a store").filter_map(Result::ok);
        let databases = databases.filter(|entry| entry.file_name().to_string_lossy().starts_with("database-"));
        let lost = databases.map(|entry| fs::remove_dir_all(entry.path()).expect("a database")).count();
        assert!(lost > 0, "there was no database");
    }

    /// A command in the namespace of the box.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// The command line of the running box, given `input`; what it prints.
    pub(crate) fn block66(&self, arguments: &[&str], input: &str) -> String {
        use std::io::Write;
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_block66")));
        command.arg("--socket").arg(self.directory.path().join("socket")).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success(), "block66 {arguments:?}: {}\n{text}", output.status);
        text
    }

    /// What the API of the running box answers to this question, asked on its local socket.
    pub(crate) fn api(&self, path: &str) -> serde_json::Value {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--fail-with-body", "--max-time", "20", "--unix-socket"]);
        command.arg(self.directory.path().join("socket")).arg(format!("http://box/api/v1/{path}"));
        let output = command.output().expect("curl is not installed");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{path}: {text}{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(&text).expect("JSON")
    }

    /// What happened, as soon as all of these codes are among it: it is written down a moment after it was answered.
    pub(crate) fn events_with(&self, codes: &[&str]) -> String {
        let mut events = String::new();
        let all = wait_until(PATIENCE, || {
            events = self.block66(&["events", "--json"], "");
            codes.iter().all(|code| events.contains(&format!("\"{code}\"")))
        });
        assert!(all, "not all of {codes:?} happened: {events}");
        events
    }

    /// Gives the box its own address for so many seconds, or `forever`.
    pub(crate) fn give_box_its_address_for(&self, span: &str) {
        self.ip(&format!("addr change {BOX}/24 dev {INTERFACE} valid_lft {span} preferred_lft {span}"));
    }

    /// Where the box keeps its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Tells the box by which router a subnet is reached.
    pub(crate) fn route(&self, subnet: &str, router: &str) {
        self.ip(&format!("route add {subnet} via {router}"));
    }

    fn ip(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.name));
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        for number in 1..=self.clients.load(Ordering::Relaxed) {
            let _ = Command::new("ip").args(["netns", "del", &format!("{}-c{number}", self.name)]).output();
        }
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

impl Client {
    /// A command at this place, in its own mount namespace.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let script = "set -e; d=$1; shift
            mount -t tmpfs tmpfs /run
            mount --bind \"$d/run\" /run
            mkdir -p /var/lib/dhcp /var/lib/dhcpcd
            mount --bind \"$d/dhcp\" /var/lib/dhcp
            mount --bind \"$d/dhcpcd\" /var/lib/dhcpcd
            mount --bind \"$d/resolv.conf\" \"$(readlink -f /etc/resolv.conf)\"
            exec \"$@\"";
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, "unshare", "--mount", "--propagation", "private"]);
        command.args(["sh", "-c", script, "sh"]).arg(&self.directory).arg(program).args(arguments);
        command
    }

    /// Runs a program to its end.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let output = self.command(program, arguments).stdin(Stdio::null()).output().expect("a program");
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{program} {arguments:?}: {}\n{text}", output.status);
        output
    }

    /// Gives its interface an address that nobody leased to it.
    pub(crate) fn add_address(&self, address: &str) {
        ip(&format!("-n {} addr add {address} dev eth0", self.namespace));
    }

    /// The addresses of its interface.
    pub(crate) fn addresses(&self) -> Vec<Ipv4Addr> {
        let output = Command::new("ip").args(["-n", &self.namespace, "-4", "-o", "addr", "show", "eth0"]).output();
        let text = String::from_utf8(output.expect("ip").stdout).expect("text");
        let words: Vec<_> = text.split_whitespace().collect();
        let after = words.windows(2).filter(|pair| pair[0] == "inet");
        after.filter_map(|pair| pair[1].split('/').next()?.parse().ok()).collect()
    }

    /// Waits until it has exactly one address.
    pub(crate) fn address(&self) -> Ipv4Addr {
        let mut found = Vec::new();
        // What was seen is what is given back: some clients take theirs away for a moment, to put it back.
        let one = wait_until(PATIENCE, || {
            found = self.addresses();
            found.len() == 1
        });
        assert!(one, "{} has {found:?}", self.mac);
        found[0]
    }
}

impl Process {
    /// Starts a program; everything it says is kept.
    pub(crate) fn start(mut command: Command) -> Self {
        // A group of its own: what it starts ends with it.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("a program");
        let output = Arc::new(Mutex::new(Vec::new()));
        let streams: [Option<Box<dyn std::io::Read + Send>>; 2] =
            [child.stdout.take().map(|s| Box::new(s) as _), child.stderr.take().map(|s| Box::new(s) as _)];
        for stream in streams.into_iter().flatten() {
            let output = output.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    output.lock().expect("lines").push(line);
                }
            });
        }
        Self { child, output }
    }

    pub(crate) fn text(&self) -> String {
        self.output.lock().expect("lines").join("\n")
    }

    /// Waits until it has said `text` at least `times` times.
    pub(crate) fn says(&self, text: &str, times: usize) {
        let said = wait_until(PATIENCE, || self.text().matches(text).count() >= times);
        assert!(said, "\"{text}\" was not said {times} times:\n{}", self.text());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let _ = kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")), signal);
    }

    /// Waits for its end.
    pub(crate) fn ends(&mut self) {
        let ended = wait_until(PATIENCE, || self.child.try_wait().expect("a child").is_some());
        assert!(ended, "it does not end:\n{}", self.text());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = Pid::from_raw(-i32::try_from(self.child.id()).expect("a pid"));
        let _ = kill(group, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Appliance {
    /// Ends it as the service manager does. A panic that was caught is a failure, too.
    pub(crate) fn stop(mut self) {
        self.process.signal(Signal::SIGTERM);
        self.process.ends();
        assert!(!self.log().contains("panicked"), "{}", self.log());
    }

    /// Holds it up, or lets it go on.
    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.process.text()
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(mut self) {
        self.process.signal(Signal::SIGKILL);
        self.process.ends();
    }
}

/// Version of a client, as it tells it; what it prints first.
pub(crate) fn version(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} is not installed: {error}"));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let number =
        text.split_whitespace().map(|word| word.trim_start_matches(['v', 'V']).trim_start_matches("isc-dhclient-"));
    number.filter(|word| word.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned).next().unwrap_or(text)
}

pub(crate) fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().expect("ip is not installed");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Removes namespaces of runs whose process is gone.
fn remove_leftovers() {
    let Ok(entries) = fs::read_dir("/run/netns") else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix("b66-").and_then(|rest| rest.split('-').next()).map(str::to_owned);
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = Command::new("ip").args(["netns", "del", &name]).output();
        }
    }
}

/// Starts the real program with its data in `directory`, where `command` leads, and waits until it answers.
fn start_box(mut command: Command, directory: &Path, interface: &str, dhcp: &str) -> Appliance {
    let configuration = directory.join("block66.toml");
    let socket = directory.join("socket");
    let text = format!(
        "data-directory = \"{data}\"\nsocket = \"{socket}\"\n\n[log]\nfilter = \"info,block66=trace,rustls=trace\"\n\n[[network]]\n\
         name = \"office\"\ninterface = \"{interface}\"\nsubnet = \"10.66.0.0/24\"\ngateway = \"10.66.0.254\"\n\
         dns = [\"10.66.0.253\"]\ndomain = \"branch.example\"\n\n[network.dhcp]\n{dhcp}\n",
        data = directory.join("data").display(),
        socket = socket.display(),
    );
    fs::write(&configuration, text).expect("a file");
    command.arg(env!("CARGO_BIN_EXE_block66")).arg("run").arg("--config").arg(&configuration);
    let appliance = Appliance { process: Process::start(command) };
    let answers = wait_until(PATIENCE, || {
        let mut status = Command::new(env!("CARGO_BIN_EXE_block66"));
        let status = status.arg("--socket").arg(&socket).args(["status", "--json"]).output();
        status.is_ok_and(|output| output.status.success())
    });
    assert!(answers, "the box does not start:\n{}", appliance.process.text());
    appliance
}
