//! PURE. The sending side of a transfer: which blocks are on their way, what an acknowledgement means, and when blocks
//! are sent again.

use std::collections::VecDeque;
use std::time::Duration;

/// What an acknowledgement means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// So many blocks more have arrived: the next window follows.
    Arrived(usize),
    /// The first block of the window is missing: all of it is sent again.
    Missing,
    /// It says nothing new: an old one that came late or twice.
    Nothing,
}

/// Bytes at the front of each block that are left free for its packet's head.
pub const HEAD: usize = 4;

/// Blocks on their way.
#[derive(Debug)]
pub struct Window {
    /// Number of the first one on its way, from 1; the wire has its last 16 bits.
    first: u64,
    blocks: VecDeque<Vec<u8>>,
    size: usize,
    /// Whether an acknowledgement already made this window be sent again.
    repeated: bool,
}

impl Window {
    /// A window of at most `size` blocks, with nothing on its way yet.
    pub fn new(size: u16) -> Self {
        Self { first: 1, blocks: VecDeque::new(), size: usize::from(size.max(1)), repeated: false }
    }

    /// How many blocks more fit.
    pub fn room(&self) -> usize {
        self.size.saturating_sub(self.blocks.len())
    }

    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Adds the next block.
    pub fn push(&mut self, block: Vec<u8>) {
        self.blocks.push_back(block);
    }

    /// The blocks to be sent, with their numbers on the wire: after 65535 comes 0.
    pub fn numbered(&mut self) -> impl Iterator<Item = (u16, &mut Vec<u8>)> {
        (self.first..).map(wire).zip(&mut self.blocks)
    }

    /// Takes an acknowledgement of the block with this number on the wire. What has arrived is handed to `spare`,
    /// empty.
    pub fn acknowledged(&mut self, number: u16, spare: &mut VecDeque<Vec<u8>>) -> Meaning {
        let ahead = usize::from(number.wrapping_sub(wire(self.first.wrapping_sub(1))));
        if ahead > self.blocks.len() {
            return Meaning::Nothing;
        }
        if ahead == 0 {
            // With one block at a time an acknowledgement that came twice must not double all that follows (RFC 1123
            // section 4.2.3.1). With more, one that comes again says that the first block got lost, and is believed
            // once.
            return match self.size {
                1 => Meaning::Nothing,
                _ if std::mem::replace(&mut self.repeated, true) => Meaning::Nothing,
                _ => Meaning::Missing,
            };
        }
        spare.extend(self.blocks.drain(..ahead).map(|mut block| {
            block.truncate(HEAD);
            block
        }));
        self.first += ahead as u64;
        self.repeated = false;
        Meaning::Arrived(ahead)
    }
}

fn wire(number: u64) -> u16 {
    u16::try_from(number & 0xffff).unwrap_or_default()
}

/// How long an acknowledgement is waited for (RFC 6298, with bounds for a LAN).
///
/// Until the first one comes nothing is agreed on, and perhaps nobody is there: whoever forges an address asks in the
/// name of somebody who never answers.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    smooth: Option<Duration>,
    varies: Duration,
    wait: Duration,
    offered: Option<Duration>,
    /// Whether the client has acknowledged anything.
    met: bool,
}

impl Patience {
    const FIRST: Duration = Duration::from_millis(500);
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(4);
    const END: Duration = Duration::from_secs(30);
    const END_OF_STRANGERS: Duration = Duration::from_secs(10);

    /// As measured, or as offered to the client, once it has taken that.
    pub fn new(offered: Option<Duration>) -> Self {
        Self { smooth: None, varies: Duration::ZERO, wait: Self::FIRST, offered, met: false }
    }

    /// How long to wait now.
    pub fn wait(&self) -> Duration {
        self.wait
    }

    /// How long a client may be silent before it is given up: long enough to tell it again, also where a long wait was
    /// agreed.
    pub fn end(&self) -> Duration {
        if self.met { Self::END.max(self.wait * 4) } else { Self::END_OF_STRANGERS }
    }

    /// The client acknowledged something: it is there, and has taken what it was offered.
    pub fn acknowledged(&mut self) {
        if !std::mem::replace(&mut self.met, true) {
            self.wait = self.offered.unwrap_or(self.wait);
        }
    }

    /// An acknowledgement of blocks that were sent once came after so long.
    pub fn measured(&mut self, took: Duration) {
        let smooth = match self.smooth {
            None => {
                self.varies = took / 2;
                took
            }
            Some(smooth) => {
                self.varies = (self.varies * 3 + smooth.abs_diff(took)) / 4;
                (smooth * 7 + took) / 8
            }
        };
        self.smooth = Some(smooth);
        self.wait = self.offered.unwrap_or((smooth + self.varies * 4).clamp(Self::SHORTEST, Self::LONGEST));
    }

    /// None came: longer next time.
    pub fn missed(&mut self) {
        if !self.met || self.offered.is_none() {
            self.wait = (self.wait * 2).min(Self::LONGEST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(size: u16, blocks: usize) -> Window {
        let mut window = Window::new(size);
        (0..blocks).for_each(|block| window.push(vec![u8::try_from(block).unwrap()]));
        window
    }

    fn numbers(window: &mut Window) -> Vec<u16> {
        window.numbered().map(|(number, _)| number).collect()
    }

    #[test]
    fn one_block_at_a_time() {
        let mut window = window(1, 1);
        assert_eq!((numbers(&mut window), window.room()), (vec![1], 0));
        for (number, meaning) in
            [(0, Meaning::Nothing), (2, Meaning::Nothing), (1, Meaning::Arrived(1)), (1, Meaning::Nothing)]
        {
            assert_eq!(window.acknowledged(number, &mut VecDeque::new()), meaning, "{number}");
        }
        assert!(window.is_empty());
    }

    #[test]
    fn a_window_goes_on_behind_the_last_block_that_arrived() {
        // RFC 7440 section 4: with a lost block the client acknowledges the one before it.
        let mut window = window(4, 4);
        assert_eq!(window.acknowledged(2, &mut VecDeque::new()), Meaning::Arrived(2));
        assert_eq!((numbers(&mut window), window.room()), (vec![3, 4], 2));
        assert_eq!(window.acknowledged(2, &mut VecDeque::new()), Meaning::Missing, "block 3 got lost");
        assert_eq!(window.acknowledged(2, &mut VecDeque::new()), Meaning::Nothing, "once is enough");
        assert_eq!(window.acknowledged(1, &mut VecDeque::new()), Meaning::Nothing, "an old one");
        assert_eq!(window.acknowledged(4, &mut VecDeque::new()), Meaning::Arrived(2));
    }

    #[test]
    fn numbers_begin_again_at_0() {
        let mut window = Window::new(2);
        for block in 0..70_000_u64 {
            window.push(block.to_be_bytes().to_vec());
            let (number, bytes) = window.numbered().next().unwrap();
            assert_eq!((u64::from(number), &bytes[..]), ((block + 1) % 65_536, &block.to_be_bytes()[..]));
            assert_eq!(window.acknowledged(number, &mut VecDeque::new()), Meaning::Arrived(1));
        }
    }

    #[test]
    fn patience_follows_the_line() {
        let mut patience = Patience::new(None);
        assert_eq!(patience.wait(), Patience::FIRST);
        (0..20).for_each(|_| patience.measured(Duration::from_millis(1)));
        assert_eq!(patience.wait(), Patience::SHORTEST);
        (0..20).for_each(|_| patience.missed());
        assert_eq!(patience.wait(), Patience::LONGEST);
        patience.measured(Duration::from_millis(1));
        assert!(patience.wait() < Duration::from_millis(100));
        let mut agreed = Patience::new(Some(Duration::from_secs(7)));
        assert_eq!(agreed.wait(), Patience::FIRST, "nobody has taken it yet");
        agreed.missed();
        assert_eq!(agreed.wait(), Patience::FIRST * 2);
        agreed.acknowledged();
        assert_eq!(agreed.wait(), Duration::from_secs(7));
        agreed.missed();
        agreed.measured(Duration::from_millis(1));
        assert_eq!(agreed.wait(), Duration::from_secs(7));
    }

    #[test]
    fn a_long_wait_leaves_time_to_tell_it_again_to_those_who_have_taken_it() {
        for (offered, end) in [(None, 30), (Some(5), 30), (Some(20), 80)] {
            let mut patience = Patience::new(offered.map(Duration::from_secs));
            assert_eq!(patience.end(), Duration::from_secs(10), "whoever never answered is given up soon");
            patience.acknowledged();
            assert_eq!(patience.end(), Duration::from_secs(end));
        }
    }
}
