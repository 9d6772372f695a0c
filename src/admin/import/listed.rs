use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::admin::editing::PhoneDraft;
use crate::model::{Id, Mac, Phone};

/// User and server of a line.
type Account = (String, String);

/// The phones on the list, as the rows of a file name them. Rows are asked for in their order: of entries that nothing
/// tells apart, each is meant by one row.
pub struct Listed<'a> {
    by_mac: HashMap<Mac, &'a Arc<Phone>>,
    by_line: HashMap<(&'a str, &'a str), Vec<&'a Arc<Phone>>>,
    /// Those that wait for their devices, by name.
    waiting: HashMap<&'a str, Vec<&'a Arc<Phone>>>,
    /// Entries that wait, each with the line that a row had when it meant it.
    meant: HashSet<(Id, Option<Account>)>,
}

/// A row without a device whose line several phones have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ambiguous;

impl<'a> Listed<'a> {
    /// The list as it is.
    pub fn new(phones: &'a [Arc<Phone>]) -> Self {
        let mut by_line: HashMap<_, Vec<_>> = HashMap::new();
        let mut waiting: HashMap<_, Vec<_>> = HashMap::new();
        for phone in phones {
            for line in &phone.lines {
                let of_line = by_line.entry((line.user.as_str(), line.server.as_str())).or_default();
                // A phone may have a line twice.
                if of_line.last().is_none_or(|last: &&Arc<Phone>| last.id != phone.id) {
                    of_line.push(phone);
                }
            }
            if phone.mac.is_placeholder() {
                waiting.entry(phone.name.as_str()).or_default().push(phone);
            }
        }
        Self {
            by_mac: phones.iter().map(|phone| (phone.mac, phone)).collect(),
            by_line,
            waiting,
            meant: HashSet::new(),
        }
    }

    /// The phone that a draft means, as it was written.
    pub fn of_draft(
        &mut self,
        draft: &PhoneDraft,
        organisation: impl Fn(&str) -> Option<Id>,
    ) -> Option<&'a Arc<Phone>> {
        if !draft.mac.trim().is_empty() {
            return draft.mac.parse().ok().and_then(|mac| self.by_mac(mac));
        }
        let name = draft.name.as_deref().unwrap_or_default().trim();
        let organisation = draft.organisation.as_deref().and_then(|name| organisation(name.trim()));
        self.without_device(name, organisation, draft.lines.first().map(|line| line.account())).ok().flatten()
    }

    /// The phone of this address.
    pub(super) fn by_mac(&self, mac: Mac) -> Option<&'a Arc<Phone>> {
        self.by_mac.get(&mac).copied()
    }

    /// The phone that a row without a device means: the one that has its first line, or that has its name and waits.
    /// Where several have that line, one that goes by its name is meant, and then one that waits for a device itself.
    pub(super) fn without_device(
        &mut self,
        name: &str,
        organisation: Option<Id>,
        line: Option<Account>,
    ) -> Result<Option<&'a Arc<Phone>>, Ambiguous> {
        let found = match &line {
            Some((user, server)) => self.by_line.get(&(user.as_str(), server.as_str())),
            None => self.waiting.get(name),
        };
        let mut found = found.cloned().unwrap_or_default();
        let inherits = line.as_ref().is_some_and(|(_, server)| server.is_empty());
        if let Some(organisation) = organisation.filter(|_| inherits) {
            // The server that a line inherits is another one elsewhere.
            found.retain(|phone| phone.organisation == organisation);
        }
        found.retain(|phone| !phone.mac.is_placeholder() || !self.meant.contains(&(phone.id, line.clone())));
        prefer(&mut found, |phone| organisation.is_none_or(|id| id == phone.organisation));
        prefer(&mut found, |phone| phone.name == name);
        prefer(&mut found, |phone| phone.mac.is_placeholder());
        match found.as_slice() {
            [] => Ok(None),
            [first, more @ ..] if more.is_empty() || first.mac.is_placeholder() => {
                self.meant.insert((first.id, line));
                Ok(Some(*first))
            }
            _ => Err(Ambiguous),
        }
    }
}

/// Leaves those that fit, if any does.
fn prefer(found: &mut Vec<&Arc<Phone>>, fits: impl Fn(&Phone) -> bool) {
    if found.iter().any(|phone| fits(phone)) {
        found.retain(|phone| fits(phone));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::test_data;
    use crate::model::Timestamp;

    fn waits(number: u8, name: &str) -> Arc<Phone> {
        let mac = Mac::placeholder([0, 0, 0, number]);
        Arc::new(Phone { mac, name: name.into(), ..test_data::phone(number) })
    }

    fn found(listed: &mut Listed<'_>, name: &str, line: Option<(&str, &str)>) -> Result<Option<Id>, Ambiguous> {
        let line = line.map(|(user, server)| (user.to_owned(), server.to_owned()));
        Ok(listed.without_device(name, None, line)?.map(|phone| phone.id))
    }

    #[test]
    fn a_line_of_several_phones_is_that_of_the_one_that_waits_or_of_nobody() {
        let line = Some(("201", "pbx.example.net"));
        let (one, same) = (test_data::phone(1), waits(3, "Hall"));
        let other = Arc::new(Phone { lines: one.lines.clone(), ..test_data::phone(2) });
        let same = Arc::new(Phone { lines: one.lines.clone(), ..Phone::clone(&same) });
        let one = Arc::new(one);
        let phones = [Arc::clone(&one), Arc::clone(&other)];
        assert_eq!(found(&mut Listed::new(&phones), "", line), Err(Ambiguous));
        assert_eq!(found(&mut Listed::new(&phones), "Desk 2", line), Ok(Some(other.id)));
        let phones = [one, Arc::clone(&other), Arc::clone(&same)];
        assert_eq!(found(&mut Listed::new(&phones), "", line), Ok(Some(same.id)));
        assert_eq!(found(&mut Listed::new(&phones), "Desk 2", line), Ok(Some(other.id)), "it goes by its name");
        assert_eq!(found(&mut Listed::new(&phones), "", Some(("201", "pbx"))), Ok(None));
    }

    #[test]
    fn a_line_that_a_phone_has_twice_is_that_phones() {
        let mut phone = test_data::phone(1);
        phone.lines.push(phone.lines[0].clone());
        let phones = [Arc::new(phone)];
        assert_eq!(found(&mut Listed::new(&phones), "", Some(("201", "pbx.example.net"))), Ok(Some(phones[0].id)));
    }

    #[test]
    fn each_of_several_that_are_alike_is_meant_once() {
        let phones = [waits(3, "Hall"), waits(4, "Hall"), waits(5, "Yard")];
        let mut listed = Listed::new(&phones);
        let halls = [(); 3].map(|()| found(&mut listed, "Hall", None));
        assert_eq!(halls, [Ok(Some(phones[0].id)), Ok(Some(phones[1].id)), Ok(None)]);
    }

    #[test]
    fn an_inherited_server_is_that_of_an_organisation() {
        let mut phone = Phone::clone(&waits(3, "Hall"));
        phone.lines[0].server.clear();
        let phones = [Arc::new(phone)];
        let line = Some(("203".to_owned(), String::new()));
        let elsewhere = Id::new(Timestamp::from_secs(9), 9);
        let mut listed = Listed::new(&phones);
        assert_eq!(listed.without_device("Hall", Some(elsewhere), line.clone()), Ok(None));
        let here = listed.without_device("Hall", Some(phones[0].organisation), line);
        assert_eq!(here, Ok(Some(&phones[0])));
    }
}
