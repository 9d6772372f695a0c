//! Second opinions: programs of others that speak SIP.

use block66::lab::ground::BOX;
use block66::model::Mac;

use crate::ground::{Ground, PATIENCE, wait_until};

const MAC: Mac = Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]);

#[test]
fn sipsak_finds_the_box_in_order() {
    let ground = Ground::new();
    let place = ground.place(MAC);
    let uri = format!("sip:{BOX}");
    for more in [&[][..], &["-E", "tcp"]] {
        let output = place.run("sipsak", &[&["-v", "-s", &uri], more].concat());
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{more:?}: {text}");
    }
    // A torture of its own: random characters trashed one after the other. It never gets a 2xx, and the box stays.
    let version = place.run("sipsak", &["-V"]);
    println!("client: {}", String::from_utf8_lossy(&version.stdout).lines().next().unwrap_or_default());
    let trashed = place.run("timeout", &["20", "sipsak", "-R", "-t", "200", "-s", &uri]);
    println!("client: sipsak's trasher ended with {}", trashed.status);
    let again = place.run("sipsak", &["-s", &uri]);
    assert!(again.status.success());
}

#[test]
fn baresip_takes_the_message() {
    let ground = Ground::new();
    let mut place = ground.place(MAC);
    ground.list(MAC, "yealink", "udp");
    place.lease();
    place.learn_login();
    let folder = place.file("baresip");
    std::fs::create_dir_all(&folder).unwrap();
    let address = place.address;
    std::fs::write(folder.join("accounts"), format!("<sip:201@{address}>;regint=0\n")).unwrap();
    std::fs::write(folder.join("contacts"), "").unwrap();
    let config = format!("sip_listen {address}:5060\nmodule_path /usr/lib/baresip/modules\nmodule_app account.so\n");
    std::fs::write(folder.join("config"), config).unwrap();
    let _phone = place.start("baresip", &["-f", folder.to_str().unwrap(), "-s"], "baresip.log");
    place.wait_for_port("udp", 5060);
    let outcome = ground.tell(MAC, "resync");
    // It knows no check-sync outside of a subscription, and says so in an answer of its own.
    let log = place.read("baresip.log");
    println!("client: baresip: {}", outcome["says"]);
    assert_eq!(outcome["code"], "sip.refused", "{outcome}\n{log}");
    assert!(wait_until(PATIENCE, || place.read("baresip.log").contains("check-sync")), "{}", place.read("baresip.log"));
}
