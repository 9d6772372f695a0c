use std::collections::BTreeMap;
use std::error::Error as _;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, Value};

use super::brand::{Brand, FileRule};
use super::context::{self, Field};
use super::error::Error;
use super::escape::{Format, Unfit};
use super::registry::Folder;
use super::sheet::{Rendered, Sheet};

/// Steps that a template may take: the longest list of lines takes less than a tenth of this.
const FUEL: u64 = 200_000;

/// A brand's templates, compiled once.
pub(super) struct Templates {
    brand: String,
    environment: Environment<'static>,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.environment.templates().map(|(name, _)| name)).finish()
    }
}

/// What this module itself finds wrong while a template runs, carried through the engine's own error.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("a value {unfit}")]
    Value { field: Option<String>, unfit: Unfit },
    #[error("{0} cannot be written: test it first")]
    Kind(ValueKind),
    #[error("escaping cannot be switched off")]
    Unescaped,
}

impl Templates {
    pub(super) fn compile(folder: &Folder, files: &[FileRule]) -> Result<Self, Error> {
        let made: BTreeMap<String, Format> = files
            .iter()
            .filter_map(|rule| rule.made.as_ref())
            .map(|made| (made.template.clone(), made.format))
            .collect();
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_debug(false);
        environment.set_formatter(write);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
        environment.set_syntax(syntax.map_err(|error| wrong(&folder.id, "", &error))?);
        let formats = made.clone();
        environment.set_auto_escape_callback(move |name| match formats.get(name) {
            Some(format) => AutoEscape::Custom(format.name().into()),
            None => AutoEscape::None,
        });
        for name in made.keys() {
            let missing =
                || Error::Manifest { brand: folder.id.clone(), what: format!("there is no templates/{name}") };
            let source = folder.files.get(&format!("templates/{name}")).ok_or_else(missing)?;
            environment
                .add_template_owned(name.clone(), source.clone())
                .map_err(|error| wrong(&folder.id, name, &error))?;
        }
        let templates = Self { brand: folder.id.clone(), environment };
        templates.check_names()?;
        Ok(templates)
    }

    /// A misspelt name is found when the folder is read, not when the first phone asks.
    fn check_names(&self) -> Result<(), Error> {
        for (file, template) in self.environment.templates() {
            let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
            unknown.retain(|name| !context::NAMES.contains(&name.as_str()) && name != "range");
            unknown.sort();
            if let Some(name) = unknown.first() {
                let line = template.source().lines().position(|line| line.contains(name.as_str())).map(|at| at + 1);
                let what = format!("nothing is called {name}; there is {}", context::NAMES.join(", "));
                return Err(Error::Template { brand: self.brand.clone(), file: file.to_owned(), line, what });
            }
        }
        Ok(())
    }
}

impl Brand {
    /// Makes a file of this brand. Equal sheets give equal bytes.
    ///
    /// A value that the format cannot hold is refused with its name, and nothing is made: the phone keeps what it
    /// has. A common file is made without any secret, whatever the sheet holds.
    pub fn render(&self, rule: &FileRule, sheet: &Sheet<'_>) -> Result<Rendered, Error> {
        let made = rule.made.as_ref().ok_or(Error::Withheld)?;
        let values = context::build(self, rule, sheet)?;
        let failed = |error: minijinja::Error| match refusal(&error) {
            Some(Refused::Value { field: Some(field), unfit }) => Error::Value { field: field.clone(), unfit: *unfit },
            _ => failed_while_running(&self.id, &made.template, &error),
        };
        let template = self.templates.environment.get_template(&made.template).map_err(failed)?;
        let text = template.render(values).map_err(failed)?;
        Ok(Rendered { bytes: text.into_bytes(), content_type: made.content_type.clone() })
    }
}

/// Writes every value of every template, in the format of the template that it stands in.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    let format = match state.auto_escape() {
        AutoEscape::Custom(name) => Format::named(name),
        _ => None,
    };
    let Some(format) = format else { return Err(Refused::Unescaped.into()) };
    let (field, text) = match value.downcast_object_ref::<Field>() {
        Some(field) => (Some(field.name()), field.text()),
        None => match value.as_str() {
            Some(text) => (None, text),
            None if value.is_integer() => return Ok(write!(out, "{value}")?),
            None => return Err(Refused::Kind(value.kind()).into()),
        },
    };
    let refused = |unfit| Refused::Value { field: field.map(str::to_owned), unfit };
    let escaped = format.escape(text).map_err(refused)?;
    Ok(out.write_str(&escaped)?)
}

impl From<Refused> for minijinja::Error {
    fn from(refused: Refused) -> Self {
        Self::new(ErrorKind::BadEscape, "a value was refused").with_source(refused)
    }
}

fn refusal(error: &minijinja::Error) -> Option<&Refused> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(refused) = error.downcast_ref() {
            return Some(refused);
        }
        source = error.source();
    }
    None
}

fn wrong(brand: &str, file: &str, error: &minijinja::Error) -> Error {
    let what = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    Error::Template { brand: brand.to_owned(), file: file.to_owned(), line: error.line(), what }
}

/// Leaves out what the engine adds to the kind of its error: while a template runs, that may quote a value.
fn failed_while_running(brand: &str, file: &str, error: &minijinja::Error) -> Error {
    let what = refusal(error).map_or_else(|| error.kind().to_string(), Refused::to_string);
    Error::Template { brand: brand.to_owned(), file: file.to_owned(), line: error.line(), what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brands::{Content, FileKind};
    use crate::model::{FirstContact, Id, Line, Login, Mac, Phone, Secret, Timestamp, Transport};

    #[test]
    fn the_longest_list_takes_less_than_a_tenth_of_the_fuel() {
        let at = Timestamp::from_secs(1_800_000_000);
        let line = Line {
            user: "201".into(),
            auth_user: None,
            password: Secret::new("secret"),
            display: "Desk".into(),
            server: "sip.example.net".into(),
            port: None,
            transport: Transport::Tls,
            expires: Line::DEFAULT_EXPIRES,
            voicemail: Some("*97".into()),
        };
        let phone = Phone {
            id: Id::new(at, 1),
            version: 1,
            origin: Id::new(at, 9),
            mac: Mac::new([0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56]),
            organisation: Id::new(at, 2),
            brand: None,
            model: None,
            name: "Reception".into(),
            lines: vec![line; Line::MOST],
            login: None,
            pending_login: None,
            first_contact: FirstContact::Waiting,
            created: at,
        };
        let login = Login { user: "p1".into(), password: Secret::new("secret") };
        for folder in Folder::built_in() {
            let mut brand = Brand::read(&folder).unwrap();
            brand.templates.environment.set_fuel(Some(FUEL / 10));
            for rule in brand.files().iter().filter(|rule| rule.kind != FileKind::Withheld) {
                let sheet = Sheet {
                    content: Content::Full,
                    phone: Some(&phone),
                    organisation: None,
                    login: Some(&login),
                    time_server: [10, 66, 0, 1].into(),
                    ca_url: "http://10.66.0.1/p/ca.pem",
                    provisioning_url: "https://10.66.0.1/p/",
                    asked: None,
                    book: None,
                };
                brand.render(rule, &sheet).unwrap();
            }
        }
    }
}
