//! The rule about beds on every way in: whatever writes an Encounter, a Location, a Task or a `ServiceRequest` goes
//! through [`settle`], and what the claims became is shown on the other resources in the same transaction.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use bytes::Bytes;
use fhir_model::{Instant, IssueType, Outcome, ResourceType};

use super::{
    claim::{Claim, ClaimState},
    ledger::{End, Ledger, Step},
    order_due::{self, Asking},
    order_lost,
    projection::{face_of, first_claim},
    reading::{self, Asked, Stay, Told},
    rows::{self, About},
};
use crate::{Change, Tx, cores::on_all_cores};

/// What a change says about beds.
enum Saying {
    /// A Location that is or was a bed; `None`: it is none any more.
    Bed(Option<Told>),
    /// An Encounter with beds, now or before.
    Stay(Stay),
    /// A request for a bed; `None`: it was deleted.
    Request(Option<Asked>),
    /// An order that a request may stand on, with the patient whose emergencies may stand on it no more.
    Order(Standing, Option<String>),
    /// A Task that asks for an order, deleted, or with another state, stay or patient.
    Owed,
    /// One that is written with the same state, stay and patient.
    Noted,
}

/// Whether an order still holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Holds,
    IsRevoked,
}

/// What was done to claims in this transaction, and who must hear of it.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Whether the changes that are about to be written were settled.
    pub(super) is_settled: bool,
    /// In the order in which they were done.
    pub(super) steps: Vec<Step>,
    /// Requests without a claim that fall with their order.
    pub(super) fallen: Vec<String>,
    /// Emergencies that have a bed and no order.
    pub(super) asking: Vec<Asking>,
}

struct Types {
    location: Option<ResourceType>,
    encounter: Option<ResourceType>,
    task: Option<ResourceType>,
    order: Option<ResourceType>,
}

static TYPES: LazyLock<Types> = LazyLock::new(|| Types {
    location: ResourceType::named("Location"),
    encounter: ResourceType::named("Encounter"),
    task: ResourceType::named("Task"),
    order: ResourceType::named("ServiceRequest"),
});

/// Decides what changes do to claims, and does it. Nothing is written when it refuses.
///
/// # Errors
/// Which change is refused, and why.
pub(super) async fn settle(tx: &mut Tx<'_>, changes: &[Change]) -> Result<(), (usize, Outcome)> {
    let base = tx.index_base();
    let said = on_all_cores(changes.iter().collect(), |change| saying(change, &base));
    let sayings: Vec<(usize, Saying)> =
        said.into_iter().enumerate().filter_map(|(at, saying)| Some((at, saying?))).collect();
    if sayings.is_empty() {
        return Ok(());
    }
    let alone = |outcome| (0, outcome);
    owed(tx, (changes, &sayings)).await?;
    let about = about(changes, &sayings);
    let mut ledger = rows::ledger(tx, &about).await.map_err(alone)?;
    let mut known = rows::beds_among(tx, &about.beds).await.map_err(alone)?;
    let asked_for = rows::requests_among(tx, &about.tasks).await.map_err(alone)?;
    for (at, saying) in &sayings {
        let id = changes.get(*at).map_or("", |change| change.key.id.as_str());
        let result = match saying {
            Saying::Bed(Some(told)) if !known.contains(id) => {
                known.insert(id.to_owned());
                new_bed(&mut ledger, id, told)
            }
            Saying::Bed(_)
            | Saying::Stay(_)
            | Saying::Request(_)
            | Saying::Order(..)
            | Saying::Owed
            | Saying::Noted => Ok(()),
        };
        result.map_err(|outcome| (*at, outcome))?;
    }
    for (at, saying) in &sayings {
        let id = changes.get(*at).map_or("", |change| change.key.id.as_str());
        let result = match saying {
            Saying::Stay(stay) => {
                let places: Vec<(String, ClaimState)> =
                    stay.places.iter().filter(|(bed, _)| known.contains(bed)).cloned().collect();
                ledger.settle_stay(id, stay.patient.as_deref(), &places)
            }
            Saying::Request(asked) => request(&mut ledger, (id, &asked_for), asked.as_ref()),
            Saying::Bed(_) | Saying::Order(..) | Saying::Owed | Saying::Noted => Ok(()),
        };
        result.map_err(|outcome| (*at, outcome))?;
    }
    let fallen = orders(tx, &mut ledger, (changes, &sayings)).await.map_err(alone)?;
    let asking = owing(tx, (changes, &sayings), (&ledger, &known)).await?;
    let (beds, gone) = told_beds(&mut ledger, (changes, &sayings))?;
    let held = of_orders(changes, &sayings, Standing::Holds);
    rows::touch_requests_of(tx, &held).await.map_err(alone)?;
    rows::keep(tx, ledger).await.map_err(alone)?;
    rows::mark_beds(tx, &beds, &gone).await.map_err(alone)?;
    rows::mark_requests(tx, &states(changes, &sayings)).await.map_err(alone)?;
    tx.heard().fallen.extend(fallen);
    tx.heard().asking.extend(asking);
    Ok(())
}

/// Beds whose Locations are written, and those that are none any more.
fn told_beds(
    ledger: &mut Ledger,
    (changes, sayings): (&[Change], &[(usize, Saying)]),
) -> Result<(Vec<String>, Vec<String>), (usize, Outcome)> {
    let (mut beds, mut gone) = (Vec::new(), Vec::new());
    for (at, saying) in sayings {
        let Saying::Bed(told) = saying else { continue };
        let id = changes.get(*at).map_or("", |change| change.key.id.as_str());
        bed(ledger, id, told.as_ref()).map_err(|outcome| (*at, outcome))?;
        let kind = if told.is_some() { &mut beds } else { &mut gone };
        kind.push(id.to_owned());
    }
    Ok((beds, gone))
}

/// Emergencies that have a bed and no order, whether they are written or their orders.
async fn owing(
    tx: &mut Tx<'_>,
    (changes, sayings): (&[Change], &[(usize, Saying)]),
    (ledger, known): (&Ledger, &BTreeSet<String>),
) -> Result<Vec<Asking>, (usize, Outcome)> {
    let mut owing = asking(tx, (changes, sayings), (ledger, known)).await?;
    let lost = lost(changes, sayings);
    let bereft = order_lost::bereft(tx, (changes, &lost), ledger).await;
    owing.extend(bereft.map_err(|outcome| (0, outcome))?);
    by_itself(tx, (changes, sayings), (ledger, &owing)).await?;
    Ok(owing)
}

/// Refuses what is done by hand to Tasks that ask for an order which is due.
async fn owed(
    tx: &mut Tx<'_>,
    (changes, sayings): (&[Change], &[(usize, Saying)]),
) -> Result<(), (usize, Outcome)> {
    let owed = sayings.iter().filter(|(_, saying)| matches!(saying, Saying::Owed));
    let owed: Vec<(usize, &str)> =
        owed.filter_map(|(at, _)| Some((*at, changes.get(*at)?.key.id.as_str()))).collect();
    let Some((first, _)) = owed.first() else { return Ok(()) };
    let ids: Vec<&str> = owed.iter().map(|(_, id)| *id).collect();
    let open = order_due::asked_by(tx, &ids).await.map_err(|outcome| (*first, outcome))?;
    let Some((at, _)) = owed.iter().find(|(_, id)| open.contains(*id)) else { return Ok(()) };
    let text = "The Task asks for an order as long as the stay has a bed without one; it is completed by the order, \
                and not by hand";
    let refused = Outcome::new(IssueType::BusinessRule, text).coded("illegal-transition");
    Err((*at, refused.at("Task.status")))
}

/// Refuses to write a Task together with the stay by which it changes: it would not say what became of that.
async fn by_itself(
    tx: &mut Tx<'_>,
    (changes, sayings): (&[Change], &[(usize, Saying)]),
    (ledger, asking): (&Ledger, &[Asking]),
) -> Result<(), (usize, Outcome)> {
    let noted = sayings.iter().filter(|(_, saying)| matches!(saying, Saying::Noted));
    let noted: Vec<(usize, &str)> =
        noted.filter_map(|(at, _)| Some((*at, changes.get(*at)?.key.id.as_str()))).collect();
    let ids: Vec<&str> = noted.iter().map(|(_, id)| *id).collect();
    let open = order_due::open_of(tx, &ids).await.map_err(|outcome| (0, outcome))?;
    let changed = open.iter().find(|due| {
        let of = |claim: &Claim| claim.encounter.as_deref() == Some(due.encounter.as_str());
        let ends = ledger.steps.iter().any(|it| matches!(it, Step::End(claim, _) if of(claim)));
        let is_named = |it: &Asking| it.encounter == due.encounter && !it.patient.is_empty();
        let has_bed = ledger.of_encounter(&due.encounter).iter().any(|it| it.state.is_patients());
        (ends && !has_bed) || (due.patient.is_empty() && asking.iter().any(is_named))
    });
    let Some(due) = changed else { return Ok(()) };
    let at = noted.iter().find(|(_, id)| *id == due.task).map_or(0, |(at, _)| *at);
    let text = "The Task that asks for an order changes with its stay here; what else it is to say is written by \
                itself";
    Err((at, Outcome::new(IssueType::Conflict, text).coded("illegal-transition").at("Task")))
}

/// Orders that may count no more, with whose they were.
fn lost<'a>(changes: &'a [Change], sayings: &'a [(usize, Saying)]) -> Vec<(&'a str, &'a str)> {
    let lost = sayings.iter().filter_map(|(at, saying)| match saying {
        Saying::Order(_, Some(patient)) => {
            Some((changes.get(*at)?.key.id.as_str(), patient.as_str()))
        }
        Saying::Order(_, None)
        | Saying::Bed(_)
        | Saying::Stay(_)
        | Saying::Request(_)
        | Saying::Owed
        | Saying::Noted => None,
    });
    lost.collect()
}

/// The same of stays that are written.
async fn asking(
    tx: &mut Tx<'_>,
    (changes, sayings): (&[Change], &[(usize, Saying)]),
    (ledger, known): (&Ledger, &BTreeSet<String>),
) -> Result<Vec<Asking>, (usize, Outcome)> {
    let mut stays = Vec::new();
    for (at, saying) in sayings {
        let id = changes.get(*at).map_or("", |change| change.key.id.as_str());
        let Saying::Stay(Stay { patient, emergency: Some(it), .. }) = saying else {
            continue;
        };
        let fresh: Vec<String> =
            it.fresh.iter().filter(|bed| known.contains(*bed)).cloned().collect();
        if it.is_one || !fresh.is_empty() {
            stays.push((*at, id, (it, patient.as_deref()), fresh));
        }
    }
    // an emergency that owes an order is one until that is given, whatever its class says
    let others = stays.iter().filter(|(_, _, (it, _), _)| !it.is_one);
    let others: Vec<&str> = others.map(|(_, id, ..)| *id).collect();
    let owing = order_due::owing(tx, &others).await.map_err(|outcome| (0, outcome))?;
    stays.retain(|(_, id, (it, _), _)| it.is_one || owing.contains(*id));
    let mut asking = Vec::new();
    for (at, id, (it, patient), fresh) in stays {
        let alone = |outcome| (at, outcome);
        if order_due::stands_on_an_order(tx, changes, (it, patient)).await.map_err(alone)? {
            continue;
        }
        let hospital = order_due::check(tx, changes, &fresh).await.map_err(alone)?;
        if ledger.of_encounter(id).iter().any(|claim| claim.state.is_patients()) {
            let owner = it.owner.clone().or(hospital);
            let patient = patient.unwrap_or_default().to_owned();
            asking.push(Asking { encounter: id.to_owned(), patient, owner });
        }
    }
    Ok(asking)
}

fn saying(change: &Change, base: &str) -> Option<Saying> {
    let ty = Some(change.key.resource_type);
    let is_any = [TYPES.location, TYPES.encounter, TYPES.task, TYPES.order].contains(&ty);
    if !is_any {
        return None;
    }
    let before = change.replaces.as_ref().and_then(|head| head.body.as_ref()).map(reading::tree);
    let after = change.body.as_ref().map(|stamped| {
        let bytes: Bytes = stamped.bytes(1, Instant::from_millis(0));
        reading::tree(&bytes)
    });
    if ty == TYPES.location {
        let told = after.as_ref().and_then(reading::bed);
        let was = before.as_ref().and_then(reading::bed);
        return (told.is_some() || was.is_some()).then_some(Saying::Bed(told));
    }
    if ty == TYPES.encounter {
        let mut stay = after.as_ref().map(|tree| reading::stay(tree, base)).unwrap_or_default();
        let Stay { places: was, emergency: of_old, .. } =
            before.as_ref().map(|it| reading::stay(it, base)).unwrap_or_default();
        if let Some(emergency) = &mut stay.emergency {
            let fresh = stay.places.iter().filter(|(bed, _)| !was.iter().any(|(it, _)| it == bed));
            emergency.fresh = fresh.map(|(bed, _)| bed.clone()).collect();
            let of_old = of_old.filter(|_| !was.is_empty());
            emergency.before = of_old.map(|it| it.orders).unwrap_or_default();
        }
        return (!was.is_empty() || !stay.places.is_empty()).then_some(Saying::Stay(stay));
    }
    if ty == TYPES.task {
        if let Some(owed) = before.as_ref().and_then(|it| reading::owed(it, base)) {
            let said = after.as_ref().and_then(|it| reading::owed(it, base));
            let is_same = said.as_ref() == Some(&owed);
            return Some(if is_same { Saying::Noted } else { Saying::Owed });
        }
        let asked = after.as_ref().and_then(reading::request);
        let was = before.as_ref().and_then(reading::request);
        return (asked.is_some() || was.is_some()).then_some(Saying::Request(asked));
    }
    // a new order has no request yet
    let lost = order_lost::whose(before.as_ref()?, after.as_ref(), base);
    let status = after.as_ref().and_then(|tree| tree.root().child_text("status").map(String::from));
    let holds = status.is_some_and(|it| !["revoked", "entered-in-error"].contains(&it.as_str()));
    Some(Saying::Order(if holds { Standing::Holds } else { Standing::IsRevoked }, lost))
}

fn about(changes: &[Change], sayings: &[(usize, Saying)]) -> About {
    let mut about = About::default();
    for (at, saying) in sayings {
        let Some(id) = changes.get(*at).map(|change| change.key.id.clone()) else { continue };
        match saying {
            Saying::Bed(_) => about.beds.push(id),
            Saying::Stay(stay) => {
                about.encounters.push(id);
                about.patients.extend(stay.patient.clone());
                about.beds.extend(stay.places.iter().map(|(bed, _)| bed.clone()));
            }
            Saying::Request(_) => about.tasks.push(id),
            Saying::Order(_, whose) => about.patients.extend(whose.clone()),
            Saying::Owed | Saying::Noted => {}
        }
    }
    about
}

/// A bed that was not known comes as its Location says; one that is taken without a word of whom is taken over
/// by the stay that names it.
fn new_bed(ledger: &mut Ledger, id: &str, told: &Told) -> Result<(), Outcome> {
    match first_claim(id, told, ledger.now()) {
        Some(claim) if ledger.of_bed(id).is_none() => ledger.start(claim),
        _ => Ok(()),
    }
}

/// A Location shows its claim and never decides it.
fn bed(ledger: &mut Ledger, id: &str, told: Option<&Told>) -> Result<(), Outcome> {
    let claim = ledger.of_bed(id).cloned();
    let Some(told) = told else {
        return match claim {
            Some(claim) if claim.state.is_patients() => {
                let text = "Somebody has this bed; release it before it goes";
                Err(Outcome::new(IssueType::Conflict, text).coded("bed-taken"))
            }
            Some(claim) => {
                ledger.end(&claim, End::Gone);
                Ok(())
            }
            None => Ok(()),
        };
    };
    let free = face_of(None);
    if let Some(claim) = claim.as_ref().filter(|claim| claim.is_of_nobody_known())
        && free.agrees_with(told)
    {
        ledger.end(claim, End::Ready);
        return Ok(());
    }
    let face = face_of(claim.as_ref());
    if face.agrees_with(told) {
        return Ok(());
    }
    let text = format!(
        "The bed is {}: operationalStatus {}, status {}. A Location shows that and does not change it; use \
         $allocate-bed, $release-bed or $bed-turnover",
        face.state, face.operational, face.status
    );
    Err(Outcome::new(IssueType::BusinessRule, text)
        .coded("constraint-violation")
        .at("Location.operationalStatus"))
}

/// Requests that are over, one way or the other.
const OVER: [&str; 5] = ["completed", "cancelled", "rejected", "failed", "entered-in-error"];

fn request(
    ledger: &mut Ledger,
    (id, known): (&str, &BTreeSet<String>),
    asked: Option<&Asked>,
) -> Result<(), Outcome> {
    let status = asked.map_or("entered-in-error", |asked| asked.status.as_str());
    let business = asked.map_or("", |asked| asked.business.as_str());
    let Some(claim) = ledger.of_task(id).cloned() else {
        let waits = ["requested", "on-hold"].contains(&status) && known.contains(id);
        return if waits || OVER.contains(&status) { Ok(()) } else { Err(not_by_hand()) };
    };
    let agrees = match claim.state {
        ClaimState::Held => (status, business) == ("accepted", "held"),
        ClaimState::Planned => (status, business) == ("accepted", "confirmed"),
        ClaimState::Occupied => ["in-progress", "completed"].contains(&status),
        ClaimState::Turnover | ClaimState::Blocked => true,
    };
    if agrees {
        return Ok(());
    }
    if !OVER.contains(&status) || status == "completed" {
        return Err(not_by_hand());
    }
    if claim.state == ClaimState::Occupied {
        return Err(super::ledger::illegal("occupied", status));
    }
    ledger.end(&claim, End::Cancelled);
    Ok(())
}

fn not_by_hand() -> Outcome {
    let text = "A request for a bed comes from ServiceRequest/[id]/$request-bed and goes on by $allocate-bed and \
                $confirm-bed; by hand it can be paused, cancelled or rejected";
    Outcome::new(IssueType::BusinessRule, text).coded("illegal-transition").at("Task.status")
}

/// Orders that were changed and stand like this.
fn of_orders(changes: &[Change], sayings: &[(usize, Saying)], as_this: Standing) -> Vec<String> {
    let orders = sayings.iter().filter(|(_, saying)| match saying {
        Saying::Order(standing, _) => *standing == as_this,
        Saying::Bed(_) | Saying::Stay(_) | Saying::Request(_) | Saying::Owed | Saying::Noted => {
            false
        }
    });
    orders.filter_map(|(at, _)| changes.get(*at).map(|change| change.key.id.clone())).collect()
}

/// Requests fall with their order, unless the patient lies in the bed. Those without a claim come back.
async fn orders(
    tx: &mut Tx<'_>,
    ledger: &mut Ledger,
    (changes, sayings): (&[Change], &[(usize, Saying)]),
) -> Result<Vec<String>, Outcome> {
    let revoked = of_orders(changes, sayings, Standing::IsRevoked);
    let mut fallen = Vec::new();
    for claim_or_task in rows::open_requests_of(tx, &revoked).await? {
        match claim_or_task {
            (_, Some(claim)) => {
                if claim.state != ClaimState::Occupied {
                    ledger.adopt(claim.clone());
                    ledger.end(&claim, End::Revoked);
                }
            }
            (task, None) => fallen.push(task),
        }
    }
    Ok(fallen)
}

/// By id the state that a request's row has now.
fn states(changes: &[Change], sayings: &[(usize, Saying)]) -> BTreeMap<String, &'static str> {
    let mut states = BTreeMap::new();
    for (at, saying) in sayings {
        if let (Saying::Request(asked), Some(change)) = (saying, changes.get(*at)) {
            let status = asked.as_ref().map_or("", |asked| asked.status.as_str());
            states.insert(change.key.id.clone(), row_state(status));
        }
    }
    states
}

/// The state of a request's row, by the status of its Task.
pub(super) fn row_state(status: &str) -> &'static str {
    match status {
        "requested" => "queued",
        "on-hold" => "paused",
        "accepted" | "in-progress" => "served",
        _ => "closed",
    }
}

/// The keys that are written anyway.
pub(super) fn written(changes: &[Change]) -> BTreeSet<crate::Key> {
    let is_shown =
        |ty: ResourceType| [TYPES.location, TYPES.encounter, TYPES.task].contains(&Some(ty));
    let keys = changes.iter().map(|change| &change.key);
    keys.filter(|key| is_shown(key.resource_type)).cloned().collect()
}

/// `ServiceRequest`
pub(super) fn order() -> Option<ResourceType> {
    TYPES.order
}

/// The resource types that show claims: Location, Encounter, Task.
pub(super) fn shown() -> Option<(ResourceType, ResourceType, ResourceType)> {
    Some((TYPES.location?, TYPES.encounter?, TYPES.task?))
}

impl Heard {
    /// What became of each claim at last, in the order in which that happened.
    pub(super) fn outcomes(&self) -> Vec<(&Claim, Option<End>)> {
        let mut last = BTreeMap::new();
        for (n, step) in self.steps.iter().enumerate() {
            let (claim, end) = match step {
                Step::End(claim, why) => (claim, Some(*why)),
                Step::Move(claim) | Step::Start(claim) => (claim, None),
            };
            last.insert(claim.id.as_str(), (n, claim, end));
        }
        let mut outcomes: Vec<_> = last.into_values().collect();
        outcomes.sort_unstable_by_key(|(n, ..)| *n);
        outcomes.into_iter().map(|(_, claim, end)| (claim, end)).collect()
    }
}
