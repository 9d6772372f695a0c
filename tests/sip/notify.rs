//! Phones that are told: sipp plays them.

use std::net::SocketAddr;
use std::sync::Arc;

use block66::model::Mac;
use serde_json::Value;

use crate::ground::{Ground, Place, Running};

pub(crate) const MAC: Mac = Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]);
const USUAL: u16 = 5060;

/// A listed phone whose address is leased to it, and which has a login of its own.
pub(crate) fn leased(ground: &Ground, transport: &str) -> Place {
    let mut place = ground.place(MAC);
    ground.list(MAC, "yealink", transport);
    place.lease();
    place.learn_login();
    place
}

/// sipp as a phone, for one call.
pub(crate) fn sipp(place: &Place, scenario: &str, port: u16, more: &[&str]) -> Running {
    let template = format!("{}/tests/sip/scenarios/{scenario}.xml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(template).unwrap();
    let file = place.file(&format!("{scenario}.xml"));
    std::fs::write(
        &file,
        text.replace("@FETCH@", place.file("fetch.sh").to_str().unwrap()).replace("@CONTACT@", &place.read("contact")),
    )
    .unwrap();
    let (address, port_text) = (place.address.to_string(), port.to_string());
    let usual = [
        "-sf",
        file.to_str().unwrap(),
        "-i",
        &address,
        "-p",
        &port_text,
        "-m",
        "1",
        "-nostdin",
        "-trace_err",
        "-timeout",
        "60",
    ];
    let running = place.start("sipp", &[&usual[..], more].concat(), &format!("{scenario}.log"));
    place.wait_for_port(if more.contains(&"t1") { "tcp" } else { "udp" }, port);
    running
}

/// What comes of telling a phone that plays this scenario.
fn outcome(scenario: &str, transport: &str, more: &[&str]) -> (Ground, Value) {
    let ground = Ground::new();
    let place = leased(&ground, transport);
    let mut phone = sipp(&place, scenario, USUAL, more);
    let outcome = ground.tell(MAC, "resync");
    assert!(phone.succeeds(), "{outcome}\n{}", place.read(&format!("{scenario}.log")));
    ground.event(MAC, outcome["code"].as_str().unwrap());
    (ground, outcome)
}

#[test]
fn one_that_takes_it_and_fetches_is_re_synced() {
    let (ground, outcome) = outcome("takes-it", "udp", &[]);
    assert_eq!(outcome["code"], "sip.resynced", "{outcome}");
    let phone = ground.lab.api().get(&format!("phones/{MAC}")).unwrap();
    let lights = phone["journey"].as_array().unwrap();
    let light = lights.iter().find(|light| light["step"] == "resynced").unwrap();
    assert_eq!(light["state"], "done", "{light}");
    assert!(light["says"].as_str().unwrap().starts_with("Re-synced: "), "{light}");
}

#[test]
fn one_that_takes_it_and_does_nothing_is_told_apart() {
    let (_ground, outcome) = outcome("does-nothing", "udp", &[]);
    assert_eq!(outcome["code"], "sip.not-fetched", "{outcome}");
}

#[test]
fn one_that_asks_for_the_login_of_its_line_gets_it() {
    let (_ground, outcome) = outcome("challenges", "udp", &[]);
    assert_eq!(outcome["code"], "sip.resynced", "{outcome}");
}

#[test]
fn one_that_asks_in_a_strange_realm_gets_nothing() {
    let (_ground, outcome) = outcome("harvests", "udp", &[]);
    assert_eq!(outcome["code"], "sip.login-withheld", "{outcome}");
    assert!(outcome["says"].as_str().unwrap().contains("somewhere.else"), "{outcome}");
}

#[test]
fn one_that_refuses_is_quoted() {
    for (scenario, says) in [("forbids", "403 Forbidden"), ("knows-no-subscription", "481 Subscription Does Not Exist")]
    {
        let (_ground, outcome) = outcome(scenario, "udp", &[]);
        assert_eq!(outcome["code"], "sip.refused", "{outcome}");
        assert!(outcome["says"].as_str().unwrap().contains(says), "{outcome}");
        assert!(outcome["says"].as_str().unwrap().contains("sip.trust_ctrl"), "what to switch on is said: {outcome}");
    }
}

#[test]
fn one_that_is_late_is_waited_for() {
    let (_ground, outcome) = outcome("is-late", "udp", &[]);
    assert_eq!(outcome["code"], "sip.resynced", "{outcome}");
}

#[test]
fn one_that_speaks_tcp_alone_is_reached() {
    let (_ground, outcome) = outcome("takes-it", "udp", &["-t", "t1"]);
    assert_eq!(outcome["code"], "sip.resynced", "{outcome}");
}

#[test]
fn one_that_speaks_tls_alone_is_reached() {
    let ground = Ground::new();
    let place = leased(&ground, "tls");
    let mut phone = sipp(&place, "takes-it", 5070, &["-t", "t1"]);
    let inside: SocketAddr = (place.address, 5070).into();
    let outside: SocketAddr = (place.address, 5061).into();
    let _terminator = place.namespace.spawn("tls".into(), move || terminate_tls(outside, inside)).unwrap();
    place.wait_for_port("tcp", 5061);
    let outcome = ground.tell(MAC, "resync");
    assert_eq!(outcome["code"], "sip.resynced", "{outcome}");
    assert!(phone.succeeds());
}

/// TLS with a certificate that nobody knows, as phones have; sipp of this distribution speaks none.
fn terminate_tls(outside: SocketAddr, inside: SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["phone".into()]).unwrap().self_signed(&key).unwrap();
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(
                    vec![certificate.der().clone()],
                    rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
                )
                .unwrap();
        let listener = tokio::net::TcpListener::bind(outside).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(stream).await.unwrap();
        let mut plain = tokio::net::TcpStream::connect(inside).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut plain).await;
    });
}

#[test]
fn silence_names_what_was_tried() {
    let ground = Ground::new();
    let _place = leased(&ground, "udp");
    let outcome = ground.tell(MAC, "resync");
    assert_eq!(outcome["code"], "sip.no-answer", "{outcome}");
    assert!(outcome["says"].as_str().unwrap().contains("tried UDP 5060, TCP 5060"), "{outcome}");
}

#[test]
fn a_proxy_that_asks_for_the_login_leads_to_the_phone() {
    // The third place of the ground; the first is the phone's.
    let ground = Ground::configured("[sip]\nproxy = \"udp:10.66.3.152:5060\"");
    let place = leased(&ground, "udp");
    let proxy = ground.place("02:00:00:00:00:09".parse().unwrap());
    assert_eq!(proxy.address.to_string(), "10.66.3.152");
    // What the proxy hands on makes the phone fetch.
    std::fs::copy(place.file("fetch.sh"), proxy.file("fetch.sh")).unwrap();
    let mut sipp = sipp(&proxy, "proxy", USUAL, &[]);
    ground.lab.api().post(&format!("phones/{MAC}/resync"), &Value::Null).unwrap();
    assert!(sipp.succeeds(), "{}", proxy.read("proxy.log"));
    place.run("sh", &[place.file("fetch.sh").to_str().unwrap()]);
    let outcome = ground.outcome(MAC);
    assert_eq!(outcome["code"], "sip.resynced", "{outcome}");
}

#[test]
fn the_command_line_says_what_came_of_it() {
    let mut ground = Ground::new();
    let place = leased(&ground, "udp");
    let phone = sipp(&place, "takes-it", USUAL, &[]);
    let socket = ground.lab.appliance().configuration().with_file_name("socket");
    let command = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_block66"));
        command.arg("--socket").arg(&socket).args(arguments).output().unwrap()
    };
    let output = command(&["phones", "resync", &MAC.to_string()]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("Re-synced"), "{output:?}");
    drop(phone);
    let unknown = command(&["phones", "reboot", "80:5e:c0:ff:ff:ff"]);
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    let silent = command(&["phones", "resync", "--no-wait", &MAC.to_string()]);
    assert!(silent.status.success(), "{silent:?}");
    let busy = command(&["phones", "resync", &MAC.to_string()]);
    assert!(String::from_utf8_lossy(&busy.stderr).contains("is being told something already"), "{busy:?}");
}
