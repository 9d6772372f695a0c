//! An administrator's brand folders, as they lie in the data directory: `brands/<id>/brand.toml` and `templates/`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::backup::{UNFIT_NAME, is_brand, is_template};
use crate::brands::Folder;

/// Name of the directory in the data directory.
const DIRECTORY: &str = "brands";
/// Folders that are looked at.
const MOST_FOLDERS: usize = 64;
/// Files of one folder that are looked at.
const MOST_FILES: usize = 128;
/// The largest file, in bytes.
const LARGEST: u64 = 256 << 10;

/// Why a link is left out: a backup has nothing that lies elsewhere, and a box that is put back would lack the brand.
const LINKED: &str = "it is a link: put the folder itself here, so that a backup has it";

/// A folder or file that could not be read, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// Name of the folder.
    pub(super) brand: String,
    /// What is wrong.
    pub(super) what: String,
}

/// Reads the folders, by name. One that cannot be read whole is left out.
pub(super) fn read(data: &Path) -> (Vec<Folder>, Vec<Unreadable>) {
    let mut names: Vec<String> = match fs::read_dir(data.join(DIRECTORY)) {
        Ok(entries) => {
            entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok()).collect()
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return (Vec::new(), Vec::new()),
        Err(error) => {
            let unreadable = Unreadable { brand: DIRECTORY.to_owned(), what: error.to_string() };
            return (Vec::new(), vec![unreadable]);
        }
    };
    names.retain(|name| is_brand(name));
    names.sort();
    let (mut folders, mut unreadable) = (Vec::new(), Vec::new());
    for brand in names.split_off(names.len().min(MOST_FOLDERS)) {
        unreadable.push(Unreadable { brand, what: format!("there are more than {MOST_FOLDERS} folders") });
    }
    for name in names {
        let path = data.join(DIRECTORY).join(&name);
        let linked = path.is_symlink() || path.join("templates").is_symlink();
        match if linked { Err(LINKED.into()) } else { folder(&path) } {
            Ok(files) => folders.push(Folder { id: name, files }),
            Err(what) => unreadable.push(Unreadable { brand: name, what }),
        }
    }
    (folders, unreadable)
}

/// Texts of a brand folder by their paths in it.
pub(crate) type Files = BTreeMap<String, std::borrow::Cow<'static, str>>;

/// Reads one folder: its `brand.toml` and its `templates/`; what else lies there is left alone.
///
/// # Errors
/// When a file of it cannot be read, is no text, is too large, or has a name that no backup holds: names the file.
pub(crate) fn folder(path: &Path) -> Result<Files, String> {
    let mut files = Files::new();
    for (below, prefix) in [(path.to_owned(), ""), (path.join("templates"), "templates/")] {
        let entries = match fs::read_dir(&below) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("{prefix}: {error}")),
        };
        for entry in entries {
            let entry = entry.map_err(|error| error.to_string())?;
            let name = entry.file_name().into_string().map_err(|_| "the name of a file is no text".to_owned())?;
            let wanted = name == "brand.toml" || !prefix.is_empty();
            if !wanted || name.starts_with('.') || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            if files.len() == MOST_FILES {
                return Err(format!("there are more than {MOST_FILES} files"));
            }
            let name = format!("{prefix}{name}");
            if !is_template(&name) {
                return Err(format!("{name}: {UNFIT_NAME}"));
            }
            let text = text(&entry.path()).map_err(|error| format!("{name}: {error}"))?;
            files.insert(name, text.into());
        }
    }
    Ok(files)
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    let fits = text.len() as u64 <= LARGEST;
    fits.then_some(text).ok_or_else(|| io::Error::other(format!("it is larger than {LARGEST} bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_with_their_templates_and_nothing_else() {
        let data = tempfile::tempdir().unwrap();
        let brands = data.path().join("brands");
        assert_eq!(read(data.path()).0.len(), 0, "there are none");
        fs::create_dir_all(brands.join("toy/templates")).unwrap();
        fs::create_dir_all(brands.join("Other Name")).unwrap();
        fs::create_dir_all(brands.join("broken/templates")).unwrap();
        fs::create_dir_all(brands.join("large/templates")).unwrap();
        fs::create_dir_all(brands.join("spaced/templates")).unwrap();
        for (name, text) in [
            ("toy/brand.toml", &b"name = \"Toy\""[..]),
            ("toy/NOTES.md", b"notes"),
            ("toy/templates/own.txt", b"x"),
            ("toy/templates/.own.txt.swp", b"x"),
            ("broken/templates/own.txt", b"\xff"),
            ("large/templates/own.txt", &vec![b'x'; 300 << 10]),
            ("spaced/templates/own file.txt", b"x"),
        ] {
            fs::write(brands.join(name), text).unwrap();
        }
        std::os::unix::fs::symlink(brands.join("toy"), brands.join("leads")).unwrap();
        fs::create_dir_all(brands.join("partly")).unwrap();
        std::os::unix::fs::symlink(brands.join("toy/templates"), brands.join("partly/templates")).unwrap();
        let (folders, unreadable) = read(data.path());
        let [toy] = &folders[..] else { panic!("{folders:?}") };
        assert_eq!(toy.id, "toy");
        assert_eq!(toy.files.keys().map(String::as_str).collect::<Vec<_>>(), ["brand.toml", "templates/own.txt"]);
        let named: Vec<&str> = unreadable.iter().map(|folder| folder.brand.as_str()).collect();
        assert_eq!(named, ["broken", "large", "leads", "partly", "spaced"]);
        assert!(unreadable[2..4].iter().all(|folder| folder.what == LINKED), "{unreadable:?}");
        assert!(unreadable[1].what.contains("templates/own.txt: it is larger"), "{unreadable:?}");
        assert!(unreadable[4].what.contains(&format!("templates/own file.txt: {UNFIT_NAME}")), "{unreadable:?}");
    }
}
