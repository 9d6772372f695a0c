use std::net::{IpAddr, Ipv6Addr};

/// Whom an address counts as where many tries or connections of one source are bounded: an IPv6 host has a whole /64 to
/// come from, but on the link itself, where that would be everybody; and an IPv4 address is the same however it is
/// written.
pub(crate) fn block_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_unicast_link_local() => {
            IpAddr::V6(Ipv6Addr::from(u128::from(address) & !0_u128 << 64))
        }
        whole => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_ipv6_network_is_one_source_but_on_the_link() {
        let block = |text: &str| block_of(text.parse().unwrap());
        assert_eq!(block("2001:db8:0:1::1"), block("2001:db8:0:1:ffff::2"));
        assert_ne!(block("2001:db8:0:1::1"), block("2001:db8:0:2::1"));
        assert_ne!(block("fe80::1"), block("fe80::2"));
        assert_eq!(block("::ffff:192.0.2.1"), block("192.0.2.1"));
        assert_ne!(block("192.0.2.1"), block("192.0.2.2"));
    }
}
