//! What was changed of a phone's entry, shown and taken back.

use hyper::StatusCode;

use crate::admin::call::Origin;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::speech::{said, say};
use crate::admin::{Admin, types};
use crate::model::history::{Change, Difference, Hand, How, Irreversible, Part};
use crate::model::{Id, Language, Mac, Phone};

impl Admin {
    /// Who makes a change now, and how.
    pub(in crate::admin) fn hand(&self, how: How, from: Origin) -> Hand {
        Hand { at: self.0.clock.now().wall, by: self.called(from), how }
    }

    /// The changes of a phone, newest first; `whole` with what each altered.
    pub(in crate::admin) fn history(&self, mac: Mac, whole: bool) -> Result<types::PhoneHistory, Problem> {
        let phone = self.listed(mac)?;
        let history = self.0.store.history(phone.id);
        let changes = history.changes.iter().rev().map(|change| self.change_shown(change, &phone, whole)).collect();
        Ok(types::PhoneHistory { forgotten: history.forgotten, changes })
    }

    /// One change of a phone.
    pub(in crate::admin) fn history_change(&self, mac: Mac, number: u64) -> Result<types::PhoneChange, Problem> {
        let phone = self.listed(mac)?;
        let history = self.0.store.history(phone.id);
        let change = history.change(number).ok_or_else(|| Problem::change_unknown(&number.to_string()))?;
        Ok(self.change_shown(change, &phone, true))
    }

    /// Takes a change of a phone back, which is a change like any other.
    pub(in crate::admin) async fn undo_change(
        &self,
        mac: Mac,
        number: u64,
        expected: Option<u64>,
        from: Origin,
    ) -> Result<types::Phone, Problem> {
        let phone = self.listed(mac)?;
        let history = self.0.store.history(phone.id);
        let change = history.change(number).ok_or_else(|| Problem::change_unknown(&number.to_string()))?;
        let raw = change.altered.iter().flatten().any(|altered| matches!(altered.part, Part::Raw(..)));
        let undo = |phone: &mut Phone| {
            self.take_back(change, phone).map_err(|why| irreversible(&why))?;
            if raw { self.check_overrides(phone) } else { Ok(()) }
        };
        self.edit_phone_how(mac, expected, How::Undone(number), from, undo).await?;
        self.phone(mac, 0).ok_or_else(|| Problem::phone_unknown(mac))
    }

    /// Takes a change back in `phone`, unless what was there before does not fit what is there now.
    fn take_back(&self, change: &Change, phone: &mut Phone) -> Result<(), Irreversible> {
        let before = (phone.group, phone.organisation);
        change.undo(phone)?;
        let foreign = |group: Id| self.0.store.group(group).is_some_and(|g| g.organisation != phone.organisation);
        if (phone.group, phone.organisation) != before && phone.group.is_some_and(foreign) {
            return Err(Irreversible::ForeignGroup);
        }
        Ok(())
    }

    fn change_shown(&self, change: &Change, phone: &Phone, whole: bool) -> types::PhoneChange {
        let language = self.1;
        let why_not = self.take_back(change, &mut phone.clone()).err();
        let (how, undoes) = match change.hand.how {
            How::Edited => ("edited", None),
            How::Imported => ("imported", None),
            How::Replaced => ("replaced", None),
            How::Partner => ("partner", None),
            How::Undone(number) => ("undone", Some(number)),
        };
        let differences = if whole { change.differences() } else { Vec::new() };
        types::PhoneChange {
            change: change.number,
            at: change.hand.at.to_string(),
            by: change.hand.by.clone().filter(|_| self.shows_all()),
            how: how.to_owned(),
            undoes,
            says: says(language, change.hand.how),
            version: change.version,
            parts: change.altered.iter().flatten().map(|altered| altered.part.to_string()).collect(),
            can_undo: why_not.is_none(),
            why_not: why_not.map(|why| said_why(language, &why)),
            differences: differences.into_iter().map(|difference| self.difference_shown(difference)).collect(),
        }
    }

    fn difference_shown(&self, difference: Difference) -> types::PhoneDifference {
        let Difference { part, field, before, after, secret } = difference;
        let named = |id: Option<String>| match part {
            Part::Organisation => id.map(|id| name_of(&id, |id| Some(self.0.store.organisation(id)?.name.clone()))),
            Part::Group => id.map(|id| name_of(&id, |id| Some(self.0.store.group(id)?.name))),
            _ => id,
        };
        let (before, after) = (named(before), named(after));
        let label = label(self.1, &part, field.as_deref());
        types::PhoneDifference { part: part.to_string(), field, label, before, after, secret }
    }
}

/// The name of a document; its id where it is gone.
fn name_of(id: &str, find: impl Fn(Id) -> Option<String>) -> String {
    id.parse().ok().and_then(find).unwrap_or_else(|| id.to_owned())
}

/// In which way an entry was changed, in words.
fn says(language: Language, how: How) -> String {
    match how {
        How::Edited => said(language, "Edited.").to_owned(),
        How::Imported => said(language, "Imported from a list.").to_owned(),
        How::Replaced => said(language, "Another device was put in its place.").to_owned(),
        How::Partner => said(language, "Configured by another system.").to_owned(),
        How::Undone(number) => say(language, "Change {n} was undone.", &[("n", &number)]),
    }
}

/// Why a change cannot be taken back, in words.
fn said_why(language: Language, why: &Irreversible) -> String {
    match why {
        Irreversible::ChangedSince(parts) => {
            let parts: Vec<String> = parts.iter().map(|part| label(language, part, None)).collect();
            say(language, "This was changed again since: {parts}.", &[("parts", &parts.join(", "))])
        }
        Irreversible::OtherDevice => {
            said(language, "Another device was put in its place: only a replacement takes that back.").to_owned()
        }
        Irreversible::ForeignGroup => {
            said(language, "Its group and its organisation would not belong together.").to_owned()
        }
        Irreversible::NotKept => said(language, "It was too large to be kept.").to_owned(),
        Irreversible::Unreadable(part) => {
            let part = label(language, part, None);
            say(language, "What it was before cannot be read any more: {part}.", &[("part", &part)])
        }
    }
}

/// A part of an entry, and a field of it, in words.
fn label(language: Language, part: &Part, field: Option<&str>) -> String {
    let part = match part {
        Part::Device => said(language, "Device").to_owned(),
        Part::Name => said(language, "Name").to_owned(),
        Part::Organisation => said(language, "Organisation").to_owned(),
        Part::Group => said(language, "Group").to_owned(),
        Part::Brand => said(language, "Brand").to_owned(),
        Part::Model => said(language, "Model").to_owned(),
        Part::Line(n) => say(language, "Line {n}", &[("n", n)]),
        Part::Handset(n) => say(language, "Handset {n}", &[("n", n)]),
        Part::Port(n) => say(language, "Port {n}", &[("n", n)]),
        Part::Setting(name) => name.to_string(),
        Part::Key(0, n) => say(language, "Key {n}", &[("n", n)]),
        Part::Key(m, n) => say(language, "Key {n} of module {m}", &[("n", n), ("m", m)]),
        Part::Raw(brand, name) => say(language, "Raw setting {name} ({brand})", &[("name", name), ("brand", brand)]),
    };
    let field = match field {
        None => return part,
        Some("user") => said(language, "User"),
        Some("auth_user") => said(language, "Name for signing in"),
        Some("password") => said(language, "Password"),
        Some("display") => said(language, "Shown as"),
        Some("server") => said(language, "Server"),
        Some("port") => said(language, "Port"),
        Some("transport") => said(language, "Transport"),
        Some("voicemail") => said(language, "Voice mail"),
        Some("label") => said(language, "Label"),
        Some("value") => said(language, "Value"),
        Some("name") => said(language, "Name"),
        Some("line") => said(language, "Line"),
        Some("lines") => said(language, "Lines"),
        Some(other) => other,
    };
    format!("{part}: {field}")
}

/// The same as an answer.
fn irreversible(why: &Irreversible) -> Problem {
    let (code, next) = match why {
        Irreversible::ChangedSince(_) => ("changed-since", "Undo the later change first, or edit the phone."),
        Irreversible::OtherDevice => ("other-device", "Replace the device again: `block66 phones replace`."),
        Irreversible::ForeignGroup => {
            ("foreign-group", "Undo the change of organisation or of group first, or edit the phone.")
        }
        Irreversible::NotKept | Irreversible::Unreadable(_) => ("change-not-kept", "Edit the phone instead."),
    };
    let problem = Problem::new(StatusCode::CONFLICT, code, said_why(Language::English, why), next);
    match why {
        Irreversible::ChangedSince(parts) => {
            let error = |part: &Part| FieldError::new(part.to_string(), "Changed again since.");
            problem.with_errors(parts.iter().map(error).collect())
        }
        _ => problem,
    }
}

impl Problem {
    /// The phone has no change of that number, or not any more.
    pub(in crate::admin) fn change_unknown(number: &str) -> Self {
        let number: String = number.chars().take(20).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            "change-unknown",
            format!("No change {number} of this phone is kept."),
            "Look at its changes with `block66 phones history`.",
        )
    }
}
