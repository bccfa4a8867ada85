//! Chance that repeats itself: `SplitMix64`, <https://prng.di.unimi.it/splitmix64.c>.

/// A stream of numbers that follows from its seed.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from the first to the last, both included.
    pub(super) fn between(&mut self, first: i32, last: i32) -> i32 {
        let span = u64::from(last.abs_diff(first)) + 1;
        let step = u32::try_from(self.next() % span).unwrap_or_default();
        first.saturating_add_unsigned(step)
    }

    /// Whether something with so many chances in a hundred happens.
    pub(super) fn happens(&mut self, percent: i32) -> bool {
        self.between(1, 100) <= percent
    }

    /// One of a table's rows.
    #[expect(
        clippy::indexing_slicing,
        reason = "tables have rows, and the number is below their count"
    )]
    pub(super) fn pick<'t, T>(&mut self, rows: &'t [T]) -> &'t T {
        let last = i32::try_from(rows.len()).unwrap_or(i32::MAX) - 1;
        &rows[usize::try_from(self.between(0, last)).unwrap_or_default()]
    }
}
