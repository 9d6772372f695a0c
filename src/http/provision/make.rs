use std::sync::PoisonError;

use hyper::Response;

use super::answers::{self, About};
use super::query::Query;
use super::revisions::Served;
use super::{Provision, Target};
use crate::access::{self, File};
use crate::brands::{BookPage, BookTitle, Content, Error, FileKind, Rendered, Sheet};
use crate::http::{Body, conditional};
use crate::model::{BoxAddress, Organisation, Phone, Reason, Scheme, Timestamp, provisioning_url};
use crate::store::{Levels, Write};

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
    /// Makes the file, or finds it.
    pub(super) async fn make(
        &self,
        query: &Query<'_>,
        target: Target<'_>,
        content: Content,
        phone: Option<&Phone>,
        organisation: Option<&Organisation>,
    ) -> Result<Rendered, Unmade> {
        match target.rule.kind {
            FileKind::Own | FileKind::Common => Ok(self.render(query, target, content, (phone, organisation), None)?),
            FileKind::Book => self.book(query, target, (phone, organisation)),
            FileKind::Resource => self.resource(target, organisation).await,
            FileKind::Upload => match self.given_back(target, phone).await? {
                Some(kept) => Ok(kept),
                None if target.rule.is_made() => {
                    Ok(self.render(query, target, content, (phone, organisation), None)?)
                }
                None => Err(Unmade::Missing(Reason::NotServed)),
            },
            FileKind::Firmware | FileKind::Redirect | FileKind::Withheld => Err(Unmade::Missing(Reason::NotServed)),
        }
    }

    /// Renders the file. A common one is the same for all.
    pub(super) fn render(
        &self,
        query: &Query<'_>,
        target: Target<'_>,
        content: Content,
        (phone, organisation): (Option<&Phone>, Option<&Organisation>),
        book: Option<BookPage<'_>>,
    ) -> Result<Rendered, Error> {
        let (http, https) = self.ports;
        let at = BoxAddress { host: query.peer.local, http, https };
        let phone = phone.filter(|_| target.file != File::Common);
        let told = phone.filter(|_| matches!(content, Content::Settings | Content::Full));
        let levels = told.map(|phone| self.store.levels(phone));
        let settings = levels.as_ref().map(Levels::resolve).unwrap_or_default();
        let titles = told.map(|phone| self.titles(phone, &settings)).unwrap_or_default();
        let books: Vec<BookTitle<'_>> =
            titles.iter().map(|(number, name)| BookTitle { number: *number, name }).collect();
        let sheet = Sheet {
            content,
            phone,
            organisation: organisation.filter(|_| phone.is_some()),
            login: phone.filter(|_| content.is_secret()).and_then(access::login_to_hand_out),
            settings: &settings,
            books: &books,
            firmware_url: None,
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

    /// The answer with the file, whether the client had it already, and its revision.
    pub(super) fn file(
        &self,
        query: &Query<'_>,
        target: Target<'_>,
        content: Content,
        phone: Option<&Phone>,
        rendered: Rendered,
    ) -> (Response<Body>, bool, String) {
        let now = query.now.wall;
        let revision = conditional::revision(&rendered.bytes);
        let (modified, known) = match (target.file, phone) {
            (File::Common, _) => (Some(self.started), false),
            (_, Some(phone)) => self.since(phone, target, content, &revision, now),
            (_, None) => (None, false),
        };
        let fresh = query.condition().is_fresh(&revision, modified, known, now);
        let about = About {
            content_type: &rendered.content_type,
            revision: &revision,
            modified: modified.filter(|modified| modified.secs() <= now.secs()),
            public: !content.is_secret(),
            sent_up: target.rule.kind == FileKind::Upload,
        };
        (answers::file((!fresh).then_some(rendered.bytes.into()), &about), fresh, revision)
    }

    /// Since when the phone's file has had these bytes, and whether they are what it was answered with last time.
    fn since(
        &self,
        phone: &Phone,
        target: Target<'_>,
        content: Content,
        revision: &str,
        now: Timestamp,
    ) -> (Option<Timestamp>, bool) {
        let file = conditional::short(target.asked);
        let key = format!("served.{}.{file}", phone.id);
        let kept = || serde_json::from_value::<Served>(self.store.setting(&key)?).ok();
        let mut revisions = self.revisions.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, new) = revisions.date((phone.id, file), revision, now, kept);
        drop(revisions);
        // Only the lasting content is worth a write.
        if new && content == Content::Full {
            let served = Served { revision: revision.to_owned(), since };
            if let Ok(value) = serde_json::to_value(served) {
                drop(self.store.commit(vec![Write::PutSetting { key, value }]));
            }
        }
        (Some(since), !new)
    }
}
