//! Lists and images that are brought to the box.

use std::io::Write;

use super::ground::Ground;

#[test]
fn a_list_with_mistakes_is_refused_row_by_row_and_nothing_is_stored() {
    let ground = Ground::claimed(0);
    let browser = &ground.browser;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("phones.csv");
    // As Excel writes it: windows-1252, semicolons.
    let mut list = b"mac;name;extension;password;server\r\n805ec0660001;Caf\xe9;201;a;pbx.example\r\n".to_vec();
    list.extend(b"nonsense;Hall;202;b;pbx.example\r\n805ec0660003;Yard;203;c;http://pbx\r\n");
    std::fs::write(&path, list).unwrap();
    ground.open("/phones/import");
    browser.type_into(&browser.find("#file"), path.to_str().unwrap());
    browser.run_async("const done = arguments[0]; const look = () => document.getElementById('list').value ? done() : setTimeout(look, 20); look()");
    browser.click("button[value=check]");
    browser.reads("row 3, mac");
    browser.reads("row 4, server");
    let typed = browser.run("return document.getElementById('list').value");
    assert!(typed.as_str().unwrap().contains("Café"), "what was brought stays: {typed}");
    assert_eq!(ground.lab.api().get("phones").unwrap()["matching"], 0);
    browser.fill("#list", "mac,name,extension,password,server\n805ec0660001,Café,201,a,pbx.example\n");
    browser.click("button[value=check]");
    browser.reads("New: 1. Changed: 0.");
    browser.click("button[value=import]");
    browser.reads("The list is imported.");
    assert_eq!(ground.lab.api().get("phones").unwrap()["phones"][0]["name"], "Café");
}

#[test]
fn an_image_goes_up_and_the_page_shows_how_far_it_is() {
    const BYTES: usize = 48 * 1024 * 1024;
    let ground = Ground::claimed(0);
    let browser = &ground.browser;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("T46U-108.86.0.90.rom");
    let mut file = std::fs::File::create(&path).unwrap();
    let block: Vec<u8> = (0..1 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for _ in 0..BYTES >> 20 {
        file.write_all(&block).unwrap();
    }
    drop(file);
    ground.open("/firmware");
    // Every value that the bar had is kept where a reload of the page does not lose it.
    browser.run(
        "sessionStorage.setItem('seen', '');
         const bar = document.querySelector('#upload-firmware progress');
         new MutationObserver(() => sessionStorage.setItem('seen', sessionStorage.getItem('seen') + ' ' + bar.value))
           .observe(bar, { attributes: true })",
    );
    browser.type_into(&browser.find("#upload"), path.to_str().unwrap());
    browser.choose("#brand", "yealink");
    browser.fill("#version", "108.86.0.90");
    browser.fill("#model", "T46U");
    browser.click("#upload-firmware button");
    browser.reads("On the box");
    browser.reads("108.86.0.90");
    let seen = browser.run("return sessionStorage.getItem('seen')");
    let seen: Vec<f64> = seen.as_str().unwrap().split_whitespace().map(|value| value.parse().unwrap()).collect();
    assert!(seen.iter().any(|value| (1.0..99.0).contains(value)), "no progress was shown: {seen:?}");
    let image = &ground.lab.api().get("firmware").unwrap()["images"][0];
    assert_eq!((image["size"].as_u64(), &image["place"]), (Some(BYTES as u64), &"here".into()));

    // What the box refuses is said beside the button.
    let empty = directory.path().join("empty.rom");
    std::fs::write(&empty, "").unwrap();
    browser.type_into(&browser.find("#upload"), empty.to_str().unwrap());
    browser.fill("#version", "108.86.0.91");
    browser.click("#upload-firmware button");
    let said = || browser.run("return document.querySelector('#upload-firmware [role=status]').textContent");
    let refused = super::chromium::until(|| Some(said()).filter(|said| said != ""));
    assert!(refused.unwrap().as_str().unwrap().contains("cannot be taken"), "{}", browser.text());
}
