//! Ends queries that take too long, and guesses that take too many steps:
//! <https://www.sqlite.org/c3ref/progress_handler.html>.

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
const STEPS: std::ffi::c_int = 1_000;
/// Looks that nobody counts.
const ANY: u64 = u64::MAX;

/// When the query that runs on a connection must be done.
#[derive(Debug, Clone)]
pub(super) struct Deadline {
    start: Instant,
    /// Nanoseconds after the start; 0: whenever it likes.
    at: Arc<AtomicU64>,
    /// How often the clock is yet looked at before a guess is given up.
    looks: Arc<AtomicU64>,
}

impl Deadline {
    /// Looks after a connection from now on.
    pub(super) fn on(connection: &Connection) -> rusqlite::Result<Self> {
        let looks = Arc::new(AtomicU64::new(ANY));
        let deadline = Self { start: Instant::now(), at: Arc::default(), looks };
        let seen = deadline.clone();
        connection.progress_handler(STEPS, Some(move || seen.is_spent() || seen.is_over()))?;
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

    /// Does what may take so many steps, rounded up to a thousand; what takes more is interrupted.
    pub(super) fn within<T>(&self, steps: u64, work: impl FnOnce() -> T) -> T {
        self.looks.store(steps.div_ceil(STEPS.unsigned_abs().into()), Ordering::Relaxed);
        let done = work();
        self.looks.store(ANY, Ordering::Relaxed);
        done
    }

    /// Whether a look was one too many.
    fn is_spent(&self) -> bool {
        match self.looks.load(Ordering::Relaxed) {
            ANY => false,
            0 => true,
            left => {
                self.looks.store(left - 1, Ordering::Relaxed);
                false
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_many_steps_is_stopped_and_nothing_else() {
        let connection = Connection::open_in_memory().unwrap();
        let deadline = Deadline::on(&connection).unwrap();
        let up_to = |last: i64| {
            let sql = "with recursive n(n) as (select 1 union all select n + 1 from n where n < ?) select count(*) from n";
            connection.query_row(sql, [last], |row| row.get::<_, i64>(0))
        };
        assert_eq!(deadline.within(20_000, || up_to(100)), Ok(100));
        let stopped = deadline.within(20_000, || up_to(100_000)).unwrap_err();
        assert_eq!(stopped.sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted));
        assert!(!deadline.is_over());
        assert_eq!(up_to(100_000), Ok(100_000));
    }
}
