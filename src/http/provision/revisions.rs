use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::model::{Id, Timestamp};

/// Since when each phone's files have had the content that it was last served with.
///
/// What a phone is given depends on its evidence as well as on its document, and on the program and the box's
/// address too. So the date is that of the change of the bytes themselves: a new revision at a phone's address gets a
/// date after every earlier answer from there, and the date stays while the bytes stay.
#[derive(Debug, Default)]
pub(super) struct Revisions {
    of_phones: HashMap<Id, HashMap<Box<str>, Known>>,
    /// Of all phones.
    files: usize,
    /// With so many phones those are looked for that are gone.
    many: usize,
}

/// A phone's file: whose, and its name in short.
pub(super) type File = (Id, Box<str>);

#[derive(Debug, Clone)]
struct Known {
    served: Served,
    /// Second of the last answer.
    last: i64,
}

/// A revision and its date, as kept over restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Served {
    /// The revision, as in the ETag.
    pub(super) revision: String,
    /// Since when, in whole seconds.
    pub(super) since: Timestamp,
}

impl Revisions {
    /// Files that are remembered. Beyond that all are forgotten, which costs each one download.
    const MOST: usize = 50_000;
    /// Files of one phone that are remembered, in memory and on the disk: more than any phone asks for. Words in a name
    /// are the asker's, so that there is no end of names; the file that was answered for longest ago is forgotten.
    pub(super) const MOST_OF_A_PHONE: usize = 32;

    /// Phones among which those that are gone are not worth looking for.
    const FEW: usize = 256;

    /// Forgets phones that are on no list any more, once there are twice as many as there were at the last time.
    pub(super) fn forget_gone(&mut self, is_there: impl Fn(Id) -> bool) {
        if self.of_phones.len() < self.many.max(Self::FEW) {
            return;
        }
        self.of_phones.retain(|phone, _| is_there(*phone));
        self.files = self.of_phones.values().map(HashMap::len).sum();
        self.many = 2 * self.of_phones.len();
    }

    /// The date of `revision`, served to a phone at `now`. `kept` is looked up when nothing is known of the file since
    /// the start. The second value says whether the date is new.
    pub(super) fn date(
        &mut self,
        (phone, name): &File,
        revision: &str,
        now: Timestamp,
        kept: impl FnOnce() -> Option<Served>,
    ) -> (Timestamp, bool) {
        let second = now.secs();
        let known = self.of_phones.get_mut(phone).and_then(|files| files.get_mut(name));
        let is_known = known.is_some();
        if let Some(known) = known.filter(|known| known.served.revision == revision) {
            known.last = known.last.max(second);
            return (known.served.since, false);
        }
        if self.files >= Self::MOST && !is_known {
            *self = Self::default();
        }
        let files = self.of_phones.entry(*phone).or_default();
        let before = files.len();
        let earlier = files.remove(name).or_else(|| kept().map(|served| Known { last: served.since.secs(), served }));
        let (served, last, new) = match earlier {
            Some(Known { served, last }) if served.revision == revision => (served, last.max(second), false),
            Some(Known { served, last }) => {
                // A clock that was put back does not make a newer file older.
                let since = second.max(last.max(served.since.secs()).saturating_add(1));
                (Served { revision: revision.to_owned(), since: Timestamp::from_secs(since) }, since, true)
            }
            None => (Served { revision: revision.to_owned(), since: Timestamp::from_secs(second) }, second, true),
        };
        let since = served.since;
        if files.len() >= Self::MOST_OF_A_PHONE {
            let oldest = files.iter().min_by_key(|(_, known)| known.last).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| files.remove(&oldest));
        }
        files.insert(name.clone(), Known { served, last });
        self.files = (self.files + files.len()).saturating_sub(before);
        (since, new)
    }
}

/// Since when files that are the same for many have had their content.
///
/// Such a file holds the address of the box as its phones see it, so that one name may have several contents at a time.
/// Each has a date of its own then, and a date says which content a client has only where it is exactly that one.
#[derive(Debug, Default)]
pub(super) struct Commons {
    of_names: HashMap<Box<str>, Contents>,
    /// All dates that were given and forgotten are up to this second.
    forgotten: i64,
}

#[derive(Debug, Default)]
struct Contents {
    /// Revisions, each with its second; the newest is the last.
    since: Vec<(String, i64)>,
    /// Whether there were others.
    several: bool,
}

impl Commons {
    /// Names that are remembered. Beyond that all are forgotten, which costs each client one download.
    const MOST: usize = 1024;
    /// Contents of a name that are remembered: more than the box has addresses.
    const MOST_OF_A_NAME: usize = 32;

    /// The date of `revision`, served under this name in short at `now`, and whether no other content has been.
    pub(super) fn date(&mut self, name: &str, revision: &str, now: Timestamp) -> (Timestamp, bool) {
        if self.of_names.len() >= Self::MOST && !self.of_names.contains_key(name) {
            let dates = self.of_names.values().filter_map(|contents| contents.since.last());
            self.forgotten = dates.map(|(_, second)| *second).fold(self.forgotten, i64::max);
            self.of_names.clear();
        }
        let contents = self.of_names.entry(name.into()).or_default();
        if let Some((_, second)) = contents.since.iter().find(|(known, _)| known == revision) {
            return (Timestamp::from_secs(*second), !contents.several);
        }
        let last = contents.since.last().map_or(self.forgotten, |(_, second)| *second);
        let second = now.secs().max(last.saturating_add(1));
        contents.several |= !contents.since.is_empty();
        if contents.since.len() >= Self::MOST_OF_A_NAME {
            contents.since.remove(0);
        }
        contents.since.push((revision.to_owned(), second));
        (Timestamp::from_secs(second), !contents.several)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000 + millis)
    }

    #[test]
    fn date_and_bytes_move_together() {
        let phone = Id::new(at(0), 1);
        let mut revisions = Revisions::default();
        let mut date = |revision, now| {
            let (date, new) = revisions.date(&(phone, "own".into()), revision, at(now), || None);
            ((date.millis() - at(0).millis()), new)
        };
        assert_eq!(date("a", 400), (0, true));
        assert_eq!(date("a", 999_400), (0, false));
        assert_eq!(date("b", 999_900), (1_000_000, true), "changed within the second of an answer");
        assert_eq!(date("b", 999_950), (1_000_000, false));
        assert_eq!(date("a", 5_000_000), (5_000_000, true), "an old content that comes back is new");
        assert_eq!(date("c", 2_000_000), (5_001_000, true), "the clock was put back");
    }

    #[test]
    fn two_files_of_one_phone_have_dates_of_their_own() {
        let phone = Id::new(at(0), 1);
        let mut revisions = Revisions::default();
        for minute in 0..5 {
            let now = at(minute * 60_000);
            let own = revisions.date(&(phone, "own".into()), "a", now, || None);
            let web = revisions.date(&(phone, "web".into()), "b", now, || None);
            assert_eq!((own.0, web.0), (at(0), at(0)));
        }
    }

    #[test]
    fn dates_outlive_the_process() {
        let phone = Id::new(at(0), 1);
        let kept = || Some(Served { revision: "a".into(), since: at(0) });
        assert_eq!(Revisions::default().date(&(phone, "own".into()), "a", at(90_000), kept), (at(0), false));
        assert_eq!(Revisions::default().date(&(phone, "own".into()), "b", at(90_000), kept), (at(90_000), true));
    }

    #[test]
    fn a_phone_that_makes_up_names_is_forgotten_alone() {
        let [phone, other] = [1, 2].map(|number| Id::new(at(0), number));
        let mut revisions = Revisions::default();
        revisions.date(&(other, "own".into()), "a", at(0), || None);
        for number in 0..100_000 {
            revisions.date(&(phone, format!("{number}").into()), "a", at(number), || None);
        }
        assert_eq!(revisions.date(&(other, "own".into()), "a", at(90_000), || None), (at(0), false));
        assert_eq!(revisions.of_phones[&phone].len(), Revisions::MOST_OF_A_PHONE);
        assert_eq!(revisions.files, Revisions::MOST_OF_A_PHONE + 1);
    }

    #[test]
    fn phones_that_are_gone_are_forgotten() {
        let id = |number: u128| Id::new(at(0), number);
        let mut revisions = Revisions::default();
        for number in 0..100_000 {
            // Ten stay, and each of the others is gone when the next one comes.
            revisions.forget_gone(|phone| phone == id(number) || (0..10).any(|stays| phone == id(stays)));
            revisions.date(&(id(number), "own".into()), "a", at(0), || None);
            assert!(revisions.of_phones.len() <= Revisions::FEW);
        }
        assert_eq!(revisions.files, revisions.of_phones.len());
        assert_eq!(revisions.date(&(id(3), "own".into()), "a", at(90_000), || None), (at(0), false));
    }

    #[test]
    fn all_phones_together_are_bounded_too() {
        let mut revisions = Revisions::default();
        for number in 0..u128::try_from(Revisions::MOST).unwrap() + 10 {
            revisions.date(&(Id::new(at(0), number), "own".into()), "a", at(0), || None);
        }
        assert_eq!((revisions.files, revisions.of_phones.len()), (10, 10));
    }

    #[test]
    fn contents_of_one_name_never_share_a_date() {
        let mut commons = Commons::default();
        let mut date = |revision: &str, now: i64| {
            let (date, only) = commons.date("common", revision, at(now));
            (date.millis() - at(0).millis(), only)
        };
        assert_eq!(date("a", 400), (0, true));
        assert_eq!(date("a", 9_000), (0, true));
        assert_eq!(date("b", 900), (1_000, false), "within the same second");
        assert_eq!(date("a", 9_000), (0, false));
        assert_eq!(date("c", 9_000), (9_000, false));
        assert_eq!(date("d", -60_000), (10_000, false), "the clock was put back");
        for number in 0..1000 {
            date(&format!("{number}"), 9_000);
        }
        assert_eq!(date("a", 9_000), (1_011_000, false), "a forgotten one comes back as new");
        assert_eq!(commons.of_names["common"].since.len(), Commons::MOST_OF_A_NAME);
    }

    #[test]
    fn names_of_common_files_are_bounded_and_no_date_is_given_twice() {
        let mut commons = Commons::default();
        for number in 0..Commons::MOST {
            commons.date(&format!("{number}"), "a", at(0));
        }
        assert_eq!(commons.date("one more", "a", at(0)), (at(1_000), true));
        assert_eq!(commons.date("0", "b", at(0)), (at(1_000), true));
        assert_eq!(commons.of_names.len(), 2);
    }
}
