//! How much one answer may cost, since `ValueSet`s come from whoever may write them.

use crate::Refusal;

/// Text that is compared or copied in a step.
pub(crate) const BYTES_PER_STEP: usize = 64;

/// Bounds of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Codes in the answer.
    pub codes: usize,
    /// `ValueSet`s and `CodeSystem`s that one `ValueSet` may draw on, over all imports.
    pub resources: usize,
    /// Work on the way: elements read, codes compared or copied. A step takes less than 0.5 µs.
    pub steps: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { codes: 10_000, resources: 100, steps: 10_000_000 }
    }
}

/// The steps that are left.
#[derive(Debug)]
pub(crate) struct Budget {
    left: usize,
    all: usize,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { left: limits.steps, all: limits.steps }
    }

    /// Takes steps away, before they are made.
    pub(crate) fn charge(&mut self, steps: usize) -> Result<(), Refusal> {
        self.left = self.left.checked_sub(steps).ok_or(Refusal::TooManySteps { max: self.all })?;
        Ok(())
    }
}
