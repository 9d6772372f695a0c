//! Who may open a page and send its forms.

use hyper::Method;

use super::super::accounts::Role::{self, Administrator, Operator, Viewer};
use super::Trail::{self, Own, Says};

/// What a page or form of the page needs, and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) struct PageRule {
    /// Who may.
    pub(in crate::admin) role: Role,
    /// What is left of it, when it was done.
    pub(in crate::admin) trail: Trail,
}

/// Pages that not every viewer may open.
const GUARDED: &[(&str, Role, Trail)] = &[
    ("accounts", Administrator, Trail::Nothing),
    ("accounts/*", Administrator, Trail::Nothing),
    ("audit", Administrator, Trail::Nothing),
    ("backup", Administrator, Trail::Nothing),
    ("partners/*", Administrator, Trail::Nothing),
    ("phones/*/edit", Administrator, Trail::Nothing),
    ("phones/import", Administrator, Trail::Nothing),
    ("phones/new", Administrator, Trail::Nothing),
    ("settings", Administrator, Trail::Nothing),
    ("tokens", Administrator, Trail::Nothing),
    ("welcome", Administrator, Trail::Nothing),
    ("phones/*/uploads/**", Administrator, Says("Fetched a file that the phone sent up")),
];

/// Forms that more than administrators may send, or that somebody else records.
const FORMS: &[(&str, Role, Trail)] = &[
    ("sign-out", Viewer, Trail::Nothing),
    ("language", Viewer, Trail::Nothing),
    ("account/*", Viewer, Own),
    ("phones/*/resync", Operator, Says("Had the phone told to fetch its files again")),
    ("phones/*/reboot", Operator, Says("Had the phone told to restart")),
    ("phones/*/rehearse", Operator, Own),
    ("phones/*/start-over", Operator, Own),
    ("waiting/*/adopt", Operator, Own),
    ("networks/*/take-over", Administrator, Says("Had the box stand in for a DHCP server that is gone")),
    ("campaigns", Administrator, Says("Began to have phones told")),
    ("campaigns/*/stop", Administrator, Says("Had no more phones told")),
    ("firmware/plan", Administrator, Says("Planned a roll-out of firmware")),
    ("rollouts/*/start", Administrator, Says("Began a roll-out of firmware")),
    ("rollouts/*/stop", Administrator, Says("Stopped a roll-out of firmware")),
    ("rollouts/*/back", Administrator, Says("Brought phones of a roll-out back to what they ran")),
    ("rollouts/*/remove", Administrator, Says("Removed a roll-out of firmware")),
    ("box/*", Administrator, Says("Changed something about the box itself")),
];

/// What a page or form needs. Pages are for every viewer and forms for administrators, where nothing else is said.
pub(in crate::admin) fn of_page(method: &Method, path: &[&str]) -> PageRule {
    let (list, usual) = match *method {
        Method::GET => (GUARDED, PageRule { role: Viewer, trail: Trail::Nothing }),
        _ => (FORMS, PageRule { role: Administrator, trail: Own }),
    };
    let found = list.iter().find(|(pattern, ..)| fits(pattern, path));
    found.map_or(usual, |(_, role, trail)| PageRule { role: *role, trail: *trail })
}

fn fits(pattern: &str, path: &[&str]) -> bool {
    let mut given = path.iter();
    for segment in pattern.split('/') {
        match (segment, given.next()) {
            ("**", Some(_)) => return true,
            ("*", Some(_)) => {}
            (word, Some(said)) if word == *said => {}
            _ => return false,
        }
    }
    given.next().is_none()
}
