//! A bed at once for somebody who gets none: a hold of somebody who can wait is taken back. They are told, and stand at
//! the head of their tier; the plan that follows gives the bed to who is most urgent.

use std::collections::BTreeMap;

use auth::{Action, Caller, authorize};
use beds::{Constraint, Reason, Recall, Request, Snapshot, Tier};
use fhir_model::{Instant, IssueType, Outcome};
use storage::{Claim, ClaimState, End, RequestRow};

use super::{
    assessment::{self, Assessed},
    board::{Board, BoardBed, InScope},
    ending::{EndHold, Told},
    plan::Decided,
    planners,
    policy::InForce,
};
use crate::Fhir;

/// How often somebody else is looked for, when a holder turns out to be too ill to wait.
const ROUNDS_MAX: u32 = 4;

const GIVES_WAY: &str = "The bed that was held for you is needed for somebody who cannot wait. You are at the head \
                         of the queue of your urgency, and your waiting counts.";
const COMES: &str = "A bed that was held for somebody who can wait is being given to you.";

/// Those who need a bed at once and get none by a decision.
pub(super) fn left_out(decided: &Decided) -> Vec<String> {
    let refusals = decided.plan.unallocated.iter();
    let without = refusals.filter(|it| {
        let would_take_any = matches!(it.reason, Reason::NoFeasibleBed | Reason::Outranked);
        it.tier == Tier::Immediate && would_take_any
    });
    without.map(|it| it.request.clone()).collect()
}

/// Takes back holds on beds of a scope for these requests; whether any was.
///
/// # Errors
/// `exception` for a board that contradicts itself; the database's own trouble.
pub(super) async fn recall(
    fhir: &Fhir,
    policy: &InForce,
    (tasks, has_bed): (&[String], &InScope<'_>),
) -> Result<bool, Outcome> {
    if tasks.is_empty() {
        return Ok(false);
    }
    let now = fhir.vault.clock().now();
    let (snapshot, claims) = {
        let mut board = fhir.desk.board.lock().await;
        board.look(fhir).await?;
        held(&board, policy, (tasks, has_bed, now))
    };
    let holders: Vec<&str> = claims.values().filter_map(|claim| claim.task.as_deref()).collect();
    let rows = fhir.vault.bed_requests(&planners()?, &holders).await?;
    let rows: BTreeMap<&str, &RequestRow> = rows.iter().map(|it| (it.task.as_str(), it)).collect();
    let mut held_for: BTreeMap<String, Tier> = BTreeMap::new();
    for (bed, claim) in &claims {
        let row = claim.task.as_deref().and_then(|task| rows.get(task));
        held_for.extend(row.and_then(|it| tier_of(it)).map(|tier| (bed.clone(), tier)));
    }
    let mut chosen = Vec::new();
    for _ in 0..ROUNDS_MAX {
        chosen = choose(snapshot.clone(), held_for.clone()).await?;
        let mut is_sure = true;
        for Recall { bed, .. } in &chosen {
            let task = claims.get(bed).and_then(|claim| claim.task.as_deref());
            let Some(row) = task.and_then(|task| rows.get(task)) else { continue };
            let tier = tier_now(fhir, row).await?;
            is_sure &= held_for.insert(bed.clone(), tier) == Some(tier);
        }
        if is_sure {
            break;
        }
    }
    let permit = authorize(&Caller::Operator, Action::Update, None)?;
    let mut is_any = false;
    for Recall { bed, request } in chosen {
        let Some(claim) = claims.get(&bed).cloned() else { continue };
        let patient = {
            let board = fhir.desk.board.lock().await;
            board.queue.get(&request).map(|it| it.patient.clone())
        };
        let gives_way = Told::holder(&claim, fhir.vault.new_id(), GIVES_WAY);
        let comes = patient.map(|patient| {
            let id = fhir.vault.new_id();
            Told { id, task: request, patient, words: COMES }
        });
        let told = gives_way.into_iter().chain(comes).collect();
        let work = EndHold { claim, why: End::Recalled, told };
        is_any |= fhir.vault.commit(permit.clone(), work).await?;
    }
    Ok(is_any)
}

/// The requests and the beds that are held and would do for one of them, with their claims.
fn held(
    board: &Board,
    policy: &InForce,
    (tasks, has_bed, now): (&[String], &InScope<'_>, Instant),
) -> (Snapshot, BTreeMap<String, Claim>) {
    let waiting = tasks.iter().filter_map(|task| board.queue.get(task));
    let asked: Vec<Request> = waiting.map(|it| it.assessed.at(now, &it.state)).collect();
    let would_do = |bed: &BoardBed| {
        let site = board.sites.get(&bed.bed.hospital).and_then(|it| it.hospital.position);
        asked.iter().any(|request| {
            let metres = request.position.zip(site).map(|(from, to)| from.metres_to(to));
            let broken = beds::broken(request, &bed.bed, metres, &policy.policy);
            broken.iter().all(|it| it == Constraint::Taken)
        })
    };
    let of = |bed: &BoardBed| {
        let claim = bed.claim.as_ref().filter(|it| it.state == ClaimState::Held);
        claim.filter(|it| it.task.is_some() && !it.is_expired(now)).cloned()
    };
    let mut claims = BTreeMap::new();
    for (id, bed) in &board.beds {
        if let Some(claim) = of(bed).filter(|_| has_bed(board, bed) && would_do(bed)) {
            claims.insert(id.clone(), claim);
        }
    }
    let is_held = |bed: &BoardBed| claims.contains_key(&bed.bed.id);
    let is_asked = |task: &str| asked.iter().any(|it| it.id == task);
    (board.snapshot(policy, now, (&is_held, &is_asked)), claims)
}

async fn choose(
    snapshot: Snapshot,
    held_for: BTreeMap<String, Tier>,
) -> Result<Vec<Recall>, Outcome> {
    storage::aside(move || {
        beds::recalls(&snapshot, &held_for)
            .map_err(|fault| Outcome::new(IssueType::Exception, fault.to_string()))
    })
    .await
}

fn tier_of(row: &RequestRow) -> Option<Tier> {
    serde_json::from_str::<Assessed>(&row.details).ok().map(|it| it.request.tier)
}

/// How urgent somebody is by now: vital signs may have been taken since the request was made.
async fn tier_now(fhir: &Fhir, row: &RequestRow) -> Result<Tier, Outcome> {
    let kept = serde_json::from_str::<Assessed>(&row.details);
    let kept = kept.map_err(|error| Outcome::new(IssueType::Exception, error.to_string()))?;
    Ok(assessment::again(fhir, &kept, &row.order).await?.request.tier)
}
