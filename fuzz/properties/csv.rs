//! A list of phones to import: what is taken is in order, and reads the same when it is written out again.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use block66::admin::CheckedPhone;
use block66::admin::import::{Defaults, MOST_PHONES, Refusal, Sheet, read};
use block66::model::{Line, Transport};

/// Checks one file.
pub fn hold(input: &[u8]) -> bool {
    let sheet = match read(input, &Defaults::default()) {
        Ok(sheet) => sheet,
        Err(Refusal::Rows(errors, rows)) => {
            assert!(rows > 0 && !errors.is_empty() && errors.len() <= 100, "{} of {rows} rows are wrong", errors.len());
            return true;
        }
        Err(refusal) => {
            assert!(!refusal.to_string().is_empty());
            return false;
        }
    };
    check(&sheet);
    let again = read(written(&sheet).as_bytes(), &Defaults::default()).expect("what was taken is taken again");
    assert_eq!(phones(sheet), phones(again), "it reads differently when it is written out");
    true
}

/// The phones, each line shown as something: a row without a display name takes the name of the phone.
fn phones(sheet: Sheet) -> Vec<CheckedPhone> {
    let named = |(_, mut phone): (usize, CheckedPhone)| {
        for line in phone.lines.iter_mut().filter(|line| line.display.is_empty()) {
            line.display.clone_from(&phone.name);
        }
        phone
    };
    sheet.phones.into_iter().map(named).collect()
}

fn check(sheet: &Sheet) {
    assert!((1..=MOST_PHONES).contains(&sheet.phones.len()));
    let macs: BTreeSet<_> = sheet.phones.iter().map(|(_, phone)| phone.mac).collect();
    assert_eq!(macs.len(), sheet.phones.len(), "one MAC, two phones");
    let clean = |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(char::is_control);
    for (_, phone) in &sheet.phones {
        assert!(phone.mac.is_unicast() && clean(&phone.name, 64), "{phone:?}");
        assert!(phone.lines.len() <= Line::MOST, "{} lines", phone.lines.len());
        for line in &phone.lines {
            assert!(!line.user.is_empty() && clean(&line.user, 128) && clean(&line.display, 64), "{line:?}");
            assert!(clean(line.password.expose(), 128) && !line.password.is_empty());
            assert!(clean(&line.server, 253) && !line.server.is_empty() && line.port != Some(0), "{line:?}");
            assert!(line.expires.is_none_or(|expires| (60..=86_400).contains(&expires)), "{line:?}");
        }
    }
}

fn written(sheet: &Sheet) -> String {
    let mut text = "mac,name,organisation,brand,model,user,auth user,password,display,server,port,transport,expires,\
        voicemail\n"
        .to_owned();
    for (_, phone) in &sheet.phones {
        let said = |text: &Option<String>| quoted(text.as_deref().unwrap_or_default());
        let head = format!(
            "{},{},{},{},{}",
            phone.mac,
            quoted(&phone.name),
            said(&phone.organisation),
            said(&phone.brand),
            said(&phone.model)
        );
        if phone.lines.is_empty() {
            let _ = writeln!(text, "{head},,,,,,,,,");
        }
        for line in &phone.lines {
            let transport = match line.transport {
                None => "",
                Some(Transport::Udp) => "udp",
                Some(Transport::Tcp) => "tcp",
                Some(Transport::Tls) => "tls",
            };
            let _ = writeln!(
                text,
                "{head},{},{},{},{},{},{},{transport},{},{}",
                quoted(&line.user),
                said(&line.auth_user),
                quoted(line.password.expose()),
                quoted(&line.display),
                quoted(&line.server),
                line.port.map(|port| port.to_string()).unwrap_or_default(),
                line.expires.map(|expires| expires.to_string()).unwrap_or_default(),
                said(&line.voicemail)
            );
        }
    }
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
