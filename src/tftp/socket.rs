use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt,
    sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo},
};
use socket2::Domain;
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::sys::sockets;

/// A packet that came in.
pub(super) struct Received {
    pub(super) length: usize,
    pub(super) from: SocketAddr,
    /// The address of ours that it was sent to: a client takes answers from no other.
    pub(super) to: Option<IpAddr>,
}

/// Opens the port, as [`sockets::datagrams`] does.
///
/// # Errors
/// When the port is taken or may not be bound.
pub fn bind(at: SocketAddr) -> io::Result<UdpSocket> {
    sockets::datagrams_with(at, |socket| {
        match socket.domain()? {
            Domain::IPV6 => setsockopt(socket, Ipv6RecvPacketInfo, &true)?,
            _ => setsockopt(socket, Ipv4PacketInfo, &true)?,
        }
        Ok(())
    })
}

/// A socket for one transfer: from `local`, to `peer` alone.
pub(super) async fn connected(local: Option<IpAddr>, peer: SocketAddr) -> io::Result<UdpSocket> {
    let any =
        if peer.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { "::".parse().map_err(io::Error::other)? };
    let local = local.filter(|local| local.is_ipv4() == peer.is_ipv4() && !local.is_multicast());
    let socket = match UdpSocket::bind((local.unwrap_or(any), 0)).await {
        Ok(socket) => socket,
        // It was sent to everybody.
        Err(_) => UdpSocket::bind((any, 0)).await?,
    };
    socket.connect(peer).await?;
    Ok(socket)
}

/// The next packet.
pub(super) async fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
    socket.async_io(Interest::READABLE, || receive_now(socket, buffer)).await
}

fn receive_now(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
    let mut control = nix::cmsg_space!([u8; 64]);
    let mut slices = [IoSliceMut::new(buffer)];
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
    let to = message.cmsgs()?.find_map(|about| match about {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(IpAddr::from(info.ipi_addr.s_addr.to_ne_bytes())),
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(IpAddr::from(info.ipi6_addr.s6_addr).to_canonical()),
        _ => None,
    });
    let from = message.address.as_ref().and_then(|from| {
        let v4 = from.as_sockaddr_in().map(|from| SocketAddr::from((from.ip(), from.port())));
        v4.or_else(|| from.as_sockaddr_in6().map(|from| SocketAddr::from((from.ip().to_canonical(), from.port()))))
    });
    Ok(Received { length: message.bytes, from: from.ok_or(io::ErrorKind::InvalidData)?, to })
}
