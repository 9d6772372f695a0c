//! Inputs bent at random, from a seed.

/// Numbers from a seed (SplitMix64).
pub(crate) struct Dice(u64);

/// The longest input that is made.
const LONGEST: usize = 16 * 1024;

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 when that is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let from = self.below(length + 1);
        from..(from + self.below(40)).min(length)
    }

    /// A seed with up to eight bends, mostly with few: text that is bent often is hardly ever read.
    pub(crate) fn bend(&mut self, seeds: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut input = self.any(seeds).to_vec();
        let most = 1 + self.below(8);
        for _ in 0..=self.below(most).min(self.below(most)) {
            self.bend_once(&mut input, seeds);
        }
        input.truncate(LONGEST);
        input
    }

    fn any<'a>(&mut self, seeds: &'a [(String, Vec<u8>)]) -> &'a [u8] {
        &seeds[self.below(seeds.len())].1
    }

    fn bend_once(&mut self, input: &mut Vec<u8>, seeds: &[(String, Vec<u8>)]) {
        const EXTREMES: [u8; 10] = [0, 1, 2, 0x0a, 0x20, 0x7f, 0x80, 0xfe, 0xff, b'"'];
        let at = self.below(input.len() + 1);
        match self.below(10) {
            0 => input.insert(at, self.byte()),
            1 => input.truncate(at),
            2 => {
                input.drain(self.range(input.len()));
            }
            3 => {
                let again = input[self.range(input.len())].to_vec();
                input.splice(at..at, again);
            }
            // A piece of another seed.
            4 | 5 => {
                let other = self.any(seeds);
                let piece = &other[self.range(other.len())];
                input.splice(at..at, piece.iter().copied());
            }
            // The beginning of this one, the end of another.
            6 => {
                let other = self.any(seeds);
                let from = self.below(other.len() + 1);
                input.splice(at.., other[from..].iter().copied());
            }
            kind => {
                let value = match kind {
                    7 => self.byte(),
                    8 => EXTREMES[self.below(EXTREMES.len())],
                    _ => input.get(at).map_or(0, |byte| byte ^ 1 << self.below(8)),
                };
                if let Some(byte) = input.get_mut(at) {
                    *byte = value;
                }
            }
        }
    }
}
