//! Settings that are changed on the command line, as `name=value`.

use serde_json::Value;

use crate::admin::{put, typed};
use crate::cli::exit::Failure;

/// Makes all changes. `absent` are the texts that may be missing; an empty one takes them away.
pub(super) fn all(settings: &mut Value, changes: &[String], absent: &[&str]) -> Result<(), Failure> {
    for change in changes {
        let (name, value) = pair(change)?;
        one(settings, name, value, absent)?;
    }
    Ok(())
}

/// Puts a text where the settings have a value of this name, as what that value is.
fn one(settings: &mut Value, name: &str, text: &str, absent: &[&str]) -> Result<(), Failure> {
    let wrong = || Failure::Given(format!("There is no setting {name} that can be \"{text}\"."));
    let value = match () {
        () if absent.contains(&name) && text.is_empty() => Value::Null,
        () if absent.contains(&name) => file_or_text(text)?,
        () if name.starts_with("names.") => text.into(),
        () => typed(settings, name, text).ok_or_else(wrong)?,
    };
    put(settings, name, value).ok_or_else(wrong)
}

/// What stands in a file, where the text is `@` with its name.
fn file_or_text(text: &str) -> Result<Value, Failure> {
    let Some(path) = text.strip_prefix('@') else { return Ok(text.into()) };
    let read = std::fs::read_to_string(path);
    read.map(Value::from).map_err(|error| Failure::Unreadable { path: path.to_owned(), why: error.to_string() })
}

/// Name and value.
pub(super) fn pair(text: &str) -> Result<(&str, &str), Failure> {
    text.split_once('=').ok_or_else(|| Failure::Given(format!("\"{text}\" is not name=value.")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_changed_as_what_they_are() {
        let mut settings = json!({ "on": false, "times": { "every": 1 }, "list": ["a"], "text": "", "names": {} });
        let changes = ["on=true", "times.every=600", "list=b,c", "text=a=b", "names.x=y", "url=https://a"];
        all(&mut settings, &changes.map(str::to_owned), &["url"]).unwrap();
        let expected = json!({ "on": true, "times": { "every": 600 }, "list": ["b", "c"], "text": "a=b",
            "names": { "x": "y" }, "url": "https://a" });
        assert_eq!(settings, expected);
        all(&mut settings, &["url=".to_owned()], &["url"]).unwrap();
        assert_eq!(settings["url"], Value::Null);
        for wrong in ["on=maybe", "colour=red", "times.every=daily", "times=1", "nothing"] {
            assert!(all(&mut settings, &[wrong.to_owned()], &[]).is_err(), "{wrong}");
        }
    }
}
