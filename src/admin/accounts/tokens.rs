//! Tokens of programs: made, made void, and known again.

use super::register::digest_of;
use super::{Register, Scope, Token, named};
use crate::admin::Admin;
use crate::admin::call::Origin;
use crate::admin::problem::Problem;
use crate::model::{Reason, Secret, Timestamp};
use crate::sys::passwords::LONGEST;
use crate::sys::random;

/// Characters of a token behind its beginning: 238 bits.
const TOKEN: usize = 40;
/// What tokens begin with, so that a program that looks for lost secrets knows them.
const TOKEN_BEGINNING: &str = "b66_";

impl Admin {
    /// Makes a token, which nobody can be shown again.
    pub(in crate::admin) async fn add_token(
        &self,
        name: &str,
        scope: Scope,
        expires: Option<Timestamp>,
        from: Origin,
    ) -> Result<(Token, Secret), Problem> {
        let name = named(name)?;
        let text = Secret::new(format!("{TOKEN_BEGINNING}{}", random::token(TOKEN)));
        let now = self.0.clock.now().wall;
        let token = Token {
            id: random::id(now),
            name,
            scope,
            digest: digest_of(text.expose()),
            by: self.called(from).unwrap_or_else(|| Register::CONSOLE.into()),
            answers: None,
            created: now,
            expires,
        };
        let by = if let Origin::Known { by, .. } = from { Some(by) } else { None };
        let made = self
            .change_register(|register| {
                self.is_still_allowed(register, from, scope.role())?;
                let token = Token { answers: by.and_then(|by| register.answers(by)), ..token };
                register.add_token(token.clone()).map(|()| token)
            })
            .await?;
        let reason = Reason::TokenMade { name: made.name.clone(), scope: made.scope.word().into() };
        self.0.journal.record(self.admin_event(reason, from));
        Ok((made, text))
    }

    /// Makes a token void.
    pub(in crate::admin) async fn revoke_token(&self, name: &str, from: Origin) -> Result<Token, Problem> {
        let by = self.called(from);
        let token = self.change_register(|register| register.revoke(name)).await?;
        self.note_void(std::slice::from_ref(&token), from, by.as_deref());
        Ok(token)
    }

    /// The token that this text is.
    pub(in crate::admin) fn token_of(&self, text: &str) -> Option<Token> {
        let fits = text.starts_with(TOKEN_BEGINNING) && text.len() <= LONGEST;
        fits.then(|| self.register().token(text, self.0.clock.now().wall).cloned())?
    }

    /// Records each token that was made void, and by whom: they may have no account any more.
    pub(super) fn note_void(&self, tokens: &[Token], from: Origin, by: Option<&str>) {
        for token in tokens {
            let reason = Reason::TokenRevoked { name: token.name.clone() };
            self.0.journal.record(self.admin_event(reason, from).done_by(by.map(str::to_owned)));
        }
    }
}
