//! What was found, prescribed and done at a visit.

use serde_json::{Value, json};

use super::{
    encounter::Visit,
    terms::{self, SNOMED, hl7, narrative},
};
use crate::dice::Dice;

/// A Condition and a `MedicationRequest`; at all visits but the last a Procedure as well.
pub(super) fn found_and_done_at(visit: &Visit<'_>, resources: &mut Vec<Value>, dice: &mut Dice) {
    resources.push(condition(visit, dice));
    resources.push(medication_request(visit, dice));
    if visit.at < 2 {
        resources.push(procedure(visit, dice));
    }
}

fn condition(visit: &Visit<'_>, dice: &mut Dice) -> Value {
    let disorder = terms::one_of(terms::DISORDERS, dice);
    let status = if dice.below(3) == 0 { ("resolved", "Resolved") } else { ("active", "Active") };
    json!({
        "resourceType": "Condition",
        "id": visit.id_of('c', 0),
        "text": narrative(disorder.1),
        "clinicalStatus": hl7("condition-clinical", status),
        "verificationStatus": hl7("condition-ver-status", ("confirmed", "Confirmed")),
        "category": [hl7("condition-category", ("encounter-diagnosis", "Encounter Diagnosis"))],
        "code": terms::concept(SNOMED, disorder),
        "subject": visit.person.subject(),
        "encounter": visit.reference(),
        "onsetDateTime": visit.day.at(visit.begin),
        "recordedDate": visit.day.at(visit.begin + 5),
    })
}

fn medication_request(visit: &Visit<'_>, dice: &mut Dice) -> Value {
    let status = if dice.below(3) == 0 { "active" } else { "completed" };
    json!({
        "resourceType": "MedicationRequest",
        "id": visit.id_of('m', 0),
        "status": status,
        "intent": "order",
        "medicationCodeableConcept": terms::medication(terms::one_of(terms::MEDICATIONS, dice)),
        "subject": visit.person.subject(),
        "encounter": visit.reference(),
        "authoredOn": visit.day.at(visit.begin + 30),
        "requester": visit.practitioner(),
        "dosageInstruction": [{
            "text": "one tablet a day",
            "timing": {"repeat": {"frequency": 1, "period": 1.0, "periodUnit": "d"}},
        }],
    })
}

fn procedure(visit: &Visit<'_>, dice: &mut Dice) -> Value {
    json!({
        "resourceType": "Procedure",
        "id": visit.id_of('q', 0),
        "status": "completed",
        "code": terms::concept(SNOMED, terms::one_of(terms::PROCEDURES, dice)),
        "subject": visit.person.subject(),
        "encounter": visit.reference(),
        "performedPeriod": {
            "start": visit.day.at(visit.begin + 10),
            "end": visit.day.at(visit.begin + 25),
        },
    })
}
