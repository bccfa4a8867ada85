//! Patches of three kinds: <https://hl7.org/fhir/R4/http.html#patch>. A patch changes the JSON of a
//! resource; whoever applies it checks the result as if it had been sent.

mod depth;
mod equality;
mod fhirpath_patch;
mod json_patch;
mod merge;
mod meta_patch;
mod operation;
mod place;
mod pointer;

use bytes::Bytes;
use fhir_model::{
    IssueType, Outcome, ResourceType,
    json::{self, Limits, Value},
    xml,
};

pub use self::{
    fhirpath_patch::FhirPathPatch, json_patch::JsonPatch, merge::MergePatch, meta_patch::MetaPatch,
};

/// A patch that was read and understood, not yet applied to anything.
#[derive(Debug, Clone)]
pub enum Patch {
    /// A list of operations with JSON Pointers: <https://www.rfc-editor.org/rfc/rfc6902>.
    Json(JsonPatch),
    /// Members to be merged: <https://www.rfc-editor.org/rfc/rfc7396>.
    Merge(MergePatch),
    /// A `Parameters` resource: <https://hl7.org/fhir/R4/fhirpatch.html>.
    FhirPath(FhirPathPatch),
    /// What an operation does to the Meta: <https://hl7.org/fhir/R4/resource-operation-meta-add.html>.
    Meta(MetaPatch),
}

/// What a content type says about the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    JsonPatch,
    MergePatch,
    FhirJson,
    FhirXml,
    /// Plain JSON: the body itself tells.
    Json,
}

/// The content types of patches.
const FORMATS: &[(&str, Format)] = &[
    ("application/json-patch+json", Format::JsonPatch),
    ("application/merge-patch+json", Format::MergePatch),
    ("application/fhir+json", Format::FhirJson),
    ("application/fhir+xml", Format::FhirXml),
    ("application/xml", Format::FhirXml),
    ("text/xml", Format::FhirXml),
    ("application/json", Format::Json),
    ("text/json", Format::Json),
];

impl Patch {
    /// Reads a patch. Plain `application/json` may be any of the three: an array is a JSON Patch, a
    /// `Parameters` resource a `FHIRPath` Patch, any other object a merge patch.
    pub fn parse(content_type: &str, body: Bytes) -> Result<Self, Outcome> {
        let media = content_type.split(';').next().unwrap_or_default().trim();
        let format = FORMATS.iter().find(|(name, _)| media.eq_ignore_ascii_case(name));
        let Some((_, format)) = format else {
            let names: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
            let why = format!("A patch comes as one of {}", names.join(", "));
            return Err(Outcome::new(IssueType::UnsupportedMedia, why));
        };
        let limits = Limits::default();
        match format {
            Format::JsonPatch => JsonPatch::read(&Value::parse(&body, &limits)?).map(Self::Json),
            Format::MergePatch => MergePatch::read(Value::parse(&body, &limits)?).map(Self::Merge),
            Format::FhirJson => fhirpath_patch(body),
            Format::FhirXml => fhirpath_patch(xml::to_json(&body, &limits)?.into()),
            Format::Json => {
                let value = Value::parse(&body, &limits)?;
                match (&value, resource_type(&value)) {
                    (Value::Array(_), _) => JsonPatch::read(&value).map(Self::Json),
                    (_, Some("Parameters")) => fhirpath_patch(body),
                    _ => MergePatch::read(value).map(Self::Merge),
                }
            }
        }
    }

    /// The resource after the patch, not yet checked. `resourceType` and `id` must stay as they are.
    pub fn apply(&self, current: &[u8]) -> Result<Bytes, Outcome> {
        let mut document = Value::parse(current, &Limits::default())?;
        let before = identity(&document);
        match self {
            Self::Json(patch) => patch.apply(&mut document)?,
            Self::Merge(patch) => patch.apply(&mut document),
            Self::FhirPath(patch) => patch.apply(&mut document)?,
            Self::Meta(patch) => patch.apply(&mut document),
        }
        for (before, after) in before.into_iter().zip(identity(&document)) {
            if before != after {
                let why = format!("A patch may not change `{}`", before.0);
                return Err(Outcome::new(IssueType::BusinessRule, why));
            }
        }
        Ok(Bytes::from(document.to_vec()))
    }
}

/// What makes the resource this one and no other.
fn identity(document: &Value) -> [(&'static str, Option<Value>); 2] {
    ["resourceType", "id"].map(|name| (name, document.get(name).cloned()))
}

/// Reads a `Parameters` resource, checked as any resource.
fn fhirpath_patch(body: Bytes) -> Result<Patch, Outcome> {
    let valid = json::parse(body, &Limits::default())?;
    let is_parameters = ResourceType::named("Parameters") == Some(valid.resource_type());
    if !is_parameters {
        let found = valid.resource_type();
        let why = format!("A FHIRPath Patch is a Parameters resource, not {found}");
        return Err(Outcome::new(IssueType::Structure, why));
    }
    let value = Value::parse(valid.tree().bytes(), &Limits::default())?;
    FhirPathPatch::read(&value).map(Patch::FhirPath)
}

fn resource_type(value: &Value) -> Option<&str> {
    value.get("resourceType").and_then(Value::as_str)
}
