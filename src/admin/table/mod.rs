//! The routes of the API, in one place: who may call each, what it takes, what it answers, and what is left of it in
//! the trail of what administrators did. The router finds its way by this table, and the OpenAPI document is made of
//! it.
//!
//! A route that is not here is not there. Adding one means a row in the file of its topic and an arm in
//! [`Admin::api`](super::Admin); a test sees to it that neither stands alone.

mod appliance;
mod network;
pub(in crate::admin) mod openapi;
mod pages;
mod partners;
mod people;
mod phones;
mod shared;

use hyper::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};

pub(in crate::admin) use pages::of_page;

use super::accounts::Role;

/// Every route of the API.
pub(in crate::admin) fn routes() -> impl Iterator<Item = &'static Route> {
    [people::ROUTES, phones::ROUTES, shared::ROUTES, network::ROUTES, partners::ROUTES, appliance::ROUTES]
        .into_iter()
        .flatten()
}

/// A route of the API.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) struct Route {
    /// Its method. HEAD is answered as GET is.
    pub(in crate::admin) verb: Verb,
    /// What follows `/api/v1`: a segment in braces is a parameter, and `{name*}` takes all segments that follow.
    pub(in crate::admin) path: &'static str,
    /// Who may call it.
    pub(in crate::admin) needs: Needs,
    /// What it does, in a sentence without its full stop.
    pub(in crate::admin) says: &'static str,
    /// What may stand in its query.
    pub(in crate::admin) query: &'static [Parameter],
    /// What its body is.
    pub(in crate::admin) takes: Content,
    /// Status of a good answer.
    pub(in crate::admin) status: u16,
    /// What a good answer holds.
    pub(in crate::admin) gives: Content,
    /// Whether the document has a version: `ETag` in the answer, `If-Match` where it is changed.
    pub(in crate::admin) versioned: bool,
    /// What is left of it.
    pub(in crate::admin) trail: Trail,
}

/// A method that some route has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::admin) enum Verb {
    /// Reads.
    Get,
    /// Does something, or makes a document.
    Post,
    /// Puts something in the place of what is there.
    Put,
    /// Changes what is named.
    Patch,
    /// Removes.
    Delete,
}

/// Who may make a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum Needs {
    /// Anybody: that is how one becomes somebody.
    Anybody,
    /// Whoever is signed in with an account, for that account.
    Account,
    /// Who has this role, or one above it.
    Role(Role),
    /// Who sits at the box itself: the local socket.
    Console,
}

/// Who makes a call, as far as permission goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum Caller {
    /// Somebody at the box itself.
    Console,
    /// Somebody who is signed in with an account of this role.
    Account(Role),
    /// A program with a token that allows as much as this role.
    Token(Role),
    /// Nobody known.
    Nobody,
}

/// A body.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) enum Content {
    /// None.
    Nothing,
    /// JSON of this form.
    Json(Shape),
    /// Bytes of this content type.
    Bytes(&'static str),
}

/// Describes a type.
pub(in crate::admin) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// What may stand in a query.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) struct Parameter {
    /// Its name.
    pub(in crate::admin) name: &'static str,
    /// What it holds.
    pub(in crate::admin) holds: Holds,
    /// What it means, in a sentence without its full stop.
    pub(in crate::admin) says: &'static str,
}

/// What a parameter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum Holds {
    /// Text.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Choice,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// What is left of a call in the trail of what administrators did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum Trail {
    /// Nothing: it changes nothing and shows no secret.
    Nothing,
    /// What the handler records, with its particulars.
    Own,
    /// This, in words without a full stop, recorded when it is done.
    Says(&'static str),
}

impl Needs {
    /// Whether `caller` may make a call that needs this.
    pub(in crate::admin) fn lets(self, caller: Caller) -> bool {
        match (self, caller) {
            (Self::Anybody, _) | (Self::Console | Self::Role(_), Caller::Console) => true,
            (Self::Account, caller) => matches!(caller, Caller::Account(_)),
            (Self::Role(role), Caller::Account(has) | Caller::Token(has)) => has >= role,
            (Self::Console | Self::Role(_), _) => false,
        }
    }
}

impl Verb {
    /// Its name on the wire.
    pub(in crate::admin) const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl Route {
    const fn new(verb: Verb, path: &'static str, needs: Needs, says: &'static str) -> Self {
        let (query, takes, gives) = (&[], Content::Nothing, Content::Nothing);
        Self { verb, path, needs, says, query, takes, status: 204, gives, versioned: false, trail: Trail::Nothing }
    }

    const fn get(path: &'static str, role: Role, says: &'static str) -> Self {
        Self::new(Verb::Get, path, Needs::Role(role), says)
    }

    /// A change. Its handler records what it did, unless [`Route::says`] does.
    const fn change(verb: Verb, path: &'static str, role: Role, says: &'static str) -> Self {
        let mut route = Self::new(verb, path, Needs::Role(role), says);
        route.trail = Trail::Own;
        route
    }

    const fn post(path: &'static str, role: Role, says: &'static str) -> Self {
        Self::change(Verb::Post, path, role, says)
    }

    const fn put(path: &'static str, role: Role, says: &'static str) -> Self {
        Self::change(Verb::Put, path, role, says)
    }

    const fn patch(path: &'static str, role: Role, says: &'static str) -> Self {
        Self::change(Verb::Patch, path, role, says)
    }

    const fn delete(path: &'static str, role: Role, says: &'static str) -> Self {
        Self::change(Verb::Delete, path, role, says)
    }

    /// For whoever is meant, whatever their role.
    const fn meant_for(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    const fn asks(mut self, query: &'static [Parameter]) -> Self {
        self.query = query;
        self
    }

    const fn takes<T: JsonSchema>(mut self) -> Self {
        self.takes = Content::Json(described::<T>);
        self
    }

    const fn takes_bytes(mut self, kind: &'static str) -> Self {
        self.takes = Content::Bytes(kind);
        self
    }

    const fn gives<T: JsonSchema>(self) -> Self {
        self.answers::<T>(200)
    }

    const fn answers<T: JsonSchema>(mut self, status: u16) -> Self {
        self.status = status;
        self.gives = Content::Json(described::<T>);
        self
    }

    const fn gives_bytes(mut self, kind: &'static str) -> Self {
        self.status = 200;
        self.gives = Content::Bytes(kind);
        self
    }

    const fn versioned(mut self) -> Self {
        self.versioned = true;
        self
    }

    const fn leaves(mut self, trail: Trail) -> Self {
        self.trail = trail;
        self
    }

    /// Its segments.
    pub(in crate::admin) fn segments(&self) -> impl Iterator<Item = Segment> {
        self.path.split('/').filter(|segment| !segment.is_empty()).map(|segment| {
            match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                None => Segment::Word(segment),
                Some(name) => match name.strip_suffix('*') {
                    Some(name) => Segment::Rest(name),
                    None => Segment::Any(name),
                },
            }
        })
    }

    /// How many segments of a path it names, if the path is one of its.
    fn fits(&self, path: &[&str]) -> Option<usize> {
        let mut named = 0;
        let mut given = path.iter();
        for segment in self.segments() {
            match (segment, given.next()) {
                (Segment::Word(word), Some(said)) if word == *said => named += 1,
                (Segment::Any(_), Some(_)) => {}
                (Segment::Rest(_), Some(_)) => return Some(named),
                _ => return None,
            }
        }
        given.next().is_none().then_some(named)
    }

    /// What stands in a path in the place of the parameter with this name.
    pub(in crate::admin) fn parameter<'p>(&self, name: &str, path: &[&'p str]) -> Option<&'p str> {
        let at = self.segments().position(|segment| matches!(segment, Segment::Any(own) if own == name))?;
        path.get(at).copied()
    }
}

/// A segment of a route's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum Segment {
    /// This word.
    Word(&'static str),
    /// Anything.
    Any(&'static str),
    /// Anything, and all that follows.
    Rest(&'static str),
}

/// What the table says of a call.
#[derive(Debug, Clone)]
pub(in crate::admin) enum Found {
    /// This route.
    Route(&'static Route),
    /// The path takes these methods and no other.
    WrongMethod(String),
    /// No such path.
    Nothing,
}

/// The route of a call; `path` is what follows `/api/v1`. Of several that fit, the one that names more segments.
pub(in crate::admin) fn find(method: &Method, path: &[&str]) -> Found {
    let fitting = || routes().filter_map(|route| Some((route.fits(path)?, route)));
    let Some(closest) = fitting().map(|(named, _)| named).max() else { return Found::Nothing };
    let mut verbs = Vec::new();
    for (_, route) in fitting().filter(|(named, _)| *named == closest) {
        if route.verb.name() == method.as_str() {
            return Found::Route(route);
        }
        verbs.push(route.verb.name());
    }
    verbs.dedup();
    Found::WrongMethod(match verbs.as_slice() {
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        all => all.concat(),
    })
}

fn described<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Where a list is cut off, and where it goes on.
const PAGE: &[Parameter] = &[LIMIT, AFTER];
const LIMIT: Parameter = number("limit", "How many at most: 1 to 1000, usually 100");
const AFTER: Parameter = text("after", "Go on behind this: what the answer before has in `next`");

const fn text(name: &'static str, says: &'static str) -> Parameter {
    Parameter { name, holds: Holds::Text, says }
}

const fn number(name: &'static str, says: &'static str) -> Parameter {
    Parameter { name, holds: Holds::Number, says }
}

const fn choice(name: &'static str, says: &'static str) -> Parameter {
    Parameter { name, holds: Holds::Choice, says }
}

const fn one_of(name: &'static str, words: &'static [&'static str], says: &'static str) -> Parameter {
    Parameter { name, holds: Holds::OneOf(words), says }
}

#[cfg(test)]
mod tests;
