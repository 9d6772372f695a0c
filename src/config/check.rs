//! From the file as written to a configuration that can be relied on.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::Ipv4Net;
use toml::Spanned;

use super::error::{Fault, Warning};
use super::{Config, Dhcp, Listen, Log, Mode, Network, Pool, Reservation, Sip, Subnet, custom, written};
use crate::model::{Mac, Secret, Transport};
use crate::partners::gateway_snmp::{Access, Digest};

pub(super) type Checked<T> = Result<T, Fault>;

pub(super) fn check(file: written::File) -> Checked<(Config, Vec<Warning>)> {
    let defaults = Config::safe_defaults();
    let identity = file.identity.unwrap_or(written::Identity { name: None, names: Vec::new() });
    let listen = file.listen.unwrap_or(written::Listen {
        http: None,
        http_alternate: None,
        https: None,
        tftp: None,
        ntp: None,
        sip: None,
        sips: None,
    });
    let log = file.log.unwrap_or(written::Log { filter: None, format: written::Format::default() });
    let mut networks: Vec<Network> = Vec::new();
    let mut voice = Vec::new();
    for network in file.network {
        let span = network.span();
        let sends = network.get_ref().dhcp.as_ref().and_then(|dhcp| dhcp.voice_vlan.as_ref());
        voice.push(sends.map(Spanned::span));
        let network = self::network(network.into_inner())?;
        for other in &networks {
            if other.name == network.name {
                return fault(
                    &span,
                    format!("two networks are called \"{}\"; give each a name of its own", other.name),
                );
            }
        }
        let taken: Vec<Ipv4Net> = networks.iter().flat_map(Network::subnets).collect();
        let own: Vec<Ipv4Net> = network.subnets().collect();
        for (at, net) in own.iter().enumerate() {
            let others = taken.iter().chain(own.iter().take(at));
            if let Some(other) = others.into_iter().find(|other| other.contains(net) || net.contains(*other)) {
                return fault(&span, format!("{other} and {net} have addresses in common"));
            }
        }
        one_server_an_interface(&networks, &network, &span)?;
        networks.push(network);
    }
    voice_vlans(&networks, &voice)?;
    let config = Config {
        data_directory: file.data_directory.unwrap_or(defaults.data_directory),
        socket: file.socket.unwrap_or(defaults.socket),
        name: match identity.name {
            Some(name) => host_name(&name, Labels::One)?,
            None => defaults.name,
        },
        names: identity.names.iter().map(|name| host_name(name, Labels::Many)).collect::<Checked<_>>()?,
        listen: Listen {
            http: listen.http.unwrap_or(defaults.listen.http),
            http_alternate: listen.http_alternate,
            tftp: listen.tftp,
            https: listen.https.unwrap_or(defaults.listen.https),
            ntp: listen.ntp.unwrap_or(defaults.listen.ntp),
            sip: listen.sip.unwrap_or(defaults.listen.sip),
            sips: listen.sips.unwrap_or(defaults.listen.sips),
        },
        networks,
        sip: file.sip.map(sip).transpose()?.unwrap_or_default(),
        policy: file.policy,
        log: Log {
            filter: match log.filter {
                Some(filter) => log_filter(filter)?,
                None => defaults.log.filter,
            },
            json: log.format == written::Format::Json,
        },
    };
    let warnings = warnings(&config);
    Ok((config, warnings))
}

/// Of two DHCP servers on one interface only the first can have its port. Where one of the two answers nobody both
/// can be.
fn one_server_an_interface(networks: &[Network], network: &Network, span: &std::ops::Range<usize>) -> Checked<()> {
    let answers = |network: &Network| network.dhcp.mode != Mode::Off;
    let rival = |other: &&Network| other.interface == network.interface && answers(other) && answers(network);
    match networks.iter().find(rival) {
        Some(other) => fault(
            span,
            format!(
                "\"{}\" and \"{}\" are both on {}, where only one DHCP server can answer; make one of them a \
                 [[network.dhcp.subnet]] of the other, or give it the DHCP mode \"off\"",
                other.name, network.name, network.interface
            ),
        ),
        None => Ok(()),
    }
}

/// A phone that is sent into a VLAN where nobody serves it is lost, and one that is sent into the VLAN that it is in
/// restarts for ever.
fn voice_vlans(networks: &[Network], spans: &[Option<std::ops::Range<usize>>]) -> Checked<()> {
    let served: BTreeSet<u16> = networks
        .iter()
        .flat_map(|network| {
            network.vlan.into_iter().chain(network.dhcp.subnets.iter().filter_map(|subnet| subnet.vlan))
        })
        .collect();
    for (network, span) in networks.iter().zip(spans) {
        let (Some(vlan), Some(span)) = (network.dhcp.voice_vlan, span) else { continue };
        if network.vlan == Some(vlan) {
            return fault(
                span,
                format!("phones on \"{}\" are in VLAN {vlan} already, and would restart for ever", network.name),
            );
        }
        if !served.contains(&vlan) {
            return fault(
                span,
                format!(
                    "phones would be lost in VLAN {vlan}: the box serves nothing there; give a [[network]] or a \
                     [[network.dhcp.subnet]] behind a relay the line vlan = {vlan}"
                ),
            );
        }
    }
    Ok(())
}

/// IEEE 802.1Q: 0 and 4095 are none.
fn vlan(number: Spanned<u16>) -> Checked<u16> {
    let span = number.span();
    match number.into_inner() {
        number @ 1..=4094 => Ok(number),
        number => fault(&span, format!("{number} is not a VLAN; they go from 1 to 4094")),
    }
}

fn warnings(config: &Config) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if config.networks.is_empty() {
        warnings.push(Warning(
            "no [[network]] is configured: every network of the box is served, and no address is given".into(),
        ));
    }
    for network in &config.networks {
        let name = &network.name;
        let dhcp = &network.dhcp;
        if dhcp.mode == Mode::Off && dhcp.pool.is_some() {
            warnings.push(Warning(format!("network \"{name}\" has a pool, but its DHCP mode is \"off\"")));
        }
        if dhcp.mode == Mode::Full && dhcp.lease_time < Duration::from_secs(300) {
            warnings.push(Warning(format!("network \"{name}\": leases under 5 minutes keep phones busy renewing")));
        }
    }
    if config.policy.is_some_and(|policy| policy.plain_http) {
        warnings.push(Warning("plain-http lets passwords leave the box unencrypted".into()));
    }
    warnings
}

fn network(written: written::Network) -> Checked<Network> {
    let subnet_span = written.subnet.span();
    let subnet = written.subnet.into_inner();
    if subnet != subnet.trunc() {
        return fault(&subnet_span, format!("{subnet} is one address, not a network; write {}", subnet.trunc()));
    }
    if !(8..=30).contains(&subnet.prefix_len()) {
        return fault(
            &subnet_span,
            format!("a network needs between 8 and 30 bits, as in 10.66.0.0/24; {subnet} has not"),
        );
    }
    let gateway = written.gateway.map(|gateway| inside(gateway, subnet, "the gateway")).transpose()?;
    let dhcp = match written.dhcp {
        Some(dhcp) => self::dhcp(dhcp, subnet, gateway, &written.dns)?,
        None => Dhcp::usual(),
    };
    let interface_span = written.interface.span();
    let interface = written.interface.into_inner();
    if interface.is_empty() || interface.len() > 15 || interface.contains(['/', ' ']) {
        return fault(
            &interface_span,
            format!("\"{interface}\" cannot be an interface; names are as eth0, at most 15 characters"),
        );
    }
    Ok(Network {
        name: match written.name {
            Some(name) => short_text(name, "a network's name")?,
            None => interface.clone(),
        },
        interface,
        subnet,
        gateway,
        dns: written.dns,
        vlan: written.vlan.map(vlan).transpose()?,
        domain: written.domain.map(|domain| host_name(&domain, Labels::Many)).transpose()?,
        dhcp,
    })
}

fn sip(written: written::Sip) -> Checked<Sip> {
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

/// An administrator confirms network, pool, gateway and resolvers before the box is a LAN's DHCP server:
/// a box that guesses one of them takes the branch down.
fn dhcp(written: written::Dhcp, subnet: Ipv4Net, gateway: Option<Ipv4Addr>, dns: &[Ipv4Addr]) -> Checked<Dhcp> {
    let said = written.mode.as_ref().map(Spanned::span);
    // Where no mode is said, it is the pool that wants gateway and resolvers.
    let span = said.or_else(|| written.pool.as_ref().map(Spanned::span)).unwrap_or_default();
    let mode = written.mode.map(Spanned::into_inner).unwrap_or_default();
    let pool = written.pool.map(|text| pool(&text, subnet, gateway)).transpose()?;
    if matches!(mode, Mode::Full | Mode::PhonesOnly) || mode == Mode::Auto && pool.is_some() {
        let missing = [(pool.is_none(), "pool"), (gateway.is_none(), "gateway"), (dns.is_empty(), "dns")];
        let missing: Vec<&str> = missing.iter().filter(|(is, _)| *is).map(|(_, key)| *key).collect();
        if !missing.is_empty() {
            let keys = missing.join(" and ");
            return fault(
                &span,
                format!("mode \"{}\" needs {keys} to be set: the box never guesses them", mode.name()),
            );
        }
    }
    let lease_time = match written.lease_time {
        Some(text) => span_of_time(&text, "a lease lasts", (20, "20s"), (31_536_000, "365d"))?,
        None => Dhcp::USUAL_LEASE,
    };
    let probe_interval = match written.probe_interval {
        Some(text) => span_of_time(&text, "other servers are searched for every", (5, "5s"), (3600, "1h"))?,
        None => Dhcp::USUAL_PROBE_INTERVAL,
    };
    let quiet_time = match written.quiet_time {
        Some(text) => span_of_time(&text, "the wait for a slow server lasts", (10, "10s"), (3600, "1h"))?,
        None => Dhcp::USUAL_QUIET_TIME,
    };
    let mut macs = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    let mut reservations = Vec::new();
    for reservation in written.reservation {
        let span = reservation.mac.span();
        let mac: Mac = reservation.mac.get_ref().parse().or_else(|error| fault(&span, format!("{error}")))?;
        let address = inside(reservation.address, subnet, "a reserved address")?;
        if !macs.insert(mac) {
            return fault(&span, format!("{mac} has two reservations"));
        }
        if !addresses.insert(address) {
            return fault(&span, format!("{address} is reserved twice"));
        }
        if gateway == Some(address) {
            return fault(&span, format!("{address} is reserved, and is the gateway"));
        }
        let host_name = reservation.host_name.map(|name| host_name(&name, Labels::One)).transpose()?;
        reservations.push(Reservation { mac, address, host_name });
    }
    let subnets = written.subnet.into_iter().map(|further| self::subnet(further, dns)).collect::<Checked<Vec<_>>>()?;
    let mut options = written.option.into_iter().map(custom::option).collect::<Checked<Vec<_>>>()?;
    options.sort_by(|one, other| one.scope.cmp(&other.scope));
    let relays = written.relays;
    let voice_vlan = written.voice_vlan.map(vlan).transpose()?;
    Ok(Dhcp { mode, pool, lease_time, reservations, relays, voice_vlan, probe_interval, quiet_time, subnets, options })
}

fn subnet(written: written::Subnet, dns: &[Ipv4Addr]) -> Checked<Subnet> {
    let span = written.subnet.span();
    let net = written.subnet.into_inner();
    if net != net.trunc() || !(8..=30).contains(&net.prefix_len()) {
        return fault(
            &span,
            format!("a further subnet is a network of 8 to 30 bits, as in 10.70.0.0/24; {net} is not"),
        );
    }
    let gateway = inside(written.gateway, net, "the gateway")?;
    let pool = pool(&written.pool, net, Some(gateway))?;
    let vlan = written.vlan.map(vlan).transpose()?;
    Ok(Subnet { net, pool, gateway, dns: written.dns.unwrap_or_else(|| dns.to_vec()), vlan })
}

fn pool(text: &Spanned<String>, subnet: Ipv4Net, gateway: Option<Ipv4Addr>) -> Checked<Pool> {
    let span = text.span();
    let text = text.get_ref();
    let ends =
        text.split_once('-').and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)));
    let Some((first, last)) = ends else {
        return fault(
            &span,
            format!("\"{text}\" is not a pool; write the first and last address, as in \"10.66.0.100-10.66.0.199\""),
        );
    };
    let pool = Pool { first, last };
    if first > last {
        return fault(&span, format!("the pool ends at {last}, before it begins at {first}"));
    }
    for end in [first, last] {
        if !subnet.contains(&end) || end == subnet.network() || end == subnet.broadcast() {
            return fault(&span, format!("{end} is not an address for hosts in {subnet}"));
        }
    }
    match gateway {
        Some(gateway) if pool.contains(gateway) => fault(&span, format!("the pool holds the gateway, {gateway}")),
        _ => Ok(pool),
    }
}

fn inside(address: Spanned<Ipv4Addr>, subnet: Ipv4Net, what: &str) -> Checked<Ipv4Addr> {
    let span = address.span();
    let address = address.into_inner();
    if subnet.contains(&address) && address != subnet.network() && address != subnet.broadcast() {
        Ok(address)
    } else {
        fault(&span, format!("{what}, {address}, is not an address for hosts in {subnet}"))
    }
}

fn span_of_time(text: &Spanned<String>, what: &str, least: (u64, &str), most: (u64, &str)) -> Checked<Duration> {
    let span = text.span();
    let text = text.get_ref();
    let unit = |last: char| {
        Some(match last {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return None,
        })
    };
    let seconds = text
        .chars()
        .next_back()
        .and_then(unit)
        .and_then(|unit: u64| text.get(..text.len() - 1)?.trim().parse::<u64>().ok()?.checked_mul(unit));
    match seconds {
        Some(seconds) if (least.0..=most.0).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        Some(_) => fault(&span, format!("{what} between {} and {}; {text} is not", least.1, most.1)),
        None => {
            fault(&span, format!("\"{text}\" is not a length of time; write a number and s, m, h or d, as in \"12h\""))
        }
    }
}

enum Labels {
    One,
    Many,
}

/// RFC 1123 section 2.1: letters, digits and hyphens, none at an end, at most 63 characters a label.
fn host_name(name: &Spanned<String>, labels: Labels) -> Checked<String> {
    let text = name.get_ref().trim_end_matches('.');
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let (right, example) = match labels {
        Labels::One => (label(text), "block66"),
        Labels::Many => (text.len() <= 253 && text.split('.').all(label), "block66.branch.example"),
    };
    if right {
        Ok(text.to_ascii_lowercase())
    } else {
        fault(
            &name.span(),
            format!("\"{text}\" is not a host name; write letters, digits and hyphens, as in {example}"),
        )
    }
}

fn short_text(text: Spanned<String>, what: &str) -> Checked<String> {
    let span = text.span();
    let text = text.into_inner();
    if (1..=64).contains(&text.len()) && !text.chars().any(char::is_control) {
        Ok(text)
    } else {
        fault(&span, format!("{what} has 1 to 64 characters (fewer where they are not ASCII)"))
    }
}

fn log_filter(text: Spanned<String>) -> Checked<String> {
    let span = text.span();
    let text = text.into_inner();
    match text.parse::<tracing_subscriber::filter::Targets>() {
        Ok(_) => Ok(text),
        Err(error) => fault(
            &span,
            format!("\"{text}\" is not a log filter ({error}); write as in \"info\" or \"block66::dhcp=debug,info\""),
        ),
    }
}

pub(super) fn fault<T>(span: &std::ops::Range<usize>, what: String) -> Checked<T> {
    Err(Fault { span: span.clone(), what })
}
