//! Batches: entries that have nothing to do with each other,
//! <https://hl7.org/fhir/R4/http.html#transaction>.

use auth::Caller;
use fhir_model::{Outcome, Valid, json};
use futures_util::{StreamExt as _, stream};

use crate::{
    Answer, Fhir, Prefer, Return,
    bundle::{Bundle, Response, status_line},
    entry,
};

/// Entries under way at once: enough to share a commit, few enough to leave room for others.
const AT_ONCE: usize = 64;

/// Answers each entry for itself.
///
/// # Errors
/// None for an entry's fault: that is in its answer.
pub(crate) async fn batch(
    fhir: &Fhir,
    caller: &Caller,
    (bundle, mut faults): (&Valid, json::EntryFaults),
    prefer: Prefer,
) -> Result<Answer, Outcome> {
    let entries = bundle.tree().root().named("entry").enumerate();
    let requests: Vec<_> = entries
        .map(|(n, node)| {
            if let Some(fault) = faults.remove(&n) {
                return Err(fault);
            }
            let request = entry::request(fhir, node, prefer);
            request.map_err(|refusal| refusal.inside(&format!("Bundle.entry[{n}]")))
        })
        .collect();
    let answers = stream::iter(requests)
        .map(|request| async move {
            Answer::from(match request {
                Ok(request) => fhir.answer(caller, request).await,
                Err(refusal) => Err(refusal),
            })
        })
        .buffered(AT_ONCE)
        .collect::<Vec<Answer>>()
        .await;
    let mut out = Bundle::new("batch-response");
    for answer in &answers {
        respond(&mut out, answer, prefer);
    }
    Ok(Answer::ok(out.finish()))
}

fn respond(out: &mut Bundle, answer: &Answer, prefer: Prefer) {
    let body = answer.body.as_deref();
    let is_read = answer.location.is_none() || prefer.answer == Some(Return::Representation);
    let (resource, outcome) = match prefer.answer {
        _ if answer.status >= 400 => (None, body),
        Some(Return::OperationOutcome) if is_account(answer) => (None, body),
        _ if is_read || answer.status == 200 => (body, None),
        _ => (None, None),
    };
    out.response(&Response {
        status: &status_line(answer.status),
        resource,
        location: answer.location.as_deref(),
        version: answer.version,
        updated: answer.updated,
        outcome,
    });
}

/// An account of what was done, not the resource itself.
fn is_account(answer: &Answer) -> bool {
    answer
        .body
        .as_deref()
        .is_some_and(|body| body.starts_with(br#"{"resourceType":"OperationOutcome""#))
}
