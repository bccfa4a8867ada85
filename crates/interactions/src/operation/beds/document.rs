//! Resources that the operations write, as JSON values: small pieces to build and change them.

use std::sync::Arc;

use fhir_model::{
    Outcome,
    json::{self, Limits, Value},
};
use search::Rows;
use storage::{Change, Head, Key, Method};

use super::{CANONICAL, system};

pub(super) fn string(text: impl Into<String>) -> Value {
    Value::String(text.into())
}

pub(super) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

pub(super) fn list<const N: usize>(items: [Value; N]) -> Value {
    Value::Array(items.into())
}

/// `{"reference": "Patient/1"}`
pub(super) fn reference(ty: &str, id: &str) -> Value {
    object([("reference", string(format!("{ty}/{id}")))])
}

/// A `CodeableConcept` of a system of ours.
pub(super) fn concept(of: &str, code: &str) -> Value {
    coded(&system(of), code)
}

/// A `CodeableConcept`.
pub(super) fn coded(system: &str, code: &str) -> Value {
    let coding = object([("system", string(system)), ("code", string(code))]);
    object([("coding", list([coding]))])
}

/// An extension of ours.
pub(super) fn extension(name: &str, value_name: &str, value: Value) -> Value {
    object([("url", string(format!("{CANONICAL}/{name}"))), (value_name, value)])
}

/// Sets a member.
pub(super) fn set(of: &mut Value, name: &str, value: Value) {
    match of.get_mut(name) {
        Some(there) => *there = value,
        None => {
            if let Value::Object(members) = of {
                members.push((name.to_owned(), value));
            }
        }
    }
}

/// The items of a list member; none where there is none.
pub(super) fn items<'v>(of: &'v Value, name: &str) -> &'v [Value] {
    if let Some(Value::Array(items)) = of.get(name) { items } else { &[] }
}

/// The text of a member.
pub(super) fn text<'v>(of: &'v Value, name: &str) -> Option<&'v str> {
    of.get(name).and_then(Value::as_str)
}

/// The id that a member refers to, if it is of a resource of this type in this vault.
pub(super) fn referred<'v>(of: &'v Value, name: &str, ty: &str, base: &str) -> Option<&'v str> {
    named(of.get(name)?, ty, base)
}

/// The id in a reference to a resource of this type in this vault.
pub(super) fn named<'v>(reference: &'v Value, ty: &str, base: &str) -> Option<&'v str> {
    local(reference, &[ty], base).map(|(_, id)| id)
}

/// Type and id in a reference to a resource of one of these types in this vault.
pub(super) fn local<'v>(
    reference: &'v Value,
    types: &[&str],
    base: &str,
) -> Option<(&'v str, &'v str)> {
    let text = text(reference, "reference")?;
    let mut pieces =
        text.strip_prefix(base).and_then(|it| it.strip_prefix('/')).unwrap_or(text).split('/');
    let (ty, id) = (pieces.next()?, pieces.next()?);
    let is_version = match pieces.next() {
        None => true,
        Some(more) => more == "_history",
    };
    let may_be = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'.';
    let is_id = (1..=64).contains(&id.len()) && id.bytes().all(may_be);
    (is_version && is_id && types.contains(&ty)).then_some((ty, id))
}

/// The codes of a `CodeableConcept`.
pub(super) fn codes(concept: &Value) -> impl Iterator<Item = &str> {
    items(concept, "coding").iter().filter_map(|coding| text(coding, "code"))
}

/// The extensions of ours with this name.
pub(super) fn extensions<'v>(of: &'v Value, name: &'v str) -> impl Iterator<Item = &'v Value> {
    items(of, "extension").iter().filter(move |it| {
        text(it, "url").and_then(|url| url.strip_prefix(CANONICAL)?.strip_prefix('/')) == Some(name)
    })
}

/// Reads what is stored.
pub(super) fn read(body: &[u8]) -> Result<Value, Outcome> {
    Value::parse(body, &Limits::default())
}

/// A new resource.
pub(super) fn create(key: Key, body: &Value) -> Result<Change, Outcome> {
    change(key, Method::Post, None, body)
}

/// The next version of what is there.
pub(super) fn update(key: Key, head: Head, body: &Value) -> Result<Change, Outcome> {
    change(key, Method::Put, Some(head), body)
}

fn change(
    key: Key,
    method: Method,
    replaces: Option<Head>,
    body: &Value,
) -> Result<Change, Outcome> {
    let valid = json::parse(body.to_vec().into(), &Limits::default())?;
    let stamped = Arc::new(valid.stamp(&key.id, &[]));
    // no epoch: the vault extracts the index rows where it writes this
    let (rows, epoch) = (Arc::new(Rows::default()), u64::MAX);
    Ok(Change { key, method, replaces, body: Some(stamped), rows, epoch })
}
