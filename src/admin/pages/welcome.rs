//! The first visit from its third step on: the name, the network, the phones. The first two are claiming the box.
//!
//! Which step comes next is kept, so that a visit goes on where it was left, in whichever browser.

use minijinja::context;

use hyper::StatusCode;

use super::networks::strangers;
use super::render::{Frame, value};
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Form};
use crate::admin::editing::draft::name_of;
use crate::admin::editing::settings::SettingsEdit;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::route::Who;
use crate::admin::speech::said;
use crate::model::settings::Zone;
use crate::store::Write;

/// Name of the setting that holds the next step, for as long as the first visit is not over.
const NEXT_STEP: &str = "admin.first-visit";
/// The steps that come after claiming the box.
const STEPS: std::ops::RangeInclusive<u8> = 3..=5;

impl Admin {
    /// The step that comes next, while the first visit is not over.
    pub(in crate::admin) fn first_visit(&self) -> Option<u8> {
        let step = self.0.store.setting(NEXT_STEP)?.as_u64()?;
        u8::try_from(step).ok().filter(|step| STEPS.contains(step))
    }

    /// The box was claimed on the page: what comes next is its name.
    pub(in crate::admin) async fn begin_first_visit(&self) -> Result<(), Problem> {
        self.set_step(*STEPS.start()).await
    }

    async fn set_step(&self, step: u8) -> Result<(), Problem> {
        let write = if STEPS.contains(&step) {
            Write::PutSetting { key: NEXT_STEP.into(), value: step.into() }
        } else {
            Write::DeleteSetting(NEXT_STEP.into())
        };
        Ok(self.0.store.commit(vec![write]).await?)
    }

    /// What is wrong with a form is shown with what was typed into it.
    pub(in crate::admin) fn welcome_page(
        &self,
        frame: &Frame,
        step: u8,
        wrong: Option<(&Problem, &Form)>,
    ) -> Result<String, Problem> {
        let organisation = self.organisation(None);
        let typed = |name: &str| wrong.and_then(|(_, form)| form.of(name)).map(str::to_owned);
        let name = typed("name").or_else(|| organisation.as_ref().map(|organisation| organisation.name.clone()));
        let zone = typed("zone").or_else(|| self.zone().map(|zone| zone.name().to_owned()));
        let errors: Vec<FieldError> = wrong.iter().flat_map(|(problem, _)| problem.errors.clone()).collect();
        let problem = wrong.map(|(problem, _)| problem).filter(|problem| problem.errors.is_empty());
        let sightings = self.sightings();
        let content = context! {
            step,
            values => context! { name, zone },
            zones => Zone::all().map(Zone::name).collect::<Vec<_>>(),
            networks => value(&self.status(&self.listing(), false).networks),
            dhcp => value(&self.dhcp()),
            strangers => value(&strangers(&sightings)),
            waiting => self.waiting().waiting.len(),
            total => self.roster().len(),
            errors => value(&errors),
            problem => value(&problem),
        };
        self.0.pages.render("welcome.html", frame, "welcome", step == 4, content)
    }

    pub(in crate::admin) async fn welcome_form(&self, call: &Call, who: &Who, form: &Form) -> Result<Answer, Problem> {
        let Some(step) = self.first_visit() else { return Ok(Answer::see_other("/")) };
        // A form of a step that is over, as by the browser's way back, leads to where the visit is.
        if form.of("step").and_then(|said| said.parse::<u8>().ok()) != Some(step) {
            return Ok(Answer::see_other("/welcome"));
        }
        if step == 3
            && let Err(problem) = self.name_the_branch(call, form).await
        {
            let html = self.welcome_page(&self.frame(who), step, Some((&problem, form)))?;
            return Ok(Answer::html(StatusCode::UNPROCESSABLE_ENTITY, html));
        }
        self.set_step(step + 1).await?;
        Ok(Answer::see_other(if step == *STEPS.end() { "/?done=visit-over" } else { "/welcome" }))
    }

    /// Name and time zone of the first organisation; the clock of whoever stands before the box vouches for the box's.
    async fn name_the_branch(&self, call: &Call, form: &Form) -> Result<(), Problem> {
        let name = name_of(form.of("name").map(str::to_owned)).map_err(Problem::fields)?;
        let zone = form.of("zone").map(str::trim);
        let known = zone.map(|zone| {
            Zone::named(zone).ok_or_else(|| {
                Problem::fields(vec![FieldError::new(
                    "zone",
                    said(self.1, "There is no such time zone; Europe/Berlin is one."),
                )])
            })
        });
        let known = known.transpose()?;
        if let Some(time) = form.of("time").filter(|_| !self.0.clock.now().trusted) {
            // A clock that differs stays unconfirmed, and the overview says so.
            let _ = self.vouch(time, call.from);
        }
        let organisation = self.organisation(None).ok_or_else(|| Problem::organisation_unknown(&name))?;
        let edit = SettingsEdit {
            set: known.map(|zone| ("regional.time_zone".to_owned(), zone.name().into())).into_iter().collect(),
            ..SettingsEdit::default()
        };
        let change = |organisation: &mut crate::model::Organisation| {
            organisation.name.clone_from(&name);
            edit.apply(&mut organisation.settings, &self.0.facts.registry).map_err(Problem::fields)
        };
        self.edit_organisation(organisation.id, None, call.from, change).await.map(drop)
    }
}
