//! `block66 lab` as people call it.

use std::process::{Command, Output, Stdio};
use std::time::Instant;

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_block66");

fn run(command: &mut Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let own = format!("block66-lab-{}-", child.id());
    let output = child.wait_with_output().unwrap();
    let names = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten().map(|entry| entry.file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with(&own)).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    output
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn twelve_journeys_complete() {
    let began = Instant::now();
    let output = run(Command::new(PROGRAM).args(["lab", "--once", "--phones", "12"]));
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("12 of 12 phones in service"), "{}", text(&output));
    println!("figure: 12 phones in service, lab gone, after {:.1} s", began.elapsed().as_secs_f64());
}

#[test]
fn a_planted_fault_is_named() {
    let faults = [
        ("no-version", "the first line is not #!version:1.0.0.1"),
        ("wrong-ca", "is signed by a CA that this phone does not trust (it trusts Another CA)"),
        ("no-url", "no file sets static.auto_provision.server.url"),
    ];
    for (plant, words) in faults {
        let output = run(Command::new(PROGRAM).args(["lab", "--once", "--phones", "2", "--json", "--plant", plant]));
        assert_eq!(output.status.code(), Some(1), "{plant}: {}", text(&output));
        let table: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(table[0]["in-service"], true, "{plant}: {table:#}");
        assert_eq!(table[1]["in-service"], false, "{plant}: {table:#}");
        let fault = table[1]["fault"].as_str().unwrap();
        assert!(fault.contains(words), "{plant}: {fault}");
    }
}

#[test]
fn needs_no_root() {
    let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    // The program may lie where only its owner looks.
    let reachable = std::env::temp_dir().join(format!("block66-{}", std::process::id()));
    std::fs::copy(PROGRAM, &reachable).unwrap();
    let output = run(Command::new("setpriv").args(nobody).arg(&reachable).args(["lab", "--once", "--phones", "3"]));
    std::fs::remove_file(&reachable).unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn says_what_it_does_not_do() {
    for (arguments, words) in [
        (["--phones", "401"], "401 is not in 1..=400"),
        (["--phones", "0"], "0 is not in 1..=400"),
        (["--plant", "nothing"], "possible values: no-version, wrong-ca, no-url"),
    ] {
        let output = run(Command::new(PROGRAM).arg("lab").args(arguments));
        assert!(!output.status.success());
        assert!(text(&output).contains(words), "{}", text(&output));
    }
}
