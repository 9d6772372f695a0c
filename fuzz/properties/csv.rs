//! A list of phones to import: what is taken is in order, a table reads the same when it is written out again, and what
//! is done with it is what the file says.
//!
//! A seed is the file as somebody sends it: a table, or JSON where it begins with a bracket or a brace. It is compared
//! with the list of `office`, whose phones have the names and lines that seeds speak of.

mod office;
mod planned;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use block66::admin::CheckedPhone;
use block66::admin::import::{Defaults, MOST_PHONES, Refusal, Sheet, read};
use block66::model::{Line, Transport};
use office::Office;

/// A fault that is planted beside the import, so that it is known to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// None.
    None,
    /// Whichever phone a document names, the first one of the list is taken for it.
    FirstPhone,
}

/// Checks one file.
pub fn hold(input: &[u8]) -> bool {
    hold_with(input, Plant::None)
}

/// Checks one file with a fault planted.
pub fn hold_with(input: &[u8], plant: Plant) -> bool {
    let office = Office::new();
    let sheet = match office.read(input, plant) {
        Ok(sheet) => sheet,
        Err(refusal) => {
            let told = refusal.to_string();
            assert!(!told.is_empty());
            office.check_told(input, [told.as_str()]);
            let Refusal::Rows(errors, rows) = refusal else { return false };
            assert!(rows > 0 && !errors.is_empty() && errors.len() <= 100, "{} of {rows} rows are wrong", errors.len());
            office.check_told(input, errors.iter().flat_map(|error| [error.field.as_str(), error.detail.as_str()]));
            // No row ends, and no phone of a document, without one of these.
            let most = 1 + input.iter().filter(|byte| matches!(byte, b'\n' | b'\r' | b',')).count();
            for error in &errors {
                assert!((1..=most).contains(&planned::row_of(error)), "{error:?} names none of {most} rows");
            }
            return true;
        }
    };
    check(&sheet);
    planned::check(office, input, &sheet);
    if !sheet.whole {
        let again = read(written(&sheet).as_bytes(), &Defaults::default()).expect("what was taken is taken again");
        assert_eq!(phones(sheet), phones(again), "it reads differently when it is written out");
    }
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
            assert!(clean(&line.server, 253) && line.port != Some(0), "{line:?}");
            // A document may leave it to the levels above.
            assert!(sheet.whole || !line.server.is_empty(), "{line:?}");
            assert!(line.expires.is_none_or(|expires| (60..=86_400).contains(&expires)), "{line:?}");
        }
    }
}

fn written(sheet: &Sheet) -> String {
    let mut text = "mac,name,organisation,brand,model,user,auth user,password,display,server,port,transport,expires,\
        voicemail,group\n"
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
            let _ = writeln!(text, "{head},,,,,,,,,,{}", said(&phone.group));
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
                "{head},{},{},{},{},{},{},{transport},{},{},{}",
                quoted(&line.user),
                said(&line.auth_user),
                quoted(line.password.expose()),
                quoted(&line.display),
                quoted(&line.server),
                line.port.map(|port| port.to_string()).unwrap_or_default(),
                line.expires.map(|expires| expires.to_string()).unwrap_or_default(),
                said(&line.voicemail),
                said(&phone.group)
            );
        }
    }
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
