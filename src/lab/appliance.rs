//! The box of the lab: the real program, as a process in a namespace of its own.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Error;
use super::api::Api;
use super::ground::{BOX, INTERFACE, POOL, PREFIX, SWITCH};
use super::namespace::Namespace;

/// How the box is run where it is installed.
const UNIT: &str = include_str!("../../systemd/block66.service");

/// The box. It is killed when this is dropped.
#[derive(Debug)]
pub struct Appliance {
    program: PathBuf,
    directory: PathBuf,
    namespace: Namespace,
    child: Option<Child>,
}

impl Appliance {
    /// Time that the box has for its first start, in which it makes its keys.
    const START: Duration = Duration::from_secs(30);
    /// Time that the box has to end when it is asked to.
    const STOP: Duration = Duration::from_secs(10);

    /// A box that keeps everything in `directory`, not started yet.
    ///
    /// # Errors
    /// When its configuration cannot be written.
    pub fn new(program: &Path, directory: &Path, namespace: Namespace) -> io::Result<Self> {
        let appliance = Self { program: program.to_owned(), directory: directory.to_owned(), namespace, child: None };
        let (first, last) = POOL;
        let network = BOX & std::net::Ipv4Addr::from(u32::MAX << (32 - u32::from(PREFIX)));
        let configuration = format!(
            "data-directory = \"{data}\"\nsocket = \"{socket}\"\n\n[[network]]\nname = \"lab\"\n\
             interface = \"{INTERFACE}\"\nsubnet = \"{network}/{PREFIX}\"\ngateway = \"{SWITCH}\"\n\
             dns = [\"{SWITCH}\"]\n\n[network.dhcp]\nmode = \"full\"\npool = \"{first}-{last}\"\n\
             lease-time = \"1h\"\n",
            data = appliance.data().display(),
            socket = appliance.socket().display(),
        );
        std::fs::write(appliance.configuration(), configuration)?;
        Ok(appliance)
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }

    /// Its configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.directory.join("block66.toml")
    }

    /// What it writes to its log.
    pub fn log(&self) -> PathBuf {
        self.directory.join("box.log")
    }

    /// The API of the box.
    pub fn api(&self) -> Api {
        Api::new(&self.socket())
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Starts the box and waits until its local socket answers.
    ///
    /// # Errors
    /// `BoxEnded` when it ends instead, `BoxSilent` when it does not answer in time.
    pub fn start(&mut self) -> Result<(), Error> {
        self.kill();
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        let mut command = Command::new(&self.program);
        command.arg("run").arg("--config").arg(self.configuration()).stdin(Stdio::null());
        command.stdout(File::try_clone(&log)?).stderr(log).envs(environment(UNIT));
        // A child stands in the namespace of the thread that makes it.
        self.child = Some(self.namespace.run(|| command.spawn())??);
        let until = Instant::now() + Self::START;
        while self.api().get("status").is_err() {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                self.child = None;
                return Err(Error::BoxEnded { status: status.to_string(), log: self.last_words() });
            }
            if Instant::now() > until {
                return Err(Error::BoxSilent { log: self.last_words() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Ends the box at once, as a power cut does.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // It may have ended by itself: then there is nothing left to kill, and only its status to take.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Asks the box to end, and ends it when it does not.
    ///
    /// # Errors
    /// `BoxEnded` when it ended with a failure or had to be killed.
    pub fn stop(&mut self) -> Result<(), Error> {
        let Some(child) = &mut self.child else { return Ok(()) };
        let id = i32::try_from(child.id()).map_err(io::Error::other)?;
        kill(Pid::from_raw(id), Signal::SIGTERM).map_err(io::Error::from)?;
        let until = Instant::now() + Self::STOP;
        loop {
            if let Some(status) = child.try_wait()? {
                self.child = None;
                return if status.success() {
                    Ok(())
                } else {
                    Err(Error::BoxEnded { status: status.to_string(), log: self.last_words() })
                };
            }
            if Instant::now() > until {
                self.kill();
                return Err(Error::BoxEnded { status: "killed, for it did not end".into(), log: self.last_words() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The last lines of its log.
    pub fn last_words(&self) -> String {
        const LINES: usize = 15;
        let log = std::fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
    }
}

/// The variables that a unit gives its service.
fn environment(unit: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = unit.lines().filter_map(|line| line.strip_prefix("Environment="));
    lines.flat_map(str::split_whitespace).filter_map(|variable| variable.split_once('='))
}

impl Drop for Appliance {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_has_the_memory_that_its_service_has() {
        let all: Vec<_> = environment(UNIT).collect();
        assert!(all.contains(&("MALLOC_ARENA_MAX", "4")), "{all:?}");
        assert!(all.iter().all(|(_, value)| !value.contains('"')), "quotes are not read: {all:?}");
    }
}
