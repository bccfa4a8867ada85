//! How far an import is: a bar on a terminal, elsewhere a line every few seconds.

use std::{
    io::{self, IsTerminal as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::record::Rejection;
use crate::console;

/// Counts what becomes of records, and shows it.
#[derive(Debug)]
pub(crate) struct Progress {
    stored: AtomicU64,
    rejected: AtomicU64,
    bytes_read: Arc<AtomicU64>,
    bytes_total: u64,
    started: Instant,
    display: Display,
}

#[derive(Debug)]
enum Display {
    Bar(ProgressBar),
    Lines,
    /// Nobody looks on; rejections are kept for the caller.
    Quiet(Mutex<Vec<String>>),
}

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Resources that are in the vault now.
    pub(crate) stored: u64,
    /// Records that are not.
    pub(crate) rejected: u64,
}

impl Progress {
    /// Of files with so many bytes.
    pub(super) fn of_bytes(total: u64) -> Self {
        let display = if io::stderr().is_terminal() { bar(total) } else { Display::Lines };
        Self::new(total, display)
    }

    /// Shown to nobody; rejections are kept.
    pub(crate) fn quiet() -> Self {
        Self::new(0, Display::Quiet(Mutex::default()))
    }

    /// The rejections that were kept.
    pub(crate) fn rejections(&self) -> Vec<String> {
        match &self.display {
            Display::Quiet(kept) => kept.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            Display::Bar(_) | Display::Lines => Vec::new(),
        }
    }

    fn new(bytes_total: u64, display: Display) -> Self {
        Self {
            stored: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            bytes_read: Arc::default(),
            bytes_total,
            started: Instant::now(),
            display,
        }
    }

    /// Where readers of files count.
    pub(super) fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes_read)
    }

    /// Counts resources.
    pub(super) fn stored(&self, resources: usize) {
        self.stored.fetch_add(u64::try_from(resources).unwrap_or(0), Relaxed);
    }

    /// Counts a record that was not stored, and says why.
    pub(super) fn reject(&self, rejection: &Rejection) {
        self.rejected.fetch_add(1, Relaxed);
        let line = rejection.to_string();
        match &self.display {
            Display::Bar(bar) => bar.suspend(|| console::say(&line)),
            Display::Lines => console::say(&line),
            Display::Quiet(kept) => kept.lock().unwrap_or_else(PoisonError::into_inner).push(line),
        }
    }

    /// Shows the state again and again. Never ends by itself.
    pub(super) async fn show(&self) {
        let period = match &self.display {
            Display::Bar(_) => Duration::from_millis(200),
            Display::Lines => Duration::from_secs(5),
            Display::Quiet(_) => return std::future::pending().await,
        };
        loop {
            tokio::time::sleep(period).await;
            let read = self.bytes_read.load(Relaxed);
            let done = format!(
                "{} resources, {} a second",
                grouped(self.stored.load(Relaxed)),
                self.rate()
            );
            match &self.display {
                Display::Bar(bar) => {
                    bar.set_position(read);
                    bar.set_message(done);
                }
                Display::Lines => {
                    let percent = read.saturating_mul(100) / self.bytes_total.max(1);
                    let left = self.seconds_left(read);
                    console::remark(&format!("{done}, {percent} % read, {left} s left"));
                }
                Display::Quiet(_) => {}
            }
        }
    }

    /// Takes the bar away and says what became of it all.
    pub(super) fn finish(&self) -> Tally {
        let (stored, rejected) = (self.stored.load(Relaxed), self.rejected.load(Relaxed));
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
        if !matches!(self.display, Display::Quiet(_)) {
            let seconds = self.started.elapsed().as_secs_f64();
            console::remark(&format!(
                "{} resources stored in {seconds:.1} s ({} a second), {} rejected",
                grouped(stored),
                self.rate(),
                grouped(rejected)
            ));
        }
        Tally { stored, rejected }
    }

    fn rate(&self) -> String {
        let ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        grouped(self.stored.load(Relaxed).saturating_mul(1000) / ms)
    }

    fn seconds_left(&self, read: u64) -> u64 {
        let left = self.bytes_total.saturating_sub(read);
        self.started.elapsed().as_secs().saturating_mul(left) / read.max(1)
    }
}

fn bar(total: u64) -> Display {
    let bar = ProgressBar::new(total);
    let template = "{wide_bar} {percent:>3} %  {msg}  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    Display::Bar(bar)
}

/// `1,234,567`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (26_303_000, "26,303,000")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}
