//! The pages of accounts and of the tokens of programs.

use hyper::StatusCode;
use minijinja::context;

use super::render::{Frame, value};
use crate::admin::accounts::Change;
use crate::admin::answer::Answer;
use crate::admin::api::tokens::TokenDraft;
use crate::admin::call::{Call, Form};
use crate::admin::problem::{FieldError, Problem};
use crate::admin::route::Who;
use crate::admin::speech::said;
use crate::admin::{Admin, Role, Scope, types};
use crate::model::{Language, Secret};

impl Admin {
    /// The accounts, and the form for another. `typed` is what was asked for and refused, with the reason.
    pub(in crate::admin) fn accounts_page(
        &self,
        frame: &Frame,
        typed: Option<(&Form, &Problem)>,
    ) -> Result<String, Problem> {
        let field = |name| typed.and_then(|(form, _)| form.of(name)).unwrap_or_default().to_owned();
        let problem = typed.map(|(_, problem)| problem);
        let content = context! {
            accounts => value(&self.accounts_shown().accounts),
            values => context! { name => field("name"), role => field("role") },
            roles => Role::ALL.map(Role::word).to_vec(),
            errors => value(&errors(problem)),
            problem => value(&problem),
        };
        self.0.pages.render("accounts.html", frame, "accounts", false, content)
    }

    /// One account with what can be changed of it.
    pub(in crate::admin) fn account_page(
        &self,
        frame: &Frame,
        name: &str,
        problem: Option<&Problem>,
    ) -> Result<String, Problem> {
        let account = self.account_shown(&self.account_in(name)?);
        let content = context! {
            shown => value(&account),
            roles => Role::ALL.map(Role::word).to_vec(),
            errors => value(&errors(problem)),
            problem => value(&problem),
        };
        self.0.pages.render("account.html", frame, "accounts", false, content)
    }

    /// What the forms of these pages ask for; whatever is wrong with it stands on the page again.
    pub(in crate::admin) async fn accounts_form(
        &self,
        call: &Call,
        who: &Who,
        path: &[&str],
        form: &Form,
    ) -> Result<Answer, Problem> {
        let frame = self.frame(who);
        match path {
            [] => match self.account_by_form(call, form).await {
                Ok(account) => Ok(Answer::see_other(&format!("/accounts/{}?done=account-made", account.id))),
                Err(problem) => Ok(Answer::html(problem.status(), self.accounts_page(&frame, Some((form, &problem)))?)),
            },
            [name] => match self.account_changed(call, who, name, form).await {
                Ok(next) => Ok(Answer::see_other(&next)),
                Err(problem) => Ok(Answer::html(problem.status(), self.account_page(&frame, name, Some(&problem))?)),
            },
            _ => Err(Problem::nothing_here(&format!("/accounts/{}", path.join("/")))),
        }
    }

    async fn account_by_form(&self, call: &Call, form: &Form) -> Result<types::Account, Problem> {
        let role = role_in(form, self.1)?;
        let password = new_password(form, self.1)?;
        let account = self.add_account(form.of("name").unwrap_or_default(), role, password, call.from).await?;
        Ok(self.account_shown(&account))
    }

    /// Where the browser goes on when it is done.
    async fn account_changed(&self, call: &Call, who: &Who, name: &str, form: &Form) -> Result<String, Problem> {
        let account = self.account_in(name)?;
        let own = format!("/accounts/{}", account.id);
        let expected = form.number("version")?;
        let stays = if let Who::SignedIn(session) = who { Some(session) } else { None };
        match form.of("do") {
            Some("role") => {
                let change = Change { role: Some(role_in(form, self.1)?), ..Change::default() };
                self.change_account(&account, expected, change, call.from, stays).await?;
            }
            Some("password") => {
                let change = Change { password: Some(new_password(form, self.1)?), ..Change::default() };
                self.change_account(&account, expected, change, call.from, stays).await?;
            }
            Some("factor") => drop(self.drop_factor(&account, call.from).await?),
            Some("unlock") => self.unlock_account(&account, call.from),
            Some("remove") => {
                self.remove_account(&account, call.from).await?;
                return Ok("/accounts?done=account-removed".into());
            }
            _ => return Err(Problem::malformed("The form does not say what is to be done.")),
        }
        Ok(format!("{own}?done=account-changed"))
    }

    /// The tokens, and the form for another; `made` is one that is shown this once.
    pub(in crate::admin) fn tokens_page(
        &self,
        frame: &Frame,
        made: Option<&types::NewToken>,
        typed: Option<(&Form, &Problem)>,
    ) -> Result<String, Problem> {
        let field = |name| typed.and_then(|(form, _)| form.of(name)).unwrap_or_default().to_owned();
        let problem = typed.map(|(_, problem)| problem);
        let content = context! {
            tokens => value(&self.tokens_shown().tokens),
            made => value(&made),
            values => context! { name => field("name"), scope => field("scope"), days => field("days") },
            scopes => Scope::ALL.map(Scope::word).to_vec(),
            errors => value(&errors(problem)),
            problem => value(&problem),
        };
        self.0.pages.render("tokens.html", frame, "tokens", false, content)
    }

    /// Makes a token, or makes one void.
    pub(in crate::admin) async fn tokens_form(
        &self,
        call: &Call,
        who: &Who,
        path: &[&str],
        form: &Form,
    ) -> Result<Answer, Problem> {
        let frame = self.frame(who);
        let done = match path {
            [] => match token_in(form, self.1) {
                Ok(draft) => match self.make_token(&draft, call).await {
                    Ok(made) => return Ok(Answer::html(StatusCode::OK, self.tokens_page(&frame, Some(&made), None)?)),
                    Err(problem) => Err(problem),
                },
                Err(problem) => Err(problem),
            },
            [token, "revoke"] => self.revoke_token(token, call.from).await.map(drop),
            _ => return Err(Problem::nothing_here(&format!("/tokens/{}", path.join("/")))),
        };
        match done {
            Ok(()) => Ok(Answer::see_other("/tokens?done=token-void")),
            Err(problem) => Ok(Answer::html(problem.status(), self.tokens_page(&frame, None, Some((form, &problem)))?)),
        }
    }
}

/// What is said beside fields.
pub(super) fn errors(problem: Option<&Problem>) -> Vec<FieldError> {
    problem.map(|problem| problem.errors.clone()).unwrap_or_default()
}

/// A new password that was typed twice.
pub(super) fn new_password(form: &Form, language: Language) -> Result<Secret, Problem> {
    let password = form.of("password").unwrap_or_default();
    if form.of("again").unwrap_or_default() != password {
        return Err(Problem::fields(vec![FieldError::new("again", said(language, "The two passwords differ."))]));
    }
    Ok(Secret::new(password))
}

fn role_in(form: &Form, language: Language) -> Result<Role, Problem> {
    form.of("role")
        .and_then(Role::named)
        .ok_or_else(|| Problem::fields(vec![FieldError::new("role", said(language, "Choose one of these."))]))
}

fn token_in(form: &Form, language: Language) -> Result<TokenDraft, Problem> {
    let wrong = |field: &str, what: &'static str| Problem::fields(vec![FieldError::new(field, said(language, what))]);
    let scope = form.of("scope").and_then(Scope::named);
    let days = form.of("days").map(|days| days.trim().parse::<u32>()).transpose();
    Ok(TokenDraft {
        name: form.of("name").unwrap_or_default().to_owned(),
        scope: scope.ok_or_else(|| wrong("scope", "Choose one of these."))?,
        days: days.map_err(|_| wrong("days", "From 1 to 3650."))?,
    })
}
