//! A search as its caller may ask it: every type that it looks at, by whatever way, is narrowed to the rows that the
//! permit opens. The ways are the matches themselves, each step of a chain, and each `_has`; what is included is
//! narrowed where it is fetched.

use fhir_model::{IssueType, Outcome, ResourceType, TypeId};
use search::{Contained, Filter, Plan, ReferenceTest, Test, TypePlan};

use crate::{Action, Permit, rows, rows::Rows, view};

/// The plan with everything that it looks at narrowed to the rows of the permit; the matches to those that may be
/// touched by one of the actions.
pub fn guarded(plan: &Plan, permit: &Permit, actions: &[Action]) -> Plan {
    let mut plan = plan.clone();
    if permit.covers_all_rows() {
        return plan;
    }
    let is_inside = plan.contained != Contained::No;
    for one in &mut plan.types {
        narrow(one, permit, actions);
        if is_inside {
            // what is contained would have to be judged with its container
            one.filters.push(never());
        }
    }
    plan
}

/// The same without the matches themselves: for who judges each of them as it is found.
pub fn guarded_within(plan: &Plan, permit: &Permit) -> Plan {
    let mut plan = plan.clone();
    for filter in plan.types.iter_mut().flat_map(|one| &mut one.filters) {
        within(filter, permit);
    }
    plan
}

fn narrow(plan: &mut TypePlan, permit: &Permit, actions: &[Action]) {
    for filter in &mut plan.filters {
        within(filter, permit);
    }
    let mut any = Vec::new();
    for action in actions {
        match permit.rows(*action, plan.ty) {
            Rows::All => return,
            Rows::None => {}
            Rows::Where(filter) if any.contains(&*filter) => {}
            Rows::Where(filter) => any.push(Filter::clone(&filter)),
        }
    }
    plan.filters.push(if any.len() == 1 { any.remove(0) } else { Filter::Any(any) });
}

fn within(filter: &mut Filter, permit: &Permit) {
    match filter {
        Filter::All(inner) | Filter::Any(inner) => {
            for one in inner {
                within(one, permit);
            }
        }
        Filter::Not(inner) => within(inner, permit),
        Filter::Chain { targets, .. } => {
            for one in targets {
                narrow(one, permit, &[Action::Search]);
            }
        }
        Filter::Has { source, .. } => narrow(source, permit, &[Action::Search]),
        Filter::Value { any, .. } => any.retain(|test| !climbs(test, permit)),
        Filter::Id(_)
        | Filter::Updated(_)
        | Filter::Present { .. }
        | Filter::Words { .. }
        | Filter::Near { .. }
        | Filter::During(_) => {}
    }
}

/// Whether a test follows the parts of a whole through resources that may not be open.
fn climbs(test: &Test, permit: &Permit) -> bool {
    through(test).is_some_and(|ty| permit.rows(Action::Search, ty) != Rows::All)
}

/// The type whose parts and wholes a test looks through.
fn through(test: &Test) -> Option<ResourceType> {
    if let Test::Composite { part, .. } = test {
        return through(part);
    }
    if let Test::Reference(ReferenceTest::Hierarchy { ty, .. }) = test { Some(*ty) } else { None }
}

fn never() -> Filter {
    Filter::Any(Vec::new())
}

/// Refuses a search for what may be touched by one of the actions, before any look-up, that asks for types which the permit does not open, or for another patient
/// than the one that a token is for. A search over everything is narrowed to the types that are open.
///
/// # Errors
/// `forbidden`.
pub fn check(
    plan: &mut Plan,
    permit: &Permit,
    (actions, named): (&[Action], Named),
) -> Result<(), Outcome> {
    if permit.covers_all_rows() {
        return Ok(());
    }
    let may = |one: &TypePlan| actions.iter().any(|action| permit.may(*action, one.ty));
    if named == Named::Everything {
        plan.types.retain(may);
    }
    if let Some(closed) = plan.types.iter().find(|one| !may(one)) {
        return Err(permit.insufficient(Action::Search, closed.ty));
    }
    if plan.types.is_empty() {
        return Err(permit.insufficient(Action::Search, "anything"));
    }
    if plan.contained != Contained::No {
        let text = "Contained resources are searched only by who may see every record";
        return Err(Outcome::new(IssueType::Forbidden, text));
    }
    let who = permit.principal();
    if who.is_some_and(|who| who.emergency().is_some()) {
        names_one(plan)?;
    }
    view::may_sort(plan, permit)?;
    let only = who.and_then(|who| who.only_patient());
    for one in &plan.types {
        one.filters.iter().try_for_each(|filter| open(filter, one.ty, permit))?;
        if let Some(only) = only
            && one.filters.iter().any(|filter| names_another(filter, one.ty, only))
        {
            let text = "This token is for one patient; the search names another";
            return Err(Outcome::new(IssueType::Forbidden, text));
        }
    }
    Ok(())
}

/// An emergency is about one patient.
fn names_one(plan: &Plan) -> Result<(), Outcome> {
    let is_one = |one: &TypePlan| one.filters.iter().any(|filter| is_about_one(filter, one.ty));
    if plan.includes.is_empty() && plan.types.iter().all(is_one) {
        return Ok(());
    }
    let text = "An emergency is about one patient: name it, and include nothing else";
    Err(Outcome::new(IssueType::Forbidden, text))
}

fn is_about_one(filter: &Filter, ty: ResourceType) -> bool {
    match filter {
        Filter::All(inner) => inner.iter().any(|one| is_about_one(one, ty)),
        Filter::Any(inner) => !inner.is_empty() && inner.iter().all(|one| is_about_one(one, ty)),
        Filter::Id(ids) => ty.ty() == TypeId::PATIENT && ids.len() == 1,
        Filter::Value { params, any } => {
            let about = rows::names_patient(ty);
            let is_patient = |test: &Test| {
                matches!(test, Test::Reference(ReferenceTest::Local { ty, .. }) if ty.ty() == TypeId::PATIENT)
                    || matches!(test, Test::Reference(ReferenceTest::Id { types, .. })
                        if types.iter().all(|ty| ty.ty() == TypeId::PATIENT))
            };
            let identifies = |test: &Test| {
                matches!(test, Test::Token(token) if token.code.is_some())
                    && ty.ty() == TypeId::PATIENT
                    && rows::is_identifier(ty, params)
            };
            let is_about = params.iter().all(|param| about.contains(param));
            match any.as_slice() {
                [one] => (is_about && is_patient(one)) || identifies(one),
                _ => false,
            }
        }
        Filter::Not(_)
        | Filter::Updated(_)
        | Filter::Present { .. }
        | Filter::Chain { .. }
        | Filter::Has { .. }
        | Filter::Words { .. }
        | Filter::Near { .. }
        | Filter::During(_) => false,
    }
}

/// Whether the types of a search were named by who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// By the address or by `_type`.
    Types,
    /// All types are meant, or all that can be in a compartment.
    Everything,
}

/// That chains and `_has` lead to types that are open, and nothing is asked of what is not shown.
fn open(filter: &Filter, ty: ResourceType, permit: &Permit) -> Result<(), Outcome> {
    view::may_ask(filter, ty, permit)?;
    match filter {
        Filter::All(inner) | Filter::Any(inner) => {
            inner.iter().try_for_each(|one| open(one, ty, permit))
        }
        Filter::Not(inner) => open(inner, ty, permit),
        Filter::Chain { targets, .. } => {
            // a chain to any of several types goes to those that are open; to none of them it must not
            let may = |one: &&TypePlan| permit.may(Action::Search, one.ty);
            match targets.iter().find(may) {
                None => {
                    Err(permit
                        .insufficient(Action::Search, targets.first().map_or(ty, |one| one.ty)))
                }
                Some(_) => targets.iter().filter(may).try_for_each(|one| nested(one, permit)),
            }
        }
        Filter::Has { source, .. } if !permit.may(Action::Search, source.ty) => {
            Err(permit.insufficient(Action::Search, source.ty))
        }
        Filter::Has { source, .. } => nested(source, permit),
        Filter::Value { any, .. } => match any.iter().find(|test| climbs(test, permit)) {
            Some(test) => Err(permit.insufficient(Action::Search, through(test).unwrap_or(ty))),
            None => Ok(()),
        },
        Filter::Id(_)
        | Filter::Updated(_)
        | Filter::Present { .. }
        | Filter::Words { .. }
        | Filter::Near { .. }
        | Filter::During(_) => Ok(()),
    }
}

fn nested(plan: &TypePlan, permit: &Permit) -> Result<(), Outcome> {
    plan.filters.iter().try_for_each(|filter| open(filter, plan.ty, permit))
}

/// Whether it asks for nothing but what is about another patient.
fn names_another(filter: &Filter, ty: ResourceType, only: &str) -> bool {
    match filter {
        Filter::All(inner) => inner.iter().any(|one| names_another(one, ty, only)),
        Filter::Any(inner) => {
            !inner.is_empty() && inner.iter().all(|one| names_another(one, ty, only))
        }
        Filter::Id(ids) if ty.ty() == TypeId::PATIENT => {
            !ids.is_empty() && ids.iter().all(|id| **id != *only)
        }
        Filter::Value { params, any } => {
            let about = rows::names_patient(ty);
            params.iter().any(|param| about.contains(param))
                && !any.is_empty()
                && any.iter().all(|test| is_another(test, only))
        }
        Filter::Id(_)
        | Filter::Not(_)
        | Filter::Updated(_)
        | Filter::Present { .. }
        | Filter::Chain { .. }
        | Filter::Has { .. }
        | Filter::Words { .. }
        | Filter::Near { .. }
        | Filter::During(_) => false,
    }
}

fn is_another(test: &Test, only: &str) -> bool {
    let Test::Reference(reference) = test else { return false };
    match reference {
        ReferenceTest::Local { ty, id } => ty.ty() == TypeId::PATIENT && **id != *only,
        ReferenceTest::Id { types, id } => {
            types.iter().any(|ty| ty.ty() == TypeId::PATIENT) && **id != *only
        }
        ReferenceTest::Url { .. } | ReferenceTest::Hierarchy { .. } => false,
    }
}
