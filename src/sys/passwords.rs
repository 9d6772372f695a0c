//! Passwords: argon2, a few at a time, and off the threads that serve others.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::model::Secret;

/// Memory for one hash, in KiB. 19 MiB with two passes is the least that OWASP's cheat sheet asks for, and what
/// a small box with two sign-ins at once can spare.
const MEMORY: u32 = 19 * 1024;
/// Passes over that memory.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;

/// Shortest password that somebody may choose, in characters.
pub const SHORTEST: usize = 10;
/// Longest password that is looked at, in bytes: hashing is work.
pub const LONGEST: usize = 200;

/// Hashes and checks passwords. Clones share their bounds.
#[derive(Debug, Clone)]
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// So many sign-ins are being checked that this one is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once")]
pub struct Busy;

impl Passwords {
    /// Hashes computed at once.
    const AT_ONCE: usize = 2;
    /// Hashes computed or waited for; more are turned away.
    const QUEUE: usize = 10;

    /// With nobody waiting.
    pub fn new() -> Self {
        Self { running: Arc::new(Semaphore::new(Self::AT_ONCE)), waiting: Arc::new(Semaphore::new(Self::QUEUE)) }
    }

    /// The PHC string of `password`, with a fresh salt.
    ///
    /// # Errors
    /// When too many are waiting, or when no salt could be had.
    pub async fn hash(&self, password: Secret) -> Result<Secret, Busy> {
        self.work(move || {
            let hash = hasher().and_then(|a| a.hash_password(password.expose().as_bytes()).ok());
            hash.map(|h| Secret::new(h.to_string()))
        })
        .await?
        .ok_or(Busy)
    }

    /// Whether `password` is the one that `hash` was made of. The work is the same when there is no hash.
    ///
    /// # Errors
    /// When too many are waiting.
    pub async fn check(&self, password: Secret, hash: Option<Secret>) -> Result<bool, Busy> {
        self.work(move || {
            let Some(argon) = hasher() else { return false };
            let Some(parsed) = hash.as_ref().and_then(|h| PasswordHash::new(h.expose()).ok()) else {
                let _ = argon.hash_password(password.expose().as_bytes());
                return false;
            };
            argon.verify_password(password.expose().as_bytes(), &parsed).is_ok()
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| Busy)?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Busy)?;
        // The permits go with the work, which runs on when the browser hangs up.
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop((turn, place));
            result
        })
        .await
        .map_err(|_| Busy)
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

fn hasher() -> Option<Argon2<'static>> {
    let params = Params::new(MEMORY, PASSES, LANES, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn checks_what_it_hashed() {
        let passwords = Passwords::new();
        let hash = passwords.hash(Secret::new("correct horse")).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
        assert_eq!(passwords.check(Secret::new("correct horse"), Some(hash.clone())).await, Ok(true));
        assert_eq!(passwords.check(Secret::new("Correct horse"), Some(hash)).await, Ok(false));
        assert_eq!(passwords.check(Secret::new("x"), None).await, Ok(false));
        assert_eq!(passwords.check(Secret::new("x"), Some(Secret::new("not a hash"))).await, Ok(false));
    }

    #[tokio::test]
    async fn turns_a_flood_away() {
        let passwords = Passwords::new();
        let all = futures_util::future::join_all((0..30).map(|_| passwords.check(Secret::new("guess"), None))).await;
        assert_eq!(all.iter().filter(|r| r.is_ok()).count(), Passwords::QUEUE);
    }
}
