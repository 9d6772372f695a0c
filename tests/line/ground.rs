use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::impair::{FAR, Line, Weather};

/// For everything that has to happen.
pub(crate) const LIMIT: Duration = Duration::from_secs(40);
/// The image that is served.
pub(crate) const IMAGE: &str = "firmware/yealink/66.86.0.160/t46s.rom";

/// The real program at the far end of a line.
pub(crate) struct Ground {
    pub(crate) line: Line,
    pub(crate) image: Vec<u8>,
    directory: tempfile::TempDir,
    child: Child,
}

impl Ground {
    /// Starts the box with one image of `length` bytes, in fine weather.
    pub(crate) fn new(length: usize, seed: u64) -> Self {
        let line = Line::new(Weather::default(), seed);
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let text = format!(
            "data-directory = \"{}\"\nsocket = \"{}\"\n\n[log]\nfilter = \"info,block66=debug\"\n\n[[network]]\n\
             name = \"office\"\ninterface = \"eth0\"\nsubnet = \"10.77.0.0/24\"\n\n[network.dhcp]\nmode = \"off\"\n",
            at("data").display(),
            at("socket").display(),
        );
        fs::write(at("block66.toml"), text).unwrap();
        let mut command = line.far(env!("CARGO_BIN_EXE_block66"));
        command.arg("run").arg("--config").arg(at("block66.toml"));
        let log = fs::File::create(at("log")).unwrap();
        command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        let image: Vec<u8> = (0..length).map(|at| (at / 7 * 31 % 251) as u8).collect();
        let ground = Self { line, image, directory, child };
        let deadline = Instant::now() + LIMIT;
        while !ground.box66(&["status", "--json"]).0 {
            assert!(Instant::now() < deadline, "the box does not start:\n{}", ground.log());
            std::thread::park_timeout(Duration::from_millis(20));
        }
        fs::write(ground.file("t46s.rom"), &ground.image).unwrap();
        let path = ground.file("t46s.rom").display().to_string();
        ground.told(&["firmware", "add", &path, "--brand", "yealink", "--version", "66.86.0.160"]);
        ground
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    /// The command line of the box: whether it did what it should, and what it said.
    pub(crate) fn box66(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_block66"));
        command.arg("--socket").arg(self.file("socket")).args(arguments);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    pub(crate) fn told(&self, arguments: &[&str]) -> String {
        let (done, text) = self.box66(arguments);
        assert!(done, "{arguments:?}: {text}\n{}", self.log());
        text
    }

    /// Fetches `name` with a client that is given the place of a new file; its bytes, and what the client said.
    pub(crate) fn fetched(&self, program: &str, arguments: &dyn Fn(&Path) -> Vec<String>) -> (Vec<u8>, String) {
        let place = self.file("fetched");
        let _ = fs::remove_file(&place);
        let mut command = self.line.near(program);
        command.args(arguments(&place));
        let said = run(command, LIMIT);
        (fs::read(&place).unwrap_or_default(), said)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(-i32::try_from(self.child.id()).unwrap_or(i32::MAX)), Signal::SIGKILL);
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("The end of the box's log:\n{}", tail(&self.log()));
        }
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// Runs a program to its end, at most for so long; what it said.
pub(crate) fn run(mut command: Command, limit: Duration) -> String {
    let mut child =
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + limit;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            let _ = kill(Pid::from_raw(-i32::try_from(child.id()).unwrap()), Signal::SIGKILL);
            let _ = child.wait();
            panic!("{command:?} did not end within {limit:?}");
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    let mut said = String::new();
    let _ = child.stdout.take().unwrap().read_to_string(&mut said);
    let _ = child.stderr.take().unwrap().read_to_string(&mut said);
    said
}

pub(crate) fn far() -> String {
    FAR.to_string()
}
