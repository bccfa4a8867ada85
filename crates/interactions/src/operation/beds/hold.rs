//! A decision put into effect: claims, stays, requests and the trail of reasons, in one transaction.

use std::collections::BTreeMap;

use fhir_model::{Instant, IssueType, Outcome, json::Value};
use storage::{About, Change, Claim, ClaimState, Head, Key, Ledger, Tx, on_all_cores};

use super::{
    deed::Deed,
    document::{
        coded, concept, create, items, list, object, read, reference, referred, set, string, text,
        update,
    },
    plan::{Context, Decided},
    step_down::{self, Review},
    ty,
};
use crate::{
    Answer,
    operation::{Definition, Output},
};

/// A bed to be held for a request.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    /// Its place among the allocations of the plan.
    pub(super) allocation: usize,
    pub(super) task: String,
    pub(super) order: String,
    pub(super) patient: String,
    pub(super) bed: String,
    /// The stay that begins with it.
    pub(super) encounter: String,
    pub(super) organization: Option<String>,
    pub(super) hold_seconds: u32,
    /// For the patient and the doctor.
    pub(super) sentence: String,
    pub(super) risk: Option<String>,
}

/// What becomes of a grant whose bed somebody else got in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Losing {
    /// Nothing is held, and a new plan is made.
    Refuses,
    /// The others are held.
    IsLeftOut,
}

/// Holds beds.
pub(super) struct Hold {
    pub(super) definition: &'static Definition,
    pub(super) grants: Vec<Grant>,
    pub(super) decided: Decided,
    pub(super) context: Context,
    /// Under which the record is kept.
    pub(super) decision_id: String,
    /// Why a human departed from the policy.
    pub(super) override_reason: Option<Value>,
    pub(super) losing: Losing,
    /// The only request that the answer is about.
    pub(super) only: Option<String>,
    /// Ids for the resources of the trail.
    pub(super) fresh_ids: Vec<String>,
    /// By Task, for requests that need a bed at once and get none.
    pub(super) reviews: BTreeMap<String, Review>,
}

/// The end of each hold, by the place of the grant.
type Given = BTreeMap<usize, Instant>;

/// Allocations that one Provenance is about.
pub(super) const TRAIL: usize = 100;

/// Of so many holds, to undo them alone, and not their neighbours in the commit, costs more than to make them: SQLite
/// walks through all that it may have to undo after each statement.
const MANY: usize = 64;

impl Deed for Hold {
    fn may_refuse_late(&self) -> bool {
        self.grants.len() < MANY
    }

    async fn act(&self, tx: &mut Tx<'_>) -> Result<Answer, Outcome> {
        let (given, ledger) = self.claim(tx).await?;
        // what may go wrong goes wrong before anything is written
        let changes = self.changes(tx, &given).await?;
        tx.keep_beds(ledger).await?;
        if !given.is_empty() {
            let kept = &self.decided.kept;
            let roster = kept.rests_on.as_ref().map(|part| part.id.as_str());
            tx.keep_bed_decision(&self.decision_id, &kept.record, roster).await?;
            if let Some(part) = &kept.rests_on {
                tx.keep_bed_roster(part).await?;
            }
            tx.write(changes).await?;
        }
        step_down::write(tx, &self.reviews).await?;
        self.answer(&given)
    }
}

impl Hold {
    /// The grants that hold, and their claims, which are not written yet.
    async fn claim(&self, tx: &mut Tx<'_>) -> Result<(Given, Ledger), Outcome> {
        let of = |one: fn(&Grant) -> &String| self.grants.iter().map(one).cloned().collect();
        let about = About {
            beds: of(|grant| &grant.bed),
            tasks: of(|grant| &grant.task),
            patients: of(|grant| &grant.patient),
            encounters: Vec::new(),
        };
        let mut ledger = tx.bed_ledger(&about).await?;
        let states = tx.bed_request_states(&about.tasks).await?;
        let mut given = BTreeMap::new();
        for (n, grant) in self.grants.iter().enumerate() {
            let waits = states.get(&grant.task).is_some_and(|state| state == "queued");
            let until = tx.now().millis() + i64::from(grant.hold_seconds) * 1000;
            let claim = Claim {
                task: Some(grant.task.clone()),
                encounter: Some(grant.encounter.clone()),
                patient: Some(grant.patient.clone()),
                hold_until: Some(Instant::from_millis(until)),
                ..Claim::new(&grant.bed, ClaimState::Held, tx.now())
            };
            let started = if waits { ledger.start(claim) } else { Err(no_longer()) };
            match started {
                Ok(()) => {
                    given.insert(n, Instant::from_millis(until));
                }
                Err(outcome) if self.losing == Losing::Refuses => return Err(outcome),
                Err(_) => {}
            }
        }
        Ok((given, ledger))
    }

    async fn changes(&self, tx: &mut Tx<'_>, given: &Given) -> Result<Vec<Change>, Outcome> {
        let task = ty("Task")?;
        let (encounter, provenance) = (ty("Encounter")?, ty("Provenance")?);
        let held: Vec<(&Grant, Instant)> =
            given.iter().filter_map(|(n, until)| Some((self.grants.get(*n)?, *until))).collect();
        let keys: Vec<Key> =
            held.iter().map(|(grant, _)| Key::new(task, grant.task.as_str())).collect();
        let heads = tx.load(&keys).await?;
        let mut changes = Vec::with_capacity(held.len() * 2 + 1);
        let now = tx.now();
        let together: Vec<_> = held.iter().zip(keys).zip(heads).collect();
        let made = on_all_cores(together, |((&(grant, until), key), head)| {
            let Some((head, body)) = head.and_then(with_body) else { return Err(no_longer()) };
            let promise = Promise {
                bed: &grant.bed,
                encounter: &grant.encounter,
                until,
                sentence: &grant.sentence,
                decision: &self.decision_id,
            };
            let task = update(key, head, &promise.on(read(&body)?, now))?;
            let stay = create(Key::new(encounter, grant.encounter.as_str()), &stay_of(grant))?;
            Ok([task, stay])
        });
        for made in made {
            changes.extend(made?);
        }
        for (some, id) in held.chunks(TRAIL).zip(&self.fresh_ids) {
            let trail = self.trail(some.iter().map(|(grant, _)| *grant), tx.now());
            changes.push(create(Key::new(provenance, id.as_str()), &trail)?);
        }
        Ok(changes)
    }

    /// Who decided what by which rules.
    fn trail<'g>(&self, grants: impl Iterator<Item = &'g Grant>, now: Instant) -> Value {
        let given = grants.map(|it| (it.task.as_str(), it.encounter.as_str(), it.risk.as_deref()));
        let mut trail = trail(&self.decided.policy, given, now);
        if let Some(reason) = &self.override_reason {
            set(&mut trail, "reason", list([reason.clone()]));
        }
        trail
    }

    fn answer(&self, given: &Given) -> Result<Answer, Outcome> {
        let plan = &self.decided.plan;
        let by_place: BTreeMap<usize, (&Grant, Option<&Instant>)> = self
            .grants
            .iter()
            .enumerate()
            .map(|(n, it)| (it.allocation, (it, given.get(&n))))
            .collect();
        let mut out = Output::default();
        for (n, allocation) in plan.allocations.iter().enumerate() {
            let alternatives = self.decided.alternatives.get(&allocation.request);
            let Some((grant, Some(until))) = by_place.get(&n) else { continue };
            let held = Some((grant.encounter.as_str(), **until));
            let part = self.context.allocation(
                allocation,
                ("held", held),
                alternatives.map(Vec::as_slice),
            );
            out.parts("allocation", part);
        }
        let is_asked = |task: &str| self.only.as_deref().is_none_or(|only| only == task);
        for refusal in plan.unallocated.iter().filter(|it| is_asked(&it.request)) {
            let mut part = self.context.unallocated(refusal);
            if let Some(review) = self.reviews.get(&refusal.request) {
                part.reference("stepDownReview", "Task", &review.id);
            }
            out.parts("unallocated", part);
        }
        summary(&mut out, &self.decided, given.len());
        out.answer(self.definition)
    }
}

/// A bed that is held, as the request says it.
pub(super) struct Promise<'a> {
    pub(super) bed: &'a str,
    pub(super) encounter: &'a str,
    pub(super) until: Instant,
    pub(super) sentence: &'a str,
    pub(super) decision: &'a str,
}

impl Promise<'_> {
    pub(super) fn on(&self, mut task: Value, now: Instant) -> Value {
        let output = |code: &str, name: &str, value: Value| {
            object([("type", concept("bed-request-output", code)), (name, value)])
        };
        let until = self.until.to_string();
        set(&mut task, "status", string("accepted"));
        set(&mut task, "businessStatus", concept("bed-request-status", "held"));
        set(&mut task, "lastModified", string(now.to_string()));
        let period = object([("end", string(until.as_str()))]);
        set(&mut task, "restriction", object([("period", period)]));
        let outputs = list([
            output("bed", "valueReference", reference("Location", self.bed)),
            output("encounter", "valueReference", reference("Encounter", self.encounter)),
            output("hold-until", "valueInstant", string(until)),
            output("explanation", "valueMarkdown", string(self.sentence)),
            output("decision", "valueString", string(self.decision)),
        ]);
        set(&mut task, "output", outputs);
        task
    }
}

/// Who decided what by which rules: a Provenance about Tasks and Encounters, with the `RiskAssessment` of each.
pub(super) fn trail<'g>(
    policy: &str,
    given: impl Iterator<Item = (&'g str, &'g str, Option<&'g str>)>,
    now: Instant,
) -> Value {
    let (mut targets, mut entities) = (Vec::new(), Vec::new());
    let source = |what: Value| object([("role", string("source")), ("what", what)]);
    let identifier = object([("system", string("urn:ietf:rfc:3986")), ("value", string(policy))]);
    entities.push(source(object([("identifier", identifier)])));
    for (task, encounter, risk) in given {
        targets.push(reference("Task", task));
        targets.push(reference("Encounter", encounter));
        entities.extend(risk.map(|id| source(reference("RiskAssessment", id))));
    }
    let who = object([("display", string("MedVault bed planner"))]);
    object([
        ("resourceType", string("Provenance")),
        ("target", Value::Array(targets)),
        ("recorded", string(now.to_string())),
        ("activity", concept("bed-activity", "allocate")),
        ("agent", list([object([("who", who)])])),
        ("entity", Value::Array(entities)),
    ])
}

/// `summary`
pub(super) fn summary(out: &mut Output, decided: &Decided, served: usize) {
    let policy = decided.policy.rsplit_once('|').map_or(decided.policy.as_str(), |(it, _)| it);
    let mut part = Output::default();
    part.number("requests", "unsignedInt", decided.requests);
    part.number("served", "unsignedInt", served);
    part.number("objective", "decimal", decided.plan.cost);
    part.value("optimal", "boolean", true.to_string());
    part.number("elapsedMs", "decimal", decided.elapsed_millis);
    part.text("policy", "canonical", policy);
    part.text("asOf", "instant", &Instant::from_millis(decided.as_of_millis).to_string());
    out.parts("summary", part);
}

fn with_body(head: Head) -> Option<(Head, bytes::Bytes)> {
    let body = head.body.clone()?;
    Some((head, body))
}

/// A stay that is reserved.
fn stay_of(grant: &Grant) -> Value {
    let place =
        object([("location", reference("Location", &grant.bed)), ("status", string("reserved"))]);
    let class = object([
        ("system", string("http://terminology.hl7.org/CodeSystem/v3-ActCode")),
        ("code", string("IMP")),
    ]);
    let mut stay = object([
        ("resourceType", string("Encounter")),
        ("status", string("planned")),
        ("class", class),
        ("subject", reference("Patient", &grant.patient)),
        ("basedOn", list([reference("ServiceRequest", &grant.order)])),
        ("location", list([place])),
    ]);
    if let Some(organization) = &grant.organization {
        set(&mut stay, "serviceProvider", reference("Organization", organization));
    }
    stay
}

fn no_longer() -> Outcome {
    let text = "The request does not wait any more";
    Outcome::new(IssueType::Conflict, text).coded("illegal-transition")
}

/// What a Task says was decided for it: the decision's id, the bed and the stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) decision: Option<String>,
    pub(super) bed: Option<String>,
    pub(super) encounter: Option<String>,
    pub(super) until: Option<String>,
}

pub(super) fn said(task: &Value) -> Said {
    let find = |code: &str| {
        items(task, "output").iter().find(|it| {
            it.get("type").is_some_and(|of| super::document::codes(of).any(|it| it == code))
        })
    };
    let refers = |code: &str, ty: &str| {
        find(code).and_then(|it| referred(it, "valueReference", ty, "")).map(str::to_owned)
    };
    Said {
        decision: find("decision").and_then(|it| text(it, "valueString")).map(str::to_owned),
        bed: refers("bed", "Location"),
        encounter: refers("encounter", "Encounter"),
        until: find("hold-until").and_then(|it| text(it, "valueInstant")).map(str::to_owned),
    }
}

/// A message to the patient about a request.
pub(super) fn message(task: &str, patient: &str, words: &str, now: Instant) -> Value {
    object([
        ("resourceType", string("Communication")),
        ("status", string("completed")),
        (
            "category",
            list([coded(
                "http://terminology.hl7.org/CodeSystem/communication-category",
                "notification",
            )]),
        ),
        ("subject", reference("Patient", patient)),
        ("about", list([reference("Task", task)])),
        ("recipient", list([reference("Patient", patient)])),
        ("sent", string(now.to_string())),
        ("payload", list([object([("contentString", string(words))])])),
    ])
}
