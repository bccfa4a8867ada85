//! `Task/[id]/$confirm-bed`: the patient accepts or declines the bed that is held; the hospital says that the patient
//! arrived, or did not come.

use fhir_model::{IssueType, Outcome, json::Value};
use storage::{About, ClaimState, End, Key, Tx};

use super::{
    deed::{Deed, Once, body, load},
    document::{concept, read, set, string, update},
    gate::{ASKING, MANAGING, admit, manages_request},
    ty,
};
use crate::{
    Answer,
    operation::{Definition, Output, Request},
};

/// So many declines and a doctor is asked.
const DECLINES_MAX: u64 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Accept,
    Decline,
    Arrived,
    NoShow,
}

const DECISIONS: [(&str, Decision); 4] = [
    ("accept", Decision::Accept),
    ("decline", Decision::Decline),
    ("arrived", Decision::Arrived),
    ("no-show", Decision::NoShow),
];

pub(crate) async fn confirm(request: Request<'_>) -> Result<Answer, Outcome> {
    let key = request.call.key()?.clone();
    let asked = request.call.input.text("decision").unwrap_or_default();
    let decision = DECISIONS.iter().find(|(code, _)| *code == asked).map(|(_, it)| *it);
    let decision = decision.ok_or_else(|| {
        let text = "The decision is accept, decline, arrived or no-show";
        Outcome::new(IssueType::Value, text).at("Parameters.parameter")
    })?;
    let roles = match decision {
        Decision::Accept | Decision::Decline => [ASKING, MANAGING],
        Decision::Arrived | Decision::NoShow => [MANAGING, MANAGING],
    };
    let permit = admit(&request, &roles).await?;
    manages_request(&request).await?;
    let deed = Confirm {
        definition: request.call.operation.definition,
        key,
        decision,
        reason: request.call.input.value("reason").cloned(),
        if_match: request.call.conditions.if_match,
    };
    request.fhir.vault.commit(permit, Once::of(&request, deed)).await
}

struct Confirm {
    definition: &'static Definition,
    key: Key,
    decision: Decision,
    reason: Option<Value>,
    if_match: Option<u64>,
}

impl Deed for Confirm {
    async fn act(&self, tx: &mut Tx<'_>) -> Result<Answer, Outcome> {
        let head = load(tx, &self.key, self.if_match).await?;
        let about = About { tasks: vec![self.key.id.clone()], ..About::default() };
        let mut ledger = tx.bed_ledger(&about).await?;
        let Some(claim) = ledger.of_task(&self.key.id).cloned() else {
            let body = head.body.as_deref().unwrap_or_default();
            let expired = super::hold::said(&read(body)?).until.is_some();
            return Err(if expired { over() } else { storage::illegal("queued", "confirmed") });
        };
        let state = claim.state;
        match self.decision {
            Decision::Accept => ledger.advance(&claim, ClaimState::Planned)?,
            Decision::Arrived => ledger.advance(&claim, ClaimState::Occupied)?,
            Decision::Decline if state == ClaimState::Held => ledger.end(&claim, End::Declined),
            Decision::NoShow if state == ClaimState::Planned => ledger.end(&claim, End::NoShow),
            Decision::Decline => return Err(storage::illegal(state.code(), "declined")),
            Decision::NoShow => return Err(storage::illegal(state.code(), "no-show")),
        }
        tx.keep_beds(ledger).await?;
        let mut changes = Vec::new();
        let asks_doctor = self.decision == Decision::Decline
            && tx.bed_declines(&self.key.id).await? >= DECLINES_MAX;
        if asks_doctor || self.reason.is_some() && self.decision == Decision::Decline {
            let mut task = read(head.body.as_deref().unwrap_or_default())?;
            let (status, business) = match (tx.is_without_order(&self.key.id).await?, asks_doctor) {
                // an emergency's request does not wait
                (true, _) => ("cancelled", "not-taken"),
                (false, true) => ("on-hold", "declined-twice"),
                (false, false) => ("requested", "queued"),
            };
            set(&mut task, "status", string(status));
            set(&mut task, "businessStatus", concept("bed-request-status", business));
            set(&mut task, "lastModified", string(tx.now().to_string()));
            if let Some(reason) = &self.reason {
                set(&mut task, "statusReason", reason.clone());
            }
            if let Value::Object(members) = &mut task {
                members.retain(|(name, _)| name != "restriction");
            }
            changes.push(update(self.key.clone(), head, &task)?);
        }
        tx.write(changes).await?;
        let mut out = Output::default();
        out.resource("task", body(tx, &self.key).await?);
        if let Some(encounter) = &claim.encounter {
            let key = Key::new(ty("Encounter")?, encounter.as_str());
            out.resource("encounter", body(tx, &key).await?);
        }
        out.answer(self.definition)
    }
}

fn over() -> Outcome {
    let text = "The time of the hold is over, and the bed is not kept any more; the Task says what became of the \
                request";
    Outcome::new(IssueType::Conflict, text).coded("hold-expired")
}
