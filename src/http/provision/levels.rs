use super::Provision;
use crate::model::settings::{Resolved, Value};
use crate::model::{Id, Phone, Policy};

impl Provision {
    /// The policy that holds for a phone: the file's; else its organisation's, with what is set otherwise for the phones
    /// of its group, brand or model, as for those that are too old for TLS.
    pub(super) fn policy(&self, phone: &Phone) -> Policy {
        match self.policy {
            Some(policy) => policy,
            None => self.derived.policy(phone, self.store.shared_version(), || self.policy_set(phone)),
        }
    }

    fn policy_set(&self, phone: &Phone) -> Policy {
        let usual = self.store.organisation(phone.organisation).map(|organisation| organisation.policy);
        let usual = usual.unwrap_or_default();
        let levels = self.store.levels(phone);
        let resolved = levels.resolve();
        let flag = |key, usual| resolved.get(key).and_then(Value::as_flag).unwrap_or(usual);
        Policy {
            plain_http: flag("provisioning.plain_http", usual.plain_http),
            plain_basic: flag("provisioning.plain_basic", usual.plain_basic),
            lan_alone: flag("provisioning.lan_alone", usual.lan_alone),
            ..usual
        }
    }

    /// Numbers and names of the phone books that a phone shows, in its order: those that its settings name, or all of
    /// its organisation.
    pub(super) fn titles(&self, phone: &Phone, settings: &Resolved<'_>) -> Vec<(u32, String)> {
        let all = self.store.phone_book_titles(phone.organisation);
        let titled = |(_, number, name): &(Id, u32, String)| (*number, name.clone());
        match named(settings) {
            None => all.iter().map(titled).collect(),
            Some(ids) => ids
                .iter()
                .filter_map(|id| all.iter().find(|(other, ..)| other.to_string() == **id))
                .map(titled)
                .collect(),
        }
    }
}

/// The phone books that the settings name, if they name any.
pub(super) fn named<'a>(settings: &Resolved<'a>) -> Option<&'a [Box<str>]> {
    settings.get("directory.books")?.as_list().filter(|ids| !ids.is_empty())
}
