//! Numbers for rows and commits that grow with time, made without asking the database.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::Clock;

/// 41 bits of milliseconds since 2020, 10 bits of the process, 12 bits of a counter.
#[derive(Debug)]
pub(crate) struct Numbers {
    clock: Clock,
    process: i64,
    last: AtomicI64,
}

/// 2020-01-01T00:00:00Z.
const START_MS: i64 = 1_577_836_800_000;

impl Numbers {
    /// Two processes with the same ten bits would collide at times; the unique keys notice and the
    /// transaction starts again.
    pub(crate) fn new(clock: Clock) -> Self {
        let random = i64::try_from(uuid::Uuid::new_v4().as_u128() & 0x3ff).unwrap_or(0);
        Self { clock, process: random << 12, last: AtomicI64::new(0) }
    }

    /// The next number.
    pub(crate) fn next(&self) -> i64 {
        let now = ((self.clock.now().millis() - START_MS).max(0) << 22) | self.process;
        let following = |last: i64| if last < now { now } else { self.successor(last) };
        let before = self
            .last
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| Some(following(last)))
            .unwrap_or_else(|last| last);
        following(before)
    }

    fn successor(&self, last: i64) -> i64 {
        if last & 0xfff < 0xfff { last + 1 } else { (((last >> 22) + 1) << 22) | self.process }
    }
}

/// When a number was made, in milliseconds since 1970.
pub(super) fn time(number: i64) -> i64 {
    START_MS + (number >> 22)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir_model::Instant;

    #[test]
    fn numbers_only_grow_also_when_the_clock_stands_still() {
        let numbers = Numbers::new(Clock::from_fn(|| Instant::from_millis(START_MS + 5)));
        let many: Vec<i64> = (0..10_000).map(|_| numbers.next()).collect();
        assert!(many.is_sorted_by(|a, b| a < b));
        assert!(many.iter().all(|number| number & (0x3ff << 12) == numbers.process));
    }
}
