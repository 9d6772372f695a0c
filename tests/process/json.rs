//! Every command prints one JSON document with `--json`, and says what went wrong as problem details.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::service::Service;

/// Commands that are no question to a box and answer with no document: servers, the lab, what is made of the command
/// line's own definition, and what the appliance's units run.
const NO_ANSWER: &[&str] = &["run", "lab", "init", "completions", "man", "steward", "preset"];
/// Commands that need something beside the box: the helper of the appliance, another system, a phone that answers, a
/// bundle or an image, or a clock that something vouches for.
const ELSEWHERE: &[&str] = &[
    "update show",
    "update night",
    "update install",
    "health",
    "password",
    "backup restore",
    "dhcp ask",
    "dhcp explain",
    "dhcp take-over",
    "dhcp export-leases",
    "dhcp import-leases",
    "firmware add",
    "firmware fetch",
    "firmware pin",
    "firmware remove",
    "rollouts plan",
    "rollouts show",
    "rollouts start",
    "rollouts stop",
    "rollouts back",
    "rollouts remove",
    "campaigns start",
    "campaigns stop",
    "overlays diff",
    "overlays try",
    "phones resync",
    "phones reboot",
    "phones upload",
    "phones replace",
    "rehearse",
    "waiting adopt",
    "trust add",
    "trust add-certificate",
    "trust remove",
    "resources put",
    "resources remove",
    "settings apply",
    "settings override",
    "partners bria preview",
    "partners bria template",
    "partners innovaphone forget",
    "partners innovaphone password",
    "partners stretto apply",
    "partners stretto csv",
    "partners stretto password",
    "partners stretto plan",
    "partners stretto user",
    "partners yealink-rps apply",
    "partners yealink-rps plan",
    "partners yealink-rps secret",
];
/// What is asked, in this order, with what stands on standard input.
const ASKED: &[(&[&str], &str)] = &[
    (&["check", "{directory}/block66.toml"], ""),
    (&["status"], ""),
    (&["log"], ""),
    (&["organisations", "add", "North"], ""),
    (&["organisations", "list"], ""),
    (&["organisations", "login", "North"], ""),
    (&["organisations", "rename", "North", "South"], ""),
    (&["organisations", "remove", "South"], ""),
    (&["groups", "add", "Sales"], ""),
    (&["groups", "rename", "Sales", "Shop"], ""),
    (&["groups", "list"], ""),
    (
        &["phones", "add", "805ec0123456", "--name", "Hall", "--user", "201", "--server", "pbx.example.net"],
        "secret-201\n",
    ),
    (&["phones", "list"], ""),
    (&["phones", "list", "--find", "nobody"], ""),
    (&["phones", "edit", "805ec0123456", "--name", "Yard", "--brand", "yealink", "--model", "T46S"], ""),
    (&["phones", "show", "805ec0123456"], ""),
    (&["phones", "history", "805ec0123456"], ""),
    (&["phones", "history", "805ec0123456", "1"], ""),
    (&["phones", "edit", "805ec0123456", "--name", "Court"], ""),
    (&["phones", "undo", "805ec0123456", "2"], ""),
    (&["phones", "timeline", "805ec0123456"], ""),
    (&["phones", "export"], ""),
    (&["phones", "import", "-", "--dry-run"], "mac,name\n805ec0123457,Desk\n"),
    (&["phones", "files", "805ec0123456"], ""),
    (&["phones", "render", "805ec0123456"], ""),
    (&["phones", "reveal", "805ec0123456"], ""),
    (&["phones", "release", "805ec0123456"], ""),
    (&["phones", "release", "805ec0123456", "--undo"], ""),
    (&["phones", "start-over", "805ec0123456"], ""),
    (&["settings", "list"], ""),
    (&["settings", "show", "--phone", "805ec0123456"], ""),
    (&["settings", "set", "--phone", "805ec0123456", "screen.title=Hall"], ""),
    (&["settings", "unset", "--phone", "805ec0123456", "screen.title"], ""),
    (&["settings", "key", "--phone", "805ec0123456", "1", "blf", "202"], ""),
    (&["books", "add", "Staff"], ""),
    (&["books", "list"], ""),
    (&["books", "import", "Staff", "-"], "name,number\nAnna,201\n"),
    (&["books", "show", "Staff"], ""),
    (&["books", "remove", "Staff"], ""),
    (&["resources", "list"], ""),
    (&["overlays", "list"], ""),
    (&["trust", "list"], ""),
    (&["waiting", "list"], ""),
    (&["pairing", "open"], ""),
    (&["pairing", "state"], ""),
    (&["pairing", "close"], ""),
    (&["dhcp"], ""),
    (&["dhcp", "seen"], ""),
    (&["dhcp", "export", "--for", "dnsmasq", "--address", "10.66.0.1"], ""),
    (&["events"], ""),
    (&["events", "--limit", "1"], ""),
    (&["audit"], ""),
    (&["campaigns", "list"], ""),
    (&["firmware", "list"], ""),
    (&["firmware", "versions"], ""),
    (&["firmware", "settings"], ""),
    (&["rollouts", "list"], ""),
    (&["outlets", "set", "-"], "{\"syslog\":[]}"),
    (&["outlets", "show"], ""),
    (&["outlets", "counts"], ""),
    (&["accounts", "add", "anna", "--role", "operator"], "a long password\n"),
    (&["accounts", "list"], ""),
    (&["accounts", "role", "anna", "administrator"], ""),
    (&["accounts", "rename", "anna", "berta"], ""),
    (&["accounts", "password", "berta"], "another long password\n"),
    (&["accounts", "unlock", "berta"], ""),
    (&["accounts", "drop-factor", "berta"], ""),
    (&["tokens", "add", "script", "--scope", "read"], ""),
    (&["tokens", "list"], ""),
    (&["tokens", "revoke", "script"], ""),
    (&["ca", "show"], ""),
    (&["ca", "export"], ""),
    (&["support", "{directory}/bundle.json"], ""),
    (&["backup", "create", "{directory}/one.backup", "--passphrase-file", "{directory}/passphrase"], ""),
    (&["backup", "inspect", "{directory}/one.backup", "--passphrase-file", "{directory}/passphrase"], ""),
    (&["backup", "list"], ""),
    (&["partners", "bria", "settings"], ""),
    (&["partners", "bria", "users"], ""),
    (&["partners", "innovaphone", "settings"], ""),
    (&["partners", "innovaphone", "status"], ""),
    (&["partners", "stretto", "settings"], ""),
    (&["partners", "yealink-rps", "settings"], ""),
    (&["phones", "remove", "805ec0123456", "--yes"], ""),
    (&["accounts", "add", "last", "--role", "administrator"], "a long password\n"),
    (&["accounts", "remove", "berta"], ""),
    (&["groups", "remove", "Shop"], ""),
];
/// Commands of other systems that change settings, which are the same call as showing them.
const SAME: &[&str] = &["partners bria add", "partners bria password", "partners bria remove", "partners bria set"];

fn run(socket: &str, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_block66"));
    command.args(["--socket", socket, "--json"]).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that reads nothing may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// Every command that has none below it, by the names of their manual pages.
fn leaves(manuals: &Path) -> BTreeSet<String> {
    let pages = std::fs::read_dir(manuals).unwrap();
    let names: BTreeSet<String> = pages
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.strip_suffix(".1")?.strip_prefix("block66-")?.to_owned()))
        .collect();
    names.iter().filter(|name| !names.iter().any(|other| other.starts_with(&format!("{name}-")))).cloned().collect()
}

#[test]
fn every_command_has_its_place_here() {
    let dashed = |name: &&str| name.replace(' ', "-");
    let mut known: BTreeSet<String> = NO_ANSWER.iter().chain(ELSEWHERE).chain(SAME).map(dashed).collect();
    let manuals = tempfile::tempdir().unwrap();
    assert_eq!(run("none", &["man", manuals.path().to_str().unwrap()], "").0, 0);
    let leaves = leaves(manuals.path());
    let manual = |leaf: &str| std::fs::read_to_string(manuals.path().join(format!("block66-{leaf}.1"))).unwrap();
    for (arguments, _) in ASKED {
        let named = (1..=3).filter_map(|words| arguments.get(..words)).map(|words| words.join("-"));
        known.extend(named.filter(|name| leaves.contains(name)));
    }
    let missing: Vec<&String> = leaves.difference(&known).collect();
    assert!(missing.is_empty(), "what do these print with --json? {missing:?}");
    let bare: Vec<&String> = leaves.iter().filter(|leaf| !manual(leaf).contains("\\-\\-json")).collect();
    assert!(bare.is_empty(), "the manuals of these do not name --json: {bare:?}");
}

#[test]
fn every_command_prints_one_json_document() {
    let service = Service::start(&[]);
    let directory = service.path("");
    let directory = directory.to_str().unwrap().trim_end_matches('/');
    std::fs::write(service.path("passphrase"), "correct horse battery staple\n").unwrap();
    let socket = service.path("socket");
    for (arguments, input) in ASKED {
        let arguments: Vec<String> = arguments.iter().map(|text| text.replace("{directory}", directory)).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, out, err) = run(socket.to_str().unwrap(), &arguments, input);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        let document = serde_json::from_str::<Value>(&out);
        assert!(document.is_ok(), "{arguments:?} printed no JSON document: {out:?} {err}");
        assert!(!out.contains("secret-201"), "{arguments:?}: {out}");
    }
    // In the forms of the API.
    let json =
        |arguments: &[&str]| serde_json::from_str::<Value>(&run(socket.to_str().unwrap(), arguments, "").1).unwrap();
    assert_eq!(json(&["phones", "list"])["phones"], serde_json::json!([]));
    assert!(json(&["events"])["events"].is_array() && json(&["organisations", "list"])["organisations"].is_array());
}

#[test]
fn errors_are_problem_details_with_the_usual_codes() {
    let service = Service::start(&[]);
    let socket = service.path("socket");
    let socket = socket.to_str().unwrap();
    for (arguments, at, exit, code) in [
        (&["phones", "show", "805ec0123456"][..], socket, 1, "phone-unknown"),
        (&["phones", "undo", "805ec0123456", "1"], socket, 1, "phone-unknown"),
        (&["phones", "add", "805ec0123456", "--brand", "not a brand"], socket, 65, "fields-wrong"),
        (&["phones", "import", "/nothing/there.csv"], socket, 66, "unreadable"),
        (&["status"], "/nothing/there.sock", 69, "no-box"),
        (&["phones", "shw"], socket, 64, "usage"),
        (&["check", "/nothing/there.toml"], socket, 78, "configuration"),
    ] {
        let (found, out, err) = run(at, arguments, "");
        assert_eq!((found, out.as_str()), (exit, ""), "{arguments:?}: {err}");
        let problem: Value = serde_json::from_str(&err).unwrap_or_else(|_| panic!("{arguments:?}: {err}"));
        assert_eq!(problem["code"], code, "{problem:#}");
        assert!(problem["type"] == "about:blank" && problem["detail"].is_string(), "{problem:#}");
    }
}
