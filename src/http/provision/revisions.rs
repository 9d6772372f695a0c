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
    of_files: HashMap<File, Known>,
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

    /// The date of `revision`, served to a phone at `now`. `kept` is looked up when nothing is known of the file since
    /// the start. The second value says whether the date is new.
    pub(super) fn date(
        &mut self,
        file: &File,
        revision: &str,
        now: Timestamp,
        kept: impl FnOnce() -> Option<Served>,
    ) -> (Timestamp, bool) {
        let second = now.secs();
        if let Some(known) = self.of_files.get_mut(file).filter(|known| known.served.revision == revision) {
            known.last = known.last.max(second);
            return (known.served.since, false);
        }
        if self.of_files.len() >= Self::MOST && !self.of_files.contains_key(file) {
            self.of_files.clear();
        }
        let earlier =
            self.of_files.remove(file).or_else(|| kept().map(|served| Known { last: served.since.secs(), served }));
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
        self.of_files.insert(file.clone(), Known { served, last });
        (since, new)
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
}
