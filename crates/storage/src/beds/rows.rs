//! The tables `bed_claim`, `bed` and `bed_request` inside a transaction. Lists go to the database as one JSON
//! text, so that a statement is the same for one bed and for ten thousand.

use std::collections::{BTreeMap, BTreeSet};

use fhir_model::{Outcome, json};

use super::{
    claim::{COLUMNS, Claim, Role, read},
    ledger::{Ledger, Step, already_admitted, taken},
};
use crate::{Tx, find::statement::Statement, row::ask};

/// Whose claims are to be looked at.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct About {
    /// `Location.id`
    pub beds: Vec<String>,
    /// `Encounter.id`
    pub encounters: Vec<String>,
    /// `Task.id`
    pub tasks: Vec<String>,
    /// `Patient.id`
    pub patients: Vec<String>,
}

/// The live claims of these, locked against others until the end.
pub(super) async fn ledger(tx: &mut Tx<'_>, about: &About) -> Result<Ledger, Outcome> {
    let lists = [
        (&about.beds, "c.bed_id", "c.state <> 'ended'"),
        (&about.encounters, "c.encounter_id", "c.state <> 'ended'"),
        (&about.tasks, "c.task_id", "c.state <> 'ended'"),
        (&about.patients, "c.patient_id", "c.state in ('held', 'planned', 'occupied')"),
    ];
    let mut claims = Vec::new();
    for (ids, column, is_live) in lists {
        if ids.is_empty() {
            continue;
        }
        let lock = if tx.is_postgres() { "order by c.id for update" } else { "" };
        let sql = format!(
            "select {COLUMNS} from bed_claim c where {is_live} and {column} in ({}) {lock}",
            members(tx)
        );
        let rows = tx.rows(&ask(&sql, [list(ids).into()])).await?;
        claims.extend(rows.iter().filter_map(|row| read(row, 0)));
    }
    let mut ledger = Ledger::new(tx.now(), claims);
    ledger.leave(tx.cleaning());
    Ok(ledger)
}

/// The members of a JSON list of texts.
pub(super) fn members(tx: &Tx<'_>) -> &'static str {
    if tx.is_postgres() { MEMBERS_ON_POSTGRES } else { MEMBERS_ON_SQLITE }
}

pub(super) const MEMBERS_ON_POSTGRES: &str = "select value from json_array_elements_text(?::json)";
pub(super) const MEMBERS_ON_SQLITE: &str = "select value from json_each(?)";

/// A JSON list of texts.
pub(super) fn list<T: AsRef<str>>(ids: &[T]) -> String {
    let mut out = b"[".to_vec();
    for id in ids {
        if out.len() > 1 {
            out.push(b',');
        }
        json::write_string(&mut out, id.as_ref());
    }
    out.push(b']');
    String::from_utf8(out).unwrap_or_default()
}

/// Which of these Locations are known as beds.
pub(super) async fn beds_among(
    tx: &mut Tx<'_>,
    ids: &[String],
) -> Result<BTreeSet<String>, Outcome> {
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let sql = format!("select id from bed where is_gone = 0 and id in ({})", members(tx));
    let rows = tx.rows(&ask(&sql, [list(ids).into()])).await?;
    Ok(rows.iter().map(|row| row.text(0).to_owned()).collect())
}

/// Which of these Tasks are requests that may wait in the queue: those on an order.
pub(super) async fn requests_among(
    tx: &mut Tx<'_>,
    ids: &[String],
) -> Result<BTreeSet<String>, Outcome> {
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let sql = format!(
        "select task_id from bed_request where order_id <> '' and task_id in ({})",
        members(tx)
    );
    let rows = tx.rows(&ask(&sql, [list(ids).into()])).await?;
    Ok(rows.iter().map(|row| row.text(0).to_owned()).collect())
}

/// Requests that wait or are served by orders, with the claims that serve them.
pub(super) async fn open_requests_of(
    tx: &mut Tx<'_>,
    orders: &[String],
) -> Result<Vec<(String, Option<Claim>)>, Outcome> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select q.task_id, {COLUMNS}
         from   bed_request q
         left   join bed_claim c on c.task_id = q.task_id and c.state <> 'ended'
         where  q.state <> 'closed'
           and  q.order_id in ({})",
        members(tx)
    );
    let rows = tx.rows(&ask(&sql, [list(orders).into()])).await?;
    Ok(rows.iter().map(|row| (row.text(0).to_owned(), read(row, 1))).collect())
}

/// Says that the requests of these orders must be looked at again.
pub(super) async fn touch_requests_of(tx: &mut Tx<'_>, orders: &[String]) -> Result<(), Outcome> {
    if orders.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "update bed_request set changed = ? where state <> 'closed' and order_id in ({})",
        members(tx)
    );
    tx.execute(&ask(&sql, [tx.now().millis().into(), list(orders).into()])).await.map(drop)
}

/// Says that these Locations are beds that changed, and that those are none any more.
pub(super) async fn mark_beds<T: AsRef<str>>(
    tx: &mut Tx<'_>,
    changed: &[T],
    gone: &[T],
) -> Result<(), Outcome> {
    for (ids, is_gone) in [(changed, 0), (gone, 1)] {
        if ids.is_empty() {
            continue;
        }
        let sql = format!(
            "insert into bed (id, is_gone, changed)
             select value, {is_gone}, {} from ({}) as given where true
             on conflict (id) do update set is_gone = excluded.is_gone, changed = excluded.changed",
            tx.now().millis(),
            members(tx)
        );
        tx.execute(&ask(&sql, [list(ids).into()])).await?;
    }
    Ok(())
}

/// Sets the states of requests, by id.
pub(super) async fn mark_requests(
    tx: &mut Tx<'_>,
    states: &BTreeMap<String, &'static str>,
) -> Result<(), Outcome> {
    for state in ["queued", "paused", "served", "closed"] {
        let ids: Vec<&String> =
            states.iter().filter(|(_, it)| **it == state).map(|(id, _)| id).collect();
        if ids.is_empty() {
            continue;
        }
        let sql = format!(
            "update bed_request set state = '{state}', changed = ? where task_id in ({})",
            members(tx)
        );
        tx.execute(&ask(&sql, [tx.now().millis().into(), list(&ids).into()])).await?;
    }
    Ok(())
}

/// Writes what a ledger decided. The index has the last word.
pub(super) async fn keep(tx: &mut Tx<'_>, mut ledger: Ledger) -> Result<(), Outcome> {
    let steps = std::mem::take(&mut ledger.steps);
    let mut waiting: Vec<&Claim> = Vec::new();
    for step in &steps {
        match step {
            Step::Start(claim) => {
                waiting.push(claim);
                continue;
            }
            Step::End(..) | Step::Move(_) => start(tx, &std::mem::take(&mut waiting)).await?,
        }
        let changed = match step {
            Step::End(claim, why) => {
                let sql = "update bed_claim set state = 'ended', hold_until = null, ended_at = ?, end_reason = ?
                           where id = ? and state <> 'ended'";
                let (now, why) = (tx.now().millis(), why.code());
                tx.execute(&ask(sql, [now.into(), why.into(), claim.id.as_str().into()])).await?
            }
            Step::Move(claim) => tx.execute(&moved(claim)).await?,
            Step::Start(_) => 1,
        };
        if changed == 0 {
            return Err(tx.start_again());
        }
    }
    start(tx, &waiting).await?;
    tx.heard().steps.extend(steps);
    Ok(())
}

fn moved(claim: &Claim) -> Statement {
    let hold = claim.hold_until.map_or("null".to_owned(), |until| until.millis().to_string());
    let sql = format!(
        "update bed_claim
         set    state = ?, role = ?, stage = ?, task_id = nullif(?, ''), encounter_id = nullif(?, ''),
                patient_id = nullif(?, ''), hold_until = {hold}
         where  id = ? and state <> 'ended'"
    );
    let some = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
    ask(
        &sql,
        [
            claim.state.code().into(),
            claim.role.code().into(),
            claim.stage.map_or("", super::Stage::code).into(),
            some(&claim.task),
            some(&claim.encounter),
            some(&claim.patient),
            claim.id.as_str().into(),
        ],
    )
}

/// Claims in one statement.
const TOGETHER: usize = 500;

async fn start(tx: &mut Tx<'_>, claims: &[&Claim]) -> Result<(), Outcome> {
    for some in claims.chunks(TOGETHER) {
        let rows: Vec<String> = some.iter().map(|claim| fields(claim)).collect();
        let values = if tx.is_postgres() {
            "select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
                    value ->> 7, (value ->> 8)::bigint, (value ->> 9)::bigint
             from   json_array_elements(?::json) as given (value) where true"
        } else {
            "select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
                    value ->> 7, value ->> 8, value ->> 9
             from   json_each(?) where true"
        };
        let sql = format!(
            "insert into bed_claim (id, bed_id, task_id, encounter_id, patient_id, role, state, stage, starts_at,
                                    hold_until)
             {values}
             on conflict do nothing"
        );
        let text = format!("[{}]", rows.join(","));
        let made = tx.execute(&ask(&sql, [text.into()])).await?;
        if made != some.len() as u64 {
            return Err(why_not(tx, some).await?);
        }
    }
    Ok(())
}

/// A claim as a JSON list, in the order of the columns.
fn fields(claim: &Claim) -> String {
    let mut out = b"[".to_vec();
    let texts = [
        Some(claim.id.as_str()),
        Some(claim.bed.as_str()),
        claim.task.as_deref(),
        claim.encounter.as_deref(),
        claim.patient.as_deref(),
        Some(claim.role.code()),
        Some(claim.state.code()),
        Some(claim.stage.map_or("", super::Stage::code)),
    ];
    for text in texts {
        match text {
            Some(text) => json::write_string(&mut out, text),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b',');
    }
    let until = claim.hold_until.map_or("null".to_owned(), |until| until.millis().to_string());
    out.extend_from_slice(format!("{},{until}]", claim.starts_at.millis()).as_bytes());
    String::from_utf8(out).unwrap_or_default()
}

/// Somebody else was first: with the bed, or with the patient.
async fn why_not(tx: &mut Tx<'_>, claims: &[&Claim]) -> Result<Outcome, Outcome> {
    let of = |role: Role| claims.iter().filter(move |claim| claim.role == role);
    let patients: Vec<String> = of(Role::Current).filter_map(|it| it.patient.clone()).collect();
    let about = About { patients, ..About::default() };
    let there = ledger(tx, &about).await?;
    let is_admitted = claims.iter().any(|claim| {
        claim
            .patient
            .as_deref()
            .and_then(|it| there.of_patient(it, claim.role))
            .is_some_and(|other| other.id != claim.id)
    });
    Ok(if is_admitted { already_admitted() } else { taken(tx.now()) })
}
