//! From the file as written to a configuration that can be relied on.

mod network;
mod sip;
mod text;

use std::time::Duration;

use self::text::Labels;
pub(super) use self::text::fault;
use super::error::{Fault, Warning};
use super::{Config, Listen, Log, Mode, written};

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
    let networks = network::networks(file.network)?;
    let config = Config {
        data_directory: file.data_directory.unwrap_or(defaults.data_directory),
        socket: file.socket.unwrap_or(defaults.socket),
        name: match identity.name {
            Some(name) => text::host_name(&name, Labels::One)?,
            None => defaults.name,
        },
        names: identity.names.iter().map(|name| text::host_name(name, Labels::Many)).collect::<Checked<_>>()?,
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
        sip: file.sip.map(sip::sip).transpose()?.unwrap_or_default(),
        policy: file.policy,
        log: Log {
            filter: match log.filter {
                Some(filter) => text::log_filter(filter)?,
                None => defaults.log.filter,
            },
            json: log.format == written::Format::Json,
        },
    };
    let warnings = warnings(&config);
    Ok((config, warnings))
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
