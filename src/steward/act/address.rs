use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ipnet::Ipv4Net;

use super::{Ground, disk, remove};
use crate::steward::request::{AddressSetting, Refusal, address_in};

/// The addresses of the box: tried, confirmed, looked up.
impl Ground {
    pub(super) fn try_address(&self, interface: &str, setting: &AddressSetting) -> Result<(), Refusal> {
        if !self.at("sys/class/net").join(interface).exists() {
            return Err(Refusal::new("interface", format!("This box has no interface {interface}.")));
        }
        let place = self.at("run/block66-address");
        let (trial, before) = (place.join("trial"), place.join("before"));
        std::fs::create_dir_all(&place).map_err(|error| disk(&place, &error))?;
        let file = self.network_file(interface);
        let standing = std::fs::read_to_string(&file).ok();
        let other = std::fs::read_to_string(&trial);
        let first = other.is_err();
        match other {
            // What stands there now is on trial itself: what was in force before it stays the way back.
            Ok(other) if other.trim() == interface => {}
            Ok(other) => {
                let says =
                    format!("The address of {} is still on trial: confirm it, or wait for a minute.", other.trim());
                return Err(Refusal::new("on-trial", says));
            }
            Err(_) => {
                // It may be left from a trial that was cut off.
                remove(&before)?;
                if let Some(text) = &standing {
                    self.write(&before, text)?;
                }
                self.write(&trial, interface)?;
            }
        }
        match setting.as_network_file(interface) {
            Some(text) => self.put_network_file(&file, &text)?,
            None => remove(&file)?,
        }
        if let Err(refusal) = self.run("systemctl", &["--no-block", "restart", "block66-address-trial.service"]) {
            // Without its minute nobody would ever take it back.
            match standing {
                Some(text) => self.put_network_file(&file, &text)?,
                None => remove(&file)?,
            }
            if first {
                remove(&trial)?;
                remove(&before)?;
            }
            return Err(refusal);
        }
        self.run("networkctl", &["reload"])
    }

    pub(super) fn confirm_address(&self) -> Result<(), Refusal> {
        let place = self.at("run/block66-address");
        let (trial, ending) = (place.join("trial"), place.join("ending"));
        // Who moves it away ends the trial, this or the service that takes the address back after a minute: only one of
        // the two can, and what is read below is no longer taken back meanwhile.
        if std::fs::rename(&trial, &ending).is_err() {
            return Err(Refusal::new("no-trial", "No address is on trial; it was taken back, or confirmed before."));
        }
        if let Err(refusal) = self.keep_address(&ending) {
            std::fs::rename(&ending, &trial).map_err(|error| disk(&trial, &error))?;
            self.run("systemctl", &["--no-block", "restart", "block66-address-trial.service"])?;
            return Err(refusal);
        }
        remove(&ending)?;
        remove(&place.join("before"))?;
        self.run("systemctl", &["--no-block", "stop", "block66-address-trial.service"])
    }

    /// Keeps what was set for the interface that a trial is of.
    fn keep_address(&self, trial: &Path) -> Result<(), Refusal> {
        let interface = std::fs::read_to_string(trial).map_err(|error| disk(trial, &error))?;
        let set = self.network_file(interface.trim());
        let kept = self.at("config/network").join(file_name(interface.trim()));
        match std::fs::read_to_string(&set) {
            Ok(text) => self.put_network_file(&kept, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => remove(&kept),
            Err(error) => Err(disk(&set, &error)),
        }
    }

    /// The address that was set for an interface.
    pub(in crate::steward) fn set_address(&self, interface: &str) -> Option<Ipv4Net> {
        address_in(&std::fs::read_to_string(self.network_file(interface)).ok()?)
    }

    /// What systemd-networkd reads about an interface whose address was set; not there where DHCP gives it one.
    fn network_file(&self, interface: &str) -> PathBuf {
        self.at("run/systemd/network").join(file_name(interface))
    }

    fn put_network_file(&self, file: &Path, text: &str) -> Result<(), Refusal> {
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory).map_err(|error| disk(directory, &error))?;
        }
        self.write(file, text)
    }
}

fn file_name(interface: &str) -> String {
    format!("10-{interface}.network")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{act, ground, script};
    use super::*;

    #[test]
    fn an_address_is_on_trial_until_it_is_confirmed() {
        let directory = tempfile::tempdir().unwrap();
        let ground = ground(directory.path());
        let line = r#"{"verb":"address","interface":"eth0","setting":{"static":{"address":"10.66.0.1/24"}}}"#;
        assert!(act(&ground, line).unwrap().address_on_trial);
        assert!(!directory.path().join("config/network").exists(), "not kept yet");
        let standing = act(&ground, r#"{"verb":"confirm-address"}"#).unwrap();
        assert!(!standing.address_on_trial);
        let kept = std::fs::read_to_string(directory.path().join("config/network/10-eth0.network")).unwrap();
        assert!(kept.contains("Address=10.66.0.1/24"));
        assert_eq!(act(&ground, r#"{"verb":"confirm-address"}"#).unwrap_err().code, "no-trial");
        let other = r#"{"verb":"address","interface":"eth7","setting":"dhcp"}"#;
        assert_eq!(act(&ground, other).unwrap_err().code, "interface");
    }

    /// What the trial takes back after a minute is what was in force before the first of several that were tried.
    #[test]
    fn a_second_trial_leaves_the_way_back_alone() {
        let directory = tempfile::tempdir().unwrap();
        let ground = ground(directory.path());
        std::fs::create_dir_all(directory.path().join("sys/class/net/eth1")).unwrap();
        let set = |interface: &str, own: &str| {
            let setting = format!(r#"{{"static":{{"address":"{own}/24"}}}}"#);
            act(&ground, &format!(r#"{{"verb":"address","interface":"{interface}","setting":{setting}}}"#))
        };
        let confirm = || act(&ground, r#"{"verb":"confirm-address"}"#);
        let before = || address_in(&std::fs::read_to_string(directory.path().join("run/block66-address/before")).ok()?);
        let net = |text: &str| text.parse::<Ipv4Net>().ok();
        set("eth0", "10.66.0.1").unwrap();
        confirm().unwrap();
        set("eth0", "10.66.0.2").unwrap();
        set("eth0", "10.66.0.3").unwrap();
        assert_eq!((before(), ground.set_address("eth0")), (net("10.66.0.1/24"), net("10.66.0.3/24")));
        assert_eq!(set("eth1", "10.67.0.1").unwrap_err().code, "on-trial");
        assert_eq!(before(), net("10.66.0.1/24"));
        confirm().unwrap();
        set("eth1", "10.67.0.1").unwrap();
        assert_eq!(before(), None, "nothing was set there before");
    }

    /// What nobody would take back after a minute is not tried at all.
    #[test]
    fn an_address_whose_trial_cannot_be_ended_is_not_on_trial() {
        let directory = tempfile::tempdir().unwrap();
        let ground = ground(directory.path());
        let set = |own: &str| {
            let setting = format!(r#"{{"static":{{"address":"{own}/24"}}}}"#);
            act(&ground, &format!(r#"{{"verb":"address","interface":"eth0","setting":{setting}}}"#))
        };
        let net = |text: &str| text.parse::<Ipv4Net>().ok();
        let systemctl = directory.path().join("programs/systemctl");
        set("10.66.0.1").unwrap();
        act(&ground, r#"{"verb":"confirm-address"}"#).unwrap();
        script(&systemctl, "exit 1");
        assert_eq!(set("10.66.0.2").unwrap_err().code, "system");
        assert!(!act(&ground, r#"{"verb":"status"}"#).unwrap().address_on_trial);
        assert_eq!(ground.set_address("eth0"), net("10.66.0.1/24"));
        // One that is on trial already stays so, as it was: its minute goes on.
        script(&systemctl, "exit 0");
        set("10.66.0.3").unwrap();
        script(&systemctl, "exit 1");
        assert_eq!(set("10.66.0.4").unwrap_err().code, "system");
        assert!(act(&ground, r#"{"verb":"status"}"#).unwrap().address_on_trial);
        assert_eq!(ground.set_address("eth0"), net("10.66.0.3/24"));
    }

    #[test]
    fn an_address_by_dhcp_is_none_that_is_set() {
        let directory = tempfile::tempdir().unwrap();
        let ground = ground(directory.path());
        let static_one = r#"{"verb":"address","interface":"eth0","setting":{"static":{"address":"10.66.0.1/24"}}}"#;
        act(&ground, static_one).unwrap();
        act(&ground, r#"{"verb":"confirm-address"}"#).unwrap();
        act(&ground, r#"{"verb":"address","interface":"eth0","setting":"dhcp"}"#).unwrap();
        assert!(
            !directory.path().join("run/systemd/network/10-eth0.network").exists(),
            "the fallback address waits for that"
        );
        assert!(directory.path().join("config/network/10-eth0.network").exists(), "on trial");
        act(&ground, r#"{"verb":"confirm-address"}"#).unwrap();
        assert!(!directory.path().join("config/network/10-eth0.network").exists());
    }
}
