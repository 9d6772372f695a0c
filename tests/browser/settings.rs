//! Where alarms are mailed to, and what is set for other systems: what is wrong is said beside its field, what is typed
//! stays, and no password is ever shown.

use serde_json::json;

use super::ground::Ground;

/// What stands in a field.
fn value(ground: &Ground, selector: &str) -> String {
    let found = ground.browser.run_with("return document.querySelector(arguments[0]).value", &json!([selector]));
    found.as_str().unwrap().to_owned()
}

/// What is said beside a field that is wrong.
fn beside(ground: &Ground, selector: &str) -> String {
    ground.browser.find(&format!(".field-wrong {selector}"));
    let script = "return document.querySelector(arguments[0]).closest('.field').querySelector('.wrong').textContent";
    ground.browser.run_with(script, &json!([selector])).as_str().unwrap().to_owned()
}

/// Whether a text stands anywhere on the page, seen or not.
fn holds(ground: &Ground, text: &str) -> bool {
    let script = "return document.documentElement.outerHTML.includes(arguments[0])
        || [...document.querySelectorAll('input, textarea')].some((field) => field.value.includes(arguments[0]))";
    ground.browser.run_with(script, &json!([text])).as_bool().unwrap()
}

#[test]
fn alarms_are_mailed_to_whom_the_page_says_and_its_password_is_never_shown() {
    const SECRET: &str = "mail-secret-of-the-box";
    let ground = Ground::claimed(0);
    let browser = &ground.browser;
    ground.open("/settings");
    browser.reads("Nobody is mailed to yet.");
    browser.click("#mail-server summary");
    browser.fill("#mail-host", "mail.example.net");
    browser.fill("#mail-from", "block66@example.net");
    browser.fill("#mail-to", "help@example.net, nobody");
    browser.choose("#mail-security", "none");
    browser.submit("button[value=mail]");
    assert_eq!(beside(&ground, "#mail-to").trim(), "nobody: This is no mail address.");
    assert_eq!(
        (value(&ground, "#mail-host").as_str(), value(&ground, "#mail-security").as_str()),
        ("mail.example.net", "none")
    );
    // A login is for a way that is protected.
    browser.fill("#mail-to", "help@example.net, desk@example.net");
    browser.fill("#mail-user", "box");
    browser.fill("#mail-password", SECRET);
    browser.submit("button[value=mail]");
    assert!(beside(&ground, "#mail-security").contains("A password is sent over TLS alone"));
    assert!(!holds(&ground, SECRET), "a password that was refused comes back");
    browser.choose("#mail-security", "tls");
    browser.fill("#mail-port", "70000");
    browser.fill("#mail-password", SECRET);
    browser.submit("button[value=mail]");
    assert_eq!(beside(&ground, "#mail-port").trim(), "A port is 1 to 65535.");
    browser.fill("#mail-port", "");
    browser.fill("#mail-password", SECRET);
    browser.choose("#mail-language", "nl");
    browser.submit("button[value=mail]");
    browser.reads("Alarms that begin and end are mailed to help@example.net, desk@example.net by mail.example.net.");
    let kept = ground.lab.api().get("outlets").unwrap();
    let expected = json!({
        "host": "mail.example.net", "security": "tls", "login": { "user": "box" }, "from": "block66@example.net",
        "to": ["help@example.net", "desk@example.net"], "language": "nl",
    });
    assert_eq!(kept["mail"], expected);

    // It is kept where none is typed, and shown by dots that say nothing of it.
    browser.click("#mail-server summary");
    assert_eq!((value(&ground, "#mail-password"), holds(&ground, SECRET)), (String::new(), false));
    browser.reads("One is kept, and is never shown.");
    browser.fill("#mail-to", "help@example.net");
    browser.submit("button[value=mail]");
    browser.reads("are mailed to help@example.net by");
    // For another server it has to be typed again: a password goes to nobody but who it was given for.
    browser.click("#mail-server summary");
    browser.fill("#mail-host", "mail.example.org");
    browser.submit("button[value=mail]");
    assert!(beside(&ground, "#mail-password").contains("It is missing"));
    browser.submit("button[value=drop-mail]");
    browser.reads("Nobody is mailed to yet.");
    assert!(ground.lab.api().get("outlets").unwrap()["mail"].is_null());
}

#[test]
fn another_system_is_set_by_its_form_and_its_password_is_never_shown() {
    const SECRET: &str = "pbx-secret-1234";
    let ground = Ground::claimed(0);
    let browser = &ground.browser;
    let set = |name: &str| ground.lab.api().get(&format!("partners/{name}")).unwrap()["settings"].clone();
    ground.open("/partners");
    browser.click("#innovaphone-settings summary");
    browser.click("[id=\"innovaphone.enabled\"]");
    browser.fill("[id=\"innovaphone.patience\"]", "a while");
    browser.fill("[id=\"innovaphone.title\"]", "Branch phones");
    browser.fill("[id=\"innovaphone.secret\"]", SECRET);
    browser.submit("#innovaphone-settings form button");
    // What is wrong is said beside its field, and what was typed stays but for the password.
    assert_eq!(beside(&ground, "[id=\"innovaphone.patience\"]"), "Patience cannot be \"a while\".");
    assert_eq!(value(&ground, "[id=\"innovaphone.title\"]"), "Branch phones");
    assert!(browser.run("return document.getElementById('innovaphone.enabled').checked").as_bool().unwrap());
    assert!(!holds(&ground, SECRET) && set("innovaphone")["enabled"] == false, "nothing is taken of it");
    // What the other system could not work with is said above its form.
    browser.fill("[id=\"innovaphone.patience\"]", "1");
    browser.submit("#innovaphone-settings form button");
    browser.find("#innovaphone-settings[open] [role=alert]");
    browser.reads("Patience is 5 to 300 seconds");
    browser.fill("[id=\"innovaphone.patience\"]", "45");
    browser.fill("[id=\"innovaphone.providers\"]", "phones, desks");
    browser.fill("[id=\"innovaphone.devices\"]", "wss://ap.example.net/example.net/devices/sysclients");
    browser.fill("[id=\"innovaphone.secret\"]", SECRET);
    browser.submit("#innovaphone-settings form button");
    browser.find("[role=status]");
    let now = set("innovaphone");
    assert_eq!((&now["enabled"], &now["patience"], &now["title"]), (&json!(true), &json!(45), &json!("Branch phones")));
    assert_eq!(now["providers"], json!(["phones", "desks"]));
    assert_eq!(now["devices"], "wss://ap.example.net/example.net/devices/sysclients");

    browser.click("#innovaphone-settings summary");
    assert_eq!(value(&ground, "[id=\"innovaphone.patience\"]"), "45");
    assert_eq!((value(&ground, "[id=\"innovaphone.secret\"]"), holds(&ground, SECRET)), (String::new(), false));
    let dots = browser.run("return document.getElementById('innovaphone.secret').placeholder");
    assert_eq!(dots, "••••••••", "that there is one is seen");
    assert!(!browser.text().contains("No password of the app object is set"), "{}", browser.text());
    // What is left empty is what it usually is, and the password stays.
    browser.fill("[id=\"innovaphone.devices\"]", "");
    browser.submit("#innovaphone-settings form button");
    browser.find("[role=status]");
    assert!(set("innovaphone")["devices"].is_null());
    assert_eq!(ground.lab.api().get("partners/innovaphone").unwrap()["password"], true);

    // Somebody else was faster: nobody overwrites that unseen.
    browser.click("#innovaphone-settings summary");
    let mut theirs = set("innovaphone");
    theirs["title"] = json!("Theirs");
    ground.change("PUT", "partners/innovaphone/settings", &theirs);
    browser.fill("[id=\"innovaphone.title\"]", "Mine");
    browser.submit("#innovaphone-settings form button");
    browser.reads("Somebody else changed the same while you did.");
    assert_eq!(
        (set("innovaphone")["title"].clone(), value(&ground, "[id=\"innovaphone.title\"]")),
        (json!("Theirs"), "Mine".into())
    );
    browser.submit("#innovaphone-settings form button");
    browser.find("[role=status]");
    assert_eq!(set("innovaphone")["title"], "Mine");

    // The others have the same form.
    for (system, field, text) in [
        ("bria", "timers.every", "7200"),
        ("stretto", "platform", "https://stretto.example.net"),
        ("yealink-rps", "server-name", "branch-7"),
    ] {
        browser.click(&format!("[id=\"{system}-settings\"] summary"));
        browser.fill(&format!("[id=\"{system}.{field}\"]"), text);
        browser.submit(&format!("[id=\"{system}-settings\"] form button"));
        browser.find("[role=status]");
        browser.click(&format!("[id=\"{system}-settings\"] summary"));
        assert_eq!(value(&ground, &format!("[id=\"{system}.{field}\"]")), text);
    }
}
