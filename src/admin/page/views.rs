use std::collections::BTreeMap;

use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use super::{Frame, Pages};
use crate::admin::problem::{FieldError, Problem};
use crate::admin::standing::Standing;
use crate::admin::types;
use crate::model::Mac;
use crate::sip::Telling;

/// Phones on one page of the overview.
pub(crate) const PAGE_ROWS: usize = 100;

/// Which phones somebody wants to see.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Filter {
    /// Words to look for.
    pub(crate) q: String,
    /// Key of a standing, or nothing.
    pub(crate) state: String,
}

/// Which events somebody wants to see.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct EventsFilter {
    /// As typed.
    pub(crate) mac: String,
    /// First part of a reason's code, or nothing.
    pub(crate) kind: String,
}

/// What stands on the overview.
#[derive(Debug)]
pub(crate) struct Overview {
    pub(crate) status: types::Status,
    pub(crate) page: types::Phones,
    pub(crate) filter: Filter,
    pub(crate) events: Vec<types::Event>,
    /// The first of them; `lease_count` says how many there are.
    pub(crate) leases: Vec<types::Lease>,
    pub(crate) lease_count: usize,
    pub(crate) dhcp: types::Dhcp,
    pub(crate) sightings: types::Sightings,
    pub(crate) waiting: types::WaitingPhones,
}

/// What stands in the form for a new phone.
#[derive(Debug, Default)]
pub(crate) struct NewPhone {
    /// What was typed, but for the password.
    pub(crate) values: BTreeMap<&'static str, String>,
    pub(crate) organisations: Vec<types::Organisation>,
    pub(crate) problem: Option<Problem>,
}

/// What stands at the door: the form to sign in, or to claim the box.
#[derive(Debug, Default)]
pub(crate) struct Door {
    pub(crate) claimed: bool,
    pub(crate) problem: Option<Problem>,
    pub(crate) errors: Vec<FieldError>,
    pub(crate) code: String,
    pub(crate) name: String,
}

impl NewPhone {
    /// The fields of the form; `password` is one too, but is never shown again.
    pub(crate) const FIELDS: [&'static str; 10] =
        ["mac", "name", "organisation", "user", "server", "display", "auth_user", "port", "transport", "voicemail"];
}

/// Phones that are here and never came to the box: the most that are shown.
const STRANGERS: usize = 50;

fn strangers(sightings: &types::Sightings) -> Vec<&types::Seen> {
    let here = sightings.seen.iter().filter(|seen| !seen.came_to_us && (seen.phone || seen.listed.is_some()));
    here.take(STRANGERS).collect()
}

impl Pages {
    pub(crate) fn overview(&self, frame: &Frame, view: &Overview) -> Result<String, Problem> {
        let counts = view.status.phones;
        let tabs: Vec<Value> =
            Standing::ALL.iter().map(|s| context! { standing => s.key(), word => s.word() }).collect();
        let page = &view.page;
        let after = page.offset + page.phones.len();
        let content = context! {
            status => value(&view.status),
            page => value(page),
            filter => value(&view.filter),
            events => value(&view.events),
            leases => value(&view.leases),
            lease_count => view.lease_count,
            dhcp => value(&view.dhcp),
            strangers => value(&strangers(&view.sightings)),
            missing => value(&view.sightings.missing),
            waiting => value(&view.waiting),
            slices => slices(counts),
            tabs,
            earlier => (page.offset > 0).then(|| at(&view.filter, page.offset.saturating_sub(PAGE_ROWS))),
            later => (after < page.matching).then(|| at(&view.filter, after)),
        };
        self.render("overview.html", frame, "overview", true, content)
    }

    pub(crate) fn phone(
        &self,
        frame: &Frame,
        phone: &types::Phone,
        telling: Option<&Telling>,
        (groups, waiting): (&[types::Group], &[types::Waiting]),
    ) -> Result<String, Problem> {
        let telling = telling.map(|telling| {
            context! { told => value(&telling.told), began => telling.began.to_string(), says => telling.says.as_str() }
        });
        // Phones are put into the groups that are for no brand or model.
        let groups: Vec<&types::Group> = groups.iter().filter(|group| group.brand.is_none()).collect();
        let (phone, groups, waiting) = (value(phone), value(&groups), value(&waiting));
        self.render("phone.html", frame, "phone", true, context! { phone, telling, groups, waiting })
    }

    pub(crate) fn events(
        &self,
        frame: &Frame,
        events: &[types::Event],
        filter: &EventsFilter,
        older: Option<String>,
        wrong: Option<String>,
    ) -> Result<String, Problem> {
        self.render(
            "events.html",
            frame,
            "events",
            true,
            context! { events => value(&events), filter => value(filter), older, wrong },
        )
    }

    pub(crate) fn new_phone(&self, frame: &Frame, form: &NewPhone) -> Result<String, Problem> {
        let mut values = form.values.clone();
        for field in NewPhone::FIELDS {
            values.entry(field).or_default();
        }
        // The form has one line, and its fields have no other names than the line's.
        let errors: Vec<FieldError> = form.problem.iter().flat_map(|p| &p.errors).map(bare).collect();
        let unusual = ["auth_user", "port", "voicemail", "transport"];
        let more = unusual.iter().any(|field| errors.iter().any(|e| e.field == *field));
        let content = context! {
            values => value(&values),
            errors => value(&errors),
            more,
            organisations => value(&form.organisations),
            problem => value(&form.problem),
        };
        self.render("new.html", frame, "new", false, content)
    }

    pub(crate) fn import(
        &self,
        frame: &Frame,
        list: &str,
        server: &str,
        plan: Option<&types::Import>,
        problem: Option<&Problem>,
    ) -> Result<String, Problem> {
        let values = context! { list, server };
        self.render(
            "import.html",
            frame,
            "import",
            false,
            context! { values, plan => value(&plan), problem => value(&problem) },
        )
    }

    pub(crate) fn appliance(
        &self,
        frame: &Frame,
        appliance: &types::Appliance,
        interface: &str,
        problem: Option<&Problem>,
    ) -> Result<String, Problem> {
        let content = context! {
            standing => value(&appliance.standing),
            update => value(&appliance.update),
            interface,
            problem => value(&problem),
        };
        self.render("box.html", frame, "box", false, content)
    }

    pub(crate) fn door(&self, frame: &Frame, door: &Door) -> Result<String, Problem> {
        let content = context! {
            claimed => door.claimed,
            problem => value(&door.problem),
            errors => value(&door.errors),
            code_asked => door.claimed && door.errors.iter().any(|error| error.field == "code"),
            values => context! { code => door.code.clone(), name => door.name.clone() },
        };
        self.render("door.html", frame, "door", false, content)
    }

    pub(crate) fn problem(&self, frame: &Frame, problem: &Problem) -> Result<String, Problem> {
        self.render("problem.html", frame, "problem", false, context! { problem => value(problem) })
    }
}

/// What templates see of a thing.
pub(crate) fn value<T: Serialize>(of: &T) -> Value {
    Value::from(Serde(of))
}

fn of(counts: types::Counts, standing: Standing) -> usize {
    match standing {
        Standing::Attention => counts.attention,
        Standing::OnTheWay => counts.on_the_way,
        Standing::NotSeen => counts.not_seen,
        Standing::InService => counts.in_service,
    }
}

/// The bar of standings: parts of a thousand, best first.
fn slices(counts: types::Counts) -> Vec<Value> {
    let mut from = 0;
    let mut seen = 0;
    [Standing::InService, Standing::OnTheWay, Standing::Attention, Standing::NotSeen]
        .into_iter()
        .map(|standing| {
            seen += of(counts, standing);
            let to = (seen * 1000).checked_div(counts.total).unwrap_or_default();
            let slice =
                context! { standing => standing.key(), count => of(counts, standing), from, width => to - from };
            from = to;
            slice
        })
        .collect()
}

/// The overview's address for that page of that filter.
fn at(filter: &Filter, offset: usize) -> String {
    format!("/?q={}&state={}&offset={offset}", encode(&filter.q), encode(&filter.state))
}

/// The events' address for what came before `before`.
pub(crate) fn events_before(filter: &EventsFilter, mac: Option<Mac>, before: u64) -> String {
    let mac = mac.map(Mac::plain).unwrap_or_default();
    format!("/events?mac={mac}&kind={}&before={before}", encode(&filter.kind))
}

/// Percent-encodes a text for a query.
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn bare(error: &FieldError) -> FieldError {
    FieldError { field: error.field.trim_start_matches("lines[0].").to_owned(), detail: error.detail.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_whole_and_in_order() {
        let counts = types::Counts { total: 3, attention: 1, on_the_way: 1, not_seen: 0, in_service: 1 };
        let widths: Vec<i64> =
            slices(counts).iter().map(|s| s.get_attr("width").unwrap().try_into().unwrap()).collect();
        assert_eq!(widths.iter().sum::<i64>(), 1000);
        assert_eq!(widths, [333, 333, 334, 0]);
    }

    #[test]
    fn filters_survive_the_turn_of_a_page() {
        let filter = Filter { q: "desk & <hall>".into(), state: "attention".into() };
        assert_eq!(at(&filter, 100), "/?q=desk%20%26%20%3Chall%3E&state=attention&offset=100");
    }
}
