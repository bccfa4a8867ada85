//! What becomes of a single value before a study is shown it. What is not understood is left out.

use fhir_model::{ResourceType, json::Value};
use fhirpath::ucum;
use rust_decimal::Decimal;

use super::{
    person::Person,
    table::{Table, Treatment},
};

const UCUM: &str = "http://unitsofmeasure.org";

/// 90 years in the units that UCUM's units of time are made of: seconds, and months of no fixed length.
const YEARS_90: &[(&str, i64)] = &[("s", 2_840_184_000), ("month", 1_080)];

/// As many years, or as few, as may stand under a name that is not read.
const COUNT_MAX: i64 = 90;

/// A pure number beyond it may number anything, also somebody.
const NUMBER_MAX: i64 = 10_000;

/// In so many letters a number is written: with more it may number somebody, however small it is.
const NUMBER_LETTERS: usize = 6;

/// The value as it is shown; `None`: not at all.
pub(super) fn treated(treatment: Treatment, value: &Value, person: Person) -> Option<Value> {
    match treatment {
        Treatment::Code => code(value),
        Treatment::Number => number(value),
        Treatment::Concept => concept(value),
        Treatment::Coding => coding(value),
        Treatment::Date => person.date(value.as_str()?).map(Value::String),
        Treatment::Birth => person.birth(value.as_str()?).map(Value::String),
        Treatment::Period => {
            let end = |name: &'static str| Some((name, person.date(value.get(name)?.as_str()?)?));
            let ends = ["start", "end"].into_iter().filter_map(end);
            object(ends.map(|(name, text)| (name, Value::String(text))))
        }
        Treatment::Age | Treatment::Ages if person.since.is_some() => None,
        Treatment::Quantity | Treatment::Age => quantity(value),
        Treatment::Range | Treatment::Ages => each(value, &["low", "high"]),
        Treatment::Ratio => each(value, &["numerator", "denominator"]),
        Treatment::Region => region(value),
        // what stands beside them counts: the caller knows
        Treatment::Postcode | Treatment::Reference => None,
    }
}

fn text(text: impl Into<String>) -> Value {
    Value::String(text.into())
}

/// `None` where there are no members.
fn object<'n>(members: impl Iterator<Item = (&'n str, Value)>) -> Option<Value> {
    let members: Vec<(String, Value)> =
        members.map(|(name, value)| (name.to_owned(), value)).collect();
    (!members.is_empty()).then_some(Value::Object(members))
}

fn code(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(_) => Some(value.clone()),
        Value::String(text) if is_code(text) => Some(value.clone()),
        Value::String(_) | Value::Number(_) | Value::Null | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

fn number(value: &Value) -> Option<Value> {
    let Value::Number(digits) = value else { return None };
    let is_small = decimal(digits)?.abs() <= Decimal::from(NUMBER_MAX);
    (is_small && digits.len() <= NUMBER_LETTERS).then(|| value.clone())
}

/// As FHIR's own codes and those of terminologies look; words that somebody wrote do not.
pub(super) fn is_code(text: &str) -> bool {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || ".:+/_-".contains(one);
    (1..=32).contains(&text.len()) && text.chars().all(is_plain)
}

/// The codings of a concept that are shown.
pub(super) fn concept(value: &Value) -> Option<Value> {
    let Value::Array(codings) = value.get("coding")? else { return None };
    let codings: Vec<Value> = codings.iter().filter_map(coding).collect();
    (!codings.is_empty()).then(|| Value::Object(vec![("coding".to_owned(), Value::Array(codings))]))
}

fn coding(value: &Value) -> Option<Value> {
    let system = value.get("system")?.as_str()?;
    let code = value.get("code")?.as_str()?;
    let is_shown = Table::vault().shows_code(system, code);
    object([("system", text(system)), ("code", text(code))].into_iter().filter(|_| is_shown))
}

/// A number with a unit of UCUM; without one a number that could be anything is not shown, nor is what may be an age of
/// more than 90 years, or number somebody.
fn quantity(value: &Value) -> Option<Value> {
    let number = value.get("value")?;
    let Value::Number(digits) = number else { return None };
    let is_ucum = value.get("system").and_then(Value::as_str) == Some(UCUM);
    let written = value.get("code").and_then(Value::as_str).filter(|_| is_ucum)?;
    let unit = without_annotations(written)?;
    let (amount, dimension) = ucum::canonical(decimal(digits)?, &unit)?;
    let tells = match years_90(&dimension) {
        Some(most) => amount.abs() > most,
        // {years} is a number like {score}
        None if unit != written => dimension == "1" && amount.abs() > Decimal::from(COUNT_MAX),
        None => unit == "1" && amount.abs() > Decimal::from(NUMBER_MAX),
    };
    let comparator = value.get("comparator").and_then(code);
    let comparator = comparator.map(|comparator| ("comparator", comparator));
    let members = [("value", number.clone())].into_iter().chain(comparator);
    let unit = [("unit", text(&*unit)), ("system", text(UCUM)), ("code", text(&*unit))];
    object(members.chain(unit)).filter(|_| !tells)
}

fn decimal(digits: &str) -> Option<Decimal> {
    digits.parse().or_else(|_| Decimal::from_scientific(digits)).ok()
}

/// As much as 90 years are, of a dimension of time.
fn years_90(dimension: &str) -> Option<Decimal> {
    let (_, most) = YEARS_90.iter().find(|(known, _)| *known == dimension)?;
    Some(Decimal::from(*most))
}

/// Whether a quantity may be asked for: with a unit of UCUM as the view shows it, of no time. A pure number may be a number
/// of years, so what is asked of it stops at 90.
pub(super) fn may_ask(number: &str, system: &str, unit: &str) -> bool {
    let known = decimal(number).and_then(|number| ucum::canonical(number, unit));
    let Some((amount, dimension)) = known.filter(|_| system == UCUM && !unit.contains('{')) else {
        return false;
    };
    let is_age = dimension == "1" && amount.abs() > Decimal::from(COUNT_MAX);
    years_90(&dimension).is_none() && !is_age
}

/// A unit without what stands in braces, which is anybody's words. `None` for what is no unit.
fn without_annotations(unit: &str) -> Option<String> {
    let (mut kept, mut is_inside) = (String::new(), false);
    for one in unit.chars() {
        match (one, is_inside) {
            ('{', false) => is_inside = true,
            ('}', true) => is_inside = false,
            (_, true) => {}
            (one, false) => kept.push(one),
        }
    }
    (!is_inside).then(|| if kept.is_empty() { "1".to_owned() } else { kept })
}

fn each(value: &Value, names: &[&'static str]) -> Option<Value> {
    let part = |name: &&'static str| Some((*name, quantity(value.get(name)?)?));
    object(names.iter().filter_map(part))
}

/// Of a state or a country: as it is shortened, or a name that is known.
fn region(value: &Value) -> Option<Value> {
    let name = value.as_str()?;
    let is_short =
        (2..=3).contains(&name.len()) && name.bytes().all(|one| one.is_ascii_uppercase());
    (is_short || Table::vault().shows_region(name)).then(|| value.clone())
}

/// The first three digits of a postal code, `000` where few people live under them, or nobody knows how many.
pub(super) fn postcode(code: &str, country: Option<&str>) -> Option<String> {
    let code = code.trim();
    let is_digits = code.len() >= 5 && code.bytes().take(5).all(|one| one.is_ascii_digit());
    let first = code.get(..3).filter(|_| is_digits)?;
    let sparse = Table::vault().sparse(country);
    let is_told = sparse.is_some_and(|sparse| !sparse.contains(&first));
    Some(if is_told { first } else { "000" }.to_owned())
}

/// A reference to what a study is shown.
pub(super) fn reference(ty: ResourceType, pseudonym: &str) -> Value {
    Value::Object(vec![("reference".to_owned(), text(format!("{ty}/{pseudonym}")))])
}

/// Stands for a value that is not told: <https://hl7.org/fhir/R4/extension-data-absent-reason.html>.
pub(super) fn masked() -> Value {
    let extension = Value::Object(vec![
        ("url".to_owned(), text("http://hl7.org/fhir/StructureDefinition/data-absent-reason")),
        ("valueCode".to_owned(), text("masked")),
    ]);
    Value::Object(vec![("extension".to_owned(), Value::Array(vec![extension]))])
}

/// Says that names were taken out: <https://hl7.org/fhir/R4/v3/ObservationValue/cs.html>.
pub(super) fn label() -> Value {
    let system = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
    let coding = Value::Object(vec![
        ("system".to_owned(), text(system)),
        ("code".to_owned(), text("PSEUDED")),
    ]);
    Value::Object(vec![("security".to_owned(), Value::Array(vec![coding]))])
}
