//! What is stored, as text, to be kept outside the box and to be laid into another one: the two snapshots.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::key::Key;
use super::record::{Part, Place};
use super::recovery;
use super::schema::{MIGRATIONS, migrate};
use super::snapshot::{self, Header};
use super::view::View;
use super::{Error, STORE_DIRECTORY, Store};
use crate::sys::files;

/// Documents and leases, as their snapshots have them: secrets are sealed as they are in the store.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copied {
    documents: String,
    leases: String,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopiedFacts {
    /// Phones on the list.
    pub phones: usize,
    /// Organisations.
    pub organisations: usize,
    /// Leases.
    pub leases: usize,
}

impl Store {
    /// What is stored now, but for events.
    pub fn copied(&self) -> Copied {
        let shared = &self.shared;
        // The texts are made afterwards: nothing is stored, and soon nobody reads, while the view is held.
        let (generation, next_event, documents, leases) = {
            let view = shared.view();
            (view.generation, view.next_event(), view.records(Part::Documents), view.records(Part::Leases))
        };
        let time = shared.clock.certain();
        let text = |records| {
            let header = Header::new(shared.schema, generation, time, next_event, &shared.check);
            snapshot::to_text(header, records)
        };
        Copied { documents: text(&documents), leases: text(&leases) }
    }
}

impl Copied {
    /// Bytes that it takes.
    pub fn size(&self) -> usize {
        self.documents.len() + self.leases.len()
    }

    /// Checks that it is whole, that this program knows its schema, and that `key` opens it; how much there is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn examine(&self, key: &Key) -> Result<CopiedFacts, Error> {
        let mut facts = CopiedFacts { phones: 0, organisations: 0, leases: 0 };
        for (name, text) in [("documents", &self.documents), ("leases", &self.leases)] {
            let damaged = || Error::Damaged { path: name.into(), what: "they are not whole".into() };
            let (header, records) = snapshot::of_text(text.as_bytes()).ok_or_else(damaged)?;
            // With a record that cannot be read the store would not open.
            let current = migrate(header.schema, || records.clone(), MIGRATIONS)?.unwrap_or(records);
            key.open(&header.check, "store", "check")?;
            let mut view = View::default();
            for (record, bytes) in current {
                let place = Place::from_key(&record).ok_or_else(damaged)?;
                match place {
                    Place::Phone(_) => facts.phones += 1,
                    Place::Organisation(_) => facts.organisations += 1,
                    Place::Lease(..) => facts.leases += 1,
                    _ => {}
                }
                view.apply((place, Some(bytes)))?;
            }
        }
        Ok(facts)
    }

    /// Lays it into a data directory where no store is: the next opening makes the database of it.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn lay(&self, directory: &Path) -> io::Result<()> {
        let directory = directory.join(STORE_DIRECTORY);
        files::create_private_directory(&directory)?;
        for (part, text) in [(Part::Documents, &self.documents), (Part::Leases, &self.leases)] {
            files::replace(&directory.join(snapshot::first_file(part)), text.as_bytes(), 0o600)?;
        }
        files::replace(&directory.join(recovery::LAID), b"", 0o600)
    }
}
