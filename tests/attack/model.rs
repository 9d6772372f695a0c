//! The threat model names tests, and headings of documents: they are there, and nobody and nothing is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};

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

/// The rows of the table under this heading, without its head.
fn rows<'a>(text: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let lines = text.lines().skip_while(|line| line.strip_prefix("## ") != Some(heading)).skip(1);
    let lines = lines.take_while(|line| !line.starts_with("## "));
    let lines = lines.filter(|line| line.starts_with('|') && !line.starts_with("|--"));
    let cells = |line: &'a str| -> Vec<&'a str> { line.trim_matches('|').split(" | ").map(str::trim).collect() };
    lines.map(cells).filter(|cells| !matches!(cells[0], "actor" | "asset")).collect()
}

/// The names that the table under this heading explains.
fn listed<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let named = |row: Vec<&'a str>| row[0].strip_prefix("**")?.split_once("**").map(|(name, _)| name);
    rows(text, heading).into_iter().filter_map(named).collect()
}

/// How a heading is linked to.
fn anchor(heading: &str) -> String {
    let kept: String = heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect();
    kept.replace(' ', "-")
}

/// Whether a document says something under this heading.
fn tells(document: &str, heading: &str) -> bool {
    let is_it = |line: &str| line.starts_with('#') && anchor(line.trim_start_matches('#').trim()) == heading;
    let mut below = document.lines().skip_while(|line| !is_it(line)).skip(1);
    below.find(|line| !line.trim().is_empty()).is_some_and(|line| !line.starts_with('#'))
}

/// What is wrong with the places where these words say that their risk is shown: a document and a heading of it each.
fn untold(words: &str, documents: &BTreeMap<String, String>) -> Vec<String> {
    let place = |rest: &str| -> Option<(String, String)> {
        let (document, heading) = rest.split_once("](")?.1.split_once(')')?.0.split_once('#')?;
        Some((document.to_owned(), heading.to_owned()))
    };
    let places: Vec<_> = words.split("said in [").skip(1).filter_map(place).collect();
    let mut found = Vec::new();
    if words.to_lowercase().contains("accepted") && places.is_empty() {
        found.push("no document is named that says what is accepted".to_owned());
    } else if words.matches("said in ").count() != places.len() {
        found.push("no heading is named where it is said".to_owned());
    }
    let silent = places.iter().filter(|(name, heading)| !documents.get(name).is_some_and(|text| tells(text, heading)));
    found.extend(silent.map(|(name, heading)| format!("docs/{name} says nothing under #{heading}")));
    found
}

/// What is wrong with a threat model, given the tests that there are, and the documents by their names.
fn faults(text: &str, tests: &BTreeSet<String>, documents: &BTreeMap<String, String>) -> Vec<String> {
    let (actors, assets) = (listed(text, "Actors"), listed(text, "Assets"));
    let mut found = Vec::new();
    if actors.is_empty() || assets.is_empty() {
        found.push("there is nobody, or nothing to be had".to_owned());
    }
    let unknown = |actor: &str, about: &str| -> Vec<String> {
        let nobody = (!actors.contains(&actor)).then(|| format!("nobody is \"{actor}\""));
        let nothing = about.split(", ").filter(|asset| !assets.contains(asset));
        nobody.into_iter().chain(nothing.map(|asset| format!("nothing is \"{asset}\""))).collect()
    };
    let mut tried = BTreeSet::new();
    for row in rows(text, "What is tried") {
        let [actor, about, action, defence, proof] = row[..] else {
            found.push(format!("this is no row: {row:?}"));
            continue;
        };
        found.extend(unknown(actor, about));
        tried.extend(about.split(", ").map(|asset| (actor, asset)));
        let names: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            found.push(format!("no test is named for \"{action}\""));
        }
        for name in names.iter().filter(|name| !tests.contains(**name)) {
            found.push(format!("there is no test {name} (\"{action}\")"));
        }
        found.extend(untold(defence, documents).into_iter().map(|what| format!("{what} (\"{action}\")")));
    }
    let mut left_out = BTreeSet::new();
    for row in rows(text, "What is not in the table") {
        let [actor, about, why] = row[..] else {
            found.push(format!("this is no row: {row:?}"));
            continue;
        };
        found.extend(unknown(actor, about));
        if why.is_empty() {
            found.push(format!("{actor}, {about}: there is no reason"));
        }
        found.extend(untold(why, documents).into_iter().map(|what| format!("{what} ({actor}, {about})")));
        for asset in about.split(", ") {
            left_out.insert((actor, asset));
            if tried.contains(&(actor, asset)) {
                found.push(format!("{actor}, {asset}: a row, and a reason why there is none"));
            }
            let Some(like) = why.strip_prefix("as ") else { continue };
            let other = actors.iter().find(|other| like.starts_with(**other));
            if !other.is_some_and(|other| tried.contains(&(*other, asset))) {
                found.push(format!("{actor}, {asset}: nobody's row is \"{why}\""));
            }
        }
    }
    for actor in &actors {
        if !tried.iter().any(|(who, _)| who == actor) {
            found.push(format!("{actor} tries nothing"));
        }
        let open = assets.iter().map(|asset| (*actor, *asset));
        let open = open.filter(|pair| !tried.contains(pair) && !left_out.contains(pair));
        found.extend(open.map(|(actor, asset)| format!("{actor}, {asset}: neither a row nor a reason")));
    }
    found
}

#[test]
fn every_row_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = Tests::default();
    for folder in ["src", "tests", "fuzz/properties"] {
        collect(&root.join(folder), &mut tests);
    }
    let paths = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let documents: BTreeMap<String, String> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    let text = &documents["threat-model.md"];
    assert_eq!(faults(text, &tests.0, &documents), Vec::<String>::new());
    println!("figure: {} tests in all", tests.0.len());
    // A test of the attacker's that no row names proves nothing that was asked.
    let mut own = Tests::default();
    collect(&root.join("tests/attack"), &mut own);
    let helpers = [
        "every_row_names_a_test_that_exists",
        "control_a_row_without_a_test_is_found",
        "control_an_accepted_risk_that_no_document_tells_is_found",
        "control_an_actor_and_an_asset_without_a_row_are_found",
    ];
    let unnamed: Vec<_> =
        own.0.iter().filter(|name| !text.contains(*name) && !helpers.contains(&name.as_str())).collect();
    assert!(unnamed.is_empty(), "no row names {unnamed:?}");
}

const ROWS: &str = "| thief | gold, peace | a | b | `there` |\n| ghost | peace | a | b | `there` |\n";
const REASONS: &str = "| ghost | gold | it has no pockets |\n";

/// What is wrong with a model of two actors and two assets in which these are the rows and the reasons.
fn found(rows: &str, reasons: &str) -> Vec<String> {
    let deeds = "# Deeds\n\n## Empty\n\n## Of theft, and a ghost's laugh\n\nThey happen.\n";
    let documents = BTreeMap::from([("deeds.md".to_owned(), deeds.to_owned())]);
    let text = format!(
        "## Assets\n\n| asset | where |\n|---|---|\n| **gold**: coins | a chest |\n| **peace** | all over |\n\n\
         ## Actors\n\n| actor | can |\n|---|---|\n| **thief** | steal |\n| **ghost** | haunt |\n\n\
         ## What is tried\n\n| actor | asset | action | defence | proof |\n|---|---|---|---|---|\n{rows}\n\
         ## What is not in the table\n\n| actor | asset | why |\n|---|---|---|\n{reasons}"
    );
    faults(&text, &BTreeSet::from(["there".to_owned()]), &documents)
}

/// The one thing that is found says this.
fn assert_found(found: &[String], said: &str) {
    assert!(found.len() == 1 && found[0].contains(said), "not \"{said}\": {found:?}");
}

#[test]
fn control_a_row_without_a_test_is_found() {
    assert_eq!(found(ROWS, REASONS), Vec::<String>::new());
    for (bad, said) in [
        ("| thief | gold | a | b | `gone` |", "there is no test gone"),
        ("| thief | gold | a | b | none |", "no test is named"),
        ("| thief | gold | a | b |", "this is no row"),
        ("| witch | gold | a | b | `there` |", "nobody is \"witch\""),
        ("| thief | silver | a | b | `there` |", "nothing is \"silver\""),
    ] {
        assert_found(&found(&format!("{ROWS}{bad}\n"), REASONS), said);
    }
    let none = BTreeMap::new();
    assert_found(&faults("", &BTreeSet::new(), &none), "there is nobody");
}

#[test]
fn control_an_accepted_risk_that_no_document_tells_is_found() {
    const TOLD: &str = "said in [deeds.md](deeds.md#of-theft-and-a-ghosts-laugh)";
    let row = |defence: &str| found(&format!("{ROWS}| thief | gold | a | {defence} | `there` |\n"), REASONS);
    let reason = |why: &str| found(ROWS, &format!("| ghost | gold | {why} |\n"));
    for tried in [&row as &dyn Fn(&str) -> Vec<String>, &reason] {
        assert_eq!(tried(&format!("accepted; {TOLD}")), Vec::<String>::new());
        for (bad, said) in [
            ("accepted", "no document is named"),
            ("accepted: it lasts as long as the attack", "no document is named"),
            ("c. Accepted: the rest", "no document is named"),
            ("accepted; said in docs/deeds.md", "no document is named"),
            ("accepted; said in [deeds.md](deeds.md)", "no document is named"),
            ("accepted; said in [deeds.md](deeds.md#nowhere)", "docs/deeds.md says nothing under #nowhere"),
            ("accepted; said in [deeds.md](deeds.md#empty)", "docs/deeds.md says nothing under #empty"),
            ("accepted; said in [gone.md](gone.md#empty)", "docs/gone.md says nothing"),
        ] {
            assert_found(&tried(bad), said);
        }
        assert_found(&tried(&format!("accepted; {TOLD}; said in docs/deeds.md")), "no heading is named");
    }
}

#[test]
fn control_an_actor_and_an_asset_without_a_row_are_found() {
    for (reasons, said) in [
        ("", "ghost, gold: neither a row nor a reason"),
        ("| ghost | gold |  |\n", "there is no reason"),
        ("| ghost | gold | as ghost |\n", "nobody's row is \"as ghost\""),
        ("| ghost | gold | as a witch would |\n", "nobody's row is"),
        ("| ghost | gold, peace | it has no pockets |\n", "ghost, peace: a row, and a reason"),
        ("| ghost | gold, silver | it has no pockets |\n", "nothing is \"silver\""),
    ] {
        assert_found(&found(ROWS, reasons), said);
    }
    assert_eq!(found(ROWS, "| ghost | gold | as thief |\n"), Vec::<String>::new());
    let idle = found("| thief | gold, peace | a | b | `there` |\n", "| ghost | gold, peace | as thief |\n");
    assert_found(&idle, "ghost tries nothing");
}
