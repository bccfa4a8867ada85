//! The way through the compartment, page by page.

use auth::Permit;
use fhir_model::{IssueType, Outcome};
use search::Plan;
use storage::{Key, Page, Position, Turn, Version};

use super::{Around, Wanted};
use crate::Fhir;

/// Resources of one look into the vault.
const AT_ONCE: usize = 1_000;

/// Where some of what is looked at is not shown, a page looks at so many at least.
const SOME: usize = 200;

/// Without `_count` at most so many: then `_count` is asked for.
const ALL_MAX: usize = 50_000;

/// What is walked, and what is looked for.
#[derive(Debug)]
pub(super) struct Walk<'w> {
    pub(super) fhir: &'w Fhir,
    pub(super) permit: &'w Permit,
    pub(super) plan: &'w Plan,
    pub(super) center: &'w Key,
    pub(super) wanted: &'w Wanted,
}

/// A part of the way.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) found: Vec<Version>,
    pub(super) around: Around,
    pub(super) next: Option<Next>,
}

/// Where the next page begins.
#[derive(Debug)]
pub(super) enum Next {
    /// With the first resource of the compartment.
    Start,
    /// After a position.
    After(Position),
}

impl Walked {
    /// Whether nothing is there to be shown.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.around.is_empty()
    }
}

impl Walk<'_> {
    /// Goes on until there is no more room, or nothing more.
    ///
    /// # Errors
    /// `too-costly`, or the database's own trouble.
    pub(super) async fn from(
        &self,
        mut turn: Turn,
        room: Option<usize>,
    ) -> Result<Walked, Outcome> {
        let mut walked = Walked::default();
        loop {
            let left = room.map(|room| room.saturating_sub(walked.found.len()));
            let page = self.look(&turn, left).await?;
            for version in page.versions.iter().filter(|version| self.matters(version)) {
                if self.wanted.looks_around() {
                    walked.around.add(version, &self.fhir.base);
                }
                if self.wanted.shows(version) {
                    walked.found.push(version.clone());
                }
            }
            if walked.found.len() > ALL_MAX || walked.around.len() > ALL_MAX {
                let text = format!(
                    "There are more than {ALL_MAX} resources; ask for pages with _count, or for less with _type, start and end"
                );
                return Err(Outcome::new(IssueType::TooCostly, text));
            }
            match page.next {
                Some(next) if room.is_some_and(|room| walked.found.len() >= room) => {
                    walked.next = Some(Next::After(next));
                    return Ok(walked);
                }
                Some(next) => turn = Turn::After(next),
                None => return Ok(walked),
            }
        }
    }

    /// What comes next, at most so much that all of it that is shown has room.
    async fn look(&self, turn: &Turn, left: Option<usize>) -> Result<Page, Outcome> {
        let is_sieved = !self.wanted.care.is_any()
            || self.wanted.looks_around()
                && (self.wanted.types.is_some() || self.wanted.since.is_some());
        let least = if is_sieved { SOME } else { 1 };
        let count = left.map_or(AT_ONCE, |left| left.clamp(least, AT_ONCE));
        let mut page = self.search(turn, count).await?;
        let Some(end) = left.and_then(|left| self.full_at(&page.versions, left)) else {
            return Ok(page);
        };
        let is_rest = page.versions.iter().skip(end).any(|version| self.matters(version));
        if is_rest {
            // the position where a page ends comes with the page
            return self.search(turn, end).await;
        }
        page.versions.truncate(end);
        Ok(page)
    }

    async fn search(&self, turn: &Turn, count: usize) -> Result<Page, Outcome> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.fhir.vault.search(self.permit, self.plan, turn, count).await
    }

    /// How many of these fill the room that is left.
    fn full_at(&self, versions: &[Version], left: usize) -> Option<usize> {
        let shown = versions.iter().enumerate();
        let mut shown = shown.filter(|(_, one)| self.matters(one) && self.wanted.shows(one));
        shown.nth(left.checked_sub(1)?).map(|(at, _)| at + 1)
    }

    /// Whether it or what it refers to may be shown.
    fn matters(&self, version: &Version) -> bool {
        let is_center =
            version.resource_type == self.center.resource_type && version.id == self.center.id;
        !is_center && version.body.as_ref().is_some_and(|body| self.wanted.care.covers(body))
    }
}
