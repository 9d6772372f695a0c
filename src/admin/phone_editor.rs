//! The editor of a phone's lines and keys. Two people who change different things both get what they want; where they
//! change the same, the second one sees both and chooses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hyper::StatusCode;
use minijinja::{Value, context};

use super::Admin;
use super::answer::Answer;
use super::api::mac_in;
use super::call::{Call, Form};
use super::draft::{LineDraft, PhoneEdit};
use super::key_words::word;
use super::page::{Frame, said, say, value};
use super::problem::{FieldError, Problem};
use super::route::Who;
use super::settings::{SettingsEdit, called};
use super::shared_pages::edit_in;
use super::types::PlacedKey;
use crate::model::settings::{Key, KeyKind};
use crate::model::{Language, Line, Mac, Phone};

/// The fields of a line in the form, but for its password, which is never shown.
const OF_A_LINE: [&str; 7] = ["user", "display", "server", "port", "transport", "auth_user", "voicemail"];
/// How often a change is tried anew when something else of the phone changed meanwhile.
const TRIES: usize = 4;
/// Keys of a phone of which nobody knows how many it has.
const USUAL_KEYS: u16 = 12;

/// The fields of the form by name: `name`, `model`, `line.0.user`.
type Fields = BTreeMap<String, String>;

/// A field that two people changed.
struct Clash {
    name: String,
    theirs: String,
    mine: String,
}

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
    pub(super) fn editor_page(&self, call: &Call, frame: &Frame, mac: &str) -> Result<String, Problem> {
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

    pub(super) async fn editor_form(
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
            let theirs = Some(own.as_ref().map_or_else(|| said(self.1, "Nothing").to_owned(), |key| self.in_words(key)));
            let key = Some(ChosenKey { module, position, typed, theirs });
            let html = self.editor(&self.frame(who), &phone, Shown { key, ..Shown::default() })?;
            return Ok(Answer::html(StatusCode::CONFLICT, html));
        }
        match self.set_of_phone(mac, Some(phone.version), &SettingsEdit::clone(&edit), call.from).await {
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
                context! { name => clash.name.as_str(), label => label(self.1, &clash.name), theirs => clash.theirs.as_str(), mine => clash.mine.as_str() }
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
            keys.iter().filter(|placed| placed.key.module == module).map(|placed| placed.key.position).max().unwrap_or(0)
        };
        let last_used = keys.iter().map(|placed| placed.key.module).max().unwrap_or_default();
        let room = model.map_or(0, |model| model.modules);
        // One module more than has tasks, so that it can be given some.
        let modules = last_used.max(room.min(last_used + 1));
        let by_place: BTreeMap<(u8, u16), &PlacedKey> = keys.iter().map(|placed| (placed.key.place(), placed)).collect();
        (0..=modules)
            .map(|module| {
                let known = model.map_or(0, |model| if module == 0 { model.keys } else { model.module_keys });
                let count = if known == 0 { USUAL_KEYS } else { known }.max(used(module)).min(Key::MOST_POSITIONS);
                let half = count.div_ceil(2);
                let key = |position: u16| self.key_on_desk(by_place.get(&(module, position)).copied(), (module, position), chosen);
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

/// The phone as the form holds it.
fn fields_of(phone: &Phone) -> Fields {
    let mut fields = Fields::new();
    fields.insert("name".into(), phone.name.clone());
    fields.insert("model".into(), phone.model.clone().unwrap_or_default());
    for (index, line) in phone.lines.iter().enumerate() {
        for field in OF_A_LINE {
            let text = match field {
                "user" => line.user.clone(),
                "display" => line.display.clone(),
                "server" => line.server.clone(),
                "port" => line.port.map(|port| port.to_string()).unwrap_or_default(),
                "transport" => line.transport.map(|transport| transport.word().to_owned()).unwrap_or_default(),
                "auth_user" => line.auth_user.clone().unwrap_or_default(),
                _ => line.voicemail.clone().unwrap_or_default(),
            };
            fields.insert(format!("line.{index}.{field}"), text);
        }
    }
    fields
}

/// The number of the line that a field is of.
fn line_of(name: &str) -> Option<usize> {
    let (index, field) = name.strip_prefix("line.")?.split_once('.')?;
    let index = index.parse().ok().filter(|index| *index < Line::MOST)?;
    OF_A_LINE.contains(&field).then_some(index)
}

/// What shall hold: of each field what was changed, whoever changed it. `form` carries beside what was typed (`name`) what
/// stood there when it was typed (`was.name`) and, where two changed the same, whose shall hold (`pick.name`).
fn merge(now: &Fields, form: &Form) -> (Fields, Vec<Clash>) {
    let typed = form.names().filter(|name| matches!(*name, "name" | "model") || line_of(name).is_some());
    let names: BTreeSet<&str> = typed.chain(now.keys().map(String::as_str)).collect();
    let mut merged = Fields::new();
    let mut clashes = Vec::new();
    for name in names {
        let theirs = now.get(name).map_or("", String::as_str);
        let was = form.of(&format!("was.{name}")).unwrap_or_default();
        // A field that the form did not have at all was not touched.
        let mine = if form.has(name) { form.of(name).unwrap_or_default().trim() } else { was };
        let held = match form.of(&format!("pick.{name}")) {
            Some("theirs") => theirs,
            _ if mine == was => theirs,
            _ if theirs == was || theirs == mine => mine,
            _ => {
                clashes.push(Clash { name: name.to_owned(), theirs: theirs.to_owned(), mine: mine.to_owned() });
                mine
            }
        };
        merged.insert(name.to_owned(), held.to_owned());
    }
    (merged, clashes)
}

/// The change that makes the phone what the fields say. What of its lines has no field stays.
fn edit_of(fields: &Fields, phone: &Phone, form: &Form) -> PhoneEdit {
    let last = fields.keys().filter_map(|name| line_of(name)).max();
    let lines = last.map(|last| {
        let lines = (0..=last).filter_map(|index| {
            let text = |field: &str| {
                fields.get(&format!("line.{index}.{field}")).filter(|text| !text.is_empty()).cloned()
            };
            let known = phone.lines.get(index);
            let password = form.of(&format!("line.{index}.password")).map(crate::model::Secret::new);
            Some(LineDraft {
                // A line that is called nothing is taken away.
                user: text("user")?,
                auth_user: text("auth_user"),
                password: password.or_else(|| known.map(|line| line.password.clone())).unwrap_or_default(),
                display: text("display"),
                server: text("server").unwrap_or_default(),
                port: text("port").map(|port| port.parse().unwrap_or(0)),
                transport: text("transport"),
                expires: known.and_then(|line| line.expires),
                voicemail: text("voicemail"),
                settings: known.map(settings_of_line).unwrap_or_default(),
            })
        });
        lines.collect()
    });
    PhoneEdit { name: fields.get("name").cloned(), model: fields.get("model").cloned(), lines, ..PhoneEdit::default() }
}

fn settings_of_line(line: &Line) -> BTreeMap<String, serde_json::Value> {
    line.settings.iter().filter_map(|(key, value)| Some((key.to_owned(), value.to_json()?))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::test_data;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn two_who_change_different_things_both_have_their_way() {
        let now = fields(&[("name", "Hall"), ("line.0.user", "201"), ("line.0.display", "Theirs")]);
        let form = Form::parse("was.name=Desk&name=Desk&was.line.0.user=201&line.0.user=202&was.line.0.display=D&line.0.display=D");
        let (merged, clashes) = merge(&now, &form);
        assert!(clashes.is_empty());
        assert_eq!(merged, fields(&[("name", "Hall"), ("line.0.user", "202"), ("line.0.display", "Theirs")]));
    }

    #[test]
    fn who_comes_second_sees_both_and_chooses() {
        let now = fields(&[("name", "Theirs")]);
        let (_, clashes) = merge(&now, &Form::parse("was.name=Desk&name=Mine"));
        let clash = &clashes[0];
        assert_eq!((clash.name.as_str(), clash.theirs.as_str(), clash.mine.as_str()), ("name", "Theirs", "Mine"));
        let again = |pick: &str| merge(&now, &Form::parse(&format!("was.name=Theirs&name=Mine&pick.name={pick}")));
        for (pick, held) in [("mine", "Mine"), ("theirs", "Theirs")] {
            let (merged, clashes) = again(pick);
            assert!(clashes.is_empty());
            assert_eq!(merged["name"], held);
        }
        let (merged, clashes) = merge(&now, &Form::parse("was.name=Desk&name=Theirs"));
        assert!(clashes.is_empty() && merged["name"] == "Theirs", "both did the same");
    }

    #[test]
    fn what_has_no_field_stays_and_a_line_without_a_user_goes() {
        let mut phone = test_data::phone(1);
        phone.lines[0].expires = Some(120);
        phone.lines.push(Line { user: "299".into(), ..phone.lines[0].clone() });
        let form = Form::parse("was.line.1.user=299&line.1.user=&line.0.password=");
        let (merged, clashes) = merge(&fields_of(&phone), &form);
        assert!(clashes.is_empty());
        let lines = edit_of(&merged, &phone, &form).lines.unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].expires, lines[0].password.expose()), (Some(120), test_data::PASSWORD));
        assert_eq!(line_of("line.48.user"), None);
        assert_eq!(line_of("line.0.password"), None, "passwords are in no form");
    }
}
