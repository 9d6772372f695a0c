use std::borrow::Cow;
use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};

use super::brand::Brand;
use super::error::Error;
use super::file_rule::{FileKind, FileRule};
use super::pattern::Places;

/// The folders of this directory as they were when the program was built.
static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/brands");

/// All brands that the box knows.
#[derive(Debug)]
pub struct Registry {
    brands: Vec<Brand>,
}

/// A brand's folder in memory.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Its name, the brand's id.
    pub id: String,
    /// Its files, by path below it: `brand.toml`, `templates/own.cfg`. Others are not looked at.
    pub files: BTreeMap<String, Cow<'static, str>>,
}

/// What a name means, when a phone asks for it.
#[derive(Debug, Clone)]
pub enum FileMatch<'a> {
    /// A file for those who may have it, or the name of an upload.
    Served {
        /// Whose name it is.
        brand: &'a Brand,
        /// The file.
        rule: &'a FileRule,
        /// What stands in the name's places.
        places: Places,
    },
    /// A name that phones ask for and that is served to nobody.
    Withheld,
    /// A name that no brand asks for.
    Unknown,
}

/// Longer names are nobody's.
const LONGEST_NAME: usize = 256;

impl Registry {
    /// The brands that came with the program.
    pub fn builtin() -> Result<Self, Error> {
        Self::load(&Folder::built_in())
    }

    /// Reads these folders. Where two brands use one name, the one that stands first has it.
    pub fn load(folders: &[Folder]) -> Result<Self, Error> {
        let brands = folders.iter().map(Brand::read).collect::<Result<Vec<_>, _>>()?;
        for (at, brand) in brands.iter().enumerate() {
            if brands.iter().skip(at + 1).any(|other| other.id == brand.id) {
                return Err(Error::Manifest { brand: brand.id.clone(), what: "there are two of this name".into() });
            }
        }
        Ok(Self { brands })
    }

    /// All brands.
    pub fn brands(&self) -> impl Iterator<Item = &Brand> {
        self.brands.iter()
    }

    /// The brand of this folder name.
    pub fn brand(&self, id: &str) -> Option<&Brand> {
        self.brands.iter().find(|brand| brand.id == id)
    }

    /// What a file name means. `path` is in any case; only as many of its last parts count as the name has.
    pub fn file(&self, path: &str) -> FileMatch<'_> {
        self.file_of(path, None)
    }

    /// What a file name means to a phone that is known or claims to be of the brand `id`: several brands use the
    /// same names. A phone of a brand for which no file is made is not given another brand's.
    pub fn file_of(&self, path: &str, id: Option<&str>) -> FileMatch<'_> {
        if path.len() > LONGEST_NAME {
            return FileMatch::Unknown;
        }
        let hinted = id.and_then(|id| self.brand(id));
        if let Some(brand) = hinted.filter(|brand| !brand.makes_files()) {
            return brand.file(path).unwrap_or(FileMatch::Unknown);
        }
        hinted.into_iter().chain(&self.brands).find_map(|brand| brand.file(path)).unwrap_or(FileMatch::Unknown)
    }
}

impl Brand {
    /// Of several rules that fit, the first holds.
    fn file(&self, path: &str) -> Option<FileMatch<'_>> {
        let (rule, places) = self.files.iter().find_map(|rule| Some((rule, rule.name.matches(path)?)))?;
        Some(match rule.kind {
            FileKind::Withheld => FileMatch::Withheld,
            _ => FileMatch::Served { brand: self, rule, places },
        })
    }
}

impl Folder {
    /// The folders that came with the program: every one that holds a `brand.toml`.
    pub fn built_in() -> Vec<Self> {
        let mut folders: Vec<Self> = BUILT_IN.dirs().filter_map(Self::embedded).collect();
        folders.sort_by(|one, other| one.id.cmp(&other.id));
        folders
    }

    fn embedded(dir: &'static Dir<'static>) -> Option<Self> {
        let mut files = BTreeMap::new();
        let templates = dir.dirs().filter(|sub| sub.path().ends_with("templates")).flat_map(Dir::files);
        for file in dir.files().chain(templates) {
            let name = file.path().strip_prefix(dir.path()).ok()?.to_str()?.to_owned();
            files.insert(name, Cow::Borrowed(file.contents_utf8()?));
        }
        let id = dir.path().to_str()?.to_owned();
        files.contains_key("brand.toml").then_some(Self { id, files })
    }
}
