//! Days of the nation's calendar. No day is after the 28th, so every month has it.

use std::fmt;

use crate::dice::Dice;

/// The nation's present; nothing happens after it.
pub(super) const PRESENT_YEAR: usize = 2025;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) year: usize,
    month: usize,
    number: usize,
}

impl Day {
    /// Some day of the years `from..=to`.
    pub(super) fn between(from: usize, to: usize, dice: &mut Dice) -> Self {
        let year = from + dice.below((to + 1).saturating_sub(from));
        Self { year, month: 1 + dice.below(12), number: 1 + dice.below(28) }
    }

    /// That day at a time given in minutes after midnight.
    pub(super) fn at(self, minute: usize) -> String {
        format!("{self}T{:02}:{:02}:00+01:00", minute / 60 % 24, minute % 60)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}-{:02}", self.year, self.month, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_within_its_years_and_has_its_form() {
        let mut dice = Dice::new(1);
        for _ in 0..1_000 {
            let day = Day::between(2015, PRESENT_YEAR, &mut dice);
            assert!((2015..=PRESENT_YEAR).contains(&day.year), "{day}");
            assert_eq!(day.to_string().len(), 10, "{day}");
        }
        let day = Day { year: 2025, month: 3, number: 7 };
        assert_eq!(day.at(605), "2025-03-07T10:05:00+01:00");
    }
}
