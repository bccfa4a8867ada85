//! What ONC's criteria (g)(10) ask of scopes: with all of them each clinical type is found by its patient, with finer ones
//! exactly their part. <https://hl7.org/fhir/us/core/STU7/scopes.html>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    a_patient,
    app::{App, Kind},
    get_with, store,
};
use crate::house::House;

smart_stories!(every_clinical_type_is_found_by_its_patient, finer_scopes_show_exactly_their_part);

/// Clinical types of US Core, as they are searched first.
const TYPES: &[&str] = &[
    "AllergyIntolerance",
    "CarePlan",
    "CareTeam",
    "Condition",
    "Coverage",
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "Goal",
    "Immunization",
    "MedicationDispense",
    "MedicationRequest",
    "Observation",
    "Procedure",
    "QuestionnaireResponse",
    "RelatedPerson",
    "ServiceRequest",
    "Specimen",
];

fn every_clinical_type_is_found_by_its_patient(house: &House) {
    let (login, id) = a_patient(house);
    let other = store(house, &json!({"resourceType": "Patient"}));
    let app = App::new(house, Kind::Public);
    let answer = app.tokens(&login, "launch/patient openid fhirUser patient/*.rs");
    let token = answer["access_token"].as_str().unwrap();
    for ty in TYPES {
        get_with(house, token, &format!("/{ty}?patient={id}")).expect(200);
        get_with(house, token, &format!("/{ty}?patient={other}")).expect(403);
    }
    for ty in ["Location", "Organization", "Practitioner", "PractitionerRole", "Medication"] {
        get_with(house, token, &format!("/{ty}?_count=1")).expect(200);
    }
    get_with(house, token, &format!("/Provenance?patient={id}")).expect(200);
    let address = format!("/Observation?patient={id}&_revinclude=Provenance:target");
    get_with(house, token, &address).expect(200);
}

const CONDITION: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
const CONCERN: &str = "http://hl7.org/fhir/us/core/CodeSystem/condition-category";
const OBSERVATION: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const CORE: &str = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category";

/// Type, system and code of each category, and the group of scopes that opens it.
const CATEGORIES: &[(&str, &str, &str, usize)] = &[
    ("Condition", CONDITION, "encounter-diagnosis", 1),
    ("Condition", CONCERN, "health-concern", 1),
    ("Condition", CONDITION, "problem-list-item", 2),
    ("Observation", OBSERVATION, "laboratory", 1),
    ("Observation", OBSERVATION, "social-history", 1),
    ("Observation", OBSERVATION, "vital-signs", 2),
    ("Observation", OBSERVATION, "survey", 2),
    ("Observation", CORE, "sdoh", 2),
];

fn finer_scopes_show_exactly_their_part(house: &House) {
    let (login, id) = a_patient(house);
    let resource = |ty: &str, system: &str, code: &str| -> Value {
        let mut body = json!({"resourceType": ty, "subject": {"reference": format!("Patient/{id}")},
            "category": [{"coding": [{"system": system, "code": code}]}], "code": {"text": code}});
        if ty == "Observation" {
            body["status"] = json!("final");
        }
        body
    };
    let stored: Vec<(&str, usize, String)> = CATEGORIES
        .iter()
        .map(|(ty, system, code, group)| (*ty, *group, store(house, &resource(ty, system, code))))
        .collect();
    let app = App::new(house, Kind::Public);
    for group in [1, 2] {
        let finer: Vec<String> = (CATEGORIES.iter().filter(|it| it.3 == group))
            .map(|(ty, system, code, _)| format!("patient/{ty}.rs?category={system}|{code}"))
            .collect();
        let asked = format!("launch/patient patient/Patient.rs {}", finer.join(" "));
        let answer = app.tokens(&login, &asked);
        let words = |text: &str| -> BTreeSet<String> {
            text.split_ascii_whitespace().map(str::to_owned).collect()
        };
        assert_eq!(words(answer["scope"].as_str().unwrap()), words(&asked));
        let token = answer["access_token"].as_str().unwrap();
        for ty in ["Condition", "Observation"] {
            let expected: BTreeSet<String> = (stored.iter())
                .filter(|it| it.0 == ty && it.1 == group)
                .map(|it| it.2.clone())
                .collect();
            for search in ["", "&_sort=-_lastUpdated", "&_count=50"] {
                let found = get_with(house, token, &format!("/{ty}?patient={id}{search}"));
                let found: BTreeSet<String> = found.expect(200).ids().into_iter().collect();
                assert_eq!(found, expected, "{ty} {group} {search}");
            }
        }
        for ((ty, of, one), (_, system, code, _)) in stored.iter().zip(CATEGORIES) {
            let is_open = *of == group;
            let address = format!("/{ty}?patient={id}&category={system}%7C{code}");
            let found = get_with(house, token, &address).expect(200).ids();
            assert_eq!(found.len(), usize::from(is_open), "{ty} {code} for {group}");
            let read = get_with(house, token, &format!("/{ty}/{one}")).status;
            assert_eq!(read, if is_open { 200 } else { 404 }, "{ty} {code} for {group}");
        }
        get_with(house, token, &format!("/Patient/{id}")).expect(200);
        get_with(house, token, &format!("/Encounter?patient={id}")).expect(403);
    }
}
