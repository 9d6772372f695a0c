//! What each brand is told: the literal bytes of the devices, nothing else, and nothing to anybody else.

use block66::brands::{Claims, DhcpQuery, Registry};
use block66::model::Mac;

use crate::devices::{DOORS, Device, NOBODY, PHONES};
use crate::options::{at, query};

/// What a device is told: nothing unless it is recognised, and as a phone.
fn told(registry: &Registry, device: &Device) -> Option<Vec<(u8, Vec<u8>)>> {
    let class = Some(device.class).filter(|class| !class.is_empty());
    let mac = Some(Mac::new(device.mac));
    let claims = Claims { user_agent: None, vendor_class: class, mac, requested: device.requested };
    let found = registry.recognise(&claims).filter(|found| found.phone)?;
    let at = at();
    let answer = found.brand.dhcp_options(&DhcpQuery {
        also: &DOORS,
        mac,
        vendor_class: class,
        user_class: Some(device.user_class).filter(|class| !class.is_empty()),
        requested: Some(device.requested),
        voice_vlan: device.voice_vlan,
        ..query(&at)
    });
    Some(answer.into_values())
}

#[test]
fn each_brand_is_told_exactly_this() {
    let registry = Registry::builtin().expect("the built-in brands");
    for device in PHONES {
        let expected: Vec<_> = device.told.iter().map(|(number, value)| (*number, value.to_vec())).collect();
        assert_eq!(told(&registry, device), Some(expected), "{}", device.what);
    }
    // No brand is missing here.
    for brand in registry.brands() {
        let first = |text: &str| text.split([' ', ',', '_']).next().unwrap_or_default().to_owned();
        let here = |device: &Device| {
            let words = device.what.replace(' ', "_");
            words.starts_with(&brand.id) || first(device.what) == first(&brand.id)
        };
        assert!(PHONES.iter().any(here), "{} is not in the table", brand.id);
    }
}

#[test]
fn a_vlan_is_told_only_when_one_is_given() {
    let registry = Registry::builtin().expect("the built-in brands");
    for device in PHONES.iter().filter(|device| device.voice_vlan.is_some()) {
        let without = told(&registry, &Device { voice_vlan: None, ..*device }).expect("a phone");
        assert!(!without.iter().any(|(number, _)| matches!(number, 128 | 132 | 232)), "{}", device.what);
        let vlan = device.voice_vlan.map(|vlan| vlan.to_string()).unwrap_or_default();
        let written = |value: &[u8]| {
            let text = String::from_utf8_lossy(value).into_owned();
            text.contains("VLAN") || text.ends_with(&vlan) && !text.ends_with(":18443")
        };
        assert!(!without.iter().any(|(_, value)| written(value)), "{}", device.what);
    }
}

#[test]
fn laptops_printers_and_network_boots_are_told_nothing() {
    let registry = Registry::builtin().expect("the built-in brands");
    for class in [
        &b"MSFT 5.0"[..],
        b"android-dhcp-13",
        b"dhcpcd-9.4.1:Linux-6.1.0:x86_64:GenuineIntel",
        b"udhcp 1.35.0",
        b"",
        b"Hewlett-Packard JetDirect",
        b"Cisco Systems, Inc.",
        b"ciscopnp",
        b"Cisco AP c1130",
        b"\x00\x00\x36\x3d",
        b"\x00\x00\x01\x02\x03",
    ] {
        for mac in [[0x52, 0x54, 0, 1, 2, 3], [0x00, 0x26, 0x99, 1, 2, 3], [0xd0, 0xec, 0x35, 1, 2, 3]] {
            assert_eq!(told(&registry, &Device { class, mac, ..NOBODY }), None, "{class:?} {mac:x?}");
        }
    }
    // Firmware that boots from the network, even on the hardware of a phone's maker.
    for class in
        [&b"PXEClient:Arch:00000:UNDI:002001"[..], b"PXEClient:Arch:00007", b"HTTPClient:Arch:00016:UNDI:003016"]
    {
        for mac in [NOBODY.mac, [0x00, 0x04, 0x13, 1, 2, 3], [0x00, 0x15, 0x65, 1, 2, 3]] {
            assert_eq!(told(&registry, &Device { class, mac, ..NOBODY }), None, "{class:?} {mac:x?}");
        }
    }
    // What else the makers make asks for what everybody asks for.
    for mac in PHONES
        .iter()
        .map(|device| device.mac)
        .filter(|mac| mac[..3] != [0x00, 0x04, 0x13] && mac[..3] != [0x9c, 0xad, 0xef])
    {
        let asks = Device { mac, requested: &[1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252], ..NOBODY };
        assert_eq!(told(&registry, &asks), None, "{mac:x?}");
    }
}
