//! How a search is answered, for who runs the vault: `_explain=true`.

use auth::Permit;
use bytes::Bytes;
use fhir_model::{IssueType, Outcome, json::Value};
use search::Plan;
use storage::Explanation;

use crate::Query;

/// The name of the parameter.
const PARAMETER: &str = "_explain";

/// Takes the parameter out of a query; whether it asks for an explanation.
///
/// # Errors
/// `forbidden` for anybody but the operator: an explanation shows how much is stored.
pub(super) fn is_wanted(permit: &Permit, query: &mut Query) -> Result<bool, Outcome> {
    let Some(value) = query.take(PARAMETER) else { return Ok(false) };
    match (value.as_str(), permit.covers_all_rows()) {
        ("true", true) => Ok(true),
        ("false", _) => Ok(false),
        ("true", _) => {
            let text = "_explain is for the operator of this vault";
            Err(Outcome::new(IssueType::Forbidden, text))
        }
        _ => Err(Outcome::new(IssueType::Invalid, "_explain is true or false")),
    }
}

/// The explanation of the first page as a Parameters resource: what the query was understood to ask, the
/// route through the index, the statement, the database's plan of it, and how much work it was.
pub(super) fn parameters(plan: &Plan, explanation: &Explanation) -> Bytes {
    let work = Value::Object(vec![
        ("value".to_owned(), Value::Number(explanation.work.to_string())),
        ("unit".to_owned(), Value::String(explanation.unit.to_owned())),
    ]);
    let all = vec![
        text("plan", format!("{plan:#?}")),
        text("route", explanation.route.clone()),
        text("sql", explanation.sql.clone()),
        text("database-plan", explanation.plan.clone()),
        parameter("work", "valueQuantity", work),
    ];
    Value::Object(vec![
        ("resourceType".to_owned(), Value::String("Parameters".to_owned())),
        ("parameter".to_owned(), Value::Array(all)),
    ])
    .to_vec()
    .into()
}

fn text(name: &str, value: String) -> Value {
    parameter(name, "valueString", Value::String(value))
}

fn parameter(name: &str, kind: &str, value: Value) -> Value {
    let name = ("name".to_owned(), Value::String(name.to_owned()));
    Value::Object(vec![name, (kind.to_owned(), value)])
}
