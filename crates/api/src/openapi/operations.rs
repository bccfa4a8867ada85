//! The operations: <https://hl7.org/fhir/R4/operations.html#executing>. What each takes is said by its definition.

use fhir_model::{ResourceType, definitions::OperationLevel};
use interactions::Operation;
use serde_json::{Map, Value, json};

/// The path of every operation. One that every type has is said once, with the type as a part of the path.
pub(super) fn all() -> Map<String, Value> {
    let mut paths = Map::new();
    for operation in Operation::all() {
        for ty in operation.types() {
            for level in operation.levels() {
                let place = Place { operation, ty, level: *level };
                paths.insert(place.path(), place.methods());
            }
        }
    }
    paths
}

/// Where an operation is called.
struct Place<'o> {
    operation: &'o Operation,
    ty: &'o str,
    level: OperationLevel,
}

impl Place<'_> {
    fn is_for_every_type(&self) -> bool {
        self.ty == "Resource"
    }

    fn path(&self) -> String {
        let ty = if self.is_for_every_type() { "{resourceType}" } else { self.ty };
        let id = if self.level == OperationLevel::Instance { "/{id}" } else { "" };
        format!("/fhir/{ty}{id}/${}", self.operation.code())
    }

    fn methods(&self) -> Value {
        let post = self.method("post", &["_format", "_pretty"], Vec::new());
        if self.operation.affects_state() {
            return json!({ "post": post });
        }
        let inputs = self.operation.inputs().filter(|(_, ty)| is_for_query(ty));
        let inputs = inputs.map(|(name, ty)| {
            json!({ "name": name, "in": "query", "description": ty, "schema": schema(ty) })
        });
        let get = self.method("get", &["_format", "_pretty"], inputs.collect());
        json!({ "get": get, "post": post })
    }

    fn method(&self, method: &str, named: &[&str], mut parameters: Vec<Value>) -> Value {
        let of_path = [
            ("resourceType", self.is_for_every_type()),
            ("id", self.level == OperationLevel::Instance),
        ];
        let of_path = of_path.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name);
        let named = of_path.chain(named.iter().copied());
        parameters
            .extend(named.map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })));
        let code = self.operation.code();
        let level = match self.level {
            OperationLevel::System => "system",
            OperationLevel::Type => "type",
            OperationLevel::Instance => "instance",
        };
        let mut written = json!({
            "tags": [self.ty],
            "summary": format!("${code}"),
            "operationId": format!("{}.{code}.{level}.{method}", self.ty),
            "parameters": parameters,
            "responses": {
                "2XX": { "$ref": "#/components/responses/Resource" },
                "4XX": { "$ref": "#/components/responses/Refusal" },
            },
        });
        if let Some(members) = written.as_object_mut().filter(|_| method == "post") {
            let takes_resource = self.operation.inputs().any(|(name, _)| name == "resource");
            let body = if takes_resource { "Anything" } else { "Parameters" };
            let reference = format!("#/components/requestBodies/{body}");
            members.insert("requestBody".to_owned(), json!({ "$ref": reference }));
        }
        written
    }
}

/// Whether a parameter of this type may stand in the address: what has parts and what is a resource may not.
fn is_for_query(ty: &str) -> bool {
    !["", "Resource", "Any", "Meta"].contains(&ty) && ResourceType::named(ty).is_none()
}

/// What is said of a type in a query.
fn schema(ty: &str) -> Value {
    match ty {
        "boolean" => json!({ "type": "boolean" }),
        "integer" => json!({ "type": "integer" }),
        "positiveInt" => json!({ "type": "integer", "minimum": 1 }),
        "unsignedInt" => json!({ "type": "integer", "minimum": 0 }),
        "decimal" => json!({ "type": "number" }),
        "date" | "dateTime" | "instant" => json!({ "type": "string", "format": "date-time" }),
        _ => json!({ "type": "string" }),
    }
}
