//! How far the indexing for new parameters is, for refusals that tell it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use search::ParamId;

/// Resources done and in all, by parameter.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<BTreeMap<ParamId, (u64, Option<u64>)>>);

impl Progress {
    /// Remembers how far these are.
    pub(super) fn tell(&self, params: &[ParamId], done: u64, total: i64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for param in params {
            known.insert(*param, (done, u64::try_from(total).ok()));
        }
    }

    /// How far it is.
    pub(super) fn of(&self, param: ParamId) -> Option<(u64, Option<u64>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&param).copied()
    }
}
