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

/// A value in a template was refused. Carried through the engine's own error.
#[derive(Debug, thiserror::Error)]
#[error("{unfit}")]
struct Refused {
    field: Option<String>,
    unfit: Unfit,
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
            Some(Refused { field: Some(field), unfit }) => Error::Value { field: field.clone(), unfit: *unfit },
            _ => wrong(&self.id, &made.template, &error),
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
    let Some(format) = format else {
        return Err(minijinja::Error::new(ErrorKind::InvalidOperation, "escaping cannot be switched off"));
    };
    let (field, text) = match value.downcast_object_ref::<Field>() {
        Some(field) => (Some(field.name()), field.text()),
        None => match value.as_str() {
            Some(text) => (None, text),
            None if value.kind() == ValueKind::Number && value.is_integer() => return Ok(write!(out, "{value}")?),
            None => {
                let what = format!("{} cannot be written: test it first", value.kind());
                return Err(minijinja::Error::new(ErrorKind::InvalidOperation, what));
            }
        },
    };
    let escaped = format.escape(text).map_err(|unfit| {
        let refused = Refused { field: field.map(str::to_owned), unfit };
        minijinja::Error::new(ErrorKind::BadEscape, "a value was refused").with_source(refused)
    })?;
    Ok(out.write_str(&escaped)?)
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
    let what = match (refusal(error), error.detail()) {
        (Some(refused), _) => format!("a value {refused}"),
        (None, Some(detail)) => format!("{}: {detail}", error.kind()),
        (None, None) => error.kind().to_string(),
    };
    Error::Template { brand: brand.to_owned(), file: file.to_owned(), line: error.line(), what }
}
