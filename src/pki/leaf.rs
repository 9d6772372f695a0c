//! PURE. When a server certificate is due to be made anew, and from when until when the new one is valid.

use std::fmt;
use std::time::Duration;

use super::Names;
use crate::model::{Now, Timestamp};

/// From first to last day. More than 825 days are refused by the browsers that administrators use.
pub const LIFE: Duration = Duration::from_secs(825 * DAY);
/// How far before its issue a leaf begins: phones boot with clocks that are slow.
pub const HEAD_START: Duration = Duration::from_secs(365 * DAY);
/// A leaf is due when less than this is left: a third of what it has from its issue on.
pub const RENEW_BEFORE_END: Duration = Duration::from_secs((825 - 365) * DAY / 3);
const DAY: u64 = 86_400;

/// What was found where a leaf should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Missing,
    /// Something that cannot be used, and why.
    Damaged(String),
    /// A key with a certificate that fit together.
    Leaf(Facts),
}

/// What a leaf says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What it is for, in the form of [`Names::canonical`].
    pub names: Names,
    /// Its first second.
    pub not_before: Timestamp,
    /// Its last second.
    pub not_after: Timestamp,
    /// Whether the box's present authority signed it.
    pub signed: bool,
}

/// Why a leaf is made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// There was none.
    Missing,
    /// The one on disk cannot be used.
    Damaged(String),
    /// It is not under the box's present authority.
    OtherAuthority,
    /// The box has other names or addresses now.
    NamesChanged,
    /// It begins in the future: it was made while the clock was wrong.
    NotYetValid(Timestamp),
    /// Its end is near, or past.
    Ends(Timestamp),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there was none"),
            Self::Damaged(what) => write!(f, "the one on disk was damaged: {what}"),
            Self::OtherAuthority => f.write_str("the one on disk was signed by another authority"),
            Self::NamesChanged => f.write_str("the names or addresses of the box changed"),
            Self::NotYetValid(from) => write!(f, "the one in use is valid only from {from} on"),
            Self::Ends(at) => write!(f, "the one in use ends on {at}"),
        }
    }
}

/// Whether a leaf must be made anew, and why.
///
/// `wanted` are canonical names; `last` is the last second that a new leaf could have. Its dates are judged only when
/// the clock is trusted: a clock that stands in 1970 or in 2099 must not cost the phones a good certificate.
pub fn due(found: &Found, wanted: &Names, last: Timestamp, now: Now) -> Option<Why> {
    let facts = match found {
        Found::Missing => return Some(Why::Missing),
        Found::Damaged(what) => return Some(Why::Damaged(what.clone())),
        Found::Leaf(facts) => facts,
    };
    if !facts.signed {
        return Some(Why::OtherAuthority);
    }
    // An address that is gone stays until the next leaf: when its cable is back, so are the phones, at once.
    let Names { common_name, dns, addresses } = &facts.names;
    let all_there = wanted.addresses.iter().all(|address| addresses.contains(address));
    if (common_name, dns) != (&wanted.common_name, &wanted.dns) || !all_there {
        return Some(Why::NamesChanged);
    }
    if !now.trusted {
        return None;
    }
    if facts.not_before > now.wall {
        return Some(Why::NotYetValid(facts.not_before));
    }
    // Near the root's own end a new leaf would end no later.
    let ends_soon = facts.not_after.since(now.wall) < RENEW_BEFORE_END;
    (ends_soon && facts.not_after < last).then_some(Why::Ends(facts.not_after))
}

/// First and last second of a leaf issued at `wall` under a root that is valid from `root_begin` to `root_end`.
pub fn validity(wall: Timestamp, root_begin: Timestamp, root_end: Timestamp) -> (Timestamp, Timestamp) {
    let head_start = i64::try_from(HEAD_START.as_millis()).unwrap_or_default();
    let begin = Timestamp::from_millis(wall.millis().saturating_sub(head_start)).clamp(root_begin, root_end);
    let begin = Timestamp::from_secs(begin.secs());
    // Both ends count (RFC 5280 section 4.1.2.5), hence a second less.
    (begin, begin.plus(LIFE.saturating_sub(Duration::from_secs(1))).min(root_end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_790_000_000);
    const ROOT_END: Timestamp = Timestamp::from_secs(2_147_471_999);

    fn at(days: u64, trusted: bool) -> Now {
        Now { monotonic: Duration::ZERO, wall: START.plus(Duration::from_secs(days * DAY)), trusted }
    }

    fn names(name: &str) -> Names {
        Names { common_name: name.into(), dns: vec![name.into()], addresses: vec![[10, 66, 0, 1].into()] }
    }

    fn leaf() -> Facts {
        let (not_before, not_after) = validity(START, Timestamp::default(), ROOT_END);
        Facts { names: names("box"), not_before, not_after, signed: true }
    }

    fn judge(facts: Facts, now: Now) -> Option<Why> {
        let (_, last) = validity(now.wall, Timestamp::default(), ROOT_END);
        due(&Found::Leaf(facts), &names("box"), last, now)
    }

    #[test]
    fn a_good_one_is_kept_to_the_last_third() {
        let end = leaf().not_after;
        assert_eq!(judge(leaf(), at(0, true)), None);
        // 460 days from issue to end, a second less; a third of them is 153 days and 8 hours.
        assert_eq!(judge(leaf(), at(306, true)), None);
        assert_eq!(judge(leaf(), at(307, true)), Some(Why::Ends(end)));
        assert_eq!(judge(leaf(), at(5000, true)), Some(Why::Ends(end)));
    }

    #[test]
    fn an_untrusted_clock_costs_no_certificate() {
        assert_eq!(judge(leaf(), at(5000, false)), None);
        assert_eq!(judge(leaf(), Now { wall: Timestamp::default(), ..at(0, false) }), None);
    }

    #[test]
    fn what_a_wrong_clock_made_is_made_again() {
        let from = leaf().not_before;
        let now = Now { wall: Timestamp::from_millis(from.millis() - 1), ..at(0, true) };
        assert_eq!(judge(leaf(), now), Some(Why::NotYetValid(from)));
    }

    #[test]
    fn everything_else_is_judged_by_any_clock() {
        for trusted in [false, true] {
            let now = at(0, trusted);
            let wanted = names("box");
            assert_eq!(due(&Found::Missing, &wanted, ROOT_END, now), Some(Why::Missing));
            let damaged = Found::Damaged("empty".into());
            assert_eq!(due(&damaged, &wanted, ROOT_END, now), Some(Why::Damaged("empty".into())));
            assert_eq!(judge(Facts { signed: false, ..leaf() }, now), Some(Why::OtherAuthority));
            assert_eq!(judge(Facts { names: names("other"), ..leaf() }, now), Some(Why::NamesChanged));
            let (mut more, mut less) = (names("box"), names("box"));
            more.addresses.push([10, 66, 0, 2].into());
            less.addresses.clear();
            assert_eq!(judge(Facts { names: more, ..leaf() }, now), None, "a cable was pulled");
            assert_eq!(judge(Facts { names: less, ..leaf() }, now), Some(Why::NamesChanged));
        }
    }

    #[test]
    fn near_the_end_of_the_root_it_is_not_made_over_and_over() {
        let now = Now { monotonic: Duration::ZERO, wall: Timestamp::from_secs(ROOT_END.secs() - 3600), trusted: true };
        let (not_before, not_after) = validity(now.wall, Timestamp::default(), ROOT_END);
        assert_eq!(not_after, ROOT_END);
        assert_eq!(judge(Facts { not_before, not_after, ..leaf() }, now), None);
    }

    #[test]
    fn it_lies_within_825_days_and_within_the_root() {
        for (wall, root_begin) in [(START, Timestamp::default()), (START, START), (Timestamp::default(), START)] {
            let (begin, end) = validity(wall, root_begin, ROOT_END);
            assert!(begin >= root_begin && end <= ROOT_END);
            assert!(end.since(begin) < LIFE);
        }
        let (begin, _) = validity(START, Timestamp::default(), ROOT_END);
        assert_eq!(START.since(begin), HEAD_START);
        let (begin, end) = validity(Timestamp::from_secs(i64::MAX / 1000), START, ROOT_END);
        assert_eq!((begin, end), (ROOT_END, ROOT_END));
    }
}
