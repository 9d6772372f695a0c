//! Who may come in: accounts of people, and tokens of programs. One document, kept as one secret; small, because a
//! branch has few of both.

#[cfg(test)]
mod tests;

use aws_lc_rs::digest;

use super::role::{Role, Scope};
use super::written::Written;
use crate::model::{Id, Secret, Timestamp};
use crate::sys::hex;

/// Everybody who may come in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Register {
    /// People, the first one first.
    pub(crate) accounts: Vec<Account>,
    /// Programs, the first one first.
    pub(crate) tokens: Vec<Token>,
}

/// The account of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: Id,
    /// Counts every change.
    pub(crate) version: u64,
    /// What it is signed in with; no two differ in case alone.
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Argon2 PHC string.
    pub(crate) password: Secret,
    /// What is asked for besides the password.
    pub(crate) factor: Option<Factor>,
    pub(crate) created: Timestamp,
}

/// A second thing that somebody must have: an app that shows codes, and codes on paper for when that is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Factor {
    /// The secret that the app shares, in base 32.
    pub(crate) secret: Secret,
    /// Digests of the codes on paper that were not used yet.
    pub(crate) recovery: Vec<String>,
}

/// A token of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) scope: Scope,
    /// Digest of the token, which nobody keeps but the program.
    pub(crate) digest: String,
    /// What whoever made it was called then.
    pub(crate) by: String,
    /// The account that answers for it: it made it, or a token of its did. None for one that was made on the console.
    pub(crate) answers: Option<Id>,
    pub(crate) created: Timestamp,
    pub(crate) expires: Option<Timestamp>,
}

/// Why the register is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// No account of that name.
    #[error("there is no account \"{0}\"")]
    UnknownAccount(String),
    /// No token of that name.
    #[error("there is no token \"{0}\"")]
    UnknownToken(String),
    /// The name is somebody else's.
    #[error("the name \"{0}\" is taken")]
    Taken(String),
    /// Somebody else changed it meanwhile.
    #[error("the account \"{0}\" was changed in the meantime")]
    Changed(String),
    /// Nobody could administer the box.
    #[error("\"{0}\" is the last administrator of this box")]
    LastAdministrator(String),
    /// There are too many.
    #[error("there are {0} already")]
    Full(usize),
}

impl Register {
    /// Most accounts, and most tokens.
    pub(crate) const MOST: usize = 100;
    /// Longest name, in characters.
    pub(crate) const LONGEST_NAME: usize = 32;
    /// What the first account is called when nobody says otherwise.
    pub(crate) const FIRST: &str = "admin";
    /// What the maker of a token is called that was made on the box itself.
    pub(crate) const CONSOLE: &str = "console";
    /// Identity of the account that a box has whose administrator was only a password.
    const FOUNDER: Id = Id::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    /// What is kept, with the password that releases without accounts know: the first administrator's. Where those
    /// two differ, somebody set it with such a release, after a fall-back, and it counts.
    ///
    /// # Errors
    /// When what is kept makes no sense.
    pub(crate) fn read(kept: Option<&Secret>, password: Option<&Secret>) -> Result<Self, serde_json::Error> {
        let mut register = match kept {
            Some(kept) => serde_json::from_str::<Written>(kept.expose())?.into(),
            None => Self::default(),
        };
        match (register.founder_mut(), password) {
            (Some(founder), Some(password)) => founder.password = password.clone(),
            (None, Some(password)) => register.accounts.insert(0, Self::founder_with(password)),
            (_, None) => {}
        }
        register.find_who_answers();
        Ok(register)
    }

    /// Releases before this one kept only what the maker of a token was called.
    fn find_who_answers(&mut self) {
        for token in self.tokens.iter_mut().filter(|token| token.answers.is_none() && token.by != Self::CONSOLE) {
            let mut makers = self.accounts.iter().filter(|account| account.created <= token.created);
            token.answers = makers.find(|account| account.name == token.by).map(|account| account.id);
        }
    }

    /// The one account of a box whose administrator was only a password.
    pub(crate) fn founded(password: &Secret) -> Self {
        Self { accounts: vec![Self::founder_with(password)], tokens: Vec::new() }
    }

    fn founder_with(password: &Secret) -> Account {
        Account {
            id: Self::FOUNDER,
            version: 1,
            name: Self::FIRST.into(),
            role: Role::Administrator,
            password: password.clone(),
            factor: None,
            created: Timestamp::default(),
        }
    }

    /// As it is kept.
    pub(crate) fn write(&self) -> Secret {
        Secret::new(serde_json::to_string(&Written::from(self)).unwrap_or_default())
    }

    /// The first administrator.
    pub(crate) fn founder(&self) -> Option<&Account> {
        self.accounts.iter().find(|account| account.role == Role::Administrator)
    }

    fn founder_mut(&mut self) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.role == Role::Administrator)
    }

    /// The account with this name or identity.
    pub(crate) fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.is(name))
    }

    /// The account with this identity.
    pub(crate) fn account_of(&self, id: Id) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    /// What people read of whoever has this identity.
    pub(crate) fn called(&self, id: Id) -> Option<String> {
        let account = self.account_of(id).map(|account| account.name.clone());
        account.or_else(|| self.tokens.iter().find(|token| token.id == id).map(Token::called))
    }

    /// The token that this text is, if it is one and still counts.
    pub(crate) fn token(&self, text: &str, now: Timestamp) -> Option<&Token> {
        let digest = digest_of(text);
        self.tokens.iter().find(|token| token.digest == digest && token.expires.is_none_or(|expires| now < expires))
    }

    /// Adds an account.
    pub(crate) fn add(&mut self, account: Account) -> Result<(), Refusal> {
        if self.accounts.len() >= Self::MOST {
            return Err(Refusal::Full(Self::MOST));
        }
        if self.account(&account.name).is_some() {
            return Err(Refusal::Taken(account.name));
        }
        self.accounts.push(account);
        Ok(())
    }

    /// Changes an account, and counts that.
    pub(crate) fn change(&mut self, id: Id, change: impl FnOnce(&mut Account)) -> Result<Account, Refusal> {
        let unknown = || Refusal::UnknownAccount(id.to_string());
        let before = self.account_of(id).ok_or_else(unknown)?.clone();
        let mut account = before.clone();
        change(&mut account);
        if account == before {
            return Ok(account);
        }
        if self.accounts.iter().any(|other| other.id != id && other.is(&account.name)) {
            return Err(Refusal::Taken(account.name));
        }
        if account.role != Role::Administrator && self.is_last_administrator(id) {
            return Err(Refusal::LastAdministrator(before.name));
        }
        account.version += 1;
        if let Some(place) = self.accounts.iter_mut().find(|account| account.id == id) {
            *place = account.clone();
        }
        Ok(account)
    }

    /// Removes an account.
    pub(crate) fn remove(&mut self, id: Id) -> Result<Account, Refusal> {
        let account = self.account_of(id).ok_or_else(|| Refusal::UnknownAccount(id.to_string()))?.clone();
        if self.is_last_administrator(id) {
            return Err(Refusal::LastAdministrator(account.name));
        }
        self.accounts.retain(|account| account.id != id);
        Ok(account)
    }

    fn is_last_administrator(&self, id: Id) -> bool {
        let mut administrators = self.accounts.iter().filter(|account| account.role == Role::Administrator);
        administrators.all(|account| account.id == id)
    }

    /// Adds a token.
    pub(crate) fn add_token(&mut self, token: Token) -> Result<(), Refusal> {
        if self.tokens.len() >= Self::MOST {
            return Err(Refusal::Full(Self::MOST));
        }
        if self.tokens.iter().any(|other| other.is(&token.name)) {
            return Err(Refusal::Taken(token.name));
        }
        self.tokens.push(token);
        Ok(())
    }

    /// The account that answers for what is made by whoever has this identity: itself, or the one behind a token.
    pub(crate) fn answers(&self, by: Id) -> Option<Id> {
        let token = || self.tokens.iter().find(|token| token.id == by)?.answers;
        self.account_of(by).map(|account| account.id).or_else(token)
    }

    /// Whether whoever has this identity is still there, and may do as much as this role.
    pub(crate) fn allows(&self, by: Id, role: Role) -> bool {
        let token = || self.tokens.iter().find(|token| token.id == by).map(|token| token.scope.role());
        self.account_of(by).map(|account| account.role).or_else(token).is_some_and(|most| most >= role)
    }

    /// Makes those tokens void that an account answers for and that may do more than `most`: nothing at all for an
    /// account that is gone.
    pub(crate) fn revoke_of(&mut self, account: Id, most: Option<Role>) -> Vec<Token> {
        let ends = |token: &Token| token.answers == Some(account) && most.is_none_or(|most| token.scope.role() > most);
        let (void, stay) = std::mem::take(&mut self.tokens).into_iter().partition(ends);
        self.tokens = stay;
        void
    }

    /// Makes the token with this name or identity void.
    pub(crate) fn revoke(&mut self, name: &str) -> Result<Token, Refusal> {
        let at = self.tokens.iter().position(|token| token.is(name));
        let at = at.ok_or_else(|| Refusal::UnknownToken(name.chars().take(64).collect()))?;
        Ok(self.tokens.remove(at))
    }
}

impl Account {
    fn is(&self, name: &str) -> bool {
        self.name.to_lowercase() == name.to_lowercase() || self.id.to_string() == name
    }

    /// Whether all that lets somebody in with it, and as whom, is as it was `then`. Codes on paper may have been used.
    pub(crate) fn lets_in_as(&self, then: &Self) -> bool {
        let secret = |account: &Self| account.factor.as_ref().map(|factor| factor.secret.clone());
        (self.id, &self.name, self.role, &self.password) == (then.id, &then.name, then.role, &then.password)
            && secret(self) == secret(then)
    }
}

impl Factor {
    /// Takes a code on paper off the list, if it is on it.
    pub(crate) fn spend(&mut self, code: &str) -> bool {
        let digest = digest_of(&plain(code));
        let before = self.recovery.len();
        self.recovery.retain(|kept| *kept != digest);
        self.recovery.len() < before
    }

    /// With these codes on paper, of which only digests are kept.
    pub(crate) fn new(secret: Secret, codes: &[Secret]) -> Self {
        Self { secret, recovery: codes.iter().map(|code| digest_of(&plain(code.expose()))).collect() }
    }
}

impl Token {
    fn is(&self, name: &str) -> bool {
        self.name.to_lowercase() == name.to_lowercase() || self.id.to_string() == name
    }

    /// What people read of it in the trail. No account can be called so: its name would have a space.
    pub(crate) fn called(&self) -> String {
        format!("token {}", self.name)
    }
}

/// Whether this can be the name of an account or a token: letters, digits and a few signs, and no space, so that
/// nobody passes for another.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=Register::LONGEST_NAME).contains(&name.chars().count())
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@'))
}

/// SHA-256 in hexadecimal. Enough for what has more than a hundred random bits.
pub(crate) fn digest_of(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// A code as it is compared: in any case and with any separators.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(64).map(|c| c.to_ascii_uppercase()).collect()
}
