//! Files of phones, for somebody who is no phone.

use std::time::{Duration, Instant};

use block66::lab::ground::BOX;
use block66::model::Mac;
use serde_json::Value;

use crate::ground::{ATTACKER, Ground, PATIENCE, median, wait_until};
use crate::place::{Place, Stream};
use crate::speak::{self, exchange};

const AGENT: &str = "Yealink SIP-T46U 108.86.0.90 80:5e:c0:66:00:01";

/// Addresses of the same maker that are on no list.
fn unlisted(number: u16) -> Mac {
    let [high, low] = number.to_be_bytes();
    Mac::new([0x80, 0x5e, 0xc0, 0x99, high, low])
}

#[test]
fn asking_for_every_mac_tells_nothing() {
    let mut ground = Ground::new(2);
    let evil = ground.place(ATTACKER);
    let listed = ground.lab.phones()[0].mac;
    // By status, fields and bytes.
    for tls in [false, true] {
        for name in ["{}.cfg", "{}.boot", "{}-local.cfg"] {
            let path = |mac: Mac| format!("/p/{}", name.replace("{}", &mac.plain()));
            let known = evil.get(tls, &path(listed), AGENT);
            assert!(matches!(known.status, 401 | 404), "{}", known.status);
            for number in 0..20 {
                let unknown = evil.get(tls, &path(unlisted(number)), AGENT);
                assert_eq!(known.lasting(), unknown.lasting(), "{name} over TLS: {tls}");
            }
        }
        // A login that is nobody's changes nothing about it.
        let guess = speak::basic("nobody", "guess");
        let [known, unknown] = [listed, unlisted(1)]
            .map(|mac| evil.ask(tls, "GET", &format!("/p/{}.cfg", mac.plain()), &guess, b"").lasting());
        assert_eq!(known, unknown, "with a guess, over TLS: {tls}");
    }
    let [known, unknown] = [listed, unlisted(1)].map(|mac| evil.tftp(&format!("{}.cfg", mac.plain())));
    assert_eq!(known, unknown, "over TFTP");
    // By how long it takes: each kind on the same connection, one after the other, so that whatever else the machine
    // does falls on both.
    for tls in [false, true] {
        let mut stream = evil.open(tls).unwrap();
        let mut times: [Vec<Duration>; 2] = Default::default();
        for round in 0..600_u16 {
            for (times, mac) in times.iter_mut().zip([listed, unlisted(round)]) {
                let before = Instant::now();
                let reply = exchange(&mut *stream, "GET", &format!("/p/{}.cfg", mac.plain()), "", b"").unwrap();
                times.push(before.elapsed());
                assert_eq!(reply.status, 401);
            }
        }
        let [known, unknown] = times.map(|times| median(times).as_secs_f64() * 1e6);
        let took = format!("{known:.0} µs for a listed MAC and {unknown:.0} µs for another, over TLS: {tls}");
        println!("figure: a challenge takes {took}");
        assert!((0.75..1.33).contains(&(known / unknown)), "{took}");
    }
    ground.box_is_well();
}

#[test]
fn whoever_asks_for_every_mac_is_slowed_and_nobody_else_is() {
    /// Nobody is slowed before so many: a whole branch behind one address asks for fewer at once.
    const FREE: usize = 30_000;
    /// So many in a row are measured, and what they come to a second where they are slowed, at most.
    const ROW: u16 = 120;
    const SLOW: f64 = 80.0;
    let mut ground = Ground::new(2);
    let evil = ground.place(ATTACKER);
    let listed = ground.lab.phones()[0].mac;
    let pace = |stream: &mut dyn Stream, mac: &dyn Fn(u16) -> Mac| -> f64 {
        let before = Instant::now();
        for number in 0..ROW {
            let reply = exchange(stream, "GET", &format!("/p/{}.cfg", mac(number).plain()), "", b"").unwrap();
            assert_eq!(reply.status, 401, "nobody is refused");
        }
        f64::from(ROW) / before.elapsed().as_secs_f64()
    };
    let mut stream = evil.open(false).unwrap();
    let begun = Instant::now();
    let rows = FREE * 2 / usize::from(ROW);
    let is_slow = |row: &usize| {
        pace(&mut *stream, &|number| unlisted((*row as u16).wrapping_mul(ROW).wrapping_add(number))) < SLOW
    };
    let slowed = (0..rows).find(is_slow).expect("asking without end is never slowed") * usize::from(ROW);
    println!("figure: slowed after {slowed} requests without a login within {:?}", begun.elapsed());
    assert!(slowed > FREE, "slowed after {slowed}, as a branch behind one address would be");
    // From then on, listed or not, over plain HTTP or TLS, at the same pace.
    for tls in [false, true] {
        let mut stream = evil.open(tls).unwrap();
        let known = pace(&mut *stream, &|_| listed);
        let unknown = pace(&mut *stream, &unlisted);
        println!("figure: then {known:.0} a second for a listed MAC and {unknown:.0} for others, over TLS: {tls}");
        assert!(known < SLOW && unknown < SLOW, "{known} and {unknown} a second");
        assert!((0.5..2.0).contains(&(known / unknown)), "{known} and {unknown} a second");
    }
    // A neighbour, and a phone that starts anew, notice nothing.
    let other = ground.place("02:66:6e:00:00:09".parse().unwrap());
    let neighbour = pace(&mut *other.open(false).unwrap(), &unlisted);
    assert!(neighbour > SLOW, "a neighbour gets {neighbour} answers a second");
    ground.phones_are_served();
    // Whose it was is on record.
    let told = wait_until(PATIENCE, || {
        let events = ground.lab.api().get("events?limit=1000").unwrap();
        let mut events = events["events"].as_array().unwrap().iter();
        events.any(|event| event["code"] == "box.flooded" && event["address"] == evil.address.to_string())
    });
    assert!(told, "no event names the address that asked");
    ground.box_is_well();
}

#[test]
fn names_and_headers_are_no_evidence() {
    let mut ground = Ground::new(2);
    let victim = ground.lab.phones()[0].mac;
    let there = ground.lab.phones()[0].remote.report().address.unwrap();
    let mut evil = ground.place(ATTACKER);
    let forged = [
        format!("X-Forwarded-For: {there}\r\n"),
        format!("Forwarded: for={there};proto=https\r\nX-Real-IP: {there}\r\n"),
        format!("Client-Cert: CN={victim}\r\nX-SSL-Client-S-DN: CN={victim}\r\nX-Client-Verify: SUCCESS\r\n"),
        format!("Host: {there}\r\n"),
        format!("X-Yealink-MAC: {victim}\r\nMAC: {victim}\r\nReferer: https://{BOX}/\r\n"),
        "Authorization: Basic Og==\r\n".to_owned(),
        format!("Authorization: Digest username=\"{}\"\r\n", victim.plain()),
        format!("Cookie: __Host-block66={}\r\n", "0".repeat(43)),
    ];
    let mut tried = 0;
    let mut attempt = |evil: &Place| {
        for lines in &forged {
            for tls in [false, true] {
                for name in
                    [format!("{}.cfg", victim.plain()), format!("{}.boot", victim.plain()), "y000000000108.cfg".into()]
                {
                    let lines = format!("User-Agent: {AGENT}\r\n{lines}");
                    let reply = evil.ask(tls, "GET", &format!("/p/{name}"), &lines, b"");
                    ground.holds_no_secret(&reply.body, &name);
                    ground.holds_no_secret(reply.head.as_bytes(), &name);
                    tried += 1;
                }
            }
        }
    };
    attempt(&evil);
    // The MAC of the phone in DHCP, from hardware of the attacker's own: the address is the phone's, the neighbour is
    // not.
    let leased = crate::addresses::take_lease(&evil, victim);
    assert_eq!(leased, there, "the lease is the phone's own");
    ground.lab.phones()[0].remote.stop();
    evil.move_to(leased);
    attempt(&evil);
    ground.event(victim, "box.mac-mismatch");
    println!("figure: {tried} forged requests");
    ground.box_is_well();
}

#[test]
fn a_clone_of_mac_and_address_gets_nothing_once_first_contact_is_over() {
    let ground = Ground::new(1);
    let phone = &ground.lab.phones()[0];
    let there = phone.remote.report().address.unwrap();
    phone.remote.stop();
    assert!(wait_until(PATIENCE, || phone.died()), "the phone is off");
    let clone = ground.place_at(phone.mac, there);
    for tls in [false, true, true, false] {
        for name in [format!("{}.cfg", phone.mac.plain()), format!("{}.boot", phone.mac.plain())] {
            let reply = clone.get(tls, &format!("/p/{name}"), AGENT);
            ground.holds_no_secret(&reply.body, &name);
        }
    }
    for name in [format!("{}.cfg", phone.mac.plain()), format!("{}.boot", phone.mac.plain())] {
        ground.holds_no_secret(&clone.tftp(&name), &name);
    }
    // Somebody has to let it start over, and is told why.
    ground.event(phone.mac, "http.was-reset");
}

#[test]
fn a_clone_that_comes_before_the_phone_is_seen() {
    let ground = Ground::new(0);
    let mac: Mac = "80:5e:c0:00:00:01".parse().unwrap();
    let listed = serde_json::json!({ "mac": mac.to_string(), "name": "Desk", "lines": [
        { "user": "201", "password": "line-password", "display": "Desk", "server": "pbx.example.net" }] });
    ground.lab.api().post("phones", &listed).unwrap();
    let path = format!("/p/{}.cfg", mac.plain());
    // As far as a LAN can tell, this is the phone: it is given the phone's login and uses it.
    let clone = ground.place(mac);
    let given = clone.get(false, &path, AGENT).text();
    let value = |key: &str| {
        let line = given.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {key} in:\n{given}")).trim().to_owned()
    };
    let login =
        speak::basic(&value("static.auto_provision.server.username"), &value("static.auto_provision.server.password"));
    assert!(clone.ask(true, "GET", &path, &login, b"").text().contains("line-password"));
    // The phone itself comes later, from another address, and is refused; both stand on the page.
    let phone = ground.place_at(mac, "10.66.3.200".parse().unwrap());
    phone.run("ping", &["-c", "1", "-W", "2", &BOX.to_string()]);
    for _ in 0..3 {
        let reply = phone.get(true, &path, AGENT);
        assert!(!reply.text().contains("line-password"), "{}", reply.text());
    }
    let addresses = |code: &str| -> Vec<Value> {
        ground.events_of(mac).into_iter().filter(|event| event["code"] == code).map(|e| e["address"].clone()).collect()
    };
    assert!(wait_until(PATIENCE, || addresses("http.first-contact").contains(&Value::from(clone.address.to_string()))));
    let refused =
        |event: &Value| event["address"] == "10.66.3.200" && event["code"].as_str().unwrap().starts_with("http.");
    assert!(wait_until(PATIENCE, || ground.events_of(mac).iter().any(refused)), "{:#?}", ground.events_of(mac));
}

#[test]
fn no_path_leads_out_of_the_files() {
    let mut ground = Ground::new(1);
    let evil = ground.place(ATTACKER);
    let data =
        "data/key data/root.pem data/leaf-rsa.pem data/leaf-ecdsa.pem data/store/database-0/db block66.toml box.log";
    let mut paths: Vec<String> = Vec::new();
    for up in [
        "../",
        "..%2f",
        "%2e%2e/",
        "%2e%2e%2f",
        "..\\",
        "..%5c",
        "....//",
        "..;/",
        "%252e%252e%252f",
        "..%c0%af",
        "%uff0e%uff0e/",
        ".%00./",
    ] {
        for depth in [1, 4, 12] {
            for target in ["etc/passwd", "proc/self/environ", "data/key"] {
                for base in ["/", "/p/", "/p/firmware/", "/assets/", "/p/xml/"] {
                    paths.push(format!("{base}{}{target}", up.repeat(depth)));
                }
            }
        }
    }
    paths
        .extend(data.split(' ').flat_map(|name| [format!("/{name}"), format!("/p/{name}"), format!("/assets/{name}")]));
    for whole in [
        "/p//etc/passwd",
        "//etc/passwd",
        "/p/file:///etc/passwd",
        "/p/%00",
        "/p/a%00.cfg",
        "/p/\u{202e}gfc.a",
        "/p/CON",
        "/p/a.cfg::$DATA",
        "/p/.git/config",
    ] {
        paths.push(whole.into());
    }
    paths.push(format!("/p/{}", "a".repeat(12_000)));
    paths.push(format!("/p/{}", "a/".repeat(5_000)));
    for tls in [false, true] {
        let mut stream = evil.open(tls).unwrap();
        for path in &paths {
            // Some are refused with the connection.
            let reply = match exchange(&mut *stream, "GET", path, "", b"") {
                Ok(reply) => reply,
                Err(_) => {
                    stream = evil.open(tls).unwrap();
                    continue;
                }
            };
            ground.holds_no_secret(&reply.body, path);
            assert!(!matches!(reply.status, 200 | 206), "{path}: {}", reply.head);
            if reply.fields("connection").any(|value| value.eq_ignore_ascii_case("close")) {
                stream = evil.open(tls).unwrap();
            }
        }
    }
    for name in [
        "../../../../etc/passwd",
        "/etc/passwd",
        "..\\..\\etc\\passwd",
        "data/key",
        "%2e%2e/etc/passwd",
        "",
        "\u{ff0e}\u{ff0e}/etc/passwd",
    ] {
        let packet = evil.tftp(name);
        assert_eq!(packet[..2], [0, 5], "TFTP {name}");
    }
    // The box is nobody's proxy.
    for line in [
        "GET http://127.0.0.1:80/ca.pem2 HTTP/1.1",
        "CONNECT 127.0.0.1:22 HTTP/1.1",
        "GET //127.0.0.1/../x HTTP/1.1",
        "TRACE / HTTP/1.1",
    ] {
        let answer =
            evil.raw(false, format!("{line}\r\nHost: x\r\nX-Echo: planted\r\nConnection: close\r\n\r\n").as_bytes());
        let text = String::from_utf8_lossy(&answer);
        assert!(!text.starts_with("HTTP/1.1 2") && !text.contains("planted"), "{line}: {text}");
    }
    println!("figure: {} paths over HTTP and HTTPS", paths.len());
    ground.box_is_well();
}

#[test]
fn nobody_sends_a_phone_its_settings() {
    let mut ground = Ground::new(1);
    let victim = ground.lab.phones()[0].mac;
    let evil = ground.place(ATTACKER);
    for tls in [false, true] {
        for method in ["PUT", "POST", "DELETE", "PATCH", "MKCOL", "PROPFIND"] {
            for name in [format!("{}-local.cfg", victim.plain()), format!("{}.cfg", victim.plain()), "ca.pem".into()] {
                let reply = evil.ask(tls, method, &format!("/p/{name}"), "", b"account.1.password = planted\n");
                assert!(reply.status >= 400, "{method} {name}: {}", reply.status);
            }
        }
    }
    ground.phones_are_served();
    assert_eq!(ground.lab.disagreements().unwrap(), Vec::<String>::new());
    ground.box_is_well();
}
