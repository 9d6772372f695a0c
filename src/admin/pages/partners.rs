//! The page of other people's systems: how each is in plain words, and what would be changed in those that are written
//! to.

use hyper::{Method, StatusCode};
use minijinja::context;
use serde::Serialize;
use serde_json::{Value, json};

use super::partner_settings::{Field, as_of, changed, fields};
use super::render::{Frame, value};
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Form};
use crate::admin::partners::{Order, Said};
use crate::admin::problem::Problem;
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
    settings: Vec<Field>,
    /// What the settings are known by.
    as_of: String,
    /// What it is signed in with, if it is.
    password: Option<Password>,
    /// Why its form was refused.
    refused: Option<Problem>,
}

/// The password or the like with which the box and the other system know each other. It is never shown.
#[derive(Clone, Copy, Serialize)]
struct Password {
    /// What it is called: `password` or `secret`.
    name: &'static str,
    /// Whether there is one.
    kept: bool,
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
            [] => self.partners_answer(frame, None, None).await,
            [name] => match self.changes(name, Method::GET).await {
                Ok(changes) => self.changes_answer(frame, &changes),
                Err(problem) => self.partners_answer(frame, Some(&problem), None).await,
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
                Err(problem) => self.partners_answer(&frame, Some(&problem), None).await,
            },
            [name, "settings"] => match self.set_of_partner(name, form).await {
                Ok(()) => {
                    let what = format!("Changed what is set for another system: {name}");
                    self.0.journal.record(self.admin_event(Reason::AdminDid { what }, call.from));
                    Ok(Answer::see_other("/partners?done=changed"))
                }
                Err(problem) => self.partners_answer(&frame, Some(&problem), Some((name, form))).await,
            },
            _ => Err(Problem::nothing_here(&format!("/partners/{}", path.join("/")))),
        }
    }

    async fn set_of_partner(&self, name: &str, form: &Form) -> Result<(), Problem> {
        let state = self.ask_desk(name, Method::GET, &[]).await?;
        let settings = state.get("settings").cloned().unwrap_or_default();
        let wanted = changed(&settings, form, self.1)?;
        self.tell_desk(name, "settings", wanted).await?;
        let Some(password) = password(&state) else { return Ok(()) };
        // Whoever types none keeps the one that is there.
        let Some(typed) = form.of("secret") else { return Ok(()) };
        self.tell_desk(name, password.name, json!({ password.name: typed })).await
    }

    async fn tell_desk(&self, name: &str, what: &str, body: Value) -> Result<(), Problem> {
        let desk = self.0.facts.partners.get(name).ok_or_else(|| Problem::partner_unknown(name))?;
        desk(Order { method: Method::PUT, path: vec![what.into()], body, ..Order::default() }).await.map(drop)
    }

    /// The page of all of them. `refused` is the form for the settings of one, with the reason.
    async fn partners_answer(
        &self,
        frame: &Frame,
        problem: Option<&Problem>,
        refused: Option<(&str, &Form)>,
    ) -> Result<Answer, Problem> {
        let mut systems = Vec::new();
        for name in self.0.facts.partners.keys() {
            let state = self.ask_desk(name, Method::GET, &[]).await?;
            let mut says = texts(&state, "says");
            says.extend(warnings(self.1, &state));
            let form = refused.filter(|(system, _)| system == name).map(|(_, form)| form);
            let set = state.get("settings").unwrap_or(&Value::Null);
            systems.push(Shown {
                name,
                title: text(&state, "title"),
                says,
                phones: lines(&state),
                written: is_written(&state),
                guide: text(&state, "guide"),
                settings: fields(set, form),
                as_of: as_of(set),
                password: password(&state),
                refused: form.and(problem).cloned(),
            });
        }
        let alarm = problem.filter(|_| refused.is_none());
        let content = context! { systems => value(&systems), problem => value(&alarm) };
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

/// What it is signed in with, where its desk says whether one is kept.
fn password(state: &Value) -> Option<Password> {
    let kept = |name: &'static str| Some(Password { name, kept: state.get(name)?.as_bool()? });
    kept("password").or_else(|| kept("secret"))
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
