//! The editor of a phone's lines and keys. Two people who change different things both get what they want; where they
//! change the same, the second one sees both and chooses.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use minijinja::{Value, context};

use super::phone_merge::{Clash, Fields, OF_A_LINE, edit_of, fields_of, line_of, merge};
use super::render::{Frame, value};
use super::shared::edit_in;
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::api::mac_in;
use crate::admin::call::{Call, Form};
use crate::admin::editing::edit::TRIES;
use crate::admin::editing::settings::called;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::route::Who;
use crate::admin::speech::key_words::word;
use crate::admin::speech::{said, say};
use crate::admin::types::PlacedKey;
use crate::model::settings::{Key, KeyKind};
use crate::model::{Language, Line, Mac, Phone};

/// Keys of a phone of which nobody knows how many it has.
const USUAL_KEYS: u16 = 12;

/// What stands in the editor besides the phone as it is.
#[derive(Default)]
struct Shown<'a> {
    /// What the form holds instead of what the phone has.
    values: Option<Fields>,
    clashes: Vec<Clash>,
    problem: Option<&'a Problem>,
    /// The key whose form is open.
    key: Option<ChosenKey>,
}

/// A key whose form is open.
struct ChosenKey {
    module: u8,
    position: u16,
    /// What was typed, where that was not stored.
    typed: Option<Key>,
    /// What somebody else made of it meanwhile, in words.
    theirs: Option<String>,
}

impl Admin {
    pub(in crate::admin) fn editor_page(&self, call: &Call, frame: &Frame, mac: &str) -> Result<String, Problem> {
        let phone = self.listed(mac_in(mac)?)?;
        let number = |name: &str| call.query.of(name).and_then(|text| text.parse::<u16>().ok());
        let key = number("key").map(|position| ChosenKey {
            module: number("module").and_then(|module| u8::try_from(module).ok()).unwrap_or_default(),
            position,
            typed: None,
            theirs: None,
        });
        self.editor(frame, &phone, Shown { key, ..Shown::default() })
    }

    pub(in crate::admin) async fn editor_form(
        &self,
        call: &Call,
        who: &Who,
        mac: &str,
        form: &Form,
    ) -> Result<Answer, Problem> {
        let mac = mac_in(mac)?;
        match form.of("do") {
            Some("put-key" | "drop-key") => self.key_form(call, who, mac, form).await,
            _ => self.lines_form(call, who, mac, form).await,
        }
    }

    async fn lines_form(&self, call: &Call, who: &Who, mac: Mac, form: &Form) -> Result<Answer, Problem> {
        let mut tried = 0;
        loop {
            let phone = self.listed(mac)?;
            let (merged, clashes) = merge(&fields_of(&phone), form);
            if !clashes.is_empty() {
                let shown = Shown { values: Some(merged), clashes, ..Shown::default() };
                return Ok(Answer::html(StatusCode::CONFLICT, self.editor(&self.frame(who), &phone, shown)?));
            }
            match self.change(mac, Some(phone.version), &edit_of(&merged, &phone, form), call.from).await {
                Ok(_) => return Ok(Answer::see_other(&format!("/phones/{}/edit?done=saved", mac.plain()))),
                // Somebody was quicker: what they did is merged, too.
                Err(problem) if problem.code == "changed-meanwhile" && tried < TRIES => tried += 1,
                Err(problem) => {
                    let shown = Shown { values: Some(merged), problem: Some(&problem), ..Shown::default() };
                    return Ok(Answer::html(problem.status(), self.editor(&self.frame(who), &phone, shown)?));
                }
            }
        }
    }

    async fn key_form(&self, call: &Call, who: &Who, mac: Mac, form: &Form) -> Result<Answer, Problem> {
        let phone = self.listed(mac)?;
        let edit = edit_in(form)?;
        let place = edit.put_keys.first().map(Key::place).or_else(|| edit.drop_keys.first().copied());
        let (module, position) = place.unwrap_or_default();
        let own = own_key(&phone, (module, position));
        let typed = edit.put_keys.first().cloned();
        let page = format!("/phones/{}/edit?module={module}&key={position}", mac.plain());
        if own == typed {
            return Ok(Answer::see_other(&page));
        }
        if written(own.as_ref()) != form.of("was").unwrap_or_default() {
            let theirs =
                Some(own.as_ref().map_or_else(|| said(self.1, "Nothing").to_owned(), |key| self.in_words(key)));
            let key = Some(ChosenKey { module, position, typed, theirs });
            let html = self.editor(&self.frame(who), &phone, Shown { key, ..Shown::default() })?;
            return Ok(Answer::html(StatusCode::CONFLICT, html));
        }
        match self.set_of_phone(mac, Some(phone.version), &edit, call.from).await {
            Ok(_) => Ok(Answer::see_other(&format!("{page}&done=saved"))),
            Err(problem) => {
                let key = Some(ChosenKey { module, position, typed, theirs: None });
                let shown = Shown { key, problem: Some(&problem), ..Shown::default() };
                Ok(Answer::html(problem.status(), self.editor(&self.frame(who), &phone, shown)?))
            }
        }
    }

    fn in_words(&self, key: &Key) -> String {
        let task = said(self.1, word(key.kind));
        [task, &*key.value, &*key.label].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
    }

    fn editor(&self, frame: &Frame, phone: &Arc<Phone>, shown: Shown<'_>) -> Result<String, Problem> {
        let base = fields_of(phone);
        let values = shown.values.as_ref().unwrap_or(&base);
        let brand = phone.brand.as_deref().and_then(|id| self.0.facts.registry.brand(id));
        let models = brand.map(|brand| brand.models().map(|(name, _)| name.to_owned()).collect::<Vec<_>>());
        let settings = self.settings_of(phone);
        let errors: Vec<FieldError> = shown.problem.iter().flat_map(|problem| &problem.errors).map(in_form).collect();
        let chosen = shown.key.as_ref();
        let content = context! {
            plain => phone.mac.plain(),
            called => called(phone),
            base => base.iter().map(|(name, value)| context! { name, value }).collect::<Vec<_>>(),
            lines => self.lines_shown(phone, values),
            values => value(values),
            models => models.unwrap_or_default(),
            unfit => value(&settings.unfit),
            clashes => shown.clashes.iter().map(|clash| {
                context! { name => clash.name.as_str(), label => label(self.1, &clash.name), theirs => clash.theirs.as_str(), mine => clash.mine.as_str(), moved => clash.moved }
            }).collect::<Vec<_>>(),
            desk => self.desk(phone, &settings.keys, chosen.map(|key| (key.module, key.position))),
            chosen => chosen.map(|chosen| self.key_shown(phone, &settings.keys, chosen)),
            kinds => KeyKind::ALL.map(|kind| context! { name => kind.word(), word => said(self.1, word(kind)) }).to_vec(),
            errors => value(&errors),
            problem => value(&shown.problem.filter(|problem| problem.errors.is_empty())),
        };
        self.0.pages.render("edit.html", frame, "phone", false, content)
    }

    /// The lines of the form: those that the phone has, and one more where it has room for it.
    fn lines_shown(&self, phone: &Phone, values: &Fields) -> Vec<Value> {
        let brand = phone.brand.as_deref().and_then(|id| self.0.facts.registry.brand(id));
        let room = brand.map_or(Line::MOST, |brand| brand.model(phone.model.as_deref()).accounts).clamp(1, Line::MOST);
        let typed = values.keys().filter_map(|name| line_of(name)).max().map_or(0, |last| last + 1);
        let count = typed.max((phone.lines.len() + 1).min(room.max(phone.lines.len())));
        (0..count)
            .map(|index| {
                let at = format!("line.{index}.");
                let own: BTreeMap<&str, &str> = OF_A_LINE
                    .iter()
                    .map(|field| (*field, values.get(&format!("{at}{field}")).map_or("", String::as_str)))
                    .collect();
                context! { at, values => value(&own), known => index < phone.lines.len() }
            })
            .collect()
    }

    /// The phone and its expansion modules with their keys, as they lie on both sides of the screen.
    fn desk(&self, phone: &Phone, keys: &[PlacedKey], chosen: Option<(u8, u16)>) -> Vec<Value> {
        let brand = phone.brand.as_deref().and_then(|id| self.0.facts.registry.brand(id));
        let model = brand.map(|brand| brand.model(phone.model.as_deref()));
        let used = |module: u8| {
            keys.iter()
                .filter(|placed| placed.key.module == module)
                .map(|placed| placed.key.position)
                .max()
                .unwrap_or(0)
        };
        let last_used = keys.iter().map(|placed| placed.key.module).max().unwrap_or_default();
        let room = model.map_or(0, |model| model.modules);
        // One module more than has tasks, so that it can be given some.
        let modules = last_used.max(room.min(last_used + 1));
        let by_place: BTreeMap<(u8, u16), &PlacedKey> =
            keys.iter().map(|placed| (placed.key.place(), placed)).collect();
        (0..=modules)
            .map(|module| {
                let known = model.map_or(0, |model| if module == 0 { model.keys } else { model.module_keys });
                let count = if known == 0 { USUAL_KEYS } else { known }.max(used(module)).min(Key::MOST_POSITIONS);
                let half = count.div_ceil(2);
                let key = |position: u16| {
                    self.key_on_desk(by_place.get(&(module, position)).copied(), (module, position), chosen)
                };
                let sides = [1..=half, half + 1..=count].map(|side| side.map(key).collect::<Vec<_>>());
                let line = phone.lines.first().map_or("", |line| line.user.as_str());
                context! { module, sides => sides.to_vec(), title => called(phone), line }
            })
            .collect()
    }

    fn key_on_desk(&self, placed: Option<&PlacedKey>, place: (u8, u16), chosen: Option<(u8, u16)>) -> Value {
        let task = placed.filter(|placed| placed.key.kind != KeyKind::None);
        context! {
            position => place.1,
            chosen => chosen == Some(place),
            kind => task.map(|placed| placed.key.kind.word()),
            word => task.map(|placed| said(self.1, word(placed.key.kind))),
            value => task.map_or("", |placed| &*placed.key.value),
            label => task.map_or("", |placed| &*placed.key.label),
            inherited => placed.filter(|placed| placed.from != "phone").map(|placed| placed.name.as_deref().unwrap_or(&placed.from)),
        }
    }

    fn key_shown(&self, phone: &Phone, keys: &[PlacedKey], chosen: &ChosenKey) -> Value {
        let place = (chosen.module, chosen.position);
        let own = own_key(phone, place);
        let placed = keys.iter().find(|placed| placed.key.place() == place).map(|placed| &placed.key);
        let key = chosen.typed.as_ref().or(own.as_ref()).or(placed);
        context! {
            module => chosen.module,
            position => chosen.position,
            was => written(own.as_ref()),
            own => own.is_some(),
            theirs => chosen.theirs.as_deref(),
            kind => key.map_or(KeyKind::Blf, |key| key.kind).word(),
            value => key.map_or("", |key| &*key.value),
            label => key.map_or("", |key| &*key.label),
            line => key.and_then(|key| key.line).map(|line| line.to_string()).unwrap_or_default(),
            extension => key.map_or("", |key| &*key.extension),
        }
    }
}

/// The key that is set for the phone alone at this place.
fn own_key(phone: &Phone, place: (u8, u16)) -> Option<Key> {
    phone.settings.keys.iter().find(|key| key.place() == place).cloned()
}

/// A key as the form carries what it was.
fn written(key: Option<&Key>) -> String {
    key.and_then(|key| serde_json::to_string(key).ok()).unwrap_or_default()
}

/// An error under the name that its field has in the form.
fn in_form(error: &FieldError) -> FieldError {
    let field = error.field.replacen("lines[", "line.", 1).replacen("].", ".", 1);
    FieldError { field, detail: error.detail.clone() }
}

/// What a field is called.
fn label(language: Language, name: &str) -> String {
    let word = match name.rsplit('.').next().unwrap_or_default() {
        "name" => said(language, "Name"),
        "model" => said(language, "Model"),
        "user" => said(language, "User or extension"),
        "display" => said(language, "Name shown to others"),
        "server" => said(language, "SIP server"),
        "port" => said(language, "Port"),
        "transport" => said(language, "Transport"),
        "auth_user" => said(language, "Name for signing in"),
        _ => said(language, "Voice mail number"),
    };
    match line_of(name) {
        Some(index) => say(language, "Line {n}: {field}", &[("n", &(index + 1)), ("field", &word)]),
        None => word.to_owned(),
    }
}
