//! Which rows of a type somebody may touch, as a filter of a search: it becomes part of every statement that
//! looks at such rows, and is evaluated on single versions as it stands.

mod app_state;
pub(crate) mod consent;
mod context;
mod made_by;
mod panel;
pub(crate) mod sensitive;
mod terms;
mod why;
mod written;

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use fhir_model::{ResourceType, TypeId};
use search::{Filter, Registry};

use crate::{
    Principal,
    policy::{Basis, Policy, Rule},
    role::Role,
    scope::{Action, Context, Scope},
};
pub use app_state::APP_STATE;
pub use terms::{Terms, judged_by_terms};
pub use why::{Way, Why};
pub(crate) use why::{denied_by, ways};
use written::{chain, extra_params, id_is, refers};

/// Some rows of one type.
/// Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// Every one.
    All,
    /// None.
    None,
    /// Those that satisfy this.
    Where(Arc<Filter>),
}

/// The rows of somebody, worked out once: what they are follows from nothing that changes.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    rows: RwLock<BTreeMap<(Action, ResourceType), Rows>>,
    pub(crate) digest: OnceLock<[u64; 2]>,
}

impl Opened {
    /// As they are known, or else as they are worked out now.
    pub(crate) fn or(&self, of: (Action, ResourceType), work_out: impl FnOnce() -> Rows) -> Rows {
        let known = self.rows.read().unwrap_or_else(PoisonError::into_inner).get(&of).cloned();
        known.unwrap_or_else(|| {
            let rows = work_out();
            self.rows.write().unwrap_or_else(PoisonError::into_inner).insert(of, rows.clone());
            rows
        })
    }
}

/// Nobody takes over what somebody else may.
impl Clone for Opened {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// What is worked out already does not tell somebody from themselves.
impl PartialEq for Opened {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

/// The rows of a type to which somebody may do something: what one of the scopes covers and one of the rules of
/// their role allows.
pub(crate) fn of(who: &Principal, action: Action, ty: ResourceType) -> Rows {
    let mut any: Vec<Filter> = Vec::new();
    if !who.may(action, ty) {
        return Rows::None;
    }
    if let Some((_, id)) = who.itself().filter(|_| who.is_fhir_user(action, ty)) {
        any.push(id_is(id));
    }
    for scope in who.scopes().covering(ty, action) {
        for rule in Policy::vault().rules(who.role(), ty, action) {
            let Some(parts) = way(who, (scope, rule), (ty, action)) else { continue };
            let mut all: Vec<Filter> = parts.into_iter().map(|(_, filter)| filter).collect();
            if all.is_empty() {
                return Rows::All;
            }
            let all = if all.len() == 1 { all.remove(0) } else { Filter::All(all) };
            if !any.contains(&all) {
                any.push(all);
            }
        }
    }
    match any.len() {
        0 => Rows::None,
        1 => Rows::Where(Arc::new(any.remove(0))),
        _ => Rows::Where(Arc::new(Filter::Any(any))),
    }
}

/// What must hold to be among the rows that a scope and a rule open together, and why; `None`: nothing is.
fn way(
    who: &Principal,
    (scope, rule): (&Scope, &Rule),
    (ty, action): (ResourceType, Action),
) -> Option<Vec<(Why, Filter)>> {
    let mut all = inside(who, rule.basis, (ty, action))?;
    if scope.context() == Context::Patient && rule.basis != Basis::All {
        let context = in_context(who, rule.basis, ty)?;
        all.extend(context.into_iter().map(|one| (Why::Context, one)));
    }
    all.extend(rule.conditions(ty).iter().map(|one| (Why::Rule, one.clone())));
    all.extend(scope.filters().iter().map(|one| (Why::Scope, one.clone())));
    if app_state::is_kept_in(ty) {
        all.extend(app_state::of_app(who, scope, ty).map(|one| (Why::Scope, one)));
    }
    Some(all)
}

/// The same without what must hold besides: to tell what lies elsewhere from what breaks a rule.
pub(crate) fn broken(who: &Principal, action: Action, ty: ResourceType) -> Option<&'static str> {
    let covers = who.scopes().covering(ty, action).next().is_some();
    let mut rules = Policy::vault().rules(who.role(), ty, action);
    rules.find_map(|rule| rule.refusal).filter(|_| covers)
}

/// What must hold to be among the rows of a rule; `None`: nothing is.
fn inside(
    who: &Principal,
    basis: Basis,
    (ty, action): (ResourceType, Action),
) -> Option<Vec<(Why, Filter)>> {
    let cleared = || {
        let all = sensitive::cleared(who.role(), basis, ty).into_iter();
        all.map(|one| (Why::Label, one)).collect::<Vec<_>>()
    };
    // in an emergency any patient may be looked at, one at a time; it is recorded, told and reviewed
    if basis == Basis::All || (basis == Basis::Panel && who.emergency().is_some()) {
        return Some(if basis == Basis::All { Vec::new() } else { cleared() });
    }
    let filter = belongs(who, basis, (ty, action))?;
    let is_by_consent = matches!(basis, Basis::Consented | Basis::Studied);
    let relation = if is_by_consent { Why::NoConsent } else { Why::Relation };
    let mut all = vec![(relation, filter)];
    match basis {
        Basis::Insured | Basis::Contracted => all.extend([
            (Why::NoConsent, consent::permitted(who, ty)?),
            (Why::Denied, consent::not_denied(who, basis, ty)?),
        ]),
        Basis::Granted | Basis::Panel | Basis::Supervised | Basis::Consented | Basis::Studied => {
            all.push((Why::Denied, consent::not_denied(who, basis, ty)?));
        }
        Basis::All
        | Basis::Own
        | Basis::Authored
        | Basis::Organization
        | Basis::Itself
        | Basis::Made
        | Basis::Mine
        | Basis::Nobody
        | Basis::Context => {}
    }
    all.extend(cleared());
    Some(all)
}

/// Whose what lies in the rows of a rule is, or who made it; `None`: nothing does.
fn belongs(who: &Principal, basis: Basis, (ty, action): (ResourceType, Action)) -> Option<Filter> {
    let filter = match basis {
        Basis::All => terms::always(),
        Basis::Own if action.writes() => written_about(ty, own_patient(who)?)?,
        Basis::Own => compartment(ty, own_patient(who)?)?,
        Basis::Granted => {
            let about = if action.writes() { written_about } else { compartment };
            let any_of = |patients: &[Box<str>]| {
                Filter::Any(patients.iter().filter_map(|patient| about(ty, patient)).collect())
            };
            let standing = who.standing();
            let permitted =
                Filter::All(vec![any_of(&standing.acts_for), consent::permitted(who, ty)?]);
            if standing.wards.is_empty() {
                permitted
            } else {
                Filter::Any(vec![permitted, any_of(&standing.wards)])
            }
        }
        Basis::Panel => panel::about(ty, practitioner(who)?, who.now())?,
        Basis::Supervised => panel::about(ty, who.standing().supervisor.as_deref()?, who.now())?,
        Basis::Authored => made_by::organization(ty, who.organization()?)?,
        Basis::Organization => made_by::part_of(ty, who.organization()?)?,
        Basis::Consented | Basis::Studied => consent::permitted(who, ty)?,
        Basis::Contracted => made_by::contracted(ty, who.organization()?)?,
        Basis::Insured => made_by::insurer(ty, who.organization()?)?,
        Basis::Itself | Basis::Made | Basis::Mine => by_itself(basis, ty, who.itself()?)?,
        Basis::Nobody => app_state::of_nobody(ty)?,
        Basis::Context => context::open(who),
    };
    Some(filter)
}

/// What is somebody, was measured by them, or is about them.
fn by_itself(basis: Basis, ty: ResourceType, itself: (&str, &str)) -> Option<Filter> {
    match (basis, itself) {
        (Basis::Itself, (own, id)) => (own == ty.name()).then(|| id_is(id)),
        (Basis::Made, ("Device", id)) => refers(ty, "device", ("Device", id)),
        (Basis::Mine, itself) => app_state::mine(ty, itself),
        _ => None,
    }
}

/// What a `patient/` scope narrows the rows to, where they are more than that; `None`: to nothing.
fn in_context(who: &Principal, basis: Basis, ty: ResourceType) -> Option<Vec<Filter>> {
    let patient = who.grant().patient.as_deref()?;
    // what is read through something else is narrowed with that
    if basis == Basis::Context || (basis == Basis::Own && own_patient(who) == Some(patient)) {
        return Some(Vec::new());
    }
    compartment(ty, patient).map(|filter| vec![filter])
}

/// What is about one patient. Links to other Patients are not followed.
pub(crate) fn compartment(ty: ResourceType, patient: &str) -> Option<Filter> {
    if ty.ty() == TypeId::PATIENT {
        return Some(id_is(patient));
    }
    let params = membership(ty);
    written::refers_by(params, ("Patient", patient))
}

/// The same for what is written: it has to be about the patient. To be named in a resource about somebody else does
/// not make it one's own; where nobody is named as its subject, it does.
fn written_about(ty: ResourceType, patient: &str) -> Option<Filter> {
    let all = compartment(ty, patient)?;
    let named = ["subject", "patient", "beneficiary"];
    let Some(subject) = named.iter().find_map(|code| Registry::r4().parameter(ty, code)) else {
        return Some(all);
    };
    let is_subject = written::refers_by(subject.sources.clone(), ("Patient", patient))?;
    let no_subject = Filter::Not(Box::new(Filter::Present {
        params: subject.sources.clone(),
        kind: subject.kind,
    }));
    Some(Filter::Any(vec![is_subject, Filter::All(vec![no_subject, all])]))
}

/// The parameters by which a resource of a type is about a patient: those of the compartment's definition, and
/// those of types that R4 forgot.
pub(crate) fn membership(ty: ResourceType) -> Vec<search::ParamId> {
    let patient = TypeId::PATIENT.as_resource();
    let params = patient.map_or(&[] as &[_], |patient| Registry::r4().compartment(patient, ty));
    params.iter().copied().chain(extra_params(ty)).collect()
}

/// The same and the parameter `patient`, where it is one of its own.
pub(crate) fn names_patient(ty: ResourceType) -> Vec<search::ParamId> {
    membership(ty).into_iter().chain(written::params(ty, "patient").unwrap_or_default()).collect()
}

/// The parameters that most rules ask of a resource itself: whom it is about, who made it, how confidential it is.
pub fn judged_by() -> std::collections::BTreeSet<search::ParamId> {
    let mut all = std::collections::BTreeSet::from([search::SECURITY_CONTEXT]);
    all.extend(search::SERVICE);
    for ty in ResourceType::all() {
        all.extend(names_patient(*ty));
        all.extend(written::params(*ty, "_security").unwrap_or_default());
        all.extend(made_by::params(*ty));
    }
    all
}

/// Whether these are the rows of a type's identifiers.
pub(crate) fn is_identifier(ty: ResourceType, params: &[search::ParamId]) -> bool {
    written::params(ty, "identifier").is_some_and(|own| params.iter().all(|one| own.contains(one)))
}

/// Logical id of the patient that somebody is, or that a token without a person is for.
pub(crate) fn own_patient(who: &Principal) -> Option<&str> {
    match who.itself() {
        Some(("Patient", id)) => Some(id),
        None if who.grant().user.is_none() && who.role() == Role::Patient => {
            who.grant().patient.as_deref()
        }
        Some(_) | None => None,
    }
}

fn practitioner(who: &Principal) -> Option<&str> {
    match who.itself()? {
        ("Practitioner", id) => Some(id),
        _ => None,
    }
}
