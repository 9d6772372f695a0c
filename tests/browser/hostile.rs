//! Texts of strangers stay texts: whatever a phone or a list calls itself, the page runs no script but its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use block66::lab::ground::{BOX, SWITCH};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::chromium::until;
use super::ground::{Ground, PASSWORD};

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

/// A text that is markup where somebody forgets that it is a text, and that is known again by its number.
fn markup(number: u32) -> String {
    format!("<svg onload=run({number})>")
}

/// A redirection service that refuses everything in words of its own.
struct Service {
    authority: String,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<std::io::Result<()>>>,
}

impl Service {
    const PORT: u16 = 8443;

    fn start(ground: &Ground, says: &str) -> Self {
        let (root, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&root).unwrap().pem();
        let issuer = Issuer::new(params, root);
        let leaf = CertificateParams::new(vec![SWITCH.to_string()]).unwrap().signed_by(&key, &issuer).unwrap();
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], secret)
            .unwrap();
        let config = Arc::new(config);
        let body = json!({ "ret": -1, "error": { "msg": says } }).to_string();
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&stop);
        let switch = ground.lab.ground().switch();
        let listener = switch.run(|| TcpListener::bind((SWITCH, Self::PORT))).unwrap().unwrap();
        listener.set_nonblocking(true).unwrap();
        let serve = move || {
            while !ended.load(Ordering::Relaxed) {
                let Ok((stream, _)) = listener.accept() else {
                    std::thread::park_timeout(Duration::from_millis(20));
                    continue;
                };
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                let session = ServerConnection::new(Arc::clone(&config)).unwrap();
                // Whoever leaves early leaves.
                let _ = refuse(StreamOwned::new(session, stream), &body);
            }
        };
        let thread = switch.spawn("service".into(), serve).unwrap();
        Self { authority, stop, thread: Some(thread) }
    }
}

fn refuse(stream: impl Read + Write, body: &str) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    std::io::copy(&mut (&mut stream).take(length), &mut std::io::sink())?;
    let stream = stream.get_mut();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads the page that is shown: nothing of a stranger's runs on it, nothing of theirs is an element of it, and the
/// browser had nothing to refuse. Gives all that stands on it.
fn read(ground: &Ground, page: &str) -> String {
    let browser = &ground.browser;
    let title = browser.run("return document.title");
    // The page of a phone has its name for a title: only a script would make it this word and no other.
    assert_ne!(title.as_str().unwrap(), "owned", "{page} ran a stranger's script");
    let planted = browser.run(
        "return document.querySelectorAll('img[onerror], script:not([type=module]), [onload], script[type=module]:not([src^=\"/assets/\"])').length",
    );
    assert_eq!(planted, 0, "{page} has a stranger's element");
    for complaint in browser.complaints() {
        // A page that is not there, and a form that is refused, say so with their status.
        let expected = complaint.contains("404") && page.starts_with("/no")
            || complaint.contains("status of 4") && page.starts_with("form");
        let all_in_use = complaint.contains("/live") && complaint.contains("503");
        assert!(expected || all_in_use || complaint.contains("502") && page.starts_with("form"), "{page}: {complaint}");
    }
    let all = browser.run(
        "return document.body.textContent + [...document.querySelectorAll('input, textarea')].map((field) => field.value).join(' ')",
    );
    all.as_str().unwrap().to_owned()
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
    let mut pages: Vec<String> = super::scenes::PAGES.iter().map(|page| page.to_string()).collect();
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
        met |= read(&ground, &page).contains("onerror");
    }
    assert!(met, "no page showed what the strangers call themselves: nothing was tried");
}

#[test]
fn what_is_kept_of_strangers_does_nothing_either() {
    let mut ground = Ground::claimed(1);
    ground.plug(3);
    let came = ground.until("waiting", |waiting| !waiting["waiting"].as_array().unwrap().is_empty());
    let mac = ground.plugged()[0].mac;
    assert_eq!(came["waiting"][0]["mac"], mac.to_string());
    let (browser, api) = (&ground.browser, ground.lab.api());
    let mut planted: Vec<(&str, String)> = Vec::new();
    let mut plant = |what| {
        let text = markup(u32::try_from(planted.len()).unwrap() + 1);
        planted.push((what, text.clone()));
        text
    };

    // What was changed of a phone, from what to what, and what it was called meanwhile.
    api.post(&format!("waiting/{}/adopt", mac.plain()), &json!({ "name": plant("the name at first") })).unwrap();
    let phone = format!("phones/{}", mac.plain());
    ground.change("PATCH", &phone, &json!({ "name": plant("the name after a change") }));
    let line =
        json!({ "user": "666", "password": "x", "display": plant("the name of a line"), "server": "pbx.example" });
    ground.change("PATCH", &phone, &json!({ "lines": [line] }));
    ground.change("PATCH", &phone, &json!({ "lines": [], "name": "Hall" }));
    ground.change("PATCH", &format!("{phone}/settings"), &json!({ "set": { "screen.title": plant("a setting") } }));

    // Names of organisations, groups, phone books and who is in them.
    let organisation = api.post("organisations", &json!({ "name": plant("an organisation") })).unwrap();
    let group = api.post("groups", &json!({ "name": plant("a group") })).unwrap();
    let contact = json!({ "name": plant("a contact"), "numbers": ["5551234"] });
    let book = api.post("books", &json!({ "name": plant("a phone book"), "contacts": [contact] })).unwrap();

    // What the phone says of itself by syslog (RFC 5424), which is taken from its own address alone.
    ground.change("PUT", "outlets", &json!({ "phone_log_port": 514 }));
    let said = format!("<14>{}", plant("a line that a phone logged"));
    let heard = until(|| {
        let sent = ground.plugged()[0].namespace.run(|| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            socket.send_to(said.as_bytes(), (BOX, 514))
        });
        // A phone that is just starting again has no address; the next look tries once more.
        sent.unwrap().ok()?;
        let log = api.get(&format!("{phone}/log")).unwrap();
        log["lines"].as_array().filter(|lines| !lines.is_empty()).map(|_| ())
    });
    assert!(heard.is_some(), "the box takes nothing of the phone's log: {}", api.get(&format!("{phone}/log")).unwrap());

    // What another system answers, and what is set for one.
    let service = Service::start(&ground, &plant("what a redirection service says"));
    let rps = json!({
        "service": format!("https://{SWITCH}:{}", Service::PORT), "authorities": service.authority, "account": "key",
        "server-name": "branch-7", "url": "https://prov.example.net/p/",
    });
    ground.change("PUT", "partners/yealink-rps/settings", &rps);
    ground.change("PUT", "partners/yealink-rps/secret", &json!({ "secret": "secret" }));
    let mut pbx = api.get("partners/innovaphone").unwrap()["settings"].clone();
    pbx["title"] = json!(plant("what a PBX is shown"));
    ground.change("PUT", "partners/innovaphone/settings", &pbx);

    // Names of accounts, of tokens and of files have no place for markup: the form says so, and keeps it as a text.
    browser.complaints();
    for (page, field) in [("/accounts", "#name"), ("/tokens", "#name")] {
        ground.open(page);
        let text = markup(900);
        browser.fill(field, &text);
        for password in ["#password", "#again"] {
            if browser.count(password) == 1 {
                browser.fill(password, "a long password");
            }
        }
        browser.submit(&format!("form[action=\"{page}\"] button"));
        browser.find(&format!(".field-wrong {field}"));
        assert!(read(&ground, &format!("form of {page}")).contains(&text), "what was typed is gone");
    }
    let refused = api.put_file("resources?name=%3Csvg%20onload%3Drun(901)%3E.png", b"x").unwrap_err().to_string();
    assert!(refused.contains(" 422 "), "{refused}");
    // Nor has whoever tries to sign in under such a name.
    browser.forget();
    ground.open("/sign-in");
    browser.fill("#name", &markup(902));
    browser.fill("#password", PASSWORD);
    browser.submit("form[action^=\"/sign-in\"] button");
    browser.find("[role=alert], .field-wrong");
    read(&ground, "form of the door");
    let in_again = until(|| {
        browser.fill("#name", "admin");
        browser.fill("#password", PASSWORD);
        browser.submit("form[action^=\"/sign-in\"] button");
        browser.find("[role=alert], .sign-out");
        (browser.count(".sign-out") == 1).then_some(())
    });
    assert!(in_again.is_some(), "{}", browser.text());

    let id = |of: &Value| of["id"].as_str().map_or_else(|| of["id"].to_string(), str::to_owned);
    let mut pages: Vec<String> = super::scenes::PAGES.iter().map(|page| page.to_string()).collect();
    pages.extend(["", "/edit", "/settings", "/files", "/timeline", "/rehearse"].map(|page| format!("/{phone}{page}")));
    pages.push(format!("/organisations/{}/settings", id(&organisation)));
    pages.push(format!("/groups/{}/settings", id(&group)));
    pages.push(format!("/books/{}", book["number"]));
    // The plan is asked of the service, whose refusal is the answer.
    pages.push("/partners/yealink-rps".into());
    let mut all = String::new();
    for page in &pages {
        ground.open(page);
        let name = if page.starts_with("/partners/") { format!("form of {page}") } else { page.clone() };
        all += &read(&ground, &name);
    }
    for (what, text) in &planted {
        assert!(all.contains(text), "no page shows {what}, {text}: nothing was tried of it");
    }
}
