//! Pages in the order of the pseudonyms, which tells nothing of when something came into the vault.

use std::collections::BTreeMap;

use auth::Permit;
use fhir_model::{IssueType, Outcome, ResourceType};
use search::Plan;
use storage::Version;

use super::person::StudyKey;
use crate::Fhir;

/// Resources that one answer is ordered of, at most.
const FOUND_MAX: usize = 10_000;

/// Resources that are read at once.
const READ_MAX: u32 = 500;

/// Which page, by the pseudonym that it follows or precedes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    First,
    After(String),
    Before(String),
}

/// A part of what was found.
#[derive(Debug)]
pub(super) struct Page {
    /// In the order of their pseudonyms.
    pub(super) versions: Vec<Version>,
    /// The pseudonym after which the next page begins; `None` on the last.
    pub(super) next: Option<String>,
    /// Before which the previous one ends; `None` on the first.
    pub(super) previous: Option<String>,
}

/// What is looked through for a page.
pub(super) struct Source<'s> {
    pub(super) fhir: &'s Fhir,
    pub(super) permit: &'s Permit,
    pub(super) key: &'s StudyKey,
    pub(super) ty: ResourceType,
    pub(super) plan: &'s Plan,
}

impl Source<'_> {
    /// # Errors
    /// `too-costly` when more is found than can be ordered, or the database's own trouble.
    pub(super) async fn page(&self, turn: &Turn, count: u32) -> Result<Page, Outcome> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let (mut at, mut found, mut window) = (storage::Turn::First, 0, Window::default());
        loop {
            let page = self.fhir.vault.search(self.permit, self.plan, &at, READ_MAX).await?;
            found += page.versions.len();
            if found > FOUND_MAX {
                let text = format!(
                    "More than {FOUND_MAX} resources are found; ask for fewer, or with _summary=count for their number"
                );
                return Err(Outcome::new(IssueType::TooCostly, text));
            }
            for version in page.versions {
                let pseudonym = self.key.pseudonym(self.ty.name(), &version.id);
                window.take(turn, count, (pseudonym, version));
            }
            let Some(next) = page.next else { break };
            at = storage::Turn::After(next);
        }
        Ok(window.page())
    }
}

/// The part of what is found that a page has.
struct Window<V> {
    kept: BTreeMap<String, V>,
    is_before: bool,
    is_after: bool,
}

impl<V> Default for Window<V> {
    fn default() -> Self {
        Self { kept: BTreeMap::new(), is_before: false, is_after: false }
    }
}

impl<V> Window<V> {
    fn take(&mut self, turn: &Turn, count: usize, (pseudonym, value): (String, V)) {
        match turn {
            Turn::After(last) if pseudonym <= *last => self.is_before = true,
            Turn::Before(first) if pseudonym >= *first => self.is_after = true,
            Turn::First | Turn::After(_) => {
                self.kept.insert(pseudonym, value);
                self.is_after |= self.kept.len() > count && self.kept.pop_last().is_some();
            }
            Turn::Before(_) => {
                self.kept.insert(pseudonym, value);
                self.is_before |= self.kept.len() > count && self.kept.pop_first().is_some();
            }
        }
    }
}

impl Window<Version> {
    fn page(self) -> Page {
        let next = self.kept.keys().next_back().filter(|_| self.is_after).cloned();
        let previous = self.kept.keys().next().filter(|_| self.is_before).cloned();
        Page { versions: self.kept.into_values().collect(), next, previous }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_part_of_an_order() {
        let after = |text: &str| Turn::After(text.to_owned());
        let before = |text: &str| Turn::Before(text.to_owned());
        for (turn, kept, is_before, is_after) in [
            (Turn::First, "ab", false, true),
            (after("b"), "cd", true, true),
            (after("d"), "e", true, false),
            (before("e"), "cd", true, true),
            (before("c"), "ab", false, true),
        ] {
            let mut window = Window::default();
            for one in ["d", "a", "e", "c", "b"] {
                window.take(&turn, 2, (one.to_owned(), ()));
            }
            let keys: String = window.kept.keys().map(String::as_str).collect();
            let found = (keys.as_str(), window.is_before, window.is_after);
            assert_eq!(found, (kept, is_before, is_after), "{turn:?}");
        }
    }
}
