//! What was measured at a visit: vital signs, laboratory values, coded answers.

use serde_json::{Map, Value, json};

use super::{
    day::{Day, PRESENT_YEAR},
    encounter::Visit,
    patient::Person,
    terms::{self, LOINC, SNOMED, Term, UCUM, hl7, narrative},
};
use crate::dice::Dice;

/// Something that is measured, and between which values it mostly lies.
#[derive(Debug)]
pub(crate) struct Measure {
    pub(crate) code: &'static str,
    display: &'static str,
    category: Term,
    /// How it is written, and its UCUM code.
    unit: (&'static str, &'static str),
    /// In tenths.
    tenths: (usize, usize),
}

const VITAL: Term = ("vital-signs", "Vital Signs");
const LABORATORY: Term = ("laboratory", "Laboratory");
const SOCIAL: Term = ("social-history", "Social History");

pub(crate) const CATEGORIES: [&str; 3] = [VITAL.0, LABORATORY.0, SOCIAL.0];

const fn vital(
    (code, display): Term,
    unit: (&'static str, &'static str),
    tenths: (usize, usize),
) -> Measure {
    Measure { code, display, category: VITAL, unit, tenths }
}

const fn lab(
    (code, display): Term,
    unit: (&'static str, &'static str),
    tenths: (usize, usize),
) -> Measure {
    Measure { code, display, category: LABORATORY, unit, tenths }
}

const MMHG: (&str, &str) = ("mmHg", "mm[Hg]");
const PER_MINUTE: (&str, &str) = ("/min", "/min");
const MG_PER_DL: (&str, &str) = ("mg/dL", "mg/dL");
const MMOL_PER_L: (&str, &str) = ("mmol/L", "mmol/L");
const THOUSAND_PER_UL: (&str, &str) = ("10*3/uL", "10*3/uL");

const SYSTOLIC: Measure = vital(("8480-6", "Systolic blood pressure"), MMHG, (950, 1_800));
const DIASTOLIC: Measure = vital(("8462-4", "Diastolic blood pressure"), MMHG, (550, 1_100));
const HEIGHT: Measure = vital(("8302-2", "Body height"), ("cm", "cm"), (1_450, 1_980));
const WEIGHT: Measure = vital(("29463-7", "Body weight"), ("kg", "kg"), (420, 1_300));
const PULSE: Measure = vital(("8867-4", "Heart rate"), PER_MINUTE, (500, 1_100));
const TEMPERATURE: Measure = vital(("8310-5", "Body temperature"), ("Cel", "Cel"), (359, 395));
const PAIN: Measure = vital(
    ("72514-3", "Pain severity - 0-10 verbal numeric rating [Score] - Reported"),
    ("{score}", "{score}"),
    (0, 100),
);

/// Standing alone, with a quantity.
pub(crate) const MEASURES: [&Measure; 7] =
    [&SYSTOLIC, &DIASTOLIC, &HEIGHT, &WEIGHT, &PULSE, &TEMPERATURE, &PAIN];

/// Inside a blood pressure panel.
pub(crate) const COMPONENTS: [&Measure; 2] = [&SYSTOLIC, &DIASTOLIC];

/// Two of them at every last visit, so each is rarer than a vital sign.
pub(crate) const LABS: [Measure; 10] = [
    lab(("2339-0", "Glucose [Mass/volume] in Blood"), MG_PER_DL, (650, 2_000)),
    lab(("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"), ("%", "%"), (45, 110)),
    lab(("718-7", "Hemoglobin [Mass/volume] in Blood"), ("g/dL", "g/dL"), (90, 180)),
    lab(("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma"), MG_PER_DL, (1_300, 2_900)),
    lab(("2571-8", "Triglyceride [Mass/volume] in Serum or Plasma"), MG_PER_DL, (500, 4_000)),
    lab(("38483-4", "Creatinine [Mass/volume] in Blood"), MG_PER_DL, (5, 30)),
    lab(("2947-0", "Sodium [Moles/volume] in Blood"), MMOL_PER_L, (1_300, 1_500)),
    lab(("6298-4", "Potassium [Moles/volume] in Blood"), MMOL_PER_L, (30, 60)),
    lab(
        ("6690-2", "Leukocytes [#/volume] in Blood by Automated count"),
        THOUSAND_PER_UL,
        (30, 150),
    ),
    lab(
        ("777-3", "Platelets [#/volume] in Blood by Automated count"),
        THOUSAND_PER_UL,
        (1_300, 4_500),
    ),
];

const PANEL: Term = ("85354-9", "Blood pressure panel with all children optional");
const SMOKING: Term = ("72166-2", "Tobacco smoking status");
const SMOKING_ANSWERS: [(usize, Term); 3] = [
    (60, ("266919005", "Never smoked tobacco")),
    (25, ("8517006", "Ex-smoker")),
    (15, ("449868002", "Smokes tobacco daily")),
];

/// What is measured at the first, the second and the last visit.
pub(super) fn measured_at(visit: &Visit<'_>, resources: &mut Vec<Value>, dice: &mut Dice) {
    let mut found = vec![panel(dice)];
    match visit.at {
        0 => found.extend([&HEIGHT, &WEIGHT, &PULSE, &TEMPERATURE].map(|one| one.found(dice))),
        1 => {
            found.extend([&PAIN, &SYSTOLIC, &DIASTOLIC].map(|one| one.found(dice)));
            found.push(smoking(dice));
        }
        _ => {
            let first = dice.below(LABS.len());
            let both = LABS.iter().cycle().skip(first).take(2);
            found.extend(both.map(|one| one.found(dice)));
        }
    }
    for (number, found) in found.into_iter().enumerate() {
        let time = visit.begin + 5 + number;
        let id = visit.id_of('o', number);
        let mut observation = resource(&id, visit.person, &visit.day.at(time), found);
        if let Some(members) = observation.as_object_mut() {
            members.insert("encounter".to_owned(), visit.reference());
            members.insert("issued".to_owned(), visit.day.at(time + 2).into());
            members.insert("performer".to_owned(), json!([visit.practitioner()]));
        }
        resources.push(observation);
    }
}

const WATCHED_TIMES: usize = 30;

/// A series of heart rates of the last three years.
pub(super) fn watched_at_home(person: &Person, resources: &mut Vec<Value>, dice: &mut Dice) {
    for number in 0..WATCHED_TIMES {
        let day = Day::between(PRESENT_YEAR - 2, PRESENT_YEAR, dice);
        let time = day.at(360 + dice.below(900));
        let id = format!("{}-s{number:02}", person.id);
        resources.push(resource(&id, person, &time, PULSE.found(dice)));
    }
}

/// Category, code, words for the narrative, and the members that hold the value.
struct Found {
    category: Term,
    code: Term,
    words: String,
    value: Value,
}

impl Measure {
    /// Some value in tenths, as often as records have it.
    pub(crate) fn value(&self, dice: &mut Dice) -> f64 {
        let (low, high) = self.tenths;
        let tenths = u32::try_from(low + dice.below(high - low + 1)).unwrap_or_default();
        f64::from(tenths) / 10.0
    }

    fn found(&self, dice: &mut Dice) -> Found {
        let value = self.value(dice);
        Found {
            category: self.category,
            code: (self.code, self.display),
            words: format!("{} {value} {}", self.display, self.unit.0),
            value: json!({"valueQuantity": self.quantity(value)}),
        }
    }

    fn quantity(&self, value: f64) -> Value {
        let (unit, code) = self.unit;
        json!({"value": value, "unit": unit, "system": UCUM, "code": code})
    }
}

fn panel(dice: &mut Dice) -> Found {
    let (systolic, diastolic) = (SYSTOLIC.value(dice), DIASTOLIC.value(dice));
    let component = |measure: &Measure, value| {
        json!({
            "code": terms::concept(LOINC, (measure.code, measure.display)),
            "valueQuantity": measure.quantity(value),
        })
    };
    Found {
        category: VITAL,
        code: PANEL,
        words: format!("Blood pressure {systolic}/{diastolic} mmHg"),
        value: json!({
            "component": [component(&SYSTOLIC, systolic), component(&DIASTOLIC, diastolic)],
        }),
    }
}

fn smoking(dice: &mut Dice) -> Found {
    let answer = dice.weighted(&SMOKING_ANSWERS).copied().unwrap_or_default();
    Found {
        category: SOCIAL,
        code: SMOKING,
        words: answer.1.to_owned(),
        value: json!({"valueCodeableConcept": terms::concept(SNOMED, answer)}),
    }
}

fn resource(id: &str, person: &Person, time: &str, found: Found) -> Value {
    let mut resource = json!({
        "resourceType": "Observation",
        "id": id,
        "text": narrative(&found.words),
        "status": "final",
        "category": [hl7("observation-category", found.category)],
        "code": terms::concept(LOINC, found.code),
        "subject": person.subject(),
        "effectiveDateTime": time,
    });
    if let (Some(members), Value::Object(value)) = (resource.as_object_mut(), found.value) {
        let value: Map<String, Value> = value;
        members.extend(value);
    }
    resource
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_within_their_measure() {
        let mut dice = Dice::new(1);
        for measure in MEASURES.into_iter().chain(&LABS) {
            for _ in 0..200 {
                let tenths = (measure.value(&mut dice) * 10.0).round();
                let (low, high) = measure.tenths;
                let (low, high) = (low.to_string(), high.to_string());
                let (low, high): (f64, f64) = (low.parse().unwrap(), high.parse().unwrap());
                assert!((low..=high).contains(&tenths), "{} {tenths}", measure.code);
            }
        }
    }
}
