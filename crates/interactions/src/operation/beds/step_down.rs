//! `step-down-review`: somebody who needs a bed at once gets none, so a clinician is asked whether somebody who lies in
//! one that would do could do with less. The machine lists who, those least ill first, and moves nobody.

use std::collections::BTreeMap;

use beds::{Constraint, Request};
use fhir_model::{Instant, Outcome, json::Value};
use storage::{Change, Claim, ClaimState, Key, Turn, Tx};

use super::{
    assessment::{self, Scored, decimal},
    board::{Board, BoardBed, InScope},
    document::{concept, create, extension, object, reference, set, string},
    planners,
    policy::InForce,
    ty,
};
use crate::{
    Fhir, Query,
    search::{Reach, understand},
};

/// For so many requests of a decision at most a review is asked.
const REVIEWS_MAX: usize = 5;
/// So many requests are looked at for that.
const REQUESTS_MAX: usize = 50;
/// So many of the nearest beds are looked at, and of those who lie in them so many are listed.
const LOOKED_AT: usize = 20;
const LISTED: usize = 5;

/// A review that is asked for.
#[derive(Debug, Clone)]
pub(super) struct Review {
    /// `Task.id`
    pub(super) id: String,
    /// `None`: it was asked for before.
    body: Option<Value>,
}

/// Somebody who lies in a bed that would do.
struct Occupant {
    claim: Claim,
    cost: u64,
    severity: Option<Scored>,
}

/// Reviews to be asked for by Task, for requests that get nothing of the beds of a scope.
///
/// # Errors
/// The database's own trouble.
pub(super) async fn reviews(
    fhir: &Fhir,
    policy: &InForce,
    (tasks, has_bed): (&[String], &InScope<'_>),
) -> Result<BTreeMap<String, Review>, Outcome> {
    let mut reviews = BTreeMap::new();
    for task in tasks.iter().take(REQUESTS_MAX) {
        if reviews.len() == REVIEWS_MAX {
            break;
        }
        let now = fhir.vault.clock().now();
        let (occupants, owner) = {
            let board = fhir.desk.board.lock().await;
            let Some(waiting) = board.queue.get(task) else { continue };
            let asked = waiting.assessed.at(now, &waiting.state);
            occupants(&board, &asked, (policy, has_bed))
        };
        if occupants.is_empty() {
            continue;
        }
        if let Some(id) = open_review(fhir, task).await? {
            reviews.insert(task.clone(), Review { id, body: None });
            continue;
        }
        let mut seen = Vec::with_capacity(occupants.len());
        for Occupant { claim, cost, .. } in occupants {
            let patient = claim.patient.as_deref().unwrap_or_default();
            let severity = assessment::severity_now(fhir, patient, &policy.policy).await?;
            seen.push(Occupant { claim, cost, severity });
        }
        // whose severity nobody knows comes last
        seen.sort_by_key(|it| {
            let points = it.severity.as_ref().map(|it| it.points);
            (points.is_none(), points, it.cost)
        });
        seen.truncate(LISTED);
        let body = Some(body(task, owner.as_deref(), &seen, now));
        reviews.insert(task.clone(), Review { id: fhir.vault.new_id(), body });
    }
    Ok(reviews)
}

/// Writes those that are new.
pub(super) fn changes(reviews: &BTreeMap<String, Review>) -> Result<Vec<Change>, Outcome> {
    let task = ty("Task")?;
    let fresh = reviews.values().filter_map(|it| Some((it.id.as_str(), it.body.as_ref()?)));
    fresh.map(|(id, body)| create(Key::new(task, id), body)).collect()
}

/// Writes them alone: nothing else happens.
///
/// # Errors
/// The database's own trouble.
pub(super) async fn write(
    tx: &mut Tx<'_>,
    reviews: &BTreeMap<String, Review>,
) -> Result<(), Outcome> {
    let changes = changes(reviews)?;
    if changes.is_empty() {
        return Ok(());
    }
    tx.write(changes).await.map(drop)
}

/// The review that nobody answered yet.
async fn open_review(fhir: &Fhir, task: &str) -> Result<Option<String>, Outcome> {
    let pairs = [
        ("code", "step-down-review".to_owned()),
        ("focus", format!("Task/{task}")),
        ("status", "requested".to_owned()),
    ];
    let query: Query = pairs.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
    let (plan, _) = understand(fhir, &Reach::Type(ty("Task")?), query, search::Handling::Strict)?;
    let page = fhir.vault.search(&planners()?, &plan, &Turn::First, 1).await?;
    Ok(page.versions.into_iter().next().map(|it| it.id))
}

/// Those who lie in the nearest beds that would do, and the organization of the nearest.
fn occupants(
    board: &Board,
    request: &Request,
    (policy, has_bed): (&InForce, &InScope<'_>),
) -> (Vec<Occupant>, Option<String>) {
    let of = |bed: &BoardBed| {
        let claim = bed.claim.clone().filter(|it| it.state == ClaimState::Occupied)?;
        if !has_bed(board, bed) {
            return None;
        }
        claim.patient.as_ref().and(claim.encounter.as_ref())?;
        let site = board.sites.get(&bed.bed.hospital);
        let place = site.and_then(|it| it.hospital.position);
        let metres = request.position.zip(place).map(|(from, to)| from.metres_to(to));
        let broken = beds::broken(request, &bed.bed, metres, &policy.policy);
        if broken.iter().any(|it| it != Constraint::Taken) {
            return None;
        }
        let hospital = (bed.bed.hospital.as_str(), metres);
        let terms = beds::terms(request, &bed.bed.kind, hospital, &policy.policy);
        let cost = terms.iter().map(|term| u64::from(term.value)).sum();
        let owner = site.and_then(|it| it.organization.clone());
        Some((Occupant { claim, cost, severity: None }, owner))
    };
    let mut found: Vec<_> = board.beds.values().filter_map(of).collect();
    found.sort_by_key(|(it, _)| it.cost);
    found.truncate(LOOKED_AT);
    let owner = found.first().and_then(|(_, owner)| owner.clone());
    (found.into_iter().map(|(it, _)| it).collect(), owner)
}

/// The Task. It names no patient: who waits may read what is about them, and this is about others.
fn body(task: &str, owner: Option<&str>, occupants: &[Occupant], now: Instant) -> Value {
    let input = |it: &Occupant| {
        let encounter = it.claim.encounter.as_deref().unwrap_or_default();
        let mut extensions =
            vec![extension("bed", "valueReference", reference("Location", &it.claim.bed))];
        if let Some(Scored { points, words }) = &it.severity {
            let points = Value::Number(decimal(points.0));
            extensions.push(extension("severity", "valueDecimal", points));
            extensions.push(extension("severity-text", "valueString", string(words.as_str())));
        }
        object([
            ("extension", Value::Array(extensions)),
            ("type", concept("step-down-input", "occupant")),
            ("valueReference", reference("Encounter", encounter)),
        ])
    };
    let description = "A patient who needs a bed at once gets none. Could one of these patients, those least ill \
                       first, do with a lower level of care? Nobody is moved unless a clinician says so.";
    let mut review = object([
        ("resourceType", string("Task")),
        ("status", string("requested")),
        ("intent", string("proposal")),
        ("priority", string("stat")),
        ("code", concept("task-code", "step-down-review")),
        ("description", string(description)),
        ("focus", reference("Task", task)),
        ("authoredOn", string(now.to_string())),
        ("lastModified", string(now.to_string())),
        ("input", Value::Array(occupants.iter().map(input).collect())),
    ]);
    if let Some(owner) = owner {
        set(&mut review, "owner", reference("Organization", owner));
    }
    review
}
