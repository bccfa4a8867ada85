//! What of a resource a role is shown, where it is not all: an insurer sees of a patient the name, the birth date and the
//! numbers of a member. What is not shown is not asked for either: a search would tell it.

use fhir_model::{IssueType, Outcome, ResourceType, TypeId};
use search::{Filter, ParamId, Plan, Registry, SortKey, Test, TokenTest};

use crate::{Permit, Principal, role::Role, rows};

/// Elements that are shown, whole.
const SHOWN: &[&str] = &["birthDate", "name"];

/// Parameters that ask for no more than that.
const ASKED: &[&str] = &[
    "_id",
    "_lastUpdated",
    "_profile",
    "_security",
    "_source",
    "_tag",
    "birthdate",
    "family",
    "given",
    "name",
    "phonetic",
];

/// Types of identifiers that are shown: <http://terminology.hl7.org/CodeSystem/v2-0203>, numbers of members.
const NUMBERS: &[&str] = &["MB"];

/// A part of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Elements that are shown, besides what no part leaves out.
    pub elements: &'static [&'static str],
    /// Codes of the types of identifiers that are shown.
    pub identifiers: &'static [&'static str],
}

impl Principal {
    /// Whether they are shown less than all of some type.
    pub fn sees_in_part(&self) -> bool {
        self.role() == Role::Insurer
    }

    /// What they are shown of resources of a type; `None`: all of it.
    pub fn view(&self, ty: ResourceType) -> Option<View> {
        let is_narrow = self.sees_in_part() && ty.ty() == TypeId::PATIENT;
        is_narrow.then_some(View { elements: SHOWN, identifiers: NUMBERS })
    }
}

/// Refuses a condition on what is not shown.
pub(crate) fn may_ask(filter: &Filter, ty: ResourceType, permit: &Permit) -> Result<(), Outcome> {
    if !is_narrow(ty, permit) {
        return Ok(());
    }
    let hides = match filter {
        Filter::Value { params, any } => {
            params.iter().any(|param| !is_asked(ty, *param))
                && !is_number_of_member(ty, params, any)
        }
        Filter::Present { params, .. }
        | Filter::Chain { params, .. }
        | Filter::Near { params, .. } => params.iter().any(|param| !is_asked(ty, *param)),
        Filter::Words { .. } => true,
        Filter::All(_)
        | Filter::Any(_)
        | Filter::Not(_)
        | Filter::Id(_)
        | Filter::Updated(_)
        | Filter::During(_)
        | Filter::Has { .. } => false,
    };
    if hides { Err(refused(ty)) } else { Ok(()) }
}

/// Refuses an order by what is not shown.
pub(crate) fn may_sort(plan: &Plan, permit: &Permit) -> Result<(), Outcome> {
    for ty in plan.types.iter().map(|one| one.ty).filter(|ty| is_narrow(*ty, permit)) {
        for sort in &plan.sort {
            if let SortKey::Value { params, .. } = &sort.key
                && params.iter().any(|param| is_of(ty, *param) && !is_asked(ty, *param))
            {
                return Err(refused(ty));
            }
        }
    }
    Ok(())
}

fn is_narrow(ty: ResourceType, permit: &Permit) -> bool {
    permit.principal().is_some_and(|who| who.view(ty).is_some())
}

fn is_asked(ty: ResourceType, param: ParamId) -> bool {
    let known = ASKED.iter().filter_map(|code| Registry::r4().parameter(ty, code));
    known.into_iter().any(|parameter| parameter.sources.contains(&param))
}

/// `identifier:of-type` of a number that is shown; of any other, an answer would tell that it is the patient's.
fn is_number_of_member(ty: ResourceType, params: &[ParamId], any: &[Test]) -> bool {
    let is_shown = |test: &Test| {
        let Test::Typed(TokenTest { code: Some(code), .. }) = test else { return false };
        code.split_once('|').is_some_and(|(of, _)| NUMBERS.contains(&of))
    };
    rows::is_identifier(ty, params) && any.iter().all(is_shown)
}

fn is_of(ty: ResourceType, param: ParamId) -> bool {
    Registry::r4().of(ty).iter().any(|parameter| parameter.sources.contains(&param))
}

fn refused(ty: ResourceType) -> Outcome {
    let text =
        format!("This token shows a part of each {ty}; a search may ask for that part alone");
    Outcome::new(IssueType::Forbidden, text)
}
