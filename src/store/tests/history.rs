use super::*;
use crate::model::history::{Hand, How};

fn hand(how: How) -> Hand {
    Hand { at: Timestamp::from_secs(1_800_000_000), by: Some("anna".into()), how }
}

#[test]
fn changes_are_kept_sealed_over_a_restart_and_in_a_backup_and_go_with_their_phone() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    store.commit(vec![put_organisation(1), put_phone(1)]).wait().unwrap();
    let id = samples::phone(1, 2).id;
    let mut phone = samples::phone(1, 2);
    phone.name = "Hall".into();
    phone.lines[0].password = Secret::new("another-line-password");
    let change =
        |phone: &crate::model::Phone, expect, how| Write::ChangePhone { phone: phone.clone(), expect, hand: hand(how) };
    let refused = store.commit(vec![change(&phone, Some(7), How::Edited)]).wait();
    assert!(matches!(refused, Err(Error::Conflict { .. })));
    assert!(store.history(id).changes.is_empty(), "what was not stored is in no history");
    let shared = store.shared_version();
    store.commit(vec![change(&phone, Some(1), How::Edited)]).wait().unwrap();
    assert_eq!(store.shared_version(), shared, "files of other phones do not depend on it");
    // What is no part of the entry is no change; two of one batch are two.
    store.commit(vec![change(&phone, None, How::Edited)]).wait().unwrap();
    let mut later = phone.clone();
    later.name = "Yard".into();
    store.commit(vec![change(&later, None, How::Imported), change(&phone, None, How::Undone(2))]).wait().unwrap();
    let history = store.history(id);
    let kept: Vec<_> = history.changes.iter().map(|change| (change.number, change.version, change.hand.how)).collect();
    assert_eq!(kept, [(1, 2, How::Edited), (2, 4, How::Imported), (3, 5, How::Undone(2))]);
    assert_eq!(store.secrets(), [], "it is looked for elsewhere");
    assert!(history.secrets().iter().any(|secret| secret.expose() == "another-line-password"));

    let copied = store.copied();
    store.close();
    drop(store);
    let (store, _) = open(directory.path());
    assert_eq!(store.history(id), history);
    let other = tempfile::tempdir().unwrap();
    copied.lay(other.path()).unwrap();
    for file in std::fs::read_dir(other.path().join(STORE_DIRECTORY)).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains("another-line-password") && !text.contains("Yard"), "a history in the clear");
    }
    let (restored, _) = open(other.path());
    assert_eq!(restored.history(id), history);
    restored.commit(vec![Write::DeletePhone(id)]).wait().unwrap();
    assert!(restored.history(id).changes.is_empty());
}
