//! The page: templates filled with what the API says.

mod assets;
mod campaigns;
mod format;
mod views;

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior, Value, context};

pub(crate) use assets::asset;
pub(crate) use campaigns::CampaignsPage;
pub(crate) use format::span;
pub(crate) use views::{Door, EventsFilter, Filter, NewPhone, Overview, PAGE_ROWS, encode, events_before, value};

use super::problem::Problem;

const TEMPLATES: [(&str, &str); 20] = [
    ("base.html", include_str!("../templates/base.html")),
    ("parts.html", include_str!("../templates/parts.html")),
    ("overview.html", include_str!("../templates/overview.html")),
    ("phone.html", include_str!("../templates/phone.html")),
    ("shared.html", include_str!("../templates/shared.html")),
    ("settings.html", include_str!("../templates/settings.html")),
    ("files.html", include_str!("../templates/files.html")),
    ("book.html", include_str!("../templates/book.html")),
    ("replace.html", include_str!("../templates/replace.html")),
    ("new.html", include_str!("../templates/new.html")),
    ("import.html", include_str!("../templates/import.html")),
    ("events.html", include_str!("../templates/events.html")),
    ("campaigns.html", include_str!("../templates/campaigns.html")),
    ("door.html", include_str!("../templates/door.html")),
    ("box.html", include_str!("../templates/box.html")),
    ("firmware.html", include_str!("../templates/firmware.html")),
    ("rollout.html", include_str!("../templates/rollout.html")),
    ("partners.html", include_str!("../templates/partners.html")),
    ("partner.html", include_str!("../templates/partner.html")),
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
    /// The time, RFC 3339.
    pub(crate) now: String,
    /// A sentence about what was just done.
    pub(crate) notice: Option<&'static str>,
}

/// The templates, read once.
#[derive(Debug)]
pub(crate) struct Pages {
    templates: Environment<'static>,
}

impl Pages {
    /// Reads the templates. `brands` says what people call the brands, by folder name.
    ///
    /// # Errors
    /// When one of them is not well formed.
    pub(crate) fn new(brands: BTreeMap<String, String>) -> Result<Self, minijinja::Error> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in TEMPLATES {
            templates.add_template(name, source)?;
        }
        templates.add_filter("ago", |at: &str, now: &str| format::ago(at, now));
        templates.add_filter("clock", |at: &str| format::clock(at));
        templates.add_filter("day", |at: &str| format::day(at));
        templates.add_filter("segment", |text: &str| format::segment(text));
        templates.add_filter("span", format::span);
        templates.add_filter("megabytes", format::megabytes);
        templates.add_filter("brand", move |id: String| brands.get(&id).cloned().unwrap_or(id));
        templates.add_filter("plain", |mac: &str| mac.replace(':', ""));
        Ok(Self { templates })
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
        let around = context! {
            box => context! { name => frame.name.as_str(), version => frame.version.as_str() },
            assets => context! { style => asset::url(asset::STYLE), live => asset::url(asset::LIVE), icon => asset::url(asset::ICON) },
            signed_in => frame.csrf.is_some(),
            csrf => frame.csrf.as_deref(),
            now => frame.now.as_str(),
            notice => frame.notice,
            here,
            live,
        };
        let all = context! { ..content, ..around };
        self.templates.get_template(template).and_then(|t| t.render(all)).map_err(|error| {
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
