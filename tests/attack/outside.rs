//! Places outside the networks of the box, with a way there and back.

use std::io::ErrorKind;

use block66::lab::ground::BOX;
use serde_json::json;

use crate::ground::{ATTACKER, Ground, PASSWORD};
use crate::page::JSON;

#[test]
fn who_is_from_elsewhere_finds_no_box() {
    let ground = Ground::new(1);
    ground.claim();
    // An address outside the networks of the box, with a way there and back.
    let far = ground.place_at(ATTACKER, "10.99.0.9".parse().unwrap());
    let output = ground
        .lab
        .ground()
        .appliance()
        .run(|| {
            std::process::Command::new("ip").args(["route", "add", "10.99.0.0/22", "dev", "eth0"]).output().unwrap()
        })
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = far.run("ip", &["route", "replace", &BOX.to_string(), "dev", "eth0"]);
    assert!(output.status.success(), "{output:?}");
    let mac = ground.lab.phones()[0].mac.plain();
    for tls in [false, true] {
        for path in [
            "/",
            "/sign-in",
            "/ca.pem",
            "/api/v1/status",
            "/assets/",
            &format!("/p/{mac}.cfg"),
            &format!("/p/{mac}.boot"),
        ] {
            let reply = far.get(tls, path, "x");
            assert_eq!(reply.status, 404, "{path}: {}", reply.head);
            ground.holds_no_secret(&reply.body, path);
        }
        let body = json!({ "password": PASSWORD }).to_string();
        let reply = far.ask(tls, "POST", "/api/v1/session", JSON, body.as_bytes());
        assert!(reply.status >= 400 && reply.fields("set-cookie").count() == 0, "{}", reply.head);
    }
    // Over TFTP there is silence: what somebody of the LAN asks after it is answered, and it is not.
    let near = ground.place("02:00:00:00:00:09".parse().unwrap());
    let socket = far.socket(0);
    for name in ["ca.pem".to_owned(), format!("{mac}.cfg"), format!("{mac}.boot")] {
        socket.send_to(&[&[0, 1], name.as_bytes(), b"\0octet\0"].concat(), (BOX, 69)).unwrap();
        near.tftp(&name);
    }
    let heard = socket.recv_from(&mut [0; 2048]).map(|(length, _)| length);
    assert!(matches!(&heard, Err(error) if error.kind() == ErrorKind::WouldBlock), "TFTP: {heard:?}");
}
