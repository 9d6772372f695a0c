//! Datagrams, with the interface that they came in by.

use std::collections::BTreeSet;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt, sockopt};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::wire::LONGEST;

/// The group at which phones ask.
pub(super) const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 1, 75);
/// Bytes that the kernel is asked to hold for us: a wave of answers comes at once.
const BUFFER: usize = 4 * 1024 * 1024;

/// The sockets for datagrams.
#[derive(Debug)]
pub(super) struct Udp {
    four: UdpSocket,
    /// Absent where the kernel has no IPv6.
    six: Option<UdpSocket>,
}

/// A datagram that came in.
#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) length: usize,
    pub(super) from: SocketAddr,
    /// Number of the interface; 0 when it is not known.
    pub(super) interface: u32,
    /// Whether it was sent to the group.
    pub(super) to_group: bool,
}

impl Udp {
    pub(super) fn open(at: SocketAddr) -> io::Result<Self> {
        let four = match at.ip() {
            IpAddr::V4(_) => open(at)?,
            IpAddr::V6(any) if any.is_unspecified() => open((Ipv4Addr::UNSPECIFIED, at.port()).into())?,
            // One address alone: there is no group to hear.
            IpAddr::V6(_) => return Ok(Self { four: open((Ipv4Addr::LOCALHOST, 0).into())?, six: Some(open(at)?) }),
        };
        let port = four.local_addr()?.port();
        let six = at.is_ipv6().then(|| open((Ipv6Addr::UNSPECIFIED, port).into()).ok()).flatten();
        Ok(Self { four, six })
    }

    pub(super) fn port(&self) -> u16 {
        self.four.local_addr().map_or(0, |at| at.port())
    }

    /// Hears the group on these interfaces, too. One that is heard already is no error.
    pub(super) fn join(&self, interfaces: &BTreeSet<u32>) {
        let socket = socket2::SockRef::from(&self.four);
        for &interface in interfaces {
            match socket.join_multicast_v4_n(&GROUP, &InterfaceIndexOrAddress::Index(interface)) {
                Ok(()) => tracing::info!(interface, "hears phones that ask by SIP multicast"),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => tracing::debug!(interface, %error, "joining the SIP multicast group"),
            }
        }
    }

    /// The next datagram, of either kind. One that fills the buffer was cut.
    pub(super) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Datagram> {
        let mut other = [0; LONGEST + 1];
        match &self.six {
            None => receive_four(&self.four, buffer).await,
            Some(six) => tokio::select! {
                received = receive_four(&self.four, buffer) => received,
                received = six.recv_from(&mut other) => {
                    let (length, from) = received?;
                    if let (Some(to), Some(bytes)) = (buffer.get_mut(..length), other.get(..length)) {
                        to.copy_from_slice(bytes);
                    }
                    let interface = if let SocketAddr::V6(from) = from { from.scope_id() } else { 0 };
                    Ok(Datagram { length, from, interface, to_group: false })
                }
            },
        }
    }

    pub(super) async fn send(&self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        let socket = match (to, &self.six) {
            (SocketAddr::V6(_), Some(six)) => six,
            (SocketAddr::V6(_), None) => return Err(io::ErrorKind::Unsupported.into()),
            (SocketAddr::V4(_), _) => &self.four,
        };
        socket.send_to(bytes, to).await.map(drop)
    }
}

fn open(at: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    } else {
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        // Groups that other programs of this machine hear are not ours.
        socket.set_multicast_all_v4(false)?;
    }
    // The kernel gives what it allows.
    let _ = socket.set_recv_buffer_size(BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    UdpSocket::from_std(socket.into())
}

async fn receive_four(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Datagram> {
    socket
        .async_io(Interest::READABLE, || {
            let mut control = nix::cmsg_space!(nix::libc::in_pktinfo);
            let mut slices = [IoSliceMut::new(&mut *buffer)];
            let received =
                recvmsg::<SockaddrIn>(socket.as_raw_fd(), &mut slices, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
            let from = received.address.ok_or(io::ErrorKind::InvalidData)?;
            let mut datagram = Datagram {
                length: received.bytes,
                from: SocketAddr::new(from.ip().into(), from.port()),
                interface: 0,
                to_group: false,
            };
            for message in received.cmsgs()? {
                if let ControlMessageOwned::Ipv4PacketInfo(info) = message {
                    datagram.interface = u32::try_from(info.ipi_ifindex).unwrap_or_default();
                    datagram.to_group = Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()) == GROUP;
                }
            }
            Ok(datagram)
        })
        .await
}
