//! Desks: what answers the administrator's calls about a partner.

use std::sync::Arc;

use hyper::StatusCode;

use crate::admin::{self, Order, Problem, Said};

/// Answers calls about one partner.
pub(super) trait Desk: Clone + Send + Sync + 'static {
    /// Answers a call; `path` is what follows the partner's name.
    fn answer(&self, order: &Order, path: &[&str]) -> impl Future<Output = Result<Said, Problem>> + Send;

    /// As the page and the command line call it.
    fn service(self) -> admin::Desk {
        Arc::new(move |order| {
            let desk = self.clone();
            Box::pin(async move {
                let path: Vec<&str> = order.path.iter().map(String::as_str).collect();
                desk.answer(&order, &path).await
            })
        })
    }
}

/// What was sent cannot be taken: `what` says why, without capital and full stop.
pub(super) fn unfit(what: &str) -> Problem {
    let detail = sentence(what);
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unfit", detail, "Correct what is named and send it again.")
}

/// With capital and full stop.
pub(super) fn sentence(what: &str) -> String {
    let mut letters = what.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
