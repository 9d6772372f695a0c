//! PURE. Which of two releases of a brand is the newer one.

use std::cmp::Ordering;

/// How a brand numbers its releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbering {
    /// So many numbers at the front say which hardware a release is for: releases in which they differ are never
    /// compared.
    pub hardware: usize,
}

/// A piece of a release: its rank, then for numbers their length, then its text. Ranks are [`BEFORE`] to [`NUMBER`].
type Piece<'a> = (u8, usize, &'a str);

/// Letters that mark what came before the release itself: alpha, beta, rc.
const BEFORE: u8 = 0;
/// Where a release ends.
const END: Piece<'static> = (1, 0, "");
/// Letters that mark a later build.
const LETTERS: u8 = 2;
/// A number, without leading zeros: the longer one is the higher one.
const NUMBER: u8 = 3;

impl Numbering {
    /// Compares two releases, number by number; letters after a number make it newer, but for `alpha`, `beta` and `rc`.
    /// What separates the pieces does not matter. `None` when they are for different hardware.
    pub fn compare(self, one: &str, other: &str) -> Option<Ordering> {
        let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
        let (one, other) = (pieces(&one), pieces(&other));
        if one.get(..self.hardware) != other.get(..self.hardware) || one.len() < self.hardware {
            return None;
        }
        let ordered = (0..one.len().max(other.len())).map(|at| {
            let [one, other] = [&one, &other].map(|pieces| pieces.get(at).copied().unwrap_or(END));
            one.cmp(&other)
        });
        Some(ordered.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal))
    }

    /// Whether a phone that runs `one` runs the release `other`.
    pub fn same(self, one: &str, other: &str) -> bool {
        self.compare(one, other) == Some(Ordering::Equal)
    }
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = |c: char| (c.is_ascii_digit(), c.is_alphabetic());
        let end = rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len());
        let (piece, tail) = rest.split_at(end);
        rest = tail;
        if first.is_ascii_digit() {
            let digits = piece.trim_start_matches('0');
            // 1.2 and 1.2.0 are one release.
            pieces.push(if digits.is_empty() { END } else { (NUMBER, digits.len(), digits) });
        } else if matches!(piece, "alpha" | "beta" | "rc") {
            pieces.push((BEFORE, 0, piece));
        } else if first.is_alphabetic() {
            pieces.push((LETTERS, 0, piece));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_is_newer_in_every_brands_numbering() {
        let plain = Numbering::default();
        for (older, newer) in [
            ("10.1.159.12", "10.1.215.13"),
            ("7.5.2", "7.5.2b"),
            ("7.5.2b", "7.5.5"),
            ("1.3.5_004p", "1.3.5_010p"),
            ("11-3-7MPP0001-180", "12-0-7MPP0001-123"),
            ("9-4-2SR3-1S", "9-4-2SR4-1S"),
            ("5.9.0.9373", "5.9.6.2327"),
            ("1.0.11.9", "1.0.11.64"),
            ("2.65.0-build.8504c90", "2.66.0-build.0000000"),
            ("6.0.0-beta.3", "6.0.0"),
            ("6.0.0-beta.3", "6.0.0-rc.1"),
            ("6.0.0-rc.1", "6.0.0-rc.2"),
            ("01.133", "01.200"),
            ("1.99999999999999999999999", "1.100000000000000000000000"),
        ] {
            assert_eq!(plain.compare(older, newer), Some(Ordering::Less), "{older} {newer}");
            assert_eq!(plain.compare(newer, older), Some(Ordering::Greater), "{older} {newer}");
        }
        for (one, other) in [("1.2", "1.2.0"), ("01.133", "1.133"), ("7.5.2B", "7.5.2b"), ("1-2-3", "1.2.3")] {
            assert!(plain.same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn releases_for_other_hardware_are_never_compared() {
        let numbering = Numbering { hardware: 1 };
        assert_eq!(numbering.compare("66.86.0.15", "66.86.0.160"), Some(Ordering::Less));
        assert_eq!(numbering.compare("66.86.0.15", "96.86.0.15"), None);
        assert_eq!(numbering.compare("", "66.86.0.15"), None);
        assert!(!numbering.same("nonsense", "66.86.0.15"));
    }

    #[test]
    fn it_is_an_order() {
        let numbering = Numbering::default();
        let some =
            ["", "0", "1", "1.0", "1a", "1.a", "1beta", "1rc1", "1.0.1", "a", "beta", "é", "1.é", "00", "-", "1..2"];
        for a in some {
            assert_eq!(numbering.compare(a, a), Some(Ordering::Equal), "{a}");
            for b in some {
                let order = numbering.compare(a, b).unwrap();
                assert_eq!(numbering.compare(b, a), Some(order.reverse()), "{a} {b}");
                for c in some {
                    if order.is_le() && numbering.compare(b, c).unwrap().is_le() {
                        assert!(numbering.compare(a, c).unwrap().is_le(), "{a} {b} {c}");
                    }
                }
            }
        }
    }
}
