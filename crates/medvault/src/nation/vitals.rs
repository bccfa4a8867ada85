//! Vital signs: <https://hl7.org/fhir/R4/observation-vitalsigns.html>.

use fhir_model::Instant;
use serde_json::{Value, json};

use super::{
    bundle::{Code, LOINC, hl7, tenths},
    calendar::date_time,
    dice::Dice,
    patient::Chart,
};

const SYSTOLIC: Code = Code::new(LOINC, "8480-6", "Systolic blood pressure");
const DIASTOLIC: Code = Code::new(LOINC, "8462-4", "Diastolic blood pressure");
const PRESSURE: Code =
    Code::new(LOINC, "85354-9", "Blood pressure panel with all children optional");
const PULSE: Code = Code::new(LOINC, "8867-4", "Heart rate");
const BREATHS: Code = Code::new(LOINC, "9279-1", "Respiratory rate");
const TEMPERATURE: Code = Code::new(LOINC, "8310-5", "Body temperature");
const SATURATION: Code = Code::new(LOINC, "2708-6", "Oxygen saturation in Arterial blood");
const SATURATION_BY_PULSE: Code =
    Code::new(LOINC, "59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry");
const WEIGHT: Code = Code::new(LOINC, "29463-7", "Body weight");

/// How ill somebody is while being measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Well,
    Feverish,
    HighPressure,
}

/// Measures everything that is measured at the door of a clinic.
pub(super) fn measure(
    chart: &mut Chart<'_>,
    encounter: &Value,
    when: Instant,
    condition: Condition,
    dice: &mut Dice,
) {
    let fever = if condition == Condition::Feverish { dice.between(12, 26) } else { 0 };
    let pressure = if condition == Condition::HighPressure { dice.between(15, 45) } else { 0 };
    let young = (16 - chart.age_years).max(0);
    let systolic = dice.between(104, 126) - 2 * young + pressure;
    let diastolic = dice.between(66, 80) - young + pressure / 2;
    let pulse = dice.between(62, 84) + 2 * young + fever;
    let breaths = dice.between(12, 17) + young / 2 + fever / 6;
    let weight = if chart.age_years < 16 {
        35 + chart.age_years * 30 + dice.between(0, 20)
    } else {
        dice.between(450, 880)
    };
    let value = |tenths_of: i32, unit: &str, ucum: &str| json!({"valueQuantity": tenths(tenths_of, unit, ucum)});
    let mm_hg = |code: Code, value: i32| json!({"code": code.concept(), "valueQuantity": tenths(value * 10, "mmHg", "mm[Hg]")});
    let components = json!({"component": [mm_hg(SYSTOLIC, systolic), mm_hg(DIASTOLIC, diastolic)]});
    let saturation = json!({
        "coding": [SATURATION.coding(), SATURATION_BY_PULSE.coding()],
        "text": SATURATION.display,
    });
    let signs = [
        (PRESSURE.concept(), components),
        (PULSE.concept(), value(pulse * 10, "beats/minute", "/min")),
        (BREATHS.concept(), value(breaths * 10, "breaths/minute", "/min")),
        (TEMPERATURE.concept(), value(dice.between(362, 371) + fever, "°C", "Cel")),
        (saturation, value(dice.between(95, 99) * 10, "%", "%")),
        (WEIGHT.concept(), value(weight, "kg", "kg")),
    ];
    for (code, value) in signs {
        let mut observation = json!({
            "resourceType": "Observation",
            "id": chart.id_of("obs"),
            "status": "final",
            "category": [hl7("observation-category", "vital-signs", "Vital Signs")],
            "code": code,
            "subject": chart.subject(),
            "encounter": encounter,
            "effectiveDateTime": date_time(when),
            "performer": [chart.doctor()],
        });
        if let (Some(members), Value::Object(value)) = (observation.as_object_mut(), value) {
            members.extend(value);
        }
        chart.bundle.put(observation);
    }
}
