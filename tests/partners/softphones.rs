//! Softphones on computers, from finding the login server to the newer program.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};

use crate::ground::{Appliance, BOX, Client, Ground};
use crate::place::{address, at, start};
use crate::softphone::{Registrar, Softphone, Told, read};

const COMPUTER: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 50);
const PBX: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 60);
/// As an operator types it who has chosen own names.
const LOGIN: &str = "http://10.66.0.1/p/bria/login?os=$platform$&key=$license$&machine=$computerid$";
const WRONG: &str = "Unknown user or wrong password.";

/// A box on which softphones may sign in over plain HTTP, with names that its operator chose.
fn lan(mode: &str) -> (Ground, Appliance, Client) {
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

fn add(ground: &Ground, name: &str, extension: &str, more: &[&str]) {
    let server = PBX.to_string();
    let arguments = ["partners", "bria", "add", name, "--user", extension, "--server", &server];
    ground.block66(&[&arguments[..], more].concat(), &format!("password-of-{name}\nsip-of-{extension}\n"));
}

fn sign_in(computer: &Client, user: &str, password: &str) -> (Softphone, Told) {
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

#[test]
fn forms_are_read_as_clients_send_them() {
    let (ground, appliance, computer) = lan("off");
    add(&ground, "ann", "201", &[]);
    let bare = "http://10.66.0.1/p/bria/login";
    let form = "application/x-www-form-urlencoded";
    for (what, url, body, success) in [
        ("as the guides print it", bare, "Username=ann&Password=password-of-ann", "1"),
        ("small letters", bare, "username=ann&password=password-of-ann", "1"),
        ("an empty extra field", bare, "Username=ann&Password=password-of-ann&os=&key=", "1"),
        (
            "extras in the query alone",
            "http://10.66.0.1/p/bria/login?os=win32&key=X",
            "Username=ann&Password=password-of-ann",
            "1",
        ),
        ("a domain with the user", bare, "Username=ann%40branch.example&Password=password-of-ann", "1"),
        ("macros left as they were", bare, "Username=ann&Password=password-of-ann&os=$platform$&lang=$language", "1"),
        ("a line end after the body", bare, "Username=ann&Password=password-of-ann\r\n", "1"),
        (
            "another path to the same server",
            "http://10.66.0.1//BRIA/Login",
            "Username=ann&Password=password-of-ann",
            "1",
        ),
        ("a wrong password", bare, "Username=ann&Password=password-of-bob", "0"),
        ("an unknown user", bare, "Username=eve&Password=password-of-ann", "0"),
        ("no password", bare, "Username=ann", "0"),
        ("nothing", bare, "", "0"),
    ] {
        let response = at(&computer, move || Softphone::new("{desk}").post(url, form, body.as_bytes()));
        assert!(response.body.ends_with(b"\r\n"), "{what}");
        assert!(response.head.to_lowercase().contains("content-type: text/plain"), "{}", response.head);
        let told = read(&response);
        assert_eq!(told.data["Success"], success, "{what}: {told:?}");
        if what == "a wrong password" || what == "an unknown user" {
            assert_eq!(told.data["Failure"], format!("{WRONG} Call 4711."), "{what}");
        }
    }
    let update = at(&computer, || read(&Softphone::new("x").get("http://10.66.0.1/p/bria/update?t=nobody&b=1")));
    assert_eq!((update.data["Success"].as_str(), update.sections.len()), ("0", 1));
    let flood = at(&computer, move || {
        let body = format!("Username=ann&Password={}", "x".repeat(100_000));
        Softphone::new("x").post(bare, form, body.as_bytes()).body
    });
    assert!(flood.starts_with(b"[DATA]\r\nSuccess=0"), "{}", String::from_utf8_lossy(&flood));
    appliance.stop();
}

#[test]
fn whoever_guesses_waits_and_others_do_not() {
    let (ground, appliance, computer) = lan("off");
    add(&ground, "ann", "201", &[]);
    for _ in 0..5 {
        assert_eq!(sign_in(&computer, "ann", "a guess").1.data["Failure"], format!("{WRONG} Call 4711."));
    }
    let locked = sign_in(&computer, "ann", "password-of-ann").1;
    assert!(locked.data["Failure"].starts_with("Too many wrong passwords."), "{locked:?}");
    let colleague = ground.client();
    address(&colleague, Ipv4Addr::new(10, 66, 0, 51));
    assert_eq!(sign_in(&colleague, "ann", "password-of-ann").1.data["Success"], "1");
    let events = ground.block66(&["events", "--json"], "");
    assert!(events.contains("\"softphone.refused\"") && events.contains("\"softphone.signed-in\""), "{events}");
    assert!(!events.contains("a guess"), "{events}");
    appliance.stop();
}

#[test]
fn the_user_of_a_phones_line_signs_in_where_that_is_allowed() {
    let (ground, appliance, computer) = lan("off");
    let line = ["phones", "add", "80:5e:c0:00:00:07", "--name", "Desk 7", "--user", "207", "--server", "10.66.0.60"];
    ground.block66(&line, "line-secret-7\n");
    assert_eq!(sign_in(&computer, "207", "line-secret-7").1.data["Success"], "0");
    ground.block66(&["partners", "bria", "settings", "line-logins=true"], "");
    let (softphone, told) = sign_in(&computer, "207", "line-secret-7");
    assert_eq!(told.data["Success"], "1");
    assert_eq!(softphone.setting("proxies:proxy0:username").as_deref(), Some("207"));
    assert_eq!(softphone.setting("proxies:proxy0:password").as_deref(), Some("line-secret-7"));
    assert_eq!(sign_in(&computer, "207", "line-secret-8").1.data["Success"], "0");
    appliance.stop();
}

#[test]
fn templates_are_the_operators_and_a_restart_keeps_everything() {
    let (ground, appliance, computer) = lan("off");
    add(&ground, "ann", "201", &[]);
    let own =
        "; ours\nproxies:proxy0:username=\"{{ accounts[0].user if accounts else '' }}\"\nui:company:name=\"Branch\"\n";
    ground.block66(&["partners", "bria", "template", "desktop", "--from", "-"], own);
    let (before, _) = sign_in(&computer, "ann", "password-of-ann");
    assert_eq!(before.setting("ui:company:name").as_deref(), Some("Branch"));
    assert_eq!(before.setting("proxies:proxy0:transport"), None, "what the template does not say");
    appliance.stop();
    let appliance = ground.start_as("mode = \"off\"");
    let mut softphone = before.clone();
    let told = at(&computer, move || softphone.ask("config_server_url"));
    assert_eq!(told.data["Success"], "0", "its token is still good, and nothing is new");
    ground.block66(&["partners", "bria", "password", "ann"], "a new password\n");
    let mut softphone = before;
    let told = at(&computer, move || softphone.ask("config_server_url"));
    assert_eq!(told.data["Success"], "0", "the token ended with the password");
    assert!(told.settings.is_empty());
    assert_eq!(sign_in(&computer, "ann", "a new password").1.data["Success"], "1");
    appliance.stop();
}

#[test]
fn mobile_clients_are_answered_in_xml() {
    let (ground, appliance, computer) = lan("off");
    add(&ground, "ann", "201", &[]);
    let url = "http://10.66.0.1/p/bria/login";
    let ask = |body: &'static str| {
        let response = at(&computer, move || Softphone::new("x").post(url, "text/xml", body.as_bytes()));
        assert_eq!(response.status, 200);
        String::from_utf8(response.body).unwrap()
    };
    let good = [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<cpc_mobile version=\"1.0\"><login user=\"ann\" \
         password=\"password-of-ann\" uuid=\"0-1\"/></cpc_mobile>",
        "<?xml version=\"1.0\"?>\r\n<cpc_mobile>\r\n  <login\r\n    uuid='0-1'\r\n    user='ann'\r\n    colour='red'\r\n    \
         password='password-of-ann'>\r\n  </login>\r\n</cpc_mobile>",
    ];
    for body in good {
        let answer = ask(body);
        assert!(answer.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"), "{answer}");
        for part in [
            "<login_response><status success=\"true\"/></login_response>",
            "<account protocol=\"sip\">",
            "<data name=\"username\" value=\"201\"/>",
            "<data name=\"password\" value=\"sip-of-201\"/>",
            "<codec_list_audio_wifi><codec name=\"opus\" enabled=\"true\"/>",
        ] {
            assert!(answer.contains(part), "{part} is not in {answer}");
        }
    }
    for body in [
        "<?xml version=\"1.0\"?><cpc_mobile><login user=\"ann\" password=\"wrong\" uuid=\"1\"/></cpc_mobile>",
        "<?xml version=\"1.0\"?><cpc_mobile><login user=\"ann\" password=",
        "<?xml version=\"1.0\"?><cpc_mobile></cpc_mobile>",
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"ann\">]><cpc_mobile><login user=\"&a;\" password=\"x\"/></cpc_mobile>",
    ] {
        let answer = ask(body);
        assert!(answer.contains("<status success=\"false\" error_text=\""), "{body}: {answer}");
        assert!(!answer.contains("sip-of-201"), "{answer}");
    }
    appliance.stop();
}

#[test]
fn it_is_off_until_somebody_switches_it_on() {
    let ground = Ground::new();
    let appliance = ground.start_as("mode = \"off\"");
    let computer = ground.client();
    address(&computer, COMPUTER);
    let answer = at(&computer, || {
        let body = b"Username=ann&Password=x";
        Softphone::new("x").post("http://10.66.0.1/p/bria/login", "application/x-www-form-urlencoded", body)
    });
    assert_ne!(answer.status, 200, "{}", answer.head);
    appliance.stop();
}
