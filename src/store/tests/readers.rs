//! Readers beside a writer that never rests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::*;
use crate::model::Mac;

type Reading = (&'static str, fn(&Store));

/// Everything that is read from memory; `gaps` is a setting, and `events` picks all.
const READINGS: [Reading; 36] = [
    ("phone", |store| drop(store.phone(samples::phone(1, 0).id))),
    ("phone_by_mac", |store| drop(store.phone_by_mac(mac()))),
    ("listed", |store| _ = store.listed(mac())),
    ("phones", |store| drop(store.phones())),
    ("organisation", |store| drop(store.organisation(samples::organisation(1).id))),
    ("organisations", |store| drop(store.organisations())),
    ("login_owner", |store| _ = store.login_owner("nobody")),
    ("phone_book", |store| drop(store.phone_book(samples::book(1, 3).id))),
    ("phone_book_by_number", |store| drop(store.phone_book_by_number(samples::book(1, 3).number))),
    ("phone_books", |store| drop(store.phone_books())),
    ("phone_book_titles", |store| drop(store.phone_book_titles(samples::organisation(1).id))),
    ("group", |store| drop(store.group(Id::from_bytes([9; 16])))),
    ("groups", |store| drop(store.groups(samples::organisation(1).id))),
    ("resource", |store| drop(store.resource(Id::from_bytes([9; 16])))),
    ("resources", |store| drop(store.resources())),
    ("firmware", |store| drop(store.firmware(Id::from_bytes([9; 16])))),
    ("firmwares", |store| drop(store.firmwares())),
    ("rollout", |store| drop(store.rollout(Id::from_bytes([9; 16])))),
    ("rollouts", |store| drop(store.rollouts())),
    ("leases", |store| drop(store.leases("office"))),
    ("lease_by_address", |store| drop(store.lease_by_address(samples::lease(1).address))),
    ("leases_between", |store| drop(store.leases_between(samples::lease(1).address..=samples::lease(9).address))),
    ("events", |store| drop(store.events(&EventFilter { limit: 5, ..EventFilter::default() }))),
    ("next_event_sequence", |store| _ = store.next_event_sequence()),
    ("journey", |store| drop(store.journey(mac()))),
    ("journeys", |store| drop(store.journeys())),
    ("setting", |store| drop(store.setting("at work"))),
    ("setting_names", |store| drop(store.setting_names("at"))),
    ("secret", |store| drop(store.secret("at work"))),
    ("secret_names", |store| drop(store.secret_names("at"))),
    ("secrets", |store| drop(store.secrets())),
    ("history", |store| drop(store.history(samples::phone(1, 0).id))),
    ("copied", |store| drop(store.copied())),
    ("a roster", |store| drop(Roster::default().refresh(store, |_, _| (), |()| ()))),
    ("settings of a phone", |store| {
        let phone = samples::phone(1, 0);
        let levels = store.levels(&phone);
        drop(store.titles(&phone, &levels.resolve()));
    }),
    ("alarms and version", |store| drop((store.alarms(), store.shared_version()))),
];

fn mac() -> Mac {
    samples::phone(1, 0).mac
}

/// A reader that asks for what is stored while it holds it waits for the writer, which waits for the reader.
#[test]
fn no_reading_stands_in_the_way_of_a_writer_that_never_rests() {
    /// Some hundreds of commits.
    const SPAN: Duration = Duration::from_millis(60);
    /// One alone leaves the writer gaps in which it need not wait.
    const READERS: usize = 6;
    const PATIENCE: Duration = Duration::from_secs(20);
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    store.commit(vec![put_organisation(1), put_phone(1), put_lease(1), put_event(1)]).wait().unwrap();
    let book = Write::PutPhoneBook { book: samples::book(1, 3), expect: None };
    store.commit(vec![book]).wait().unwrap();
    let store = Arc::new(store);
    let over = Arc::new(AtomicBool::new(false));
    let writer = {
        let (store, over) = (store.clone(), over.clone());
        thread::spawn(move || {
            for number in 0_u64.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                store.commit(vec![Write::PutSetting { key: "at work".into(), value: number.into() }]).wait().unwrap();
            }
        })
    };
    for (name, read) in READINGS {
        let (tell, done) = mpsc::channel();
        for _ in 0..READERS {
            let (store, tell) = (store.clone(), tell.clone());
            thread::spawn(move || {
                let until = Instant::now() + SPAN;
                while Instant::now() < until {
                    read(&store);
                }
                tell.send(())
            });
        }
        for _ in 0..READERS {
            done.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{name} and the writer wait for each other"));
        }
    }
    over.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}
