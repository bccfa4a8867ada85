//! Searches that name one patient, by whom a permit opens it: what others say of the patient is asked once, and not of each
//! resource. What is found is shown only if every one is about that patient, names no other and has no label, so that
//! the permit's condition holds of each; else the search is done again with the condition in its statement.

use auth::{Action, Permit, Rows as Open};
use fhir_model::{Outcome, ResourceType, TypeId};
use search::{
    Contained, Filter, ParamId, Plan, ReferenceRow, ReferenceTest, Registry, Rows, Subject, Target,
    Test,
};

use super::{Turn, Version, ask::Ask};
use crate::{gate, gate::Sight, glance};

/// A search without the permit's condition on what it finds.
pub(super) struct Bound {
    pub(super) plan: Plan,
    patient: Box<str>,
}

impl Bound {
    /// Whether the condition holds of what was found.
    pub(super) fn tells_of(&self, found: &Version) -> bool {
        found.sole_patient() == Some(&*self.patient) && found.has_no_label()
    }
}

/// The search so, if it is one.
///
/// # Errors
/// The database's own trouble.
pub(super) async fn bound(
    plan: &Plan,
    sight: Sight<'_>,
    turn: &Turn,
    ask: &mut impl Ask,
) -> Result<Option<Bound>, Outcome> {
    let is_bounded = !sight.permit.covers_all_rows() && sight.actions == [Action::Search];
    if !is_bounded || !ask.remembers() || plan.contained != Contained::No {
        return Ok(None);
    }
    let Some(patient) = named(plan).filter(|_| leads(plan, turn)) else { return Ok(None) };
    for one in &plan.types {
        let filter = match sight.permit.rows(Action::Search, one.ty) {
            Open::All => continue,
            Open::None => return Ok(None),
            Open::Where(filter) => filter,
        };
        let Some(about) = About::of(one.ty, patient) else { return Ok(None) };
        let holds = about.holds((&filter, gate::ROOT), sight.permit, ask).await?;
        if holds != Some(true) {
            return Ok(None);
        }
    }
    let patient = patient.into();
    Ok(Some(Bound { plan: auth::guarded_within(plan, sight.permit), patient }))
}

/// Whether the way of the pages before does not begin at the permit's condition.
fn leads(plan: &Plan, turn: &Turn) -> bool {
    let route = match turn {
        Turn::First => return true,
        Turn::After(position) | Turn::Before(position) => &position.route,
    };
    let mut leaders = plan.types.iter().zip(&route.leaders);
    leaders.all(|(one, leader)| leader.is_none_or(|n| usize::from(n) < one.filters.len()))
}

/// The patient whom every type of the search has to refer to.
fn named(plan: &Plan) -> Option<&str> {
    let mut each = plan.types.iter().map(|one| one.filters.iter().find_map(referred));
    let first = each.next()??;
    each.all(|other| other == Some(first)).then_some(first)
}

fn referred(filter: &Filter) -> Option<&str> {
    let Filter::Value { any, .. } = filter else { return None };
    match any.as_slice() {
        [Test::Reference(ReferenceTest::Local { ty, id })] if is_patient(*ty) => Some(id),
        [Test::Reference(ReferenceTest::Id { types, id })] if matches!(types.as_slice(), [ty] if is_patient(*ty)) => {
            Some(id)
        }
        _ => None,
    }
}

fn is_patient(ty: ResourceType) -> bool {
    ty.ty() == TypeId::PATIENT
}

/// Any resource of a type of which [`Bound::tells_of`] is true.
struct About<'p> {
    ty: ResourceType,
    patient: &'p str,
    params: &'static [ParamId],
    labels: Vec<ParamId>,
    rows: Rows,
}

impl<'p> About<'p> {
    fn of(ty: ResourceType, patient: &'p str) -> Option<Self> {
        let params = glance::subject_params(ty)?;
        let labels = Registry::r4().parameter(ty, "_security")?.sources.clone();
        let target = Target::Local { ty: TypeId::PATIENT.as_resource()?, id: patient.into() };
        let row = |param: &ParamId| ReferenceRow { param: *param, target: target.clone() };
        let rows = Rows { references: params.iter().map(row).collect(), ..Rows::default() };
        Some(Self { ty, patient, params, labels, rows })
    }

    fn refers_by(&self, params: &[ParamId]) -> bool {
        params.iter().any(|param| self.params.contains(param))
    }

    fn is_label(&self, params: &[ParamId]) -> bool {
        params.iter().all(|param| self.labels.contains(param))
    }

    /// Whether a filter holds of all of them, or of none; `None`: of some, perhaps.
    async fn holds(
        &self,
        (filter, place): (&Filter, u64),
        permit: &Permit,
        ask: &mut impl Ask,
    ) -> Result<Option<bool>, Outcome> {
        match filter {
            Filter::All(inner) | Filter::Any(inner) => {
                // the first that fails decides of all of them, the first that holds of any
                let decides = matches!(filter, Filter::Any(_));
                let mut answer = Some(!decides);
                for (n, one) in inner.iter().enumerate() {
                    let one = (one, gate::inside(place, n));
                    match Box::pin(self.holds(one, permit, ask)).await? {
                        Some(holds) if holds == decides => return Ok(Some(decides)),
                        Some(_) => {}
                        None => answer = None,
                    }
                }
                Ok(answer)
            }
            Filter::Not(inner) => {
                let inner = (&**inner, gate::inside(place, 0));
                Ok(Box::pin(self.holds(inner, permit, ask)).await?.map(|holds| !holds))
            }
            Filter::Value { params, .. } | Filter::Present { params, .. }
                if self.is_label(params) =>
            {
                Ok(Some(false))
            }
            Filter::Value { params, any } if self.refers_by(params) => {
                let is_them = |test: &Test| {
                    matches!(test, Test::Reference(ReferenceTest::Local { ty, id })
                    if is_patient(*ty) && **id == *self.patient)
                };
                let is_somebody = |test: &Test| matches!(test, Test::Reference(ReferenceTest::Local { ty, .. }) if is_patient(*ty));
                // what is found names nobody else
                let is_said = any.iter().any(is_them) || any.iter().all(is_somebody);
                Ok(is_said.then(|| any.iter().any(is_them)))
            }
            Filter::Chain { params, targets }
                if self.refers_by(params) && targets.iter().all(|one| is_patient(one.ty)) =>
            {
                let of = Subject {
                    ty: self.ty,
                    id: "",
                    updated: fhir_model::Instant::from_millis(0),
                    rows: &self.rows,
                    container: None,
                };
                ask.vouches((permit, Action::Search), (filter, of, place)).await.map(Some)
            }
            Filter::Id(_)
            | Filter::Updated(_)
            | Filter::Value { .. }
            | Filter::Present { .. }
            | Filter::Chain { .. }
            | Filter::Has { .. }
            | Filter::Words { .. }
            | Filter::Near { .. }
            | Filter::During(_) => Ok(None),
        }
    }
}
