//! A relay agent as switches have it (RFC 1542 section 4, RFC 3046), in a thread. It leaves its option in the answers,
//! where phones pass over it, and has each leave by the port that it is for (RFC 3046 section 2.2).

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use block66::lab::namespace::Namespace;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{LinkAddr, MsgFlags, sendto};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

const PAD: u8 = 0;
const END: u8 = 255;
/// What a relay agent says (RFC 3046), and in it the circuit that a packet came by.
const RELAY_AGENT: u8 = 82;
const CIRCUIT: u8 = 1;

/// Relays between the phones at one interface and a server, until it is dropped.
pub(crate) struct Relay {
    stop: Arc<AtomicBool>,
}

impl Relay {
    /// Relays in the namespace of a router whose address at `interface`, where the phones are, is `own`.
    pub(crate) fn start(at: &Namespace, interface: &'static str, own: Ipv4Addr, server: Ipv4Addr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let thread = at.spawn("relay".into(), move || {
            let phones = socket(Ipv4Addr::UNSPECIFIED, Some(interface));
            let servers = socket(own, None);
            let back = servers.try_clone().expect("a socket");
            let down = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0))).expect("a socket");
            let link = link(interface);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    carry(&phones, &until, |packet| {
                        if packet[0] != 1 {
                            return;
                        }
                        packet[3] = packet[3].saturating_add(1);
                        packet[24..28].copy_from_slice(&own.octets());
                        name_port(packet);
                        let _ = servers.send_to(packet, (server, 67));
                    });
                });
                carry(&back, &until, |packet| {
                    if packet[0] == 2 {
                        let frame = frame(packet, (link.addr().expect("Ethernet"), own));
                        let _ = sendto(down.as_raw_fd(), &frame, &link, MsgFlags::empty());
                    }
                });
            });
        });
        drop(thread.expect("a thread"));
        Self { stop }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn socket(address: Ipv4Addr, interface: Option<&str>) -> UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).expect("a socket");
    socket.set_reuse_address(true).expect("a socket");
    socket.set_broadcast(true).expect("a socket");
    socket.set_recv_buffer_size(4 << 20).expect("a socket");
    socket.bind_device(interface.map(str::as_bytes)).expect("an interface");
    socket.bind(&SocketAddr::from((address, 67)).into()).expect("port 67");
    let socket = UdpSocket::from(socket);
    SockRef::from(&socket).set_read_timeout(Some(Duration::from_millis(200))).expect("a socket");
    socket
}

/// Names the port that a phone is plugged into, as its circuit (RFC 3046 section 3.1). Each phone has one of its own
/// here: so the MAC names it.
fn name_port(packet: &mut Vec<u8>) {
    let mut at = 240;
    while let Some(code) = packet.get(at).copied().filter(|code| *code != END) {
        at += if code == PAD { 1 } else { 2 + usize::from(packet.get(at + 1).copied().unwrap_or_default()) };
    }
    packet.truncate(at);
    let port = packet[28..34].to_vec();
    packet.extend([[RELAY_AGENT, 8, CIRCUIT, 6].as_slice(), &port, &[END]].concat());
}

fn link(interface: &str) -> LinkAddr {
    let mut found = getifaddrs().expect("interfaces").filter(|found| found.interface_name == interface);
    found.find_map(|found| found.address?.as_link_addr().copied()).expect("an interface")
}

/// An answer as it leaves by one port: in a packet for everybody, since the phone has no address yet, in a frame for the
/// phone.
fn frame(answer: &[u8], (mac, own): ([u8; 6], Ipv4Addr)) -> Vec<u8> {
    let length = |above: usize| u16::try_from(answer.len() + above).expect("a packet").to_be_bytes();
    let mut ip = [&[0x45, 0], &length(28)[..], &[0, 0, 0, 0, 64, 17, 0, 0], &own.octets(), &[255; 4]].concat();
    let sum: u32 = ip.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).expect("two octets, for so few");
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    // Without a checksum of its own (RFC 768): it goes from memory to memory.
    let udp = [&[0, 67, 0, 68], &length(8)[..], &[0, 0]].concat();
    [&answer[28..34], &mac, &[0x08, 0x00], &ip, &udp, answer].concat()
}

fn carry(from: &UdpSocket, until: &AtomicBool, mut pass: impl FnMut(&mut Vec<u8>)) {
    let mut packet = Vec::new();
    while !until.load(Ordering::Relaxed) {
        packet.resize(2048, 0);
        if let Ok(length) = from.recv(&mut packet)
            && length >= 240
        {
            packet.truncate(length);
            pass(&mut packet);
        }
    }
}
