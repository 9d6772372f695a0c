use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::{constant_time, digest};

use crate::model::Secret;
use crate::sys::random;

/// The browsers that are signed in. Kept in memory only: a restart signs everybody out.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// By SHA-256 of the token, so that looking one up takes no time that depends on the token.
    open: HashMap<[u8; 32], Open>,
}

#[derive(Debug)]
struct Open {
    csrf: Secret,
    since: Duration,
    used: Duration,
}

/// A session that was found by its token.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    key: [u8; 32],
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

    /// Begins a session and gives its token, 256 random bits. `now` is time since the process started.
    pub(crate) fn begin(&mut self, now: Duration) -> (Secret, Session) {
        self.open.retain(|_, open| open.lives(now));
        if self.open.len() >= Self::MOST
            && let Some(oldest) = self.open.iter().min_by_key(|(_, o)| o.used).map(|(k, _)| *k)
        {
            self.open.remove(&oldest);
        }
        let token = Secret::new(hex(&random::bytes::<32>()));
        let csrf = Secret::new(hex(&random::bytes::<32>()));
        let key = key(token.expose());
        self.open.insert(key, Open { csrf: csrf.clone(), since: now, used: now });
        (token, Session { key, csrf })
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
        Some(Session { key, csrf: open.csrf.clone() })
    }

    /// Whether the session has not ended yet.
    pub(crate) fn lives(&self, session: &Session, now: Duration) -> bool {
        self.open.get(&session.key).is_some_and(|open| open.lives(now))
    }

    /// Ends a session.
    pub(crate) fn end(&mut self, session: &Session) {
        self.open.remove(&session.key);
    }

    /// Ends all of them, as when the password changes.
    pub(crate) fn end_all(&mut self) {
        self.open.clear();
    }
}

impl Open {
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_when_idle_and_in_any_case_in_the_end() {
        let mut sessions = Sessions::default();
        let start = Duration::from_secs(10);
        let (token, session) = sessions.begin(start);
        assert_eq!(token.expose().len(), 64);
        assert!(sessions.find("0".repeat(64).as_str(), start, true).is_none());

        let mut now = start;
        while now + Sessions::IDLE / 2 < start + Sessions::ABSOLUTE {
            now += Sessions::IDLE / 2;
            assert!(sessions.find(token.expose(), now, true).is_some(), "{now:?}");
        }
        now += Sessions::IDLE / 2;
        assert!(!sessions.lives(&session, now));
        assert!(sessions.find(token.expose(), now, true).is_none(), "used all the time, yet over");

        let (token, _) = sessions.begin(start);
        assert!(sessions.find(token.expose(), start + Sessions::IDLE / 2, false).is_some());
        assert!(
            sessions.find(token.expose(), start + Sessions::IDLE, true).is_none(),
            "the page alone keeps nothing open"
        );
    }

    #[test]
    fn csrf_tokens_belong_to_one_session() {
        let mut sessions = Sessions::default();
        let (_, one) = sessions.begin(Duration::ZERO);
        let (_, two) = sessions.begin(Duration::ZERO);
        assert!(one.csrf_is(one.csrf.expose()));
        assert!(!one.csrf_is(two.csrf.expose()));
        assert!(!one.csrf_is(""));
        sessions.end(&one);
        assert!(!sessions.lives(&one, Duration::ZERO));
        assert!(sessions.lives(&two, Duration::ZERO));
        sessions.end_all();
        assert!(!sessions.lives(&two, Duration::ZERO));
    }

    #[test]
    fn a_bounded_number_at_once() {
        let mut sessions = Sessions::default();
        let (_, first) = sessions.begin(Duration::ZERO);
        for n in 0..Sessions::MOST {
            sessions.begin(Duration::from_millis(n as u64 + 1));
        }
        assert_eq!(sessions.open.len(), Sessions::MOST);
        assert!(!sessions.lives(&first, Duration::from_secs(1)));
    }
}
