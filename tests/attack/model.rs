//! The threat model names tests: they are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};

const ACTORS: [&str; 7] = [
    "rogue laptop",
    "malicious phone",
    "curious employee",
    "thief",
    "WAN attacker",
    "hostile upstream",
    "malicious page",
];

/// Every function that is a test.
#[derive(Default)]
struct Tests(BTreeSet<String>);

impl<'a> Visit<'a> for Tests {
    fn visit_item_fn(&mut self, function: &'a syn::ItemFn) {
        let is_test = |attribute: &syn::Attribute| attribute.path().segments.last().is_some_and(|s| s.ident == "test");
        if function.attrs.iter().any(is_test) {
            self.0.insert(function.sig.ident.to_string());
        }
        visit::visit_item_fn(self, function);
    }

    // Those of property tests stand inside the macro.
    fn visit_macro(&mut self, macro_: &'a syn::Macro) {
        let text = macro_.tokens.to_string();
        let named = text.split("# [test] fn ").skip(1);
        self.0.extend(named.filter_map(|rest| rest.split([' ', '(']).next()).map(str::to_owned));
    }
}

fn collect(folder: &Path, tests: &mut Tests) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = syn::parse_file(&fs::read_to_string(&path).unwrap());
            tests.visit_file(&file.unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        }
    }
}

/// What is wrong with a threat model, given the tests that there are.
fn faults(text: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [actor, _, action, defence, proof] = cells[..] else { continue };
        if !ACTORS.contains(&actor) {
            if actor != "actor" {
                found.push(format!("nobody is \"{actor}\""));
            }
            continue;
        }
        seen.insert(actor);
        let names: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            found.push(format!("no test is named for \"{action}\""));
        }
        for name in names.iter().filter(|name| !tests.contains(**name)) {
            found.push(format!("there is no test {name} (\"{action}\")"));
        }
        let shown = ["stand on the page", "said in docs/"];
        if defence.to_lowercase().contains("accepted") && !shown.iter().any(|place| defence.contains(place)) {
            found.push(format!("it is not said where the accepted risk \"{action}\" is shown"));
        }
    }
    found.extend(ACTORS.iter().filter(|actor| !seen.contains(**actor)).map(|actor| format!("{actor} tries nothing")));
    found
}

#[test]
fn every_row_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = Tests::default();
    for folder in ["src", "tests", "fuzz/properties"] {
        collect(&root.join(folder), &mut tests);
    }
    let text = fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    assert_eq!(faults(&text, &tests.0), Vec::<String>::new());
    let named = |word: &&str| word.starts_with("docs/");
    let missing: Vec<&str> = text
        .split([' ', '|', ',', ';'])
        .filter(named)
        .map(|word| word.trim_end_matches('.'))
        .filter(|name| !root.join(name).is_file())
        .collect();
    assert_eq!(missing, Vec::<&str>::new(), "no such document");
    println!("figure: {} tests in all", tests.0.len());
    // A test of the attacker's that no row names proves nothing that was asked.
    let mut own = Tests::default();
    collect(&root.join("tests/attack"), &mut own);
    let helpers = ["every_row_names_a_test_that_exists", "control_a_row_without_a_test_is_found"];
    let unnamed: Vec<_> =
        own.0.iter().filter(|name| !text.contains(*name) && !helpers.contains(&name.as_str())).collect();
    assert!(unnamed.is_empty(), "no row names {unnamed:?}");
}

#[test]
fn control_a_row_without_a_test_is_found() {
    let tests = BTreeSet::from(["there".to_owned()]);
    let row = |actor: &str, defence: &str, proof: &str| format!("| {actor} | a | b | {defence} | {proof} |\n");
    let whole: String = ACTORS.iter().map(|actor| row(actor, "c", "`there`")).collect();
    assert_eq!(faults(&whole, &tests), Vec::<String>::new());
    for (bad, said) in [
        (row("thief", "c", "`gone`"), "there is no test gone"),
        (row("thief", "c", "none"), "no test is named"),
        (row("ghost", "c", "`there`"), "nobody is \"ghost\""),
        (row("thief", "accepted", "`there`"), "not said where"),
        (row("thief", "accepted: it lasts as long as the attack", "`there`"), "not said where"),
        (row("thief", "c. Accepted: the rest", "`there`"), "not said where"),
    ] {
        let found = faults(&format!("{whole}{bad}"), &tests);
        assert!(found.len() == 1 && found[0].contains(said), "{found:?}");
    }
    assert_eq!(faults("", &tests).len(), ACTORS.len());
}
