//! DHCP for page and API: what is done and why, who is there, what others tell, and orders.

mod export;
mod leases;

use std::collections::{BTreeMap, HashSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::oneshot;

use super::problem::Problem;
use super::reading::standing::advice;
use super::speech::said;
use super::{Admin, types};
use crate::dhcp::{self, Conduct, Explained, Offered, Order, Player, Silence};
use crate::model::{BoxAddress, Mac, Scheme, provisioning_url};

/// How long the server of a network may take to answer an order.
const PATIENCE: Duration = Duration::from_secs(10);
/// What most phones ask for, where a client to be explained is known by its class alone.
const USUAL: [u8; 14] = [1, 3, 6, 12, 15, 42, 43, 66, 67, 120, 150, 159, 160, 161];

impl Admin {
    /// What DHCP does on every network.
    pub(super) fn dhcp(&self) -> types::Dhcp {
        let views = self.0.facts.dhcp.views();
        types::Dhcp { networks: views.iter().map(|view| self.dhcp_network(view)).collect() }
    }

    fn dhcp_network(&self, view: &dhcp::View) -> types::DhcpNetwork {
        let standing = view.standing.as_ref();
        let conduct = standing.map(|standing| standing.conduct).unwrap_or_default();
        let servers = view.memory.servers.iter().map(|(address, server)| types::DhcpServer {
            address: address.to_string(),
            seen: server.seen.to_string(),
            answers: server.answers,
        });
        let abandoned =
            view.abandoned.iter().map(|(address, mac)| types::Abandoned { address: address.to_string(), mac: *mac });
        types::DhcpNetwork {
            network: view.network.clone(),
            mode: view.mode.name().to_owned(),
            now: word(conduct).to_owned(),
            code: standing.map(|standing| standing.reason.code()).unwrap_or_default(),
            says: standing.map_or_else(
                || said(self.1, "DHCP is about to start here.").to_owned(),
                |standing| standing.reason.sentence_in(self.1),
            ),
            alarm: standing.is_some_and(|standing| standing.alarm),
            advice: standing
                .and_then(|standing| advice(&standing.reason))
                .map(|advice| said(self.1, advice).to_owned()),
            may_take_over: standing.is_some_and(|standing| standing.may_take_over),
            servers: servers.collect(),
            abandoned: abandoned.collect(),
            lost: self.lost_brands(view, conduct),
        }
    }

    /// The brands on the list whose phones do not find the box by what is done now, in a sentence each.
    fn lost_brands(&self, view: &dhcp::View, conduct: Conduct) -> Vec<String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for row in self.roster() {
            if let Some(brand) = &row.brand {
                *counts.entry(brand.to_string()).or_default() += 1;
            }
        }
        let Some(at) = self.at(&view.network) else { return Vec::new() };
        let url = provisioning_url(Scheme::Http, &at, "");
        let players = dhcp::players(&self.0.facts.registry, &at);
        let lost = counts.into_iter().filter_map(|(id, count)| {
            let brand = self.0.facts.registry.brand(&id)?;
            let phones = if count == 1 { "1 phone".to_owned() } else { format!("{count} phones") };
            let reads = players.iter().any(|player| player.name == id && player.requested.len() > 5);
            if conduct.gives_addresses() {
                return (!reads).then(|| {
                    format!(
                        "{} ({phones}) takes no address of a configuration from DHCP: set it on the phone.",
                        brand.name
                    )
                });
            }
            let asks = conduct == Conduct::InformOnly && brand.asks_by_inform;
            (!asks).then(|| {
                format!(
                    "{} ({phones}) does not find this box while it gives no addresses here. Let the other DHCP server \
                     tell them {url}; `block66 dhcp export` prints how.",
                    brand.name
                )
            })
        });
        lost.collect()
    }

    /// Where phones of a network find the box.
    fn at(&self, network: &str) -> Option<BoxAddress> {
        let subnet = self.0.facts.networks.iter().find(|known| known.name == network)?.subnet;
        let own = (self.0.facts.addresses)().into_iter().find_map(|address| match address {
            std::net::IpAddr::V4(address) if subnet.contains(&address) => Some(address),
            _ => None,
        })?;
        let ports = self.0.facts.ports;
        Some(BoxAddress { host: own.into(), http: ports.http, https: ports.https })
    }

    /// Who was noticed on the networks, and which phones of the list were not.
    pub(super) fn sightings(&self) -> types::Sightings {
        let devices = self.0.facts.dhcp.seen();
        let noticed: HashSet<Mac> = devices.iter().map(|device| device.mac).collect();
        let came = |mac: Mac| self.0.store.journey(mac).is_some_and(|journey| !journey.lights.is_empty());
        let missing = self.roster().into_iter().filter(|row| !noticed.contains(&row.mac) && !came(row.mac));
        let missing = missing.map(|row| types::Missing { mac: row.mac, name: row.name.to_string() }).collect();
        let name = |id: &String| self.0.facts.registry.brand(id).map_or_else(|| id.clone(), |brand| brand.name.clone());
        let seen = devices.into_iter().map(|device| types::Seen {
            mac: device.mac,
            network: device.network,
            address: device.address.map(|address| address.to_string()),
            class: device.class,
            brand: device.brand.as_ref().map(name),
            phone: device.phone,
            listed: self.phone_name(device.mac),
            came_to_us: came(device.mac),
            first: device.first.to_string(),
            last: device.last.to_string(),
        });
        types::Sightings { seen: seen.collect(), missing, next: None }
    }

    /// Lets the box stand in for a server that is gone.
    pub(super) async fn take_over(&self, network: &str) -> Result<(), Problem> {
        self.order(network, Order::TakeOver).await?.map_err(|reason| {
            Problem::new(
                StatusCode::CONFLICT,
                "cannot-take-over",
                format!("This box cannot take over now. {}", reason.sentence()),
                "Take over only where a DHCP server is gone and this box has a pool.",
            )
        })
    }

    /// What the other servers tell each brand's phones.
    pub(super) async fn ask(&self, network: &str) -> Result<types::Asked, Problem> {
        let at = self.at(network).ok_or_else(|| not_running(network))?;
        let own = match at.host {
            std::net::IpAddr::V4(own) => own,
            std::net::IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        };
        let players = dhcp::players(&self.0.facts.registry, &at);
        let heard = self.order(network, |tell| Order::Ask(players, tell)).await?;
        let brands = heard.into_iter().map(|heard| {
            let mut says = Vec::new();
            let mut finds_us = false;
            for (sentence, finds) in heard.answers.iter().map(|told| dhcp::in_words(told, own)) {
                finds_us |= finds;
                if !says.contains(&sentence) {
                    says.push(sentence);
                }
            }
            if says.is_empty() {
                says.push("No other server answers.".to_owned());
            }
            let name = self.0.facts.registry.brand(&heard.name).map_or(heard.name.clone(), |brand| brand.name.clone());
            types::AskedBrand { brand: name, finds_us, says }
        });
        Ok(types::Asked { network: network.to_owned(), brands: brands.collect() })
    }

    /// What a client, by hardware address or vendor class, would be told.
    pub(super) async fn explain(&self, network: &str, client: &str) -> Result<types::Explanation, Problem> {
        if client.is_empty() || client.len() > 200 {
            return Err(Problem::malformed("Name a client by its MAC address or its vendor class: ?client="));
        }
        let mac: Option<Mac> = client.parse().ok();
        let class = mac.is_none().then(|| client.as_bytes().to_vec());
        let player = Player { name: client.to_owned(), mac, class, requested: USUAL.to_vec() };
        let explained = self.order(network, |tell| Order::Explain(player, tell)).await?;
        let named = |id: &String| self.0.facts.registry.brand(id).map_or_else(|| id.clone(), |b| b.name.clone());
        let says = match (&explained.brand, explained.phone, explained.listed) {
            (Some(brand), _, true) => format!("It is taken for a phone of {}, and is on the list.", named(brand)),
            (Some(brand), _, false) => format!("It is taken for a phone of {}, and is not on the list.", named(brand)),
            (None, true, _) => "It is on the list of phones, and its brand is not known.".to_owned(),
            (None, false, _) => "It is not taken for a phone, so it is told nothing that is for phones.".to_owned(),
        };
        let Explained { offer, inform, left_out, .. } = explained;
        let network = network.to_owned();
        let offer = answer(offer, "an address is asked for");
        let inform = answer(inform, "it asks by INFORM");
        Ok(types::Explanation { network, says, offer, inform, left_out })
    }

    /// Gives an order and waits for its answer.
    pub(super) async fn order<T>(
        &self,
        network: &str,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Result<T, Problem> {
        let (tell, told) = oneshot::channel();
        self.0.facts.dhcp.order(network, order(tell)).map_err(|_| not_running(network))?;
        match tokio::time::timeout(PATIENCE, told).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(not_running(network)),
        }
    }
}

fn not_running(network: &str) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-dhcp-here",
        format!("DHCP does not run on a network \"{network}\"."),
        "Look at the networks with `block66 dhcp`.",
    )
}

fn word(conduct: Conduct) -> &'static str {
    match conduct {
        Conduct::Silent => "silent",
        Conduct::InformOnly => "inform-only",
        Conduct::PhonesOnly => "phones-only",
        Conduct::Full { .. } => "full",
        Conduct::StandIn => "stand-in",
    }
}

fn answer(answer: Result<Offered, Silence>, when: &str) -> types::ExplainedAnswer {
    match answer {
        Ok(Offered { address, options }) => types::ExplainedAnswer {
            says: match address {
                Some(address) => format!("When {when}, it is offered {address} with these options:"),
                None => format!("When {when}, it is told these options:"),
            },
            options: options
                .iter()
                .map(|(code, value)| types::ExplainedOption { code: *code, value: dhcp::readable(value) })
                .collect(),
        },
        Err(silence) => types::ExplainedAnswer {
            says: format!("When {when}, nothing is answered: {}.", silence.why()),
            options: Vec::new(),
        },
    }
}
