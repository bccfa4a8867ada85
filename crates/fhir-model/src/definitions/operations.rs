//! Operations: <https://hl7.org/fhir/R4/operationslist.html>.

use std::sync::LazyLock;

use super::{
    Definitions,
    tsv::{list, rows},
};

const OPERATIONS: &str = include_str!("../../../../fhir-profiles/r4/operations.tsv");
const PARAMETERS: &str = include_str!("../../../../fhir-profiles/r4/operation-parameters.tsv");

/// One operation of the base specification. Whether it changes anything the package does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationDef {
    /// The canonical URL.
    pub url: &'static str,
    /// The name after the `$`.
    pub code: &'static str,
    /// Where it may be called.
    pub levels: Vec<OperationLevel>,
    /// Types it is for; `Resource` for all.
    pub resources: Vec<&'static str>,
    /// What goes in and comes out, parts right after the parameter they belong to.
    pub parameters: Vec<OperationParameterDef>,
}

/// Where an operation may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperationLevel {
    /// `/$code`
    System,
    /// `/Patient/$code`
    Type,
    /// `/Patient/1/$code`
    Instance,
}

/// One parameter of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationParameterDef {
    /// The name; of a part `parameter.part`.
    pub name: &'static str,
    /// Whether it comes out rather than goes in.
    pub is_output: bool,
    /// The least number of times.
    pub min: u16,
    /// The largest number of times; `u16::MAX` for `*`.
    pub max: u16,
    /// The type, also `Any` and abstract ones; empty when it has parts instead.
    pub ty: &'static str,
    /// Of a string: the search parameter type whose syntax it has.
    pub search_type: Option<&'static str>,
    /// Of a `Reference` or `canonical`: what it may point to; empty for any.
    pub targets: Vec<&'static str>,
}

impl Definitions {
    /// Every operation, in order of URL.
    pub fn operations(&self) -> &'static [OperationDef] {
        static OPERATIONS: LazyLock<Vec<OperationDef>> = LazyLock::new(load);
        &OPERATIONS
    }
}

fn load() -> Vec<OperationDef> {
    let mut waiting = rows(PARAMETERS).peekable();
    let mut operations = Vec::new();
    for [url, code, levels, resources] in rows(OPERATIONS) {
        let mut parameters = Vec::new();
        while let Some([_, row @ ..]) = waiting.next_if(|row: &[_; 8]| row.first() == Some(&url)) {
            parameters.push(parameter(row));
        }
        operations.push(OperationDef {
            url,
            code,
            levels: list(levels).filter_map(level).collect(),
            resources: list(resources).collect(),
            parameters,
        });
    }
    operations
}

fn level(name: &str) -> Option<OperationLevel> {
    match name {
        "system" => Some(OperationLevel::System),
        "type" => Some(OperationLevel::Type),
        "instance" => Some(OperationLevel::Instance),
        _ => None,
    }
}

fn parameter(row: [&'static str; 7]) -> OperationParameterDef {
    let [direction, name, min, max, ty, search_type, targets] = row;
    OperationParameterDef {
        name,
        is_output: direction == "out",
        min: min.parse().unwrap_or_default(),
        max: max.parse().unwrap_or(u16::MAX),
        ty,
        search_type: (!search_type.is_empty()).then_some(search_type),
        targets: list(targets).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::{TypeId, r4};

    #[test]
    fn every_row_loads() {
        let operations = r4().operations();
        assert_eq!(operations.len(), 46);
        assert_eq!(
            operations.iter().map(|it| it.parameters.len()).sum::<usize>(),
            rows::<1>(PARAMETERS).count()
        );
        for operation in operations {
            assert!(!operation.levels.is_empty(), "{}", operation.url);
            for name in &operation.resources {
                assert!(TypeId::named(name).is_some(), "{}: {name}", operation.url);
            }
            for parameter in &operation.parameters {
                let known = TypeId::named(parameter.ty).is_some();
                let special = ["", "Any"].contains(&parameter.ty);
                assert!(known || special, "{}: {}", operation.url, parameter.ty);
            }
        }
    }

    #[test]
    fn patient_everything_is_as_the_specification_has_it() {
        let everything = r4()
            .operations()
            .iter()
            .find(|it| it.url == "http://hl7.org/fhir/OperationDefinition/Patient-everything")
            .unwrap();
        assert_eq!(everything.code, "everything");
        assert_eq!(everything.levels, [OperationLevel::Type, OperationLevel::Instance]);
        assert_eq!(everything.resources, ["Patient"]);
        let names: Vec<_> =
            everything.parameters.iter().map(|it| (it.name, it.ty, it.is_output)).collect();
        assert_eq!(
            names,
            [
                ("start", "date", false),
                ("end", "date", false),
                ("_since", "instant", false),
                ("_type", "code", false),
                ("_count", "integer", false),
                ("return", "Bundle", true),
            ]
        );
    }

    #[test]
    fn parts_follow_their_parameter() {
        let lookup = r4()
            .operations()
            .iter()
            .find(|it| it.url == "http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup")
            .unwrap();
        let names: Vec<&str> = lookup.parameters.iter().map(|it| it.name).collect();
        let designation = names.iter().position(|name| *name == "designation").unwrap();
        assert_eq!(names[designation + 1], "designation.language");
    }
}
