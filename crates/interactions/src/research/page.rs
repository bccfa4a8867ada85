//! What is looked through for a page, and for comparing: all that a question finds, in the order of the pseudonyms.

use auth::Permit;
use fhir_model::{IssueType, Outcome, ResourceType, TypeId};
use search::{Filter, ParamId, Plan, Target};
use std::sync::Arc;
use storage::Version;

use super::{
    cells,
    found::{About, Found, List, Row},
    person::StudyKey,
};
use crate::Fhir;

/// Resources that one answer is ordered of, at most.
const FOUND_MAX: usize = 10_000;

/// Resources that are read at once: few statements, since each may look at all that is found.
const READ_MAX: u32 = 2_000;

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
    /// Logical ids, in the order of their pseudonyms.
    pub(super) ids: Vec<Box<str>>,
    /// The pseudonym after which the next page begins; `None` on the last.
    pub(super) next: Option<String>,
    /// Before which the previous one ends; `None` on the first.
    pub(super) previous: Option<String>,
}

/// What is looked through.
#[derive(Clone, Copy)]
pub(super) struct Source<'s> {
    pub(super) fhir: &'s Fhir,
    pub(super) permit: &'s Permit,
    pub(super) key: &'s StudyKey,
    pub(super) ty: ResourceType,
    pub(super) plan: &'s Plan,
}

impl Source<'_> {
    /// All that is found now.
    ///
    /// # Errors
    /// The database's own trouble.
    pub(super) async fn found(&self) -> Result<Found, Outcome> {
        let params = cells::about(self.fhir, self.ty)?;
        let (mut at, mut rows) = (storage::Turn::First, Vec::new());
        let mut about = About::One;
        loop {
            let page = self.fhir.vault.search(self.permit, self.plan, &at, READ_MAX).await?;
            for version in page.versions {
                let patients = self.patients(&version, &params);
                if patients.len() != 1 {
                    about = About::Others;
                }
                let patient = patients.first().map_or(0, |id| self.key.number("Patient", id));
                let own = self.key.number(self.ty.name(), &version.id);
                rows.push(Row { own, patient, id: version.id.into() });
            }
            if rows.len() > FOUND_MAX {
                return Ok(Found::TooMuch);
            }
            let Some(next) = page.next else { break };
            at = storage::Turn::After(next);
        }
        Ok(Found::All(Arc::new(List::new(rows, about))))
    }

    /// Whom it is about, as [`cells::Room`] counts patients.
    fn patients(&self, version: &Version, about: &[ParamId]) -> Vec<Box<str>> {
        if about.is_empty() {
            return vec![version.id.as_str().into()];
        }
        let facts = version.facts(&self.fhir.vault.index_base());
        let rows = facts.references.iter().filter(|row| about.contains(&row.param));
        let mut patients: Vec<Box<str>> = rows
            .filter_map(|row| match &row.target {
                Target::Local { ty, id } if ty.ty() == TypeId::PATIENT => Some(id.clone()),
                Target::Local { .. } | Target::Contained { .. } | Target::Url { .. } => None,
            })
            .collect();
        patients.sort_unstable();
        patients.dedup();
        patients
    }

    /// What of these is still found and open.
    ///
    /// # Errors
    /// The database's own trouble.
    pub(super) async fn versions(&self, ids: Vec<Box<str>>) -> Result<Vec<Version>, Outcome> {
        let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut plan = self.plan.clone();
        for one in &mut plan.types {
            one.filters.insert(0, Filter::Id(ids.clone()));
        }
        let first = storage::Turn::First;
        Ok(self.fhir.vault.search(self.permit, &plan, &first, count).await?.versions)
    }
}

/// Said where an answer has too many resources to be put in an order.
pub(super) fn too_much() -> Outcome {
    let text = format!(
        "More than {FOUND_MAX} resources are found; ask for fewer, or with _summary=count for their number"
    );
    Outcome::new(IssueType::TooCostly, text)
}
