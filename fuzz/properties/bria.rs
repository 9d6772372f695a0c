//! What Bria sends, and what it is told: a form, a template that an administrator wrote, and the answer made of both.
//!
//! A seed is a query, a body and a template, with a NUL between them.

use std::collections::BTreeSet;

use block66::model::Secret;
use block66::partners::bria::{Account, Answer, Parameters, Setting, Sheet, Template};

/// Checks one request.
pub fn hold(input: &[u8]) -> bool {
    let mut parts = input.splitn(3, |byte| *byte == 0);
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (query, body, template) = (text(), text(), text());
    let parameters = Parameters::read(Some(&query), &body);
    let names: Vec<&str> = parameters.names().collect();
    assert!(names.len() <= 128, "{} fields", names.len());
    for name in &names {
        let value = parameters.get(name).expect("it has a value");
        assert!(!name.is_empty() && *name == name.to_ascii_lowercase(), "{name:?}");
        assert_eq!(parameters.get(&name.to_ascii_uppercase()), Some(value));
        assert!(!value.is_empty() && value.len() <= 512 && !value.chars().any(char::is_control), "{value:?}");
    }
    // The body goes before the query.
    let alone = Parameters::read(None, &body);
    assert!(alone.names().all(|name| parameters.get(name) == alone.get(name)));
    let said = parameters.get("name").unwrap_or_default();
    one_line(&Answer::Refused { why: said.to_owned() });
    let made = Template::read(&template).ok().map(|(template, _)| {
        let account = account(said);
        let sheet = Sheet {
            user: said,
            accounts: &[account],
            platform: parameters.get("platform"),
            language: parameters.get("language"),
        };
        template.render(&sheet)
    });
    if let Some(Ok(settings)) = &made {
        check(settings);
    }
    !names.is_empty() || made.is_some_and(|made| made.is_ok_and(|settings| !settings.is_empty()))
}

/// An account whose every text is what somebody wrote.
fn account(text: &str) -> Account {
    let own = || text.to_owned();
    Account {
        label: own(),
        display: own(),
        user: own(),
        auth_user: own(),
        password: Secret::new(text),
        domain: own(),
        proxy: own(),
        transport: "tls".into(),
        voicemail: own(),
    }
}

/// A reason stays one line, or is not sent at all.
fn one_line(answer: &Answer) {
    let Ok(bytes) = answer.bytes() else { return };
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert_eq!(text.matches("\r\n").count(), 3, "{text}");
    assert!(text.starts_with("[DATA]\r\nSuccess=0\r\nFailure=\"") && text.ends_with("\"\r\n"), "{text}");
    assert_eq!(text.matches('"').count(), 2, "{text}");
}

/// What was made is settings and nothing else, however it was made.
fn check(settings: &[Setting]) {
    let names: BTreeSet<&str> = settings.iter().map(Setting::name).collect();
    assert_eq!(names.len(), settings.len(), "a setting twice");
    let bytes = Answer::Changed { settings: settings.to_vec() }.bytes().expect("what was made can be sent");
    let text = String::from_utf8(bytes).expect("UTF-8");
    let sections = text.lines().filter(|line| line.starts_with('[')).count();
    let memory = usize::from(settings.iter().any(|setting| setting.in_memory));
    assert_eq!(sections, 2 + memory, "{text}");
    assert_eq!(text.matches("\r\n").count(), 3 + memory + settings.len(), "{text}");
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text}");
}
