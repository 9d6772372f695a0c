//! What the head of an answer from outside says.

use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    LAST_MODIFIED, TRANSFER_ENCODING,
};

use super::failure::Failure;
use super::part::About;

/// What an answer says of its bytes.
pub(super) struct Answered {
    /// The whole file.
    pub(super) total: Option<u64>,
    /// Where the bytes that follow begin.
    pub(super) from: u64,
    pub(super) validator: Option<String>,
    /// Whether they come in chunks, of which the last one says that it is the last.
    pub(super) chunked: bool,
}

/// Reads the head of an answer; `going_on` is the length that we have, and what of, when the rest was asked for. `None`
/// when that rest cannot be had.
pub(super) fn read_head(
    response: &Response<Incoming>,
    going_on: Option<(u64, &About)>,
) -> Result<Option<Answered>, Failure> {
    let headers = response.headers();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if text(CONTENT_TYPE).is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html")) {
        return Err(Failure::WebPage);
    }
    let length = text(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    let chunked = headers.get_all(TRANSFER_ENCODING).iter().next_back().and_then(|value| value.to_str().ok());
    let chunked = chunked.is_some_and(|codings| codings.trim().to_ascii_lowercase().ends_with("chunked"));
    let status = response.status().as_u16();
    let coding = text(CONTENT_ENCODING).filter(|coding| !coding.eq_ignore_ascii_case("identity"));
    if let Some(coding) = coding.filter(|_| matches!(status, 200 | 206)) {
        return Err(Failure::Encoded { coding: coding.to_owned() });
    }
    match (status, going_on) {
        (200, _) => Ok(Some(Answered { total: length, from: 0, validator: validator(headers), chunked })),
        (206, Some((_, about))) if names_another(headers, &about.validator) => Ok(None),
        (206, Some((have, &About { total: whole, .. }))) => {
            let range = text(CONTENT_RANGE).and_then(read_content_range);
            let fits = |(from, total): &(u64, Option<u64>)| {
                *from == have && (whole.is_none() || total.is_none() || *total == whole)
            };
            Ok(range.filter(fits).map(|(from, total)| Answered {
                total: total.or(whole).or(length.map(|length| have + length)),
                from,
                validator: None,
                chunked,
            }))
        }
        (206 | 416, _) => Ok(None),
        (status, _) => Err(Failure::Status { status }),
    }
}

/// `bytes 5-9/10` or `bytes 5-9/*`: where it begins, and the whole.
fn read_content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (from, _) = range.split_once('-')?;
    let total = if total.trim() == "*" { None } else { Some(total.trim().parse().ok()?) };
    Some((from.trim().parse().ok()?, total))
}

/// What tells this revision from others, for sure: a strong entity tag, else the date (RFC 9110 section 13.1.5).
fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    text(ETAG).filter(|tag| !tag.starts_with("W/")).or_else(|| text(LAST_MODIFIED)).map(str::to_owned)
}

/// Whether an answer names another revision than this one, by the same kind of validator. One that names none is taken at
/// its word: it was asked on that condition.
fn names_another(headers: &HeaderMap, validator: &str) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_tag: fn(&str) -> bool = |text| text.starts_with('"');
    let is_date: fn(&str) -> bool = |text| text.ends_with("GMT");
    [(ETAG, is_tag), (LAST_MODIFIED, is_date)].into_iter().any(|(name, is_kind)| {
        text(name).is_some_and(|found| is_kind(found) && is_kind(validator) && found != validator)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_revision_is_known_by_the_same_kind_of_validator() {
        const MONDAY: &str = "Mon, 23 Nov 2026 02:00:00 GMT";
        let headers = |named: &[(HeaderName, &'static str)]| -> HeaderMap {
            named.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
        };
        let sunday = (LAST_MODIFIED, "Sun, 22 Nov 2026 02:00:00 GMT");
        for (validator, named, another) in [
            ("\"one\"", vec![], false),
            ("\"one\"", vec![(ETAG, "\"one\"")], false),
            ("\"one\"", vec![(ETAG, "\"two\"")], true),
            ("\"one\"", vec![(ETAG, "W/\"one\""), sunday.clone()], false),
            ("bare", vec![(ETAG, "\"two\""), sunday.clone()], false),
            (MONDAY, vec![(ETAG, "\"two\"")], false),
            (MONDAY, vec![(LAST_MODIFIED, MONDAY)], false),
            (MONDAY, vec![sunday], true),
        ] {
            assert_eq!(names_another(&headers(&named), validator), another, "{validator} {named:?}");
        }
    }

    #[test]
    fn reads_where_an_answer_goes_on() {
        assert_eq!(read_content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(read_content_range("bytes 5-9/*"), Some((5, None)));
        for wrong in ["", "bytes", "bytes 5-9", "bytes */10", "bytes x-9/10", "items 5-9/10", "bytes 5-9/x"] {
            assert_eq!(read_content_range(wrong), None, "{wrong}");
        }
    }
}
