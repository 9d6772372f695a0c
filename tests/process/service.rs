//! The box under a service manager: ready, alive, stopping; and what it does when its disk dies under it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PATIENCE: Duration = Duration::from_secs(30);

/// A box on the loopback with ports of its own, and what it tells its service manager.
pub(crate) struct Service {
    child: Child,
    manager: UnixDatagram,
    directory: tempfile::TempDir,
}

impl Service {
    pub(crate) fn start(more: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), more)
    }

    pub(crate) fn start_in(directory: tempfile::TempDir, more: &[(&str, &str)]) -> Self {
        Self::start_at(directory, more, 0)
    }

    /// With the plain listener at a port that is known.
    pub(crate) fn start_at(directory: tempfile::TempDir, more: &[(&str, &str)], http: u16) -> Self {
        let service = Self::spawn(directory, more, http);
        assert!(service.says("READY=1"), "{}", service.log());
        service
    }

    fn spawn(directory: tempfile::TempDir, more: &[(&str, &str)], http: u16) -> Self {
        let manager = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        manager.set_read_timeout(Some(PATIENCE)).unwrap();
        let text = format!(
            "data-directory = {:?}\nsocket = {:?}\n[listen]\nhttp = \"127.0.0.1:{http}\"\nhttps = \"127.0.0.1:0\"\n\
             ntp = \"127.0.0.1:0\"\nsip = \"127.0.0.1:0\"\nsips = \"127.0.0.1:0\"\n[log]\nfilter = \"trace\"\n",
            directory.path().join("data"),
            directory.path().join("socket"),
        );
        std::fs::write(directory.path().join("block66.toml"), text).unwrap();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_block66"));
        command.args(["run", "--config"]).arg(directory.path().join("block66.toml"));
        command.env("NOTIFY_SOCKET", directory.path().join("notify")).envs(more.iter().copied());
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null()).spawn().unwrap();
        Self { child, manager, directory }
    }

    /// Has it end as the service manager does.
    fn stop(&mut self) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(id, Signal::SIGTERM).unwrap();
        assert_eq!(self.wait().code(), Some(0), "{}", self.log());
    }

    /// Makes a backup in a file of its directory.
    fn back_up(&self, file: &str) {
        std::fs::write(self.path("passphrase"), "correct horse battery\n").unwrap();
        let (file, passphrase) = (self.path(file), self.path("passphrase"));
        let [at, passphrase] = [&file, &passphrase].map(|path| path.to_str().unwrap());
        let said = self.block66(&["backup", "create", at, "--passphrase-file", passphrase]);
        assert!(file.exists(), "{said}");
    }

    /// Restores a file, or what was there before, and waits until the process has ended for it.
    fn restore(&mut self, file: &str) {
        let passphrase = self.path("passphrase");
        std::fs::write(&passphrase, "correct horse battery\n").unwrap();
        let passphrase = passphrase.to_str().unwrap();
        let said = self.block66(&["backup", "restore", file, "--confirm", "--passphrase-file", passphrase]);
        assert!(said.contains("Restored: this box starts anew"), "{said}");
        assert!(self.says("STOPPING=1"), "{}", self.log());
        assert_eq!(self.wait().code(), Some(0), "{}", self.log());
    }

    /// Its data directory and nothing else, for the next process.
    fn moved_data(&self) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        std::fs::rename(self.path("data"), directory.path().join("data")).unwrap();
        directory
    }

    /// A copy of its data directory and of nothing else, as on another machine.
    fn copied_data(&self) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let copied = Command::new("cp").arg("-a").arg(self.path("data")).arg(directory.path()).status().unwrap();
        assert!(copied.success());
        directory
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Whether the service manager is told this before its patience ends.
    fn says(&self, what: &str) -> bool {
        let mut buffer = [0; 4096];
        loop {
            match self.manager.recv(&mut buffer) {
                Ok(length) if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == what) => {
                    return true;
                }
                Ok(_) => {}
                // A machine that was suspended meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    /// What a command says until its patience ends.
    pub(crate) fn block66(&self, arguments: &[&str]) -> String {
        let socket = self.path("socket");
        let mut command = Command::new("timeout");
        command.arg(PATIENCE.as_secs().to_string()).arg(env!("CARGO_BIN_EXE_block66"));
        let output = command.arg("--socket").arg(socket).args(arguments).stdin(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// The last lines of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Ends it at once, as a power cut does.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return status,
                None if Instant::now() > until => panic!("it does not end:\n{}", self.log()),
                None => std::thread::yield_now(),
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

#[test]
fn it_is_ready_alive_and_ends_cleanly_when_told() {
    let mut service = Service::start(&[("WATCHDOG_USEC", "400000")]);
    assert!(service.says("WATCHDOG=1") && service.says("WATCHDOG=1"), "{}", service.log());
    let id = Pid::from_raw(i32::try_from(service.child.id()).unwrap());
    kill(id, Signal::SIGTERM).unwrap();
    assert!(service.says("STOPPING=1"), "{}", service.log());
    assert_eq!(service.wait().code(), Some(0), "{}", service.log());
    assert!(service.log().contains("down"), "{}", service.log());
    assert!(!service.log().contains("panicked"), "{}", service.log());
}

#[test]
fn a_disk_that_dies_ends_the_process_with_70_and_loses_nothing_acknowledged() {
    let library = failing_disk();
    let directory = tempfile::tempdir().unwrap();
    let (disk, fault) = (directory.path().join("data"), directory.path().join("fault"));
    let [library, disk, fault] = [&library, &disk, &fault].map(|path| path.to_str().unwrap().to_owned());
    let environment = [("LD_PRELOAD", &*library), ("DISK", &*disk), ("FAULT", &*fault)];
    let mut service = Service::start_in(directory, &environment);
    let added = service.block66(&["organisations", "add", "Kept"]);
    assert!(added.contains("Added Kept"), "{added}");
    std::fs::write(&fault, "eio").unwrap();
    let refused = service.block66(&["organisations", "add", "Lost"]);
    assert!(!refused.contains("Added"), "{refused}");
    assert_eq!(service.wait().code(), Some(70), "{}", service.log());

    let directory = tempfile::tempdir().unwrap();
    std::fs::rename(service.path("data"), directory.path().join("data")).unwrap();
    let again = Service::start_in(directory, &[]);
    let listed = again.block66(&["organisations", "list"]);
    assert!(listed.contains("Kept"), "{listed}");
}

/// A copied disk is worth nothing where the service manager hands the key over.
#[test]
fn the_data_alone_opens_nothing_that_a_credential_sealed() {
    let given = tempfile::tempdir().unwrap();
    std::fs::write(given.path().join("block66-key"), "5a".repeat(32)).unwrap();
    let credential = [("CREDENTIALS_DIRECTORY", given.path().to_str().unwrap())];
    let login = |service: &Service| -> serde_json::Value {
        let shown = service.block66(&["organisations", "login", "Branch", "--json"]);
        serde_json::from_str(&shown).unwrap_or_else(|error| panic!("{error}: {shown}"))
    };
    let mut service = Service::start(&credential);
    let before = login(&service);
    service.stop();
    assert!(!service.path("data/key").exists(), "a key lies beside the data all the same");

    // Neither without a key, nor with a new one.
    let other = "a5".repeat(32);
    for (what, key, said) in [
        ("the data alone", None, "put it back"),
        ("another key beside it", Some(other), "the secrets in the store are encrypted with another key"),
    ] {
        let thief = service.copied_data();
        if let Some(key) = &key {
            let path = thief.path().join("data/key");
            std::fs::write(&path, key).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let mut stolen = Service::spawn(thief, &[], 0);
        assert_eq!(stolen.wait().code(), Some(70), "{what}: {}", stolen.log());
        assert!(stolen.log().contains(said), "{what}: {}", stolen.log());
        assert!(!stolen.log().contains(before["password"].as_str().unwrap()), "{what}");
        assert_eq!(stolen.path("data/key").exists(), key.is_some(), "{what}: a new key opens nothing");
    }
    // The same copy with the credential is the box.
    let mut own = Service::start_in(service.copied_data(), &credential);
    assert_eq!(login(&own), before);

    // Nor does a restore lay the key beside the data: not as it is laid out, and not when it is in force.
    own.back_up("before.backup");
    own.restore(&own.path("before.backup").display().to_string());
    let laid_out = own.copied_data();
    let holds_key = |path: PathBuf| std::fs::read_to_string(path).is_ok_and(|text| text.contains(&"5a".repeat(32)));
    assert!(laid_out.path().join("data/restore/store").is_dir());
    assert!(!holds_key(laid_out.path().join("data/restore/key")), "the key lies in clear beside the data");
    let again = Service::start_in(laid_out, &credential);
    assert_eq!(login(&again), before);
    assert!(!again.path("data/key").exists(), "a key lies beside the data");
    let mut stolen = Service::spawn(again.copied_data(), &[], 0);
    assert_eq!(stolen.wait().code(), Some(70), "{}", stolen.log());
    assert!(stolen.log().contains("put it back"), "{}", stolen.log());
}

/// Who is told that it stops expects it to end: whatever goes on is killed after a while. The next process has what was
/// restored, and who did it.
#[test]
fn a_restore_ends_the_process_for_its_manager_to_start_the_next() {
    let mut service = Service::start(&[]);
    service.back_up("before.backup");
    let added = service.block66(&["organisations", "add", "Later"]);
    assert!(added.contains("Added Later"), "{added}");
    service.restore(&service.path("before.backup").display().to_string());
    let service = Service::start_in(service.moved_data(), &[]);
    assert!(!service.block66(&["organisations", "list"]).contains("Later"));
    let audit = service.block66(&["audit", "--json"]);
    assert!(audit.contains("admin.backup-restored"), "{audit}");
    let told = [service.block66(&["status", "--json"]), service.block66(&["events", "--json"])].concat();
    assert!(!told.contains("box.store-"), "what somebody wanted is told as damage: {told}");
}

/// An undo brings a phone back with what it sent up, however often the box started in between.
#[test]
fn an_undo_finds_what_phones_sent_up() {
    const PHONE: &str = "80:5e:c0:00:00:01";
    let mut service = Service::start(&[]);
    service.back_up("without.backup");
    let added = service.block66(&["phones", "add", PHONE]);
    let shown = service.block66(&["phones", "show", PHONE, "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap_or_else(|_| panic!("{added}\n{shown}"));
    let uploads = PathBuf::from("data/uploads").join(shown["id"].as_str().unwrap());
    std::fs::create_dir_all(service.directory.path().join(&uploads)).unwrap();
    let upload = uploads.join("a");
    std::fs::write(service.directory.path().join(&upload), "sent up").unwrap();

    let without = service.path("without.backup").display().to_string();
    service.restore(&without);
    for start in 0..2 {
        let mut next = Service::start_in(service.moved_data(), &[]);
        assert!(!next.block66(&["phones", "list"]).contains(PHONE), "the backup is not in force");
        assert!(next.directory.path().join(&upload).exists(), "it is gone after start {start}");
        next.kill();
        service = next;
    }
    let mut service = Service::start_in(service.moved_data(), &[]);
    service.restore("--undo");
    let service = Service::start_in(service.moved_data(), &[]);
    assert!(service.block66(&["phones", "list"]).contains(PHONE));
    assert!(service.directory.path().join(&upload).exists());
}

/// No password and no setup code stands in the log, whatever is logged.
#[test]
fn no_secret_is_logged_at_the_most_talkative_level() {
    let service = Service::start(&[]);
    let told: serde_json::Value = serde_json::from_str(&service.block66(&["status", "--json"])).unwrap();
    let shown = service.block66(&["organisations", "login", "Branch", "--json"]);
    let login: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let log = service.log();
    for secret in [&told["setup_code"], &login["password"]] {
        let secret = secret.as_str().unwrap();
        assert!(secret.len() > 8 && !log.contains(secret), "{log}");
    }
    assert!(log.contains("TRACE"), "the log is less talkative than this test thinks: {log}");
}

/// Nobody else on the machine gets at the socket; where it was opened to everybody, nobody else is heard on it.
#[test]
fn the_local_socket_hears_no_other_user() {
    const NOBODY: u32 = 65534;
    assert!(nix::unistd::geteuid().is_root(), "this test runs the program as another user: run it as root");
    let service = Service::start(&[]);
    let socket = service.path("socket");
    let told: serde_json::Value = serde_json::from_str(&service.block66(&["status", "--json"])).unwrap();
    let code = told["setup_code"].as_str().unwrap();
    // The program may lie where only its owner looks, as the socket does.
    let program = service.path("block66");
    std::fs::copy(env!("CARGO_BIN_EXE_block66"), &program).unwrap();
    let open = |path: &Path, mode: u32| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    open(service.directory.path(), 0o755);
    let nobody_is_refused = || {
        let mut command = Command::new(&program);
        command.uid(NOBODY).gid(NOBODY).arg("--socket").arg(&socket).args(["status", "--json"]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!output.status.success() && !said.contains(code), "{said}");
        assert!(said.contains("You may not talk to the box"), "{said}");
    };
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    nobody_is_refused();
    open(&socket, 0o666);
    nobody_is_refused();
    assert!(service.block66(&["status", "--json"]).contains(code), "root is heard still");
}

/// The library that makes a disk fail, made once for all tests.
pub(crate) fn failing_disk() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("failing-{}.so", std::process::id()));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/failing.c");
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(source).status();
        assert!(built.unwrap().success());
        library
    };
    LIBRARY.get_or_init(build).clone()
}

#[test]
fn what_is_logged_changes_while_the_box_runs() {
    let service = Service::start(&[]);
    assert_eq!(service.block66(&["log"]), "trace\n");
    assert!(service.block66(&["log", "block66=nonsense=x"]).contains("is no filter"));
    assert_eq!(service.block66(&["log", "error"]), "error\n");
    let before = service.log().len();
    service.block66(&["status"]);
    service.block66(&["phones", "list"]);
    assert_eq!(service.log().len(), before, "nothing of the kind is logged any more");
    assert_eq!(service.block66(&["log", "debug"]), "debug\n");
    assert_eq!(service.block66(&["log"]), "debug\n");
}
