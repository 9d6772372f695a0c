//! Phones' files over a real wire: curl and openssl as the clients, and the kernel's neighbour table as the evidence.

use std::path::Path;

use crate::capture::Capture;
use crate::ground::{Appliance, BOX, Client, Ground, PATIENCE, version, wait_until};

const DHCP: &str = "pool = \"10.66.0.100-10.66.0.120\"";
const SECRET: &str = "sip-secret-of-the-desk";

/// A box with the phone on its list whose place on the wire is given back, and a stranger's place.
fn lan() -> (Ground, Appliance, Client, Client) {
    let ground = Ground::new();
    let appliance = ground.start(DHCP);
    let phone = ground.client();
    let stranger = ground.client();
    at(&phone, "10.66.0.50");
    at(&stranger, "10.66.0.51");
    let served =
        wait_until(PATIENCE, || curl(&phone, &["--fail", "--output", "/dev/null", &plain("ca.pem")]).is_empty());
    assert!(served, "the box does not answer");
    let line = ["phones", "add", &phone.mac, "--name", "Desk", "--user", "201", "--server", "pbx.example"];
    ground.block66(&line, &format!("{SECRET}\n"));
    (ground, appliance, phone, stranger)
}

fn at(client: &Client, address: &str) {
    client.run("ip", &["addr", "flush", "dev", "eth0"]);
    client.run("ip", &["addr", "add", &format!("{address}/24"), "dev", "eth0"]);
}

/// Phones of several brands ask for files of this name.
const AGENT: &str = "Yealink SIP-T46U 108.86.0.20";

/// What curl prints.
fn curl(client: &Client, arguments: &[&str]) -> String {
    let quiet = ["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--user-agent", AGENT];
    let output = client.command("curl", &[&quiet[..], arguments].concat()).output().expect("curl is installed");
    [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}

fn plain(name: &str) -> String {
    format!("http://{BOX}/p/{name}")
}

fn secure(name: &str) -> String {
    format!("https://{BOX}/p/{name}")
}

fn file_of(client: &Client) -> String {
    format!("{}.cfg", client.mac.replace(':', ""))
}

/// Fetches the CA; the name of its file.
fn trust(client: &Client) -> String {
    let path = client.directory.join("trust.pem").to_str().unwrap().to_owned();
    let printed = curl(client, &["--fail", "--output", &path, &plain("ca.pem")]);
    assert_eq!(printed, "");
    path
}

fn setting<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('=')).map(str::trim)
}

/// First contact over plain HTTP: the login, as curl takes it.
fn first_contact(phone: &Client) -> String {
    let given = curl(phone, &[&plain(&file_of(phone))]);
    assert!(!given.contains(SECRET), "{given}");
    let user = setting(&given, "static.auto_provision.server.username").unwrap_or_else(|| panic!("no login: {given}"));
    let password = setting(&given, "static.auto_provision.server.password").unwrap();
    format!("{user}:{password}")
}

#[test]
fn a_phone_is_known_by_its_place_and_then_by_its_login() {
    let (ground, appliance, phone, stranger) = lan();
    let capture = Capture::start_with_connections(&ground);
    let ca = trust(&phone);
    let own = file_of(&phone);
    let login = first_contact(&phone);
    assert_eq!(first_contact(&phone), login, "the same bytes until the login was used");

    let with_login = ["--cacert", &ca, "--digest", "--user", &login];
    let full = curl(&phone, &[&with_login[..], &[&secure(&own)]].concat());
    assert!(full.contains(SECRET), "{full}");
    assert_eq!(curl(&phone, &["--cacert", &ca, "--basic", "--user", &login, &secure(&own)]), full);
    let status = ["--output", "/dev/null", "--write-out", "%{http_code}"];
    let tag = curl(
        &phone,
        &[&with_login[..], &["--output", "/dev/null", "--write-out", "%header{etag}", &secure(&own)]].concat(),
    );
    let condition = format!("If-None-Match: {tag}");
    assert_eq!(curl(&phone, &[&with_login[..], &status, &["--header", &condition, &secure(&own)]].concat()), "304");

    // Known and unknown look the same to one who has nothing.
    let ask = |name: &str| {
        let answer = curl(&stranger, &["--cacert", &ca, "--include", &secure(name)]);
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        let same = |line: &&str| !line.starts_with("Date:");
        let cut = |line: &str| line.split("nonce=").next().unwrap_or_default().to_owned();
        answer.lines().filter(same).map(cut).collect::<Vec<_>>()
    };
    assert_eq!(ask(&own), ask("020000000099.cfg"));
    let pointed = curl(&phone, &[&plain(&own)]);
    assert!(pointed.contains("https://") && !pointed.contains(SECRET), "{pointed}");
    assert_eq!(setting(&pointed, "static.auto_provision.server.password"), None);

    // A laptop that takes over address and MAC after first contact has closed learns nothing.
    phone.run("ip", &["link", "set", "eth0", "down"]);
    stranger.run("ip", &["link", "set", "eth0", "down", "address", &phone.mac]);
    stranger.run("ip", &["link", "set", "eth0", "up"]);
    at(&stranger, "10.66.0.50");
    for url in [plain(&own), secure(&own)] {
        let cloned = curl(&stranger, &["--cacert", &ca, &url]);
        assert!(!cloned.contains(SECRET) && !cloned.contains("password"), "{cloned}");
    }

    capture.report_connections(&phone, "curl", &version("curl", &["--version"]));
    let events = ground.block66(&["events", "--json"], "");
    for code in [
        "http.ca-given",
        "http.first-contact",
        "http.success",
        "http.not-modified",
        "http.no-credentials",
        "http.plain-after-tls",
    ] {
        assert!(events.contains(&format!("\"{code}\"")), "{code} is not in {events}");
    }
    assert!(!events.contains(SECRET));
    nothing_on_disk(&ground.data());
    let password = login.split_once(':').unwrap().1;
    for secret in [SECRET, password] {
        assert!(!appliance.log().contains(secret), "{}", appliance.log());
    }
    appliance.stop();
}

/// No byte of a rendered file, and no secret in the clear, stands under the data directory.
fn nothing_on_disk(data: &Path) {
    let mut left = vec![data.to_owned()];
    let mut read = 0;
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(SECRET) && !text.contains("auto_provision"), "{}", path.display());
        read += 1;
    }
    assert!(read > 3, "the store is somewhere else");
}

#[test]
fn a_phone_cut_off_anywhere_still_gets_there() {
    let (_ground, appliance, phone, _) = lan();
    let ca = trust(&phone);
    let own = file_of(&phone);
    let cut = |arguments: &str, bytes: usize| {
        let script = format!("curl --silent --max-time 20 --noproxy '*' {arguments} | head -c {bytes} >/dev/null");
        let _ = phone.command("sh", &["-c", &script]).output().expect("a shell");
    };
    for bytes in (0..1200).step_by(97) {
        cut(&plain(&own), bytes);
    }
    let login = first_contact(&phone);
    for bytes in (0..2400).step_by(197) {
        cut(&format!("--cacert {ca} {}", secure(&own)), bytes);
        cut(&format!("--cacert {ca} --digest --user {login} {}", secure(&own)), bytes);
    }
    let full = curl(&phone, &["--cacert", &ca, "--digest", "--user", &login, &secure(&own)]);
    assert!(full.contains(SECRET), "{full}");
    appliance.stop();
}

#[test]
fn a_reset_phone_is_noticed_by_its_distrust_and_let_in_again() {
    let (ground, appliance, phone, _) = lan();
    let ca = trust(&phone);
    let own = file_of(&phone);
    let before = first_contact(&phone);
    assert!(curl(&phone, &["--cacert", &ca, "--digest", "--user", &before, &secure(&own)]).contains(SECRET));

    let capture = Capture::start_with_connections(&ground);
    let address = format!("{BOX}:443");
    let nothing = phone.directory.join("run");
    let distrust = [
        "s_client",
        "-connect",
        &address,
        "-verify_return_error",
        "-no-CAfile",
        "-no-CAstore",
        "-CApath",
        nothing.to_str().unwrap(),
    ];
    let _ =
        phone.command("openssl", &distrust).stdin(std::process::Stdio::null()).output().expect("openssl is installed");
    let noticed = wait_until(PATIENCE, || ground.block66(&["events", "--json"], "").contains("\"http.was-reset\""));
    assert!(noticed, "{}", ground.block66(&["events", "--json"], ""));
    capture.report_connections(&phone, "openssl", &version("openssl", &["version"]));
    assert!(ground.block66(&["events", "--json"], "").contains("\"tls.unknown-ca\""));
    let pointed = curl(&phone, &[&plain(&own)]);
    assert_eq!(setting(&pointed, "static.auto_provision.server.password"), None, "an administrator decides");

    ground.block66(&["phones", "start-over", &phone.mac], "");
    let after = first_contact(&phone);
    assert_ne!(after, before);
    assert!(curl(&phone, &["--cacert", &ca, "--digest", "--user", &after, &secure(&own)]).contains(SECRET));
    appliance.stop();
}

/// What an organisation's phones may share, as curl takes it.
fn login_of(ground: &Ground, organisation: &str) -> String {
    let shown = ground.block66(&["organisations", "login", organisation, "--json"], "");
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    format!("{}:{}", shown["user"].as_str().unwrap(), shown["password"].as_str().unwrap())
}

#[test]
fn a_login_opens_the_files_of_its_organisation_alone() {
    let (ground, appliance, phone, stranger) = lan();
    let ca = trust(&phone);
    let own = secure(&file_of(&phone));
    ground.block66(&["organisations", "add", "Other"], "");
    let (branch, other) = (login_of(&ground, "Branch"), login_of(&ground, "Other"));
    let status = |client: &Client, login: &str, url: &str| {
        let code = ["--output", "/dev/null", "--write-out", "%{http_code}"];
        curl(client, &[&code[..], &["--cacert", &ca, "--digest", "--user", login, url]].concat())
    };
    // Its first contact is over: from now on only a login counts.
    let login = first_contact(&phone);
    assert_eq!(status(&phone, &login, &own), "200");
    assert_eq!(status(&phone, "nobody:guess", &own), "401");
    assert_eq!(status(&phone, &other, &own), "401");
    assert_eq!(status(&phone, &branch, &secure("020000000099.cfg")), "404");
    assert_eq!(status(&stranger, &branch, &own), "403", "the login is good, the place is not the phone's");
    assert_eq!(status(&phone, &branch, &own), "200");

    ground.events_with(&["http.success", "http.wrong-credentials", "http.mac-unknown"]);
    let page = page(&ground, &phone, &ca);
    for words in ["Success: fetched its file", "Wrong credentials", "MAC is unknown"] {
        assert!(page.contains(words), "{words} is not on {page}");
    }
    appliance.stop();
}

/// The page of events, as the administrator sees it who claims the box.
fn page(ground: &Ground, client: &Client, ca: &str) -> String {
    let told: serde_json::Value = serde_json::from_str(&ground.block66(&["status", "--json"], "")).unwrap();
    let claim = serde_json::json!({ "code": told["setup_code"], "password": "correct horse battery" }).to_string();
    let jar = client.directory.join("cookies").to_str().unwrap().to_owned();
    let (origin, json) = (format!("Origin: https://{BOX}"), "Content-Type: application/json");
    let url = format!("https://{BOX}/api/v1/claim");
    let claimed =
        ["--cacert", ca, "--fail", "--cookie-jar", &jar, "--header", &origin, "--header", json, "--data", &claim, &url];
    let answer = curl(client, &claimed);
    assert!(answer.contains("csrf"), "{answer}");
    curl(client, &["--cacert", ca, "--fail", "--cookie", &jar, &format!("https://{BOX}/events")])
}

#[test]
fn the_certificate_is_good_for_the_boxs_address() {
    let (_ground, appliance, phone, _) = lan();
    let ca = trust(&phone);
    let address = format!("{BOX}:443");
    let verify = ["s_client", "-connect", &address, "-CAfile", &ca, "-verify_ip", "10.66.0.1", "-verify_return_error"];
    let output = phone.command("openssl", &verify).stdin(std::process::Stdio::null()).output().expect("openssl");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("Verify return code: 0 (ok)"), "{text}");
    appliance.stop();
}
