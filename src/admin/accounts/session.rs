use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::{constant_time, digest};

use super::{Account, Role};
use crate::model::{Id, Secret};
use crate::sys::{hex, random};

/// The browsers that are signed in. Kept in memory only: a restart signs everybody out.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// By SHA-256 of the token, so that looking one up takes no time that depends on the token.
    open: HashMap<[u8; 32], Open>,
}

#[derive(Debug)]
struct Open {
    account: Id,
    name: String,
    role: Role,
    csrf: Secret,
    since: Duration,
    used: Duration,
}

/// A session that was found by its token.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    key: [u8; 32],
    /// Whose it is.
    pub(crate) account: Id,
    /// What that account is called.
    pub(crate) name: String,
    /// What they may do.
    pub(crate) role: Role,
    /// What each form and each changing call of this session must carry.
    pub(crate) csrf: Secret,
}

impl Session {
    /// Whether `token` is this session's, in constant time.
    pub(crate) fn csrf_is(&self, token: &str) -> bool {
        constant_time::verify_slices_are_equal(self.csrf.expose().as_bytes(), token.as_bytes()).is_ok()
    }
}

impl Sessions {
    /// A session ends this long after it was used last.
    pub(crate) const IDLE: Duration = Duration::from_secs(60 * 60);
    /// A session ends this long after it began, however much it is used.
    pub(crate) const ABSOLUTE: Duration = Duration::from_secs(12 * 60 * 60);
    /// Sessions at once; beyond, the one used longest ago ends.
    const MOST: usize = 64;
    /// Sessions of one account at once, so that nobody ends those of others.
    const MOST_OF_ONE: usize = 8;

    /// Begins a session of this account and gives its token, 256 random bits. `now` is time since the process started.
    pub(crate) fn begin(&mut self, account: &Account, now: Duration) -> (Secret, Session) {
        self.open.retain(|_, open| open.lives(now));
        if self.open.values().filter(|open| open.account == account.id).count() >= Self::MOST_OF_ONE {
            self.end_oldest(|open| open.account == account.id);
        } else if self.open.len() >= Self::MOST {
            self.end_oldest(|_| true);
        }
        let token = Secret::new(hex::encode(&random::bytes::<32>()));
        let csrf = Secret::new(hex::encode(&random::bytes::<32>()));
        let key = key(token.expose());
        let open =
            Open { account: account.id, name: account.name.clone(), role: account.role, csrf, since: now, used: now };
        let session = open.session(key);
        self.open.insert(key, open);
        (token, session)
    }

    fn end_oldest(&mut self, of: impl Fn(&Open) -> bool) {
        let oldest = self.open.iter().filter(|(_, open)| of(open)).min_by_key(|(_, open)| open.used);
        if let Some(key) = oldest.map(|(key, _)| *key) {
            self.open.remove(&key);
        }
    }

    /// The session of this token, if it has not ended. A person's request keeps it open (`touch`); what the
    /// page fetches by itself does not.
    pub(crate) fn find(&mut self, token: &str, now: Duration, touch: bool) -> Option<Session> {
        let key = key(token);
        let open = self.open.get_mut(&key)?;
        if !open.lives(now) {
            self.open.remove(&key);
            return None;
        }
        if touch {
            open.used = now;
        }
        Some(open.session(key))
    }

    /// Whether the session has not ended yet.
    pub(crate) fn lives(&self, session: &Session, now: Duration) -> bool {
        self.open.get(&session.key).is_some_and(|open| open.lives(now))
    }

    /// Ends a session.
    pub(crate) fn end(&mut self, session: &Session) {
        self.open.remove(&session.key);
    }

    /// Ends all of an account, as when its password or its role changes, but for the one that is to stay.
    pub(crate) fn end_of(&mut self, account: Id, but: Option<&Session>) {
        self.open.retain(|key, open| open.account != account || but.is_some_and(|stays| stays.key == *key));
    }

    /// How long a session lasts if nobody uses it, and how long in any case.
    pub(crate) fn left(&self, session: &Session, now: Duration) -> (Duration, Duration) {
        let Some(open) = self.open.get(&session.key) else { return Default::default() };
        let ends = Self::ABSOLUTE.saturating_sub(now.saturating_sub(open.since));
        (Self::IDLE.saturating_sub(now.saturating_sub(open.used)).min(ends), ends)
    }
}

impl Open {
    fn session(&self, key: [u8; 32]) -> Session {
        let Self { account, name, role, csrf, .. } = self;
        Session { key, account: *account, name: name.clone(), role: *role, csrf: csrf.clone() }
    }

    fn lives(&self, now: Duration) -> bool {
        now.saturating_sub(self.used) < Sessions::IDLE && now.saturating_sub(self.since) < Sessions::ABSOLUTE
    }
}

fn key(token: &str) -> [u8; 32] {
    let mut key = [0; 32];
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    key.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn account(number: u128) -> Account {
        Account {
            id: Id::new(Timestamp::from_secs(1), number),
            version: 1,
            name: format!("account{number}"),
            role: Role::Operator,
            password: Secret::default(),
            factor: None,
            created: Timestamp::default(),
        }
    }

    #[test]
    fn ends_when_idle_and_in_any_case_in_the_end() {
        let mut sessions = Sessions::default();
        let start = Duration::from_secs(10);
        let (token, session) = sessions.begin(&account(1), start);
        assert_eq!(token.expose().len(), 64);
        assert!(sessions.find("0".repeat(64).as_str(), start, true).is_none());

        let mut now = start;
        while now + Sessions::IDLE / 2 < start + Sessions::ABSOLUTE {
            now += Sessions::IDLE / 2;
            assert!(sessions.find(token.expose(), now, true).is_some(), "{now:?}");
        }
        assert_eq!(sessions.left(&session, now), (Sessions::IDLE / 2, Sessions::IDLE / 2));
        now += Sessions::IDLE / 2;
        assert!(!sessions.lives(&session, now));
        assert_eq!(sessions.left(&session, now), (Duration::ZERO, Duration::ZERO));
        assert!(sessions.find(token.expose(), now, true).is_none(), "used all the time, yet over");

        let (token, _) = sessions.begin(&account(1), start);
        assert!(sessions.find(token.expose(), start + Sessions::IDLE / 2, false).is_some());
        assert!(
            sessions.find(token.expose(), start + Sessions::IDLE, true).is_none(),
            "the page alone keeps nothing open"
        );
    }

    #[test]
    fn csrf_tokens_belong_to_one_session() {
        let mut sessions = Sessions::default();
        let (_, one) = sessions.begin(&account(1), Duration::ZERO);
        let (_, two) = sessions.begin(&account(1), Duration::ZERO);
        let (_, three) = sessions.begin(&account(2), Duration::ZERO);
        assert!(one.csrf_is(one.csrf.expose()));
        assert!(!one.csrf_is(two.csrf.expose()));
        assert!(!one.csrf_is(""));
        sessions.end(&one);
        assert!(!sessions.lives(&one, Duration::ZERO));
        assert!(sessions.lives(&two, Duration::ZERO));
        let (_, four) = sessions.begin(&account(1), Duration::ZERO);
        sessions.end_of(account(1).id, Some(&four));
        assert!(!sessions.lives(&two, Duration::ZERO));
        assert!(sessions.lives(&three, Duration::ZERO), "somebody else's goes on");
        assert!(sessions.lives(&four, Duration::ZERO), "the one that is to stay");
    }

    #[test]
    fn a_bounded_number_at_once() {
        let mut sessions = Sessions::default();
        let (_, first) = sessions.begin(&account(0), Duration::ZERO);
        let (_, other) = sessions.begin(&account(1), Duration::ZERO);
        for n in 0..Sessions::MOST_OF_ONE {
            sessions.begin(&account(0), Duration::from_millis(n as u64 + 1));
        }
        assert_eq!(sessions.open.len(), Sessions::MOST_OF_ONE + 1);
        assert!(!sessions.lives(&first, Duration::from_secs(1)));
        assert!(sessions.lives(&other, Duration::from_secs(1)), "many of one account end nobody else's");
        for n in 0..Sessions::MOST as u64 {
            sessions.begin(&account(u128::from(n) + 2), Duration::from_millis(n + 20));
        }
        assert_eq!(sessions.open.len(), Sessions::MOST);
        assert!(!sessions.lives(&other, Duration::from_secs(1)));
    }
}
