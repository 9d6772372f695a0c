//! The list of phones on the command line.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::service::Service;

/// What a command prints that does as it is told.
fn done(service: &Service, arguments: &[&str], input: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_block66"));
    command.arg("--socket").arg(service.path("socket")).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that reads nothing may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_phone_that_was_removed_is_put_back_from_what_was_printed() {
    let service = Service::start(&[]);
    let read = |arguments: &[&str]| -> Value {
        let text = done(&service, arguments, "");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    };
    let all = ["settings", "set", "--organisation", "Branch", "line.server=all.example", "line.transport=tls"];
    done(&service, &all, "");
    let phone = json!({
        "mac": "80:5e:c0:12:34:56", "name": "Hall", "brand": "yealink",
        "lines": [{ "user": "201", "password": "secret-201", "server": "" }],
        "settings": { "screen.title": "Own", "access.admin_password": "secret-admin" },
        "keys": [{ "position": 2, "kind": "blf", "value": "202", "extension": "**202" }],
        "overrides": [{ "brand": "yealink", "setting": "phone_setting.backlight_time", "value": "secret-raw" }],
    });
    done(&service, &["phones", "add", "--from", "-"], &phone.to_string());
    let whole = || read(&["phones", "export", "--passwords"]);
    let before = whole();
    assert_eq!(before["phones"][0]["overrides"], phone["overrides"], "{before:#}");
    for form in [&[][..], &["--json"]] {
        let mut printed = read(&[&["phones", "remove", "805ec0123456", "--yes"], form].concat());
        assert_eq!(whole()["phones"], json!([]));
        assert!(!printed.to_string().contains("secret-"), "{printed:#}");
        // What has to be filled in has its place, and nothing else has to be.
        for (place, nothing, secret) in [
            ("/lines/0/password", json!(""), "secret-201"),
            ("/settings/access.admin_password", Value::Null, "secret-admin"),
            ("/overrides/0/value", Value::Null, "secret-raw"),
        ] {
            let found = printed.pointer_mut(place).unwrap_or_else(|| panic!("there is no {place}"));
            assert_eq!(std::mem::replace(found, json!(secret)), nothing, "{place}");
        }
        done(&service, &["phones", "add", "--from", "-"], &printed.to_string());
        assert_eq!(whole(), before, "{form:?}");
    }
    let shown = read(&["settings", "show", "--phone", "805ec0123456", "--json"]);
    let from = |key: &str| {
        let settings = shown["settings"].as_array().unwrap();
        settings.iter().find(|setting| setting["key"] == key).map(|setting| setting["from"].clone())
    };
    assert_eq!(from("line.transport"), Some(json!("organisation")), "{shown:#}");
    assert_eq!(from("screen.title"), Some(json!("phone")));
}
