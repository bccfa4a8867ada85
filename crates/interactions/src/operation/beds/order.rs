//! The doctor's order: a `ServiceRequest`, and what it says a bed must be.

use beds::{BedType, Code as _, CodeSet, Equipment, Isolation, Priority, Tier};
use fhir_model::{Instant, json::Value};
use search::Timespan;

use super::document::{codes, extensions, items, named, referred, text};

/// An order's time when it does not say: 48 hours from when it was signed.
const VALID_MILLIS: i64 = 48 * 3_600_000;

/// What an order says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) intent: String,
    pub(super) is_admission: bool,
    pub(super) patient: Option<String>,
    /// `PractitionerRole.id`
    pub(super) requester: Option<String>,
    pub(super) authored: Option<i64>,
    /// From when until when it holds, in milliseconds since 1970.
    pub(super) valid: (i64, i64),
    pub(super) priority: Option<Priority>,
    /// A tier that a clinician set.
    pub(super) tier: Option<Tier>,
    pub(super) bed_type: BedType,
    pub(super) isolation: CodeSet<Isolation>,
    pub(super) equipment: CodeSet<Equipment>,
    pub(super) organism: Option<String>,
    pub(super) has_infection: bool,
    /// Hypercapnic patients have their own scale of oxygen saturation.
    pub(super) is_hypercapnic: bool,
    /// `Organization.id`
    pub(super) allowed: Vec<String>,
}

pub(super) fn order(id: &str, body: &Value, base: &str) -> Order {
    let details: Vec<&str> = items(body, "orderDetail").iter().flat_map(codes).collect();
    let of_system = |end: &str| {
        let all = items(body, "orderDetail").iter().flat_map(|it| items(it, "coding"));
        let mut found = all.filter(|it| text(it, "system").is_some_and(|it| it.ends_with(end)));
        found.find_map(|it| text(it, "code").map(str::to_owned))
    };
    let isolation: CodeSet<Isolation> =
        details.iter().filter_map(|code| Isolation::parse(code)).collect();
    let is_true = |name: &str| {
        extensions(body, name).any(|it| it.get("valueBoolean") == Some(&Value::Bool(true)))
    };
    let isolates_infection = isolation
        .iter()
        .any(|it| matches!(it, Isolation::Contact | Isolation::Droplet | Isolation::Airborne));
    let tier = extensions(body, "clinical-tier").find_map(|it| Tier::parse(text(it, "valueCode")?));
    let performers = items(body, "performer").iter();
    let performers = performers.filter_map(|it| named(it, "Organization", base)).map(str::to_owned);
    let authored = text(body, "authoredOn").and_then(Timespan::parse).map(|span| millis(span.lo));
    let mut bed_types = items(body, "locationCode").iter().flat_map(codes);
    Order {
        id: id.to_owned(),
        status: text(body, "status").unwrap_or_default().to_owned(),
        intent: text(body, "intent").unwrap_or_default().to_owned(),
        is_admission: items(body, "category")
            .iter()
            .flat_map(codes)
            .any(|code| ["admission", "32485007"].contains(&code)),
        patient: referred(body, "subject", "Patient", base).map(str::to_owned),
        requester: referred(body, "requester", "PractitionerRole", base).map(str::to_owned),
        authored,
        valid: validity(body, authored),
        priority: text(body, "priority").and_then(Priority::parse),
        tier,
        bed_type: bed_types.find_map(BedType::parse).unwrap_or(BedType::General),
        isolation,
        equipment: details.iter().filter_map(|code| Equipment::parse(code)).collect(),
        organism: of_system("/organism"),
        has_infection: isolates_infection || is_true("suspected-infection"),
        is_hypercapnic: is_true("hypercapnic"),
        allowed: performers.collect(),
    }
}

/// `occurrencePeriod`; otherwise 48 hours.
fn validity(body: &Value, authored: Option<i64>) -> (i64, i64) {
    let period = body.get("occurrencePeriod");
    let end = |name: &str| period.and_then(|it| text(it, name)).and_then(Timespan::parse);
    let from = end("start").map(|span| millis(span.lo)).or(authored).unwrap_or(i64::MIN);
    let until = match (end("end"), from) {
        (Some(span), _) => millis(span.hi - 1),
        (None, i64::MIN) => i64::MAX,
        (None, from) => from.saturating_add(VALID_MILLIS),
    };
    (from, until)
}

/// Spans are in microseconds.
fn millis(micros: i64) -> i64 {
    micros.div_euclid(1000)
}

impl Order {
    /// Whether it holds at this time.
    pub(super) fn holds_at(&self, now: Instant) -> bool {
        (self.valid.0..=self.valid.1).contains(&now.millis())
    }
}
