//! What the text of a version says at a glance, without being read: that it is about one patient, and names no other.
//! Where that is in doubt, it says nothing.

use std::{collections::BTreeMap, sync::LazyLock};

use bytes::Bytes;
use fhir_model::{ResourceType, TypeId, json};
use memchr::{memchr_iter, memmem::Finder};
use search::{ParamId, Registry, Target};

use crate::{Version, facts};

/// Elements that name whom a resource is about, the first that a type has.
const SUBJECTS: [&str; 2] = ["subject", "patient"];

/// How resources of a type say whom they are about.
struct Said {
    /// `"subject"`
    element: Finder<'static>,
    /// The parameters that the element gives rows of.
    params: Vec<ParamId>,
    /// Whether it puts the resource into the patient's compartment.
    is_member: bool,
}

impl Version {
    /// The one patient whom it is about, when its text says so and names no other.
    pub fn sole_patient(&self) -> Option<&str> {
        let (text, said) = (self.body.as_deref()?, said(self.resource_type)?);
        if !said.is_member || FINDERS.contained.find(text).is_some() || is_escaped(text) {
            return None;
        }
        let id = said.element.find_iter(text).find_map(|at| referred(text.get(at..)?, said))?;
        let mut named = FINDERS.named.find_iter(text);
        named.all(|at| text.get(at..).is_some_and(|rest| logical_id(rest) == id)).then_some(())?;
        std::str::from_utf8(id).ok()
    }

    /// Whether it has no security label, as its text says.
    pub(crate) fn has_no_label(&self) -> bool {
        self.body.as_deref().is_some_and(|text| FINDERS.security.find(text).is_none())
    }
}

/// The parameters by which a resource with a [`Version::sole_patient`] refers to them, if its type has any.
pub(crate) fn subject_params(ty: ResourceType) -> Option<&'static [ParamId]> {
    said(ty).filter(|said| said.is_member).map(|said| said.params.as_slice())
}

struct Finders {
    named: Finder<'static>,
    contained: Finder<'static>,
    security: Finder<'static>,
}

const PATIENT: &[u8] = b"Patient/";

static FINDERS: LazyLock<Finders> = LazyLock::new(|| Finders {
    named: Finder::new(PATIENT),
    contained: Finder::new("\"contained\""),
    security: Finder::new("\"security\""),
});

/// Whether a letter or a slash may be written in another way.
pub(crate) fn is_escaped(text: &[u8]) -> bool {
    memchr_iter(b'\\', text).any(|at| matches!(text.get(at + 1), Some(b'/' | b'u')))
}

/// `1` of `"subject": {"reference": "Patient/1"`.
fn referred<'t>(text: &'t [u8], said: &Said) -> Option<&'t [u8]> {
    let mut rest = text.get(said.element.needle().len()..)?;
    for part in [":", "{", "\"reference\"", ":", "\""] {
        rest = rest.trim_ascii_start().strip_prefix(part.as_bytes())?;
    }
    let id = logical_id(rest);
    let is_whole = rest.starts_with(PATIENT) && rest.get(PATIENT.len() + id.len()) == Some(&b'"');
    (is_whole && !id.is_empty()).then_some(id)
}

/// `1` of `Patient/1/_history/2`.
fn logical_id(text: &[u8]) -> &[u8] {
    let text = text.get(PATIENT.len()..).unwrap_or_default();
    let is_of_id = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let end = text.iter().position(|byte| !is_of_id(byte)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn said(ty: ResourceType) -> Option<&'static Said> {
    static SAID: LazyLock<BTreeMap<ResourceType, Said>> = LazyLock::new(|| {
        let all = ResourceType::all().iter();
        all.filter_map(|ty| Some((*ty, SUBJECTS.iter().find_map(|name| tried(*ty, name))?)))
            .collect()
    });
    SAID.get(&ty)
}

/// What an element gives rows of, found out with a resource that has nothing else.
fn tried(ty: ResourceType, name: &str) -> Option<Said> {
    let text = format!(
        r#"{{"resourceType":"{ty}","id":"1","{name}":{{"reference":"Patient/somebody"}}}}"#
    );
    let rows = facts::extracted(&json::parse_trusted(Bytes::from(text)), "");
    let is_patient =
        |target: &Target| matches!(target, Target::Local { ty, .. } if ty.ty() == TypeId::PATIENT);
    let rows = rows.references.iter().filter(|row| is_patient(&row.target));
    let params: Vec<ParamId> = rows.map(|row| row.param).collect();
    let patient = TypeId::PATIENT.as_resource()?;
    let is_member =
        Registry::r4().compartment(patient, ty).iter().any(|param| params.contains(param));
    let element = Finder::new(&format!("\"{name}\"")).into_owned();
    (!params.is_empty()).then_some(Said { element, params, is_member })
}

#[cfg(test)]
mod tests {
    use fhir_model::Instant;

    use super::*;
    use crate::Method;

    fn version(ty: &str, rest: &str) -> Version {
        Version {
            res: 1,
            resource_type: ResourceType::named(ty).unwrap(),
            id: "1".into(),
            version: 1,
            updated: Instant::from_millis(0),
            method: Method::Put,
            contained: None,
            facts: facts::Facts::default(),
            body: Some(format!(r#"{{"resourceType":"{ty}","id":"1",{rest}}}"#).into()),
        }
    }

    #[test]
    fn only_what_is_beyond_doubt_is_said() {
        let subject = r#""subject": {"reference": "Patient/a"}"#;
        let cases = [
            ("Observation", subject.to_owned(), Some("a")),
            ("Encounter", subject.to_owned(), Some("a")),
            ("Immunization", r#""patient":{"reference":"Patient/a"}"#.to_owned(), Some("a")),
            ("Observation", r#""subject":{"reference":"Patient/a/_history/1"}"#.to_owned(), None),
            ("Observation", r#""subject":{"reference":"http://x/Patient/a"}"#.to_owned(), None),
            ("Observation", r#""subject":{"reference":"Group/a"}"#.to_owned(), None),
            ("Organization", subject.to_owned(), None),
            (
                "Observation",
                format!(r#"{subject},"performer":[{{"reference":"Patient/ab"}}]"#),
                None,
            ),
            (
                "Observation",
                format!(r#"{subject},"performer":[{{"reference":"Patient/a"}}]"#),
                Some("a"),
            ),
            (
                "Observation",
                format!(r#"{subject},"performer":[{{"reference":"Patient\/b"}}]"#),
                None,
            ),
            (
                "Observation",
                format!(r#"{subject},"performer":[{{"reference":"P\u0061tient/b"}}]"#),
                None,
            ),
            ("Observation", format!(r#"{subject},"contained":[]"#), None),
            ("Observation", format!(r#"{subject},"note":[{{"text":"\"x\""}}]"#), Some("a")),
        ];
        for (ty, text, expected) in cases {
            let version = version(ty, &text);
            assert_eq!(version.sole_patient(), expected, "{ty} {text}");
            if let Some(patient) = expected {
                let facts = version.facts("");
                let about =
                    search::patient_compartment(Registry::r4(), version.resource_type, "1", &facts);
                assert_eq!(about, [patient.into()], "{ty} {text}");
            }
        }
        let labelled = version("Observation", r#""meta":{"security":[{"code":"R"}]}"#);
        assert!(!labelled.has_no_label());
    }
}
