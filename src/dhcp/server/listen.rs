use std::io;
use std::net::{IpAddr, Ipv4Addr};

use super::{BATCH, Batch, Server};
use crate::brands::{Claims, Recognition};
use crate::dhcp::coexistence::{Answer, Marker};
use crate::dhcp::frame;
use crate::dhcp::link::LONGEST;
use crate::dhcp::options::code;
use crate::dhcp::request::{Kind, Request};
use crate::dhcp::sightings::Glimpse;
use crate::dhcp::told::{Told, Verdict};
use crate::model::Door;
use crate::pairing::Visit;

/// Port of a DHCP server.
const SERVER: u16 = 67;

/// Hearing what is not for the box.
impl Server {
    /// Takes the frames that were overheard, a batch at most.
    pub(super) fn overhear(&mut self, batch: &mut Batch) -> io::Result<()> {
        let mut buffer = [0; LONGEST];
        for _ in 0..BATCH {
            let Some(length) = self.link.overhear(&mut buffer)? else { break };
            let Some(frame) = buffer.get(..length) else { break };
            if let Some((mac, address)) = frame::arp_sender(frame) {
                if address.is_unspecified() || mac == self.link.interface().mac() {
                    continue;
                }
                if self.config.subnet.contains(&address) {
                    self.see(mac, Glimpse { address: Some(address), ..Glimpse::default() });
                    self.hear_address(address, mac, batch);
                }
            } else if let Some((from, port, message)) = frame::udp(frame) {
                if port == SERVER {
                    if let Ok(request) = Request::decode(message) {
                        self.notice(&Request { source: from, ..request });
                    }
                // A server of this LAN says it to all, or from an address of it, or was asked: a router can bring the rest.
                } else if let Some(told) = Told::read(message)
                    && (frame::is_for_all(frame) || self.config.subnet.contains(&from) || self.has_asked(told.xid))
                {
                    self.hear_server(told, from);
                }
            }
        }
        Ok(())
    }

    /// Notes who a client is, and what its packet says of other servers.
    pub(super) fn notice(&mut self, request: &Request) {
        let now = self.parts.clock.now();
        if let Some(marker) = request.options.get(code::MARKER).and_then(Marker::read) {
            if request.kind == Kind::Discover
                && self.is_from_here(request)
                && self.coexistence.hear_box(&marker, request.source, now)
            {
                self.send_marker(false);
            }
            return;
        }
        if request.kind == Kind::Request
            && self.is_from_here(request)
            && let Some(server) = request.server_id()
        {
            self.coexistence.hear_named(server, now);
        }
        let claims = Claims {
            user_agent: None,
            vendor_class: request.vendor_class(),
            mac: Some(request.mac),
            requested: request.requested(),
        };
        let found = self.parts.provisioning.registry.recognise(&claims);
        let address = Some(request.ciaddr).filter(|address| !address.is_unspecified());
        if let Some(found) = found.as_ref().filter(|found| found.phone) {
            self.meet(request, address, found);
        }
        let glimpse = Glimpse {
            address,
            class: request.options.text(code::VENDOR_CLASS, 64),
            brand: found.as_ref().map(|found| found.brand.id.clone()),
            phone: found.is_some_and(|found| found.phone),
            asked: true,
        };
        self.see(request.mac, glimpse);
    }

    /// Whether a packet was sent on this LAN, so that what it says is of servers of this LAN: none that a relay agent or a
    /// router brought is. No router forwards one that has no source.
    fn is_from_here(&self, request: &Request) -> bool {
        let source = request.source;
        request.giaddr.is_unspecified() && (source.is_unspecified() || self.config.subnet.contains(&source))
    }

    /// Notes a phone that is on no list. An address that it names is its own where our lease says so.
    fn meet(&self, request: &Request, address: Option<Ipv4Addr>, found: &Recognition<'_>) {
        let store = &self.parts.store;
        if store.listed(request.mac).is_some() {
            return;
        }
        let lease = address.and_then(|address| store.lease_by_address(address));
        let visit = Visit {
            mac: request.mac,
            brand: Some(&found.brand.id),
            model: found.model.as_deref(),
            firmware: found.firmware.as_deref(),
            address: address.map(IpAddr::V4),
            in_place: lease.is_some_and(|lease| lease.mac == request.mac),
            door: Door::Dhcp,
            asked: request.kind.name(),
        };
        self.parts.pairing.note(&visit, self.parts.clock.now().wall);
    }

    fn see(&self, mac: crate::model::Mac, mut glimpse: Glimpse) {
        if glimpse.brand.is_none() && !glimpse.asked {
            let claims = Claims { mac: Some(mac), ..Claims::default() };
            if let Some(found) = self.parts.provisioning.registry.recognise(&claims) {
                glimpse.brand = Some(found.brand.id.clone());
                glimpse.phone = found.phone;
            }
        }
        let wall = self.parts.clock.now().wall;
        self.parts.control.note(|sightings| sightings.note(&self.config.name, mac, glimpse, wall));
    }

    fn hear_server(&mut self, told: Told, from: Ipv4Addr) {
        let now = self.parts.clock.now();
        let own: Ipv4Addr = self.link.interface().address;
        let server = told.sender(from);
        if server == own {
            return;
        }
        if let Some(marker) = told.options.get(code::MARKER).and_then(Marker::read) {
            self.coexistence.hear_box(&marker, server, now);
            return;
        }
        let given = if told.kind == Verdict::Nak { Ipv4Addr::UNSPECIFIED } else { told.given };
        let to_us = told.client == self.link.interface().mac();
        self.coexistence.hear(&Answer { server, given, to_us }, now);
        self.hear_answer(told);
    }
}
