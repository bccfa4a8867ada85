//! To and from the typed resources of fhirbolt, for programs that want structs: feature `fhirbolt`, off by
//! default; why not the server's model: `docs/adr/0001-fhirbolt.md`.
//!
//! **Invariant**: fhirbolt reads only what [`json::parse`] has accepted. Depth, duplicate members, integers
//! outside 32 bits, empty arrays and `fhir_comments` never reach it. What it wrote is parsed again.

use fhirbolt::{
    json::Error,
    model::r4::Resource,
    serde::{DeserializationConfig, DeserializationMode},
};

use crate::{IssueType, Outcome, Valid, json};

/// The resource as fhirbolt's enum of all resources; `Resource::Patient(patient)` gives the struct.
///
/// Not generic on purpose. The code for all resources is compiled once, here, and not again in every crate
/// that asks for another type; and the single structs, read without the enum, refuse each `Quantity.value`.
pub fn to_typed(resource: &Valid) -> Result<Resource, Outcome> {
    let config = DeserializationConfig { mode: DeserializationMode::Strict };
    fhirbolt::json::from_slice(resource.tree().bytes(), Some(config))
        .map_err(|error| refusal("read", &error).at(resource.resource_type().name()))
}

/// A typed resource as checked bytes. Members stand in fhirbolt's order; decimals keep their digits, though `1E2` is
/// written `1e+2`.
///
/// ```
/// use fhir_model::{json::Limits, typed};
/// use fhirbolt::model::r4::{Resource, resources::Patient};
///
/// let patient = Patient { gender: Some("female".into()), ..Default::default() };
/// let valid = typed::from_typed(&Resource::Patient(Box::new(patient)), &Limits::default())?;
/// assert_eq!(&valid.tree().bytes()[..], br#"{"resourceType":"Patient","gender":"female"}"#);
/// # Ok::<(), fhir_model::Outcome>(())
/// ```
pub fn from_typed(resource: &Resource, limits: &json::Limits) -> Result<Valid, Outcome> {
    let bytes = fhirbolt::json::to_vec(resource, None).map_err(|error| refusal("write", &error))?;
    json::parse(bytes.into(), limits)
}

/// What fhirbolt says, as long as it speaks of names only: other messages of its quote values, and values
/// are patient data.
fn refusal(verb: &str, error: &Error) -> Outcome {
    const ABOUT_NAMES: [&str; 4] =
        ["missing field", "missing required field", "unknown field", "duplicate field"];
    let text = error.to_string();
    let reason = if ABOUT_NAMES.iter().any(|start| text.starts_with(start)) {
        text.as_str()
    } else {
        "a value does not fit its type"
    };
    let sentence = format!("The typed model of fhirbolt cannot {verb} this resource: {reason}");
    Outcome::new(IssueType::NotSupported, sentence)
}
