//! What an operation takes and gives: <https://hl7.org/fhir/R4/operationdefinition.html>. HL7's come from the
//! tables of R4, ours from `fhir-profiles/vault`.

use std::{collections::BTreeMap, sync::LazyLock};

use fhir_model::{
    definitions::{OperationDef, OperationLevel, OperationParameterDef, r4},
    json::{Limits, Value},
};

/// An operation's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) url: String,
    pub(crate) code: String,
    /// The package of R4 does not say.
    pub(crate) affects_state: Option<bool>,
    pub(crate) levels: Vec<OperationLevel>,
    pub(crate) resources: Vec<String>,
    pub(crate) inputs: Vec<Parameter>,
    pub(crate) outputs: Vec<Parameter>,
}

/// A parameter of an operation, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) min: u16,
    /// `u16::MAX` is `*`.
    pub(crate) max: u16,
    /// Empty when it has parts.
    pub(crate) ty: String,
    pub(crate) parts: Vec<Parameter>,
}

macro_rules! ours {
    ($($name:literal),+ $(,)?) => {
        &[$(include_str!(concat!("../../../../fhir-profiles/vault/OperationDefinition-", $name, ".json"))),+]
    };
}

const OURS: &[&str] = ours![
    "bed-availability",
    "request-bed",
    "allocate-bed",
    "hold-emergency-bed",
    "confirm-bed",
    "transfer-bed",
    "release-bed",
    "bed-turnover",
    "bed-waitlist",
    "explain-allocation",
    "cosign",
    "explain-refusal",
    "meta-add",
    "meta-delete",
    "reindex",
    "reindex-status",
];

/// The definition with this canonical URL.
pub(super) fn by_url(url: &str) -> Option<&'static Definition> {
    static ALL: LazyLock<Vec<Definition>> = LazyLock::new(|| {
        let ours = OURS.iter().filter_map(|text| of_resource(text));
        r4().operations().iter().map(of_table).chain(ours).collect()
    });
    ALL.iter().find(|definition| definition.url == url)
}

/// The resource under this id, of ours.
pub(crate) fn of_id(id: &str) -> Option<&'static str> {
    static ALL: LazyLock<BTreeMap<String, &'static str>> = LazyLock::new(|| {
        let id_of = |text: &'static str| {
            let resource = Value::parse(text.as_bytes(), &Limits::default()).ok()?;
            Some((resource.get("id")?.as_str()?.to_owned(), text))
        };
        OURS.iter().filter_map(|text| id_of(text)).collect()
    });
    ALL.get(id).copied()
}

fn of_table(row: &OperationDef) -> Definition {
    let side = |is_output: bool| {
        let mut parameters: Vec<Parameter> = Vec::new();
        for parameter in row.parameters.iter().filter(|it| it.is_output == is_output) {
            place(&mut parameters, parameter, parameter.name);
        }
        parameters
    };
    Definition {
        url: row.url.to_owned(),
        code: row.code.to_owned(),
        affects_state: None,
        levels: row.levels.clone(),
        resources: row.resources.iter().map(|it| (*it).to_owned()).collect(),
        inputs: side(false),
        outputs: side(true),
    }
}

/// Puts a parameter into the one that its name begins with: as deep as the tables of R4 are.
fn place(among: &mut Vec<Parameter>, row: &OperationParameterDef, path: &str) {
    match path.split_once('.') {
        None => among.push(of_row(row, path)),
        Some((outer, rest)) => {
            if let Some(outer) = among.iter_mut().find(|it| it.name == outer) {
                place(&mut outer.parts, row, rest);
            }
        }
    }
}

fn of_row(row: &OperationParameterDef, name: &str) -> Parameter {
    Parameter {
        name: name.to_owned(),
        min: row.min,
        max: row.max,
        ty: row.ty.to_owned(),
        parts: Vec::new(),
    }
}

fn of_resource(text: &str) -> Option<Definition> {
    let resource = Value::parse(text.as_bytes(), &Limits::default()).ok()?;
    let some = |name: &str| resource.get(name).and_then(Value::as_str).map(str::to_owned);
    let is = |name: &str| resource.get(name) == Some(&Value::Bool(true));
    let levels = [
        ("system", OperationLevel::System),
        ("type", OperationLevel::Type),
        ("instance", OperationLevel::Instance),
    ];
    let parameters = |is_output: bool| {
        let side = if is_output { "out" } else { "in" };
        items(&resource, "parameter")
            .filter(|it| it.get("use").and_then(Value::as_str) == Some(side))
            .map(parameter)
            .collect()
    };
    Some(Definition {
        url: some("url")?,
        code: some("code")?,
        affects_state: Some(is("affectsState")),
        levels: levels.into_iter().filter(|(name, _)| is(name)).map(|(_, level)| level).collect(),
        resources: items(&resource, "resource")
            .filter_map(|it| it.as_str().map(str::to_owned))
            .collect(),
        inputs: parameters(false),
        outputs: parameters(true),
    })
}

/// A level of parts a level of calls: as deep as our own files are.
fn parameter(of: &Value) -> Parameter {
    let text = |name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let min = if let Some(Value::Number(digits)) = of.get("min") {
        digits.parse().unwrap_or(0)
    } else {
        0
    };
    Parameter {
        name: text("name"),
        min,
        max: text("max").parse().unwrap_or(u16::MAX),
        ty: text("type"),
        parts: items(of, "part").map(parameter).collect(),
    }
}

fn items<'v>(of: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    let items: &[Value] = if let Some(Value::Array(items)) = of.get(name) { items } else { &[] };
    items.iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir_model::json;

    #[test]
    fn ours_are_valid_resources_and_all_load() {
        for text in OURS {
            let resource = json::parse((*text).to_owned().into(), &Limits::default());
            assert_eq!(resource.unwrap().resource_type().name(), "OperationDefinition");
            let definition = of_resource(text).unwrap();
            assert!(!definition.outputs.is_empty(), "{}", definition.url);
            let known = by_url(&definition.url).unwrap();
            assert_eq!(*known, definition);
        }
    }

    #[test]
    fn parts_lie_in_their_parameters() {
        let allocate =
            by_url("https://medvault.example/fhir/OperationDefinition/allocate-bed").unwrap();
        let allocation = allocate.outputs.iter().find(|it| it.name == "allocation").unwrap();
        let explanation = allocation.parts.iter().find(|it| it.name == "explanation").unwrap();
        assert!(explanation.parts.iter().any(|it| it.name == "shadowPrice" && it.max == 1));
        let lookup = by_url("http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup").unwrap();
        let designation = lookup.outputs.iter().find(|it| it.name == "designation").unwrap();
        assert!(designation.parts.iter().any(|it| it.name == "language"));
    }
}
