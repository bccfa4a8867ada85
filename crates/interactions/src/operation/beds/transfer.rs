//! `Encounter/[id]/$transfer-bed`: the next bed is taken while the patient keeps the current one; on arrival both
//! change in one transaction, so that nobody is ever without a bed.

use fhir_model::{Instant, IssueType, Outcome, json::Value};
use storage::{About, Claim, ClaimState, End, Key, Role, Tx};

use super::{
    allocate::broken_by,
    assessment::{Asked, Wishes, assess},
    board::{Board, BoardBed},
    deed::{Deed, Once, body, load},
    document::{self, items, object, read, reference, referred, set, string, text, update},
    gate::{MANAGING, admit, is_shown, manages_stay},
    order::order,
    order_due::{approving, ordered},
    plan::decide,
    planners,
    policy::{InForce, in_force},
    ty,
};
use crate::{
    Answer,
    operation::{Definition, Output, Request},
    read::not_found,
};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Move {
    /// Takes this bed; an emergency without an order is based on this one from now on.
    To(String, Option<String>),
    /// The patient lies in it now.
    Arrived,
    /// The patient stays.
    Cancelled,
}

pub(crate) async fn transfer(request: Request<'_>) -> Result<Answer, Outcome> {
    let key = request.call.key()?.clone();
    let permit = admit(&request, &[MANAGING]).await?;
    manages_stay(&request).await?;
    let step = match request.call.input.text("decision") {
        None | Some("plan") => {
            let (bed, order) = next_bed(&request, &key).await?;
            Move::To(bed, order)
        }
        Some("arrived") => Move::Arrived,
        Some("cancel") => Move::Cancelled,
        Some(_) => {
            let text = "The decision is plan, arrived or cancel";
            return Err(Outcome::new(IssueType::Value, text).at("Parameters.parameter"));
        }
    };
    let deed = Transfer {
        definition: request.call.operation.definition,
        key,
        step,
        if_match: request.call.conditions.if_match,
    };
    request.fhir.vault.commit(permit, Once::of(&request, deed)).await
}

/// The bed that was named, or the one that the policy gives for an order; and the order, where an emergency had none.
async fn next_bed(request: &Request<'_>, stay: &Key) -> Result<(String, Option<String>), Outcome> {
    let (fhir, input) = (request.fhir, &request.call.input);
    let named = input.references("bed", fhir.base(), &["Location"])?.into_iter().next();
    let asked = input.references("order", fhir.base(), &["ServiceRequest"])?.into_iter().next();
    let found = fhir.vault.read(&planners()?, stay).await?.ok_or_else(|| not_found(stay))?;
    let encounter = read(found.body.as_deref().unwrap_or_default())?;
    let is_emergency = encounter.get("class").and_then(|it| text(it, "code")) == Some("EMER");
    let based_on = if is_emergency {
        ordered(fhir, &encounter, &["active", "completed"]).await?
    } else {
        let mut orders = items(&encounter, "basedOn").iter();
        orders.find_map(|it| document::named(it, "ServiceRequest", fhir.base())).map(str::to_owned)
    };
    let needs_order = is_emergency && based_on.is_none();
    let order_id = asked.map(|key| key.id).or(based_on);
    let order_key = match (&named, order_id) {
        (_, Some(id)) => Key::new(ty("ServiceRequest")?, id),
        (Some(bed), None) => return Ok((bed.id.clone(), None)),
        (None, None) => {
            let text = "Say which bed, or give the order that says what it must be";
            return Err(Outcome::new(IssueType::Required, text).at("Parameters.parameter"));
        }
    };
    let found = fhir.vault.read(&planners()?, &order_key).await?;
    let found = found.filter(|it| it.body.is_some()).ok_or_else(|| not_found(&order_key))?;
    let body = read(found.body.as_deref().unwrap_or_default())?;
    let order = order(&order_key.id, &body, fhir.base());
    if order.patient.as_deref() != referred(&encounter, "subject", "Patient", fhir.base()) {
        if !is_shown(request, &order_key).await? {
            return Err(not_found(&order_key));
        }
        let text = "The order is for another patient";
        return Err(Outcome::new(IssueType::BusinessRule, text).coded("approval-missing"));
    }
    if needs_order {
        let of = (stay.id.as_str(), order.patient.as_deref().unwrap_or_default());
        approving(fhir, &body, of).await??;
    }
    let based_on = needs_order.then(|| order_key.id.clone());
    let now = fhir.vault.clock().now();
    let wishes =
        Wishes { accepts_alternative: true, accepts_higher_level: true, ..Wishes::default() };
    let policy = in_force(fhir, None).await?;
    let asked = Asked {
        task: &stay.id,
        authored_millis: now.millis(),
        order: &order,
        wishes,
        policy: &policy.policy,
    };
    let assessed = assess(fhir, asked).await?;
    let own = super::gate::own_hospital(request.caller)?;
    let snapshot = {
        let mut board = fhir.desk.board.lock().await;
        board.look(fhir).await?;
        if let Some(key) = named {
            may_be_taken(&board, &assessed.request, (&key, own), (&policy, now))?;
            return Ok((key.id, based_on));
        }
        let mut snapshot = board.snapshot(&policy, now, (&|_: &BoardBed| true, &|_: &str| true));
        snapshot.requests.push(assessed.request.clone());
        snapshot
    };
    let decided = decide(fhir, snapshot, &policy).await?;
    let given = decided.plan.allocations.iter().find(|it| it.request == stay.id);
    given.map(|it| (it.bed.clone(), based_on)).ok_or_else(no_bed)
}

/// Whether a bed that was named is one's own and what is needed.
fn may_be_taken(
    board: &Board,
    request: &beds::Request,
    (key, own): (&Key, Option<&str>),
    in_force: (&InForce, Instant),
) -> Result<(), Outcome> {
    let bed = board.beds.get(&key.id).ok_or_else(no_bed)?;
    if own.is_some_and(|own| bed.bed.hospital != own) {
        return Err(no_bed());
    }
    let (broken, _) = broken_by(board, request, bed, in_force);
    if broken.is_empty() {
        return Ok(());
    }
    let text = format!("The bed that was named breaks: {}", broken.join(", "));
    Err(Outcome::new(IssueType::BusinessRule, text).coded("constraint-violation"))
}

fn no_bed() -> Outcome {
    let text = "No free bed is what the order asks for";
    Outcome::new(IssueType::Conflict, text).coded("no-feasible-bed")
}

struct Transfer {
    definition: &'static Definition,
    key: Key,
    step: Move,
    if_match: Option<u64>,
}

impl Deed for Transfer {
    async fn act(&self, tx: &mut Tx<'_>) -> Result<Answer, Outcome> {
        let head = load(tx, &self.key, self.if_match).await?;
        let mut about = About { encounters: vec![self.key.id.clone()], ..About::default() };
        if let Move::To(bed, _) = &self.step {
            about.beds.push(bed.clone());
        }
        let mut ledger = tx.bed_ledger(&about).await?;
        let claims = ledger.of_encounter(&self.key.id);
        let of = |role: Role| claims.iter().find(|claim| claim.role == role).cloned();
        let Some(current) = of(Role::Current).filter(|it| it.state == ClaimState::Occupied) else {
            return Err(storage::illegal("without a bed", "transferred"));
        };
        let next = of(Role::Next);
        let bed = match (&self.step, next) {
            (Move::To(bed, _), None) => {
                if !tx.is_bed(bed).await? {
                    return Err(no_bed());
                }
                ledger.start(Claim {
                    encounter: Some(self.key.id.clone()),
                    patient: current.patient.clone(),
                    role: Role::Next,
                    ..Claim::new(bed, ClaimState::Planned, tx.now())
                })?;
                bed.clone()
            }
            (Move::To(..), Some(_)) => return Err(storage::illegal("in transfer", "transferred")),
            (Move::Arrived | Move::Cancelled, None) => {
                return Err(storage::illegal("not in transfer", "moved"));
            }
            (Move::Cancelled, Some(next)) => {
                ledger.end(&next, End::Withdrawn);
                next.bed.clone()
            }
            (Move::Arrived, Some(next)) => {
                ledger.end(&current, End::Left);
                let moved =
                    Claim { role: Role::Current, task: current.task.clone(), ..next.clone() };
                ledger.advance(&moved, ClaimState::Occupied)?;
                next.bed.clone()
            }
        };
        tx.keep_beds(ledger).await?;
        let mut changes = Vec::new();
        if let Move::To(bed, order) = &self.step {
            let mut stay = read(head.body.as_deref().unwrap_or_default())?;
            let place =
                object([("location", reference("Location", bed)), ("status", string("planned"))]);
            let mut places = items(&stay, "location").to_vec();
            places.push(place);
            set(&mut stay, "location", Value::Array(places));
            if let Some(order) = order {
                let mut orders = items(&stay, "basedOn").to_vec();
                orders.push(reference("ServiceRequest", order));
                set(&mut stay, "basedOn", Value::Array(orders));
            }
            changes.push(update(self.key.clone(), head, &stay)?);
        }
        tx.write(changes).await?;
        let mut out = Output::default();
        out.resource("encounter", body(tx, &self.key).await?);
        out.resource("location", body(tx, &Key::new(ty("Location")?, bed)).await?);
        out.answer(self.definition)
    }
}
