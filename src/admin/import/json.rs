use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;

use super::{Defaults, MOST_BYTES, MOST_ERRORS, MOST_PHONES, Refusal, Sheet, foreign};
use crate::admin::editing::PhoneDraft;
use crate::admin::editing::line::keep_passwords;
use crate::admin::problem::FieldError;
use crate::model::Phone;

/// A list of phones in JSON: as the box writes it, or as wazo-provd does.
#[derive(Deserialize)]
#[serde(untagged)]
enum List {
    Bare(Vec<Json>),
    Named {
        phones: Vec<Json>,
    },
    Wazo {
        devices: Vec<Json>,
        #[serde(default)]
        configs: Vec<Json>,
    },
}

/// Whether this is JSON rather than a table.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    matches!(bytes.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['))
}

/// Reads a list. `known` finds the phone as it is: a line without a password keeps the one that it has, and one that
/// inherits its server goes on doing so.
pub(super) fn read(
    bytes: &[u8],
    defaults: &Defaults,
    mut known: impl FnMut(&PhoneDraft) -> Option<Arc<Phone>>,
) -> Result<Sheet, Refusal> {
    if bytes.len() > MOST_BYTES {
        return Err(Refusal::TooLarge(bytes.len()));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // Two steps, so that broken JSON is named by its line and not as a list of another form.
    let whole: Json = serde_json::from_slice(bytes).map_err(|error| Refusal::Json(error.to_string()))?;
    let list = serde_json::from_value(whole).map_err(|_| {
        Refusal::Json("it is neither a list of phones, nor has it \"phones\" or \"devices\"".to_owned())
    })?;
    let mut errors = Vec::new();
    let drafts: Vec<(usize, PhoneDraft)> = match list {
        List::Wazo { devices, configs } => (1..).zip(foreign::wazo(&devices, &configs)).collect(),
        List::Bare(devices) if devices.iter().any(|device| device.get("plugin").is_some()) => {
            (1..).zip(foreign::wazo(&devices, &[])).collect()
        }
        List::Bare(phones) | List::Named { phones } => {
            let draft = |(number, phone): (usize, Json)| match serde_json::from_value::<PhoneDraft>(phone) {
                Ok(draft) => Some((number, draft)),
                Err(error) => {
                    errors.push(FieldError::new(format!("row {number}"), format!("It cannot be read: {error}.")));
                    None
                }
            };
            (1..).zip(phones).filter_map(draft).collect()
        }
    };
    if drafts.len() > MOST_PHONES {
        return Err(Refusal::TooMany);
    }
    let mut phones = Vec::new();
    let mut seen = std::collections::HashMap::new();
    for (number, mut draft) in drafts {
        draft.organisation = draft.organisation.or_else(|| defaults.organisation.clone());
        let before = known(&draft);
        let kept = before.as_ref().map(|phone| phone.lines.as_slice()).unwrap_or_default();
        for line in draft.lines.iter_mut().filter(|line| line.server.trim().is_empty()) {
            let user = line.user.trim();
            if !kept.iter().any(|kept| kept.user == user && kept.server.is_empty()) {
                line.server = defaults.server.clone().unwrap_or_default();
            }
        }
        // With its server a line may be that of a phone after all.
        let before = before.or_else(|| known(&draft));
        keep_passwords(&mut draft.lines, before.as_ref().map(|phone| phone.lines.as_slice()).unwrap_or_default());
        let at = |error: FieldError| FieldError::new(format!("row {number}, {}", error.field), error.detail);
        match draft.check_for_list(number) {
            Err(wrong) => errors.extend(wrong.into_iter().map(at)),
            Ok(phone) => {
                if let Some(first) = seen.insert(phone.mac, number) {
                    let detail = format!("{} stands in row {first} already.", phone.mac);
                    errors.push(at(FieldError::new("mac", detail)));
                }
                phones.push((number, phone));
            }
        }
    }
    if !errors.is_empty() {
        let rows: std::collections::BTreeSet<&str> = errors.iter().filter_map(|e| e.field.split(',').next()).collect();
        let count = rows.len();
        errors.truncate(MOST_ERRORS);
        return Err(Refusal::Rows(errors, count));
    }
    if phones.is_empty() {
        return Err(Refusal::Empty);
    }
    Ok(Sheet { phones, whole: true, warnings: Vec::new() })
}
