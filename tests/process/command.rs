//! The command line: what it says, where it says it, and with which exit code it ends.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::pty::openpty;
use nix::sys::signal::Signal;
use nix::sys::termios::{self, LocalFlags};

use crate::service::Service;

fn block66(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_block66")).args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn write(directory: &Path, text: &str) -> String {
    let path = directory.join("block66.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn without_a_box_every_command_that_needs_one_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("none.sock");
    let socket = socket.to_str().unwrap();
    for command in [
        &["status"][..],
        &["phones", "list", "--json"],
        &["phones", "show", "805ec0123456"],
        &["phones", "remove", "805ec0123456"],
        &["ca", "show"],
        &["ca", "export"],
        &["events", "--json"],
    ] {
        let output = block66(&[&["--socket", socket], command].concat());
        assert_eq!(code(&output), 69, "{command:?}: {}", said(&output));
        let text = said(&output);
        assert!(text.contains("No box runs here") && text.contains(socket), "{command:?}: {text}");
    }
}

#[test]
fn ctrl_c_at_a_password_ends_the_program_and_leaves_the_terminal_as_it_was() {
    let pair = openpty(None, None).unwrap();
    let shows = || termios::tcgetattr(&pair.slave).unwrap().local_flags.contains(LocalFlags::ECHO | LocalFlags::ISIG);
    assert!(shows());
    let mut program = Command::new(env!("CARGO_BIN_EXE_block66"))
        .arg("password")
        .stdin(pair.slave.try_clone().unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut prompt = [0; "New password: ".len()];
    program.stderr.as_mut().unwrap().read_exact(&mut prompt).unwrap();
    assert_eq!(prompt, *b"New password: ");
    assert!(!shows());
    let mut keyboard = File::from(pair.master);
    keyboard.write_all(b"sec\x03\n").unwrap();
    assert_eq!(program.wait().unwrap().signal(), Some(Signal::SIGINT as i32));
    assert!(shows());
}

#[test]
fn what_cannot_be_printed_is_no_success_and_what_nobody_reads_ends() {
    let program = env!("CARGO_BIN_EXE_block66");
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(program).args(["init", "-"]).stdout(full).output().unwrap();
    assert_eq!(code(&output), 73, "{}", said(&output));
    assert!(said(&output).contains("standard output"), "{}", said(&output));

    let service = Service::start(&[]);
    let socket = path_of(&service, "socket");
    let follow = ["--socket", &socket, "events", "--follow"];
    let mut follow = Command::new(program).args(follow).stdout(Stdio::piped()).spawn().unwrap();
    drop(follow.stdout.take());
    let patience = Instant::now() + Duration::from_secs(30);
    let ended = (1..).find_map(|number| {
        assert!(Instant::now() < patience, "it goes on for nobody");
        service.block66(&["organisations", "add", &format!("Branch {number}")]);
        follow.try_wait().unwrap()
    });
    assert!(ended.unwrap().success());
}

#[test]
fn wrong_usage_is_64_and_names_the_nearest_right_word() {
    let output = block66(&["phone", "list"]);
    assert_eq!(code(&output), 64);
    assert!(said(&output).contains("phones"), "{}", said(&output));
    assert_eq!(code(&block66(&["lab", "--phones", "0"])), 64);
    assert_eq!(code(&block66(&["--help"])), 0);
}

#[test]
fn a_configuration_is_written_checked_and_never_overwritten_by_chance() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("block66.toml");
    let path = path.to_str().unwrap();
    assert_eq!(code(&block66(&["init", path])), 0);
    assert_eq!(code(&block66(&["check", path])), 0);
    std::fs::write(path, "# mine\n").unwrap();
    let again = block66(&["init", path]);
    assert_eq!(code(&again), 73, "{}", said(&again));
    assert_eq!(std::fs::read_to_string(path).unwrap(), "# mine\n");
    assert_eq!(code(&block66(&["init", "--force", path])), 0);
}

#[test]
fn a_wrong_configuration_is_78_with_file_line_and_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(directory.path(), "[listen]\nhtps = \"[::]:443\"\n");
    for command in [&["check", &path][..], &["run", "--config", &path]] {
        let output = block66(command);
        assert_eq!(code(&output), 78, "{command:?}");
        let text = said(&output);
        assert!(text.contains(&format!("{path}:2: there is no key \"htps\" here")), "{text}");
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_the_next_step() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let data = directory.path().join("data");
    let socket = directory.path().join("socket");
    let path = write(
        directory.path(),
        &format!(
            "data-directory = {data:?}\nsocket = {socket:?}\n[listen]\nhttp = \"{at}\"\nhttps = \"127.0.0.1:0\"\nntp = \"127.0.0.1:0\"\nsip = \"127.0.0.1:0\"\nsips = \"127.0.0.1:0\"\n"
        ),
    );
    let output = block66(&["run", "--config", &path]);
    assert_eq!(code(&output), 70, "{}", said(&output));
    assert!(said(&output).contains(&format!("http cannot listen on {at}")), "{}", said(&output));
    assert!(said(&output).contains("[listen]"), "{}", said(&output));
}

#[test]
fn shells_and_readers_get_the_whole_command_line() {
    for (shell, words) in [("bash", "complete"), ("zsh", "#compdef block66"), ("fish", "complete -c block66")] {
        let output = block66(&["completions", shell]);
        assert_eq!(code(&output), 0, "{}", said(&output));
        let script = said(&output);
        assert!(script.contains(words) && script.contains("rehearse") && script.contains("backup"), "{shell}");
    }
    assert_eq!(code(&block66(&["completions", "csh"])), 64);
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    assert_eq!(code(&block66(&["man", pages.to_str().unwrap()])), 0);
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(page("block66.1").contains("rehearse") && page("block66-rehearse.1").contains("would stop it"));
    assert!(page("block66-backup-restore.1").contains("passphrase"));
    // An example stays on its line: what is not filled is between these two.
    for (name, example) in [
        ("block66.1", "\n  block66 rehearse 80:5e:c0:12:34:56\n"),
        ("block66-phones-add.1", "\n  block66 phones add \\-\\-from phone.json\n"),
    ] {
        let page = page(name);
        let kept = page.split_once("\n.nf\n").and_then(|(_, rest)| rest.split_once("\n.fi\n")).map(|(kept, _)| kept);
        assert!(kept.is_some_and(|kept| kept.contains(example)), "{name}: {page}");
        assert!(page.contains("\"block66 0."), "{name}: {page}");
    }
    assert!(!pages.join("block66-steward.1").exists(), "it is nobody's to call");
    let beside = directory.path().join("file");
    std::fs::write(&beside, "x").unwrap();
    assert_eq!(code(&block66(&["man", beside.to_str().unwrap()])), 73, "a file stands where the directory is to be");
}

/// What people get wrong on their first day: with which code it ends, and what they are told to do.
#[test]
fn what_newcomers_get_wrong_says_what_to_do_next() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let [none, there, broken, short, archive] = &["none", "there", "broken", "short", "archive"].map(path);
    std::fs::write(there, "").unwrap();
    std::fs::write(broken, "{\"mail\": 1}").unwrap();
    std::fs::write(short, "short\n").unwrap();
    let service = Service::start(&[]);
    let [running, nobody] = &[path_of(&service, "socket"), path("no.sock")];
    let wrong: &[(&String, &[&str], i32, &str)] = &[
        (nobody, &["status"], 69, "systemctl start block66"),
        (nobody, &["phones", "import", none], 66, "Look whether its name is right"),
        (nobody, &["phones", "add", "80:5e:c0:12:34"], 64, "expected 12 hexadecimal digits, as in 80:5e:c0:12:34:56"),
        (nobody, &["phones", "show", "reception"], 64, "as in 80:5e:c0:12:34:56"),
        (nobody, &["phones", "lst"], 64, "'list'"),
        (nobody, &["check", none], 78, "block66 init"),
        (nobody, &["run", "--config", none], 78, "block66 init"),
        (nobody, &["init", there], 73, "--force"),
        (nobody, &["firmware", "add", none, "--brand", "yealink", "--version", "1"], 66, "who may read it"),
        (nobody, &["outlets", "set", broken], 65, "block66 outlets --help"),
        (nobody, &["update", "show"], 69, "not the appliance"),
        (running, &["phones", "show", "805ec0123456"], 1, "add the phone"),
        (running, &["settings", "set", "--organisation", "Nobody", "screen.title=x"], 1, "block66 organisations list"),
        (running, &["backup", "create", archive, "--passphrase-file", short], 65, "at least 12 characters"),
        (running, &["organisations", "rename", "Nobody", "X"], 1, "block66 organisations list"),
        (running, &["organisations", "remove", "Branch"], 1, "Give it another name instead"),
        (running, &["rehearse", "805ec0123456"], 1, "add the phone"),
    ];
    for &(socket, arguments, ends, next) in wrong {
        let output = block66(&[&["--socket", socket.as_str()][..], arguments].concat());
        let text = said(&output);
        assert_eq!(code(&output), ends, "{arguments:?}: {text}");
        assert!(text.contains(next), "{arguments:?} does not say \"{next}\": {text}");
        assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{arguments:?}: {text}");
    }
}

fn path_of(service: &Service, name: &str) -> String {
    service.path(name).to_str().unwrap().to_owned()
}
