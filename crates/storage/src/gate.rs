//! What a permit opens, asked of single versions: by the index rows that a version has or had, and by looks into
//! the database for what other resources say. Searches have the same conditions in their statements.

use auth::{Action, Permit};
use fhir_model::Outcome;
use search::{During, Filter, Nowhere, ParamId, Plan, Rows, Subject, Target, TypePlan, matches};

use crate::{
    find::{ask::Ask, sight},
    vouched::{Asking, Before},
};

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

/// Whether a filter asks of a version itself only what is known of it.
pub(crate) fn is_about(filter: &Filter, is_known: fn(ParamId) -> bool) -> bool {
    match filter {
        Filter::All(inner) | Filter::Any(inner) => inner.iter().all(|one| is_about(one, is_known)),
        Filter::Not(inner) => is_about(inner, is_known),
        Filter::Value { params, .. }
        | Filter::Present { params, .. }
        | Filter::Chain { params, .. } => params.iter().all(|param| is_known(*param)),
        Filter::Id(_) | Filter::Updated(_) | Filter::Has { .. } => true,
        Filter::During(during) => {
            let own = during.about.iter().chain([&during.at]);
            own.into_iter().all(|param| is_known(*param))
        }
        Filter::Words { .. } | Filter::Near { .. } => false,
    }
}

/// What it means of a version, whose time is known, and where that stands: one of another time is another question.
fn at_its_times(during: &During, of: Subject<'_>, place: u64) -> Vec<(Filter, u64)> {
    let times = of.rows.dates.iter().filter(|row| row.param == during.at);
    let time = |row: &search::DateRow| {
        let moment = usize::try_from(row.span.lo.unsigned_abs()).unwrap_or(usize::MAX);
        (during.at(row.span), inside(inside(place, moment), usize::from(row.span.lo < 0)))
    };
    times.map(time).collect()
}

/// Whether a filter holds, as far as a version says so itself, or others said a moment ago; `None`: other resources must be
/// looked at.
pub(crate) fn remembered(
    filter: &Filter,
    of: Subject<'_>,
    asking: Option<&Asking<'_>>,
) -> Option<bool> {
    decided(filter, of, ROOT, &|filter, place| asking?.known(filter, of, place))
}

/// Where the outermost filter stands.
pub(crate) const ROOT: u64 = 1;

/// Where the n-th filter within another stands; no two places are the same, however deep and however many:
/// <https://prng.di.unimi.it/splitmix64.c>.
pub(crate) fn inside(place: u64, n: usize) -> u64 {
    let step = (n as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut mixed = place.wrapping_add(step);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn decided(
    filter: &Filter,
    of: Subject<'_>,
    place: u64,
    said: &dyn Fn(&Filter, u64) -> Option<bool>,
) -> Option<bool> {
    let each = |inner: &[Filter]| -> Vec<Option<bool>> {
        let each = inner.iter().enumerate();
        each.map(|(n, one)| decided(one, of, inside(place, n), said)).collect()
    };
    match filter {
        Filter::All(inner) => {
            let all = each(inner);
            if all.contains(&Some(false)) {
                Some(false)
            } else {
                (!all.contains(&None)).then_some(true)
            }
        }
        Filter::Any(inner) => {
            let all = each(inner);
            if all.contains(&Some(true)) {
                Some(true)
            } else {
                (!all.contains(&None)).then_some(false)
            }
        }
        Filter::Not(inner) => decided(inner, of, inside(place, 0), said).map(|holds| !holds),
        Filter::Chain { params, targets } => {
            let leads = targets.iter().any(|to| !referenced(of.rows, params, to).is_empty());
            if leads { said(filter, place) } else { Some(false) }
        }
        Filter::Has { .. } => said(filter, place),
        Filter::During(during) => {
            let times = at_its_times(during, of, place);
            let all: Vec<Option<bool>> =
                times.iter().map(|(one, place)| decided(one, of, *place, said)).collect();
            if all.contains(&Some(true)) {
                Some(true)
            } else {
                (!all.contains(&None)).then_some(false)
            }
        }
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
    looked(filter, (of, ROOT), ask, None).await
}

/// The same of a filter that stands somewhere in what the permit says; what others say is remembered, for looks on a
/// snapshot that began after `before` was drawn.
///
/// # Errors
/// The database's own trouble.
pub(crate) async fn looked(
    filter: &Filter,
    (of, place): (Subject<'_>, u64),
    ask: &mut impl Ask,
    asking: Option<(&Asking<'_>, &Before)>,
) -> Result<bool, Outcome> {
    let said =
        |filter: &Filter, place| asking.and_then(|(asking, _)| asking.known(filter, of, place));
    if let Some(holds) = decided(filter, of, place, &said) {
        return Ok(holds);
    }
    match filter {
        Filter::All(inner) => {
            for (n, one) in inner.iter().enumerate() {
                if !Box::pin(looked(one, (of, inside(place, n)), ask, asking)).await? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Filter::Any(inner) => {
            for (n, one) in inner.iter().enumerate() {
                if Box::pin(looked(one, (of, inside(place, n)), ask, asking)).await? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Filter::Not(inner) => {
            Ok(!Box::pin(looked(inner, (of, inside(place, 0)), ask, asking)).await?)
        }
        Filter::Chain { .. } | Filter::Has { .. } => {
            let holds = others_say(filter, of, ask).await?;
            if let Some((asking, before)) = asking {
                asking.keep((before, holds), (filter, of, place));
            }
            Ok(holds)
        }
        Filter::During(during) => {
            for (one, place) in at_its_times(during, of, place) {
                if Box::pin(looked(&one, (of, place), ask, asking)).await? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Filter::Id(_)
        | Filter::Updated(_)
        | Filter::Value { .. }
        | Filter::Present { .. }
        | Filter::Words { .. }
        | Filter::Near { .. } => Ok(matches(std::slice::from_ref(filter), of, &Nowhere)),
    }
}

/// What other resources say.
async fn others_say(filter: &Filter, of: Subject<'_>, ask: &mut impl Ask) -> Result<bool, Outcome> {
    let Filter::Chain { params, targets } = filter else {
        let itself = TypePlan { ty: of.ty, filters: vec![filter.clone()] };
        return sight::exists(&itself, &[of.id.into()], ask).await;
    };
    for target in targets {
        let ids = referenced(of.rows, params, target);
        if !ids.is_empty() && sight::exists(target, &ids, ask).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The ids of the resources of the target's type that it refers to, without those that are none of which the target names.
fn referenced(rows: &Rows, params: &[ParamId], to: &TypePlan) -> Vec<Box<str>> {
    let is_one = |ids: &[Box<str>], id: &str| ids.iter().any(|one| **one == *id);
    let is_meant =
        |id: &str| to.filters.iter().all(|one| !matches!(one, Filter::Id(ids) if !is_one(ids, id)));
    let rows = rows.references.iter().filter(|row| params.contains(&row.param));
    let ids = rows.filter_map(|row| match &row.target {
        Target::Local { ty, id } if *ty == to.ty && is_meant(id) => Some(id.clone()),
        Target::Local { .. } | Target::Contained { .. } | Target::Url { .. } => None,
    });
    ids.collect()
}

/// A plan as the permit lets it be asked; `None`: as it is.
pub(crate) fn guarded(plan: &Plan, sight: Sight<'_>) -> Option<Plan> {
    (!sight.permit.covers_all_rows()).then(|| auth::guarded(plan, sight.permit, sight.actions))
}
