//! Times per operation label in HDR histograms, and the errors beside them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Shared by all virtual users of a run (they live on one thread).
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    window: Cell<Option<Window>>,
    series: RefCell<BTreeMap<&'static str, Series>>,
}

/// A sample counts when it began and ended inside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from: Instant,
    pub(crate) until: Option<Instant>,
}

/// All samples under one label.
#[derive(Debug)]
pub(crate) struct Series {
    /// Microseconds.
    pub(crate) times: Histogram<u64>,
    pub(crate) bytes: u64,
    /// First line of each distinct complaint, with its count.
    pub(crate) errors: BTreeMap<String, u64>,
}

const COMPLAINTS_KEPT: usize = 20;

impl Recorder {
    pub(crate) fn within(window: Window) -> Self {
        Self { window: Cell::new(Some(window)), series: RefCell::default() }
    }

    /// Files one answer with its beginning and end: its size, or the complaint about it.
    pub(crate) fn file(
        &self,
        label: &'static str,
        (started, ended): (Instant, Instant),
        sample: Result<usize, String>,
    ) {
        let Some(window) = self.window.get() else { return };
        if started < window.from || window.until.is_some_and(|until| ended > until) {
            return;
        }
        let mut all = self.series.borrow_mut();
        let series = all.entry(label).or_insert_with(Series::empty);
        match sample {
            Ok(bytes) => {
                series.times.saturating_record(micros(ended - started));
                series.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
            }
            Err(complaint) => series.complain(complaint),
        }
    }

    /// An error that belongs to no answer.
    pub(crate) fn complain(&self, label: &'static str, complaint: String) {
        self.series.borrow_mut().entry(label).or_insert_with(Series::empty).complain(complaint);
    }

    pub(crate) fn take(&self) -> BTreeMap<&'static str, Series> {
        self.series.take()
    }
}

impl Series {
    fn empty() -> Self {
        const LONGEST_US: u64 = 1_800_000_000;
        const DIGITS: u8 = 3;
        let times = Histogram::new_with_max(LONGEST_US, DIGITS).unwrap_or_else(|_| fallback());
        Self { times, bytes: 0, errors: BTreeMap::new() }
    }

    fn complain(&mut self, complaint: String) {
        if self.errors.len() >= COMPLAINTS_KEPT && !self.errors.contains_key(&complaint) {
            *self.errors.entry("other".to_owned()).or_default() += 1;
            return;
        }
        *self.errors.entry(complaint).or_default() += 1;
    }

    #[cfg(test)]
    pub(crate) fn for_tests(times_us: &[u64]) -> Self {
        let mut series = Self::empty();
        for time in times_us {
            series.times.saturating_record(*time);
        }
        series
    }

    pub(crate) fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }
}

#[expect(clippy::expect_used, reason = "1 significant digit is a constant that the type accepts")]
fn fallback() -> Histogram<u64> {
    Histogram::new(1).expect("one significant digit")
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_outside_the_window_do_not_count() {
        let before = Instant::now();
        let now = before + Duration::from_nanos(1);
        let recorder = Recorder::within(Window { from: now, until: None });
        recorder.file("read", (before, now), Ok(10));
        recorder.file("read", (now, now), Ok(10));
        recorder.file("read", (now, now), Err("500".into()));
        let series = recorder.take().remove("read").unwrap();
        assert_eq!((series.times.len(), series.bytes, series.error_count()), (1, 10, 1));
    }
}
