//! The parts that the box can play to learn what another server tells each brand's phones.

use std::net::Ipv4Addr;

use super::control::Player;
use super::export::class_sample;
use super::told::Told;
use crate::brands::{Brand, DhcpQuery, Registry};
use crate::model::{BoxAddress, Mac, Scheme};
use crate::sys::hex;

/// Options that lead phones somewhere, and what is shown of them.
const LEADING: [u8; 11] = [43, 66, 67, 114, 120, 125, 150, 159, 160, 161, 242];

/// A player for each brand: its class, or an address that begins like its phones' where it has none, and the options
/// that it reads.
pub fn players(registry: &Registry, at: &BoxAddress) -> Vec<Player> {
    registry.brands().map(|brand| player(brand, at)).collect()
}

fn player(brand: &Brand, at: &BoxAddress) -> Player {
    let class = brand.vendor_classes().first().map(class_sample);
    let mac = brand.mac_prefixes().first().filter(|_| class.is_none()).map(|prefix| {
        let mut octets = [0; 6];
        for (octet, known) in octets.iter_mut().zip(&prefix.octets) {
            *octet = *known;
        }
        Mac::new(octets)
    });
    let query = DhcpQuery {
        scheme: Scheme::Http,
        at,
        also: &[],
        mac,
        vendor_class: class.as_deref(),
        user_class: None,
        requested: None,
        voice_vlan: None,
    };
    let answer = brand.dhcp_options(&query);
    let reads = answer.options.iter().map(|option| option.number);
    let left_out = answer.left_out.iter().map(|option| option.number);
    let mut requested = vec![1, 3, 6, 15, 42];
    for number in reads.chain(left_out) {
        if !requested.contains(&number) {
            requested.push(number);
        }
    }
    Player { name: brand.id.clone(), mac, class, requested }
}

/// What a server's answer says to a phone, in a sentence, and whether it leads to `own`.
pub fn in_words(told: &Told, own: Ipv4Addr) -> (String, bool) {
    let own = own.to_string();
    let named = |value: &[u8]| {
        let bytes = <[u8; 4]>::try_from(value).map(|octets| Ipv4Addr::from(octets).to_string());
        match bytes {
            Ok(address) if !value.iter().all(|byte| byte.is_ascii_graphic()) => address,
            _ => readable(value),
        }
    };
    let mut parts = Vec::new();
    let mut finds = false;
    for code in LEADING {
        if let Some(value) = told.options.get(code) {
            let text = named(value);
            let here = contains(value, own.as_bytes()) || text == own;
            finds |= here;
            parts.push(format!("option {code} is {text}{}", if here { ", this box" } else { ", which is elsewhere" }));
        }
    }
    for (what, text) in [("the server name", &told.sname), ("the boot file", &told.file)] {
        if let Some(text) = text {
            parts.push(format!("{what} is \"{text}\""));
        }
    }
    let server = told.server;
    let says = match parts.is_empty() {
        true => format!("{server} answers with no option 66 and nothing else that leads anywhere."),
        false => format!("{server} answers: {}.", parts.join("; ")),
    };
    (says, finds)
}

/// A value for people: text where it is text, else hexadecimal octets.
pub fn readable(value: &[u8]) -> String {
    let text = value.strip_suffix(&[0]).unwrap_or(value);
    if !text.is_empty() && text.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        return String::from_utf8_lossy(text).into_owned();
    }
    hex::joined(value, ":")
}

fn contains(value: &[u8], wanted: &[u8]) -> bool {
    value.windows(wanted.len()).enumerate().any(|(at, window)| {
        // 10.66.0.1 is not 10.66.0.10.
        let after = value.get(at + wanted.len());
        window == wanted && !after.is_some_and(u8::is_ascii_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(options: &[(u8, &[u8])]) -> Told {
        let mut bytes = vec![2, 1, 6, 0, 1, 2, 3, 4];
        bytes.resize(236, 0);
        bytes.extend([99, 130, 83, 99, 53, 1, 2, 54, 4, 10, 66, 0, 254]);
        for (code, value) in options {
            bytes.extend([*code, u8::try_from(value.len()).unwrap()]);
            bytes.extend(*value);
        }
        bytes.push(255);
        Told::read(&bytes).unwrap()
    }

    #[test]
    fn says_where_an_answer_leads() {
        let own = Ipv4Addr::new(10, 66, 0, 1);
        let says = |options: &[(u8, &[u8])]| in_words(&told(options), own);
        assert_eq!(
            says(&[]),
            ("10.66.0.254 answers with no option 66 and nothing else that leads anywhere.".into(), false)
        );
        assert!(says(&[(66, b"http://10.66.0.1/p/")]).1);
        assert!(says(&[(150, &[10, 66, 0, 1])]).1);
        let (elsewhere, finds) = says(&[(66, b"http://10.66.0.10/p/")]);
        assert!(!finds && elsewhere.contains("elsewhere"), "{elsewhere}");
    }

    #[test]
    fn every_brand_has_a_player_that_is_recognised_as_its_phone() {
        let registry = Registry::builtin().unwrap();
        let at = BoxAddress { host: [10, 66, 0, 1].into(), http: 80, https: 443 };
        for player in players(&registry, &at) {
            assert!(player.class.is_some() || player.mac.is_some(), "{}", player.name);
            let claims = crate::brands::Claims {
                user_agent: None,
                vendor_class: player.class.as_deref(),
                mac: player.mac,
                requested: &player.requested,
            };
            let found = registry.recognise(&claims);
            assert!(found.is_some_and(|found| found.phone), "{}", player.name);
        }
    }
}
