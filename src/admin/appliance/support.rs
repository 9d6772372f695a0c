//! A support bundle: what somebody needs who is to find out what is wrong, with every secret removed.

use serde_json::{Value, json};

use crate::admin::Admin;
use crate::admin::call::Origin;
use crate::model::settings::Value as Setting;
use crate::model::{Login, Reason, Secret, Settings};
use crate::store::EventFilter;
use crate::sys::log;

/// Events in it.
const MOST_EVENTS: usize = 2000;
/// What stands in a secret's place.
const REMOVED: &str = "(removed)";
/// Secrets that are shorter stand in too many words to be looked for; none of the box's own is.
const SHORTEST: usize = 4;

impl Admin {
    /// Everything that helps, as JSON. No secret is put into it; and of what is, every secret that the box knows is
    /// removed wherever it stands, as in the words of an error, but for those so short that they stand in other words.
    pub(in crate::admin) async fn support(&self, from: Origin) -> String {
        let store = &self.0.store;
        let status = self.status(&self.listing(), false);
        let filter = EventFilter { mac: None, after: None, limit: MOST_EVENTS };
        let events: Vec<Value> = store
            .events(&filter)
            .into_iter()
            .map(|(sequence, event)| {
                json!({
                    "sequence": sequence,
                    "at": event.at.to_string(),
                    "count": event.count,
                    "door": event.door,
                    "mac": event.mac,
                    "address": event.address,
                    "file": event.file,
                    "user_agent": event.user_agent,
                    "code": event.reason.code(),
                    "says": event.reason.sentence(),
                })
            })
            .collect();
        let phones: Vec<Value> = store
            .phones()
            .iter()
            .map(|phone| {
                json!({
                    "mac": phone.mac,
                    "brand": phone.brand,
                    "model": phone.model,
                    "lines": phone.lines.len(),
                    "settings": phone.settings.iter().map(|(key, _)| key).collect::<Vec<_>>(),
                    "first_contact": phone.first_contact,
                    "journey": store.journey(phone.mac).map(|journey| journey.lights.into_values().collect::<Vec<_>>()),
                })
            })
            .collect();
        let bundle = json!({
            "made": self.0.clock.now().wall.to_string(),
            "version": status.version,
            "log_filter": log::filter(),
            "faults": self.faults().await,
            "status": status,
            "dhcp": self.dhcp(),
            "outlets": self.0.facts.outlets.counts().targets,
            "metrics": self.metrics(),
            "phones": phones,
            "events": events,
        });
        self.0.journal.record(self.admin_event(Reason::SupportBundle, from));
        let text = serde_json::to_string_pretty(&bundle).unwrap_or_default();
        self.without_secrets(text)
    }

    /// The text without any secret that is stored.
    fn without_secrets(&self, text: String) -> String {
        let mut secrets = self.secrets();
        // The longest first: one may stand in another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        secrets.into_iter().filter(|secret| secret.expose().len() >= SHORTEST).fold(text, |text, secret| {
            // As it stands in JSON.
            let quoted = serde_json::to_string(secret.expose()).unwrap_or_default();
            let inner = quoted.trim_matches('"');
            if text.contains(inner) { text.replace(inner, REMOVED) } else { text }
        })
    }

    fn secrets(&self) -> Vec<Secret> {
        let store = &self.0.store;
        let mut found = Vec::new();
        for secret in store.secrets() {
            // Of one that holds several, each.
            if let Ok(parts) = serde_json::from_str::<Value>(secret.expose()) {
                leaves(&parts, &mut found);
            }
            found.push(secret);
        }
        let set = |settings: &Settings| {
            let overrides = settings.overrides.iter().map(|entry| Secret::new(&*entry.value));
            let own = settings.iter().filter_map(|(_, value)| match value {
                Setting::Secret(secret) => Some(secret.clone()),
                _ => None,
            });
            own.chain(overrides).collect::<Vec<_>>()
        };
        let login = |login: &Login| login.password.clone();
        for organisation in store.organisations() {
            found.push(login(&organisation.login));
            found.extend(set(&organisation.settings));
            found.extend(store.groups(organisation.id).iter().flat_map(|group| set(&group.settings)));
        }
        for phone in store.phones() {
            found.extend(phone.login.iter().chain(&phone.pending_login).map(login));
            found.extend(phone.lines.iter().map(|line| line.password.clone()));
            found.extend(phone.lines.iter().flat_map(|line| set(&line.settings)));
            found.extend(set(&phone.settings));
            found.extend(store.history(phone.id).secrets());
        }
        for hook in self.0.facts.outlets.settings().webhooks {
            found.push(Secret::new(hook.url));
        }
        found
    }
}

/// The texts in a document that are long enough to be secrets by themselves.
fn leaves(document: &Value, found: &mut Vec<Secret>) {
    const LONG: usize = 12;
    match document {
        Value::String(text) if text.len() >= LONG => found.push(Secret::new(text.as_str())),
        Value::Array(all) => all.iter().for_each(|one| leaves(one, found)),
        Value::Object(all) => all.values().for_each(|one| leaves(one, found)),
        _ => {}
    }
}
