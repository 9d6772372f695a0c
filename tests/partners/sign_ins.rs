//! Who signs in at a softphone, by which form, and who does not.

use std::net::Ipv4Addr;

use crate::ground::Ground;
use crate::place::{address, at};
use crate::softphone::{Softphone, read};
use crate::softphones::{COMPUTER, add, lan, sign_in};

const WRONG: &str = "Unknown user or wrong password.";

#[test]
fn forms_are_read_as_clients_send_them() {
    let (ground, appliance, computer) = lan("off");
    add(&ground, "ann", "201", &[]);
    let bare = "http://10.66.0.1/p/bria/login";
    let form = "application/x-www-form-urlencoded";
    for (what, url, body, success) in [
        ("as the guides print it", bare, "Username=ann&Password=password-of-ann", "1"),
        ("small letters", bare, "username=ann&password=password-of-ann", "1"),
        ("an empty extra field", bare, "Username=ann&Password=password-of-ann&os=&key=", "1"),
        (
            "extras in the query alone",
            "http://10.66.0.1/p/bria/login?os=win32&key=X",
            "Username=ann&Password=password-of-ann",
            "1",
        ),
        ("a domain with the user", bare, "Username=ann%40branch.example&Password=password-of-ann", "1"),
        ("macros left as they were", bare, "Username=ann&Password=password-of-ann&os=$platform$&lang=$language", "1"),
        ("a line end after the body", bare, "Username=ann&Password=password-of-ann\r\n", "1"),
        (
            "another path to the same server",
            "http://10.66.0.1//BRIA/Login",
            "Username=ann&Password=password-of-ann",
            "1",
        ),
        ("a wrong password", bare, "Username=ann&Password=password-of-bob", "0"),
        ("an unknown user", bare, "Username=eve&Password=password-of-ann", "0"),
        ("no password", bare, "Username=ann", "0"),
        ("nothing", bare, "", "0"),
    ] {
        let response = at(&computer, move || Softphone::new("{desk}").post(url, form, body.as_bytes()));
        assert!(response.body.ends_with(b"\r\n"), "{what}");
        assert!(response.head.to_lowercase().contains("content-type: text/plain"), "{}", response.head);
        let told = read(&response);
        assert_eq!(told.data["Success"], success, "{what}: {told:?}");
        if what == "a wrong password" || what == "an unknown user" {
            assert_eq!(told.data["Failure"], format!("{WRONG} Call 4711."), "{what}");
        }
    }
    let update = at(&computer, || read(&Softphone::new("x").get("http://10.66.0.1/p/bria/update?t=nobody&b=1")));
    assert_eq!((update.data["Success"].as_str(), update.sections.len()), ("0", 1));
    let flood = at(&computer, move || {
        let body = format!("Username=ann&Password={}", "x".repeat(100_000));
        Softphone::new("x").post(bare, form, body.as_bytes()).body
    });
    assert!(flood.starts_with(b"[DATA]\r\nSuccess=0"), "{}", String::from_utf8_lossy(&flood));
    appliance.stop();
}

#[test]
fn whoever_guesses_waits_and_others_do_not() {
    let (ground, appliance, computer) = lan("off");
    add(&ground, "ann", "201", &[]);
    for _ in 0..5 {
        assert_eq!(sign_in(&computer, "ann", "a guess").1.data["Failure"], format!("{WRONG} Call 4711."));
    }
    let locked = sign_in(&computer, "ann", "password-of-ann").1;
    assert!(locked.data["Failure"].starts_with("Too many wrong passwords."), "{locked:?}");
    let colleague = ground.client();
    address(&colleague, Ipv4Addr::new(10, 66, 0, 51));
    assert_eq!(sign_in(&colleague, "ann", "password-of-ann").1.data["Success"], "1");
    let events = ground.events_with(&["softphone.refused", "softphone.signed-in"]);
    assert!(!events.contains("a guess"), "{events}");
    appliance.stop();
}

#[test]
fn the_user_of_a_phones_line_signs_in_where_that_is_allowed() {
    let (ground, appliance, computer) = lan("off");
    let line = ["phones", "add", "80:5e:c0:00:00:07", "--name", "Desk 7", "--user", "207", "--server", "10.66.0.60"];
    ground.block66(&line, "line-secret-7\n");
    assert_eq!(sign_in(&computer, "207", "line-secret-7").1.data["Success"], "0");
    ground.block66(&["partners", "bria", "settings", "line-logins=true"], "");
    let (softphone, told) = sign_in(&computer, "207", "line-secret-7");
    assert_eq!(told.data["Success"], "1");
    assert_eq!(softphone.setting("proxies:proxy0:username").as_deref(), Some("207"));
    assert_eq!(softphone.setting("proxies:proxy0:password").as_deref(), Some("line-secret-7"));
    assert_eq!(sign_in(&computer, "207", "line-secret-8").1.data["Success"], "0");
    appliance.stop();
}

#[test]
fn templates_are_the_operators_and_a_restart_keeps_everything() {
    let (ground, appliance, computer) = lan("off");
    add(&ground, "ann", "201", &[]);
    let own =
        "; ours\nproxies:proxy0:username=\"{{ accounts[0].user if accounts else '' }}\"\nui:company:name=\"Branch\"\n";
    ground.block66(&["partners", "bria", "template", "desktop", "--from", "-"], own);
    let (before, _) = sign_in(&computer, "ann", "password-of-ann");
    assert_eq!(before.setting("ui:company:name").as_deref(), Some("Branch"));
    assert_eq!(before.setting("proxies:proxy0:transport"), None, "what the template does not say");
    appliance.stop();
    let appliance = ground.start_as("mode = \"off\"");
    let mut softphone = before.clone();
    let told = at(&computer, move || softphone.ask("config_server_url"));
    assert_eq!(told.data["Success"], "0", "its token is still good, and nothing is new");
    ground.block66(&["partners", "bria", "password", "ann"], "a new password\n");
    let mut softphone = before;
    let told = at(&computer, move || softphone.ask("config_server_url"));
    assert_eq!(told.data["Success"], "0", "the token ended with the password");
    assert!(told.settings.is_empty());
    assert_eq!(sign_in(&computer, "ann", "a new password").1.data["Success"], "1");
    appliance.stop();
}

#[test]
fn mobile_clients_are_answered_in_xml() {
    let (ground, appliance, computer) = lan("off");
    add(&ground, "ann", "201", &[]);
    let url = "http://10.66.0.1/p/bria/login";
    let ask = |body: &'static str| {
        let response = at(&computer, move || Softphone::new("x").post(url, "text/xml", body.as_bytes()));
        assert_eq!(response.status, 200);
        String::from_utf8(response.body).unwrap()
    };
    let good = [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<cpc_mobile version=\"1.0\"><login user=\"ann\" \
         password=\"password-of-ann\" uuid=\"0-1\"/></cpc_mobile>",
        "<?xml version=\"1.0\"?>\r\n<cpc_mobile>\r\n  <login\r\n    uuid='0-1'\r\n    user='ann'\r\n    colour='red'\r\n    \
         password='password-of-ann'>\r\n  </login>\r\n</cpc_mobile>",
    ];
    for body in good {
        let answer = ask(body);
        assert!(answer.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"), "{answer}");
        for part in [
            "<login_response><status success=\"true\"/></login_response>",
            "<account protocol=\"sip\">",
            "<data name=\"username\" value=\"201\"/>",
            "<data name=\"password\" value=\"sip-of-201\"/>",
            "<codec_list_audio_wifi><codec name=\"opus\" enabled=\"true\"/>",
        ] {
            assert!(answer.contains(part), "{part} is not in {answer}");
        }
    }
    for body in [
        "<?xml version=\"1.0\"?><cpc_mobile><login user=\"ann\" password=\"wrong\" uuid=\"1\"/></cpc_mobile>",
        "<?xml version=\"1.0\"?><cpc_mobile><login user=\"ann\" password=",
        "<?xml version=\"1.0\"?><cpc_mobile></cpc_mobile>",
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"ann\">]><cpc_mobile><login user=\"&a;\" password=\"x\"/></cpc_mobile>",
    ] {
        let answer = ask(body);
        assert!(answer.contains("<status success=\"false\" error_text=\""), "{body}: {answer}");
        assert!(!answer.contains("sip-of-201"), "{answer}");
    }
    appliance.stop();
}

#[test]
fn it_is_off_until_somebody_switches_it_on() {
    let ground = Ground::new();
    let appliance = ground.start_as("mode = \"off\"");
    let computer = ground.client();
    address(&computer, COMPUTER);
    let answer = at(&computer, || {
        let body = b"Username=ann&Password=x";
        Softphone::new("x").post("http://10.66.0.1/p/bria/login", "application/x-www-form-urlencoded", body)
    });
    assert_ne!(answer.status, 200, "{}", answer.head);
    appliance.stop();
}
