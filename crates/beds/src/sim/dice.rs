//! Numbers that look random and follow from a seed (`SplitMix64`, <https://doi.org/10.1145/2714064.2660195>).
//! Whole numbers only, so that every machine throws the same.

/// A sequence of numbers.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A sequence of its own for each pair of numbers: what is thrown for one patient does not depend on what
    /// happened to the others.
    pub fn of(seed: u64, topic: u64, number: u64) -> Self {
        let mut dice = Self(seed);
        let mixed = dice.next() ^ topic.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let mut dice = Self(mixed);
        let mixed = dice.next() ^ number.wrapping_mul(0xA076_1D64_78BD_642F);
        Self(mixed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to one below the number; 0 of 0.
    pub fn below(&mut self, number: u32) -> u32 {
        let scaled = (u128::from(self.next()) * u128::from(number)) >> 64;
        u32::try_from(scaled).unwrap_or_default()
    }

    /// Yes, so many times in a million.
    pub fn chance(&mut self, per_million: u32) -> bool {
        self.below(1_000_000) < per_million
    }

    /// One of these, by weight.
    pub fn weighted<T: Copy>(&mut self, choices: &[(T, u32)]) -> Option<T> {
        let all = choices.iter().fold(0_u32, |sum, (_, weight)| sum.saturating_add(*weight));
        let mut throw = self.below(all);
        for (choice, weight) in choices {
            match throw.checked_sub(*weight) {
                None => return Some(*choice),
                Some(rest) => throw = rest,
            }
        }
        None
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        let place = self.below(u32::try_from(choices.len()).unwrap_or(u32::MAX));
        choices.get(usize::try_from(place).unwrap_or_default()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same() {
        let throws = |seed| (0..5).map(|n| Dice::of(seed, 1, n).below(1_000)).collect::<Vec<_>>();
        assert_eq!(throws(1), throws(1));
        assert_ne!(throws(1), throws(2));
    }

    #[test]
    fn weights() {
        let mut dice = Dice::new(7);
        let mut seen = [0; 3];
        for _ in 0..10_000 {
            seen[dice.weighted(&[(0_usize, 1), (1, 0), (2, 3)]).unwrap()] += 1;
        }
        assert!((2_300..2_700).contains(&seen[0]), "{seen:?}");
        assert_eq!(seen[1], 0);
        assert_eq!(dice.weighted::<u8>(&[]), None);
        assert_eq!(dice.pick::<u8>(&[]), None);
    }
}
