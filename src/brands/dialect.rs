//! PURE. What of MiniJinja every template that somebody writes may use: strict, and without what could end the program.

use std::panic::{AssertUnwindSafe, catch_unwind};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Template, UndefinedBehavior, Value};

/// Filters that make as much text as a number in the template says, which no fuel counts.
const UNBOUNDED: [&str; 4] = ["batch", "format", "indent", "slice"];

/// An environment without a template, in which each may take so many steps.
///
/// # Errors
/// None in practice: the marks of the language are its usual ones.
pub(crate) fn environment(fuel: u64) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(fuel));
    environment.set_debug(false);
    environment
        .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    for filter in UNBOUNDED {
        environment.remove_filter(filter);
    }
    Ok(environment)
}

/// What the template makes of these values. The engine was seen to panic in a template that is only wrong, at a slice
/// that runs backwards over an empty text: whoever wrote it is told, and nobody else's request ends with it.
///
/// # Errors
/// What the engine says, or that it broke off.
pub(crate) fn render(template: &Template<'_, '_>, values: Value) -> Result<String, Error> {
    catch_unwind(AssertUnwindSafe(|| template.render(values)))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::InvalidOperation, "the engine broke off")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(source: &str) -> Result<String, Error> {
        let mut environment = environment(10_000)?;
        environment.add_template_owned("t", source.to_owned())?;
        render(&environment.get_template("t")?, Value::default())
    }

    #[test]
    fn where_the_engine_breaks_off_the_template_is_wrong() {
        assert_eq!(made("{{ 'abc'[::-1] }}").unwrap(), "cba");
        assert_eq!(made("{{ ''[::-1] }}").unwrap_err().kind(), ErrorKind::InvalidOperation);
    }

    #[test]
    fn no_number_in_a_template_takes_all_memory() {
        for source in [
            "{{ 'a' | indent(99999999999999) }}",
            "{{ '%99999999999999d' | format(1) }}",
            "{{ [1] | batch(99999999999999, 1) | list }}",
            "{{ [1] | slice(99999999999999, 1) | list }}",
            "{{ 'a' * 99999999999999 }}",
            "{% for i in range(99999999999999) %}{% endfor %}",
        ] {
            made(source).unwrap_err();
        }
    }
}
