//! The search parameters there are: <https://hl7.org/fhir/R4/searchparameter-registry.html>.

mod path;
mod program;
mod targets;

use std::{collections::BTreeMap, sync::LazyLock};

use fhir_model::{
    ResourceType, TypeId,
    definitions::{SearchKind, r4},
};

#[cfg(test)]
pub(crate) use program::is_indexed;
pub(crate) use program::{Condition, Leaf, Program, State};

/// A parameter of a resource type, as databases know it. Numbers of R4's own never change: they are
/// the 1-based positions in the list of all pairs of type and code, sorted by name. Those above
/// 1,000,000 are for `SearchParameter` resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParamId(pub u32);

impl ParamId {
    /// As the column `p` of a database holds it.
    pub fn number(self) -> i32 {
        i32::try_from(self.0).unwrap_or(i32::MAX)
    }
}

/// A search parameter of one resource type.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its number.
    pub id: ParamId,
    /// The type whose resources it finds.
    pub ty: ResourceType,
    /// Its name in queries.
    pub code: &'static str,
    /// The canonical URL of its definition.
    pub url: &'static str,
    /// How values are compared.
    pub kind: SearchKind,
    /// The `FHIRPath` expression of the values, for all types that share the definition; may be empty.
    pub expression: &'static str,
    /// The parameters whose index rows are its values: itself, and those that say the same of a part, so
    /// that a value is indexed once.
    pub sources: Vec<ParamId>,
    /// Of a reference: the types it may point to; empty: any.
    pub targets: Vec<ResourceType>,
    /// Of a composite: URL of the definition and expression of each part.
    pub components: Vec<(&'static str, &'static str)>,
}

/// All search parameters, and for each resource type the program that extracts their values.
#[derive(Debug)]
pub struct Registry {
    /// Sorted by the names of type and code, so a parameter's number is its position.
    parameters: Vec<Parameter>,
    /// By type number, 1-based.
    types: Vec<TypeIndex>,
}

/// What the registry knows of one resource type.
#[derive(Debug, Default)]
struct TypeIndex {
    /// First and one past the last in `Registry::parameters`.
    parameters: (usize, usize),
    program: Program,
    /// The reference parameters that put a resource into a patient's compartment.
    patient: Vec<ParamId>,
}

impl Registry {
    /// The parameters of R4 itself.
    pub fn r4() -> &'static Self {
        static R4: LazyLock<Registry> = LazyLock::new(Registry::build);
        &R4
    }

    /// The parameter of this name.
    pub fn parameter(&self, ty: ResourceType, code: &str) -> Option<&Parameter> {
        let parameters = self.of(ty);
        let at = parameters.binary_search_by(|parameter| parameter.code.cmp(code)).ok()?;
        parameters.get(at)
    }

    /// The parameters of a type, by name.
    pub fn of(&self, ty: ResourceType) -> &[Parameter] {
        let (from, to) = self.index(ty).map_or((0, 0), |index| index.parameters);
        self.parameters.get(from..to).unwrap_or_default()
    }

    /// Every parameter, by number.
    pub fn all(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The parameter of this number.
    pub fn by_id(&self, id: ParamId) -> Option<&Parameter> {
        self.parameters.get((id.0 as usize).checked_sub(1)?)
    }

    pub(crate) fn program(&self, ty: ResourceType) -> Option<&Program> {
        self.index(ty).map(|index| &index.program)
    }

    /// The parameters whose references to a Patient put a resource of this type into its compartment.
    pub(crate) fn patient_parameters(&self, ty: ResourceType) -> &[ParamId] {
        self.index(ty).map_or(&[], |index| &index.patient)
    }

    fn index(&self, ty: ResourceType) -> Option<&TypeIndex> {
        self.types.get(usize::from(ty.number()))
    }

    fn build() -> Self {
        let parameters = number(list());
        let mut types: Vec<TypeIndex> = Vec::new();
        types.resize_with(ResourceType::all().len() + 1, TypeIndex::default);
        let mut from = 0;
        for of_type in parameters.chunk_by(|a, b| a.ty == b.ty) {
            let to = from + of_type.len();
            if let Some(first) = of_type.first()
                && let Some(index) = types.get_mut(usize::from(first.ty.number()))
            {
                *index = TypeIndex {
                    parameters: (from, to),
                    program: Program::compile(first.ty, of_type),
                    patient: patient_parameters(first.ty, of_type),
                };
            }
            from = to;
        }
        Self { parameters, types }
    }
}

/// Every pair of concrete type and code with its definition, sorted by names.
fn list() -> BTreeMap<(&'static str, &'static str), Parameter> {
    let mut pairs = BTreeMap::new();
    for definition in r4().search_parameters() {
        let bases = definition.bases.iter().filter_map(|base| TypeId::named(base));
        for base in bases {
            for ty in ResourceType::all().iter().copied().filter(|ty| ty.ty().is_a(base)) {
                let parameter = Parameter {
                    id: ParamId(0),
                    sources: Vec::new(),
                    ty,
                    code: definition.code,
                    url: definition.url,
                    kind: definition.kind,
                    expression: definition.expression,
                    targets: targets::of(ty, definition.expression, &definition.targets),
                    components: definition.components.clone(),
                };
                pairs.insert((ty.name(), definition.code), parameter);
            }
        }
    }
    pairs
}

fn number(pairs: BTreeMap<(&'static str, &'static str), Parameter>) -> Vec<Parameter> {
    let parameters = (1..).zip(pairs.into_values());
    parameters.map(|(n, p)| Parameter { id: ParamId(n), sources: vec![ParamId(n)], ..p }).collect()
}

fn patient_parameters(ty: ResourceType, parameters: &[Parameter]) -> Vec<ParamId> {
    let of_patient = r4().compartments().iter().filter(|one| one.center.ty() == TypeId::PATIENT);
    of_patient
        .flat_map(|compartment| compartment.parameters(ty))
        .filter_map(|code| parameters.iter().find(|parameter| parameter.code == *code))
        .map(|parameter| parameter.id)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{path::Branch, *};

    /// What a parameter's expression leads to although it is nothing that the parameter's kind compares.
    const NOT_INDEXED: &[&str] = &[
        // an activity in words
        "CarePlan activity-date string",
        "Immunization date string",
        "Procedure date Age",
        "Procedure date Range",
        "Procedure date string",
        // a curve is no quantity
        "Observation combo-value-quantity SampledData",
        "Observation component-value-quantity SampledData",
        "Observation value-quantity SampledData",
        // the resource itself stands there
        "Bundle composition Resource",
        "Bundle message Resource",
        // so does the document
        "Consent source-reference Attachment",
    ];

    /// What the types of element are that each kind compares.
    const INDEXED: &[(SearchKind, &[&str])] = &[
        (SearchKind::Date, &["date", "dateTime", "instant", "Period", "Timing"]),
        (SearchKind::Number, &["decimal", "integer", "positiveInt", "unsignedInt", "Range"]),
        (
            SearchKind::Quantity,
            &["Quantity", "Age", "Duration", "Count", "Distance", "Money", "Range"],
        ),
        (SearchKind::Reference, &["Reference", "canonical", "uri"]),
        (SearchKind::String, &["string", "markdown", "HumanName", "Address"]),
        (
            SearchKind::Token,
            &[
                "CodeableConcept",
                "Coding",
                "Identifier",
                "ContactPoint",
                "code",
                "boolean",
                "string",
                "id",
                "uri",
                "canonical",
                "dateTime",
            ],
        ),
        (SearchKind::Uri, &["uri", "url", "canonical", "oid"]),
    ];

    #[test]
    fn numbers_never_change() {
        let registry = Registry::r4();
        let cases = [
            ("Account", "_content", 1),
            ("Observation", "code", 2066),
            ("Patient", "birthdate", 2227),
            ("Patient", "identifier", 2235),
            ("VisionPrescription", "status", 3154),
        ];
        for (ty, code, number) in cases {
            let parameter = registry.parameter(ResourceType::named(ty).unwrap(), code).unwrap();
            assert_eq!(parameter.id, ParamId(number), "{ty} {code}");
            assert_eq!(registry.by_id(parameter.id).unwrap().code, code);
        }
        assert_eq!(registry.all().len(), 3154);
        assert!(registry.by_id(ParamId(0)).is_none());
        assert!(registry.parameter(ResourceType::all()[0], "nosuch").is_none());
    }

    #[test]
    fn every_value_can_be_indexed_or_is_listed() {
        let mut found = BTreeSet::new();
        for parameter in Registry::r4().all() {
            let known = INDEXED.iter().find(|(kind, _)| *kind == parameter.kind);
            let Some((_, known)) = known else { continue };
            for branch in path::branches(parameter.expression) {
                let Branch::Path(steps) = path::branch(branch, parameter.ty) else { continue };
                let types = steps.iter().fold(vec![parameter.ty.ty()], |types, step| {
                    targets::types_after(&types, step)
                });
                assert!(!types.is_empty(), "{branch} leads nowhere");
                let strange = types.iter().filter(|ty| !known.contains(&ty.name()));
                found.extend(
                    strange.map(|ty| format!("{} {} {}", parameter.ty, parameter.code, ty.name())),
                );
            }
        }
        let listed: BTreeSet<String> = NOT_INDEXED.iter().map(|&row| row.to_owned()).collect();
        assert_eq!(found, listed);
    }

    #[test]
    fn only_patient_deceased_needs_the_engine() {
        let others: Vec<(&str, &str)> = Registry::r4()
            .all()
            .iter()
            .filter(|parameter| is_indexed(parameter))
            .filter(|parameter| {
                let mut branches = path::branches(parameter.expression).into_iter();
                branches.any(|branch| path::branch(branch, parameter.ty) == Branch::Other)
            })
            .map(|parameter| (parameter.ty.name(), parameter.code))
            .collect();
        assert_eq!(others, [("Patient", "deceased")]);
    }
}
