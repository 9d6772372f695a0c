//! The configuration file: what is taken can be relied on, and the engine can be run on it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use block66::config::{Config, Mode};
use block66::dhcp::{Conduct, Engine, Knowledge, Network, Request};
use block66::model::{Now, Timestamp};

/// Checks one file.
pub fn hold(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let path = Path::new("block66.toml");
    let read = Config::parse(text, path);
    let (config, warnings) = match read {
        Ok(read) => read,
        Err(error) => {
            let said = error.to_string();
            assert!(said.starts_with("block66.toml"), "the error names no file: {said}");
            return false;
        }
    };
    warnings.iter().for_each(|warning| assert!(!warning.to_string().is_empty()));
    let mut answering = BTreeSet::new();
    for network in &config.networks {
        let first = network.dhcp.mode == Mode::Off || answering.insert(&network.interface);
        assert!(first, "a second DHCP server on {}", network.interface);
        let net = network.subnet;
        assert_eq!(net, net.trunc());
        let hosts = |address| net.contains(&address) && address != net.network() && address != net.broadcast();
        assert!(network.gateway.is_none_or(hosts), "{:?} is outside {net}", network.gateway);
        assert!((20..=31_536_000).contains(&network.dhcp.lease_time.as_secs()));
        for kept in &network.dhcp.reservations {
            assert!(hosts(kept.address) && kept.mac.is_unicast(), "{kept:?}");
        }
        if let Some(pool) = network.dhcp.pool {
            assert!(hosts(pool.first) && hosts(pool.last) && pool.first <= pool.last, "{pool:?} in {net}");
            assert!(network.gateway.is_none_or(|gateway| !pool.contains(gateway)));
        }
        if matches!(network.dhcp.mode, Mode::Full | Mode::PhonesOnly) {
            assert!(network.dhcp.pool.is_some() && network.gateway.is_some() && !network.dns.is_empty());
        }
        let server = net.hosts().next().unwrap_or(net.network());
        // A pool of millions is right, and takes a while to lay out.
        for facts in Network::of(network, server) {
            if u32::from(facts.subnet.last) - u32::from(facts.subnet.first) >= 4096 {
                continue;
            }
            assert!(facts.subnet.net.contains(&facts.subnet.first) && facts.subnet.net.contains(&facts.subnet.last));
            let facts = Network { conduct: Conduct::Full { sole: true }, ..facts };
            let now = Now { monotonic: Duration::ZERO, wall: Timestamp::from_secs(1_700_000_000), trusted: true };
            let decision = Engine::new(facts, Vec::new(), now).handle(&discover(), &Knowledge::default(), now);
            assert!(decision.reply.is_some() || decision.silence.is_some() || decision.probe.is_some());
        }
    }
    true
}

fn discover() -> Request {
    let mut packet = vec![1, 1, 6, 0];
    packet.resize(236, 0);
    packet[28..34].copy_from_slice(&[0x80, 0x5e, 0xc0, 0, 0, 1]);
    packet.extend([99, 130, 83, 99, 53, 1, 1, 255]);
    Request::decode(&packet).expect("a plain DISCOVER")
}
