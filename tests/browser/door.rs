//! Signing in, being kept out, and being let in again.

use super::chromium::until;
use super::ground::{Ground, PASSWORD};

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
        browser.click("form[action^=\"/sign-in\"] button");
        browser.find("[role=alert]");
        browser.text()
    };
    assert!(guess("wrong").contains("The name or the password is wrong."));
    let locked = until(|| guess("still wrong").contains("Too many wrong guesses").then_some(()));
    assert!(locked.is_some(), "nobody is made to wait: {}", browser.text());
    // The right one has to wait as well; on the box itself a new one is set at any time.
    assert!(guess(PASSWORD).contains("Wait "), "{}", browser.text());
    let new = serde_json::json!({ "password": "another long password" });
    ground.lab.api().post("claim", &new).unwrap();
    let let_in = until(|| {
        let at = browser.run("return location.pathname");
        if at != "/sign-in" {
            // Where they were going when they were asked who they are.
            return (at == "/phones").then_some(());
        }
        browser.fill("#password", "another long password");
        browser.click("form[action^=\"/sign-in\"] button");
        None
    });
    assert!(let_in.is_some(), "{}", browser.text());
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
