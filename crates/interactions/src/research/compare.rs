//! An answer beside those that were given before: as they were found some time of the last day, and where that says that
//! few people differ, or does not say it, as both are now.

use std::sync::Arc;

use fhir_model::{IssueType, Outcome, ResourceType};
use search::Plan;

use super::{
    cells::Room,
    found::{Found, List, Types},
    memory::Asked,
    page::Source,
};

/// A question that was answered before.
pub(super) struct Earlier {
    pub(super) ty: ResourceType,
    pub(super) plan: Plan,
    pub(super) criteria: String,
}

/// What is compared.
pub(super) struct Beside<'b> {
    pub(super) source: Source<'b>,
    pub(super) room: &'b Room<'b>,
    pub(super) asked: &'b Asked,
    /// What the answer has.
    pub(super) found: &'b Found,
}

impl Beside<'_> {
    /// Whether the answer differs from one of these by few patients.
    ///
    /// # Errors
    /// `too-costly`, or the database's own trouble.
    pub(super) async fn differs_by_few(&self, before: &[Earlier]) -> Result<bool, Outcome> {
        // what is known already costs nothing
        let (known, unknown): (Vec<_>, Vec<_>) =
            before.iter().map(|one| (one, self.known(one))).partition(|(_, known)| known.is_some());
        for (one, known) in known.into_iter().chain(unknown) {
            let list = match known {
                Some(found) => found,
                None => self.find(one).await?,
            };
            let is_new = known_differs(self.found, &list, self.types(one));
            if is_new == Some(false) {
                continue;
            }
            if self.room.differs_from(self.source.plan, (one.ty, &one.plan)).await? {
                return Ok(true);
            }
            if is_new == Some(true) {
                // it is not any more as it was
                self.source.fhir.studies.forget(&self.of(one));
            }
        }
        Ok(false)
    }

    fn types(&self, one: &Earlier) -> Types {
        if one.ty == self.source.ty { Types::Same } else { Types::Different }
    }

    fn of(&self, one: &Earlier) -> Asked {
        let (ty, criteria) = (one.ty.name(), one.criteria.clone());
        Asked { ty, criteria, ..self.asked.clone() }
    }

    fn known(&self, one: &Earlier) -> Option<Found> {
        self.source.fhir.studies.found(&self.of(one))
    }

    /// What an earlier question finds now; it is kept.
    async fn find(&self, one: &Earlier) -> Result<Found, Outcome> {
        let source = Source { ty: one.ty, plan: &one.plan, ..self.source };
        let found = listed(source.found().await)?;
        self.source.fhir.studies.keep(self.of(one), found.clone());
        Ok(found)
    }
}

/// What cannot be listed is compared by searches.
pub(super) fn listed(found: Result<Found, Outcome>) -> Result<Found, Outcome> {
    match found {
        Err(no) if no.issues().iter().any(|issue| issue.code == IssueType::TooCostly) => {
            Ok(Found::TooMuch)
        }
        found => found,
    }
}

fn known_differs(one: &Found, other: &Found, of: Types) -> Option<bool> {
    let list = |found: &Found| -> Option<Arc<List>> {
        match found {
            Found::All(list) => Some(Arc::clone(list)),
            Found::TooMuch => None,
        }
    };
    list(one)?.differs_by_few(&*list(other)?, of)
}
