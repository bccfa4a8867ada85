//! Filters as they would come out of a query string. A parameter that R4 does not have gives no filter.

use fhir_model::{Instant, ResourceType};
use search::{
    Comparison, DateTest, Filter, ParamId, ReferenceTest, Registry, System, Test, Timespan,
    TokenTest, TypePlan,
};

/// Types that are about a patient, though the definition of the compartment does not say so.
const EXTRA: &[(&str, &str)] =
    &[("Contract", "patient"), ("Device", "patient"), ("Task", "patient")];

pub(super) fn extra_params(ty: ResourceType) -> Vec<ParamId> {
    let extra = EXTRA.iter().filter(|(name, _)| *name == ty.name());
    extra.filter_map(|(_, code)| params(ty, code)).flatten().collect()
}

/// The index rows of a parameter.
pub(super) fn params(ty: ResourceType, code: &str) -> Option<Vec<ParamId>> {
    Registry::r4().parameter(ty, code).map(|parameter| parameter.sources.clone())
}

pub(super) fn id_is(id: &str) -> Filter {
    Filter::Id(vec![id.into()])
}

/// It refers to this resource by the parameter.
pub(super) fn refers(ty: ResourceType, code: &str, target: (&str, &str)) -> Option<Filter> {
    refers_by(params(ty, code)?, target)
}

/// It refers to this resource by one of the parameters.
pub(super) fn refers_by(params: Vec<ParamId>, (ty, id): (&str, &str)) -> Option<Filter> {
    let ty = ResourceType::named(ty)?;
    let test = Test::Reference(ReferenceTest::Local { ty, id: id.into() });
    (!params.is_empty()).then(|| Filter::Value { params, any: vec![test] })
}

/// It refers by one of the parameters to such a resource.
pub(super) fn chain(params: Vec<ParamId>, target: &str, filters: Vec<Filter>) -> Option<Filter> {
    let targets = vec![TypePlan { ty: ResourceType::named(target)?, filters }];
    (!params.is_empty()).then_some(Filter::Chain { params, targets })
}

/// Such a resource of another type refers to it.
pub(super) fn has(source: &str, code: &str, filters: Vec<Filter>) -> Option<Filter> {
    let ty = ResourceType::named(source)?;
    let source = Box::new(TypePlan { ty, filters });
    Some(Filter::Has { params: params(ty, code)?, source })
}

/// One of these codes.
pub(super) fn one_of(
    ty: ResourceType,
    code: &str,
    system: Option<&str>,
    codes: &[&str],
) -> Option<Filter> {
    let system = system.map_or(System::Any, |system| System::Is(system.into()));
    let test =
        |code: &&str| Test::Token(TokenTest { system: system.clone(), code: Some((*code).into()) });
    Some(Filter::Value { params: params(ty, code)?, any: codes.iter().map(test).collect() })
}

/// A time that overlaps with this one.
pub(super) fn during(
    ty: ResourceType,
    code: &str,
    (from, until): (Instant, Instant),
) -> Option<Filter> {
    let span = Timespan::instant(from).hull(Timespan::instant(until));
    let test = Test::Date(DateTest { comparison: Comparison::Approximate, span });
    Some(Filter::Value { params: params(ty, code)?, any: vec![test] })
}
