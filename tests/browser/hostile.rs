//! Texts of strangers stay texts: whatever a phone or a list calls itself, the page runs no script but its own.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;

use block66::lab::ground::BOX;
use serde_json::json;

use super::ground::Ground;

/// Runs where it is taken for markup, in an attribute or between tags.
const EVIL: &str = "\"><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";

/// A DISCOVER as RFC 2131 writes it, of a device that calls itself this.
fn discover(mac: [u8; 6], host_name: &str, class: &str) -> Vec<u8> {
    let mut packet = vec![0; 240];
    packet[..3].copy_from_slice(&[1, 1, 6]);
    packet[4..8].copy_from_slice(&[7, 7, 7, 7]);
    packet[10] = 0x80;
    packet[28..34].copy_from_slice(&mac);
    packet[236..240].copy_from_slice(&[99, 130, 83, 99]);
    for (code, text) in [(12, host_name), (60, class)] {
        packet.extend([code, u8::try_from(text.len()).unwrap()]);
        packet.extend(text.as_bytes());
    }
    packet.extend([53, 1, 1, 255]);
    packet
}

#[test]
fn what_strangers_call_themselves_does_nothing() {
    let ground = Ground::claimed(1);
    let browser = &ground.browser;
    let api = ground.lab.api();
    let mac = ground.lab.phones()[0].mac;
    let short: String = EVIL.chars().take(64).collect();
    // Display name, name, label of a key.
    api.post(
        "phones",
        &json!({
            "mac": "805ec0666601", "name": short,
            "lines": [{ "user": "666", "password": "x", "display": short, "server": "pbx.example" }],
            "keys": [{ "position": 1, "kind": "blf", "value": "<img src=x onerror=alert(1)>", "label": short }],
        }),
    )
    .unwrap();
    api.post("groups", &json!({ "name": short })).unwrap();
    // Host name and class of a DHCP client.
    let packet = discover([0x80, 0x5e, 0xc0, 0x66, 0x66, 2], "<svg onload=alert(1)>", &EVIL[..40]);
    ground
        .lab
        .ground()
        .switch()
        .run(|| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
            socket.set_broadcast(true).unwrap();
            socket2::SockRef::from(&socket).bind_device(Some(b"switch")).unwrap();
            for _ in 0..3 {
                socket.send_to(&packet, (Ipv4Addr::BROADCAST, 67)).unwrap();
            }
        })
        .unwrap();
    // User-Agent and file names of a client that asks for files.
    let status = ground.lab.ground().switch().run(|| {
        Command::new("curl")
            .args(["--silent", "--insecure", "--max-time", "20", "--user-agent", EVIL, "--path-as-is"])
            .arg(format!("https://{BOX}/p/805ec0666601.cfg"))
            .arg(format!("https://{BOX}/p/%3Cscript%3Edocument.title='owned'%3C/script%3E.cfg"))
            .status()
    });
    assert!(status.unwrap().unwrap().success());
    let mut pages: Vec<String> = super::looks::PAGES.iter().map(|page| page.to_string()).collect();
    pages.extend(["", "/edit", "/settings", "/files"].map(|page| format!("/phones/805ec0666601{page}")));
    pages.extend(["", "/edit"].map(|page| format!("/phones/{}{page}", mac.plain())));
    // Reflected by what is asked for.
    let query = "%22%3E%3Cscript%3Edocument.title%3D%27owned%27%3C%2Fscript%3E";
    for page in ["/phones?q=", "/phones?brand=", "/events?mac=", "/events?kind=", "/networks?of=", "/nothing/"] {
        pages.push(format!("{page}{query}"));
    }
    browser.complaints();
    let mut met = false;
    for page in pages {
        ground.open(&page);
        let title = browser.run("return document.title");
        // The page of a phone has its name for a title: only a script would make it this word and no other.
        assert_ne!(title.as_str().unwrap(), "owned", "{page} ran a stranger's script");
        let planted = browser.run(
            "return document.querySelectorAll('img[onerror], script:not([type=module]), [onload], script[type=module]:not([src^=\"/assets/\"])').length",
        );
        assert_eq!(planted, 0, "{page} has a stranger's element");
        met |= browser.text().contains("onerror");
        for complaint in browser.complaints() {
            // A page that is not there says so with its status.
            assert!(complaint.contains("404") && page.starts_with("/no"), "{page}: {complaint}");
        }
    }
    assert!(met, "no page showed what the strangers call themselves: nothing was tried");
}
