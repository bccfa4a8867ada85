//! How many resources searches found, remembered until something is written. A total is asked for with every page
//! that a person turns, and costs as much as there is to count.
//!
//! **Invariant**: what is remembered was counted when all that is committed at its [`Stamp`] was visible, so no
//! total is older than a write that was acknowledged before it was asked for.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use auth::Permit;
use fhir_model::Outcome;
use search::{Plan, Summary, Total};

/// Totals of so many searches are remembered.
const SEARCHES_MAX: usize = 1024;

/// A search that takes more letters to tell is not remembered.
const SEARCH_BYTES_MAX: usize = 4096;

/// What is visible: equal stamps see the same. On SQLite the number of the last commit, on PostgreSQL the
/// snapshot: <https://www.postgresql.org/docs/15/functions-info.html#FUNCTIONS-PG-SNAPSHOT>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp(pub(crate) Box<str>);

/// Totals as of one stamp: with the next one all are forgotten.
#[derive(Default)]
pub(crate) struct Totals {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    stamp: Option<Stamp>,
    totals: BTreeMap<Search, u64>,
}

/// What is searched for, without what makes a page of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Search(Box<str>);

impl Search {
    /// `None` when it is too long to be remembered.
    fn of(plan: &Plan) -> Option<Self> {
        let is_rough = plan.total == Some(Total::Estimate) && plan.summary != Summary::Count;
        let text = format!("{:?} {:?} {is_rough}", plan.contained, plan.types);
        (text.len() <= SEARCH_BYTES_MAX).then(|| Self(text.into()))
    }
}

impl Totals {
    /// How many resources the search finds; `count` counts them when nobody remembers. Only what is seen with every
    /// row open is remembered: other totals are somebody's own.
    pub(crate) async fn total(
        &self,
        (plan, permit): (&Plan, &Permit),
        stamp: Stamp,
        count: impl Future<Output = Result<u64, Outcome>>,
    ) -> Result<u64, Outcome> {
        let search = Search::of(plan).filter(|_| permit.covers_all_rows());
        let Some(search) = search else { return count.await };
        if let Some(total) = self.get(&stamp, &search) {
            return Ok(total);
        }
        let total = count.await?;
        self.put(stamp, search, total);
        Ok(total)
    }

    /// The total of a search, if it was counted when the same was visible.
    fn get(&self, stamp: &Stamp, search: &Search) -> Option<u64> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = known.stamp.as_ref() == Some(stamp);
        known.totals.get(search).copied().filter(|_| is_current)
    }

    /// Remembers what was counted after the stamp was taken.
    fn put(&self, stamp: Stamp, search: Search, total: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.stamp.as_ref() != Some(&stamp) || known.totals.len() >= SEARCHES_MAX {
            known.totals.clear();
            known.stamp = Some(stamp);
        }
        known.totals.insert(search, total);
    }
}

impl fmt::Debug for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Totals").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(name: &str) -> Stamp {
        Stamp(name.into())
    }

    fn search(name: &str) -> Search {
        Search(name.into())
    }

    #[test]
    fn a_total_is_forgotten_when_something_else_is_visible() {
        let totals = Totals::default();
        totals.put(stamp("7"), search("a"), 1);
        totals.put(stamp("7"), search("b"), 2);
        assert_eq!(totals.get(&stamp("7"), &search("a")), Some(1));
        assert_eq!(totals.get(&stamp("7"), &search("b")), Some(2));
        assert_eq!(totals.get(&stamp("8"), &search("a")), None);
        totals.put(stamp("8"), search("b"), 3);
        assert_eq!(totals.get(&stamp("8"), &search("b")), Some(3));
        assert_eq!(totals.get(&stamp("8"), &search("a")), None);
        assert_eq!(totals.get(&stamp("7"), &search("a")), None);
    }

    #[test]
    fn no_more_searches_are_remembered_than_the_limit() {
        let totals = Totals::default();
        for n in 0..3 * SEARCHES_MAX {
            totals.put(stamp("1"), search(&n.to_string()), 1);
        }
        assert!(totals.known.lock().unwrap().totals.len() <= SEARCHES_MAX);
    }
}
