use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};

use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::editing::draft::{OrganisationDraft, OrganisationEdit, name_of};
use crate::admin::problem::Problem;
use crate::admin::{Admin, types};
use crate::model::{Id, Login, Organisation, Reason, Secret, Settings};
use crate::store::Write;
use crate::sys::random;

/// Characters of an organisation's password: 142 bits.
const PASSWORD: usize = 24;
/// Characters at the end of a user name that make it nobody else's.
const DISTINCTION: usize = 6;

impl Admin {
    pub(super) fn api_organisations(&self) -> Result<Answer, Problem> {
        Ok(Answer::json(StatusCode::OK, &types::Organisations { organisations: self.organisations() }))
    }

    /// A new organisation, with a login of its own.
    pub(super) async fn api_add_organisation(&self, call: &Call) -> Result<Answer, Problem> {
        let (name, policy) = call.json::<OrganisationDraft>()?.check().map_err(Problem::fields)?;
        let now = self.0.clock.now().wall;
        let organisation = Organisation {
            id: random::id(now),
            version: 0,
            origin: self.0.facts.box_id,
            login: Login { user: user(&name), password: Secret::new(random::token(PASSWORD)) },
            name,
            policy,
            settings: Settings::NONE,
            created: now,
        };
        let id = organisation.id;
        self.0.store.commit(vec![Write::PutOrganisation { organisation, expect: Some(0) }]).await?;
        self.record_document(Reason::OrganisationAdded, id, call.from);
        let place = format!("/api/v1/organisations/{id}");
        let answer = self.organisation_answer(StatusCode::CREATED, id)?;
        Ok(match HeaderValue::from_str(&place) {
            Ok(place) => answer.with(header::LOCATION, place),
            Err(_) => answer,
        })
    }

    /// One organisation: shown, changed, or removed when it has no phone and is not the only one.
    pub(super) async fn api_organisation(&self, call: &Call, name: &str) -> Result<Answer, Problem> {
        let known = self.organisation(Some(name)).ok_or_else(|| Problem::organisation_unknown(name))?;
        match call.method {
            Method::GET => self.organisation_answer(StatusCode::OK, known.id),
            Method::DELETE => {
                let shown = self.organisation_answer(StatusCode::OK, known.id)?;
                self.remove_organisation(&known, call.from).await?;
                Ok(shown)
            }
            _ => {
                let OrganisationEdit { name, policy } = call.json()?;
                let name = name.map(|name| name_of(Some(name))).transpose().map_err(Problem::fields)?;
                let change = |organisation: &mut Organisation| {
                    organisation.name = name.clone().unwrap_or_else(|| organisation.name.clone());
                    organisation.policy = policy.unwrap_or(organisation.policy);
                    Ok(())
                };
                let changed = self.edit_organisation(known.id, call.expected()?, call.from, change).await?;
                self.organisation_answer(StatusCode::OK, changed.id)
            }
        }
    }

    async fn remove_organisation(&self, organisation: &Organisation, from: Origin) -> Result<(), Problem> {
        // Of two that are removed at once one may be the last.
        let _one_at_a_time = self.0.setting.lock().await;
        if self.0.store.organisations().len() <= 1 {
            let (detail, next) = ("This is the only organisation of the box.", "Give it another name instead.");
            return Err(Problem::new(StatusCode::CONFLICT, "last-organisation", detail, next));
        }
        self.0.store.commit(vec![Write::DeleteOrganisation(organisation.id)]).await?;
        let what = format!("organisation \"{}\"", organisation.name);
        self.record_document(Reason::DocumentRemoved { what }, organisation.id, from);
        Ok(())
    }

    fn organisation_answer(&self, status: StatusCode, id: Id) -> Result<Answer, Problem> {
        let shown = self.organisations().into_iter().find(|shown| shown.id == id.to_string());
        let shown = shown.ok_or_else(|| Problem::organisation_unknown(&id.to_string()))?;
        Ok(Answer::json(status, &shown).versioned(shown.version))
    }

    /// The login that an organisation's phones share. It is shown on the box itself alone, and that is on record.
    pub(super) fn api_organisation_login(&self, call: &Call, name: &str) -> Result<Answer, Problem> {
        let Some(organisation) = self.organisation(Some(name)) else {
            return Err(Problem::organisation_unknown(name));
        };
        self.record_document(Reason::LoginRevealed, organisation.id, call.from);
        let Login { user, password } = &organisation.login;
        Ok(Answer::json(StatusCode::OK, &types::Login { user: user.clone(), password: password.expose().to_owned() }))
    }
}

/// A user name that phones and people can type, made from the organisation's name.
fn user(name: &str) -> String {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    format!("{}-{}", plain.to_ascii_lowercase(), random::token(DISTINCTION).to_ascii_lowercase())
}
