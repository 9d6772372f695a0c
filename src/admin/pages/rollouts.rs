use minijinja::context;
use minijinja::value::Serde;

use super::render::Frame;
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::Form;
use crate::admin::problem::Problem;
use crate::admin::rollouts::draft::RolloutDraft;

impl Admin {
    /// The page of firmware: who runs what, roll-outs, images.
    pub(in crate::admin) fn firmware_page(&self, frame: &Frame) -> Result<String, Problem> {
        let content = context! {
            versions => minijinja::Value::from(Serde(&self.versions())),
            rollouts => minijinja::Value::from(Serde(&self.rollouts().rollouts)),
            images => minijinja::Value::from(Serde(&self.images())),
            brands => self.brands(),
        };
        self.0.pages.render("firmware.html", frame, "firmware", true, content)
    }

    /// The page of one roll-out.
    pub(in crate::admin) fn rollout_page(&self, frame: &Frame, id: &str) -> Result<String, Problem> {
        let rollout = self.shown_rollout(&self.rollout_in(id)?, true);
        let content = context! { rollout => minijinja::Value::from(Serde(&rollout)) };
        self.0.pages.render("rollout.html", frame, "firmware", true, content)
    }

    /// Plans a roll-out of an image to all phones of a model, with the usual plan.
    pub(in crate::admin) async fn plan_by_form(&self, form: &Form) -> Result<Answer, Problem> {
        let text = |name| form.of(name).map(str::to_owned);
        let draft =
            RolloutDraft { image: text("image").unwrap_or_default(), model: text("model"), ..RolloutDraft::default() };
        let planned = self.plan_rollout(draft).await?;
        Ok(Answer::see_other(&format!("/rollouts/{}?done=planned", planned.id)))
    }

    /// What the buttons of a roll-out's page do.
    pub(in crate::admin) async fn rollout_by_form(&self, id: &str, order: &str) -> Result<Answer, Problem> {
        match order {
            "start" => drop(self.start_rollout(id).await?),
            "stop" => drop(self.stop_rollout(id).await?),
            "back" => drop(self.roll_back(id).await?),
            "remove" => {
                self.remove_rollout(id).await?;
                return Ok(Answer::see_other("/firmware"));
            }
            _ => return Err(Problem::nothing_here(&format!("/rollouts/{id}/{order}"))),
        }
        let place = if order == "back" { "/firmware?done=back".to_owned() } else { format!("/rollouts/{id}") };
        Ok(Answer::see_other(&place))
    }
}
