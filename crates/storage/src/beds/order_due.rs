//! Emergencies that have a bed before a doctor ordered it. Only beds of an emergency department are given like that,
//! and a Task says until when the order is due; it is there exactly as long as the bed and no order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use fhir_model::{Instant, IssueType, NodeRef, Outcome, ResourceType, Tree, json, json::Value};
use search::Rows;

use super::{
    hook,
    projection::{object, set, string},
    reading::{CANONICAL, local, referred},
    rows::{list, members},
    show,
};
use crate::{
    Change, Key, Method, Tx, Vault,
    row::{Row, ask},
};
use auth::Permit;

/// Of `Location.type`: emergency room and emergency trauma unit,
/// <http://terminology.hl7.org/CodeSystem/v3-RoleCode>.
pub const EMERGENCY_UNITS: [&str; 2] = ["ER", "ETU"];

/// Places from a bed up to its site.
const LEVELS_MAX: usize = 8;
/// So many of what a stay is based on is looked at, the last of it.
pub const ORDERS_MAX: usize = 200;
/// Orders that are looked at together.
const AT_ONCE: i64 = 500;

/// What an Encounter says of an emergency and its orders.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Emergency {
    /// Whether its class says that it is one.
    pub(super) is_one: bool,
    /// `ServiceRequest.id` of what it is based on, whether that is there or not.
    pub(super) orders: Vec<String>,
    /// What the version before was based on, if it had a bed.
    pub(super) before: Vec<String>,
    /// Who is to give the order, as a reference: who takes part in the stay, or else the hospital.
    pub(super) owner: Option<String>,
    /// Beds that the version before did not name.
    pub(super) fresh: Vec<String>,
}

/// A bed that an emergency has without an order.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    pub(super) encounter: String,
    /// Empty where nobody knows who it is.
    pub(super) patient: String,
    pub(super) owner: Option<String>,
}

/// An order that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderDue {
    /// `Encounter.id` of the emergency.
    pub encounter: String,
    /// `Task.id` of the Task that asks for the order.
    pub task: String,
    /// `Patient.id`; empty where nobody knows who it is.
    pub patient: String,
    /// Whether somebody was told that it is late.
    pub is_overdue: bool,
    /// Until when it is due.
    pub due: Instant,
}

/// What a live Encounter says.
pub(super) fn emergency(tree: &Tree, base: &str) -> Option<Emergency> {
    let root = tree.root();
    let class = root.child("class")?.child_text("code")?;
    let orders = root.named("basedOn").filter_map(|it| local(it, "ServiceRequest", base));
    let orders = orders.collect();
    let doctor = root.named("participant").find_map(|it| {
        refers_to(it.child("individual")?, &["PractitionerRole", "Practitioner"], base)
    });
    let hospital = || refers_to(root.child("serviceProvider")?, &["Organization"], base);
    let owner = doctor.or_else(hospital);
    Some(Emergency { is_one: class == "EMER", orders, owner, ..Emergency::default() })
}

/// `Type/id` of a reference to one of these types in this vault.
fn refers_to(reference: NodeRef<'_>, types: &[&str], base: &str) -> Option<String> {
    types.iter().find_map(|ty| Some(format!("{ty}/{}", local(reference, ty, base)?)))
}

/// Orders; a proposal is a patient's own wish.
const INTENTS: [&str; 3] = ["order", "original-order", "instance-order"];

/// What an order for an admission says of itself: <https://medvault.example/fhir/CodeSystem/order-category>, SNOMED CT.
const ADMISSION: [&str; 2] = ["admission", "32485007"];

/// Whether a `ServiceRequest` orders an admission; a request for something else gives nobody a bed.
pub(super) fn is_order(request: NodeRef<'_>) -> bool {
    let is_ordered = request.child_text("intent").is_some_and(|it| INTENTS.contains(&&*it));
    let mut codes = request.named("category").flat_map(|it| it.named("coding"));
    is_ordered && codes.any(|it| it.child_text("code").is_some_and(|it| ADMISSION.contains(&&*it)))
}

/// Whether a stay is based on an order of its patient that is there and holds. One that was carried out holds for the
/// stay that had a bed on it. Of many the last ones are looked at.
pub(super) async fn stands_on_an_order(
    tx: &mut Tx<'_>,
    changes: &[Change],
    (stay, patient): (&Emergency, Option<&str>),
) -> Result<bool, Outcome> {
    let (Some(order), base) = (hook::order(), tx.index_base()) else { return Ok(false) };
    let from = stay.orders.len().saturating_sub(ORDERS_MAX);
    let ids = stay.orders.get(from..).unwrap_or_default();
    for (id, body) in ids.iter().zip(bodies(tx, changes, (order, ids)).await?) {
        let Some(tree) = body.map(json::parse_trusted) else { continue };
        let root = tree.root();
        let is_done = stay.before.contains(id);
        let is_in_force = match root.child_text("status").as_deref() {
            Some("active") => true,
            Some("completed") => is_done,
            _ => false,
        };
        let of = referred(root, "subject", "Patient", &base);
        if is_in_force && is_order(root) && of.is_some() && of.as_deref() == patient {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Resources of a type as these changes leave them, all loaded at once.
async fn bodies(
    tx: &mut Tx<'_>,
    changes: &[Change],
    (ty, ids): (ResourceType, &[String]),
) -> Result<Vec<Option<Bytes>>, Outcome> {
    let written = changes.iter().filter(|change| change.key.resource_type == ty);
    let written: BTreeMap<&str, &Change> =
        written.map(|change| (change.key.id.as_str(), change)).collect();
    let others = ids.iter().filter(|id| !written.contains_key(id.as_str()));
    let keys: Vec<Key> = others.map(|id| Key::new(ty, id.as_str())).collect();
    let heads = if keys.is_empty() { Vec::new() } else { tx.load(&keys).await? };
    let mut heads = heads.into_iter();
    let body = |id: &String| match written.get(id.as_str()) {
        Some(change) => change.body.as_ref().map(|it| it.bytes(1, Instant::from_millis(0))),
        None => heads.next().flatten().and_then(|head| head.body),
    };
    Ok(ids.iter().map(body).collect())
}

/// A resource as these changes leave it.
pub(super) async fn current(
    tx: &mut Tx<'_>,
    changes: &[Change],
    key: Key,
) -> Result<Option<Tree>, Outcome> {
    let body = match changes.iter().find(|change| change.key == key) {
        Some(change) => change.body.as_ref().map(|it| it.bytes(1, Instant::from_millis(0))),
        None => tx.load(std::slice::from_ref(&key)).await?.pop().flatten().and_then(|it| it.body),
    };
    Ok(body.map(json::parse_trusted))
}

/// Of these stays those for which an order is due.
pub(super) async fn owing(
    tx: &mut Tx<'_>,
    encounters: &[&str],
) -> Result<BTreeSet<String>, Outcome> {
    open_among(tx, "encounter_id", encounters).await
}

/// Of these Tasks those that ask for an order still.
pub(super) async fn asked_by(tx: &mut Tx<'_>, tasks: &[&str]) -> Result<BTreeSet<String>, Outcome> {
    open_among(tx, "task_id", tasks).await
}

/// The orders that are due for which these Tasks ask.
pub(super) async fn open_of(tx: &mut Tx<'_>, tasks: &[&str]) -> Result<Vec<OrderDue>, Outcome> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select {COLUMNS} from bed_order_due d
         where d.state in ('due', 'overdue') and d.task_id in ({})",
        members(tx)
    );
    Ok(tx.rows(&ask(&sql, [list(tasks).into()])).await?.iter().map(read).collect())
}

async fn open_among(
    tx: &mut Tx<'_>,
    column: &'static str,
    ids: &[&str],
) -> Result<BTreeSet<String>, Outcome> {
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let sql = format!(
        "select {column} from bed_order_due where state in ('due', 'overdue') and {column} in ({})",
        members(tx)
    );
    let rows = tx.rows(&ask(&sql, [list(ids).into()])).await?;
    Ok(rows.iter().map(|row| row.text(0).to_owned()).collect())
}

/// Refuses beds that are not an emergency department's; says whose they are.
///
/// # Errors
/// `approval-missing`
pub(super) async fn check(
    tx: &mut Tx<'_>,
    changes: &[Change],
    beds: &[String],
) -> Result<Option<String>, Outcome> {
    let mut hospital = None;
    for bed in beds {
        let unit = unit(tx, changes, bed).await?;
        hospital = hospital.or(unit.hospital);
        if !unit.is_for_emergencies {
            let text = "Without a doctor's order an emergency may have a bed of an emergency department: its \
                        Location, or one that it is part of, has the type ER or ETU. Any other needs the order in \
                        Encounter.basedOn";
            return Err(Outcome::new(IssueType::BusinessRule, text)
                .coded("approval-missing")
                .at("Encounter.location"));
        }
    }
    Ok(hospital)
}

/// What a bed and the places that it is part of say.
#[derive(Default)]
pub(super) struct Unit {
    is_for_emergencies: bool,
    /// The nearest `managingOrganization`.
    pub(super) hospital: Option<String>,
}

pub(super) async fn unit(tx: &mut Tx<'_>, changes: &[Change], bed: &str) -> Result<Unit, Outcome> {
    let (mut unit, base) = (Unit::default(), tx.index_base());
    let Some((location, ..)) = hook::shown() else { return Ok(unit) };
    let mut next = Some(bed.to_owned());
    for _ in 0..LEVELS_MAX {
        let Some(id) = next else { break };
        let Some(tree) = current(tx, changes, Key::new(location, id)).await? else { break };
        let codes = |concept: NodeRef<'_>| {
            let mut codings = concept.named("coding");
            codings
                .any(|it| it.child_text("code").is_some_and(|it| EMERGENCY_UNITS.contains(&&*it)))
        };
        let root = tree.root();
        unit.is_for_emergencies |= root.named("type").any(codes);
        let managing = || refers_to(root.child("managingOrganization")?, &["Organization"], &base);
        unit.hospital = unit.hospital.or_else(managing);
        next = referred(root, "partOf", "Location", &base);
    }
    Ok(unit)
}

/// Asks for the orders of stays for which none is asked yet. Who had a bed without an order before has no new time.
pub(super) async fn open(
    tx: &mut Tx<'_>,
    asking: &[Asking],
    written: &BTreeSet<Key>,
) -> Result<Vec<Change>, Outcome> {
    let Some((_, _, task)) = hook::shown() else { return Ok(Vec::new()) };
    let mut changes = Vec::new();
    for it in asking {
        let (id, mut due) = (uuid::Uuid::now_v7().to_string(), tx.order_due());
        if let Some((known, state)) = known(tx, &it.encounter).await? {
            if state == "due" || state == "overdue" {
                changes.extend(identify(tx, (&known, it), (task, written)).await?);
                continue;
            }
            if state == "over" {
                due = due.min(known.due);
            }
        }
        let sql =
            "insert into bed_order_due as there (encounter_id, task_id, patient_id, state, due)
                   values (?, ?, ?, 'due', ?)
                   on conflict (encounter_id) do update
                   set task_id = excluded.task_id, patient_id = excluded.patient_id,
                       state = excluded.state, due = excluded.due
                   where there.state in ('over', 'given')";
        let texts = [&it.encounter, &id, &it.patient].map(|it| it.as_str().into());
        let [encounter, task_id, patient] = texts;
        let values = [encounter, task_id, patient, due.millis().into()];
        if tx.execute(&ask(sql, values)).await? == 1 {
            changes.push(fresh(Key::new(task, id), &body(it, due, tx.now()))?);
        }
    }
    Ok(changes)
}

/// The row of a stay and its state.
async fn known(tx: &mut Tx<'_>, encounter: &str) -> Result<Option<(OrderDue, String)>, Outcome> {
    let lock = if tx.is_postgres() { "for update" } else { "" };
    let sql = format!("select {COLUMNS} from bed_order_due d where d.encounter_id = ? {lock}");
    let rows = tx.rows(&ask(&sql, [encounter.into()])).await?;
    Ok(rows.first().map(|row| (read(row), row.text(3).to_owned())))
}

/// Says who the patient is, once somebody knows.
async fn identify(
    tx: &mut Tx<'_>,
    (known, asking): (&OrderDue, &Asking),
    (task, written): (ResourceType, &BTreeSet<Key>),
) -> Result<Option<Change>, Outcome> {
    if !known.patient.is_empty() || asking.patient.is_empty() {
        return Ok(None);
    }
    let sql = "update bed_order_due set patient_id = ? where encounter_id = ?";
    let values = [asking.patient.as_str().into(), asking.encounter.as_str().into()];
    tx.execute(&ask(sql, values)).await?;
    let key = Key::new(task, known.task.as_str());
    let head = tx.load(std::slice::from_ref(&key)).await?.pop().flatten();
    let Some(head) = head.filter(|_| !written.contains(&key)) else { return Ok(None) };
    let Some(mut body) = show::body_of(&head)? else { return Ok(None) };
    let patient = object([("reference", string(&format!("Patient/{}", asking.patient)))]);
    set(&mut body, "for", patient);
    set(&mut body, "lastModified", string(&tx.now().to_string()));
    show::change(key, head, &body)
}

/// Takes back what was asked for by stays that have no bed any more.
pub(super) async fn close(
    tx: &mut Tx<'_>,
    encounters: &[&str],
    written: &BTreeSet<Key>,
) -> Result<Vec<Change>, Outcome> {
    let Some((_, _, task)) = hook::shown() else { return Ok(Vec::new()) };
    if encounters.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select {COLUMNS} from bed_order_due d
         where  d.state in ('due', 'overdue')
           and  d.encounter_id in ({})
           and  not exists (select 1 from bed_claim c where c.encounter_id = d.encounter_id
                            and c.state in ('held', 'planned', 'occupied'))",
        members(tx)
    );
    let rows = tx.rows(&ask(&sql, [list(encounters).into()])).await?;
    let over: Vec<OrderDue> = rows.iter().map(read).collect();
    let mut changes = Vec::new();
    for it in over {
        set_state(tx, &it, "over").await?;
        let key = Key::new(task, it.task.as_str());
        if written.contains(&key) {
            continue;
        }
        let head = tx.load(std::slice::from_ref(&key)).await?.pop().flatten();
        let Some(head) = head else { continue };
        let Some(mut body) = show::body_of(&head)? else { continue };
        let (status, business) = if it.due > tx.now() {
            ("cancelled", "not-needed")
        } else {
            ("failed", "order-overdue")
        };
        set(&mut body, "status", string(status));
        set(&mut body, "businessStatus", concept("order-due-status", business));
        set(&mut body, "lastModified", string(&tx.now().to_string()));
        changes.extend(show::change(key, head, &body)?);
    }
    Ok(changes)
}

/// The Task that asks.
fn body(asking: &Asking, due: Instant, now: Instant) -> Value {
    let reference = |text: String| object([("reference", string(&text))]);
    let stay = || reference(format!("Encounter/{}", asking.encounter));
    let description = "An emergency has a bed without a doctor's order. Give the order: a ServiceRequest for this \
                       patient with the category admission.";
    let mut task = object([
        ("resourceType", string("Task")),
        ("status", string("requested")),
        ("businessStatus", concept("order-due-status", "order-due")),
        ("intent", string("order")),
        ("priority", string("urgent")),
        ("code", concept("task-code", "bed-order-due")),
        ("description", string(description)),
        ("focus", stay()),
        ("encounter", stay()),
        ("authoredOn", string(&now.to_string())),
        ("lastModified", string(&now.to_string())),
    ]);
    if !asking.patient.is_empty() {
        set(&mut task, "for", reference(format!("Patient/{}", asking.patient)));
    }
    if let Some(owner) = &asking.owner {
        set(&mut task, "owner", reference(owner.clone()));
    }
    let period = object([("end", string(&due.to_string()))]);
    set(&mut task, "restriction", object([("period", period)]));
    task
}

fn concept(system: &str, code: &str) -> Value {
    let system = string(&format!("{CANONICAL}/CodeSystem/{system}"));
    let coding = object([("system", system), ("code", string(code))]);
    object([("coding", Value::Array(vec![coding]))])
}

fn fresh(key: Key, body: &Value) -> Result<Change, Outcome> {
    let stamped = json::parse(body.to_vec().into(), &json::Limits::default())?.stamp(&key.id, &[]);
    Ok(Change {
        key,
        method: Method::Post,
        replaces: None,
        body: Some(Arc::new(stamped)),
        rows: Arc::new(Rows::default()),
        // no epoch: the rows are extracted where this is written
        epoch: u64::MAX,
    })
}

const COLUMNS: &str = "d.encounter_id, d.task_id, d.patient_id, d.state, d.due";

fn read(row: &Row) -> OrderDue {
    OrderDue {
        encounter: row.text(0).to_owned(),
        task: row.text(1).to_owned(),
        patient: row.text(2).to_owned(),
        is_overdue: row.text(3) == "overdue",
        due: Instant::from_millis(row.integer(4)),
    }
}

/// Where a page begins: after this one.
fn from(after: Option<&OrderDue>) -> (i64, &str) {
    after.map_or((i64::MIN, ""), |it| (it.due.millis(), it.encounter.as_str()))
}

async fn set_state(tx: &mut Tx<'_>, of: &OrderDue, state: &'static str) -> Result<(), Outcome> {
    let sql = "update bed_order_due set state = ? where encounter_id = ?";
    tx.execute(&ask(sql, [state.into(), of.encounter.as_str().into()])).await.map(drop)
}

impl Vault {
    /// A page of the orders that are late and of which nobody was told yet, the first first; empty after the last page.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn orders_late(
        &self,
        _permit: &Permit,
        (now, after): (Instant, Option<&OrderDue>),
    ) -> Result<Vec<OrderDue>, Outcome> {
        let (due, encounter) = from(after);
        let sql = format!(
            "select {COLUMNS} from bed_order_due d
             where d.state = 'due' and d.due < ? and (d.due, d.encounter_id) > (?, ?)
             order by d.due, d.encounter_id limit ?"
        );
        let values = [now.millis().into(), due.into(), encounter.into(), AT_ONCE.into()];
        Ok(self.rows(ask(&sql, values)).await?.iter().map(read).collect())
    }

    /// A page of the orders that are due, or of those that are overdue, the first first; empty after the last page.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn orders_due(
        &self,
        _permit: &Permit,
        (is_overdue, after): (bool, Option<&OrderDue>),
    ) -> Result<Vec<OrderDue>, Outcome> {
        let state = if is_overdue { "overdue" } else { "due" };
        let (due, encounter) = from(after);
        let sql = format!(
            "select {COLUMNS} from bed_order_due d
             where d.state = '{state}' and (d.due, d.encounter_id) > (?, ?)
             order by d.due, d.encounter_id limit ?"
        );
        let rows = self.rows(ask(&sql, [due.into(), encounter.into(), AT_ONCE.into()])).await?;
        Ok(rows.iter().map(read).collect())
    }
}

impl Tx<'_> {
    /// The order that is due for a stay.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn order_due_for(&mut self, encounter: &str) -> Result<Option<OrderDue>, Outcome> {
        let lock = if self.is_postgres() { "for update" } else { "" };
        let sql = format!(
            "select {COLUMNS} from bed_order_due d
             where d.encounter_id = ? and d.state in ('due', 'overdue') {lock}"
        );
        Ok(self.rows(&ask(&sql, [encounter.into()])).await?.first().map(read))
    }

    /// When the order was due for a stay that had a bed before and let it go without one.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn order_was_due_for(&mut self, encounter: &str) -> Result<Option<Instant>, Outcome> {
        let known = known(self, encounter).await?;
        Ok(known.filter(|(_, state)| state == "over").map(|(it, _)| it.due))
    }

    /// The order was given; the request by which the stay has its bed stands on it from now on.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn keep_order_given(
        &mut self,
        due: &OrderDue,
        (request, order): (Option<&str>, &str),
    ) -> Result<(), Outcome> {
        if let Some(request) = request {
            let sql = "update bed_request set order_id = ?, changed = ? where task_id = ?";
            let values = [order.into(), self.now().millis().into(), request.into()];
            self.execute(&ask(sql, values)).await?;
        }
        set_state(self, due, "given").await
    }

    /// Somebody was told that the order is late.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn keep_order_overdue(&mut self, due: &OrderDue) -> Result<(), Outcome> {
        set_state(self, due, "overdue").await
    }
}
