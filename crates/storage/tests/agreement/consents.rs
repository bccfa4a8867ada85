//! What Consents permit and deny, decided by reading the JSON of both the Consent and what it may be about. Of each
//! condition is asked whether it surely holds and whether it may.

use serde_json::Value;

use crate::eyes::{World, carries, covers, items, overlaps, references};

/// Who asks, and for what.
pub(crate) struct Asked<'a> {
    pub(crate) actors: &'a [String],
    pub(crate) purpose: &'a str,
    /// `Observation/1`
    pub(crate) name: &'a str,
    pub(crate) body: &'a Value,
    pub(crate) world: &'a World,
    pub(crate) today: &'a str,
    /// Whether a permission counts only where the purpose is named.
    pub(crate) is_study: bool,
}

/// It is known whether it holds.
macro_rules! clear {
    ($holds:expr) => {{
        let holds: bool = $holds;
        (holds, holds)
    }};
}

/// Surely, and maybe.
type Told = (bool, bool);

const UNCLEAR: Told = (false, true);

/// What a Consent does: whether it permits, and whether it denies.
pub(crate) fn decide(consent: &Value, asked: &Asked<'_>) -> (bool, bool) {
    let [permits, _, denies] =
        decide_provision((&consent["provision"], !asked.is_study), None, asked);
    (permits, denies)
}

/// Whether it permits, whether it is an exception from a denial around it, whether it denies.
fn decide_provision(
    (of, is_named): (&Value, bool),
    unsaid: Option<&str>,
    asked: &Asked<'_>,
) -> [bool; 3] {
    let is_named = is_named || items(&of["purpose"]).iter().any(|one| one["code"] == asked.purpose);
    let effect = of["type"].as_str().or(unsaid);
    let opposite = if effect == Some("deny") { "permit" } else { "deny" };
    let told = conditions(of, effect, asked);
    let inner: Vec<[bool; 3]> = items(&of["provision"])
        .into_iter()
        .map(|one| decide_provision((one, is_named), Some(opposite), asked))
        .collect();
    let [permitted, excepted, denied] = [0, 1, 2].map(|n| inner.iter().any(|one| one[n]));
    let is_permit = effect == Some("permit");
    [
        told.0 && !denied && ((is_permit && is_named) || permitted),
        told.0 && !denied && (is_permit || excepted),
        told.1 && (denied || (effect == Some("deny") && !excepted)),
    ]
}

fn conditions(of: &Value, effect: Option<&str>, asked: &Asked<'_>) -> Told {
    let all = [
        clear!(of["period"].is_null() || overlaps(&of["period"], asked.today, asked.today)),
        some(&of["actor"], |actor| {
            let wrapped = serde_json::json!({"it": actor["reference"]});
            match references(&wrapped, "it").as_slice() {
                [] => UNCLEAR,
                found => clear!(found.iter().any(|one| asked.actors.contains(one))),
            }
        }),
        some(&of["purpose"], |purpose| clear!(purpose["code"] == asked.purpose)),
        some(&of["class"], |class| clear!(class["code"] == asked.body["resourceType"])),
        some(&of["securityLabel"], |label| {
            let label = label["code"].as_str().unwrap();
            match effect {
                Some("permit") => clear!(covers(asked.body, label)),
                Some(_) => clear!(carries(asked.body, label)),
                None => UNCLEAR,
            }
        }),
        some(&of["code"], |concept| code(concept, asked.body)),
        if of["dataPeriod"].is_null() { clear!(true) } else { time(&of["dataPeriod"], asked.body) },
        some(&of["data"], |datum| data(datum, asked)),
    ];
    (all.iter().all(|one| one.0), all.iter().all(|one| one.1))
}

/// Of several values one is enough.
fn some(values: &Value, holds: impl Fn(&Value) -> Told) -> Told {
    let told: Vec<Told> = items(values).into_iter().map(holds).collect();
    if told.is_empty() {
        return clear!(true);
    }
    (told.iter().any(|one| one.0), told.iter().any(|one| one.1))
}

/// Elements with codes that say what a resource is about.
const CODED: &[(&str, &[&str])] = &[
    ("CareTeam", &["category"]),
    ("Condition", &["bodySite", "category", "code", "evidence.code"]),
    ("Consent", &["category"]),
    ("DiagnosticReport", &["category", "code", "conclusionCode"]),
    ("Encounter", &["class", "reasonCode", "type"]),
    ("List", &["code"]),
    ("MedicationRequest", &["category", "medicationCodeableConcept"]),
    (
        "Observation",
        &[
            "category",
            "code",
            "component.code",
            "component.valueCodeableConcept",
            "method",
            "valueCodeableConcept",
        ],
    ),
    ("RiskAssessment", &["method"]),
    ("ServiceRequest", &["bodySite", "category", "code"]),
];

fn code(concept: &Value, body: &Value) -> Told {
    let all = items(&concept["coding"]);
    // a code without a system may be any
    let (wanted, others): (Vec<&Value>, Vec<&Value>) =
        all.into_iter().partition(|coding| coding["system"].is_string());
    let is_unclear = wanted.is_empty() || !others.is_empty();
    let concepts = elements(CODED, body);
    let codings = concepts.iter().flat_map(|concept| {
        let codings = &concept["coding"];
        if codings.is_null() { vec![*concept] } else { items(codings) }
    });
    let mut codings = codings
        .flat_map(|own| wanted.iter().map(move |wanted| (own, *wanted)))
        .map(|(own, wanted)| own["system"] == wanted["system"] && own["code"] == wanted["code"]);
    let has = codings.any(|same| same);
    (has, has || is_unclear || !body["medicationReference"].is_null())
}

/// Elements with the time that a resource is about.
const TIMED: &[(&str, &[&str])] = &[
    ("Claim", &["created"]),
    ("ClaimResponse", &["created"]),
    ("CareTeam", &["period"]),
    ("Condition", &["onsetDateTime", "onsetPeriod", "recordedDate"]),
    ("Consent", &["dateTime"]),
    ("DiagnosticReport", &["effectiveDateTime", "effectivePeriod"]),
    ("Encounter", &["period"]),
    ("ExplanationOfBenefit", &["created"]),
    ("List", &["date"]),
    ("MedicationRequest", &["authoredOn"]),
    ("Observation", &["effectiveDateTime", "effectivePeriod"]),
    ("QuestionnaireResponse", &["authored"]),
    ("RiskAssessment", &["occurrenceDateTime"]),
    ("ServiceRequest", &["authoredOn", "occurrenceDateTime"]),
];

fn time(period: &Value, body: &Value) -> Told {
    if body["resourceType"] == "Patient" {
        return clear!(false);
    }
    let (from, until) = span(period);
    let spans: Vec<(f64, f64)> = elements(TIMED, body).into_iter().map(span).collect();
    let within = |one: &(f64, f64)| from <= one.0 && one.1 <= until;
    let touches = |one: &(f64, f64)| one.0 < until && one.1 > from;
    (!spans.is_empty() && spans.iter().all(within), spans.is_empty() || spans.iter().any(touches))
}

/// Elements that say who made a resource.
const MADE: &[(&str, &[&str])] = &[
    ("Claim", &["provider"]),
    ("Condition", &["asserter"]),
    ("DiagnosticReport", &["performer"]),
    ("ExplanationOfBenefit", &["provider"]),
    ("MedicationRequest", &["requester"]),
    ("Observation", &["performer"]),
    ("QuestionnaireResponse", &["author"]),
    ("RiskAssessment", &["performer"]),
    ("ServiceRequest", &["performer", "requester"]),
];

fn data(datum: &Value, asked: &Asked<'_>) -> Told {
    let named = references(datum, "reference");
    let [target] = named.as_slice() else { return UNCLEAR };
    let is_itself = asked.name == target;
    match datum["meaning"].as_str().unwrap() {
        "instance" => clear!(is_itself),
        "related" => {
            let referred = asked.world.get(target).is_some_and(|one| {
                asked.world.contains_key(asked.name)
                    && everywhere(one).iter().any(|it| it == asked.name)
            });
            clear!(is_itself || referred)
        }
        "dependents" => clear!(is_itself || everywhere(asked.body).contains(target)),
        _ => {
            let makers = elements(MADE, asked.body);
            let is_by = makers
                .iter()
                .any(|maker| references(&serde_json::json!({"it": maker}), "it").contains(target));
            (is_by, is_by || makers.is_empty())
        }
    }
}

/// Whatever a resource refers to.
fn everywhere(body: &Value) -> Vec<String> {
    match body {
        Value::Object(members) => {
            let mut all: Vec<String> = members.values().flat_map(everywhere).collect();
            if body["reference"].is_string() {
                all.extend(references(&serde_json::json!({"it": body}), "it"));
            }
            all
        }
        Value::Array(all) => all.iter().flat_map(everywhere).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// What stands in the elements that a table names for a type.
fn elements<'b>(table: &[(&str, &[&str])], body: &'b Value) -> Vec<&'b Value> {
    let paths = table.iter().find(|(ty, _)| body["resourceType"] == *ty);
    let paths = paths.map_or(&[] as &[&str], |one| one.1);
    let at = |path: &&str| {
        let mut nodes = vec![body];
        for name in path.split('.') {
            nodes = nodes.into_iter().flat_map(|node| items(&node[name])).collect();
        }
        nodes
    };
    paths.iter().flat_map(at).collect()
}

/// From when until when, in seconds.
fn span(value: &Value) -> (f64, f64) {
    let Some(text) = value.as_str() else {
        let start = value["start"].as_str().map_or(f64::NEG_INFINITY, |text| moment(text).0);
        let end = value["end"].as_str().map_or(f64::INFINITY, |text| moment(text).1);
        return (start, end);
    };
    moment(text)
}

/// A year, a month, a day or a time with seconds, and its zone.
fn moment(text: &str) -> (f64, f64) {
    const DAY: f64 = 86_400.0;
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let parts: Vec<i32> = date.split('-').map(|part| part.parse().unwrap()).collect();
    let midnight = |year: i32, month: i32, day: i32| {
        let leap = |year: i32| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let long = |month: i32| match month {
            2 if leap(year) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let years: i32 = (1900..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
        let months: i32 = (1..month).map(long).sum();
        f64::from(years + months + day - 1) * DAY
    };
    let (from, until) = match parts.as_slice() {
        [year] => (midnight(*year, 1, 1), midnight(year + 1, 1, 1)),
        [year, 12] => (midnight(*year, 12, 1), midnight(year + 1, 1, 1)),
        [year, month] => (midnight(*year, *month, 1), midnight(*year, month + 1, 1)),
        [year, month, day] => {
            let from = midnight(*year, *month, *day);
            (from, from + DAY)
        }
        _ => panic!("{text} is no date"),
    };
    let Some(time) = time else { return (from, until) };
    let at = time.find(['Z', '+', '-']).unwrap();
    let (clock, zone) = time.split_at(at);
    let hours = |text: &str| {
        let mut seconds = 0.0;
        for (part, unit) in text.split(':').zip([3600.0, 60.0, 1.0]) {
            seconds += part.parse::<f64>().unwrap() * unit;
        }
        seconds
    };
    let shift = match zone.chars().next() {
        Some('+') => hours(&zone[1..]),
        Some('-') => -hours(&zone[1..]),
        _ => 0.0,
    };
    let width = clock
        .split_once('.')
        .map_or(1.0, |(_, digits)| 10_f64.powi(-i32::try_from(digits.len()).unwrap()));
    let from = from + hours(clock) - shift;
    (from, from + width)
}
