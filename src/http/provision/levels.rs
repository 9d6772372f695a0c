use std::sync::Arc;

use super::Provision;
use crate::model::settings::{Level, Resolved, Value};
use crate::model::{Group, Id, Organisation, Phone, Policy, Scope};

/// Everything that is set for a phone, level by level.
pub(super) struct Levels {
    organisation: Option<Arc<Organisation>>,
    /// The phone's own group first, then those that choose it by its brand, the narrowest last.
    groups: Vec<(Level, Group)>,
}

impl Levels {
    /// What holds for the phone.
    pub(super) fn resolve<'a>(&'a self, phone: &'a Phone) -> Resolved<'a> {
        let organisation = self.organisation.iter().map(|organisation| (Level::Organisation, &organisation.settings));
        let groups = self.groups.iter().map(|(level, group)| (*level, &group.settings));
        Resolved::of(organisation.chain(groups).chain([(Level::Phone, &phone.settings)]))
    }
}

impl Provision {
    /// The levels of a phone.
    pub(super) fn levels(&self, phone: &Phone, organisation: Option<&Arc<Organisation>>) -> Levels {
        let own = phone.group.and_then(|id| self.store.group(id)).map(|group| (Level::Group, group));
        let mut chosen = self.store.groups(phone.organisation);
        chosen.retain(|group| group.scope.chooses(phone));
        chosen.sort_by_key(|group| matches!(&group.scope, Scope::Model { model: Some(_), .. }));
        let groups = own.into_iter().chain(chosen.into_iter().map(|group| (Level::Model, group))).collect();
        Levels { organisation: organisation.cloned(), groups }
    }

    /// The policy that holds for a phone: the file's; else its organisation's, with what is set otherwise for the phones
    /// of its group, brand or model, as for those that are too old for TLS.
    pub(super) fn policy(&self, phone: &Phone, organisation: Option<&Arc<Organisation>>) -> Policy {
        if let Some(policy) = self.policy {
            return policy;
        }
        let usual = organisation.map(|organisation| organisation.policy).unwrap_or_default();
        let levels = self.levels(phone, organisation);
        let resolved = levels.resolve(phone);
        let flag = |key, usual| resolved.get(key).and_then(Value::as_flag).unwrap_or(usual);
        Policy {
            plain_http: flag("provisioning.plain_http", usual.plain_http),
            plain_basic: flag("provisioning.plain_basic", usual.plain_basic),
            lan_alone: flag("provisioning.lan_alone", usual.lan_alone),
            ..usual
        }
    }

    /// Numbers and names of the phone books that a phone shows, in its order.
    pub(super) fn titles(&self, phone: &Phone, resolved: &Resolved<'_>) -> Vec<(u32, String)> {
        let all = self.store.phone_book_titles(phone.organisation);
        let titled = |(_, number, name): &(Id, u32, String)| (*number, name.clone());
        match chosen(resolved) {
            None => all.iter().map(titled).collect(),
            Some(ids) => ids.iter().filter_map(|id| all.iter().find(|(other, ..)| other == id)).map(titled).collect(),
        }
    }
}

/// The phone books that are chosen for a phone; `None`: all of its organisation's.
pub(super) fn chosen(resolved: &Resolved<'_>) -> Option<Vec<Id>> {
    let list = resolved.get("directory.books").and_then(Value::as_list).filter(|list| !list.is_empty())?;
    Some(list.iter().filter_map(|id| id.parse().ok()).collect())
}
