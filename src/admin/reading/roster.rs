//! What lists, searches and counts need of every phone, kept at hand.

use std::net::Ipv4Addr;
use std::sync::{Arc, PoisonError};

use super::standing::{Standing, situation};
use crate::admin::Admin;
use crate::model::{FirstContact, Id, Journey, Mac, Phone, Timestamp};

/// A phone on the list, as far as lists go. It holds no secret.
#[derive(Debug)]
pub(in crate::admin) struct Row {
    pub(in crate::admin) id: Id,
    pub(in crate::admin) mac: Mac,
    pub(in crate::admin) organisation: Id,
    pub(in crate::admin) brand: Option<Box<str>>,
    pub(in crate::admin) model: Option<Box<str>>,
    /// The release that it said it runs.
    pub(in crate::admin) firmware: Option<Box<str>>,
    /// SIP servers of its lines.
    pub(in crate::admin) servers: Vec<Box<str>>,
    /// What people call it.
    pub(in crate::admin) name: Box<str>,
    /// Everything that it can be found by, in lower case.
    words: Box<str>,
    standing: Standing,
    /// When its first contact began: it needs attention if it does not come back in time.
    opened: Option<Timestamp>,
}

impl Row {
    fn of(phone: &Phone, journey: &Journey) -> Self {
        let mut words = phone.name.to_lowercase();
        let lines = phone.lines.iter().flat_map(|line| [&line.user, &line.display]);
        for text in phone.model.iter().chain(&phone.brand).chain(lines) {
            words.push('\n');
            words.push_str(&text.to_lowercase());
        }
        let opened = match phone.first_contact {
            FirstContact::Open { since, .. } => Some(since),
            _ => None,
        };
        // What becomes of an open window is decided when the row is read.
        let standing = situation(phone, journey, opened.unwrap_or_default()).standing;
        Self {
            id: phone.id,
            mac: phone.mac,
            organisation: phone.organisation,
            brand: phone.brand.as_deref().map(Into::into),
            model: phone.model.as_deref().map(Into::into),
            firmware: journey.firmware.as_deref().map(Into::into),
            servers: phone.lines.iter().map(|line| line.server.as_str().into()).collect(),
            name: phone.name.as_str().into(),
            words: words.into(),
            standing,
            opened,
        }
    }

    /// How it stands at this time.
    pub(in crate::admin) fn standing(&self, now: Timestamp) -> Standing {
        let is_late = self.opened.is_some_and(|since| !FirstContact::lasts(since, now));
        if is_late { Standing::Attention } else { self.standing }
    }

    /// Whether it is what somebody looks for: all words must stand in its name, MAC, lines, model or address.
    pub(in crate::admin) fn matches(&self, address: Option<Ipv4Addr>, query: &str) -> bool {
        query.split_whitespace().take(8).all(|word| {
            let word = word.to_lowercase();
            let hexadecimal: String = word.chars().filter(|c| !":-.".contains(*c)).collect();
            self.words.contains(&word)
                || (hexadecimal.len() >= 2 && self.mac.plain().contains(&hexadecimal))
                || address.is_some_and(|a| a.to_string().contains(&word))
        })
    }
}

impl Admin {
    /// Every phone on the list, by name.
    pub(in crate::admin) fn roster(&self) -> Vec<Arc<Row>> {
        let mut roster = self.0.roster.lock().unwrap_or_else(PoisonError::into_inner);
        roster.refresh(&self.0.store, Row::of, |row| (row.name.to_lowercase(), row.id))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::admin::test_data;

    #[test]
    fn finds_phones_by_what_people_know_of_them() {
        let row = Row::of(&test_data::phone(7), &Journey::default());
        let address = Some([10, 66, 0, 17].into());
        for query in ["", "desk", "DESK 7", "207", "80:5E:C0", "c0-12-34", "805ec0123407", "0.17", "desk 207"] {
            assert!(row.matches(address, query), "{query}");
        }
        for query in ["desk 8", "208", "line-secret"] {
            assert!(!row.matches(address, query), "{query}");
        }
    }

    #[test]
    fn a_window_that_closes_is_noticed_without_a_new_row() {
        let mut phone = test_data::phone(1);
        let since = Timestamp::from_secs(1_700_000_000);
        phone.first_contact = FirstContact::Open { since, address: [10, 66, 0, 10].into() };
        let row = Row::of(&phone, &Journey::default());
        assert_ne!(row.standing(since.plus(Duration::from_secs(60))), Standing::Attention);
        assert_eq!(row.standing(since.plus(FirstContact::WINDOW)), Standing::Attention);
    }
}
