//! `/brands`: what patients look for when they pick their hospital in an app.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/brands.html>
//!
//! Brands are Organizations of the record that claim the profile of a brand, with their Endpoints; whoever may write
//! these manages them. The primary brand is the one whose identifier is the address of this vault; where nobody wrote
//! one, the vault names itself.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, ETAG,
        IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS,
    },
    web::Data,
};
use auth::oauth::discovery::{BRAND_SYSTEM, brand};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use fhir_model::{Outcome, ResourceType};
use interactions::{Interaction, Prefer, Query, Reach};
use serde_json::{Value, json};

use crate::{body::header, endpoint, refusal::Refusal, server::Door};

const BRAND: &str = "http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-brand";
const ENDPOINT: &str =
    "http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-endpoint";
const BUNDLE: &str =
    "http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-brands-bundle";
const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
/// When what the vault says of itself last changed.
const SINCE: &str = "2026-11-22T00:00:00Z";
/// Brands at most.
const BRANDS_MAX: u32 = 1000;

/// The brands of this vault and their endpoints.
#[utoipa::path(get, path = "/brands", tag = "authorization", responses((status = 200, description = "A Bundle of Organizations and Endpoints", content_type = "application/fhir+json"), (status = 304, description = "It is as it was"), (status = "4XX", description = "What is wrong", content_type = "application/fhir+json")))]
pub(crate) async fn answer(door: Data<Door>, request: HttpRequest) -> HttpResponse {
    let written = match written(&door).await {
        Ok(stored) => stored,
        Err(outcome) => return endpoint::refuse(&door, &request, (Refusal::from(outcome), "GET")),
    };
    let body = bundle(written, door.issuer(), door.fhir.base()).to_string();
    let digest = ring::digest::digest(&ring::digest::SHA256, body.as_bytes());
    let short = digest.as_ref().get(..12).unwrap_or_default();
    let tag = format!("W/\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(short));
    let is_known = header(&request, IF_NONE_MATCH.as_str())
        .is_some_and(|known| known == "*" || known.split(',').any(|one| one.trim() == tag));
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((ACCESS_CONTROL_EXPOSE_HEADERS, "ETag"))
        .insert_header((CACHE_CONTROL, "max-age=300"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((ETAG, tag));
    if is_known {
        return response.finish();
    }
    response.content_type("application/fhir+json; charset=utf-8").body(body)
}

/// The brands of the record and their endpoints, as far as everybody may see them.
async fn written(door: &Door) -> Result<Vec<Value>, Outcome> {
    let Some(organization) = ResourceType::named("Organization") else { return Ok(Vec::new()) };
    let query = format!("_profile={BRAND}&_include=Organization:endpoint&_count={BRANDS_MAX}");
    let search = Interaction::Search(Reach::Type(organization), Query::parse(&query)?);
    let found = door.fhir.perform(&::auth::Caller::Anonymous, search, Prefer::default()).await?;
    let found: Value = serde_json::from_slice(&found.body.unwrap_or_default()).unwrap_or_default();
    let entries = found.get("entry").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(entries
        .into_iter()
        .filter_map(|mut entry| Some(entry.get_mut("resource")?.take()))
        .collect())
}

/// A Bundle with exactly one primary brand, that leads to every endpoint.
fn bundle(written: Vec<Value>, issuer: &str, base: &str) -> Value {
    let written: Vec<Value> = written.into_iter().filter(is_said_as_allowed).collect();
    let (mut brands, mut endpoints): (Vec<Value>, Vec<Value>) =
        written.into_iter().partition(|it| text(it, "resourceType") == "Organization");
    let is_primary = |brand: &Value| {
        let identifiers = brand.get("identifier").and_then(Value::as_array);
        identifiers.into_iter().flatten().any(|it| {
            text(it, "system") == BRAND_SYSTEM && text(it, "value") == self::brand(issuer)
        })
    };
    let first = brands.iter().position(is_primary);
    let mut primary = first.map_or_else(|| itself(issuer), |at| brands.remove(at));
    // only one brand is the one that the configuration names
    brands.retain(|brand| !is_primary(brand));
    if !endpoints.iter().any(|it| text(it, "address") == base) {
        endpoints.push(own_endpoint(issuer, base));
    }
    lead_to_all(&mut primary, &endpoints);
    let all: Vec<Value> = [vec![primary], brands, endpoints].concat();
    let updated = all.iter().filter_map(|it| it.pointer("/meta/lastUpdated")?.as_str());
    let timestamp = updated.max().unwrap_or(SINCE).to_owned();
    let entries: Vec<Value> = all
        .into_iter()
        .map(|it| {
            let address = format!("{base}/{}/{}", text(&it, "resourceType"), text(&it, "id"));
            json!({ "fullUrl": address, "resource": it })
        })
        .collect();
    json!({
        "resourceType": "Bundle",
        "meta": { "profile": [BUNDLE] },
        "type": "collection",
        "timestamp": timestamp,
        "entry": entries,
    })
}

/// Adds what is missing among the endpoints of a brand.
fn lead_to_all(brand: &mut Value, endpoints: &[Value]) {
    let Some(members) = brand.as_object_mut() else { return };
    let listed = members.entry("endpoint").or_insert_with(|| json!([]));
    let Some(listed) = listed.as_array_mut() else { return };
    for endpoint in endpoints {
        let reference = format!("Endpoint/{}", text(endpoint, "id"));
        let is_there = |it: &Value| {
            let named = text(it, "reference");
            named == reference || named.ends_with(&format!("/{reference}"))
        };
        if !listed.iter().any(is_there) {
            listed.push(json!({ "reference": reference }));
        }
    }
}

/// The vault as a brand.
fn itself(issuer: &str) -> Value {
    json!({
        "resourceType": "Organization",
        "id": "this-vault",
        "meta": { "lastUpdated": SINCE, "profile": [BRAND] },
        "identifier": [{ "system": BRAND_SYSTEM, "value": brand(issuer) }],
        "active": true,
        "name": "MedVault",
        "telecom": [{ "system": "url", "value": issuer }],
    })
}

fn own_endpoint(issuer: &str, base: &str) -> Value {
    json!({
        "resourceType": "Endpoint",
        "id": "this-vault",
        "meta": { "lastUpdated": SINCE, "profile": [ENDPOINT] },
        "extension": [{
            "url": "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version",
            "valueCode": "4.0",
        }],
        "status": "active",
        "connectionType": {
            "system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type",
            "code": "hl7-fhir-rest",
        },
        "name": "FHIR R4",
        "contact": [{ "system": "url", "value": issuer }],
        "payloadType": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "none",
        }] }],
        "address": base,
    })
}

/// Whether what is absent was asked for: other reasons have no place among brands.
fn is_said_as_allowed(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            let reason = members.get("valueCode").and_then(Value::as_str).unwrap_or_default();
            let is_absence = members.get("url").and_then(Value::as_str) == Some(ABSENT);
            (!is_absence || ["asked-declined", "asked-unknown"].contains(&reason))
                && members.values().all(is_said_as_allowed)
        }
        Value::Array(items) => items.iter().all(is_said_as_allowed),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://www.vault.example";
    const BASE: &str = "https://www.vault.example/fhir";

    fn entries(written: Vec<Value>) -> Vec<Value> {
        let bundle = bundle(written, ISSUER, BASE);
        assert!(bundle["timestamp"].is_string());
        bundle["entry"].as_array().unwrap().iter().map(|it| it["resource"].clone()).collect()
    }

    fn organization(id: &str, value: &str) -> Value {
        json!({"resourceType": "Organization", "id": id,
            "identifier": [{"system": BRAND_SYSTEM, "value": value}]})
    }

    #[test]
    fn a_vault_names_itself_until_somebody_else_does() {
        let alone = entries(Vec::new());
        assert_eq!(alone.len(), 2);
        assert_eq!(alone[0]["identifier"][0]["value"], "https://vault.example");
        assert_eq!(alone[0]["endpoint"], json!([{"reference": "Endpoint/this-vault"}]));
        let named = entries(vec![
            organization("other", "https://other.example"),
            organization("us", "https://vault.example"),
            organization("again", "https://vault.example"),
            json!({"resourceType": "Endpoint", "id": "e", "address": BASE,
                "meta": {"lastUpdated": "2027-01-01T00:00:00Z"}}),
        ]);
        let ids: Vec<&str> = named.iter().map(|it| it["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["us", "other", "e"]);
        assert_eq!(named[0]["endpoint"], json!([{"reference": "Endpoint/e"}]));
    }

    #[test]
    fn only_what_was_asked_for_may_be_missing() {
        let with = |reason: &str| {
            let mut brand = organization("b", "https://b.example");
            let absent = json!([{"url": ABSENT, "valueCode": reason}]);
            brand["_name"] = json!({ "extension": absent });
            entries(vec![brand]).iter().any(|it| it["id"] == "b")
        };
        assert!(with("asked-declined") && with("asked-unknown"));
        assert!(!with("unknown") && !with("masked"));
    }
}
