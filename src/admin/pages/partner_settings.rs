//! What is set for another system, as a form: a field for each setting, of its kind.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::admin::call::Form;
use crate::admin::partners::{put, typed};
use crate::admin::problem::{FieldError, Problem};
use crate::admin::speech::{said, say};
use crate::model::Language;
use crate::sys::hex;

/// A setting as a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Field {
    /// Its name, with dots between its parts.
    name: String,
    /// The same for people.
    label: String,
    kind: Kind,
    /// What it is, or what was typed and refused.
    text: String,
}

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    YesNo,
    Number,
    /// Texts with commas between.
    List,
    Text,
    /// Certificates in PEM.
    Certificates,
}

/// What the form knows the settings by, so that nobody overwrites unseen what somebody else has set.
pub(super) fn as_of(settings: &Value) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, settings.to_string().as_bytes());
    hex::encode(digest.as_ref().get(..8).unwrap_or_default())
}

/// The settings as fields; what has parts is there part by part. `refused` is a form that was not taken.
pub(super) fn fields(settings: &Value, refused: Option<&Form>) -> Vec<Field> {
    let mut found = Vec::new();
    for (name, value) in settings.as_object().into_iter().flatten() {
        match value {
            Value::Object(parts) => {
                found.extend(parts.iter().map(|(part, value)| field(format!("{name}.{part}"), value)));
            }
            value => found.push(field(name.clone(), value)),
        }
    }
    // Whether it is on at all, what else is switched, what is typed, and what is pasted.
    found.sort_by_key(|field| {
        let place = match field.kind {
            Kind::YesNo => u8::from(field.name != "enabled"),
            Kind::Number | Kind::List | Kind::Text => 2,
            Kind::Certificates => 3,
        };
        (place, field.name.contains('.'))
    });
    if let Some(form) = refused {
        for field in &mut found {
            field.text = match field.kind {
                Kind::YesNo => form.says_yes(&field.name).to_string(),
                _ => form.of(&field.name).unwrap_or_default().to_owned(),
            };
        }
    }
    found
}

fn field(name: String, value: &Value) -> Field {
    let kind = match value {
        Value::Bool(_) => Kind::YesNo,
        Value::Number(_) => Kind::Number,
        Value::Array(_) => Kind::List,
        _ if name == "authorities" => Kind::Certificates,
        _ => Kind::Text,
    };
    let label = name.replace('.', ": ").replace('-', " ").replace("url", "URL").replace("http", "HTTP");
    let mut letters = label.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let label = format!("{first}{}", letters.as_str());
    Field { name, label, kind, text: in_words(value) }
}

/// The settings as the form would have them. What is left empty is what it is when nobody sets it.
///
/// # Errors
/// Fields that cannot be what they should be, or settings that are other ones than the form was made of.
pub(super) fn changed(settings: &Value, form: &Form, language: Language) -> Result<Value, Problem> {
    if form.of("as-of") != Some(as_of(settings).as_str()) {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "changed-meanwhile",
            said(language, "Somebody else changed the same while you did."),
            said(language, "What you typed stands in the form: save it again where it is to hold."),
        ));
    }
    let (mut wanted, mut errors) = (settings.clone(), Vec::new());
    for field in fields(settings, None) {
        let text = form.of(&field.name).unwrap_or_default().trim();
        let value = match field.kind {
            Kind::YesNo => Some(Value::Bool(form.says_yes(&field.name))),
            Kind::List => typed(settings, &field.name, text),
            _ if text.is_empty() => Some(Value::Null),
            Kind::Number => typed(settings, &field.name, text),
            // Browsers end lines as mail does.
            Kind::Text | Kind::Certificates => Some(Value::from(text.replace("\r\n", "\n"))),
        };
        if value.and_then(|value| put(&mut wanted, &field.name, value)).is_none() {
            let detail = say(language, "{name} cannot be \"{value}\".", &[("name", &field.label), ("value", &text)]);
            errors.push(FieldError::new(field.name, detail));
        }
    }
    without_nulls(&mut wanted);
    if errors.is_empty() { Ok(wanted) } else { Err(Problem::fields(errors)) }
}

/// What is left out has its usual value.
fn without_nulls(settings: &mut Value) {
    for object in settings.as_object_mut().into_iter() {
        object.retain(|_, value| !value.is_null());
        object.values_mut().for_each(without_nulls);
    }
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(in_words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(settings: &Value, fields: &str) -> Form {
        Form::parse(&format!("as-of={}&{fields}", as_of(settings)))
    }

    #[test]
    fn each_setting_is_a_field_of_its_kind() {
        let settings = json!({ "enabled": true, "timers": { "first-update": 20 }, "list": ["a", "b"], "url": null,
            "authorities": null, "names": {} });
        let of = |name: &str| fields(&settings, None).into_iter().find(|field| field.name == name).unwrap();
        assert_eq!(fields(&settings, None).len(), 5);
        assert_eq!(
            (of("timers.first-update").label.as_str(), of("timers.first-update").kind),
            ("Timers: first update", Kind::Number)
        );
        assert_eq!((of("list").text.as_str(), of("list").kind), ("a, b", Kind::List));
        assert_eq!((of("url").text.as_str(), of("url").kind), ("", Kind::Text));
        assert_eq!(of("authorities").kind, Kind::Certificates);
        let refused = Form::parse("list=x&timers.first-update=daily");
        let shown = fields(&settings, Some(&refused));
        let text = |name: &str| shown.iter().find(|field| field.name == name).unwrap().text.clone();
        assert_eq!(
            (text("timers.first-update"), text("enabled"), text("url")),
            ("daily".into(), "false".into(), String::new())
        );
    }

    #[test]
    fn a_form_changes_settings_as_what_they_are() {
        let settings =
            json!({ "enabled": true, "every": 20, "timers": { "least": 1 }, "list": ["a"], "url": null, "help": "x" });
        let all = "enabled=yes&every=30&timers.least=2&list=b%2C+c&url=https%3A%2F%2Fa&help=";
        let wanted = changed(&settings, &form(&settings, all), Language::English).unwrap();
        let expected =
            json!({ "enabled": true, "every": 30, "timers": { "least": 2 }, "list": ["b", "c"], "url": "https://a" });
        assert_eq!(wanted, expected, "what is empty is left out");
        let wrong = form(&settings, "every=daily&timers.least=-1");
        let problem = changed(&settings, &wrong, Language::English).unwrap_err();
        let named: Vec<&str> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(named, ["every", "timers.least"]);
        let late = changed(&json!({ "enabled": false }), &form(&settings, all), Language::English).unwrap_err();
        assert_eq!(late.code, "changed-meanwhile");
    }
}
