//! Logins: guessing them, and using those of others once more.

use serde_json::json;

use crate::ground::{ATTACKER, Ground, PASSWORD};
use crate::speak::{self, digest, digest_for};

/// The login of one organisation, whose policy lets its phones ask over plain HTTP.
fn organisation(ground: &Ground) -> (String, String) {
    let api = ground.lab.api();
    let policy = json!({ "plain-http": true, "secret-files": "organisation" });
    api.post("organisations", &json!({ "name": "Old phones", "policy": policy })).unwrap();
    let phone = json!({ "mac": "80:5e:c0:00:00:07", "name": "Desk 7", "organisation": "Old phones", "lines": [
        { "user": "207", "password": "planted-password", "display": "Desk 7", "server": "pbx.example.net" }] });
    api.post("phones", &phone).unwrap();
    let login = api.get("organisations/Old%20phones/login").unwrap();
    [&login["user"], &login["password"]].map(|value| value.as_str().unwrap().to_owned()).into()
}

#[test]
fn guessing_a_phones_login_is_slowed_for_the_guesser_alone() {
    let ground = Ground::new(1);
    let evil = ground.place(ATTACKER);
    let phone = &ground.lab.phones()[0];
    let user = phone.remote.holding().login.unwrap().0;
    let path = format!("/p/{}.cfg", phone.mac.plain());
    let mut statuses = Vec::new();
    for guess in 0..60 {
        let reply = evil.ask(true, "GET", &path, &speak::basic(&user, &format!("guess {guess}")), b"");
        if reply.status == 429 {
            assert!(reply.fields("retry-after").next().is_some_and(|wait| wait.parse::<u32>().unwrap() > 0));
        }
        statuses.push(reply.status);
    }
    assert!(statuses[..30].iter().all(|status| *status == 401), "{statuses:?}");
    let slowed = statuses.iter().filter(|status| **status == 429).count();
    assert!(slowed >= 20, "{statuses:?}");
    println!("figure: of 60 guesses at once {slowed} were not looked at");
    ground.phones_are_served();
}

#[test]
fn guessing_the_administrators_password_is_slowed_for_the_guesser_alone() {
    let ground = Ground::new(0);
    ground.claim();
    let [evil, good] = [ATTACKER, "02:00:00:00:00:09".parse().unwrap()].map(|mac| ground.place(mac));
    let json = "Content-Type: application/json\r\n";
    let sign_in = |place: &crate::place::Place, password: &str| {
        let body = json!({ "password": password }).to_string();
        place.ask(true, "POST", "/api/v1/session", json, body.as_bytes()).status
    };
    let statuses: Vec<u16> = (0..10).map(|guess| sign_in(&evil, &format!("guess number {guess}"))).collect();
    assert_eq!(statuses[..5], [401; 5], "{statuses:?}");
    assert!(statuses[7..].iter().all(|status| *status == 429), "{statuses:?}");
    assert_eq!(sign_in(&evil, PASSWORD), 429, "the right one is not looked at either");
    assert_eq!(sign_in(&good, PASSWORD), 200, "nobody else waits");
}

#[test]
fn a_login_that_was_overheard_is_of_no_use() {
    let ground = Ground::new(0);
    let (user, password) = organisation(&ground);
    let good = ground.place("80:5e:c0:00:00:07".parse().unwrap());
    let evil = ground.place(ATTACKER);
    let path = "/p/805ec0000007.cfg";
    // Of its own file it would be given its login, as on first contact.
    let nonce = good.ask(false, "GET", "/p/805ec0000099.cfg", "", b"").nonce();
    let header = digest(&user, &password, path, &nonce, 1);
    let whole = good.ask(false, "GET", path, &header, b"");
    assert!(whole.text().contains("planted-password"), "{}", whole.head);
    // The very same bytes, from the same address and from another.
    for place in [&good, &evil] {
        let again = place.ask(false, "GET", path, &header, b"");
        assert_eq!(again.status, 401, "{}", again.head);
        assert!(again.fields("www-authenticate").any(|value| value.contains("stale=true")), "{}", again.head);
    }
    // By another method: what was made for GET does not open the file for HEAD, and what was made for HEAD does.
    let nonce_of_both = good.ask(false, "GET", "/p/805ec0000099.cfg", "", b"").nonce();
    let told_length = |method, count| {
        let header = digest_for(method, (&user, &password), path, &nonce_of_both, count);
        good.ask(false, "HEAD", path, &header, b"").fields("content-length").next().map(str::to_owned)
    };
    let length = Some(whole.body.len().to_string());
    assert_ne!(told_length("GET", 1), length, "an answer that was made for GET");
    assert_eq!(told_length("HEAD", 2), length);
    // For another file, with another count, and with the nonce of the attacker's own.
    let other = good.ask(false, "GET", "/p/805ec0000008.cfg", &digest(&user, &password, path, &nonce, 2), b"");
    assert_eq!(other.status, 401);
    let counted = header.replace("00000001", "00000003");
    assert_eq!(evil.ask(false, "GET", path, &counted, b"").status, 401);
    let own = evil.ask(false, "GET", path, "", b"").nonce();
    assert_eq!(evil.ask(false, "GET", path, &header.replace(&nonce, &own), b"").status, 401);
    // A nonce that the attacker asked for and had the phone answer.
    let lured = digest(&user, &password, path, &own, 1);
    assert_eq!(good.ask(false, "GET", path, &lured, b"").status, 401);
    // Of another box, or made up.
    for nonce in ["", "0", &"0".repeat(40), &own.to_uppercase(), &own[..39]] {
        assert_eq!(good.ask(false, "GET", path, &digest(&user, &password, path, nonce, 1), b"").status, 401, "{nonce}");
    }
}
