//! The table of routes against what answers: each of its routes is answered, and by whom it must not be called it is
//! not.

use super::*;
use crate::admin::Role;
use crate::admin::table::{self, Caller, Holds, Needs, Route, Segment};

/// A path of this route, with something in the place of each parameter.
fn path_of(route: &Route) -> String {
    let mut path = "/api/v1".to_owned();
    for segment in route.segments() {
        path.push('/');
        path.push_str(match segment {
            Segment::Word(word) => word,
            Segment::Any("mac") => "805ec0123401",
            Segment::Any("network") => "office",
            Segment::Any("name" | "group") => "Branch",
            Segment::Any(_) | Segment::Rest(_) => "some",
        });
    }
    path
}

/// Status and, of a refusal, its code. A stream of news is not waited for.
async fn outcome(ground: &Ground, from: Origin, request: hyper::http::request::Builder) -> (StatusCode, String) {
    let request = request.header("host", "box.lan").body(Full::new(Bytes::new())).unwrap();
    let response = ground.admin.answer(request, from).await;
    let (head, body) = response.into_parts();
    if head.headers.get("content-type").is_none_or(|kind| kind != "application/problem+json") {
        assert!(head.status.is_success(), "a refusal that is no problem: {}", head.status);
        return (head.status, String::new());
    }
    let problem: Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(problem["status"], head.status.as_u16());
    assert!(!problem["detail"].as_str().unwrap().is_empty() && !problem["next"].as_str().unwrap().is_empty());
    (head.status, problem["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn every_route_of_the_table_is_answered() {
    let ground = Ground::new().await;
    ground.claim().await;
    ground.store.commit(vec![Write::PutPhone { phone: test_data::phone(1), expect: None }]).await.unwrap();
    for route in table::routes() {
        // With the phone taken off the list the rest of the table would meet another box.
        let own = matches!(route.needs, Needs::Account);
        let removes = route.verb == table::Verb::Delete && route.path == "/phones/{mac}";
        if own || removes {
            continue;
        }
        let request = Request::builder().method(route.verb.name()).uri(path_of(route));
        let (status, code) = outcome(&ground, Origin::Local, request).await;
        let called = format!("{} {}", route.verb.name(), route.path);
        assert!(!matches!(code.as_str(), "nothing-here" | "wrong-method"), "{called} is in the table alone");
        assert!(!matches!(code.as_str(), "not-allowed" | "local-only"), "{called} is refused on the box itself");
        if status.is_success() {
            let emptied = called == "POST /claim";
            assert!(status.as_u16() == route.status || emptied, "{called} is answered with {status}");
        }
    }
    assert_eq!(ground.get("nothing").await.code(), "nothing-here");
    let request = Request::put("/api/v1/status");
    assert_eq!(ground.call(Origin::Local, request, "").await.code(), "wrong-method");
}

#[tokio::test]
async fn every_route_refuses_whom_it_must() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let mut tokens = Vec::new();
    for (scope, role) in [("read", Role::Viewer), ("operate", Role::Operator), ("administer", Role::Administrator)] {
        let made = ground.post("tokens", &json!({ "name": scope, "scope": scope })).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        tokens.push((made.json()["token"].as_str().unwrap().to_owned(), role));
    }
    let mut refused = 0;
    for route in table::routes() {
        let called = format!("{} {}", route.verb.name(), route.path);
        let request = || Request::builder().method(route.verb.name()).uri(path_of(route));
        let nobody = outcome(&ground, BROWSER, request()).await;
        assert_eq!(nobody.1 == "sign-in-first", !route.needs.lets(Caller::Nobody), "{called}: {nobody:?}");
        for (token, role) in &tokens {
            if route.needs.lets(Caller::Token(*role)) {
                continue;
            }
            refused += 1;
            let token = format!("Bearer {token}");
            let (status, code) = outcome(&ground, BROWSER, request().header("authorization", &token)).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{called} for {role:?}");
            assert!(matches!(code.as_str(), "not-allowed" | "local-only" | "no-account"), "{called}: {code}");
        }
        // A page of somebody else's: the cookie comes along, the token of the session does not.
        if route.verb != table::Verb::Get && route.needs != Needs::Console {
            let forged = request().header("cookie", &browser.cookie).header("origin", "https://evil.example");
            assert_eq!(outcome(&ground, BROWSER, forged).await.1, "not-from-our-page", "{called}");
        }
    }
    assert!(refused > 100, "{refused}");
    let events = ground.get("events?kind=admin").await;
    assert!(!events.text.contains("admin.did"), "nothing of all this was done: {}", events.text);
}

#[test]
fn what_a_query_may_hold_is_said_with_its_words() {
    for route in table::routes() {
        for parameter in route.query {
            assert!(!parameter.says.is_empty() && !parameter.says.ends_with('.'), "{}", route.path);
            assert!(!matches!(parameter.holds, Holds::OneOf(words) if words.is_empty()), "{}", route.path);
        }
    }
}

/// Beside what the document has always said: what may be asked is in it, and what is asked is answered.
#[tokio::test]
async fn lists_are_narrowed_as_the_document_says() {
    let ground = Ground::new().await;
    assert_eq!(ground.post("phones", &draft("805ec0123456")).await.status, StatusCode::CREATED);
    ground.event(|event| event.reason == Reason::PhoneAdded).await;
    let document = ground.get("openapi.json").await.json();
    for (list, parameter, some, none) in [
        ("phones", "organisation", "Branch", ""),
        ("phones", "brand", "", "acme"),
        ("events", "outcome", "done", "refused"),
    ] {
        let parameters = document["paths"][format!("/{list}")]["get"]["parameters"].as_array().unwrap();
        assert!(parameters.iter().any(|known| known["name"] == parameter), "{parameter} of {list} is not in it");
        for (value, expected) in [(some, 1), (none, 0)].into_iter().filter(|(value, _)| !value.is_empty()) {
            let found = ground.get(&format!("{list}?{parameter}={value}")).await.json();
            assert_eq!(found[list].as_array().unwrap().len(), expected, "{parameter}={value}: {found}");
        }
    }
    assert_eq!(ground.get("phones?organisation=Nobody").await.code(), "organisation-unknown");
    assert_eq!(ground.get("events?outcome=odd").await.code(), "malformed");
}
