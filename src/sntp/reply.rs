use std::net::Ipv4Addr;

use crate::model::Timestamp;

/// Length of an SNTP message without authenticator (RFC 4330 section 4).
pub const LENGTH: usize = 48;

/// Seconds from 1900, where NTP counts from, to 1970.
const EPOCH: i64 = 2_208_988_800;

/// What is true of the clock that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Whether something vouches for the clock.
    pub trusted: bool,
    /// When it was last known to be right, or the floor that it was raised to.
    pub set: Timestamp,
}

/// The answer to an SNTP request (RFC 4330 section 5), or `None` for what is not to be answered: anything but a
/// client's request or a symmetric peer's, an unknown version, and a message that is too short.
///
/// A clock that nobody vouches for is served all the same, as stratum 10: a phone whose own clock starts in 1970
/// needs any time within the life of our certificate to verify it. Leap indicator 3 and stratum 0 would be the
/// letter of the RFC, and the phone would then keep 1970.
pub fn reply(request: &[u8], received: Timestamp, sent: Timestamp, source: &Source) -> Option<[u8; LENGTH]> {
    let [first, _, poll, ..] = *request else { return None };
    if request.len() < LENGTH {
        return None;
    }
    let (version, mode) = (first >> 3 & 7, first & 7);
    if !(1..=4).contains(&version) {
        return None;
    }
    // Client gets server, symmetric active gets symmetric passive. An answer to a server's or a broadcast message
    // would begin an endless exchange between two servers.
    let answer_mode = match mode {
        1 => 2,
        3 => 4,
        // Version 1 has no modes; its requests carry 0 (RFC 1305 appendix D). An answer with 0 would pass for a
        // request at another server, and one forged datagram would keep the two busy for ever.
        0 if version == 1 => 4,
        _ => return None,
    };
    let stratum: u8 = if source.trusted { 3 } else { 10 };
    let mut answer = Vec::with_capacity(LENGTH);
    // No leap second warning; the precision is a millisecond, 2^-10 s.
    answer.extend([version << 3 | answer_mode, stratum, poll, 0xf6]);
    // Root delay: none known. Root dispersion: 16.16 seconds of doubt. For 0.9 s at most: clients drop an answer that
    // says a second or more (RFC 4330 section 5), so that the stratum has to say the rest.
    answer.extend([0; 4]);
    answer.extend(if source.trusted { [0, 0, 0x08, 0] } else { [0, 0, 0xe6, 0x66] });
    // The reference identifier of an upstream server would be its address; this box is its own.
    answer.extend(Ipv4Addr::LOCALHOST.octets());
    answer.extend(ntp(source.set.min(sent)));
    // The originate time is the transmit time of the request, bit for bit.
    answer.extend(request.get(40..LENGTH)?);
    answer.extend(ntp(received));
    answer.extend(ntp(sent.max(received)));
    <[u8; LENGTH]>::try_from(answer).ok()
}

/// A time in NTP's 32.32 format. Beyond 2036 the seconds wrap, as RFC 4330 section 3 has it.
fn ntp(time: Timestamp) -> [u8; 8] {
    let seconds = time.secs().wrapping_add(EPOCH) & 0xffff_ffff;
    let fraction = (time.millis().rem_euclid(1000) << 32) / 1000;
    (seconds.unsigned_abs() << 32 | fraction.unsigned_abs()).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-09-21T12:26:40.500Z.
    const NOON: Timestamp = Timestamp::from_millis(1_758_457_600_500);
    const SOURCE: Source = Source { trusted: true, set: Timestamp::from_secs(1_758_457_600) };

    fn request(first: u8) -> [u8; 48] {
        let mut request = [0; 48];
        request[0] = first;
        request[2] = 6;
        request[40..].copy_from_slice(&[0x83, 0xaa, 0x7e, 0x80, 1, 2, 3, 4]);
        request
    }

    #[test]
    fn answers_a_phone_whose_clock_is_in_1970() {
        // Version 3 client, as most phones send it. 1758457600 + 2208988800 = 3967446400 = 0xec7a6d80.
        let answer = reply(&request(0x1b), NOON, NOON, &SOURCE).unwrap();
        #[rustfmt::skip]
        let expected = [
            0x1c, 3, 6, 0xf6, 0, 0, 0, 0, 0, 0, 8, 0, 127, 0, 0, 1,
            0xec, 0x7a, 0x6d, 0x80, 0, 0, 0, 0,
            0x83, 0xaa, 0x7e, 0x80, 1, 2, 3, 4,
            0xec, 0x7a, 0x6d, 0x80, 0x80, 0, 0, 0,
            0xec, 0x7a, 0x6d, 0x80, 0x80, 0, 0, 0,
        ];
        assert_eq!(answer, expected);
    }

    #[test]
    fn an_unsure_clock_says_so_and_is_served() {
        let unsure = Source { trusted: false, ..SOURCE };
        let answer = reply(&request(0x23), NOON, NOON, &unsure).unwrap();
        assert_eq!(answer[..4], [0x24, 10, 6, 0xf6]);
        // What RFC 4330 section 5 names as sane: each at least 0 and less than a second.
        for (what, field) in [("delay", &answer[4..8]), ("dispersion", &answer[8..12])] {
            let field = u32::from_be_bytes(field.try_into().unwrap());
            assert!(field < 0x10000, "{what}: {field:#x}");
        }
    }

    #[test]
    fn answers_clients_and_active_peers_of_versions_1_to_4() {
        let first = |byte| reply(&request(byte), NOON, NOON, &SOURCE).map(|answer| answer[0]);
        assert_eq!([0x0b, 0x13, 0x1b, 0x23].map(first), [Some(0x0c), Some(0x14), Some(0x1c), Some(0x24)]);
        assert_eq!(first(0x21), Some(0x22), "active gets passive");
        assert_eq!(first(0x08), Some(0x0c), "version 1 knows no modes, and its answer must not look like a request");
        assert_eq!(first(0xe3), Some(0x24), "the leap indicator of a request means nothing");
        for byte in [0x03, 0x2b, 0x33, 0x3b, 0x20, 0x22, 0x24, 0x25, 0x26, 0x27] {
            assert_eq!(first(byte), None, "{byte:#x}");
        }
    }

    #[test]
    fn never_answers_its_own_answer_or_half_a_request() {
        let answer = reply(&request(0x1b), NOON, NOON, &SOURCE).unwrap();
        assert_eq!(reply(&answer, NOON, NOON, &SOURCE), None);
        for length in 0..48 {
            assert_eq!(reply(&request(0x1b)[..length], NOON, NOON, &SOURCE), None);
        }
        let mut long = request(0x1b).to_vec();
        long.extend([0; 20]);
        assert!(reply(&long, NOON, NOON, &SOURCE).is_some(), "an authenticator is ignored");
    }

    #[test]
    fn time_never_runs_backwards_in_an_answer() {
        let early = Timestamp::from_secs(1_758_457_599);
        let answer = reply(&request(0x1b), NOON, early, &SOURCE).unwrap();
        assert_eq!(answer[32..40], answer[40..48]);
        assert_eq!(answer[16..24], [0xec, 0x7a, 0x6d, 0x7f, 0, 0, 0, 0]);
    }
}
