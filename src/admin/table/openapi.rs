//! The API as an OpenAPI 3.1 document, made of the table of routes and of the types that the code reads and writes.

use std::borrow::Cow;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::super::problem::Problem;
use super::{Content, Holds, Needs, Parameter, Route, Segment, Verb, routes};

/// The document; `version` is that of the program.
pub(in crate::admin) fn document(version: &str) -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = Cow::Borrowed("/components/schemas"))
        .into_generator();
    let problem = generator.subschema_for::<Problem>();
    let mut paths = Map::new();
    for route in routes() {
        let path = paths.entry(shown_path(route)).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.verb.name().to_ascii_lowercase(), operation(route, &mut generator));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Block66",
            "version": version,
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/api/v1" }],
        "security": [{ "token": [] }, { "session": [], "csrf": [] }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "responses": {
                "Problem": {
                    "description": "Why it was not done, for a program by its code and for a person by its sentences",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": super::super::route::COOKIE },
                "csrf": { "type": "apiKey", "in": "header", "name": "X-CSRF-Token" },
            },
        },
    })
}

const ABOUT: &str = "Everything that the page and the command line do. Programs send a token as \
`Authorization: Bearer`; browsers have a session, and send its token in `X-CSRF-Token` with what changes something. \
Documents come with their version in `ETag`: a change with `If-Match` is refused when it is not the newest. \
Long lists take `limit`, and say in `next` where to go on. `x-needs` says who may call.";

/// The path as the document has it: `{name}` also where all segments that follow are meant, with their slashes escaped.
pub(super) fn shown_path(route: &Route) -> String {
    route.path.replace("*}", "}")
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": name(route),
        "summary": route.says,
        "tags": [topic(route)],
        "x-needs": needs(route.needs),
        "responses": responses(route, generator),
    });
    let Some(fields) = operation.as_object_mut() else { return operation };
    let parameters: Vec<Value> = path_parameters(route).chain(query(route.query)).chain(if_match(route)).collect();
    if !parameters.is_empty() {
        fields.insert("parameters".into(), parameters.into());
    }
    match route.takes {
        Content::Nothing => {}
        Content::Json(shape) => {
            let content = json!({ "application/json": { "schema": shape(generator) } });
            fields.insert("requestBody".into(), json!({ "required": true, "content": content }));
        }
        Content::Bytes(kind) => {
            fields.insert("requestBody".into(), json!({ "required": true, "content": { kind: {} } }));
        }
    }
    if route.needs == Needs::Anybody {
        fields.insert("security".into(), json!([]));
    }
    operation
}

fn responses(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let mut good = json!({ "description": "Done" });
    if let Some(fields) = good.as_object_mut() {
        match route.gives {
            Content::Nothing => {}
            Content::Json(shape) => {
                fields.insert("content".into(), json!({ "application/json": { "schema": shape(generator) } }));
            }
            Content::Bytes(kind) => {
                fields.insert("content".into(), json!({ kind: {} }));
            }
        }
        if route.versioned {
            let tag = json!({ "description": "Version of the document", "schema": { "type": "string" } });
            fields.insert("headers".into(), json!({ "ETag": tag }));
        }
    }
    let problem = json!({ "$ref": "#/components/responses/Problem" });
    json!({ route.status.to_string(): good, "4XX": problem, "5XX": problem })
}

fn path_parameters(route: &Route) -> impl Iterator<Item = Value> {
    route.segments().filter_map(|segment| {
        let (name, says) = match segment {
            Segment::Word(_) => return None,
            Segment::Any(name) => (name, meaning(name)),
            Segment::Rest(name) => (name, "Its name; slashes in it are escaped, or stand as they are"),
        };
        let mut schema = json!({ "type": "string", "minLength": 1 });
        if let (Some(fields), "mac") = (schema.as_object_mut(), name) {
            fields.insert("example".into(), "80:5e:c0:12:34:56".into());
        }
        Some(json!({ "name": name, "in": "path", "required": true, "description": says, "schema": schema }))
    })
}

fn meaning(parameter: &str) -> &'static str {
    match parameter {
        "mac" => "MAC address, in any case and with any separators",
        "id" | "token" => "Identity",
        "account" | "name" | "group" => "Name, or identity",
        "book" => "Number, name or identity",
        "sha256" => "Fingerprint",
        "network" => "Name of the network",
        _ => "Which one",
    }
}

fn query(parameters: &'static [Parameter]) -> impl Iterator<Item = Value> {
    parameters.iter().map(|parameter| {
        let schema = match parameter.holds {
            Holds::Text => json!({ "type": "string" }),
            Holds::Number => json!({ "type": "integer", "minimum": 0 }),
            Holds::Choice => json!({ "type": "boolean" }),
            Holds::OneOf(words) => json!({ "type": "string", "enum": words }),
        };
        json!({ "name": parameter.name, "in": "query", "description": parameter.says, "schema": schema })
    })
}

fn if_match(route: &Route) -> Option<Value> {
    let changes = route.versioned && route.verb != Verb::Get;
    changes.then(|| {
        let says = "Version that was read, as its ETag said; the newest counts when left out";
        json!({ "name": "If-Match", "in": "header", "description": says, "schema": { "type": "string" } })
    })
}

fn needs(needs: Needs) -> &'static str {
    match needs {
        Needs::Anybody => "anybody",
        Needs::Account => "account",
        Needs::Role(role) => role.word(),
        Needs::Console => "console",
    }
}

fn topic(route: &Route) -> String {
    let first = route.path.split('/').nth(1).unwrap_or_default();
    first.trim_end_matches(".json").to_owned()
}

/// `get-phones-mac-settings`.
fn name(route: &Route) -> String {
    let mut name = route.verb.name().to_ascii_lowercase();
    for segment in route.segments() {
        name.push('-');
        match segment {
            Segment::Word(word) => name.push_str(&word.replace('.', "-")),
            Segment::Any(parameter) | Segment::Rest(parameter) => name.push_str(parameter),
        }
    }
    name
}
