//! Which language a caller is answered in.

use hyper::header::{ACCEPT_LANGUAGE, HeaderName, HeaderValue, SET_COOKIE};

use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::problem::Problem;
use crate::model::Language;

/// Name of the cookie that holds the language somebody chose.
const COOKIE: &str = "__Host-block66-language";
/// For how many seconds a browser keeps the choice: a year.
const KEPT: u32 = 31_536_000;

impl Call {
    /// The language that was chosen on the page, else the one that the browser's owner likes best. Programs on the box
    /// itself are answered in English.
    pub(in crate::admin) fn language(&self) -> Language {
        if self.from == Origin::Local {
            return Language::English;
        }
        let chosen = self.cookie(COOKIE).and_then(Language::of_tag);
        chosen.or_else(|| Language::preferred(self.header(ACCEPT_LANGUAGE)?)).unwrap_or_default()
    }
}

impl Admin {
    /// Keeps the language that somebody chose, and leads back to where they were.
    pub(in crate::admin) fn choose_language(&self, call: &Call) -> Result<Answer, Problem> {
        if !call.is_same_origin() {
            return Err(Problem::forged());
        }
        let form = call.form();
        let back = form.of("back").filter(|back| is_own(back)).unwrap_or("/");
        let answer = Answer::see_other(back);
        Ok(match form.of("language").and_then(Language::of_tag) {
            Some(language) => {
                let (name, value) = cookie(language);
                answer.with(name, value)
            }
            None => answer,
        })
    }
}

fn cookie(language: Language) -> (HeaderName, HeaderValue) {
    let text = format!("{COOKIE}={}; Path=/; Max-Age={KEPT}; HttpOnly; Secure; SameSite=Strict", language.tag());
    (SET_COOKIE, HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("")))
}

/// Whether this is a path of the page itself, and no way out of it.
pub(in crate::admin) fn is_own(path: &str) -> bool {
    path.len() <= 2000
        && path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away_from_the_box() {
        for own in ["/", "/phones?q=a%20b&state=attention", "/phones/805ec0123456/edit"] {
            assert!(is_own(own), "{own}");
        }
        for other in ["", "phones", "//evil.example/", "/\\evil.example", "https://evil.example/", "/a\r\nx: y", "/a b"]
        {
            assert!(!is_own(other), "{other:?}");
        }
    }
}
