//! Ethernet frames: for a client that has no address yet, for asking who is there, and as they are overheard.

use std::net::Ipv4Addr;

use crate::model::Mac;

const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const ETHERTYPE_ARP: [u8; 2] = [0x08, 0x06];
/// Hardware type Ethernet, protocol IPv4, lengths 6 and 4 (RFC 826).
const ARP_HEAD: [u8; 6] = [0x00, 0x01, 0x08, 0x00, 6, 4];
const TTL: u8 = 64;
const UDP: u8 = 17;

/// Where the UDP ports of a datagram stand.
const PORTS: usize = 4;

/// A DHCP reply from port 67 to port 68 in a UDP datagram in an IPv4 packet in an Ethernet frame.
///
/// `None` when the message does not fit into an IPv4 packet.
pub(super) fn reply(message: &[u8], from: (Mac, Ipv4Addr), to: (Mac, Ipv4Addr)) -> Option<Vec<u8>> {
    datagram(message, [0, 67, 0, 68], from, to)
}

/// A DHCP message of a client, from port 68 to port 67 of everybody on the link.
pub(super) fn question(message: &[u8], from: (Mac, Ipv4Addr)) -> Option<Vec<u8>> {
    datagram(message, [0, 68, 0, 67], from, (Mac::new([0xff; 6]), Ipv4Addr::BROADCAST))
}

/// Whether a frame is for everybody, or for a group: a router forwards none of those.
pub(super) fn is_for_all(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| first & 1 != 0)
}

/// The payload of a UDP datagram in a frame, with the address that it is from and the port that it is for. Lengths
/// are believed only as far as the frame goes.
pub(super) fn udp(frame: &[u8]) -> Option<(Ipv4Addr, u16, &[u8])> {
    let ip = frame.get(14..).filter(|_| frame.get(12..14) == Some(&ETHERTYPE_IPV4))?;
    let words = usize::from(*ip.first()? & 0x0f) * 4;
    let length = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]));
    if words < 20 || *ip.get(9)? != UDP {
        return None;
    }
    let from = <[u8; 4]>::try_from(ip.get(12..16)?).ok()?;
    let datagram = ip.get(words..length)?;
    let to = u16::from_be_bytes([*datagram.get(2)?, *datagram.get(3)?]);
    Some((from.into(), to, datagram.get(8..)?))
}

fn datagram(message: &[u8], ports: [u8; PORTS], from: (Mac, Ipv4Addr), to: (Mac, Ipv4Addr)) -> Option<Vec<u8>> {
    let udp_length = u16::try_from(message.len() + 8).ok()?;
    let ip_length = udp_length.checked_add(20)?;

    let mut ip = Vec::with_capacity(20);
    // Version 4, five words; no service class; length; no identification; may not be fragmented.
    ip.extend([0x45, 0]);
    ip.extend(ip_length.to_be_bytes());
    ip.extend([0, 0, 0x40, 0, TTL, UDP, 0, 0]);
    ip.extend(from.1.octets());
    ip.extend(to.1.octets());
    let ip_sum = checksum(&[&ip]);

    let mut udp = Vec::with_capacity(8);
    udp.extend(ports);
    udp.extend(udp_length.to_be_bytes());
    let mut pseudo = Vec::with_capacity(12);
    pseudo.extend(from.1.octets());
    pseudo.extend(to.1.octets());
    pseudo.extend([0, UDP]);
    pseudo.extend(udp_length.to_be_bytes());
    // RFC 768: a sum of zero is sent as all ones, because zero means that there is none.
    let udp_sum = match checksum(&[&pseudo, &udp, message]) {
        0 => 0xffff,
        sum => sum,
    };

    let mut frame = ethernet(from.0, to.0, ETHERTYPE_IPV4, usize::from(ip_length));
    let (before, after) = ip.split_at_checked(10)?;
    frame.extend(before);
    frame.extend(ip_sum.to_be_bytes());
    frame.extend(after.get(2..)?);
    frame.extend(udp);
    frame.extend(udp_sum.to_be_bytes());
    frame.extend(message);
    Some(frame)
}

/// The question who has `address`, asked without claiming an address oneself (RFC 5227 section 2.1.1).
pub(super) fn arp_probe(from: Mac, address: Ipv4Addr) -> Vec<u8> {
    let mut frame = ethernet(from, Mac::new([0xff; 6]), ETHERTYPE_ARP, 28);
    frame.extend(ARP_HEAD);
    frame.extend([0, 1]);
    frame.extend(from.octets());
    frame.extend([0; 4]);
    frame.extend([0; 6]);
    frame.extend(address.octets());
    frame
}

/// Who says in an ARP frame, question or answer, to have which address.
pub(super) fn arp_sender(frame: &[u8]) -> Option<(Mac, Ipv4Addr)> {
    let arp = frame.get(14..)?;
    if frame.get(12..14)? != ETHERTYPE_ARP || !arp.starts_with(&ARP_HEAD) {
        return None;
    }
    let mac = <[u8; 6]>::try_from(arp.get(8..14)?).ok()?;
    let address = <[u8; 4]>::try_from(arp.get(14..18)?).ok()?;
    Some((Mac::new(mac), address.into()))
}

fn ethernet(from: Mac, to: Mac, kind: [u8; 2], length: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(14 + length);
    frame.extend(to.octets());
    frame.extend(from.octets());
    frame.extend(kind);
    frame
}

/// The Internet checksum (RFC 1071) over parts, each but the last of even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let pairs = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 = pairs
        .map(|pair| match *pair {
            [high, low] => u32::from(u16::from_be_bytes([high, low])),
            [high] => u32::from(u16::from_be_bytes([high, 0])),
            _ => 0,
        })
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: (Mac, Ipv4Addr) = (Mac::new([2, 0, 0, 0, 0, 1]), Ipv4Addr::new(10, 66, 0, 1));
    const PHONE: (Mac, Ipv4Addr) = (Mac::new([0x80, 0x5e, 0xc0, 1, 2, 3]), Ipv4Addr::new(10, 66, 0, 10));

    #[test]
    fn wraps_a_reply() {
        let frame = reply(b"abc", BOX, PHONE).unwrap();
        // Sums worked out by hand with RFC 1071: 4500+001f+4000+4011+0a42+0001+0a42+000a = d9bf, inverted 2640;
        // 0a42+0001+0a42+000a+0011+000b + 0043+0044+000b + 6162+6300 = d99f, inverted 2660.
        #[rustfmt::skip]
        let expected = [
            0x80, 0x5e, 0xc0, 1, 2, 3, 2, 0, 0, 0, 0, 1, 0x08, 0x00,
            0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17, 0x26, 0x40, 10, 66, 0, 1, 10, 66, 0, 10,
            0, 67, 0, 68, 0, 11, 0x26, 0x60, b'a', b'b', b'c',
        ];
        assert_eq!(frame, expected);
        assert_eq!(reply(&[0; 65_508], BOX, PHONE), None);
    }

    #[test]
    fn overhears_datagrams() {
        let frame = reply(b"abc", BOX, PHONE).unwrap();
        assert_eq!(udp(&frame), Some((BOX.1, 68, &b"abc"[..])));
        let asked = question(b"abcd", PHONE).unwrap();
        assert_eq!(udp(&asked), Some((PHONE.1, 67, &b"abcd"[..])));
        for length in 0..frame.len() {
            assert_eq!(udp(&frame[..length]), None);
        }
        assert_eq!(udp(&arp_probe(BOX.0, PHONE.1)), None);
    }

    #[test]
    fn asks_and_hears_by_arp() {
        #[rustfmt::skip]
        let expected = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06,
            0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 66, 0, 10,
        ];
        assert_eq!(arp_probe(BOX.0, PHONE.1), expected);
        #[rustfmt::skip]
        let answer = [
            2, 0, 0, 0, 0, 1, 0x80, 0x5e, 0xc0, 1, 2, 3, 0x08, 0x06,
            0, 1, 8, 0, 6, 4, 0, 2, 0x80, 0x5e, 0xc0, 1, 2, 3, 10, 66, 0, 10, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0,
        ];
        assert_eq!(arp_sender(&answer), Some(PHONE));
        for length in 0..32 {
            assert_eq!(arp_sender(&answer[..length]), None);
        }
    }
}
