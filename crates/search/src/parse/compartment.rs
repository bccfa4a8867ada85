//! Searches inside a compartment: <https://hl7.org/fhir/R4/http.html#vsearch>.

use fhir_model::ResourceType;

use crate::{
    plan::{Filter, Plan, ReferenceTest, Test},
    registry::Registry,
};

/// The types that can be in the compartment of a resource of this type, its own first; none when the type
/// has no compartment.
pub fn compartment_types(center: ResourceType) -> Vec<ResourceType> {
    // compartments are R4's own, whatever parameters were added
    let registry = Registry::r4();
    let all = ResourceType::all().iter().copied();
    let others = all.filter(|ty| *ty != center && !registry.compartment(center, *ty).is_empty());
    let mut types: Vec<ResourceType> = others.collect();
    if !types.is_empty() {
        types.insert(0, center);
    }
    types
}

/// Narrows a plan to the compartment of one resource. Types that cannot be in it find nothing.
pub fn within_compartment(
    registry: &Registry,
    plan: &mut Plan,
    (center, id): (ResourceType, &str),
) {
    for of_type in &mut plan.types {
        let params = registry.compartment(center, of_type.ty).to_vec();
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
