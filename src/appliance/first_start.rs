//! What a box that was never started before makes for itself.

use std::path::Path;

use anyhow::Context;

use crate::admin::Admin;
use crate::model::{Id, Login, Now, Organisation, Policy, Secret, Settings};
use crate::steward::preset::{FOR_THE_STORE, ForTheStore};
use crate::store::{Store, Write};
use crate::sys::random;

/// Name of the organisation that a box begins with.
const FIRST_ORGANISATION: &str = "Branch";
/// Makes what is missing, the box's identity and a first organisation, and gives the identity.
pub(super) async fn make_missing(store: &Store, now: Now) -> anyhow::Result<Id> {
    let mut writes = Vec::new();
    let origin: Id = match store.setting("box.id").and_then(|value| serde_json::from_value(value).ok()) {
        Some(id) => id,
        None => {
            let id = random::id(now.wall);
            writes.push(Write::PutSetting { key: "box.id".into(), value: serde_json::to_value(id)? });
            id
        }
    };
    if store.secret(Store::PASSWORD_KEY).is_none() {
        let value = Secret::new(random::token(43));
        writes.push(Write::PutSecret { key: Store::PASSWORD_KEY.into(), value });
    }
    if store.organisations().is_empty() {
        let organisation = Organisation {
            id: random::id(now.wall),
            version: 0,
            origin,
            name: FIRST_ORGANISATION.into(),
            login: Login { user: "branch".into(), password: Secret::new(random::token(22)) },
            policy: Policy::default(),
            settings: Settings::NONE,
            created: now.wall,
        };
        writes.push(Write::PutOrganisation { organisation, expect: None });
    }
    store.commit(writes).await.context("the first documents could not be stored")?;
    Ok(origin)
}

/// Takes over what `block66-setup.toml` said for the store: the code that claims the box, and the name of its first
/// organisation. Of a box that somebody has claimed already, nobody is its administrator by a file.
pub(super) async fn take_preset(store: &Store, directory: &Path) -> anyhow::Result<()> {
    let path = directory.join(FOR_THE_STORE);
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
    let preset: ForTheStore = match serde_json::from_str(&text) {
        Ok(preset) => preset,
        Err(error) => {
            tracing::error!(%error, "the settings for an unattended start cannot be read");
            ForTheStore::default()
        }
    };
    let mut writes = Vec::new();
    if let Some(value) = preset.setup_code.map(Secret::new).filter(|_| !Admin::is_claimed_in(store)) {
        writes.push(Write::PutSecret { key: Admin::SETUP_CODE.into(), value });
    }
    let mut organisations = store.organisations().into_iter();
    if let (Some(name), Some(first), None) = (preset.organisation, organisations.next(), organisations.next())
        && first.name == FIRST_ORGANISATION
        && name != first.name
    {
        let organisation = Organisation { name, ..Organisation::clone(&first) };
        writes.push(Write::PutOrganisation { organisation, expect: Some(first.version) });
    }
    if !writes.is_empty() {
        store.commit(writes).await.context("the settings for an unattended start could not be stored")?;
    }
    std::fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples;
    use crate::sys::clock::Clock;

    #[tokio::test]
    async fn a_preset_names_code_and_organisation_once() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::new(crate::model::Timestamp::default());
        let (store, _) = Store::open(samples::options(directory.path(), clock.clone())).unwrap();
        make_missing(&store, clock.now()).await.unwrap();
        let path = directory.path().join(FOR_THE_STORE);
        std::fs::write(&path, r#"{"setup-code":"7KQM-2XHD-94TW","organisation":"Berlin"}"#).unwrap();
        take_preset(&store, directory.path()).await.unwrap();
        assert_eq!(store.secret(Admin::SETUP_CODE).unwrap().expose(), "7KQM-2XHD-94TW");
        assert_eq!(store.organisations()[0].name, "Berlin");
        assert!(!path.exists());
        std::fs::write(&path, "rubbish").unwrap();
        take_preset(&store, directory.path()).await.unwrap();
        assert!(!path.exists(), "rubbish does not keep the box from starting");
        store.close();
    }
}
