//! Random resources from small pools of values, so that random queries often hit.

use serde_json::{Value, json};

use crate::dice::Dice;

/// The types there are, and how many ids each has.
pub(crate) const TYPES: &[(&str, usize)] = &[
    ("Patient", 10),
    ("Observation", 24),
    ("Encounter", 10),
    ("Practitioner", 4),
    ("Organization", 5),
    ("Location", 6),
    ("MedicationRequest", 8),
    ("Medication", 3),
    ("RiskAssessment", 6),
    ("Condition", 8),
    ("DiagnosticReport", 5),
    ("List", 3),
    ("Questionnaire", 4),
    ("QuestionnaireResponse", 5),
    ("ValueSet", 4),
    ("MolecularSequence", 4),
];

pub(crate) const WORDS: &[&str] = &[
    "Ann",
    "Anna",
    "annabel",
    "Bo",
    "Bob",
    "Éva",
    "eva",
    "O'Hara",
    "van der Berg",
    "Llanfairpwllgwyngyll",
    "Konstantinop",
    "Konstantinopel",
    "100%",
    "a_b",
    "中村",
];
pub(crate) const SYSTEMS: &[&str] = &["http://s.example", "http://t.example"];
pub(crate) const CODES: &[&str] = &["a", "b", "c", "a,b", "x|y"];
pub(crate) const ADDRESSES: &[&str] = &["a", "A", "b", "B", "É", "x|y"];
pub(crate) const VERSIONS: &[&str] = &["1.0", "1.1", "2.0", "2.0-RC", "2.0-rc"];
pub(crate) const UNITS: &[&str] = &["mg", "ug", "g", "kg", "mL", "Cel", "[degF]", "nonsense"];
pub(crate) const NUMBERS: &[&str] = &[
    "0",
    "0.5",
    "0.50",
    "1",
    "5",
    "5.4",
    "10",
    "36.6",
    "98.6",
    "100",
    "5000",
    "-2.5",
    "0.33333333333333333",
    "9007199254740993",
    "1e40",
];
pub(crate) const DATES: &[&str] = &[
    "2019",
    "2020",
    "2020-01",
    "2020-02",
    "2020-01-15",
    "2020-01-16",
    "2021-12-31",
    "2020-01-15T10:00:00Z",
    "2020-01-15T10:00:00.500Z",
    "2020-01-15T23:30:00-05:00",
    "2020-01-15T12:00:00+02:00",
    "2016-12-31T23:59:60Z",
    "2016-12-31",
];
pub(crate) const DAYS: &[&str] = &["1974", "1974-12", "1974-12-25", "1980-02-29", "2001-01-31"];
pub(crate) const TEXTS: &[&str] =
    &["blood pressure", "body weight", "heart rate", "Blutdruck", "smoke"];
const PLACES: &[(f64, f64)] =
    &[(42.36, -71.06), (42.37, -71.11), (41.82, -71.41), (-17.7, 179.95), (-17.7, -179.95)];

/// A resource of a type under an id.
pub(crate) fn resource(dice: &mut Dice, ty: &str, id: &str) -> Value {
    let mut body = match ty {
        "Patient" => patient(dice),
        "Observation" => observation(dice),
        "Encounter" => json!({"status": dice.one(&["planned", "finished"]), "class": coding(dice),
            "subject": reference(dice, &["Patient"]), "period": period(dice),
            "participant": [{"individual": reference(dice, &["Practitioner"])}],
            "location": [{"location": reference(dice, &["Location"])}],
            "length": quantity(dice), "partOf": reference(dice, &["Encounter"])}),
        "Practitioner" => json!({"name": [name(dice)], "gender": dice.one(&["male", "female"])}),
        "Organization" => json!({"name": title(dice), "active": dice.percent(50),
            "address": [address(dice)], "partOf": reference(dice, &["Organization"])}),
        "Location" => location(dice),
        "MedicationRequest" => medication_request(dice),
        "Medication" => json!({"code": concept(dice), "status": "active"}),
        "RiskAssessment" => json!({"status": "final", "subject": reference(dice, &["Patient"]),
            "prediction": [{"probabilityDecimal": number(dice)}, {"probabilityDecimal": number(dice)}]}),
        "Condition" => json!({"code": concept(dice), "subject": reference(dice, &["Patient"]),
            "encounter": reference(dice, &["Encounter"]), "recordedDate": dice.one(DATES),
            "note": [{"text": dice.one(TEXTS)}], "onsetAge": quantity(dice)}),
        "DiagnosticReport" => {
            json!({"status": dice.one(&["final", "preliminary"]), "code": concept(dice),
            "subject": reference(dice, &["Patient"]),
            "result": [reference(dice, &["Observation"]), reference(dice, &["Observation"])]})
        }
        "List" => json!({"status": "current", "mode": "working", "entry": [
            {"item": reference(dice, &["Patient", "Condition", "Observation"])},
            {"item": reference(dice, &["Patient", "Encounter"])}]}),
        "Questionnaire" => {
            json!({"status": "active", "url": canonical(dice), "version": dice.one(VERSIONS)})
        }
        "QuestionnaireResponse" => {
            json!({"status": "completed", "subject": reference(dice, &["Patient"]),
            "questionnaire": versioned(dice)})
        }
        "ValueSet" => json!({"status": "active", "url": canonical(dice), "version": "1.0",
            "useContext": [{"code": coding(dice), "valueCodeableConcept": concept(dice)},
                           {"code": coding(dice), "valueQuantity": quantity(dice)}]}),
        _ => json!({"coordinateSystem": 0,
            "referenceSeq": {"chromosome": coding_concept(dice), "windowStart": dice.below(3), "windowEnd": dice.below(3)},
            "variant": [{"start": dice.below(4), "end": dice.below(4)}, {"start": dice.below(4), "end": dice.below(4)}]}),
    };
    body["resourceType"] = json!(ty);
    body["id"] = json!(id);
    if dice.percent(20) {
        body["meta"] =
            json!({"tag": [coding(dice)], "profile": [canonical(dice)], "source": canonical(dice)});
    }
    if dice.percent(20) {
        let text = dice.one(TEXTS);
        body["text"] = json!({"status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><b>{text}</b></div>")});
    }
    drop_some(dice, &mut body);
    body
}

/// Takes optional elements away, so that there is something missing.
fn drop_some(dice: &mut Dice, body: &mut Value) {
    const OPTIONAL: &[&str] = &[
        "name",
        "gender",
        "birthDate",
        "active",
        "period",
        "participant",
        "location",
        "length",
        "partOf",
        "address",
        "recordedDate",
        "encounter",
        "effectiveDateTime",
        "effectivePeriod",
        "valueQuantity",
        "valueString",
        "valueCodeableConcept",
        "component",
        "performer",
        "position",
        "telecom",
        "identifier",
        "generalPractitioner",
        "onsetAge",
        "version",
        "useContext",
        "variant",
        "note",
        "category",
    ];
    for name in OPTIONAL {
        if dice.percent(25)
            && let Some(object) = body.as_object_mut()
        {
            object.remove(*name);
        }
    }
}

fn patient(dice: &mut Dice) -> Value {
    json!({"name": [name(dice), name(dice)], "gender": dice.one(&["male", "female", "other"]),
        "birthDate": dice.one(DAYS), "active": dice.percent(50), "address": [address(dice)],
        "identifier": [identifier(dice), identifier(dice)],
        "telecom": [{"system": dice.one(&["phone", "email"]), "value": dice.one(ADDRESSES)}],
        "generalPractitioner": [reference(dice, &["Practitioner", "Organization"])],
        "managingOrganization": reference(dice, &["Organization"]),
        "link": [{"type": "seealso", "other": reference(dice, &["Patient"])}]})
}

fn observation(dice: &mut Dice) -> Value {
    let mut body = json!({"status": dice.one(&["final", "preliminary"]), "code": concept(dice), "category": [concept(dice)],
        "subject": reference(dice, &["Patient", "Location"]), "encounter": reference(dice, &["Encounter"]),
        "performer": [reference(dice, &["Practitioner", "Patient"])],
        "component": [component(dice), component(dice)]});
    match dice.below(4) {
        0 => body["valueQuantity"] = quantity(dice),
        1 => body["valueString"] = json!(dice.one(WORDS)),
        2 => body["valueCodeableConcept"] = concept(dice),
        _ => body["valueDateTime"] = json!(dice.one(DATES)),
    }
    if dice.percent(50) {
        body["effectiveDateTime"] = json!(dice.one(DATES));
    } else {
        body["effectivePeriod"] = period(dice);
    }
    body
}

fn component(dice: &mut Dice) -> Value {
    if dice.percent(70) {
        json!({"code": concept(dice), "valueQuantity": quantity(dice)})
    } else {
        json!({"code": concept(dice), "valueCodeableConcept": concept(dice)})
    }
}

fn location(dice: &mut Dice) -> Value {
    let (latitude, longitude) = PLACES[dice.below(PLACES.len())];
    json!({"name": dice.one(WORDS), "position": {"latitude": latitude, "longitude": longitude},
        "address": address(dice), "partOf": reference(dice, &["Location"])})
}

fn medication_request(dice: &mut Dice) -> Value {
    let mut body = json!({"status": "active", "intent": "order", "subject": reference(dice, &["Patient"]),
        "authoredOn": dice.one(DATES)});
    if dice.percent(60) {
        let inner = dice.one(&["m1", "m2"]);
        body["contained"] =
            json!([{"resourceType": "Medication", "id": inner, "code": concept(dice)}]);
        body["medicationReference"] = json!({"reference": format!("#{inner}")});
    } else if dice.percent(50) {
        body["medicationReference"] = reference(dice, &["Medication"]);
    } else {
        body["medicationCodeableConcept"] = concept(dice);
    }
    body
}

pub(crate) fn reference(dice: &mut Dice, types: &[&str]) -> Value {
    let ty = dice.one(types);
    let ids = TYPES.iter().find(|(name, _)| *name == ty).map_or(3, |(_, ids)| *ids);
    // one id too many: a reference to nothing
    let id = dice.below(ids + 1);
    match dice.below(20) {
        0 => json!({"reference": format!("http://else.example/{ty}/{id}")}),
        1 => json!({"identifier": identifier(dice)}),
        2 => json!({"display": "somebody"}),
        3 => json!({"reference": format!("http://own.example/fhir/{ty}/{id}")}),
        _ => json!({"reference": format!("{ty}/{id}")}),
    }
}

/// Sometimes longer than is kept.
fn title(dice: &mut Dice) -> String {
    let name = dice.one(WORDS);
    if dice.percent(10) { format!("{}{name}", "-".repeat(2_100)) } else { name.to_owned() }
}

fn name(dice: &mut Dice) -> Value {
    json!({"family": dice.one(WORDS), "given": [dice.one(WORDS), dice.one(WORDS)], "prefix": [dice.one(&["Dr", "Prof"])]})
}

fn address(dice: &mut Dice) -> Value {
    json!({"line": [dice.one(WORDS)], "city": dice.one(WORDS), "country": dice.one(&["IN", "DE"]), "use": "home"})
}

fn identifier(dice: &mut Dice) -> Value {
    let mut body = json!({"value": dice.one(CODES)});
    if dice.percent(60) {
        body["system"] = json!(dice.one(SYSTEMS));
    }
    if dice.percent(50) {
        body["type"] = concept(dice);
    }
    body
}

fn coding(dice: &mut Dice) -> Value {
    let mut body = json!({"code": dice.one(CODES)});
    if dice.percent(80) {
        body["system"] = json!(dice.one(SYSTEMS));
    }
    if dice.percent(40) {
        body["display"] = json!(dice.one(TEXTS));
    }
    body
}

fn coding_concept(dice: &mut Dice) -> Value {
    json!({"coding": [coding(dice)]})
}

pub(crate) fn concept(dice: &mut Dice) -> Value {
    let mut body = if dice.percent(30) {
        json!({"coding": [coding(dice), coding(dice)]})
    } else {
        coding_concept(dice)
    };
    if dice.percent(30) {
        body["text"] = json!(dice.one(TEXTS));
    }
    body
}

fn number(dice: &mut Dice) -> Value {
    serde_json::from_str(dice.one(NUMBERS)).unwrap()
}

fn quantity(dice: &mut Dice) -> Value {
    let mut body = json!({"value": number(dice)});
    if dice.percent(80) {
        let unit = dice.one(UNITS);
        body["code"] = json!(unit);
        body["unit"] = json!(unit);
        body["system"] =
            json!(if dice.percent(85) { "http://unitsofmeasure.org" } else { "http://s.example" });
    }
    body
}

pub(crate) fn period(dice: &mut Dice) -> Value {
    let (a, b) = (dice.one(DATES), dice.one(DATES));
    let mut body = json!({"start": a.min(b), "end": a.max(b)});
    if dice.percent(30)
        && let Some(object) = body.as_object_mut()
    {
        object.remove(dice.one(&["start", "end"]));
    }
    body
}

fn canonical(dice: &mut Dice) -> Value {
    json!(dice.one(&[
        "http://c.example/q",
        "http://c.example/q/1",
        "http://c.example/r",
        "urn:oid:1.2"
    ]))
}

fn versioned(dice: &mut Dice) -> Value {
    let url = canonical(dice);
    let url = url.as_str().unwrap();
    if dice.percent(50) { json!(format!("{url}|{}", dice.one(VERSIONS))) } else { json!(url) }
}
