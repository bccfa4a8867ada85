//! Searches that name one patient, by whom a permit opens it: what others say of the patient is asked once, and not of each
//! resource. It is relied on only if every resource that is found is about that patient, names no other and has no label, so that
//! the permit's condition holds of each, or what is left of it can be asked of each by itself; else the search is done
//! again with the condition in its statement.

use std::collections::BTreeMap;

use auth::{Action, Permit, Rows as Open};
use fhir_model::{Outcome, ResourceType, TypeId};
use search::{
    Contained, Filter, ParamId, Plan, ReferenceRow, ReferenceTest, Registry, Rows, Subject, Target,
    Test,
};

use super::{
    Turn, Version,
    ask::Ask,
    left::{self, Left, Verdicts},
};
use crate::{gate, gate::Sight, glance};

/// What shares are of.
const THOUSAND: u32 = 1000;

/// A search without the permit's condition on what it finds.
pub(super) struct Bound {
    pub(super) plan: Plan,
    patient: Box<str>,
    /// What has to be asked of each that is found.
    left: BTreeMap<ResourceType, Left>,
}

impl Bound {
    /// Whether what was found is of those of which the condition was worked out.
    pub(super) fn tells_of(&self, found: &Version) -> bool {
        found.sole_patient() == Some(&*self.patient) && found.has_no_label()
    }

    /// Whether the condition holds of one of those.
    pub(super) fn opens(&self, found: &Version, base: &str, known: Option<&Verdicts>) -> bool {
        let left = self.left.get(&found.resource_type);
        left.is_none_or(|left| left.holds(found, base, known))
    }

    /// How many to look at for a page of so many: as many more as were refused of others a moment ago.
    pub(super) fn to_fetch(&self, count: u32, known: Option<&Verdicts>) -> u32 {
        let each = self.left.values().map(|left| known.map_or(0, |known| left.refuses(known)));
        match each.max().unwrap_or(0) {
            0 => count,
            refused => {
                let open = THOUSAND.saturating_sub(refused).max(1);
                let looked_at = u64::from(count) * u64::from(THOUSAND) / u64::from(open) + 2;
                u32::try_from(looked_at).unwrap_or(u32::MAX)
            }
        }
    }

    /// Remembers how many of those that were looked at are open. What is refused seldom is forgotten slowly.
    pub(super) fn learn(&self, (fetched, open): (usize, usize), known: Option<&Verdicts>) {
        let Some(known) = known.filter(|_| fetched > 0) else { return };
        let refused = (fetched - open) * THOUSAND as usize / fetched;
        let refused = u32::try_from(refused).unwrap_or(THOUSAND);
        for left in self.left.values() {
            let before = left.refuses(known);
            let now = refused.max(before - before.div_ceil(8));
            if now != before {
                left.refused(now, known);
            }
        }
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
    let mut left = BTreeMap::new();
    for one in &plan.types {
        let filter = match sight.permit.rows(Action::Search, one.ty) {
            Open::All => continue,
            Open::None => return Ok(None),
            Open::Where(filter) => filter,
        };
        let Some(about) = About::of(one.ty, patient) else { return Ok(None) };
        match about.said((&filter, gate::ROOT), sight.permit, ask).await? {
            Said::Holds(true) => {}
            Said::Asks(filter) => {
                left.insert(one.ty, Left::new(filter));
            }
            Said::Holds(false) | Said::Nothing => return Ok(None),
        }
    }
    let patient = patient.into();
    Ok(Some(Bound { plan: auth::guarded_within(plan, sight.permit), patient, left }))
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

/// What is known of a filter.
enum Said {
    /// Whether it holds, of whichever of the resources.
    Holds(bool),
    /// It holds of those of which this holds, by their own rows.
    Asks(Filter),
    Nothing,
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

    /// What can be said of a filter for all of them.
    async fn said(
        &self,
        (filter, place): (&Filter, u64),
        permit: &Permit,
        ask: &mut impl Ask,
    ) -> Result<Said, Outcome> {
        match filter {
            Filter::All(inner) | Filter::Any(inner) => {
                // the first that fails decides of all of them, the first that holds of any
                let decides = matches!(filter, Filter::Any(_));
                let (mut asks, mut is_said) = (Vec::new(), true);
                for (n, one) in inner.iter().enumerate() {
                    let one = (one, gate::inside(place, n));
                    match Box::pin(self.said(one, permit, ask)).await? {
                        Said::Holds(holds) if holds == decides => return Ok(Said::Holds(decides)),
                        Said::Holds(_) => {}
                        Said::Asks(one) => asks.push(one),
                        Said::Nothing => is_said = false,
                    }
                }
                Ok(match asks.len() {
                    _ if !is_said => Said::Nothing,
                    0 => Said::Holds(!decides),
                    1 => Said::Asks(asks.remove(0)),
                    _ if decides => Said::Asks(Filter::Any(asks)),
                    _ => Said::Asks(Filter::All(asks)),
                })
            }
            Filter::Not(inner) => {
                let inner = (&**inner, gate::inside(place, 0));
                Ok(match Box::pin(self.said(inner, permit, ask)).await? {
                    Said::Holds(holds) => Said::Holds(!holds),
                    Said::Asks(one) => Said::Asks(Filter::Not(Box::new(one))),
                    Said::Nothing => Said::Nothing,
                })
            }
            Filter::Value { params, .. } | Filter::Present { params, .. }
                if self.is_label(params) =>
            {
                Ok(Said::Holds(false))
            }
            Filter::Value { params, any }
                if self.refers_by(params) && self.is_about_them(any).is_some() =>
            {
                Ok(self.is_about_them(any).map_or(Said::Nothing, Said::Holds))
            }
            Filter::Chain { params, targets }
                if self.refers_by(params) && targets.iter().all(|one| is_patient(one.ty)) =>
            {
                if targets.iter().all(|one| one.filters.iter().any(|one| self.names_another(one))) {
                    return Ok(Said::Holds(false));
                }
                let of = Subject {
                    ty: self.ty,
                    id: "",
                    updated: fhir_model::Instant::from_millis(0),
                    rows: &self.rows,
                    container: None,
                };
                let holds = ask.vouches((permit, Action::Search), (filter, of, place)).await?;
                Ok(Said::Holds(holds))
            }
            filter if left::can_be_asked(filter) => Ok(Said::Asks(filter.clone())),
            Filter::Id(_)
            | Filter::Updated(_)
            | Filter::Value { .. }
            | Filter::Present { .. }
            | Filter::Chain { .. }
            | Filter::Has { .. }
            | Filter::Words { .. }
            | Filter::Near { .. }
            | Filter::During(_) => Ok(Said::Nothing),
        }
    }

    /// Whether references that are asked for lead to the patient, where they can lead to nobody else: what is found names no other.
    fn is_about_them(&self, any: &[Test]) -> Option<bool> {
        let patient = |test: &Test| {
            let Test::Reference(ReferenceTest::Local { ty, id }) = test else { return None };
            is_patient(*ty).then(|| **id == *self.patient)
        };
        let is_them = any.iter().any(|test| patient(test) == Some(true));
        let is_said = is_them || any.iter().all(|test| patient(test).is_some());
        is_said.then_some(is_them)
    }

    /// Whether a filter holds of other patients only.
    fn names_another(&self, filter: &Filter) -> bool {
        matches!(filter, Filter::Id(ids) if ids.iter().all(|id| **id != *self.patient))
    }
}
