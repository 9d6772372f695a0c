//! How phones are recognised, and what DHCP tells them.

use block66::brands::{Brand, Claims, FileMatch, Registry};
use block66::model::Mac;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Samples {
    claim: Vec<Claim>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Claim {
    user_agent: Option<String>,
    vendor_class: Option<String>,
    model: Option<String>,
    firmware: Option<String>,
    mac: Option<Mac>,
}

fn claims(brand: &Brand) -> Vec<Claim> {
    let path = crate::folder(&brand.id).join("samples/claims.toml");
    let text = std::fs::read_to_string(&path).expect("samples/claims.toml");
    toml::from_str::<Samples>(&text).expect("samples/claims.toml").claim
}

#[test]
fn every_sample_is_recognised_as_its_own_brand() {
    let registry = Registry::builtin().expect("the built-in brands");
    for brand in registry.brands() {
        let samples = claims(brand);
        assert!(samples.iter().any(|claim| claim.user_agent.is_some()));
        for claim in samples {
            let asked = Claims {
                user_agent: claim.user_agent.as_deref(),
                vendor_class: claim.vendor_class.as_deref().map(str::as_bytes),
                ..Claims::default()
            };
            let said = format!("{:?} {:?}", claim.user_agent, claim.vendor_class);
            let found = registry.recognise(&asked).unwrap_or_else(|| panic!("nobody knows {said}"));
            assert_eq!(found.brand.id, brand.id, "{said}");
            assert!(found.phone, "{said}");
            assert_eq!((found.model, found.firmware, found.mac), (claim.model, claim.firmware, claim.mac), "{said}");
        }
    }
}

/// The registry asks its brands in turn: a sample that two of them know would be recognised by luck.
#[test]
fn recognition_does_not_overlap() {
    let folders = block66::brands::Folder::built_in();
    let alone: Vec<Registry> =
        folders.iter().map(|folder| Registry::load(std::slice::from_ref(folder)).expect("one brand")).collect();
    for (registry, folder) in alone.iter().zip(&folders) {
        let brand = registry.brand(&folder.id).expect("the brand of the folder");
        for claim in claims(brand) {
            for (other, _) in alone.iter().zip(&folders).filter(|(_, other)| other.id != folder.id) {
                let asked = Claims {
                    user_agent: claim.user_agent.as_deref(),
                    vendor_class: claim.vendor_class.as_deref().map(str::as_bytes),
                    ..Claims::default()
                };
                assert!(other.recognise(&asked).is_none(), "{}: {:?}", brand.id, claim.user_agent);
            }
        }
    }
}

#[test]
fn other_devices_are_no_phones() {
    let registry = Registry::builtin().expect("the built-in brands");
    for agent in ["curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64)", "Wget 1.21.4.0 x", "", "yealink", "W52P"] {
        assert!(registry.recognise(&Claims { user_agent: Some(agent), ..Claims::default() }).is_none(), "{agent}");
    }
    for class in [&b"MSFT 5.0"[..], b"dhcpcd-9.4.1:Linux", b"udhcp 1.35.0", b"", b"android-dhcp-13"] {
        assert!(registry.recognise(&Claims { vendor_class: Some(class), ..Claims::default() }).is_none());
    }
    let mac = Some(Mac::new([0x52, 0x54, 0, 1, 2, 3]));
    assert!(registry.recognise(&Claims { mac, requested: &[1, 3, 6, 66, 160], ..Claims::default() }).is_none());
    // A claim of hostile length is not looked at.
    let long = format!("{}{}", claims_of_first(&registry), "x".repeat(4096));
    assert!(registry.recognise(&Claims { user_agent: Some(&long), ..Claims::default() }).is_none());
}

fn claims_of_first(registry: &Registry) -> String {
    let brand = registry.brands().next().expect("a brand");
    claims(brand).into_iter().find_map(|claim| claim.user_agent).expect("a User-Agent")
}

#[test]
fn the_options_fit_and_end_as_they_must() {
    let registry = Registry::builtin().expect("the built-in brands");
    for brand in registry.brands() {
        for url in ["http://10.66.0.1/p/", "https://[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535/p/"] {
            let options = brand.dhcp_options(url);
            assert!(!options.is_empty(), "{}", brand.id);
            assert!(options.iter().all(|(_, value)| (1..=255).contains(&value.len())), "{}", brand.id);
        }
        assert!(brand.dhcp_options(&format!("http://h/{}/", "x".repeat(300))).iter().all(|(_, v)| v.len() <= 255));
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dhcp {
    url: String,
    option: Vec<DhcpOption>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DhcpOption {
    number: u8,
    hex: String,
}

/// Compared with bytes that were written down, not with what an encoder of ours makes of them.
#[test]
fn the_options_are_these_bytes() {
    let registry = Registry::builtin().expect("the built-in brands");
    for brand in registry.brands() {
        let text =
            std::fs::read_to_string(crate::folder(&brand.id).join("samples/dhcp.toml")).expect("samples/dhcp.toml");
        let sample: Dhcp = toml::from_str(&text).expect("samples/dhcp.toml");
        let octet = |at: usize, hex: &str| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
        let expected: Vec<(u8, Vec<u8>)> = sample
            .option
            .iter()
            .map(|option| (option.number, (0..option.hex.len()).step_by(2).map(|at| octet(at, &option.hex)).collect()))
            .collect();
        assert_eq!(brand.dhcp_options(&sample.url), expected, "{}", brand.id);
    }
}

#[test]
fn names_that_nobody_asks_for_are_unknown() {
    let registry = Registry::builtin().expect("the built-in brands");
    let long = format!("{}.cfg", "0".repeat(10_000));
    for name in
        ["", ".", "..", "../../etc/shadow", "index.html", "favicon.ico", "805ec0123456", "ffffffffffff.cfg", &long]
    {
        assert!(matches!(registry.file(name), FileMatch::Unknown), "{name}");
    }
}
