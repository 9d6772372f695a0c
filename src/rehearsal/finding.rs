use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outcome::Said;
use super::play::Played;
use crate::model::{Reason, as_sentence};
use crate::phonesim::{Fault, Stage};

/// The first thing that would stop a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What kind of thing it is.
    pub code: Stop,
    /// Where on the way: `dhcp`, `time`, `bootstrap`, `ca`, `https`, `resources` or `in service`.
    pub at: String,
    /// What the phone sees, as a sentence.
    pub says: String,
    /// What to do about it.
    pub next: String,
    /// What the box knows better than the phone: the last sentence of `says`.
    #[serde(skip)]
    pub(super) because: Option<Reason>,
}

/// Kinds of things that stop phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stop {
    /// This box answers the phone nothing by DHCP.
    DhcpSilent,
    /// DHCP tells the phone nothing that it can use, or somebody else's address.
    WrongOption,
    /// The phone's clock stays wrong, so that it believes no certificate.
    Clock,
    /// The box's port cannot be reached.
    Firewall,
    /// The phone is too old for the TLS of this box.
    OldTls,
    /// TLS fails in another way.
    Tls,
    /// The phone has no CA for this box, or does not use it.
    CaNotTrusted,
    /// The login that the phone is given is not the one that the box takes.
    WrongPassword,
    /// The login that the phone is given is of another organisation.
    WrongOrganisation,
    /// No file is made for this phone.
    MissingTemplate,
    /// A file cannot be made, or the phone cannot read it or does not find in it what it needs.
    WrongFile,
    /// A picture, a sound or a book that a file names is not there.
    NoResource,
    /// The software that the phone is told to take is not there.
    NoFirmware,
    /// Everything works, and the phone has no line.
    NoLine,
    /// It came to no end in time.
    Unfinished,
}

impl Stop {
    /// Its name in the API.
    pub fn word(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(word)) => word,
            _ => String::new(),
        }
    }

    fn next(self) -> &'static str {
        match self {
            Self::DhcpSilent => {
                "Look at what DHCP does here, and why: `block66 dhcp`. Where another server gives the addresses, that one \
                 tells phones where this box is: `block66 dhcp export` prints how."
            }
            Self::WrongOption => {
                "Look at the DHCP options that are set for this phone, its model, brand and network: \
                 `block66 dhcp explain` prints what it is told, and why."
            }
            Self::Clock => {
                "Let DHCP option 42 name this box, and let UDP port 123 reach it: without the time no certificate is valid."
            }
            Self::Firewall => {
                "Let the phones' network reach this port of the box: look at firewalls on it and before it."
            }
            Self::OldTls => {
                "Update the phone's software by hand or by a roll-out over HTTP, or allow plain HTTP for its organisation."
            }
            Self::Tls => "Look into the log of the box.",
            Self::CaNotTrusted => {
                "Take what switches the check of certificates or names another CA out of the phone's settings and brand \
                 folder: the files as they come with the program give the phone the CA."
            }
            Self::WrongPassword => {
                "Take user and password of the provisioning login out of the phone's settings and its brand folder: the \
                 box gives each phone its own."
            }
            Self::WrongOrganisation => {
                "Take the other organisation's login out of the phone's settings, or move the phone to that organisation."
            }
            Self::MissingTemplate => {
                "Look at the brand folder in the data directory: it leaves out the file that this phone asks for."
            }
            Self::WrongFile => "Look at the phone's file, and at its brand folder and overrides, in which this stands.",
            Self::NoResource => "Upload what is missing, or take it out of the phone's settings.",
            Self::NoFirmware => "Upload the image or have it fetched, or stop the roll-out that names it.",
            Self::NoLine => "Give the phone a line.",
            Self::Unfinished => "Rehearse again; when that ends in the same way, look into the log of the box.",
        }
    }
}

/// The finding of what was played, with what the box said meanwhile.
pub(super) fn of(played: &Played, said: &[Said]) -> Option<Finding> {
    let finding = |code: Stop, at: Stage, says: String, because: Option<Reason>| {
        let mut says = as_sentence(&says);
        if let Some(because) = &because {
            says = format!("{says} {}", because.sentence());
        }
        Some(Finding { code, at: at.name().to_owned(), says, next: code.next().to_owned(), because })
    };
    let Some((stage, fault)) = &played.fault else {
        let reached = Stage::ALL.into_iter().rev().find(|stage| {
            played
                .report
                .as_ref()
                .is_some_and(|report| matches!(report.outcome(*stage), crate::phonesim::Outcome::Done { .. }))
        });
        let at = reached.unwrap_or(Stage::Dhcp);
        return played
            .unfinished
            .then(|| finding(Stop::Unfinished, at, "The phone came to no end in time".into(), None))?;
    };
    let code = code(*stage, fault, said);
    finding(code, *stage, fault.to_string(), because(code, said))
}

fn code(stage: Stage, fault: &Fault, said: &[Said]) -> Stop {
    let heard = |code: &str| said.iter().any(|said| said.code == code);
    match fault {
        Fault::Uninformed { .. } | Fault::NoLease => Stop::DhcpSilent,
        Fault::NoProvisioningUrl | Fault::LeaseLacks(_) | Fault::Elsewhere { .. } => Stop::WrongOption,
        Fault::BadUrl { .. } if stage <= Stage::Bootstrap => Stop::WrongOption,
        Fault::NoTimeServer | Fault::NoTime { .. } | Fault::NotYetValid { .. } | Fault::Expired { .. } => Stop::Clock,
        Fault::Unreachable { .. } | Fault::Interface(_) => Stop::Firewall,
        Fault::LoginAsked { .. } | Fault::LoginRefused { .. } | Fault::LoginUnknown { .. } => {
            if heard("http.other-organisation") { Stop::WrongOrganisation } else { Stop::WrongPassword }
        }
        Fault::UnknownAuthority { .. }
        | Fault::NoAuthority(_)
        | Fault::BadAuthority { .. }
        | Fault::TrustSwitch(_)
        | Fault::WrongName { .. } => Stop::CaNotTrusted,
        Fault::OldTls { .. } => Stop::OldTls,
        Fault::Tls { .. } => Stop::Tls,
        Fault::NoImage { .. } => Stop::NoFirmware,
        Fault::NoAccount => Stop::NoLine,
        _ if stage == Stage::Resources => Stop::NoResource,
        Fault::NotFound { .. } | Fault::NoOwnFile => Stop::MissingTemplate,
        _ => Stop::WrongFile,
    }
}

/// What the box knows better than the phone.
fn because(code: Stop, said: &[Said]) -> Option<Reason> {
    let telling: &[&str] = match code {
        Stop::WrongOrganisation => &["http.other-organisation"],
        Stop::OldTls => &["tls.too-old"],
        Stop::NoResource => &["http.resource-missing"],
        Stop::NoFirmware => &["firmware.unavailable"],
        Stop::WrongFile => &["http.render-failed"],
        _ => &[],
    };
    said.iter().rev().find(|said| telling.contains(&said.code.as_str())).and_then(|said| said.reason.clone())
}
