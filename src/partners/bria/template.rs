//! PURE. From a template and a user's accounts to settings. What it makes is read again line by line, so that no
//! template and no value can make anything but settings.

use std::collections::BTreeSet;
use std::error::Error as _;

use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, Value, context};

use super::known;
use super::setting::{self, Misfit, Setting};
use super::user::Account;
use crate::brands::dialect;

/// Steps that a template may take.
const FUEL: u64 = 200_000;
/// The longest template, in bytes.
pub(super) const LONGEST: usize = 64 * 1024;
/// Settings that a template may make.
const MOST: usize = 2000;
/// Accounts that the client has.
pub(super) const ACCOUNTS: usize = 10;
/// What the one template of an environment is called.
const NAME: &str = "template";

/// What desktop clients are told when nobody has written another template.
pub(super) const DESKTOP: &str = include_str!("desktop.ini");
/// What mobile clients are told.
pub(super) const MOBILE: &str = include_str!("mobile.ini");

/// A template that was compiled and tried out.
pub struct Template(Environment<'static>);

/// Who the settings are for.
#[derive(Debug, Clone, Default)]
pub struct Sheet<'a> {
    /// The name that they sign in with.
    pub user: &'a str,
    /// Their SIP accounts.
    pub accounts: &'a [Account],
    /// What the client said it runs on.
    pub platform: Option<&'a str>,
    /// The language that it said it has.
    pub language: Option<&'a str>,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{what}", at(.line))]
pub struct TemplateError {
    /// The line, of the template or, where a value is the matter, of what was made.
    pub line: Option<usize>,
    /// What is wrong, without the value.
    pub what: String,
}

impl Template {
    /// Compiles a template, and tries it out with no account, with one, and with the most; gives it with the names of
    /// settings that are not known, which may be new or misspelt.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub fn read(text: &str) -> Result<(Self, Vec<String>), TemplateError> {
        if text.len() > LONGEST {
            return Err(TemplateError { line: None, what: format!("a template has at most {LONGEST} bytes") });
        }
        let mut environment = dialect::environment(FUEL).map_err(|error| wrong(&error))?;
        environment.set_formatter(write);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.add_template_owned(NAME, text.to_owned()).map_err(|error| wrong(&error))?;
        let template = Self(environment);
        let mut unknown = BTreeSet::new();
        for count in [0, 1, ACCOUNTS] {
            let accounts: Vec<Account> = (0..count).map(Account::sample).collect();
            let sheet = Sheet {
                user: "ann@branch.example",
                accounts: &accounts,
                platform: Some("win32"),
                language: Some("en-US"),
            };
            let made = template.render(&sheet)?;
            unknown.extend(made.iter().map(Setting::name).filter(|name| !known::is_known(name)).map(str::to_owned));
        }
        unknown.retain(|name| !name.starts_with("data:") && !name.starts_with("codec:"));
        Ok((template, unknown.into_iter().collect()))
    }

    /// The settings for one user; of two for the same name the later one counts.
    ///
    /// # Errors
    /// A value that cannot be written, or a template that does not come to an end.
    pub fn render(&self, sheet: &Sheet<'_>) -> Result<Vec<Setting>, TemplateError> {
        let accounts: Vec<Value> = sheet.accounts.iter().take(ACCOUNTS).map(Account::to_value).collect();
        let values = context! {
            user => sheet.user,
            accounts => accounts,
            platform => sheet.platform.unwrap_or_default(),
            language => sheet.language.unwrap_or_default(),
        };
        let template = self.0.get_template(NAME).map_err(|error| wrong(&error))?;
        read(&dialect::render(&template, values).map_err(|error| failed(&error))?)
    }
}

/// Reads settings, one a line, under `[SETTINGS]` and `[##MEMORY##]`.
fn read(text: &str) -> Result<Vec<Setting>, TemplateError> {
    let mut settings: Vec<Setting> = Vec::new();
    let mut memory = false;
    for (index, line) in text.lines().enumerate() {
        let wrong = |what: String| TemplateError { line: Some(index + 1), what };
        let line = line.trim();
        match line {
            "" => continue,
            "[SETTINGS]" if !memory => continue,
            "[##MEMORY##]" => {
                memory = true;
                continue;
            }
            _ if line.starts_with(';') => continue,
            _ if line.starts_with('[') => {
                return Err(wrong("the sections are [SETTINGS] and, after it, [##MEMORY##]".into()));
            }
            _ => {}
        }
        let (name, value) = line.split_once('=').ok_or_else(|| wrong("this is no name=\"value\"".into()))?;
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value =
            value.ok_or_else(|| wrong(format!("the value of {} must stand between double quotes", clean(name))))?;
        let setting = Setting::new(name.trim(), value).map_err(|misfit: Misfit| wrong(misfit.to_string()))?;
        let setting = if memory { setting.in_memory() } else { setting };
        settings.retain(|earlier| earlier.name() != setting.name());
        settings.push(setting);
        if settings.len() > MOST {
            return Err(wrong(format!("more than {MOST} settings")));
        }
    }
    Ok(settings)
}

fn at(line: &Option<usize>) -> String {
    line.map(|line| format!("line {line}: ")).unwrap_or_default()
}

fn clean(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// Writes every value: one that could end its quotes or its line is refused.
fn write(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    if value.is_undefined() || value.is_none() {
        return Err(minijinja::Error::new(ErrorKind::UndefinedError, "nothing is called so"));
    }
    let text = value.to_string();
    setting::sound("a setting", &text)
        .map_err(|misfit| minijinja::Error::new(ErrorKind::BadEscape, "a value was refused").with_source(misfit))?;
    Ok(out.write_str(&text)?)
}

fn wrong(error: &minijinja::Error) -> TemplateError {
    let what = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    TemplateError { line: error.line(), what }
}

/// Leaves out what the engine adds to the kind of its error: while a template runs, that may quote a value.
fn failed(error: &minijinja::Error) -> TemplateError {
    let misfit = error.source().and_then(|source| source.downcast_ref::<Misfit>());
    TemplateError { line: error.line(), what: misfit.map_or_else(|| error.kind().to_string(), Misfit::to_string) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    fn made(text: &str, accounts: &[Account]) -> Result<Vec<Setting>, TemplateError> {
        Template::read(text)?.0.render(&Sheet { user: "ann", accounts, ..Sheet::default() })
    }

    fn value<'a>(settings: &'a [Setting], name: &str) -> Option<&'a str> {
        settings.iter().find(|setting| setting.name() == name).map(Setting::value)
    }

    #[test]
    fn the_built_in_templates_are_sound() {
        for text in [DESKTOP, MOBILE] {
            let (_, unknown) = Template::read(text).unwrap();
            assert_eq!(unknown, Vec::<String>::new());
        }
        let accounts = [Account::sample(0)];
        let settings = made(DESKTOP, &accounts).unwrap();
        assert_eq!(value(&settings, "proxies:proxy0:username"), Some(accounts[0].user.as_str()));
        assert_eq!(value(&settings, "proxies:proxy0:password"), Some(accounts[0].password.expose()));
        assert_eq!(value(&settings, "proxies:proxy1:username"), None);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, line, what) in [
            ("ui:a:b=\"1\"\nui:a:c=1\n", 2, "double quotes"),
            ("[SETTINGS]\nui:a=\"1\"", 2, "three parts"),
            ("[OTHER]\n", 1, "the sections are"),
            ("[##MEMORY##]\n[SETTINGS]\n", 2, "the sections are"),
            ("\n{{ nobody }}", 2, "undefined"),
            ("{% for a in accounts %}", 1, "syntax"),
            ("just words\n", 1, "no name"),
            ("proxies:proxy0:user_name=\"{{ user }}\"\n", 1, "misprint"),
            ("proxies:proxy0:transport=\"TCP\"\n", 1, "one of automatic"),
            ("proxies:proxy10:enabled=\"1\"\n", 1, "from proxy0 to proxy9"),
        ] {
            let error = Template::read(text).err().unwrap_or_else(|| panic!("{text:?} was taken"));
            assert_eq!(error.line, Some(line), "{text:?}: {error}");
            assert!(error.to_string().contains(what), "{text:?}: {error}");
        }
        assert!(Template::read("{% for i in range(9999999) %}{% endfor %}").is_err());
        assert!(Template::read(&"; x\n".repeat(LONGEST / 3)).is_err());
    }

    #[test]
    fn misspelt_names_are_told_and_taken() {
        let (_, unknown) = Template::read("proxies:proxy0:usrname=\"{{ user }}\"\n").unwrap();
        assert_eq!(unknown, ["proxies:proxy0:usrname"]);
    }

    #[test]
    fn no_value_adds_a_setting_and_no_error_shows_one() {
        for hostile in ["x\"\r\nui:evil:x=\"1", "x\nui:evil:x=\"1\"", "x\"", "a\u{2028}b"] {
            let mut account = Account::sample(0);
            account.password = Secret::new(format!("hunter2{hostile}"));
            let error = made(DESKTOP, &[account]).unwrap_err().to_string();
            assert!(!error.contains("hunter2") && !error.contains("evil"), "{error}");
        }
        let mut account = Account::sample(0);
        account.display = "{{ user }} ; [##MEMORY##] = Zoë".into();
        let settings = made(DESKTOP, &[account.clone()]).unwrap();
        assert_eq!(value(&settings, "proxies:proxy0:display_name"), Some(account.display.as_str()));
        assert!(settings.iter().all(|setting| !setting.in_memory));
    }

    #[test]
    fn the_later_of_two_counts_and_memory_is_marked() {
        let settings = made("ui:a:b=\"1\"\n; note\nui:a:b=\"2\"\n[##MEMORY##]\nui:a:c=\"3\"\n", &[]).unwrap();
        let found: Vec<_> = settings.iter().map(|s| (s.name(), s.value(), s.in_memory)).collect();
        assert_eq!(found, [("ui:a:b", "2", false), ("ui:a:c", "3", true)]);
    }
}
