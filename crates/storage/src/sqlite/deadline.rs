//! Ends queries that take too long: <https://www.sqlite.org/c3ref/progress_handler.html>.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;

/// How long a query may take.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(5);
/// Between two looks at the clock: steps of SQLite's machine, some ten a row.
const STEPS: std::ffi::c_int = 2_000;

/// When the query that runs on a connection must be done.
#[derive(Debug, Clone)]
pub(super) struct Deadline {
    start: Instant,
    /// Nanoseconds after the start; 0: whenever it likes.
    at: Arc<AtomicU64>,
}

impl Deadline {
    /// Looks after a connection from now on.
    pub(super) fn on(connection: &Connection) -> rusqlite::Result<Self> {
        let deadline = Self { start: Instant::now(), at: Arc::default() };
        let seen = deadline.clone();
        connection.progress_handler(STEPS, Some(move || seen.is_over()))?;
        Ok(deadline)
    }

    /// A query begins that may take so long.
    pub(super) fn begin(&self, time_max: Duration) {
        self.at.store(self.now() + nanos(time_max), Ordering::Relaxed);
    }

    /// It is done.
    pub(super) fn end(&self) {
        self.at.store(0, Ordering::Relaxed);
    }

    /// Whether its time is over.
    pub(super) fn is_over(&self) -> bool {
        let at = self.at.load(Ordering::Relaxed);
        at != 0 && self.now() > at
    }

    fn now(&self) -> u64 {
        nanos(self.start.elapsed())
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 2)
}
