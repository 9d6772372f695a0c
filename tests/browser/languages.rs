//! Four languages, by what the browser asks for and by what somebody chooses.

use super::ground::Ground;

#[test]
fn the_page_speaks_the_reader_s_language() {
    let ground = Ground::claimed(1);
    let browser = &ground.browser;
    for (language, phones, lease) in [
        ("nl", "Telefoons", "Kreeg"),
        ("fr", "Téléphones", "reçu"),
        ("de", "Telefone", "erhalten"),
        ("en", "Phones", "Got address"),
    ] {
        ground.open("/events");
        browser.choose("#language", language);
        browser.is_at("/events");
        super::chromium::until(|| (browser.run("return document.documentElement.lang") == language).then_some(()))
            .expect("the language that was chosen");
        assert!(browser.text().contains(phones), "{language}: {}", browser.text());
        browser.reads(lease);
    }
    // Without a choice the browser's own wish counts.
    browser.forget();
    browser.develop("Network.enable", &serde_json::json!({}));
    let wish = serde_json::json!({ "headers": { "Accept-Language": "de-CH, de;q=0.9" } });
    browser.develop("Network.setExtraHTTPHeaders", &wish);
    ground.open("/sign-in");
    browser.reads("Anmelden");
}
