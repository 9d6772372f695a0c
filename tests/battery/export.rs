//! What is written for other DHCP servers.

#![allow(clippy::unwrap_used)] // what a test does when it fails

use block66::brands::Registry;
use block66::dhcp::export::{Facts, Target, export};
use block66::model::BoxAddress;

fn facts() -> Facts {
    let at = BoxAddress { host: [10, 66, 0, 1].into(), http: 80, https: 443 };
    Facts { at, also: vec![69, 6970], voice_vlan: None }
}

fn snippet(target: Target, facts: &Facts) -> String {
    export(target, &Registry::builtin().unwrap(), facts)
}

/// The part between a brand's comment and the next empty line, without the rest of the file.
fn part<'a>(snippet: &'a str, from: &str) -> &'a str {
    let (_, rest) = snippet.split_once(from).unwrap_or_else(|| panic!("no {from} in {snippet}"));
    rest.split("\n\n").next().unwrap()
}

#[test]
fn every_target_has_its_name() {
    for target in Target::ALL {
        assert_eq!(Target::named(target.name()), Some(target));
    }
    assert_eq!(Target::named("router"), None);
}

#[test]
fn every_snippet_is_whole_and_the_same_each_time() {
    let registry = Registry::builtin().unwrap();
    for target in Target::ALL {
        for voice_vlan in [None, Some(20)] {
            let facts = Facts { voice_vlan, ..facts() };
            let text = export(target, &registry, &facts);
            assert_eq!(text, export(target, &registry, &facts), "{}", target.name());
            assert!(text.contains("http://10.66.0.1/p/"), "{}", target.name());
            assert!(text.bytes().all(|byte| byte == b'\n' || (0x20..0x7f).contains(&byte) || byte >= 0x80));
            for brand in registry.brands() {
                assert!(text.contains(&brand.name), "{}: {} is not named", target.name(), brand.id);
            }
            if voice_vlan.is_none() {
                assert!(!text.contains("VLAN"), "{}", target.name());
            }
        }
    }
}

#[test]
fn a_target_without_classes_is_never_given_options_of_one_class() {
    let unifi = snippet(Target::Unifi, &facts());
    assert!(!unifi.contains("Code 43") && !unifi.contains("Code 114"), "{unifi}");
    assert!(unifi.contains("# option 43 is left out") && unifi.contains("# option 114 is left out"), "{unifi}");
    assert!(unifi.contains("Code 66  Text        http://10.66.0.1/p/\n"), "{unifi}");
    assert!(unifi.contains("Code 150  IP address  \"10.66.0.1\"\n"), "{unifi}");
}

#[test]
fn dnsmasq_gets_tags_texts_and_octets() {
    let text = snippet(Target::Dnsmasq, &Facts { voice_vlan: Some(114), ..facts() });
    let binary = part(&text, "dhcp-match=set:b66-poly,60,00:00:36:3d\n");
    assert!(binary.contains("dhcp-option=tag:b66-poly,tag:!b66-netboot,160,\"http://10.66.0.1/p/\"\n"), "{binary}");
    let tunnelled = part(&text, "dhcp-vendorclass=set:b66-snom,\"snom\"\n");
    let octets = "43,42:14:68:74:74:70:3a:2f:2f:31:30:2e:36:36:2e:30:2e:31:2f:70:2f:00:84:04:31:31:34:00\n";
    assert!(tunnelled.contains(octets), "{tunnelled}");
    // Digits alone would be taken for a number.
    assert!(tunnelled.contains("132,31:31:34"), "{tunnelled}");
    let by_address = part(&text, "dhcp-mac=set:b66-fanvil,0c:38:3e:*:*:*\n");
    assert!(by_address.contains("66,\"http://10.66.0.1/p/$mac.cfg\"\n"), "{by_address}");
    assert!(by_address.contains("# option 43 is left out") && !by_address.contains(",43,"), "{by_address}");
    let not = part(&text, "dhcp-vendorclass=set:b66-cisco_enterprise,\"Cisco Systems, Inc. IP Phone CP-\"\n");
    assert!(not.contains("dhcp-vendorclass=set:b66-cisco_enterprise-not,\"-3PCC\"\n"), "{not}");
    assert!(not.contains("tag:!b66-cisco_enterprise-not,150,10.66.0.1\n"), "{not}");
    // dnsmasq knows 66 to be text, and would send octets as they are written.
    assert!(not.contains("tag:!b66-cisco_enterprise-not,66,\"10.66.0.1\""), "{not}");
}

#[test]
fn isc_gets_definitions_and_classes() {
    let text = snippet(Target::Isc, &facts());
    assert!(text.contains("option b66-150 code 150 = array of ip-address;\n"));
    assert!(text.contains("option b66-160 code 160 = string;\n"));
    assert!(!text.contains("code 66 =") && !text.contains("code 43 ="), "dhcpd knows these");
    let mitel = part(&text, "class \"b66-mitel\" {\n");
    assert!(mitel.contains("substring(option vendor-class-identifier, 0, 13) = \"AastraIPPhone\""), "{mitel}");
    let octets = "02:13:68:74:74:70:3a:2f:2f:31:30:2e:36:36:2e:30:2e:31:2f:70:2f:03:01:00";
    assert!(mitel.contains(&format!("option vendor-encapsulated-options {octets};")), "{mitel}");
    let fanvil = part(&text, "class \"b66-fanvil-without-class\" {\n");
    assert!(fanvil.contains("and not exists vendor-class-identifier;"), "{fanvil}");
    let mpp = part(&text, "class \"b66-cisco_mpp\" {\n");
    assert!(mpp.contains("suffix(option vendor-class-identifier, 6) = 2d:33:50:43:43:00"), "{mpp}");
    assert!(part(&text, "class \"b66-poly\" {\n").contains("0, 4) = 00:00:36:3d"));
}

#[test]
fn kea_gets_json_with_typed_data() {
    let text = snippet(Target::Kea, &facts());
    let bare: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| line.split(" /*").next().unwrap().to_owned() + if line.ends_with("*/,") { "," } else { "" })
        .collect();
    let json: serde_json::Value = serde_json::from_str(&bare).unwrap_or_else(|error| panic!("{error}: {bare}"));
    let classes = json["Dhcp4"]["client-classes"].as_array().unwrap();
    let class = |name: &str| classes.iter().find(|class| class["name"] == name).unwrap();
    let datum = |name: &str, code: u8| {
        class(name)["option-data"].as_array().unwrap().iter().find(|datum| datum["code"] == code).unwrap()["data"]
            .clone()
    };
    assert_eq!(datum("b66-yealink", 66), "http://10.66.0.1/p/");
    assert_eq!(datum("b66-yealink", 160), "http://10.66.0.1/p/");
    assert_eq!(datum("b66-cisco_enterprise", 150), "0a420001");
    assert_eq!(datum("b66-ale_40x8-2", 43), "4313687474703a2f2f31302e36362e302e312f702f");
    // Kea would cut a text at its comma.
    assert_eq!(datum("b66-avaya", 242), "48545450535256523d31302e36362e302e312c485454504449523d70");
    assert!(text.contains("// option 159 is left out") && !text.contains("\"code\": 159"), "{text}");
    assert_eq!(class("b66-panasonic")["test"], "option[60].hex == 'Panasonic'");
    assert_eq!(class("b66-ale_40x8-2")["option-def"][0]["code"], 43);
    assert!(
        class("b66-snom-2")["test"].as_str().unwrap().contains("not (substring(option[60].hex,0,9) == 'PXEClient'")
    );
}

#[test]
fn the_others_say_what_they_cannot() {
    let windows = snippet(Target::Windows, &facts());
    assert!(windows.contains("-Name 'b66 snom 1' -Type Vendor -Data 'snom'"), "{windows}");
    assert!(windows.contains("-Name 'b66 snom' -Condition OR -VendorClass EQ,'b66 snom 1*'\n"), "{windows}");
    assert!(windows.contains("-Condition AND -MacAddress EQ,'000413*'"), "{windows}");
    assert!(windows.contains("-OptionId 150 -Value '10.66.0.1'"), "{windows}");
    assert!(windows.contains("# cannot be told apart here: vendor class enterprise 13885"), "{windows}");
    let mikrotik = snippet(Target::Mikrotik, &facts());
    assert!(
        mikrotik.contains("name=b66-cisco_spa-66 code=66 value=\"s'http://10.66.0.1/p/spa\\$MA.cfg'\"\n"),
        "{mikrotik}"
    );
    assert!(
        mikrotik.contains("code=60 matching-type=exact value=\"Panasonic\" option-set=b66-panasonic\n"),
        "{mikrotik}"
    );
    assert!(mikrotik.contains("# cannot be matched here: hardware addresses 00:1f:c1"), "{mikrotik}");
    let fortigate = snippet(Target::Fortigate, &facts());
    assert!(fortigate.contains("set type ip\n        set ip \"10.66.0.1\"\n"), "{fortigate}");
    assert!(fortigate.contains("set vci-string \"AastraIPPhone*\" \"MitelIPPhone*\"\n"), "{fortigate}");
    assert!(fortigate.contains("# cannot be matched here: hardware addresses 00:1f:c1"), "{fortigate}");
    let opnsense = snippet(Target::Opnsense, &facts());
    assert!(opnsense.contains("dnsmasq.conf.d") && opnsense.contains("dhcp-mac=set:b66-snom-2,00:04:13:*:*:*\n"));
}

#[test]
fn what_does_not_work_with_these_ports_is_left_out_and_said() {
    let facts = Facts { also: Vec::new(), ..facts() };
    for target in [Target::Dnsmasq, Target::Isc, Target::Kea, Target::Windows, Target::Mikrotik, Target::Fortigate] {
        let text = snippet(target, &facts);
        assert!(text.contains("option 150 is left out: the phone would ask at port 6970 or 69"), "{text}");
    }
}
