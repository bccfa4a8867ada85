//! Compartments: <https://hl7.org/fhir/R4/compartmentdefinition.html>.

use std::sync::LazyLock;

use super::{
    Definitions, ResourceType,
    tsv::{list, rows},
};

const COMPARTMENTS: &str = include_str!("../../../../fhir-profiles/r4/compartments.tsv");

/// What belongs to one resource of a type, for example to a patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompartmentDef {
    /// The canonical URL.
    pub url: &'static str,
    /// The type of the resource in the middle. It is in its own compartment too, whatever the members
    /// say.
    pub center: ResourceType,
    /// Which types can be in it, and by which of their search parameters; in order of type.
    pub members: Vec<(ResourceType, Vec<&'static str>)>,
}

impl CompartmentDef {
    /// The search parameters by which a resource of this type is in the compartment; none when it
    /// cannot be.
    pub fn parameters(&self, resource_type: ResourceType) -> &[&'static str] {
        let at = self.members.binary_search_by_key(&resource_type, |(member, _)| *member);
        at.ok().and_then(|at| self.members.get(at)).map_or(&[], |(_, parameters)| parameters)
    }
}

impl Definitions {
    /// The five compartments, in order of URL.
    pub fn compartments(&self) -> &'static [CompartmentDef] {
        static COMPARTMENTS: LazyLock<Vec<CompartmentDef>> = LazyLock::new(load);
        &COMPARTMENTS
    }
}

fn load() -> Vec<CompartmentDef> {
    let mut compartments: Vec<CompartmentDef> = Vec::new();
    for [url, center, member, parameters] in rows(COMPARTMENTS) {
        let (Some(center), Some(member)) =
            (ResourceType::named(center), ResourceType::named(member))
        else {
            continue;
        };
        let member = (member, list(parameters).collect());
        match compartments.last_mut().filter(|last| last.url == url) {
            Some(last) => last.members.push(member),
            None => compartments.push(CompartmentDef { url, center, members: vec![member] }),
        }
    }
    compartments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::r4;

    #[test]
    fn every_row_loads() {
        let compartments = r4().compartments();
        let centers: Vec<&str> = compartments.iter().map(|it| it.center.name()).collect();
        assert_eq!(centers, ["Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"]);
        let members = compartments.iter().map(|it| it.members.len()).sum::<usize>();
        assert_eq!(members, rows::<1>(COMPARTMENTS).count());
        for compartment in compartments {
            assert!(compartment.members.is_sorted_by_key(|(member, _)| *member));
        }
    }

    #[test]
    fn every_parameter_of_a_compartment_exists() {
        for compartment in r4().compartments() {
            for (member, parameters) in &compartment.members {
                for code in parameters {
                    let exists = r4()
                        .search_parameters()
                        .iter()
                        .any(|it| it.code == *code && it.bases.contains(&member.name()));
                    assert!(exists, "{}: {member}.{code}", compartment.url);
                }
            }
        }
    }

    #[test]
    fn members_are_found_by_type() {
        let patient = &r4().compartments()[2];
        let parameters = |name| patient.parameters(ResourceType::named(name).unwrap());
        assert_eq!(parameters("Observation"), ["subject", "performer"]);
        assert_eq!(parameters("Patient"), ["link"]);
        assert!(parameters("Organization").is_empty());
    }
}
