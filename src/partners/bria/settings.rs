//! PURE. What an administrator sets about the three servers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::setting;

/// How clients are served. Off until somebody switches it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Settings {
    /// Whether anybody is served at all.
    pub enabled: bool,
    /// Whether passwords are taken over plain HTTP, where everybody on the way reads them.
    pub plain_http: bool,
    /// Whether SIP user and password of a phone's line let its user in, too.
    pub line_logins: bool,
    /// Whether the client may write SIP passwords to its disk; else they hold for one session.
    pub keep_passwords: bool,
    /// How clients know the box, as `https://prov.example.com`; where it is not set, by the address that they reached
    /// it by.
    pub base_url: Option<String>,
    /// What a user is told who is not let in, besides the reason.
    pub help: String,
    /// What the parameters are called in which clients say what they are.
    pub names: Names,
    /// When clients look for changes.
    pub timers: Timers,
    /// Whether newer programs of the catalogue are offered.
    pub upgrades: bool,
    /// Whether a client ends when its user declines one.
    pub mandatory: bool,
    /// Networks whose computers are told the address of the login server by DHCP option 120.
    pub discovery: Vec<String>,
    /// Beginnings of the vendor classes that are told it; with none, whoever asks for it and is no phone.
    pub discovery_classes: Vec<String>,
    /// Whether the address that they are told is `https://`; they must trust the box's certificate then.
    pub discovery_secure: bool,
}

/// Parameter names of the macros. The client expands what the operator wrote into the URLs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Names {
    /// `$platform$`: the system that it runs on.
    pub platform: String,
    /// `$license$`: the licence key that the computer has.
    pub license: String,
    /// `$computerid$`: which computer it is.
    pub computerid: String,
    /// `$build$`: the number of the program.
    pub build: String,
    /// `$language$`: what it speaks.
    pub language: String,
    /// `$loginame$`: who signed in.
    pub loginame: String,
}

/// Seconds after which clients look for changed settings and newer programs. All at 0: never.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Timers {
    /// First look for settings after the start.
    pub first_update: u32,
    /// First look for a program after the start.
    pub first_upgrade: u32,
    /// Every later look for either.
    pub every: u32,
    /// How long it waits while its user is in a call.
    pub deferred: u32,
    /// The least time between two looks.
    pub least: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: false,
            plain_http: false,
            line_logins: false,
            keep_passwords: false,
            base_url: None,
            help: String::new(),
            names: Names::default(),
            timers: Timers::default(),
            upgrades: false,
            mandatory: false,
            discovery: Vec::new(),
            discovery_classes: vec!["MSFT".into()],
            discovery_secure: true,
        }
    }
}

impl Default for Names {
    fn default() -> Self {
        Self {
            platform: "platform".into(),
            license: "lic".into(),
            computerid: "cid".into(),
            build: "build".into(),
            language: "language".into(),
            loginame: "name".into(),
        }
    }
}

impl Default for Timers {
    /// As other servers set them: after 20 seconds, after a minute, and daily.
    fn default() -> Self {
        Self { first_update: 20, first_upgrade: 60, every: 86_400, deferred: 60, least: 10 }
    }
}

impl Names {
    /// Each macro with the name of its parameter.
    pub fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("platform", &self.platform),
            ("license", &self.license),
            ("computerid", &self.computerid),
            ("build", &self.build),
            ("language", &self.language),
            ("loginame", &self.loginame),
        ]
    }

    /// A query that makes the client say what these macros stand for.
    pub(super) fn query(&self, wanted: &[&str]) -> String {
        let pairs = self.pairs();
        let parts = pairs.iter().filter(|(name, _)| wanted.contains(name));
        parts.map(|(name, parameter)| format!("&{parameter}=${name}$")).collect()
    }
}

impl Settings {
    /// Whether these can be used.
    ///
    /// # Errors
    /// What is wrong, in a sentence without its full stop.
    pub fn check(&self) -> Result<(), String> {
        /// What the protocol and the box have names for.
        const TAKEN: [&str; 3] = ["username", "password", "t"];
        let mut seen = BTreeSet::new();
        for (name, parameter) in self.names.pairs() {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            if !(1..=32).contains(&parameter.len()) || !parameter.bytes().all(plain) {
                return Err(format!(
                    "the parameter for ${name}$ is called \"{parameter}\": 1 to 32 letters and digits"
                ));
            }
            let parameter = parameter.to_ascii_lowercase();
            if TAKEN.contains(&parameter.as_str()) || !seen.insert(parameter.clone()) {
                return Err(format!("two parameters would be called \"{parameter}\""));
            }
        }
        if let Some(url) = &self.base_url {
            let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
            let host = host.trim_end_matches('/');
            let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
            if host.is_empty() || !host.chars().all(plain) {
                return Err("the base URL is http:// or https:// with a host, and nothing after it".into());
            }
            if url.starts_with("http://") && !self.plain_http {
                return Err("the base URL is http://, over which no passwords are taken".into());
            }
        }
        if self.help.len() > 300 || setting::sound("help", &self.help).is_err() {
            return Err("the help text has at most 300 bytes, no double quote and no line break".into());
        }
        let timers = &self.timers;
        let times = [timers.first_update, timers.first_upgrade, timers.every, timers.deferred, timers.least];
        if times.iter().any(|seconds| *seconds > 604_800) {
            return Err("a timer runs for at most a week, 604800 seconds".into());
        }
        if (1..60).contains(&timers.every) {
            return Err("clients look for changes once a minute at most, or never at 0".into());
        }
        if !self.discovery.is_empty() && !self.discovery_secure && !self.plain_http {
            return Err("DHCP would name an http:// address, over which no passwords are taken".into());
        }
        if self.discovery_classes.iter().any(|class| !(3..=64).contains(&class.len())) {
            return Err("a vendor class of less than 3 characters would fit too much".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Settings)) -> Result<(), String> {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.check()
    }

    #[test]
    fn what_cannot_work_is_refused() {
        assert_eq!(with(|_| {}), Ok(()));
        assert_eq!(with(|s| s.names.build = "b".into()), Ok(()));
        assert_eq!(with(|s| s.base_url = Some("https://prov.example.com:8443".into())), Ok(()));
        assert!(with(|s| s.names.build = "LIC".into()).is_err());
        assert!(with(|s| s.names.build = "Username".into()).is_err());
        assert!(with(|s| s.names.build = "a b".into()).is_err());
        assert!(with(|s| s.base_url = Some("https://prov.example.com/x".into())).is_err());
        assert!(with(|s| s.base_url = Some("ftp://prov.example.com".into())).is_err());
        assert!(with(|s| s.base_url = Some("http://prov.example.com".into())).is_err());
        assert!(with(|s| s.help = "call \"4711\"".into()).is_err());
        assert!(with(|s| s.timers.every = 5).is_err());
        assert!(with(|s| s.timers.deferred = 1_000_000).is_err());
        assert_eq!(
            with(|s| s.timers = Timers { first_update: 0, first_upgrade: 0, every: 0, deferred: 0, least: 0 }),
            Ok(())
        );
        assert!(with(|s| (s.discovery, s.discovery_secure) = (vec!["office".into()], false)).is_err());
        assert!(with(|s| s.discovery_classes = vec!["M".into()]).is_err());
    }

    #[test]
    fn queries_carry_the_names_that_the_operator_chose() {
        let names = Names { platform: "os".into(), ..Names::default() };
        assert_eq!(names.query(&["build", "platform"]), "&os=$platform$&build=$build$");
    }

    #[test]
    fn what_is_stored_reads_back_and_defaults_fill_in() {
        let settings: Settings = serde_json::from_str(r#"{"enabled":true,"names":{"license":"key"}}"#).unwrap();
        assert!(settings.enabled && settings.names.license == "key" && settings.names.build == "build");
        let again = serde_json::to_value(&settings).unwrap();
        assert_eq!(serde_json::from_value::<Settings>(again).unwrap(), settings);
        assert!(serde_json::from_str::<Settings>(r#"{"enable":true}"#).is_err());
    }
}
