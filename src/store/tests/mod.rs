mod histories;
mod history;
mod readers;
mod recovery;

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::model::{Id, Lease, Login, Secret, Timestamp};

fn options(directory: &Path) -> Options {
    samples::options(directory, Clock::new(Timestamp::default()))
}

pub(super) fn open(directory: &Path) -> (Store, Opened) {
    Store::open(options(directory)).unwrap()
}

/// Snapshots are taken at once.
fn eager() -> Limits {
    Limits { documents_saved_within: Duration::ZERO, leases_saved_within: Duration::ZERO, ..Limits::default() }
}

fn put_organisation(number: u32) -> Write {
    Write::PutOrganisation { organisation: samples::organisation(number), expect: None }
}

fn put_phone(number: u32) -> Write {
    Write::PutPhone { phone: samples::phone(number, 2), expect: None }
}

fn put_lease(number: u32) -> Write {
    Write::PutLease { network: "office".into(), lease: samples::lease(number) }
}

fn put_event(sequence: u64) -> Write {
    Write::PutEvent { sequence, event: samples::event(sequence as u32) }
}

fn sequences(store: &Store, filter: &EventFilter) -> Vec<u64> {
    store.events(filter).into_iter().map(|(sequence, _)| sequence).collect()
}

#[test]
fn what_is_decided_of_an_address_holds_whatever_its_network_was_called_before() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    let put = |network: &str, lease: &Lease| Write::PutLease { network: network.into(), lease: lease.clone() };
    // The clock was ahead when the network was still called "branch".
    let ahead = Timestamp::from_secs(1_900_000_000);
    let former = Lease { expires: ahead, ..samples::lease(1) };
    let holder = Lease { mac: samples::lease(2).mac, ..samples::lease(1) };
    store.commit(vec![put("branch", &former)]).wait().unwrap();
    store.commit(vec![put("office", &holder)]).wait().unwrap();
    assert_eq!(store.lease_by_address(holder.address), Some(holder.clone()));
    store.commit(vec![put("branch", &former)]).wait().unwrap();
    store.commit(vec![Write::DeleteLease { network: "office".into(), address: holder.address }]).wait().unwrap();
    store.close();
    drop(store);
    let (store, _) = open(directory.path());
    assert_eq!(store.lease_by_address(holder.address), None);
}

#[test]
fn remembers_everything_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (store, opened) = open(directory.path());
    assert_eq!(opened.restored, None);
    let journey = crate::model::Journey { revision: Some("abc".into()), ..crate::model::Journey::default() };
    let mac = samples::phone(1, 0).mac;
    store
        .commit(vec![
            put_organisation(1),
            put_phone(2),
            put_phone(1),
            put_lease(1),
            put_event(1),
            Write::PutJourney { mac, journey: journey.clone() },
            Write::PutSetting { key: "a.b".into(), value: serde_json::json!({ "x": [1, 2] }) },
            Write::PutSecret { key: "a.b".into(), value: Secret::new("hush") },
            Write::PutPhoneBook { book: samples::book(1, 9000), expect: Some(0) },
            Write::PutResource { resource: samples::resource(1), expect: Some(0) },
        ])
        .wait()
        .unwrap();
    let look = |store: &Store| {
        let phone = store.phone_by_mac(mac).unwrap();
        assert_eq!((phone.version, &phone.lines), (1, &samples::phone(1, 2).lines));
        assert_eq!(store.phone(phone.id), Some(phone.clone()));
        assert_eq!(store.phones().iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["Desk 1", "Desk 2"]);
        assert_eq!(store.organisations().len(), 1);
        assert_eq!(store.organisation(phone.organisation).unwrap().login, samples::organisation(1).login);
        assert_eq!(store.login_owner("p1"), Some(LoginOwner::Phone(phone.id)));
        assert_eq!(store.login_owner("org1"), Some(LoginOwner::Organisation(phone.organisation)));
        assert_eq!(store.login_owner("p3"), None);
        assert_eq!(store.listed(mac).map(|listed| (listed.id, listed.trusts_us)), Some((phone.id, false)));
        assert_eq!(store.leases("office"), [samples::lease(1)]);
        assert_eq!(store.leases("elsewhere"), []);
        assert_eq!(store.lease_by_address(samples::lease(1).address), Some(samples::lease(1)));
        assert_eq!(store.lease_by_address(samples::lease(2).address), None);
        assert_eq!(store.events(&EventFilter { limit: 10, ..EventFilter::default() }), [(1, samples::event(1))]);
        assert_eq!(store.next_event_sequence(), 2);
        assert_eq!(store.journey(mac), Some(journey.clone()));
        assert_eq!(store.setting("a.b"), Some(serde_json::json!({ "x": [1, 2] })));
        assert_eq!(store.secret("a.b"), Some(Secret::new("hush")));
        assert_eq!(store.phone_book(samples::book(1, 0).id).unwrap().contacts, samples::book(1, 9000).contacts);
        assert_eq!(store.resources(), [crate::model::Resource { version: 1, ..samples::resource(1) }]);
        assert_eq!(store.alarms(), []);
    };
    look(&store);
    store.close();
    look(&store);
    assert_eq!(store.commit(vec![put_phone(3)]).wait(), Err(Error::Closed));
    let (store, opened) = open(directory.path());
    assert_eq!(opened.restored, None);
    look(&store);
}

#[test]
fn a_changed_document_is_a_conflict_and_leaves_its_commit_undone() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    store.commit(vec![put_organisation(1), put_phone(1)]).wait().unwrap();
    let put = |expect| Write::PutPhone { phone: samples::phone(1, 0), expect };
    store.commit(vec![put(Some(1))]).wait().unwrap();
    assert_eq!(store.phones()[0].version, 2);
    let what = format!("phone {}", samples::phone(1, 0).id);
    let conflict = |expected, found| Err(Error::Conflict { what: what.clone(), expected, found });
    assert_eq!(store.commit(vec![put_lease(1), put(Some(1))]).wait(), conflict(1, 2));
    assert_eq!(store.commit(vec![put(Some(0))]).wait(), conflict(0, 2));
    assert_eq!(store.leases("office"), []);
    store.commit(vec![put(None), put(Some(3))]).wait().unwrap();
    assert_eq!(store.phones()[0].version, 4);
    store.commit(vec![Write::DeletePhone(samples::phone(1, 0).id)]).wait().unwrap();
    assert_eq!(store.commit(vec![put(Some(4))]).wait(), conflict(4, 0));
}

#[test]
fn of_two_who_read_the_same_version_one_wins_even_in_one_batch() {
    let directory = tempfile::tempdir().unwrap();
    // Slow syncs: while the first commit is on its way, all others gather in one batch.
    let disk = Disk { sync_delay: Duration::from_millis(50) };
    let (store, _) = Store::open(Options { disk, ..options(directory.path()) }).unwrap();
    let first = store.commit(vec![put_organisation(1), put_phone(1)]);
    let rivals: Vec<Ticket> =
        (0..10).map(|_| store.commit(vec![Write::PutPhone { phone: samples::phone(1, 1), expect: Some(1) }])).collect();
    first.wait().unwrap();
    let outcomes: Vec<_> = rivals.into_iter().map(Ticket::wait).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(store.phones()[0].version, 2);
}

#[test]
fn what_must_be_unique_is_unique() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    store.commit(vec![put_organisation(1), put_organisation(2), put_phone(1)]).wait().unwrap();
    let refused = |write: Write, what: &str| {
        assert_eq!(store.commit(vec![write]).wait(), Err(Error::Taken { what: what.into() }));
    };
    let put = |change: fn(&mut crate::model::Phone)| {
        let mut phone = samples::phone(2, 0);
        change(&mut phone);
        Write::PutPhone { phone, expect: None }
    };
    refused(put(|phone| phone.mac = samples::phone(1, 0).mac), "MAC 80:5e:c0:00:00:01");
    refused(put(|phone| phone.login.as_mut().unwrap().user = "p1".into()), "login \"p1\"");
    refused(put(|phone| phone.login.as_mut().unwrap().user = "org2".into()), "login \"org2\"");
    let pending = |user: &str| Some(Login { user: user.into(), password: Secret::new("x") });
    let mut phone = samples::phone(1, 0);
    phone.pending_login = pending("next");
    store.commit(vec![Write::PutPhone { phone, expect: None }]).wait().unwrap();
    refused(put(|phone| phone.login.as_mut().unwrap().user = "next".into()), "login \"next\"");
    assert!(matches!(store.login_owner("next"), Some(LoginOwner::Phone(_))));
    let mut organisation = samples::organisation(3);
    organisation.name = "Organisation 1".into();
    refused(Write::PutOrganisation { organisation, expect: None }, "organisation name \"Organisation 1\"");

    // Within one commit what is given up can be taken, and what is taken is taken.
    let mut other = samples::phone(3, 0);
    other.mac = samples::phone(1, 0).mac;
    other.login = None;
    let take = Write::PutPhone { phone: other, expect: None };
    let all = vec![put_phone(2), Write::DeletePhone(samples::phone(1, 0).id), take];
    store.commit(all).wait().unwrap();
    assert_eq!(store.phone_by_mac(samples::phone(1, 0).mac).unwrap().id, samples::phone(3, 0).id);
    assert_eq!(store.login_owner("next"), None);
    let twins =
        vec![put_phone(4), put(|phone| (phone.id, phone.mac) = (Id::from_bytes([5; 16]), samples::phone(4, 0).mac))];
    assert!(matches!(store.commit(twins).wait(), Err(Error::Taken { .. })));
    assert_eq!(store.phone_by_mac(samples::phone(4, 0).mac), None);
}

#[test]
fn phones_belong_to_an_organisation_that_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    let organisation = samples::organisation(1).id;
    assert!(matches!(store.commit(vec![put_phone(1)]).wait(), Err(Error::Missing { .. })));
    store.commit(vec![put_organisation(1), put_phone(1)]).wait().unwrap();
    let delete = || Write::DeleteOrganisation(organisation);
    assert!(matches!(store.commit(vec![delete()]).wait(), Err(Error::InUse { .. })));
    store.commit(vec![Write::DeletePhone(samples::phone(1, 0).id), delete()]).wait().unwrap();
    assert!(store.organisations().is_empty());
}

#[test]
fn groups_have_a_name_of_their_own_and_stay_while_a_phone_is_in_them() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    let put = |group| Write::PutGroup { group, expect: None };
    assert!(matches!(store.commit(vec![put(samples::group(1))]).wait(), Err(Error::Missing { .. })));
    let mut phone = samples::phone(1, 0);
    phone.group = Some(samples::group(1).id);
    let put_phone = |phone| Write::PutPhone { phone, expect: None };
    assert!(matches!(
        store.commit(vec![put_organisation(1), put_phone(phone.clone())]).wait(),
        Err(Error::Missing { .. })
    ));
    store.commit(vec![put_organisation(1), put(samples::group(1)), put_phone(phone.clone())]).wait().unwrap();
    let twin = crate::model::Group { name: "Group 1".into(), ..samples::group(2) };
    assert!(matches!(store.commit(vec![put(twin)]).wait(), Err(Error::Taken { .. })));
    let delete = || Write::DeleteGroup(samples::group(1).id);
    assert!(matches!(store.commit(vec![delete()]).wait(), Err(Error::InUse { .. })));
    store.close();
    let (store, _) = open(directory.path());
    let groups = store.groups(phone.organisation);
    assert_eq!(groups, [crate::model::Group { version: 1, ..samples::group(1) }]);
    assert_eq!(store.phone_by_mac(phone.mac).unwrap().group, Some(groups[0].id));
    store.commit(vec![put_phone(crate::model::Phone { group: None, ..phone }), delete()]).wait().unwrap();
    assert!(store.groups(samples::organisation(1).id).is_empty());
}

#[test]
fn values_that_cannot_be_stored_are_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    let setting = |key: &str, size: usize| Write::PutSetting { key: key.into(), value: "x".repeat(size).into() };
    for write in [
        setting("", 1),
        setting(&"k".repeat(65), 1),
        setting("a\0b", 1),
        setting("big", 512 << 10),
        Write::PutLease { network: "a\0".into(), lease: samples::lease(1) },
    ] {
        assert!(matches!(store.commit(vec![write.clone()]).wait(), Err(Error::Unfit { .. })), "{write:?}");
    }
    store.commit(vec![setting("large", 500 << 10)]).wait().unwrap();
    drop(store);
}

#[test]
fn events_are_a_ring() {
    let directory = tempfile::tempdir().unwrap();
    let within = || Limits { events: 10, ..Limits::default() };
    let (store, _) = Store::open_within(options(directory.path()), within()).unwrap();
    for sequence in 1..=25 {
        store.commit(vec![put_event(sequence)]).wait().unwrap();
    }
    let all = EventFilter { limit: 100, ..EventFilter::default() };
    assert_eq!(sequences(&store, &all), (16..=25).rev().collect::<Vec<_>>());
    store.commit(vec![put_event(20)]).wait().unwrap();
    assert_eq!(sequences(&store, &all).len(), 10, "the same event again drops nothing");
    assert_eq!(sequences(&store, &EventFilter { limit: 3, ..all.clone() }), [25, 24, 23]);
    assert_eq!(sequences(&store, &EventFilter { after: Some(23), ..all.clone() }), [25, 24]);
    let mac = Some(samples::phone(20, 0).mac);
    assert_eq!(sequences(&store, &EventFilter { mac, ..all.clone() }), [20]);
    store.close();
    let (store, _) = Store::open_within(options(directory.path()), within()).unwrap();
    assert_eq!(sequences(&store, &all).len(), 10);
    assert_eq!(store.next_event_sequence(), 26);
}

#[test]
fn no_secret_stands_in_any_file() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open_within(options(directory.path()), eager()).unwrap();
    let mut phone = samples::phone(1, 12);
    phone.pending_login = Some(Login { user: "next".into(), password: Secret::new("pending-password-1") });
    let hush = Secret::new("argon2-hash-of-the-administrator");
    store
        .commit(vec![
            put_organisation(1),
            Write::PutPhone { phone: phone.clone(), expect: None },
            Write::PutSecret { key: "admin.password".into(), value: hush.clone() },
        ])
        .wait()
        .unwrap();
    store.close();
    let mut secrets = samples::secrets(&phone);
    let organisation = samples::organisation(1);
    secrets.extend([hush.expose(), organisation.login.password.expose()]);
    assert_eq!(secrets.len(), 16);
    let (mut files, mut names_seen) = (0, false);
    let mut pending = vec![directory.path().to_path_buf()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let content = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        for secret in &secrets {
            assert!(!content.contains(secret), "{secret} stands in {}", path.display());
        }
        names_seen |= content.contains("pbx.example.com");
        files += 1;
    }
    assert!(files >= 4 && names_seen, "the files that were searched hold the phone");
}

#[test]
fn a_full_queue_refuses_at_once_and_what_was_taken_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk { sync_delay: Duration::from_millis(100) };
    let limits = Limits { queue: 4, ..Limits::default() };
    let (store, _) = Store::open_within(Options { disk, ..options(directory.path()) }, limits).unwrap();
    let tickets: Vec<Ticket> = (0..50).map(|number| store.commit(vec![put_lease(number)])).collect();
    let outcomes: Vec<_> = tickets.into_iter().map(Ticket::wait).collect();
    assert!(outcomes.contains(&Err(Error::Busy)));
    let stored = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(store.leases("office").len(), stored);
}

#[tokio::test]
async fn a_writer_that_cannot_go_on_ends_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    store.commit(vec![put_lease(1)]).await.unwrap();
    std::fs::remove_dir_all(directory.path().join(STORE_DIRECTORY)).unwrap();
    let outcome = store.commit(vec![put_lease(2)]).await;
    assert!(matches!(outcome, Err(Error::Io { .. })), "{outcome:?}");
    tokio::time::timeout(Duration::from_secs(20), store.failed()).await.unwrap();
    assert_eq!(store.commit(vec![put_lease(3)]).await, Err(Error::Closed));
    assert_eq!(store.leases("office"), [samples::lease(1)], "reads go on");
}

#[tokio::test]
async fn tickets_and_failure_are_futures() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    let failed = store.failed();
    store.commit(vec![put_lease(1)]).await.unwrap();
    tokio::task::spawn_blocking({
        let store = store.clone();
        move || store.close()
    })
    .await
    .unwrap();
    let quiet = tokio::time::timeout(Duration::from_millis(1), failed).await;
    assert!(quiet.is_err(), "a store that was closed did not fail");
}
