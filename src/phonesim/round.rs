//! One look for the files: download, accept, apply, and judge how far it brought the phone.

use std::time::Duration;

use md5::{Digest as _, Md5};

use super::fault::Halt;
use super::fetch::Fetched;
use super::file::{self, File};
use super::flash::{MOST_AUTHORITIES, authority_urls, resource_urls};
use super::phone::Phone;
use super::power::Order;
use super::url::Url;
use super::{Fault, Identity, Stage, trust};

/// Files that were accepted in one round.
#[derive(Debug, Default)]
struct Files {
    accepted: Vec<File>,
    digest: Md5,
    /// Whether the own file is among them, and whether a login was needed for it over TLS.
    own: Option<bool>,
    /// Why the own file is not.
    fault: Option<Fault>,
}

impl Phone {
    /// Looks for its files once.
    pub(super) fn round(&mut self, start: Option<&str>) -> Result<(), Order> {
        self.remote.tell(|report| report.rounds += 1);
        let Some(start) = start else { return Ok(()) };
        if !self.clock.is_set() {
            self.learn_time()?;
        }
        let stage = if start.starts_with("https:") { Stage::Configuration } else { Stage::Bootstrap };
        let result = match Url::parse(start) {
            Ok(base) => self.provision(&base),
            Err(fault) => Err(fault.into()),
        };
        match result {
            Ok(()) => Ok(()),
            Err(Halt::Power(order)) => Err(order),
            Err(Halt::Fault(fault)) if self.remote.report().in_service() => {
                self.remote.note(format!("keeps its configuration: {fault}"));
                Ok(())
            }
            Err(Halt::Fault(fault)) => {
                self.remote.failed(stage, fault);
                Ok(())
            }
        }
    }

    fn provision(&mut self, base: &Url) -> Result<(), Halt> {
        let mut files = self.download(base)?;
        let digest: [u8; 16] = std::mem::take(&mut files.digest).finalize().into();
        if self.flash.applied == Some(digest) {
            self.remote.note("the files are the same as before: nothing is applied");
            self.flash.by_login |= files.own == Some(true);
        } else {
            self.apply(&files, digest)?;
        }
        if base.tls {
            self.judge_secured(&files);
        } else {
            self.judge_bootstrap(&files);
        }
        Ok(())
    }

    fn apply(&mut self, files: &Files, digest: [u8; 16]) -> Result<(), Halt> {
        self.flash.applied = None;
        for file in &files.accepted {
            self.flash.apply(file);
        }
        if let Some(by_login) = files.own {
            self.flash.by_login = by_login;
        }
        self.remote.hold(self.flash.holding());
        if !self.clock.is_set() {
            self.learn_time().map_err(Halt::Power)?;
        }
        let mut complete = true;
        for url in files.accepted.iter().flat_map(authority_urls) {
            match self.install(url) {
                Ok(()) => {}
                Err(Halt::Power(order)) => return Err(Halt::Power(order)),
                Err(Halt::Fault(fault)) => {
                    complete = false;
                    self.remote.failed(Stage::Authority, fault);
                }
            }
        }
        for text in files.accepted.iter().flat_map(resource_urls) {
            let fetched = match Url::parse(text) {
                Ok(url) => self.fetch(&url),
                Err(fault) => Err(fault.into()),
            };
            match fetched {
                Ok(_) => {
                    self.flash.fetched.insert(text.into());
                }
                Err(Halt::Power(order)) => return Err(Halt::Power(order)),
                Err(Halt::Fault(fault)) => {
                    complete = false;
                    self.remote.failed(Stage::Resources, fault);
                }
            }
        }
        // Files whose resources are missing are worked through again at the next poll [assumed].
        self.flash.applied = complete.then_some(digest);
        self.remote.hold(self.flash.holding());
        Ok(())
    }

    fn install(&mut self, text: &str) -> Result<(), Halt> {
        let url = Url::parse(text)?;
        let body = self.fetch(&url)?.body;
        for der in trust::read(text, &body)? {
            if !self.flash.authorities.contains(&der) && self.flash.authorities.len() < MOST_AUTHORITIES {
                self.remote.note(format!("installs the CA \"{}\"", trust::name(&der)));
                self.flash.authorities.push(der);
            }
        }
        self.flash.fetched.insert(text.into());
        Ok(())
    }

    /// What a round over plain HTTP was good for: the way to HTTPS.
    fn judge_bootstrap(&mut self, files: &Files) {
        self.remote.done(Stage::Bootstrap);
        if let Some(fault) = &files.fault {
            self.remote.note(fault.to_string());
        }
        if self.flash.authorities.is_empty() {
            if files.accepted.iter().flat_map(authority_urls).next().is_none() {
                self.remote.failed(Stage::Authority, Fault::NoAuthorityUrl);
            }
        } else if let Some(why) = self.flash.trust_fault() {
            self.remote.failed(Stage::Authority, Fault::TrustSwitch(why));
        } else {
            self.remote.done(Stage::Authority);
        }
        let fault = match self.flash.server_url() {
            None => Some(Fault::NoServerUrl),
            Some(url) if !url.starts_with("https://") => Some(Fault::PlainServerUrl(url.into())),
            Some(_) => self.flash.polling().is_none().then_some(Fault::NoPolling),
        };
        if let Some(fault) = fault {
            self.remote.failed(Stage::Configuration, fault);
        }
    }

    /// What a round over HTTPS was good for: service.
    fn judge_secured(&mut self, files: &Files) {
        // Whatever led here, the server's certificate was checked against a CA of the phone's.
        self.remote.done(Stage::Bootstrap);
        if files.accepted.iter().flat_map(authority_urls).all(|url| self.flash.fetched.contains(url)) {
            self.remote.done(Stage::Authority);
        }
        if let Some(fault) = &files.fault {
            self.remote.failed(Stage::Configuration, fault.clone());
            return;
        }
        if !self.flash.by_login {
            let file = self.setup.identity.own_file();
            self.remote.failed(Stage::Configuration, Fault::NoLoginAsked { file });
            return;
        }
        self.remote.done(Stage::Configuration);
        let mut named = files.accepted.iter().flat_map(|file| authority_urls(file).chain(resource_urls(file)));
        if !named.all(|url| self.flash.fetched.contains(url)) {
            return;
        }
        self.remote.done(Stage::Resources);
        if self.flash.accounts().is_empty() {
            self.remote.failed(Stage::InService, Fault::NoAccount);
        } else {
            self.remote.done(Stage::InService);
        }
    }

    /// Fetches boot files and what they name, or the common and the own file \[facts: B1.3\].
    fn download(&mut self, base: &Url) -> Result<Files, Halt> {
        let own = self.setup.identity.own_file();
        let mut names = vec![self.setup.identity.common_file(), own.clone()];
        for boot in [self.setup.identity.own_boot_file(), Identity::COMMON_BOOT_FILE.into()] {
            let found = match self.attempt(base, &boot) {
                Ok(fetched) => file::includes(&boot, &fetched.body, &self.setup.identity.model).map_err(Halt::Fault),
                Err(halt) => Err(halt),
            };
            match found {
                Ok(includes) => {
                    names = includes;
                    break;
                }
                Err(Halt::Fault(fault)) if local(&fault) => self.remote.note(format!("goes on: {fault}")),
                Err(halt) => return Err(halt),
            }
        }
        let mut files = Files::default();
        for name in names {
            let parsed = match self.attempt(base, &name) {
                Ok(fetched) => file::parse(&name, &fetched.body).map(|file| (file, fetched)).map_err(Halt::Fault),
                Err(halt) => Err(halt),
            };
            match parsed {
                Ok((file, fetched)) => {
                    if !file.skipped.is_empty() {
                        self.remote.note(format!("{name}: skips lines {:?}, which are no settings", file.skipped));
                    }
                    if name.ends_with(&own) {
                        files.own = Some(fetched.by_login);
                    }
                    files.digest.update(&fetched.body);
                    files.accepted.push(file);
                }
                Err(Halt::Fault(fault)) if local(&fault) => {
                    self.remote.note(format!("goes on: {fault}"));
                    files.fault = Some(fault).filter(|_| name.ends_with(&own)).or(files.fault);
                }
                Err(halt) => return Err(halt),
            }
        }
        if files.own.is_none() && files.fault.is_none() {
            files.fault = Some(Fault::NotFound { file: own });
        }
        match files.fault.take_if(|_| files.accepted.is_empty()) {
            Some(fault) => Err(fault.into()),
            None => Ok(files),
        }
    }

    /// Fetches one file; a connection that fails is tried three times, with 5 s between \[facts: B1.3\].
    fn attempt(&mut self, base: &Url, name: &str) -> Result<Fetched, Halt> {
        let url = base.file(name)?;
        let mut left = 3;
        loop {
            left -= 1;
            match self.fetch(&url) {
                Err(Halt::Fault(Fault::Unreachable { .. } | Fault::Broken { .. })) if left > 0 => {
                    self.pause(Duration::from_secs(5)).map_err(Halt::Power)?;
                }
                result => return result,
            }
        }
    }
}

/// Whether a fault is of one file alone, so that it makes sense to ask for the next.
fn local(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::NotFound { .. }
            | Fault::LoginAsked { .. }
            | Fault::LoginRefused { .. }
            | Fault::LoginUnknown { .. }
            | Fault::Status { .. }
            | Fault::NoVersionLine { .. }
            | Fault::Html { .. }
            | Fault::NotText { .. }
            | Fault::NotHttp { .. }
            | Fault::BadUrl { .. }
    )
}
