//! PURE. All that one user at one computer is told: what the template makes, what is set for them alone, and what is
//! the box's own: addresses, times, licence, and the blanking of accounts that they do not have.

use std::collections::BTreeMap;

use super::answer::Answer;
use super::setting::{Misfit, Setting};
use super::settings::{Settings, Timers};
use super::template::{ACCOUNTS, Sheet, Template, TemplateError};

/// Where the client finds the other two servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Urls {
    /// Changed settings, with the user's token.
    pub(super) update: String,
    /// Newer programs; `None` leaves the client with its maker's server.
    pub(super) upgrade: Option<String>,
}

/// What one user is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prepared {
    /// In the order in which they are sent.
    pub(super) settings: Vec<Setting>,
    /// Licence key of their client.
    pub(super) licence: Option<String>,
}

/// Why nothing could be prepared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unprepared {
    /// The template.
    #[error("the template: {0}")]
    Template(#[from] TemplateError),
    /// A setting.
    #[error(transparent)]
    Setting(#[from] Misfit),
}

/// Prepares everything for the one whom the sheet is about.
///
/// # Errors
/// When anything cannot be said; nothing is said then, and the client goes on with what it has.
pub(super) fn prepare(
    template: &Template,
    sheet: &Sheet<'_>,
    (own, licence): (&BTreeMap<String, String>, Option<&str>),
    settings: &Settings,
    urls: &Urls,
) -> Result<Prepared, Unprepared> {
    let mut made = Made(Vec::new());
    for setting in template.render(sheet)? {
        made.put(setting);
    }
    for (name, value) in own {
        made.put(Setting::new(name, value)?);
    }
    // After the template and the user's own: what the box needs is never overwritten by either.
    made.put(Setting::new("feature:auto_update:config_server_url", &urls.update)?);
    if let Some(upgrade) = &urls.upgrade {
        made.put(Setting::new("feature:auto_update:code_server_url", upgrade)?);
    }
    for (name, seconds) in times(&settings.timers) {
        made.put(Setting::new(&format!("feature:auto_update:{name}"), &seconds.to_string())?);
    }
    if let Some(licence) = licence {
        // Old releases read it here, newer ones under [DATA].
        made.put(Setting::new("system:license:key", licence)?);
    }
    let used: Vec<usize> = made.0.iter().filter_map(Setting::account).collect();
    for number in (0..ACCOUNTS).filter(|number| !used.contains(number)) {
        made.put(Setting::new(&format!("proxies:proxy{number}:enabled"), "0")?);
        for leaf in ["username", "domain", "password"] {
            made.put(Setting::new(&format!("proxies:proxy{number}:{leaf}"), "")?);
        }
    }
    if !settings.keep_passwords {
        for setting in &mut made.0 {
            setting.in_memory |= setting.is_account_password() && !setting.value().is_empty();
        }
    }
    Ok(Prepared { settings: made.0, licence: licence.map(str::to_owned) })
}

/// Timers by the client's names, its misspelling included. Releases read different ones for the first look.
fn times(timers: &Timers) -> [(&'static str, u32); 6] {
    [
        ("update_check_initial_t1_s", timers.first_update),
        ("config_check_initial_t_s", timers.first_update),
        ("code_check_initial_t_s", timers.first_upgrade),
        ("update_check_t1_s", timers.every),
        ("deffer_timer_t2_s", timers.deferred),
        ("block_timer_t3_s", timers.least),
    ]
}

/// Settings, each name once, in the order in which they came first.
struct Made(Vec<Setting>);

impl Made {
    fn put(&mut self, setting: Setting) {
        match self.0.iter_mut().find(|earlier| earlier.name() == setting.name()) {
            Some(earlier) => *earlier = setting,
            None => self.0.push(setting),
        }
    }
}

impl Prepared {
    /// The answer to a login.
    pub(super) fn signed_in(self) -> Answer {
        Answer::SignedIn { licence: self.licence, settings: self.settings }
    }

    /// The answer of the update server when something has changed.
    pub(super) fn changed(self) -> Answer {
        Answer::Changed { settings: self.settings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partners::bria::template::DESKTOP;
    use crate::partners::bria::user::Account;

    fn prepared(accounts: usize, own: &[(&str, &str)], change: impl FnOnce(&mut Settings)) -> Prepared {
        let accounts: Vec<Account> = (0..accounts).map(Account::sample).collect();
        let sheet = Sheet { user: "ann", accounts: &accounts, ..Sheet::default() };
        let own = own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut settings = Settings::default();
        change(&mut settings);
        let urls = Urls { update: "https://box/p/bria/update?t=token".into(), upgrade: None };
        prepare(&Template::read(DESKTOP).unwrap().0, &sheet, (&own, Some("KEY-1")), &settings, &urls).unwrap()
    }

    fn value<'a>(prepared: &'a Prepared, name: &str) -> Option<&'a str> {
        prepared.settings.iter().find(|setting| setting.name() == name).map(Setting::value)
    }

    #[test]
    fn accounts_that_are_not_used_are_blanked() {
        for count in [0, 1, 3, 10] {
            let prepared = prepared(count, &[], |_| {});
            for number in 0..10 {
                let of = |leaf: &str| value(&prepared, &format!("proxies:proxy{number}:{leaf}"));
                if number < count {
                    assert_eq!(of("enabled"), Some("1"));
                } else {
                    let blank = [of("enabled"), of("username"), of("domain"), of("password")];
                    assert_eq!(blank, [Some("0"), Some(""), Some(""), Some("")], "{number} of {count}");
                }
            }
        }
    }

    #[test]
    fn passwords_hold_for_one_session_unless_they_may_be_kept() {
        let memory = |prepared: &Prepared| -> Vec<String> {
            prepared.settings.iter().filter(|s| s.in_memory).map(|s| s.name().to_owned()).collect()
        };
        assert_eq!(memory(&prepared(1, &[], |_| {})), ["proxies:proxy0:password"]);
        assert!(memory(&prepared(1, &[], |settings| settings.keep_passwords = true)).is_empty());
    }

    #[test]
    fn what_is_the_boxs_own_is_never_overwritten() {
        let own = [
            ("feature:auto_update:config_server_url", "https://elsewhere/"),
            ("codecs:opus:priority", "1.0"),
            ("proxies:proxy0:transport", "udp"),
        ];
        let prepared = prepared(1, &own, |settings| settings.timers.every = 600);
        assert_eq!(
            value(&prepared, "feature:auto_update:config_server_url"),
            Some("https://box/p/bria/update?t=token")
        );
        assert_eq!(value(&prepared, "feature:auto_update:update_check_t1_s"), Some("600"));
        assert_eq!(value(&prepared, "feature:auto_update:deffer_timer_t2_s"), Some("60"));
        assert_eq!(value(&prepared, "feature:auto_update:code_server_url"), None, "left out, and never empty");
        assert_eq!(value(&prepared, "system:license:key"), Some("KEY-1"));
        assert_eq!(value(&prepared, "codecs:opus:priority"), Some("1.0"));
        assert_eq!(value(&prepared, "proxies:proxy0:transport"), Some("udp"));
    }
}
