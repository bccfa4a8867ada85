//! Where a search looks: one type, the whole system, or a compartment:
//! <https://hl7.org/fhir/R4/search.html#searchcontexts>.

use std::fmt;

use auth::Named;
use fhir_model::{Issue, IssueType, Outcome, ResourceType};
use search::{
    Plan, Reading, Registry, compartment_types, parse, parse_system, parse_types,
    within_compartment,
};
use storage::Key;

/// Where a search looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// `GET [base]?...`: all types, or those that `_type` names.
    System,
    /// `GET [base]/[type]?...`
    Type(ResourceType),
    /// `GET [base]/Patient/[id]/[type]?...` and, without a type, `GET [base]/Patient/[id]/*?...`: what has
    /// to do with this patient, device, encounter, practitioner or related person.
    Compartment(Key, Option<ResourceType>),
}

impl Reach {
    /// A compartment by the names in an address.
    ///
    /// # Errors
    /// `not-found` when resources of that type have no compartment, or never have the other type in it.
    pub(crate) fn compartment(center: Key, member: Option<ResourceType>) -> Result<Self, Outcome> {
        let ty = center.resource_type;
        let types = compartment_types(ty);
        match member {
            _ if types.is_empty() => {
                Err(Outcome::new(IssueType::NotFound, format!("A {ty} has no compartment")))
            }
            Some(member) if !types.contains(&member) => {
                let text = format!("The compartment of a {ty} never holds a {member}");
                Err(Outcome::new(IssueType::NotFound, text))
            }
            _ => Ok(Self::Compartment(center, member)),
        }
    }

    /// The type, when only one is searched: that is what permission is asked for.
    pub(crate) fn ty(&self) -> Option<ResourceType> {
        match self {
            Self::System => None,
            Self::Type(ty) => Some(*ty),
            Self::Compartment(_, member) => *member,
        }
    }

    /// Whether its types were named: by the address, or by `_type`.
    pub(crate) fn named(&self, plan: &Plan) -> Named {
        let by_parameter = plan.understood.iter().any(|(name, _)| name == "_type");
        match self.ty() {
            None if !by_parameter => Named::Everything,
            _ => Named::Types,
        }
    }

    /// Understands a query, and what is left out of it.
    ///
    /// # Errors
    /// Those of [`parse`].
    pub(crate) fn understand(
        &self,
        registry: &Registry,
        pairs: &[(String, String)],
        reading: &Reading<'_>,
    ) -> Result<(Plan, Vec<Issue>), Outcome> {
        let (mut plan, ignored) = match self {
            Self::System => parse_system(registry, pairs, reading),
            Self::Type(ty) | Self::Compartment(_, Some(ty)) => parse(registry, *ty, pairs, reading),
            Self::Compartment(center, None) => {
                let types = compartment_types(center.resource_type);
                parse_types(registry, &types, pairs, reading)
            }
        }?;
        if let Self::Compartment(center, _) = self {
            within_compartment(registry, &mut plan, (center.resource_type, &center.id));
        }
        Ok((plan, ignored))
    }
}

/// As it stands in an address, below the base.
impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => Ok(()),
            Self::Type(ty) => write!(f, "{ty}"),
            Self::Compartment(center, member) => {
                let member = member.map_or("*", ResourceType::name);
                write!(f, "{}/{}/{member}", center.resource_type, center.id)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compartments_hold_what_their_definitions_say() {
        let ty = |name: &str| ResourceType::named(name).unwrap();
        let cases = [
            ("Patient", Some("Observation"), Some("Patient/1/Observation")),
            ("Patient", Some("Patient"), Some("Patient/1/Patient")),
            ("Patient", None, Some("Patient/1/*")),
            ("Device", Some("Device"), Some("Device/1/Device")),
            ("Encounter", Some("Condition"), Some("Encounter/1/Condition")),
            ("Practitioner", Some("Encounter"), Some("Practitioner/1/Encounter")),
            ("RelatedPerson", Some("Communication"), Some("RelatedPerson/1/Communication")),
            ("Patient", Some("Organization"), None),
            ("Organization", Some("Patient"), None),
            ("Organization", None, None),
        ];
        for (center, member, expected) in cases {
            let reach = Reach::compartment(Key::new(ty(center), "1"), member.map(ty));
            let address = reach.as_ref().ok().map(ToString::to_string);
            assert_eq!(address.as_deref(), expected, "{center} {member:?}");
            assert!(reach.is_ok() || reach.unwrap_err().status() == 404);
        }
    }
}
