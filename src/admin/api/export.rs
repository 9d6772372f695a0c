use std::collections::BTreeMap;

use hyper::StatusCode;

use super::mac_in;
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::admin::route::Who;
use crate::admin::{Admin, LineDraft, OverrideEdit, PhoneDraft, types};
use crate::model::settings::{Override, Value};
use crate::model::{Line, Phone, Reason, Secret};

impl Admin {
    /// The list of phones as an import takes it. With the passwords of lines only on the box itself, and on record.
    pub(super) fn api_export_phones(&self, call: &Call, who: &Who) -> Result<Answer, Problem> {
        let passwords = call.query.says_yes("passwords");
        if passwords && !matches!(who, Who::Local) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "local-only",
                "Passwords leave the box on the box itself alone.",
                "Run `block66 phones export --passwords` there; the appliance has no command line.",
            ));
        }
        let organisation = match call.query.of("organisation") {
            None => None,
            Some(name) => Some(self.organisation(Some(name)).ok_or_else(|| Problem::organisation_unknown(name))?.id),
        };
        let mac = call.query.of("mac").map(mac_in).transpose()?;
        let phones: Vec<_> = self.0.store.phones();
        let phones = phones.iter().filter(|phone| organisation.is_none_or(|id| id == phone.organisation));
        let phones = phones.filter(|phone| mac.is_none_or(|mac| mac == phone.mac));
        let phones: Vec<PhoneDraft> = phones.map(|phone| self.draft_of(phone, passwords)).collect();
        if passwords {
            let reason = Reason::PasswordsExported { phones: phones.len() };
            self.0.journal.record(self.admin_event(reason, call.from).of(organisation));
        }
        Ok(Answer::json(StatusCode::OK, &types::Export { phones }))
    }

    fn draft_of(&self, phone: &Phone, passwords: bool) -> PhoneDraft {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let line = |line: &Line| LineDraft {
            user: line.user.clone(),
            auth_user: line.auth_user.clone(),
            password: if passwords { line.password.clone() } else { Secret::default() },
            display: text(&line.display),
            server: line.server.clone(),
            port: line.port.map(u32::from),
            transport: line.transport.map(|transport| transport.word().to_owned()),
            expires: line.expires,
            voicemail: line.voicemail.clone(),
            settings: line.settings.to_json(),
        };
        let mut settings = BTreeMap::new();
        for (key, value) in phone.settings.iter().filter(|(key, _)| *key != Phone::RELEASE) {
            let value = match value {
                Value::Secret(secret) if passwords => secret.expose().into(),
                // What is left out has its place, so that it can be filled in.
                other => other.to_json().unwrap_or_default(),
            };
            settings.insert(key.to_owned(), value);
        }
        let raw = |entry: &Override| OverrideEdit {
            brand: entry.brand.to_string(),
            setting: entry.name.to_string(),
            value: passwords.then(|| entry.value.to_string()),
        };
        PhoneDraft {
            mac: if phone.mac.is_placeholder() { String::new() } else { phone.mac.to_string() },
            name: text(&phone.name),
            organisation: text(&self.named(phone.organisation).name),
            brand: phone.brand.clone(),
            model: phone.model.clone(),
            lines: phone.lines.iter().map(line).collect(),
            group: phone.group.and_then(|id| self.0.store.group(id)).map(|group| group.name),
            settings,
            keys: phone.settings.keys.clone(),
            overrides: phone.settings.overrides.iter().map(raw).collect(),
            handsets: phone.handsets.clone(),
            ports: phone.ports.clone(),
        }
    }
}
