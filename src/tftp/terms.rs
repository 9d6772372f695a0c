//! PURE. What both sides agree on before a transfer (RFC 2348, 2349, 7440).

use std::time::Duration;

use super::wire::{Mode, Request};

/// Bytes of a block when nothing is agreed (RFC 1350).
const USUAL_BLOCK: usize = 512;
/// Bytes of a block at most. Larger ones are only cut up on their way, and one lost piece loses all of it.
const MOST_BLOCK: usize = 16 * 1024;
/// Blocks that may be on their way at once, at most.
const MOST_WINDOW: u16 = 64;
/// Bytes that may be on their way at once: what a transfer keeps in memory.
const MOST_ON_THE_WAY: usize = 64 * 1024;

/// Seconds between two tries that are agreed to at most: a client that is gone holds its place for four of them. The
/// option of one that asks for more is left out, which it takes as a no (RFC 2349).
const LONGEST_WAIT: u64 = 30;

/// The terms of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Bytes of a block, but for the last one.
    pub block: usize,
    /// Blocks that are sent before an acknowledgement is waited for.
    pub window: u16,
    /// How long is waited before blocks are sent again, when the client says so.
    pub wait: Option<Duration>,
    /// What is told to the client of it; nothing when it asked for nothing.
    pub agreed: Vec<(&'static str, u64)>,
}

impl Terms {
    /// What is agreed on for a file of `length` bytes, if that is known. Options that make no sense are left out, which
    /// the client takes as a no.
    pub fn agree(request: &Request, length: Option<u64>) -> Self {
        let mut terms = Self { block: USUAL_BLOCK, window: 1, wait: None, agreed: Vec::new() };
        let number = |name: &str| {
            let value = request.options.iter().find(|(option, _)| option == name);
            value.and_then(|(_, value)| value.parse::<u64>().ok())
        };
        if let Some(block) = number("blksize").filter(|block| (8..=65_464).contains(block)) {
            terms.block = usize::try_from(block).unwrap_or(USUAL_BLOCK).min(MOST_BLOCK);
            terms.agreed.push(("blksize", terms.block as u64));
        }
        if let Some(seconds) = number("timeout").filter(|seconds| (1..=LONGEST_WAIT).contains(seconds)) {
            terms.wait = Some(Duration::from_secs(seconds));
            terms.agreed.push(("timeout", seconds));
        }
        if let (Some(_), Some(length), Mode::Octet) = (number("tsize"), length, request.mode) {
            terms.agreed.push(("tsize", length));
        }
        if let Some(window) = number("windowsize").filter(|window| (1..=65_535).contains(window)) {
            let room = u16::try_from(MOST_ON_THE_WAY / terms.block).unwrap_or(MOST_WINDOW);
            terms.window = u16::try_from(window).unwrap_or(MOST_WINDOW).min(MOST_WINDOW).min(room).max(1);
            terms.agreed.push(("windowsize", terms.window.into()));
        }
        terms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(options: &[(&str, &str)], mode: Mode) -> Terms {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Terms::agree(&Request { name: "a".into(), mode, options }, Some(1_000_000))
    }

    #[test]
    fn agrees_within_its_means() {
        let usual = Terms { block: 512, window: 1, wait: None, agreed: Vec::new() };
        assert_eq!(agree(&[], Mode::Octet), usual);
        let terms = agree(&[("blksize", "1428"), ("tsize", "0"), ("timeout", "3"), ("windowsize", "8")], Mode::Octet);
        assert_eq!((terms.block, terms.window, terms.wait), (1428, 8, Some(Duration::from_secs(3))));
        assert_eq!(terms.agreed, [("blksize", 1428), ("timeout", 3), ("tsize", 1_000_000), ("windowsize", 8)]);
        let terms = agree(&[("windowsize", "65535"), ("blksize", "65464")], Mode::Octet);
        assert_eq!((terms.block, terms.window), (16_384, 4));
        for (name, value) in [
            ("blksize", "7"),
            ("blksize", "65465"),
            ("blksize", "-1"),
            ("blksize", ""),
            ("timeout", "0"),
            ("timeout", "31"),
            ("timeout", "255"),
            ("timeout", "256"),
            ("windowsize", "0"),
            ("windowsize", "65536"),
            ("tsize", "x"),
            ("multicast", ""),
        ] {
            assert_eq!(agree(&[(name, value)], Mode::Octet), usual, "{name}={value}");
        }
        assert_eq!(agree(&[("tsize", "0")], Mode::NetAscii), usual, "nobody knows how long it becomes");
    }
}
