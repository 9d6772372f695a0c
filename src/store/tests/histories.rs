//! What is kept of changes of all phones together, against a model that keeps all of them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::history::{Hand, History, How};
use crate::store::record::Place;

/// Phones of the test.
const PHONES: u32 = 6;
/// Bytes that their histories may take in it.
const ROOM: usize = 12_000;

fn hand(second: i64) -> Hand {
    Hand { at: Timestamp::from_secs(1_800_000_000 + second), by: None, how: How::Edited }
}

/// What somebody does.
#[derive(Debug, Clone)]
enum Deed {
    /// The names of these phones become as long, in one commit.
    Rename(Vec<u32>, usize),
    /// The phone is taken off the list, and put there anew.
    Delete(u32),
    /// The box is switched off and on.
    Restart,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let rename = (proptest::collection::vec(1..=PHONES, 1..4), 1_usize..64);
    let deed = prop_oneof![
        20 => rename.prop_map(|(phones, length)| Deed::Rename(phones, length)),
        1 => (1..=PHONES).prop_map(Deed::Delete),
        1 => Just(Deed::Restart),
    ];
    proptest::collection::vec(deed, 20..70)
}

fn bytes(store: &Store) -> usize {
    let view = store.shared.view();
    let all = Place::Secret("".into())..=Place::Secret("~".into());
    view.documents(all).filter(|(place, _)| place.is_history()).map(|(_, bytes)| bytes.len()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn all_histories_fit_and_the_oldest_changes_went_first(deeds in deeds()) {
        let directory = tempfile::tempdir().unwrap();
        let limits = || Limits { histories: ROOM, ..Limits::default() };
        let start = || Store::open_within(options(directory.path()), limits()).unwrap().0;
        let mut store = start();
        let mut writes = vec![put_organisation(1)];
        writes.extend((1..=PHONES).map(put_phone));
        store.commit(writes).wait().unwrap();
        // The second of each change of a phone, and how many there were.
        let mut made: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
        let mut second = 0;
        for deed in deeds {
            match deed {
                Deed::Rename(phones, length) => {
                    let mut writes = Vec::new();
                    for number in phones {
                        second += 1;
                        let mut phone = samples::phone(number, 2);
                        phone.name = format!("{second} {}", "x".repeat(length));
                        made.entry(number).or_default().push(second);
                        writes.push(Write::ChangePhone { phone, expect: None, hand: hand(second) });
                    }
                    store.commit(writes).wait().unwrap();
                }
                Deed::Delete(number) => {
                    made.remove(&number);
                    store.commit(vec![Write::DeletePhone(samples::phone(number, 2).id)]).wait().unwrap();
                    store.commit(vec![put_phone(number)]).wait().unwrap();
                }
                Deed::Restart => {
                    store.close();
                    drop(store);
                    store = start();
                }
            }
            prop_assert!(bytes(&store) <= ROOM, "{} bytes", bytes(&store));
            let (mut newest_gone, mut oldest_kept) = (0, i64::MAX);
            for (number, seconds) in &made {
                let history = store.history(samples::phone(*number, 2).id);
                let kept: Vec<i64> =
                    history.changes.iter().map(|change| change.hand.at.secs() - 1_800_000_000).collect();
                let (gone, left) = seconds.split_at(seconds.len() - kept.len());
                prop_assert_eq!(left, kept.as_slice(), "the newest of a phone are kept");
                prop_assert_eq!(history.forgotten, gone.len() as u64, "those that went are counted");
                prop_assert_eq!(history.next(), seconds.len() as u64 + 1, "no number is used again");
                if kept.len() < History::MOST {
                    newest_gone = newest_gone.max(gone.last().copied().unwrap_or_default());
                }
                oldest_kept = oldest_kept.min(kept.first().copied().unwrap_or(i64::MAX));
            }
            prop_assert!(newest_gone < oldest_kept, "{newest_gone} went before {oldest_kept}");
        }
        store.close();
    }
}
