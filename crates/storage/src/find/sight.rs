//! Conditions of a permit, on what a search finds and on resources that were found by other ways.

use std::collections::BTreeSet;

use fhir_model::{Outcome, ResourceType};
use search::{Filter, Plan, SECURITY_CONTEXT, TypePlan};

use super::{
    ask::Ask,
    check::{self, On},
    names::{Names, Reach},
    part::Domain,
    statement::{Sql, sql},
};
use crate::gate::{self, Sight};

/// A plan as the permit lets it be asked; `None`: as it is.
///
/// # Errors
/// The database's own trouble.
pub(super) async fn guarded(
    plan: &Plan,
    sight: Sight<'_>,
    ask: &mut impl Ask,
) -> Result<Option<Plan>, Outcome> {
    let Some(mut plan) = gate::guarded(plan, sight) else { return Ok(None) };
    shortened(plan.types.iter_mut().flat_map(|one| &mut one.filters), ask).await?;
    Ok(Some(plan))
}

/// Binaries may stand under resources of any type, of which only a few do: the others are left out of the statement.
async fn shortened(
    filters: impl Iterator<Item = &mut Filter>,
    ask: &mut impl Ask,
) -> Result<(), Outcome> {
    let mut chains = Vec::new();
    for filter in filters {
        of_contexts(filter, &mut chains);
    }
    if chains.is_empty() {
        return Ok(());
    }
    let known = contexts(ask).await?;
    for targets in chains {
        targets.retain(|one| known.contains(&i64::from(one.ty.number())));
    }
    Ok(())
}

/// The targets of chains by which Binaries are open.
fn of_contexts<'f>(filter: &'f mut Filter, chains: &mut Vec<&'f mut Vec<TypePlan>>) {
    match filter {
        Filter::All(inner) | Filter::Any(inner) => {
            for one in inner {
                of_contexts(one, chains);
            }
        }
        Filter::Not(inner) => of_contexts(inner, chains),
        Filter::Chain { params, targets } => {
            if *params == [SECURITY_CONTEXT] {
                chains.push(targets);
                return;
            }
            for one in targets.iter_mut().flat_map(|one| &mut one.filters) {
                of_contexts(one, chains);
            }
        }
        Filter::Has { source, .. } => {
            for one in &mut source.filters {
                of_contexts(one, chains);
            }
        }
        Filter::Id(_)
        | Filter::Updated(_)
        | Filter::Value { .. }
        | Filter::Present { .. }
        | Filter::Words { .. }
        | Filter::Near { .. }
        | Filter::During(_) => {}
    }
}

/// The types under which some Binary stands, by a step for each of them.
async fn contexts(ask: &mut impl Ask) -> Result<BTreeSet<i64>, Outcome> {
    let p = i64::from(SECURITY_CONTEXT.number());
    let steps =
        sql("with recursive kind (code) as (\nselect min(code) from idx_token where p = ", [])
            .bind(p)
            .then("\nunion all\nselect (select min(t.code) from idx_token t where t.p = ")
            .bind(p)
            .then(" and t.code > kind.code) from kind where kind.code is not null)")
            .then(
                "\nselect cast(code as bigint), cast(0 as bigint) from kind where code is not null",
            );
    Ok(ask.numbers(&steps.statement()).await?.into_iter().map(|(ty, _)| ty).collect())
}

/// Whether one of these resources is there and satisfies the plan.
///
/// # Errors
/// The database's own trouble.
pub(crate) async fn exists(
    plan: &TypePlan,
    ids: &[Box<str>],
    ask: &mut impl Ask,
) -> Result<bool, Outcome> {
    let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
    let condition = condition(plan, "d.res", ask).await?;
    let look = sql("select d.res, cast(0 as bigint)\nfrom   resource d\nwhere  d.type = ", [])
        .bind(i64::from(plan.ty.number()))
        .then("\n  and  d.body is not null\n  and  ")
        .with(Sql::all([Sql::one_of("d.id", &ids), condition]))
        .then("\nlimit  1")
        .statement();
    Ok(!ask.numbers(&look).await?.is_empty())
}

/// The plan as a condition on the resource with this number, which is of its type.
///
/// # Errors
/// The database's own trouble.
pub(super) async fn condition(
    plan: &TypePlan,
    res: &str,
    ask: &mut impl Ask,
) -> Result<Sql, Outcome> {
    let over = Plan { types: vec![plan.clone()], ..Plan::over(plan.ty) };
    let names = Names::of(&over, Reach::Page, ask).await?;
    let on = On { res: res.to_owned(), ty: plan.ty, domain: Domain::Own, depth: 1 };
    Ok(Sql::all(plan.filters.iter().map(|filter| check::holds(filter, &on, &names))))
}

/// What must hold of included resources of a type; `None`: nothing of that type is open.
///
/// # Errors
/// The database's own trouble.
pub(super) async fn included(
    permit: &auth::Permit,
    ty: ResourceType,
    ask: &mut impl Ask,
) -> Result<Option<Sql>, Outcome> {
    match permit.rows(auth::Action::Read, ty) {
        auth::Rows::All => Ok(Some(Sql::always())),
        auth::Rows::None => Ok(None),
        auth::Rows::Where(filter) => {
            let mut filter = Filter::clone(&filter);
            shortened(std::iter::once(&mut filter), ask).await?;
            let plan = TypePlan { ty, filters: vec![filter] };
            condition(&plan, "t.res", ask).await.map(Some)
        }
    }
}
