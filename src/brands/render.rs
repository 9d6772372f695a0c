use std::collections::BTreeMap;
use std::error::Error as _;

use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, Value};

use super::brand::Brand;
use super::context::{self, Field, Maps, Written};
use super::dialect;
use super::error::Error;
use super::escape::{Format, Unfit};
use super::file_rule::FileRule;
use super::named;
use super::registry::Folder;
use super::sheet::{Rendered, Sheet};

mod words;

/// Steps that a template may take: the longest list of lines takes less than a tenth of this.
const FUEL: u64 = 1_000_000;

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
    #[error("brand.toml does not say how a setting stands in this file")]
    Shapeless,
    #[error("{0}")]
    Misused(&'static str),
}

/// How settings stand in the files of one template.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shape {
    format: Format,
    /// What stands before the name, between name and value, and after the value, where a setting has one form.
    setting: Option<[String; 3]>,
    /// Whether the name is that of an XML element or attribute.
    element: bool,
}

impl Shape {
    fn of(format: Format, setting: Option<&str>) -> Self {
        let parts = setting.and_then(|setting| {
            let (before, rest) = setting.split_once("{name}")?;
            let (between, after) = rest.split_once("{value}")?;
            Some([before.to_owned(), between.to_owned(), after.to_owned()])
        });
        let element = parts
            .as_ref()
            .is_some_and(|[before, between, _]| before.trim_end().ends_with('<') || between.starts_with('='));
        Self { format, setting: parts, element }
    }

    /// One setting with the end of its line. Where the name stands again behind the value, it closes the element.
    fn write(&self, name: &str, value: &Value) -> Result<String, Refused> {
        let Some([before, between, after]) = &self.setting else { return Err(Refused::Shapeless) };
        let named = |unfit| Refused::Value { field: Some(format!("the setting {name}")), unfit };
        self.format.check_name(name, self.element).map_err(named)?;
        let value = match value.downcast_object_ref::<Written>() {
            Some(written) => written.text().to_owned(),
            None => escaped(self.format, value)?,
        };
        Ok(format!("{before}{name}{between}{value}{}\n", after.replace("{name}", name)))
    }
}

impl Templates {
    pub(super) fn compile(folder: &Folder, files: &[FileRule], maps: &Maps) -> Result<Self, Error> {
        let shapes = shapes(folder, files)?;
        let mut environment = dialect::environment(FUEL).map_err(|error| wrong(&folder.id, "", &error))?;
        environment.set_formatter(write);
        let formats = shapes.clone();
        environment.set_auto_escape_callback(move |name| match formats.get(name) {
            Some(shape) => AutoEscape::Custom(shape.format.name().into()),
            None => AutoEscape::None,
        });
        words::add(&mut environment, &shapes);
        for name in shapes.keys() {
            let missing =
                || Error::Manifest { brand: folder.id.clone(), what: format!("there is no templates/{name}") };
            let source = folder.files.get(&format!("templates/{name}")).ok_or_else(missing)?;
            environment
                .add_template_owned(name.clone(), source.clone())
                .map_err(|error| wrong(&folder.id, name, &error))?;
        }
        let templates = Self { brand: folder.id.clone(), environment };
        templates.check_names(files, maps)?;
        Ok(templates)
    }

    /// A misspelt name is found when the folder is read, not when the first phone asks.
    fn check_names(&self, files: &[FileRule], maps: &Maps) -> Result<(), Error> {
        for (file, template) in self.environment.templates() {
            let part = !files.iter().filter_map(|rule| rule.made.as_ref()).any(|made| made.template == file);
            let mut unknown: Vec<String> = template.undeclared_variables(true).into_iter().collect();
            unknown.sort();
            unknown.retain(|path| match path.split_once('.') {
                Some(("maps", name)) => maps.get(name.split('.').next().unwrap_or_default()).is_none(),
                Some((topic, name)) if !context::has(topic, name) => true,
                Some((name, _)) => !context::is_name(name, part),
                None => !context::is_name(path, part),
            });
            if let Some(name) = unknown.first() {
                let last = name.rsplit('.').next().unwrap_or_default();
                let line = template.source().lines().position(|line| line.contains(last)).map(|at| at + 1);
                let what = format!("nothing is called {name}; docs/templates.md lists what there is");
                return Err(Error::Template { brand: self.brand.clone(), file: file.to_owned(), line, what });
            }
        }
        Ok(())
    }
}

/// How settings stand in each template: in those that make files as `brand.toml` says, in parts that those include as
/// in the files whose templates have the same extension.
fn shapes(folder: &Folder, files: &[FileRule]) -> Result<BTreeMap<String, Shape>, Error> {
    let made = files.iter().filter_map(|rule| rule.made.as_ref());
    let mut shapes: BTreeMap<String, Shape> =
        made.map(|made| (made.template.clone(), Shape::of(made.format, made.setting.as_deref()))).collect();
    let whole = shapes.clone();
    let extension = |name: &str| name.rsplit_once('.').map(|(_, extension)| extension.to_owned());
    let parts = folder.files.keys().filter_map(|path| path.strip_prefix("templates/"));
    for part in parts.filter(|name| !whole.contains_key(*name)) {
        let mut alike = whole.iter().filter(|(name, _)| extension(name) == extension(part)).map(|(_, shape)| shape);
        let first = alike.next();
        let Some(shape) = first.filter(|first| alike.all(|other| other == *first)) else {
            let what = format!("templates/{part} makes no file, and its extension does not say what it is part of");
            return Err(Error::Manifest { brand: folder.id.clone(), what });
        };
        shapes.insert(part.to_owned(), shape.clone());
    }
    Ok(shapes)
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
        let text = numbered(dialect::render(&template, values).map_err(failed)?);
        let resources = named::resources(&text, sheet);
        Ok(Rendered { bytes: text.into_bytes(), content_type: made.content_type.clone(), resources })
    }
}

/// The text with its revision put in, where its template asks for one: from 1 to 65535, by FNV-1a over all the rest.
fn numbered(text: String) -> String {
    if !text.contains(context::REVISION) {
        return text;
    }
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    text.replace(context::REVISION, &(hash % 65_535 + 1).to_string())
}

/// Writes every value of every template, in the format of the template that it stands in.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    if let Some(written) = value.downcast_object_ref::<Written>() {
        return Ok(out.write_str(written.text())?);
    }
    let Some(format) = format_of(state) else { return Err(Refused::Unescaped.into()) };
    Ok(out.write_str(&escaped(format, value)?)?)
}

fn format_of(state: &State<'_, '_>) -> Option<Format> {
    match state.auto_escape() {
        AutoEscape::Custom(name) => Format::named(name),
        _ => None,
    }
}

/// A value as it may stand in a file of this format.
fn escaped(format: Format, value: &Value) -> Result<String, Refused> {
    if let Some(written) = value.downcast_object_ref::<Written>() {
        return Ok(written.text().to_owned());
    }
    on_text(value, |text| Ok(format.escape(text)?.into_owned()))
}

/// Applies `work` to the text of a value, whose name a refusal then bears.
fn on_text(value: &Value, work: impl FnOnce(&str) -> Result<String, Unfit>) -> Result<String, Refused> {
    if value.is_integer() {
        return Ok(value.to_string());
    }
    let (field, text) = match value.downcast_object_ref::<Field>() {
        Some(field) => (Some(field.name()), field.text()),
        None => (None, value.as_str().ok_or_else(|| Refused::Kind(value.kind()))?),
    };
    work(text).map_err(|unfit| Refused::Value { field: field.map(str::to_owned), unfit })
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
    // What failed in a part of the file is wrapped in an error of the file.
    let mut error = error;
    while let Some(inner) = error.source().and_then(|source| source.downcast_ref()) {
        error = inner;
    }
    let what = refusal(error).map_or_else(|| error.kind().to_string(), Refused::to_string);
    let file = error.name().unwrap_or(file);
    Error::Template { brand: brand.to_owned(), file: file.to_owned(), line: error.line(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_xml_itself_reads_are_told_from_those_in_quotes() {
        let of = |setting| Shape::of(Format::Xml, Some(setting)).element;
        assert!(of("<{name}>{value}</{name}>") && of("  {name}=\"{value}\""));
        assert!(!of("<set name=\"{name}\" value=\"{value}\"/>"));
    }

    #[test]
    fn the_longest_lists_take_less_than_a_tenth_of_the_fuel() {
        for folder in Folder::built_in() {
            let mut brand = Brand::read(&folder).unwrap();
            brand.templates.environment.set_fuel(Some(FUEL / 10));
            brand.rehearse().unwrap();
        }
    }
}
