//! From a box that nobody has claimed to the first phone in service, by the page alone.

use block66::phonesim::Report;

use super::ground::{Ground, PASSWORD};

#[test]
fn from_the_first_visit_to_the_first_phone_in_service() {
    let mut ground = Ground::new(0);
    let code = ground.lab.api().get("status").unwrap()["setup_code"].as_str().unwrap().to_owned();
    ground.open("/");
    let browser = &ground.browser;
    browser.is_at("/claim");
    browser.reads("ca.pem");
    // A code that is wrong is said beside its field, and what was typed stays.
    browser.fill("#code", "AAAA-AAAA-AAAA");
    browser.click("button[value=check]");
    browser.reads("This is not the setup code of this box.");
    assert_eq!(browser.run("return document.getElementById('code').value"), "AAAA-AAAA-AAAA");
    browser.fill("#code", &code.to_lowercase().replace('-', " "));
    browser.click("button[value=check]");
    browser.fill("#password", PASSWORD);
    browser.fill("#again", "something else");
    browser.click("button[value=claim]");
    browser.reads("The two passwords differ.");
    browser.fill("#password", PASSWORD);
    browser.fill("#again", PASSWORD);
    browser.click("button[value=claim]");
    browser.is_at("/welcome");

    // The visit is left here and goes on in another browser.
    browser.forget();
    ground.sign_in();
    browser.click(".first-visit a");
    browser.is_at("/welcome");
    browser.fill("#name", "Harbour office");
    browser.fill("#zone", "Europe/Atlantis");
    browser.click("form[action=\"/welcome\"] button");
    browser.reads("There is no such time zone");
    assert_eq!(browser.run("return document.getElementById('name').value"), "Harbour office");
    browser.fill("#zone", "Europe/Amsterdam");
    browser.click("form[action=\"/welcome\"] button");
    browser.reads("What this box does on the network");
    browser.reads("This box is the DHCP server of lab.");
    browser.click("form[action=\"/welcome\"] button");
    browser.reads("Which phones belong here?");

    // The list names the phone before it is plugged in.
    browser.click("a[href=\"/phones/import\"].button");
    browser.is_at("/phones/import");
    browser.fill("#list", "mac,name,extension,password,server\n80:5e:c0:77:00:01,Reception,201,secret1,10.66.3.254\n");
    browser.click("button[value=check]");
    browser.reads("Reception");
    browser.click("button[value=import]");
    browser.is_at("/");
    browser.click(".first-visit a");
    browser.reads("1 phones are on the list");
    browser.click("form[action=\"/welcome\"] button");
    browser.is_at("/");
    browser.reads("The first visit is over.");
    assert_eq!(browser.count(".first-visit"), 0);

    let phone = ground.plug(1);
    phone.until(Report::in_service);
    // The page says so by itself: nobody has loaded it again.
    ground.browser.reads("All is well: the one phone is in service.");
    ground.browser.reads("Reception");
    let organisations = ground.lab.api().get("organisations").unwrap();
    assert_eq!(organisations["organisations"][0]["name"], "Harbour office");
    assert_eq!(ground.lab.api().get("status").unwrap()["time_trusted"], true, "the browser's clock said the same");
}

#[test]
fn a_phone_that_came_by_itself_is_adopted() {
    let mut ground = Ground::claimed(0);
    let mac = ground.plug(2).mac;
    let browser = &ground.browser;
    // It turns up on the page that is open.
    browser.click(&format!("form[action=\"/waiting/{}/adopt\"] button", mac.plain()));
    browser.is_at(&format!("/phones/{}", mac.plain()));
    browser.reads("The phone is on the list.");
    let phone = &ground.plugged()[0];
    phone.remote.reboot();
    // It has no line, and all else that belongs to it.
    ground.until(&format!("phones/{mac}"), |phone| phone["first_contact"]["state"] == "closed");
    ground.browser.reads("Came back over HTTPS with its own login.");
}
