use toml::Spanned;

use super::check::{Checked, fault};
use super::written::{self, OptionKind};
use super::{CustomOption, Scope};
use crate::sys::hex;

/// Options that the server answers for itself: message type, lease, addresses of the network, and what is framed by
/// the protocol. To set one of them here would contradict the rest of the answer.
const OWN: [u8; 14] = [0, 1, 3, 50, 51, 52, 53, 54, 55, 57, 61, 80, 82, 255];

/// Options by which phones find their configuration and others their boot server or portal: they are for phones.
const PHONES: [u8; 13] = [43, 66, 67, 108, 114, 120, 125, 150, 159, 160, 161, 176, 242];

/// Checks an option that the administrator sets.
pub(super) fn option(written: Spanned<written::CustomOption>) -> Checked<CustomOption> {
    let span = written.span();
    let written = written.into_inner();
    let code = written.code;
    if OWN.contains(&code) {
        return fault(&span, format!("option {code} is the server's own and cannot be set here"));
    }
    let Some(value) = bytes(written.kind, &written.value) else {
        return fault(&span, format!("option {code}: {}", expected(written.kind)));
    };
    if !(1..=255).contains(&value.len()) {
        return fault(&span, format!("option {code} holds 1 to 255 bytes, not {}", value.len()));
    }
    let scope = match (written.brand, written.model, written.mac) {
        (None, None, None) if PHONES.contains(&code) => {
            return fault(
                &span,
                format!("option {code} means something else to other devices: name the brand, model or mac it is for"),
            );
        }
        (None, None, None) => Scope::Network,
        (Some(brand), None, None) => Scope::Brand(brand.to_lowercase()),
        (None, Some(model), None) => Scope::Model(model),
        (None, None, Some(mac)) => Scope::Phone(mac.parse().or_else(|error| fault(&span, format!("{error}")))?),
        _ => return fault(&span, format!("option {code} is for one of brand, model and mac, not for several")),
    };
    Ok(CustomOption { code, value, scope })
}

fn bytes(kind: OptionKind, value: &toml::Value) -> Option<Vec<u8>> {
    let address = |value: &toml::Value| value.as_str()?.parse::<std::net::Ipv4Addr>().ok();
    Some(match kind {
        OptionKind::Ip => address(value)?.octets().to_vec(),
        OptionKind::IpList => {
            let list = value.as_array()?.iter().map(address).collect::<Option<Vec<_>>>()?;
            list.iter().flat_map(std::net::Ipv4Addr::octets).collect()
        }
        OptionKind::Text => value.as_str()?.as_bytes().to_vec(),
        OptionKind::U8 => vec![u8::try_from(value.as_integer()?).ok()?],
        OptionKind::U16 => u16::try_from(value.as_integer()?).ok()?.to_be_bytes().to_vec(),
        OptionKind::U32 => u32::try_from(value.as_integer()?).ok()?.to_be_bytes().to_vec(),
        OptionKind::Hex => octets(value.as_str()?)?,
        OptionKind::Bool => vec![u8::from(value.as_bool()?)],
    })
}

/// Pairs of digits, with or without separators.
fn octets(text: &str) -> Option<Vec<u8>> {
    hex::decode(&text.replace([':', ' ', '-'], ""))
}

fn expected(kind: OptionKind) -> &'static str {
    match kind {
        OptionKind::Ip => "an \"ip\" is an address in quotes, as in \"10.66.0.1\"",
        OptionKind::IpList => "an \"ip-list\" is a list of addresses, as in [\"10.66.0.1\", \"10.66.0.2\"]",
        OptionKind::Text => "a \"text\" is in quotes",
        OptionKind::U8 => "a \"u8\" is a number from 0 to 255",
        OptionKind::U16 => "a \"u16\" is a number from 0 to 65535",
        OptionKind::U32 => "a \"u32\" is a number from 0 to 4294967295",
        OptionKind::Hex => "a \"hex\" is pairs of hexadecimal digits, as in \"01:02:ff\"",
        OptionKind::Bool => "a \"bool\" is true or false",
    }
}
