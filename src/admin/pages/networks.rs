//! The page of networks: what is done there, the addresses, and who is there.

use std::collections::BTreeMap;

use minijinja::{Value, context};

use super::address_plan::{Use, strip};
use super::render::{Frame, segment, value};
use crate::admin::Admin;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::admin::types;
use crate::config::Network;
use crate::model::{Lease, LeaseState, Timestamp};

/// Leases on one page.
const ROWS: usize = 200;
/// Phones that are here and never came to the box: the most that are shown.
const STRANGERS: usize = 50;

impl Admin {
    pub(in crate::admin) fn networks_page(&self, call: &Call, frame: &Frame) -> Result<String, Problem> {
        let offset = usize::try_from(call.query.number("offset")?.unwrap_or_default()).unwrap_or_default();
        let of = call.query.of("of").unwrap_or_default();
        self.networks_shown(frame, &self.dhcp(), &self.sightings(), (of, offset))
    }

    /// The page, with the leases of the network called `of` from `offset` on, and of the others from their first.
    pub(in crate::admin) fn networks_shown(
        &self,
        frame: &Frame,
        dhcp: &types::Dhcp,
        sightings: &types::Sightings,
        (of, offset): (&str, usize),
    ) -> Result<String, Problem> {
        let now = self.0.clock.now().wall;
        let addresses = (self.0.facts.addresses)();
        let networks: Vec<Value> = self
            .0
            .facts
            .networks
            .iter()
            .map(|network| {
                let own = addresses.iter().find_map(|address| match address {
                    std::net::IpAddr::V4(v4) if network.subnet.contains(v4) => Some(*v4),
                    _ => None,
                });
                let shown = self.network(network, own, now);
                let mut used: BTreeMap<_, _> = own.map(|own| (own, Use::Box)).into_iter().collect();
                let aside = dhcp.networks.iter().find(|view| view.network == network.name);
                for address in aside.into_iter().flat_map(|view| &view.abandoned) {
                    used.extend(address.address.parse().ok().map(|address| (address, Use::Aside)));
                }
                let leases = self.0.store.leases(&network.name);
                used.extend(leases.iter().filter_map(|lease| Some((lease.address, self.use_of(lease, now)?))));
                let from = if of == network.name { offset.min(leases.len()) } else { 0 };
                self.network_shown(network, &shown, &leases, (from, now), &strip(network, &used))
            })
            .collect();
        let content = context! {
            networks,
            dhcp => value(dhcp),
            strangers => value(&strangers(sightings)),
            missing => value(&sightings.missing),
        };
        self.0.pages.render("networks.html", frame, "networks", true, content)
    }

    fn use_of(&self, lease: &Lease, now: Timestamp) -> Option<Use> {
        match lease.state {
            LeaseState::Declined => Some(Use::Aside),
            LeaseState::Bound if lease.expires > now => {
                Some(if self.0.store.listed(lease.mac).is_some() { Use::Phone } else { Use::Other })
            }
            LeaseState::Bound | LeaseState::Released => None,
        }
    }

    fn network_shown(
        &self,
        network: &Network,
        shown: &types::Network,
        leases: &[Lease],
        (from, now): (usize, Timestamp),
        runs: &[super::address_plan::Run],
    ) -> Value {
        let rows: Vec<types::Lease> = leases
            .iter()
            .skip(from)
            .take(ROWS)
            .map(|lease| crate::admin::reading::gather::lease(&network.name, lease, self.phone_name(lease.mac), now))
            .collect();
        let page = |offset: usize| format!("/networks?of={}&offset={offset}", segment(&network.name));
        context! {
            name => network.name.as_str(),
            interface => network.interface.as_str(),
            subnet => network.subnet.to_string(),
            says => shown.says.as_str(),
            given => shown.leases,
            pool => shown.pool_size,
            first => network.subnet.network().to_string(),
            last => network.subnet.broadcast().to_string(),
            runs => value(&runs),
            leases => value(&rows),
            lease_count => leases.len(),
            earlier => (from > 0).then(|| page(from.saturating_sub(ROWS))),
            later => (from + rows.len() < leases.len()).then(|| page(from + ROWS)),
        }
    }
}

/// Phones that are here and never asked this box for anything.
pub(in crate::admin) fn strangers(sightings: &types::Sightings) -> Vec<&types::Seen> {
    let here = sightings.seen.iter().filter(|seen| !seen.came_to_us && (seen.phone || seen.listed.is_some()));
    here.take(STRANGERS).collect()
}
