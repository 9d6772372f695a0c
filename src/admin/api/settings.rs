use std::sync::Arc;

use hyper::{Method, StatusCode};

use super::mac_in;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::editing::settings::{SettingsEdit, catalogue, level};
use crate::admin::problem::Problem;
use crate::admin::{Admin, types};
use crate::model::settings::Level;
use crate::model::{Group, Mac, Organisation, Phone, Scope};

impl Admin {
    /// Every setting there is.
    pub(super) fn api_catalogue(&self) -> Answer {
        Answer::json(StatusCode::OK, &catalogue())
    }

    /// The settings of a phone: all that hold for it, or changes of its own.
    pub(super) async fn api_phone_settings(&self, call: &Call, mac: &str) -> Result<Answer, Problem> {
        let mac = mac_in(mac)?;
        if call.method == Method::PATCH {
            self.set_of_phone(mac, call.expected()?, &call.json()?, call.from).await?;
        }
        let phone = self.0.store.phone_by_mac(mac).ok_or_else(|| Problem::phone_unknown(mac))?;
        let settings = self.settings_of(&phone);
        Ok(Answer::json(StatusCode::OK, &settings).versioned(settings.version))
    }

    /// The settings of a group.
    pub(super) async fn api_group_settings(&self, call: &Call, group: &str) -> Result<Answer, Problem> {
        let mut group = self.group_in(group)?;
        if call.method == Method::PATCH {
            group = self.set_of_group(&group, call.expected()?, &call.json()?, call.from).await?;
        }
        Ok(Answer::json(StatusCode::OK, &of_group(&group)).versioned(group.version))
    }

    /// The settings of an organisation.
    pub(super) async fn api_organisation_settings(&self, call: &Call, name: &str) -> Result<Answer, Problem> {
        let mut organisation = self.organisation(Some(name)).ok_or_else(|| Problem::organisation_unknown(name))?;
        if call.method == Method::PATCH {
            let edit = call.json()?;
            organisation = self.set_of_organisation(&organisation, call.expected()?, &edit, call.from).await?;
        }
        Ok(Answer::json(StatusCode::OK, &of_organisation(&organisation)).versioned(organisation.version))
    }
}

impl Admin {
    /// Changes what is set for one phone.
    pub(in crate::admin) async fn set_of_phone(
        &self,
        mac: Mac,
        expected: Option<u64>,
        edit: &SettingsEdit,
        from: Origin,
    ) -> Result<Arc<Phone>, Problem> {
        let registry = &self.0.facts.registry;
        let change = |phone: &mut Phone| {
            edit.apply(&mut phone.settings, registry).map_err(Problem::fields)?;
            if edit.overrides.is_empty() { Ok(()) } else { self.check_overrides(phone) }
        };
        self.edit_phone(mac, expected, from, change).await
    }

    /// Changes what is set for a group.
    pub(in crate::admin) async fn set_of_group(
        &self,
        group: &Group,
        expected: Option<u64>,
        edit: &SettingsEdit,
        from: Origin,
    ) -> Result<Group, Problem> {
        let registry = &self.0.facts.registry;
        let change = |group: &mut Group| edit.apply(&mut group.settings, registry).map_err(Problem::fields);
        self.edit_group(group.id, expected, from, change).await
    }

    /// Changes what is set for an organisation.
    pub(in crate::admin) async fn set_of_organisation(
        &self,
        organisation: &Organisation,
        expected: Option<u64>,
        edit: &SettingsEdit,
        from: Origin,
    ) -> Result<Arc<Organisation>, Problem> {
        let registry = &self.0.facts.registry;
        let change =
            |organisation: &mut Organisation| edit.apply(&mut organisation.settings, registry).map_err(Problem::fields);
        self.edit_organisation(organisation.id, expected, from, change).await
    }
}

/// What a group sets.
pub(in crate::admin) fn of_group(group: &Group) -> types::Settings {
    let from = match group.scope {
        Scope::Members => Level::Group,
        Scope::Model { .. } => Level::Model,
    };
    level(format!("group {}", group.name), group.version, from, &group.settings)
}

/// What an organisation sets.
pub(in crate::admin) fn of_organisation(organisation: &Organisation) -> types::Settings {
    let of = format!("organisation {}", organisation.name);
    level(of, organisation.version, Level::Organisation, &organisation.settings)
}
