//! The FHIR addresses: <https://hl7.org/fhir/R4/http.html#summary>.

use serde_json::{Map, Value, json};

use super::components;

/// One method of one address.
struct Operation {
    /// The interaction that the statement must list; with a `$`, the operation.
    interaction: &'static str,
    /// What follows `/fhir` or `/fhir/[type]`.
    path: &'static str,
    method: &'static str,
    summary: &'static str,
    /// Names of `components.parameters`, list by list.
    parameters: &'static [&'static [&'static str]],
    /// The name in `components.requestBodies`; `Resource` is one of the type.
    body: Option<&'static str>,
    /// Statuses and names in `components.responses`.
    responses: &'static [(&'static str, &'static str)],
}

const ID: &[&str] = &["id"];
const FORMAT: &[&str] = &["_format", "_pretty"];
/// Which part of a resource is shown.
const SHOWN: &[&str] = &["_elements", "_summary"];
const UNCHANGED: &[&str] = &["If-None-Match", "If-Modified-Since"];
const CHANGE: &[&str] = &["If-Match", "Prefer"];
const PAGES: &[&str] = &["_count", "_since", "_at"];

/// What shapes the answer to any search.
const SEARCH: &[&str] = &["_count", "_sort", "_elements", "_summary", "_total", "Prefer"];
/// What shapes the answer to a search of one type besides.
const SEARCH_TYPE: &[&str] = &["_include", "_revinclude", "_contained", "_containedType"];

const SYSTEM: &[Operation] = &[
    Operation {
        interaction: "search-system",
        path: "",
        method: "get",
        summary: "Search all types, or those that _type names",
        parameters: &[&["_type"], SEARCH, FORMAT],
        body: None,
        responses: &[("200", "Bundle")],
    },
    Operation {
        interaction: "search-system",
        path: "/_search",
        method: "post",
        summary: "Search all types, or those that _type names, with the criteria in a form",
        parameters: &[FORMAT],
        body: Some("Form"),
        responses: &[("200", "Bundle")],
    },
    Operation {
        interaction: "transaction",
        path: "",
        method: "post",
        summary: "Carry out a transaction or a batch",
        parameters: &[&["Prefer"], FORMAT],
        body: Some("Bundle"),
        responses: &[("200", "Bundle")],
    },
    Operation {
        interaction: "history-system",
        path: "/_history",
        method: "get",
        summary: "Changes of all resources, newest first",
        parameters: &[PAGES, FORMAT],
        body: None,
        responses: &[("200", "Bundle")],
    },
    Operation {
        interaction: "$reindex",
        path: "/$reindex",
        method: "post",
        summary: "Index everything again, in the background; for the operator",
        parameters: &[FORMAT],
        body: None,
        responses: &[("202", "Started")],
    },
    Operation {
        interaction: "$reindex-status",
        path: "/$reindex-status",
        method: "get",
        summary: "How far indexing is; for the operator",
        parameters: &[&["job"], FORMAT],
        body: None,
        responses: &[("200", "Job"), ("202", "Running")],
    },
];

const TYPE: &[Operation] = &[
    Operation {
        interaction: "search-type",
        path: "",
        method: "get",
        summary: "Search",
        parameters: &[SEARCH, SEARCH_TYPE, FORMAT],
        body: None,
        responses: &[("200", "Bundle")],
    },
    Operation {
        interaction: "create",
        path: "",
        method: "post",
        summary: "Create; with If-None-Exist only when nothing is found",
        parameters: &[&["If-None-Exist", "Prefer"], FORMAT],
        body: Some("Resource"),
        responses: &[("200", "Written"), ("201", "Created")],
    },
    Operation {
        interaction: "search-type",
        path: "/_search",
        method: "post",
        summary: "Search with the criteria in a form",
        parameters: &[FORMAT],
        body: Some("Form"),
        responses: &[("200", "Bundle")],
    },
    Operation {
        interaction: "history-type",
        path: "/_history",
        method: "get",
        summary: "Changes of all resources of this type, newest first",
        parameters: &[PAGES, FORMAT],
        body: None,
        responses: &[("200", "Bundle")],
    },
    Operation {
        interaction: "read",
        path: "/{id}",
        method: "get",
        summary: "Read",
        parameters: &[ID, SHOWN, FORMAT, UNCHANGED],
        body: None,
        responses: &[("200", "Resource"), ("304", "NotModified")],
    },
    Operation {
        interaction: "update",
        path: "/{id}",
        method: "put",
        summary: "Update, or create under this id",
        parameters: &[ID, CHANGE, FORMAT],
        body: Some("Resource"),
        responses: &[("200", "Written"), ("201", "Created")],
    },
    Operation {
        interaction: "patch",
        path: "/{id}",
        method: "patch",
        summary: "Patch",
        parameters: &[ID, CHANGE, FORMAT],
        body: Some("Patch"),
        responses: &[("200", "Written")],
    },
    Operation {
        interaction: "delete",
        path: "/{id}",
        method: "delete",
        summary: "Delete",
        parameters: &[ID, FORMAT],
        body: None,
        responses: &[("200", "Deleted"), ("204", "Deleted")],
    },
    Operation {
        interaction: "history-instance",
        path: "/{id}/_history",
        method: "get",
        summary: "Versions, newest first",
        parameters: &[ID, PAGES, FORMAT],
        body: None,
        responses: &[("200", "Bundle")],
    },
    Operation {
        interaction: "vread",
        path: "/{id}/_history/{vid}",
        method: "get",
        summary: "Read a version",
        parameters: &[ID, &["vid"], SHOWN, FORMAT],
        body: None,
        responses: &[("200", "Resource")],
    },
    Operation {
        interaction: "$reindex",
        path: "/$reindex",
        method: "post",
        summary: "Index all resources of this type again, in the background; for the operator",
        parameters: &[FORMAT],
        body: None,
        responses: &[("202", "Started")],
    },
];

/// Of a type that has a compartment.
const COMPARTMENT: &[Operation] = &[
    Operation {
        interaction: "search-type",
        path: "/{id}/{type}",
        method: "get",
        summary: "Search what has to do with this resource; the type * is all types, or those of _type",
        parameters: &[ID, &["type", "_type"], SEARCH, FORMAT],
        body: None,
        responses: &[("200", "Bundle")],
    },
    Operation {
        interaction: "search-type",
        path: "/{id}/{type}/_search",
        method: "post",
        summary: "Search what has to do with this resource, with the criteria in a form",
        parameters: &[ID, &["type"], FORMAT],
        body: Some("Form"),
        responses: &[("200", "Bundle")],
    },
];

/// Of the view of a study.
const STUDY: &[Operation] = &[
    Operation {
        interaction: "capabilities",
        path: "/metadata",
        method: "get",
        summary: "What the view of this study can do",
        parameters: &[&["project"], FORMAT],
        body: None,
        responses: &[("200", "Resource")],
    },
    Operation {
        interaction: "search-type",
        path: "/{type}",
        method: "get",
        summary: "Search what patients let this study see, without who they are; its metadata lists the parameters",
        parameters: &[&["project", "type", "_count", "_total", "_summary"], FORMAT],
        body: None,
        responses: &[("200", "Bundle")],
    },
];

/// Every path of a `CapabilityStatement`, and those of the views of studies.
pub(super) fn all(statement: &Value) -> Map<String, Value> {
    let mut paths = Map::new();
    let capabilities = Operation {
        interaction: "capabilities",
        path: "/metadata",
        method: "get",
        summary: "What this server can do",
        parameters: &[FORMAT],
        body: None,
        responses: &[("200", "Resource")],
    };
    enter(&mut paths, "/fhir", &capabilities, ("system", Vec::new()));
    for rest in items(statement, "rest") {
        for operation in offered(rest, SYSTEM) {
            enter(&mut paths, "/fhir", operation, ("system", Vec::new()));
        }
        for resource in items(rest, "resource") {
            let ty = text(resource, "type");
            for operation in offered(resource, TYPE) {
                let is_search = operation.interaction == "search-type" && operation.method == "get";
                let criteria = if is_search { criteria(resource) } else { Vec::new() };
                enter(&mut paths, &format!("/fhir/{ty}"), operation, (ty, criteria));
            }
            if has_compartment(rest, ty) {
                for operation in COMPARTMENT {
                    enter(&mut paths, &format!("/fhir/{ty}"), operation, (ty, Vec::new()));
                }
            }
        }
    }
    for operation in STUDY {
        enter(&mut paths, "/research/{project}", operation, ("research", Vec::new()));
    }
    paths
}

fn enter(
    paths: &mut Map<String, Value>,
    prefix: &str,
    operation: &Operation,
    (tag, mut parameters): (&str, Vec<Value>),
) {
    let named = operation.parameters.iter().copied().flatten();
    parameters
        .extend(named.map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })));
    let mut responses = Map::new();
    for (status, name) in operation.responses.iter().chain(&[("4XX", "Refusal")]) {
        let reference = format!("#/components/responses/{name}");
        responses.insert((*status).to_owned(), json!({ "$ref": reference }));
    }
    let mut written = json!({
        "tags": [tag],
        "summary": operation.summary,
        "operationId": operation_id(tag, operation),
        "parameters": parameters,
        "responses": responses,
    });
    if let (Some(body), Some(members)) = (operation.body, written.as_object_mut()) {
        let body = match body {
            "Resource" => components::body(tag),
            named => json!({ "$ref": format!("#/components/requestBodies/{named}") }),
        };
        members.insert("requestBody".to_owned(), body);
    }
    let path = format!("{prefix}{}", operation.path);
    let item = paths.entry(path).or_insert_with(|| json!({}));
    if let Some(methods) = item.as_object_mut() {
        methods.insert(operation.method.to_owned(), written);
    }
}

/// Unique in the document: a compartment is searched by the same interaction as its center's type.
fn operation_id(tag: &str, operation: &Operation) -> String {
    let Operation { interaction, method, path, .. } = operation;
    let interaction = interaction.trim_start_matches('$');
    let place = if path.contains("{type}") { "compartment." } else { "" };
    format!("{tag}.{place}{interaction}.{method}")
}

/// Whether the statement names the compartment of this type: `.../CompartmentDefinition/patient`.
fn has_compartment(rest: &Value, ty: &str) -> bool {
    let mut urls = items(rest, "compartment").iter().filter_map(Value::as_str);
    urls.any(|url| url.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(ty)))
}

/// The rows whose interaction or operation is listed.
fn offered<'o>(
    stated: &'o Value,
    rows: &'static [Operation],
) -> impl Iterator<Item = &'static Operation> + 'o {
    rows.iter().filter(move |row| {
        let (list, member, name) = match row.interaction.strip_prefix('$') {
            Some(name) => ("operation", "name", name),
            None => ("interaction", "code", row.interaction),
        };
        items(stated, list).iter().any(|one| text(one, member) == name)
    })
}

/// The search parameters of a type, its common controls aside.
fn criteria(resource: &Value) -> Vec<Value> {
    let parameters = items(resource, "searchParam").iter();
    let written = parameters.map(|parameter| {
        json!({
            "name": text(parameter, "name"),
            "in": "query",
            "description": text(parameter, "type"),
            "schema": { "type": "string" },
            "example": example(text(parameter, "type")),
        })
    });
    written.collect()
}

/// What somebody may ask for by a parameter of that type.
fn example(kind: &str) -> &'static str {
    match kind {
        "date" => "ge2020-01-01",
        "number" => "1",
        "quantity" => "5.4|http://unitsofmeasure.org|mg",
        "reference" => "Patient/1",
        "token" => "http://loinc.org|8867-4",
        "uri" => "http://example.org/1",
        "composite" => "8867-4$60",
        _ => "Rao",
    }
}

fn items<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
