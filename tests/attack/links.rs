//! Links among the brand folders, laid by somebody who may write there: an employee with a shell, or root by mistake.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::ground::{Ground, PATIENCE, wait_until};

/// What lies where the links lead, and what lies in a brand folder itself.
const OUTSIDE: &str = "what lies outside of the box";
const INSIDE: &str = "what lies in a brand folder";

/// The files below a directory in which this stands. No link is followed.
fn holding(directory: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(path) = pending.pop() {
        // The store removes files of its own at any time.
        let Ok(about) = fs::symlink_metadata(&path) else { continue };
        if about.is_dir() {
            pending.extend(fs::read_dir(&path).into_iter().flatten().map(|entry| entry.unwrap().path()));
        } else if about.is_file() {
            let bytes = fs::read(&path).unwrap_or_default();
            if String::from_utf8_lossy(&bytes).contains(text) {
                found.push(path);
            }
        }
    }
    found
}

/// A backup is sealed, so it is put back on the box that it is of: what it held lies in the box's files then.
#[test]
fn a_backup_takes_nothing_that_a_link_leads_to() {
    let mut ground = Ground::new(0);
    let configuration = ground.lab.appliance().configuration();
    let directory = configuration.parent().unwrap();
    let (data, socket) = (directory.join("data"), directory.join("socket"));
    let brands = data.join("brands");
    let folders = tempfile::tempdir().unwrap();
    let outside = folders.path();
    let targets = ["brand.toml", "templates/own.txt", "x"].map(|name| outside.join(name));
    fs::create_dir(outside.join("templates")).unwrap();
    targets.iter().for_each(|target| fs::write(target, OUTSIDE).unwrap());

    for folder in ["toy/templates", "templates_elsewhere", "files_elsewhere/templates"] {
        fs::create_dir_all(brands.join(folder)).unwrap();
    }
    fs::write(brands.join("toy/brand.toml"), INSIDE).unwrap();
    fs::write(brands.join("toy/templates/own.txt"), INSIDE).unwrap();
    let links = [
        (outside.to_owned(), "whole_folder"),
        (outside.join("templates"), "templates_elsewhere/templates"),
        (outside.join("brand.toml"), "files_elsewhere/brand.toml"),
        (outside.join("x"), "files_elsewhere/templates/own.txt"),
        (outside.join("x"), "toy/templates/more.txt"),
        (outside.join("x"), "a_file"),
        // What the box may read, and nobody else: its own key.
        (data.join("key"), "toy/templates/key.txt"),
        // One that leads to what is above it.
        (brands.clone(), "toy/templates/all"),
    ];
    for (to, link) in &links {
        symlink(to, brands.join(link)).unwrap();
    }

    // The page and the API show brand folders, too.
    let shown = ground.lab.api().get("overlays").unwrap().to_string();
    let key = fs::read_to_string(data.join("key")).unwrap();
    assert!(shown.contains("whole_folder") && shown.contains(INSIDE), "{shown}");
    assert!(!shown.contains(OUTSIDE) && !shown.contains(key.trim()), "{shown}");

    let papers = tempfile::tempdir().unwrap();
    let [backup, passphrase] =
        ["box.backup", "passphrase"].map(|name| papers.path().join(name).to_str().unwrap().to_owned());
    fs::write(&passphrase, "a passphrase of the test\n").unwrap();
    let block66 = |arguments: &[&str]| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_block66"));
        command.arg("--socket").arg(&socket).arg("backup").args(arguments).arg("--passphrase-file").arg(&passphrase);
        command.stdin(Stdio::null()).output().unwrap()
    };
    let made = block66(&["create", &backup]);
    assert!(made.status.success(), "{made:?}");
    let restored = block66(&["restore", &backup, "--confirm"]);
    assert!(restored.status.success(), "{restored:?}");
    // The brand folders are exchanged whole when the box starts anew.
    let in_force = wait_until(PATIENCE, || {
        links.iter().all(|(_, link)| !brands.join(link).is_symlink()) && ground.lab.api().get("status").is_ok()
    });
    assert!(in_force, "{}", ground.lab.appliance().last_words());

    let kept = ["toy/brand.toml", "toy/templates/own.txt"].map(|name| brands.join(name));
    for file in &kept {
        assert_eq!(fs::read_to_string(file).unwrap(), INSIDE, "{} is not as it was", file.display());
    }
    assert_eq!(holding(&data, OUTSIDE), Vec::<PathBuf>::new(), "the backup held what lies elsewhere");
    assert!(holding(&data, INSIDE).len() >= kept.len(), "the files of the box are not looked at");
    let log = fs::read_to_string(ground.lab.appliance().log()).unwrap();
    assert!(!log.contains(OUTSIDE), "{log}");
    for (_, link) in &links {
        assert!(!brands.join(link).exists(), "{link} was in the backup");
    }
    // Nor does the exchange touch what they lead to.
    for target in &targets {
        assert_eq!(fs::read_to_string(target).unwrap(), OUTSIDE, "{}", target.display());
    }
    ground.box_is_well();
}
