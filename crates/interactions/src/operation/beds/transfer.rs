//! `Encounter/[id]/$transfer-bed`: the next bed is taken while the patient keeps the current one; on arrival both
//! change in one transaction, so that nobody is ever without a bed.

use fhir_model::{IssueType, Outcome, json::Value};
use storage::{About, Claim, ClaimState, End, Key, Role, Tx};

use super::{
    allocate::broken_by,
    assessment::{Asked, Wishes, assess},
    deed::{Deed, Once, body, load},
    document::{items, object, read, reference, referred, set, string, text, update},
    gate::{MANAGING, admit, manages_stay},
    order::order,
    plan::decide,
    planners, policy, ty,
};
use crate::{
    Answer,
    operation::{Definition, Output, Request},
    read::not_found,
};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Move {
    /// Takes this bed.
    To(String),
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
        None | Some("plan") => Move::To(next_bed(&request, &key).await?),
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

/// The bed that was named, or the one that the policy gives for an order.
async fn next_bed(request: &Request<'_>, stay: &Key) -> Result<String, Outcome> {
    let (fhir, input) = (request.fhir, &request.call.input);
    let named = input.references("bed", fhir.base(), &["Location"])?.into_iter().next();
    let asked = input.references("order", fhir.base(), &["ServiceRequest"])?.into_iter().next();
    let found = fhir.vault.read(&planners()?, stay).await?.ok_or_else(|| not_found(stay))?;
    let encounter = read(found.body.as_deref().unwrap_or_default())?;
    let based_on = items(&encounter, "basedOn").iter().find_map(|it| {
        let mut pieces = text(it, "reference")?.rsplit('/');
        let id = pieces.next()?;
        (pieces.next() == Some("ServiceRequest")).then(|| id.to_owned())
    });
    let order_id = asked.map(|key| key.id).or(based_on);
    let order_key = match (&named, order_id) {
        (_, Some(id)) => Key::new(ty("ServiceRequest")?, id),
        (Some(bed), None) => return Ok(bed.id.clone()),
        (None, None) => {
            let text = "Say which bed, or give the order that says what it must be";
            return Err(Outcome::new(IssueType::Required, text).at("Parameters.parameter"));
        }
    };
    let found = fhir.vault.read(&planners()?, &order_key).await?;
    let found = found.ok_or_else(|| not_found(&order_key))?;
    let order = order(&order_key.id, &read(found.body.as_deref().unwrap_or_default())?);
    if order.patient.as_deref() != referred(&encounter, "subject", "Patient") {
        let text = "The order is for another patient";
        return Err(Outcome::new(IssueType::BusinessRule, text).coded("approval-missing"));
    }
    let now = fhir.vault.clock().now();
    let wishes =
        Wishes { accepts_alternative: true, accepts_higher_level: true, ..Wishes::default() };
    let policy = policy::in_force(fhir, None).await?;
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
            if let Some(own) = own
                && board.beds.get(&key.id).is_none_or(|bed| bed.bed.hospital != own)
            {
                return Err(no_bed());
            }
            let Some(bed) = board.beds.get(&key.id) else { return Err(no_bed()) };
            let (broken, _) = broken_by(&board, &assessed.request, bed, (&policy, now));
            if !broken.is_empty() {
                let text = format!("The bed that was named breaks: {}", broken.join(", "));
                return Err(
                    Outcome::new(IssueType::BusinessRule, text).coded("constraint-violation")
                );
            }
            return Ok(key.id);
        }
        let mut snapshot =
            board.snapshot(&policy, now, (&|_: &super::board::BoardBed| true, &|_: &str| true));
        snapshot.requests.push(assessed.request.clone());
        snapshot
    };
    let decided = decide(fhir, snapshot, &policy).await?;
    let given = decided.plan.allocations.iter().find(|it| it.request == stay.id);
    given.map(|it| it.bed.clone()).ok_or_else(no_bed)
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
        if let Move::To(bed) = &self.step {
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
            (Move::To(bed), None) => {
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
            (Move::To(_), Some(_)) => return Err(storage::illegal("in transfer", "transferred")),
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
        if let Move::To(bed) = &self.step {
            let mut stay = read(head.body.as_deref().unwrap_or_default())?;
            let place =
                object([("location", reference("Location", bed)), ("status", string("planned"))]);
            let mut places = items(&stay, "location").to_vec();
            places.push(place);
            set(&mut stay, "location", Value::Array(places));
            changes.push(update(self.key.clone(), head, &stay)?);
        }
        tx.write(changes).await?;
        let mut out = Output::default();
        out.resource("encounter", body(tx, &self.key).await?);
        out.resource("location", body(tx, &Key::new(ty("Location")?, bed)).await?);
        out.answer(self.definition)
    }
}
