//! Requests that two readers would read in two ways, TLS of yesterday, and those who take their time.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use block66::lab::ground::BOX;

use crate::ground::{ATTACKER, Ground, PATIENCE, wait_until};
use crate::page::{JSON, sign_in};
use crate::place::{Place, Stream};

/// How many answers stand in what came back.
fn answers(bytes: &[u8]) -> usize {
    String::from_utf8_lossy(bytes).matches("HTTP/1.1 ").count()
}

#[test]
fn nothing_hidden_in_a_body_is_a_request() {
    let mut ground = Ground::new(1);
    let evil = ground.place(ATTACKER);
    let hidden = format!("GET /p/{}.cfg HTTP/1.1\r\nHost: x\r\n\r\n", ground.lab.phones()[0].mac.plain());
    let chunk = format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len());
    let behind = format!("0\r\n\r\n{hidden}");
    // By one reading each of these is one request. By the other, which must not be taken, the rest is a second one.
    let shapes = [
        ("both lengths", format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n{behind}", behind.len())),
        ("both lengths, the other way", format!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{chunk}")),
        ("two lengths", format!("Content-Length: 0\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len())),
        ("a list of lengths", format!("Content-Length: 0, {}\r\n\r\n{hidden}", hidden.len())),
        ("a length with a sign", format!("Content-Length: +0\r\n\r\n{hidden}")),
        (
            "a coding that is none",
            format!("Transfer-Encoding: xchunked\r\nContent-Length: {}\r\n\r\n{behind}", behind.len()),
        ),
        ("a coding twice", format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n{behind}")),
        (
            "a blank before the colon",
            format!("Transfer-Encoding : chunked\r\nContent-Length: {}\r\n\r\n{behind}", behind.len()),
        ),
        (
            "a folded field",
            format!("X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: {}\r\n\r\n{behind}", behind.len()),
        ),
        ("a tab", format!("Transfer-Encoding:\tchunked\r\nContent-Length: {}\r\n\r\n{behind}", behind.len())),
        ("a bare CR", format!("X: y\rTransfer-Encoding: chunked\r\nContent-Length: {}\r\n\r\n{behind}", behind.len())),
        (
            "a chunk of a wrong size",
            format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len() - 9),
        ),
        ("a chunk beyond numbers", format!("Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n{hidden}")),
        ("a chunk with a sign", format!("Transfer-Encoding: chunked\r\n\r\n-1\r\n{hidden}")),
    ];
    for tls in [false, true] {
        for (what, rest) in &shapes {
            for path in ["/p/a.cfg", "/api/v1/session"] {
                let answer = evil.raw(tls, format!("POST {path} HTTP/1.1\r\nHost: {BOX}\r\n{rest}").as_bytes());
                assert!(answers(&answer) <= 1, "{what}, {path}: {}", String::from_utf8_lossy(&answer));
            }
        }
        let line_feeds = format!("GET /p/a.cfg HTTP/1.1\nHost: x\nContent-Length: {}\n\n{hidden}", hidden.len());
        assert!(answers(&evil.raw(tls, line_feeds.as_bytes())) <= 1);
        // A field of the next line does not come to stand in an answer.
        let split = evil
            .raw(tls, b"GET /p/a%0d%0aSet-Cookie:%20planted=1.cfg HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert!(!String::from_utf8_lossy(&split).contains("planted"));
    }
    ground.box_is_well();
}

/// Where a server of the attacker's own listens.
const OWN: &str = "127.0.0.1:4433";

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that resumes sessions, in the place itself.
fn resuming(place: &Place) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let [key, chain] = ["key.pem", "chain.pem"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    let made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=own", "-keyout", &key, "-out", &chain];
    assert!(place.run("openssl", &made).status.success());
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", OWN, "-key", &key, "-cert", &chain, "-quiet"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Running(place.namespace.run(|| command.spawn().unwrap()).unwrap());
    // It has read its key by the time that it takes connections.
    let listens = || place.namespace.run(|| TcpStream::connect(OWN).is_ok()).unwrap();
    assert!(wait_until(PATIENCE, listens), "openssl s_server does not listen");
    server
}

#[test]
fn tls_of_yesterday_is_refused() {
    let ground = Ground::new(0);
    let evil = ground.place(ATTACKER);
    let server = format!("{BOX}:443");
    let client = |more: &[&str]| {
        let base = ["s_client", "-connect", &server, "-brief", "-ign_eof", "-no_ign_eof"];
        let output = evil.run("openssl", &[&base[..4], more].concat());
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).into_owned()
    };
    for good in [&["-tls1_2"][..], &["-tls1_3"], &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]] {
        assert!(client(good).contains("CONNECTION ESTABLISHED"), "{good:?}: {}", client(good));
    }
    let old = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";
    for bad in [
        &["-tls1", "-cipher", old][..],
        &["-tls1_1", "-cipher", old],
        // No forward secrecy, no authentication, no encryption, CBC, what is broken.
        &["-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "eNULL:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA384:AES128-SHA:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "kDHE:@SECLEVEL=0"],
        // A client that fell back although it can do better is told so (RFC 7507); 1.1 is not spoken in any case.
        &["-tls1_1", "-fallback_scsv", "-cipher", old],
    ] {
        let said = client(bad);
        assert!(!said.contains("CONNECTION ESTABLISHED"), "{bad:?}: {said}");
        // It is the box that says no: a client that cannot even ask proves nothing.
        assert!(said.contains("SSL alert number"), "{bad:?}: {said}");
    }
    // Nothing is resumed, so nothing that was stolen of a session opens another. The same client does resume where it
    // may, with the sessions and the tickets of a server of its own.
    let again = |server: &str, more: &[&str]| {
        let base = ["s_client", "-connect", server, "-reconnect", "-tls1_2"];
        let output = evil.run("openssl", &[&base, more].concat());
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let _resuming = resuming(&evil);
    for more in [&[][..], &["-no_ticket"]] {
        let times = |said: &str, word: &str| said.lines().filter(|line| line.starts_with(word)).count();
        let said = again(OWN, more);
        assert_eq!((times(&said, "New, TLSv1.2"), times(&said, "Reused, TLSv1.2")), (1, 5), "{more:?}: {said}");
        let said = again(&server, more);
        assert_eq!((times(&said, "New, TLSv1.2"), times(&said, "Reused, ")), (6, 0), "{more:?}: {said}");
    }
}

#[test]
fn who_takes_his_time_keeps_nobody_out() {
    let mut ground = Ground::new(2);
    let evil = ground.place(ATTACKER);
    let good = ground.place("02:00:00:00:00:09".parse().unwrap());
    let mut held: Vec<TcpStream> = Vec::new();
    let begun = Instant::now();
    let mut bodiless = bodiless(&ground, &evil, &good);
    // Heads that never end, handshakes that never begin, and bodies that never come.
    for number in 0..300 {
        for (port, bytes) in [
            (80, &b"GET /p/a.cfg HTTP/1.1\r\nX-A: "[..]),
            (443, &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..]),
            (80, b"PUT /p/805ec0660001-local.cfg HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n"),
        ] {
            let Ok(mut stream) = evil.connect(port) else { continue };
            stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            let _ = stream.write_all(bytes);
            if number % 2 == 0 {
                held.push(stream);
            }
        }
    }
    let asked = Instant::now();
    for stream in &mut held {
        let _ = stream.write_all(b"x");
    }
    assert_eq!(good.get(true, "/p/805ec0660001.cfg", "x").status, 401);
    println!(
        "figure: beside {} connections that take their time a stranger is answered in {:?}",
        held.len(),
        asked.elapsed()
    );
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    ground.phones_are_served();
    // In the end all of them are closed: 20 s for a head, 10 s for a handshake, 30 s for a body.
    let mut closed = 0;
    for stream in &mut held {
        let left = Duration::from_secs(45).saturating_sub(begun.elapsed()).max(Duration::from_millis(10));
        stream.set_read_timeout(Some(left)).unwrap();
        let mut rest = Vec::new();
        closed +=
            usize::from(!matches!(stream.read_to_end(&mut rest), Err(error) if error.kind() == ErrorKind::WouldBlock));
    }
    assert_eq!(closed, held.len(), "some are still open after {:?}", begun.elapsed());
    for (what, stream) in &mut bodiless {
        let mut said = Vec::new();
        let closed = loop {
            match stream.read_to_end(&mut said) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => break true,
                Err(_) if begun.elapsed() < Duration::from_secs(45) => {}
                ended => break ended.is_ok(),
            }
        };
        let said = String::from_utf8_lossy(&said);
        assert!(
            closed && said.starts_with("HTTP/1.1 408 "),
            "{what} after {:?}, closed: {closed}: {said}",
            begun.elapsed()
        );
    }
    ground.box_is_well();
}

/// Requests whose heads are whole and whose bodies never come: of a stranger, and of an administrator.
fn bodiless(ground: &Ground, stranger: &Place, administrator: &Place) -> Vec<(&'static str, Box<dyn Stream>)> {
    ground.claim();
    let signed_in = sign_in(administrator, "").1.lines();
    let image = "/api/v1/firmware?brand=yealink&version=108.86.0.99&name=108.86.0.99.rom";
    let requests = [
        ("a stranger's sign-in", stranger, format!("POST /api/v1/session HTTP/1.1\r\n{JSON}")),
        ("a change", administrator, format!("POST /api/v1/phones HTTP/1.1\r\n{JSON}{signed_in}")),
        ("an image", administrator, format!("PUT {image} HTTP/1.1\r\n{signed_in}")),
    ];
    requests
        .map(|(what, place, head)| {
            let mut stream = place.open(true).unwrap();
            stream.write_all(format!("{head}Host: {BOX}\r\nContent-Length: 50\r\n\r\n").as_bytes()).unwrap();
            stream.flush().unwrap();
            (what, stream)
        })
        .into()
}
