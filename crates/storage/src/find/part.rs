//! What is searched, piece by piece: resources of one type, of their own or contained in others.

use fhir_model::ResourceType;
use search::{Contained, ContainedType, Filter, ParamId, Plan, TypePlan};

/// Added to the parameters of what is contained.
const CONTAINED: i64 = 100_000_000;

/// Where resources stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Domain {
    /// On their own.
    Own,
    /// In another one.
    Contained,
    /// On their own or in another one.
    Either,
}

/// Resources of one type in one domain, and what must hold of them.
#[derive(Debug, Clone)]
pub(super) struct Part<'p> {
    pub(super) ty: ResourceType,
    pub(super) domain: Domain,
    /// Each must hold; none is [`Filter::All`].
    pub(super) filters: Vec<&'p Filter>,
}

impl Domain {
    /// The numbers of parameters in the column `p`.
    pub(super) fn numbers(self, params: &[ParamId]) -> Vec<i64> {
        let number = |param: &ParamId| i64::from(param.number());
        let own = params.iter().map(number);
        let contained = params.iter().map(|param| number(param) + CONTAINED);
        match self {
            Self::Own => own.collect(),
            Self::Contained => contained.collect(),
            Self::Either => own.chain(contained).collect(),
        }
    }

    /// The domains that it consists of.
    pub(super) fn pieces(self) -> &'static [Self] {
        match self {
            Self::Own => &[Self::Own],
            Self::Contained => &[Self::Contained],
            Self::Either => &[Self::Own, Self::Contained],
        }
    }
}

impl<'p> Part<'p> {
    /// What a plan searches.
    pub(super) fn of(plan: &'p Plan) -> Vec<Self> {
        plan.types.iter().flat_map(|one| Self::of_type(one, domain(plan))).collect()
    }

    /// What a plan of one type searches.
    pub(super) fn of_type(plan: &'p TypePlan, domain: Domain) -> Vec<Self> {
        let mut filters = Vec::new();
        flatten(&plan.filters, &mut filters);
        let piece =
            |domain: &Domain| Self { ty: plan.ty, domain: *domain, filters: filters.clone() };
        domain.pieces().iter().map(piece).collect()
    }

    /// The filters but one.
    pub(super) fn others(&self, leader: Option<usize>) -> impl Iterator<Item = &'p Filter> {
        let filters = self.filters.iter().enumerate();
        filters.filter(move |(n, _)| Some(*n) != leader).map(|(_, filter)| *filter)
    }
}

fn flatten<'p>(filters: &'p [Filter], into: &mut Vec<&'p Filter>) {
    for filter in filters {
        match filter {
            Filter::All(inner) => flatten(inner, into),
            Filter::Any(_)
            | Filter::Not(_)
            | Filter::Id(_)
            | Filter::Updated(_)
            | Filter::Value { .. }
            | Filter::Present { .. }
            | Filter::Chain { .. }
            | Filter::Has { .. }
            | Filter::Words { .. }
            | Filter::Near { .. }
            | Filter::During(_) => into.push(filter),
        }
    }
}

/// Where a plan looks.
pub(super) fn domain(plan: &Plan) -> Domain {
    match plan.contained {
        Contained::No => Domain::Own,
        Contained::Only(_) => Domain::Contained,
        Contained::Both(_) => Domain::Either,
    }
}

/// What is shown of a contained resource that was found; `None`: no such is looked for.
pub(super) fn shown(plan: &Plan) -> Option<ContainedType> {
    match plan.contained {
        Contained::No => None,
        Contained::Only(shown) | Contained::Both(shown) => Some(shown),
    }
}
