//! Vital signs out of Observations: the latest of each, by their LOINC codes.

use beds::severity::{Consciousness, FourCInputs, Vitals};
use fhir_model::json::Value;
use search::Timespan;

use super::document::{codes, items, text};

/// LOINC codes that are looked for.
pub(super) const CODES: &str = "8867-4,9279-1,2708-6,59408-5,3151-8,3150-6,85354-9,8480-6,8310-5,9269-2,80288-4,\
     22664-7,14937-7,3091-6,3094-0,6299-2,1988-5,30522-7";

/// What was measured, of which the latest counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) vitals: Vitals,
    /// Urea and C-reactive protein; the rest of it is not measured.
    pub(super) blood: FourCInputs,
    /// When the latest of them was measured, in milliseconds since 1970.
    pub(super) latest_millis: Option<i64>,
    /// `Observation.id` and version of each that counts.
    pub(super) basis: Vec<(String, u64)>,
    /// The same for the blood.
    pub(super) blood_basis: Vec<(String, u64)>,
}

/// Statuses of observations that count.
const GOOD: [&str; 4] = ["final", "preliminary", "amended", "corrected"];

/// An Observation with its id and version.
pub(super) struct Seen {
    pub(super) id: String,
    pub(super) version: u64,
    pub(super) body: Value,
}

/// From observations of one patient since `since_millis`.
pub(super) fn measured(observations: &[Seen], since_millis: i64) -> Measured {
    let mut latest: Vec<(i64, &Seen)> = observations
        .iter()
        .filter(|it| text(&it.body, "status").is_some_and(|status| GOOD.contains(&status)))
        .filter_map(|it| Some((time(&it.body)?, it)))
        .filter(|(time, _)| *time >= since_millis)
        .collect();
    // the latest first; what a later one said stays
    latest.sort_by(|a, b| (b.0, &b.1.id).cmp(&(a.0, &a.1.id)));
    let mut measured = Measured::default();
    for (time, seen) in latest {
        let (before, blood) = (measured.vitals, measured.blood);
        read(&mut measured, &seen.body);
        if measured.blood != blood {
            measured.blood_basis.push((seen.id.clone(), seen.version));
        }
        if measured.vitals != before {
            measured.basis.push((seen.id.clone(), seen.version));
            measured.latest_millis = measured.latest_millis.max(Some(time));
        }
    }
    measured
}

fn time(observation: &Value) -> Option<i64> {
    let period = observation.get("effectivePeriod").and_then(|it| text(it, "start"));
    let text = ["effectiveDateTime", "effectiveInstant"]
        .into_iter()
        .find_map(|name| text(observation, name))
        .or(period)
        .or_else(|| text(observation, "issued"))?;
    Timespan::parse(text).map(|span| span.lo.div_euclid(1000))
}

fn read(measured: &mut Measured, observation: &Value) {
    take(measured, observation);
    for component in items(observation, "component") {
        take(measured, component);
    }
}

/// Takes what an Observation, or a component of one, says, where nothing is known yet.
fn take(measured: &mut Measured, of: &Value) {
    let Some(code) = of.get("code") else { return };
    let Measured { vitals, blood, .. } = measured;
    for code in codes(code) {
        match code {
            "8867-4" => fill(&mut vitals.heart_rate, number(of)),
            "9279-1" => fill(&mut vitals.respiratory_rate, number(of)),
            "2708-6" | "59408-5" => fill(&mut vitals.oxygen_saturation, number(of)),
            "8480-6" => fill(&mut vitals.systolic_pressure, number(of)),
            "9269-2" => fill(&mut vitals.glasgow_coma_score, number(of)),
            "8310-5" => fill(&mut vitals.temperature_decidegrees, temperature(of)),
            "80288-4" => fill(&mut vitals.consciousness, consciousness(of)),
            "3151-8" => fill(&mut vitals.supplemental_oxygen, quantity(of).map(|flow| flow > 0.0)),
            "3150-6" => {
                // a fraction, or a percentage
                let given = quantity(of).map(|it| if it <= 1.0 { it > 0.21 } else { it > 21.0 });
                fill(&mut vitals.supplemental_oxygen, given);
            }
            "22664-7" | "14937-7" => fill(&mut blood.urea_decimoles, urea(of, MILLIMOLES)),
            "3091-6" => fill(&mut blood.urea_decimoles, urea(of, UREA)),
            "3094-0" | "6299-2" => fill(&mut blood.urea_decimoles, urea(of, UREA_NITROGEN)),
            "1988-5" | "30522-7" => fill(&mut blood.c_reactive_protein, protein(of)),
            _ => {}
        }
    }
}

/// To mmol/L, from mmol/L and from mg/dL of urea and of its nitrogen (60.06 and 28.01 g/mol).
const MILLIMOLES: f64 = 1.0;
const UREA: f64 = 0.1665;
const UREA_NITROGEN: f64 = 0.357;

/// Tenths of mmol/L.
fn urea(of: &Value, factor: f64) -> Option<i32> {
    let is_molar = unit(of).is_some_and(|unit| unit.contains("mol"));
    rounded(quantity(of)? * if is_molar { MILLIMOLES } else { factor } * 10.0)
}

/// mg/L
fn protein(of: &Value) -> Option<i32> {
    let is_of_decilitres = unit(of).is_some_and(|unit| unit.contains("/dl"));
    rounded(quantity(of)? * if is_of_decilitres { 10.0 } else { 1.0 })
}

fn unit(of: &Value) -> Option<String> {
    let quantity = of.get("valueQuantity")?;
    text(quantity, "code").or_else(|| text(quantity, "unit")).map(str::to_ascii_lowercase)
}

fn fill<T>(place: &mut Option<T>, found: Option<T>) {
    if place.is_none() {
        *place = found;
    }
}

fn quantity(of: &Value) -> Option<f64> {
    match of
        .get("valueQuantity")
        .and_then(|it| it.get("value"))
        .or_else(|| of.get("valueInteger"))?
    {
        Value::Number(digits) => digits.parse().ok(),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

fn number(of: &Value) -> Option<i32> {
    rounded(quantity(of)?)
}

fn temperature(of: &Value) -> Option<i32> {
    let degrees = quantity(of)?;
    let celsius = if unit(of).is_some_and(|unit| unit.contains('f')) {
        (degrees - 32.0) / 1.8
    } else {
        degrees
    };
    rounded(celsius * 10.0)
}

fn rounded(value: f64) -> Option<i32> {
    #[expect(clippy::cast_possible_truncation, reason = "checked before")]
    (value.abs() < 1e6).then(|| (value + 0.5).floor() as i32)
}

/// LOINC answers, SNOMED CT and the letters of ACVPU.
const LEVELS: &[(&str, Consciousness)] = &[
    ("LA9340-6", Consciousness::Alert),
    ("248234008", Consciousness::Alert),
    ("A", Consciousness::Alert),
    ("130987000", Consciousness::Confused),
    ("C", Consciousness::Confused),
    ("LA17108-4", Consciousness::Voice),
    ("300202002", Consciousness::Voice),
    ("V", Consciousness::Voice),
    ("LA17107-6", Consciousness::Pain),
    ("450847001", Consciousness::Pain),
    ("P", Consciousness::Pain),
    ("LA9343-0", Consciousness::Unresponsive),
    ("422768004", Consciousness::Unresponsive),
    ("U", Consciousness::Unresponsive),
];

fn consciousness(of: &Value) -> Option<Consciousness> {
    let concept = of.get("valueCodeableConcept")?;
    let level = |code: &str| LEVELS.iter().find(|(known, _)| *known == code).map(|(_, it)| *it);
    codes(concept).find_map(level).or_else(|| {
        let said = text(concept, "text")?.to_ascii_lowercase();
        let words = [
            ("alert", Consciousness::Alert),
            ("confus", Consciousness::Confused),
            ("voice", Consciousness::Voice),
            ("pain", Consciousness::Pain),
            ("unrespons", Consciousness::Unresponsive),
        ];
        words.into_iter().find(|(word, _)| said.contains(word)).map(|(_, level)| level)
    })
}

#[cfg(test)]
mod tests {
    use super::super::document;
    use super::*;

    fn seen(id: &str, time: &str, rest: &str) -> Seen {
        let text = format!(r#"{{"status":"final","effectiveDateTime":"{time}",{rest}}}"#);
        Seen { id: id.to_owned(), version: 1, body: document::read(text.as_bytes()).unwrap() }
    }

    fn of(code: &str, value: &str) -> String {
        format!(r#""code":{{"coding":[{{"code":"{code}"}}]}},"valueQuantity":{{"value":{value}}}"#)
    }

    #[test]
    fn blood_in_the_units_of_the_laboratory() {
        let cells = [
            ("22664-7", r#"7.2,"unit":"mmol/L""#, Some(72), None),
            ("3094-0", r#"20,"code":"mg/dL""#, Some(71), None),
            ("3091-6", r#"42,"unit":"mg/dL""#, Some(70), None),
            ("3094-0", r#"7.1,"code":"mmol/L""#, Some(71), None),
            ("1988-5", r#"104.4,"code":"mg/L""#, None, Some(104)),
            ("1988-5", r#"5.2,"code":"mg/dL""#, None, Some(52)),
        ];
        for (code, value, urea, protein) in cells {
            let found = measured(&[seen("a", "2026-11-22T08:00:00Z", &of(code, value))], 0);
            let blood = (found.blood.urea_decimoles, found.blood.c_reactive_protein);
            assert_eq!(blood, (urea, protein), "{code} {value}");
            assert_eq!((found.basis.len(), found.blood_basis.len()), (0, 1));
        }
    }

    #[test]
    fn the_latest_of_each_counts() {
        let pressure = r#""code":{"coding":[{"code":"85354-9"}]},"component":[{"code":{"coding":[{"code":"8480-6"}]},"valueQuantity":{"value":95}}]"#;
        let all = [
            seen("a", "2026-11-22T08:00:00Z", &of("8867-4", "120")),
            seen("b", "2026-11-22T10:00:00Z", &of("8867-4", "132")),
            seen("c", "2026-11-22T09:00:00Z", pressure),
            seen("d", "2026-11-22T09:00:00Z", &of("8310-5", "38.06")),
            seen("e", "2026-11-20T09:00:00Z", &of("9279-1", "30")),
            seen("f", "2026-11-22T09:30:00Z", &of("3151-8", "0")),
        ];
        let since = fhir_model::Instant::from_date(2026, 11, 22).millis();
        let found = measured(&all, since);
        assert_eq!(found.vitals.heart_rate, Some(132));
        assert_eq!(found.vitals.systolic_pressure, Some(95));
        assert_eq!(found.vitals.temperature_decidegrees, Some(381));
        assert_eq!(found.vitals.respiratory_rate, None);
        assert_eq!(found.vitals.supplemental_oxygen, Some(false));
        let basis: Vec<&str> = found.basis.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(basis, ["b", "f", "d", "c"]);
        assert_eq!(found.latest_millis, Some(since + 10 * 3_600_000));
    }
}
