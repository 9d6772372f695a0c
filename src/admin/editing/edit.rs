//! Changes to documents: of the version that the caller has read, where it says which, and else of the newest.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};

use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::problem::Problem;
use crate::model::history::How;
use crate::model::{Door, Event, Group, Id, Mac, Organisation, Phone, Reason};
use crate::store::{self, Write};

/// How often a change is tried anew when somebody else, or the phone itself, changed the document meanwhile.
pub(in crate::admin) const TRIES: usize = 4;

impl Call {
    /// The version in `If-Match`, as an answer gave it in `ETag`.
    pub(in crate::admin) fn expected(&self) -> Result<Option<u64>, Problem> {
        let Some(text) = self.header(header::IF_MATCH).map(str::trim).filter(|text| *text != "*") else {
            return Ok(None);
        };
        let number = text.trim_start_matches("W/").trim_matches('"');
        let wrong = |_| Problem::malformed(format!("If-Match is no version: {text}."));
        number.parse().map(Some).map_err(wrong)
    }
}

impl Answer {
    /// With the version of the document, for `If-Match`.
    pub(in crate::admin) fn versioned(self, version: u64) -> Self {
        match HeaderValue::from_str(&format!("\"{version}\"")) {
            Ok(tag) => self.with(header::ETAG, tag),
            Err(_) => self,
        }
    }
}

/// Whether the document is at the version that the caller has read.
pub(in crate::admin) fn is_at(found: u64, expected: Option<u64>) -> Result<(), Problem> {
    if expected.is_none_or(|expected| expected == found) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::PRECONDITION_FAILED,
        "changed-meanwhile",
        format!("It was changed in the meantime, and is at version {found}."),
        "Look at it as it is now, and try again.",
    ))
}

impl Admin {
    /// Changes a phone. What changes nothing is not stored.
    pub(in crate::admin) async fn edit_phone(
        &self,
        mac: Mac,
        expected: Option<u64>,
        from: Origin,
        change: impl Fn(&mut Phone) -> Result<(), Problem>,
    ) -> Result<Arc<Phone>, Problem> {
        self.edit_phone_how(mac, expected, How::Edited, from, change).await
    }

    /// The same, in the way that its history is to name.
    pub(super) async fn edit_phone_how(
        &self,
        mac: Mac,
        expected: Option<u64>,
        how: How,
        from: Origin,
        change: impl Fn(&mut Phone) -> Result<(), Problem>,
    ) -> Result<Arc<Phone>, Problem> {
        let mut tried = 0;
        loop {
            let phone = self.0.store.phone_by_mac(mac).ok_or_else(|| Problem::phone_unknown(mac))?;
            is_at(phone.version, expected)?;
            let mut changed = Phone::clone(&phone);
            change(&mut changed)?;
            if changed == *phone {
                return Ok(phone);
            }
            let organisation = changed.organisation;
            let expect = Some(phone.version);
            let write = Write::ChangePhone { phone: changed, expect, hand: self.hand(how, from) };
            match self.0.store.commit(vec![write]).await {
                Ok(()) => {
                    self.record_phone(Reason::PhoneChanged, mac, organisation, from);
                    return self.0.store.phone_by_mac(mac).ok_or_else(|| Problem::phone_unknown(mac));
                }
                Err(store::Error::Conflict { .. }) if tried < TRIES => tried += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Changes a group.
    pub(in crate::admin) async fn edit_group(
        &self,
        id: Id,
        expected: Option<u64>,
        from: Origin,
        change: impl Fn(&mut Group) -> Result<(), Problem>,
    ) -> Result<Group, Problem> {
        let mut tried = 0;
        loop {
            let group = self.0.store.group(id).ok_or_else(|| Problem::group_unknown(&id.to_string()))?;
            is_at(group.version, expected)?;
            let mut changed = group.clone();
            change(&mut changed)?;
            if changed == group {
                return Ok(group);
            }
            let what = format!("group \"{}\"", changed.name);
            match self.0.store.commit(vec![Write::PutGroup { group: changed, expect: Some(group.version) }]).await {
                Ok(()) => {
                    self.record_document(Reason::DocumentChanged { what }, group.organisation, from);
                    return self.0.store.group(id).ok_or_else(|| Problem::group_unknown(&id.to_string()));
                }
                Err(store::Error::Conflict { .. }) if tried < TRIES => tried += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Changes an organisation.
    pub(in crate::admin) async fn edit_organisation(
        &self,
        id: Id,
        expected: Option<u64>,
        from: Origin,
        change: impl Fn(&mut Organisation) -> Result<(), Problem>,
    ) -> Result<Arc<Organisation>, Problem> {
        let mut tried = 0;
        loop {
            let unknown = || Problem::organisation_unknown(&id.to_string());
            let organisation = self.0.store.organisation(id).ok_or_else(unknown)?;
            is_at(organisation.version, expected)?;
            let mut changed = Organisation::clone(&organisation);
            change(&mut changed)?;
            if changed == *organisation {
                return Ok(organisation);
            }
            let what = format!("organisation \"{}\"", changed.name);
            let write = Write::PutOrganisation { organisation: changed, expect: Some(organisation.version) };
            match self.0.store.commit(vec![write]).await {
                Ok(()) => {
                    self.record_document(Reason::DocumentChanged { what }, id, from);
                    return self.0.store.organisation(id).ok_or_else(unknown);
                }
                Err(store::Error::Conflict { .. }) if tried < TRIES => tried += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Records something about a phone.
    pub(in crate::admin) fn record_phone(&self, reason: Reason, mac: Mac, organisation: Id, from: Origin) {
        self.0.journal.record(self.admin_event(reason, from).about(mac).of(organisation));
    }

    /// Records something about a document of an organisation.
    pub(in crate::admin) fn record_document(&self, reason: Reason, organisation: Id, from: Origin) {
        self.0.journal.record(self.admin_event(reason, from).of(organisation));
    }

    /// Something that an administrator did.
    pub(in crate::admin) fn admin_event(&self, reason: Reason, from: Origin) -> Event {
        let event = Event::new(self.0.clock.now().wall, Door::Admin, reason).done_by(self.called(from));
        match from {
            Origin::Web(address) | Origin::Known { address, .. } => event.from_address(address),
            Origin::Local => event,
        }
    }
}

impl Problem {
    /// No organisation of that name or id.
    pub(in crate::admin) fn organisation_unknown(name: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "organisation-unknown",
            format!("There is no organisation \"{name}\"."),
            "Look up its name with `block66 organisations list`.",
        )
    }

    /// No group of that name or id.
    pub(in crate::admin) fn group_unknown(name: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "group-unknown",
            format!("There is no group \"{name}\"."),
            "Look up its name with `block66 groups list`.",
        )
    }
}
