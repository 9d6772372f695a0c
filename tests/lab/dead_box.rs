//! A box dies, and another one takes its place: with a backup of the first, no phone needs a visit.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use block66::lab::namespace::Namespace;
use block66::model::Mac;
use block66::phonesim::Report;
use serde_json::Value;

use crate::whole::{LIMIT, all_serve, lab};

const PROGRAM: &str = env!("CARGO_BIN_EXE_block66");
const PASSPHRASE: &str = "a passphrase of the test\n";

/// A second box, on the ground of the first.
struct Second {
    directory: tempfile::TempDir,
    child: Child,
}

impl Second {
    fn start(first: &Path, on: &Namespace) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let old = first.parent().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(first).unwrap().replace(old, directory.path().to_str().unwrap());
        let configuration = directory.path().join("block66.toml");
        std::fs::write(&configuration, text).unwrap();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["run", "--config"]).arg(configuration).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let child = on.run(|| command.spawn()).unwrap().unwrap();
        let second = Self { directory, child };
        second.until("answers", |second| second.block66(&["status"]).status.success());
        second
    }

    fn block66(&self, arguments: &[&str]) -> Output {
        block66(&self.directory.path().join("socket"), arguments)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_slice(&self.block66(arguments).stdout).unwrap_or_default()
    }

    fn fingerprint(&self) -> String {
        self.json(&["ca", "show", "--json"])["fingerprint"].as_str().unwrap_or_default().to_owned()
    }

    fn until(&self, what: &str, enough: impl Fn(&Self) -> bool) {
        let until = Instant::now() + LIMIT;
        while !enough(self) {
            let log = || std::fs::read_to_string(self.directory.path().join("log")).unwrap();
            assert!(Instant::now() < until, "{what}: not within {LIMIT:?}\n{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn block66(socket: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM).arg("--socket").arg(socket).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn refused(output: &Output, words: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains(words), "{words}: {output:?}");
}

#[test]
fn all_phones_carry_on_with_the_backup_on_another_box() {
    let began = Instant::now();
    let mut lab = lab(4);
    all_serve(&mut lab);
    let first = lab.appliance().configuration();
    let socket = first.parent().unwrap().join("socket");
    let papers = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { papers.path().join(name) };
    std::fs::write(path("passphrase"), PASSPHRASE).unwrap();
    std::fs::write(path("wrong"), "another passphrase\n").unwrap();
    let (backup, passphrase, wrong) = (path("box.backup"), path("passphrase"), path("wrong"));
    let [backup_at, passphrase_at, wrong_at] = [&backup, &passphrase, &wrong].map(|path| path.to_str().unwrap());
    let made = block66(&socket, &["backup", "create", backup_at, "--passphrase-file", passphrase_at]);
    assert!(made.status.success(), "{made:?}");
    let bytes = std::fs::read(&backup).unwrap();
    let held: Vec<_> = lab.phones().iter().map(|phone| (phone.remote.report(), phone.remote.holding())).collect();
    for (_, holding) in &held {
        for account in &holding.accounts {
            let secret = account.password.expose().as_bytes();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "a password stands in the backup");
        }
    }
    lab.appliance().kill();

    let second = Second::start(&first, lab.ground().appliance());
    let before = second.fingerprint();
    let inspected = second.block66(&["backup", "inspect", backup_at, "--passphrase-file", passphrase_at, "--json"]);
    let about: Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!((about["phones"].as_u64(), about["addresses"][0].as_str()), (Some(4), Some("lab: 10.66.0.1/22")));

    // Nothing that is wrong changes anything.
    let restore = |file: &str, passphrase: &str, more: &[&str]| {
        second.block66(&[&["backup", "restore", file, "--passphrase-file", passphrase], more].concat())
    };
    refused(&restore(backup_at, wrong_at, &["--confirm"]), "not the passphrase");
    let (damaged, newer) = (path("damaged.backup"), path("newer.backup"));
    let mut other = bytes.clone();
    let middle = other.len() / 2;
    other[middle] ^= 1;
    std::fs::write(&damaged, &other).unwrap();
    refused(&restore(damaged.to_str().unwrap(), passphrase_at, &["--confirm"]), "damaged");
    let other = String::from_utf8_lossy(&bytes[..20]).replace("block66-backup 1", "block66-backup 9").into_bytes();
    std::fs::write(&newer, [&other, &bytes[20..]].concat()).unwrap();
    refused(&restore(newer.to_str().unwrap(), passphrase_at, &["--confirm"]), "newer");
    refused(&restore(passphrase_at, passphrase_at, &["--confirm"]), "no backup");
    refused(&restore(backup_at, passphrase_at, &[]), "confirm");
    assert_eq!(second.fingerprint(), before);

    let done = restore(backup_at, passphrase_at, &["--confirm"]);
    assert!(done.status.success(), "{done:?}");
    let root = about["fingerprint"].as_str().unwrap().to_owned();
    second.until("has the root of the first box", |second| second.fingerprint() == root);

    for (phone, (report, _)) in lab.phones().iter().zip(&held) {
        let looks = report.looks;
        let carried_on = |now: &Report| now.looks >= looks + 2 && now.in_service() && now.kept.is_none();
        phone.remote.renew();
        let until = Instant::now() + LIMIT;
        loop {
            phone.remote.poll();
            match phone.remote.wait_for(Duration::from_secs(1), carried_on) {
                Ok(now) => {
                    assert_eq!((now.starts, now.address), (report.starts, report.address), "{now:#?}");
                    break;
                }
                Err(now) => assert!(Instant::now() < until, "{now:#?}"),
            }
        }
    }
    let after: Vec<_> = lab.phones().iter().map(|phone| phone.remote.holding()).collect();
    assert_eq!(after, held.iter().map(|(_, holding)| holding.clone()).collect::<Vec<_>>(), "they hold what they held");
    println!("figure: 4 phones carried on at the second box, {:.1} s in all", began.elapsed().as_secs_f64());

    // What was on the second box before comes back, too.
    let undone = second.block66(&["backup", "restore", "--undo", "--confirm", "--passphrase-file", passphrase_at]);
    assert!(undone.status.success(), "{undone:?}");
    second.until("has its own root again", |second| second.fingerprint() == before);
    assert_eq!(second.json(&["phones", "show", &Mac::to_string(&held[0].0.mac), "--json"]), Value::Null);
}
