//! What a permit opens, asked of single versions: by the index rows that a version has or had, and by looks into
//! the database for what other resources say. Searches have the same conditions in their statements.

use auth::{Action, Permit, Rows as Open};
use fhir_model::Outcome;
use search::{Filter, Nowhere, Plan, Rows, Subject, Target, TypePlan, matches};

use crate::find::{ask::Ask, sight};

/// In whose eyes a search looks at rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight<'p> {
    pub(crate) permit: &'p Permit,
    /// What is found may be touched by one of these.
    pub(crate) actions: &'p [Action],
}

impl<'p> Sight<'p> {
    /// For a search.
    pub(crate) const fn search(permit: &'p Permit) -> Self {
        Self { permit, actions: &[Action::Search] }
    }
}

/// What can be said of a version without a look into the database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Open,
    Closed,
    /// It depends on other resources.
    Depends(Box<Filter>),
}

/// Whether a version lies in the rows that a permit opens for an action, as far as it says so itself.
pub(crate) fn judge(permit: &Permit, action: Action, of: Subject<'_>) -> Verdict {
    match permit.rows(action, of.ty) {
        Open::All => Verdict::Open,
        Open::None => Verdict::Closed,
        Open::Where(filter) => match known(&filter, of) {
            Some(true) => Verdict::Open,
            Some(false) => Verdict::Closed,
            None => Verdict::Depends(Box::new(filter)),
        },
    }
}

/// Whether a filter holds; `None`: other resources must be looked at.
fn known(filter: &Filter, of: Subject<'_>) -> Option<bool> {
    match filter {
        Filter::All(inner) => {
            let all: Vec<Option<bool>> = inner.iter().map(|one| known(one, of)).collect();
            if all.contains(&Some(false)) {
                Some(false)
            } else {
                (!all.contains(&None)).then_some(true)
            }
        }
        Filter::Any(inner) => {
            let all: Vec<Option<bool>> = inner.iter().map(|one| known(one, of)).collect();
            if all.contains(&Some(true)) {
                Some(true)
            } else {
                (!all.contains(&None)).then_some(false)
            }
        }
        Filter::Not(inner) => known(inner, of).map(|holds| !holds),
        Filter::Chain { params, .. } => {
            let refers = of.rows.references.iter().any(|row| params.contains(&row.param));
            (!refers).then_some(false)
        }
        Filter::Has { .. } => None,
        Filter::Id(_)
        | Filter::Updated(_)
        | Filter::Value { .. }
        | Filter::Present { .. }
        | Filter::Words { .. }
        | Filter::Near { .. } => Some(matches(std::slice::from_ref(filter), of, &Nowhere)),
    }
}

/// Whether a filter holds, with looks into the database where they are needed.
///
/// # Errors
/// The database's own trouble.
pub(crate) async fn holds(
    filter: &Filter,
    of: Subject<'_>,
    ask: &mut impl Ask,
) -> Result<bool, Outcome> {
    if let Some(holds) = known(filter, of) {
        return Ok(holds);
    }
    match filter {
        Filter::All(inner) => {
            for one in inner {
                if !Box::pin(holds(one, of, ask)).await? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Filter::Any(inner) => {
            for one in inner {
                if Box::pin(holds(one, of, ask)).await? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Filter::Not(inner) => Ok(!Box::pin(holds(inner, of, ask)).await?),
        Filter::Chain { params, targets } => {
            for target in targets {
                let ids = referenced(of.rows, params, target);
                if !ids.is_empty() && sight::exists(target, &ids, ask).await? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Filter::Has { .. } => {
            let itself = TypePlan { ty: of.ty, filters: vec![filter.clone()] };
            sight::exists(&itself, &[of.id.into()], ask).await
        }
        Filter::Id(_)
        | Filter::Updated(_)
        | Filter::Value { .. }
        | Filter::Present { .. }
        | Filter::Words { .. }
        | Filter::Near { .. } => Ok(matches(std::slice::from_ref(filter), of, &Nowhere)),
    }
}

/// The ids of the resources of the target's type that it refers to.
fn referenced(rows: &Rows, params: &[search::ParamId], to: &TypePlan) -> Vec<Box<str>> {
    let rows = rows.references.iter().filter(|row| params.contains(&row.param));
    let ids = rows.filter_map(|row| match &row.target {
        Target::Local { ty, id } if *ty == to.ty => Some(id.clone()),
        Target::Local { .. } | Target::Contained { .. } | Target::Url { .. } => None,
    });
    ids.collect()
}

/// A plan as the permit lets it be asked; `None`: as it is.
pub(crate) fn guarded(plan: &Plan, sight: Sight<'_>) -> Option<Plan> {
    (!sight.permit.covers_all_rows()).then(|| auth::guarded(plan, sight.permit, sight.actions))
}
