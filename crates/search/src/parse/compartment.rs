//! Searches inside a compartment: <https://hl7.org/fhir/R4/http.html#vsearch>.

use fhir_model::{ResourceType, definitions::r4};

use crate::{
    plan::{Filter, Plan, ReferenceTest, Test},
    registry::{ParamId, Registry},
};

/// The types that can be in the compartment of a resource of this type, its own first; none when the type
/// has no compartment.
pub fn compartment_types(center: ResourceType) -> Vec<ResourceType> {
    let Some(compartment) = r4().compartments().iter().find(|one| one.center == center) else {
        return Vec::new();
    };
    let members = compartment.members.iter().filter(|(_, parameters)| !parameters.is_empty());
    let members = members.map(|(ty, _)| *ty).filter(|ty| *ty != center);
    std::iter::once(center).chain(members).collect()
}

/// Narrows a plan to the compartment of one resource. Types that cannot be in it find nothing.
pub fn within_compartment(
    registry: &Registry,
    plan: &mut Plan,
    (center, id): (ResourceType, &str),
) {
    for of_type in &mut plan.types {
        let params = params(registry, center, of_type.ty);
        let local = ReferenceTest::Local { ty: center, id: id.into() };
        let by_reference = (!params.is_empty())
            .then(|| Filter::Value { params, any: vec![Test::Reference(local)] });
        let itself = (of_type.ty == center).then(|| Filter::Id(vec![id.into()]));
        let filter = match (itself, by_reference) {
            (Some(itself), Some(by_reference)) => Filter::Any(vec![itself, by_reference]),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Filter::Id(Vec::new()),
        };
        of_type.filters.push(filter);
    }
}

/// The reference parameters that put a resource of a type into the compartment.
fn params(registry: &Registry, center: ResourceType, ty: ResourceType) -> Vec<ParamId> {
    let compartments = r4().compartments().iter().filter(|one| one.center == center);
    let codes = compartments.flat_map(|compartment| compartment.parameters(ty));
    let parameters = codes.filter_map(|code| registry.parameter(ty, code));
    let mut params: Vec<ParamId> =
        parameters.flat_map(|parameter| parameter.sources.iter().copied()).collect();
    params.sort_unstable();
    params.dedup();
    params
}
