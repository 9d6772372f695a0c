use std::path::Path;

use super::*;

fn parse(text: &str) -> Result<(Config, Vec<Warning>), Error> {
    Config::parse(text, Path::new("block66.toml"))
}

fn wrong(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

const OFFICE: &str = r#"
[[network]]
name = "office"
interface = "eth0"
subnet = "10.66.0.0/24"
gateway = "10.66.0.1"
dns = ["10.66.0.1"]
[network.dhcp]
mode = "full"
pool = "10.66.0.100-10.66.0.199"
lease-time = "12h"
[[network.dhcp.reservation]]
mac = "80:5E:C0:12:34:56"
address = "10.66.0.20"
"#;

#[test]
fn the_example_is_the_defaults() {
    assert_eq!(parse(EXAMPLE).unwrap().0, Config::safe_defaults());
    assert_eq!(parse("").unwrap().0, Config::safe_defaults());
}

#[test]
fn the_example_with_every_key_uncommented_is_right() {
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .fold(String::new(), |text, line| text + line + "\n");
    let (config, _) = parse(&uncommented).unwrap();
    assert_eq!(config.networks.len(), 1);
    assert_eq!(config.networks[0].dhcp.reservations.len(), 1);
    assert_eq!(config.policy, Some(crate::model::Policy::default()));
}

#[test]
fn a_network_is_read() {
    let (config, warnings) = parse(OFFICE).unwrap();
    let office = &config.networks[0];
    assert_eq!(office.dhcp.mode, Mode::Full);
    assert_eq!(office.dhcp.pool.map(|pool| pool.size()), Some(100));
    assert_eq!(office.dhcp.lease_time, Dhcp::USUAL_LEASE);
    assert_eq!(office.dhcp.reservations[0].mac.plain(), "805ec0123456");
    assert_eq!(warnings, []);
}

#[test]
fn the_mode_is_auto_where_none_is_said() {
    let unsaid = OFFICE.replace("mode = \"full\"\n", "");
    let (config, _) = parse(&unsaid).unwrap();
    let dhcp = &config.networks[0].dhcp;
    assert_eq!((dhcp.mode, dhcp.pool.map(|pool| pool.size())), (Mode::Auto, Some(100)));
    let (config, _) = parse("[[network]]\ninterface = \"eth0\"\nsubnet = \"10.66.0.0/24\"\n[network.dhcp]").unwrap();
    assert_eq!(config.networks[0].dhcp, Dhcp::usual());
    // Where mode and dns are gone, the pool stands in the eighth line.
    let said = wrong(&unsaid.replace("dns = [\"10.66.0.1\"]\n", ""));
    assert!(said.contains(":8: ") && said.contains("mode \"auto\" needs dns to be set"), "{said}");
}

#[test]
fn the_gateway_is_reserved_for_nobody() {
    let said = wrong(&OFFICE.replace("10.66.0.20", "10.66.0.1"));
    assert!(said.contains("10.66.0.1 is reserved, and is the gateway"), "{said}");
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_right_name() {
    assert_eq!(
        wrong("data_directory = \"/x\""),
        "block66.toml:1: there is no key \"data_directory\" here; did you mean \"data-directory\"?"
    );
    assert_eq!(
        wrong("\n[listen]\nhtpps = \"[::]:443\""),
        "block66.toml:3: there is no key \"htpps\" here; did you mean \"https\"?"
    );
    assert!(wrong("[listen]\nwhatever = 1").contains("the keys are http, http-alternate, tftp, https, ntp"));
}

#[test]
fn each_mistake_names_its_line_and_what_is_right() {
    let cases = [
        ("subnet = \"10.66.0.0/24\"", "subnet = \"10.66.0.1/24\"", ":5: ", "write 10.66.0.0/24"),
        ("subnet = \"10.66.0.0/24\"", "subnet = \"10.66.0.0/33\"", ":5: ", ""),
        ("gateway = \"10.66.0.1\"\n", "", ":8: ", "needs gateway to be set"),
        ("dns = [\"10.66.0.1\"]\n", "", ":8: ", "needs dns to be set"),
        ("pool = \"10.66.0.100-10.66.0.199\"", "pool = \"10.66.0.100\"", ":10: ", "is not a pool"),
        ("pool = \"10.66.0.100-10.66.0.199\"", "pool = \"10.66.0.199-10.66.0.100\"", ":10: ", "before it begins"),
        ("pool = \"10.66.0.100-10.66.0.199\"", "pool = \"10.66.0.100-10.66.1.199\"", ":10: ", "10.66.1.199"),
        ("pool = \"10.66.0.100-10.66.0.199\"", "pool = \"10.66.0.1-10.66.0.199\"", ":10: ", "holds the gateway"),
        ("lease-time = \"12h\"", "lease-time = \"12\"", ":11: ", "is not a length of time"),
        ("lease-time = \"12h\"", "lease-time = \"19s\"", ":11: ", "between 20s and 365d"),
        ("lease-time = \"12h\"", "lease-time = \"99999999999999999999d\"", ":11: ", "is not a length of time"),
        ("mac = \"80:5E:C0:12:34:56\"", "mac = \"80:5E\"", ":13: ", "is not a MAC address"),
        ("address = \"10.66.0.20\"", "address = \"10.67.0.20\"", ":14: ", "a reserved address"),
        ("name = \"office\"", "name = \"\"", ":3: ", "1 to 64 characters"),
        ("mode = \"full\"", "mode = \"fool\"", ":9: ", "full"),
    ];
    for (right, wrong_line, line, says) in cases {
        let message = wrong(&OFFICE.replace(right, wrong_line));
        assert!(message.contains(line) && message.contains(says), "{wrong_line:?} gave {message:?}");
    }
    assert!(wrong(&format!("{OFFICE}{}", OFFICE.replace("office", "lobby"))).contains("in common"));
    assert!(wrong("[log]\nfilter = \"block66=loud\"").contains("is not a log filter"));
    assert!(wrong("[box]\nname = \"a b\"").contains("is not a host name"));
}

#[test]
fn one_interface_has_one_dhcp_server() {
    let lobby = OFFICE.replace("office", "lobby").replace("10.66.0", "10.67.0");
    let said = wrong(&format!("{OFFICE}{lobby}"));
    assert!(said.contains("\"office\" and \"lobby\" are both on eth0"), "{said}");
    let elsewhere = lobby.replace("eth0", "eth1");
    let silent = lobby.replace("mode = \"full\"", "mode = \"off\"");
    for other in [elsewhere, silent] {
        assert_eq!(parse(&format!("{OFFICE}{other}")).unwrap().0.networks.len(), 2);
        assert_eq!(parse(&format!("{other}{OFFICE}")).unwrap().0.networks.len(), 2);
    }
}

#[test]
fn with_no_network_in_the_file_those_of_the_box_are_served_without_dhcp() {
    let address = |interface: &str, net: &str, loopback| Address {
        interface: interface.into(),
        net: net.parse().unwrap(),
        loopback,
    };
    let found = [address("lo", "127.0.0.1/8", true), address("eth0", "192.0.2.7/24", false)];
    let config = Config::safe_defaults().with_networks_found(&found);
    assert_eq!(config.networks.len(), 1);
    assert_eq!(config.networks[0].subnet, "192.0.2.0/24".parse().unwrap());
    assert_eq!(config.networks[0].dhcp, Dhcp::usual(), "auto, with nothing to give");
    // Two parts cannot listen on one interface, and the address that lasts is the network.
    let twice = [address("eth0", "169.254.90.78/16", false), address("eth0", "192.168.66.66/24", false)];
    let networks = Config::safe_defaults().with_networks_found(&twice).networks;
    assert_eq!(networks.iter().map(|n| n.subnet.to_string()).collect::<Vec<_>>(), ["192.168.66.0/24"]);
    assert_eq!(Config::safe_defaults().with_networks_found(&twice[..1]).networks.len(), 1, "better than none");
    let (office, _) = parse(OFFICE).unwrap();
    assert_eq!(office.clone().with_networks_found(&found), office);
}

#[test]
fn options_of_the_administrator_are_typed_and_checked() {
    let option = |text: &str| parse(&format!("{OFFICE}\n[[network.dhcp.option]]\n{text}"));
    let value = |text: &str| option(text).unwrap().0.networks[0].dhcp.options[0].clone();
    let ip = value("code = 69\ntype = \"ip-list\"\nvalue = [\"10.0.0.1\", \"10.0.0.2\"]");
    assert_eq!((ip.code, ip.value, ip.scope), (69, vec![10, 0, 0, 1, 10, 0, 0, 2], Scope::Network));
    assert_eq!(value("code = 200\ntype = \"u16\"\nvalue = 258").value, [1, 2]);
    assert_eq!(value("code = 200\ntype = \"u32\"\nvalue = 1").value, [0, 0, 0, 1]);
    assert_eq!(value("code = 200\ntype = \"hex\"\nvalue = \"01:ff\"").value, [1, 255]);
    assert_eq!(value("code = 200\ntype = \"bool\"\nvalue = true").value, [1]);
    let phones = value("code = 66\ntype = \"text\"\nvalue = \"x\"\nmac = \"80:5e:c0:12:34:56\"");
    assert_eq!(phones.scope, Scope::Phone("80:5e:c0:12:34:56".parse().unwrap()));
    for wrong in [
        "code = 53\ntype = \"u8\"\nvalue = 1",
        "code = 66\ntype = \"text\"\nvalue = \"x\"",
        "code = 200\ntype = \"u8\"\nvalue = 256",
        "code = 200\ntype = \"ip\"\nvalue = \"10.0.0\"",
        "code = 200\ntype = \"hex\"\nvalue = \"0\"",
        "code = 200\ntype = \"text\"\nvalue = \"\"",
        "code = 200\ntype = \"text\"\nvalue = \"x\"\nbrand = \"a\"\nmodel = \"b\"",
    ] {
        assert!(option(wrong).is_err(), "{wrong}");
    }
    let long = "x".repeat(256);
    assert!(option(&format!("code = 200\ntype = \"text\"\nvalue = \"{long}\"")).is_err());
}

#[test]
fn further_subnets_have_addresses_of_their_own() {
    let subnet = |net: &str, pool: &str, gateway: &str| {
        parse(&format!(
            "{OFFICE}\n[[network.dhcp.subnet]]\nsubnet = \"{net}\"\npool = \"{pool}\"\ngateway = \"{gateway}\""
        ))
    };
    let (config, _) = subnet("10.70.0.0/24", "10.70.0.10-10.70.0.20", "10.70.0.1").unwrap();
    assert_eq!(config.networks[0].dhcp.subnets[0].dns, config.networks[0].dns);
    assert!(subnet("10.66.0.128/25", "10.66.0.130-10.66.0.140", "10.66.0.129").is_err());
    assert!(subnet("10.70.0.0/24", "10.71.0.10-10.71.0.20", "10.70.0.1").is_err());
    assert!(subnet("10.70.0.0/24", "10.70.0.1-10.70.0.20", "10.70.0.1").is_err());
}

#[test]
fn phones_are_sent_only_into_a_vlan_that_is_served_and_that_they_are_not_in() {
    let voice = |dhcp: &str, rest: &str| {
        parse(&(OFFICE.replace("mode = \"full\"", &format!("mode = \"full\"\n{dhcp}")) + rest))
    };
    let subnet = |vlan: &str| {
        format!(
            "[[network.dhcp.subnet]]\nsubnet = \"10.70.0.0/24\"\npool = \"10.70.0.10-10.70.0.20\"\n\
             gateway = \"10.70.0.1\"\n{vlan}"
        )
    };
    let (config, _) = voice("voice-vlan = 20", &subnet("vlan = 20")).unwrap();
    let dhcp = &config.networks[0].dhcp;
    let nowhere = Ipv4Addr::UNSPECIFIED;
    assert_eq!(dhcp.voice_vlan(nowhere, nowhere), Some(20));
    assert_eq!(dhcp.voice_vlan(nowhere, [10, 66, 0, 20].into()), Some(20));
    assert_eq!(dhcp.voice_vlan([10, 70, 0, 1].into(), nowhere), None, "it is there already");
    assert_eq!(dhcp.voice_vlan(nowhere, [10, 70, 0, 12].into()), None, "it is there already");
    let wrong = |dhcp: &str, rest: &str| voice(dhcp, rest).unwrap_err().to_string();
    assert!(wrong("voice-vlan = 20", &subnet("vlan = 21")).contains("phones would be lost in VLAN 20"));
    assert!(wrong("voice-vlan = 20", "").contains("phones would be lost in VLAN 20"));
    assert!(wrong("voice-vlan = 4095", "").contains("4095 is not a VLAN"));
    let same =
        OFFICE.replace("name = \"office\"", "vlan = 20").replace("mode = \"full\"", "mode = \"full\"\nvoice-vlan = 20");
    assert!(parse(&same).unwrap_err().to_string().contains("would restart for ever"));
}
