//! Checksums of UDP and TCP over IPv4. Between two interfaces of one machine they are left to a network card that is
//! not there; what is put on the line again must carry them.

/// Puts the checksum right in a frame, if it is a whole UDP or TCP packet over IPv4.
pub(super) fn put_right(frame: &mut [u8]) {
    const ETHERNET: usize = 14;
    let Some(packet) = frame.get_mut(ETHERNET..).filter(|packet| packet.len() >= 20 && packet[0] >> 4 == 4) else {
        return;
    };
    let head = usize::from(packet[0] & 15) * 4;
    let length = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    let fragment = u16::from_be_bytes([packet[6], packet[7]]) & 0x3fff != 0;
    let at = match packet[9] {
        17 => 6,
        6 => 16,
        _ => return,
    };
    if fragment || length > packet.len() || length < head + at + 2 {
        return;
    }
    let mut sum = u32::from(packet[9]) + u32::try_from(length - head).unwrap_or_default();
    sum += words(&packet[12..20]);
    packet[head + at..head + at + 2].fill(0);
    sum += words(&packet[head..length]);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    // 0 means that there is none (RFC 768).
    let sum = match !u16::try_from(sum).unwrap_or_default() {
        0 => 0xffff,
        sum => sum,
    };
    packet[head + at..head + at + 2].copy_from_slice(&sum.to_be_bytes());
}

fn words(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low))).sum()
}

#[test]
fn a_known_packet_gets_its_checksum() {
    // A query for the A record of "x", 10.0.0.1:1024 to 10.0.0.2:53, with no checksum yet.
    let mut frame = vec![0; 14];
    frame.extend([0x45, 0, 0, 47, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([4, 0, 0, 53, 0, 27, 0, 0]);
    frame.extend([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'x', 0, 0, 1, 0, 1]);
    put_right(&mut frame);
    let packet = &frame[14..];
    let mut sum: u32 = words(&packet[12..20]) + 17 + 27 + words(&packet[20..47]);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    assert_eq!(sum, 0xffff, "a receiver adds it up to this (RFC 1071)");
    assert_ne!(packet[26..28], [0, 0]);
}
