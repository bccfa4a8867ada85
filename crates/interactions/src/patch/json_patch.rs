//! JSON Patch: <https://www.rfc-editor.org/rfc/rfc6902>. Digits and member order stay as they are.

use fhir_model::{IssueType, Outcome, json::Value};

use super::{
    depth,
    equality::are_equal,
    pointer::{self, Pointer},
};

/// How many operations one patch may have.
const OPERATIONS_MAX: usize = 1_000;
/// How many values all `copy` operations together may make: they could double the document each.
const COPIES_MAX: usize = 100_000;

/// The operations, in order.
#[derive(Debug, Clone)]
pub struct JsonPatch(Vec<Operation>);

#[derive(Debug, Clone)]
struct Operation {
    kind: Kind,
    /// As sent, for messages.
    path_text: String,
    path: Pointer,
}

#[derive(Debug, Clone)]
enum Kind {
    Add(Value),
    Remove,
    Replace(Value),
    Move(Pointer),
    Copy(Pointer),
    Test(Value),
}

impl Kind {
    const fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Remove => "remove",
            Self::Replace(_) => "replace",
            Self::Move(_) => "move",
            Self::Copy(_) => "copy",
            Self::Test(_) => "test",
        }
    }
}

/// Why an operation cannot be done.
type Reason = &'static str;

impl JsonPatch {
    /// Reads the array of operations.
    pub(super) fn read(patch: &Value) -> Result<Self, Outcome> {
        let Value::Array(operations) = patch else {
            let why = "A JSON Patch is an array of operations: [{\"op\": ..., \"path\": ...}]";
            return Err(Outcome::new(IssueType::Structure, why));
        };
        if operations.len() > OPERATIONS_MAX {
            let why = format!("A patch may have {OPERATIONS_MAX} operations");
            return Err(Outcome::new(IssueType::TooLong, why));
        }
        let numbered = operations.iter().enumerate();
        numbered
            .map(|(n, operation)| Operation::read(n, operation))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Does all operations, or none and says which one fails.
    pub(super) fn apply(&self, document: &mut Value) -> Result<(), Outcome> {
        let mut copies_left = COPIES_MAX;
        for (n, operation) in self.0.iter().enumerate() {
            operation.apply(document, &mut copies_left).map_err(|reason| {
                let (op, path) = (operation.kind.name(), &operation.path_text);
                let why = format!("Operation {n} (from 0), {op} {path:?}: {reason}");
                Outcome::new(IssueType::BusinessRule, why)
            })?;
        }
        Ok(())
    }
}

impl Operation {
    fn read(n: usize, operation: &Value) -> Result<Self, Outcome> {
        let fault = |reason: String| {
            Outcome::new(IssueType::Structure, format!("Operation {n} (from 0): {reason}"))
        };
        let text = |name: &str| {
            let member = operation.get(name).and_then(Value::as_str);
            member.ok_or_else(|| fault(format!("it needs the string {name:?}")))
        };
        let pointer = |name: &str| {
            let text = text(name)?;
            Pointer::parse(text).ok_or_else(|| {
                fault(format!("{name} {text:?} is not a JSON Pointer such as \"/name/0\""))
            })
        };
        let value = || {
            operation.get("value").cloned().ok_or_else(|| fault("it needs a \"value\"".to_owned()))
        };
        let kind = match text("op")? {
            "add" => Kind::Add(value()?),
            "remove" => Kind::Remove,
            "replace" => Kind::Replace(value()?),
            "move" => Kind::Move(pointer("from")?),
            "copy" => Kind::Copy(pointer("from")?),
            "test" => Kind::Test(value()?),
            other => {
                return Err(fault(format!(
                    "{other:?} is none of add, remove, replace, move, copy, test"
                )));
            }
        };
        Ok(Self { kind, path_text: text("path")?.to_owned(), path: pointer("path")? })
    }

    fn apply(&self, document: &mut Value, copies_left: &mut usize) -> Result<(), Reason> {
        match &self.kind {
            Kind::Add(value) => add(document, &self.path, value.clone()),
            Kind::Remove => remove(document, &self.path).map(drop),
            Kind::Replace(value) => replace(document, &self.path, value.clone()),
            Kind::Move(from) if from == &self.path => {
                from.find(document).map(drop).ok_or(NOT_THERE)
            }
            Kind::Move(from) if from.holds(&self.path) => Err("a value cannot move into itself"),
            Kind::Move(from) => {
                let value = remove(document, from)?;
                add(document, &self.path, value)
            }
            Kind::Copy(from) => {
                let value = from.find(document).ok_or(NOT_THERE)?;
                let left = count(value).and_then(|count| copies_left.checked_sub(count));
                *copies_left = left.ok_or("the patch copies too much")?;
                let value = value.clone();
                add(document, &self.path, value)
            }
            Kind::Test(expected) => match self.path.find(document) {
                Some(value) if are_equal(value, expected) => Ok(()),
                Some(_) => Err("the value is another one"),
                None => Err(NOT_THERE),
            },
        }
    }
}

const NOT_THERE: Reason = "there is nothing at this place";
const NO_PARENT: Reason = "the place that should hold it does not exist";

fn add(document: &mut Value, path: &Pointer, value: Value) -> Result<(), Reason> {
    expect_depth(path, &value)?;
    let Some((parents, name)) = path.split() else {
        *document = value;
        return Ok(());
    };
    match pointer::find_mut(document, parents).ok_or(NO_PARENT)? {
        Value::Object(members) => match members.iter_mut().find(|(member, _)| member == name) {
            Some((_, old)) => *old = value,
            None => members.push((name.to_owned(), value)),
        },
        Value::Array(items) if name == "-" => items.push(value),
        Value::Array(items) => match pointer::index(name) {
            Some(index) if index <= items.len() => items.insert(index, value),
            Some(_) => return Err("the position is past the end of the array"),
            None => return Err("an array position is digits, or - for the end"),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(NO_PARENT);
        }
    }
    Ok(())
}

fn remove(document: &mut Value, path: &Pointer) -> Result<Value, Reason> {
    let (parents, name) = path.split().ok_or("the whole resource cannot be removed")?;
    match pointer::find_mut(document, parents).ok_or(NOT_THERE)? {
        Value::Object(members) => {
            let at = members.iter().position(|(member, _)| member == name).ok_or(NOT_THERE)?;
            Ok(members.remove(at).1)
        }
        Value::Array(items) => match pointer::index(name) {
            Some(index) if index < items.len() => Ok(items.remove(index)),
            _ => Err(NOT_THERE),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(NOT_THERE),
    }
}

fn replace(document: &mut Value, path: &Pointer, value: Value) -> Result<(), Reason> {
    expect_depth(path, &value)?;
    let Some((parents, name)) = path.split() else {
        *document = value;
        return Ok(());
    };
    let parent = pointer::find_mut(document, parents).ok_or(NOT_THERE)?;
    let place = pointer::child_mut(parent, name).ok_or(NOT_THERE)?;
    *place = value;
    Ok(())
}

fn expect_depth(path: &Pointer, value: &Value) -> Result<(), Reason> {
    if depth::fits(value, path.depth()) {
        Ok(())
    } else {
        Err("the result would be nested too deep")
    }
}

/// How many values there are, a long string counting for more; `None` when beyond counting.
fn count(value: &Value) -> Option<usize> {
    match value {
        Value::Array(items) => {
            items.iter().try_fold(1_usize, |sum, item| sum.checked_add(count(item)?))
        }
        Value::Object(members) => {
            members.iter().try_fold(1_usize, |sum, (_, member)| sum.checked_add(count(member)?))
        }
        Value::String(text) => Some(1 + text.len() / 64),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(1),
    }
}
