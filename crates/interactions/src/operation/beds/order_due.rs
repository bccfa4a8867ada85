//! Orders that are due for emergencies that have a bed already. When the order comes the stay is based on it and the
//! Task that asked is completed. When it does not come in time, the hospital is told; a bed in which nobody lies yet is
//! free again, and who lies in one stays there.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use auth::{Action, Caller, Permit, authorize};
use bytes::Bytes;
use fhir_model::{Instant, IssueType, Outcome, json::Value};
use storage::{About, Change, ClaimState, End, Head, Key, ORDERS_MAX, OrderDue, Tx, Work};

use super::{
    approval::{INTENTS, approve},
    document::{
        coded, concept, create, items, list, local, named, object, read, reference, referred, set,
        string, text, update,
    },
    hold::message,
    order::{Order, order},
    planners,
    request::{evidence, find},
    ty,
};
use crate::{Fhir, Query};

/// Stays that an order was used for, if they are not the emergency itself.
const USED_BY: &str = "planned,arrived,triaged,in-progress,onleave,finished";

const LATE: &str = "A patient lies in a bed of the emergency department, and the doctor's order for it is late. \
                    Please give the order; the patient stays in the bed.";
const LET_GO: &str = "The bed that was kept for you in the emergency department is free again: no doctor ordered it \
                      in time, and you did not come.";

/// Looks whether orders came, and which are late.
///
/// # Errors
/// The database's own trouble.
pub(crate) async fn mind(fhir: &Fhir) -> Result<(), Outcome> {
    let permit = authorize(&Caller::Operator, Action::Update, None)?;
    let commit = fhir.vault.last_commit();
    let is_news = commit.is_none_or(|it| fhir.desk.minded.swap(it, Ordering::Relaxed) != it);
    let (now, mut done) = (fhir.vault.clock().now(), Ok(()));
    let mut some = fhir.vault.orders_late(&permit, (now, None)).await?;
    while let Some(last) = some.last().cloned() {
        done = done.and(look_at(fhir, &permit, some).await);
        some = fhir.vault.orders_late(&permit, (now, Some(&last))).await?;
    }
    if is_news {
        some = fhir.vault.orders_due(&permit, (false, None)).await?;
    }
    while let Some(last) = some.last().cloned() {
        done = done.and(look_at(fhir, &permit, some).await);
        some = fhir.vault.orders_due(&permit, (false, Some(&last))).await?;
    }
    // of those that are late already, one page each time, so that they are in nobody's way
    let from = {
        let mut round = fhir.desk.overdue();
        round.is_news |= is_news;
        if !round.goes_on() {
            return done;
        }
        round.from.clone()
    };
    let some = fhir.vault.orders_due(&permit, (true, from.as_ref())).await?;
    fhir.desk.overdue().from = some.last().cloned();
    done.and(look_at(fhir, &permit, some).await)
}

/// Looks at each of these, whatever becomes of the others; the first refusal.
async fn look_at(fhir: &Fhir, permit: &Permit, some: Vec<OrderDue>) -> Result<(), Outcome> {
    let mut done = Ok(());
    for due in some {
        let task = due.task.clone();
        let looked = look(fhir, permit, due).await;
        if let Err(outcome) = &looked {
            tracing::warn!(%outcome, task, "looking at an order that is due");
        }
        done = done.and(looked);
    }
    done
}

/// How far the round through the orders that are overdue is.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The last one that was looked at; none when a round is over.
    from: Option<OrderDue>,
    /// Whether something was written since the round began.
    is_news: bool,
}

impl Round {
    /// Whether a round is on, or begins now.
    fn goes_on(&mut self) -> bool {
        self.from.is_some() || std::mem::take(&mut self.is_news)
    }
}

/// Looks whether one order came, or is late.
async fn look(fhir: &Fhir, permit: &Permit, due: OrderDue) -> Result<(), Outcome> {
    if let Some((order, requester)) = given(fhir, &due).await? {
        return fhir.vault.commit(permit.clone(), Link { due, order, requester }).await;
    }
    if due.is_overdue || due.due >= fhir.vault.clock().now() {
        return Ok(());
    }
    let recipients = recipients(fhir, &due).await?;
    let message_id = fhir.vault.new_id();
    fhir.vault.commit(permit.clone(), Escalate { due, recipients, message_id }).await
}

async fn body_of(fhir: &Fhir, of: &str, id: &str) -> Result<Option<Value>, Outcome> {
    let found = fhir.vault.read(&planners()?, &Key::new(ty(of)?, id)).await?;
    found.as_ref().and_then(|it| it.body.as_deref()).map(read).transpose()
}

/// What a stay is based on in this vault, in its order; of very much the last of it, all read at once.
async fn based_on(fhir: &Fhir, stay: &Value) -> Result<Vec<Value>, Outcome> {
    let ids =
        items(stay, "basedOn").iter().filter_map(|it| named(it, "ServiceRequest", fhir.base()));
    let ids: Vec<&str> = ids.collect();
    let ids = ids.get(ids.len().saturating_sub(ORDERS_MAX)..).unwrap_or_default();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found = fhir.vault.read_many(&planners()?, ty("ServiceRequest")?, ids).await?;
    let found = found.into_iter().filter_map(|it| Some((it.id, it.body?)));
    let found: BTreeMap<String, Bytes> = found.collect();
    ids.iter().filter_map(|id| found.get(*id)).map(|body| read(body)).collect()
}

/// The order for an admission that a stay is based on, if it has one of these statuses. Whatever else it is based on gives
/// nobody a bed.
pub(super) async fn ordered(
    fhir: &Fhir,
    stay: &Value,
    statuses: &[&str],
) -> Result<Option<String>, Outcome> {
    for body in based_on(fhir, stay).await? {
        let order = order(text(&body, "id").unwrap_or_default(), &body, fhir.base());
        if order.is_admission && statuses.contains(&order.status.as_str()) {
            return Ok(Some(order.id));
        }
    }
    Ok(None)
}

/// An order that approves the bed: its id and the role of who signed it.
async fn given(fhir: &Fhir, due: &OrderDue) -> Result<Option<(String, Option<String>)>, Outcome> {
    let stay = body_of(fhir, "Encounter", &due.encounter).await?.unwrap_or(Value::Null);
    let mut orders = based_on(fhir, &stay).await?;
    // of the others nothing has to be looked up to say that they approve nothing
    orders.retain(|body| {
        let order = order(text(body, "id").unwrap_or_default(), body, fhir.base());
        order.is_admission && order.status == "active"
    });
    if !due.patient.is_empty() {
        let mut query = Query::default();
        query.push("subject", format!("Patient/{}", due.patient));
        query.push("status", "active");
        // what a patient proposes is no order, and in no order's way
        query.push("intent", INTENTS.join(","));
        query.push("category", "admission,32485007");
        orders.extend(find(fhir, "ServiceRequest", query).await?);
    }
    for body in orders {
        let of = (due.encounter.as_str(), due.patient.as_str());
        if let Ok(order) = approving(fhir, &body, of).await? {
            return Ok(Some((order.id, order.requester)));
        }
    }
    Ok(None)
}

/// The order, if it approves a bed for an emergency of a patient now; else why not.
pub(super) async fn approving(
    fhir: &Fhir,
    body: &Value,
    (encounter, patient): (&str, &str),
) -> Result<Result<Order, Outcome>, Outcome> {
    let order = order(text(body, "id").unwrap_or_default(), body, fhir.base());
    let is_of_another = body.get("encounter").is_some_and(|it| {
        text(it, "reference").is_some() && named(it, "Encounter", fhir.base()) != Some(encounter)
    });
    if is_of_another || order.patient.as_deref() != Some(patient) {
        let text = "The order is for another patient, or another stay";
        return Ok(Err(Outcome::new(IssueType::BusinessRule, text).coded("approval-missing")));
    }
    let evidence = evidence(fhir, &order, (USED_BY, Some(encounter))).await?;
    let approved = approve(&order, &evidence, fhir.vault.clock().now());
    Ok(approved.map(|()| order))
}

/// Who may own a Task and be told something.
const OWNERS: &[&str] = &[
    "CareTeam",
    "Device",
    "HealthcareService",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
];

/// Who is told that an order is late: who is to give it, and the hospital. Those of other servers, and who is only
/// contained in what names them, are not told.
async fn recipients(fhir: &Fhir, due: &OrderDue) -> Result<Vec<Value>, Outcome> {
    let told = |of: &Value, name: &str, types: &[&str]| {
        let (ty, id) = local(of.get(name)?, types, fhir.base())?;
        Some(reference(ty, id))
    };
    let task = body_of(fhir, "Task", &due.task).await?.unwrap_or(Value::Null);
    let mut recipients: Vec<Value> = told(&task, "owner", OWNERS).into_iter().collect();
    let stay = body_of(fhir, "Encounter", &due.encounter).await?.unwrap_or(Value::Null);
    let hospital = if let Some(hospital) = told(&stay, "serviceProvider", &["Organization"]) {
        Some(hospital)
    } else {
        let board = fhir.desk.board.lock().await;
        let mut beds = items(&stay, "location").iter().filter_map(|it| {
            let bed = board.beds.get(referred(it, "location", "Location", fhir.base())?)?;
            board.sites.get(&bed.bed.hospital)?.organization.clone()
        });
        beds.next_back().map(|id| reference("Organization", &id))
    };
    recipients.extend(hospital.filter(|it| !recipients.contains(it)));
    Ok(recipients)
}

/// Bases the stay on the order that came.
struct Link {
    due: OrderDue,
    order: String,
    requester: Option<String>,
}

impl Work for Link {
    type Answer = ();

    fn locks(&self) -> Vec<storage::Lock> {
        Vec::new()
    }

    fn may_refuse_late(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        let Some(due) = tx.order_due_for(&self.due.encounter).await? else { return Ok(()) };
        let now = tx.now();
        let order = || reference("ServiceRequest", &self.order);
        let about = About { encounters: vec![due.encounter.clone()], ..About::default() };
        let claims = tx.bed_ledger(&about).await?.of_encounter(&due.encounter);
        let request = claims.into_iter().find_map(|claim| claim.task);
        let mut changes = Vec::new();
        if let Some((key, head, mut stay)) = loaded(tx, "Encounter", &due.encounter).await? {
            let mut orders = items(&stay, "basedOn").to_vec();
            let is_it = |it: &Value| text(it, "reference") == text(&order(), "reference");
            if !orders.iter().rev().take(ORDERS_MAX).any(is_it) {
                orders.retain(|it| !is_it(it));
                orders.push(order());
                set(&mut stay, "basedOn", Value::Array(orders));
                changes.push(update(key, head, &stay)?);
            }
        }
        if let Some(task) = &request
            && let Some((key, head, mut body)) = loaded(tx, "Task", task).await?
            && tx.is_without_order(task).await?
        {
            set(&mut body, "focus", order());
            if let Some(role) = &self.requester {
                set(&mut body, "requester", reference("PractitionerRole", role));
            }
            set(&mut body, "lastModified", string(now.to_string()));
            changes.push(update(key, head, &body)?);
        }
        if let Some((key, head, mut body)) = loaded(tx, "Task", &due.task).await? {
            let business = if due.is_overdue { "order-late" } else { "order-given" };
            set(&mut body, "status", string("completed"));
            set(&mut body, "businessStatus", concept("order-due-status", business));
            set(&mut body, "lastModified", string(now.to_string()));
            let output = object([
                ("type", concept("order-due-output", "order")),
                ("valueReference", order()),
            ]);
            set(&mut body, "output", list([output]));
            changes.push(update(key, head, &body)?);
        }
        tx.keep_order_given(&due, (request.as_deref(), &self.order)).await?;
        tx.write(changes).await.map(drop)
    }
}

/// Says that an order is late.
struct Escalate {
    due: OrderDue,
    recipients: Vec<Value>,
    message_id: String,
}

impl Work for Escalate {
    type Answer = ();

    fn locks(&self) -> Vec<storage::Lock> {
        Vec::new()
    }

    fn may_refuse_late(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        let due = tx.order_due_for(&self.due.encounter).await?;
        let now = tx.now();
        let Some(due) = due.filter(|it| !it.is_overdue && it.due < now) else { return Ok(()) };
        let about = About { encounters: vec![due.encounter.clone()], ..About::default() };
        let mut ledger = tx.bed_ledger(&about).await?;
        let claims = ledger.of_encounter(&due.encounter);
        let message_key = Key::new(ty("Communication")?, self.message_id.as_str());
        if claims.iter().any(|claim| claim.state == ClaimState::Occupied) {
            tx.keep_order_overdue(&due).await?;
            let mut changes = vec![create(message_key, &self.alert(&due, now))?];
            changes.extend(overdue(tx, &due, now).await?);
            return tx.write(changes).await.map(drop);
        }
        // what follows for the Tasks is written with the claims
        for claim in &claims {
            ledger.end(claim, End::Revoked);
        }
        tx.keep_beds(ledger).await?;
        let mut changes = Vec::new();
        if let Some(task) = claims.iter().find_map(|claim| claim.task.as_deref()) {
            changes.push(create(message_key, &message(task, &due.patient, LET_GO, now))?);
        }
        tx.write(changes).await.map(drop)
    }
}

/// The Task of an order that is late.
async fn overdue(tx: &mut Tx<'_>, due: &OrderDue, now: Instant) -> Result<Option<Change>, Outcome> {
    let Some((key, head, mut body)) = loaded(tx, "Task", &due.task).await? else { return Ok(None) };
    set(&mut body, "status", string("requested"));
    set(&mut body, "businessStatus", concept("order-due-status", "order-overdue"));
    set(&mut body, "priority", string("stat"));
    set(&mut body, "lastModified", string(now.to_string()));
    update(key, head, &body).map(Some)
}

/// What stands there now, for its next version.
async fn loaded(
    tx: &mut Tx<'_>,
    of: &str,
    id: &str,
) -> Result<Option<(Key, Head, Value)>, Outcome> {
    let key = Key::new(ty(of)?, id);
    let head = tx.load(std::slice::from_ref(&key)).await?.pop().flatten();
    let Some(head) = head.filter(|head| head.body.is_some()) else { return Ok(None) };
    let body = read(head.body.as_deref().unwrap_or_default())?;
    Ok(Some((key, head, body)))
}

impl Escalate {
    fn alert(&self, due: &OrderDue, now: Instant) -> Value {
        let category = "http://terminology.hl7.org/CodeSystem/communication-category";
        let stay = reference("Encounter", &due.encounter);
        let mut alert = object([
            ("resourceType", string("Communication")),
            ("status", string("completed")),
            ("category", list([coded(category, "alert")])),
            ("priority", string("stat")),
            ("about", list([reference("Task", &due.task), stay.clone()])),
            ("encounter", stay),
            ("sent", string(now.to_string())),
            ("payload", list([object([("contentString", string(LATE))])])),
        ]);
        if !due.patient.is_empty() {
            set(&mut alert, "subject", reference("Patient", &due.patient));
        }
        if !self.recipients.is_empty() {
            set(&mut alert, "recipient", Value::Array(self.recipients.clone()));
        }
        alert
    }
}
