//! PURE. From what the PBX and Devices say to a phone of the list, in the neutral words that every brand is told from.

use super::configuration::Known;
use super::heard::Request;
use crate::model::settings::Zone;
use crate::model::{Line, Secret, Settings, Transport};

/// What a phone signs in at the PBX with. Which of them a PBX expects of another maker's phone is not written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignIn {
    /// The user's name, and the identity of the device for Digest.
    #[default]
    NameAndDevice,
    /// The identity of the device for both.
    Device,
    /// The user's name for both.
    Name,
}

/// Whose phone it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// Login name.
    pub(super) user: String,
    /// Long name.
    pub(super) name: String,
    /// Password.
    pub(super) password: Secret,
    /// Identity of the device at the user.
    pub(super) hwid: String,
    /// Domain of the PBX.
    pub(super) domain: String,
    /// Host name of the PBX; may be empty.
    pub(super) host: String,
}

impl Owner {
    /// Of the phone that is asked for.
    pub(super) fn of(request: &Request) -> Self {
        let Request { user, name, password, hwid, domain, host, .. } = request.clone();
        Self { user, name, password, hwid, domain, host }
    }
}

/// The line and the settings of a phone, with what could not be taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// Its one line.
    pub line: Line,
    /// What is set for the phone.
    pub settings: Settings,
    /// What could not be taken over, in words.
    pub left_out: Vec<String>,
}

/// Maps a configuration onto a phone whose settings were these: what Devices says nothing about stays.
pub(super) fn map(
    owner: &Owner,
    known: &Known,
    sign_in: SignIn,
    before: &Settings,
    transport: Option<Transport>,
) -> Mapped {
    let mut mapped = Mapped {
        line: line(owner, known, sign_in, transport),
        settings: before.clone(),
        left_out: known.problems.clone(),
    };
    let mut left = Vec::new();
    let mut set = |key: &str, value: Option<String>| {
        let Some(value) = value else { return };
        if let Err(misfit) = mapped.settings.set_text(key, &value) {
            mapped.left_out.push(format!("{key}: {misfit}"));
        }
    };
    set("line.backup_server", known.backup.as_deref().map(|host| host_and_port(host).0));
    set(
        "line.backup_port",
        known.backup.as_deref().and_then(|host| host_and_port(host).1).map(|port| port.to_string()),
    );
    set("line.codecs", known.coder.as_deref().map(|coder| codecs(coder, known.exclusive)));
    set("line.packet_time", known.frame.map(|frame| frame.to_string()));
    set("line.srtp", known.srtp.map(|srtp| if srtp == 4 { "off" } else { "optional" }.to_owned()));
    set("regional.tone_country", known.tones.and_then(country).map(str::to_owned));
    // The upper six bits of the byte (RFC 2474 section 3).
    set("network.media_dscp", known.tos_rtp.map(|byte| (byte >> 2).to_string()));
    set("network.sip_dscp", known.tos_sig.map(|byte| (byte >> 2).to_string()));
    let last = known.ports.and_then(|(first, count)| first.checked_add(count)?.checked_sub(1));
    let ports = known.ports.zip(last).filter(|((_, count), last)| *count > 0 && *last <= 65_535);
    if let Some(((first, _), last)) = ports {
        set("network.media_first_port", Some(first.to_string()));
        set("network.media_last_port", Some(last.to_string()));
    }
    let [first, second] = &known.time;
    set("clock.server", first.clone());
    set("clock.second_server", second.clone());
    let syslog = |url: &str| url.strip_prefix("syslog://").map(|host| host_and_port(host.trim_end_matches('/')));
    let log = known.log.as_deref().map(syslog);
    if let Some(Some((host, port))) = &log {
        set("log.server", Some(host.clone()));
        set("log.port", port.map(|port| port.to_string()));
    }
    if known.ports.is_some() && ports.is_none() {
        left.push("the ports for sound: there are none with these numbers".into());
    }
    if log == Some(None) {
        left.push("the log server: phones of other makers log by syslog alone".into());
    }
    if let Some(number) = known.tones.filter(|number| country(*number).is_none()) {
        left.push(format!("the tones with the number {number}"));
    }
    let zone = known.zone.as_deref().map(|posix| (posix, zone(posix)));
    match zone {
        Some((_, Some(zone))) => set("regional.time_zone", Some(zone.name().to_owned())),
        Some((posix, None)) => left.push(format!("no time zone has the rule {posix}")),
        None => {}
    }
    mapped.left_out.append(&mut left);
    mapped
}

fn line(owner: &Owner, known: &Known, sign_in: SignIn, transport: Option<Transport>) -> Line {
    let server = [known.registrar.as_deref().unwrap_or_default(), &owner.host, &owner.domain];
    let server = server.into_iter().find(|server| !server.is_empty()).unwrap_or_default();
    let (server, port) = host_and_port(server);
    let device = if owner.hwid.is_empty() { &owner.user } else { &owner.hwid };
    let (user, auth) = match sign_in {
        SignIn::NameAndDevice => (&owner.user, Some(device)),
        SignIn::Device => (device, None),
        SignIn::Name => (&owner.user, None),
    };
    Line {
        user: user.clone(),
        auth_user: auth.filter(|auth| *auth != user).cloned(),
        password: owner.password.clone(),
        display: if owner.name.is_empty() { owner.user.clone() } else { owner.name.clone() },
        server,
        port,
        transport,
        expires: None,
        voicemail: None,
        settings: Settings::NONE,
    }
}

fn host_and_port(text: &str) -> (String, Option<u16>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (host.to_owned(), Some(port)),
            Err(_) => (text.to_owned(), None),
        },
        _ => (text.to_owned(), None),
    }
}

/// The codec that Devices names first, and after it the ones that everybody has, unless it is to be alone.
fn codecs(coder: &str, exclusive: bool) -> String {
    let first = match coder.to_ascii_uppercase().as_str() {
        "G711U" => "pcmu",
        "G722" => "g722",
        "OPUS-NB" | "OPUS-WB" => "opus",
        _ => "pcma",
    };
    let others = ["g722", "pcma", "pcmu"].into_iter().filter(|other| *other != first && !exclusive);
    std::iter::once(first).chain(others).collect::<Vec<_>>().join(",")
}

/// The countries of the table that are certain.
fn country(number: u64) -> Option<&'static str> {
    match number {
        2 => Some("US"),
        9 => Some("CH"),
        15 => Some("DE"),
        18 => Some("AT"),
        _ => None,
    }
}

/// The zone with this rule; of several the one that most branches mean.
fn zone(posix: &str) -> Option<Zone> {
    const USUAL: [&str; 8] = [
        "Europe/Berlin",
        "Europe/London",
        "Europe/Athens",
        "America/New_York",
        "America/Chicago",
        "America/Denver",
        "America/Los_Angeles",
        "UTC",
    ];
    let wanted = plain(posix)?;
    let fits = |zone: &Zone| plain(zone.posix()).as_ref() == Some(&wanted);
    USUAL.into_iter().filter_map(Zone::named).find(fits).or_else(|| Zone::all().find(fits))
}

/// A rule with its defaults written out: an hour of summer time, changes at two o'clock.
fn plain(posix: &str) -> Option<String> {
    let mut parts = posix.trim().split(',');
    let names = parts.next()?;
    let at = |text: &str| text.find(|c: char| c.is_ascii_digit() || c == '-' || c == '+');
    let start = if names.starts_with('<') { names.find('>')? + 1 } else { at(names)? };
    let (standard, rest) = names.split_at(start);
    let end = rest.find(|c: char| c.is_ascii_alphabetic() || c == '<').unwrap_or(rest.len());
    let (offset, summer) = rest.split_at(end);
    let minutes = minutes(offset)?;
    if summer.is_empty() {
        return Some(format!("{standard}{minutes}"));
    }
    let (name, summer_offset) = match summer.strip_prefix('<') {
        Some(inner) => inner.split_once('>')?,
        None => summer.split_at(at(summer).unwrap_or(summer.len())),
    };
    let saved = if summer_offset.is_empty() { minutes - 60 } else { self::minutes(summer_offset)? };
    let mut text = format!("{standard}{minutes}{name}{saved}");
    for part in parts {
        let (day, time) = part.split_once('/').unwrap_or((part, "2"));
        text += &format!(",{day}/{}", self::minutes(time)?);
    }
    Some(text)
}

/// `-1`, `+05:30`, `2:00:00` in minutes.
fn minutes(text: &str) -> Option<i32> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.trim_start_matches('+')),
    };
    let mut numbers = digits.split(':').map(|part| part.parse::<i32>().ok().filter(|n| (0..=167).contains(n)));
    let hours = numbers.next()??;
    let minutes = numbers.next().unwrap_or(Some(0))?;
    Some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner {
            user: "ann".into(),
            name: "Ann Example".into(),
            password: Secret::new("p"),
            hwid: "hw-1".into(),
            domain: "example.com".into(),
            host: "pbx.example.com".into(),
        }
    }

    fn known() -> Known {
        Known {
            registrar: Some("10.0.0.5:5080".into()),
            backup: Some("10.0.0.6".into()),
            coder: Some("OPUS-WB".into()),
            frame: Some(20),
            srtp: Some(2),
            tones: Some(15),
            tos_rtp: Some(0xb8),
            tos_sig: Some(0x68),
            ports: Some((16_384, 512)),
            time: [Some("10.0.0.7".into()), None],
            zone: Some("CET-1CEST-2,M3.5.0/2,M10.5.0/3".into()),
            log: Some("syslog://10.0.0.8:1514/".into()),
            ..Known::default()
        }
    }

    fn text(mapped: &Mapped, key: &str) -> Option<String> {
        mapped.settings.get(key).and_then(|value| value.to_text())
    }

    #[test]
    fn everything_that_has_a_like_is_taken_over() {
        let mapped = map(&owner(), &known(), SignIn::NameAndDevice, &Settings::NONE, None);
        let line = &mapped.line;
        assert_eq!(
            (line.user.as_str(), line.auth_user.as_deref(), line.display.as_str()),
            ("ann", Some("hw-1"), "Ann Example")
        );
        assert_eq!((line.server.as_str(), line.port), ("10.0.0.5", Some(5080)));
        for (key, value) in [
            ("line.backup_server", "10.0.0.6"),
            ("line.codecs", "opus,g722,pcma,pcmu"),
            ("line.packet_time", "20"),
            ("line.srtp", "optional"),
            ("regional.tone_country", "DE"),
            ("regional.time_zone", "Europe/Berlin"),
            ("network.media_dscp", "46"),
            ("network.sip_dscp", "26"),
            ("network.media_first_port", "16384"),
            ("network.media_last_port", "16895"),
            ("clock.server", "10.0.0.7"),
            ("log.server", "10.0.0.8"),
            ("log.port", "1514"),
        ] {
            assert_eq!(text(&mapped, key).as_deref(), Some(value), "{key}");
        }
        assert_eq!(mapped.left_out, Vec::<String>::new());
    }

    #[test]
    fn what_devices_says_nothing_about_stays() {
        let before = Settings::NONE.with("regional.language", "de").unwrap().with("line.codecs", "g722").unwrap();
        let mapped = map(&owner(), &Known::default(), SignIn::Name, &before, Some(Transport::Tls));
        assert_eq!(mapped.settings, before);
        assert_eq!((mapped.line.server.as_str(), mapped.line.auth_user.as_deref()), ("pbx.example.com", None));
        let nowhere = Owner { host: String::new(), ..owner() };
        assert_eq!(map(&nowhere, &Known::default(), SignIn::Device, &before, None).line.server, "example.com");
        assert_eq!(map(&owner(), &Known::default(), SignIn::Device, &before, None).line.user, "hw-1");
    }

    #[test]
    fn what_makes_no_sense_is_left_out_and_said() {
        let odd = Known {
            zone: Some("XYZ-99".into()),
            time: [Some("no host!".into()), None],
            ports: Some((70_000, 9)),
            frame: Some(80),
            tones: Some(7),
            log: Some("http://user:password@10.0.0.8/log".into()),
            ..known()
        };
        let mapped = map(&owner(), &odd, SignIn::Name, &Settings::NONE, None);
        assert_eq!(mapped.left_out.len(), 6, "{:?}", mapped.left_out);
        assert!(!mapped.left_out.concat().contains("user:password"), "{:?}", mapped.left_out);
        assert_eq!(text(&mapped, "network.media_first_port"), None);
    }

    #[test]
    fn rules_are_the_same_however_they_are_written() {
        for (rule, name) in [
            ("CET-1CEST-2,M3.5.0/2,M10.5.0/3", "Europe/Berlin"),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "Europe/Berlin"),
            ("GMT0BST,M3.5.0/1,M10.5.0", "Europe/London"),
            ("EST5EDT,M3.2.0,M11.1.0", "America/New_York"),
            ("UTC0", "UTC"),
        ] {
            assert_eq!(zone(rule).map(Zone::name), Some(name), "{rule}");
        }
        for rule in ["", "CET", "CET-1CEST", "99", "<", "CET-1CEST,x/y"] {
            assert_eq!(zone(rule).map(Zone::name), None, "{rule}");
        }
    }
}
