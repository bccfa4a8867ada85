//! `Patient/$everything` and `Encounter/$everything`: <https://hl7.org/fhir/R4/patient-operation-everything.html>.
//! The resource, its compartment, and what these refer to. Without `_count` all of it; with `_count` a page, whose
//! next link goes on through the compartment.

use crate::{Answer, search};
use fhir_model::Outcome;

use super::Request;

/// Parameters that a search has too.
const SAME: [&str; 2] = ["_type", "_count"];

pub(super) async fn everything(request: Request<'_>) -> Result<Answer, Outcome> {
    let key = request.call.key()?.clone();
    let mut query = request.call.query.clone();
    let input = &request.call.input;
    for name in SAME {
        let text = input.text(name).map(str::to_owned);
        if let Some(text) = text.or_else(|| input.number::<u32>(name).map(|it| it.to_string())) {
            query.push(name, text);
        }
    }
    if let Some(since) = input.text("_since") {
        query.push("_lastUpdated", format!("ge{since}"));
    }
    let care = search::Care::between(input.text("start"), input.text("end"));
    search::everything(request.fhir, request.caller, &key, (query, care)).await
}
