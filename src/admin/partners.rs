//! The desks of other people's systems: each answers calls of its own below `/api/v1/partners/{name}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Admin;
use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::speech::retold;
use crate::model::Language;

/// What answers the calls about one partner. Whoever calls has been let in already.
pub type Desk = Arc<dyn Fn(Order) -> BoxFuture<'static, Result<Said, Problem>> + Send + Sync>;

/// A call to a desk.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// GET, POST, PUT or DELETE.
    pub method: Method,
    /// What follows the name of the partner.
    pub path: Vec<String>,
    /// Parameters of the query.
    pub query: BTreeMap<String, String>,
    /// The body; null when there is none.
    pub body: Value,
}

/// What a desk says: a document, or null where something was done of which there is nothing to say.
#[derive(Debug, Clone)]
pub struct Said(pub Value);

impl Order {
    /// The body as what it should be.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_value(self.body.clone())
            .map_err(|error| Problem::malformed(format!("The body cannot be read: {error}.")))
    }
}

impl Said {
    /// This.
    pub fn ok(value: impl serde::Serialize) -> Self {
        Self(serde_json::to_value(value).unwrap_or_default())
    }
}

/// A text as what the settings have under this name, which may be a path with dots: yes or no, a number, a list with
/// commas between, or a text. Nothing when there is no such setting, or the text is nothing like it.
pub fn typed(settings: &Value, name: &str, text: &str) -> Option<Value> {
    match settings.pointer(&pointer(name))? {
        Value::Bool(_) => text.parse().map(Value::Bool).ok(),
        Value::Number(_) => text.parse::<u64>().map(Value::from).ok(),
        Value::Array(_) => Some(text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect()),
        Value::String(_) => Some(text.into()),
        Value::Null | Value::Object(_) => None,
    }
}

/// Puts a value into settings under this name, where there is a place for it.
pub fn put(settings: &mut Value, name: &str, value: Value) -> Option<()> {
    let pointer = pointer(name);
    let (parent, leaf) = pointer.rsplit_once('/')?;
    settings.pointer_mut(parent)?.as_object_mut()?.insert(leaf.to_owned(), value);
    Some(())
}

fn pointer(name: &str) -> String {
    format!("/{}", name.replace('.', "/"))
}

impl Admin {
    /// Answers calls about partners; `path` is what follows `/api/v1/partners`.
    pub(super) async fn api_partners(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        let [name, rest @ ..] = path else {
            let names: Vec<&str> = self.0.facts.partners.keys().copied().collect();
            return Ok(Answer::json(StatusCode::OK, &serde_json::json!({ "partners": names })));
        };
        let desk = self.0.facts.partners.get(name).ok_or_else(|| Problem::partner_unknown(name))?;
        let order = Order {
            method: call.method.clone(),
            path: rest.iter().map(|&segment| segment.to_owned()).collect(),
            query: call.query.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: if call.body.is_empty() { Value::Null } else { call.json()? },
        };
        let Said(mut value) = desk(order).await?;
        self.retell(&mut value);
        if let Some(state) = value.as_object_mut().filter(|_| !self.shows_all()) {
            state.remove("settings");
        }
        Ok(Answer::json(StatusCode::OK, &value))
    }

    /// Puts what a desk says for people into the caller's language: it knows English alone.
    pub(super) fn retell(&self, said: &mut Value) {
        for name in SAYINGS {
            if let Some(saying) = said.get_mut(name) {
                tell(self.1, saying);
            }
        }
    }
}

/// Where a desk's sentences stand: texts, lists of them, or lists of what has them by these names.
const SAYINGS: [&str; 8] = ["says", "steps", "left", "warnings", "phones", "left-out", "error", "errors"];

fn tell(language: Language, saying: &mut Value) {
    match saying {
        Value::String(text) => *text = retold(language, text),
        Value::Array(list) => list.iter_mut().for_each(|entry| tell(language, entry)),
        Value::Object(parts) => {
            let told = parts.iter_mut().filter(|(name, _)| SAYINGS.contains(&name.as_str()));
            told.for_each(|(_, saying)| tell(language, saying));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
