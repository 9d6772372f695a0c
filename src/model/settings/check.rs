use std::net::{IpAddr, Ipv4Addr};

use super::definition::Kind;
use super::zone::Zone;
use crate::model::Id;

/// The text as it is kept, when it fits the kind. It is neither empty nor holds control characters.
pub(super) fn text(kind: &Kind, text: &str) -> Option<String> {
    let as_is = |fits: bool| fits.then(|| text.to_owned());
    match kind {
        Kind::Text(longest) => as_is(text.len() <= *longest),
        Kind::Choice(words) => words.iter().find(|word| word.eq_ignore_ascii_case(text)).map(|word| (*word).to_owned()),
        Kind::Host => as_is(is_host(text)),
        Kind::Url => as_is(is_url(text)),
        Kind::Dial => as_is(text.len() <= 128 && text.chars().all(dials)),
        Kind::DigitMap => as_is(text.chars().all(|c| c.is_ascii_alphanumeric() || "*#+.[]()|-,:!<>^".contains(c))),
        Kind::Language => language(text),
        Kind::Country => {
            let letters = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
            letters.then(|| text.to_ascii_uppercase())
        }
        Kind::Zone => Zone::named(text).map(|zone| zone.name().to_owned()),
        Kind::File => as_is(is_file(text)),
        Kind::Id => text.parse::<Id>().ok().map(|id| id.to_string()),
        Kind::TimeOfDay => as_is(is_time_of_day(text)),
        Kind::Multicast => as_is(is_multicast(text)),
        Kind::Flag | Kind::Number { .. } | Kind::Secret | Kind::List(..) => None,
    }
}

/// Whether `text` is an IP address or looks like a host name (RFC 1123 section 2.1, and underscores).
pub(super) fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.parse::<IpAddr>().is_ok() || text.len() <= 253 && text.trim_end_matches('.').split('.').all(label)
}

fn is_url(text: &str) -> bool {
    let schemes = ["http://", "https://", "ldap://", "ldaps://", "tftp://", "ftp://"];
    let visible = text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}'".contains(&b));
    visible && schemes.iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

fn dials(c: char) -> bool {
    c.is_ascii_alphanumeric() || "*#+-._~!$&=@:;?/%()".contains(c)
}

fn language(text: &str) -> Option<String> {
    let mut parts = text.split(['-', '_']);
    let first = parts.next().filter(|part| (2..=3).contains(&part.len()))?;
    let mut tag = first.to_ascii_lowercase();
    for part in parts {
        let fits = (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        tag.push('-');
        tag.push_str(&if part.len() == 2 { part.to_ascii_uppercase() } else { fits.then(|| part.to_owned())? });
    }
    let letters = tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (letters && tag.len() <= 20).then_some(tag)
}

fn is_file(text: &str) -> bool {
    text.len() <= 128
        && !text.starts_with('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

fn is_time_of_day(text: &str) -> bool {
    let part = |text: &str, most: u8| text.len() == 2 && text.parse::<u8>().is_ok_and(|number| number < most);
    text.split_once(':').is_some_and(|(hour, minute)| part(hour, 24) && part(minute, 60))
}

fn is_multicast(text: &str) -> bool {
    text.split_once(':').is_some_and(|(address, port)| {
        address.parse::<Ipv4Addr>().is_ok_and(|address| address.is_multicast())
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_takes_its_own_and_nothing_else() {
        for (kind, good, bad) in [
            (
                Kind::Host,
                &["pbx", "sip.example.net", "192.0.2.1", "fd00::1"][..],
                &["a b", "-a", "a..b", "a/b", "ü"][..],
            ),
            (
                Kind::Url,
                &["http://a", "https://a/b?c=d"][..],
                &["a", "http://", "gopher://a", "http://a b", "http://a\"b"],
            ),
            (Kind::Dial, &["201", "*97", "+4930123", "sip:a@b"], &["2 01", "a\"b", "a<b", "ä"]),
            (Kind::Country, &["de", "US"], &["d", "deu", "1a"]),
            (Kind::Zone, &["Europe/Berlin", "europe/berlin"], &["Europe/Bonn", "CET+1"]),
            (Kind::File, &["logo.jpg"], &["../logo", ".x", "a/b", "a b"]),
            (Kind::TimeOfDay, &["03:30", "23:59"], &["24:00", "3:30", "03:60"]),
            (Kind::Multicast, &["224.0.1.116:5001"], &["10.0.0.1:5001", "224.0.1.116", "224.0.1.116:0"]),
            (Kind::DigitMap, &["[2-9]xxxxxx|1xxxT|x.T"], &["a b", "x\"y"]),
        ] {
            for text_given in good {
                assert!(text(&kind, text_given).is_some(), "{kind:?} {text_given}");
            }
            for text_given in bad {
                assert_eq!(text(&kind, text_given), None, "{kind:?} {text_given}");
            }
        }
        for (given, kept) in [("DE", "de"), ("pt_br", "pt-BR"), ("zh-Hans", "zh-Hans")] {
            assert_eq!(text(&Kind::Language, given).as_deref(), Some(kept));
        }
        for given in ["d", "german", "de-", "de-x", "d3\""] {
            assert_eq!(text(&Kind::Language, given), None, "{given}");
        }
        assert_eq!(text(&Kind::Zone, "europe/berlin").as_deref(), Some("Europe/Berlin"));
    }
}
