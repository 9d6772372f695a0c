use std::io::{self, IoSlice, IoSliceMut, Read};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use ipnet::Ipv4Net;
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::libc;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{
    ControlMessage, LinkAddr, MsgFlags, MultiHeaders, SockaddrIn, SockaddrLike, bind, recvmmsg, sendmmsg, sendto,
    setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::frame;
use super::reply::{Destination, Reply};
use crate::model::Mac;

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// The longest packet that is read: more than any Ethernet frame holds.
pub(super) const LONGEST: usize = 2048;
/// Bytes of packets that may wait to be read: some 2000, which are the phones of a building that has its power back.
const BACKLOG: usize = 4 << 20;
/// The most packets that are read by one system call.
const BATCH: usize = 128;

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
        // Without the privilege to have that many, as many as anybody may have.
        if setsockopt(&socket, sockopt::RcvBufForce, &BACKLOG).is_err() {
            socket.set_recv_buffer_size(BACKLOG)?;
        }
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

    /// The packets that wait, as many as there is room for: into `packets`, in place of what stood there.
    pub(super) fn receive(&self, packets: &mut Packets) -> io::Result<()> {
        packets.heard.clear();
        let mut slices: Vec<_> = packets.buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        let mut headers = MultiHeaders::<SockaddrIn>::preallocate(slices.len(), None);
        match recvmmsg(self.udp.as_raw_fd(), &mut headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None) {
            Ok(taken) => packets.heard.extend(taken.map(|message| {
                let from = message.address.map_or(Ipv4Addr::UNSPECIFIED, |from| from.ip());
                (message.bytes, from)
            })),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(())
    }

    /// Sends replies where they belong; `lost` is told of those that cannot be sent.
    pub(super) fn send(&self, replies: &[Reply], mut lost: impl FnMut(&Reply, io::Error)) {
        let from = (self.interface.mac(), self.interface.address);
        let (mut frames, mut messages) = (Vec::new(), Vec::with_capacity(replies.len()));
        for reply in replies {
            let to = match reply.to {
                Destination::Relay(address) => SocketAddrV4::new(address, SERVER_PORT),
                Destination::Client(address) => SocketAddrV4::new(address, CLIENT_PORT),
                Destination::Broadcast => SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT),
                Destination::Hardware { mac, address } => {
                    match frame::reply(&reply.message, from, (mac, address)) {
                        Some(frame) => frames.push((reply, frame)),
                        None => lost(reply, io::ErrorKind::InvalidInput.into()),
                    }
                    continue;
                }
            };
            messages.push((reply, SockaddrIn::from(to)));
        }
        // Replies leave from the address that they name as the server's, whatever else the interface has.
        let source = libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(self.interface.address.octets()) },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        let control = [ControlMessage::Ipv4PacketInfo(&source)];
        let to = messages.iter().map(|(reply, to)| (*reply, reply.message.as_slice(), *to));
        send_all(&self.udp, to.collect(), &control, &mut lost);
        // The kernel takes the interface from the address, and everything else from the frame.
        let to = frames.iter().map(|(reply, frame)| (*reply, frame.as_slice(), self.interface.link));
        send_all(&self.packet, to.collect(), &[], &mut lost);
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

    /// Sends a whole frame. The kernel takes the interface from the address, and everything else from the frame.
    fn send_frame(&self, frame: &[u8]) -> io::Result<()> {
        sendto(self.packet.as_raw_fd(), frame, &self.interface.link, MsgFlags::MSG_DONTWAIT)?;
        Ok(())
    }
}

/// Packets as they were read.
#[derive(Debug)]
pub(super) struct Packets {
    buffers: Vec<[u8; LONGEST]>,
    /// Length of each, and who sent it.
    heard: Vec<(usize, Ipv4Addr)>,
}

impl Packets {
    pub(super) fn new() -> Self {
        Self { buffers: vec![[0; LONGEST]; BATCH], heard: Vec::with_capacity(BATCH) }
    }

    /// Room for none.
    pub(super) fn none() -> Self {
        Self { buffers: Vec::new(), heard: Vec::new() }
    }

    /// Each packet, with who sent it. One that fills its buffer was cut.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Ipv4Addr)> {
        let packets = self.buffers.iter().zip(&self.heard);
        packets.filter_map(|(buffer, (length, from))| Some((buffer.get(..*length)?, *from)))
    }
}

/// Sends many messages with few system calls. After one that cannot be sent it goes on with the next.
fn send_all<'r, S: SockaddrLike + Copy>(
    socket: &impl AsRawFd,
    mut messages: Vec<(&'r Reply, &[u8], S)>,
    control: &[ControlMessage<'_>],
    lost: &mut impl FnMut(&'r Reply, io::Error),
) {
    while !messages.is_empty() {
        let space = (!control.is_empty()).then(|| nix::cmsg_space!(libc::in_pktinfo));
        let mut headers = MultiHeaders::preallocate(messages.len(), space);
        let slices: Vec<_> = messages.iter().map(|(_, bytes, _)| [IoSlice::new(bytes)]).collect();
        let addresses: Vec<_> = messages.iter().map(|(.., to)| Some(*to)).collect();
        let flags = MsgFlags::MSG_DONTWAIT;
        let sent = sendmmsg(socket.as_raw_fd(), &mut headers, &slices, &addresses, control, flags);
        let sent = sent.map(Iterator::count);
        drop(slices);
        match sent {
            Ok(count) if count > 0 => drop(messages.drain(..count.min(messages.len()))),
            // The first one failed: the error is its own.
            failed => {
                let (reply, ..) = messages.remove(0);
                lost(reply, failed.err().unwrap_or(Errno::EIO).into());
            }
        }
    }
}
