//! Putting a backup in the place of what is there: laid out beside it, exchanged at the next start.
//!
//! Each piece is moved by two renames: the old one aside, the new one to its place. A power cut between any two of
//! them leaves a state from which the next start goes on.

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::{Backup, Error, Ground, resource};
use crate::model::Event;
use crate::pki::{Authority, LEAVES};
use crate::store::Limits;
use crate::store::key::{self, KEY_FILE};
use crate::sys::files;

/// Laid out whole: to be exchanged.
const READY: &str = "restore";
/// Being laid out.
const UNREADY: &str = "restore.new";
/// What was there, while it is being exchanged.
const ASIDE: &str = "restore.old";
/// What the new store is to record: the journal that knows of it goes with the old one.
const TOLD: &str = "restored.json";
/// What is exchanged, in this order. After the root, the leaves under the old one go.
const PIECES: [&str; 6] = ["store", "brands", "resources", KEY_FILE, Authority::FILE, TOLD];

impl Backup {
    /// Lays this backup out in the data directory, for the next start, which records `event`. Blocks.
    ///
    /// # Errors
    /// The disk refuses, or has too little room for the start; then nothing is changed, and nothing of it stays.
    pub fn lay_out(&self, ground: &Ground, event: &Event) -> Result<(), Error> {
        let directory = &ground.directory;
        let (unready, ready) = (directory.join(UNREADY), directory.join(READY));
        remove(&unready)?;
        remove(&ready)?;
        self.lay_into(&unready, ground, event).inspect_err(|_| {
            let _ = remove(&unready);
        })?;
        std::fs::rename(&unready, &ready)?;
        files::sync_directory(directory)?;
        Ok(())
    }

    fn lay_into(&self, unready: &Path, ground: &Ground, event: &Event) -> Result<(), Error> {
        files::create_private_directory(unready)?;
        let contents = &self.0;
        contents.store.lay(unready).map_err(|error| Error::System(error.to_string()))?;
        let (brands, resources) = (unready.join("brands"), unready.join("resources"));
        for directory in [&brands, &resources] {
            files::create_private_directory(directory)?;
        }
        for (brand, texts) in &contents.brands {
            let folder = brands.join(brand);
            files::create_private_directory(&folder)?;
            files::create_private_directory(&folder.join("templates"))?;
            for (name, text) in texts {
                files::replace(&folder.join(name), text.as_bytes(), 0o600)?;
            }
        }
        for (name, encoded) in &contents.resources {
            if let Some(bytes) = resource(name, encoded) {
                files::replace(&resources.join(name), &bytes, 0o600)?;
            }
        }
        // What is handed over at each start never lies beside the data. Where nothing else is left the file is empty,
        // takes the place of an older one all the same, and goes when the key is loaded.
        let own = match &ground.credential {
            Some(credential) => key::beyond(contents.key.expose(), credential)?,
            None => Zeroizing::new(contents.key.expose().to_owned()),
        };
        files::replace(&unready.join(KEY_FILE), own.as_bytes(), 0o600)?;
        files::replace(&unready.join(Authority::FILE), contents.root.expose().as_bytes(), 0o600)?;
        let event = serde_json::to_vec(event).map_err(|error| Error::System(error.to_string()))?;
        files::replace(&unready.join(TOLD), &event, 0o600)?;
        if files::free(unready)? < Limits::default().room_to_open {
            return Err(Error::System("the disk has too little room to start with it: make room there first".into()));
        }
        Ok(())
    }
}

/// Exchanges what is there for what was laid out, if anything was, before any of it is opened. Whether it was.
///
/// # Errors
/// The disk refuses; it goes on at the next start.
pub fn apply(directory: &Path) -> io::Result<bool> {
    let (ready, aside) = (directory.join(READY), directory.join(ASIDE));
    if !ready.exists() {
        // One that was cut off while it was laid out.
        remove(&directory.join(UNREADY))?;
        remove(&aside)?;
        return Ok(false);
    }
    files::create_private_directory(&aside)?;
    for piece in PIECES {
        let (new, place) = (ready.join(piece), directory.join(piece));
        if !new.exists() {
            continue;
        }
        if place.exists() {
            let old = aside.join(piece);
            remove(&old)?;
            std::fs::rename(&place, &old)?;
        }
        std::fs::rename(&new, &place)?;
        files::sync_directory(directory)?;
    }
    for leaf in LEAVES {
        remove(&directory.join(leaf))?;
    }
    remove(&ready)?;
    remove(&aside)?;
    files::sync_directory(directory)?;
    Ok(true)
}

/// What is to be recorded of the backup that was put in force, until that is done.
pub fn told(directory: &Path) -> Option<Event> {
    serde_json::from_slice(&std::fs::read(directory.join(TOLD)).ok()?).ok()
}

/// It is recorded.
///
/// # Errors
/// The disk refuses.
pub fn recorded(directory: &Path) -> io::Result<()> {
    remove(&directory.join(TOLD))
}

/// Removes a file or a directory; none is fine, and a link is removed and not followed.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(about) if about.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lay(directory: &Path, from: &str, text: &str) {
        let base = directory.join(from);
        for folder in ["store", "brands", "resources"] {
            std::fs::create_dir_all(base.join(folder)).unwrap();
            std::fs::write(base.join(folder).join("x"), text).unwrap();
        }
        for file in [KEY_FILE, Authority::FILE, TOLD] {
            std::fs::write(base.join(file), text).unwrap();
        }
    }

    fn holds(directory: &Path, text: &str) -> bool {
        let folders = ["store", "brands", "resources"].map(|folder| directory.join(folder).join("x"));
        let files = [KEY_FILE, Authority::FILE, TOLD].map(|file| directory.join(file));
        folders.iter().chain(&files).all(|path| std::fs::read_to_string(path).is_ok_and(|found| found == text))
    }

    #[test]
    fn is_exchanged_once_and_the_leaves_under_the_old_root_go() {
        let directory = tempfile::tempdir().unwrap();
        lay(directory.path(), "", "old");
        std::fs::write(directory.path().join(LEAVES[0]), "old").unwrap();
        assert!(!apply(directory.path()).unwrap());
        lay(directory.path(), READY, "new");
        assert!(apply(directory.path()).unwrap());
        assert!(holds(directory.path(), "new"));
        assert!(!directory.path().join(LEAVES[0]).exists());
        assert!(!directory.path().join(READY).exists() && !directory.path().join(ASIDE).exists());
        assert!(!apply(directory.path()).unwrap());
    }

    /// After each of the renames the power fails: the next start ends with what was laid out, whole.
    #[test]
    fn goes_on_wherever_it_was_cut_off() {
        for done in 0..=PIECES.len() * 2 {
            let directory = tempfile::tempdir().unwrap();
            lay(directory.path(), "", "old");
            lay(directory.path(), READY, "new");
            std::fs::create_dir(directory.path().join(ASIDE)).unwrap();
            for step in 0..done {
                let piece = PIECES[step / 2];
                let place = directory.path().join(piece);
                if step % 2 == 0 {
                    std::fs::rename(&place, directory.path().join(ASIDE).join(piece)).unwrap();
                } else {
                    std::fs::rename(directory.path().join(READY).join(piece), place).unwrap();
                }
            }
            assert!(apply(directory.path()).unwrap(), "{done}");
            assert!(holds(directory.path(), "new"), "{done}");
        }
    }
}
