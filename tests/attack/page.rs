//! The administrator's page: what a malicious page in the same browser, a stranger on the LAN, and a name that is code
//! can do to it.

use block66::lab::ground::BOX;
use block66::model::Mac;
use serde_json::{Value, json};

use crate::ground::{ATTACKER, Ground, PASSWORD, PATIENCE, wait_until};
use crate::place::{Place, Stream};
use crate::speak::Reply;

pub(crate) const JSON: &str = "Content-Type: application/json\r\n";

/// A browser that is signed in.
pub(crate) struct Browser {
    cookie: String,
    csrf: String,
}

pub(crate) fn sign_in(place: &Place, more: &str) -> (Reply, Browser) {
    let body = json!({ "password": PASSWORD }).to_string();
    let reply = place.ask(true, "POST", "/api/v1/session", &format!("{JSON}{more}"), body.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let cookie = reply.fields("set-cookie").next().unwrap().split(';').next().unwrap().to_owned();
    let csrf = serde_json::from_slice::<Value>(&reply.body).unwrap()["csrf"].as_str().unwrap().to_owned();
    (reply, Browser { cookie, csrf })
}

impl Browser {
    fn get(&self, place: &Place, path: &str) -> Reply {
        place.ask(true, "GET", path, &format!("Cookie: {}\r\n", self.cookie), b"")
    }

    pub(crate) fn lines(&self) -> String {
        format!("Cookie: {}\r\nX-CSRF-Token: {}\r\n", self.cookie, self.csrf)
    }
}

#[test]
fn a_page_of_somebody_else_changes_nothing() {
    let ground = Ground::new(1);
    ground.claim();
    let place = ground.place(ATTACKER);
    let (_, browser) = sign_in(&place, "");
    let mac = ground.lab.phones()[0].mac;
    let phone = json!({ "mac": "80:5e:c0:00:00:99", "name": "Planted", "lines": [] }).to_string();
    let form = format!("csrf={}", browser.csrf);
    let cookie = format!("Cookie: {}\r\n", browser.cookie);
    let own = format!("Origin: https://{BOX}\r\n");
    let urlencoded = "Content-Type: application/x-www-form-urlencoded\r\n";
    let api = |lines: String| ("POST", "/api/v1/phones".to_owned(), format!("{cookie}{lines}"), phone.clone());
    let page = |lines: String, body: &str| {
        ("POST", format!("/phones/{}/remove", mac.plain()), format!("{cookie}{lines}"), body.to_owned())
    };
    let with_token = format!("X-CSRF-Token: {}\r\n", browser.csrf);
    for (method, path, lines, body) in [
        api(JSON.into()),
        api(format!("{JSON}{own}")),
        api(format!("{JSON}X-CSRF-Token: \r\n")),
        api(format!("{JSON}X-CSRF-Token: {}\r\n", "A".repeat(browser.csrf.len()))),
        api(format!("{JSON}{with_token}Origin: https://evil.example\r\n")),
        api(format!("{JSON}{with_token}Origin: null\r\n")),
        api(format!("{JSON}{with_token}Origin: http://{BOX}\r\n")),
        api(format!("{JSON}{with_token}Origin: https://{BOX}.evil.example\r\n")),
        api(format!("{JSON}{with_token}Sec-Fetch-Site: cross-site\r\n")),
        api(format!("Content-Type: text/plain\r\n{own}")),
        page(urlencoded.into(), ""),
        page(format!("{urlencoded}Origin: https://evil.example\r\n"), &form),
        page(format!("{urlencoded}Origin: null\r\n"), &form),
        page(format!("{urlencoded}{own}"), "csrf="),
        page(
            format!("Content-Type: multipart/form-data; boundary=x\r\n{own}"),
            &format!("--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{}\r\n--x--", browser.csrf),
        ),
        // What only reads may be asked for by anybody's link, and changes nothing.
        ("GET", format!("/phones/{}/remove", mac.plain()), cookie.clone(), String::new()),
        ("GET", format!("/api/v1/phones/{}/first-contact", mac.plain()), cookie.clone(), String::new()),
        ("DELETE", format!("/api/v1/phones/{}", mac.plain()), cookie.clone(), String::new()),
        ("POST", format!("/api/v1/phones/{}/first-contact?_method=DELETE", mac.plain()), cookie.clone(), String::new()),
    ] {
        let reply = place.ask(true, method, &path, &lines, body.as_bytes());
        assert!(reply.status >= 400, "{method} {path}\n{lines}\n{}", reply.head);
    }
    let names = ground.lab.api().get("phones").unwrap().to_string();
    assert!(!names.contains("Planted") && names.contains("Desk 1"), "{names}");
    assert_eq!(ground.lab.disagreements().unwrap(), Vec::<String>::new());
    // The same with all that belongs to it does work: the test would not notice otherwise.
    let right = place.ask(true, "POST", "/api/v1/phones", &format!("{JSON}{own}{}", browser.lines()), phone.as_bytes());
    assert_eq!(right.status, 201, "{}", right.text());
    // Other origins may not read either, nor frame the page.
    let reply = place.ask(true, "GET", "/api/v1/phones", &format!("{cookie}Origin: https://evil.example\r\n"), b"");
    assert_eq!(reply.fields("access-control-allow-origin").count(), 0);
    let reply = browser.get(&place, "/");
    assert!(reply.fields("content-security-policy").any(|policy| policy.contains("frame-ancestors 'none'")));
    assert_eq!(reply.fields("cross-origin-resource-policy").collect::<Vec<_>>(), ["same-origin"]);
}

/// What a page of another name can do when that name leads to the box from one moment to the next. For the browser page
/// and box are one origin then, but the session's cookie stays with the name that it was set for.
#[test]
fn a_name_of_somebody_else_that_leads_to_the_box_opens_nothing() {
    const NAME: &str = "evil.example";
    let ground = Ground::new(1);
    ground.claim();
    let place = ground.place(ATTACKER);
    // Somebody is signed in there, by the box's own name.
    let (_, browser) = sign_in(&place, "");
    let mac = ground.lab.phones()[0].mac.plain();
    let ask = |tls: bool, method: &str, path: &str, lines: &str, body: &str| {
        let origin = format!("{}://{NAME}", if tls { "https" } else { "http" });
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {NAME}\r\nOrigin: {origin}\r\nSec-Fetch-Site: same-origin\r\n{JSON}\
             {lines}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = place.open(tls).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.flush().unwrap();
        crate::speak::read(&mut *stream).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    };
    let opens_nothing = |reply: &Reply, what: &str| {
        assert!(reply.status >= 300, "{what}: {}", reply.head);
        for field in ["set-cookie", "access-control-allow-origin", "access-control-allow-credentials"] {
            assert_eq!(reply.fields(field).count(), 0, "{what}: {}", reply.head);
        }
        assert!(!reply.text().contains("Desk 1"), "{what}: {}", reply.text());
    };
    let phone = json!({ "mac": "80:5e:c0:00:00:99", "name": "Planted", "lines": [] }).to_string();
    let claim = json!({ "code": "AAAA-AAAA-AAAA", "password": PASSWORD }).to_string();
    for tls in [false, true] {
        for (method, path, body) in [
            ("GET", "/events", ""),
            ("GET", "/phones", ""),
            ("GET", "/live", ""),
            ("GET", "/api/v1/phones", ""),
            ("GET", "/api/v1/session", ""),
            ("POST", "/api/v1/phones", &phone),
            ("POST", "/api/v1/claim", &claim),
            ("POST", &format!("/phones/{mac}/remove"), ""),
            ("DELETE", &format!("/api/v1/phones/{mac}"), ""),
        ] {
            opens_nothing(&ask(tls, method, path, "", body), &format!("{method} {path} over TLS: {tls}"));
        }
    }
    // Without TLS no certificate warns of the name: there not even the right password lets anybody in.
    let right = json!({ "password": PASSWORD }).to_string();
    opens_nothing(&ask(false, "POST", "/api/v1/session", "", &right), "the right password");
    let names = ground.lab.api().get("phones").unwrap().to_string();
    assert!(!names.contains("Planted") && names.contains("Desk 1"), "{names}");
    // It is the cookie that is missing: where a browser sent it along, the box would not tell the names apart.
    let with_cookie = ask(true, "GET", "/api/v1/phones", &browser.lines(), "");
    assert!(with_cookie.status == 200 && with_cookie.text().contains("Desk 1"), "{}", with_cookie.head);
}

#[test]
fn a_session_is_made_by_signing_in_alone() {
    let ground = Ground::new(0);
    ground.claim();
    let evil = ground.place(ATTACKER);
    let good = ground.place("02:00:00:00:00:09".parse().unwrap());
    let chosen = format!("__Host-block66={}", "f".repeat(43));
    let before = evil.ask(true, "GET", "/api/v1/phones", &format!("Cookie: {chosen}\r\n"), b"");
    assert_eq!(before.status, 401);
    // The victim signs in with a cookie that the attacker chose.
    let (reply, browser) = sign_in(&good, &format!("Cookie: {chosen}\r\n"));
    assert_ne!(browser.cookie, chosen);
    let set = reply.fields("set-cookie").next().unwrap();
    for word in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(set.contains(word), "{set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    let after = evil.ask(true, "GET", "/api/v1/phones", &format!("Cookie: {chosen}\r\n"), b"");
    assert_eq!(after.status, 401, "the cookie that the attacker chose opens nothing");
    let (_, other) = sign_in(&good, &format!("Cookie: {}\r\n", browser.cookie));
    assert_ne!(other.cookie, browser.cookie, "each sign-in is a session of its own");
    assert_eq!(browser.get(&good, "/api/v1/phones").status, 200);
    // Whoever signed out is out, wherever the cookie was copied to.
    let out =
        good.ask(true, "DELETE", "/api/v1/session", &format!("Origin: https://{BOX}\r\n{}", browser.lines()), b"");
    assert_eq!(out.status, 204, "{}", out.text());
    assert_eq!(browser.get(&evil, "/api/v1/phones").status, 401);
    assert_eq!(other.get(&good, "/api/v1/phones").status, 200);
    // Over plain HTTP there is no page to sign in to, and nothing to overhear.
    let plain =
        evil.ask(false, "POST", "/api/v1/session", JSON, json!({ "password": PASSWORD }).to_string().as_bytes());
    assert!(plain.status >= 400 && plain.fields("set-cookie").count() == 0, "{}", plain.head);
}

#[test]
fn streams_of_news_are_for_those_who_signed_in_and_bounded() {
    let mut ground = Ground::new(1);
    ground.claim();
    let place = ground.place(ATTACKER);
    for path in ["/live", "/api/v1/live"] {
        for _ in 0..100 {
            assert_eq!(place.ask(true, "GET", path, "", b"").status, 401);
        }
    }
    let (_, browser) = sign_in(&place, "");
    let mut streams: Vec<Box<dyn Stream>> = Vec::new();
    let mut refused = 0;
    for _ in 0..40 {
        let mut stream = place.open(true).unwrap();
        let lines = format!("Cookie: {}\r\n", browser.cookie);
        match crate::speak::exchange(&mut *stream, "GET", "/live", &lines, b"").unwrap().status {
            200 => streams.push(stream),
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((streams.len(), refused), (32, 8));
    assert_eq!(browser.get(&place, "/").status, 200, "the page is there all the same");
    ground.phones_are_served();
    drop(streams);
    let lines = format!("Cookie: {}\r\n", browser.cookie);
    let free = wait_until(PATIENCE, || place.ask(true, "GET", "/live", &lines, b"").status == 200);
    assert!(free, "their places do not come back");
    ground.box_is_well();
}

#[test]
fn no_name_is_code_on_the_page() {
    const CODE: &str = "\"'><script src=//evil.example></script><img src=x onerror=alert(1)>{{7*7}}";
    let ground = Ground::new(0);
    ground.claim();
    let api = ground.lab.api();
    let evil = ground.place("80:5e:c0:00:00:66".parse().unwrap());
    // What anybody on the LAN can put there: names in requests, DHCP, SIP and TFTP.
    for tls in [false, true] {
        for path in [
            "/p/805ec0000066.cfg",
            "/p/805ec0000066.boot",
            "/p/<script>x.cfg",
            "/p/%3Cscript%3Ealert(1)%3C/script%3E.cfg",
        ] {
            evil.get(tls, path, &format!("Yealink SIP-T46S 66.86.0.15 80:5e:c0:00:00:66 {CODE}"));
            evil.get(tls, path, CODE);
        }
    }
    let socket = evil.socket(0);
    socket.send_to(&[&[0, 1], CODE.as_bytes(), b"\0octet\0"].concat(), (BOX, 69)).unwrap();
    let options = format!(
        "OPTIONS sip:{BOX} SIP/2.0\r\nVia: SIP/2.0/UDP {}:5060;branch=z9hG4bKx\r\nFrom: {CODE} <sip:x@y>;tag=1\r\n\
         To: <sip:{BOX}>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nUser-Agent: {CODE}\r\nContent-Length: 0\r\n\r\n",
        evil.address
    );
    socket.send_to(options.as_bytes(), (BOX, 5060)).unwrap();
    let dhcp = evil.socket(68);
    let mut discover = vec![1, 1, 6, 0, 6, 6, 6, 6, 0, 0, 0x80, 0];
    discover.extend([0; 16]);
    discover.extend(evil.mac.octets());
    discover.extend([0; 202]);
    discover.extend([99, 130, 83, 99, 53, 1, 1]);
    for code in [12, 60, 77] {
        let text = if code == 60 { format!("yealink{CODE}") } else { CODE.to_owned() };
        discover.extend([code, u8::try_from(text.len()).unwrap()]);
        discover.extend(text.as_bytes());
    }
    discover.push(255);
    dhcp.send_to(&discover, ("255.255.255.255", 67)).unwrap();
    // What an employee who may edit one list can put there.
    let mac: Mac = "80:5e:c0:00:00:77".parse().unwrap();
    let named = json!({ "mac": mac.to_string(), "name": &CODE[..60], "lines": [
        { "user": "<b>201", "password": "line-password", "display": &CODE[..60], "server": "pbx.example.net" }] });
    let taken = api.post("phones", &named).is_ok();
    // Each door tells in its own time.
    for (what, sign) in [("waiting", "80:5e:c0:00:00:66"), ("events", "<script src=//evil")] {
        let shown = wait_until(PATIENCE, || api.get(what).unwrap().to_string().contains(sign));
        assert!(shown, "the stranger is not shown: {}", api.get(what).unwrap());
    }

    let place = ground.place("02:00:00:00:00:09".parse().unwrap());
    let (_, browser) = sign_in(&place, "");
    let mut seen = 0;
    let mut pages: Vec<String> = [
        "/",
        "/events",
        "/waiting",
        "/box",
        "/firmware",
        "/campaigns",
        "/phones/new",
        "/settings",
        "/network",
        "/books",
    ]
    .map(str::to_owned)
    .into();
    pages.push(format!("/?q={}", encoded(CODE)));
    pages.push(format!("/events?kind={}", encoded(CODE)));
    pages.push(format!("/{}", encoded(CODE)));
    pages.push(format!("/phones/{}", mac.plain()));
    pages.push(format!("/phones/{}/files", mac.plain()));
    for path in &pages {
        let reply = browser.get(&place, path);
        let text = reply.text();
        for code in ["<script src=//evil", "<script>alert", "<script>x", "<img src=x", "<b>201", "'><"] {
            assert!(!text.contains(code), "{path} holds {code}:\n{text}");
        }
        assert!(!text.contains("{{7*7}}\">49"), "{path}");
        seen += usize::from(text.contains("&lt;script"));
        let policy = reply.fields("content-security-policy").next().unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(!text.contains(" onclick=") && !text.contains(" style=\"") && !text.contains("javascript:"), "{path}");
    }
    println!(
        "figure: {} pages, on {seen} of them the code is shown as text; a name that is code is taken: {taken}",
        pages.len()
    );
    assert!(seen >= 2, "the code is on no page at all: this test sees nothing");
    // As JSON it is text of its own kind, which no browser runs.
    let reply = browser.get(&place, "/api/v1/events");
    assert_eq!(reply.fields("content-type").collect::<Vec<_>>(), ["application/json"]);
    assert_eq!(reply.fields("x-content-type-options").collect::<Vec<_>>(), ["nosniff"]);
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[test]
fn who_has_no_login_fills_no_memory() {
    const CONNECTIONS: usize = 30;
    let mut ground = Ground::new(0);
    ground.claim();
    let place = ground.place(ATTACKER);
    let head = format!("POST /api/v1/phones/import HTTP/1.1\r\nHost: {BOX}\r\n{JSON}Content-Length: 6000000\r\n\r\n");
    let piece = vec![b'a'; 64 * 1024];
    let before = memory(&mut ground);
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = place.open(true).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        // Up to four megabytes; it may be told no and cut off before.
        for _ in 0..64 {
            if stream.write_all(&piece).is_err() {
                break;
            }
        }
        open.push(stream);
    }
    let grown = memory(&mut ground).saturating_sub(before) / 1024;
    println!("figure: {CONNECTIONS} connections that send a long list and never end it: {grown} MB more");
    assert!(grown < 40, "{grown} MB");
    drop(open);
    ground.box_is_well();
}

/// Resident memory of the box in kB.
pub(crate) fn memory(ground: &mut Ground) -> u64 {
    let id = ground.lab.appliance().id().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}
