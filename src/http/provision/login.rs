use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use crate::access::LoginProof;
use crate::http::Peer;
use crate::http::digest::{Authorization, AuthorizationError, REALM};
use crate::http::nonce::{Freshness, Nonces};
use crate::http::path::Wanted;
use crate::http::throttle::{Allowance, Throttle, Who};
use crate::model::{Now, Secret};
use crate::store::{LoginOwner, Store};
use crate::sys::random;

/// What the login that came with a request is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// What it proves, if anything.
    Proof {
        /// For the decision.
        proof: LoginProof,
        /// Whether one was sent at all, if only one that was not asked for.
        sent: bool,
        /// Whether it is Basic over plain HTTP: nobody asked for that, and everybody on the way has read it. It counts
        /// only where policy says so.
        bare: bool,
    },
    /// It is right, but for a nonce that is no longer good: ask again, with `stale=true`.
    Stale,
    /// This source was wrong too often under this user name: it was not looked at. Seconds to wait.
    Throttled(u64),
    /// It cannot be read.
    Malformed(AuthorizationError),
}

impl Login {
    /// Whether the password was right, whatever it counts for.
    pub(super) fn is_right(&self) -> bool {
        match self {
            Self::Proof { proof, .. } => !matches!(proof, LoginProof::None | LoginProof::Wrong),
            Self::Stale => true,
            Self::Throttled(_) | Self::Malformed(_) => false,
        }
    }

    /// Whether one came that was looked at and is wrong.
    pub(super) fn is_wrong(&self) -> bool {
        matches!(self, Self::Proof { proof: LoginProof::Wrong, .. } | Self::Malformed(_))
    }
}

/// Judges logins.
pub(super) struct Logins {
    nonces: Nonces,
    throttle: Mutex<Throttle>,
    /// Hashes the user names that it counts.
    names: RandomState,
    /// Whose password is worked on when a user name is nobody's: the last one that was somebody's.
    decoy: Mutex<Option<LoginOwner>>,
}

impl Logins {
    pub(super) fn new() -> Self {
        Self {
            nonces: Nonces::new(&random::bytes()),
            throttle: Mutex::new(Throttle::new(u64::from_be_bytes(random::bytes()), Allowance::WRONG)),
            names: RandomState::new(),
            decoy: Mutex::new(None),
        }
    }

    /// A nonce for a challenge.
    pub(super) fn nonce(&self, address: IpAddr, now: Now) -> String {
        self.nonces.issue(address, now)
    }

    /// Judges the login of a request.
    pub(super) fn judge(
        &self,
        store: &Store,
        (method, wanted, headers): (&str, &Wanted, &HeaderMap),
        peer: Peer,
        now: Now,
    ) -> Login {
        let Some(value) = headers.get(AUTHORIZATION) else {
            return Login::Proof { proof: LoginProof::None, sent: false, bare: false };
        };
        let login = Authorization::read(value.as_bytes());
        let user = login.as_ref().ok().map(Authorization::user);
        let who = Who::named(peer.address, self.names.hash_one(user));
        let wait = self.throttle().wait(who, now.monotonic);
        if let Some(wait) = wait {
            return Login::Throttled(wait.as_secs().saturating_add(1));
        }
        let login = match login {
            Ok(login) => login,
            Err(error) => {
                self.throttle().count(who, now.monotonic);
                return Login::Malformed(error);
            }
        };
        let bare = matches!(login, Authorization::Basic { .. }) && !peer.tls;
        let proof = self.proof(store, &login, (method, wanted));
        if proof == LoginProof::Wrong {
            self.throttle().count(who, now.monotonic);
            return Login::Proof { proof, sent: true, bare };
        }
        if let Authorization::Digest(answer) = &login {
            let count = answer.quality.as_ref().map(|quality| quality.count);
            if self.nonces.judge(&answer.nonce, count, peer.address, now) == Freshness::Stale {
                return Login::Stale;
            }
        }
        Login::Proof { proof, sent: true, bare }
    }

    /// What a login proves for a request. The work is the same whether its user name is known or not.
    fn proof(&self, store: &Store, login: &Authorization, (method, wanted): (&str, &Wanted)) -> LoginProof {
        let (proof, password) = self.look_up(store, login.user());
        let right = login.proves(method, &password);
        if right && is_for(login, wanted) { proof } else { LoginProof::Wrong }
    }

    /// What a user name would prove, and the password that it would take.
    fn look_up(&self, store: &Store, user: &str) -> (LoginProof, Secret) {
        let owner = store.login_owner(user);
        let decoy = {
            let mut decoy = self.decoy.lock().unwrap_or_else(PoisonError::into_inner);
            *decoy = owner.or(*decoy);
            *decoy
        };
        let found = decoy.and_then(|owner| password_of(store, owner, user));
        match found {
            Some((proof, password)) if owner.is_some() => (proof, password),
            _ => (LoginProof::Wrong, Secret::new("nobody's password")),
        }
    }

    fn throttle(&self) -> std::sync::MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn password_of(store: &Store, owner: LoginOwner, user: &str) -> Option<(LoginProof, Secret)> {
    match owner {
        LoginOwner::Organisation(id) => {
            Some((LoginProof::Organisation(id), store.organisation(id)?.login.password.clone()))
        }
        LoginOwner::Phone(id) => {
            let phone = store.phone(id)?;
            let named = |login: &&crate::model::Login| login.user == user;
            let pending = phone.pending_login.as_ref().filter(named).map(|login| (LoginProof::Pending(id), login));
            let (proof, login) =
                pending.or_else(|| phone.login.as_ref().filter(named).map(|login| (LoginProof::Phone(id), login)))?;
            Some((proof, login.password.clone()))
        }
    }
}

/// Whether a Digest answer was made for our realm and for the file that is asked for, in whatever spelling.
fn is_for(login: &Authorization, wanted: &Wanted) -> bool {
    let Authorization::Digest(answer) = login else { return true };
    let path = match answer.uri.split_once("://") {
        Some((_scheme, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => &answer.uri,
    };
    answer.realm == REALM && Wanted::read(path).is_ok_and(|asked| asked == *wanted)
}
