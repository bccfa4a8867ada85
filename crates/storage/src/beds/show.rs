//! What claims became, shown on Location, Encounter and Task: new versions in the same transaction.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fhir_model::{Instant, IssueType, Outcome, json};
use search::Rows;

use super::{
    claim::Claim,
    hook::{self, Heard, row_state},
    ledger::End,
    order_due, projection, rows,
};
use crate::{Change, Head, Key, Method, Tx, cores::on_all_cores};

type Became<'h> = (&'h Claim, Option<End>);

/// The changes that follow from what was heard, for resources that are not written anyway.
pub(super) async fn follow(tx: &mut Tx<'_>, written: &[Change]) -> Result<Vec<Change>, Outcome> {
    let heard = std::mem::take(tx.heard());
    if heard.steps.is_empty() && heard.fallen.is_empty() && heard.asking.is_empty() {
        return Ok(Vec::new());
    }
    let Some((location, encounter, task)) = hook::shown() else { return Ok(Vec::new()) };
    let written = hook::written(written);
    let outcomes = heard.outcomes();
    let mut beds: BTreeMap<&str, Option<&Claim>> = BTreeMap::new();
    let mut stays: BTreeMap<&str, Vec<Became<'_>>> = BTreeMap::new();
    let mut tasks: BTreeMap<&str, Became<'_>> = BTreeMap::new();
    let mut left: Vec<&str> = Vec::new();
    for (claim, end) in outcomes {
        beds.insert(&claim.bed, end.is_none().then_some(claim));
        if let Some(id) = &claim.encounter {
            stays.entry(id).or_default().push((claim, end));
            left.extend(end.map(|_| id.as_str()));
        }
        if let Some(id) = &claim.task {
            tasks.insert(id, (claim, end));
        }
    }
    let ids: Vec<&str> = beds.keys().copied().collect();
    rows::mark_beds(tx, &ids, &[]).await?;
    let mut keys: Vec<Key> = Vec::new();
    keys.extend(beds.keys().map(|id| Key::new(location, *id)));
    keys.extend(stays.keys().map(|id| Key::new(encounter, *id)));
    let fallen = heard.fallen.iter().map(String::as_str);
    let all_tasks: BTreeSet<&str> = tasks.keys().copied().chain(fallen).collect();
    keys.extend(all_tasks.into_iter().map(|id| Key::new(task, id)));
    keys.retain(|key| !written.contains(key));
    let heads = tx.load(&keys).await?;
    let ends = tasks.iter().filter(|(_, became)| became.1.is_some());
    let ends: Vec<String> = ends.map(|(id, _)| (*id).to_owned()).collect();
    let on_order = rows::requests_among(tx, &ends).await?;
    let now = tx.now();
    let shown: Vec<Result<Shown, Outcome>> =
        on_all_cores(keys.into_iter().zip(heads).collect(), |(key, head)| {
            let Some(head) = head else { return Ok((None, None)) };
            let Some(mut body) = body_of(&head)? else { return Ok((None, None)) };
            let (id, mut state) = (key.id.as_str(), None);
            if key.resource_type == location {
                projection::show_on_location(&mut body, beds.get(id).copied().flatten());
            } else if key.resource_type == encounter {
                for (claim, end) in stays.get(id).into_iter().flatten() {
                    projection::show_on_encounter(&mut body, claim, *end, now);
                }
            } else if let Some((mut status, until)) = status_of(&heard, id, tasks.get(id)) {
                // nobody waits without a doctor's order
                if status.0 == "requested" && !on_order.contains(id) {
                    status = ("cancelled", "not-taken");
                }
                projection::show_on_task(&mut body, status, until, now);
                state = Some((id.to_owned(), row_state(status.0)));
            }
            Ok((change(key, head, &body)?, state))
        });
    let mut changes = order_due::open(tx, &heard.asking, &written).await?;
    changes.extend(order_due::close(tx, &left, &written).await?);
    let mut states = BTreeMap::new();
    for shown in shown {
        let (change, state) = shown?;
        changes.extend(change);
        states.extend(state);
    }
    rows::mark_requests(tx, &states).await?;
    Ok(changes)
}

/// The next version of a resource, and the state of the request's row if it is a Task.
type Shown = (Option<Change>, Option<(String, &'static str)>);

type Status = ((&'static str, &'static str), Option<Instant>);

fn status_of(heard: &Heard, id: &str, became: Option<&Became<'_>>) -> Option<Status> {
    if let Some((claim, end)) = became {
        let status = projection::task_status(claim.state, *end)?;
        return Some((status, claim.hold_until.filter(|_| end.is_none())));
    }
    let falls = heard.fallen.iter().any(|task| task == id);
    falls.then_some((("failed", "approval-expired"), None))
}

pub(super) fn body_of(head: &Head) -> Result<Option<json::Value>, Outcome> {
    let Some(body) = &head.body else { return Ok(None) };
    json::Value::parse(body, &json::Limits::default()).map(Some)
}

/// The next version, unless it says what the current one says.
pub(super) fn change(key: Key, head: Head, body: &json::Value) -> Result<Option<Change>, Outcome> {
    let valid = json::parse(body.to_vec().into(), &json::Limits::default()).map_err(|outcome| {
        let text = format!("A {} cannot show its bed's claim: {outcome}", key.resource_type);
        Outcome::new(IssueType::Exception, text)
    })?;
    let stamped = valid.stamp(&key.id, &[]);
    if Some(stamped.bytes(head.version, head.updated)) == head.body {
        return Ok(None);
    }
    Ok(Some(Change {
        key,
        method: Method::Put,
        replaces: Some(head),
        body: Some(Arc::new(stamped)),
        rows: Arc::new(Rows::default()),
        // no epoch: the rows are extracted where this is written
        epoch: u64::MAX,
    }))
}
