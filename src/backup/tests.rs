//! What somebody puts into a backup who knows its passphrase, or lays beside what one is made of.

use std::os::unix::fs::symlink;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::*;
use crate::model::{Door, Event, Reason};
use crate::store::{Disk, Options, Write, key, samples};
use crate::sys::clock::Clock;

/// A box's data directory, in a directory that holds what is not the box's.
struct Site {
    around: tempfile::TempDir,
    ground: Ground,
}

impl Site {
    fn new() -> Self {
        let around = tempfile::tempdir().unwrap();
        let directory = around.path().join("data");
        std::fs::create_dir_all(directory.join("brands/toy/templates")).unwrap();
        std::fs::create_dir_all(directory.join("resources")).unwrap();
        std::fs::create_dir_all(around.path().join("templates")).unwrap();
        let outside = "outside = true\n";
        for (name, text) in [
            ("data/brands/toy/brand.toml", "inside = true\n"),
            ("data/brands/toy/templates/own.txt", "inside\n"),
            (&format!("data/resources/{}", sum("a sound")), "a sound"),
            ("brand.toml", outside),
            ("templates/own.txt", outside),
            ("x", outside),
        ] {
            std::fs::write(around.path().join(name), text).unwrap();
        }
        Authority::open(&directory, samples::CREATED).unwrap();
        let key = key::load(&directory, None).unwrap();
        let clock = Clock::new(samples::CREATED);
        let options = Options { directory: directory.clone(), key, clock, disk: Disk::default() };
        let (store, _) = Store::open(options).unwrap();
        let organisation = Write::PutOrganisation { organisation: samples::organisation(1), expect: None };
        let phone = Write::PutPhone { phone: samples::phone(1, 1), expect: None };
        store.commit(vec![organisation, phone]).wait().unwrap();
        let ground = Ground { directory, credential: None, store, name: "box66".into(), addresses: Vec::new() };
        Self { around, ground }
    }

    fn contents(&self) -> Value {
        serde_json::to_value(self.ground.contents(samples::CREATED).unwrap()).unwrap()
    }

    /// Every file and directory here and around, with its content; but for the store, which writes when it likes.
    fn all(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut pending = vec![self.around.path().to_owned()];
        while let Some(path) = pending.pop() {
            if path.is_dir() && path != self.ground.directory.join("store") {
                pending.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            let bytes = std::fs::read(&path).unwrap_or_default();
            found.insert(path, bytes);
        }
        found
    }
}

fn sum(text: &str) -> String {
    hex::encode(digest(&SHA256, text.as_bytes()).as_ref())
}

/// The contents sealed as a backup is, and opened and laid out as the box does it.
fn restored(contents: &Value, ground: &Ground) -> Result<(), Error> {
    let passphrase = Secret::new("correct horse battery");
    let file = sealed::seal(&serde_json::to_vec(contents).unwrap(), &passphrase).unwrap();
    Backup::open(&file, &passphrase)?.lay_out(ground, &by_anna())
}

fn by_anna() -> Event {
    let reason = Reason::BackupRestored { of: "box66".into(), made: "2026-11-22T10:00:00Z".into() };
    let address: std::net::IpAddr = [192, 0, 2, 7].into();
    Event::new(samples::CREATED, Door::Admin, reason).from_address(address).done_by("anna".to_owned())
}

#[test]
fn what_could_not_be_laid_out_whole_leaves_nothing() {
    let site = Site::new();
    let before = site.all();
    let contents = site.contents();
    let credential = Some(site.ground.directory.join("nowhere"));
    let refused = restored(&contents, &Ground { credential, ..site.ground.clone() });
    assert!(matches!(refused, Err(Error::System(_))), "{refused:?}");
    assert_eq!(site.all(), before);
    std::fs::create_dir(site.ground.directory.join("restore.new")).unwrap();
    std::fs::write(site.ground.directory.join("restore.new/key"), "of a restore that was cut off").unwrap();
    assert!(!super::restore::apply(&site.ground.directory).unwrap());
    assert_eq!(site.all(), before);
}

#[test]
fn a_backup_with_hostile_names_is_damaged_and_nothing_is_written() {
    type Change = fn(&mut Value);
    let site = Site::new();
    let honest = site.contents();
    let before = site.all();
    let hostile: [(&str, Change); 14] = [
        ("a brand above", |all| all["brands"][".."] = json!({ "brand.toml": "x" })),
        ("a brand far above", |all| all["brands"]["../../x"] = json!({ "brand.toml": "x" })),
        ("a brand anywhere", |all| all["brands"]["/tmp/block66-hostile"] = json!({ "brand.toml": "x" })),
        ("a brand that is the folder of all", |all| all["brands"]["."] = json!({ "brand.toml": "x" })),
        ("a brand without a name", |all| all["brands"][""] = json!({ "brand.toml": "x" })),
        ("a template that climbs", |all| all["brands"]["toy"]["templates/../x"] = "x".into()),
        ("a template far above", |all| all["brands"]["toy"]["templates/../../../../x"] = "x".into()),
        ("a template anywhere", |all| all["brands"]["toy"]["/tmp/block66-hostile"] = "x".into()),
        ("a file above", |all| all["brands"]["toy"]["../brand.toml"] = "x".into()),
        ("a template that is too large", |all| {
            all["brands"]["toy"]["templates/own.txt"] = "x".repeat(LARGEST_TEMPLATE + 1).into();
        }),
        ("a resource with another sum", |all| all["resources"][sum("another")] = BASE64.encode("a sound").into()),
        ("a resource with a path", |all| all["resources"]["../../x"] = BASE64.encode("x").into()),
        ("a field of its own", |all| all["paths"] = json!({ "/tmp/block66-hostile": "x" })),
        ("a phone that cannot be read", |all| {
            let text = all["store"]["documents"].as_str().unwrap();
            let lines: String = text.lines().filter(|line| line.contains(' ') || line.starts_with('{')).fold(
                String::new(),
                |lines, line| {
                    let emptied = line.split_once(' ').filter(|_| line.contains("Desk 1")).map(|(key, _)| key);
                    lines + &emptied.map_or_else(|| line.to_owned(), |key| format!("{key} {{}}")) + "\n"
                },
            );
            assert!(lines.contains(" {}\n"), "{text}");
            all["store"]["documents"] = format!("{lines}{}\n", sum(&lines)).into();
        }),
    ];
    let mut taken = Vec::new();
    for (what, change) in hostile {
        let mut contents = honest.clone();
        change(&mut contents);
        let outcome = restored(&contents, &site.ground);
        if !matches!(outcome, Err(Error::Damaged(_))) || site.all() != before {
            taken.push(format!("{what}: {outcome:?}"));
        }
    }
    assert!(taken.is_empty(), "{taken:#?}");
    // As it was made it is laid out, and stays in its place.
    restored(&honest, &site.ground).unwrap();
    let after = site.all();
    let ready = site.ground.directory.join("restore");
    assert!(after.contains_key(&ready.join("brands/toy/templates/own.txt")), "{after:?}");
    assert!(after.keys().all(|path| before.contains_key(path) || path.starts_with(&ready)), "{after:?}");
    assert!(before.iter().all(|(path, bytes)| after.get(path) == Some(bytes)), "{after:?}");
}

#[test]
fn no_link_is_followed_into_a_backup() {
    let site = Site::new();
    let (around, brands) = (site.around.path(), site.ground.directory.join("brands"));
    let honest = site.contents();
    for folder in ["templates_elsewhere", "files_elsewhere/templates"] {
        std::fs::create_dir_all(brands.join(folder)).unwrap();
    }
    for (to, link) in [
        (around.to_owned(), "whole_folder"),
        (around.join("templates"), "templates_elsewhere/templates"),
        (around.join("brand.toml"), "files_elsewhere/brand.toml"),
        (around.join("x"), "files_elsewhere/templates/own.txt"),
        (around.join("x"), "toy/templates/more.txt"),
        (around.join("x"), "a_file"),
        // One that leads to what is above it.
        (brands.clone(), "toy/templates/all"),
    ] {
        symlink(to, brands.join(link)).unwrap();
    }
    // Even under the name that what it leads to would have.
    symlink(around.join("x"), site.ground.directory.join("resources").join(sum("outside = true\n"))).unwrap();
    let found = site.contents();
    assert_eq!(found["brands"], honest["brands"]);
    assert_eq!(found["resources"], honest["resources"]);
    assert_eq!(found["brands"], json!({ "toy": { "brand.toml": "inside = true\n", "templates/own.txt": "inside\n" } }));
}

/// What is in force is in the backup, or there is none: a restore exchanges the folders whole.
#[test]
fn no_file_of_a_brand_that_is_in_force_is_left_out() {
    let site = Site::new();
    let toy = site.ground.directory.join("brands/toy");
    let long = format!("templates/{}.txt", "x".repeat(61));
    for (name, bytes) in [
        ("templates/own file.txt", &b"x"[..]),
        ("templates/k\u{fc}che.txt", b"x"),
        (&long, b"x"),
        ("templates/latin.txt", b"\xfc"),
        ("templates/large.txt", &vec![b'x'; LARGEST_TEMPLATE + 1]),
    ] {
        std::fs::write(toy.join(name), bytes).unwrap();
        let refused = site.ground.contents(samples::CREATED).map(drop).unwrap_err();
        assert!(refused.to_string().starts_with(&format!("brands/toy/{name} cannot be in a backup: ")), "{refused}");
        let not_in_force = crate::appliance::overlays::folder(&toy).unwrap_err();
        assert!(not_in_force.starts_with(&format!("{name}: ")), "{not_in_force}");
        std::fs::remove_file(toy.join(name)).unwrap();
    }
    // What is never in force hinders nobody.
    let before = site.contents();
    std::fs::write(toy.join("NOTES.md"), "notes").unwrap();
    std::fs::write(toy.join("templates/.own.txt.swp"), b"\xff").unwrap();
    std::fs::write(site.ground.directory.join("brands/readme"), "notes").unwrap();
    assert_eq!(site.contents()["brands"], before["brands"]);
    let in_force = crate::appliance::overlays::folder(&toy).unwrap();
    let held: Vec<&String> = before["brands"]["toy"].as_object().unwrap().keys().collect();
    assert_eq!(in_force.keys().collect::<Vec<_>>(), held);
}

#[test]
fn what_fits_into_no_backup_is_not_read() {
    let site = Site::new();
    // More than any memory; it takes no room on the disk.
    let sound = std::fs::File::create(site.ground.directory.join("resources").join("a".repeat(64))).unwrap();
    sound.set_len(1 << 42).unwrap();
    let refused = site.ground.contents(samples::CREATED).map(drop);
    assert!(matches!(refused, Err(Error::Overfull)), "{refused:?}");
    let passphrase = Secret::new("correct horse battery");
    assert!(matches!(sealed::seal(&vec![0; MOST], &passphrase), Err(Error::Overfull)));
}

/// The journal of what was there before goes; who put the backup in force is told to the new one.
#[test]
fn who_restored_is_known_until_it_is_recorded() {
    let site = Site::new();
    let directory = &site.ground.directory;
    restored(&site.contents(), &site.ground).unwrap();
    assert_eq!(restore::told(directory), None, "it is not in force yet");
    assert!(restore::apply(directory).unwrap());
    assert_eq!(restore::told(directory), Some(by_anna()));
    assert!(!restore::apply(directory).unwrap());
    assert_eq!(restore::told(directory), Some(by_anna()), "a start that was cut off did not record it");
    restore::recorded(directory).unwrap();
    assert_eq!(restore::told(directory), None);
}
