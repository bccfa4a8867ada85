//! Where a search looks: one type, the whole system, or a compartment:
//! <https://hl7.org/fhir/R4/search.html#searchcontexts>.

use std::fmt;

use fhir_model::{
    IssueType, Outcome, ResourceType,
    definitions::{CompartmentDef, r4},
};
use search::{Filter, Plan, ReferenceTest, Registry, Test, TypePlan};
use storage::Key;

use crate::Query;

/// `_type`: <https://hl7.org/fhir/R4/search.html#type>.
const TYPE: &str = "_type";

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
        let Some(definition) = compartment_of(ty) else {
            let text = format!("A {ty} has no compartment; there is one of each {}", centers());
            return Err(Outcome::new(IssueType::NotFound, text));
        };
        match member {
            Some(member) if !holds(definition, member) => {
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

    /// The types that are searched. Takes `_type` out of the query, where it chooses among several; gives
    /// back what it said.
    ///
    /// # Errors
    /// `invalid` for a name that is no type, or is none of those here.
    pub(crate) fn types(&self, query: &mut Query) -> Result<(Vec<ResourceType>, Query), Outcome> {
        let all: Vec<ResourceType> = match self {
            Self::Type(ty) | Self::Compartment(_, Some(ty)) => {
                return Ok((vec![*ty], Query::default()));
            }
            Self::System => ResourceType::all().to_vec(),
            Self::Compartment(center, None) => {
                let definition = compartment_of(center.resource_type);
                let is_in = |ty: &ResourceType| definition.is_some_and(|def| holds(def, *ty));
                ResourceType::all().iter().copied().filter(is_in).collect()
            }
        };
        chosen(all, query)
    }

    /// Adds to a plan that what is found is in the compartment.
    pub(crate) fn narrow(&self, registry: &Registry, plan: &mut Plan) {
        let Self::Compartment(center, _) = self else { return };
        let Some(definition) = compartment_of(center.resource_type) else { return };
        for of_type in &mut plan.types {
            let filter = inside(registry, (definition, center), of_type);
            of_type.filters.push(filter);
        }
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

fn compartment_of(ty: ResourceType) -> Option<&'static CompartmentDef> {
    r4().compartments().iter().find(|compartment| compartment.center == ty)
}

fn centers() -> String {
    let names: Vec<&str> = r4().compartments().iter().map(|it| it.center.name()).collect();
    names.join(", ")
}

/// Whether a resource of this type can be in the compartment.
fn holds(definition: &CompartmentDef, ty: ResourceType) -> bool {
    ty == definition.center || !definition.parameters(ty).is_empty()
}

/// Those of the types that every `_type` names, and what these said.
fn chosen(
    mut all: Vec<ResourceType>,
    query: &mut Query,
) -> Result<(Vec<ResourceType>, Query), Outcome> {
    let mut understood = Query::default();
    for list in query.take_all(TYPE) {
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        let wanted: Vec<ResourceType> = names.map(named).collect::<Result<_, _>>()?;
        if !wanted.is_empty() {
            all.retain(|ty| wanted.contains(ty));
            understood.push(TYPE, list);
        }
    }
    if all.is_empty() {
        let text = "_type names no type that can be found here";
        return Err(Outcome::new(IssueType::Invalid, text));
    }
    Ok((all, understood))
}

fn named(name: &str) -> Result<ResourceType, Outcome> {
    ResourceType::named(name).ok_or_else(|| {
        let text = format!("_type names resource types of FHIR R4; {name} is none");
        Outcome::new(IssueType::Invalid, text)
    })
}

/// It is what the compartment is about, or refers to it by one of the parameters that count.
fn inside(
    registry: &Registry,
    (definition, center): (&CompartmentDef, &Key),
    of_type: &TypePlan,
) -> Filter {
    let ty = of_type.ty;
    let codes = definition.parameters(ty).iter();
    let mut params: Vec<_> = codes
        .filter_map(|code| registry.parameter(ty, code))
        .flat_map(|parameter| parameter.sources.iter().copied())
        .collect();
    params.sort_unstable();
    params.dedup();
    let refers = Filter::Value {
        params,
        any: vec![Test::Reference(ReferenceTest::Local {
            ty: center.resource_type,
            id: center.id.as_str().into(),
        })],
    };
    let itself = Filter::Id(vec![center.id.as_str().into()]);
    let has_parameters = !definition.parameters(ty).is_empty();
    match (ty == center.resource_type, has_parameters) {
        (true, true) => Filter::Any(vec![itself, refers]),
        (true, false) => itself,
        (false, _) => refers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(name: &str) -> ResourceType {
        ResourceType::named(name).unwrap()
    }

    #[test]
    fn compartments_hold_what_their_definitions_say() {
        let cases = [
            ("Patient", Some("Observation"), true),
            ("Patient", Some("Patient"), true),
            ("Patient", None, true),
            ("Device", Some("Device"), true),
            ("Encounter", Some("Condition"), true),
            ("Practitioner", Some("Encounter"), true),
            ("RelatedPerson", Some("Communication"), true),
            ("Patient", Some("Organization"), false),
            ("Organization", Some("Patient"), false),
            ("Organization", None, false),
        ];
        for (center, member, expected) in cases {
            let reach = Reach::compartment(Key::new(ty(center), "1"), member.map(ty));
            assert_eq!(reach.is_ok(), expected, "{center} {member:?}");
            assert!(reach.is_ok() || reach.unwrap_err().status() == 404);
        }
    }

    #[test]
    fn types_are_chosen_by_name() {
        let patient = || Reach::Compartment(Key::new(ty("Patient"), "1"), None);
        let cases = [
            (Reach::System, "_id=1", Some((146, "", "_id=1"))),
            (Reach::System, "_type=Patient,Device&_id=1", Some((2, "_type=Patient,Device", "_id=1"))),
            (Reach::System, "_type=Patient,Device&_type=Patient", Some((1, "_type=Patient,Device&_type=Patient", ""))),
            (Reach::System, "_type=Patient&_type=Device", None),
            (Reach::System, "_type=Nonsense", None),
            (patient(), "_type=Condition,Encounter", Some((2, "_type=Condition,Encounter", ""))),
            (patient(), "_type=Organization", None),
            (Reach::Type(ty("Patient")), "_type=Patient", Some((1, "", "_type=Patient"))),
        ];
        for (reach, text, expected) in cases {
            let mut query = Query::parse(text).unwrap();
            let types = reach.types(&mut query).ok();
            let found = types.map(|(types, said)| (types.len(), said.to_string(), query.to_string()));
            let expected = expected.map(|(n, said, rest)| (n, said.to_owned(), rest.to_owned()));
            assert_eq!(found, expected, "{reach:?} {text}");
        }
    }

    #[test]
    fn who_is_in_a_compartment_is_in_it_by_reference_or_by_being_it() {
        let registry = Registry::r4();
        let cases = [("Observation", "Value"), ("Patient", "Any"), ("Device", "Id")];
        for (name, kind) in cases {
            let center = if name == "Device" { "Device" } else { "Patient" };
            let reach = Reach::compartment(Key::new(ty(center), "1"), Some(ty(name))).unwrap();
            let mut plan = Plan::over(ty(name));
            reach.narrow(registry, &mut plan);
            let filter = format!("{:?}", plan.filters());
            assert!(filter.starts_with(&format!("[{kind}")), "{filter}");
        }
    }
}
