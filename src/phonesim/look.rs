//! What a breed has in its hands while it looks for its files.

use std::time::Duration;

use md5::{Digest as _, Md5};

use super::breed::{File, Settings};
use super::fault::Halt;
use super::fetch::{Ask, Fetched};
use super::phone::Phone;
use super::url::Url;
use super::{Fault, Identity};

/// One look for the files.
pub(super) struct Look<'a> {
    phone: &'a mut Phone,
    /// Where to look; what the URL's path is, folder or file, the breed knows.
    pub(super) base: Url,
    files: Files,
}

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// This phone's alone, with its lines: without it there is no service.
    Own,
    /// One that others get too.
    Shared,
}

/// Files that were accepted in one look.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) accepted: Vec<File>,
    digest: Md5,
    /// Whether the own file is among them, and whether a login was needed for it.
    pub(super) own: Option<bool>,
    /// Why the own file is not.
    pub(super) fault: Option<Fault>,
}

impl Files {
    /// MD5 of everything that was accepted.
    pub(super) fn digest(&self) -> [u8; 16] {
        self.digest.clone().finalize().into()
    }
}

impl<'a> Look<'a> {
    /// Everything that the breed finds at `base`.
    ///
    /// # Errors
    /// Why there is no file at all.
    pub(super) fn at(phone: &'a mut Phone, base: Url) -> Result<Files, Halt> {
        let breed = phone.setup.identity.breed;
        let mut look = Self { phone, base, files: Files::default() };
        (breed.look)(&mut look)?;
        let mut files = look.files;
        if files.own.is_none() && files.fault.is_none() {
            files.fault = Some(Fault::NoOwnFile);
        }
        match files.fault.take_if(|_| files.accepted.is_empty()) {
            Some(fault) => Err(fault.into()),
            None => Ok(files),
        }
    }

    pub(super) fn identity(&self) -> Identity {
        self.phone.setup.identity
    }

    /// What is in flash, with nothing of this look in it.
    pub(super) fn settings(&self) -> &Settings {
        &self.phone.flash.settings
    }

    /// What phones of the brand remember besides settings; a reset to factory settings forgets it.
    pub(super) fn memory(&mut self) -> &mut std::collections::BTreeMap<String, String> {
        &mut self.phone.flash.memory
    }

    /// The files that were accepted up to now.
    pub(super) fn accepted(&self) -> impl Iterator<Item = &File> {
        self.files.accepted.iter()
    }

    pub(super) fn note(&self, what: impl Into<String>) {
        self.phone.remote.note(what);
    }

    /// Fetches a file of the folder `base`, or at a URL of its own.
    pub(super) fn get(&mut self, name: &str) -> Result<Fetched, Halt> {
        let url = self.base.file(name)?;
        self.ask(&Ask::get(url))
    }

    /// One request; a connection that fails is tried three times, with 5 s between \[facts, of Yealink; of the others
    /// assumed\].
    pub(super) fn ask(&mut self, ask: &Ask) -> Result<Fetched, Halt> {
        let mut left = 3;
        loop {
            left -= 1;
            match self.phone.send(ask) {
                Err(Halt::Fault(Fault::Unreachable { .. } | Fault::Broken { .. })) if left > 0 => {
                    self.phone.pause(Duration::from_secs(5)).map_err(Halt::Power)?;
                }
                result => return result,
            }
        }
    }

    /// Fetches a file and accepts it, if `read` does; otherwise the phone goes on without it. Whether it was accepted.
    ///
    /// # Errors
    /// What keeps it from asking for anything else.
    pub(super) fn take(
        &mut self,
        name: &str,
        whose: Whose,
        read: impl FnOnce(&str, &[u8]) -> Result<File, Fault>,
    ) -> Result<bool, Halt> {
        let fetched = self.get(name);
        self.weigh(name, whose, fetched, read)
    }

    /// As [`Look::take`], of what came by [`Look::get`] or [`Look::ask`].
    pub(super) fn weigh(
        &mut self,
        name: &str,
        whose: Whose,
        fetched: Result<Fetched, Halt>,
        read: impl FnOnce(&str, &[u8]) -> Result<File, Fault>,
    ) -> Result<bool, Halt> {
        let parsed = match fetched {
            Ok(fetched) => read(name, &fetched.body).map(|file| (file, fetched)).map_err(Halt::Fault),
            Err(halt) => Err(halt),
        };
        match parsed {
            Ok((file, fetched)) => {
                if !file.skipped.is_empty() {
                    self.note(format!("{name}: skips lines {:?}, which are no settings", file.skipped));
                }
                self.accept(whose, &fetched, file);
                Ok(true)
            }
            Err(Halt::Fault(fault)) if local(&fault) => {
                self.note(format!("goes on: {fault}"));
                if whose == Whose::Own {
                    self.files.fault = Some(fault);
                }
                Ok(false)
            }
            Err(halt) => Err(halt),
        }
    }

    /// Goes on without its own file.
    pub(super) fn miss(&mut self, fault: Fault) {
        self.note(format!("goes on: {fault}"));
        self.files.fault = Some(fault);
    }

    /// Takes the settings of a file over at the end of the look.
    pub(super) fn accept(&mut self, whose: Whose, fetched: &Fetched, file: File) {
        if whose == Whose::Own {
            self.files.own = Some(fetched.by_login);
        }
        self.files.digest.update(&fetched.body);
        self.files.accepted.push(file);
    }
}

/// Whether a fault is of one file alone, so that it makes sense to ask for the next.
pub(super) fn local(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::NotFound { .. }
            | Fault::LoginAsked { .. }
            | Fault::LoginRefused { .. }
            | Fault::LoginUnknown { .. }
            | Fault::Status { .. }
            | Fault::NoVersionLine { .. }
            | Fault::Unreadable { .. }
            | Fault::Html { .. }
            | Fault::NotText { .. }
            | Fault::NotHttp { .. }
            | Fault::BadUrl { .. }
    )
}
