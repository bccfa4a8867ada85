//! Conditions of a permit on resources that were found by other ways than a search's own.

use fhir_model::{Outcome, ResourceType};
use search::{Plan, TypePlan};

use super::{
    ask::Ask,
    check::{self, On},
    names::{Names, Reach},
    part::Domain,
    statement::{Sql, sql},
};

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
            let plan = TypePlan { ty, filters: vec![search::Filter::clone(&filter)] };
            condition(&plan, "t.res", ask).await.map(Some)
        }
    }
}
