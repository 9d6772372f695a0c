//! How phones are recognised.

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
    vendor_class_hex: Option<String>,
    model: Option<String>,
    firmware: Option<String>,
    mac: Option<Mac>,
}

impl Claim {
    /// Option 60 as sent.
    fn class(&self) -> Option<Vec<u8>> {
        let text = self.vendor_class.as_deref().map(|text| text.as_bytes().to_vec());
        text.or_else(|| self.vendor_class_hex.as_deref().map(crate::octets))
    }
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
        assert!(!samples.is_empty(), "{}", brand.id);
        for claim in samples {
            let class = claim.class();
            let asked =
                Claims { user_agent: claim.user_agent.as_deref(), vendor_class: class.as_deref(), ..Claims::default() };
            let said = format!("{:?} {:?}", claim.user_agent, class);
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
            let class = claim.class();
            for (other, _) in alone.iter().zip(&folders).filter(|(_, other)| other.id != folder.id) {
                let asked = Claims {
                    user_agent: claim.user_agent.as_deref(),
                    vendor_class: class.as_deref(),
                    ..Claims::default()
                };
                assert!(other.recognise(&asked).is_none(), "{}: {:?} {class:?}", brand.id, claim.user_agent);
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

/// One prefix of hardware addresses is one brand's, and a longer one within it is nobody's.
#[test]
fn mac_prefixes_do_not_overlap() {
    let registry = Registry::builtin().expect("the built-in brands");
    let prefixes: Vec<_> = registry
        .brands()
        .flat_map(|brand| brand.mac_prefixes().iter().map(move |prefix| (&brand.id, &prefix.octets)))
        .collect();
    for (at, (id, one)) in prefixes.iter().enumerate() {
        for (other, two) in prefixes.iter().skip(at + 1) {
            assert!(!one.starts_with(two) && !two.starts_with(one), "{id} {one:x?} and {other} {two:x?}");
        }
    }
}

#[test]
fn a_phone_of_a_brand_without_files_is_given_nobody_elses() {
    let registry = Registry::builtin().expect("the built-in brands");
    for brand in registry.brands().filter(|brand| !brand.makes_files()) {
        assert!(
            !matches!(registry.file_of("805ec0123456.cfg", Some(&brand.id)), FileMatch::Served { .. }),
            "{}",
            brand.id
        );
    }
    assert!(matches!(registry.file_of("805ec0123456.cfg", None), FileMatch::Served { .. }));
}

#[test]
fn names_that_nobody_asks_for_are_unknown() {
    let registry = Registry::builtin().expect("the built-in brands");
    let long = format!("{}.cfg", "0".repeat(10_000));
    for name in
        ["", ".", "..", "../../etc/shadow", "index.html", "favicon.ico", "805ec012345", "ffffffffffff.cfg", &long]
    {
        assert!(matches!(registry.file(name), FileMatch::Unknown), "{name}");
    }
}
