//! The time, given and never grabbed.

use std::fmt;

use fhir_model::Instant;

/// Where the vault takes the time from. Tests hand in their own.
#[derive(Clone, Copy)]
pub struct Clock(fn() -> Instant);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(system_now)
    }

    /// Any other clock.
    pub fn from_fn(now: fn() -> Instant) -> Self {
        Self(now)
    }

    /// What it shows.
    pub fn now(self) -> Instant {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

fn system_now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
    let now = std::time::SystemTime::now();
    let since_epoch = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Instant::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
