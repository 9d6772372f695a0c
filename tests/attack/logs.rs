//! The log, for somebody who may read it.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use block66::phonesim::breed;

use crate::ground::{ATTACKER, Ground, PASSWORD};
use crate::page::sign_in;

/// One brand of each kind: that learns the box's CA, that sends its login over plain HTTP, and that has no login.
const BRANDS: [&str; 3] = ["yealink", "obihai", "avaya-1200"];

#[test]
fn phones_in_service_leave_no_secret_in_a_log_of_everything() {
    let brands: Vec<_> = BRANDS.iter().map(|id| breed(id).unwrap()).collect();
    let products = u16::try_from(brands.iter().map(|breed| breed.makes.len()).sum::<usize>()).unwrap();
    let mut ground = Ground::configured(products, brands, "[log]\nfilter = \"trace\"");
    let setup_code = ground.lab.api().get("status").unwrap()["setup_code"].as_str().unwrap().to_owned();
    ground.claim();
    let (_, browser) = sign_in(&ground.place(ATTACKER), "");
    ground.phones_are_served();

    let mut secrets = vec![("the setup code".to_owned(), setup_code), ("a password".to_owned(), PASSWORD.to_owned())];
    let session = browser.lines();
    let values = session.lines().map(|line| line.rsplit_once([' ', '=']).unwrap().1.to_owned());
    secrets.extend(values.map(|value| ("a session".to_owned(), value)));
    let mut login = |of: &str, user: &str, password: &str| {
        secrets.push((format!("the login of {of}"), password.to_owned()));
        // As it is on the wire.
        secrets.push((format!("the login of {of}"), STANDARD.encode(format!("{user}:{password}"))));
    };
    for phone in ground.lab.phones() {
        login(&format!("the line of {}", phone.name), &phone.user, phone.password.expose());
        if let Some((user, password)) = phone.remote.holding().login {
            login(&phone.name, &user, password.expose());
        }
    }
    let api = ground.lab.api();
    for organisation in api.get("organisations").unwrap()["organisations"].as_array().unwrap() {
        let name = organisation["name"].as_str().unwrap();
        let told = api.get(&format!("organisations/{}/login", name.replace(' ', "%20"))).unwrap();
        login(name, told["user"].as_str().unwrap(), told["password"].as_str().unwrap());
    }

    let log = fs::read(ground.lab.appliance().log()).unwrap();
    let log = String::from_utf8_lossy(&log);
    for (what, secret) in &secrets {
        assert!(secret.len() > 8, "{what} is {secret:?}");
        let told = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(told, None, "{what} is in the log");
    }
    // As phones and the attacker shake hands.
    assert!(log.contains("TRACE rustls::server"), "the log is less talkative than this test thinks");
    println!("figure: {} secrets, none of them in {} bytes of log", secrets.len(), log.len());
}
