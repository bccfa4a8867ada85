//! What insurers keep and are asked: coverages, claims, answers and explanations.

use serde_json::{Value, json};

use crate::{dice::Dice, resources};

/// One of few patients and insurers, so that they meet.
pub(crate) fn few(dice: &mut Dice, ty: &str) -> Value {
    json!({"reference": format!("{ty}/{}", dice.below(if ty == "Patient" { 4 } else { 2 }))})
}

pub(crate) fn coverage(dice: &mut Dice, id: &str) -> Value {
    let mut body = json!({"resourceType": "Coverage", "id": id,
        "status": dice.one(&["active", "active", "cancelled", "draft"]),
        "beneficiary": few(dice, "Patient"), "payor": [few(dice, "Organization")]});
    for (name, day) in [("start", "2019-01-01"), ("end", "2019-12-31"), ("end", "2020-01-15")] {
        if dice.percent(40) {
            body["period"][name] = json!(day);
        }
    }
    body
}

pub(crate) fn claim(dice: &mut Dice, id: &str) -> Value {
    let mut body = json!({"resourceType": "Claim", "id": id, "status": "active", "use": "claim",
        "type": {"text": "x"}, "priority": {"text": "x"}, "created": "2020-01-20",
        "patient": few(dice, "Patient"), "insurer": few(dice, "Organization"),
        "provider": resources::reference(dice, &["Organization"]),
        "insurance": [{"sequence": 1, "focal": true, "coverage": {"display": "x"}}]});
    match dice.below(3) {
        0 => {
            body["billablePeriod"] = json!({"start": dice.one(&["2018-12-31", "2019-01-01"]),
                "end": dice.one(&["2019-12-31", "2020-01-01", "2020-01-15"])});
        }
        1 => {
            let day = dice.one(&["2019-06-01", "2020-01-15", "2020-01-16"]);
            body["item"] = json!([{"sequence": 1, "productOrService": {"text": "x"},
                "servicedDate": day}]);
        }
        _ => {}
    }
    body
}

pub(crate) fn response(dice: &mut Dice, id: &str) -> Value {
    let mut body = json!({"resourceType": "ClaimResponse", "id": id, "status": "active",
        "use": "claim", "type": {"text": "x"}, "created": "2020-01-25", "outcome": "complete",
        "patient": few(dice, "Patient"), "insurer": few(dice, "Organization"),
        "requestor": resources::reference(dice, &["Organization"])});
    if dice.percent(85) {
        body["request"] = json!({"reference": format!("Claim/{}", dice.below(12))});
    }
    body
}

/// With times of its own; the Claim that it names has others.
pub(crate) fn explanation(dice: &mut Dice, id: &str) -> Value {
    let mut body = claim(dice, id);
    body["resourceType"] = json!("ExplanationOfBenefit");
    body["outcome"] = json!("complete");
    body["insurance"] = json!([{"focal": true, "coverage": {"display": "x"}}]);
    if dice.percent(85) {
        body["claim"] = json!({"reference": format!("Claim/{}", dice.below(12))});
    }
    body
}
