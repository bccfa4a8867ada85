//! Before somebody searches `AuditEvent`s: what was recorded and may be found becomes resources first, so that an answer
//! is complete.

use std::time::{Duration, Instant};

use auth::{Action, Caller, Permit, authorize};
use fhir_model::{IssueType, Outcome, ResourceType, TypeId};
use search::{Filter, IncludeWay, Plan, ReferenceTest, Registry, Test, TypePlan};
use storage::Scope;

use crate::Fhir;

/// How long somebody waits for it.
const TIME_MAX: Duration = Duration::from_secs(5);

/// Makes resources of what a search may find.
///
/// # Errors
/// `too-costly` when that is too much; the database's own trouble.
pub(crate) async fn settle(fhir: &Fhir, permit: &Permit, plan: &Plan) -> Result<(), Outcome> {
    let Some(event) = ResourceType::named("AuditEvent") else { return Ok(()) };
    if !looks_at(plan, event) {
        return Ok(());
    }
    let own = permit.principal().and_then(|who| who.only_patient());
    let asked = match plan.types.as_slice() {
        [one] if one.ty == event => one.filters.iter().find_map(patient),
        _ => None,
    };
    promote(fhir, asked.or(own)).await
}

/// The same for what is about one patient.
///
/// # Errors
/// Those of [`settle`].
pub(crate) async fn settle_patient(fhir: &Fhir, patient: &str) -> Result<(), Outcome> {
    promote(fhir, Some(patient)).await
}

/// The same for a history; what is too much to wait for comes into it later.
///
/// # Errors
/// The database's own trouble.
pub(crate) async fn settle_history(
    fhir: &Fhir,
    permit: &Permit,
    scope: &Scope,
) -> Result<(), Outcome> {
    let is_there = match scope {
        Scope::Instance(_) => false,
        Scope::Type(ty) => ty.name() == "AuditEvent",
        Scope::System => true,
    };
    if !is_there {
        return Ok(());
    }
    let own = permit.principal().and_then(|who| who.only_patient());
    match promote(fhir, own).await {
        Err(refusal) if refusal.status() == IssueType::TooCostly.status() => Ok(()),
        done => done,
    }
}

async fn promote(fhir: &Fhir, patient: Option<&str>) -> Result<(), Outcome> {
    if let Some(audit) = &fhir.audit {
        audit.flush().await?;
    }
    let started = Instant::now();
    while fhir.promotion.some(&fhir.vault, patient).await? > 0 {
        if started.elapsed() > TIME_MAX {
            let operator = authorize(&Caller::Operator, Action::Read, None)?;
            let waiting = fhir.vault.recorded_count(&operator, 10_000_000).await?;
            return Err(Outcome::new(
                IssueType::TooCostly,
                format!(
                    "{waiting} audit events are not indexed yet; name a patient, or ask again in a minute"
                ),
            ));
        }
    }
    Ok(())
}

/// Whether a search looks at resources of a type.
fn looks_at(plan: &Plan, ty: ResourceType) -> bool {
    let includes = plan.includes.iter().any(|include| {
        include.way == IncludeWay::Backwards && include.source.is_none_or(|source| source == ty)
            || include.target.is_some_and(|target| target == ty)
    });
    includes || plan.types.iter().any(|one| within(one, ty))
}

fn within(plan: &TypePlan, ty: ResourceType) -> bool {
    plan.ty == ty || plan.filters.iter().any(|filter| through(filter, ty))
}

fn through(filter: &Filter, ty: ResourceType) -> bool {
    match filter {
        Filter::All(inner) | Filter::Any(inner) => inner.iter().any(|one| through(one, ty)),
        Filter::Not(inner) => through(inner, ty),
        Filter::Chain { targets, .. } => targets.iter().any(|one| within(one, ty)),
        Filter::Has { source, .. } => within(source, ty),
        Filter::During(during) => within(&during.other, ty),
        Filter::Id(_)
        | Filter::Updated(_)
        | Filter::Value { .. }
        | Filter::Present { .. }
        | Filter::Words { .. }
        | Filter::Near { .. } => false,
    }
}

/// The patient whom a filter asks for, when it asks for nobody else.
fn patient(filter: &Filter) -> Option<&str> {
    match filter {
        Filter::All(inner) => inner.iter().find_map(patient),
        Filter::Value { params, any } => {
            let event = ResourceType::named("AuditEvent")?;
            let named = Registry::r4().parameter(event, "patient")?;
            match any.as_slice() {
                [Test::Reference(ReferenceTest::Local { ty, id })]
                    if ty.ty() == TypeId::PATIENT && *params == named.sources =>
                {
                    Some(id)
                }
                [Test::Reference(ReferenceTest::Id { types, id })]
                    if *params == named.sources
                        && types.iter().all(|ty| ty.ty() == TypeId::PATIENT) =>
                {
                    Some(id)
                }
                _ => None,
            }
        }
        Filter::Any(_)
        | Filter::Not(_)
        | Filter::Id(_)
        | Filter::Updated(_)
        | Filter::Present { .. }
        | Filter::Chain { .. }
        | Filter::Has { .. }
        | Filter::Words { .. }
        | Filter::During(_)
        | Filter::Near { .. } => None,
    }
}
