//! `Task/[id]/$explain-allocation`: the decision again, made from its stored inputs.

use std::collections::BTreeMap;

use auth::{Action, authorize};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use beds::{Alternative, Difference, Plan, Record, Single, Snapshot, Solved, Turn};
use fhir_model::{IssueType, Outcome, json::Value};
use search::Timespan;
use storage::Key;

use super::{
    assessment::Assessed,
    document::read,
    gate::is_shown,
    hold::said,
    lasting::plan_of,
    plan::{Context, Decided, Kept},
    planners, ty,
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
    let is_shown = is_shown(&request, key).await?;
    let at = request.call.input.text("at").and_then(Timespan::parse).map(|span| span.hi);
    let mut task = None;
    for version in (1..=current.version).rev() {
        let Some(found) = fhir.vault.vread(&permit, key, version).await? else { continue };
        let is_then = at.is_none_or(|at| found.updated.millis() <= at.div_euclid(1000));
        let gone = || if is_shown { deleted(key) } else { not_found(key) };
        let body = found.body.as_deref().ok_or_else(gone)?;
        let said = said(&read(body)?);
        if is_then && said.decision.is_some() {
            task = said.decision;
            break;
        }
    }
    let none = || {
        if !is_shown {
            return not_found(key);
        }
        let text = "No bed was allocated to this request yet";
        Outcome::new(IssueType::NotFound, text)
    };
    let id = task.ok_or_else(none)?;
    let (decided, text) = fhir.vault.bed_decision(&planners()?, &id).await?.ok_or_else(none)?;
    let made = made(&text)?;
    let again = again(fhir, &key.id, made_of(&text)?).await?;
    let context = context(fhir, key, &made.plan).await?;
    let mut out = Output::default();
    out.text("decided", "instant", &decided.to_string());
    out.text("policy", "string", &made.policy);
    out.value("replayed", "boolean", again.difference.is_none().to_string());
    if let Some(difference) = again.difference {
        out.text("difference", "string", &difference.to_string());
    }
    out.number("requests", "unsignedInt", made.requests);
    out.number("beds", "unsignedInt", again.beds);
    for allocation in made.plan.allocations.iter().filter(|it| it.request == key.id) {
        let alternatives = again.alternatives.as_deref();
        out.parts("allocation", context.allocation(allocation, ("held", None), alternatives));
    }
    for refusal in made.plan.unallocated.iter().filter(|it| it.request == key.id) {
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

/// What is kept of a decision: about everybody, or about one request.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
enum Made {
    Whole(Record),
    Single(Single),
}

fn made_of(text: &str) -> Result<Made, Outcome> {
    serde_json::from_str(text)
        .map_err(|error| Outcome::new(IssueType::Exception, error.to_string()))
}

/// A decision as it was made.
///
/// # Errors
/// `exception` when it cannot be read.
pub(super) fn made(text: &str) -> Result<Decided, Outcome> {
    let kept = Kept { record: text.into(), rests_on: None };
    let (alternatives, elapsed_millis) = (BTreeMap::new(), 0);
    Ok(match made_of(text)? {
        Made::Whole(Record { policy, inputs, decision }) => Decided {
            plan: decision,
            policy,
            as_of_millis: inputs.as_of_millis,
            requests: inputs.requests.len(),
            alternatives,
            elapsed_millis,
            kept,
        },
        Made::Single(single) => Decided {
            plan: plan_of(single.verdict, single.cost),
            policy: single.policy,
            as_of_millis: single.as_of_millis,
            requests: single.requests,
            alternatives,
            elapsed_millis,
            kept,
        },
    })
}

/// A decision made again.
struct Again {
    difference: Option<Difference>,
    beds: usize,
    alternatives: Option<Vec<Alternative>>,
}

async fn again(fhir: &Fhir, task: &str, made: Made) -> Result<Again, Outcome> {
    let task = task.to_owned();
    match made {
        Made::Whole(record) => {
            storage::aside(move || {
                let beds = record.inputs.beds.len();
                let difference = record.replay().err();
                let solved = Solved::new(&record.inputs).ok();
                let alternatives = solved.and_then(|solved| solved.alternatives(&task));
                Ok(Again { difference, beds, alternatives })
            })
            .await
        }
        Made::Single(single) => {
            let kept = fhir.vault.bed_roster(&planners()?, &single.roster, single.turns).await?;
            let (begun, turns) = kept.ok_or_else(|| {
                Outcome::new(IssueType::Exception, "What the decision rests on is not there")
            })?;
            storage::aside(move || {
                let broken = |error: serde_json::Error| {
                    Outcome::new(IssueType::Exception, error.to_string())
                };
                let begun: Snapshot = serde_json::from_str(&begun).map_err(broken)?;
                let turns: Result<Vec<Turn>, _> =
                    turns.iter().map(|turn| serde_json::from_str(turn)).collect();
                let replayed = single.replay(begun, turns.map_err(broken)?);
                let (difference, roster) = match replayed {
                    Ok(roster) => (None, Some(roster)),
                    Err(difference) => (Some(difference), None),
                };
                let beds = roster.as_ref().map_or(0, |it| it.snapshot().beds.len());
                let alternatives = roster.and_then(|it| it.alternatives(&task));
                Ok(Again { difference, beds, alternatives })
            })
            .await
        }
    }
}

/// Names for the sentence.
async fn context(fhir: &Fhir, key: &Key, plan: &Plan) -> Result<Context, Outcome> {
    let permit = planners()?;
    let mut context = Context::default();
    if let Some(row) = fhir.vault.bed_request(&permit, &key.id).await?
        && let Ok(assessed) = serde_json::from_str::<Assessed>(&row.details)
    {
        context.requests.insert(key.id.clone(), (row.patient, assessed));
    }
    for allocation in plan.allocations.iter().filter(|it| it.request == key.id) {
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
