//! Parts of resources: `_summary` and `_elements`, <https://hl7.org/fhir/R4/search.html#summary>.

use bytes::Bytes;
use fhir_model::{ElementDef, IssueType, Outcome, ResourceType, TypeId, json, json::Value};
use search::{Plan, Summary};

use crate::Query;

/// The tag of a resource that is not whole.
const SUBSETTED: [(&str, &str); 2] = [
    ("system", "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"),
    ("code", "SUBSETTED"),
];

/// What no part leaves out: who the resource is, and what changes the meaning of all the rest.
const ALWAYS: &[&str] = &["resourceType", "id", "meta", "implicitRules", "modifierExtension"];

/// Values of `_summary` that give a part of a resource, or all of it.
const SUMMARIES: &[(&str, Summary)] = &[
    ("false", Summary::False),
    ("true", Summary::True),
    ("text", Summary::Text),
    ("data", Summary::Data),
];

/// Which part of a resource is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Elements {
    /// `_elements`: these and the mandatory ones, by their names without `[x]`; `Patient.name` is meant for
    /// one type.
    Named(Vec<Box<str>>),
    /// `_summary=true`: what the definitions mark, at every level.
    Summary,
    /// `_summary=text`: the narrative and what is mandatory.
    Text,
    /// `_summary=data`: everything but the narrative.
    Data,
}

impl Elements {
    /// What a search asks for; `None` when it is everything.
    pub(crate) fn of_plan(plan: &Plan) -> Option<Self> {
        Self::new(plan.summary, &plan.elements)
    }

    /// `_elements` names what is wanted, so it wins over `_summary`.
    fn new(summary: Summary, names: &[Box<str>]) -> Option<Self> {
        match summary {
            _ if !names.is_empty() => Some(Self::Named(names.to_vec())),
            Summary::True => Some(Self::Summary),
            Summary::Text => Some(Self::Text),
            Summary::Data => Some(Self::Data),
            Summary::False | Summary::Count => None,
        }
    }

    /// What a read asks for; `None` when it is everything.
    ///
    /// # Errors
    /// `not-supported` for parameters that a read does not have, `invalid` for values that they do not have.
    pub(crate) fn of_query(ty: ResourceType, query: &Query) -> Result<Option<Self>, Outcome> {
        let (mut summary, mut names) = (Summary::False, Vec::new());
        for (name, value) in query.pairs() {
            match name.as_str() {
                "_format" | "_pretty" => {}
                "_summary" => summary = summary_of(value)?,
                "_elements" => names.extend(names_of(ty, value)?),
                _ => {
                    return Err(Outcome::new(
                        IssueType::NotSupported,
                        format!(
                            "A read has no parameter {name}; _elements, _summary, _format and _pretty are known"
                        ),
                    ));
                }
            }
        }
        Ok(Self::new(summary, &names))
    }

    /// The wanted part of a stored resource, marked as a part.
    pub(crate) fn of(&self, body: &Bytes) -> Bytes {
        let Ok(Value::Object(members)) = Value::parse(body, &json::Limits::default()) else {
            return body.clone();
        };
        let ty = type_of(&members);
        let mut kept: Vec<(String, Value)> =
            members.into_iter().filter_map(|(name, value)| self.part(ty, name, value)).collect();
        mark(&mut kept);
        Value::Object(kept).to_vec().into()
    }

    /// What is left of a top-level member.
    fn part(&self, ty: Option<TypeId>, member: String, value: Value) -> Option<(String, Value)> {
        let name = member.strip_prefix('_').unwrap_or(&member);
        if ALWAYS.contains(&name) {
            return Some((member, value));
        }
        let element = ty.and_then(|ty| ty.member(name))?;
        let is_kept = match self {
            Self::Named(names) => element.min > 0 || is_named(names, element),
            Self::Summary => return summarized(element, member, value),
            Self::Text => element.min > 0 || element.name == "text",
            Self::Data => element.name != "text",
        };
        is_kept.then_some((member, value))
    }
}

fn summary_of(value: &str) -> Result<Summary, Outcome> {
    let known = SUMMARIES.iter().find(|(name, _)| *name == value);
    known.map(|(_, summary)| *summary).ok_or_else(|| {
        Outcome::new(IssueType::Invalid, "_summary of a read is one of true, text, data, false")
    })
}

fn names_of(ty: ResourceType, list: &str) -> Result<Vec<Box<str>>, Outcome> {
    let mut names = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let own = name.strip_prefix(ty.name()).and_then(|rest| rest.strip_prefix('.'));
        let top = own.unwrap_or(name);
        if !ty.ty().elements().iter().any(|element| element.name == top) {
            let text = format!("_elements lists top-level elements of {ty}; {name} is none");
            return Err(Outcome::new(IssueType::Invalid, text));
        }
        names.push(Box::from(top));
    }
    Ok(names)
}

/// The type that the body names.
fn type_of(members: &[(String, Value)]) -> Option<TypeId> {
    let (_, name) = members.iter().find(|(name, _)| name == "resourceType")?;
    TypeId::named(name.as_str()?)
}

/// Whether the list has the element, be it as `name` or as `Patient.name`.
fn is_named(names: &[Box<str>], element: &ElementDef) -> bool {
    let of_type = |wanted: &str| {
        let (ty, name) = wanted.split_once('.')?;
        Some(ty == element.owner.name() && name == element.name)
    };
    names.iter().any(|wanted| **wanted == *element.name || of_type(wanted) == Some(true))
}

/// A member as a summary shows it: marked elements of marked elements, and mandatory ones. The half of a
/// primitive that says why there is no value stays with it; a resource inside (`Bundle.entry.resource`)
/// stays whole.
fn summarized(element: &ElementDef, member: String, value: Value) -> Option<(String, Value)> {
    if !element.is_summary && element.min == 0 {
        return None;
    }
    let is_leaf = member.starts_with('_') || element.ty.is_a(TypeId::RESOURCE);
    let value = if is_leaf { value } else { inside(element.ty, value)? };
    Some((member, value))
}

/// A value without what a summary leaves out; `None` when nothing is left of it.
fn inside(ty: TypeId, value: Value) -> Option<Value> {
    match value {
        Value::Array(items) => {
            let kept: Vec<Value> = items.into_iter().filter_map(|item| inside(ty, item)).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        Value::Object(members) => {
            let kept = members.into_iter().filter_map(|(name, value)| {
                let element = ty.member(name.strip_prefix('_').unwrap_or(&name))?;
                summarized(element, name, value)
            });
            let kept: Vec<(String, Value)> = kept.collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        // `null` in the array of a primitive keeps the place of one that has no value
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value),
    }
}

/// Tags the resource as a part, once.
pub(crate) fn mark(members: &mut Vec<(String, Value)>) {
    if !members.iter().any(|(name, _)| name == "meta") {
        // a contained resource has none
        let after_id = members.iter().position(|(name, _)| name == "id").map_or(1, |at| at + 1);
        members.insert(after_id.min(members.len()), ("meta".to_owned(), Value::Object(Vec::new())));
    }
    let meta = members.iter_mut().find(|(name, _)| name == "meta");
    let Some((_, Value::Object(meta))) = meta else { return };
    let text = |(name, text): (&str, &str)| (name.to_owned(), Value::String(text.to_owned()));
    let tag = Value::Object(SUBSETTED.map(text).to_vec());
    match meta.iter_mut().find(|(name, _)| name == "tag") {
        Some((_, Value::Array(tags))) if tags.contains(&tag) => {}
        Some((_, Value::Array(tags))) => tags.push(tag),
        _ => meta.push(("tag".to_owned(), Value::Array(vec![tag]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: &str = r#"{"resourceType":"Patient","id":"1","meta":{"versionId":"1"},
        "text":{"status":"generated","div":"<div/>"},"modifierExtension":[{"url":"urn:x"}],
        "name":[{"family":"Rao","extension":[{"url":"urn:y"}]}],"birthDate":"1980","_birthDate":{"id":"b"},
        "communication":[{"language":{"text":"te"}}],"deceasedBoolean":false,
        "link":[{"other":{"reference":"Patient/2","display":"B"},"type":"seealso"}]}"#;

    const OBSERVATION: &str = r#"{"resourceType":"Observation","id":"1","meta":{},"status":"final",
        "text":{"status":"generated","div":"<div/>"},"code":{"text":"x"},"valueString":"a",
        "note":[{"text":"n"}],"component":[{"code":{"text":"c"},"valueInteger":1,
        "interpretation":[{"text":"high"}]}]}"#;

    fn shown(body: &str, elements: &Elements) -> String {
        let part = elements.of(&Bytes::from(body.to_owned()));
        let tag = r#""tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]"#;
        let text = String::from_utf8(part.to_vec()).unwrap();
        assert!(text.contains(tag), "{text}");
        text.replace(tag, "").replace(",}", "}").replace('"', "")
    }

    #[test]
    fn each_part_holds_what_it_should() {
        let named = |names: &[&str]| Elements::Named(names.iter().map(|&it| it.into()).collect());
        let patient = "{resourceType:Patient,id:1,meta:{versionId:1},";
        let observation = "{resourceType:Observation,id:1,meta:{},status:final,";
        let cases = [
            (
                PATIENT,
                named(&["deceased", "Observation.code"]),
                format!("{patient}modifierExtension:[{{url:urn:x}}],deceasedBoolean:false}}"),
            ),
            (
                PATIENT,
                named(&["Patient.birthDate"]),
                format!(
                    "{patient}modifierExtension:[{{url:urn:x}}],birthDate:1980,_birthDate:{{id:b}}}}"
                ),
            ),
            (
                PATIENT,
                Elements::Text,
                format!(
                    "{patient}text:{{status:generated,div:<div/>}},modifierExtension:[{{url:urn:x}}]}}"
                ),
            ),
            (
                PATIENT,
                Elements::Summary,
                format!(
                    "{patient}modifierExtension:[{{url:urn:x}}],name:[{{family:Rao}}],birthDate:1980,_birthDate:{{id:b}},deceasedBoolean:false,link:[{{other:{{reference:Patient/2,display:B}},type:seealso}}]}}"
                ),
            ),
            (
                OBSERVATION,
                Elements::Text,
                format!("{observation}text:{{status:generated,div:<div/>}},code:{{text:x}}}}"),
            ),
            (
                OBSERVATION,
                named(&["value"]),
                format!("{observation}code:{{text:x}},valueString:a}}"),
            ),
            (
                OBSERVATION,
                Elements::Data,
                format!(
                    "{observation}code:{{text:x}},valueString:a,note:[{{text:n}}],component:[{{code:{{text:c}},valueInteger:1,interpretation:[{{text:high}}]}}]}}"
                ),
            ),
            (
                OBSERVATION,
                Elements::Summary,
                format!(
                    "{observation}code:{{text:x}},valueString:a,component:[{{code:{{text:c}},valueInteger:1}}]}}"
                ),
            ),
        ];
        for (body, elements, expected) in cases {
            assert_eq!(shown(body, &elements), expected, "{elements:?}");
        }
    }

    #[test]
    fn a_read_knows_its_parameters() {
        let patient = ResourceType::named("Patient").unwrap();
        let cases = [
            ("", Some(None)),
            ("_summary=false&_format=json", Some(None)),
            ("_summary=true", Some(Some(Elements::Summary))),
            (
                "_elements=name,Patient.gender",
                Some(Some(Elements::Named(vec!["name".into(), "gender".into()]))),
            ),
            ("_summary=count", None),
            ("_elements=shoesize", None),
            ("name=x", None),
        ];
        for (query, expected) in cases {
            let query = Query::parse(query).unwrap();
            assert_eq!(Elements::of_query(patient, &query).ok(), expected, "{query}");
        }
    }

    #[test]
    fn a_part_is_marked_once() {
        let once = Elements::Data.of(&Bytes::from_static(PATIENT.as_bytes()));
        assert_eq!(Elements::Data.of(&once), once);
    }
}
