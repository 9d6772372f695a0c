//! What is changed on the page reaches the phone, and two who change things at once both see it.

use block66::phonesim::Report;

use super::chromium::Chromium;
use super::ground::{Ground, PASSWORD, SERVICE};

#[test]
fn a_key_that_is_given_a_task_is_on_the_phone_at_once() {
    let ground = Ground::claimed(1);
    let browser = &ground.browser;
    let phone = &ground.lab.phones()[0];
    phone.remote.wait_for(SERVICE, Report::in_service).unwrap();
    let rounds = phone.remote.report().rounds;
    ground.until(&format!("phones/{}", phone.mac), |phone| phone["standing"] == "in-service");
    ground.open(&format!("/phones/{}/edit", phone.mac.plain()));
    browser.click("a.key[href$=\"module=0&key=3#key\"]");
    browser.choose("#kind", "blf");
    browser.fill("#number", "202");
    browser.fill("#label", "Harbour master");
    browser.click("button[value=put-key]");
    browser.reads("Saved. The phone is told to fetch it.");
    browser.find("a.key-chosen.key-set");
    // The phone was told, came, and the page says so while it is looked at.
    ground.open(&format!("/phones/{}", phone.mac.plain()));
    browser.reads("Re-synced: fetched its files");
    phone.remote.wait_for(SERVICE, |report| report.rounds > rounds).unwrap();
    ground.open(&format!("/phones/{}/files", phone.mac.plain()));
    browser.click("a[href*=\"files?file=\"]");
    let own = format!("{}.cfg", phone.mac.plain());
    ground.open(&format!("/phones/{}/files?file={own}", phone.mac.plain()));
    browser.reads("Harbour master");
    assert!(!browser.text().contains(phone.password.expose()), "its secrets are masked");
    // Taken away again.
    ground.open(&format!("/phones/{}/edit?module=0&key=3", phone.mac.plain()));
    browser.click("button[value=drop-key]");
    browser.reads("Saved. The phone is told to fetch it.");
    assert_eq!(browser.count("a.key-chosen.key-set"), 0);
}

#[test]
fn the_second_of_two_editors_sees_both_and_chooses() {
    let ground = Ground::claimed(1);
    let phone = &ground.lab.phones()[0];
    let page = format!("/phones/{}/edit", phone.mac.plain());
    let other = Chromium::start(ground.lab.ground().switch(), (1280, 1000));
    other.open("https://10.66.0.1/sign-in");
    other.fill("#password", PASSWORD);
    other.click("form[action^=\"/sign-in\"] button");
    other.is_at("/");
    let mine = &ground.browser;
    ground.open(&page);
    other.open(&format!("https://10.66.0.1{page}"));

    other.fill("#name", "As the first says");
    other.fill("[name=\"line.0.display\"]", "Gate");
    other.click("button[value=save]");
    other.reads("Saved. The phone is told to fetch it.");

    mine.fill("#name", "As the second says");
    mine.click("[name=\"line.0.voicemail\"], fieldset details summary");
    mine.fill("[name=\"line.0.voicemail\"]", "*97");
    mine.click("button[value=save]");
    mine.reads("Somebody else changed the same while you did.");
    mine.reads("As the first says");
    mine.reads("As the second says");
    assert_eq!(mine.count(".merge tbody tr"), 1, "only what both changed is asked for: {}", mine.text());
    mine.click(".merge input[value=theirs]");
    mine.click("button[value=save]");
    mine.reads("Saved. The phone is told to fetch it.");
    let stored = ground.lab.api().get(&format!("phones/{}", phone.mac)).unwrap();
    assert_eq!(stored["name"], "As the first says");
    assert_eq!((&stored["lines"][0]["display"], &stored["lines"][0]["voicemail"]), (&"Gate".into(), &"*97".into()));

    // The same with a key.
    let key = format!("{page}?module=0&key=4");
    ground.open(&key);
    other.open(&format!("https://10.66.0.1{key}"));
    for (browser, number) in [(&other, "301"), (mine, "302")] {
        browser.choose("#kind", "speed-dial");
        browser.fill("#number", number);
        browser.click("button[value=put-key]");
        browser.find("[role=status], [role=alert]");
    }
    mine.reads("Somebody else gave this key another task while you did");
    mine.click("button[value=put-key]");
    mine.reads("Saved. The phone is told to fetch it.");
    let settings = ground.lab.api().get(&format!("phones/{}/settings", phone.mac)).unwrap();
    assert!(settings["keys"].to_string().contains("\"302\""), "{}", settings["keys"]);
}
