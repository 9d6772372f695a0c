use super::Provision;
use crate::model::settings::Value;
use crate::model::{Phone, Policy};

impl Provision {
    /// The policy that holds for a phone: the file's; else its organisation's, with what is set otherwise for the
    /// phones of its group, brand or model, as for those that are too old for TLS.
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
}
