//! The R4 (4.0.1) definitions: <https://hl7.org/fhir/R4/>. Facts only: names, types, cardinalities,
//! bindings, invariants, search parameters, compartments, operations. The tables are made from the core
//! package by `cargo run -p xtask -- definitions`, included in the binary, parsed once at the first use.

mod compartments;
mod invariants;
mod load;
mod names;
mod operations;
mod resource_types;
mod search_parameters;
mod tsv;
mod types;

use std::sync::LazyLock;

pub use compartments::CompartmentDef;
pub use invariants::InvariantDef;
pub use operations::{OperationDef, OperationLevel, OperationParameterDef};
pub use resource_types::{ResourceType, UnknownResourceType};
pub use search_parameters::{SearchKind, SearchParameterDef};
pub use types::{Primitive, TypeId, TypeKind};

/// One JSON member that a type may have. A choice `value[x]` is one row for each of its types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementDef {
    /// The type whose member this is.
    pub owner: TypeId,
    /// The `FHIRPath` name: `value`.
    pub name: &'static str,
    /// The JSON and XML name: `valueQuantity`.
    pub json_name: &'static str,
    /// The definition's path: `Observation.value[x]`, `Observation.component.code`.
    pub path: &'static str,
    /// The type of an item; abstract (`Resource`) where any resource may stand.
    pub ty: TypeId,
    /// The least number of items; of a choice: of all its rows together.
    pub min: u16,
    /// The largest number of items; `u16::MAX` for `*`. An element with `max > 1` is a JSON array.
    pub max: u16,
    /// Rows of one choice share this number, unique within the owner; 0 when not a choice.
    pub choice: u8,
    /// Position in the XML sequence; the rows of a choice share one.
    pub order: u16,
    /// Whether XML writes it as an attribute (`id`, `url` of an extension).
    pub is_xml_attribute: bool,
    /// For `Reference` and `canonical`: the resource types it may point to; empty for any.
    pub targets: Vec<ResourceType>,
    /// The codes of a required binding that can be enumerated.
    pub required: Option<&'static CodeList>,
    /// Whether `_summary=true` shows it: <https://hl7.org/fhir/R4/search.html#summary>.
    pub is_summary: bool,
}

/// The codes of a value set that is bound with strength `required`.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeList {
    /// The value set's canonical URL, without version.
    pub url: &'static str,
    /// `(system, code)`, sorted by code.
    pub codes: Vec<(&'static str, &'static str)>,
}

impl CodeList {
    /// Whether the code is in the value set, in whatever system.
    pub fn contains(&self, code: &str) -> bool {
        self.codes.binary_search_by(|(_, other)| (*other).cmp(code)).is_ok()
    }

    /// Whether the code of this system is in the value set.
    pub fn contains_coding(&self, system: &str, code: &str) -> bool {
        let first = self.codes.partition_point(|(_, other)| *other < code);
        self.codes
            .iter()
            .skip(first)
            .take_while(|(_, other)| *other == code)
            .any(|(other, _)| *other == system)
    }
}

/// The package that the tables were made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageDef {
    /// `hl7.fhir.r4.core`.
    pub name: &'static str,
    /// `4.0.1`.
    pub version: &'static str,
    /// SHA-256 of its `.tgz`, in hexadecimal.
    pub sha256: &'static str,
    /// The SPDX identifier of its licence.
    pub licence: &'static str,
}

/// All definitions; [`r4`] is the one instance.
#[derive(Debug)]
pub struct Definitions {
    types: Vec<types::TypeDef>,
    by_name: names::NameTable,
    /// Grouped by owner, in the order of XML.
    elements: Vec<ElementDef>,
    code_lists: &'static [CodeList],
}

impl Definitions {
    /// The value sets with known codes that elements require.
    pub fn code_lists(&self) -> &'static [CodeList] {
        self.code_lists
    }

    /// Where the tables come from.
    pub fn package(&self) -> PackageDef {
        let row = tsv::rows(include_str!("../../../fhir-profiles/r4/package.tsv")).next();
        let [name, version, sha256, licence] = row.unwrap_or_default();
        PackageDef { name, version, sha256, licence }
    }
}

/// The definitions of R4 (4.0.1).
pub fn r4() -> &'static Definitions {
    static R4: LazyLock<Definitions> = LazyLock::new(load::tables);
    &R4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(ty: &str, json_name: &str) -> &'static ElementDef {
        TypeId::named(ty).unwrap().member(json_name).unwrap()
    }

    #[test]
    fn the_package_is_r4() {
        let package = r4().package();
        assert_eq!((package.name, package.version), ("hl7.fhir.r4.core", "4.0.1"));
        assert_eq!((package.sha256.len(), package.licence), (64, "CC0-1.0"));
    }

    #[test]
    fn elements_have_name_type_and_cardinality() {
        let cases = [
            ("Patient", "id", "id", "id", 0, 1),
            ("Patient", "meta", "meta", "Meta", 0, 1),
            ("Patient", "contained", "contained", "Resource", 0, u16::MAX),
            ("Patient", "name", "name", "HumanName", 0, u16::MAX),
            ("Patient", "deceasedBoolean", "deceased", "boolean", 0, 1),
            ("Patient", "deceasedDateTime", "deceased", "dateTime", 0, 1),
            ("Patient", "contact", "contact", "Patient.contact", 0, u16::MAX),
            ("Patient.contact", "id", "id", "string", 0, 1),
            ("Observation", "status", "status", "code", 1, 1),
            ("Observation", "valueQuantity", "value", "Quantity", 0, 1),
            ("Observation.component", "valueTime", "value", "time", 0, 1),
            ("Extension", "url", "url", "uri", 1, 1),
            ("Extension", "valueMeta", "value", "Meta", 0, 1),
            ("Narrative", "div", "div", "xhtml", 1, 1),
            ("Bundle.entry", "resource", "resource", "Resource", 0, 1),
            ("string", "extension", "extension", "Extension", 0, u16::MAX),
            ("Element", "id", "id", "string", 0, 1),
            ("Timing.repeat", "boundsDuration", "bounds", "Duration", 0, 1),
        ];
        for (owner, json_name, name, ty, min, max) in cases {
            let found = element(owner, json_name);
            assert_eq!((found.name, found.ty.name()), (name, ty), "{owner}.{json_name}");
            assert_eq!((found.min, found.max), (min, max), "{owner}.{json_name}");
            assert_eq!(found.owner.name(), owner);
        }
        for (owner, not_there) in [
            ("Patient", "deceased"),
            ("Patient", "deceased[x]"),
            ("Patient", "valueString"),
            ("Patient", ""),
            ("Bundle", "text"),
            ("string", "value"),
            ("xhtml", "extension"),
        ] {
            assert_eq!(
                TypeId::named(owner).unwrap().member(not_there),
                None,
                "{owner}.{not_there}"
            );
        }
    }

    #[test]
    fn elements_defined_elsewhere_have_the_type_from_there() {
        for (owner, name, ty) in [
            ("Observation.component", "referenceRange", "Observation.referenceRange"),
            ("Bundle.entry", "link", "Bundle.link"),
            ("Parameters.parameter", "part", "Parameters.parameter"),
            ("Questionnaire.item", "item", "Questionnaire.item"),
            ("ValueSet.compose", "exclude", "ValueSet.compose.include"),
        ] {
            assert_eq!(element(owner, name).ty.name(), ty);
        }
    }

    #[test]
    fn choices_share_number_order_and_path() {
        let rows: Vec<&ElementDef> =
            TypeId::EXTENSION.elements().iter().filter(|it| it.choice == 1).collect();
        assert_eq!(rows.len(), 50);
        assert!(rows.iter().all(|it| (it.path, it.order) == ("Extension.value[x]", 3)));
        let numbers = |name| element("Patient", name).choice;
        assert_eq!(numbers("deceasedBoolean"), numbers("deceasedDateTime"));
        assert_ne!(numbers("deceasedBoolean"), numbers("multipleBirthInteger"));
        assert_eq!(numbers("gender"), 0);
    }

    #[test]
    fn targets_and_required_codes_are_known() {
        let practitioners = &element("Patient", "generalPractitioner").targets;
        let names: Vec<&str> = practitioners.iter().map(|target| target.name()).collect();
        assert_eq!(names, ["Organization", "Practitioner", "PractitionerRole"]);
        assert!(element("Extension", "valueReference").targets.is_empty());
        let genders = element("Patient", "gender").required.unwrap();
        let codes: Vec<&str> = genders.codes.iter().map(|(_, code)| *code).collect();
        assert_eq!(codes, ["female", "male", "other", "unknown"]);
        assert!(genders.contains("male") && !genders.contains("M"));
        assert!(genders.contains_coding("http://hl7.org/fhir/administrative-gender", "other"));
        assert!(!genders.contains_coding("http://hl7.org/fhir/other", "other"));
        assert_eq!(element("Attachment", "contentType").required, None);
    }

    #[test]
    fn attributes_of_xml_are_marked() {
        for (owner, name, expected) in [
            ("Patient", "id", false),
            ("Patient.contact", "id", true),
            ("HumanName", "id", true),
            ("Extension", "url", true),
            ("Meta", "source", false),
        ] {
            assert_eq!(element(owner, name).is_xml_attribute, expected, "{owner}.{name}");
        }
    }
}
