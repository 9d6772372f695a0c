//! The LAN of the lab: a switch, the box on one port, a phone on each of the others.

use std::io;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use rtnetlink::packet_route::link::{InfoData, InfoVeth};
use rtnetlink::{LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth};

use super::namespace::Namespace;
use crate::model::Mac;
use crate::phonesim::link::Netlink;

/// The box's address.
pub const BOX: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 1);
/// The switch's own address, which is also what the phones are told is their router.
pub const SWITCH: Ipv4Addr = Ipv4Addr::new(10, 66, 3, 254);
/// The addresses that the box may lease, 900 of them.
pub const POOL: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::new(10, 66, 0, 10), Ipv4Addr::new(10, 66, 3, 145));
/// Bits of the network's mask.
pub const PREFIX: u8 = 22;
/// What the box and each phone call their interface.
pub const INTERFACE: &str = "eth0";

const BRIDGE: &str = "switch";
const SWITCH_MAC: Mac = Mac::new([0x02, 0x66, 0, 0, 0, 2]);

/// The namespaces of switch and box, wired up.
#[derive(Debug)]
pub struct Ground {
    switch: Namespace,
    appliance: Namespace,
}

impl Ground {
    /// Makes the switch and plugs the box in.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new() -> io::Result<Self> {
        let ground = Self { switch: Namespace::new()?, appliance: Namespace::new()? };
        ground.switch.run(|| {
            let net = Netlink::open()?;
            net.up("lo")?;
            // Without one of its own it takes the least of those of its ports, and is another one to everybody who knows it
            // whenever a cable is laid.
            net.add(LinkBridge::new(BRIDGE).address(SWITCH_MAC.octets().to_vec()).build())?;
            net.address(BRIDGE, net_of(SWITCH)?)
        })??;
        ground.wire("box", &ground.appliance, Mac::new([0x02, 0x66, 0, 0, 0, 1]))?;
        ground.appliance.run(|| switch_on(BOX).map(drop))??;
        Ok(ground)
    }

    /// The namespace of the switch, from which the whole LAN can be reached.
    pub fn switch(&self) -> &Namespace {
        &self.switch
    }

    /// The namespace of the box.
    pub fn appliance(&self) -> &Namespace {
        &self.appliance
    }

    /// A new namespace with an interface of this address, on port `port` of the switch. The interface is still off.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn plug(&self, port: &str, mac: Mac) -> io::Result<Namespace> {
        let device = Namespace::new()?;
        self.wire(port, &device, mac)?;
        Ok(device)
    }

    /// The same with its interface on and at this address. Where that is one of the LAN, all that is elsewhere is reached
    /// by way of the box.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn place(&self, port: &str, mac: Mac, address: Ipv4Addr) -> io::Result<Namespace> {
        let device = self.plug(port, mac)?;
        let is_of_the_lan = net_of(BOX)?.contains(&address);
        device.run(|| {
            let net = switch_on(address)?;
            if is_of_the_lan { net.default_route(BOX) } else { Ok(()) }
        })??;
        Ok(device)
    }

    fn wire(&self, port: &str, device: &Namespace, mac: Mac) -> io::Result<()> {
        self.switch.run(|| {
            let net = Netlink::open()?;
            let far = LinkMessageBuilder::<LinkUnspec>::new()
                .name(INTERFACE)
                .address(mac.octets().to_vec())
                .setns_by_fd(device.raw());
            let near = LinkVeth::new(port, INTERFACE)
                .set_info_data(InfoData::Veth(InfoVeth::Peer(far.build())))
                .controller(net.index(BRIDGE)?)
                .up();
            net.add(near.build())
        })?
    }
}

/// Switches loopback and interface of the calling thread's namespace on, with this address.
fn switch_on(address: Ipv4Addr) -> io::Result<Netlink> {
    let net = Netlink::open()?;
    net.up("lo")?;
    net.up(INTERFACE)?;
    net.address(INTERFACE, net_of(address)?)?;
    Ok(net)
}

fn net_of(address: Ipv4Addr) -> io::Result<Ipv4Net> {
    Ipv4Net::new(address, PREFIX).map_err(io::Error::other)
}
