//! Much of something, so that it pushes something else out.

use std::net::UdpSocket;

use block66::lab::ground::BOX;

use crate::ground::{ATTACKER, Ground, PATIENCE, wait_until};

#[test]
fn a_flood_of_names_does_not_push_what_happened_out_of_the_record() {
    const REQUESTS: usize = 24_000;
    const AT_ONCE: usize = 100;
    let mut ground = Ground::new(2);
    let victim = ground.lab.phones()[0].mac;
    let codes = |ground: &Ground| -> Vec<String> {
        ground.events_of(victim).iter().map(|event| event["code"].as_str().unwrap().to_owned()).collect()
    };
    let before = codes(&ground);
    assert!(before.iter().any(|code| code == "http.first-contact"), "{before:?}");
    let evil = ground.place(ATTACKER);
    for batch in 0..REQUESTS / AT_ONCE {
        let names = (0..AT_ONCE).map(|number| batch * AT_ONCE + number);
        let ask = |name: usize| format!("GET /p/805e{name:08x}.cfg HTTP/1.1\r\nHost: x\r\n\r\n");
        let bytes = names.map(ask).collect::<String>() + "GET /p/last.cfg HTTP/1.0\r\n\r\n";
        let answers = evil.raw(false, bytes.as_bytes());
        assert_eq!(String::from_utf8_lossy(&answers).matches(" 401 Unauthorized").count(), AT_ONCE);
    }
    // By other ways than HTTP, too.
    let socket: UdpSocket = evil.socket(0);
    for name in 0..500 {
        let request = [&[0, 1], format!("{name}.cfg").as_bytes(), b"\0octet\0"].concat();
        socket.send_to(&request, (BOX, 69)).unwrap();
    }
    // What comes later is written down later.
    let last = ground.lab.phones()[1].mac;
    ground.lab.api().post(&format!("phones/{last}/first-contact"), &serde_json::json!({})).unwrap();
    ground.event(last, "admin.first-contact-reopened");
    assert_eq!(codes(&ground).iter().filter(|code| *code == "http.first-contact").count(), 1, "{:?}", codes(&ground));
    for code in before {
        assert!(codes(&ground).contains(&code), "{code} is no longer on record");
    }
    // That there was a flood is on record, and whose.
    let flood = wait_until(PATIENCE, || {
        let events = ground.lab.api().get("events?limit=1000").unwrap();
        let mut events = events["events"].as_array().unwrap().iter();
        events.any(|event| event["address"] == evil.address.to_string() && event["count"].as_u64() > Some(1_000))
    });
    assert!(flood, "nothing says that one address asked a thousand times");
    ground.phones_are_served();
    ground.box_is_well();
}
