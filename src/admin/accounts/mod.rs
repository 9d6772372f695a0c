//! Accounts of people and tokens of programs: what is done with them.
//!
//! How somebody shows who they are ends in an [`Account`]: a sign-in by another service (LDAP, OpenID Connect) would
//! end there, too, and all that follows would stay as it is.

mod register;
mod role;
pub(super) mod session;
pub(super) mod setup_code;
pub(super) mod sign_in;
pub(super) mod throttle;
mod tokens;
mod totp;
mod written;

use std::sync::PoisonError;

use hyper::StatusCode;

use super::call::Origin;
use super::problem::{FieldError, Problem};
use super::{Admin, PASSWORD, types};

use crate::model::{Id, Reason, Secret};
use crate::store::Write;
use crate::sys::random;

pub(crate) use register::{Account, Factor, Refusal, Register, Token, is_name};
pub use role::{Role, Scope};
use session::Session;
pub(super) use session::Sessions;
use sign_in::check_new;
pub(super) use throttle::Throttles;

/// Name of the secret setting that holds the register.
const REGISTER: &str = "admin.accounts";
/// Codes on paper that somebody gets.
const RECOVERY_CODES: usize = 10;

/// Codes that were used, so that nobody uses one that they saw.
#[derive(Debug, Default)]
pub(super) struct Used(std::collections::HashMap<Id, u64>);

impl Used {
    /// Whether the code of this step is new, which it is no longer.
    fn take(&mut self, account: Id, step: u64) -> bool {
        let last = self.0.entry(account).or_default();
        let new = step > *last;
        *last = step.max(*last);
        new
    }
}

/// What is to be changed of an account.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) name: Option<String>,
    pub(super) role: Option<Role>,
    pub(super) password: Option<Secret>,
}

impl Admin {
    /// Everybody who may come in.
    pub(super) fn register(&self) -> Register {
        self.readable_register().unwrap_or_else(|error| {
            tracing::error!(%error, "the accounts cannot be read: only the first administrator's password counts");
            self.0.store.secret(PASSWORD).as_ref().map(Register::founded).unwrap_or_default()
        })
    }

    fn readable_register(&self) -> Result<Register, serde_json::Error> {
        Register::read(self.0.store.secret(REGISTER).as_ref(), self.0.store.secret(PASSWORD).as_ref())
    }

    /// The register, to be changed: what stands in place of one that cannot be read must not be stored over it.
    fn register_to_change(&self) -> Result<Register, Problem> {
        self.readable_register().map_err(|error| {
            Problem::new(
                StatusCode::CONFLICT,
                "accounts-unreadable",
                format!("The accounts of this box cannot be read, and nothing is stored over them: {error}."),
                "Update this box: a newer release may have written them.",
            )
        })
    }

    /// Changes who may come in; `more` is stored with it. The caller holds the lock of the register.
    async fn put_register(&self, register: &Register, more: Vec<Write>) -> Result<(), Problem> {
        let mut writes = vec![Write::PutSecret { key: REGISTER.into(), value: register.write() }];
        // For a release that knows no accounts, to which the box may fall back.
        if let Some(founder) = register.founder() {
            writes.push(Write::PutSecret { key: PASSWORD.into(), value: founder.password.clone() });
        }
        writes.extend(more);
        Ok(self.0.store.commit(writes).await?)
    }

    async fn change_register<T>(&self, change: impl FnOnce(&mut Register) -> Result<T, Refusal>) -> Result<T, Problem> {
        let _one_at_a_time = self.0.claiming.lock().await;
        let mut register = self.register_to_change()?;
        let done = change(&mut register).map_err(refused)?;
        self.put_register(&register, Vec::new()).await?;
        Ok(done)
    }

    /// Gives the box its first administrator, or that one another password. The caller holds the lock of the register.
    pub(super) async fn put_founder(
        &self,
        name: Option<&str>,
        hash: Secret,
        more: Vec<Write>,
    ) -> Result<Account, Problem> {
        let mut register = self.register_to_change()?;
        let founder = match register.founder().map(|founder| founder.id) {
            Some(id) => register.change(id, |founder| founder.password = hash).map_err(refused)?,
            None => {
                let now = self.0.clock.now().wall;
                let founder = Account {
                    id: random::id(now),
                    version: 1,
                    name: name.unwrap_or(Register::FIRST).to_owned(),
                    role: Role::Administrator,
                    password: hash,
                    factor: None,
                    created: now,
                };
                register.add(founder.clone()).map_err(refused)?;
                founder
            }
        };
        self.put_register(&register, more).await?;
        Ok(founder)
    }

    /// The account with this name or identity.
    pub(super) fn account_in(&self, name: &str) -> Result<Account, Problem> {
        let name: String = name.chars().take(64).collect();
        self.register().account(&name).cloned().ok_or(Refusal::UnknownAccount(name)).map_err(refused)
    }

    /// Makes an account.
    pub(super) async fn add_account(
        &self,
        name: &str,
        role: Role,
        password: Secret,
        from: Origin,
    ) -> Result<Account, Problem> {
        let name = named(name)?;
        check_new(&password)?;
        let now = self.0.clock.now().wall;
        let account = Account {
            id: random::id(now),
            version: 1,
            name,
            role,
            password: self.hash(password).await?,
            factor: None,
            created: now,
        };
        let made = self
            .change_register(|register| {
                self.is_still_allowed(register, from, Role::Administrator)?;
                register.add(account.clone()).map(|()| account)
            })
            .await?;
        let (name, role) = (made.name.clone(), made.role.word().to_owned());
        self.0.journal.record(self.admin_event(Reason::AccountAdded { name, role }, from));
        Ok(made)
    }

    /// Changes an account. Whoever is signed in with it is signed out when its role or its password changes, but for
    /// the session that does it. Tokens that it answers for end where they may do more than its new role.
    pub(super) async fn change_account(
        &self,
        account: &Account,
        expected: Option<u64>,
        change: Change,
        from: Origin,
        but: Option<&Session>,
    ) -> Result<Account, Problem> {
        super::editing::edit::is_at(account.version, expected)?;
        let Change { name, role, password } = change;
        let name = name.as_deref().map(named).transpose()?;
        let hash = match password {
            None => None,
            Some(password) => {
                check_new(&password)?;
                Some(self.hash(password).await?)
            }
        };
        let (id, read, by) = (account.id, account.version, self.called(from));
        let (changed, void) = self
            .change_register(|register| {
                self.may_still_change(register, from, id)?;
                if register.account_of(id).is_some_and(|now| now.version != read) {
                    return Err(Refusal::Changed(account.name.clone()));
                }
                let changed = register.change(id, |account| {
                    account.name = name.unwrap_or_else(|| account.name.clone());
                    account.role = role.unwrap_or(account.role);
                    account.password = hash.unwrap_or_else(|| account.password.clone());
                })?;
                let void =
                    if changed.role < account.role { register.revoke_of(id, Some(changed.role)) } else { vec![] };
                Ok((changed, void))
            })
            .await?;
        if changed.version == account.version {
            return Ok(changed);
        }
        if changed.role != account.role || changed.password != account.password || changed.name != account.name {
            // A session knows name and role as they were.
            let but = but.filter(|_| changed.role == account.role && changed.name == account.name);
            self.end_sessions(id, but);
        }
        let mut what = Vec::new();
        if changed.name != account.name {
            what.push(format!("its name, which was {}", account.name));
        }
        if changed.role != account.role {
            what.push(format!("its role, which is {}", changed.role.word()));
        }
        if changed.password != account.password {
            what.push("its password".to_owned());
        }
        let reason = Reason::AccountChanged { name: changed.name.clone(), what: what.join(", ") };
        self.0.journal.record(self.admin_event(reason, from));
        self.note_void(&void, from, by.as_deref());
        Ok(changed)
    }

    /// Lets an account be tried again at once.
    pub(super) fn unlock_account(&self, account: &Account, from: Origin) {
        self.unlock(account.id);
        let (name, what) = (account.name.clone(), "it may be tried again at once".to_owned());
        self.0.journal.record(self.admin_event(Reason::AccountChanged { name, what }, from));
    }

    /// Removes an account with the tokens that it answers for, and signs it out.
    pub(super) async fn remove_account(&self, account: &Account, from: Origin) -> Result<(), Problem> {
        let (id, by) = (account.id, self.called(from));
        let event = self.admin_event(Reason::AccountRemoved { name: account.name.clone() }, from);
        let void = self
            .change_register(|register| {
                self.may_still_change(register, from, id)?;
                register.remove(id).map(|_| register.revoke_of(id, None))
            })
            .await?;
        self.end_sessions(id, None);
        self.0.journal.record(event);
        self.note_void(&void, from, by.as_deref());
        Ok(())
    }

    /// Refuses what somebody began to make who was removed, or may do less, before it was their turn.
    fn is_still_allowed(&self, register: &Register, from: Origin, role: Role) -> Result<(), Refusal> {
        match from {
            Origin::Known { by, .. } if !register.allows(by, role) => {
                Err(Refusal::Changed(register.called(by).unwrap_or_else(|| "of yours".to_owned())))
            }
            Origin::Known { .. } | Origin::Local | Origin::Web(_) => Ok(()),
        }
    }

    /// The same of what changes an account: one's own is everybody's business, the others are an administrator's.
    fn may_still_change(&self, register: &Register, from: Origin, account: Id) -> Result<(), Refusal> {
        let own = matches!(from, Origin::Known { by, .. } if by == account);
        self.is_still_allowed(register, from, if own { Role::Viewer } else { Role::Administrator })
    }

    fn end_sessions(&self, account: Id, but: Option<&Session>) {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner).end_of(account, but);
    }

    /// Whether this is a code of the account's factor, or one on paper, which is then used up.
    pub(super) async fn code_is_right(&self, account: &Account, code: &str) -> Result<bool, Problem> {
        let Some(factor) = &account.factor else { return Ok(true) };
        let now = u64::try_from(self.0.clock.now().wall.secs()).unwrap_or_default();
        if let Some(step) = totp::step_of(factor.secret.expose(), code, now) {
            return Ok(self.0.used.lock().unwrap_or_else(PoisonError::into_inner).take(account.id, step));
        }
        if !factor.clone().spend(code) {
            return Ok(false);
        }
        let id = account.id;
        // Looked at once more with the register in hand: of two at once, one has it.
        let spent = self
            .change_register(|register| {
                let mut spent = false;
                register.change(id, |account| {
                    spent = account.factor.as_mut().is_some_and(|factor| factor.spend(code));
                })?;
                Ok(spent)
            })
            .await?;
        if spent {
            let name = account.name.clone();
            self.0.journal.record(self.admin_event(Reason::RecoveryCodeUsed { name }, Origin::Local));
        }
        Ok(spent)
    }

    /// A secret for an app. Nothing is stored.
    pub(super) fn offer_factor(&self, account: &str) -> Result<types::FactorOffer, Problem> {
        self.factor_offer(&totp::write(&random::bytes::<{ totp::SECRET }>()), account)
    }

    /// The same of a secret that was offered before.
    pub(super) fn factor_offer(&self, secret: &str, account: &str) -> Result<types::FactorOffer, Problem> {
        let uri = totp::uri(secret, account, &self.0.facts.name);
        let code = qrcode::QrCode::new(uri.as_bytes()).map_err(|error| {
            let detail = format!("The QR code cannot be drawn: {error}.");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail, "Type the secret into the app.")
        })?;
        let picture = code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(200, 200).build();
        // As part of a page it needs no declaration of its own.
        let qr = picture.find("<svg").and_then(|at| picture.get(at..)).unwrap_or_default().to_owned();
        Ok(types::FactorOffer { secret: secret.to_owned(), uri, qr })
    }

    /// Asks an account for codes of this secret from now on, and gives it codes on paper. `account` is as it was when
    /// somebody proved that it is theirs.
    pub(super) async fn put_factor(
        &self,
        account: &Account,
        secret: &str,
        code: &str,
        from: Origin,
    ) -> Result<Vec<Secret>, Problem> {
        let wrong = |field: &str, detail: &str| Err(Problem::fields(vec![FieldError::new(field, detail)]));
        if secret.len() > 128 || secret.len() < 16 {
            return wrong("secret", "Not one that this box made.");
        }
        let now = u64::try_from(self.0.clock.now().wall.secs()).unwrap_or_default();
        let Some(step) = totp::step_of(secret, code, now) else {
            let detail = match self.0.clock.now().trusted {
                true => "Not the code that the app shows now.",
                false => "Not the code of this moment; the clock of this box is not known to be right. Set it first.",
            };
            return wrong("code", detail);
        };
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner).take(account.id, step);
        let codes: Vec<Secret> = (0..RECOVERY_CODES).map(|_| setup_code::generate()).collect();
        let factor = Factor::new(Secret::new(secret), &codes);
        let id = account.id;
        self.change_register(|register| {
            // One that was put in force since the proof is not replaced without its code.
            match register.account_of(id).is_some_and(|now| now.lets_in_as(account)) {
                true => register.change(id, |account| account.factor = Some(factor)),
                false => Err(Refusal::Changed(account.name.clone())),
            }
        })
        .await?;
        self.0.journal.record(self.admin_event(Reason::FactorSet { name: account.name.clone() }, from));
        Ok(codes)
    }

    /// Asks an account for no codes any more.
    pub(super) async fn drop_factor(&self, account: &Account, from: Origin) -> Result<Account, Problem> {
        let id = account.id;
        let changed = self
            .change_register(|register| {
                self.may_still_change(register, from, id)?;
                register.change(id, |account| account.factor = None)
            })
            .await?;
        if account.factor.is_some() {
            self.0.journal.record(self.admin_event(Reason::FactorRemoved { name: account.name.clone() }, from));
        }
        Ok(changed)
    }

    /// Whether whoever calls may do everything. The local socket may.
    pub(super) fn is_administrator(&self, from: Origin) -> bool {
        self.is_still_allowed(&self.register(), from, Role::Administrator).is_ok()
    }

    /// What whoever calls is called in the trail; nothing for the local socket, which has no names.
    pub(super) fn called(&self, from: Origin) -> Option<String> {
        match from {
            Origin::Known { by, .. } => self.register().called(by),
            Origin::Local | Origin::Web(_) => None,
        }
    }
}

fn named(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    if is_name(name) {
        return Ok(name.to_owned());
    }
    let detail = format!("1 to {} letters and digits; also a dot, -, _ and @, but no space.", Register::LONGEST_NAME);
    Err(Problem::fields(vec![FieldError::new("name", detail)]))
}

/// How a refusal of the register is said to a caller.
fn refused(refusal: Refusal) -> Problem {
    let said = refusal.to_string();
    let mut letters = said.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let said = format!("{first}{}.", letters.as_str());
    let (status, code, next) = match refusal {
        Refusal::UnknownAccount(_) => {
            (StatusCode::NOT_FOUND, "account-unknown", "Look it up with `block66 accounts list`.")
        }
        Refusal::UnknownToken(_) => (StatusCode::NOT_FOUND, "token-unknown", "Look it up with `block66 tokens list`."),
        Refusal::Taken(_) => (StatusCode::CONFLICT, "taken", "Choose another."),
        Refusal::Changed(_) => (StatusCode::CONFLICT, "changed-meanwhile", "Look at it as it is now, and try again."),
        Refusal::LastAdministrator(_) => {
            (StatusCode::CONFLICT, "last-administrator", "Make somebody else an administrator first.")
        }
        Refusal::Full(_) => (StatusCode::CONFLICT, "too-many", "Remove what nobody needs any more."),
    };
    Problem::new(status, code, said, next)
}
