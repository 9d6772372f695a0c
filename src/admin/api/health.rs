use std::net::Ipv4Addr;
use std::time::Duration;

use hyper::StatusCode;
use ipnet::Ipv4Net;

use crate::admin::answer::Answer;
use crate::admin::problem::Problem;
use crate::admin::{Admin, types};
use crate::config::Network;
use crate::dhcp::Order;
use crate::steward;
use crate::sys::interfaces::{self, Link};

/// How long the store may take to say that it took something.
const PATIENCE: Duration = Duration::from_secs(10);

impl Admin {
    /// Whether store and DHCP answer. A disk that takes nothing and a cable that is pulled out are no faults of a version.
    pub(super) async fn api_health(&self) -> Result<Answer, Problem> {
        let facts = &self.0.facts;
        let faults = self.faults().await;
        let vitals = types::Vitals { name: facts.name.clone(), https: facts.ports.https, faults };
        Ok(Answer::json(StatusCode::OK, &vitals))
    }

    /// What keeps the box from serving phones, a sentence each.
    pub(in crate::admin) async fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        match tokio::time::timeout(PATIENCE, self.0.store.commit(Vec::new())).await {
            Ok(Err(error)) if !error.is_of_the_disk() => faults.push(format!("The store does not answer: {error}.")),
            Ok(_) => {}
            Err(_) => faults.push("The store does not answer in time.".to_owned()),
        }
        // Where none is configured, they are those that were found.
        if self.0.facts.networks.is_empty() && matches!(interfaces::lead_out(), Ok(false)) {
            faults.push("This box has no network interface.".to_owned());
        }
        for network in &self.0.facts.networks {
            match Way::to(network).and_then(|way| way.leads_somewhere(network)) {
                Ok(false) => {}
                // Its own thread has to say so: what it showed before says nothing about now.
                Ok(true) => {
                    if self.order(&network.name, Order::Answer).await.is_err() {
                        faults.push(format!("DHCP does not answer on the network {}.", network.name));
                    }
                }
                Err(fault) => faults.push(fault),
            }
        }
        faults
    }
}

/// How the box stands in a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Way {
    link: Link,
    /// The box's own address in it.
    own: Option<Ipv4Addr>,
    /// The address that somebody gave the interface for good.
    set: Option<Ipv4Net>,
}

impl Way {
    fn to(network: &Network) -> Result<Self, String> {
        let look = || {
            let link = interfaces::link(&network.interface)?;
            Ok((link, interfaces::address_in(&network.interface, network.subnet)?))
        };
        let (link, own) =
            look().map_err(|error: std::io::Error| format!("The interfaces of this box cannot be read: {error}."))?;
        Ok(Self { link, own, set: steward::set_address(&network.interface) })
    }

    /// Whether DHCP is to answer there. An address that the LAN's own server gives may come late or never, and a cable
    /// may be out: then it need not. An interface that is gone, or stays without the address that was set, is a fault.
    fn leads_somewhere(self, network: &Network) -> Result<bool, String> {
        let Network { name, interface, subnet, .. } = network;
        match (self.link, self.own) {
            (Link::Missing, _) => {
                Err(format!("There is no interface {interface}, which the network {name} is behind."))
            }
            (_, Some(_)) => Ok(true),
            (Link::There, None) => match self.set.filter(|set| subnet.contains(&set.addr())) {
                Some(set) => Err(format!("The interface {interface} has not got its address {}.", set.addr())),
                None => Ok(false),
            },
            (Link::Unplugged, None) => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_cable_is_no_fault_and_an_interface_that_is_gone_is_one() {
        let text = "[[network]]\nname = \"office\"\ninterface = \"eth0\"\nsubnet = \"10.66.0.0/24\"\n";
        let (config, _) = Config::parse(text, "block66.toml".as_ref()).unwrap();
        let network = config.networks.first().unwrap();
        let set = |net: &str| Some(net.parse().unwrap());
        let own = Some(Ipv4Addr::new(10, 66, 0, 1));
        for (link, own, set, expected) in [
            (Link::There, own, None, Ok(true)),
            (Link::There, own, set("10.66.0.1/24"), Ok(true)),
            (Link::There, None, None, Ok(false)),
            (Link::There, None, set("192.168.1.2/24"), Ok(false)),
            (Link::There, None, set("10.66.0.1/24"), Err("eth0 has not got its address 10.66.0.1")),
            (Link::Unplugged, None, set("10.66.0.1/24"), Ok(false)),
            (Link::Unplugged, None, None, Ok(false)),
            (Link::Missing, None, None, Err("no interface eth0")),
            (Link::Missing, None, set("10.66.0.1/24"), Err("no interface eth0")),
        ] {
            let found = Way { link, own, set }.leads_somewhere(network);
            match (&found, expected) {
                (Ok(found), Ok(expected)) if *found == expected => {}
                (Err(found), Err(expected)) if found.contains(expected) => {}
                _ => panic!("{link:?} {own:?} {set:?}: {found:?}"),
            }
        }
    }
}
