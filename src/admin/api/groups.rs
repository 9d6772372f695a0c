use std::sync::Arc;

use hyper::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::editing::draft::name_of;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::{Admin, types};
use crate::model::{Group, Id, Phone, Reason, Scope, Settings};
use crate::store::Write;
use crate::sys::random;

/// A group as somebody wants it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin) struct GroupDraft {
    pub(in crate::admin) name: Option<String>,
    pub(in crate::admin) organisation: Option<String>,
    /// The brand whose phones it is for; with none, phones are put into it one by one.
    pub(in crate::admin) brand: Option<String>,
    pub(in crate::admin) model: Option<String>,
}

impl Admin {
    /// Answers calls about groups; `path` is what follows `/api/v1/groups`.
    pub(super) async fn api_groups(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        match (path, &call.method) {
            ([], &Method::GET) => Ok(Answer::json(StatusCode::OK, &self.groups_shown(call.query.of("organisation"))?)),
            ([], &Method::POST) => {
                let group = self.add_group(call.json()?, call.from).await?;
                Ok(Answer::json(StatusCode::CREATED, &self.group_shown(&group)).versioned(group.version))
            }
            ([group], &Method::GET) => {
                let group = self.group_in(group)?;
                Ok(Answer::json(StatusCode::OK, &self.group_shown(&group)).versioned(group.version))
            }
            ([group], &Method::PATCH) => {
                let group = self.rename_group(&self.group_in(group)?, call).await?;
                Ok(Answer::json(StatusCode::OK, &self.group_shown(&group)).versioned(group.version))
            }
            ([group], &Method::DELETE) => {
                let group = self.group_in(group)?;
                let shown = self.group_shown(&group);
                self.remove_group(&group, call.from).await?;
                Ok(Answer::json(StatusCode::OK, &shown))
            }
            ([group, "settings"], _) => self.api_group_settings(call, group).await,
            _ => Err(Problem::nothing_here(&format!("/api/v1/groups/{}", path.join("/")))),
        }
    }

    async fn rename_group(&self, group: &Group, call: &Call) -> Result<Group, Problem> {
        let draft: GroupDraft = call.json()?;
        if draft.organisation.is_some() || draft.brand.is_some() || draft.model.is_some() {
            return Err(Problem::malformed("Only the name of a group can be changed; make another for other phones."));
        }
        let name = name_of(draft.name).map_err(Problem::fields)?;
        let change = |group: &mut Group| {
            group.name.clone_from(&name);
            Ok(())
        };
        self.edit_group(group.id, call.expected()?, call.from, change).await
    }
}

impl Admin {
    /// Makes a group.
    pub(in crate::admin) async fn add_group(&self, draft: GroupDraft, from: Origin) -> Result<Group, Problem> {
        let name = name_of(draft.name).map_err(Problem::fields)?;
        let organisation = draft.organisation.as_deref();
        let organisation = self
            .organisation(organisation)
            .ok_or_else(|| Problem::organisation_unknown(organisation.unwrap_or_default()))?;
        let brand = draft.brand.filter(|brand| !brand.trim().is_empty());
        let model = draft.model.filter(|model| !model.trim().is_empty());
        let scope = match brand {
            None if model.is_some() => {
                return Err(Problem::fields(vec![FieldError::new("brand", "A model needs its brand.")]));
            }
            None => Scope::Members,
            Some(brand) if self.0.facts.registry.brand(&brand).is_none() => {
                let detail = format!("There is no brand \"{brand}\".");
                return Err(Problem::fields(vec![FieldError::new("brand", detail)]));
            }
            Some(brand) => Scope::Model { brand: brand.into(), model: model.map(Into::into) },
        };
        let now = self.0.clock.now().wall;
        let group = Group {
            id: random::id(now),
            version: 0,
            origin: self.0.facts.box_id,
            organisation: organisation.id,
            name,
            scope,
            settings: Settings::NONE,
            created: now,
        };
        let (id, what) = (group.id, format!("group \"{}\"", group.name));
        self.0.store.commit(vec![Write::PutGroup { group, expect: Some(0) }]).await?;
        self.record_document(Reason::DocumentChanged { what }, organisation.id, from);
        self.0.store.group(id).ok_or_else(|| Problem::group_unknown(&id.to_string()))
    }

    /// Removes a group that no phone is in.
    pub(in crate::admin) async fn remove_group(&self, group: &Group, from: Origin) -> Result<(), Problem> {
        self.0.store.commit(vec![Write::DeleteGroup(group.id)]).await?;
        let what = format!("group \"{}\"", group.name);
        self.record_document(Reason::DocumentRemoved { what }, group.organisation, from);
        Ok(())
    }

    /// The groups of an organisation, or of all.
    pub(in crate::admin) fn groups_shown(&self, organisation: Option<&str>) -> Result<types::Groups, Problem> {
        let organisations = match organisation {
            None => self.0.store.organisations(),
            Some(name) => vec![self.organisation(Some(name)).ok_or_else(|| Problem::organisation_unknown(name))?],
        };
        let phones = self.0.store.phones();
        let groups = organisations.iter().flat_map(|organisation| {
            self.0.store.groups(organisation.id).into_iter().map(|group| shown(&group, &organisation.name, &phones))
        });
        Ok(types::Groups { groups: groups.collect() })
    }

    pub(in crate::admin) fn group_shown(&self, group: &Group) -> types::Group {
        let organisation = self.0.store.organisation(group.organisation);
        let name = organisation.as_ref().map_or("", |organisation| organisation.name.as_str());
        shown(group, name, &self.0.store.phones())
    }

    /// The group of that id, or of that name where only one organisation has such a group.
    pub(in crate::admin) fn group_in(&self, name: &str) -> Result<Group, Problem> {
        if let Some(group) = name.parse::<Id>().ok().and_then(|id| self.0.store.group(id)) {
            return Ok(group);
        }
        let all = self.0.store.organisations();
        let mut found: Vec<Group> =
            all.iter().filter_map(|organisation| self.group_of(organisation.id, name)).collect();
        match (found.pop(), found.is_empty()) {
            (Some(group), true) => Ok(group),
            (Some(_), false) => {
                let detail = format!("Several organisations have a group \"{name}\": say its id.");
                Err(Problem::malformed(detail))
            }
            (None, _) => Err(Problem::group_unknown(name)),
        }
    }

    /// The group of that name or id in an organisation.
    pub(in crate::admin) fn group_of(&self, organisation: Id, name: &str) -> Option<Group> {
        let mut groups = self.0.store.groups(organisation).into_iter();
        groups.find(|group| group.name.eq_ignore_ascii_case(name) || group.id.to_string() == name)
    }
}

fn shown(group: &Group, organisation: &str, phones: &[Arc<Phone>]) -> types::Group {
    let (brand, model) = match &group.scope {
        Scope::Members => (None, None),
        Scope::Model { brand, model } => (Some(brand.to_string()), model.as_deref().map(str::to_owned)),
    };
    let is_for = |phone: &&Arc<Phone>| {
        phone.organisation == group.organisation && (phone.group == Some(group.id) || group.scope.chooses(phone))
    };
    types::Group {
        id: group.id.to_string(),
        version: group.version,
        name: group.name.clone(),
        organisation: types::Named { id: group.organisation.to_string(), name: organisation.to_owned() },
        brand,
        model,
        phones: phones.iter().filter(is_for).count(),
        settings: group.settings.iter().count() + group.settings.keys.len() + group.settings.overrides.len(),
    }
}
