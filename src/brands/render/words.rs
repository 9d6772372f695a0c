//! What templates can do besides writing values.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::{Environment, State, Value};

use super::{Refused, Shape, format_of, on_text};
use crate::brands::context::{Overrides, Written};
use crate::brands::escape::Unfit;

/// Adds the functions and filters that docs/templates.md describes.
pub(super) fn add(environment: &mut Environment<'static>, shapes: &BTreeMap<String, Shape>) {
    let shapes = Arc::new(shapes.clone());
    let for_overrides = Arc::clone(&shapes);
    environment.add_function("setting", move |state: &State<'_, '_>, name: String, value: Value| {
        setting(state, &shapes, &name, &value)
    });
    environment.add_function("write_overrides", move |state: &State<'_, '_>| write_overrides(state, &for_overrides));
    environment.add_filter("flag", flag);
    environment.add_filter("quoted", quoted);
    environment.add_filter("percent_of", percent_of);
    environment.add_filter("at_most", at_most);
    environment.add_filter("without", without);
}

/// One setting with the end of its line; nothing where the value is none, or an override says it.
fn setting(
    state: &State<'_, '_>,
    shapes: &BTreeMap<String, Shape>,
    name: &str,
    value: &Value,
) -> Result<Value, minijinja::Error> {
    let overridden = state
        .lookup("overrides")
        .is_some_and(|overrides| overrides.downcast_object_ref::<Overrides>().is_some_and(|all| all.names(name)));
    if overridden || value.is_none() {
        return Ok(Written::value(""));
    }
    let shape = shapes.get(state.name()).ok_or(Refused::Shapeless)?;
    Ok(Written::value(shape.write(name, value)?))
}

/// Every override as a setting.
fn write_overrides(state: &State<'_, '_>, shapes: &BTreeMap<String, Shape>) -> Result<Value, minijinja::Error> {
    let shape = shapes.get(state.name()).ok_or(Refused::Shapeless)?;
    let overrides = state.lookup("overrides");
    let mut text = String::new();
    for (name, value) in
        overrides.iter().filter_map(|all| all.downcast_object_ref::<Overrides>()).flat_map(Overrides::iter)
    {
        text.push_str(&shape.write(name, value)?);
    }
    Ok(Written::value(text))
}

/// Yes or no in the brand's own words; none stays none.
fn flag(value: Value, yes: Option<Value>, no: Option<Value>) -> Result<Value, minijinja::Error> {
    match (value.is_none(), bool::try_from(value)) {
        (true, _) => Ok(Value::from(())),
        (_, Ok(true)) => Ok(yes.unwrap_or_else(|| Value::from(1))),
        (_, Ok(false)) => Ok(no.unwrap_or_else(|| Value::from(0))),
        (_, Err(_)) => Err(Refused::Misused("flag is for yes and no").into()),
    }
}

/// The value in double or single quotes, where the format has a way to say it so.
fn quoted(state: &State<'_, '_>, value: Value, mark: Option<char>) -> Result<Value, minijinja::Error> {
    let format = format_of(state).ok_or(Refused::Unescaped)?;
    Ok(Written::value(on_text(&value, |text| format.quote(text, mark.unwrap_or('"')))?))
}

/// The value, where it is not longer than so many bytes.
fn at_most(value: Value, most: usize) -> Result<Value, minijinja::Error> {
    on_text(&value, |text| if text.len() > most { Err(Unfit::Longer(most)) } else { Ok(String::new()) })?;
    Ok(value)
}

/// The value, where it holds none of these signs; none stays none.
fn without(value: Value, signs: String) -> Result<Value, minijinja::Error> {
    if value.is_none() {
        return Ok(value);
    }
    on_text(&value, |text| match text.chars().find(|c| signs.contains(*c)) {
        Some(found) => Err(Unfit::Character(found)),
        None => Ok(String::new()),
    })?;
    Ok(value)
}

/// A percentage on a scale from `least` to `most`; none stays none.
fn percent_of(value: Value, most: i64, least: Option<i64>) -> Result<Value, minijinja::Error> {
    if value.is_none() {
        return Ok(value);
    }
    let percent = i64::try_from(value).map_err(|_| Refused::Misused("percent_of is for numbers"))?;
    let least = least.unwrap_or(0);
    let range = most.saturating_sub(least);
    Ok(Value::from(least.saturating_add((percent.saturating_mul(range).saturating_add(50)) / 100)))
}
