//! Cables between namespaces.

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use block66::lab::namespace::Namespace;
use block66::model::Mac;
use block66::phonesim::link::Netlink;
use ipnet::Ipv4Net;
use rtnetlink::packet_route::link::{InfoData, InfoVeth};
use rtnetlink::{LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth};

/// What a switch is called in its namespace.
pub(crate) const SWITCH: &str = "switch";

/// Makes a switch in a namespace, with addresses of its own. One without a hardware address takes the least of those of its
/// ports, and is another one to everybody who knows it whenever a cable is laid.
pub(crate) fn switch(at: &Namespace, mac: Mac, address: Ipv4Net) {
    let made = at.run(|| {
        let net = Netlink::open()?;
        net.up("lo")?;
        net.add(LinkBridge::new(SWITCH).address(mac.octets().to_vec()).build())?;
        net.up(SWITCH)?;
        net.address(SWITCH, address)
    });
    made.and_then(|made: io::Result<()>| made).expect("a switch");
}

/// A cable from port `port` of the switch in one namespace to interface `far` of another, which is still off.
pub(crate) fn cable(from: &Namespace, port: &str, to: &Namespace, far: &str, mac: Mac) {
    let file = to.run(|| File::open("/proc/thread-self/ns/net")).and_then(|file| file).expect("a namespace");
    let laid = from.run(|| {
        let net = Netlink::open()?;
        let end = LinkMessageBuilder::<LinkUnspec>::new()
            .name(far.to_owned())
            .address(mac.octets().to_vec())
            .setns_by_fd(file.as_raw_fd());
        let near = LinkVeth::new(port, far).set_info_data(InfoData::Veth(InfoVeth::Peer(end.build())));
        net.add(near.controller(net.index(SWITCH)?).up().build())
    });
    laid.and_then(|laid: io::Result<()>| laid).unwrap_or_else(|error| panic!("cable {port}: {error}"));
}

/// Switches an interface on, with this address.
pub(crate) fn up(at: &Namespace, interface: &str, address: Ipv4Net) {
    let done = at.run(|| {
        let net = Netlink::open()?;
        net.up("lo")?;
        net.up(interface)?;
        net.address(interface, address)
    });
    done.and_then(|done: io::Result<()>| done).expect("an interface");
}

/// Sends what is for `net` by `gateway`.
pub(crate) fn route(at: &Namespace, net: Ipv4Net, gateway: Ipv4Addr) {
    ip(at, &["route", "add", &net.to_string(), "via", &gateway.to_string()]);
}

/// Has a port of the switch reach those alone that are not set so: the server and the routers.
pub(crate) fn isolate(at: &Namespace, port: &str) {
    ip(at, &["link", "set", port, "type", "bridge_slave", "isolated", "on"]);
}

fn ip(at: &Namespace, words: &[&str]) {
    let output = at.run(|| std::process::Command::new("ip").args(words).output());
    let output = output.and_then(|output| output).expect("iproute2");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// `10.66.0.1/20` as it is written.
pub(crate) fn net(address: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new(address.into(), prefix).expect("a prefix")
}
