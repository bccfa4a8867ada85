//! How urgent a request is and what its bed must be, out of the order, the patient and the vital signs.

use beds::{
    Bar, BayWish, Code as _, GenderPolicy, Method, Needs, Points, Policy, Position, Request,
    VitalsRule, fresh_until, severity::Scale,
};
use fhir_model::{Instant, IssueType, Outcome, json::Value};
use serde::{Deserialize, Serialize};
use storage::{Key, Turn, Version};

use super::{
    document,
    order::Order,
    order::order,
    patient::person,
    planners,
    policy::in_force,
    scores::{Early, Illness, Known, scores},
    ty,
    vitals::{self, Seen},
};
use crate::{
    Fhir, Query,
    search::{Reach, understand},
};

/// Vital signs count for a day at most.
const WINDOW_MILLIS: i64 = 24 * 3_600_000;
const OBSERVATIONS_MAX: u32 = 200;
const CONDITIONS_MAX: u32 = 100;

/// What the patient asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wishes {
    pub(super) preferred: Vec<String>,
    pub(super) accepts_alternative: bool,
    pub(super) accepts_higher_level: bool,
    pub(super) gender_bay: Option<GenderPolicy>,
    pub(super) position: Option<Position>,
    pub(super) distance_metres_max: Option<u32>,
}

/// A request as the plan takes it, and what it rests on. Kept as JSON with the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Assessed {
    pub(super) request: Request,
    pub(super) wishes: Wishes,
    /// What put it into its tier.
    pub(super) method: Method,
    /// How the severity was found, in words.
    pub(super) words: String,
    /// When that was, in milliseconds since 1970.
    pub(super) as_of_millis: i64,
    /// Until when the order holds.
    pub(super) valid_until_millis: i64,
    /// When the latest vital sign was measured.
    pub(super) measured_millis: Option<i64>,
    /// Until when the vital signs are fresh enough, where the policy requires that; without any that is long ago.
    #[serde(default)]
    pub(super) fresh_until_millis: Option<i64>,
    /// `Observation.id` and version of each vital sign that counts.
    pub(super) basis: Vec<(String, u64)>,
    /// Values that the score would need and nobody measured.
    pub(super) missing: Vec<String>,
    /// `RiskAssessment.id`
    pub(super) risk: Option<String>,
    /// Whether it is an emergency's, which got a bed before it was ordered and did not wait.
    #[serde(default)]
    pub(super) is_emergency: bool,
}

/// What an assessment starts from.
pub(super) struct Asked<'a> {
    pub(super) task: &'a str,
    pub(super) authored_millis: i64,
    pub(super) order: &'a Order,
    pub(super) wishes: Wishes,
    pub(super) policy: &'a Policy,
}

/// Assesses a request as of now.
///
/// # Errors
/// `not-found` when the patient is not here; the database's own trouble.
pub(super) async fn assess(fhir: &Fhir, asked: Asked<'_>) -> Result<Assessed, Outcome> {
    let permit = planners()?;
    let now = fhir.vault.clock().now();
    let patient = asked.order.patient.as_deref().unwrap_or_default();
    let key = Key::new(ty("Patient")?, patient);
    let found = fhir.vault.read(&permit, &key).await?;
    let body = found.as_ref().and_then(|it| it.body.as_ref());
    let Some(body) = body else {
        let text = "The patient of the order is not here";
        return Err(Outcome::new(IssueType::NotFound, text).at("ServiceRequest.subject"));
    };
    let person = person(&document::read(body)?);
    let seen = observations(fhir, patient, now).await?;
    let mut measured = vitals::measured(&seen, now.millis() - WINDOW_MILLIS);
    let illness = illness(fhir, patient).await?;
    let Asked { task, authored_millis, order, wishes, policy } = asked;
    let known = Known {
        measured: &measured,
        patient: person.for_scores(now),
        gender: person.gender,
        illness: &illness,
        policy,
    };
    let scores = scores(order, &known);
    if scores.is_by_blood {
        measured.basis.append(&mut measured.blood_basis);
    }
    let request = Request {
        id: task.to_owned(),
        authored_on_millis: authored_millis,
        tier: scores.tier,
        severity: scores.severity,
        needs: Needs {
            bed_type: order.bed_type,
            accepts_higher_level: wishes.accepts_higher_level,
            bay: BayWish::of(person.gender, wishes.gender_bay),
            age_group: person.age_group(now),
            isolation: order.isolation,
            equipment: order.equipment,
            organism: order.organism.clone(),
        },
        position: wishes.position.or(person.position),
        distance_metres_max: wishes.distance_metres_max,
        allowed: order.allowed.clone(),
        preferred: wishes.preferred.clone(),
        accepts_alternative: wishes.accepts_alternative,
        barred: None,
        is_recalled: false,
    };
    Ok(Assessed {
        request,
        wishes,
        method: scores.method,
        words: scores.words,
        as_of_millis: now.millis(),
        valid_until_millis: order.valid.1,
        measured_millis: measured.latest_millis,
        fresh_until_millis: (policy.vitals == VitalsRule::Required).then(|| {
            let until = |measured| fresh_until(measured, scores.tier, policy);
            measured.latest_millis.map_or(i64::MIN, until)
        }),
        basis: measured.basis,
        missing: scores.missing,
        risk: None,
        is_emergency: false,
    })
}

/// Assesses a request of the queue again: what the order and the vital signs say has changed. One that cannot be
/// assessed any more, since its patient is gone, stays as it was and is in nobody's way.
///
/// # Errors
/// The database's own trouble.
pub(super) async fn again(
    fhir: &Fhir,
    old: &Assessed,
    order_id: &str,
) -> Result<Assessed, Outcome> {
    let permit = planners()?;
    let key = Key::new(ty("ServiceRequest")?, order_id);
    let found = fhir.vault.read(&permit, &key).await?;
    let Some(body) = found.as_ref().and_then(|it| it.body.as_ref()) else { return Ok(old.clone()) };
    let order = order(order_id, &document::read(body)?, fhir.base());
    let asked = Asked {
        task: &old.request.id,
        authored_millis: old.request.authored_on_millis,
        order: &order,
        wishes: old.wishes.clone(),
        policy: &in_force(fhir, None).await?.policy,
    };
    let mut fresh = match assess(fhir, asked).await {
        Ok(fresh) => fresh,
        Err(outcome) if outcome.status() < 500 => {
            tracing::warn!(%outcome, task = old.request.id, "assessing again");
            return Ok(old.clone());
        }
        Err(outcome) => return Err(outcome),
    };
    fresh.request.is_recalled = old.request.is_recalled;
    Ok(Assessed { risk: old.risk.clone().filter(|_| fresh.basis == old.basis), ..fresh })
}

impl Assessed {
    /// The request as it takes part at this time.
    pub(super) fn at(&self, now: Instant, state: &str) -> Request {
        Request { barred: self.barred(now, state), ..self.request.clone() }
    }

    /// Why it takes no part at this time.
    pub(super) fn barred(&self, now: Instant, state: &str) -> Option<Bar> {
        match state {
            "paused" => Some(Bar::Paused),
            _ if now.millis() > self.valid_until_millis => Some(Bar::ApprovalExpired),
            _ if self.fresh_until_millis.is_some_and(|until| now.millis() > until) => {
                Some(Bar::VitalsStale)
            }
            _ => None,
        }
    }
}

/// How ill somebody is now.
pub(super) struct Scored {
    pub(super) points: Points,
    pub(super) words: String,
}

/// How ill a patient is by the vital signs of the last 24 hours; `None` where they do not say.
///
/// # Errors
/// The database's own trouble.
pub(super) async fn severity_now(
    fhir: &Fhir,
    patient: &str,
    policy: &Policy,
) -> Result<Option<Scored>, Outcome> {
    let now = fhir.vault.clock().now();
    let key = Key::new(ty("Patient")?, patient);
    let found = fhir.vault.read(&planners()?, &key).await?;
    let Some(body) = found.as_ref().and_then(|it| it.body.as_ref()) else { return Ok(None) };
    let person = person(&document::read(body)?);
    let seen = observations(fhir, patient, now).await?;
    let measured = vitals::measured(&seen, now.millis() - WINDOW_MILLIS);
    let of = (Scale::Usual, person.for_scores(now));
    Ok(Early::of(&measured.vitals, of, policy)
        .map(|score| Scored { points: score.points(), words: score.words(measured.latest_millis) }))
}

/// The diseases of a patient.
async fn illness(fhir: &Fhir, patient: &str) -> Result<Illness, Outcome> {
    let mut query = Query::default();
    query.push("subject", format!("Patient/{patient}"));
    let reach = Reach::Type(ty("Condition")?);
    let (plan, _) = understand(fhir, &reach, query, search::Handling::Strict)?;
    let page = fhir.vault.search(&planners()?, &plan, &Turn::First, CONDITIONS_MAX).await?;
    let bodies = page.versions.iter().filter_map(|it| it.body.as_ref());
    let conditions = bodies.map(|body| document::read(body)).collect::<Result<Vec<_>, _>>()?;
    Ok(Illness::of(&conditions))
}

/// The latest vital signs of a patient.
async fn observations(fhir: &Fhir, patient: &str, now: Instant) -> Result<Vec<Seen>, Outcome> {
    let permit = planners()?;
    let since = Instant::from_millis(now.millis() - WINDOW_MILLIS);
    let pairs = [
        ("subject", format!("Patient/{patient}")),
        ("code", vitals::CODES.to_owned()),
        ("date", format!("ge{since}")),
        ("_sort", "-date".to_owned()),
    ];
    let query: Query = pairs.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
    let reach = Reach::Type(ty("Observation")?);
    let (plan, _) = understand(fhir, &reach, query, search::Handling::Strict)?;
    let page = fhir.vault.search(&permit, &plan, &Turn::First, OBSERVATIONS_MAX).await?;
    page.versions.iter().filter_map(seen).collect()
}

fn seen(version: &Version) -> Option<Result<Seen, Outcome>> {
    let body = document::read(version.body.as_ref()?);
    Some(body.map(|body| Seen { id: version.id.clone(), version: version.version, body }))
}

/// The assessment as a resource.
pub(super) fn risk_assessment(assessed: &Assessed, patient: &str, now: Instant) -> Value {
    use document::{coded, concept, list, object, reference, string};
    let basis: Vec<Value> =
        assessed.basis.iter().map(|(id, _)| reference("Observation", id)).collect();
    let points = assessed.request.severity.0;
    let prediction = object([
        ("outcome", object([("text", string("Deterioration"))])),
        ("qualitativeRisk", concept("bed-tier", assessed.request.tier.code())),
        ("rationale", string(assessed.words.as_str())),
    ]);
    let mut risk = object([
        ("resourceType", string("RiskAssessment")),
        ("status", string("final")),
        ("method", coded(&super::system("severity-method"), assessed.method.code())),
        ("subject", reference("Patient", patient)),
        ("occurrenceDateTime", string(now.to_string())),
        ("prediction", list([prediction])),
    ]);
    let completeness = if assessed.missing.is_empty() { "complete" } else { "partial" };
    let extensions = list([
        document::extension("score-completeness", "valueCode", string(completeness)),
        document::extension("severity", "valueDecimal", Value::Number(decimal(points))),
    ]);
    document::set(&mut risk, "extension", extensions);
    if !basis.is_empty() {
        document::set(&mut risk, "basis", Value::Array(basis));
    }
    risk
}

/// Millionths as a decimal.
pub(super) fn decimal(millionths: i64) -> String {
    let sign = if millionths < 0 { "-" } else { "" };
    let (whole, part) =
        (millionths.unsigned_abs() / 1_000_000, millionths.unsigned_abs() % 1_000_000);
    let text = format!("{sign}{whole}.{part:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
