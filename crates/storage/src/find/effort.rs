//! How much is counted and sampled before a page is asked for. It chooses a way and changes no answer.

use std::sync::OnceLock;

/// Rows that are looked at to choose a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// At first filters are counted so far: what has fewer rows leads.
    pub few: u64,
    /// If that does not decide, so far: what has fewer may be collected and sorted.
    pub many: u64,
    /// So many rows of each filter are held against the others.
    pub sample: i64,
    /// Of each stretch inside a chain: the rows of one resource come together, and must not be all that is seen.
    pub sample_inside: i64,
    /// So many resources inside are gone out from when that way is a guess,
    pub inside: i64,
    /// and so many of what they lead to are looked at.
    pub met: i64,
    /// SQLite's machine takes at most so many steps for a guess, some ten a row.
    pub steps: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            few: 256,
            many: 4096,
            sample: 16,
            sample_inside: 64,
            inside: 64,
            met: 512,
            steps: 20_000,
        }
    }
}

/// The effort of a vault: said once, or the usual one.
#[derive(Debug, Default)]
pub(crate) struct Said(OnceLock<Effort>);

impl Said {
    pub(crate) fn say(&self, effort: Effort) {
        // who said it first keeps it
        self.0.get_or_init(|| effort);
    }

    pub(crate) fn now(&self) -> Effort {
        self.0.get().copied().unwrap_or_default()
    }
}
