//! The page: templates filled with what the API says.

mod assets;
mod campaigns;
mod format;
mod views;

use std::collections::BTreeMap;

use minijinja::value::Kwargs;
use minijinja::{Environment, UndefinedBehavior, Value, context};

pub(crate) use assets::asset;
pub(crate) use campaigns::CampaignsPage;
pub(crate) use format::span;

pub(crate) use crate::sys::percent::encode as segment;
pub(crate) use views::{Door, EventsFilter, Filter, NewPhone, Overview, PAGE_ROWS, events_before, value};

use crate::admin::Role;
use crate::admin::problem::Problem;
use crate::admin::speech::{self, said};
use crate::model::Language;
use crate::model::settings::Zone;

pub(in crate::admin) const TEMPLATES: [(&str, &str); 35] = [
    ("base.html", include_str!("../templates/base.html")),
    ("parts.html", include_str!("../templates/parts.html")),
    ("keys.html", include_str!("../templates/keys.html")),
    ("overview.html", include_str!("../templates/overview.html")),
    ("phones.html", include_str!("../templates/phones.html")),
    ("phone.html", include_str!("../templates/phone.html")),
    ("timeline.html", include_str!("../templates/timeline.html")),
    ("edit.html", include_str!("../templates/edit.html")),
    ("shared.html", include_str!("../templates/shared.html")),
    ("settings.html", include_str!("../templates/settings.html")),
    ("files.html", include_str!("../templates/files.html")),
    ("book.html", include_str!("../templates/book.html")),
    ("replace.html", include_str!("../templates/replace.html")),
    ("new.html", include_str!("../templates/new.html")),
    ("import.html", include_str!("../templates/import.html")),
    ("events.html", include_str!("../templates/events.html")),
    ("networks.html", include_str!("../templates/networks.html")),
    ("campaigns.html", include_str!("../templates/campaigns.html")),
    ("certificate.html", include_str!("../templates/certificate.html")),
    ("door.html", include_str!("../templates/door.html")),
    ("welcome.html", include_str!("../templates/welcome.html")),
    ("box.html", include_str!("../templates/box.html")),
    ("firmware.html", include_str!("../templates/firmware.html")),
    ("rollout.html", include_str!("../templates/rollout.html")),
    ("partners.html", include_str!("../templates/partners.html")),
    ("partner.html", include_str!("../templates/partner.html")),
    ("accounts.html", include_str!("../templates/accounts.html")),
    ("account.html", include_str!("../templates/account.html")),
    ("own.html", include_str!("../templates/own.html")),
    ("tokens.html", include_str!("../templates/tokens.html")),
    ("audit.html", include_str!("../templates/audit.html")),
    ("backup.html", include_str!("../templates/backup.html")),
    ("outlets.html", include_str!("../templates/outlets.html")),
    ("rehearsal.html", include_str!("../templates/rehearsal.html")),
    ("problem.html", include_str!("../templates/problem.html")),
];

/// What stands on every page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    /// Host name of the box.
    pub(crate) name: String,
    /// Version of the program.
    pub(crate) version: String,
    /// Token of the session's forms; nobody is signed in without one.
    pub(crate) csrf: Option<String>,
    /// Name and role of whoever reads, when somebody is signed in.
    pub(crate) reader: Option<(String, Role)>,
    /// The time, RFC 3339.
    pub(crate) now: String,
    /// A sentence about what was just done.
    pub(crate) notice: Option<&'static str>,
    /// The reader's language.
    pub(crate) language: Language,
    /// Where the branch is, as far as its clocks go.
    pub(crate) zone: Option<Zone>,
    /// Path and query of the page itself, for links that come back to it.
    pub(crate) own: String,
    /// The step of the first visit that is to be done next.
    pub(crate) first_visit: Option<u8>,
}

/// The templates, read once for each language.
#[derive(Debug)]
pub(crate) struct Pages {
    /// In the order of [`Language::ALL`].
    templates: Vec<Environment<'static>>,
}

impl Pages {
    /// Reads the templates. `brands` says what people call the brands, by folder name.
    ///
    /// # Errors
    /// When one of them is not well formed.
    pub(crate) fn new(brands: &BTreeMap<String, String>) -> Result<Self, minijinja::Error> {
        let templates = Language::ALL.into_iter().map(|language| environment(language, brands.clone()));
        Ok(Self { templates: templates.collect::<Result<_, _>>()? })
    }

    /// Fills a template. `here` names the entry of the navigation, `live` keeps the page up to date.
    pub(crate) fn render(
        &self,
        template: &str,
        frame: &Frame,
        here: &str,
        live: bool,
        content: Value,
    ) -> Result<String, Problem> {
        let language = frame.language;
        let may = |role| frame.reader.as_ref().is_some_and(|(_, own)| *own >= role);
        let around = context! {
            account => frame.reader.as_ref().map(|(name, _)| name.as_str()),
            may => context! { operate => may(Role::Operator), administer => may(Role::Administrator) },
            box => context! { name => frame.name.as_str(), version => frame.version.as_str() },
            assets => context! { style => asset::url(asset::STYLE), live => asset::url(asset::LIVE), rehearse => asset::url(asset::REHEARSE), restore => asset::url(asset::RESTORE), icon => asset::url(asset::ICON) },
            signed_in => frame.csrf.is_some(),
            csrf => frame.csrf.as_deref(),
            now => frame.now.as_str(),
            zone => frame.zone.map(Zone::name),
            notice => frame.notice.map(|notice| said(language, notice)),
            languages => Language::ALL.map(|one| context! { tag => one.tag(), name => one.own_name(), chosen => one == language }).to_vec(),
            language => language.tag(),
            own => frame.own.as_str(),
            first_visit => frame.first_visit,
            here,
            live,
        };
        let all = context! { ..content, ..around };
        let environment = Language::ALL.iter().position(|one| *one == language).and_then(|at| self.templates.get(at));
        let made =
            environment.ok_or_else(|| minijinja::Error::new(minijinja::ErrorKind::TemplateNotFound, "no language"));
        made.and_then(|made| made.get_template(template))
            .and_then(|template| template.render(all))
            .map(|page| tight(&page))
            .map_err(|error| {
                tracing::error!(template, error = format!("{error:#}"), "a page could not be made");
                Problem::new(
                    hyper::StatusCode::INTERNAL_SERVER_ERROR,
                    "page-failed",
                    "This page could not be made.",
                    "Report it with the log of this box; the command line shows the same facts.",
                )
            })
    }
}

/// A page without the blanks at the beginnings of its lines, but for texts that stand as they are.
fn tight(page: &str) -> String {
    let mut out = String::with_capacity(page.len());
    let mut as_it_is = false;
    for line in page.lines() {
        let trimmed = if as_it_is { line } else { line.trim_start() };
        // Texts of others are escaped: only the templates' own tags look like this.
        let (opens, closes) =
            ((line.rfind("<pre"), line.rfind("<textarea")), (line.rfind("</pre>"), line.rfind("</textarea>")));
        let (opens, closes) = (opens.0.max(opens.1), closes.0.max(closes.1));
        as_it_is = match (opens, closes) {
            (None, None) => as_it_is,
            (opens, closes) => opens > closes,
        };
        if !trimmed.is_empty() || as_it_is {
            out.push_str(trimmed);
            out.push('\n');
        }
    }
    out
}

/// The templates with what they may call, in one language.
fn environment(language: Language, brands: BTreeMap<String, String>) -> Result<Environment<'static>, minijinja::Error> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    let zone = |name: Option<&str>| name.and_then(Zone::named);
    templates.add_function("t", move |text: &str, arguments: Kwargs| speech::piece(language, text, &arguments));
    templates.add_filter("t", move |text: &str| said(language, text).to_owned());
    templates.add_filter("retold", move |text: &str| speech::retold(language, text));
    templates.add_filter("ago", move |at: &str, now: &str| format::ago(at, now, language));
    templates.add_filter("clock", move |at: &str, name: Option<&str>| format::clock(at, zone(name), language));
    templates.add_filter("day", move |at: &str, name: Option<&str>| format::day(at, zone(name), language));
    templates.add_filter("segment", |text: &str| segment(text));
    templates.add_filter("span", move |seconds: u64| format::span(seconds, language));
    templates.add_filter("megabytes", format::megabytes);
    templates.add_filter("tenths", format::tenths);
    templates.add_filter("brand", move |id: String| brands.get(&id).cloned().unwrap_or(id));
    templates.add_filter("plain", |mac: &str| mac.replace(':', ""));
    for (name, source) in TEMPLATES {
        templates.add_template(name, source)?;
    }
    Ok(templates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_but_for_texts_that_stand_as_they_are() {
        let page = "<p>\n   a\n\n  <pre>x\n  y\n\n z</pre>\n  b <textarea>\n  c\n</textarea> d\n  e";
        let tight = tight(page);
        assert_eq!(tight, "<p>\na\n<pre>x\n  y\n\n z</pre>\nb <textarea>\n  c\n</textarea> d\ne\n");
    }
}
