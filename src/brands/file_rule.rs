use std::collections::BTreeSet;

use serde::Deserialize;

use super::escape::Format;
use super::manifest;
use super::pattern::{Pattern, Places};
use crate::model::ResourceKind;

/// A file that phones of a brand ask for, or send.
#[derive(Debug, Clone)]
pub struct FileRule {
    /// What it is.
    pub kind: FileKind,
    /// Whether it may hold secrets of the phone that it belongs to.
    pub secret: bool,
    /// When phones ask for it, lowest first; files with the same number replace each other.
    pub order: u8,
    /// Of a phone book: the parameter of the query that says what is looked for.
    pub search: Option<String>,
    /// Of an upload: most bytes that are kept.
    pub largest: usize,
    /// Of an upload: whether the phone fetches it again, as at its next boot.
    pub given_back: bool,
    /// Of resources: which kinds are found by this name.
    pub holds: Vec<ResourceKind>,
    pub(super) name: Pattern,
    pub(super) made: Option<Made>,
}

/// How a file is made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) template: String,
    pub(super) format: Format,
    pub(super) content_type: String,
    /// How one setting stands in it, with places for {name} and {value}.
    pub(super) setting: Option<String>,
}

impl FileRule {
    /// Most bytes of an upload that says nothing of its own.
    pub const UPLOAD: usize = 256 * 1024;

    /// The name as `brand.toml` writes it, with its places in braces.
    pub fn name(&self) -> &str {
        self.name.written()
    }

    /// The name with its places filled; `None` when one of them is not known.
    pub fn name_for(&self, places: &Places) -> Option<String> {
        self.name.fill(places)
    }

    /// Whether it comes from a template.
    pub fn is_made(&self) -> bool {
        self.made.is_some()
    }
}

/// What a file is: whose, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// One phone's, made from its settings. With secrets unless it says otherwise.
    Own,
    /// One for many phones; never holds a secret.
    Common,
    /// A phone book, for phones that may see it: the one whose number is the `{id}` in its name, else all that the
    /// phone shows.
    Book,
    /// A picture, a sound or XML that an administrator gave to the box, found by `{file}`, else by the last part of the
    /// name.
    Resource,
    /// What a phone sends up and may fetch again. It may hold secrets, and is given to nobody else.
    Upload,
    /// A firmware image.
    Firmware,
    /// Asked of whatever answers at that name; everybody is sent to where the files are.
    Redirect,
    /// Asked for, and given to nobody.
    Withheld,
}

/// Reads a file's rule of a manifest.
pub(super) fn read(file: &manifest::File) -> Result<FileRule, String> {
    let name = Pattern::read(&file.name)?;
    let made = match (&file.template, file.format, &file.content_type) {
        (Some(template), Some(format), Some(content_type)) => {
            let setting = file.setting.clone().or_else(|| format.usual_setting().map(str::to_owned));
            if setting.as_ref().is_some_and(|setting| !setting.contains("{name}") || !setting.contains("{value}")) {
                return Err(format!("file {}: setting needs places for {{name}} and {{value}}", file.name));
            }
            Some(Made { template: template.clone(), format, content_type: content_type.clone(), setting })
        }
        (None, None, None) => None,
        _ => return Err(format!("file {}: template, format and content-type go together", file.name)),
    };
    check_alone(file, made.is_some(), name.names_a_mac()).map_err(|what| format!("file {}: {what}", file.name))?;
    let given_back = file.kind == FileKind::Upload && file.given_back.unwrap_or(true);
    Ok(FileRule {
        kind: file.kind,
        secret: file.kind == FileKind::Own && file.secret.unwrap_or(true) || given_back,
        order: file.order,
        search: file.search.clone(),
        largest: file.largest.unwrap_or(FileRule::UPLOAD),
        given_back,
        holds: file.holds.clone().unwrap_or_else(|| ResourceKind::ALL.to_vec()),
        name,
        made,
    })
}

fn check_alone(file: &manifest::File, made: bool, names_a_mac: bool) -> Result<(), String> {
    use FileKind::{Book, Common, Firmware, Own, Redirect, Resource, Upload, Withheld};
    match (file.kind, made) {
        (Resource | Firmware | Redirect | Withheld, true) => return Err("nothing is made for it".into()),
        (Own | Common | Book, false) => return Err("it needs a template".into()),
        (Upload, true) if file.given_back == Some(false) => return Err("it is made, and never given".into()),
        _ => {}
    }
    match (file.kind, names_a_mac, file.without_mac) {
        (Own | Upload, false, false) => return Err("it is one phone's and names no {mac}".into()),
        (Own | Upload, true, true) => return Err("it names a {mac}, and says that it does not".into()),
        (Common, true, _) => return Err("it is for many phones and names a {mac}".into()),
        (Common | Book | Resource | Firmware | Redirect | Withheld, _, true) => {
            return Err("it is not one phone's".into());
        }
        _ => {}
    }
    for (key, said, of) in [
        ("secret", file.secret.is_some(), Own),
        ("search", file.search.is_some(), Book),
        ("holds", file.holds.is_some(), Resource),
        ("largest", file.largest.is_some(), Upload),
        ("given-back", file.given_back.is_some(), Upload),
    ] {
        if said && file.kind != of {
            return Err(format!("{key} says nothing about a file of this kind"));
        }
    }
    Ok(())
}

/// Checks rules against each other. One template is one kind's and one format's, so that what it may hold never depends
/// on who asks for it.
pub(super) fn check(files: &[FileRule]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for rule in files {
        if !names.insert(rule.name().to_ascii_lowercase()) {
            return Err(format!("file {} stands twice", rule.name()));
        }
        let Some(made) = &rule.made else { continue };
        let differs = |other: &FileRule| {
            other.made.as_ref().is_some_and(|theirs| {
                let same = (other.kind, other.secret) == (rule.kind, rule.secret)
                    && (theirs.format, &theirs.setting) == (made.format, &made.setting);
                theirs.template == made.template && !same
            })
        };
        if files.iter().any(differs) {
            return Err(format!("template {} serves files of two kinds or formats", made.template));
        }
    }
    Ok(())
}
