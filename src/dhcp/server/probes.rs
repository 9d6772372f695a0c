use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::{Batch, Server};
use crate::dhcp::request::Request;
use crate::model::{Mac, Now};

/// How long an answer to a probe is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// The most addresses that are probed at once.
const MOST: usize = 256;

/// Addresses that are being probed, each with the request that waits for it.
#[derive(Debug, Default)]
pub(super) struct Probes(HashMap<Ipv4Addr, Probe>);

#[derive(Debug)]
struct Probe {
    request: Request,
    deadline: Duration,
}

impl Probes {
    /// When the next one is over.
    pub(super) fn next(&self) -> Duration {
        self.0.values().map(|probe| probe.deadline).min().unwrap_or(Duration::MAX)
    }
}

impl Server {
    pub(super) fn begin_probe(&mut self, address: Ipv4Addr, request: Request, now: Now) {
        // A client that asks again while its address is probed changes nothing.
        if self.probes.0.len() >= MOST || self.probes.0.contains_key(&address) {
            return;
        }
        match self.link.probe(address) {
            Ok(()) => {
                self.probes.0.insert(address, Probe { request, deadline: now.monotonic + PATIENCE });
            }
            Err(error) => tracing::warn!(network = self.config.name, %address, %error, "probing an address"),
        }
    }

    /// `mac` was heard to have `address`: the answer to a probe, or somebody who has it without asking.
    pub(super) fn hear_address(&mut self, address: Ipv4Addr, mac: Mac, batch: &mut Batch) {
        let now = self.parts.clock.now();
        let Some(probe) = self.probes.0.remove(&address) else {
            let decision = self.segments.heard(address, mac, now);
            return self.take(decision, batch);
        };
        let decision = self.segments.found_used(address, mac, now);
        self.take(decision, batch);
        self.decide(probe.request, batch);
    }

    /// Goes on with the requests whose probes nobody answered.
    pub(super) fn end_probes(&mut self, batch: &mut Batch) {
        let now = self.parts.clock.now().monotonic;
        let over: Vec<_> = self.probes.0.extract_if(|_, probe| probe.deadline <= now).collect();
        for (address, probe) in over {
            self.segments.found_unused(address);
            self.decide(probe.request, batch);
        }
    }
}
