//! The phone's place on a LAN: getting an address, keeping it, losing it.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use ipnet::Ipv4Net;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::dhcp::{ACK, Ask, DISCOVER, NAK, OFFER, REQUEST, Reply, Terms};
use super::fault::Halt;
use super::link::Netlink;
use super::wire::GLANCE;
use super::{Fault, Identity, Remote, Stage};
use crate::model::Mac;
use crate::phonesim::clock::Clock;

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;

/// An interface and the lease on it.
#[derive(Debug)]
pub(super) struct Lan {
    pub(super) interface: String,
    pub(super) identity: Identity,
    pub(super) remote: Remote,
    pub(super) lease: Option<Lease>,
    /// Counts transactions, so that no two have the same number.
    transactions: u32,
}

/// An address with its times, in real time as it passes for this phone.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) terms: Terms,
    pub(super) renew_at: Instant,
    rebind_at: Instant,
    end: Instant,
}

impl Lan {
    pub(super) fn new(interface: String, identity: Identity, remote: Remote) -> Self {
        Self { interface, identity, remote, lease: None, transactions: 0 }
    }

    /// Plugs the cable in and asks until there is an address. A phone never gives up on this.
    pub(super) fn attach(&mut self, clock: &Clock, custom: &[u8]) -> Result<(), Halt> {
        self.lease = None;
        self.plug_in().map_err(broken)?;
        let socket = self.socket().map_err(broken)?;
        let began = Instant::now();
        let mut patience = 0;
        loop {
            // RFC 2131 section 4.1: 4, 8, 16, 32, 64 seconds, without the second of chance that it adds or takes away.
            let pause = clock.patience(Duration::from_secs(4 << patience.min(4)));
            patience += 1;
            self.remote.tell(|report| report.discovers += 1);
            match self.lease(&socket, began, pause, custom)? {
                Some(terms) => {
                    let took = began.elapsed();
                    self.remote.tell(|report| report.leased_in = Some(took));
                    let prefix = u8::try_from(u32::from(terms.mask).leading_ones()).unwrap_or(32);
                    let address = Ipv4Net::new(terms.address, prefix)
                        .map_err(|_| Fault::LeaseLacks("a subnet mask that is one (option 1)"))?;
                    self.settle(address, terms.router).map_err(broken)?;
                    self.keep(terms, clock);
                    return Ok(());
                }
                None if patience >= 3 => self.remote.failed(Stage::Dhcp, Fault::NoLease),
                None => {}
            }
        }
    }

    /// Without an address. Netlink is not kept open meanwhile: it takes four descriptors, which thousands of phones that wait
    /// for theirs do not have.
    fn plug_in(&self) -> io::Result<()> {
        let net = Netlink::open()?;
        net.forget_addresses(&self.interface)?;
        net.up("lo")?;
        net.up(&self.interface)
    }

    fn settle(&self, address: Ipv4Net, router: Option<Ipv4Addr>) -> io::Result<()> {
        let net = Netlink::open()?;
        net.address(&self.interface, address)?;
        router.map_or(Ok(()), |router| net.default_route(router))
    }

    /// DISCOVER, OFFER, REQUEST, ACK (RFC 2131 section 3.1).
    fn lease(
        &mut self,
        socket: &UdpSocket,
        began: Instant,
        pause: Duration,
        custom: &[u8],
    ) -> Result<Option<Terms>, Halt> {
        let secs = u16::try_from(began.elapsed().as_secs()).unwrap_or(u16::MAX);
        let xid = self.transaction();
        let dhcp = &self.identity.breed.dhcp;
        let (class, wanted) = ((dhcp.class)(&self.identity), [dhcp.wanted, custom].concat());
        let ask = Ask {
            kind: DISCOVER,
            mac: self.identity.mac,
            xid,
            secs,
            held: None,
            chosen: None,
            class: &class,
            user_class: dhcp.user_class,
            wanted: &wanted,
        };
        let everybody = Ipv4Addr::BROADCAST;
        let Some(offer) = self.ask(socket, &ask, everybody, &[OFFER], pause)? else { return Ok(None) };
        let terms = offer.terms((dhcp.place)(&offer.options, custom))?;
        let chosen = Some((terms.address, terms.server));
        let request = Ask { kind: REQUEST, chosen, ..ask };
        match self.ask(socket, &request, everybody, &[ACK, NAK], pause)? {
            Some(reply) if reply.kind == ACK => Ok(Some(reply.terms((dhcp.place)(&reply.options, custom))?)),
            _ => Ok(None),
        }
    }

    /// Renews the lease (RFC 2131 section 4.4.5): first with its server, near its end with any.
    ///
    /// # Errors
    /// `LeaseEnded` when it is over; the address is gone then.
    pub(super) fn renew(&mut self, clock: &Clock, custom: &[u8]) -> Result<(), Halt> {
        let Some(lease) = self.lease.clone() else { return Ok(()) };
        let address = lease.terms.address;
        let socket = self.socket().map_err(broken)?;
        let dhcp = &self.identity.breed.dhcp;
        let (class, wanted) = ((dhcp.class)(&self.identity), [dhcp.wanted, custom].concat());
        let ask = Ask {
            kind: REQUEST,
            mac: self.identity.mac,
            xid: self.transaction(),
            secs: 0,
            held: Some(address),
            chosen: None,
            class: &class,
            user_class: dhcp.user_class,
            wanted: &wanted,
        };
        let to = if Instant::now() < lease.rebind_at { lease.terms.server } else { Ipv4Addr::BROADCAST };
        let answer = self.ask(&socket, &ask, to, &[ACK, NAK], clock.patience(Duration::from_secs(4)))?;
        match answer {
            Some(reply) if reply.kind == ACK => {
                self.remote.note(format!("renewed {address}"));
                self.keep(reply.terms((dhcp.place)(&reply.options, custom))?, clock);
                Ok(())
            }
            None if Instant::now() < lease.end => {
                self.remote.note(format!("asked {to} to renew {address}: no answer"));
                if let Some(lease) = &mut self.lease {
                    lease.renew_at = Instant::now() + clock.patience(Duration::from_secs(60));
                }
                Ok(())
            }
            _ => {
                self.lease = None;
                Netlink::open().and_then(|net| net.forget_addresses(&self.interface)).map_err(broken)?;
                Err(Fault::LeaseEnded(address).into())
            }
        }
    }

    /// Vanishes: from now on nothing leaves, not even the end of a connection, since the kernel sends nothing from an
    /// address that is not its own. The link stays up: a switch takes a second to notice each change of it.
    pub(super) fn unplug(&mut self) {
        self.lease = None;
        if let Err(error) = Netlink::open().and_then(|net| net.forget_addresses(&self.interface)) {
            self.remote.note(format!("could not be unplugged: {error}"));
        }
    }

    fn keep(&mut self, terms: Terms, clock: &Clock) {
        let now = Instant::now();
        let after = |seconds: u32| now + clock.patience(Duration::from_secs(seconds.into()));
        self.lease = Some(Lease {
            renew_at: after(terms.renewal),
            rebind_at: after(terms.rebinding),
            end: after(terms.lease),
            terms,
        });
    }

    fn transaction(&mut self) -> u32 {
        self.transactions = self.transactions.wrapping_add(1);
        let [_, _, a, b, c, d] = self.identity.mac.octets();
        u32::from_be_bytes([a, b, c, d]).wrapping_mul(0x9e37_79b1).wrapping_add(self.transactions)
    }

    /// RFC 2131 section 4.1: client port 68; bound to the interface, since there is no route without an address.
    fn socket(&self) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        socket.bind_device(Some(self.interface.as_bytes()))?;
        socket.set_broadcast(true)?;
        socket.attach_filter(&addressed_to(self.identity.mac))?;
        socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, CLIENT_PORT)).into())?;
        let socket = UdpSocket::from(socket);
        socket.set_read_timeout(Some(GLANCE))?;
        Ok(socket)
    }

    /// Sends `ask` and waits for an answer of one of `kinds`, at most `limit`.
    fn ask(
        &self,
        socket: &UdpSocket,
        ask: &Ask<'_>,
        to: Ipv4Addr,
        kinds: &[u8],
        limit: Duration,
    ) -> Result<Option<Reply>, Halt> {
        let to = SocketAddrV4::new(to, SERVER_PORT);
        if let Err(error) = socket.send_to(&ask.bytes(), to) {
            // As a real phone, it goes on as if the packet had been lost.
            self.remote.note(format!("could not send to {to}: {error}"));
        }
        let until = Instant::now() + limit;
        let mut buffer = [0; 2048];
        while Instant::now() < until {
            if let Some(order) = self.remote.ordered() {
                return Err(Halt::Power(order));
            }
            match socket.recv(&mut buffer) {
                Ok(length) => {
                    let packet = buffer.get(..length).unwrap_or_default();
                    match Reply::parse(packet, ask.xid, self.identity.mac) {
                        Some(reply) if kinds.contains(&reply.kind) => return Ok(Some(reply)),
                        _ => {}
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => self.remote.note(format!("could not receive: {error}")),
            }
        }
        Ok(None)
    }
}

/// A filter (classic BPF) that lets through what names this hardware address as the client's (RFC 2131 figure 1, behind
/// the UDP header). A phone has a processor of its own for the answers that are broadcast to others; simulated ones share
/// one, and are not woken for them.
fn addressed_to(mac: Mac) -> [SockFilter; 6] {
    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF: u16 = 0x28;
    const IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const CLIENT: u32 = 8 + 28;
    let [a, b, c, d, e, f] = mac.octets();
    [
        SockFilter::new(LOAD_WORD, 0, 0, CLIENT),
        SockFilter::new(IF_EQUAL, 0, 3, u32::from_be_bytes([a, b, c, d])),
        SockFilter::new(LOAD_HALF, 0, 0, CLIENT + 4),
        SockFilter::new(IF_EQUAL, 0, 1, u32::from_be_bytes([0, 0, e, f])),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

fn broken(error: io::Error) -> Halt {
    Halt::Fault(Fault::Interface(error.to_string()))
}
