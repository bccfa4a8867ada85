//! `Encounter/[id]/$allocate-bed`: an emergency gets a bed of an emergency department before a doctor ordered it. The
//! order is due within the hour ([`super::order_due`]). It does not queue, so it takes no bed that others wait for:
//! those of wards are given on an order only.

use auth::{Permit, Role};
use beds::{Bed, BedType, Code as _, Kind, Priority, Snapshot};
use fhir_model::{Instant, IssueType, Outcome, json::Value};
use storage::{About, Claim, ClaimState, Key, NewRequest, OrderDue, Tx, Version};

use super::{
    allocate::{Wanted, given_before, is_lost, named_bed, wanted},
    assessment::{Asked, Assessed, Wishes, assess, risk_assessment},
    board::{Board, BoardBed},
    deed::{Deed, Once, load},
    document::{
        self, concept, create, items, object, read, reference, referred, set, string, text,
    },
    gate::{self, MANAGING, admit, manages_bed},
    hold::{Promise, summary, trail},
    order::Order,
    order_due::ordered,
    plan::{Context, Decided, decide},
    request::{already_admitted, already_requested},
    single::taken,
    ty,
};
use crate::{
    Answer,
    operation::{Definition, Output, Request, coding},
    read::{deleted, not_found},
};

/// How often is decided again when somebody else was quicker.
const ROUNDS_MAX: u32 = 3;

pub(crate) async fn hold(request: Request<'_>) -> Result<Answer, Outcome> {
    let permit = admit(&request, &[MANAGING, &[Role::Doctor]]).await?;
    if let Some(answer) = given_before(&request, &permit).await? {
        return Ok(answer);
    }
    let wanted = wanted(&request).await?;
    let seconds_max = request.fhir.vault.order_due_seconds();
    if wanted.hold_seconds.is_some_and(|seconds| seconds > seconds_max) {
        let text = format!("holdMinutes is {} at most: then the order is due", seconds_max / 60);
        return Err(Outcome::new(IssueType::Value, text).at("Parameters.parameter"));
    }
    let named = named_bed(&request)?;
    if let Some(bed) = &named {
        manages_bed(&request, &bed.id).await?;
    }
    let mut round = 0;
    loop {
        round += 1;
        let hold = prepare(&request, (&permit, &wanted, named.as_ref())).await?;
        if wanted.proposes || hold.decided.plan.allocations.is_empty() {
            return hold.answer(None);
        }
        match request.fhir.vault.commit(permit.clone(), Once::of(&request, hold)).await {
            Err(outcome) if round < ROUNDS_MAX && named.is_none() && is_lost(&outcome) => {}
            answer => return answer,
        }
    }
}

/// What an Encounter says of itself.
struct Stay {
    patient: String,
    hospital: Option<String>,
    based_on: Option<Value>,
}

/// An emergency that goes on.
///
/// # Errors
/// `approval-missing`, `illegal-transition`.
fn emergency(stay: &Value, base: &str) -> Result<Stay, Outcome> {
    let refused = |text: &'static str, place: &'static str| {
        Outcome::new(IssueType::BusinessRule, text).coded("approval-missing").at(place)
    };
    let class = stay.get("class").and_then(|it| text(it, "code")).unwrap_or_default();
    if class != "EMER" {
        let text = "Only an emergency (class EMER) has a bed before the order; otherwise a doctor orders it and \
                    ServiceRequest/[id]/$request-bed asks for it";
        return Err(refused(text, "Encounter.class"));
    }
    let status = text(stay, "status").unwrap_or_default();
    if !["planned", "arrived", "triaged", "in-progress"].contains(&status) {
        return Err(storage::illegal(status, "given a bed"));
    }
    let Some(patient) = referred(stay, "subject", "Patient", base) else {
        return Err(refused("The emergency names no patient", "Encounter.subject"));
    };
    let hospital = referred(stay, "serviceProvider", "Organization", base).map(str::to_owned);
    let based_on = stay.get("basedOn").cloned();
    Ok(Stay { patient: patient.to_owned(), hospital, based_on })
}

/// What an emergency asks for: as an order of the highest urgency would.
fn order(patient: &str, request: &Request<'_>, (now, until): (Instant, i64)) -> Order {
    let input = &request.call.input;
    Order {
        id: String::new(),
        status: String::new(),
        intent: String::new(),
        is_admission: true,
        patient: Some(patient.to_owned()),
        requester: None,
        authored: Some(now.millis()),
        valid: (now.millis(), until),
        priority: Some(Priority::Stat),
        tier: None,
        bed_type: BedType::General,
        isolation: input
            .codes("isolation")
            .into_iter()
            .filter_map(beds::Isolation::parse)
            .collect(),
        equipment: input
            .codes("equipment")
            .into_iter()
            .filter_map(beds::Equipment::parse)
            .collect(),
        organism: None,
        has_infection: false,
        is_hypercapnic: false,
        allowed: Vec::new(),
    }
}

/// A bed of an emergency department does for every emergency, whatever the level of its care.
fn alike(bed: Bed) -> Bed {
    Bed { kind: Kind { bed_type: BedType::General, ..bed.kind }, ..bed }
}

/// Decides which bed.
async fn prepare(
    request: &Request<'_>,
    (permit, wanted, named): (&Permit, &Wanted, Option<&Key>),
) -> Result<Hold, Outcome> {
    let (fhir, key) = (request.fhir, request.call.key()?.clone());
    let found = fhir.vault.read(permit, &key).await?.ok_or_else(|| not_found(&key))?;
    let own = gate::own_hospital(request.caller)?.map(str::to_owned);
    if let Some(own) = &own {
        is_theirs(request, &key, (&found, own)).await?;
    }
    let body = read(found.body.as_ref().ok_or_else(|| deleted(&key))?)?;
    let stay = emergency(&body, fhir.base())?;
    if ordered(fhir, &body, &["active"]).await?.is_some() {
        let text =
            "The stay is based on an order; ServiceRequest/[id]/$request-bed asks for its bed";
        return Err(Outcome::new(IssueType::Conflict, text).coded("illegal-transition"));
    }
    let hospital = own.or_else(|| stay.hospital.clone());
    if hospital.is_none() && named.is_none() {
        let text = "Say in which hospital the patient is: Encounter.serviceProvider, or the bed";
        return Err(Outcome::new(IssueType::Required, text).at("Encounter.serviceProvider"));
    }
    let now = fhir.vault.clock().now();
    let until = now.millis() + i64::from(fhir.vault.order_due_seconds()) * 1000;
    let order = order(&stay.patient, request, (now, until));
    let task = fhir.vault.new_id();
    let policy = &wanted.policy;
    let asked = Asked {
        task: &task,
        authored_millis: now.millis(),
        order: &order,
        wishes: Wishes { accepts_higher_level: true, ..Wishes::default() },
        policy: &policy.policy,
    };
    let mut assessed = assess(fhir, asked).await?;
    // the patient is at the hospital, wherever they live
    assessed.request.position = None;
    assessed.risk = Some(fhir.vault.new_id());
    assessed.is_emergency = true;
    let (snapshot, mut context) =
        free_beds(request, (&assessed, &stay.patient), (wanted, named, hospital.as_deref(), now))
            .await?;
    context.requests.insert(task.clone(), (stay.patient.clone(), assessed.clone()));
    let decided = decide(fhir, snapshot, policy).await?;
    if named.is_some() && decided.plan.allocations.is_empty() {
        return Err(taken(now));
    }
    let usual = fhir.desk.hold_seconds.unwrap_or(super::HOLD_SECONDS);
    Ok(Hold {
        definition: request.call.operation.definition,
        base: fhir.base().to_owned(),
        key,
        if_match: request.call.conditions.if_match,
        patient: stay.patient,
        hospital: stay.hospital,
        based_on: stay.based_on,
        assessed,
        decided,
        context,
        seconds: wanted.hold_seconds.unwrap_or(usual).min(fhir.vault.order_due_seconds()),
        decision_id: fhir.vault.new_id(),
        trail_id: fhir.vault.new_id(),
    })
}

/// Whether a stay is one of a hospital's own, or says of no hospital and is shown to who asks.
///
/// # Errors
/// `not-found`, as if the stay were not there.
async fn is_theirs(
    request: &Request<'_>,
    key: &Key,
    (found, own): (&Version, &str),
) -> Result<(), Outcome> {
    let says = match &found.body {
        Some(body) => {
            let stay = read(body)?;
            referred(&stay, "serviceProvider", "Organization", request.fhir.base())
                .map(str::to_owned)
        }
        None => None,
    };
    if says.as_deref() == Some(own) {
        return Ok(());
    }
    let is_shown = says.is_none() && gate::is_shown(request, key).await?;
    if is_shown { Ok(()) } else { Err(not_found(key)) }
}

/// The emergency and the beds that it may have, with their names.
async fn free_beds(
    request: &Request<'_>,
    (assessed, patient): (&Assessed, &str),
    (wanted, named, hospital, now): (&Wanted, Option<&Key>, Option<&str>, Instant),
) -> Result<(Snapshot, Context), Outcome> {
    let mut board = request.fhir.desk.board.lock().await;
    board.look(request.fhir).await?;
    let is_theirs = |claim: &Claim| {
        claim.patient.as_deref() == Some(patient)
            && claim.state.is_patients()
            && !claim.is_expired(now)
    };
    if board.beds.values().filter_map(|it| it.claim.as_ref()).any(is_theirs) {
        return Err(already_admitted());
    }
    if let Some(bed) = named {
        may_be_given(&board, assessed, (bed, wanted, now))?;
    }
    let has_bed = |bed: &BoardBed| {
        let is_named = named.is_none_or(|it| it.id == bed.bed.id);
        let is_here = hospital.is_none_or(|it| it == bed.bed.hospital);
        is_named && is_here && bed.is_for_emergencies(&board)
    };
    let mut snapshot = board.snapshot(&wanted.policy, now, (&has_bed, &|_: &str| false));
    snapshot.beds = snapshot.beds.into_iter().map(alike).collect();
    snapshot.requests.push(assessed.request.clone());
    let mut context = Context::default();
    for bed in &snapshot.beds {
        context.beds.extend(board.beds.get(&bed.id).map(|it| (bed.id.clone(), it.name.clone())));
        let site = board.sites.get(&bed.hospital);
        context.sites.extend(site.map(|it| (bed.hospital.clone(), it.name.clone())));
    }
    Ok((snapshot, context))
}

/// Whether a bed that a human named is an emergency department's, free, and what is needed.
fn may_be_given(
    board: &Board,
    assessed: &Assessed,
    (key, wanted, now): (&Key, &Wanted, Instant),
) -> Result<(), Outcome> {
    let refused = |code: &'static str, text: String| {
        Err(Outcome::new(IssueType::BusinessRule, text).coded(code))
    };
    let Some(bed) = board.beds.get(&key.id) else {
        let text = "The Location that was named is no bed of this vault";
        return refused("constraint-violation", text.to_owned());
    };
    if !bed.is_for_emergencies(board) {
        let text = "The bed that was named is no emergency department's (Location.type ER or ETU, of the bed or of a \
                    place that it is part of); any other needs a doctor's order";
        return refused("approval-missing", text.to_owned());
    }
    let bed = alike(bed.as_of(now));
    let broken = beds::broken(&assessed.request, &bed, None, &wanted.policy.policy);
    let hard = broken.iter().filter(|it| *it != beds::Constraint::Taken).map(beds::Code::code);
    let hard: Vec<&str> = hard.collect();
    if !hard.is_empty() {
        let text = format!("The bed that was named breaks: {}", hard.join(", "));
        return refused("constraint-violation", text);
    }
    if broken.contains(beds::Constraint::Taken) { Err(taken(now)) } else { Ok(()) }
}

struct Hold {
    definition: &'static Definition,
    base: String,
    key: Key,
    if_match: Option<u64>,
    patient: String,
    hospital: Option<String>,
    based_on: Option<Value>,
    assessed: Assessed,
    decided: Decided,
    context: Context,
    seconds: u32,
    decision_id: String,
    trail_id: String,
}

impl Deed for Hold {
    async fn act(&self, tx: &mut Tx<'_>) -> Result<Answer, Outcome> {
        let head = load(tx, &self.key, self.if_match).await?;
        let mut stay = read(head.body.as_deref().unwrap_or_default())?;
        let now = emergency(&stay, &self.base)?;
        let here = (&now.patient, &now.hospital, &now.based_on);
        if here != (&self.patient, &self.hospital, &self.based_on) {
            return Err(tx.start_again());
        }
        let Some(bed) = self.decided.plan.allocations.first().map(|it| it.bed.as_str()) else {
            return self.answer(None);
        };
        let about = About {
            beds: vec![bed.to_owned()],
            patients: vec![self.patient.clone()],
            encounters: vec![self.key.id.clone()],
            ..About::default()
        };
        let mut ledger = tx.bed_ledger(&about).await?;
        let mut until = Instant::from_millis(tx.now().millis() + i64::from(self.seconds) * 1000);
        if let Some(due) = tx.order_was_due_for(&self.key.id).await? {
            if due <= tx.now() {
                return Err(late());
            }
            until = until.min(due);
        }
        let task = self.assessed.request.id.as_str();
        ledger.start(Claim {
            task: Some(task.to_owned()),
            encounter: Some(self.key.id.clone()),
            patient: Some(self.patient.clone()),
            hold_until: Some(until),
            ..Claim::new(bed, ClaimState::Held, tx.now())
        })?;
        if let Some((waiting, _)) = tx.open_bed_request(&self.patient).await? {
            return Ok(already_requested(&self.base, &waiting));
        }
        let details = serde_json::to_string(&self.assessed)
            .map_err(|error| Outcome::new(IssueType::Exception, error.to_string()))?;
        let patient = self.patient.clone();
        let row = NewRequest { task: task.to_owned(), order: String::new(), patient, details };
        if !tx.queue_bed_request(&row).await? {
            return Err(tx.start_again());
        }
        tx.keep_beds(ledger).await?;
        tx.keep_bed_decision(&self.decision_id, &self.decided.kept.record, None).await?;
        let place =
            object([("location", reference("Location", bed)), ("status", string("reserved"))]);
        let mut places = items(&stay, "location").to_vec();
        places.push(place);
        set(&mut stay, "location", Value::Array(places));
        let mut changes = vec![document::update(self.key.clone(), head, &stay)?];
        changes.extend(self.trail(bed, until, tx.now())?);
        tx.write(changes).await?;
        let due = tx.order_due_for(&self.key.id).await?;
        self.answer(Some(&(until, due)))
    }
}

/// Who had a bed before and whose order is late by now has none held again.
fn late() -> Outcome {
    let text = "The stay had a bed before, and the order for it is late: give the order, and \
                ServiceRequest/[id]/$request-bed asks for a bed";
    Outcome::new(IssueType::BusinessRule, text).coded("approval-missing").at("Encounter.basedOn")
}

impl Hold {
    /// The request that is served, what it rests on, and who decided by which rules.
    fn trail(
        &self,
        bed: &str,
        until: Instant,
        now: Instant,
    ) -> Result<Vec<storage::Change>, Outcome> {
        let task = self.assessed.request.id.as_str();
        let sentence = self.decided.plan.allocations.first().map(|it| self.context.sentence(it));
        let promise = Promise {
            bed,
            encounter: &self.key.id,
            until,
            sentence: sentence.as_deref().unwrap_or_default(),
            decision: &self.decision_id,
        };
        let mut request = object([
            ("resourceType", string("Task")),
            ("status", string("accepted")),
            ("intent", string("order")),
            ("priority", string("stat")),
            ("code", concept("task-code", "bed-allocation")),
            ("focus", reference("Encounter", &self.key.id)),
            ("for", reference("Patient", &self.patient)),
            ("encounter", reference("Encounter", &self.key.id)),
            ("authoredOn", string(now.to_string())),
        ]);
        let mut changes = Vec::with_capacity(3);
        if let Some(risk) = &self.assessed.risk {
            let severity = object([
                ("type", concept("bed-request-input", "severity")),
                ("valueReference", reference("RiskAssessment", risk)),
            ]);
            set(&mut request, "input", document::list([severity]));
            let body = risk_assessment(&self.assessed, &self.patient, now);
            changes.push(create(Key::new(ty("RiskAssessment")?, risk.as_str()), &body)?);
        }
        changes.push(create(Key::new(ty("Task")?, task), &promise.on(request, now))?);
        let given = (task, self.key.id.as_str(), self.assessed.risk.as_deref());
        let trail = trail(&self.decided.policy, std::iter::once(given), now);
        changes.push(create(Key::new(ty("Provenance")?, self.trail_id.as_str()), &trail)?);
        Ok(changes)
    }

    /// What is held until when and which order is due; without that, what would be, or why nothing is.
    fn answer(&self, held: Option<&(Instant, Option<OrderDue>)>) -> Result<Answer, Outcome> {
        let plan = &self.decided.plan;
        let mut out = Output::default();
        if let Some(allocation) = plan.allocations.first() {
            let mut part = Output::default();
            if held.is_some() {
                part.reference("task", "Task", &allocation.request);
            }
            part.reference("patient", "Patient", &self.patient);
            part.reference("bed", "Location", &allocation.bed);
            part.reference("encounter", "Encounter", &self.key.id);
            part.text("status", "code", if held.is_some() { "held" } else { "proposed" });
            if let Some((until, due)) = held {
                part.text("holdUntil", "instant", &until.to_string());
                if let Some(due) = due {
                    part.reference("orderTask", "Task", &due.task);
                    part.text("orderDue", "instant", &due.due.to_string());
                }
            }
            let alternatives = self.decided.alternatives.get(&allocation.request);
            let alternatives = alternatives.map(Vec::as_slice);
            let mut context = self.context.clone();
            if held.is_none()
                && let Some((_, assessed)) = context.requests.get_mut(&allocation.request)
            {
                // nothing was written that could be read
                assessed.risk = None;
            }
            part.parts("explanation", context.explanation(allocation, alternatives));
            out.parts("allocation", part);
        }
        for refusal in &plan.unallocated {
            let mut part = Output::default();
            part.text("reason", "code", refusal.reason.code());
            for constraint in &refusal.blocking {
                let code = coding(&super::system("bed-constraint"), constraint.code());
                part.value("blocking", "Coding", code);
            }
            part.text("text", "markdown", &refusal.sentence(&self.assessed.words));
            out.parts("unallocated", part);
        }
        summary(&mut out, &self.decided, usize::from(held.is_some()));
        out.answer(self.definition)
    }
}
