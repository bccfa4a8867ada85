//! Entries of batches and transactions: <https://hl7.org/fhir/R4/http.html#transaction>.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use fhir_model::{IssueType, NodeRef, Outcome, Valid};

use crate::{Body, Conditions, Fhir, Prefer, Query, Request, Verb, patch::Patch};

/// The request that an entry makes.
///
/// # Errors
/// What is missing or wrong in it, at its place in the Bundle.
pub(crate) fn request(fhir: &Fhir, entry: NodeRef<'_>, prefer: Prefer) -> Result<Request, Outcome> {
    let Some(asked) = entry.child("request") else {
        return Err(Outcome::new(
            IssueType::Required,
            "An entry of a batch or a transaction needs a request with method and url",
        ));
    };
    let text = |name: &str| asked.child_text(name);
    let method = text("method").unwrap_or_default();
    let verb = Verb::named(&method).ok_or_else(|| {
        Outcome::new(IssueType::Value, format!("{method} is no method that FHIR uses"))
    })?;
    let url = text("url").unwrap_or_default();
    let (path, query) = address(fhir, &url)?;
    let headers = [
        ("If-Match", text("ifMatch")),
        ("If-None-Match", text("ifNoneMatch")),
        ("If-None-Exist", text("ifNoneExist")),
    ];
    let header = |name: &str| {
        headers.iter().find(|(known, _)| *known == name).and_then(|(_, value)| value.as_deref())
    };
    let mut conditions = Conditions::parse(header)?;
    let since = text("ifModifiedSince");
    conditions.if_modified_since = since
        .and_then(|since| search::Timespan::parse(&since))
        .map(|span| fhir_model::Instant::from_millis(span.lo.div_euclid(1000)));
    let resource = entry.child("resource").and_then(Valid::from_node);
    let body = resource.map_or(Body::None, |resource| Body::Resource(Box::new(resource)));
    Ok(Request { verb, path, query, conditions, prefer, body, id: String::new() })
}

/// `Patient/1?x=y`, also under the server's own URL.
fn address(fhir: &Fhir, url: &str) -> Result<(Vec<String>, Query), Outcome> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let path = path.strip_prefix(&*fhir.base).unwrap_or(path);
    if path.contains("://") {
        return Err(Outcome::new(
            IssueType::Invalid,
            "The url of an entry is relative to this server, for example Patient/1",
        ));
    }
    let path = path.split('/').filter(|piece| !piece.is_empty()).map(str::to_owned).collect();
    Ok((path, Query::parse(query)?))
}

/// A patch that comes as a resource: Parameters of a FHIRPath Patch, or a Binary that holds a JSON Patch:
/// <https://hl7.org/fhir/R4/http.html#patch>.
///
/// # Errors
/// When it is neither, or is malformed.
pub(crate) fn patch_of_resource(resource: &Valid) -> Result<Patch, Outcome> {
    let root = resource.tree().root();
    match resource.resource_type().name() {
        "Parameters" => Patch::parse("application/fhir+json", Bytes::copy_from_slice(root.raw())),
        "Binary" => {
            let media_type = root.child_text("contentType").unwrap_or_default();
            let data = root.child_text("data").unwrap_or_default();
            let bytes = STANDARD.decode(data.as_bytes()).map_err(|_| {
                Outcome::new(IssueType::Value, "The data of the Binary is not base64")
                    .at("Binary.data")
            })?;
            Patch::parse(&media_type, bytes.into())
        }
        other => Err(Outcome::new(
            IssueType::Invalid,
            format!("A patch is Parameters or a Binary with a JSON Patch, not a {other}"),
        )),
    }
}
