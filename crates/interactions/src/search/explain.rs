//! How a search is answered, for who runs the vault: `_explain=true`.

use auth::Caller;
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
pub(super) fn is_wanted(caller: &Caller, query: &mut Query) -> Result<bool, Outcome> {
    let Some(value) = query.take(PARAMETER) else { return Ok(false) };
    match (value.as_str(), caller) {
        ("true", Caller::Operator) => Ok(true),
        ("false", _) => Ok(false),
        ("true", _) => {
            let text = "_explain is for the operator of this vault";
            Err(Outcome::new(IssueType::Forbidden, text))
        }
        _ => Err(Outcome::new(IssueType::Invalid, "_explain is true or false")),
    }
}

/// The explanation as a Parameters resource: the plan that the query became, and each statement with the way
/// that the database takes and what that costs.
pub(super) fn parameters(plan: &Plan, explanation: &Explanation) -> Bytes {
    let mut all = vec![text("plan", format!("{plan:#?}"))];
    all.extend(explanation.statements.iter().map(|statement| {
        let mut parts = vec![
            text("purpose", statement.purpose.to_owned()),
            text("sql", statement.sql.clone()),
            text("database-plan", statement.plan.clone()),
        ];
        parts.push(parameter("work", "valueDecimal", Value::Number(statement.work.to_string())));
        parameter("statement", "part", Value::Array(parts))
    }));
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
