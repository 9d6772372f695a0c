//! A phone as a form holds it, and what comes of two people who change it at once.

use std::collections::{BTreeMap, BTreeSet};

use crate::admin::call::Form;
use crate::admin::editing::{LineDraft, PhoneEdit};
use crate::model::{Line, Phone, Secret};

/// The fields of a line in the form, but for its password, which is never shown.
pub(in crate::admin) const OF_A_LINE: [&str; 7] =
    ["user", "display", "server", "port", "transport", "auth_user", "voicemail"];

/// The fields of the form by name: `name`, `model`, `line.0.user`.
pub(in crate::admin) type Fields = BTreeMap<String, String>;

/// A field that two people changed.
pub(in crate::admin) struct Clash {
    pub(in crate::admin) name: String,
    pub(in crate::admin) theirs: String,
    pub(in crate::admin) mine: String,
    /// Whether another line stands where the one was that this was typed for.
    pub(in crate::admin) moved: bool,
}

/// The phone as the form holds it.
pub(in crate::admin) fn fields_of(phone: &Phone) -> Fields {
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
pub(in crate::admin) fn line_of(name: &str) -> Option<usize> {
    let (index, field) = name.strip_prefix("line.")?.split_once('.')?;
    let index = index.parse().ok().filter(|index| *index < Line::MOST)?;
    OF_A_LINE.contains(&field).then_some(index)
}

/// Whether the form changes anything of the line at this place.
fn is_touched(form: &Form, index: usize) -> bool {
    let is_changed = |field: &&str| {
        let name = format!("line.{index}.{field}");
        let was = form.of(&format!("was.{name}")).unwrap_or_default();
        form.has(&name) && form.of(&name).unwrap_or_default().trim() != was
    };
    form.of(&format!("line.{index}.password")).is_some() || OF_A_LINE.iter().any(is_changed)
}

/// Whether another line stands at this place than when the form was filled in, and than the form asks for.
fn is_another(now: &Fields, form: &Form, index: usize) -> bool {
    ["user", "server"].iter().any(|field| {
        let name = format!("line.{index}.{field}");
        let was = format!("was.{name}");
        let theirs = now.get(&name).map_or("", String::as_str);
        let says = |name: &str| form.of(name).unwrap_or_default().trim();
        form.has(&was) && says(&was) != theirs && says(&name) != theirs
    })
}

/// What shall hold: of each field what was changed, whoever changed it. `form` carries beside what was typed (`name`)
/// what stood there when it was typed (`was.name`) and, where two changed the same, whose shall hold (`pick.name`). What
/// was typed for a line where another one stands now is a clash, its password included: it would get to that other one.
pub(in crate::admin) fn merge(now: &Fields, form: &Form) -> (Fields, Vec<Clash>) {
    let typed = form.names().filter(|name| matches!(*name, "name" | "model") || line_of(name).is_some());
    let names: BTreeSet<&str> = typed.chain(now.keys().map(String::as_str)).collect();
    let places: BTreeSet<usize> = names.iter().filter_map(|name| line_of(name)).collect();
    let moved: BTreeSet<usize> =
        places.into_iter().filter(|index| is_touched(form, *index) && is_another(now, form, *index)).collect();
    let mut merged = Fields::new();
    let mut clashes = Vec::new();
    for name in names {
        let theirs = now.get(name).map_or("", String::as_str);
        let was = form.of(&format!("was.{name}")).unwrap_or_default();
        // A field that the form did not have at all was not touched.
        let mine = if form.has(name) { form.of(name).unwrap_or_default().trim() } else { was };
        let moved = line_of(name).is_some_and(|index| moved.contains(&index));
        let held = match form.of(&format!("pick.{name}")) {
            Some("theirs") if !moved => theirs,
            _ if mine == was && !moved => theirs,
            _ if theirs == mine || theirs == was && !moved => mine,
            _ => {
                clashes.push(Clash { name: name.to_owned(), theirs: theirs.to_owned(), mine: mine.to_owned(), moved });
                mine
            }
        };
        merged.insert(name.to_owned(), held.to_owned());
    }
    (merged, clashes)
}

/// The change that makes the phone what the fields say. What of its lines has no field stays.
pub(in crate::admin) fn edit_of(fields: &Fields, phone: &Phone, form: &Form) -> PhoneEdit {
    let last = fields.keys().filter_map(|name| line_of(name)).max();
    let lines = last.map(|last| {
        let lines = (0..=last).filter_map(|index| {
            let text =
                |field: &str| fields.get(&format!("line.{index}.{field}")).filter(|text| !text.is_empty()).cloned();
            let known = phone.lines.get(index);
            let password = form.of(&format!("line.{index}.password")).map(Secret::new);
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
                settings: known.map(|line| line.settings.to_json()).unwrap_or_default(),
            })
        });
        lines.collect()
    });
    PhoneEdit { name: fields.get("name").cloned(), model: fields.get("model").cloned(), lines, ..PhoneEdit::default() }
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
        let form = Form::parse(
            "was.name=Desk&name=Desk&was.line.0.user=201&line.0.user=202&was.line.0.display=D&line.0.display=D",
        );
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

    /// The form as it was opened while the phone was this, with what was typed since.
    fn opened(phone: &Phone, typed: &str) -> Form {
        let fields = fields_of(phone);
        let pairs = fields.iter().map(|(name, value)| format!("&was.{name}={value}&{name}={value}"));
        // Of two fields of a name the first one counts.
        Form::parse(&format!("{typed}{}", pairs.collect::<String>()))
    }

    #[test]
    fn what_was_typed_for_a_line_gets_to_no_other_one() {
        let mut before = test_data::phone(1);
        for user in ["202", "203"] {
            before.lines.push(Line { user: user.into(), ..before.lines[0].clone() });
        }
        let mut now = before.clone();
        now.lines.remove(0);
        let form = opened(&before, "line.0.password=of-201");
        let (_, clashes) = merge(&fields_of(&now), &form);
        let user = clashes.iter().find(|clash| clash.name == "line.0.user").unwrap();
        assert_eq!((user.theirs.as_str(), user.mine.as_str(), user.moved), ("202", "201", true));
        assert!(clashes.iter().all(|clash| line_of(&clash.name) == Some(0)), "nobody touched the others");
        // The phone as it is now is in the form that asks, and the password has to be typed again.
        let again = opened(&now, "line.0.user=201&line.0.password=&pick.line.0.user=theirs");
        let (merged, clashes) = merge(&fields_of(&now), &again);
        assert!(clashes.is_empty());
        let lines = edit_of(&merged, &now, &again).lines.unwrap();
        let kept: Vec<(&str, &str)> = lines.iter().map(|line| (line.user.as_str(), line.password.expose())).collect();
        assert_eq!(kept, [("202", test_data::PASSWORD), ("203", test_data::PASSWORD)]);

        let (merged, clashes) = merge(&fields_of(&before), &form);
        assert!(clashes.is_empty(), "where nothing moved the password gets there");
        assert_eq!(edit_of(&merged, &before, &form).lines.unwrap()[0].password.expose(), "of-201");
        let (merged, clashes) = merge(&fields_of(&now), &opened(&before, "name=Hall"));
        assert!(clashes.is_empty() && merged["name"] == "Hall", "no line was touched");
        now.lines[0].server = "pbx2.example.net".into();
        now.lines[0].user = "201".into();
        let (_, clashes) = merge(&fields_of(&now), &form);
        assert_eq!(clashes.iter().map(|clash| clash.name.as_str()).collect::<Vec<_>>(), ["line.0.server"]);
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
