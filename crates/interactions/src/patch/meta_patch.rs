//! What `$meta-add` and `$meta-delete` change: profiles, security labels and tags of whatever stands there,
//! <https://hl7.org/fhir/R4/resource-operation-meta-add.html>.

use fhir_model::json::Value;

/// What a Meta lists.
const LISTS: [&str; 3] = ["profile", "security", "tag"];

/// Items of a Meta, added to it or taken out.
#[derive(Debug, Clone)]
pub struct MetaPatch {
    step: Step,
    given: Value,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Add,
    Delete,
}

impl MetaPatch {
    /// Adds of a Meta what is not there yet.
    pub(crate) fn add(given: Value) -> Self {
        Self { step: Step::Add, given }
    }

    /// Takes out what is there of a Meta.
    pub(crate) fn delete(given: Value) -> Self {
        Self { step: Step::Delete, given }
    }

    /// Changes the Meta of a resource.
    pub(super) fn apply(&self, document: &mut Value) {
        let Value::Object(members) = document else { return };
        if !members.iter().any(|(name, _)| name == "meta") {
            members.push(("meta".to_owned(), Value::Object(Vec::new())));
        }
        let Some(meta) = document.get_mut("meta") else { return };
        for name in LISTS {
            let Some(Value::Array(given)) = self.given.get(name) else { continue };
            let mut there = Vec::new();
            if let Some(Value::Array(items)) = meta.get(name) {
                there.clone_from(items);
            }
            self.edit(&mut there, given);
            set(meta, name, there);
        }
    }

    fn edit(&self, there: &mut Vec<Value>, given: &[Value]) {
        match self.step {
            Step::Add => {
                for item in given {
                    if !there.iter().any(|it| is_same(it, item)) {
                        there.push(item.clone());
                    }
                }
            }
            Step::Delete => there.retain(|it| !given.iter().any(|item| is_same(it, item))),
        }
    }
}

/// Codings are the same by system and code: <https://hl7.org/fhir/R4/resource-operation-meta-delete.html>.
fn is_same(a: &Value, b: &Value) -> bool {
    let are_codings = matches!((a, b), (Value::Object(_), Value::Object(_)));
    if are_codings {
        return a.get("system") == b.get("system") && a.get("code") == b.get("code");
    }
    a == b
}

fn set(meta: &mut Value, name: &str, items: Vec<Value>) {
    if let Value::Object(members) = meta {
        members.retain(|(member, _)| member != name);
        if !items.is_empty() {
            members.push((name.to_owned(), Value::Array(items)));
        }
    }
}

#[cfg(test)]
mod tests {
    use fhir_model::json::Limits;

    use super::*;

    #[test]
    fn what_is_the_same_is_there_once_and_goes_at_once() {
        let read = |text: &str| Value::parse(text.as_bytes(), &Limits::default()).unwrap();
        let applied = |patch: &MetaPatch, text: &str| {
            let mut document = read(text);
            patch.apply(&mut document);
            String::from_utf8(document.to_vec()).unwrap()
        };
        let given = || {
            read(
                r#"{"profile":["p"],"tag":[{"system":"s","code":"a","display":"A"},{"code":"b"}]}"#,
            )
        };
        let one =
            r#"{"meta":{"versionId":"1","tag":[{"system":"s","code":"a"},{"code":"c"}]},"id":"x"}"#;
        assert_eq!(
            applied(&MetaPatch::add(given()), one),
            r#"{"meta":{"versionId":"1","profile":["p"],"tag":[{"system":"s","code":"a"},{"code":"c"},{"code":"b"}]},"id":"x"}"#
        );
        assert_eq!(
            applied(&MetaPatch::delete(given()), one),
            r#"{"meta":{"versionId":"1","tag":[{"code":"c"}]},"id":"x"}"#
        );
        let none = r#"{"id":"x"}"#;
        assert_eq!(
            applied(&MetaPatch::add(read(r#"{"profile":["p"]}"#)), none),
            r#"{"id":"x","meta":{"profile":["p"]}}"#
        );
    }
}
