use std::net::IpAddr;

use super::super::manifest::{self, OptionValue};
use super::answer::{DhcpForm, DhcpQuery, Omission};
use super::text::{Text, ports, voice_vlan};

/// What an option holds, checked.
#[derive(Debug)]
pub(super) enum Value {
    Text(Text),
    Address,
    Octets(Vec<u8>),
    /// The number of the voice VLAN in so many octets: 1, 2 or 4.
    VoiceVlan(usize),
    SubOptions {
        /// For the form of RFC 3925.
        enterprise: Option<u32>,
        list: Vec<SubOption>,
    },
}

#[derive(Debug)]
pub(super) struct SubOption {
    number: u8,
    value: Value,
    asks_at: Vec<u16>,
}

/// The most that an option or sub-option holds: its length is one octet.
pub(super) const LONGEST: usize = 255;

impl Value {
    pub(super) fn read(written: &OptionValue) -> Result<Self, String> {
        let value = match written {
            OptionValue::Text(text) => Self::Text(Text::read(text)?),
            OptionValue::Address => Self::Address,
            OptionValue::Octets(hex) => Self::Octets(octets(hex)?),
            OptionValue::VoiceVlan(octets @ (1 | 2 | 4)) => Self::VoiceVlan(usize::from(*octets)),
            OptionValue::VoiceVlan(octets) => return Err(format!("no number is written in {octets} octets")),
            OptionValue::SubOptions(list) => Self::SubOptions { enterprise: None, list: sub_options(list)? },
            OptionValue::Enterprise(enterprise) => {
                let list = sub_options(&enterprise.sub_options)?;
                Self::SubOptions { enterprise: Some(enterprise.number), list }
            }
        };
        match value.least() {
            0 => Err("there is nothing in it".into()),
            least if least > LONGEST => Err(format!("at least {least} bytes, and {LONGEST} fit")),
            _ => Ok(value),
        }
    }

    /// Bytes that it has at least.
    pub(super) fn least(&self) -> usize {
        match self {
            Self::Text(text) => text.least().max(1),
            Self::Address => 4,
            Self::Octets(octets) => octets.len(),
            Self::VoiceVlan(octets) => *octets,
            Self::SubOptions { list, .. } => {
                list.iter().filter(|sub| !sub.value.depends()).map(|sub| 2 + sub.value.least()).sum::<usize>().max(1)
            }
        }
    }

    pub(super) fn form(&self) -> DhcpForm {
        match self {
            Self::Text(_) => DhcpForm::Text,
            Self::Address => DhcpForm::Addresses,
            Self::Octets(_) | Self::VoiceVlan(_) | Self::SubOptions { .. } => DhcpForm::Octets,
        }
    }

    /// Whether it says anything that is not the same for everybody.
    fn depends(&self) -> bool {
        match self {
            Self::Text(text) => text.has_places(),
            Self::Octets(_) => false,
            Self::Address | Self::VoiceVlan(_) => true,
            Self::SubOptions { list, .. } => list.iter().any(|sub| sub.value.depends()),
        }
    }

    /// Whether a phone that has only this knows the host and not the port.
    fn names_a_bare_host(&self) -> bool {
        match self {
            Self::Text(text) => text.names_the_host(),
            Self::Address => true,
            Self::Octets(_) | Self::VoiceVlan(_) => false,
            Self::SubOptions { list, .. } => {
                list.iter().any(|sub| sub.asks_at.is_empty() && sub.value.names_a_bare_host())
            }
        }
    }

    fn carries_the_port(&self) -> bool {
        match self {
            Self::Text(text) => text.carries_the_port(),
            Self::Address | Self::Octets(_) | Self::VoiceVlan(_) => false,
            Self::SubOptions { list, .. } => list.iter().any(|sub| sub.value.carries_the_port()),
        }
    }

    /// Whether it is about the VLAN.
    pub(super) fn names_the_vlan(&self) -> bool {
        match self {
            Self::Text(text) => text.names_the_vlan(),
            Self::VoiceVlan(_) => true,
            Self::Address | Self::Octets(_) => false,
            Self::SubOptions { list, .. } => list.iter().any(|sub| sub.value.names_the_vlan()),
        }
    }

    /// Whether a phone that reads this finds the box.
    pub(super) fn reaches(&self, asks_at: &[u16], query: &DhcpQuery<'_>) -> Result<(), Omission> {
        if !asks_at.is_empty() {
            let answers = |port: &u16| [query.at.http, query.at.https].contains(port) || query.also.contains(port);
            return match asks_at.iter().any(answers) {
                true => Ok(()),
                false => Err(Omission::NothingThere(asks_at.to_vec())),
            };
        }
        match ports(query) {
            (port, usual) if port != usual && self.names_a_bare_host() && !self.carries_the_port() => {
                Err(Omission::UnusualPort { port, usual })
            }
            _ => Ok(()),
        }
    }

    /// Its bytes, at most [`LONGEST`].
    pub(super) fn say(&self, query: &DhcpQuery<'_>) -> Result<Vec<u8>, Omission> {
        let said = match self {
            Self::Text(text) => text.say(query)?.into_bytes(),
            Self::Address => match query.at.host {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(_) => return Err(Omission::NotIpv4),
            },
            Self::Octets(octets) => octets.clone(),
            Self::VoiceVlan(octets) => number(*octets, voice_vlan(query)?),
            Self::SubOptions { enterprise, list } => {
                let said = say_all(list, query)?;
                match enterprise {
                    None => said,
                    Some(enterprise) => {
                        let length = u8::try_from(said.len())
                            .map_err(|_| Omission::TooLong { length: said.len(), longest: LONGEST })?;
                        [&enterprise.to_be_bytes()[..], &[length], &said].concat()
                    }
                }
            }
        };
        match said.len() {
            0 => Err(Omission::Empty),
            length if length > LONGEST => Err(Omission::TooLong { length, longest: LONGEST }),
            _ => Ok(said),
        }
    }
}

/// The sub-options that have something to say. One that has not is left out alone; when that leaves nothing but what is
/// the same for everybody, there is nothing to say.
fn say_all(list: &[SubOption], query: &DhcpQuery<'_>) -> Result<Vec<u8>, Omission> {
    let mut said = Vec::new();
    let mut depends = false;
    let mut missing = None;
    for sub in list {
        // Where the phone finds the port is a matter of the whole option.
        let reached = if sub.asks_at.is_empty() { Ok(()) } else { sub.value.reaches(&sub.asks_at, query) };
        match reached.and_then(|()| sub.value.say(query)) {
            Ok(value) => {
                let length = u8::try_from(value.len())
                    .map_err(|_| Omission::TooLong { length: value.len(), longest: LONGEST })?;
                said.extend([sub.number, length]);
                said.extend(value);
                depends |= sub.value.depends();
            }
            Err(because @ (Omission::Empty | Omission::NoVoiceVlan | Omission::NothingThere(_))) => {
                missing.get_or_insert(because);
            }
            Err(because) => return Err(because),
        }
    }
    match missing {
        Some(because) if !depends => Err(because),
        _ => Ok(said),
    }
}

fn number(octets: usize, value: u16) -> Vec<u8> {
    let wide = u32::from(value).to_be_bytes();
    wide.get(wide.len() - octets..).unwrap_or_default().to_vec()
}

fn sub_options(list: &[manifest::SubOption]) -> Result<Vec<SubOption>, String> {
    let read = |sub: &manifest::SubOption| {
        let about = |what: String| format!("sub-option {}: {what}", sub.number);
        if sub.number == 0 || sub.number == 255 {
            return Err(about("0 and 255 have a meaning of their own".into()));
        }
        if list.iter().filter(|other| other.number == sub.number).count() > 1 {
            return Err(about("it stands twice".into()));
        }
        let value = Value::read(&sub.value).map_err(about)?;
        match value {
            Value::SubOptions { .. } => Err(about("it holds sub-options of its own".into())),
            _ => Ok(SubOption { number: sub.number, value, asks_at: sub.asks_at.clone() }),
        }
    };
    list.iter().map(read).collect()
}

fn octets(hex: &str) -> Result<Vec<u8>, String> {
    let wrong = || format!("{hex:?} is not hexadecimal");
    if !hex.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let pair = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    (0..hex.len()).step_by(2).map(pair).collect::<Option<_>>().ok_or_else(wrong)
}
