//! `Task/[id]/$explain-allocation`: the decision again, made from its stored inputs.

use auth::{Action, authorize};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use beds::Record;
use fhir_model::{IssueType, Outcome, json::Value};
use search::Timespan;
use storage::Key;

use super::{
    assessment::Assessed,
    document::read,
    hold::said,
    plan::{Context, decide},
    planners,
    policy::InForce,
    ty,
};
use crate::{
    Answer, Fhir,
    operation::{Output, Request, output::quoted},
    read::{deleted, not_found},
};

/// Records up to this length are given whole.
const RECORD_BYTES_MAX: usize = 4 << 20;

pub(crate) async fn explain(request: Request<'_>) -> Result<Answer, Outcome> {
    let (fhir, key) = (request.fhir, request.call.key()?);
    let mut permit = authorize(request.caller, Action::Read, Some(key.resource_type))?;
    if super::gate::manages(request.caller) {
        permit = planners()?;
    }
    let current = fhir.vault.read(&permit, key).await?.ok_or_else(|| not_found(key))?;
    let at = request.call.input.text("at").and_then(Timespan::parse).map(|span| span.hi);
    let mut task = None;
    for version in (1..=current.version).rev() {
        let Some(found) = fhir.vault.vread(&permit, key, version).await? else { continue };
        let is_then = at.is_none_or(|at| found.updated.millis() <= at.div_euclid(1000));
        let body = found.body.as_deref().ok_or_else(|| deleted(key))?;
        let said = said(&read(body)?);
        if is_then && said.decision.is_some() {
            task = said.decision;
            break;
        }
    }
    let none = || {
        let text = "No bed was allocated to this request yet";
        Outcome::new(IssueType::NotFound, text)
    };
    let id = task.ok_or_else(none)?;
    let (decided, text) = fhir.vault.bed_decision(&planners()?, &id).await?.ok_or_else(none)?;
    let record: Record = serde_json::from_str(&text)
        .map_err(|error| Outcome::new(IssueType::Exception, error.to_string()))?;
    let context = context(fhir, key, &record).await?;
    let in_force = InForce { policy: record.inputs.policy.clone(), name: record.policy.clone() };
    let again = decide(fhir, record.inputs.clone(), &in_force).await?;
    let mut out = Output::default();
    out.text("decided", "instant", &decided.to_string());
    out.text("policy", "string", &record.policy);
    let replayed = record.replay();
    out.value("replayed", "boolean", replayed.is_ok().to_string());
    if let Err(difference) = replayed {
        out.text("difference", "string", &difference.to_string());
    }
    out.number("requests", "unsignedInt", record.inputs.requests.len());
    out.number("beds", "unsignedInt", record.inputs.beds.len());
    for allocation in record.decision.allocations.iter().filter(|it| it.request == key.id) {
        let alternatives = again.alternatives.get(&key.id).map(Vec::as_slice);
        out.parts("allocation", context.allocation(allocation, ("held", None), alternatives));
    }
    for refusal in record.decision.unallocated.iter().filter(|it| it.request == key.id) {
        out.parts("unallocated", context.unallocated(refusal));
    }
    // the record names other patients' requests, by their ids: for those who may see all
    if permit.covers_all_rows() && text.len() <= RECORD_BYTES_MAX {
        let data = STANDARD.encode(&text);
        let attachment = format!(
            r#"{{"contentType":"application/json","data":{},"title":"decision {id}"}}"#,
            quoted(&data)
        );
        out.value("record", "Attachment", attachment);
    }
    out.answer(request.call.operation.definition)
}

/// Names for the sentence.
async fn context(fhir: &Fhir, key: &Key, record: &Record) -> Result<Context, Outcome> {
    let permit = planners()?;
    let mut context = Context::default();
    if let Some(row) = fhir.vault.bed_request(&permit, &key.id).await?
        && let Ok(assessed) = serde_json::from_str::<Assessed>(&row.details)
    {
        context.requests.insert(key.id.clone(), (row.patient, assessed));
    }
    for allocation in record.decision.allocations.iter().filter(|it| it.request == key.id) {
        for (of, id, ty_name) in [
            (&mut context.beds, &allocation.bed, "Location"),
            (&mut context.sites, &allocation.hospital, "Organization"),
        ] {
            let found = fhir.vault.read(&permit, &Key::new(ty(ty_name)?, id.as_str())).await?;
            let body = found.as_ref().and_then(|it| it.body.as_deref()).map(read).transpose()?;
            let name = body.as_ref().and_then(|it| it.get("name")).and_then(Value::as_str);
            if let Some(name) = name {
                of.insert(id.clone(), name.to_owned());
            }
        }
    }
    Ok(context)
}
