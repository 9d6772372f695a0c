//! Where phones register, and the gateway that is asked about them.

use std::net::{IpAddr, SocketAddr};

use toml::Spanned;

use super::super::{Sip, written};
use super::Checked;
use super::text::fault;
use crate::model::{Secret, Transport};
use crate::partners::gateway_snmp::{Access, Digest};

pub(super) fn sip(written: written::Sip) -> Checked<Sip> {
    Ok(Sip {
        proxy: written.proxy.map(|text| place(&text)).transpose()?,
        registrar: written.registrar.map(|text| place(&text)).transpose()?,
        realms: written.realms,
        resync_on_change: written.resync_on_change,
        snmp: written.snmp.map(snmp).transpose()?,
    })
}

fn snmp(written: Spanned<written::Snmp>) -> Checked<Access> {
    let span = written.span();
    let written = written.into_inner();
    let community = || match &written.community {
        Some(community) if !community.is_empty() => Ok(Secret::new(community.as_str())),
        _ => fault(&span, "versions 1 and 2c need a community".into()),
    };
    match written.version.as_str() {
        "1" => Ok(Access::V1 { community: community()? }),
        "2c" => Ok(Access::V2c { community: community()? }),
        "3" => {
            let long = |password: Option<String>| password.filter(|password| password.len() >= 8).map(Secret::new);
            let privacy = match (written.privacy, written.privacy_password) {
                (None, None) => None,
                (Some(kind), Some(password)) if password.len() >= 8 => Some((kind, Secret::new(password))),
                _ => return fault(&span, "privacy needs a privacy-password of eight characters or more".into()),
            };
            match (written.user, long(written.password)) {
                (Some(user), Some(password)) => {
                    Ok(Access::V3 { user, digest: written.digest.unwrap_or(Digest::Sha1), password, privacy })
                }
                _ => fault(&span, "version 3 needs a user and a password of eight characters or more".into()),
            }
        }
        other => fault(&span, format!("\"{other}\" is no version of SNMP; the versions are \"1\", \"2c\" and \"3\"")),
    }
}

/// `10.66.0.5`, `udp:10.66.0.5:5060`, `tls:[fd00::5]`.
fn place(text: &Spanned<String>) -> Checked<(Transport, SocketAddr)> {
    let written = text.get_ref().as_str();
    let transports = [("udp:", Transport::Udp), ("tcp:", Transport::Tcp), ("tls:", Transport::Tls)];
    let named = transports.iter().find_map(|(name, transport)| Some((*transport, written.strip_prefix(name)?)));
    let (transport, place) = named.unwrap_or((Transport::Udp, written));
    let port = if transport == Transport::Tls { 5061 } else { 5060 };
    let alone = || place.trim_matches(['[', ']']).parse().ok().map(|address: IpAddr| SocketAddr::new(address, port));
    match place.parse().ok().or_else(alone) {
        Some(address) => Ok((transport, address)),
        None => fault(
            &text.span(),
            format!(
                "\"{written}\" is no place of a proxy or registrar; write its transport, address and port, as in \"udp:10.66.0.5:5060\""
            ),
        ),
    }
}
