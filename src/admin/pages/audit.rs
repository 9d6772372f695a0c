//! The page of who did what.

use hyper::StatusCode;
use minijinja::context;

use super::render::{Frame, segment, value};
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::api::mac_in;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::admin::reading::look::EventQuery;
use crate::model::Door;

/// Rows on the page.
const ROWS: usize = 100;

impl Admin {
    /// What was done by accounts, by tokens and on the box itself, newest first.
    pub(in crate::admin) fn audit_page(&self, call: &Call, frame: &Frame) -> Result<Answer, Problem> {
        let typed = |name: &str| call.query.of(name).unwrap_or_default().chars().take(64).collect::<String>();
        let (by, mac, outcome) = (typed("by"), typed("mac"), typed("outcome"));
        let (phone, wrong) = match (!mac.is_empty()).then(|| mac_in(&mac)).transpose() {
            Ok(phone) => (phone, None),
            Err(problem) => (None, Some(problem.detail)),
        };
        let query = EventQuery {
            mac: phone,
            before: call.query.number("before")?,
            outcome: Some(outcome.clone()).filter(|outcome| !outcome.is_empty()),
            door: Some(Door::Admin),
            by: Some(by.clone()).filter(|by| !by.is_empty()),
            limit: ROWS,
            ..EventQuery::default()
        };
        let events = self.events(&query);
        let last = events.last().filter(|_| events.len() == ROWS);
        let older = last.map(|event| {
            let (by, mac, outcome) = (segment(&by), segment(&mac), segment(&outcome));
            format!("/audit?by={by}&mac={mac}&outcome={outcome}&before={}", event.sequence)
        });
        let accounts = self.accounts_shown().accounts.into_iter().map(|account| account.name);
        let tokens = self.tokens_shown().tokens.into_iter().map(|token| format!("token {}", token.name));
        let content = context! {
            events => value(&events),
            people => accounts.chain(tokens).collect::<Vec<_>>(),
            filter => context! { by, mac, outcome },
            older,
            wrong,
        };
        Ok(Answer::html(StatusCode::OK, self.0.pages.render("audit.html", frame, "audit", false, content)?))
    }
}
