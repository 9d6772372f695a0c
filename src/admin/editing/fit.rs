//! What a model of phone has no room for.

use crate::brands::Brand;
use crate::model::Phone;
use crate::model::settings::{KeyKind, Resolved};

/// Everything of a phone that its model cannot have, a sentence each. What is not known of a model is not held against
/// it.
pub(in crate::admin) fn misfits(brand: &Brand, phone: &Phone, settings: &Resolved<'_>) -> Vec<String> {
    let model = brand.model(phone.model.as_deref());
    let called = phone.model.as_deref().unwrap_or(&brand.name);
    let mut misfits = Vec::new();
    if brand.makes_files() && phone.lines.len() > model.accounts {
        let left: Vec<&str> = phone.lines.iter().skip(model.accounts).map(|line| line.user.as_str()).collect();
        misfits.push(format!("{called} has room for {} lines: {} is left out", model.accounts, left.join(", ")));
    }
    let keys = settings.keys().filter(|(key, _)| key.kind != KeyKind::None);
    let mut beyond: Vec<String> = Vec::new();
    for (key, _) in keys {
        let (module, position) = key.place();
        let most = if module == 0 { model.keys } else { model.module_keys };
        let room = module <= model.modules && (most == 0 || position <= most);
        // Where nothing is known of keys, nothing is said.
        if !room && (model.keys, model.modules) != (0, 0) {
            beyond.push(if module == 0 { position.to_string() } else { format!("{position} of module {module}") });
        }
        if key.line.is_some_and(|line| usize::from(line) > phone.lines.len()) {
            misfits.push(format!("key {position} works on line {}, which is not there", key.line.unwrap_or_default()));
        }
    }
    if !beyond.is_empty() {
        misfits.push(format!("{called} has no such keys: {} is left out", beyond.join(", ")));
    }
    let handsets = usize::from(model.handsets);
    if phone.handsets.len() > handsets {
        misfits.push(format!("{called} has room for {handsets} handsets, not for {}", phone.handsets.len()));
    }
    let ports = usize::from(model.ports);
    if phone.ports.len() > ports {
        misfits.push(format!("{called} has {ports} analogue ports, not {}", phone.ports.len()));
    }
    misfits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::test_data;
    use crate::brands::Registry;
    use crate::model::settings::{Key, Level};
    use crate::model::{Handset, Settings};

    #[test]
    fn what_has_no_room_is_named() {
        let registry = Registry::builtin().unwrap();
        // The brand and model with the fewest accounts that has keys.
        let (brand, name, model) = registry
            .brands()
            .flat_map(|brand| brand.models().map(move |(name, model)| (brand, name, model)))
            .filter(|(_, _, model)| model.keys > 0 && model.accounts > 0 && model.handsets == 0)
            .min_by_key(|(_, _, model)| model.accounts)
            .unwrap();
        let mut phone = test_data::phone(1);
        (phone.brand, phone.model) = (Some(brand.id.clone()), Some(name.to_owned()));
        assert_eq!(misfits(brand, &phone, &Resolved::default()), Vec::<String>::new());
        phone.lines = vec![phone.lines[0].clone(); model.accounts + 1];
        phone.handsets = vec![Handset { number: 1, ipei: None, name: "".into(), lines: vec![1] }];
        let key = |position, line| Key {
            module: 0,
            position,
            kind: KeyKind::Blf,
            value: "201".into(),
            label: "".into(),
            line,
            extension: "".into(),
        };
        let mut settings = Settings::NONE;
        settings.keys = vec![key(1, Some(200)), key(model.keys + 1, None)];
        let resolved = Resolved::of([(Level::Phone, &settings)]);
        let said = misfits(brand, &phone, &resolved);
        assert_eq!(said.len(), 4, "{said:?}");
        for part in ["lines: 201 is left out", "key 1 works on line 200", "no such keys", "handsets"] {
            assert!(said.iter().any(|said| said.contains(part)), "{part}: {said:?}");
        }
    }
}
