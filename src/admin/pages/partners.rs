//! The page of other people's systems: how each is in plain words, and what would be changed in those that are written to.

use hyper::{Method, StatusCode};
use minijinja::context;
use serde::Serialize;
use serde_json::Value;

use super::render::{Frame, value};
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Form};
use crate::admin::partners::{Order, Said, put, typed};
use crate::admin::problem::{FieldError, Problem};
use crate::admin::route::Who;
use crate::admin::speech::say;
use crate::model::{Language, Reason};

/// One of them, as the page shows it.
#[derive(Serialize)]
struct Shown {
    name: &'static str,
    title: String,
    /// Sentences.
    says: Vec<String>,
    phones: Vec<Line>,
    /// Whether there is somebody to write to, so that a plan can be made.
    written: bool,
    /// Where it is told what to click.
    guide: String,
    /// What is set, by name; a list has commas between.
    settings: Vec<(String, String)>,
}

/// A phone in one of them.
#[derive(Serialize)]
struct Line {
    mac: String,
    says: String,
    well: bool,
    left_out: Vec<String>,
}

/// What would be changed, or what came of it.
#[derive(Serialize)]
struct Changes {
    name: String,
    title: String,
    /// Whether it was tried.
    applied: bool,
    /// Steps that were made, of so many.
    done: u64,
    of: u64,
    /// Steps to be made; after it was tried, those that are left.
    steps: Vec<String>,
    warnings: Vec<String>,
    errors: Vec<String>,
    phones: Vec<Line>,
}

impl Admin {
    /// All of them, or the plan of one; `path` is what follows `/partners`.
    pub(in crate::admin) async fn partners_page(&self, frame: &Frame, path: &[&str]) -> Result<Answer, Problem> {
        match path {
            [] => self.partners_answer(frame, None).await,
            [name] => match self.changes(name, Method::GET).await {
                Ok(changes) => self.changes_answer(frame, &changes),
                Err(problem) => self.partners_answer(frame, Some(&problem)).await,
            },
            _ => Err(Problem::nothing_here(&format!("/partners/{}", path.join("/")))),
        }
    }

    /// Makes the changes of a plan, and shows what came of it.
    pub(in crate::admin) async fn partners_form(
        &self,
        call: &Call,
        who: &Who,
        path: &[&str],
        form: &Form,
    ) -> Result<Answer, Problem> {
        let frame = self.frame(who);
        match path {
            [name, "apply"] => match self.changes(name, Method::POST).await {
                Ok(changes) => {
                    let what = format!("Changed what is held there: {}", changes.title);
                    self.0.journal.record(self.admin_event(Reason::AdminDid { what }, call.from));
                    self.changes_answer(&frame, &changes)
                }
                Err(problem) => self.partners_answer(&frame, Some(&problem)).await,
            },
            [name, "settings"] => match self.set_of_partner(name, form).await {
                Ok(()) => {
                    let what = format!("Changed what is set for another system: {name}");
                    self.0.journal.record(self.admin_event(Reason::AdminDid { what }, call.from));
                    Ok(Answer::see_other("/partners?done=changed"))
                }
                Err(problem) => self.partners_answer(&frame, Some(&problem)).await,
            },
            _ => Err(Problem::nothing_here(&format!("/partners/{}", path.join("/")))),
        }
    }

    async fn set_of_partner(&self, name: &str, form: &Form) -> Result<(), Problem> {
        let state = self.ask_desk(name, Method::GET, &[]).await?;
        let mut settings = state.get("settings").cloned().unwrap_or_default();
        let setting = form.of("name").unwrap_or_default().trim();
        let text = form.of("value").unwrap_or_default().trim();
        let wrong = || {
            let detail = say(self.1, "{name} cannot be \"{value}\".", &[("name", &setting), ("value", &text)]);
            Problem::fields(vec![FieldError::new("value", detail)])
        };
        // What may be missing is taken away by an empty text.
        let value = match typed(&settings, setting, text) {
            Some(value) => value,
            None if text.is_empty() => Value::Null,
            None => Value::from(text),
        };
        put(&mut settings, setting, value).ok_or_else(wrong)?;
        let desk = self.0.facts.partners.get(name).ok_or_else(|| Problem::partner_unknown(name))?;
        let order = Order { method: Method::PUT, path: vec!["settings".into()], body: settings, ..Order::default() };
        desk(order).await.map(drop)
    }

    async fn partners_answer(&self, frame: &Frame, problem: Option<&Problem>) -> Result<Answer, Problem> {
        let mut systems = Vec::new();
        for name in self.0.facts.partners.keys() {
            let state = self.ask_desk(name, Method::GET, &[]).await?;
            let mut says = texts(&state, "says");
            says.extend(warnings(self.1, &state));
            systems.push(Shown {
                name,
                title: text(&state, "title"),
                says,
                phones: lines(&state),
                written: is_written(&state),
                guide: text(&state, "guide"),
                settings: settings(&state),
            });
        }
        let content = context! { systems => value(&systems), problem => value(&problem) };
        let html = self.0.pages.render("partners.html", frame, "partners", false, content)?;
        Ok(Answer::html(problem.map_or(StatusCode::OK, Problem::status), html))
    }

    fn changes_answer(&self, frame: &Frame, changes: &Changes) -> Result<Answer, Problem> {
        let content = context! { plan => value(changes) };
        Ok(Answer::html(StatusCode::OK, self.0.pages.render("partner.html", frame, "partners", false, content)?))
    }

    /// The plan of one that is written to (`GET`), or what came of it (`POST`).
    async fn changes(&self, name: &str, method: Method) -> Result<Changes, Problem> {
        let state = self.ask_desk(name, Method::GET, &[]).await?;
        if !is_written(&state) {
            return Err(Problem::nothing_here(&format!("/partners/{name}")));
        }
        let applied = method == Method::POST;
        let said = self.ask_desk(name, method, &["plan"]).await?;
        let mut errors = texts(&said, "errors");
        errors.extend(said.get("error").and_then(Value::as_str).map(str::to_owned));
        let number = |field: &str| said.get(field).and_then(Value::as_u64).unwrap_or_default();
        Ok(Changes {
            name: name.to_owned(),
            title: text(&state, "title"),
            applied,
            done: number("done"),
            of: number("planned"),
            steps: texts(&said, if applied { "left" } else { "steps" }),
            warnings: warnings(self.1, &said),
            errors,
            phones: lines(&said),
        })
    }

    async fn ask_desk(&self, name: &str, method: Method, path: &[&str]) -> Result<Value, Problem> {
        let desk = self.0.facts.partners.get(name).ok_or_else(|| Problem::partner_unknown(name))?;
        let path = path.iter().map(|&segment| segment.to_owned()).collect();
        let Said(mut value) = desk(Order { method, path, ..Order::default() }).await?;
        self.retell(&mut value);
        Ok(value)
    }
}

/// Whether the box changes something there.
fn is_written(state: &Value) -> bool {
    state.get("written").and_then(Value::as_bool).unwrap_or_default()
}

fn text(said: &Value, name: &str) -> String {
    said.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(said: &Value, name: &str) -> Vec<String> {
    let list = said.get(name).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|entry| entry.as_str().map(str::to_owned)).collect()
}

/// What is set, with its name and as text. What has parts is there part by part.
fn settings(state: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let empty = serde_json::Map::new();
    let all = state.get("settings").and_then(Value::as_object).unwrap_or(&empty);
    for (name, value) in all {
        match value {
            Value::Object(parts) => {
                found.extend(parts.iter().map(|(part, value)| (format!("{name}.{part}"), in_words(value))));
            }
            value => found.push((name.clone(), in_words(value))),
        }
    }
    found
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(in_words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn warnings(language: Language, said: &Value) -> Vec<String> {
    let list = said.get("warnings").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|entry| Some(say(language, "Warning: {what}.", &[("what", &entry.get("says")?.as_str()?)])))
        .collect()
}

fn lines(said: &Value) -> Vec<Line> {
    let list = said.get("phones").and_then(Value::as_array).into_iter().flatten();
    list.map(|entry| Line {
        mac: text(entry, "mac"),
        says: text(entry, "says"),
        well: entry.get("well").and_then(Value::as_bool).unwrap_or(true),
        left_out: texts(entry, "left-out"),
    })
    .collect()
}
