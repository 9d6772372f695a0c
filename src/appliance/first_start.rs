//! What a box that was never started before makes for itself.

use anyhow::Context;

use crate::model::{Id, Login, Now, Organisation, Policy, Secret, Settings};
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
