use std::net::Ipv4Addr;

/// Whether a server identifier (option 54, RFC 2132 section 9.7) can be a server's: the address of one host, as others
/// reach it (RFC 1122 section 3.2.1.3). Not 0/8 and 127/8, and nothing from 224 on: groups, what is reserved, everybody.
pub(super) fn is_a_hosts(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    (1..224).contains(&first) && first != 127
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_and_nobody_are_no_host() {
        for address in ["10.66.0.1", "192.168.1.1", "169.254.7.7", "1.1.1.1", "223.255.255.254"] {
            assert!(is_a_hosts(address.parse().unwrap()), "{address}");
        }
        for address in ["0.0.0.0", "0.0.0.1", "127.0.0.1", "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255"] {
            assert!(!is_a_hosts(address.parse().unwrap()), "{address}");
        }
    }
}
