//! JSON Merge Patch: <https://www.rfc-editor.org/rfc/rfc7396>. `null` removes, objects are merged,
//! everything else replaces.

use fhir_model::{IssueType, Outcome, json::Value};

/// No type of R4 has more members; a search by name stays cheap.
const MEMBERS_MAX: usize = 1_000;

/// The members to be merged into a resource.
#[derive(Debug, Clone)]
pub struct MergePatch(Value);

impl MergePatch {
    /// Takes any JSON object.
    pub(super) fn read(patch: Value) -> Result<Self, Outcome> {
        match &patch {
            Value::Object(_) if is_small(&patch) => Ok(Self(patch)),
            Value::Object(_) => {
                let why = format!("An object of a merge patch may have {MEMBERS_MAX} members");
                Err(Outcome::new(IssueType::TooLong, why))
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                Err(Outcome::new(IssueType::Structure, "A merge patch is a JSON object"))
            }
        }
    }

    /// Merges into the document.
    pub(super) fn apply(&self, document: &mut Value) {
        merge(document, &self.0);
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !matches!(target, Value::Object(_)) {
        *target = Value::Object(Vec::new());
    }
    let Value::Object(members) = target else { return };
    for (name, change) in changes {
        let at = members.iter().position(|(member, _)| member == name);
        match (change, at) {
            (Value::Null, Some(at)) => drop(members.remove(at)),
            (Value::Null, None) => {}
            (change, Some(at)) => {
                if let Some((_, member)) = members.get_mut(at) {
                    merge(member, change);
                }
            }
            (change, None) => {
                let mut member = Value::Null;
                merge(&mut member, change);
                members.push((name.clone(), member));
            }
        }
    }
}

/// Whether no object that will be merged has too many members. Arrays replace as a whole.
fn is_small(patch: &Value) -> bool {
    let Value::Object(members) = patch else { return true };
    members.len() <= MEMBERS_MAX && members.iter().all(|(_, member)| is_small(member))
}

#[cfg(test)]
mod tests {
    use fhir_model::json::Limits;

    use super::*;

    #[test]
    fn the_cases_of_the_rfc_hold() {
        let cases = [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":null}"#, r#"{"a":1.0}"#, r#"{"e":null,"a":1.0}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ];
        let value = |text: &str| Value::parse(text.as_bytes(), &Limits::default()).unwrap();
        for (target, patch, expected) in cases {
            let mut document = value(target);
            MergePatch::read(value(patch)).unwrap().apply(&mut document);
            assert_eq!(document.to_vec(), expected.as_bytes(), "{patch}");
        }
        for patch in ["[]", "1", "null"] {
            assert_eq!(MergePatch::read(value(patch)).unwrap_err().status(), 400);
        }
    }
}
