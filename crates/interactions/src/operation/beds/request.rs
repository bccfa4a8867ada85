//! `ServiceRequest/[id]/$request-bed`: a patient joins the queue. What the bed must be comes from the doctor's order
//! alone; what the patient may say is where, and with whom in a room.

use beds::{Code as _, GenderPolicy};
use fhir_model::{Instant, Issue, IssueType, Outcome, Severity, json::Value};
use storage::{Key, Lock, NewRequest, Role, Turn, Tx};

use super::{
    approval::{Evidence, approve},
    assessment::{Asked, Assessed, Wishes, assess, risk_assessment},
    deed::{Deed, Once, body},
    document::{self, concept, create, object, reference, set, string},
    expected::expected,
    gate::{ASKING, MANAGING, admit, manages_order},
    order::{Order, order},
    patient::{metres, near},
    planners,
    policy::{InForce, in_force},
    ty,
};
use crate::{
    Answer, Fhir, Query,
    operation::{Definition, Output, Request},
    read::{deleted, not_found},
    search::{Reach, understand},
};

pub(crate) async fn request(request: Request<'_>) -> Result<Answer, Outcome> {
    let (fhir, key) = (request.fhir, request.call.key()?);
    let permit = admit(&request, &[ASKING, MANAGING]).await?;
    manages_order(&request, key).await?;
    let found = fhir.vault.read(&permit, key).await?.ok_or_else(|| not_found(key))?;
    let body = document::read(found.body.as_ref().ok_or_else(|| deleted(key))?)?;
    let order = order(&key.id, &body, fhir.base());
    let now = fhir.vault.clock().now();
    let evidence = evidence(fhir, &order, (LIVE, None)).await?;
    let approved = approve(&order, &evidence, now);
    let stands = asked_before(fhir, &order).await?;
    if let (Err(refusal), None) = (approved, &stands) {
        return Err(refusal);
    }
    let wishes = wishes(&request)?;
    let task = fhir.vault.new_id();
    let policy = in_force(fhir, None).await?;
    let asked = Asked {
        task: &task,
        authored_millis: now.millis(),
        order: &order,
        wishes,
        policy: &policy.policy,
    };
    let mut assessed = assess(fhir, asked).await?;
    let risk = fhir.vault.new_id();
    assessed.risk = Some(risk);
    let ahead = ahead(fhir, &assessed, (&policy, now)).await?;
    let deed = Join {
        definition: request.call.operation.definition,
        base: fhir.base().to_owned(),
        order,
        assessed,
        ahead,
        preferred: request.call.input.references(
            "preferredOrganization",
            fhir.base(),
            &["Organization"],
        )?,
        contact: request.call.input.value("contact").cloned(),
        needed_by: request.call.input.text("neededBy").map(str::to_owned),
    };
    fhir.vault.commit(permit, Once::of(&request, deed)).await
}

/// The request that stands on the order already.
async fn asked_before(fhir: &Fhir, order: &Order) -> Result<Option<String>, Outcome> {
    let row = fhir.vault.bed_request_of_order(&planners()?, &order.id).await?;
    Ok(row.filter(|row| row.state != "closed").map(|row| row.task))
}

fn wishes(request: &Request<'_>) -> Result<Wishes, Outcome> {
    let input = &request.call.input;
    let wrong =
        |text: &'static str| Outcome::new(IssueType::Value, text).at("Parameters.parameter");
    let preferred =
        input.references("preferredOrganization", request.fhir.base(), &["Organization"])?;
    let place =
        match input.text("near") {
            Some(text) => Some(near(text).ok_or_else(|| {
                wrong("near is lat|lon|distance|km, for example 12.97|77.59|30|km")
            })?),
            None => None,
        };
    let distance = if let Some(Value::Number(digits)) = input.value("maxDistanceKm") {
        Some(metres(digits, 1_000.0).ok_or_else(|| wrong("maxDistanceKm is 0 to 21,000"))?)
    } else {
        None
    };
    let gender_bay = match input.text("genderBay") {
        Some(code) => Some(
            GenderPolicy::parse(code).ok_or_else(|| wrong("genderBay is female, male or mixed"))?,
        ),
        None => None,
    };
    Ok(Wishes {
        preferred: preferred.into_iter().map(|key| key.id).collect(),
        accepts_alternative: input.accepts("acceptAlternative"),
        accepts_higher_level: input.accepts("acceptHigherLevel"),
        gender_bay,
        position: place.map(|(position, _)| position),
        distance_metres_max: distance.or_else(|| place.and_then(|(_, metres)| metres)),
    })
}

/// Of stays that go on, or are to begin.
const LIVE: &str = "planned,arrived,triaged,in-progress";

/// What the rule of approval looks at. Stays on the order count if they have one of these statuses, but for one of them.
pub(super) async fn evidence(
    fhir: &Fhir,
    order: &Order,
    (statuses, but): (&str, Option<&str>),
) -> Result<Evidence, Outcome> {
    let permit = planners()?;
    let read = async |key: Key| -> Result<Option<Value>, Outcome> {
        let found = fhir.vault.read(&permit, &key).await?;
        found.as_ref().and_then(|it| it.body.as_ref()).map(|body| document::read(body)).transpose()
    };
    let mut evidence = Evidence { base: fhir.base().to_owned(), ..Evidence::default() };
    if let Some(id) = &order.requester {
        evidence.role = read(Key::new(ty("PractitionerRole")?, id.as_str())).await?;
    }
    let of = |name: &str| [(name.to_owned(), format!("ServiceRequest/{}", order.id))];
    let mut signatures: Query = of("target").into_iter().collect();
    signatures.push("agent-type", "verifier");
    evidence.provenances = find(fhir, "Provenance", signatures).await?;
    let agents = evidence.provenances.iter().flat_map(|it| document::items(it, "agent"));
    let who =
        agents.filter_map(|it| document::referred(it, "who", "PractitionerRole", fhir.base()));
    let who: Vec<String> = who.map(str::to_owned).collect();
    for id in who {
        if let Some(role) = read(Key::new(ty("PractitionerRole")?, id.as_str())).await? {
            evidence.verifiers.push((id, role));
        }
    }
    let mut stays: Query = of("based-on").into_iter().collect();
    stays.push("status", statuses);
    let stays = find(fhir, "Encounter", stays).await?;
    evidence.has_stay = stays.iter().any(|it| but.is_none() || document::text(it, "id") != but);
    Ok(evidence)
}

/// What is looked at when something is looked for, and so many of it at once.
const FOUND_MAX: usize = 500;
const FOUND_AT_ONCE: u32 = 50;

/// What there is, the latest first, so that nothing is hidden behind what was there before.
pub(super) async fn find(fhir: &Fhir, of: &str, mut query: Query) -> Result<Vec<Value>, Outcome> {
    query.push("_sort", "-_lastUpdated");
    let reach = Reach::Type(ty(of)?);
    let (plan, _) = understand(fhir, &reach, query, search::Handling::Strict)?;
    let (permit, mut turn, mut found) = (planners()?, Turn::First, Vec::new());
    loop {
        let page = fhir.vault.search(&permit, &plan, &turn, FOUND_AT_ONCE).await?;
        for body in page.versions.iter().filter_map(|it| it.body.as_ref()) {
            found.push(document::read(body)?);
        }
        match page.next {
            Some(next) if found.len() < FOUND_MAX => turn = Turn::After(next),
            Some(_) | None => return Ok(found),
        }
    }
}

/// The place in the queue, how long it is, and what there is to warn of.
#[derive(Debug, Clone)]
struct Ahead {
    position: usize,
    length: usize,
    /// Minutes that half of such requests, and nine in ten, waited at most.
    wait: Option<(i64, i64)>,
    warnings: Vec<Issue>,
}

async fn ahead(
    fhir: &Fhir,
    assessed: &Assessed,
    (policy, now): (&InForce, Instant),
) -> Result<Ahead, Outcome> {
    let needs = &assessed.request.needs;
    let wait = expected(fhir).await?.wait_minutes(needs.bed_type, assessed.request.tier);
    let mut board = fhir.desk.board.lock().await;
    board.look(fhir).await?;
    let others = board.queue.values().filter(|it| it.assessed.barred(now, &it.state).is_none());
    let others = others.map(|it| &it.assessed.request);
    let position = beds::position(&assessed.request, others, &policy.policy, now.millis());
    let fits = |bed: &super::board::BoardBed| {
        let site = board.sites.get(&bed.bed.hospital).and_then(|it| it.hospital.position);
        let metres = assessed.request.position.zip(site).map(|(from, to)| from.metres_to(to));
        let broken = beds::broken(&assessed.request, &bed.bed, metres, &policy.policy);
        broken.iter().all(|it| it == beds::Constraint::Taken)
    };
    let mut warnings = Vec::new();
    let mut warn = |code: &'static str, text: &'static str| {
        warnings.push(Issue {
            severity: Severity::Warning,
            code: IssueType::BusinessRule,
            details: Some(code),
            diagnostics: text.into(),
            expression: None,
        });
    };
    let tier = assessed.request.tier;
    let is_stale = |it| beds::is_stale(it, tier, &policy.policy, now.millis());
    if assessed.measured_millis.is_some_and(is_stale) {
        warn("vitals-stale", "The vital signs are too old for this urgency; take them again");
    } else if assessed.measured_millis.is_none() {
        warn(
            "vitals-stale",
            "There are no vital signs of the last 24 hours; the order's priority decides alone",
        );
    }
    if !board.beds.values().any(fits) {
        warn("no-feasible-bed", "No bed anywhere is what the order asks for, free or not");
    }
    Ok(Ahead { position, length: board.queue.len() + 1, wait, warnings })
}

/// A `Quantity`.
fn minutes(value: i64) -> Value {
    object([
        ("value", Value::Number(value.to_string())),
        ("unit", string("min")),
        ("system", string("http://unitsofmeasure.org")),
        ("code", string("min")),
    ])
}

struct Join {
    definition: &'static Definition,
    base: String,
    order: Order,
    assessed: Assessed,
    ahead: Ahead,
    preferred: Vec<Key>,
    contact: Option<Value>,
    needed_by: Option<String>,
}

impl Deed for Join {
    fn locks(&self) -> Vec<Lock> {
        // two requests on one order come one after the other
        ty("ServiceRequest")
            .map(|ty| Lock::Resource(Key::new(ty, self.order.id.as_str())))
            .into_iter()
            .collect()
    }

    async fn act(&self, tx: &mut Tx<'_>) -> Result<Answer, Outcome> {
        let patient = self.order.patient.as_deref().unwrap_or_default();
        if let Some((task, order)) = tx.open_bed_request(patient).await? {
            if order == self.order.id {
                let body = body(tx, &Key::new(ty("Task")?, task.as_str())).await?;
                return self.answer(body, None);
            }
            return Ok(already_requested(&self.base, &task));
        }
        let about = storage::About { patients: vec![patient.to_owned()], ..Default::default() };
        let ledger = tx.bed_ledger(&about).await?;
        if ledger.of_patient(patient, Role::Current).is_some_and(|it| !it.is_expired(tx.now())) {
            return Err(already_admitted());
        }
        let now = tx.now();
        let task = self.assessed.request.id.as_str();
        let details = serde_json::to_string(&self.assessed)
            .map_err(|error| Outcome::new(IssueType::Exception, error.to_string()))?;
        let row = NewRequest {
            task: task.to_owned(),
            order: self.order.id.clone(),
            patient: patient.to_owned(),
            details,
        };
        if !tx.queue_bed_request(&row).await? {
            return Err(tx.start_again());
        }
        let mut changes = vec![create(Key::new(ty("Task")?, task), &self.task(patient, now))?];
        if let Some(risk) = &self.assessed.risk {
            let body = risk_assessment(&self.assessed, patient, now);
            changes.push(create(Key::new(ty("RiskAssessment")?, risk.as_str()), &body)?);
        }
        let stored = tx.write(changes).await?;
        let body = stored.into_iter().next().and_then(|it| it.body);
        self.answer(body.unwrap_or_default(), Some(&self.ahead))
    }
}

impl Join {
    fn task(&self, patient: &str, now: Instant) -> Value {
        let mut task = object([
            ("resourceType", string("Task")),
            ("status", string("requested")),
            ("businessStatus", concept("bed-request-status", "queued")),
            ("intent", string("order")),
            ("code", concept("task-code", "bed-allocation")),
            ("focus", reference("ServiceRequest", &self.order.id)),
            ("for", reference("Patient", patient)),
            ("authoredOn", string(now.to_string())),
            ("lastModified", string(now.to_string())),
        ]);
        if let Some(role) = &self.order.requester {
            set(&mut task, "requester", reference("PractitionerRole", role));
        }
        if let Some(first) = self.preferred.first() {
            set(&mut task, "owner", reference("Organization", &first.id));
        }
        let mut inputs: Vec<Value> = Vec::new();
        let mut input = |code: &str, name: &str, value: Value| {
            inputs.push(object([("type", concept("bed-request-input", code)), (name, value)]));
        };
        for key in &self.preferred {
            input("preferred-organization", "valueReference", reference("Organization", &key.id));
        }
        let wishes = &self.assessed.wishes;
        input("bed-type", "valueCode", string(self.assessed.request.needs.bed_type.code()));
        input("accept-alternative", "valueBoolean", Value::Bool(wishes.accepts_alternative));
        input("accept-higher-level", "valueBoolean", Value::Bool(wishes.accepts_higher_level));
        if let Some(metres) = wishes.distance_metres_max {
            input("max-distance-metres", "valueUnsignedInt", Value::Number(metres.to_string()));
        }
        if let Some(by) = &self.needed_by {
            input("needed-by", "valueDateTime", string(by.as_str()));
        }
        if let Some(contact) = &self.contact {
            input("contact", "valueContactPoint", contact.clone());
        }
        if let Some(risk) = &self.assessed.risk {
            input("severity", "valueReference", reference("RiskAssessment", risk));
        }
        set(&mut task, "input", Value::Array(inputs));
        task
    }

    fn answer(&self, task: bytes::Bytes, ahead: Option<&Ahead>) -> Result<Answer, Outcome> {
        let mut out = Output::default();
        out.resource("task", task);
        if let Some(ahead) = ahead {
            out.number("position", "positiveInt", ahead.position);
            out.number("queueLength", "unsignedInt", ahead.length);
            if let Some((half, most)) = ahead.wait {
                let range = object([("low", minutes(half)), ("high", minutes(most))]);
                let json = String::from_utf8(range.to_vec()).unwrap_or_default();
                out.value("estimatedWait", "Range", json);
            }
            if let Some(outcome) = Outcome::from_issues(ahead.warnings.clone()) {
                out.resource("outcome", outcome.to_json().into());
            }
        }
        out.answer(self.definition)
    }
}

/// 422 for a patient who has a bed.
pub(super) fn already_admitted() -> Outcome {
    let text = "The patient has a bed already; transfer it with $transfer-bed";
    Outcome::new(IssueType::BusinessRule, text).coded("already-admitted")
}

/// 422 for a patient who waits, or was given a bed, on another order.
pub(super) fn already_requested(base: &str, task: &str) -> Answer {
    let text = format!("The patient waits for a bed already: Task/{task}");
    let outcome = Outcome::new(IssueType::BusinessRule, text).coded("already-requested");
    let location = Some(format!("{base}/Task/{task}"));
    Answer { location, ..Answer::refusal(&outcome) }
}
