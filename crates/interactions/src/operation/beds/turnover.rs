//! `Location/[id]/$bed-turnover`: a bed from dirty over cleaning to ready, and out of use and back.

use fhir_model::{IssueType, Outcome, json::Value};
use search::Timespan;
use storage::{About, Claim, ClaimState, End, Key, Ledger, Stage, Tx, illegal};

use super::{
    deed::{Deed, Once, body, load},
    document::{concept, create, list, object, reference, set, string},
    gate::{MANAGING, admit, manages_bed},
    ty,
};
use crate::{
    Answer,
    operation::{Definition, Output, Request},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Dirty,
    Cleaning,
    Ready,
    Blocked,
    Unblocked,
}

const TO: [(&str, To); 5] = [
    ("dirty", To::Dirty),
    ("cleaning", To::Cleaning),
    ("ready", To::Ready),
    ("blocked", To::Blocked),
    ("unblocked", To::Unblocked),
];

pub(crate) async fn turnover(request: Request<'_>) -> Result<Answer, Outcome> {
    let key = request.call.key()?.clone();
    let permit = admit(&request, &[MANAGING]).await?;
    manages_bed(&request, &key.id).await?;
    let input = &request.call.input;
    let wrong =
        |text: &'static str| Outcome::new(IssueType::Value, text).at("Parameters.parameter");
    let asked = input.text("to").unwrap_or_default();
    let to = TO.iter().find(|(code, _)| *code == asked);
    let (code, to) =
        to.ok_or_else(|| wrong("to is dirty, cleaning, ready, blocked or unblocked"))?;
    if input.text("until").is_some_and(|it| Timespan::parse(it).is_none()) {
        return Err(wrong("until is a time"));
    }
    let deed = Turnover {
        definition: request.call.operation.definition,
        key,
        to: *to,
        code,
        reason: input.value("reason").cloned(),
        until: input.text("until").map(str::to_owned),
        if_match: request.call.conditions.if_match,
        trail: request.fhir.vault.new_id(),
    };
    request.fhir.vault.commit(permit, Once::of(&request, deed)).await
}

struct Turnover {
    definition: &'static Definition,
    key: Key,
    to: To,
    code: &'static str,
    reason: Option<Value>,
    until: Option<String>,
    if_match: Option<u64>,
    trail: String,
}

impl Deed for Turnover {
    async fn act(&self, tx: &mut Tx<'_>) -> Result<Answer, Outcome> {
        let id = self.key.id.clone();
        load(tx, &self.key, self.if_match).await?;
        if !tx.is_bed(&id).await? {
            let text = "The Location is no bed: its physicalType is not bd";
            return Err(Outcome::new(IssueType::BusinessRule, text).at("Location.physicalType"));
        }
        let about = About { beds: vec![id.clone()], ..About::default() };
        let mut ledger = tx.bed_ledger(&about).await?;
        let claim = ledger.of_bed(&id).cloned();
        turn(&mut ledger, (&id, claim.as_ref()), self.to)?;
        tx.keep_beds(ledger).await?;
        let mut changes = Vec::new();
        if let Some(trail) = self.trail(tx.now()) {
            let key = Key::new(ty("Provenance")?, self.trail.as_str());
            changes.push(create(key, &trail)?);
        }
        tx.write(changes).await?;
        let mut out = Output::default();
        out.resource("location", body(tx, &self.key).await?);
        out.answer(self.definition)
    }
}

/// The state machine of a bed that nobody has.
fn turn(ledger: &mut Ledger, (bed, claim): (&str, Option<&Claim>), to: To) -> Result<(), Outcome> {
    let now = ledger.now();
    let start = |ledger: &mut Ledger, state, stage| {
        ledger.start(Claim { stage, ..Claim::new(bed, state, now) })
    };
    let state = claim.map(|claim| claim.state);
    match (claim, to) {
        (None, To::Dirty) => start(ledger, ClaimState::Turnover, Some(Stage::Dirty)),
        (None, To::Cleaning) => start(ledger, ClaimState::Turnover, Some(Stage::Cleaning)),
        (None, To::Blocked) => start(ledger, ClaimState::Blocked, None),
        (None, To::Ready | To::Unblocked) => Ok(()),
        (Some(claim), to) => match (claim.state, to) {
            (ClaimState::Turnover, To::Dirty) => {
                ledger.set_stage(claim, Stage::Dirty);
                Ok(())
            }
            (ClaimState::Turnover, To::Cleaning) => {
                ledger.set_stage(claim, Stage::Cleaning);
                Ok(())
            }
            (ClaimState::Turnover, To::Ready) | (ClaimState::Blocked, To::Unblocked) => {
                ledger.end(claim, End::Ready);
                Ok(())
            }
            (ClaimState::Turnover, To::Blocked) => {
                ledger.end(claim, End::Ready);
                start(ledger, ClaimState::Blocked, None)
            }
            (ClaimState::Blocked, To::Blocked) => Ok(()),
            // somebody who was told of without a stay has left
            (ClaimState::Occupied, To::Dirty) if claim.encounter.is_none() => {
                ledger.end(claim, End::Left);
                Ok(())
            }
            _ => Err(illegal(state.map_or("ready", ClaimState::code), name(to))),
        },
    }
}

fn name(to: To) -> &'static str {
    TO.iter().find(|(_, it)| *it == to).map_or("", |(code, _)| code)
}

impl Turnover {
    /// Why, if somebody said so.
    fn trail(&self, now: fhir_model::Instant) -> Option<Value> {
        if self.reason.is_none() && self.until.is_none() {
            return None;
        }
        let who = object([("display", string("Bed management"))]);
        let mut trail = object([
            ("resourceType", string("Provenance")),
            ("target", list([reference("Location", &self.key.id)])),
            ("recorded", string(now.to_string())),
            ("activity", concept("bed-activity", self.code)),
            ("agent", list([object([("who", who)])])),
        ]);
        if let Some(reason) = &self.reason {
            set(&mut trail, "reason", list([reason.clone()]));
        }
        if let Some(until) = &self.until {
            set(&mut trail, "occurredPeriod", object([("end", string(until.as_str()))]));
        }
        Some(trail)
    }
}
