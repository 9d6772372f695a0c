use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use block66::lab::ground::{BOX, INTERFACE};
use block66::lab::namespace::Namespace;
use block66::model::Mac;
use block66::phonesim::link::Netlink;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::speak::{Reply, exchange};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A place on the LAN.
pub(crate) struct Place {
    pub(crate) namespace: Namespace,
    pub(crate) mac: Mac,
    pub(crate) address: Ipv4Addr,
    tls: Arc<ClientConfig>,
}

/// A connection, of whichever kind.
pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl Place {
    pub(crate) fn new(namespace: Namespace, mac: Mac, address: Ipv4Addr, root: Vec<u8>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&root).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = Arc::new(tls.with_root_certificates(roots).with_no_client_auth());
        Self { namespace, mac, address, tls }
    }

    /// Takes another address.
    pub(crate) fn move_to(&mut self, address: Ipv4Addr) {
        self.namespace
            .run(|| {
                let net = Netlink::open().unwrap();
                net.address(INTERFACE, ipnet::Ipv4Net::new(address, 22).unwrap()).unwrap();
                net.default_route(BOX).unwrap();
            })
            .unwrap();
        self.address = address;
    }

    /// A connection to a port of the box.
    pub(crate) fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let to = SocketAddr::from((BOX, port));
        let stream = self.namespace.run(|| TcpStream::connect_timeout(&to, LIMIT))??;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn secured(&self) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::IpAddress(std::net::IpAddr::from(BOX).into());
        let connection = ClientConnection::new(Arc::clone(&self.tls), name).map_err(io::Error::other)?;
        Ok(StreamOwned::new(connection, self.connect(443)?))
    }

    /// A connection over HTTP or HTTPS, the box's certificate checked.
    pub(crate) fn open(&self, tls: bool) -> io::Result<Box<dyn Stream>> {
        if tls { Ok(Box::new(self.secured()?)) } else { Ok(Box::new(self.connect(80)?)) }
    }

    /// Sends bytes on a connection of their own, and that there are no more; all that comes back until it is closed.
    pub(crate) fn raw(&self, tls: bool, bytes: &[u8]) -> Vec<u8> {
        let mut answer = Vec::new();
        // One that is closed without a good-bye has said all that it had to say.
        if tls {
            let mut stream = self.secured().unwrap();
            let _ = stream.write_all(bytes).and_then(|()| stream.flush());
            stream.conn.send_close_notify();
            let _ = stream.flush().and_then(|()| stream.sock.shutdown(Shutdown::Write));
            let _ = stream.read_to_end(&mut answer);
        } else {
            let mut stream = self.connect(80).unwrap();
            let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
            let _ = stream.read_to_end(&mut answer);
        }
        answer
    }

    /// Asks for a path with these further lines of the head, on a connection of its own.
    pub(crate) fn ask(&self, tls: bool, method: &str, path: &str, lines: &str, body: &[u8]) -> Reply {
        let mut stream = self.open(tls).unwrap();
        exchange(&mut *stream, method, path, lines, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Asks for a file with this User-Agent.
    pub(crate) fn get(&self, tls: bool, path: &str, agent: &str) -> Reply {
        self.ask(tls, "GET", path, &format!("User-Agent: {agent}\r\n"), b"")
    }

    /// A socket for datagrams at this port; 0 for any. It may send to everybody.
    pub(crate) fn socket(&self, port: u16) -> UdpSocket {
        let socket = self.namespace.run(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap()).unwrap();
        socket.set_broadcast(true).unwrap();
        socket2::SockRef::from(&socket).bind_device(Some(INTERFACE.as_bytes())).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        socket
    }

    /// Runs a program here to its end.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new("timeout");
        command.arg("20").arg(program).args(arguments).stdin(Stdio::null());
        self.namespace.run(|| command.output().expect("coreutils")).unwrap()
    }

    /// The first packet of an answer to a TFTP request.
    pub(crate) fn tftp(&self, name: &str) -> Vec<u8> {
        let socket = self.socket(0);
        let request = [&[0, 1], name.as_bytes(), b"\0octet\0"].concat();
        socket.send_to(&request, (BOX, 69)).unwrap();
        let mut packet = [0; 2048];
        match socket.recv_from(&mut packet) {
            Ok((length, from)) => {
                // The transfer is over.
                let _ = socket.send_to(b"\0\x05\0\0\0", from);
                packet[..length].to_vec()
            }
            Err(error) => panic!("no answer over TFTP to {name}: {error}"),
        }
    }
}
