//! From what is asked for to a file: rendered, looked up, or given back.

use std::sync::{Arc, PoisonError};

use hyper::Response;

use super::answers::{self, About};
use super::derived::{Versions, Which};
use super::query::Query;
use super::rendition::Rendition;
use super::revisions::{File as Dated, Revisions, Served};
use super::{Provision, Target};
use crate::access::{self, File};
use crate::brands::{BookPage, BookTitle, Content, Error, Farewell, FileKind, Rendered, Sheet};
use crate::http::{Body, conditional};
use crate::model::{BoxAddress, Id, Organisation, Phone, Reason, Scheme, Timestamp, provisioning_url};
use crate::store::{Levels, Store, Write};

/// Why there is no file for somebody who may have it.
pub(super) enum Unmade {
    /// There is none.
    Missing(Reason),
    /// It could not be made.
    Failed(String),
}

impl From<Error> for Unmade {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Provision {
    /// Makes the file, or finds it. `settled` is the count of changes of all that phones share, read before anything
    /// was, where the phone is as it is stored: what is made of that may be made for the next one who asks, too.
    pub(super) async fn make(
        &self,
        query: &Query<'_>,
        target: Target<'_>,
        content: Content,
        (phone, organisation): (Option<&Phone>, Option<&Organisation>),
        settled: Option<u64>,
    ) -> Result<Arc<Rendition>, Unmade> {
        let rendered = match target.rule.kind {
            FileKind::Own | FileKind::Common => {
                return self.made(query, target, content, (phone, organisation), settled);
            }
            FileKind::Book => self.book(query, target, (phone, organisation))?,
            FileKind::Resource => self.resource(target, organisation).await?,
            FileKind::Upload => match self.given_back(target, phone).await? {
                Some(kept) => kept,
                None if target.rule.is_made() => {
                    return self.made(query, target, content, (phone, organisation), settled);
                }
                None => return Err(Unmade::Missing(Reason::NotServed)),
            },
            FileKind::Firmware | FileKind::Redirect | FileKind::Withheld => {
                return Err(Unmade::Missing(Reason::NotServed));
            }
        };
        Ok(Arc::new(Rendition::of(rendered, phone.map(|phone| phone.id), &target.name())))
    }

    /// Renders a file from documents alone, unless that was done and they are the same.
    fn made(
        &self,
        query: &Query<'_>,
        target: Target<'_>,
        content: Content,
        (phone, organisation): (Option<&Phone>, Option<&Organisation>),
        settled: Option<u64>,
    ) -> Result<Arc<Rendition>, Unmade> {
        let phone = phone.filter(|_| target.file != File::Common);
        // What the phone is to run follows from roll-outs, the catalogue and what it runs: it is asked for each time.
        let told = phone.filter(|_| matches!(content, Content::Settings | Content::Full));
        let firmware = told.and_then(|phone| self.firmware_url(query, phone));
        let make = || -> Result<Arc<Rendition>, Error> {
            let more = (firmware.as_deref(), None);
            let rendered = self.render(query, target, content, (phone, organisation), more)?;
            Ok(Arc::new(Rendition::of(rendered, phone.map(|phone| phone.id), &target.name())))
        };
        let Some(shared) = settled else { return Ok(make()?) };
        let versions = Versions { phone: phone.map_or(0, |phone| phone.version), shared };
        let which = Which {
            phone: phone.map(|phone| phone.id),
            brand: target.brand.id.clone(),
            asked: target.asked.to_owned(),
            content,
            host: query.peer.local,
            firmware: firmware.clone(),
        };
        if let Some(made) = self.derived.file(&which, versions) {
            return Ok(made);
        }
        let made = make()?;
        self.derived.keep(which, versions, &made);
        Ok(made)
    }

    /// Where the image is that the phone is to take next.
    fn firmware_url(&self, query: &Query<'_>, phone: &Phone) -> Option<String> {
        let image = self.images.as_ref()?.told(phone)?;
        let (http, https) = self.ports;
        let scheme = if query.peer.tls { Scheme::Https } else { Scheme::Http };
        Some(provisioning_url(scheme, &BoxAddress { host: query.peer.local, http, https }, &image.location()))
    }

    /// Renders the file. A common one is the same for all.
    pub(super) fn render(
        &self,
        query: &Query<'_>,
        target: Target<'_>,
        content: Content,
        (phone, organisation): (Option<&Phone>, Option<&Organisation>),
        (firmware_url, book): (Option<&str>, Option<BookPage<'_>>),
    ) -> Result<Rendered, Error> {
        let (http, https) = self.ports;
        let at = BoxAddress { host: query.peer.local, http, https };
        let phone = phone.filter(|_| target.file != File::Common);
        if let Some(phone) = phone.filter(|phone| phone.is_let_go()) {
            let farewell = Farewell::to(phone);
            return target.brand.render(target.rule, &farewell.sheet(content, query.peer.local, target.places));
        }
        let told = phone.filter(|_| matches!(content, Content::Settings | Content::Full));
        let levels = told.map(|phone| self.store.levels(phone));
        let settings = levels.as_ref().map(Levels::resolve).unwrap_or_default();
        let titles = told.map(|phone| self.store.titles(phone, &settings)).unwrap_or_default();
        let books: Vec<BookTitle<'_>> =
            titles.iter().map(|(number, name)| BookTitle { number: *number, name }).collect();
        let sheet = Sheet {
            content,
            phone,
            organisation: organisation.filter(|_| phone.is_some()),
            login: phone.filter(|_| content.is_secret()).and_then(access::login_to_hand_out),
            settings: &settings,
            books: &books,
            firmware_url,
            ca_der: self.root.der(),
            time_server: query.peer.local,
            ca_url: &provisioning_url(Scheme::Http, &at, "ca.pem"),
            plain_url: &provisioning_url(Scheme::Http, &at, ""),
            provisioning_url: &provisioning_url(Scheme::Https, &at, ""),
            asked: Some(target.places),
            book,
        };
        target.brand.render(target.rule, &sheet)
    }

    /// The answer with the file, and whether the client had it already.
    pub(super) fn file(
        &self,
        query: &Query<'_>,
        target: Target<'_>,
        content: Content,
        made: &Rendition,
    ) -> (Response<Body>, bool) {
        let now = query.now.wall;
        let mut condition = query.condition();
        let (modified, known) = match (target.file, &made.dated) {
            (File::Common, _) => {
                let mut commons = self.commons.lock().unwrap_or_else(PoisonError::into_inner);
                let (since, only) = commons.date(&conditional::short(&target.name()), &made.revision, now);
                drop(commons);
                if !only {
                    condition = condition.only_of(since);
                }
                (Some(since), false)
            }
            (_, Some(file)) => self.since(file, content, &made.revision, now),
            (_, None) => (None, false),
        };
        let fresh = condition.is_fresh(&made.revision, modified, known, now);
        let about = About {
            content_type: &made.content_type,
            tag: &made.tag,
            modified: modified.filter(|modified| modified.secs() <= now.secs()),
            public: !content.is_secret(),
            sent_up: target.rule.kind == FileKind::Upload,
        };
        (answers::file((!fresh).then(|| made.bytes.clone()), &about), fresh)
    }

    /// Since when the phone's file has had these bytes, and whether they are what it was answered with last time.
    fn since(&self, file: &Dated, content: Content, revision: &str, now: Timestamp) -> (Option<Timestamp>, bool) {
        let (phone, name) = file;
        let kept = || self.served(&Store::served_key(*phone, name));
        let mut revisions = self.revisions.lock().unwrap_or_else(PoisonError::into_inner);
        revisions.forget_gone(|phone| self.store.has_phone(phone));
        let (since, new) = revisions.date(file, revision, now, kept);
        drop(revisions);
        // Only the lasting content is worth a write.
        if new && content == Content::Full {
            let served = Served { revision: revision.to_owned(), since };
            if let Ok(value) = serde_json::to_value(served) {
                let mut writes = self.room_for_date(*phone, name);
                writes.push(Write::PutServed { phone: *phone, file: name.clone(), value });
                drop(self.store.commit(writes));
            }
        }
        (Some(since), !new)
    }

    /// What makes room for the date of one more file of a phone: its oldest ones go.
    fn room_for_date(&self, phone: Id, name: &str) -> Vec<Write> {
        let key = Store::served_key(phone, name);
        let mut kept = self.store.setting_names(&Store::served_key(phone, ""));
        let surplus = (kept.len() + 1).saturating_sub(Revisions::MOST_OF_A_PHONE);
        if surplus == 0 || kept.contains(&key) {
            return Vec::new();
        }
        kept.sort_by_cached_key(|key| self.served(key).map(|served| served.since));
        kept.into_iter().take(surplus).map(Write::DeleteSetting).collect()
    }

    fn served(&self, key: &str) -> Option<Served> {
        serde_json::from_value(self.store.setting(key)?).ok()
    }
}
