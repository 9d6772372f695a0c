//! One SNTP question and its answer (RFC 4330 sections 4 and 5).

/// Seconds between 1900, where NTP counts from, and 1970.
const EPOCH: u64 = 2_208_988_800;

/// A question: version 4, mode 3 (client), and the phone's own time as transmit timestamp.
pub(super) fn question(unix: u64) -> [u8; 48] {
    let mut packet = [0; 48];
    packet[0] = 0x23;
    let seconds = u32::try_from((unix + EPOCH) & 0xffff_ffff).unwrap_or_default();
    packet[40..44].copy_from_slice(&seconds.to_be_bytes());
    packet
}

/// The time of an answer to `question`, in seconds since 1970.
///
/// Checked as RFC 4330 section 5 asks of a client: mode, version, stratum, no alarm, our own timestamp repeated.
pub(super) fn answer(question: &[u8; 48], packet: &[u8]) -> Result<u64, &'static str> {
    let Some((packet, _)) = packet.split_first_chunk::<48>() else { return Err("sent too short an answer") };
    let [first, stratum, ..] = *packet;
    if first & 0x07 != 4 {
        return Err("sent something that is not a server's answer");
    }
    if first >> 6 == 3 || stratum == 0 || stratum > 15 {
        return Err("says that it does not know the time itself");
    }
    if packet[24..32] != question[40..48] {
        return Err("sent an answer to another question");
    }
    let [.., a, b, c, d, _, _, _, _] = *packet;
    let seconds = u64::from(u32::from_be_bytes([a, b, c, d]));
    if seconds == 0 {
        return Err("sent an answer without a time");
    }
    // RFC 4330 section 3: the top bit clear means the era that begins in 2036.
    let era = if seconds & 0x8000_0000 == 0 { 1 << 32 } else { 0 };
    Ok(seconds + era - EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(question: &[u8; 48]) -> [u8; 48] {
        let mut packet = [0; 48];
        packet[0] = 0x24;
        packet[1] = 2;
        packet[24..32].copy_from_slice(&question[40..48]);
        // 2023-11-14T22:13:20Z is 1,700,000,000 seconds after 1970: 0xe8fe_6f80 after 1900.
        packet[40..44].copy_from_slice(&[0xe8, 0xfe, 0x6f, 0x80]);
        packet
    }

    #[test]
    fn asks_as_a_client_in_1970() {
        let packet = question(7);
        assert_eq!(packet[0], 0b00_100_011);
        assert_eq!(packet[40..48], [0x83, 0xaa, 0x7e, 0x87, 0, 0, 0, 0]);
        assert!(packet[1..40].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn believes_only_a_good_answer() {
        let asked = question(7);
        let mut packet = good(&asked);
        assert_eq!(answer(&asked, &packet), Ok(1_700_000_000));
        let spoil: [(usize, u8); 6] = [(0, 0x23), (0, 0xe4), (1, 0), (1, 16), (24, 1), (31, 1)];
        for (at, with) in spoil {
            let mut packet = packet;
            packet[at] = with;
            assert!(answer(&asked, &packet).is_err(), "{at} {with:#x}");
        }
        assert!(answer(&asked, &packet[..47]).is_err());
        packet[40..44].copy_from_slice(&[0, 0, 0, 16]);
        assert_eq!(answer(&asked, &packet), Ok(2_085_978_512), "2036-02-07T06:28:32Z");
        packet[40..44].copy_from_slice(&[0; 4]);
        assert!(answer(&asked, &packet).is_err());
    }
}
