//! Asking the LAN who has an address (RFC 826), and hearing who says so.
//!
//! The kernel's neighbour table knows only whom the box has spoken to. After a multicast there is no entry, and an old
//! entry may be another device's.

use std::io::{self, Read};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::libc;
use nix::sys::socket::{LinkAddr, MsgFlags, sendto};
use socket2::{Domain, Protocol, Socket, Type};

use crate::model::Mac;

/// Ethertype of ARP; hardware type Ethernet, protocol IPv4, lengths 6 and 4.
const ETHERTYPE: [u8; 2] = [0x08, 0x06];
const HEAD: [u8; 6] = [0x00, 0x01, 0x08, 0x00, 6, 4];
const REQUEST: [u8; 2] = [0, 1];
const REPLY: [u8; 2] = [0, 2];
/// How soon the listening thread notices that it is to end.
const GLANCE: Duration = Duration::from_millis(200);

/// Asks, and has a thread that hears the answers until it is dropped.
#[derive(Debug)]
pub struct Arp {
    socket: Socket,
    ended: Arc<AtomicBool>,
}

impl Arp {
    /// Opens the sockets. `heard` is told of every answer on any interface, whoever asked.
    ///
    /// # Errors
    /// When this process may not open packet sockets (CAP_NET_RAW), or there is no thread.
    pub fn open(heard: impl Fn(Ipv4Addr, Mac) + Send + 'static) -> io::Result<Self> {
        let protocol = u16::try_from(libc::ETH_P_ARP).unwrap_or_default().to_be();
        let mut listening = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(i32::from(protocol))))?;
        listening.set_read_timeout(Some(GLANCE))?;
        // Protocol 0: no frame is handed to this one.
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
        let ended = Arc::new(AtomicBool::new(false));
        let over = ended.clone();
        std::thread::Builder::new().name("arp".into()).spawn(move || {
            let mut frame = [0; 128];
            while !over.load(Ordering::Relaxed) {
                let Ok(length) = listening.read(&mut frame) else { continue };
                if let Some((address, mac)) = frame.get(..length).and_then(answer) {
                    heard(address, mac);
                }
            }
        })?;
        Ok(Self { socket, ended })
    }

    /// Asks on an interface who has `address`, in the name of the box's address `own`.
    ///
    /// # Errors
    /// When the interface is not there, is no Ethernet, or the kernel refuses.
    pub fn ask(&self, interface: u32, own: Ipv4Addr, address: Ipv4Addr) -> io::Result<()> {
        let link = link(interface)?.ok_or(io::ErrorKind::NotFound)?;
        let mac = Mac::new(link.addr().unwrap_or_default());
        let frame = question((mac, own), address);
        sendto(self.socket.as_raw_fd(), &frame, &link, MsgFlags::MSG_DONTWAIT)?;
        Ok(())
    }
}

impl Drop for Arp {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

fn link(interface: u32) -> io::Result<Option<LinkAddr>> {
    let links = getifaddrs()?.filter_map(|entry| entry.address?.as_link_addr().copied());
    let mut ethernet = links.filter(|link| link.halen() == 6);
    Ok(ethernet.find(|link| u32::try_from(link.ifindex()) == Ok(interface)))
}

fn question((mac, own): (Mac, Ipv4Addr), address: Ipv4Addr) -> Vec<u8> {
    let mut frame = Vec::with_capacity(42);
    frame.extend([0xff; 6]);
    frame.extend(mac.octets());
    frame.extend(ETHERTYPE);
    frame.extend(HEAD);
    frame.extend(REQUEST);
    frame.extend(mac.octets());
    frame.extend(own.octets());
    frame.extend([0; 6]);
    frame.extend(address.octets());
    frame
}

/// Who says in an answer to have which address.
fn answer(frame: &[u8]) -> Option<(Ipv4Addr, Mac)> {
    let arp = frame.get(14..).filter(|arp| arp.starts_with(&HEAD))?;
    if frame.get(12..14)? != ETHERTYPE || arp.get(6..8)? != REPLY {
        return None;
    }
    let mac = <[u8; 6]>::try_from(arp.get(8..14)?).ok()?;
    let address = <[u8; 4]>::try_from(arp.get(14..18)?).ok()?;
    Some((address.into(), Mac::new(mac))).filter(|(_, mac)| mac.is_unicast())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac::new([0x80, 0x5e, 0xc0, 1, 2, 3]);

    #[test]
    fn the_question_is_these_octets() {
        let frame = question((MAC, [10, 66, 0, 1].into()), [10, 66, 0, 9].into());
        let expected = "ffffffffffff805ec00102030806000108000604000180 5ec00102030a4200010000000000000a420009";
        let hex: String = frame.iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(hex, expected.replace(' ', ""));
        assert_eq!(answer(&frame), None, "a question is no answer");
    }

    #[test]
    fn only_whole_answers_are_heard() {
        let mut frame = question((MAC, [10, 66, 0, 9].into()), [10, 66, 0, 1].into());
        frame[21] = 2;
        assert_eq!(answer(&frame), Some(([10, 66, 0, 9].into(), MAC)));
        for length in 0..32 {
            assert_eq!(answer(&frame[..length]), None);
        }
        frame[22] = 1;
        assert_eq!(answer(&frame), None, "a group address is nobody's");
    }
}
