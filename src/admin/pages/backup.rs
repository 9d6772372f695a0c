//! The page of backups: made, and put in force again.

use hyper::header::{self, HeaderValue};
use minijinja::context;

use super::accounts::errors;
use super::render::{Frame, value};
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Form};
use crate::admin::problem::{FieldError, Problem};
use crate::admin::route::Who;
use crate::admin::speech::said;
use crate::model::Secret;

impl Admin {
    pub(in crate::admin) async fn backup_page(
        &self,
        frame: &Frame,
        problem: Option<&Problem>,
    ) -> Result<String, Problem> {
        let kept = self.kept_backups().await?;
        let content = context! {
            kept => value(&kept.kept),
            last => kept.last_made,
            errors => value(&errors(problem)),
            problem => value(&problem),
        };
        self.0.pages.render("backup.html", frame, "backup", false, content)
    }

    /// Makes a backup, which the browser keeps as a file.
    pub(in crate::admin) async fn backup_form(&self, call: &Call, who: &Who, form: &Form) -> Result<Answer, Problem> {
        match self.backup_by_form(call, form).await {
            Ok(bytes) => {
                let answer = Answer::bytes("application/octet-stream", bytes);
                Ok(match HeaderValue::from_str(&format!("attachment; filename=\"{}\"", self.backup_name())) {
                    Ok(name) => answer.with(header::CONTENT_DISPOSITION, name),
                    Err(_) => answer,
                })
            }
            Err(problem) => {
                let html = self.backup_page(&self.frame(who), Some(&problem)).await?;
                Ok(Answer::html(problem.status(), html))
            }
        }
    }

    async fn backup_by_form(&self, call: &Call, form: &Form) -> Result<Vec<u8>, Problem> {
        let passphrase = form.of("passphrase").unwrap_or_default();
        if form.of("again").unwrap_or_default() != passphrase {
            let what = said(self.1, "The two passphrases differ.");
            return Err(Problem::fields(vec![FieldError::new("again", what)]));
        }
        self.make_backup(Secret::new(passphrase), call.from).await
    }

    /// The box and the day, so that backups lie in order and are told apart.
    fn backup_name(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
        let name: String = self.0.facts.name.chars().take(40).map(plain).collect();
        let day: String = self.0.clock.now().wall.to_string().chars().take(10).collect();
        format!("{name}-{day}.backup")
    }
}
