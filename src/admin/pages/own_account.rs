//! Whoever is signed in, about themselves: their password, and the codes of an app.

use hyper::StatusCode;
use minijinja::{Value, context};

use super::accounts::{errors, new_password};
use super::render::{Frame, value};
use crate::admin::accounts::session::Session;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Form};
use crate::admin::problem::Problem;
use crate::admin::route::Who;
use crate::admin::{Admin, types};
use crate::model::Secret;

/// What stands on the page besides the account.
#[derive(Default)]
struct Shown<'a> {
    /// A secret that is not in force yet.
    offer: Option<types::FactorOffer>,
    /// Codes on paper, shown this once.
    codes: Option<types::RecoveryCodes>,
    problem: Option<&'a Problem>,
}

impl Admin {
    /// The page of one's own account.
    pub(in crate::admin) fn own_account_page(&self, frame: &Frame, session: &Session) -> Result<String, Problem> {
        self.own_account_shown(frame, session, Shown::default())
    }

    /// What the forms of that page ask for; whatever is wrong with it stands on the page again.
    pub(in crate::admin) async fn own_account_form(
        &self,
        call: &Call,
        who: &Who,
        session: &Session,
        (what, form): (&str, &Form),
    ) -> Result<Answer, Problem> {
        let frame = self.frame(who);
        let page = |status, shown| Ok(Answer::html(status, self.own_account_shown(&frame, session, shown)?));
        match what {
            "password" => match self.own_password_changed(call, session, form).await {
                Ok(()) => Ok(Answer::see_other("/account?done=password")),
                Err(problem) => page(problem.status(), Shown { problem: Some(&problem), ..Shown::default() }),
            },
            "factor" => {
                let offer = Some(self.offer_factor(&session.name)?);
                page(StatusCode::OK, Shown { offer, ..Shown::default() })
            }
            "factor-on" => {
                let (secret, code) = (form.of("secret").unwrap_or_default(), form.of("code").unwrap_or_default());
                let password = Secret::new(form.of("password").unwrap_or_default());
                match self.set_own_factor(call, session, (secret, code), (password, form.of("old_code"))).await {
                    Ok(codes) => page(StatusCode::OK, Shown { codes: Some(codes), ..Shown::default() }),
                    Err(problem) => {
                        // The app has this secret by now: it is shown again.
                        let offer = Some(self.factor_offer(secret, &session.name)?);
                        page(problem.status(), Shown { offer, problem: Some(&problem), ..Shown::default() })
                    }
                }
            }
            "factor-off" => {
                let password = Secret::new(form.of("password").unwrap_or_default());
                match self.drop_own_factor(call, session, password, form.of("code")).await {
                    Ok(()) => Ok(Answer::see_other("/account?done=factor-off")),
                    Err(problem) => page(problem.status(), Shown { problem: Some(&problem), ..Shown::default() }),
                }
            }
            _ => Err(Problem::nothing_here(&format!("/account/{what}"))),
        }
    }

    async fn own_password_changed(&self, call: &Call, session: &Session, form: &Form) -> Result<(), Problem> {
        let new = new_password(form, self.1)?;
        let old = Secret::new(form.of("old").unwrap_or_default());
        self.give_password(call, session, (old, new), form.of("code")).await
    }

    fn own_account_shown(&self, frame: &Frame, session: &Session, shown: Shown<'_>) -> Result<String, Problem> {
        let account = self.account_shown(&self.account_in(&session.account.to_string())?);
        // The picture is made here, of this secret, and holds nothing that somebody typed.
        let picture = shown.offer.as_ref().map(|offer| Value::from_safe_string(offer.qr.clone()));
        let content = context! {
            shown => value(&account),
            secret => shown.offer.as_ref().map(|offer| offer.secret.as_str()),
            picture,
            codes => shown.codes.as_ref().map(|codes| codes.codes.clone()),
            errors => value(&errors(shown.problem)),
            problem => value(&shown.problem),
        };
        self.0.pages.render("own.html", frame, "account", false, content)
    }
}
