//! Becoming the administrator, and being recognised as somebody who has an account.

use std::net::IpAddr;
use std::sync::PoisonError;

use hyper::StatusCode;

use super::session::Session;
use super::setup_code;
use super::{Account, Refusal, is_name, refused};
use crate::admin::call::Origin;
use crate::admin::pages::render::span;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::speech::{said, say};
use crate::admin::{Admin, SETUP_CODE};
use crate::model::{Id, Language, Reason, Secret, block_of};
use crate::store::Write;
use crate::sys::passwords::{Busy, LONGEST, SHORTEST};

/// Longest code of an app or on paper that is looked at, in bytes.
const LONGEST_CODE: usize = 64;

/// What somebody shows to be let in.
#[derive(Debug, Default)]
pub(in crate::admin) struct Credentials {
    /// Their account; the first administrator when nothing is said.
    pub(in crate::admin) name: Option<String>,
    pub(in crate::admin) password: Secret,
    /// What their app shows, or one of their codes on paper.
    pub(in crate::admin) code: Option<String>,
}

impl Admin {
    /// Makes the one who knows the setup code the administrator, with this name and password, and signs them in. The
    /// code is void from then on.
    pub(in crate::admin) async fn claim(
        &self,
        code: &str,
        name: Option<&str>,
        password: Secret,
        address: IpAddr,
    ) -> Result<(Secret, Session), Problem> {
        let _one_at_a_time = self.0.claiming.lock().await;
        if self.is_claimed() {
            return Err(already_claimed());
        }
        self.may_guess(address, None)?;
        self.is_code(code, address)?;
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        if name.is_some_and(|name| !is_name(name)) {
            let detail = "Letters, digits, a dot, -, _ and @, but no space; 32 at most.";
            return Err(Problem::fields(vec![FieldError::new("name", detail)]));
        }
        let founder = self.found(name, password).await?;
        self.0.journal.record(self.admin_event(Reason::Claimed, Origin::Known { address, by: founder.id }));
        self.begin_session(&founder)
    }

    /// Whether this is the setup code, with no more done about it: the first step of the first visit.
    pub(in crate::admin) fn check_code(&self, code: &str, address: IpAddr) -> Result<(), Problem> {
        if self.is_claimed() {
            return Err(already_claimed());
        }
        self.may_guess(address, None)?;
        self.is_code(code, address)
    }

    /// Whether a guess that was counted is right.
    fn is_code(&self, code: &str, address: IpAddr) -> Result<(), Problem> {
        let right = self.0.store.secret(SETUP_CODE).is_some_and(|own| setup_code::matches(&own, code));
        if right {
            self.guessed_right(address, None);
            return Ok(());
        }
        self.refused(address, None);
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "wrong-code",
            "This is not the setup code of this box.",
            "Read it again on the console of the box, or run `block66 status` there.",
        )
        .with_errors(vec![FieldError::new("code", "This is not the setup code of this box.")]))
    }

    /// Sets the first administrator's password with no code: for callers on the box itself, who have lost the old one.
    /// They are signed out, and are asked for no code of an app any more.
    pub(in crate::admin) async fn claim_locally(&self, password: Secret) -> Result<(), Problem> {
        let founder = {
            let _one_at_a_time = self.0.claiming.lock().await;
            self.found(None, password).await?
        };
        self.end_sessions(founder.id, None);
        self.unlock(founder.id);
        if founder.factor.is_some() {
            self.drop_factor(&founder, Origin::Local).await?;
        }
        self.0.journal.record(self.admin_event(Reason::Claimed, Origin::Local));
        Ok(())
    }

    async fn found(&self, name: Option<&str>, password: Secret) -> Result<Account, Problem> {
        check_new(&password)?;
        let hash = self.hash(password).await?;
        self.put_founder(name, hash, vec![Write::DeleteSecret(SETUP_CODE.into())]).await
    }

    /// What is kept of a password.
    pub(in crate::admin) async fn hash(&self, password: Secret) -> Result<Secret, Problem> {
        self.0.passwords.hash(password).await.map_err(busy)
    }

    /// Begins a session for the one who has an account here.
    pub(in crate::admin) async fn sign_in(
        &self,
        credentials: Credentials,
        address: IpAddr,
    ) -> Result<(Secret, Session), Problem> {
        if !self.is_claimed() {
            return Err(Problem::not_claimed());
        }
        let Credentials { name, password, code } = credentials;
        let register = self.register();
        let account = match name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
            Some(name) => register.account(name),
            None => register.founder(),
        };
        self.prove(account, password, code.as_deref(), address).await?;
        let Some(account) = account else { return Err(wrong_password()) };
        let begun = self.begin_session(account)?;
        self.0.journal.record(self.admin_event(Reason::SignedIn, Origin::Known { address, by: account.id }));
        Ok(begun)
    }

    /// Whether somebody is whose account this is: by its password, and by a code where it has a factor. What is wrong
    /// counts as a guess. The work is the same for an account that is not there.
    pub(in crate::admin) async fn prove(
        &self,
        account: Option<&Account>,
        password: Secret,
        code: Option<&str>,
        address: IpAddr,
    ) -> Result<(), Problem> {
        let id = account.map(|account| account.id);
        self.may_guess(address, id)?;
        let fits = password.expose().len() <= LONGEST;
        let hash = account.map(|account| account.password.clone());
        let checked = if fits { self.0.passwords.check(password, hash).await } else { Ok(false) };
        // What nobody looked at is no guess.
        let right = checked.inspect_err(|_| self.guessed_right(address, id)).map_err(busy)?;
        if !right {
            self.refused(address, id);
            return Err(wrong_password());
        }
        if let Some(account) = account.filter(|account| account.factor.is_some()) {
            let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else {
                // The page asks for the code once the password was right: nothing was guessed so far.
                self.guessed_right(address, id);
                return Err(code_needed());
            };
            let checked = if code.len() > LONGEST_CODE { Ok(false) } else { self.code_is_right(account, code).await };
            let right = checked.inspect_err(|_| self.guessed_right(address, id))?;
            if !right {
                self.refused(address, id);
                return Err(wrong_code(self.0.clock.now().trusted));
            }
        }
        self.guessed_right(address, id);
        if let Some(id) = id {
            self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner).shown(id, block_of(address));
        }
        Ok(())
    }

    /// Ends a session.
    pub(in crate::admin) fn sign_out(&self, session: &Session) {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner).end(session);
    }

    /// Begins a session of an account that somebody has proven to be theirs, unless it was removed or changed since: the
    /// proof took its time. Whatever ends an account's sessions commits first and takes this lock then, so of the two
    /// either this one sees the change or the other one sees the session.
    fn begin_session(&self, proven: &Account) -> Result<(Secret, Session), Problem> {
        let now = self.0.clock.now().monotonic;
        let mut sessions = self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.register().account_of(proven.id).is_some_and(|account| account.lets_in_as(proven)) {
            return Err(refused(Refusal::Changed(proven.name.clone())));
        }
        Ok(sessions.begin(proven, now))
    }

    /// Counts the guess that `address` is about to make at an account, or says how long it must wait.
    fn may_guess(&self, address: IpAddr, account: Option<Id>) -> Result<(), Problem> {
        let now = self.0.clock.now().monotonic;
        let source = block_of(address);
        let mut throttle = self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wait) = throttle.sources.wait(source, now) {
            let detail = say(self.1, "Too many wrong guesses from {address}.", &[("address", &address)]);
            return Err(too_many(detail, wait.as_secs(), self.1));
        }
        if let Some(wait) = account.and_then(|account| throttle.wait_at(account, source, now)) {
            let detail = said(self.1, "Too many wrong guesses at this account.").to_owned();
            return Err(too_many(detail, wait.as_secs(), self.1));
        }
        throttle.sources.guess(source, now);
        if let Some(account) = account {
            throttle.accounts.guess(account, now);
        }
        Ok(())
    }

    fn guessed_right(&self, address: IpAddr, account: Option<Id>) {
        let mut throttle = self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        throttle.sources.right(block_of(address));
        if let Some(account) = account {
            throttle.accounts.right(account);
        }
    }

    /// Lets an account be tried again at once.
    pub(in crate::admin) fn unlock(&self, account: Id) {
        self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner).accounts.forget(account);
    }

    /// How long nobody may try an account, in seconds.
    pub(in crate::admin) fn locked_for(&self, account: Id) -> Option<u64> {
        let now = self.0.clock.now().monotonic;
        let throttle = self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        throttle.accounts.wait(account, now).map(|wait| wait.as_secs().max(1))
    }

    fn refused(&self, address: IpAddr, account: Option<Id>) {
        let name = account.and_then(|account| self.register().called(account));
        let reason = name.map_or(Reason::SignInRefused, |name| Reason::AccountGuessed { name });
        self.0.journal.record(self.admin_event(reason, Origin::Web(address)));
    }
}

/// The address of whoever guesses; guesses on the box itself are all one source.
pub(in crate::admin) fn source(from: Origin) -> IpAddr {
    match from {
        Origin::Web(address) | Origin::Known { address, .. } => address,
        Origin::Local => IpAddr::from([127, 0, 0, 1]),
    }
}

/// Whether somebody may choose this password.
pub(in crate::admin) fn check_new(password: &Secret) -> Result<(), Problem> {
    let wrong = |detail: String| Err(Problem::fields(vec![FieldError::new("password", detail)]));
    let text = password.expose();
    if text.len() > LONGEST {
        return wrong(format!("Longer than {LONGEST} bytes."));
    }
    if text.chars().count() < SHORTEST {
        return wrong(format!("Shorter than {SHORTEST} characters."));
    }
    let first = text.chars().next();
    if text.chars().all(|c| Some(c) == first) {
        return wrong("The same character over and over.".into());
    }
    Ok(())
}

fn already_claimed() -> Problem {
    Problem::new(StatusCode::CONFLICT, "claimed-already", "This box has an administrator already.", "Sign in.")
}

fn wrong_password() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "wrong-password",
        "The name or the password is wrong.",
        "Try again. If it is lost, another administrator sets a new one, or `block66 password` on the box itself, if it has a command line.",
    )
}

fn code_needed() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "code-needed",
        "This account is asked for a code, too.",
        "Send the code that the app shows with name and password, or one of the codes on paper.",
    )
    .with_errors(vec![FieldError::new("code", "The code that the app shows, or one on paper.")])
}

fn wrong_code(clock_trusted: bool) -> Problem {
    let next = match clock_trusted {
        true => "Wait for the next code of the app, or use one of the codes on paper.",
        false => "The clock of this box is not known to be right, so codes of apps may not fit: use one on paper.",
    };
    Problem::new(StatusCode::UNAUTHORIZED, "wrong-app-code", "The code is wrong, or was used already.", next)
        .with_errors(vec![FieldError::new("code", "Wrong, or used already.")])
}

fn too_many(detail: String, seconds: u64, language: Language) -> Problem {
    let seconds = seconds.max(1);
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-guesses",
        detail,
        say(
            language,
            "Wait {time}, then try again. On the box itself nobody waits.",
            &[("time", &span(seconds, language))],
        ),
    )
    .retry_after(seconds)
}

fn busy(_: Busy) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "busy",
        "Many people sign in at this moment.",
        "Try again in a few seconds.",
    )
    .retry_after(3)
}
