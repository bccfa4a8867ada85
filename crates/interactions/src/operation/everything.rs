//! `Patient/$everything` and `Encounter/$everything`: <https://hl7.org/fhir/R4/patient-operation-everything.html>.
//! The resource, its compartment, and what these refer to. Without `_count` all of it; with `_count` a page, whose
//! next link goes on through the compartment.

use crate::{Answer, search};
use fhir_model::{IssueType, Outcome};

use super::Request;

pub(super) async fn everything(request: Request<'_>) -> Result<Answer, Outcome> {
    let key = request.call.key()?.clone();
    let mut query = request.call.query.clone();
    let input = &request.call.input;
    if input.value("_count").is_some() {
        let count = input.number::<u32>("_count").filter(|count| *count > 0).ok_or_else(|| {
            Outcome::new(IssueType::Invalid, "_count is a number from 1").at("Parameters.parameter")
        })?;
        query.push("_count", count.to_string());
    }
    let types = input.codes("_type").into_iter().flat_map(|text| text.split(','));
    let types: Vec<String> =
        types.map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect();
    if let Some(since) = input.text("_since") {
        query.push("_lastUpdated", format!("ge{since}"));
    }
    let care = search::Care::between(input.text("start"), input.text("end"));
    search::everything(request.fhir, request.caller, &key, (query, care, types)).await
}
