mod address;

use std::ffi::OsString;
use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Standing;
use super::request::{Refusal, Request, UPDATES};
use crate::sys::files;

/// Where things are on the box.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Below which everything is: `/` on the box.
    pub root: PathBuf,
    /// Where programs are looked for instead of the usual places.
    pub programs: Option<OsString>,
}

impl Ground {
    /// The box itself.
    pub fn of_the_box() -> Self {
        Self { root: "/".into(), programs: None }
    }

    /// Does what was asked, telling how far it is.
    ///
    /// # Errors
    /// With what kept it from being done; nothing is half done then, but for the file system's own failures.
    pub fn act(&self, request: &Request, told: &mut dyn FnMut(u8, &str)) -> Result<Standing, Refusal> {
        match request {
            Request::Status {} => {}
            Request::Address { interface, setting } => self.try_address(interface, setting)?,
            Request::ConfirmAddress {} => self.confirm_address()?,
            Request::Time { unix } => {
                if self.clock_kept() {
                    return Err(Refusal::new("clock-kept", "A time server keeps the clock of this box."));
                }
                self.run("date", &["-u", "-s", &format!("@{unix}")])?;
            }
            Request::HostName { name } => {
                let file = self.at("config/hostname");
                let before = std::fs::read_to_string(&file).ok();
                self.write(&file, name)?;
                if let Err(refusal) = self.run("hostnamectl", &["--transient", "hostname", name]) {
                    // What was refused must not come with the next start.
                    match before {
                        Some(before) => self.write(&file, &before)?,
                        None => remove(&file)?,
                    }
                    return Err(refusal);
                }
            }
            Request::Install { from, older } => self.install(from, *older, told)?,
            Request::Reboot {} => self.run("systemctl", &["--no-block", "reboot"])?,
            Request::FactoryReset { wipe_all } => self.factory_reset(wipe_all.as_deref())?,
        }
        Ok(self.standing())
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.at(path)).map(|text| text.trim().to_owned()).unwrap_or_default()
    }

    fn clock_kept(&self) -> bool {
        self.at("run/block66-clock/synchronised").exists()
    }

    fn standing(&self) -> Standing {
        let boot = self.text("proc/cmdline");
        let slot = boot.split_whitespace().find_map(|word| word.strip_prefix("rauc.slot=")).unwrap_or("A");
        let variables = self.text("efi/grub/grubenv");
        let order = variables.lines().find_map(|line| line.strip_prefix("ORDER=")).unwrap_or(slot);
        Standing {
            version: self.text("usr/lib/block66/version"),
            slot: slot.to_owned(),
            confirmed: self.at("run/block66-boot/confirmed").exists(),
            next: order.split_whitespace().next().unwrap_or(slot).to_owned(),
            serial: self.serial(),
            clock_kept: self.clock_kept(),
            address_on_trial: self.at("run/block66-address/trial").exists(),
        }
    }

    /// The hardware address of the first interface, as it stands on the label.
    fn serial(&self) -> String {
        self.text("sys/class/net/eth0/address").replace(':', "")
    }

    fn factory_reset(&self, wipe_all: Option<&str>) -> Result<(), Refusal> {
        let wish = match wipe_all {
            None => "keep-authority",
            Some(serial) if !serial.is_empty() && serial.eq_ignore_ascii_case(&self.serial()) => "wipe-all",
            Some(_) => return Err(Refusal::new("serial", "That is not the serial number of this box.")),
        };
        let pending = self.at("config/reset-pending");
        self.write(&pending, wish)?;
        let restarting = self.run("systemctl", &["--no-block", "reboot"]);
        if restarting.is_err() {
            // What was refused must not be done by a start some day.
            remove(&pending)?;
        }
        restarting
    }

    fn install(&self, from: &str, older: bool, told: &mut dyn FnMut(u8, &str)) -> Result<(), Refusal> {
        let bundle = if from.contains("://") { from.to_owned() } else { self.uploaded(from)? };
        let allowed = self.at("run/block66-boot/allow-older");
        if older {
            self.write(&allowed, "")?;
        }
        let result = self.run_rauc(&bundle, told);
        if older {
            let _ = std::fs::remove_file(&allowed);
        }
        result
    }

    /// The path of an uploaded bundle: a file, and no link to one.
    fn uploaded(&self, name: &str) -> Result<String, Refusal> {
        let path = self.root.join(UPDATES.trim_start_matches('/')).join(name);
        let found = std::fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NOFOLLOW).open(&path);
        match found.and_then(|file| file.metadata()) {
            Ok(file) if file.is_file() => Ok(path.display().to_string()),
            _ => Err(Refusal::new("bundle", format!("There is no uploaded file {name}."))),
        }
    }

    fn run_rauc(&self, bundle: &str, told: &mut dyn FnMut(u8, &str)) -> Result<(), Refusal> {
        // `pre-install` leaves its sentence there: RAUC itself tells only that it refused.
        let refused = "run/block66-boot/refused";
        let _ = std::fs::remove_file(self.at(refused));
        let mut command = self.command("rauc");
        command.args(["install", bundle]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = command.spawn().map_err(|error| missing("rauc", &error))?;
        // Both are lines for people; what is an error says so.
        let errors = running.stderr.take().map(|stream| std::thread::spawn(move || lines(stream)));
        let mut why = None;
        for line in running.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines) {
            let Ok(line) = line else { break };
            if let Some((percent, says)) = progress(&line) {
                told(percent, says);
            }
            why = reason(&line).or(why);
        }
        let errors = errors.and_then(|thread| thread.join().ok()).unwrap_or_default();
        let ended = running.wait().map_err(|error| missing("rauc", &error))?;
        if ended.success() {
            return Ok(());
        }
        let why = Some(self.text(refused)).filter(|own| !own.is_empty()).or(why);
        let why = why.or_else(|| errors.iter().find_map(|line| reason(line)));
        let why = why.or_else(|| errors.last().cloned()).unwrap_or_else(|| "it did not say why".to_owned());
        Err(Refusal::new("update", format!("The bundle was refused: {why}.")))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C.UTF-8");
        let usual = OsString::from("/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("PATH", self.programs.as_ref().unwrap_or(&usual));
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), Refusal> {
        let done = self.command(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).output();
        let done = done.map_err(|error| missing(program, &error))?;
        if done.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr);
        let said = said.lines().next().unwrap_or("it did not say why").to_owned();
        Err(Refusal::new("system", format!("{program} failed: {said}.")))
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), Refusal> {
        files::replace(path, text.as_bytes(), 0o644).map_err(|error| disk(path, &error))
    }
}

/// Takes a file away, if it is there; also after a power cut it is gone.
fn remove(path: &Path) -> Result<(), Refusal> {
    let removed = std::fs::remove_file(path).and_then(|()| path.parent().map_or(Ok(()), files::sync_directory));
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(disk(path, &error)),
        _ => Ok(()),
    }
}

fn disk(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::new("disk", format!("{}: {error}.", path.display()))
}

fn missing(program: &str, error: &std::io::Error) -> Refusal {
    Refusal::new("system", format!("{program} cannot be run: {error}."))
}

fn lines(stream: impl std::io::Read) -> Vec<String> {
    BufReader::new(stream).lines().map_while(Result::ok).take(200).collect()
}

/// ` 40% Checking bundle done.`
fn progress(line: &str) -> Option<(u8, &str)> {
    let (percent, says) = line.trim().split_once('%')?;
    Some((percent.trim().parse().ok()?, says.trim()))
}

/// `LastError: …`: why RAUC did not install.
fn reason(line: &str) -> Option<String> {
    let (_, why) = line.split_once("LastError: ")?;
    Some(why.trim().trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A box made of files, with programs that write down how they were called.
    pub(super) fn ground(directory: &Path) -> Ground {
        let programs = directory.join("programs");
        for path in ["config", "run/block66-boot", "sys/class/net/eth0", "proc", "efi/grub", "usr/lib/block66"] {
            std::fs::create_dir_all(directory.join(path)).unwrap();
        }
        std::fs::create_dir_all(directory.join(UPDATES.trim_start_matches('/'))).unwrap();
        std::fs::create_dir_all(&programs).unwrap();
        std::fs::write(directory.join("sys/class/net/eth0/address"), "52:54:00:aa:bb:cc\n").unwrap();
        std::fs::write(directory.join("proc/cmdline"), "quiet rauc.slot=B panic=10\n").unwrap();
        std::fs::write(directory.join("efi/grub/grubenv"), "# GRUB Environment Block\nORDER=B A\n####").unwrap();
        std::fs::write(directory.join("usr/lib/block66/version"), "1.2.0\n").unwrap();
        for program in ["systemctl", "networkctl", "date", "hostnamectl"] {
            script(&programs.join(program), &format!("echo {program} \"$@\" >>{}/called", directory.display()));
        }
        let mut path = programs.into_os_string();
        path.push(":/usr/bin:/bin");
        Ground { root: directory.to_owned(), programs: Some(path) }
    }

    pub(super) fn script(path: &Path, body: &str) {
        std::fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(super) fn act(ground: &Ground, line: &str) -> Result<Standing, Refusal> {
        ground.act(&Request::read(line.as_bytes()).unwrap(), &mut |_, _| {})
    }

    #[test]
    fn tells_how_it_stands() {
        let directory = tempfile::tempdir().unwrap();
        let standing = act(&ground(directory.path()), r#"{"verb":"status"}"#).unwrap();
        assert_eq!((&*standing.version, &*standing.slot, &*standing.next), ("1.2.0", "B", "B"));
        assert_eq!(standing.serial, "525400aabbcc");
        assert!(!standing.confirmed && !standing.address_on_trial);
    }

    #[test]
    fn a_reset_that_wipes_all_needs_the_serial_number() {
        let directory = tempfile::tempdir().unwrap();
        let ground = ground(directory.path());
        let wish = || std::fs::read_to_string(directory.path().join("config/reset-pending")).unwrap();
        assert_eq!(act(&ground, r#"{"verb":"factory-reset","wipe_all":"1"}"#).unwrap_err().code, "serial");
        assert!(!directory.path().join("called").exists(), "it does not restart");
        act(&ground, r#"{"verb":"factory-reset"}"#).unwrap();
        assert_eq!(wish(), "keep-authority");
        act(&ground, r#"{"verb":"factory-reset","wipe_all":"525400AABBCC"}"#).unwrap();
        assert_eq!(wish(), "wipe-all");
    }

    /// A reset that was refused is not done by the next start either.
    #[test]
    fn a_reset_whose_restart_fails_leaves_nothing_pending() {
        let directory = tempfile::tempdir().unwrap();
        let ground = ground(directory.path());
        script(&directory.path().join("programs/systemctl"), "echo 'Access denied' >&2; exit 1");
        let refused = act(&ground, r#"{"verb":"factory-reset"}"#).unwrap_err();
        assert_eq!(refused.says, "systemctl failed: Access denied.");
        assert!(!directory.path().join("config/reset-pending").exists());
    }

    #[test]
    fn an_update_tells_its_progress_and_why_it_was_refused() {
        let directory = tempfile::tempdir().unwrap();
        let ground = ground(directory.path());
        let updates = directory.path().join(UPDATES.trim_start_matches('/'));
        std::fs::write(updates.join("b.raucb"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", updates.join("link.raucb")).unwrap();
        let rauc = directory.path().join("programs/rauc");
        script(&rauc, "echo '  0% Installing'; echo ' 60% Copying image'; echo '100% Installing done.'");
        let mut seen = Vec::new();
        let install = Request::Install { from: "b.raucb".into(), older: false };
        ground.act(&install, &mut |percent, says| seen.push((percent, says.to_owned()))).unwrap();
        assert_eq!(seen.get(1), Some(&(60, "Copying image".to_owned())));
        script(&rauc, "echo 'LastError: signature verification failed: self-signed certificate'; exit 1");
        let refused = act(&ground, r#"{"verb":"install","from":"b.raucb"}"#).unwrap_err();
        assert_eq!(refused.says, "The bundle was refused: signature verification failed: self-signed certificate.");
        let handler = ground.at("run/block66-boot/refused");
        let says = "version 1.0.0 is older than 2.0.0, which runs now";
        script(&rauc, &format!("echo '{says}' >{}; echo 'LastError: Handler error'; exit 1", handler.display()));
        for _ in 0..2 {
            let refused = act(&ground, r#"{"verb":"install","from":"b.raucb"}"#).unwrap_err();
            assert_eq!(refused.says, format!("The bundle was refused: {says}."));
            script(&rauc, "echo 'LastError: no room'; exit 1");
            let refused = act(&ground, r#"{"verb":"install","from":"b.raucb"}"#).unwrap_err();
            assert_eq!(refused.says, "The bundle was refused: no room.", "what was said of another one is over");
            script(&rauc, &format!("echo '{says}' >{}; exit 1", handler.display()));
        }
        for missing in ["link.raucb", "c.raucb"] {
            let line = format!(r#"{{"verb":"install","from":"{missing}"}}"#);
            assert_eq!(act(&ground, &line).unwrap_err().code, "bundle", "{missing}");
        }
    }

    #[test]
    fn the_clock_is_left_to_a_time_server() {
        let directory = tempfile::tempdir().unwrap();
        let ground = ground(directory.path());
        let line = r#"{"verb":"time","unix":1795000000}"#;
        act(&ground, line).unwrap();
        assert!(std::fs::read_to_string(directory.path().join("called")).unwrap().contains("date -u -s @1795000000"));
        std::fs::create_dir_all(directory.path().join("run/block66-clock")).unwrap();
        std::fs::write(directory.path().join("run/block66-clock/synchronised"), "").unwrap();
        assert_eq!(act(&ground, line).unwrap_err().code, "clock-kept");
    }
}
