//! Lease databases of other servers: dnsmasq's, and Kea's memfile.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::model::{Lease, LeaseState, Mac, Timestamp, Via};
use crate::sys::hex;

/// The most leases of one file.
const MOST: usize = 100_000;
/// What a Kea memfile begins with (Kea 2.2).
const KEA_HEAD: &str =
    "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context";
/// A lease without an end, in seconds.
const FOR_EVER: u32 = u32::MAX;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `dnsmasq.leases`: end, MAC, address, host name and client identifier between blanks.
    Dnsmasq,
    /// `kea-leases4.csv`.
    Kea,
}

/// Why a file cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A line makes no sense.
    #[error("line {line} is no lease: {what}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// There are too many.
    #[error("more than 100000 leases")]
    TooMany,
}

/// Reads a file: the leases that still run at `now`, each address once, what stands last.
///
/// # Errors
/// [`Error`], for the first line that makes no sense: nothing is to be taken from a file that is in another form.
pub fn read(form: Form, text: &str, now: Timestamp) -> Result<Vec<Lease>, Error> {
    let mut leases = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_end();
        let found = match form {
            Form::Dnsmasq => dnsmasq_line(line, now),
            Form::Kea => kea_line(line, now),
        };
        match found.map_err(|what| Error::Line { line: at + 1, what })? {
            Found::Lease(lease) => drop(leases.insert(lease.address, lease)),
            // Kea appends: a later line for the address ends what an earlier one says.
            Found::Ended(address) => drop(leases.remove(&address)),
            Found::Nothing => {}
        }
        if leases.len() > MOST {
            return Err(Error::TooMany);
        }
    }
    Ok(leases.into_values().collect())
}

/// Writes the leases that are bound.
pub fn write(form: Form, leases: &[Lease]) -> String {
    let mut text = String::new();
    if form == Form::Kea {
        text += KEA_HEAD;
        text += "\n";
    }
    for lease in leases.iter().filter(|lease| lease.state == LeaseState::Bound) {
        let end = lease.expires.secs();
        let id = lease.client_id.as_deref().map(|id| hex::joined(id, ":")).unwrap_or_default();
        let name = lease.host_name.as_deref().unwrap_or_default();
        // Writing to memory does not fail.
        let _ = match form {
            Form::Dnsmasq => {
                let name = if name.is_empty() || name.contains(' ') { "*" } else { name };
                let id = if id.is_empty() { "*" } else { &id };
                writeln!(text, "{end} {} {} {name} {id}", lease.mac, lease.address)
            }
            Form::Kea => {
                let name = name.replace([',', ' '], "");
                let life = lease.seconds_left;
                writeln!(text, "{},{},{id},{life},{end},1,0,0,{name},0,", lease.address, lease.mac)
            }
        };
    }
    text
}

enum Found {
    Lease(Lease),
    Ended(Ipv4Addr),
    Nothing,
}

fn dnsmasq_line(line: &str, now: Timestamp) -> Result<Found, &'static str> {
    // IPv6 leases follow after the line that names the server.
    if line.is_empty() || line.starts_with("duid ") || line.contains("::") {
        return Ok(Found::Nothing);
    }
    let mut fields = line.split_ascii_whitespace();
    let mut next = || fields.next().ok_or("it has less than five fields");
    let end: i64 = next()?.parse().map_err(|_| "it does not begin with a time")?;
    // dnsmasq writes the hardware type before the address where it is not Ethernet.
    let mac: Mac = next()?.parse().map_err(|_| "its second field is no MAC address")?;
    let address: Ipv4Addr = next()?.parse().map_err(|_| "its third field is no IPv4 address")?;
    let (name, id) = (next()?, next()?);
    let client_id = if id == "*" { None } else { Some(octets(id).ok_or("its fifth field is no client identifier")?) };
    Ok(lease(address, mac, client_id, name.trim_matches('*'), end, now))
}

fn kea_line(line: &str, now: Timestamp) -> Result<Found, &'static str> {
    if line.is_empty() || line.starts_with("address,") {
        return Ok(Found::Nothing);
    }
    let fields: Vec<&str> = line.split(',').collect();
    let [address, mac, id, life, end, _, _, _, name, state, ..] = fields.as_slice() else {
        return Err("it has less than ten fields");
    };
    let address: Ipv4Addr = address.parse().map_err(|_| "its first field is no IPv4 address")?;
    let end: i64 = end.parse().map_err(|_| "its fifth field is no time")?;
    let ended = life.parse::<u32>().map_err(|_| "its fourth field is no number")? == 0;
    // 0 is bound; 1 declined; 2 reclaimed.
    if ended || *state != "0" {
        return Ok(Found::Ended(address));
    }
    let mac: Mac = mac.parse().map_err(|_| "its second field is no MAC address")?;
    let client_id =
        if id.is_empty() { None } else { Some(octets(id).ok_or("its third field is no client identifier")?) };
    Ok(lease(address, mac, client_id, name, end, now))
}

fn lease(address: Ipv4Addr, mac: Mac, client_id: Option<Vec<u8>>, name: &str, end: i64, now: Timestamp) -> Found {
    // dnsmasq writes 0 for a lease without an end.
    let left = if end == 0 { i64::from(FOR_EVER) } else { end.saturating_sub(now.secs()) };
    if left <= 0 {
        return Found::Ended(address);
    }
    let seconds_left = u32::try_from(left).unwrap_or(FOR_EVER);
    let name: String = name.chars().filter(char::is_ascii_graphic).take(64).collect();
    Found::Lease(Lease {
        address,
        mac,
        client_id: client_id.filter(|id| (2..=Lease::LONGEST_FIELD).contains(&id.len())),
        host_name: Some(name).filter(|name| !name.is_empty()),
        vendor_class: None,
        state: LeaseState::Bound,
        expires: now.plus(std::time::Duration::from_secs(seconds_left.into())),
        seconds_left,
        via: Via::Unknown,
    })
}

fn octets(text: &str) -> Option<Vec<u8>> {
    text.split(':').map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    #[test]
    fn dnsmasqs_file_is_read() {
        let text = "1790003600 80:5e:c0:12:34:56 10.66.0.10 reception 01:80:5e:c0:12:34:56\n\
                    1789000000 80:5e:c0:12:34:57 10.66.0.11 * *\n\
                    0 80:5e:c0:12:34:58 10.66.0.12 * *\n\
                    duid 00:01:00:01\n\
                    1790003600 1234 fd00::10 x 00:01\n";
        let leases = read(Form::Dnsmasq, text, NOW).unwrap();
        assert_eq!(leases.iter().map(|lease| lease.address.octets()[3]).collect::<Vec<_>>(), [10, 12]);
        assert_eq!(leases[0].host_name.as_deref(), Some("reception"));
        assert_eq!(leases[0].client_id.as_deref(), Some(&[1, 0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56][..]));
        assert_eq!((leases[0].seconds_left, leases[1].seconds_left), (3600, u32::MAX));
        assert_eq!(
            read(Form::Dnsmasq, "address,hwaddr\n", NOW),
            Err(Error::Line { line: 1, what: "it does not begin with a time" })
        );
    }

    #[test]
    fn an_identifier_that_no_lease_can_say_is_left_out() {
        for (length, kept) in [(254, true), (255, false)] {
            let text = format!("1790003600 80:5e:c0:12:34:56 10.66.0.10 * {}\n", vec!["07"; length].join(":"));
            let leases = read(Form::Dnsmasq, &text, NOW).unwrap();
            assert_eq!(leases[0].client_id.is_some(), kept, "{length}");
        }
    }

    #[test]
    fn keas_file_is_read_and_its_last_word_counts() {
        let text = format!(
            "{KEA_HEAD}\n\
             10.66.0.10,80:5e:c0:12:34:56,01:80:5e:c0:12:34:56,3600,1790003600,1,0,0,reception,0,\n\
             10.66.0.11,80:5e:c0:12:34:57,,3600,1790003600,1,0,0,,0,\n\
             10.66.0.11,80:5e:c0:12:34:57,,0,1790003600,1,0,0,,0,\n\
             10.66.0.12,,,3600,1790003600,1,0,0,,1,\n"
        );
        let leases = read(Form::Kea, &text, NOW).unwrap();
        assert_eq!(leases.len(), 1);
        assert_eq!((leases[0].address, leases[0].seconds_left), ([10, 66, 0, 10].into(), 3600));
        assert!(read(Form::Kea, "10.66.0.10,x,,1,1,1,0,0,,0,\n", NOW).is_err());
    }

    #[test]
    fn what_is_written_reads_back() {
        let text =
            "1790003600 80:5e:c0:12:34:56 10.66.0.10 reception 01:80\n1790000060 80:5e:c0:12:34:57 10.66.0.11 * *\n";
        let leases = read(Form::Dnsmasq, text, NOW).unwrap();
        for form in [Form::Dnsmasq, Form::Kea] {
            assert_eq!(read(form, &write(form, &leases), NOW).unwrap(), leases, "{form:?}");
        }
        assert_eq!(write(Form::Dnsmasq, &leases), text);
    }
}
