//! A phone that is played to find what stops it, and a box that is backed up and put back.

use std::path::PathBuf;

use serde_json::json;

use super::chromium::until;
use super::ground::{Ground, SERVICE};

/// What a backup is locked with.
pub(crate) const PASSPHRASE: &str = "correct horse battery";

/// Makes a backup on its page, and waits until it is in a folder, which goes with what is given back first.
pub(crate) fn download_backup(ground: &Ground) -> (tempfile::TempDir, PathBuf) {
    let browser = &ground.browser;
    let files = tempfile::tempdir().unwrap();
    browser.develop("Browser.setDownloadBehavior", &json!({ "behavior": "allow", "downloadPath": files.path() }));
    browser.fill("#passphrase", PASSPHRASE);
    browser.fill("#again", PASSPHRASE);
    browser.click("form[action=\"/backup\"] button");
    let made = until(|| {
        let mut found = std::fs::read_dir(files.path()).unwrap().flatten().map(|entry| entry.path());
        found.find(|path| path.extension().is_some_and(|kind| kind == "backup"))
    });
    (files, made.expect("the backup is downloaded"))
}

#[test]
fn a_rehearsal_is_watched_and_names_the_planted_fault() {
    let ground = Ground::claimed(1);
    ground.lab.all_in_service(SERVICE);
    let browser = &ground.browser;
    let phone = &ground.lab.phones()[0];
    let page = format!("/phones/{}", phone.mac.plain());
    ground.open(&page);
    browser.click("form[data-rehearse] button");
    browser.reads("informs itself");
    browser.reads("It would come into service, and could come back.");
    browser.is_at(&page);
    assert!(browser.count("#rehearsal .took li") > 5, "{}", browser.text());

    // A login that is not the phone's own, by a raw setting of its brand.
    let brand = ground.lab.api().get(&format!("phones/{}", phone.mac)).unwrap()["brand"].clone();
    let wrong = json!({ "overrides": [
        { "brand": brand, "setting": "static.auto_provision.server.password", "value": "not this one" },
    ]});
    let planted = browser.run_async(&format!(
        "const done = arguments[0];
         fetch('/api/v1{page}/settings', {{ method: 'PATCH', body: {body:?}, headers: {{ 'Content-Type': 'application/json',
           'X-CSRF-Token': document.querySelector('input[name=csrf]').value }} }}).then((r) => done(r.status))",
        body = wrong.to_string()
    ));
    assert_eq!(planted, 200);
    ground.open(&page);
    browser.run("window.steps = 0; new MutationObserver(() => {
        window.steps = Math.max(window.steps, document.querySelectorAll('#rehearsal .panel[data-live] .took li').length);
      }).observe(document.getElementById('rehearsal'), { childList: true, subtree: true })");
    browser.click("form[data-rehearse] button");
    browser.reads("This would stop it");
    assert!(browser.run("return window.steps").as_u64().unwrap() > 3, "its steps were not shown while it took them");
    browser.reads("Take user and password of the provisioning login out of the phone's settings");
    // Whoever has no script gets the same as a page.
    let plain = browser.run_async(&format!(
        "const done = arguments[0];
         const body = new URLSearchParams({{ csrf: document.querySelector('input[name=csrf]').value }});
         fetch('{page}/rehearse', {{ method: 'POST', body }}).then((r) => r.text()).then(done)"
    ));
    assert!(plain.as_str().unwrap().contains("This would stop it"), "{plain}");
    ground.open("/audit");
    browser.reads("Rehearsed the phone");
}

#[test]
fn a_box_is_backed_up_and_put_back_by_the_page() {
    let ground = Ground::claimed(1);
    let browser = &ground.browser;
    ground.open("/backup");
    browser.reads("None was made of this box yet.");
    browser.fill("#passphrase", PASSPHRASE);
    browser.fill("#again", "correct horse batteries");
    browser.click("form[action=\"/backup\"] button");
    browser.reads("The two passphrases differ.");
    let (files, made) = download_backup(&ground);
    ground.open("/backup");
    browser.reads("The last one was made");

    // What is wrong with one is said, and nothing is changed.
    let bytes = std::fs::read(&made).unwrap();
    let damaged = files.path().join("damaged.backup");
    std::fs::write(&damaged, &bytes[..bytes.len() / 2]).unwrap();
    let choose = |path: &PathBuf, passphrase: &str| {
        let field = browser.find("#restore-file");
        browser.type_into(&field, path.to_str().unwrap());
        browser.fill("#restore-passphrase", passphrase);
        browser.click("#restore button");
    };
    choose(&made, "another passphrase");
    browser.reads("Try again: nothing was changed.");
    choose(&damaged, PASSPHRASE);
    browser.reads("Take another copy of it, or an older backup.");
    assert_eq!(browser.run("return document.getElementById('restore-plan').hidden"), true);

    // What came later gives way to what is put back.
    ground.lab.api().post("groups", &json!({ "name": "Made later" })).unwrap();
    choose(&made, PASSPHRASE);
    browser.reads("Everything on this box would give way to this");
    assert_eq!(browser.run("return document.querySelector('[data-about=phones]').textContent"), "1");
    browser.click("#restore-now");
    browser.reads("The backup is in force and the box starts anew.");
    let gone = until(|| {
        let groups = ground.lab.api().get("groups").ok()?;
        (!groups.to_string().contains("Made later")).then_some(())
    });
    assert!(gone.is_some(), "the backup is not in force");
    browser.forget();
    ground.sign_in();
    ground.open("/backup");
    browser.reads("before-restore-");
}
