use std::collections::BTreeSet;

use super::super::accounts::Role;
use super::*;

const CALLERS: [Caller; 8] = [
    Caller::Console,
    Caller::Account(Role::Viewer),
    Caller::Account(Role::Operator),
    Caller::Account(Role::Administrator),
    Caller::Token(Role::Viewer),
    Caller::Token(Role::Operator),
    Caller::Token(Role::Administrator),
    Caller::Nobody,
];

/// Each route with each caller, as a table that was written by hand: who may is said here once more, by words.
#[test]
fn each_route_lets_whom_it_must() {
    let operators = [
        "POST /phones/{mac}/first-contact",
        "POST /phones/{mac}/resync",
        "POST /phones/{mac}/reboot",
        "POST /phones/{mac}/rehearse",
        "POST /waiting/{mac}/adopt",
        "POST /dhcp/{network}/ask",
    ];
    let console = ["GET /health", "GET /organisations/{name}/login"];
    let anybody = ["POST /claim", "POST /session"];
    let own = ["POST /account/password", "POST /account/factor", "PUT /account/factor", "POST /account/factor/remove"];
    // Reads that show what a viewer need not see.
    let secret = [
        "GET /accounts",
        "GET /accounts/{account}",
        "GET /tokens",
        "GET /audit",
        "GET /phones/{mac}/uploads/{name*}",
        "GET /backup/kept",
        "GET /backup/kept/{name}",
        "GET /support",
        "GET /outlets",
        "GET /partners/{partner}/{rest*}",
    ];
    for route in routes() {
        let call = format!("{} {}", route.verb.name(), route.path);
        let listed = |list: &[&str]| list.contains(&call.as_str());
        for caller in CALLERS {
            let may = match caller {
                Caller::Console => !listed(&own),
                _ if listed(&anybody) => true,
                Caller::Nobody => false,
                _ if listed(&console) => false,
                Caller::Account(_) if listed(&own) => true,
                Caller::Token(_) if listed(&own) => false,
                Caller::Account(role) | Caller::Token(role) => match role {
                    Role::Administrator => true,
                    Role::Operator if listed(&operators) => true,
                    Role::Operator | Role::Viewer => {
                        (route.verb == Verb::Get && !listed(&secret)) || call == "DELETE /session"
                    }
                },
            };
            assert_eq!(route.needs.lets(caller), may, "{call} for {caller:?}");
        }
    }
}

#[test]
fn more_permission_never_lets_less() {
    for needs in [Needs::Anybody, Needs::Console, Needs::Account].into_iter().chain(Role::ALL.map(Needs::Role)) {
        for roles in Role::ALL.windows(2) {
            for kind in [Caller::Account, Caller::Token] {
                assert!(!needs.lets(kind(roles[0])) || needs.lets(kind(roles[1])), "{needs:?} {roles:?}");
            }
        }
    }
}

#[test]
fn no_route_stands_twice_and_each_changes_nothing_or_leaves_a_trail() {
    let mut seen = BTreeSet::new();
    for route in routes() {
        let call = format!("{} {}", route.verb.name(), route.path);
        assert!(seen.insert(call.clone()), "{call} stands twice");
        assert!(route.path.starts_with('/') && !route.says.ends_with('.'), "{call}");
        assert_eq!(route.status == 204, matches!(route.gives, Content::Nothing), "{call}");
        // What these leave is left by what comes after them.
        let untold = ["DELETE /session", "POST /account/factor", "POST /overlays/try"];
        let told = route.trail != Trail::Nothing;
        assert_eq!(told, route.verb != Verb::Get && !untold.contains(&call.as_str()) || is_told(&call), "{call}");
    }
}

/// Reads that show secrets.
fn is_told(call: &str) -> bool {
    let told = [
        "GET /phones/export",
        "GET /phones/{mac}/uploads/{name*}",
        "GET /organisations/{name}/login",
        "GET /backup/kept/{name}",
        "GET /support",
    ];
    told.contains(&call)
}

#[test]
fn finds_the_route_that_names_most() {
    let found = |method: &str, path: &str| {
        let path: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match find(&method.parse().unwrap(), &path) {
            Found::Route(route) => route.path.to_owned(),
            Found::WrongMethod(allowed) => format!("only {allowed}"),
            Found::Nothing => "nothing".into(),
        }
    };
    for (method, path, expected) in [
        ("GET", "/phones", "/phones"),
        ("GET", "/phones/export", "/phones/export"),
        ("GET", "/phones/805ec0123456", "/phones/{mac}"),
        ("POST", "/phones/import", "/phones/import"),
        ("GET", "/phones/import", "only POST"),
        ("PUT", "/phones/805ec0123456", "only GET, PATCH and DELETE"),
        ("GET", "/phones/805ec0123456/files/a/b.cfg", "/phones/{mac}/files/{name*}"),
        ("GET", "/phones/805ec0123456/files", "/phones/{mac}/files"),
        ("GET", "/phones/805ec0123456/uploads", "nothing"),
        ("GET", "/firmware/settings", "/firmware/settings"),
        ("BREW", "/status", "only GET"),
        ("GET", "/nothing", "nothing"),
        ("GET", "/", "nothing"),
        ("GET", "/status/more", "nothing"),
    ] {
        assert_eq!(found(method, path), expected, "{method} {path}");
    }
}

#[test]
fn the_document_has_each_route_with_its_role_and_no_other() {
    let document = openapi::document("1.2.3");
    assert_eq!(document["info"]["version"], "1.2.3");
    let mut written = BTreeSet::new();
    for (path, verbs) in document["paths"].as_object().unwrap() {
        for (verb, operation) in verbs.as_object().unwrap() {
            let needs = operation["x-needs"].as_str().unwrap();
            written.insert(format!("{} {path} {needs}", verb.to_uppercase()));
        }
    }
    let known: BTreeSet<String> = routes()
        .map(|route| {
            let needs = match route.needs {
                Needs::Anybody => "anybody",
                Needs::Account => "account",
                Needs::Role(role) => role.word(),
                Needs::Console => "console",
            };
            format!("{} {} {needs}", route.verb.name(), openapi::shown_path(route))
        })
        .collect();
    assert_eq!(written, known);
    let names: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|verbs| verbs.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "two operations with one name");
}

/// Every `$ref` leads somewhere, and what leads somewhere is in this document.
#[test]
fn the_document_refers_to_what_it_has() {
    fn look(value: &serde_json::Value, document: &serde_json::Value, found: &mut usize) {
        match value {
            serde_json::Value::Object(fields) => {
                if let Some(place) = fields.get("$ref").and_then(serde_json::Value::as_str) {
                    let pointer = place.strip_prefix('#').unwrap_or_else(|| panic!("{place} is elsewhere"));
                    assert!(document.pointer(pointer).is_some(), "{place} leads nowhere");
                    *found += 1;
                }
                fields.values().for_each(|value| look(value, document, found));
            }
            serde_json::Value::Array(values) => values.iter().for_each(|value| look(value, document, found)),
            _ => {}
        }
    }
    let document = openapi::document("1.2.3");
    let mut found = 0;
    look(&document, &document, &mut found);
    assert!(found > 200, "{found} references");
}

#[test]
fn pages_are_for_viewers_and_forms_for_administrators_unless_said_otherwise() {
    let role = |method: &str, path: &str| {
        let path: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        of_page(&method.parse().unwrap(), &path).role
    };
    for (method, path, expected) in [
        ("GET", "/", Role::Viewer),
        ("GET", "/phones/805ec0123456/files", Role::Viewer),
        ("GET", "/phones/805ec0123456/uploads/a/b.xml", Role::Administrator),
        ("GET", "/accounts", Role::Administrator),
        ("POST", "/accounts", Role::Administrator),
        ("POST", "/sign-out", Role::Viewer),
        ("POST", "/phones/805ec0123456/resync", Role::Operator),
        ("POST", "/phones/805ec0123456/start-over", Role::Operator),
        ("POST", "/phones/805ec0123456/remove", Role::Administrator),
        ("POST", "/phones/805ec0123456/reveal", Role::Administrator),
        ("POST", "/phones/resync", Role::Administrator),
        ("POST", "/waiting/805ec0123456/adopt", Role::Operator),
        ("POST", "/what/nobody/knows", Role::Administrator),
    ] {
        assert_eq!(role(method, path), expected, "{method} {path}");
    }
}
