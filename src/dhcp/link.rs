use std::io::{self, IoSlice, IoSliceMut, Read};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use ipnet::Ipv4Net;
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::libc;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{
    ControlMessage, LinkAddr, MsgFlags, MultiHeaders, NetlinkAddr, SockaddrIn, SockaddrLike, bind, recvmmsg, sendmmsg,
    sendto, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

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

    /// Its hardware address.
    pub(super) fn mac(&self) -> Mac {
        Mac::new(self.link.addr().unwrap_or_default())
    }
}

/// What is heard on the link: ARP, and DHCP of servers; that of clients too while no socket of ours takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ear {
    All,
    NotClients,
}

/// The sockets of one network.
#[derive(Debug)]
pub(super) struct Link {
    interface: Interface,
    /// Port 67, once something is to be answered.
    udp: Option<UdpSocket>,
    /// Sends whole frames, hears nothing.
    packet: Socket,
    /// Hears what others say.
    ear: Socket,
    /// Hears from the kernel that an interface or an address changed.
    news: Socket,
}

impl Link {
    /// Opens packet sockets on the interface. Nothing is answered before [`Link::answer`].
    pub(super) fn open(interface: Interface) -> io::Result<Self> {
        // Protocol 0: the kernel hands no frame of anybody to this socket.
        let packet = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
        packet.set_nonblocking(true)?;
        let all = u16::try_from(libc::ETH_P_ALL).unwrap_or_default().to_be();
        let mut ear = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(i32::from(all))))?;
        ear.attach_filter(&filter(Ear::All))?;
        ear.set_nonblocking(true)?;
        bind(ear.as_raw_fd(), &interface.link)?;
        // What came in before it was bound may be of another interface.
        while ear.read(&mut [0]).is_ok() {}
        let news = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(Protocol::from(libc::NETLINK_ROUTE)))?;
        news.set_nonblocking(true)?;
        let groups = (libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR).unsigned_abs();
        bind(news.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
        Ok(Self { interface, udp: None, packet, ear, news })
    }

    /// Opens port 67 on the interface, if it is not open yet. Nothing is shared: where another DHCP server runs on
    /// the box, this fails.
    pub(super) fn answer(&mut self) -> io::Result<()> {
        if self.udp.is_some() {
            return Ok(());
        }
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.bind_device(Some(self.interface.name.as_bytes()))?;
        socket.set_broadcast(true)?;
        socket.set_nonblocking(true)?;
        // Without the privilege to have that many, as many as anybody may have.
        if setsockopt(&socket, sockopt::RcvBufForce, &BACKLOG).is_err() {
            socket.set_recv_buffer_size(BACKLOG)?;
        }
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, SERVER_PORT).into())?;
        self.udp = Some(socket.into());
        self.ear.attach_filter(&filter(Ear::NotClients))
    }

    pub(super) fn interface(&self) -> &Interface {
        &self.interface
    }

    pub(super) fn udp(&self) -> Option<BorrowedFd<'_>> {
        self.udp.as_ref().map(AsFd::as_fd)
    }

    pub(super) fn ear(&self) -> BorrowedFd<'_> {
        self.ear.as_fd()
    }

    pub(super) fn news(&self) -> BorrowedFd<'_> {
        self.news.as_fd()
    }

    /// Whether the kernel said since the last time that an interface or an address changed. Only that it did counts:
    /// what it lost for want of room is news as well.
    pub(super) fn has_news(&mut self) -> bool {
        let mut any = false;
        loop {
            match self.news.read(&mut [0; LONGEST]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return any,
                Err(error) if error.raw_os_error() != Some(libc::ENOBUFS) => return true,
                _ => any = true,
            }
        }
    }

    /// Whether the interface is still what replies were made for.
    pub(super) fn stands(&self, subnet: Ipv4Net) -> io::Result<bool> {
        Ok(Interface::find(&self.interface.name, subnet)?.as_ref() == Some(&self.interface))
    }

    /// The packets that wait, as many as there is room for: into `packets`, in place of what stood there.
    pub(super) fn receive(&self, packets: &mut Packets) -> io::Result<()> {
        packets.heard.clear();
        let Some(udp) = &self.udp else { return Ok(()) };
        let mut slices: Vec<_> = packets.buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        let mut headers = MultiHeaders::<SockaddrIn>::preallocate(slices.len(), None);
        match recvmmsg(udp.as_raw_fd(), &mut headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None) {
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
        match &self.udp {
            Some(udp) => send_all(udp, to.collect(), &control, &mut lost),
            None => to.for_each(|(reply, ..)| lost(reply, io::ErrorKind::NotConnected.into())),
        }
        // The kernel takes the interface from the address, and everything else from the frame.
        let to = frames.iter().map(|(reply, frame)| (*reply, frame.as_slice(), self.interface.link));
        send_all(&self.packet, to.collect(), &[], &mut lost);
    }

    /// Asks who has `address`. The answers are overheard.
    pub(super) fn probe(&self, address: Ipv4Addr) -> io::Result<()> {
        self.send_frame(&frame::arp_probe(self.interface.mac(), address))
    }

    /// Sends a message of a client to every server on the link; `from` is the address of the client.
    pub(super) fn ask(&self, message: &[u8], from: Ipv4Addr) -> io::Result<()> {
        let frame = frame::question(message, (self.interface.mac(), from));
        self.send_frame(&frame.ok_or(io::ErrorKind::InvalidInput)?)
    }

    /// The next frame that was overheard, if one waits: its length in `buffer`.
    pub(super) fn overhear(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.ear.read(buffer) {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a whole frame. The kernel takes the interface from the address, and everything else from the frame.
    fn send_frame(&self, frame: &[u8]) -> io::Result<()> {
        sendto(self.packet.as_raw_fd(), frame, &self.interface.link, MsgFlags::MSG_DONTWAIT)?;
        Ok(())
    }
}

/// A filter (classic BPF, as tcpdump -d prints it) that lets through what others send on this LAN: ARP, and UDP to the
/// DHCP ports that is no later fragment. The kernel drops everything else before it costs anything.
///
/// The kernel takes a VLAN's tag off a frame, notes it beside, and hands the frame to the ear of the cable's own
/// interface like any other. VLAN 0 is none: only a priority (IEEE 802.1Q section 6.9).
fn filter(ear: Ear) -> [SockFilter; 19] {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF_AT_X: u16 = 0x48;
    const HEADER_TO_X: u16 = 0xb1;
    const IF_EQUAL: u16 = 0x15;
    const IF_ANY_BIT: u16 = 0x45;
    const RETURN: u16 = 0x06;
    /// The kernel's own note: which way the frame goes (linux/filter.h, SKF_AD_PKTTYPE).
    const DIRECTION: u32 = 0xffff_f000 + 4;
    const OUTGOING: u32 = 4;
    /// Another: whether a tag was taken off. Kernels from 4.20 to 6.1 leave the tag behind that a frame came with into
    /// the interface of its VLAN, where it has none any more (SKF_AD_VLAN_TAG_PRESENT).
    const TAGGED: u32 = 0xffff_f000 + 48;
    /// Another: that tag (SKF_AD_VLAN_TAG).
    const TAG: u32 = 0xffff_f000 + 44;
    const VLAN: u32 = 0x0fff;
    let clients = match ear {
        Ear::All => 67,
        // Port 68 stands there twice: the other way would be a filter of another length.
        Ear::NotClients => 68,
    };
    [
        SockFilter::new(LOAD_WORD, 0, 0, DIRECTION),
        SockFilter::new(IF_EQUAL, 16, 0, OUTGOING),
        SockFilter::new(LOAD_WORD, 0, 0, TAGGED),
        SockFilter::new(IF_EQUAL, 2, 0, 0),
        SockFilter::new(LOAD_WORD, 0, 0, TAG),
        SockFilter::new(IF_ANY_BIT, 12, 0, VLAN),
        SockFilter::new(LOAD_HALF, 0, 0, 12),
        SockFilter::new(IF_EQUAL, 9, 0, 0x0806),
        SockFilter::new(IF_EQUAL, 0, 9, 0x0800),
        SockFilter::new(LOAD_BYTE, 0, 0, 23),
        SockFilter::new(IF_EQUAL, 0, 7, 17),
        SockFilter::new(LOAD_HALF, 0, 0, 20),
        SockFilter::new(IF_ANY_BIT, 5, 0, 0x1fff),
        SockFilter::new(HEADER_TO_X, 0, 0, 14),
        SockFilter::new(LOAD_HALF_AT_X, 0, 0, 16),
        SockFilter::new(IF_EQUAL, 1, 0, clients),
        SockFilter::new(IF_EQUAL, 0, 1, 68),
        SockFilter::new(RETURN, 0, 0, 0x4_0000),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
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
