//! A small generator (splitmix64), so that a printed seed brings a failure back.

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }
}

/// The seed of this run: `POWERCUT_SEED`, or a new one. It is printed, for the run to be repeated.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("POWERCUT_SEED").ok().map(|text| text.parse().expect("POWERCUT_SEED is a number"));
    let seed = given.unwrap_or_else(|| u64::from_le_bytes(block66::sys::random::bytes()) >> 16);
    println!("POWERCUT_SEED={seed}");
    seed
}
