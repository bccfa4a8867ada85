//! Holds end by the clock: the request is in the queue again and keeps its place, and the bed is offered to who is
//! next. Both are told.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use auth::{Action, Caller, authorize};
use fhir_model::{Instant, Outcome};
use storage::{Claim, End, Key, Tx, Work};

use super::{
    board::BoardBed,
    document::create,
    ending::{EndHold, Told},
    hold::{Grant, Hold, message},
    plan::decide,
    policy::in_force,
    ty,
};
use crate::{
    Conditions, Fhir, Query,
    operation::{Call, Input, Request, Target, beds::allocate, find},
};
use fhir_model::definitions::OperationLevel;

const IS_OVER: &str =
    "The time to accept the bed is over. You are in the queue again and keep your place.";

const IS_FREE_AGAIN: &str = "The time to come is over, and the bed that was kept for you in the emergency department is \
                             free again.";

/// Ends what is over, and offers what came free.
pub(crate) async fn sweep(fhir: &Fhir) -> Result<(), Outcome> {
    let permit = authorize(&Caller::Operator, Action::Update, None)?;
    let now = fhir.vault.clock().now();
    let over = fhir.vault.expired_holds(&permit, now).await?;
    if over.is_empty() {
        return Ok(());
    }
    let mut ended = Vec::new();
    let tasks: Vec<&str> = over.iter().filter_map(|claim| claim.task.as_deref()).collect();
    let rows = fhir.vault.bed_requests(&permit, &tasks).await?;
    let without_order = rows.iter().filter(|row| row.order.is_empty()).map(|row| row.task.as_str());
    let emergencies: BTreeSet<&str> = without_order.collect();
    let mut done = Ok(());
    for claim in &over {
        let is_emergency = claim.task.as_deref().is_some_and(|it| emergencies.contains(it));
        let words = if is_emergency { IS_FREE_AGAIN } else { IS_OVER };
        let told = Told::holder(claim, fhir.vault.new_id(), words).into_iter().collect();
        let work = EndHold { claim: claim.clone(), why: End::Expired, told };
        match fhir.vault.commit(permit.clone(), work).await {
            Ok(true) => ended.push(claim.clone()),
            Ok(false) => {}
            Err(outcome) => {
                tracing::warn!(%outcome, bed = claim.bed, "ending a hold");
                done = done.and(Err(outcome));
            }
        }
    }
    done.and(offer(fhir, &ended).await)
}

/// How long a decision can be made again when nobody says.
const DECISION_DAYS: u32 = 365;
const FORGETS_EVERY_MILLIS: i64 = 3_600_000;
/// Transactions at once.
const FORGETS_MAX: usize = 20;

/// Takes out what decisions of long ago rested on, once an hour.
pub(crate) async fn forget(fhir: &Fhir) -> Result<(), Outcome> {
    let now = fhir.vault.clock().now().millis();
    let last = fhir.desk.forgotten.load(Ordering::Relaxed);
    if now - last < FORGETS_EVERY_MILLIS {
        return Ok(());
    }
    fhir.desk.forgotten.store(now, Ordering::Relaxed);
    let days = i64::from(fhir.desk.decision_days.unwrap_or(DECISION_DAYS));
    let before = Instant::from_millis(now - days * 86_400_000);
    let permit = authorize(&Caller::Operator, Action::Update, None)?;
    for _ in 0..FORGETS_MAX {
        if !fhir.vault.commit_aside(permit.clone(), Forget(before)).await? {
            break;
        }
    }
    Ok(())
}

/// Takes out some.
struct Forget(Instant);

impl Work for Forget {
    type Answer = bool;

    fn locks(&self) -> Vec<storage::Lock> {
        Vec::new()
    }

    fn changes_resources(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Outcome> {
        tx.forget_bed_decisions(self.0).await
    }
}

/// Makes the plan ready for who asks next, if anybody waits.
pub(crate) async fn make_ready(fhir: &Fhir) -> Result<(), Outcome> {
    let policy = in_force(fhir, None).await?;
    let mut board = fhir.desk.board.lock().await;
    board.look(fhir).await?;
    board.make_ready(fhir, &policy).await
}

/// Offers beds that came free to who is next, but not to those who let them go by.
async fn offer(fhir: &Fhir, ended: &[Claim]) -> Result<(), Outcome> {
    let permit = authorize(&Caller::Operator, Action::Update, None)?;
    let policy = in_force(fhir, None).await?;
    let now = fhir.vault.clock().now();
    let beds: BTreeSet<&str> = ended.iter().map(|claim| claim.bed.as_str()).collect();
    let tasks: BTreeSet<&str> = ended.iter().filter_map(|claim| claim.task.as_deref()).collect();
    let snapshot = {
        let mut board = fhir.desk.board.lock().await;
        board.look(fhir).await?;
        let is_free = |bed: &BoardBed| beds.contains(bed.bed.id.as_str());
        let others = |task: &str| !tasks.contains(task);
        board.snapshot(&policy, now, (&is_free, &others))
    };
    let ids = snapshot.requests.len();
    if ids == 0 {
        return Ok(());
    }
    let Some(operation) = find("allocate-bed", Some(ty("ServiceRequest")?), OperationLevel::Type)
    else {
        return Ok(());
    };
    let decided = decide(fhir, snapshot, &policy).await?;
    let call = Call {
        operation,
        target: Target::Type(ty("ServiceRequest")?),
        input: Input::default(),
        query: Query::default(),
        conditions: Conditions::default(),
    };
    let request = Request { fhir, caller: &Caller::Operator, call };
    let wanted = allocate::Wanted {
        hold_seconds: None,
        override_reason: None,
        limit: None,
        proposes: false,
        names_policy: false,
        policy,
    };
    let hold = {
        let board = fhir.desk.board.lock().await;
        allocate::prepare(&request, &board, decided, (&wanted, &|_: usize| true))
    };
    if hold.grants.is_empty() {
        return Ok(());
    }
    let losing = super::hold::Losing::IsLeftOut;
    let messages = hold.grants.iter().map(|_| fhir.vault.new_id()).collect();
    let work = Offer { hold: Hold { losing, ..hold }, messages };
    fhir.vault.commit(permit, work).await
}

/// Holds what came free for who is next, and tells them.
struct Offer {
    hold: Hold,
    messages: Vec<String>,
}

impl Work for Offer {
    type Answer = ();

    fn locks(&self) -> Vec<storage::Lock> {
        Vec::new()
    }

    fn may_refuse_late(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        use super::deed::Deed as _;
        self.hold.act(tx).await?;
        let now: Instant = tx.now();
        let told = self.hold.grants.iter().zip(&self.messages);
        let told = told.map(|(grant, id): (&Grant, &String)| {
            let body = message(&grant.task, &grant.patient, &grant.sentence, now);
            create(Key::new(ty("Communication")?, id.as_str()), &body)
        });
        let changes = told.collect::<Result<Vec<_>, Outcome>>()?;
        tx.write(changes).await.map(drop)
    }
}
