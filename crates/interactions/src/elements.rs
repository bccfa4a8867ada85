//! Parts of resources: `_elements`, <https://hl7.org/fhir/R4/search.html#elements>.

use bytes::Bytes;
use fhir_model::{ElementDef, IssueType, Outcome, TypeId, json};

use crate::Query;

/// The tag of a resource that is not whole.
const SUBSETTED: &str =
    r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}"#;

/// Which top-level elements are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elements(Vec<Box<str>>);

impl Elements {
    /// `None` when everything is wanted.
    pub(crate) fn new(names: &[Box<str>]) -> Option<Self> {
        (!names.is_empty()).then(|| Self(names.to_vec()))
    }

    /// What a read may ask for.
    ///
    /// # Errors
    /// `not-supported` for parameters that a read does not have.
    pub(crate) fn of_query(query: &Query) -> Result<Option<Self>, Outcome> {
        let mut names = Vec::new();
        for (name, value) in query.pairs() {
            match (name.as_str(), value.as_str()) {
                ("_format" | "_pretty", _) | ("_summary", "false") => {}
                ("_elements", list) => {
                    names.extend(
                        list.split(',')
                            .map(str::trim)
                            .filter(|name| !name.is_empty())
                            .map(Box::from),
                    );
                }
                _ => {
                    return Err(Outcome::new(
                        IssueType::NotSupported,
                        format!(
                            "A read has no parameter {name}={value}; _elements, _format and _pretty are known"
                        ),
                    ));
                }
            }
        }
        Ok(Self::new(&names))
    }

    /// The wanted elements of a stored resource, and those that it must have; marked as a part.
    pub(crate) fn of(&self, body: &Bytes) -> Bytes {
        let tree = json::parse_trusted(body.clone());
        let Ok(json::Value::Object(members)) = json::Value::parse(body, &json::Limits::default())
        else {
            return body.clone();
        };
        let ty = tree.root().ty();
        let kept = members.into_iter().filter(|(name, _)| self.keeps(ty, name));
        let mut kept: Vec<(String, json::Value)> = kept.collect();
        mark(&mut kept);
        json::Value::Object(kept).to_vec().into()
    }

    fn keeps(&self, ty: TypeId, member: &str) -> bool {
        let name = member.strip_prefix('_').unwrap_or(member);
        if matches!(name, "resourceType" | "id" | "meta") {
            return true;
        }
        let is_wanted = |element: &ElementDef| {
            element.min > 0 || self.0.iter().any(|wanted| **wanted == *element.name)
        };
        ty.member(name).is_some_and(is_wanted)
    }
}

fn mark(members: &mut [(String, json::Value)]) {
    let Ok(tag) = json::Value::parse(SUBSETTED.as_bytes(), &json::Limits::default()) else {
        return;
    };
    let meta = members.iter_mut().find(|(name, _)| name == "meta");
    let Some((_, json::Value::Object(meta))) = meta else { return };
    match meta.iter_mut().find(|(name, _)| name == "tag") {
        Some((_, json::Value::Array(tags))) => tags.push(tag),
        _ => meta.push(("tag".to_owned(), json::Value::Array(vec![tag]))),
    }
}
