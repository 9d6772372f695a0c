use super::*;
use crate::model::{Id, Timestamp};
use crate::sys::hex;

const AT: Timestamp = Timestamp::from_secs(1_800_000_000);

fn depot(directory: &Path, limits: Limits) -> Depot {
    Depot::open(directory, Key::new(&[7; 32]), limits).unwrap()
}

fn phone(number: u128) -> Id {
    Id::new(AT, number)
}

#[test]
fn resources_are_found_by_their_digest_and_never_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let depot = depot(directory.path(), Limits::default());
    // FIPS 180-2 appendix B.1.
    let sum = depot.put_resource(b"abc").unwrap();
    assert_eq!(hex::encode(&sum), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(depot.resource(&sum).unwrap().as_deref(), Some(&b"abc"[..]));
    assert_eq!(depot.resource(&[0; 32]).unwrap(), None);
    std::fs::write(directory.path().join("resources").join(hex::encode(&sum)), b"abd").unwrap();
    assert_eq!(depot.resource(&sum).unwrap(), None, "damaged on the disk");
    depot.remove_resource(&sum).unwrap();
    depot.remove_resource(&sum).unwrap();
}

#[test]
fn resources_that_nobody_has_are_forgotten_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let depot = depot(directory.path(), Limits::default());
    let (one, other) = (depot.put_resource(b"one").unwrap(), depot.put_resource(b"other").unwrap());
    let resources = directory.path().join("resources");
    // What the power left of one that was put in place of itself, and what somebody laid there.
    for name in [format!("{}.new", hex::encode(&one)), "README".to_owned(), "notes.new".to_owned()] {
        std::fs::write(resources.join(name), b"torn").unwrap();
    }
    depot.forget_resources(|sum| sum == one).unwrap();
    assert_eq!(depot.resource(&other).unwrap(), None);
    let left = std::fs::read_dir(&resources).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut left: Vec<String> = left.collect();
    left.sort();
    assert_eq!(left, [hex::encode(&one), "README".to_owned(), "notes.new".to_owned()]);
}

#[test]
fn uploads_are_one_phones_and_sealed() {
    let directory = tempfile::tempdir().unwrap();
    let depot = depot(directory.path(), Limits::default());
    assert_eq!(
        depot.keep(phone(1), "a-local.cfg", "text/plain", b"account.1.password = hunter2", AT, || true).unwrap(),
        Kept::New
    );
    assert_eq!(depot.keep(phone(1), "a-local.cfg", "text/plain", b"hunter3", AT, || true).unwrap(), Kept::Replaced);
    depot.keep(phone(1), "../../key", "text/plain", b"", AT, || true).unwrap();
    let (about, bytes) = depot.upload(phone(1), "a-local.cfg").unwrap().unwrap();
    assert_eq!((about.size, about.at, bytes.as_slice()), (7, AT, &b"hunter3"[..]));
    assert_eq!(depot.upload(phone(2), "a-local.cfg").unwrap(), None);
    let names: Vec<String> = depot.uploads(phone(1)).unwrap().into_iter().map(|about| about.name).collect();
    assert_eq!(names, ["../../key", "a-local.cfg"]);

    let of = |number| directory.path().join("uploads").join(phone(number).to_string());
    std::fs::create_dir(of(2)).unwrap();
    for entry in std::fs::read_dir(of(1)).unwrap() {
        let entry = entry.unwrap();
        let sealed = std::fs::read(entry.path()).unwrap();
        assert!(!sealed.windows(7).any(|window| window == b"hunter3" || window == b"a-local"));
        std::fs::copy(entry.path(), of(2).join(entry.file_name())).unwrap();
    }
    assert!(depot.upload(phone(2), "a-local.cfg").is_err(), "moved to another phone, it does not open");
    assert_eq!(depot.uploads(phone(2)).unwrap(), []);
    depot.forget(phone(1)).unwrap();
    assert_eq!(depot.uploads(phone(1)).unwrap(), []);
    for number in [1, 3] {
        depot.keep(phone(number), "a-local.cfg", "text/plain", b"hunter2", AT, || true).unwrap();
    }
    depot.forget_gone(|id| id == phone(3)).unwrap();
    assert!(of(3).exists() && !of(1).exists() && !of(2).exists());
}

#[test]
fn nothing_is_kept_of_a_phone_that_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let depot = depot(directory.path(), Limits::default());
    let refused = depot.keep(phone(1), "a-local.cfg", "text/plain", b"hunter2", AT, || false);
    assert!(matches!(refused, Err(Refused::Gone)), "{refused:?}");
    assert_eq!(std::fs::read_dir(directory.path().join("uploads")).unwrap().count(), 0);
}

#[test]
fn no_phone_fills_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { files: 3, bytes: 2_000, room: 0 };
    let open = || depot(directory.path(), limits);
    for number in 0..3 {
        open().keep(phone(1), &format!("{number}.log"), "text/plain", &[b'x'; 100], AT, || true).unwrap();
    }
    let one_more = open().keep(phone(1), "3.log", "text/plain", b"x", AT, || true);
    assert!(matches!(one_more, Err(Refused::TooMany(3))), "{one_more:?}");
    open().keep(phone(1), "2.log", "text/plain", b"y", AT, || true).unwrap();
    let too_much = open().keep(phone(2), "0.log", "text/plain", &[b'x'; 2_000], AT, || true);
    assert!(matches!(too_much, Err(Refused::NoRoom)), "{too_much:?}");
    open().forget(phone(1)).unwrap();
    open().keep(phone(2), "0.log", "text/plain", &[b'x'; 1_500], AT, || true).unwrap();
    let grown = open().keep(phone(2), "0.log", "text/plain", &[b'x'; 2_000], AT, || true);
    assert!(matches!(grown, Err(Refused::NoRoom)), "{grown:?}");
    assert_eq!(open().upload(phone(2), "0.log").unwrap().unwrap().1.len(), 1_500, "what was there stays");
}
