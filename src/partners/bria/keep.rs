use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::settings::Settings;
use super::template::{DESKTOP, MOBILE, Template, TemplateError};
use super::token::{Claim, Owner, Tokens};
use super::user::{Account, User};
use crate::model::{Id, Secret};
use crate::store::{self, Store, Write};
use crate::sys::random;

/// Setting with the administrator's [`Settings`].
const SETTINGS: &str = "bria.settings";
/// Secret that tokens and revisions are made with.
const KEY: &str = "bria.key";
/// Beginning of the secrets that hold a user each.
const USER: &str = "bria.user.";
/// Beginning of the settings with what each user's computers were told last.
const TOLD: &str = "bria.told.";
/// Computers of one user that are remembered.
const MOST_MACHINES: usize = 16;
/// Users that a box has.
const MOST_USERS: usize = 5000;

/// Which template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// For computers.
    Desktop,
    /// For mobile telephones.
    Mobile,
}

impl Which {
    fn key(self) -> &'static str {
        match self {
            Self::Desktop => "bria.template.desktop",
            Self::Mobile => "bria.template.mobile",
        }
    }

    /// The one that is part of the program.
    pub fn built_in(self) -> &'static str {
        match self {
            Self::Desktop => DESKTOP,
            Self::Mobile => MOBILE,
        }
    }
}

/// Somebody who may be told settings.
#[derive(Debug, Clone)]
pub struct Person {
    /// Whose accounts these are.
    pub owner: Owner,
    /// What they are called.
    pub name: String,
    /// What they sign in with, as far as the box knows it: tokens are bound to it.
    pub credential: Secret,
    /// Their SIP accounts.
    pub accounts: Vec<Account>,
    /// What is set for them alone.
    pub settings: BTreeMap<String, String>,
    /// Licence key of their client.
    pub licence: Option<String>,
}

/// Who signs in, and what is set: kept in the store.
#[derive(Clone)]
pub struct Users {
    store: Store,
    /// Held while a user is written or removed: names are unique, and no change undoes another or a removal.
    writing: Arc<tokio::sync::Mutex<()>>,
}

/// Why a user was not stored.
#[derive(Debug, thiserror::Error)]
pub enum Unstored {
    /// Another user has the name.
    #[error("there is a user {0} already")]
    Taken(String),
    /// The box has as many as it can have.
    #[error("a box has at most {MOST_USERS} users")]
    TooMany,
    /// There was one, and it was removed.
    #[error("this user is not there any more")]
    Gone,
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Users {
    /// Those in this store.
    pub fn new(store: Store) -> Self {
        Self { store, writing: Arc::default() }
    }

    /// What is set.
    pub fn settings(&self) -> Settings {
        self.store.setting(SETTINGS).and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }

    /// Sets it. The first time makes the key.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn set(&self, settings: &Settings) -> Result<(), store::Error> {
        let value = serde_json::to_value(settings).unwrap_or_default();
        let mut writes = vec![Write::PutSetting { key: SETTINGS.into(), value }];
        if self.store.secret(KEY).is_none() {
            writes.push(Write::PutSecret { key: KEY.into(), value: Secret::new(random::token(43)) });
        }
        self.store.commit(writes).await
    }

    /// Makes tokens; `None` while nobody has set anything.
    pub fn tokens(&self) -> Option<Tokens> {
        self.store.secret(KEY).map(|key| Tokens::new(key.expose()))
    }

    /// The text of a template, and whether an administrator wrote it.
    pub fn template_text(&self, which: Which) -> (String, bool) {
        match self.store.setting(which.key()).and_then(|value| value.as_str().map(str::to_owned)) {
            Some(text) => (text, true),
            None => (which.built_in().to_owned(), false),
        }
    }

    /// The template that is in force.
    ///
    /// # Errors
    /// One that was taken by an older program and is not by this one.
    pub fn template(&self, which: Which) -> Result<Template, TemplateError> {
        Template::read(&self.template_text(which).0).map(|(template, _)| template)
    }

    /// Puts a template in force, or the built-in one again.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn set_template(&self, which: Which, text: Option<String>) -> Result<(), store::Error> {
        let key = which.key().to_owned();
        let write = match text {
            Some(text) => Write::PutSetting { key, value: text.into() },
            None => Write::DeleteSetting(key),
        };
        self.store.commit(vec![write]).await
    }

    /// All users, by name.
    pub fn all(&self) -> Vec<User> {
        let mut users: Vec<User> = self.store.secret_names(USER).iter().filter_map(|key| self.read(key)).collect();
        users.sort_by_cached_key(|user| user.name.to_lowercase());
        users
    }

    /// The user of this name, whatever its case.
    pub fn named(&self, name: &str) -> Option<User> {
        self.all().into_iter().find(|user| user.name.eq_ignore_ascii_case(name))
    }

    /// Stores a user, new or in place of the one of that id, as they are given.
    ///
    /// # Errors
    /// When another has the name, or it cannot be stored.
    pub async fn put(&self, user: &User) -> Result<(), Unstored> {
        let _one_at_a_time = self.writing.lock().await;
        self.write(user).await
    }

    /// Changes a user as they are when their turn has come: what others changed meanwhile stays. Gives what was stored.
    ///
    /// # Errors
    /// What `change` says of them, which ends it; or when they were removed, another has the name, or it cannot be stored.
    pub async fn change<E: From<Unstored>>(
        &self,
        id: Id,
        change: impl FnOnce(User) -> Result<User, E>,
    ) -> Result<User, E> {
        let _one_at_a_time = self.writing.lock().await;
        let user = change(self.read(&user_key(id)).ok_or(Unstored::Gone)?)?;
        self.write(&user).await?;
        Ok(user)
    }

    /// The caller holds the lock.
    async fn write(&self, user: &User) -> Result<(), Unstored> {
        let users = self.all();
        if users.iter().any(|other| other.id != user.id && other.name.eq_ignore_ascii_case(&user.name)) {
            return Err(Unstored::Taken(user.name.clone()));
        }
        if users.len() >= MOST_USERS && users.iter().all(|other| other.id != user.id) {
            return Err(Unstored::TooMany);
        }
        let value = Secret::new(serde_json::to_string(user).unwrap_or_default());
        Ok(self.store.commit(vec![Write::PutSecret { key: user_key(user.id), value }]).await?)
    }

    /// Forgets a user, and what they were told.
    ///
    /// # Errors
    /// When that cannot be stored.
    pub async fn remove(&self, user: &User) -> Result<(), store::Error> {
        let _one_at_a_time = self.writing.lock().await;
        let told = told_key(Owner::User(user.id));
        self.store.commit(vec![Write::DeleteSecret(user_key(user.id)), Write::DeleteSetting(told)]).await
    }

    fn read(&self, key: &str) -> Option<User> {
        let text = self.store.secret(key)?;
        let user = serde_json::from_str(text.expose());
        // The error may quote what it stumbled over, which is a secret.
        user.inspect_err(|_| tracing::error!(key, "a stored user cannot be read")).ok()
    }

    /// The user as somebody to be told settings.
    pub fn person(&self, user: User) -> Person {
        Person {
            owner: Owner::User(user.id),
            name: user.name,
            credential: user.hash,
            accounts: user.accounts,
            settings: user.settings,
            licence: user.licence,
        }
    }

    /// The user of the phone's line that has this SIP user and password. Every line is compared, whichever fits.
    pub fn by_line(&self, user: &str, password: &Secret) -> Option<Person> {
        let mut found = None;
        for phone in self.store.phones() {
            for (place, line) in phone.lines.iter().enumerate() {
                let means = line.user == user || line.auth_user.as_deref() == Some(user);
                let given = password.expose().as_bytes();
                let right = verify_slices_are_equal(line.password.expose().as_bytes(), given).is_ok();
                if means && right && !line.password.is_empty() && found.is_none() {
                    found = u8::try_from(place).ok().and_then(|place| self.line(phone.id, place));
                }
            }
        }
        found
    }

    fn line(&self, id: Id, place: u8) -> Option<Person> {
        let phone = self.store.phone(id)?;
        let line = phone.lines.get(usize::from(place))?;
        let levels = self.store.levels(&phone);
        let account = Account::of_line(line, &levels.resolve())?;
        Some(Person {
            owner: Owner::Line(id, place),
            name: line.user.clone(),
            credential: line.password.clone(),
            accounts: vec![account],
            settings: BTreeMap::new(),
            licence: None,
        })
    }

    /// Whom a token names, if it is genuine and they may still sign in.
    pub fn bearer(&self, claim: &Claim, settings: &Settings) -> Option<Person> {
        let person = match claim.owner {
            Owner::User(id) => self.person(self.read(&user_key(id))?),
            Owner::Line(id, place) if settings.line_logins => self.line(id, place)?,
            Owner::Line(..) => return None,
        };
        self.tokens()?.is_genuine(claim, person.credential.expose()).then_some(person)
    }

    /// What a computer of somebody was told last.
    pub fn told(&self, owner: Owner, machine: &str) -> Option<String> {
        self.all_told(owner).remove(machine)
    }

    /// Remembers what a computer is told.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn tell(&self, owner: Owner, machine: &str, revision: String) -> Result<(), store::Error> {
        let mut told = self.all_told(owner);
        if told.get(machine) == Some(&revision) {
            return Ok(());
        }
        if told.len() >= MOST_MACHINES && !told.contains_key(machine) {
            // Any of them: a computer that is forgotten is told once more, and no worse off.
            told.pop_first();
        }
        told.insert(machine.to_owned(), revision);
        let value = serde_json::to_value(told).unwrap_or_default();
        self.store.commit(vec![Write::PutSetting { key: told_key(owner), value }]).await
    }

    fn all_told(&self, owner: Owner) -> BTreeMap<String, String> {
        self.store.setting(&told_key(owner)).and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }
}

fn user_key(user: Id) -> String {
    format!("{USER}{user}")
}

fn told_key(owner: Owner) -> String {
    format!("{TOLD}{}", owner.text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::store::samples;
    use crate::sys::clock::Clock;

    fn user(number: u8, name: &str) -> User {
        User {
            id: Id::from_bytes([number; 16]),
            name: name.into(),
            hash: Secret::new(format!("hash-{number}")),
            accounts: vec![Account::sample(usize::from(number))],
            settings: BTreeMap::new(),
            licence: None,
        }
    }

    fn users() -> (tempfile::TempDir, Users) {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::new(Timestamp::from_secs(1_700_000_000));
        let (store, _) = Store::open(samples::options(directory.path(), clock)).unwrap();
        (directory, Users::new(store))
    }

    #[tokio::test]
    async fn users_are_kept_encrypted_and_found_by_name() {
        let (directory, users) = users();
        users.put(&user(1, "ann")).await.unwrap();
        users.put(&user(2, "bob")).await.unwrap();
        assert!(matches!(users.put(&user(3, "ANN")).await, Err(Unstored::Taken(_))));
        users.put(&User { name: "anna".into(), ..user(1, "ann") }).await.unwrap();
        assert_eq!(users.all().iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["anna", "bob"]);
        assert_eq!(users.named("Bob").unwrap(), user(2, "bob"));
        users.remove(&user(2, "bob")).await.unwrap();
        assert_eq!(users.named("bob"), None);
        let found = std::process::Command::new("grep").args(["-rl", "a-password"]).arg(directory.path()).output();
        assert!(found.unwrap().stdout.is_empty(), "a password stands on the disk");
    }

    #[tokio::test]
    async fn tokens_end_with_the_password_and_the_user() {
        let (_directory, users) = users();
        users.set(&Settings { enabled: true, ..Settings::default() }).await.unwrap();
        users.put(&user(1, "ann")).await.unwrap();
        let (settings, tokens) = (users.settings(), users.tokens().unwrap());
        let token = tokens.issue(Owner::User(user(1, "").id), &tokens.machine(None), "hash-1");
        let claim = Claim::read(&token).unwrap();
        assert_eq!(users.bearer(&claim, &settings).unwrap().name, "ann");
        users.put(&User { hash: Secret::new("hash-new"), ..user(1, "ann") }).await.unwrap();
        assert!(users.bearer(&claim, &settings).is_none());
        users.put(&user(1, "ann")).await.unwrap();
        assert!(users.bearer(&claim, &settings).is_some());
        users.remove(&user(1, "ann")).await.unwrap();
        assert!(users.bearer(&claim, &settings).is_none());
    }

    #[tokio::test]
    async fn each_computer_is_remembered_by_itself_and_not_too_many() {
        let (_directory, users) = users();
        let owner = Owner::User(Id::from_bytes([1; 16]));
        users.tell(owner, "desk", "r1".into()).await.unwrap();
        users.tell(owner, "home", "r2".into()).await.unwrap();
        assert_eq!(
            (users.told(owner, "desk").as_deref(), users.told(owner, "home").as_deref()),
            (Some("r1"), Some("r2"))
        );
        for number in 0..40 {
            users.tell(owner, &format!("machine {number}"), "r".into()).await.unwrap();
        }
        assert_eq!(users.all_told(owner).len(), MOST_MACHINES);
    }
}
