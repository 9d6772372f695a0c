use std::sync::PoisonError;

use hyper::Response;

use super::answers::{self, About};
use super::query::Query;
use super::revisions::Served;
use super::{Provision, Target};
use crate::access::{self, File};
use crate::brands::{Content, Error, Rendered, Sheet};
use crate::http::{Body, conditional};
use crate::model::settings::Resolved;
use crate::model::{BoxAddress, Organisation, Phone, Scheme, Timestamp, provisioning_url};
use crate::store::Write;

impl Provision {
    /// Renders the file. A common one is the same for all.
    pub(super) fn render(
        &self,
        query: &Query<'_>,
        target: Target<'_>,
        content: Content,
        phone: Option<&Phone>,
        organisation: Option<&Organisation>,
    ) -> Result<Rendered, Error> {
        let (http, https) = self.ports;
        let at = BoxAddress { host: query.peer.local, http, https };
        let phone = phone.filter(|_| target.file == File::Own);
        let sheet = Sheet {
            content,
            phone,
            organisation: organisation.filter(|_| phone.is_some()),
            login: phone.filter(|_| content.is_secret()).and_then(access::login_to_hand_out),
            settings: Resolved::nothing(),
            books: &[],
            firmware_url: None,
            ca_der: self.root.der(),
            time_server: query.peer.local,
            ca_url: &provisioning_url(Scheme::Http, &at, "ca.pem"),
            plain_url: &provisioning_url(Scheme::Http, &at, ""),
            provisioning_url: &provisioning_url(Scheme::Https, &at, ""),
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
        let modified = match phone.filter(|_| target.file == File::Own) {
            Some(phone) => self.since(phone, content, &revision, now),
            None => self.started,
        };
        let fresh = query.condition().is_fresh(&revision, modified, now);
        let about = About {
            content_type: &rendered.content_type,
            revision: &revision,
            modified: Some(modified).filter(|modified| modified.secs() <= now.secs()),
            public: !content.is_secret(),
        };
        (answers::file((!fresh).then_some(rendered.bytes.into()), &about), fresh, revision)
    }

    fn since(&self, phone: &Phone, content: Content, revision: &str, now: Timestamp) -> Timestamp {
        let key = format!("served.{}", phone.id);
        let kept = || serde_json::from_value::<Served>(self.store.setting(&key)?).ok();
        let mut revisions = self.revisions.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, new) = revisions.date(phone.id, revision, now, kept);
        drop(revisions);
        // Only the lasting content is worth a write.
        if new && content == Content::Full {
            let served = Served { revision: revision.to_owned(), since };
            if let Ok(value) = serde_json::to_value(served) {
                drop(self.store.commit(vec![Write::PutSetting { key, value }]));
            }
        }
        since
    }
}
