//! Texts that mean something: names, lengths of time, filters.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::super::error::Fault;
use super::Checked;

pub(super) fn span_of_time(
    text: &Spanned<String>,
    what: &str,
    least: (u64, &str),
    most: (u64, &str),
) -> Checked<Duration> {
    let span = text.span();
    let text = text.get_ref();
    let unit = |last: char| {
        Some(match last {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return None,
        })
    };
    let seconds = text
        .chars()
        .next_back()
        .and_then(unit)
        .and_then(|unit: u64| text.get(..text.len() - 1)?.trim().parse::<u64>().ok()?.checked_mul(unit));
    match seconds {
        Some(seconds) if (least.0..=most.0).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        Some(_) => fault(&span, format!("{what} between {} and {}; {text} is not", least.1, most.1)),
        None => {
            fault(&span, format!("\"{text}\" is not a length of time; write a number and s, m, h or d, as in \"12h\""))
        }
    }
}

pub(super) enum Labels {
    One,
    Many,
}

/// RFC 1123 section 2.1: letters, digits and hyphens, none at an end, at most 63 characters a label.
pub(super) fn host_name(name: &Spanned<String>, labels: Labels) -> Checked<String> {
    let text = name.get_ref().trim_end_matches('.');
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let (right, example) = match labels {
        Labels::One => (label(text), "block66"),
        Labels::Many => (text.len() <= 253 && text.split('.').all(label), "block66.branch.example"),
    };
    if right {
        Ok(text.to_ascii_lowercase())
    } else {
        fault(
            &name.span(),
            format!("\"{text}\" is not a host name; write letters, digits and hyphens, as in {example}"),
        )
    }
}

pub(super) fn short_text(text: Spanned<String>, what: &str) -> Checked<String> {
    let span = text.span();
    let text = text.into_inner();
    if (1..=64).contains(&text.len()) && !text.chars().any(char::is_control) {
        Ok(text)
    } else {
        fault(&span, format!("{what} has 1 to 64 characters (fewer where they are not ASCII)"))
    }
}

pub(super) fn log_filter(text: Spanned<String>) -> Checked<String> {
    let span = text.span();
    let text = text.into_inner();
    match text.parse::<tracing_subscriber::filter::Targets>() {
        Ok(_) => Ok(text),
        Err(error) => fault(
            &span,
            format!("\"{text}\" is not a log filter ({error}); write as in \"info\" or \"block66::dhcp=debug,info\""),
        ),
    }
}

pub(in crate::config) fn fault<T>(span: &Range<usize>, what: String) -> Checked<T> {
    Err(Fault { span: span.clone(), what })
}
