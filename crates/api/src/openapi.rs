//! The `OpenAPI` document: our own pages by their handlers, the FHIR addresses by what the
//! `CapabilityStatement` says: <https://spec.openapis.org/oas/v3.1.0>.

mod components;
mod operations;
mod paths;

use interactions::{Interaction, Prefer};
use serde_json::Value;
use utoipa::OpenApi as _;

use crate::{auth::Documented, pages, probes, server::Door};

/// The pages that are not FHIR.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "MedVault",
        description = "A medical vault with the FHIR R4 API: https://hl7.org/fhir/R4/http.html",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(probes::live, probes::ready, probes::metrics, pages::index, pages::openapi, pages::docs),
    tags(
        (name = "server", description = "The server itself"),
        (name = "system", description = "The FHIR base"),
        (name = "research", description = "What patients let a study see, without who they are"),
        (name = "Resource", description = "Operations on resources of every type")
    )
)]
struct Own;

/// The document; `None` when the server cannot say what it does.
pub(crate) async fn document(door: &Door) -> Option<Value> {
    let caller = ::auth::Caller::Anonymous;
    let asked = door.fhir.perform(&caller, Interaction::Capabilities, Prefer::default());
    let statement: Value = serde_json::from_slice(&asked.await.ok()?.body?).ok()?;
    assemble(&statement, door.fhir.base())
}

fn assemble(statement: &Value, base: &str) -> Option<Value> {
    let mut document =
        serde_json::to_value(Own::openapi().merge_from(Documented::openapi())).ok()?;
    let root = document.as_object_mut()?;
    // a base URL ends in /fhir; our own pages stand beside it
    let server = base.strip_suffix("/fhir").unwrap_or(base);
    root.insert("servers".to_owned(), serde_json::json!([{ "url": server }]));
    root.insert("components".to_owned(), components::all());
    let paths = root.get_mut("paths")?.as_object_mut()?;
    paths.extend(paths::all(statement));
    paths.extend(operations::all());
    Some(document)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pages_and_types_stand_in_one_document() {
        let statement = json!({"rest": [{
            "interaction": [
                {"code": "transaction"}, {"code": "history-system"}, {"code": "search-system"},
            ],
            "operation": [{"name": "reindex-status"}],
            "compartment": ["http://hl7.org/fhir/CompartmentDefinition/patient"],
            "resource": [{
                "type": "Patient",
                "interaction": [{"code": "read"}, {"code": "create"}, {"code": "search-type"}],
                "searchParam": [{"name": "birthdate", "type": "date"}],
                "operation": [{"name": "reindex"}],
            }],
        }]});
        let document = assemble(&statement, "http://localhost/fhir").unwrap();
        assert_eq!(document["servers"][0]["url"], "http://localhost");
        let paths = document["paths"].as_object().unwrap();
        for (path, methods) in [
            ("/health/live", &["get"] as &[&str]),
            ("/fhir/metadata", &["get"]),
            ("/fhir", &["get", "post"]),
            ("/fhir/_search", &["post"]),
            ("/fhir/_history", &["get"]),
            ("/fhir/$reindex-status", &["get"]),
            ("/fhir/Patient/$reindex", &["post"]),
            ("/fhir/Patient", &["get", "post"]),
            ("/fhir/Patient/_search", &["post"]),
            ("/fhir/Patient/{id}", &["get"]),
            ("/fhir/Patient/{id}/{type}", &["get"]),
            ("/fhir/Patient/{id}/{type}/_search", &["post"]),
            ("/fhir/{resourceType}/{id}/$meta", &["get", "post"]),
            ("/fhir/{resourceType}/$validate", &["get", "post"]),
            ("/fhir/ServiceRequest/{id}/$allocate-bed", &["post"]),
            ("/fhir/ServiceRequest/$bed-waitlist", &["get", "post"]),
            ("/auth/register/{client}", &["get", "put", "delete"]),
            ("/brands", &["get"]),
            ("/research/{project}/metadata", &["get"]),
            ("/research/{project}/{type}", &["get"]),
        ] {
            let found: Vec<&String> = paths[path].as_object().unwrap().keys().collect();
            assert_eq!(found, methods, "{path}");
        }
        for path in ["/fhir/Patient/_history", "/fhir/$reindex"] {
            assert!(!paths.contains_key(path), "{path}");
        }
        assert_eq!(paths["/fhir/Patient"]["get"]["parameters"][0]["name"], "birthdate");
        assert_no_dangling_references(&document, &document);
    }

    fn assert_no_dangling_references(document: &Value, value: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    let pointer = target.trim_start_matches('#');
                    assert!(document.pointer(pointer).is_some(), "{target}");
                }
                for value in members.values() {
                    assert_no_dangling_references(document, value);
                }
            }
            Value::Array(items) => {
                for value in items {
                    assert_no_dangling_references(document, value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
