use std::io::{self, IoSlice, Read};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use ipnet::Ipv4Net;
use nix::ifaddrs::getifaddrs;
use nix::libc;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{ControlMessage, LinkAddr, MsgFlags, SockaddrIn, bind, sendmsg, sendto};
use socket2::{Domain, Protocol, Socket, Type};

use super::frame;
use super::reply::{Destination, Reply};
use crate::model::Mac;

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// The longest packet that is read: more than any Ethernet frame holds.
pub(super) const LONGEST: usize = 2048;

/// What of an interface a reply depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interface {
    name: String,
    /// Its hardware address and number, as the kernel gave them.
    link: LinkAddr,
    /// The box's own address in the subnet.
    pub(super) address: Ipv4Addr,
}

impl Interface {
    /// Looks the interface up; `None` when it is not there, down, without a hardware address, or without an address
    /// in the subnet.
    pub(super) fn find(name: &str, subnet: Ipv4Net) -> io::Result<Option<Self>> {
        let mut link = None;
        let mut address = None;
        for entry in getifaddrs()?.filter(|entry| entry.interface_name == name) {
            let Some(found) = entry.address.filter(|_| entry.flags.contains(InterfaceFlags::IFF_UP)) else { continue };
            link = link.or(found.as_link_addr().filter(|link| link.halen() == 6).copied());
            address = address.or(found.as_sockaddr_in().map(SockaddrIn::ip).filter(|ip| subnet.contains(ip)));
        }
        Ok(link.zip(address).map(|(link, address)| Self { name: name.to_owned(), link, address }))
    }

    fn mac(&self) -> Mac {
        Mac::new(self.link.addr().unwrap_or_default())
    }
}

/// The sockets of one network.
#[derive(Debug)]
pub(super) struct Link {
    interface: Interface,
    udp: UdpSocket,
    /// Sends whole frames, hears nothing.
    packet: Socket,
    /// Open while an address is being probed.
    arp: Option<Socket>,
}

impl Link {
    /// Opens port 67 on the interface, and a packet socket beside it. Nothing is shared: where another DHCP server
    /// runs on the box, this fails.
    pub(super) fn open(interface: Interface) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.bind_device(Some(interface.name.as_bytes()))?;
        socket.set_broadcast(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, SERVER_PORT).into())?;
        // Protocol 0: the kernel hands no frame of anybody to this socket.
        let packet = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
        packet.set_nonblocking(true)?;
        Ok(Self { interface, udp: socket.into(), packet, arp: None })
    }

    pub(super) fn interface(&self) -> &Interface {
        &self.interface
    }

    pub(super) fn udp(&self) -> BorrowedFd<'_> {
        self.udp.as_fd()
    }

    pub(super) fn arp(&self) -> Option<BorrowedFd<'_>> {
        self.arp.as_ref().map(AsFd::as_fd)
    }

    /// The next packet that waits, if one does: its length in `buffer`, and who sent it. A length that fills the
    /// buffer is a packet that was cut.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, Ipv4Addr)>> {
        match self.udp.recv_from(buffer) {
            Ok((length, from)) => match from.ip() {
                std::net::IpAddr::V4(from) => Ok(Some((length, from))),
                std::net::IpAddr::V6(_) => Ok(None),
            },
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a reply where it belongs.
    pub(super) fn send(&self, reply: &Reply) -> io::Result<()> {
        match reply.to {
            Destination::Relay(address) => self.send_to(&reply.message, SocketAddrV4::new(address, SERVER_PORT)),
            Destination::Client(address) => self.send_to(&reply.message, SocketAddrV4::new(address, CLIENT_PORT)),
            Destination::Broadcast => self.send_to(&reply.message, SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT)),
            Destination::Hardware { mac, address } => {
                let from = (self.interface.mac(), self.interface.address);
                let frame = frame::reply(&reply.message, from, (mac, address));
                self.send_frame(&frame.ok_or(io::ErrorKind::InvalidInput)?)
            }
        }
    }

    /// Asks who has `address`. Answers are to be read with [`Link::hear`].
    pub(super) fn probe(&mut self, address: Ipv4Addr) -> io::Result<()> {
        if self.arp.is_none() {
            let protocol = u16::try_from(libc::ETH_P_ARP).unwrap_or_default().to_be();
            let arp = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(i32::from(protocol))))?;
            arp.set_nonblocking(true)?;
            bind(arp.as_raw_fd(), &self.interface.link)?;
            self.arp = Some(arp);
        }
        self.send_frame(&frame::arp_probe(self.interface.mac(), address))
    }

    /// The next ARP frame that waits, if one does: who says to have which address.
    pub(super) fn hear(&mut self) -> Option<(Mac, Ipv4Addr)> {
        let mut frame = [0; 128];
        loop {
            let length = self.arp.as_mut()?.read(&mut frame).ok()?;
            if let Some(sender) = frame.get(..length).and_then(frame::arp_sender) {
                return Some(sender);
            }
        }
    }

    /// Hears no ARP any more.
    pub(super) fn end_probing(&mut self) {
        self.arp = None;
    }

    fn send_to(&self, message: &[u8], to: SocketAddrV4) -> io::Result<()> {
        // The reply leaves from the address that it names as the server's, whatever else the interface has.
        let source = libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(self.interface.address.octets()) },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        let control = [ControlMessage::Ipv4PacketInfo(&source)];
        let message = [IoSlice::new(message)];
        sendmsg(self.udp.as_raw_fd(), &message, &control, MsgFlags::MSG_DONTWAIT, Some(&SockaddrIn::from(to)))?;
        Ok(())
    }

    /// Sends a whole frame. The kernel takes the interface from the address, and everything else from the frame.
    fn send_frame(&self, frame: &[u8]) -> io::Result<()> {
        sendto(self.packet.as_raw_fd(), frame, &self.interface.link, MsgFlags::MSG_DONTWAIT)?;
        Ok(())
    }
}
