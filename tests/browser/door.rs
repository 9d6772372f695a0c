//! Signing in, being kept out, and being let in again.

use super::chromium::until;
use super::ground::{Ground, PASSWORD};

/// A wait that outlasts whatever else the machine has to do, in seconds.
const LONG: u64 = 8;

/// The seconds that somebody is told to wait, if they are.
fn wait_in(text: &str) -> Option<u64> {
    let (_, behind) = text.split_once("Wait ")?;
    behind.split_whitespace().next()?.parse().ok()
}

#[test]
fn whoever_guesses_waits_and_the_owner_at_the_console_never_does() {
    let ground = Ground::claimed(0);
    let browser = &ground.browser;
    browser.click(".sign-out button");
    browser.is_at("/sign-in");
    ground.open("/phones");
    browser.is_at("/sign-in");
    let guess = |password: &str| {
        browser.fill("#password", password);
        browser.submit("form[action^=\"/sign-in\"] button");
        browser.find("[role=alert]");
        browser.text()
    };
    assert!(guess("wrong").contains("The name or the password is wrong."));
    // Each guess doubles the wait: until it is so long that the next try cannot come behind it, however slow the
    // machine is.
    let locked = until(|| (wait_in(&guess("still wrong"))? >= LONG).then_some(()));
    assert!(locked.is_some(), "nobody is made to wait: {}", browser.text());
    // The right one has to wait as well; on the box itself a new one is set at any time.
    assert!(guess(PASSWORD).contains("Wait "), "{}", browser.text());
    let new = serde_json::json!({ "password": "another long password" });
    ground.lab.api().post("claim", &new).unwrap();
    // The wait of the browser goes on: whoever is there too early is told so, and tries again.
    let let_in = until(|| {
        browser.fill("#password", "another long password");
        browser.submit("form[action^=\"/sign-in\"] button");
        browser.find("[role=alert], .sign-out");
        (browser.count(".sign-out") == 1).then_some(())
    });
    assert!(let_in.is_some(), "{}", browser.text());
    // Where they were going when they were asked who they are.
    browser.is_at("/phones");
}

#[test]
fn what_was_typed_outlives_the_session() {
    let ground = Ground::claimed(1);
    let browser = &ground.browser;
    let page = format!("/phones/{}/edit", ground.lab.phones()[0].mac.plain());
    ground.open(&page);
    browser.fill("#name", "Typed with much care");
    browser.forget();
    browser.click("button[name=do][value=save]");
    browser.is_at("/sign-in");
    browser.reads("What you typed is kept");
    browser.fill("#password", PASSWORD);
    browser.click("form[action^=\"/sign-in\"] button");
    browser.is_at(&page);
    browser.reads("is back in the form");
    let typed = browser.run("return document.getElementById('name').value");
    assert_eq!(typed, "Typed with much care");
    browser.click("button[name=do][value=save]");
    browser.reads("Typed with much care");
    let phone = ground.lab.phones()[0].mac;
    assert_eq!(ground.lab.api().get(&format!("phones/{phone}")).unwrap()["name"], "Typed with much care");
}
