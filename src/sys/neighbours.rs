//! The kernel's neighbour table: which hardware address answers for which IPv4 address.

use std::net::IpAddr;

use crate::model::Mac;

/// The hardware address that the kernel knows for `address`, if it is on a link of ours and complete.
///
/// IPv4 only. The table of the calling thread's network namespace is read, whatever the main thread's is.
pub fn lookup(address: IpAddr) -> Option<Mac> {
    let table = std::fs::read_to_string("/proc/thread-self/net/arp").ok()?;
    find(&table, unmapped(address))
}

/// IPv4 clients of a dual-stack socket appear with mapped addresses.
fn unmapped(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

fn find(table: &str, address: IpAddr) -> Option<Mac> {
    const COMPLETE: u32 = 2;
    // The kernel writes addresses as we do; a table may have a thousand lines, and one of them is looked for.
    let address = address.to_string();
    table.lines().skip(1).filter(|line| line.starts_with(&address)).find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let entry = fields.next()?;
        let flags = u32::from_str_radix(fields.nth(1)?.trim_start_matches("0x"), 16).ok()?;
        let mac: Mac = fields.next()?.parse().ok()?;
        (entry == address && flags & COMPLETE != 0).then_some(mac)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
IP address       HW type     Flags       HW address            Mask     Device
10.66.0.10       0x1         0x2         80:5e:c0:12:34:56     *        eth0
10.66.0.11       0x1         0x0         00:00:00:00:00:00     *        eth0
10.66.0.12       0x1         0x0         80:5e:c0:12:34:57     *        eth0
10.66.0.100      0x1         0x2         80:5e:c0:12:34:58     *        eth0
";

    #[test]
    fn only_complete_entries_count() {
        assert_eq!(find(TABLE, [10, 66, 0, 10].into()), Some("805ec0123456".parse().unwrap()));
        for last in [1, 11, 12, 13] {
            assert_eq!(find(TABLE, [10, 66, 0, last].into()), None);
        }
        assert_eq!(unmapped("::ffff:10.66.0.10".parse().unwrap()), IpAddr::from([10, 66, 0, 10]));
        assert_eq!(find("", [10, 66, 0, 10].into()), None);
    }
}
