//! Who may come in: accounts of people, and tokens of programs. One document, kept as one secret; small, because a
//! branch has few of both.

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

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: u8, name: &str, role: Role) -> Account {
        Account {
            id: Id::new(Timestamp::from_secs(1), number.into()),
            version: 1,
            name: name.into(),
            role,
            password: Secret::new(format!("hash of {name}")),
            factor: None,
            created: Timestamp::from_secs(1),
        }
    }

    fn token(name: &str, text: &str, expires: Option<Timestamp>) -> Token {
        Token {
            id: Id::new(Timestamp::from_secs(2), 1),
            name: name.into(),
            scope: Scope::Read,
            digest: digest_of(text),
            by: Register::CONSOLE.into(),
            answers: None,
            created: Timestamp::from_secs(2),
            expires,
        }
    }

    #[test]
    fn tokens_end_with_the_account_that_answers_for_them() {
        let mut register = Register::founded(&Secret::new("first"));
        let [anna, bert] = [account(2, "anna", Role::Administrator), account(3, "bert", Role::Administrator)];
        let of = |name: &str, scope, answers| Token {
            id: Id::new(Timestamp::from_secs(3), name.len() as u128),
            scope,
            answers,
            ..token(name, name, None)
        };
        for account in [&anna, &bert] {
            register.add(account.clone()).unwrap();
        }
        let deploy = of("deploy", Scope::Administer, register.answers(anna.id));
        register.add_token(deploy.clone()).unwrap();
        // One that a token of hers made is hers as well, also when that token is gone.
        register.add_token(of("graph", Scope::Read, register.answers(deploy.id))).unwrap();
        register.add_token(of("berts", Scope::Administer, register.answers(bert.id))).unwrap();
        register.add_token(of("here", Scope::Administer, None)).unwrap();
        let names = |tokens: &[Token]| tokens.iter().map(|token| token.name.clone()).collect::<Vec<_>>();
        assert_eq!(register.revoke_of(anna.id, Some(Role::Administrator)), []);
        assert_eq!(names(&register.revoke_of(anna.id, Some(Role::Operator))), ["deploy"]);
        assert_eq!(names(&register.revoke_of(anna.id, None)), ["graph"]);
        assert_eq!(names(&register.tokens), ["berts", "here"]);
    }

    #[test]
    fn a_token_of_an_older_release_belongs_to_whom_its_maker_was_called() {
        let mut register = Register::founded(&Secret::new("first"));
        register.add(account(2, "anna", Role::Administrator)).unwrap();
        register.add(account(3, "console", Role::Administrator)).unwrap();
        for (name, by) in [("one", "anna"), ("two", "console"), ("three", "somebody who is gone")] {
            register.add_token(Token { by: by.into(), ..token(name, name, None) }).unwrap();
        }
        // Her namesake came later than this one.
        let early = Token { by: "anna".into(), created: Timestamp::default(), ..token("four", "four", None) };
        register.add_token(early).unwrap();
        let read = Register::read(Some(&register.write()), Some(&Secret::new("first"))).unwrap();
        let anna = read.account("anna").unwrap().id;
        assert_eq!(read.tokens.iter().map(|token| token.answers).collect::<Vec<_>>(), [Some(anna), None, None, None],);
        assert_eq!(Register::read(Some(&read.write()), Some(&Secret::new("first"))).unwrap(), read);
    }

    #[test]
    fn a_box_with_a_password_alone_has_an_administrator() {
        let password = Secret::new("$argon2id$old");
        let register = Register::read(None, Some(&password)).unwrap();
        assert_eq!(register, Register::founded(&password));
        let founder = register.account("ADMIN").unwrap();
        assert_eq!((founder.role, &founder.password), (Role::Administrator, &password));
        assert_eq!(Register::read(None, None).unwrap(), Register::default());
    }

    #[test]
    fn what_is_written_is_read_and_a_password_set_by_an_older_release_counts() {
        let mut register = Register::founded(&Secret::new("first"));
        register.add(account(2, "anna", Role::Administrator)).unwrap();
        register.add(account(3, "otto", Role::Operator)).unwrap();
        let factor = Factor::new(Secret::new("JBSWY3DP"), &[Secret::new("AAAA-BBBB")]);
        let otto = register.account("otto").unwrap().id;
        register.change(otto, |account| account.factor = Some(factor)).unwrap();
        register.add_token(token("grafana", "b66_secret", Some(Timestamp::from_secs(9)))).unwrap();
        let kept = register.write();
        assert_eq!(Register::read(Some(&kept), Some(&Secret::new("first"))).unwrap(), register);
        let later = Register::read(Some(&kept), Some(&Secret::new("second"))).unwrap();
        assert_eq!(later.founder().unwrap().password.expose(), "second");
        assert_eq!(later.account("anna").unwrap().password.expose(), "hash of anna");
        assert!(Register::read(Some(&Secret::new("{}")), None).is_err());
        assert!(!kept.expose().contains("b66_secret") && !kept.expose().contains("AAAA"));
    }

    #[test]
    fn there_is_always_an_administrator() {
        let mut register = Register::founded(&Secret::new("first"));
        let founder = register.founder().unwrap().id;
        let last = Refusal::LastAdministrator("admin".into());
        assert_eq!(register.remove(founder), Err(last.clone()));
        assert_eq!(register.change(founder, |account| account.role = Role::Viewer), Err(last));
        let anna = account(2, "anna", Role::Administrator);
        register.add(anna.clone()).unwrap();
        register.remove(founder).unwrap();
        assert_eq!(register.founder(), Some(&anna));
    }

    #[test]
    fn names_are_one_persons_and_versions_count() {
        let mut register = Register::founded(&Secret::new("first"));
        assert_eq!(register.add(account(2, "Admin", Role::Viewer)), Err(Refusal::Taken("Admin".into())));
        let anna = account(2, "anna", Role::Viewer);
        register.add(anna.clone()).unwrap();
        assert_eq!(register.change(anna.id, |_| {}).unwrap().version, 1, "nothing was changed");
        assert_eq!(register.change(anna.id, |account| account.role = Role::Operator).unwrap().version, 2);
        let taken = register.change(anna.id, |account| account.name = "ADMIN".into());
        assert_eq!(taken, Err(Refusal::Taken("ADMIN".into())));
        for name in ["anna", "a.b-c_d@e", "Jörg"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "token grafana", "a\nb", "<b>", &"x".repeat(33)] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn tokens_end_and_are_known_by_their_digest_alone() {
        let mut register = Register::default();
        register.add_token(token("grafana", "b66_one", Some(Timestamp::from_secs(100)))).unwrap();
        assert!(register.token("b66_one", Timestamp::from_secs(99)).is_some());
        assert!(register.token("b66_one", Timestamp::from_secs(100)).is_none());
        assert!(register.token("b66_two", Timestamp::from_secs(99)).is_none());
        let digest = digest_of("b66_one");
        assert!(register.token(&digest, Timestamp::from_secs(99)).is_none(), "what is kept lets nobody in");
        assert_eq!(register.revoke("Grafana").unwrap().called(), "token grafana");
        assert_eq!(register.revoke("grafana"), Err(Refusal::UnknownToken("grafana".into())));
    }

    #[test]
    fn a_code_on_paper_is_good_once() {
        let mut factor = Factor::new(Secret::new("x"), &[Secret::new("7KQM-2XHD"), Secret::new("AAAA-2222")]);
        assert!(!factor.spend("7KQM-2XHE"));
        assert!(factor.spend(" 7kqm 2xhd "));
        assert!(!factor.spend("7KQM-2XHD"));
        assert_eq!(factor.recovery.len(), 1);
    }
}
