//! The kernel's neighbour table: which hardware address answers for which IPv4 address.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr};

use nix::libc;
use rtnetlink::RouteMessageBuilder;
use rtnetlink::packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use rtnetlink::packet_route::route::{RouteAttribute, RouteType};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use socket2::{Domain, Protocol, Socket, Type};

use crate::model::Mac;

/// The longest answer that is read: the kernel's are some 100 bytes.
const LONGEST: usize = 4096;

/// The hardware address that the kernel knows for `address`, if it is on a link of ours and complete.
///
/// IPv4 only. The table of the calling thread's network namespace is asked, whatever the main thread's is: for this one
/// entry (rtnetlink(7), Linux 5.0), since every request of a phone asks, and the whole table of a thousand phones takes half a
/// millisecond to read.
pub fn lookup(address: IpAddr) -> Option<Mac> {
    let IpAddr::V4(address) = address.to_canonical() else { return None };
    let route = Some(Protocol::from(libc::NETLINK_ROUTE));
    let mut kernel = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW.nonblocking(), route).ok()?;
    let link = link_of(ask(&mut kernel, route_to(address))?)?;
    hardware_address(ask(&mut kernel, entry_of(address, link))?)
}

/// Asks the kernel, which answers while it is asked.
fn ask(kernel: &mut Socket, question: RouteNetlinkMessage) -> Option<RouteNetlinkMessage> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(question));
    message.finalize();
    let mut buffer = vec![0; message.buffer_len().max(LONGEST)];
    message.serialize(&mut buffer);
    kernel.write_all(buffer.get(..message.buffer_len())?).ok()?;
    let length = kernel.read(&mut buffer).ok()?;
    match NetlinkMessage::deserialize(buffer.get(..length)?).ok()?.payload {
        NetlinkPayload::InnerMessage(answer) => Some(answer),
        _ => None,
    }
}

fn route_to(address: Ipv4Addr) -> RouteNetlinkMessage {
    let route = RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(address, 32);
    RouteNetlinkMessage::GetRoute(route.build())
}

fn entry_of(address: Ipv4Addr, link: u32) -> RouteNetlinkMessage {
    let mut entry = NeighbourMessage::default();
    entry.header.family = AddressFamily::Inet;
    entry.header.ifindex = link;
    entry.attributes.push(NeighbourAttribute::Destination(NeighbourAddress::Inet(address)));
    RouteNetlinkMessage::GetNeighbour(entry)
}

/// The link that an address is on; none where it is behind a router, or our own.
fn link_of(answer: RouteNetlinkMessage) -> Option<u32> {
    let RouteNetlinkMessage::NewRoute(route) = answer else { return None };
    let by_router =
        |attribute: &RouteAttribute| matches!(attribute, RouteAttribute::Gateway(_) | RouteAttribute::Via(_));
    if route.header.kind != RouteType::Unicast || route.attributes.iter().any(by_router) {
        return None;
    }
    route.attributes.into_iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(link) => Some(link),
        _ => None,
    })
}

/// The address of an entry that is complete: an old one may be, one that is being asked for is not.
fn hardware_address(answer: RouteNetlinkMessage) -> Option<Mac> {
    use NeighbourState::{Delay, Permanent, Probe, Reachable, Stale};
    let RouteNetlinkMessage::NewNeighbour(entry) = answer else { return None };
    if !matches!(entry.header.state, Reachable | Stale | Delay | Probe | Permanent) {
        return None;
    }
    entry.attributes.into_iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(address) => Some(Mac::new(address.try_into().ok()?)),
        _ => None,
    })
}
