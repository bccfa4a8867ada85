//! What questions found, for a while: a further page is a part of it, and later answers are compared with it. And whose
//! turn it is: one question of a study, and one of who asks, is answered at a time.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use fhir_model::{IssueType, Outcome};
use tokio::{sync::OwnedMutexGuard, time::timeout};

use super::found::Found;

/// For how long the order of an answer is kept for its pages.
pub(super) const PAGES: Duration = Duration::from_mins(10);

/// For how long an answer is kept to be compared with: as long as a budget.
const COMPARED: Duration = Duration::from_hours(24);

/// Rows of all answers that are kept together.
const ROWS_MAX: usize = 500_000;

/// What an answer weighs besides its rows.
const ROWS_EACH: usize = 16;

/// How long is waited for another question.
const WAIT_MAX: Duration = Duration::from_secs(15);

/// What is kept of the questions to all studies.
#[derive(Default)]
pub(crate) struct Memory {
    kept: Mutex<BTreeMap<Asked, Kept>>,
    turns: Mutex<BTreeMap<String, Turn>>,
}

type Turn = Arc<tokio::sync::Mutex<()>>;

/// Whose turn it is, until it is dropped.
pub(super) struct Turns {
    _of_study: OwnedMutexGuard<()>,
    _of_asker: OwnedMutexGuard<()>,
}

/// A question, and in whose eyes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) project: String,
    /// Who asks, and for whom.
    pub(super) eyes: String,
    pub(super) ty: &'static str,
    pub(super) criteria: String,
}

#[derive(Clone)]
struct Kept {
    found: Found,
    at: Instant,
    used: Instant,
}

impl Memory {
    /// Waits until it is their turn.
    ///
    /// # Errors
    /// `transient` when others take too long.
    pub(super) async fn turn(&self, project: &str, asker: &str) -> Result<Turns, Outcome> {
        let [of_study, of_asker] = self.turns([format!("study {project}"), format!("who {asker}")]);
        // of the study first, whoever waits: so nobody waits in a ring
        let both = async {
            Turns { _of_study: of_study.lock_owned().await, _of_asker: of_asker.lock_owned().await }
        };
        timeout(WAIT_MAX, both).await.map_err(|_| {
            let text =
                "Another question of this study or of yours is being answered; ask again then";
            Outcome::new(IssueType::Transient, text)
        })
    }

    fn turns(&self, names: [String; 2]) -> [Turn; 2] {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        names.map(|name| Arc::clone(turns.entry(name).or_default()))
    }

    /// What a question found, as far as its pages rest on it.
    pub(super) fn pages(&self, asked: &Asked) -> Option<Found> {
        self.get(asked, PAGES)
    }

    /// What a question found some time of the last day.
    pub(super) fn found(&self, asked: &Asked) -> Option<Found> {
        self.get(asked, COMPARED)
    }

    fn get(&self, asked: &Asked, age_max: Duration) -> Option<Found> {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.get_mut(asked).filter(|kept| kept.at.elapsed() < age_max)?;
        kept.used = Instant::now();
        Some(kept.found.clone())
    }

    /// Keeps what was found just now; what nobody asked for the longest time is forgotten for it.
    pub(super) fn keep(&self, asked: Asked, found: Found) {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now();
        all.insert(asked, Kept { found, at, used: at });
        all.retain(|_, kept| kept.at.elapsed() < COMPARED);
        while all.values().map(Kept::weight).sum::<usize>() > ROWS_MAX {
            let oldest = all.iter().min_by_key(|(_, kept)| kept.used);
            let Some(oldest) = oldest.map(|(asked, _)| asked.clone()) else { break };
            all.remove(&oldest);
        }
    }

    pub(super) fn forget(&self, asked: &Asked) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(asked);
    }
}

impl Kept {
    fn weight(&self) -> usize {
        ROWS_EACH + self.found.rows()
    }
}

impl fmt::Debug for Memory {
    /// Without what is in it: that is about patients.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::found::{About, List, Row},
        *,
    };

    fn asked(n: usize) -> Asked {
        let of = |text: &str| text.to_owned();
        Asked { project: of("p"), eyes: of("e"), ty: "Patient", criteria: format!("n={n}") }
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let memory = Memory::default();
        let row = |n: u128| Row { own: n, patient: n, id: "1".into() };
        let found = Found::All(Arc::new(List::new((0..10_000).map(row).collect(), About::One)));
        for n in 0..60 {
            memory.keep(asked(n), found.clone());
            assert!(memory.found(&asked(0)).is_some(), "{n}: it is in use");
        }
        assert!(memory.pages(&asked(59)).is_some());
        assert!(memory.found(&asked(1)).is_none());
        assert!(memory.kept.lock().unwrap().len() < 50);
        memory.forget(&asked(59));
        assert!(memory.found(&asked(59)).is_none());
    }

    #[tokio::test]
    async fn questions_of_a_study_and_of_somebody_have_turns() {
        let memory = Memory::default();
        let first = memory.turn("a", "x").await.unwrap();
        let soon = Duration::from_millis(20);
        assert!(timeout(soon, memory.turn("a", "y")).await.is_err(), "the same study");
        assert!(timeout(soon, memory.turn("b", "x")).await.is_err(), "the same researcher");
        let other = timeout(soon, memory.turn("b", "y")).await.unwrap().unwrap();
        drop(first);
        timeout(soon, memory.turn("a", "x")).await.unwrap().unwrap();
        drop(other);
        memory.turn("c", "z").await.unwrap();
        assert_eq!(memory.turns.lock().unwrap().len(), 2);
    }
}
