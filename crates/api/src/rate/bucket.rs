//! Token buckets by name. Their number is bounded; full ones need not be kept.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// Parts, each behind a lock of its own.
const SHARDS: usize = 16;

/// Buckets of one part.
const BUCKETS_MAX: usize = 8_192;

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    /// 0: no limit.
    pub(super) per_second: u32,
    pub(super) burst_seconds: u32,
}

/// What is left in a bucket, and when that was so.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
    rate: Rate,
}

#[expect(clippy::disallowed_types, reason = "looked up with each request, never shown")]
type Shard = std::collections::HashMap<u64, Bucket>;

/// All buckets.
#[derive(Debug)]
pub(super) struct Buckets {
    shards: Box<[Mutex<Shard>]>,
    /// Keyed at random: nobody can look for names that share a bucket.
    hasher: RandomState,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }
}

impl Buckets {
    /// Takes one out of the bucket of this name; when it is empty, how many seconds to wait.
    #[expect(clippy::cast_possible_truncation, reason = "only the low bits are wanted")]
    pub(super) fn take(
        &self,
        who: (&str, &str, &str),
        rate: Rate,
        now: Instant,
    ) -> Result<(), u32> {
        if rate.per_second == 0 {
            return Ok(());
        }
        let name = self.hasher.hash_one(who);
        let Some(shard) = self.shards.get(name as usize % SHARDS) else { return Ok(()) };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= BUCKETS_MAX && !shard.contains_key(&name) {
            shard.retain(|_, bucket| bucket.left_at(now) < bucket.rate.holds());
            if shard.len() >= BUCKETS_MAX {
                // more than are kept are at their limit: they begin anew
                shard.clear();
            }
        }
        let bucket = shard.entry(name).or_insert(Bucket { left: rate.holds(), at: now, rate });
        bucket.take(now)
    }
}

impl Rate {
    fn holds(self) -> f64 {
        f64::from(self.per_second) * f64::from(self.burst_seconds.max(1))
    }
}

impl Bucket {
    fn left_at(&self, now: Instant) -> f64 {
        let filled =
            now.saturating_duration_since(self.at).as_secs_f64() * f64::from(self.rate.per_second);
        (self.left + filled).min(self.rate.holds())
    }

    #[expect(clippy::cast_possible_truncation, reason = "a float is cut off to the type's range")]
    #[expect(clippy::cast_sign_loss, reason = "what is missing is not negative")]
    fn take(&mut self, now: Instant) -> Result<(), u32> {
        (self.left, self.at) = (self.left_at(now), now);
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        let seconds = (1.0 - self.left) / f64::from(self.rate.per_second);
        Err((seconds.ceil() as u32).max(1))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RATE: Rate = Rate { per_second: 2, burst_seconds: 3 };

    #[test]
    fn a_bucket_is_emptied_and_fills_again() {
        let (buckets, start) = (Buckets::default(), Instant::now());
        let take = |who, after_ms| {
            buckets.take(("r", who, ""), RATE, start + Duration::from_millis(after_ms))
        };
        for _ in 0..6 {
            assert_eq!(take("a", 0), Ok(()));
        }
        assert_eq!(take("a", 0), Err(1));
        assert_eq!(take("b", 0), Ok(()));
        assert_eq!(take("a", 400), Err(1));
        assert_eq!(take("a", 500), Ok(()));
        assert_eq!(take("a", 500), Err(1));
        // it never holds more than its burst
        for _ in 0..6 {
            assert_eq!(take("a", 100_000), Ok(()));
        }
        assert_eq!(take("a", 100_000), Err(1));
        // a slow one says how long
        let slow = Rate { per_second: 1, burst_seconds: 1 };
        assert_eq!(buckets.take(("s", "", ""), slow, start), Ok(()));
        assert_eq!(buckets.take(("s", "", ""), slow, start), Err(1));
        let none = Rate { per_second: 0, burst_seconds: 1 };
        assert!((0..1_000).all(|_| buckets.take(("n", "", ""), none, start).is_ok()));
    }

    #[test]
    fn buckets_do_not_pile_up() {
        let (buckets, start) = (Buckets::default(), Instant::now());
        for n in 0..3 * SHARDS * BUCKETS_MAX {
            assert_eq!(buckets.take(("r", &n.to_string(), ""), RATE, start), Ok(()));
        }
        let kept: usize = buckets.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(kept <= SHARDS * BUCKETS_MAX, "{kept}");
    }
}
