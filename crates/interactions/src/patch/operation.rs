//! The operations of a `FHIRPath` Patch as `Parameters` give them:
//! <https://hl7.org/fhir/R4/fhirpatch.html#concept>.

use fhir_model::{IssueType, Outcome, json::Value};
use fhirpath::Expression;

use super::place::Item;

/// How many operations one patch may have.
const OPERATIONS_MAX: usize = 1_000;

/// One operation.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    /// As sent, for messages.
    pub(super) path_text: String,
    pub(super) path: Expression,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Add { name: String, value: New },
    Insert { index: usize, value: New },
    Delete,
    Replace { value: New },
    Move { source: usize, destination: usize },
}

/// A value to be put in.
#[derive(Debug, Clone)]
pub(super) enum New {
    /// `valueHumanName`: the type as it stands in the name, and the value.
    Typed(String, Item),
    /// The elements of a type that has no name of its own, such as `Patient.contact`.
    Parts(Vec<(String, New)>),
    /// A whole resource.
    Resource(Value),
}

/// Reads the operations of a `Parameters` resource that was checked before.
pub(super) fn read_all(parameters: &Value) -> Result<Vec<Operation>, Outcome> {
    let parameters = items(parameters.get("parameter"));
    if parameters.len() > OPERATIONS_MAX {
        let why = format!("A patch may have {OPERATIONS_MAX} operations");
        return Err(Outcome::new(IssueType::TooLong, why));
    }
    let read = |(n, parameter)| {
        read(parameter).map_err(|why| {
            Outcome::new(IssueType::Invalid, why).at(format!("Parameters.parameter[{n}]"))
        })
    };
    parameters.iter().enumerate().map(read).collect()
}

fn read(parameter: &Value) -> Result<Operation, String> {
    if parameter.get("name").and_then(Value::as_str) != Some("operation") {
        return Err("Every parameter of a FHIRPath Patch is named `operation`".to_owned());
    }
    let parts = items(parameter.get("part"));
    let text = |name: &str| {
        let text = scalar(part(parts, name)).and_then(Value::as_str);
        text.map(str::to_owned)
            .ok_or_else(|| format!("The operation needs a part `{name}` with a string"))
    };
    let number = |name: &str| match scalar(part(parts, name)) {
        Some(Value::Number(digits)) => digits
            .parse::<usize>()
            .map_err(|_| format!("The part `{name}` must be a whole number from 0")),
        _ => Err(format!("The operation needs a part `{name}` with an integer")),
    };
    let value = || {
        let part = part(parts, "value").ok_or("The operation needs a part `value`")?;
        read_value(part)
    };
    let kind = match text("type")?.as_str() {
        "add" => Kind::Add { name: text("name")?, value: value()? },
        "insert" => Kind::Insert { index: number("index")?, value: value()? },
        "delete" => Kind::Delete,
        "replace" => Kind::Replace { value: value()? },
        "move" => Kind::Move { source: number("source")?, destination: number("destination")? },
        other => {
            return Err(format!("{other:?} is none of add, insert, delete, replace, move"));
        }
    };
    let path_text = text("path")?;
    let path = Expression::parse(&path_text).map_err(|error| format!("The path: {error}"))?;
    Ok(Operation { path_text, path, kind })
}

/// Reads `value[x]`, `resource` or the nested parts of one part.
fn read_value(part: &Value) -> Result<New, String> {
    let Value::Object(members) = part else {
        return Err("A part is an object".to_owned());
    };
    let nested = items(part.get("part"));
    if !nested.is_empty() {
        let named = |part: &Value| {
            let name = part.get("name").and_then(Value::as_str).unwrap_or_default();
            Ok((name.to_owned(), read_value(part)?))
        };
        return nested.iter().map(named).collect::<Result<_, String>>().map(New::Parts);
    }
    if let Some(resource) = part.get("resource") {
        return Ok(New::Resource(resource.clone()));
    }
    let mut ty = None;
    let mut item = Item::default();
    for (name, value) in members {
        if let Some(suffix) = name.strip_prefix("value") {
            ty = Some(suffix);
            item.value = Some(value.clone());
        } else if let Some(suffix) = name.strip_prefix("_value") {
            ty = Some(suffix);
            item.companion = Some(value.clone());
        }
    }
    let name = part.get("name").and_then(Value::as_str).unwrap_or("value");
    let ty = ty.ok_or_else(|| format!("The part `{name}` needs a value, a resource or parts"))?;
    Ok(New::Typed(ty.to_owned(), item))
}

/// The part of this name.
fn part<'v>(parts: &'v [Value], name: &str) -> Option<&'v Value> {
    parts.iter().find(|part| part.get("name").and_then(Value::as_str) == Some(name))
}

/// The `value[x]` of a part.
fn scalar(part: Option<&Value>) -> Option<&Value> {
    let Some(Value::Object(members)) = part else { return None };
    members.iter().find(|(name, _)| name.starts_with("value")).map(|(_, value)| value)
}

fn items(value: Option<&Value>) -> &[Value] {
    if let Some(Value::Array(items)) = value { items } else { &[] }
}
