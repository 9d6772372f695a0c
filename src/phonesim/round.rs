//! One look for the files: download, accept, apply, and judge how far it brought the phone.

use md5::{Digest as _, Md5};

use super::breed::Anchor;
use super::fault::Halt;
use super::look::{Files, Look};
use super::phone::Phone;
use super::power::Order;
use super::url::Url;
use super::{Fault, Stage, Trust, trust};
use crate::sys::hex;

impl Phone {
    /// Looks for its files once.
    pub(super) fn round(&mut self, start: Option<&str>) -> Result<(), Order> {
        self.remote.tell(|report| report.rounds += 1);
        let Some(start) = start else { return Ok(()) };
        if !self.clock.is_set() {
            self.learn_time()?;
        }
        let start = (self.setup.identity.breed.expand)(&self.setup.identity, start);
        let stage = if start.starts_with("https:") { Stage::Configuration } else { Stage::Bootstrap };
        let result = match Url::parse(&start) {
            Ok(base) => self.provision(base),
            Err(fault) => Err(fault.into()),
        };
        match result {
            Ok(()) => {
                // Not before: whoever looks while it looks again is to see how the last look ended.
                self.remote.tell(|report| report.kept = None);
                Ok(())
            }
            Err(Halt::Power(order)) => Err(order),
            Err(Halt::Fault(fault)) if self.remote.report().in_service() => {
                self.remote.note(format!("keeps its configuration: {fault}"));
                self.remote.tell(|report| report.kept = Some(fault));
                Ok(())
            }
            Err(Halt::Fault(fault)) => {
                self.remote.failed(stage, fault);
                Ok(())
            }
        }
    }

    fn provision(&mut self, base: Url) -> Result<(), Halt> {
        let files = Look::at(self, base.clone())?;
        let digest = files.digest();
        if self.flash.applied == Some(digest) {
            self.remote.note("the files are the same as before: nothing is applied");
            self.flash.by_login |= files.own == Some(true);
        } else {
            self.apply(&base, &files, digest)?;
        }
        match self.setup.identity.breed.trust {
            Trust::Authority if base.tls => self.judge_secured(&files),
            Trust::Authority => self.judge_bootstrap(&files),
            Trust::Unchecked | Trust::PlainLogin if !self.flash.by_login => self.judge_introduction(&files),
            Trust::Unchecked | Trust::PlainLogin | Trust::Lan => self.judge_plain(&files),
        }
        self.update()
    }

    fn apply(&mut self, base: &Url, files: &Files, digest: [u8; 16]) -> Result<(), Halt> {
        self.flash.applied = None;
        let before = self.flash.settings.clone();
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
        for anchor in self.authorities(files) {
            match self.install(base, &anchor) {
                Ok(()) => {
                    self.flash.fetched.insert(label(&anchor));
                }
                Err(Halt::Power(order)) => return Err(Halt::Power(order)),
                Err(Halt::Fault(fault)) => {
                    complete = false;
                    self.remote.failed(Stage::Authority, fault);
                }
            }
        }
        for text in self.resources(files) {
            let fetched = match self.named(base, &text) {
                Ok(url) => self.fetch(&url),
                Err(fault) => Err(fault.into()),
            };
            match fetched {
                Ok(_) => {
                    self.flash.fetched.insert(text);
                }
                Err(Halt::Power(order)) => return Err(Halt::Power(order)),
                // It is not asked of others in a rehearsal: nothing is known of it.
                Err(Halt::Fault(fault @ Fault::Elsewhere { .. })) => {
                    self.remote.note(fault.to_string());
                    self.flash.fetched.insert(text);
                }
                Err(Halt::Fault(fault)) => {
                    complete = false;
                    self.remote.failed(Stage::Resources, fault);
                }
            }
        }
        // Files whose resources are missing are worked through again at the next poll [assumed].
        self.flash.applied = complete.then_some(digest);
        self.remote.hold(self.flash.holding());
        if (self.setup.identity.breed.restarts)(&before, &self.flash.settings) {
            self.remote.note("restarts with its new settings");
            self.remote.lose_power();
            return Err(Halt::Power(Order::Reboot));
        }
        Ok(())
    }

    fn authorities(&self, files: &Files) -> Vec<Anchor> {
        files.accepted.iter().flat_map(self.setup.identity.breed.authorities).collect()
    }

    fn resources(&self, files: &Files) -> Vec<String> {
        files.accepted.iter().flat_map(self.setup.identity.breed.resources).collect()
    }

    /// The URL of something that a file names.
    fn named(&self, base: &Url, text: &str) -> Result<Url, Fault> {
        if self.setup.identity.breed.relative_names { base.file(text) } else { Url::parse(text) }
    }

    fn install(&mut self, base: &Url, anchor: &Anchor) -> Result<(), Halt> {
        let body = match anchor {
            Anchor::At(text) => {
                let url = self.named(base, text)?;
                self.fetch(&url)?.body
            }
            Anchor::Inline(body) => body.clone(),
        };
        for der in trust::read(&label(anchor), &body)? {
            let room = self.flash.authorities.len() < self.setup.identity.breed.most_authorities;
            if room && !self.flash.authorities.contains(&der) {
                self.remote.note(format!("installs the CA \"{}\"", trust::name(&der)));
                self.flash.authorities.push(der);
            }
        }
        Ok(())
    }

    /// What a round over plain HTTP was good for: the way to HTTPS.
    fn judge_bootstrap(&mut self, files: &Files) {
        self.remote.done(Stage::Bootstrap);
        if let Some(fault) = &files.fault {
            self.remote.note(fault.to_string());
        }
        let meaning = self.flash.meaning();
        let words = &self.setup.identity.breed.words;
        if self.flash.authorities.is_empty() {
            if self.authorities(files).is_empty() {
                self.remote.failed(Stage::Authority, Fault::NoAuthority(words.authority));
            }
        } else if let Some(why) = meaning.trust_fault {
            self.remote.failed(Stage::Authority, Fault::TrustSwitch(why));
        } else {
            self.remote.done(Stage::Authority);
        }
        let fault = match meaning.server_url {
            None => Some(Fault::NoServerUrl(words.server_url)),
            Some(url) if !url.starts_with("https://") => Some(Fault::PlainServerUrl(url)),
            Some(_) => meaning.polling.is_none().then_some(Fault::NoPolling),
        };
        if let Some(fault) = fault {
            self.remote.failed(Stage::Configuration, fault);
        }
    }

    /// What the first round of a phone without CAs was good for: a login.
    fn judge_introduction(&mut self, files: &Files) {
        self.remote.done(Stage::Bootstrap);
        self.remote.done(Stage::Authority);
        let meaning = self.flash.meaning();
        let fault = match (&files.fault, meaning.login) {
            (Some(fault), _) => Some(fault.clone()),
            (None, None) => Some(Fault::NoLogin),
            (None, Some(_)) => meaning.polling.is_none().then_some(Fault::NoPolling),
        };
        if let Some(fault) = fault {
            self.remote.failed(Stage::Configuration, fault);
        }
    }

    /// What a round over HTTPS was good for: service.
    fn judge_secured(&mut self, files: &Files) {
        // Whatever led here, the server's certificate was checked against a CA of the phone's.
        self.remote.done(Stage::Bootstrap);
        if self.authorities(files).iter().all(|anchor| self.flash.fetched.contains(&label(anchor))) {
            self.remote.done(Stage::Authority);
        }
        if let Some(fault) = &files.fault {
            self.remote.failed(Stage::Configuration, fault.clone());
            return;
        }
        if !self.flash.by_login {
            self.remote.failed(Stage::Configuration, Fault::NoLoginAsked);
            return;
        }
        self.judge_service(files);
    }

    /// The same where there is no HTTPS to be had.
    fn judge_plain(&mut self, files: &Files) {
        self.remote.done(Stage::Bootstrap);
        self.remote.done(Stage::Authority);
        match &files.fault {
            Some(fault) => self.remote.failed(Stage::Configuration, fault.clone()),
            None => self.judge_service(files),
        }
    }

    fn judge_service(&mut self, files: &Files) {
        self.remote.done(Stage::Configuration);
        let authorities = self.authorities(files);
        let mut named = authorities.iter().map(label).chain(self.resources(files));
        if !named.all(|label| self.flash.fetched.contains(&label)) {
            return;
        }
        self.remote.done(Stage::Resources);
        if self.flash.meaning().accounts.is_empty() {
            self.remote.failed(Stage::InService, Fault::NoAccount);
        } else {
            self.remote.done(Stage::InService);
        }
    }
}

/// By what a CA is remembered.
fn label(anchor: &Anchor) -> String {
    match anchor {
        Anchor::At(place) => place.clone(),
        Anchor::Inline(bytes) => {
            format!("the certificate {} in the file", hex::encode(&Md5::digest(bytes)))
        }
    }
}
