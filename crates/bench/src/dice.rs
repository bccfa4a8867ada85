//! A small fast generator (`SplitMix64`), so that a seed gives the same run again:
//! <https://prng.di.unimi.it/splitmix64.c>.

/// Deterministic dice; not for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0..sides`; 0 when there are no sides.
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        let sides = u64::try_from(sides).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.roll() % sides).unwrap_or_default()
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    /// One of the rows, each as likely as its weight.
    pub(crate) fn weighted<'a, T>(&mut self, rows: &'a [(usize, T)]) -> Option<&'a T> {
        let mut left = self.below(rows.iter().map(|(weight, _)| weight).sum());
        for (weight, row) in rows {
            if left < *weight {
                return Some(row);
            }
            left -= weight;
        }
        None
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_kept() {
        let mut dice = Dice::new(1);
        let rows = [(10, 'C'), (60, 'R'), (25, 'U'), (5, 'D')];
        let mut reads = 0;
        for _ in 0..10_000 {
            reads += usize::from(dice.weighted(&rows) == Some(&'R'));
        }
        assert!((5_700..6_300).contains(&reads), "{reads}");
    }

    #[test]
    fn a_shuffle_loses_nothing() {
        let mut items: Vec<u32> = (0..100).collect();
        Dice::new(7).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
