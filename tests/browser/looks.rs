//! Every page as it looks and as it is heard: no violation that axe-core finds, no script but the page's own, nothing
//! wider than the window, and a picture of each to look at.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::chromium::Chromium;
use super::ground::Ground;
use super::scenes::{branch, scenes};

fn axe() -> String {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let path = target.join("test-clients/axe.min.js");
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{} ({error}): `tests/run` fetches axe-core", path.display()))
}

/// What axe-core finds wrong with the page that is shown.
fn violations(browser: &Chromium, axe: &str) -> Vec<String> {
    browser.run(&format!("{axe}\n;window.axe = axe;"));
    let found = browser.run_async(
        "const done = arguments[0];
         axe.run(document, { resultTypes: ['violations'] }).then(
           (result) => done(result.violations.map((v) => [v.id, v.nodes.map((n) => n.html + ' ' + n.failureSummary)])),
           (error) => done([['axe itself', [String(error)]]]))",
    );
    let found = found.as_array().cloned().unwrap_or_default();
    found.iter().map(|violation| format!("{}: {}", violation[0], violation[1])).collect()
}

/// Keeps a picture where somebody wants to look at it.
fn keep(browser: &Chromium, name: &str) {
    let Some(directory) = std::env::var_os("BLOCK66_PAGES").map(PathBuf::from) else { return };
    std::fs::write(directory.join(format!("{name}.png")), browser.picture()).unwrap();
}

/// By how much a page is wider than its window, which it must fit whatever stands on it.
fn over(browser: &Chromium, width: u32) -> Option<String> {
    let wide = browser.run("return document.documentElement.scrollWidth").as_u64().unwrap();
    (wide > u64::from(width)).then(|| {
        let guilty = browser.run_with(
            "const inside = (e) => e.closest('.scroll, .nav, .sample, .unseen') !== null;
             return [...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > arguments[0] && !inside(e))
               .slice(0, 3).map((e) => e.outerHTML.slice(0, 120))",
            &json!([width]),
        );
        format!("{} pixels wider than a window of {width}: {guilty}", wide - u64::from(width))
    })
}

/// Opens all that is folded up, or folds up again what this has opened.
fn unfold(browser: &Chromium, open: bool) {
    let script = match open {
        true => {
            "for (const one of document.querySelectorAll('details:not([open])')) { one.open = true; one.dataset.unfolded = ''; }"
        }
        false => {
            "for (const one of document.querySelectorAll('details[data-unfolded]')) { one.open = false; delete one.dataset.unfolded; }"
        }
    };
    browser.run(script);
}

#[test]
fn every_page_can_be_used_by_everybody() {
    let axe = axe();
    let ground = branch();
    let browser = &ground.browser;
    // One page, or some that begin so, for whoever works at them.
    let only = std::env::var("BLOCK66_SCENES").unwrap_or_default();
    let mut wrong = Vec::new();
    browser.complaints();
    for scene in scenes(&ground).iter().filter(|scene| scene.name.starts_with(&only)) {
        let name = &scene.name;
        browser.resize(1280, 900);
        scene.show(&ground);
        for (width, height, shape) in [(1280, 900, "wide"), (360, 740, "narrow"), (3840, 2160, "4k")] {
            browser.resize(width, height);
            for scheme in ["light", "dark"] {
                browser.prefer(&[("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")]);
                keep(browser, &format!("{name}-{scheme}-{shape}"));
                if width == 3840 {
                    continue;
                }
                // Contrast differs by scheme, and order and size by width: each is looked at, with all that is folded
                // up.
                unfold(browser, true);
                wrong.extend(over(browser, width).map(|over| format!("{name} is {over}")));
                let found = violations(browser, &axe);
                wrong.extend(found.into_iter().map(|one| format!("{name} {scheme} {shape}: {one}")));
                unfold(browser, false);
            }
        }
        for complaint in browser.complaints() {
            // Pages that are left faster than the box notices use up the streams that one may have: live.js asks again.
            let all_in_use = complaint.contains("/live") && complaint.contains("503");
            // The browser reports every answer that refuses something.
            let refused = complaint.contains("status of 4") && (name.ends_with("wrong") || name.ends_with("refused"));
            if !(all_in_use || refused || name == "phone-merge" || name == "nowhere" && complaint.contains("404")) {
                wrong.push(format!("{name}: {complaint}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_first_visit_can_be_used_by_everybody() {
    let axe = axe();
    let ground = Ground::new(0);
    let browser = &ground.browser;
    let code = ground.lab.api().get("status").unwrap()["setup_code"].as_str().unwrap().to_owned();
    let mut wrong = Vec::new();
    let mut look = |name: &str| {
        for (scheme, width) in [("light", 1280), ("dark", 360)] {
            browser.prefer(&[("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")]);
            browser.resize(width, 900);
            keep(browser, &format!("visit-{name}-{scheme}-{width}"));
            wrong.extend(violations(browser, &axe).into_iter().map(|one| format!("{name} {scheme}: {one}")));
        }
    };
    ground.open("/claim");
    look("code");
    browser.fill("#code", &code);
    browser.click("button[value=check]");
    browser.fill("#password", super::ground::PASSWORD);
    look("password");
    browser.fill("#again", super::ground::PASSWORD);
    browser.click("button[value=claim]");
    browser.is_at("/welcome");
    look("name");
    for step in ["network", "phones"] {
        browser.click("form[action=\"/welcome\"] button");
        browser.find("h1");
        look(step);
    }
    browser.click(".sign-out button");
    browser.is_at("/sign-in");
    look("sign-in");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_keyboard_alone_is_enough() {
    let ground = Ground::claimed(1);
    let browser = &ground.browser;
    let focused =
        || browser.run("const a = document.activeElement; return [a.tagName, a.getAttribute('href') ?? a.name ?? '']");
    ground.open("/phones");
    browser.press("\u{e004}");
    assert_eq!(focused(), json!(["A", "#main"]), "the first stop leads past the head");
    browser.press("\u{e007}");
    // Through the page by Tab alone, until the phone; every stop can be seen.
    let phone = format!("/phones/{}", ground.lab.phones()[0].mac.plain());
    let mut stops = Vec::new();
    for _ in 0..40 {
        browser.press("\u{e004}");
        let stop = focused();
        let seen = browser.run("const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' || s.boxShadow !== 'none'");
        assert_eq!(seen, Value::Bool(true), "{stop} has the focus and does not show it");
        if stop[1] == phone.as_str() {
            browser.press("\u{e007}");
            browser.is_at(&phone);
            return;
        }
        stops.push(stop);
    }
    panic!("the phone is not reached by Tab: {stops:?}");
}
