//! The list of phones, and all that happened to one.

use minijinja::context;

use super::render::{Filter, Frame, PAGE_ROWS, value};
use crate::admin::Admin;
use crate::admin::api::mac_in;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::admin::reading::look::PhoneQuery;
use crate::admin::reading::standing::Standing;
use crate::admin::reading::timeline::Behind;

/// Entries of a page of a timeline.
const A_PAGE: usize = 100;

impl Admin {
    /// A page of the list, as its filter says.
    pub(in crate::admin) fn phones_page(&self, call: &Call, frame: &Frame) -> Result<String, Problem> {
        let text = |name: &str| call.query.of(name).unwrap_or_default().chars().take(100).collect::<String>();
        let standing = Standing::from_key(&text("state"));
        let filter = Filter {
            q: text("q"),
            state: standing.map(Standing::key).unwrap_or_default().into(),
            brand: text("brand"),
            organisation: text("organisation"),
        };
        let organisation = (!filter.organisation.is_empty()).then(|| self.organisation(Some(&filter.organisation)));
        let query = PhoneQuery {
            words: filter.q.clone(),
            standing,
            brand: Some(filter.brand.clone()).filter(|brand| !brand.is_empty()),
            organisation: organisation.flatten().map(|organisation| organisation.id),
            offset: usize::try_from(call.query.number("offset")?.unwrap_or_default()).unwrap_or_default(),
            after: None,
            limit: PAGE_ROWS,
            // Whoever looks for something wants it by name; whoever looks at all of it, what is urgent.
            urgent_first: filter.q.is_empty(),
        };
        let listing = self.listing();
        let page = self.phones(&listing, &query);
        let after = page.offset + page.phones.len();
        let content = context! {
            brands => listing.brands().into_iter().map(str::to_owned).collect::<Vec<_>>(),
            organisations => value(&self.organisations()),
            states => Standing::ALL.map(Standing::key).to_vec(),
            total => listing.len(),
            earlier => (page.offset > 0).then(|| filter.at(page.offset.saturating_sub(PAGE_ROWS))),
            later => (after < page.matching).then(|| filter.at(after)),
            page => value(&page),
            filter => value(&filter),
        };
        self.0.pages.render("phones.html", frame, "phones", true, content)
    }

    /// The page with a part of a phone's timeline.
    pub(in crate::admin) fn timeline_page(&self, call: &Call, frame: &Frame, mac: &str) -> Result<String, Problem> {
        let mac = mac_in(mac)?;
        let behind = call.query.of("after").map_or(Ok(Behind::NOTHING), Behind::read)?;
        let phone = self.phone(mac, 0).ok_or_else(|| Problem::phone_unknown(mac))?;
        let content = context! { phone => value(&phone), timeline => value(&self.timeline(mac, behind, A_PAGE)?) };
        self.0.pages.render("timeline.html", frame, "phone", false, content)
    }
}
