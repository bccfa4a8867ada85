//! `ServiceRequest/$allocate-bed` over the queue, and `ServiceRequest/[id]/$allocate-bed` for one request. A
//! decision is made from the board, then put into effect under the index: who loses a bed to somebody else in
//! between is planned again.

use std::collections::{BTreeMap, BTreeSet};

use auth::{Permit, Role};
use beds::{BedType, Code, Constraint};
use fhir_model::{Instant, IssueType, Outcome, json::Value};
use storage::{Key, Tx, Work};

use super::{
    board::{Board, BoardBed, InScope},
    deed::Once,
    gate::{self, MANAGING, admit},
    hold::{Grant, Hold, Losing, TRAIL, summary},
    plan::{Context, Decided, decide},
    policy::{InForce, in_force},
    recall, step_down,
};
use crate::{
    Answer, Fhir,
    operation::{Output, Request, Target, idempotency::Repeatable},
};

/// How often is planned again.
const ROUNDS_MAX: u32 = 3;
const HOLD_MINUTES_MAX: u32 = 240;

/// What was asked for.
pub(super) struct Wanted {
    pub(super) hold_seconds: Option<u32>,
    pub(super) override_reason: Option<Value>,
    pub(super) limit: Option<usize>,
    pub(super) proposes: bool,
    /// Whether the policy was named, which may be another than the usual one.
    pub(super) names_policy: bool,
    pub(super) policy: InForce,
}

pub(crate) async fn allocate(request: Request<'_>) -> Result<Answer, Outcome> {
    let permit = admit(&request, &[MANAGING, &[Role::Doctor]]).await?;
    if let Some(answer) = given_before(&request, &permit).await? {
        return Ok(answer);
    }
    let wanted = wanted(&request).await?;
    let target = request.call.target.clone();
    match &target {
        Target::Instance(key) => super::single::single(&request, key, (&permit, &wanted)).await,
        Target::Type(_) => batch(&request, (&permit, &wanted)).await,
    }
}

/// What was answered when the same was asked before.
pub(super) async fn given_before(
    request: &Request<'_>,
    permit: &Permit,
) -> Result<Option<Answer>, Outcome> {
    match Repeatable::of(request) {
        Some(repeatable) => request.fhir.vault.commit(permit.clone(), Before(repeatable)).await,
        None => Ok(None),
    }
}

/// A look whether the same was asked before.
struct Before(Repeatable);

impl Work for Before {
    type Answer = Option<Answer>;

    fn locks(&self) -> Vec<storage::Lock> {
        Vec::new()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Answer>, Outcome> {
        self.0.given(tx).await
    }
}

/// What was asked for, by somebody who may ask for that.
pub(super) async fn wanted(request: &Request<'_>) -> Result<Wanted, Outcome> {
    let input = &request.call.input;
    let proposes = match input.text("mode") {
        None | Some("hold") => false,
        Some("propose") => true,
        Some(_) => {
            let text = "The mode is propose or hold";
            return Err(Outcome::new(IssueType::Value, text).at("Parameters.parameter"));
        }
    };
    if gate::role(request.caller) == Some(Role::Doctor) && !proposes {
        return Err(gate::forbidden("A doctor may propose (mode=propose); bed managers hold beds"));
    }
    let minutes: Option<u32> = input.number("holdMinutes");
    if minutes.is_some_and(|minutes| minutes > HOLD_MINUTES_MAX) {
        let text = format!("holdMinutes is {HOLD_MINUTES_MAX} at most");
        return Err(Outcome::new(IssueType::Value, text).at("Parameters.parameter"));
    }
    Ok(Wanted {
        hold_seconds: minutes.map(|minutes| minutes * 60),
        override_reason: input.value("overrideReason").cloned(),
        limit: input.number("limit"),
        proposes,
        names_policy: input.text("policy").is_some(),
        policy: in_force(request.fhir, input.text("policy")).await?,
    })
}

/// Which beds and requests take part.
struct Scope {
    organizations: BTreeSet<String>,
    places: Vec<String>,
}

impl Scope {
    fn of(request: &Request<'_>) -> Result<Self, Outcome> {
        let keys = request.call.input.references(
            "scope",
            request.fhir.base(),
            &["Organization", "Location"],
        )?;
        let (mut organizations, mut places) = (BTreeSet::new(), Vec::new());
        for key in keys {
            if key.resource_type.name() == "Organization" {
                organizations.insert(key.id);
            } else {
                places.push(key.id);
            }
        }
        if let Some(own) = gate::own_hospital(request.caller)? {
            organizations = BTreeSet::from([own.to_owned()]);
            places.clear();
        }
        Ok(Self { organizations, places })
    }

    fn is_all(&self) -> bool {
        self.organizations.is_empty() && self.places.is_empty()
    }

    fn has_bed(&self, board: &Board, bed: &BoardBed) -> bool {
        self.is_all()
            || self.organizations.contains(&bed.bed.hospital)
            || self.places.iter().any(|place| bed.is_in(board, place))
    }
}

async fn batch(
    request: &Request<'_>,
    (permit, wanted): (&Permit, &Wanted),
) -> Result<Answer, Outcome> {
    let fhir = request.fhir;
    let Some(_planner) = fhir.desk.planner.try_lock() else {
        let text = "Another batch is being planned; ask again in a second";
        return Err(Outcome::new(IssueType::Locked, text).coded("planner-busy"));
    };
    if request.call.input.value("bed").is_some() {
        let text = "A named bed is for ServiceRequest/[id]/$allocate-bed";
        return Err(Outcome::new(IssueType::Invalid, text).at("Parameters.parameter"));
    }
    let scope = Scope::of(request)?;
    let (mut round, mut is_recalled) = (0, false);
    loop {
        round += 1;
        let now = fhir.vault.clock().now();
        let snapshot = {
            let mut board = fhir.desk.board.lock().await;
            board.look(fhir).await?;
            let has_bed = |bed: &BoardBed| scope.has_bed(&board, bed);
            board.snapshot(&wanted.policy, now, (&has_bed, &|_: &str| true))
        };
        let decided = decide(fhir, snapshot, &wanted.policy).await?;
        let in_scope = |board: &Board, bed: &BoardBed| scope.has_bed(board, bed);
        if !wanted.proposes && !is_recalled {
            is_recalled = true;
            let left_out = recall::left_out(&decided);
            if recall::recall(fhir, &wanted.policy, (&left_out, &in_scope)).await? {
                continue;
            }
        }
        let limit = wanted.limit.unwrap_or(usize::MAX);
        let hold = {
            let board = fhir.desk.board.lock().await;
            let chosen = |place: usize| place < limit;
            prepare(request, &board, decided, (wanted, &chosen))
        };
        let losing = if round < ROUNDS_MAX { Losing::Refuses } else { Losing::IsLeftOut };
        let reviews = unserved(fhir, &hold, (wanted, &in_scope)).await?;
        let hold = Hold { losing, reviews, ..hold };
        match carry_out(request, permit, (hold, wanted)).await {
            Err(outcome) if round < ROUNDS_MAX && (is_lost(&outcome) || has_bed(&outcome)) => {}
            answer => return answer,
        }
    }
}

/// Reviews for those who need a bed at once and get none.
pub(super) async fn unserved(
    fhir: &Fhir,
    hold: &Hold,
    (wanted, has_bed): (&Wanted, &InScope<'_>),
) -> Result<BTreeMap<String, step_down::Review>, Outcome> {
    if wanted.proposes {
        return Ok(BTreeMap::new());
    }
    let left_out = recall::left_out(&hold.decided);
    step_down::reviews(fhir, &wanted.policy, (&left_out, has_bed)).await
}

/// Whether somebody else was quicker: then it is planned again.
pub(super) fn is_lost(outcome: &Outcome) -> bool {
    outcome.status() == 409
        && outcome.issues().first().is_some_and(|issue| {
            ["bed-taken", "illegal-transition"].contains(&issue.details.unwrap_or_default())
        })
}

/// Whether somebody of the batch got a bed by another stay in between.
fn has_bed(outcome: &Outcome) -> bool {
    outcome.issues().first().is_some_and(|issue| issue.details == Some("already-admitted"))
}

/// Holds, or says what would be held.
pub(super) async fn carry_out(
    request: &Request<'_>,
    permit: &Permit,
    (hold, wanted): (Hold, &Wanted),
) -> Result<Answer, Outcome> {
    if wanted.proposes {
        return propose(&hold);
    }
    request.fhir.vault.commit(permit.clone(), Once::of(request, hold)).await
}

fn propose(hold: &Hold) -> Result<Answer, Outcome> {
    let plan = &hold.decided.plan;
    let mut out = Output::default();
    for grant in &hold.grants {
        let Some(allocation) = plan.allocations.get(grant.allocation) else { continue };
        let alternatives = hold.decided.alternatives.get(&allocation.request).map(Vec::as_slice);
        out.parts(
            "allocation",
            hold.context.allocation(allocation, ("proposed", None), alternatives),
        );
    }
    let is_asked = |task: &str| hold.only.as_deref().is_none_or(|only| only == task);
    for refusal in plan.unallocated.iter().filter(|it| is_asked(&it.request)) {
        out.parts("unallocated", hold.context.unallocated(refusal));
    }
    summary(&mut out, &hold.decided, hold.grants.len());
    out.answer(hold.definition)
}

/// A decision made ready to be put into effect, for the allocations at the chosen places.
pub(super) fn prepare(
    request: &Request<'_>,
    board: &Board,
    decided: Decided,
    (wanted, chosen): (&Wanted, &dyn Fn(usize) -> bool),
) -> Hold {
    let fhir = request.fhir;
    let context = Context::of(board, &decided.plan);
    let allocations = decided.plan.allocations.iter().enumerate();
    let grants: Vec<Grant> = allocations
        .filter(|(place, _)| chosen(*place))
        .filter_map(|(place, allocation)| {
            let waiting = board.queue.get(&allocation.request)?;
            let site = board.sites.get(&allocation.hospital);
            let bed = board.beds.get(&allocation.bed)?;
            Some(Grant {
                allocation: place,
                task: allocation.request.clone(),
                order: waiting.order.clone(),
                patient: waiting.patient.clone(),
                bed: allocation.bed.clone(),
                encounter: fhir.vault.new_id(),
                organization: site.and_then(|site| site.organization.clone()),
                hold_seconds: hold_seconds(fhir, wanted, bed.bed.kind.bed_type),
                sentence: context.sentence(allocation),
                risk: waiting.assessed.risk.clone(),
            })
        })
        .collect();
    let fresh_ids = (0..grants.len().div_ceil(TRAIL)).map(|_| fhir.vault.new_id()).collect();
    Hold {
        definition: request.call.operation.definition,
        grants,
        decided,
        context,
        decision_id: fhir.vault.new_id(),
        override_reason: wanted.override_reason.clone(),
        losing: Losing::Refuses,
        only: None,
        fresh_ids,
        reviews: BTreeMap::new(),
    }
}

fn hold_seconds(fhir: &Fhir, wanted: &Wanted, kind: BedType) -> u32 {
    let usual = match kind {
        BedType::Icu | BedType::Nicu | BedType::Picu => super::HOLD_SECONDS_ICU,
        BedType::General
        | BedType::Hdu
        | BedType::Maternity
        | BedType::Psychiatric
        | BedType::Burns
        | BedType::Isolation
        | BedType::DayCase => super::HOLD_SECONDS,
    };
    wanted.hold_seconds.or(fhir.desk.hold_seconds).unwrap_or(usual)
}

/// The hard constraints that a named bed breaks, without that of being taken.
pub(super) fn broken_by(
    board: &Board,
    request: &beds::Request,
    bed: &BoardBed,
    (policy, now): (&InForce, Instant),
) -> (Vec<&'static str>, bool) {
    let site = board.sites.get(&bed.bed.hospital).and_then(|it| it.hospital.position);
    let metres = request.position.zip(site).map(|(from, to)| from.metres_to(to));
    let broken = beds::broken(request, &bed.as_of(now), metres, &policy.policy);
    let hard = broken.iter().filter(|it| *it != Constraint::Taken).map(Code::code).collect();
    (hard, broken.contains(Constraint::Taken))
}

/// The bed that a human named.
pub(super) fn named_bed(request: &Request<'_>) -> Result<Option<Key>, Outcome> {
    let keys = request.call.input.references("bed", request.fhir.base(), &["Location"])?;
    Ok(keys.into_iter().next())
}
