//! `ServiceRequest/[id]/$allocate-bed`: one request, with those that rank above it in view, so that nobody snatches
//! a bed between batches. A human may name the bed: hard constraints hold, and a departure needs a reason.

use std::collections::BTreeMap;

use auth::Permit;
use beds::Bar;
use fhir_model::{Instant, IssueType, Outcome};
use storage::Key;

use super::{
    allocate::{Wanted, broken_by, carry_out, is_lost, named_bed, prepare, unserved},
    board::{Board, BoardBed},
    document,
    explanation::made,
    gate,
    hold::{Hold, said},
    plan::{Context, Decided, decide},
    planners, recall, ty,
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
        gate::manages_bed(request, &key.id).await?;
    }
    let mut round = 0;
    loop {
        round += 1;
        let (task, hold, now) = {
            let mut board = fhir.desk.board.lock().await;
            board.look(fhir).await?;
            let now = fhir.vault.clock().now();
            let found = board.waiting_on(&order.id).map(str::to_owned);
            let found = found.and_then(|task| Some((board.queue.get(&task)?.clone(), task)));
            let Some((waiting, task)) = found else {
                drop(board);
                return stands(request, order).await;
            };
            if let Some(key) = &named {
                let asked = waiting.assessed.at(now, &waiting.state);
                may_be_given(&board, &asked, (key, wanted, now))?;
            }
            let decided = usual(fhir, &mut board, (&task, wanted, now)).await?;
            let decided = match &named {
                Some(key) if !gives(&decided, &task, key) => {
                    by_choice(fhir, &board, decided, (&task, key, wanted, now)).await?
                }
                _ => decided,
            };
            let chosen: Vec<bool> =
                decided.plan.allocations.iter().map(|it| it.request == task).collect();
            let is_chosen = |place: usize| chosen.get(place) == Some(&true);
            let hold = prepare(request, &board, decided, (wanted, &is_chosen));
            (task, hold, now)
        };
        if named.is_none() && !wanted.proposes && round < ROUNDS_MAX {
            let left_out = recall::left_out(&hold.decided);
            let left_out: Vec<String> = left_out.into_iter().filter(|it| *it == task).collect();
            if recall::recall(fhir, &wanted.policy, (&left_out, &|_, _| true)).await? {
                continue;
            }
        }
        let rests_on = hold.decided.kept.rests_on.clone();
        if named.is_some() && hold.grants.is_empty() {
            return Err(taken(now));
        }
        let is_held = !wanted.proposes && !hold.grants.is_empty();
        let reviews = match &named {
            None => unserved(fhir, &hold, (wanted, &|_, _| true)).await?,
            Some(_) => BTreeMap::new(),
        };
        let hold = Hold { only: Some(task), reviews, ..hold };
        match carry_out(request, permit, (hold, wanted)).await {
            Err(outcome) if round < ROUNDS_MAX && named.is_none() && is_lost(&outcome) => {}
            answer => {
                if let Some(part) = rests_on.filter(|_| is_held && answer.is_ok()) {
                    fhir.desk.is_kept(part);
                }
                return answer;
            }
        }
    }
}

/// What the policy gives the request.
async fn usual(
    fhir: &Fhir,
    board: &mut Board,
    (task, wanted, now): (&str, &Wanted, Instant),
) -> Result<Decided, Outcome> {
    if wanted.names_policy {
        let snapshot = board.whole(&wanted.policy, now, (&|_: &BoardBed| true, &|_: &str| true));
        return decide(fhir, snapshot, &wanted.policy).await;
    }
    let decided = board.decide_one(fhir, task, &wanted.policy).await?;
    decided.ok_or_else(|| {
        let text = "The request does not wait any more";
        Outcome::new(IssueType::Conflict, text).coded("illegal-transition")
    })
}

/// Whether a plan gives this bed to the request.
fn gives(decided: &Decided, task: &str, bed: &Key) -> bool {
    decided.plan.allocations.iter().any(|it| it.request == task && it.bed == bed.id)
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
    let (issue, code, text) = match asked.barred {
        None => return Ok(()),
        Some(Bar::VitalsStale) => {
            let text = "The policy gives nobody a bed without fresh vital signs; take them again";
            (IssueType::Incomplete, "vitals-stale", text)
        }
        Some(Bar::ApprovalExpired) => {
            (IssueType::BusinessRule, "approval-expired", "The order is out of its time")
        }
        Some(Bar::Paused) => (IssueType::BusinessRule, "approval-expired", "The request is paused"),
    };
    Err(Outcome::new(issue, text).coded(code))
}

pub(super) fn taken(now: Instant) -> Outcome {
    let text = format!("The bed that was named is not free, as of {now}");
    Outcome::new(IssueType::Conflict, text).coded("bed-taken")
}

/// A decision for the named bed: like the policy's when that gives one just like it, else a human's, with a reason.
async fn by_choice(
    fhir: &Fhir,
    board: &Board,
    usual: Decided,
    (task, key, wanted, now): (&str, &Key, &Wanted, Instant),
) -> Result<Decided, Outcome> {
    let kind = |id: &str| board.beds.get(id).map(|it| (it.bed.hospital.as_str(), &it.bed.kind));
    let given = usual.plan.allocations.iter().find(|it| it.request == task);
    let is_alike = given.and_then(|it| kind(&it.bed)) == kind(&key.id);
    if !is_alike && wanted.override_reason.is_none() {
        let text = "The policy gives this request another bed, or others rank higher; to give this one needs an \
                    overrideReason";
        return Err(Outcome::new(IssueType::BusinessRule, text).coded("override-reason-required"));
    }
    let is_it = |bed: &BoardBed| bed.bed.id == key.id;
    let only = board.whole(&wanted.policy, now, (&is_it, &|id: &str| id == task));
    decide(fhir, only, &wanted.policy).await
}

/// The order does not wait: it has a bed, or nobody asked for one.
async fn stands(request: &Request<'_>, order: &Key) -> Result<Answer, Outcome> {
    let fhir = request.fhir;
    let row = fhir.vault.bed_request_of_order(&planners()?, &order.id).await?;
    let none = || {
        let text = "No request on this order waits; call $request-bed first";
        Outcome::new(IssueType::Conflict, text).coded("illegal-transition")
    };
    let row = row.filter(|row| row.state == "served").ok_or_else(none)?;
    let key = Key::new(ty("Task")?, row.task.as_str());
    let found = fhir.vault.read(&planners()?, &key).await?.ok_or_else(|| not_found(&key))?;
    let task = document::read(found.body.as_deref().unwrap_or_default())?;
    let said = said(&task);
    let is_theirs = match &said.bed {
        Some(bed) => gate::has_bed(request, bed).await?,
        None => false,
    };
    if !is_theirs {
        let hidden = |no: Outcome| if no.status() == 404 { none() } else { no };
        gate::manages_order(request, order).await.map_err(hidden)?;
    }
    let id = said.decision.clone().unwrap_or_default();
    let kept = fhir.vault.bed_decision(&planners()?, &id).await?;
    let decided = kept.and_then(|(_, text)| made(&text).ok());
    let Some(decided) = decided else { return Err(not_found(&key)) };
    let mut context = Context::default();
    if let Ok(assessed) = serde_json::from_str(&row.details) {
        context.requests.insert(row.task.clone(), (row.patient.clone(), assessed));
    }
    let mut out = Output::default();
    let allocation = decided.plan.allocations.iter().find(|it| it.request == row.task);
    if let Some(allocation) = allocation {
        out.parts("allocation", context.allocation(allocation, ("unchanged", None), None));
    }
    super::hold::summary(&mut out, &decided, 0);
    out.answer(request.call.operation.definition)
}
