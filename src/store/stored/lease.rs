//! A lease in some 70 bytes, since each one of a burst is written before its reply leaves.
//!
//! Form number (1), MAC (6), state and, in the upper half, how its client reached us (1), end of the lease by the wall
//! clock in ms (8), seconds left (4), then client identifier, host name and vendor class, each a length and its bytes;
//! length 255 says that there is none. Numbers are big-endian; the address is in the key.

use std::net::Ipv4Addr;

use crate::model::{Lease, LeaseState, Mac, Timestamp, Via};
use crate::store::Error;
use crate::store::record::{Bytes, Place};

const FORM: u8 = 1;
const NONE: u8 = 255;

/// The record of a lease.
pub(in crate::store) fn encode(place: &Place, lease: &Lease) -> Result<Bytes, Error> {
    let texts = [
        lease.client_id.as_deref(),
        lease.host_name.as_deref().map(str::as_bytes),
        lease.vendor_class.as_deref().map(str::as_bytes),
    ];
    let mut bytes = Vec::with_capacity(23 + texts.iter().flatten().map(|text| text.len()).sum::<usize>());
    bytes.push(FORM);
    bytes.extend_from_slice(&lease.mac.octets());
    let state = match lease.state {
        LeaseState::Bound => 0,
        LeaseState::Released => 1,
        LeaseState::Declined => 2,
    };
    let via = match lease.via {
        Via::Wire => 0,
        Via::Port => 1,
        Via::Unknown => 2,
    };
    bytes.push(via << 4 | state);
    bytes.extend_from_slice(&lease.expires.millis().to_be_bytes());
    bytes.extend_from_slice(&lease.seconds_left.to_be_bytes());
    for text in texts {
        let Some(text) = text else {
            bytes.push(NONE);
            continue;
        };
        match u8::try_from(text.len()) {
            Ok(length) if length != NONE => bytes.push(length),
            _ => return Err(Error::Unfit { what: place.name(), why: "an option in it is longer than 254 bytes" }),
        }
        bytes.extend_from_slice(text);
    }
    Ok(bytes.into())
}

/// The lease in a record; `None` when these bytes are none.
pub(in crate::store) fn decode(address: Ipv4Addr, bytes: &[u8]) -> Option<Lease> {
    let (&[FORM], bytes) = bytes.split_first_chunk::<1>()? else { return None };
    let (&mac, bytes) = bytes.split_first_chunk::<6>()?;
    let (&[state], bytes) = bytes.split_first_chunk::<1>()?;
    let (&expires, bytes) = bytes.split_first_chunk::<8>()?;
    let (&seconds_left, bytes) = bytes.split_first_chunk::<4>()?;
    let (client_id, bytes) = text(bytes)?;
    let (host_name, bytes) = text(bytes)?;
    let (vendor_class, bytes) = text(bytes)?;
    if !bytes.is_empty() {
        return None;
    }
    let string = |text: Option<&[u8]>| {
        text.map(|text| String::from_utf8(text.to_vec()).ok()).map_or(Some(None), |t| t.map(Some))
    };
    Some(Lease {
        address,
        mac: Mac::new(mac),
        client_id: client_id.map(<[u8]>::to_vec),
        host_name: string(host_name)?,
        vendor_class: string(vendor_class)?,
        state: match state & 0x0f {
            0 => LeaseState::Bound,
            1 => LeaseState::Released,
            2 => LeaseState::Declined,
            _ => return None,
        },
        expires: Timestamp::from_millis(i64::from_be_bytes(expires)),
        seconds_left: u32::from_be_bytes(seconds_left),
        via: match state >> 4 {
            0 => Via::Wire,
            1 => Via::Port,
            2 => Via::Unknown,
            _ => return None,
        },
    })
}

fn text(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (&length, bytes) = bytes.split_first()?;
    if length == NONE {
        return Some((None, bytes));
    }
    bytes.split_at_checked(usize::from(length)).map(|(text, rest)| (Some(text), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(lease: &Lease) -> Place {
        Place::Lease("office".into(), lease.address)
    }

    fn any_lease() -> impl Strategy<Value = Lease> {
        let bytes = || proptest::option::of(proptest::collection::vec(any::<u8>(), 0..=Lease::LONGEST_FIELD));
        let string = || proptest::option::of("[ -~]{0,254}");
        let state = prop_oneof![Just(LeaseState::Bound), Just(LeaseState::Released), Just(LeaseState::Declined)];
        let via = prop_oneof![Just(Via::Wire), Just(Via::Port), Just(Via::Unknown)];
        (any::<u32>(), any::<[u8; 6]>(), bytes(), string(), string(), state, any::<i64>(), any::<u32>(), via).prop_map(
            |(address, mac, client_id, host_name, vendor_class, state, expires, seconds_left, via)| Lease {
                address: address.into(),
                mac: Mac::new(mac),
                client_id,
                host_name,
                vendor_class,
                state,
                expires: Timestamp::from_millis(expires),
                seconds_left,
                via,
            },
        )
    }

    proptest! {
        #[test]
        fn comes_back_whole(lease in any_lease()) {
            prop_assert_eq!(decode(lease.address, &encode(&place(&lease), &lease).unwrap()), Some(lease));
        }

        #[test]
        fn cut_short_or_too_long_is_none(lease in any_lease(), cut in any::<prop::sample::Index>()) {
            let bytes = encode(&place(&lease), &lease).unwrap();
            prop_assert_eq!(decode(lease.address, &bytes[..cut.index(bytes.len())]), None);
            prop_assert_eq!(decode(lease.address, &[&bytes[..], b"x"].concat()), None);
        }
    }

    #[test]
    fn is_written_as_it_says() {
        let mut lease = Lease {
            address: Ipv4Addr::new(10, 66, 0, 10),
            mac: Mac::new([0x80, 0x5e, 0xc0, 1, 2, 3]),
            client_id: None,
            host_name: Some("SIP".into()),
            vendor_class: None,
            state: LeaseState::Declined,
            expires: Timestamp::from_millis(0x0102),
            seconds_left: 0x0304,
            via: Via::Port,
        };
        assert_eq!(
            &*encode(&place(&lease), &lease).unwrap(),
            b"\x01\x80\x5e\xc0\x01\x02\x03\x12\0\0\0\0\0\0\x01\x02\0\0\x03\x04\xff\x03SIP\xff"
        );
        lease.client_id = Some(vec![0; Lease::LONGEST_FIELD]);
        lease.vendor_class = Some("v".repeat(Lease::LONGEST_FIELD));
        assert_eq!(decode(lease.address, &encode(&place(&lease), &lease).unwrap()), Some(lease.clone()));
        lease.client_id = Some(vec![0; Lease::LONGEST_FIELD + 1]);
        assert!(matches!(encode(&place(&lease), &lease), Err(Error::Unfit { .. })));
    }
}
