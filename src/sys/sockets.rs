//! The sockets that doors listen on. One for `[::]` takes IPv4, too, and is one for `0.0.0.0` where the kernel has no
//! IPv6: the defaults of the configuration hold on either.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

/// Connections that the kernel keeps for us while we are busy.
const BACKLOG: i32 = 1024;

/// Opens a socket for connections. It does not block.
///
/// # Errors
/// The port is taken or not ours to take.
pub fn connections(at: SocketAddr) -> io::Result<TcpListener> {
    or_ipv4(at, |at| {
        let socket = unbound(at, Type::STREAM, Protocol::TCP)?;
        // Connections that have just ended do not keep the port.
        socket.set_reuse_address(true)?;
        socket.bind(&at.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    })
}

/// Opens a socket for datagrams, within a runtime.
///
/// # Errors
/// The port is taken or not ours to take.
pub fn datagrams(at: SocketAddr) -> io::Result<UdpSocket> {
    datagrams_with(at, |_| Ok(()))
}

/// As [`datagrams`], with options set before the first one can come in.
///
/// # Errors
/// As [`datagrams`], and those of `prepare`.
pub fn datagrams_with(at: SocketAddr, prepare: impl Fn(&Socket) -> io::Result<()>) -> io::Result<UdpSocket> {
    or_ipv4(at, |at| {
        let socket = unbound(at, Type::DGRAM, Protocol::UDP)?;
        prepare(&socket)?;
        socket.bind(&at.into())?;
        UdpSocket::from_std(socket.into())
    })
}

fn unbound(at: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), kind, Some(protocol))?;
    if at.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Opens what is for any address of IPv6 for any of IPv4, where the former cannot be had. That a port is taken is
/// no reason: who has it would get half of what comes in.
fn or_ipv4<T>(at: SocketAddr, open: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match open(at) {
        Err(error) if at.ip().is_unspecified() && at.is_ipv6() && error.kind() != io::ErrorKind::AddrInUse => {
            open((Ipv4Addr::UNSPECIFIED, at.port()).into()).map_err(|_| error)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: &str = "[::]:5060";

    fn opened(at: &str, refuse: impl Fn(SocketAddr) -> Option<io::Error>) -> Result<String, io::ErrorKind> {
        let open = |at| refuse(at).map_or(Ok(at), Err);
        or_ipv4(at.parse().unwrap(), open).map(|at| at.to_string()).map_err(|error| error.kind())
    }

    #[test]
    fn without_ipv6_any_address_is_any_of_ipv4() {
        let none = |at: SocketAddr| at.is_ipv6().then(|| io::ErrorKind::Unsupported.into());
        assert_eq!(opened(ANY, none).as_deref(), Ok("0.0.0.0:5060"));
        assert_eq!(opened("[::1]:5060", none), Err(io::ErrorKind::Unsupported), "one address is that address");
    }

    #[test]
    fn a_port_that_is_taken_is_not_taken_by_halves() {
        let taken = |at: SocketAddr| at.is_ipv6().then(|| io::ErrorKind::AddrInUse.into());
        assert_eq!(opened(ANY, taken), Err(io::ErrorKind::AddrInUse));
    }

    #[test]
    fn the_first_error_is_told() {
        let never = |at: SocketAddr| {
            Some(if at.is_ipv6() { io::ErrorKind::PermissionDenied } else { io::ErrorKind::AddrInUse }.into())
        };
        assert_eq!(opened(ANY, never), Err(io::ErrorKind::PermissionDenied));
    }

    #[tokio::test]
    async fn both_kinds_hear_ipv4_at_any_address() {
        let listener = connections("[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let (accepted, connected) =
            tokio::join!(listener.accept(), tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
        assert!(accepted.is_ok() && connected.is_ok());

        let socket = datagrams("[::]:0".parse().unwrap()).unwrap();
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        client.send_to(b"time", (Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let mut buffer = [0; 8];
        let received = tokio::time::timeout(std::time::Duration::from_secs(5), socket.recv(&mut buffer)).await;
        assert_eq!(received.unwrap().unwrap(), 4);
    }
}
