//! What happens to a patient: illnesses, visits with what is measured and prescribed, bills, admissions.

use fhir_model::Instant;
use serde_json::{Value, json};

use super::{
    bundle::{hl7, reference, tenths},
    calendar::{at_work, date, date_time, days_ago, later},
    clinic::{Course, ILLNESSES, Illness, MEDICINES, Medicine, PANELS, Panel},
    dice::Dice,
    hospital::Bed,
    patient::Chart,
    vitals::{self, Condition},
};

/// A visit that has begun.
struct Visit {
    encounter: Value,
    when: Instant,
    illness: &'static Illness,
    /// Reference to the Condition it is about.
    condition: Value,
}

/// Some visits over the last three years.
pub(super) fn visits(chart: &mut Chart<'_>, dice: &mut Dice) {
    let possible: Vec<&'static Illness> = ILLNESSES
        .iter()
        .filter(|illness| (illness.ages.0..=illness.ages.1).contains(&chart.age_years))
        .collect();
    let mut known: Vec<(&str, Value)> = Vec::new();
    let count = dice.between(2, 4);
    for number in 0..count {
        let day = days_ago((count - number) * 1000 / (count + 1) + dice.between(0, 90));
        let illness = *dice.pick(&possible);
        let when = at_work(day, dice);
        let seen = known.iter().find(|(code, _)| *code == illness.snomed.value);
        let condition = match seen {
            Some((_, condition)) => condition.clone(),
            None => condition(chart, illness, when),
        };
        if illness.course == Course::Chronic {
            known.push((illness.snomed.value, condition.clone()));
        }
        visit(chart, (illness, condition), when, dice);
    }
}

/// A stay in a bed that goes on.
pub(super) fn admission(chart: &mut Chart<'_>, bed: &Bed, dice: &mut Dice) {
    let when = at_work(days_ago(dice.between(1, 6)), dice);
    let id = chart.id_of("enc");
    let resource = json!({
        "resourceType": "Encounter",
        "id": id,
        "status": "in-progress",
        "class": class("IMP", "inpatient encounter"),
        "subject": chart.subject(),
        "participant": [{"individual": chart.doctor()}],
        "period": {"start": date_time(when)},
        "location": [{
            "location": reference("Location", &bed.id, &bed.name),
            "status": "active",
            "period": {"start": date_time(later(when, 40))},
        }],
        "serviceProvider": chart.hospital(),
    });
    chart.bundle.put(resource);
    let encounter = json!({"reference": format!("Encounter/{id}")});
    for hours in [1, 9, 17] {
        vitals::measure(chart, &encounter, later(when, hours * 60), Condition::Feverish, dice);
    }
}

fn visit(
    chart: &mut Chart<'_>,
    (illness, condition): (&'static Illness, Value),
    when: Instant,
    dice: &mut Dice,
) {
    let id = chart.id_of("enc");
    let resource = json!({
        "resourceType": "Encounter",
        "id": id,
        "status": "finished",
        "class": class("AMB", "ambulatory"),
        "subject": chart.subject(),
        "participant": [{"individual": chart.doctor()}],
        "period": {"start": date_time(when), "end": date_time(later(when, dice.between(15, 50)))},
        "reasonCode": [illness.snomed.concept()],
        "diagnosis": [{"condition": condition}],
        "serviceProvider": chart.hospital(),
    });
    chart.bundle.put(resource);
    let encounter = json!({"reference": format!("Encounter/{id}")});
    let visit = Visit { encounter, when, illness, condition };
    let state = match (illness.course, illness.icd10.value) {
        (Course::Acute, _) => Condition::Feverish,
        (Course::Chronic, "I10") => Condition::HighPressure,
        (Course::Chronic, _) => Condition::Well,
    };
    vitals::measure(chart, &visit.encounter, when, state, dice);
    if dice.happens(55) {
        report(chart, &visit, dice.pick(PANELS), dice);
    }
    for medicine in MEDICINES.iter().filter(|row| illness.medicines.contains(&row.code.value)) {
        prescribe(chart, &visit, medicine);
    }
    bill(chart, &visit, dice);
}

fn class(code: &str, display: &str) -> Value {
    json!({
        "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
        "code": code,
        "display": display,
    })
}

/// Records an illness; gives a reference to it.
fn condition(chart: &mut Chart<'_>, illness: &Illness, when: Instant) -> Value {
    let id = chart.id_of("con");
    let is_over = illness.course == Course::Acute;
    let (status, display) = if is_over { ("resolved", "Resolved") } else { ("active", "Active") };
    let mut resource = json!({
        "resourceType": "Condition",
        "id": id,
        "clinicalStatus": hl7("condition-clinical", status, display),
        "verificationStatus": hl7("condition-ver-status", "confirmed", "Confirmed"),
        "category": [hl7("condition-category", "encounter-diagnosis", "Encounter Diagnosis")],
        "code": {
            "coding": [illness.snomed.coding(), illness.icd10.coding()],
            "text": illness.snomed.display,
        },
        "subject": chart.subject(),
        "onsetDateTime": date(later(when, -2 * 24 * 60)),
        "recordedDate": date_time(when),
        "recorder": chart.doctor(),
    });
    if let Some(members) = resource.as_object_mut().filter(|_| is_over) {
        members.insert("abatementDateTime".to_owned(), json!(date(later(when, 10 * 24 * 60))));
    }
    chart.bundle.put(resource);
    reference("Condition", &id, illness.snomed.display)
}

fn report(chart: &mut Chart<'_>, visit: &Visit, panel: &Panel, dice: &mut Dice) {
    let when = later(visit.when, dice.between(120, 600));
    let mut results = Vec::new();
    for analyte in panel.analytes {
        let id = chart.id_of("lab");
        let value = dice.between(analyte.found.0, analyte.found.1);
        let (low, high) = analyte.usual;
        let (flag, meaning) = match value {
            value if value < low => ("L", "Low"),
            value if value > high => ("H", "High"),
            _ => ("N", "Normal"),
        };
        let resource = json!({
            "resourceType": "Observation",
            "id": id,
            "status": "final",
            "category": [hl7("observation-category", "laboratory", "Laboratory")],
            "code": analyte.code.concept(),
            "subject": chart.subject(),
            "encounter": visit.encounter,
            "effectiveDateTime": date_time(visit.when),
            "issued": date_time(when),
            "performer": [chart.hospital()],
            "valueQuantity": tenths(value, analyte.unit, analyte.ucum),
            "interpretation": [hl7("v3-ObservationInterpretation", flag, meaning)],
            "referenceRange": [{
                "low": tenths(low, analyte.unit, analyte.ucum),
                "high": tenths(high, analyte.unit, analyte.ucum),
            }],
        });
        chart.bundle.put(resource);
        results.push(reference("Observation", &id, analyte.code.display));
    }
    let resource = json!({
        "resourceType": "DiagnosticReport",
        "id": chart.id_of("rep"),
        "status": "final",
        "category": [hl7("v2-0074", "LAB", "Laboratory")],
        "code": panel.code.concept(),
        "subject": chart.subject(),
        "encounter": visit.encounter,
        "effectiveDateTime": date_time(visit.when),
        "issued": date_time(when),
        "performer": [chart.hospital()],
        "result": results,
    });
    chart.bundle.put(resource);
}

fn prescribe(chart: &mut Chart<'_>, visit: &Visit, medicine: &Medicine) {
    let is_over = visit.illness.course == Course::Acute;
    let times = medicine.times_a_day;
    let resource = json!({
        "resourceType": "MedicationRequest",
        "id": chart.id_of("med"),
        "status": if is_over { "completed" } else { "active" },
        "intent": "order",
        "medicationCodeableConcept": medicine.code.concept(),
        "subject": chart.subject(),
        "encounter": visit.encounter,
        "authoredOn": date_time(visit.when),
        "requester": chart.doctor(),
        "reasonReference": [visit.condition],
        "dosageInstruction": [{
            "text": format!("{}, {times} a day for {} days", medicine.dose, medicine.days),
            "timing": {"repeat": {
                "boundsDuration": {
                    "value": medicine.days,
                    "unit": "days",
                    "system": super::bundle::UCUM,
                    "code": "d",
                },
                "frequency": times,
                "period": 1,
                "periodUnit": "d",
            }},
        }],
    });
    chart.bundle.put(resource);
}

/// The hospital's bill to the insurer.
fn bill(chart: &mut Chart<'_>, visit: &Visit, dice: &mut Dice) {
    let rupees = |amount: i32| json!({"value": amount, "currency": "INR"});
    let fees =
        [("Consultation", dice.between(3, 9) * 100), ("Treatment", dice.between(2, 40) * 50)];
    let items: Vec<Value> = fees
        .iter()
        .zip(1..)
        .map(|((what, fee), sequence)| {
            json!({
                "sequence": sequence,
                "diagnosisSequence": [1],
                "productOrService": {"text": what},
                "servicedDate": date(visit.when),
                "unitPrice": rupees(*fee),
                "net": rupees(*fee),
                "encounter": [visit.encounter],
            })
        })
        .collect();
    let resource = json!({
        "resourceType": "Claim",
        "id": chart.id_of("clm"),
        "status": "active",
        "type": hl7("claim-type", "professional", "Professional"),
        "use": "claim",
        "patient": chart.subject(),
        "created": date_time(later(visit.when, 24 * 60)),
        "insurer": reference("Organization", &chart.insurer.id, chart.insurer.name),
        "provider": chart.hospital(),
        "priority": hl7("processpriority", "normal", "Normal"),
        "diagnosis": [{"sequence": 1, "diagnosisReference": visit.condition}],
        "insurance": [{
            "sequence": 1,
            "focal": true,
            "coverage": {"reference": format!("Coverage/{}", chart.coverage_id())},
        }],
        "item": items,
        "total": rupees(fees.iter().map(|(_, fee)| fee).sum()),
    });
    chart.bundle.put(resource);
}
