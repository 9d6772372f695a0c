//! `block66-setup.toml`: settings for a first start with nobody there, put on the boot partition or a USB stick.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::request::{AddressSetting, Refusal, Request};
use crate::admin::import::{self, Defaults};
use crate::config::Config;
use crate::sys::files;

/// Largest file that is read, in bytes: a list of a thousand phones fits.
const LARGEST: u64 = 1024 * 1024;

/// Name of the file in the data directory by which the program learns what only its store can hold.
pub const FOR_THE_STORE: &str = "preset.json";

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    setup_code: Option<String>,
    organisation: Option<String>,
    host_name: Option<String>,
    address: Option<Address>,
    #[serde(default)]
    network: Vec<toml::Table>,
    phones: Option<String>,
    updates_from: Option<String>,
    #[serde(default)]
    time_servers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Address {
    #[serde(default = "usual_interface")]
    interface: String,
    address: Ipv4Net,
    gateway: Option<std::net::Ipv4Addr>,
    #[serde(default)]
    dns: Vec<std::net::Ipv4Addr>,
}

fn usual_interface() -> String {
    "eth0".into()
}

/// What only the store can hold.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ForTheStore {
    /// The code that claims the box: twelve letters and digits.
    pub setup_code: Option<String>,
    /// Name of the first organisation.
    pub organisation: Option<String>,
}

/// The settings, as the files that they become: paths below the root of the box.
#[derive(Debug, Default)]
pub struct Preset {
    files: Vec<(PathBuf, Vec<u8>)>,
    for_the_store: ForTheStore,
}

impl Preset {
    /// Reads and checks the settings in `text`; the errors name `path`.
    ///
    /// # Errors
    /// With what makes no sense; then nothing of the file is to be used.
    pub fn read(text: &str, path: &Path) -> Result<Self, Refusal> {
        let wrong = |what: String| Refusal::new("setup", format!("{}: {what}", path.display()));
        let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let mut preset = Self::default();
        let mut put = |path: &str, text: String| preset.files.push((path.into(), text.into_bytes()));
        if !file.network.is_empty() {
            let networks = toml::Table::from_iter([("network".to_owned(), toml::Value::from(file.network))]);
            let configuration = toml::to_string(&networks).map_err(|error| wrong(error.to_string()))?;
            // Its lines are not those of the file that somebody wrote.
            Config::parse(&configuration, path).map_err(|error| wrong(format!("in [[network]]: {}", error.what())))?;
            put("config/block66/block66.toml", configuration);
        }
        if let Some(name) = file.host_name {
            Request::HostName { name: name.clone() }.check().map_err(|refusal| wrong(refusal.says))?;
            put("config/hostname", name);
        }
        if let Some(Address { interface, address, gateway, dns }) = file.address {
            let setting = AddressSetting::Static { address, gateway, dns };
            let asked = Request::Address { interface: interface.clone(), setting: setting.clone() };
            asked.check().map_err(|refusal| wrong(refusal.says))?;
            for place in ["config/network", "run/systemd/network"] {
                setting
                    .as_network_file(&interface)
                    .into_iter()
                    .for_each(|text| put(&format!("{place}/10-{interface}.network"), text));
            }
        }
        if let Some(from) = file.updates_from {
            let asked = Request::Install { from: format!("{}/x.raucb", from.trim_end_matches('/')), older: false };
            asked.check().map_err(|refusal| wrong(refusal.says))?;
            put("config/block66/updates-from", from);
        }
        if !file.time_servers.is_empty() {
            let plain = |name: &String| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-:".contains(c))
            };
            if file.time_servers.len() > 8 || !file.time_servers.iter().all(plain) {
                return Err(wrong("time-servers are up to eight names or addresses.".into()));
            }
            let lines = file.time_servers.iter().map(|name| format!("server {name} iburst\n"));
            put("config/chrony/preset.sources", lines.collect());
        }
        if let Some(phones) = file.phones.filter(|phones| !phones.trim().is_empty()) {
            let read = import::read_any(phones.as_bytes(), &Defaults::default(), |_| None);
            read.map_err(|refusal| wrong(of_phones(&refusal)))?;
            put("var/lib/block66-preset/phones.csv", phones);
        }
        if let Some(code) = file.setup_code {
            if code.chars().filter(char::is_ascii_alphanumeric).count() != 12 {
                return Err(wrong("a setup code is twelve letters and digits.".into()));
            }
            preset.for_the_store.setup_code = Some(code);
        }
        preset.for_the_store.organisation = file.organisation.filter(|name| !name.trim().is_empty());
        Ok(preset)
    }

    /// Puts everything where it belongs. May be cut off and done again.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn apply(&self, root: &Path) -> io::Result<()> {
        for (path, bytes) in &self.files {
            let path = root.join(path);
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory)?;
            }
            let mode = if path.ends_with("phones.csv") { 0o600 } else { 0o644 };
            files::replace(&path, bytes, mode)?;
        }
        let ForTheStore { setup_code, organisation } = &self.for_the_store;
        if setup_code.is_none() && organisation.is_none() {
            return Ok(());
        }
        let data = root.join("var/lib/block66");
        files::create_private_directory(&data)?;
        let text = serde_json::to_vec(&self.for_the_store)?;
        let path = data.join(FOR_THE_STORE);
        files::replace(&path, &text, 0o600)?;
        if let Some(user) = nix::unistd::User::from_name("block66")? {
            for path in [&data, &path] {
                nix::unistd::chown(path, Some(user.uid), Some(user.gid))?;
            }
        }
        Ok(())
    }
}

/// What is wrong with a list of phones, in one line that shows nothing of what stands there: that may be a password.
fn of_phones(refusal: &import::Refusal) -> String {
    let import::Refusal::Rows(errors, _) = refusal else { return format!("phones: {refusal}") };
    let fields: Vec<&str> = errors.iter().take(5).map(|error| error.field.as_str()).collect();
    format!("phones: {refusal} Look at {}.", fields.join("; "))
}

/// Takes the settings of the file at `path` over into the box below `root`, and erases the file unless `keep`.
///
/// # Errors
/// With what is wrong; it also stands beside the file then, for whoever pulls the card out again.
pub fn take_over(path: &Path, root: &Path, keep: bool) -> Result<(), Refusal> {
    let taken = take(path, root);
    if let Err(refusal) = &taken {
        if !keep {
            let _ = std::fs::write(path.with_extension("error.txt"), format!("{}\r\n", refusal.says));
        }
        return taken;
    }
    if !keep {
        let _ = std::fs::remove_file(path.with_extension("error.txt"));
        erase(path).map_err(|error| Refusal::new("disk", format!("{} cannot be erased: {error}.", path.display())))?;
    }
    Ok(())
}

fn take(path: &Path, root: &Path) -> Result<(), Refusal> {
    let unreadable = |error: io::Error| Refusal::new("setup", format!("{} cannot be read: {error}.", path.display()));
    if std::fs::metadata(path).map_err(unreadable)?.len() > LARGEST {
        return Err(Refusal::new("setup", format!("{} is larger than {LARGEST} bytes.", path.display())));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let preset = Preset::read(&text, path)?;
    preset.apply(root).map_err(|error| Refusal::new("disk", format!("The settings cannot be written: {error}.")))
}

/// It holds passwords: written over before its name goes.
fn erase(path: &Path) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    let zeros = [0; 4096];
    let mut left = usize::try_from(length).unwrap_or(usize::MAX);
    while left > 0 {
        let piece = zeros.get(..left.min(zeros.len())).unwrap_or(&zeros);
        file.write_all(piece)?;
        left -= piece.len();
    }
    file.sync_all()?;
    std::fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
setup-code = "7KQM-2XHD-94TW"
organisation = "Berlin"
host-name = "block66-berlin"
updates-from = "https://updates.example.net/block66/"
time-servers = ["ntp.example.net", "10.66.0.254"]
phones = """
mac,name,extension,password,server
80:5e:c0:12:34:56,Reception,201,secret,pbx.example.net
"""
[address]
address = "10.66.0.1/24"
gateway = "10.66.0.254"
[[network]]
interface = "eth0"
subnet = "10.66.0.0/24"
gateway = "10.66.0.254"
dns = ["10.66.0.254"]
[network.dhcp]
mode = "full"
pool = "10.66.0.100-10.66.0.199"
"#;

    #[test]
    fn becomes_files_and_is_erased() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("block66-setup.toml");
        std::fs::write(&path, WHOLE).unwrap();
        let root = directory.path().join("root");
        std::fs::create_dir(&root).unwrap();
        take_over(&path, &root, false).unwrap();
        assert!(!path.exists(), "it holds passwords");
        let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
        let (config, _) = Config::load(&root.join("config/block66/block66.toml")).unwrap();
        assert_eq!(config.networks.len(), 1);
        assert_eq!(text("config/hostname"), "block66-berlin");
        assert!(text("config/network/10-eth0.network").contains("Address=10.66.0.1/24"));
        assert_eq!(text("config/network/10-eth0.network"), text("run/systemd/network/10-eth0.network"));
        assert!(text("config/chrony/preset.sources").contains("server 10.66.0.254 iburst"));
        assert!(text("var/lib/block66-preset/phones.csv").contains("Reception"));
        let stored: ForTheStore = serde_json::from_str(&text("var/lib/block66/preset.json")).unwrap();
        assert_eq!(stored.setup_code.as_deref(), Some("7KQM-2XHD-94TW"));
    }

    #[test]
    fn takes_the_list_that_a_box_has_written_and_an_empty_one() {
        for (list, is_there) in
            [(r#"{"phones": [{"mac": "80:5e:c0:12:34:56", "name": "Reception"}]}"#, true), ("  \n", false)]
        {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("block66-setup.toml");
            std::fs::write(&path, format!("host-name = \"berlin\"\nphones = '''{list}'''\n")).unwrap();
            let root = directory.path().join("root");
            std::fs::create_dir(&root).unwrap();
            take_over(&path, &root, false).unwrap_or_else(|refusal| panic!("{list}: {}", refusal.says));
            assert!(root.join("config/hostname").exists());
            assert_eq!(root.join("var/lib/block66-preset/phones.csv").exists(), is_there);
        }
    }

    #[test]
    fn nothing_is_taken_of_a_file_with_a_fault() {
        for (text, expected) in [
            ("colour = \"red\"", "colour"),
            ("setup-code = \"short\"", "twelve"),
            ("host-name = \"a b\"", "host name"),
            ("[address]\naddress = \"10.0.0.0/24\"", "no address"),
            ("updates-from = \"ftp://x\"", "bundle"),
            ("time-servers = [\"a b\"]", "time-servers"),
            ("phones = \"mac,name\\n80:5e:c0:12:34:56,Hall\\nnonsense,Door\\n\"", "row 3, mac"),
            (
                "host-name = \"good\"\n[[network]]\ninterface = \"eth0\"\nsubnet = \"nonsense\"",
                "block66-setup.toml: in [[network]]: invalid IP address",
            ),
            ("\u{0}", "block66-setup.toml"),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("block66-setup.toml");
            std::fs::write(&path, text).unwrap();
            let refusal = take_over(&path, &directory.path().join("root"), false).unwrap_err();
            assert!(refusal.says.contains(expected), "{text:?}: {}", refusal.says);
            assert!(!directory.path().join("root").exists(), "{text:?}");
            assert!(path.exists(), "{text:?}: it is there to be corrected");
            let told = std::fs::read_to_string(directory.path().join("block66-setup.error.txt")).unwrap();
            assert!(told.contains(expected), "{told}");
        }
    }
}
