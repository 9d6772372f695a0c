use std::collections::BTreeMap;

use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use super::{Frame, Pages, segment};
use crate::admin::problem::{FieldError, Problem};
use crate::admin::reading::standing::Standing;
use crate::admin::speech::retold;
use crate::admin::types;
use crate::model::Mac;
use crate::sip::Telling;

/// Phones on one page of the list.
pub(crate) const PAGE_ROWS: usize = 50;

/// Which phones somebody wants to see.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Filter {
    /// Words to look for.
    pub(crate) q: String,
    /// Key of a standing, or nothing.
    pub(crate) state: String,
    /// Folder name of a brand, or nothing.
    pub(crate) brand: String,
    /// An organisation, or nothing.
    pub(crate) organisation: String,
}

impl Filter {
    /// The list's address for that page of this filter.
    pub(crate) fn at(&self, offset: usize) -> String {
        let fields =
            [("q", &self.q), ("state", &self.state), ("brand", &self.brand), ("organisation", &self.organisation)];
        let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
        let fields: String = fields.map(|(name, value)| format!("{name}={}&", segment(value))).collect();
        format!("/phones?{fields}offset={offset}")
    }
}

/// Which events somebody wants to see.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct EventsFilter {
    /// As typed.
    pub(crate) mac: String,
    /// First part of a reason's code, or nothing.
    pub(crate) kind: String,
    /// How it went, or nothing.
    pub(crate) outcome: String,
}

/// What stands on the overview.
#[derive(Debug)]
pub(crate) struct Overview {
    pub(crate) status: types::Status,
    /// The most urgent ones.
    pub(crate) page: types::Phones,
    pub(crate) events: Vec<types::Event>,
    pub(crate) waiting: types::WaitingPhones,
    /// Phones that run an older release than the newest of their catalogue.
    pub(crate) behind: usize,
    /// When somebody last made a backup, RFC 3339.
    pub(crate) last_backup: Option<String>,
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
    /// What was typed for the code.
    pub(crate) typed: String,
    /// The code, once it is known to be right.
    pub(crate) code: String,
    /// Where whoever signs in is led.
    pub(crate) next: Option<String>,
    /// Whether something was typed that a session's end has cut off.
    pub(crate) kept: bool,
    /// The name of whoever signs in.
    pub(crate) name: String,
}

impl NewPhone {
    /// The fields of the form; `password` is one too, but is never shown again.
    pub(crate) const FIELDS: [&'static str; 10] =
        ["mac", "name", "organisation", "user", "server", "display", "auth_user", "port", "transport", "voicemail"];
}

impl Pages {
    pub(crate) fn overview(&self, frame: &Frame, view: &Overview) -> Result<String, Problem> {
        let counts = view.status.phones;
        let content = context! {
            status => value(&view.status),
            page => value(&view.page),
            events => value(&view.events),
            waiting => value(&view.waiting),
            behind => view.behind,
            last_backup => view.last_backup.as_deref(),
            slices => slices(counts),
        };
        self.render("overview.html", frame, "overview", true, content)
    }

    pub(crate) fn phone(
        &self,
        frame: &Frame,
        phone: &types::Phone,
        telling: Option<&Telling>,
        (groups, waiting): (&[types::Group], &[types::Waiting]),
        (history, timeline): &(types::PhoneHistory, types::Timeline),
    ) -> Result<String, Problem> {
        let telling = telling.map(|telling| {
            let says = match &telling.reason {
                Some(reason) => reason.sentence_in(frame.language),
                None => retold(frame.language, &telling.says),
            };
            context! { told => value(&telling.told), began => telling.began.to_string(), says }
        });
        // Phones are put into the groups that are for no brand or model.
        let groups: Vec<&types::Group> = groups.iter().filter(|group| group.brand.is_none()).collect();
        let (phone, groups, waiting) = (value(phone), value(&groups), value(&waiting));
        let (history, timeline) = (value(history), value(timeline));
        let content = context! { phone, telling, groups, waiting, history, timeline };
        self.render("phone.html", frame, "phone", true, content)
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
            values => context! { code => door.code.as_str(), typed => door.typed.as_str(), name => door.name.as_str() },
            next => door.next.as_deref(),
            kept => door.kept,
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

/// The events' address for what came before `before`.
pub(crate) fn events_before(filter: &EventsFilter, mac: Option<Mac>, before: u64) -> String {
    let mac = mac.map(Mac::plain).unwrap_or_default();
    format!("/events?mac={mac}&kind={}&outcome={}&before={before}", segment(&filter.kind), segment(&filter.outcome))
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
        let filter = Filter { q: "desk & <hall>".into(), state: "attention".into(), ..Filter::default() };
        assert_eq!(filter.at(100), "/phones?q=desk%20%26%20%3Chall%3E&state=attention&offset=100");
    }
}
