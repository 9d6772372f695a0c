use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::guard::{Guard, Wait};
use super::keep::{Person, Users};
use super::settings::Settings;
use crate::model::Secret;
use crate::sys::passwords::{LONGEST, Passwords};

/// Lets users in who know their password.
pub(super) struct SignIn {
    users: Users,
    passwords: Passwords,
    guard: Mutex<Guard>,
}

/// Why somebody is not let in, in words for them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// A name or a password is missing.
    #[error("Please enter a user name and a password.")]
    Incomplete,
    /// No such user, or not their password.
    #[error("Unknown user or wrong password.")]
    Wrong,
    /// Too many guesses.
    #[error("Too many wrong passwords. Please try again in {0}.")]
    Wait(Wait),
    /// The box checks as many passwords as it can.
    #[error("Many users sign in at this moment. Please try again in a few seconds.")]
    Busy,
}

impl SignIn {
    pub(super) fn new(users: Users) -> Self {
        Self { users, passwords: Passwords::new(), guard: Mutex::default() }
    }

    /// Who this is. Unknown users take the same work as known ones.
    pub(super) async fn check(
        &self,
        (user, password): (Option<&str>, Option<&str>),
        source: IpAddr,
        settings: &Settings,
        now: Duration,
    ) -> Result<Person, Refusal> {
        let (Some(user), Some(password)) = (user, password) else { return Err(Refusal::Incomplete) };
        // Clients may send the domain along; people are told apart by what stands before it.
        let user = user.split_once('@').map_or(user, |(local, _)| local).trim();
        self.guard().begin(source, user, now).map_err(Refusal::Wait)?;
        let password = Secret::new(password);
        let fits = password.expose().len() <= LONGEST;
        let known = self.users.named(user).filter(|_| fits);
        let hash = known.as_ref().map(|user| user.hash.clone());
        let Ok(right) = self.passwords.check(password.clone(), hash).await else {
            self.guard().take_back(source, user);
            return Err(Refusal::Busy);
        };
        let by_line = || settings.line_logins.then(|| self.users.by_line(user, &password)).flatten();
        let person = known.filter(|_| right).map(|user| self.users.person(user)).or_else(by_line);
        let person = person.ok_or(Refusal::Wrong)?;
        self.guard().right(source, user);
        Ok(person)
    }

    fn guard(&self) -> std::sync::MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
