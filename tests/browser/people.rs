//! Who may what: accounts, tokens, codes of an app, and what each role sees and is refused.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use totp_rs::{Algorithm, Secret, TOTP};

use super::chromium::Chromium;
use super::ground::{Ground, PASSWORD, SERVICE};

/// The password of everybody else.
const OTHER: &str = "a long password";

/// Where the forms of the page that is shown are sent to.
fn forms(browser: &Chromium) -> Vec<String> {
    let found = browser.run(
        "return [...document.querySelectorAll('form[method=post]')].map((form) => new URL(form.action).pathname)
           .concat([...document.querySelectorAll('form[data-put], form#restore')].map((form) => form.id || form.dataset.put))",
    );
    found.as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect()
}

/// Sends a form as the page that is shown would, and gives the status of the answer with its text.
fn send(browser: &Chromium, path: &str, fields: &str) -> (u64, String) {
    let sent = browser.run_async(&format!(
        "const done = arguments[0];
         const body = new URLSearchParams({fields:?});
         body.set('csrf', document.querySelector('input[name=csrf]').value);
         fetch({path:?}, {{ method: 'POST', body }}).then(async (r) => done([r.status, await r.text()]))"
    ));
    (sent[0].as_u64().unwrap(), sent[1].as_str().unwrap().to_owned())
}

/// The code that an app with this secret shows now.
pub(crate) fn code_of(secret: &str) -> String {
    let bytes = Secret::Encoded(secret.to_owned()).to_bytes().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    TOTP::new(Algorithm::SHA1, 6, 1, 30, bytes).unwrap().generate(now)
}

#[test]
fn each_role_sees_what_it_may_and_is_refused_the_rest() {
    let ground = Ground::claimed(1);
    ground.lab.all_in_service(SERVICE);
    let browser = &ground.browser;
    let phone = ground.lab.phones()[0].mac.plain();
    for (name, role) in [("anna", "operator"), ("visitor", "viewer")] {
        let account = json!({ "name": name, "role": role, "password": OTHER });
        ground.lab.api().post("accounts", &account).unwrap();
    }
    let own = |path: &str| path.starts_with("/account/") || ["/sign-out", "/language"].contains(&path);
    let tells =
        |path: &str| ["resync", "reboot", "rehearse", "start-over", "adopt"].iter().any(|end| path.ends_with(end));
    for (name, operates) in [("visitor", false), ("anna", true)] {
        browser.forget();
        ground.sign_in_as(name, OTHER);
        let pages = [
            "/",
            "/phones",
            "/shared",
            "/firmware",
            "/partners",
            "/networks",
            "/events",
            "/certificate",
            "/box",
            "/campaigns",
            "/account",
        ];
        let of_the_phone = ["", "/settings", "/files", "/rehearse"].map(|page| format!("/phones/{phone}{page}"));
        for page in pages.into_iter().map(str::to_owned).chain(of_the_phone) {
            ground.open(&page);
            browser.find(".sign-out");
            for form in forms(browser) {
                assert!(own(&form) || operates && tells(&form), "{name} is shown {form} on {page}");
            }
            for link in ["/accounts", "/tokens", "/audit", "/backup", "/settings", "/phones/new", "/phones/import"] {
                assert_eq!(browser.count(&format!("main a[href=\"{link}\"]")), 0, "{name} is led to {link} on {page}");
            }
        }
        // Whoever knows the path all the same is told who may.
        for page in
            ["/accounts", "/tokens", "/audit", "/backup", "/settings", "/phones/new", &format!("/phones/{phone}/edit")]
        {
            ground.open(page);
            browser.reads("This is for an administrator.");
            assert_eq!(forms(browser).iter().filter(|form| !own(form)).count(), 0, "{page}");
        }
        for (path, fields) in [
            (format!("/phones/{phone}/remove"), ""),
            ("/accounts".to_owned(), "name=eve&role=administrator&password=a+long+password&again=a+long+password"),
            ("/backup".to_owned(), "passphrase=correct+horse+battery&again=correct+horse+battery"),
            ("/settings".to_owned(), "do=phone-log&log-port=514"),
        ] {
            let (status, text) = send(browser, &path, fields);
            assert!(status == 403 && text.contains("This is for an administrator."), "{path}: {status} {text}");
        }
        let (status, text) = send(browser, &format!("/phones/{phone}/resync"), "");
        match operates {
            true => assert_eq!(status, 200, "{text}"),
            false => assert!(status == 403 && text.contains("This is for an operator."), "{status} {text}"),
        }
    }
    assert_eq!(ground.lab.api().get("accounts").unwrap()["accounts"].as_array().unwrap().len(), 3);
    assert_eq!(ground.lab.api().get("phones").unwrap()["phones"].as_array().unwrap().len(), 1);
    // Who told the phone is on record with their name.
    browser.forget();
    ground.sign_in();
    ground.open("/audit?by=anna");
    browser.reads("Had the phone told to fetch its files again");
}

#[test]
fn accounts_and_tokens_are_kept_by_the_page_and_one_administrator_stays() {
    let ground = Ground::claimed(0);
    let browser = &ground.browser;
    ground.open("/accounts");
    browser.fill("#name", "anna");
    browser.choose("#role", "operator");
    browser.fill("#password", OTHER);
    browser.fill("#again", "something else");
    browser.click("form[action=\"/accounts\"] button");
    browser.reads("The two passwords differ.");
    assert_eq!(
        browser.run("return [document.getElementById('name').value, document.getElementById('role').value]"),
        json!(["anna", "operator"])
    );
    browser.fill("#password", OTHER);
    browser.fill("#again", OTHER);
    browser.click("form[action=\"/accounts\"] button");
    browser.reads("The account is made.");
    browser.choose("#role", "viewer");
    browser.click("button[value=role]");
    browser.reads("The account is changed.");
    browser.fill("#password", "quite another one");
    browser.fill("#again", "quite another one");
    browser.click("button[value=password]");
    browser.reads("The account is changed.");
    // The page said the same after the change before.
    let anna = ground.until("accounts/anna", |anna| anna["version"] == json!(3));
    assert_eq!(anna["role"], json!("viewer"));

    // The last administrator cannot be made less, nor be removed, by whatever the page is asked for.
    for order in ["do=role&role=viewer", "do=remove"] {
        let (status, text) = send(browser, "/accounts/admin", order);
        assert!(status == 409 && text.contains("is the last administrator of this box"), "{order}: {status} {text}");
    }

    // Somebody else changed it since it was looked at.
    ground.open("/accounts/anna");
    browser.run_async(
        "const done = arguments[0];
         fetch('/api/v1/accounts/anna', { method: 'PATCH', headers: { 'Content-Type': 'application/json',
           'X-CSRF-Token': document.querySelector('input[name=csrf]').value }, body: '{\"role\":\"operator\"}' }).then((r) => done(r.status))",
    );
    browser.choose("#role", "administrator");
    browser.click("button[value=role]");
    browser.find("[role=alert]");
    assert_eq!(ground.lab.api().get("accounts/anna").unwrap()["role"], "operator");

    // A token is shown once.
    ground.open("/tokens");
    browser.fill("#name", "grafana");
    browser.fill("#days", "0");
    browser.click("form[action=\"/tokens\"] button");
    browser.reads("From 1 to 3650.");
    browser.fill("#days", "30");
    browser.click("form[action=\"/tokens\"] button");
    browser.reads("It is shown this once");
    let token = browser.run("return document.querySelector('.secret').textContent").as_str().unwrap().to_owned();
    let with_token = format!(
        "const done = arguments[0];
         fetch('/api/v1/status', {{ credentials: 'omit', headers: {{ Authorization: 'Bearer {token}' }} }}).then((r) => done(r.status))"
    );
    assert_eq!(browser.run_async(&with_token), 200);
    ground.open("/tokens");
    assert!(!browser.text().contains(&token));
    browser.click("form[action$=\"/revoke\"] button");
    browser.reads("The token is void from now on.");
    assert_eq!(browser.run_async(&with_token), 401);

    ground.open("/accounts/anna");
    browser.click("#remove summary");
    browser.click("button[value=remove]");
    browser.reads("The account is removed.");
    assert_eq!(names(&ground.lab.api().get("accounts").unwrap()), ["admin"]);
    ground.open("/audit?by=admin");
    for done in ["grafana", "anna"] {
        browser.reads(done);
    }
}

fn names(accounts: &Value) -> Vec<&Value> {
    accounts["accounts"].as_array().unwrap().iter().map(|one| &one["name"]).collect()
}

#[test]
fn a_code_of_an_app_is_set_up_asked_for_and_ended() {
    let ground = Ground::claimed(0);
    let browser = &ground.browser;
    ground.open("/account");
    browser.click("form[action=\"/account/factor\"] button");
    browser.find(".code-of-app svg");
    let secret = browser.run("return document.querySelector('code.secret').textContent").as_str().unwrap().to_owned();
    browser.fill("#code", "000000");
    browser.fill("#on-password", PASSWORD);
    browser.click("form[action=\"/account/factor-on\"] button");
    // What is said depends on whether anything has vouched for the clock of the box.
    browser.find(".field-wrong #code");
    assert!(browser.text().contains(&secret), "the app has this one by now");
    browser.fill("#code", &code_of(&secret));
    browser.fill("#on-password", PASSWORD);
    browser.click("form[action=\"/account/factor-on\"] button");
    browser.reads("They are shown this once.");
    let paper = browser.run("return document.querySelector('.paper code').textContent").as_str().unwrap().to_owned();
    assert_eq!(browser.count(".paper li"), 10);

    browser.click(".sign-out button");
    browser.is_at("/sign-in");
    browser.fill("#password", PASSWORD);
    browser.click("form[action^=\"/sign-in\"] button");
    browser.find("#code");
    browser.fill("#password", PASSWORD);
    browser.fill("#code", &paper);
    browser.click("form[action^=\"/sign-in\"] button");
    browser.is_at("/");
    ground.open("/account");
    browser.reads("9 codes on paper are left");
    browser.click("#factor-off summary");
    browser.fill("#off-password", PASSWORD);
    browser.fill("#code", &paper);
    browser.click("form[action=\"/account/factor-off\"] button");
    browser.reads("Wrong, or used already.");
    browser.fill("#off-password", PASSWORD);
    browser.fill("#code", &code_of(&secret));
    browser.click("form[action=\"/account/factor-off\"] button");
    browser.find("[role=status], [role=alert], .field-wrong");
}
