//! Which settings hold for a phone: those of its levels, in their order.

use std::sync::Arc;

use aws_lc_rs::hmac;

use super::Store;
use super::record::{Bytes, Place};
use super::stored::{self, GroupHead};
use crate::model::settings::{Level, Resolved, Settings};
use crate::model::{Group, Id, Organisation, Phone, Scope, Secret};

/// The settings of every level of a phone. [`Levels::resolve`] lays them over each other.
#[derive(Debug)]
pub struct Levels<'p> {
    generated: Settings,
    organisation: Option<Arc<Organisation>>,
    group: Option<Group>,
    /// Of the phone's brand, then of its model.
    models: Vec<Group>,
    phone: &'p Settings,
}

impl Levels<'_> {
    /// What holds, each value with the level that it comes from.
    pub fn resolve(&self) -> Resolved<'_> {
        let organisation = self.organisation.iter().map(|organisation| (Level::Organisation, &organisation.settings));
        let group = self.group.iter().map(|group| (Level::Group, &group.settings));
        let models = self.models.iter().map(|group| (Level::Model, &group.settings));
        let generated = std::iter::once((Level::Generated, &self.generated));
        let phone = std::iter::once((Level::Phone, self.phone));
        Resolved::of(generated.chain(organisation).chain(group).chain(models).chain(phone))
    }
}

/// Name of the secret that the passwords of phones are made from.
const PASSWORD_KEY: &str = "phones.password-key";

impl Store {
    /// Name of the secret setting that the generated passwords of phones derive from. Whoever starts the box for the
    /// first time stores a random text there.
    pub const PASSWORD_KEY: &'static str = PASSWORD_KEY;

    /// The settings of every level of this phone.
    pub fn levels<'p>(&self, phone: &'p Phone) -> Levels<'p> {
        Levels {
            generated: self.generated(phone.id),
            organisation: self.organisation(phone.organisation),
            group: phone.group.and_then(|id| self.group(id)).filter(|group| group.organisation == phone.organisation),
            models: self.model_groups(phone),
            phone: &phone.settings,
        }
    }

    /// Numbers and names of the phone books that a phone with these settings shows, in its order: those that they name,
    /// or all of its organisation.
    pub fn titles(&self, phone: &Phone, settings: &Resolved<'_>) -> Vec<(u32, String)> {
        let all = self.phone_book_titles(phone.organisation);
        let titled = |(_, number, name): &(Id, u32, String)| (*number, name.clone());
        match settings.books_named() {
            None => all.iter().map(titled).collect(),
            Some(ids) => ids
                .iter()
                .filter_map(|id| all.iter().find(|(other, ..)| other.to_string() == **id))
                .map(titled)
                .collect(),
        }
    }

    /// The groups that choose the phone by its brand or model; those of the whole brand first.
    fn model_groups(&self, phone: &Phone) -> Vec<Group> {
        let chosen = |(id, bytes): (Id, Bytes)| {
            let head: GroupHead = stored::decode(&Place::Group(id), &bytes).ok()?;
            let wanted = head.organisation == phone.organisation && head.scope.chooses(phone);
            wanted.then(|| stored::Group::open(id, &bytes, &self.shared.key).ok())?
        };
        let mut groups: Vec<Group> = self.documents(Place::Group).into_iter().filter_map(chosen).collect();
        let narrow = |scope: &Scope| matches!(scope, Scope::Model { model: Some(_), .. });
        groups.sort_by_key(|group| (narrow(&group.scope), group.id));
        groups
    }

    /// The passwords that the phone's own menus and web page get where nobody sets any. They are random for whoever
    /// does not have the box, the same each time, and take no room.
    fn generated(&self, phone: Id) -> Settings {
        let mut settings = Settings::NONE;
        if let Some(key) = self.secret(PASSWORD_KEY) {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
            for name in ["access.admin_password", "access.user_password"] {
                let tag = hmac::sign(&key, format!("{name} of phone {phone}").as_bytes());
                let set = settings.set_secret(name, password(tag.as_ref()));
                debug_assert!(set.is_ok(), "{name} is a secret");
            }
        }
        settings
    }
}

/// Twelve characters that cannot be taken for each other, with a letter first and at least one digit: what every brand
/// takes.
fn password(random: &[u8]) -> Secret {
    const LETTERS: &[u8; 23] = b"abcdefghjkmnpqrstuvwxyz";
    const ALL: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
    const DIGITS: &[u8; 8] = b"23456789";
    let pick = |set: &[u8], byte: u8| set.get(usize::from(byte) % set.len().max(1)).copied().unwrap_or(b'x');
    let text: String = random
        .iter()
        .take(12)
        .enumerate()
        .map(|(at, byte)| match at {
            0 => pick(LETTERS, *byte),
            11 => pick(DIGITS, *byte),
            _ => pick(ALL, *byte),
        })
        .map(char::from)
        .collect();
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::super::tests::open;
    use super::*;
    use crate::store::{Altered, Write};

    #[test]
    fn the_nearer_level_wins() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = open(directory.path());
        let set = |text: &str| Settings::NONE.with("screen.title", text).unwrap();
        let mut phone = samples::phone(1, 1);
        let title = |phone: &Phone| {
            let levels = store.levels(phone);
            let resolved = levels.resolve();
            let (_, value, level) = resolved.values().find(|(key, ..)| *key == "screen.title")?;
            Some((value.to_text().unwrap(), level))
        };
        let mut organisation = samples::organisation(1);
        organisation.settings = set("all");
        let group = |number, text, scope| Group { settings: set(text), scope, ..samples::group(number) };
        let of = |brand: &str, model: Option<&str>| Scope::Model { brand: brand.into(), model: model.map(Into::into) };
        let stored = [
            group(1, "group", Scope::Members),
            group(2, "model", of("brand", Some("t54w"))),
            group(3, "brand", of("brand", None)),
            group(4, "other model", of("brand", Some("T46S"))),
            group(5, "other brand", of("else", None)),
        ];
        store.commit(vec![Write::PutOrganisation { organisation, expect: None }]).wait().unwrap();
        assert_eq!(title(&phone), Some(("all".into(), Level::Organisation)));
        let put = |group: &Group| Write::PutGroup { group: group.clone(), expect: None };
        store.commit(vec![put(&stored[0])]).wait().unwrap();
        assert_eq!(title(&phone), Some(("all".into(), Level::Organisation)), "it is in no group");
        phone.group = Some(stored[0].id);
        assert_eq!(title(&phone), Some(("group".into(), Level::Group)));
        store.commit(stored.iter().map(put).collect()).wait().unwrap();
        assert_eq!(title(&phone), Some(("model".into(), Level::Model)));
        store.commit(vec![Write::DeleteGroup(stored[1].id)]).wait().unwrap();
        assert_eq!(title(&phone), Some(("brand".into(), Level::Model)));
        phone.settings = set("own");
        assert_eq!(title(&phone), Some(("own".into(), Level::Phone)));
    }

    #[test]
    fn who_listens_hears_of_settings_of_many_phones() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = open(directory.path());
        let mut altered = store.altered();
        let organisation = samples::organisation(7);
        let id = organisation.id;
        store.commit(vec![Write::PutOrganisation { organisation, expect: None }]).wait().unwrap();
        assert_eq!(altered.try_recv(), Ok(Altered::Organisation(id)));
        assert!(altered.try_recv().is_err());
    }

    #[test]
    fn each_phone_has_passwords_of_its_own_that_stay() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = open(directory.path());
        let (one, two) = (samples::phone(1, 0), samples::phone(2, 0));
        let password = |phone: &Phone, key: &str| {
            let levels = store.levels(phone);
            let resolved = levels.resolve();
            let (_, value, level) = resolved.values().find(|(found, ..)| *found == key)?;
            assert_eq!(level, Level::Generated);
            Some(value.as_secret()?.expose().to_owned())
        };
        assert_eq!(password(&one, "access.admin_password"), None, "there is no key yet");
        let key = Write::PutSecret { key: Store::PASSWORD_KEY.into(), value: Secret::new("a long random text") };
        store.commit(vec![key]).wait().unwrap();
        let admin = password(&one, "access.admin_password").unwrap();
        assert!(admin.len() == 12 && admin.bytes().all(|b| b.is_ascii_alphanumeric()), "{admin}");
        assert_eq!(password(&one, "access.admin_password").as_ref(), Some(&admin));
        assert_ne!(password(&one, "access.user_password").as_ref(), Some(&admin));
        assert_ne!(password(&two, "access.admin_password").as_ref(), Some(&admin));
        let settings = Settings::NONE.with("access.admin_password", "mine").unwrap();
        let own = Phone { settings, ..one };
        let levels = store.levels(&own);
        let resolved = levels.resolve();
        let of = |key| resolved.values().find(|(found, ..)| *found == key).map(|(.., level)| level);
        assert_eq!(of("access.admin_password"), Some(Level::Phone));
    }
}
