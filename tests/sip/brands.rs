//! Questions by multicast as each brand sends them, as raw bytes; the answers decoded by tshark.
//!
//! Shapes are of captures and vendors' documents (facts 2.1 and A2): `MAC<digits>` and `MAC%3a<digits>` in the user
//! part, compact names, an Event with vendor and model, or none of that.

use block66::model::Mac;

use crate::ground::{GROUP, Ground, PATIENCE, Place, receive, wait_until};

/// Brand, MAC, what stands before the `@`, Event, User-Agent, and what it is told.
const QUESTIONS: [(&str, &str, &str, &str, &str, &str); 9] = [
    (
        "yealink",
        "80:5e:c0:00:00:01",
        "MAC{mac}",
        "ua-profile;profile-type=\"device\";vendor=\"yealink\";model=\"T46U\";version=\"108.86.0.20\"",
        "Yealink SIP-T46U 108.86.0.20",
        "",
    ),
    (
        "snom",
        "00:04:13:00:00:02",
        "MAC%3a{MAC}",
        "ua-profile;profile-type=\"device\";vendor=\"snom\";model=\"snomD785\";version=\"10.1.33.33\"",
        "snomD785/10.1.33.33",
        "",
    ),
    (
        "fanvil",
        "0c:38:3e:00:00:03",
        "MAC%3a{mac}",
        "ua-profile;profile-type=\"device\";vendor=\"Fanvil\";model=\"X4\";version=\"2.10.2\"",
        "Fanvil X4 2.10.2.6887",
        "{mac}.cfg",
    ),
    (
        "panasonic",
        "00:80:f0:00:00:04",
        "MAC%3a{MAC}",
        "ua-profile;profile-type=\"device\";vendor=\"Panasonic\";model=\"KX-HDV230\";version=\"01.133\"",
        "Panasonic_KX-HDV230/01.133",
        "Config{MAC}.cfg",
    ),
    (
        "grandstream",
        "00:0b:82:00:00:05",
        "MAC%3A{mac}",
        "ua-profile;profile-type=\"device\";vendor=\"Grandstream\";model=\"GXP2135\";version=\"1.0.7.97\"",
        "Grandstream GXP2135 1.0.7.97",
        "",
    ),
    (
        "gigaset",
        "7c:2f:80:00:00:06",
        "MAC%3a{MAC}",
        "ua-profile;profile-type=\"device\";vendor=\"Gigaset\";model=\"N670\";version=\"83.V2.11.0\"",
        "N670 IP PRO/83.V2.11.0+build.a546b91;7C2F80000006",
        "{mac}.xml",
    ),
    (
        "akuvox",
        "0c:11:05:00:00:07",
        "MAC%3a{MAC}",
        "ua-profile;profile-type=\"device\";vendor=\"Akuvox\";model=\"SP-R20\";version=\"20.0\"",
        "Akuvox SP-R20 20.0",
        "",
    ),
    (
        "htek",
        "00:1f:c1:00:00:08",
        "MAC%3a{mac}",
        "ua-profile;profile-type=\"device\";vendor=\"Htek\";model=\"UC903\";version=\"2.0.4.2\"",
        "Htek UC903 2.0.4.2",
        "",
    ),
    // No MAC is in it: the LAN says who it is.
    (
        "audiocodes",
        "00:90:8f:00:00:09",
        "00000001",
        "ua-profile;profile-type=\"application\";model=\"440HD\";version=\"2.2.2\"",
        "AUDC-IPPhone/2.2.2",
        ";{mac}.cfg",
    ),
];

fn question(place: &Place, user: &str, event: &str, agent: &str) -> String {
    let address = place.address;
    format!(
        "SUBSCRIBE sip:{user}@224.0.1.75 SIP/2.0\r\n\
         Via: SIP/2.0/UDP {address}:5060;rport;branch=z9hG4bK{}\r\n\
         f: <sip:{user}@224.0.1.75>;tag=1\r\nt: <sip:{user}@224.0.1.75>\r\n\
         i: {user}-{address}\r\nCSeq: 1 SUBSCRIBE\r\nMax-Forwards: 70\r\n\
         m: <sip:{user}@{address}:5060>\r\no: {event}\r\nUser-Agent: {agent}\r\n\
         Accept: application/url\r\nExpires: 0\r\nl: 0\r\n\r\n",
        place.mac.plain()
    )
}

#[test]
fn each_brand_is_told_in_its_own_form_and_tshark_finds_nothing_wrong() {
    let ground = Ground::new();
    let file = ground.directory.path().join("seen.pcap");
    let mut command = std::process::Command::new("tcpdump");
    command.args(["-i", "eth0", "-U", "--immediate-mode", "-Z", "root", "-w"]).arg(&file).arg("udp");
    let mut capture =
        ground.lab.ground().appliance().run(|| command.spawn()).unwrap().expect("tcpdump is not installed");
    assert!(wait_until(PATIENCE, || std::fs::metadata(&file).is_ok_and(|file| file.len() >= 24)));
    let mut phones = Vec::new();
    for (brand, mac, user, event, agent, told) in QUESTIONS {
        let mac: Mac = mac.parse().unwrap();
        let place = ground.place(mac);
        ground.list(mac, brand, "udp");
        let fill = |text: &str| text.replace("{mac}", &mac.plain()).replace("{MAC}", &mac.plain().to_ascii_uppercase());
        let socket = place.socket(5060);
        socket.send_to(question(&place, &fill(user), event, agent).as_bytes(), GROUP).unwrap();
        let (accepted, _) = receive(&socket).unwrap_or_else(|| panic!("{brand}: no answer"));
        assert!(accepted.starts_with("SIP/2.0 200 OK\r\n"), "{brand}: {accepted}");
        let (notify, from) = receive(&socket).unwrap();
        assert!(notify.contains(&format!("Event: {event}\r\n")), "{brand}: {notify}");
        let url = notify.split("\r\n\r\n").nth(1).unwrap();
        assert_eq!(url, format!("http://10.66.0.1/p/{}", fill(told)), "{brand}");
        let copied: String = ["Via", "From", "To", "Call-ID", "CSeq"]
            .map(|name| notify.lines().find(|line| line.starts_with(&format!("{name}: "))).unwrap().to_owned() + "\r\n")
            .concat();
        socket.send_to(format!("SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n").as_bytes(), from).unwrap();
        ground.event(mac, "sip.pnp-answered");
        let phone = ground.lab.api().get(&format!("phones/{mac}")).unwrap();
        assert_eq!(phone["brand"], brand, "{phone}");
        phones.push((brand, place, url.to_owned()));
    }
    // What was sent is on the disk when tcpdump has ended.
    let _ = nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(capture.id()).unwrap()),
        nix::sys::signal::Signal::SIGINT,
    );
    capture.wait().unwrap();
    let tshark = |filter: &str| {
        let output =
            std::process::Command::new("tshark").args(["-n", "-r", file.to_str().unwrap(), "-Y", filter]).output();
        String::from_utf8(output.expect("tshark is not installed").stdout).unwrap()
    };
    let ours = "ip.src == 10.66.0.1 && sip";
    assert_eq!(tshark(&format!("{ours} && sip.Method == \"NOTIFY\"")).lines().count(), QUESTIONS.len());
    // 0x00600000 is a warning (Wireshark's expert severities).
    let wrong = tshark(&format!("{ours} && (_ws.malformed || _ws.expert.severity >= 0x00600000)"));
    assert_eq!(wrong, "", "tshark finds fault");
    // Each URL serves the phone that was told it: as such a phone it goes into service by it.
    let served: Vec<_> = phones.iter().map(|(brand, place, url)| (brand, place.simulate(brand, url))).collect();
    for (brand, phone) in &served {
        println!("client: a simulated {brand} goes by what it was told");
        phone.is_served();
    }
    println!("client: tshark decoded {} messages of the box", tshark(ours).lines().count());
}
