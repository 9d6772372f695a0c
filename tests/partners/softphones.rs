//! Softphones on computers, from finding the login server to the newer program.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};

use crate::ground::{Appliance, BOX, Client, Ground};
use crate::place::{PATIENCE, address, at, start};
use crate::softphone::{Registrar, Softphone, Told};

pub(crate) const COMPUTER: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 50);
const PBX: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 60);
/// As an operator types it who has chosen own names.
const LOGIN: &str = "http://10.66.0.1/p/bria/login?os=$platform$&key=$license$&machine=$computerid$";

/// A box on which softphones may sign in over plain HTTP, with names that its operator chose.
pub(crate) fn lan(mode: &str) -> (Ground, Appliance, Client) {
    let ground = Ground::new();
    let dhcp = format!("mode = \"{mode}\"\npool = \"10.66.0.100-10.66.0.120\"");
    let appliance = ground.start_as(&dhcp);
    let computer = ground.client();
    address(&computer, COMPUTER);
    let settings = [
        "partners",
        "bria",
        "settings",
        "enabled=true",
        "plain-http=true",
        "upgrades=true",
        "help=Call 4711.",
        "names.platform=os",
        "names.license=key",
        "names.computerid=machine",
        "names.build=b",
    ];
    ground.block66(&settings, "");
    (ground, appliance, computer)
}

pub(crate) fn add(ground: &Ground, name: &str, extension: &str, more: &[&str]) {
    let server = PBX.to_string();
    let arguments = ["partners", "bria", "add", name, "--user", extension, "--server", &server];
    ground.block66(&[&arguments[..], more].concat(), &format!("password-of-{name}\nsip-of-{extension}\n"));
}

pub(crate) fn sign_in(computer: &Client, user: &str, password: &str) -> (Softphone, Told) {
    let (user, password) = (user.to_owned(), password.to_owned());
    at(computer, move || {
        let mut softphone = Softphone::new(&format!("{{computer of {user}}}"));
        let told = softphone.login(LOGIN, &user, &password);
        (softphone, told)
    })
}

/// What Windows sends for a program that asks by DHCP: an INFORM from the address that it has.
fn inform(computer: &Client, requested: &'static [u8], class: &'static [u8]) -> Option<Vec<u8>> {
    let mac: Vec<u8> = computer.mac.split(':').map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect();
    at(computer, move || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 68)).unwrap();
        socket.set_broadcast(true).unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_secs(3))).unwrap();
        let mut message = vec![1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 0];
        message.extend(COMPUTER.octets());
        message.extend([0; 12]);
        message.extend(&mac);
        message.extend([0; 10 + 64 + 128]);
        message.extend([99, 130, 83, 99, 53, 1, 8, 60, u8::try_from(class.len()).unwrap()]);
        message.extend(class);
        message.extend([55, u8::try_from(requested.len()).unwrap()]);
        message.extend(requested);
        message.push(255);
        socket.send_to(&message, (BOX, 67)).unwrap();
        let mut answer = [0; 1500];
        let length = socket.recv(&mut answer).ok()?;
        assert_eq!(answer[4..8], [0x12, 0x34, 0x56, 0x78]);
        let mut options = &answer[240..length];
        while let [code, rest @ ..] = options {
            if *code == 0 {
                options = rest;
                continue;
            }
            let (count, rest) = rest.split_first().filter(|_| *code != 255)?;
            let (value, rest) = rest.split_at(usize::from(*count));
            if *code == 120 {
                return Some(value.to_vec());
            }
            options = rest;
        }
        None
    })
}

#[test]
fn a_computer_finds_signs_in_registers_polls_and_upgrades() {
    let (ground, appliance, computer) = lan("full");
    ground.dhcp_says("This box is the DHCP server");
    assert_eq!(inform(&computer, &[1, 3, 120], b"MSFT 5.0"), None, "nobody is told until it is switched on");
    ground.block66(&["partners", "bria", "settings", "discovery=office", "discovery-secure=false"], "");
    // h t t p : / / 1 0 . 6 6 . 0 . 1 / p / b r i a / l o g i n
    let expected = [
        0x68, 0x74, 0x74, 0x70, 0x3a, 0x2f, 0x2f, 0x31, 0x30, 0x2e, 0x36, 0x36, 0x2e, 0x30, 0x2e, 0x31, 0x2f, 0x70,
        0x2f, 0x62, 0x72, 0x69, 0x61, 0x2f, 0x6c, 0x6f, 0x67, 0x69, 0x6e,
    ];
    let url = inform(&computer, &[1, 3, 120], b"MSFT 5.0").expect("it is told");
    assert_eq!(url, expected);
    assert_eq!(inform(&computer, &[1, 3], b"MSFT 5.0"), None, "it did not ask");
    assert_eq!(inform(&computer, &[1, 3, 120], b"AastraIPPhone6867i"), None, "a phone reads RFC 3361 there");

    add(&ground, "ann", "201", &["--licence", "KEY-OF-ANN", "--voicemail", "*97"]);
    let pbx = ground.client();
    address(&pbx, PBX);
    let passwords = BTreeMap::from([("201".to_owned(), "sip-of-201".to_owned())]);
    let registrar = start(&pbx, move || Registrar::serve(PBX, passwords, 1));
    let found = String::from_utf8(url).unwrap();
    let (mut softphone, told) = at(&computer, move || {
        let mut softphone = Softphone::new("{desk}");
        let told = softphone.login(&found, "ann", "password-of-ann");
        (softphone, told)
    });
    assert_eq!(told.data.get("Success").map(String::as_str), Some("1"));
    assert_eq!(told.data.get("LicenseKey").map(String::as_str), Some("KEY-OF-ANN"));
    assert_eq!(told.memory, [("proxies:proxy0:password".to_owned(), "sip-of-201".to_owned())]);
    assert!(!told.settings.iter().any(|(_, value)| value == "sip-of-201"), "not to the disk");
    assert_eq!(softphone.accounts(), [0], "accounts that are not hers are blank");
    let softphone = {
        let phone = softphone.clone();
        assert_eq!(at(&computer, move || phone.register(0)), 200);
        assert_eq!(registrar.join().unwrap(), ["201"]);
        softphone.restart();
        assert_eq!(softphone.setting("proxies:proxy0:password"), None);
        softphone
    };

    let ask = |softphone: &Softphone, server: &'static str| {
        let mut softphone = softphone.clone();
        at(&computer, move || {
            let told = softphone.ask(server);
            (softphone, told)
        })
    };
    let success = |told: &Told| told.data.get("Success").cloned().unwrap();
    let (softphone, told) = ask(&softphone, "config_server_url");
    assert_eq!((success(&told).as_str(), told.sections.len()), ("0", 1), "nothing new");
    ground.block66(&["partners", "bria", "set", "ann", "codecs:opus:enabled=1"], "");
    let (softphone, told) = ask(&softphone, "config_server_url");
    assert_eq!(success(&told), "1");
    assert_eq!(softphone.setting("codecs:opus:enabled").as_deref(), Some("1"));
    let (mut softphone, told) = ask(&softphone, "config_server_url");
    assert_eq!(success(&told), "0", "told once");

    let (_, told) = ask(&softphone, "code_server_url");
    assert_eq!(success(&told), "0", "no program is in the catalogue");
    let installer = ground.data().join("../Bria_60000.exe");
    std::fs::write(&installer, b"MZ an installer").unwrap();
    let path = installer.to_str().unwrap();
    ground.block66(&["firmware", "add", path, "--brand", "bria", "--version", "60000", "--model", "win32"], "");
    let (_, told) = ask(&softphone, "code_server_url");
    assert_eq!(told.data.get("version").map(String::as_str), Some("60000"));
    assert_eq!(told.data.get("Mandatory").map(String::as_str), Some("0"));
    let (phone, url) = (softphone.clone(), told.data["url"].clone());
    assert_eq!(at(&computer, move || phone.get(&url)).body, b"MZ an installer");
    for (build, expected) in [("59999", "1"), ("60000", "0"), ("60001", "0"), ("sixty", "0"), ("$build$", "0")] {
        softphone.macros.insert("build", build.into());
        assert_eq!(success(&ask(&softphone, "code_server_url").1), expected, "{build}");
    }
    let log = appliance.log();
    for secret in ["sip-of-201", "password-of-ann"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    appliance.stop();
}

#[test]
fn beside_another_dhcp_server_only_those_who_ask_for_it_are_told() {
    let (ground, appliance, computer) = lan("inform-only");
    ground.dhcp_says("gives no addresses");
    ground.block66(&["partners", "bria", "settings", "discovery=office", "discovery-secure=false"], "");
    assert!(inform(&computer, &[1, 3, 120], b"MSFT 5.0").is_some());
    assert_eq!(inform(&computer, &[1, 3, 120], b"PXEClient:Arch:00000"), None);
    assert_eq!(inform(&computer, &[1, 3, 120], b"udhcp 1.36"), None);
    appliance.stop();
}

#[test]
fn ten_users_get_only_their_own() {
    let (ground, appliance, computer) = lan("off");
    let names: Vec<String> = (0..10).map(|number| format!("user{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        let own = format!("ui:own:of_{name}={number}");
        // No text of hexadecimal digits, as tokens are.
        add(&ground, name, &format!("line{number}"), &["--set", &own]);
    }
    for (number, name) in names.iter().enumerate() {
        let (softphone, told) = sign_in(&computer, name, &format!("password-of-{name}"));
        let all: Vec<&(String, String)> = told.settings.iter().chain(&told.memory).collect();
        let extension = format!("line{number}");
        assert_eq!(softphone.setting("proxies:proxy0:username"), Some(extension.clone()));
        assert_eq!(softphone.setting("proxies:proxy0:password"), Some(format!("sip-of-{extension}")));
        for (setting, value) in all {
            for (other, others) in names.iter().enumerate().filter(|(other, _)| *other != number) {
                let foreign = value.contains(&format!("line{other}")) || setting.contains(others.as_str());
                assert!(!foreign, "{name} is told {setting}={value} of {others}");
            }
        }
    }
    // What one changes, the others are not told.
    let (first, _) = sign_in(&computer, "user0", "password-of-user0");
    let (second, _) = sign_in(&computer, "user1", "password-of-user1");
    ground.block66(&["partners", "bria", "set", "user0", "ui:own:more=1"], "");
    for (mut softphone, expected) in [(first, "1"), (second, "0")] {
        let told = at(&computer, move || softphone.ask("config_server_url"));
        assert_eq!(told.data["Success"], expected);
    }
    appliance.stop();
}

#[test]
fn a_form_that_never_comes_is_not_waited_for_without_end() {
    let (_ground, appliance, computer) = lan("off");
    let said = at(&computer, || {
        let mut stream = TcpStream::connect((BOX, 80)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = "POST /p/bria/login HTTP/1.1\r\nHost: 10.66.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                    Content-Length: 40\r\n\r\nUsername=ann";
        stream.write_all(head.as_bytes()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("an answer, and then the end");
        said
    });
    assert!(said.contains("The request could not be read."), "{said}");
    appliance.stop();
}

#[test]
fn over_tls_it_takes_the_certificate_that_it_trusts_and_no_other() {
    let (ground, appliance, computer) = lan("off");
    add(&ground, "ann", "201", &[]);
    let ca = ground.block66(&["ca", "export"], "");
    let secure = "https://10.66.0.1/p/bria/login";
    let distrustful = at(&computer, move || Softphone::new("{desk}").post(secure, "text/plain", b"").status);
    assert_eq!(distrustful, 0, "a certificate of nobody that it knows");
    let told = at(&computer, move || {
        let mut softphone = Softphone { trust: Some(ca.into_bytes()), ..Softphone::new("{desk}") };
        let told = softphone.login(secure, "ann", "password-of-ann");
        let update = softphone.setting("feature:auto_update:config_server_url").unwrap();
        assert!(update.starts_with("https://10.66.0.1/p/bria/update?t="), "{update}");
        assert_eq!(softphone.ask("config_server_url").data["Success"], "0");
        told
    });
    assert_eq!(told.data["Success"], "1");

    // Without leave for plain HTTP nothing secret goes over it.
    ground.block66(&["partners", "bria", "settings", "plain-http=false"], "");
    let (_, told) = sign_in(&computer, "ann", "password-of-ann");
    assert_eq!(told.data["Success"], "0");
    assert!(told.data["Failure"].contains("HTTPS"), "{told:?}");
    appliance.stop();
}
