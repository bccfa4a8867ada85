//! `ServiceRequest/[id]/$allocate-bed`: one request, with those that rank above it in view, so that nobody snatches
//! a bed between batches. A human may name the bed: hard constraints hold, and a departure needs a reason.

use std::collections::BTreeMap;

use auth::Permit;
use fhir_model::{Instant, IssueType, Outcome};
use storage::Key;

use super::{
    allocate::{Wanted, broken_by, carry_out, is_lost, named_bed, prepare},
    board::{Board, BoardBed},
    document,
    hold::{Hold, said},
    plan::{Context, Decided, decide},
    planners, ty,
};
use crate::{
    Answer, Fhir,
    operation::{Output, Request},
    read::not_found,
};

const ROUNDS_MAX: u32 = 3;

pub(super) async fn single(
    request: &Request<'_>,
    order: &Key,
    (permit, wanted): (&Permit, &Wanted),
) -> Result<Answer, Outcome> {
    let fhir = request.fhir;
    let named = named_bed(request)?;
    if let Some(key) = &named {
        super::gate::manages_bed(request, &key.id).await?;
    }
    let mut round = 0;
    loop {
        round += 1;
        let now = fhir.vault.clock().now();
        let Some(found) = waiting(fhir, order).await? else {
            return stands(request, order).await;
        };
        let (task, snapshot) = {
            let board = fhir.desk.board.lock().await;
            let Some(waiting) = board.queue.get(&found) else { continue };
            let snapshot = board.snapshot_for(&found, &wanted.policy, now);
            let asked = waiting.assessed.at(now, &waiting.state);
            if let Some(key) = &named {
                may_be_given(&board, &asked, (key, wanted, now))?;
            }
            (found, snapshot)
        };
        let mut decided = decide(fhir, snapshot, &wanted.policy).await?;
        if let Some(key) = &named
            && !gives(&decided, &task, key)
        {
            decided = by_choice(fhir, &task, (key, wanted, now)).await?;
        }
        let chosen: Vec<bool> =
            decided.record.decision.allocations.iter().map(|it| it.request == task).collect();
        let hold = {
            let board = fhir.desk.board.lock().await;
            let is_chosen = |place: usize| chosen.get(place) == Some(&true);
            prepare(request, &board, decided, (wanted, &is_chosen))?
        };
        if named.is_some() && hold.grants.is_empty() {
            return Err(taken(now));
        }
        let hold = Hold { only: Some(task), ..hold };
        match carry_out(request, permit, (hold, wanted)).await {
            Err(outcome) if round < ROUNDS_MAX && named.is_none() && is_lost(&outcome) => {}
            answer => return answer,
        }
    }
}

/// The Task by which the order waits.
async fn waiting(fhir: &Fhir, order: &Key) -> Result<Option<String>, Outcome> {
    let mut board = fhir.desk.board.lock().await;
    board.look(fhir).await?;
    let found = board.queue.iter().find(|(_, waiting)| waiting.order == order.id);
    Ok(found.map(|(task, _)| task.clone()))
}

/// Whether a plan gives this bed, or one just like it, to the request.
fn gives(decided: &Decided, task: &str, bed: &Key) -> bool {
    let plan = &decided.record.decision;
    plan.allocations.iter().any(|it| it.request == task && it.bed == bed.id)
}

/// Hard constraints and the state of a bed that a human named.
fn may_be_given(
    board: &Board,
    asked: &beds::Request,
    (key, wanted, now): (&Key, &Wanted, Instant),
) -> Result<(), Outcome> {
    let Some(bed) = board.beds.get(&key.id) else {
        let text = "The Location that was named is no bed of this vault";
        return Err(Outcome::new(IssueType::BusinessRule, text).coded("constraint-violation"));
    };
    let (broken, is_taken) = broken_by(board, asked, bed, (&wanted.policy, now));
    if !broken.is_empty() {
        let text = format!("The bed that was named breaks: {}", broken.join(", "));
        return Err(Outcome::new(IssueType::BusinessRule, text).coded("constraint-violation"));
    }
    if is_taken {
        return Err(taken(now));
    }
    if asked.barred.is_some() {
        let text = "The order is out of its time, or the request is paused";
        return Err(Outcome::new(IssueType::BusinessRule, text).coded("approval-expired"));
    }
    Ok(())
}

fn taken(now: Instant) -> Outcome {
    let text = format!("The bed that was named is not free, as of {now}");
    Outcome::new(IssueType::Conflict, text).coded("bed-taken")
}

/// A decision for the named bed: like the policy's when that gives one just like it, else a human's, with a reason.
async fn by_choice(
    fhir: &Fhir,
    task: &str,
    (key, wanted, now): (&Key, &Wanted, Instant),
) -> Result<Decided, Outcome> {
    let (usual, only) = {
        let board = fhir.desk.board.lock().await;
        let usual = board.snapshot_for(task, &wanted.policy, now);
        let is_it = |bed: &BoardBed| bed.bed.id == key.id;
        let only = board.snapshot(&wanted.policy, now, (&is_it, &|id: &str| id == task));
        (usual, only)
    };
    let kind = only.beds.first().map(|bed| (bed.hospital.clone(), bed.kind.clone()));
    let beds = usual.beds.clone();
    let usual = decide(fhir, usual, &wanted.policy).await?;
    let given = usual.record.decision.allocations.iter().find(|it| it.request == task);
    let given = given.and_then(|it| beds.iter().find(|bed| bed.id == it.bed));
    let is_alike = given.map(|bed| (bed.hospital.clone(), bed.kind.clone())) == kind;
    if !is_alike && wanted.override_reason.is_none() {
        let text = "The policy gives this request another bed, or others rank higher; to give this one needs an \
                    overrideReason";
        return Err(Outcome::new(IssueType::BusinessRule, text).coded("override-reason-required"));
    }
    decide(fhir, only, &wanted.policy).await
}

/// The order does not wait: it has a bed, or nobody asked for one.
async fn stands(request: &Request<'_>, order: &Key) -> Result<Answer, Outcome> {
    let fhir = request.fhir;
    let row = fhir.vault.bed_request_of_order(&planners()?, &order.id).await?;
    let Some(row) = row.filter(|row| row.state == "served") else {
        let text = "No request on this order waits; call $request-bed first";
        return Err(Outcome::new(IssueType::Conflict, text).coded("illegal-transition"));
    };
    let key = Key::new(ty("Task")?, row.task.as_str());
    let found = fhir.vault.read(&planners()?, &key).await?.ok_or_else(|| not_found(&key))?;
    let task = document::read(found.body.as_deref().unwrap_or_default())?;
    let said = said(&task);
    let id = said.decision.clone().unwrap_or_default();
    let kept = fhir.vault.bed_decision(&planners()?, &id).await?;
    let record = kept.and_then(|(_, text)| serde_json::from_str::<beds::Record>(&text).ok());
    let Some(record) = record else { return Err(not_found(&key)) };
    let mut context = Context::default();
    if let Ok(assessed) = serde_json::from_str(&row.details) {
        context.requests.insert(row.task.clone(), (row.patient.clone(), assessed));
    }
    let mut out = Output::default();
    let allocation = record.decision.allocations.iter().find(|it| it.request == row.task);
    if let Some(allocation) = allocation {
        out.parts("allocation", context.allocation(allocation, ("unchanged", None), None));
    }
    let decided =
        Decided { record: record.clone(), alternatives: BTreeMap::new(), elapsed_millis: 0 };
    super::hold::summary(&mut out, &decided, 0);
    out.answer(request.call.operation.definition)
}
