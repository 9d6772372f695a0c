//! Becoming the administrator, and being recognised as one.

use std::net::IpAddr;
use std::sync::PoisonError;

use hyper::StatusCode;

use super::call::Origin;
use super::problem::{FieldError, Problem};
use super::session::Session;
use super::{Admin, PASSWORD, SETUP_CODE, setup_code};
use crate::model::{Door, Event, Reason, Secret};
use crate::store::Write;
use crate::sys::passwords::{Busy, LONGEST, SHORTEST};

impl Admin {
    /// Makes the one who knows the setup code the administrator, with this password, and signs them in. The code is
    /// void from then on.
    pub(super) async fn claim(
        &self,
        code: &str,
        password: Secret,
        address: IpAddr,
    ) -> Result<(Secret, Session), Problem> {
        let _one_at_a_time = self.0.claiming.lock().await;
        if self.is_claimed() {
            return Err(already_claimed());
        }
        self.may_guess(address)?;
        let right = self.0.store.secret(SETUP_CODE).is_some_and(|own| setup_code::matches(&own, code));
        if !right {
            self.refused(address);
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "wrong-code",
                "This is not the setup code of this box.",
                "Read it again on the console of the box, or run `block66 status` there.",
            )
            .with_errors(vec![FieldError::new("code", "This is not the setup code of this box.")]));
        }
        self.guessed_right(address);
        self.set_password(password).await?;
        self.record(Reason::Claimed, address);
        Ok(self.begin_session())
    }

    /// Sets a password with no code: for callers on the box itself, who have lost the old one. Everybody is signed out.
    pub(super) async fn claim_locally(&self, password: Secret) -> Result<(), Problem> {
        let _one_at_a_time = self.0.claiming.lock().await;
        self.set_password(password).await?;
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner).end_all();
        self.0.journal.record(Event::new(self.0.clock.now().wall, Door::Admin, Reason::Claimed));
        Ok(())
    }

    async fn set_password(&self, password: Secret) -> Result<(), Problem> {
        check_new(&password)?;
        let hash = self.0.passwords.hash(password).await.map_err(busy)?;
        let writes =
            vec![Write::PutSecret { key: PASSWORD.into(), value: hash }, Write::DeleteSecret(SETUP_CODE.into())];
        Ok(self.0.store.commit(writes).await?)
    }

    /// Begins a session for the one who knows the password.
    pub(super) async fn sign_in(&self, password: Secret, address: IpAddr) -> Result<(Secret, Session), Problem> {
        let Some(hash) = self.0.store.secret(PASSWORD) else { return Err(Problem::not_claimed()) };
        self.may_guess(address)?;
        let fits = password.expose().len() <= LONGEST;
        if !(fits && self.0.passwords.check(password, Some(hash)).await.map_err(busy)?) {
            self.refused(address);
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "wrong-password",
                "The password is wrong.",
                "Try again. If it is lost, set a new one with `block66 password` on the box itself.",
            ));
        }
        self.guessed_right(address);
        self.record(Reason::SignedIn, address);
        Ok(self.begin_session())
    }

    /// Ends a session.
    pub(super) fn sign_out(&self, session: &Session) {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner).end(session);
    }

    fn begin_session(&self) -> (Secret, Session) {
        let now = self.0.clock.now().monotonic;
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner).begin(now)
    }

    /// Counts the guess that `address` is about to make, or says how long it must wait.
    fn may_guess(&self, address: IpAddr) -> Result<(), Problem> {
        let now = self.0.clock.now().monotonic;
        let mut throttle = self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wait) = throttle.wait(address, now) {
            let seconds = wait.as_secs().max(1);
            return Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-guesses",
                format!("Too many wrong guesses from {address}."),
                format!("Wait {}, then try again.", super::page::span(seconds)),
            )
            .retry_after(seconds));
        }
        throttle.guess(address, now);
        Ok(())
    }

    fn guessed_right(&self, address: IpAddr) {
        self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner).right(address);
    }

    fn refused(&self, address: IpAddr) {
        self.record(Reason::SignInRefused, address);
    }

    fn record(&self, reason: Reason, address: IpAddr) {
        self.0.journal.record(Event::new(self.0.clock.now().wall, Door::Admin, reason).from_address(address));
    }
}

/// The address of whoever guesses; guesses on the box itself are all one source.
pub(super) fn source(from: Origin) -> IpAddr {
    match from {
        Origin::Web(address) => address,
        Origin::Local => IpAddr::from([127, 0, 0, 1]),
    }
}

fn check_new(password: &Secret) -> Result<(), Problem> {
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

fn busy(_: Busy) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "busy",
        "Many people sign in at this moment.",
        "Try again in a few seconds.",
    )
    .retry_after(3)
}
