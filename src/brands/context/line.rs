use std::collections::BTreeMap;

use minijinja::Value;

use super::field::{field, name};
use super::topic::{Topic, line_definitions, setting};
use super::{map, none};
use crate::model::settings::Resolved;
use crate::model::{Line, Phone};

/// The phone's lines, each with what it inherits. Without `secrets` a line has no password: a template that asks for it
/// all the same fails.
pub(super) fn lines(phone: &Phone, resolved: &Resolved<'_>, secrets: bool) -> Vec<Value> {
    let inherited = Topic::of_lines(resolved);
    phone.lines.iter().take(Line::MOST).enumerate().map(|(at, line)| one(at + 1, line, &inherited, secrets)).collect()
}

/// A place for each account that the phone has, and the line that stands there.
pub(super) fn slots(lines: &[Value], accounts: usize) -> Value {
    let slot =
        |at: usize| map([("number", Value::from(at + 1)), ("line", lines.get(at).cloned().unwrap_or_else(none))]);
    (0..accounts.max(lines.len())).map(slot).collect()
}

fn one(number: usize, line: &Line, inherited: &BTreeMap<&'static str, Value>, secrets: bool) -> Value {
    let of = |what: &str| format!("the {what} of line {number}");
    let display = if line.display.trim().is_empty() { &line.user } else { &line.display };
    let mut values = inherited.clone();
    for definition in line_definitions() {
        if let Some(value) = line.settings.get(definition.key) {
            values.insert(definition.name(), setting(definition, value, &of(definition.key)));
        }
    }
    if !line.server.is_empty() {
        values.insert("server", field(of("server"), &line.server));
    }
    values.entry("server").or_insert_with(|| field(of("server"), ""));
    if let Some(port) = line.port {
        values.insert("port", Value::from(port));
    }
    if let Some(transport) = line.transport {
        values.insert("transport", Value::from(transport.word()));
    }
    let transport = values.entry("transport").or_insert_with(|| Value::from("udp"));
    let usual_port = if transport.as_str() == Some("tls") { 5061 } else { 5060 };
    values.entry("port").or_insert_with(|| Value::from(usual_port));
    if let Some(expires) = line.expires {
        values.insert("expires", Value::from(expires));
    }
    values.entry("expires").or_insert_with(|| Value::from(Line::DEFAULT_EXPIRES));
    if let Some(voicemail) = line.voicemail.as_deref().map(str::trim).filter(|number| !number.is_empty()) {
        values.insert("voicemail", field(of("voice mail number"), voicemail));
    }
    values.insert("number", Value::from(number));
    values.insert("user", field(of("user"), &line.user));
    values.insert("auth_user", field(of("name for authentication"), line.auth_user.as_ref().unwrap_or(&line.user)));
    if secrets {
        values.insert("password", field(of("password"), line.password.expose()));
    }
    values.insert("display", name(of("display name"), display));
    Topic::line(values)
}
