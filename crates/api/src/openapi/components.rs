//! What the paths share.

use serde_json::{Map, Value, json};

use crate::format::FORMATS;

/// Name, place, description, an example, and what a value is.
type Parameter = (&'static str, &'static str, &'static str, &'static str, Shape);

/// What a value is.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Text,
    /// A whole number of so much at least.
    Whole(u8),
    Pattern(&'static str),
    OneOf(&'static [&'static str]),
}

const YES: &[&str] = &["true", "false"];

#[rustfmt::skip]
const PARAMETERS: &[Parameter] = &[
    ("resourceType", "path", "Resource type", "Patient", Shape::Pattern("^[A-Z][A-Za-z]{1,40}$")),
    ("id", "path", "Logical id", "01a2023f-6805-7138-9d47-19fee2b16d1c", Shape::Pattern(r"^[A-Za-z0-9\-.]{1,64}$")),
    ("project", "path", "Logical id of the ResearchStudy", "asthma-2026", Shape::Pattern(r"^[A-Za-z0-9\-.]{1,64}$")),
    ("vid", "path", "Version", "1", Shape::Whole(1)),
    ("_count", "query", "Resources on a page", "20", Shape::Whole(0)),
    ("type", "path", "Resource type, or *", "Observation", Shape::Pattern(r"^([A-Z][A-Za-z]{1,40}|\*)$")),
    ("_sort", "query", "Order: search parameters with commas between, with a minus the other way round", "-_lastUpdated", Shape::Text),
    ("_type", "query", "Only these resource types, with commas between", "Patient,Practitioner", Shape::Text),
    ("_include", "query", "Also what these references point to", "Observation:patient", Shape::Text),
    ("_revinclude", "query", "Also what refers to the matches by this", "Provenance:target", Shape::Text),
    ("_contained", "query", "Resources inside others: false, true or both", "both", Shape::OneOf(&["false", "true", "both"])),
    ("_containedType", "query", "What is returned for those: container or contained", "container", Shape::OneOf(&["container", "contained"])),
    ("_elements", "query", "Only these top-level elements, with commas between", "name,birthDate", Shape::Text),
    ("_summary", "query", "true, text, data, count (only how many there are) or false", "count", Shape::OneOf(&["true", "text", "data", "count", "false"])),
    ("_total", "query", "none, estimate or accurate", "accurate", Shape::OneOf(&["none", "estimate", "accurate"])),
    ("_since", "query", "Changes at or after this instant", "2026-01-01T00:00:00Z", Shape::Text),
    ("_at", "query", "Versions that were current at this time", "2026-01-01", Shape::Text),
    ("job", "query", "Number of an indexing job; without it all are told", "1", Shape::Whole(1)),
    ("_format", "query", "json or xml, instead of Accept", "json", Shape::OneOf(&["json", "xml", "application/fhir+json", "application/fhir+xml"])),
    ("_pretty", "query", "true: with line breaks", "true", Shape::OneOf(YES)),
    ("If-Match", "header", "Only when this is the current version", "W/\"1\"", Shape::Text),
    ("If-None-Match", "header", "304 when this is the current version", "W/\"1\"", Shape::Text),
    ("If-Modified-Since", "header", "304 when nothing changed since", "Sun, 22 Nov 2026 07:53:59 GMT", Shape::Text),
    ("If-None-Exist", "header", "Create only when this search finds nothing", "identifier=http://example.org|1", Shape::Text),
    ("Prefer", "header", "return=minimal, representation or OperationOutcome; handling=strict or lenient", "return=minimal", Shape::Text),
];

/// Name, description and schema.
const RESPONSES: &[(&str, &str, &str)] = &[
    ("Resource", "The resource", "Resource"),
    ("Bundle", "A Bundle", "Bundle"),
    ("Job", "How far the indexing is", "Parameters"),
    ("Started", "It goes on in the background; Content-Location tells where to ask", "Parameters"),
    (
        "Running",
        "How far the indexing is, which goes on; X-Progress says it in short",
        "Parameters",
    ),
    ("Refusal", "What is wrong, where, and what to do about it", "OperationOutcome"),
];

/// Media types of patches and their schemas.
const PATCH_TYPES: &[(&str, &str)] = &[
    ("application/json-patch+json", "JsonPatch"),
    ("application/merge-patch+json", "MergePatch"),
    ("application/fhir+json", "Parameters"),
    ("application/fhir+xml", "Parameters"),
    ("application/json", "JsonPatch"),
];

/// Answers that may come without a body, as `Prefer` says.
const WITHOUT_BODY: &[(&str, &str)] = &[
    ("NotModified", "The client has this version"),
    ("Written", "The resource as it is now; nothing with return=minimal"),
    (
        "Created",
        "The resource as it was created, nothing with return=minimal; Location tells where",
    ),
    ("Deleted", "It is deleted, or was not there"),
];

/// `components`
pub(super) fn all() -> Value {
    json!({
        "parameters": parameters(),
        "requestBodies": {
            "Bundle": { "required": true, "content": content("Bundle") },
            "Patch": {
                "required": true,
                "description": "JSON Patch, a FHIRPath Patch (Parameters), or members to be merged",
                "content": PATCH_TYPES.iter().map(|(ty, schema)| {
                    ((*ty).to_owned(), json!({ "schema": { "$ref": format!("#/components/schemas/{schema}") } }))
                }).collect::<Map<_, _>>(),
            },
            "Parameters": { "content": content("Parameters") },
            "Anything": { "content": content("Resource") },
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
            "JsonPatch": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["op", "path"],
                    "properties": {
                        "op": { "enum": ["add", "remove", "replace", "move", "copy", "test"] },
                        "path": { "type": "string" },
                        "from": { "type": "string" },
                    },
                },
                "externalDocs": { "url": "https://www.rfc-editor.org/rfc/rfc6902" },
            },
            "MergePatch": {
                "type": "object",
                "externalDocs": { "url": "https://www.rfc-editor.org/rfc/rfc7396" },
            },
        },
    })
}

fn parameters() -> Map<String, Value> {
    let written = PARAMETERS.iter().map(|(name, place, description, example, shape)| {
        let parameter = json!({
            "name": name,
            "in": place,
            "required": *place == "path",
            "description": description,
            "schema": shape.schema(),
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
    let without = WITHOUT_BODY
        .iter()
        .map(|(name, description)| ((*name).to_owned(), json!({ "description": description })));
    responses.extend(without);
    responses
}

impl Shape {
    fn schema(self) -> Value {
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::Whole(least) => json!({ "type": "integer", "minimum": least }),
            Self::Pattern(pattern) => json!({ "type": "string", "pattern": pattern }),
            Self::OneOf(values) => json!({ "type": "string", "enum": values }),
        }
    }
}

/// The body that is a resource of this type.
pub(super) fn body(ty: &str) -> Value {
    let schema = json!({ "schema": resource(Some(ty)) });
    let content: Map<String, Value> =
        formats().map(|name| (name.to_owned(), schema.clone())).collect();
    json!({ "required": true, "content": content })
}

/// A resource in each of its formats.
fn content(schema: &str) -> Map<String, Value> {
    let schema = json!({ "schema": { "$ref": format!("#/components/schemas/{schema}") } });
    formats().map(|name| (name.to_owned(), schema.clone())).collect()
}

fn formats() -> impl Iterator<Item = &'static str> {
    FORMATS.iter().map(|(name, _)| *name).filter(|name| name.starts_with("application/fhir+"))
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
