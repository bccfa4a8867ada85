//! What the paths share.

use serde_json::{Map, Value, json};

use crate::format::FORMATS;

/// Name, place, description and an example.
const PARAMETERS: &[(&str, &str, &str, &str)] = &[
    ("id", "path", "Logical id", "01a2023f-6805-7138-9d47-19fee2b16d1c"),
    ("vid", "path", "Version", "1"),
    ("_count", "query", "Resources on a page", "20"),
    ("type", "path", "Resource type, or *", "Observation"),
    (
        "_sort",
        "query",
        "Order: search parameters with commas between, with a minus the other way round",
        "-_lastUpdated",
    ),
    ("_type", "query", "Only these resource types, with commas between", "Patient,Practitioner"),
    ("_include", "query", "Also what these references point to", "Observation:patient"),
    ("_revinclude", "query", "Also what refers to the matches by this", "Provenance:target"),
    ("_contained", "query", "Resources inside others: false, true or both", "both"),
    ("_containedType", "query", "What is returned for those: container or contained", "container"),
    ("_elements", "query", "Only these top-level elements, with commas between", "name,birthDate"),
    ("_summary", "query", "true, text, data, count (only how many there are) or false", "count"),
    ("_total", "query", "none, estimate or accurate", "accurate"),
    ("_since", "query", "Changes at or after this instant", "2026-01-01T00:00:00Z"),
    ("_at", "query", "Versions that were current at this time", "2026-01-01"),
    ("job", "query", "Number of an indexing job; without it all are told", "1"),
    ("_format", "query", "json or xml, instead of Accept", "json"),
    ("_pretty", "query", "true: with line breaks", "true"),
    ("If-Match", "header", "Only when this is the current version", "W/\"1\""),
    ("If-None-Match", "header", "304 when this is the current version", "W/\"1\""),
    (
        "If-Modified-Since",
        "header",
        "304 when nothing changed since",
        "Sun, 22 Nov 2026 07:53:59 GMT",
    ),
    (
        "If-None-Exist",
        "header",
        "Create only when this search finds nothing",
        "identifier=http://example.org|1",
    ),
    (
        "Prefer",
        "header",
        "return=minimal, representation or OperationOutcome; handling=strict or lenient",
        "return=minimal",
    ),
];

/// Name, description and schema.
const RESPONSES: &[(&str, &str, &str)] = &[
    ("Resource", "The resource", "Resource"),
    ("Created", "The resource as it was created; Location tells where", "Resource"),
    ("Bundle", "A Bundle", "Bundle"),
    ("Job", "How far the indexing is", "Parameters"),
    ("Started", "It goes on in the background; Content-Location tells where to ask", "Parameters"),
    (
        "Running",
        "How far the indexing is, which goes on; X-Progress says it in short",
        "Parameters",
    ),
    ("Deleted", "It is deleted, or was not there", "OperationOutcome"),
    ("Refusal", "What is wrong, where, and what to do about it", "OperationOutcome"),
];

const PATCH_TYPES: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/fhir+json",
    "application/fhir+xml",
    "application/json",
];

/// `components`
pub(super) fn all() -> Value {
    json!({
        "parameters": parameters(),
        "requestBodies": {
            "Resource": { "required": true, "content": content("Resource") },
            "Bundle": { "required": true, "content": content("Bundle") },
            "Patch": {
                "required": true,
                "description": "JSON Patch, a FHIRPath Patch (Parameters), or members to be merged",
                "content": PATCH_TYPES.iter().map(|ty| ((*ty).to_owned(), json!({}))).collect::<Map<_, _>>(),
            },
            "Form": {
                "content": { "application/x-www-form-urlencoded": { "schema": { "type": "object" } } },
            },
        },
        "responses": responses(),
        "schemas": {
            "Resource": resource(None),
            "Bundle": resource(Some("Bundle")),
            "OperationOutcome": resource(Some("OperationOutcome")),
            "Parameters": resource(Some("Parameters")),
        },
    })
}

fn parameters() -> Map<String, Value> {
    let written = PARAMETERS.iter().map(|(name, place, description, example)| {
        let parameter = json!({
            "name": name,
            "in": place,
            "required": *place == "path",
            "description": description,
            "schema": { "type": "string" },
            "example": example,
        });
        ((*name).to_owned(), parameter)
    });
    written.collect()
}

fn responses() -> Map<String, Value> {
    let written = RESPONSES.iter().map(|(name, description, schema)| {
        let response = json!({ "description": description, "content": content(schema) });
        ((*name).to_owned(), response)
    });
    let mut responses: Map<String, Value> = written.collect();
    responses
        .insert("NotModified".to_owned(), json!({ "description": "The client has this version" }));
    responses
}

/// A resource in each of its formats.
fn content(schema: &str) -> Map<String, Value> {
    let types =
        FORMATS.iter().map(|(name, _)| *name).filter(|name| name.starts_with("application/fhir+"));
    let schema = json!({ "schema": { "$ref": format!("#/components/schemas/{schema}") } });
    types.map(|name| (name.to_owned(), schema.clone())).collect()
}

/// What stands in a resource is said by its definition, and checked by it.
fn resource(ty: Option<&str>) -> Value {
    let name = ty.map_or(json!({ "type": "string" }), |ty| json!({ "const": ty }));
    json!({
        "type": "object",
        "required": ["resourceType"],
        "properties": { "resourceType": name },
        "externalDocs": { "url": "https://hl7.org/fhir/R4/resourcelist.html" },
    })
}
