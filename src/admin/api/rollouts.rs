use hyper::{Method, StatusCode};

use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::Problem;

impl Admin {
    /// Answers calls about roll-outs; `path` is what follows `/api/v1/rollouts`.
    pub(super) async fn api_rollouts(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        match (path, &call.method) {
            ([], &Method::GET) => Ok(Answer::json(StatusCode::OK, &self.rollouts())),
            ([], &Method::POST) => Ok(Answer::json(StatusCode::CREATED, &self.plan_rollout(call.json()?).await?)),
            ([id], &Method::GET) => Ok(Answer::json(StatusCode::OK, &self.shown_rollout(&self.rollout_in(id)?, true))),
            ([id], &Method::DELETE) => Ok(Answer::json(StatusCode::OK, &self.remove_rollout(id).await?)),
            ([id, "start"], _) => Ok(Answer::json(StatusCode::OK, &self.start_rollout(id).await?)),
            ([id, "stop"], _) => Ok(Answer::json(StatusCode::OK, &self.stop_rollout(id).await?)),
            ([id, "back"], _) => Ok(Answer::json(StatusCode::OK, &self.roll_back(id).await?)),
            _ => Err(Problem::nothing_here(&format!("/api/v1/rollouts/{}", path.join("/")))),
        }
    }
}
