//! What the answers of studies tell together, and of whom.

use serde_json::json;

use super::{Study, consent, researcher};
use crate::{
    house::{House, unique},
    stories::gate::{Person, practitioner},
};

smart_stories!(
    two_answers_do_not_differ_by_few,
    who_asks_is_the_same_by_whatever_means,
    restrictions_of_many_patients_are_one,
);

fn two_answers_do_not_differ_by_few(house: &House) {
    // all of the ill are women; the well women are two
    let study = Study::new(house, (28, 14, 12));
    assert_eq!(study.number("Patient?gender=female"), Some(14));
    assert_eq!(
        study.number("Patient?_has:Condition:patient:code=http://hl7.org/fhir/sid/icd-10%7CE11"),
        None
    );
    // nor by what has them, nor in another study of the same sponsor
    assert_eq!(study.number("Condition"), None);
    let other = Study {
        itself: study
            .operator
            .store(&json!({"resourceType": "ResearchStudy", "status": "approved",
            "sponsor": {"reference": study.sponsor}})),
        operator: Person::operator(house),
        researcher: researcher(house, Some(&study.sponsor), None),
        sponsor: study.sponsor.clone(),
        patients: Vec::new(),
        house,
    };
    let ill = "Patient?_has:Condition:patient:code=http://hl7.org/fhir/sid/icd-10%7CE11";
    assert_eq!(other.number(ill), None);
    assert_eq!(other.number("Condition"), None);
    assert_eq!(other.number("Patient?gender=female"), Some(14));
    // where the ill are the women, nobody is told of by it
    let alone = Study::new(house, (24, 12, 12));
    assert_eq!(alone.number("Condition"), Some(12));
    assert_eq!(alone.number("Patient?gender=female"), Some(12));
    assert_eq!(alone.number(ill), Some(12));
    // the pseudonyms of two studies have nothing in common
    let ids = |study: &Study<'_>| study.ask("Patient").expect(200).ids();
    assert!(ids(&study).iter().all(|id| !ids(&other).contains(id)));
}

fn who_asks_is_the_same_by_whatever_means(house: &House) {
    let operator = Person::operator(house);
    let person = practitioner(&operator);
    let role = |_| {
        let role = operator.store(&json!({"resourceType": "PractitionerRole", "active": true,
            "practitioner": {"reference": person}}));
        operator.store(&json!({"resourceType": "ResearchStudy", "status": "active",
            "principalInvestigator": {"reference": role}}))
    };
    let [one, other] = [0, 1].map(role);
    let token = |login: &str, more: &[&str]| {
        let mint = ["token", "--user", login];
        Person::with(house, &house.medvault(&[&mint[..], more].concat()))
    };
    let account = || {
        let login = unique("investigator");
        house.account(&login, "researcher", &["--fhir-user", &person]);
        login
    };
    let client = |name: &str| {
        let id = unique(name);
        let to = "https://app.example/x";
        house.medvault(&["client", "add", "--id", &id, "--redirect-uri", to]);
        id
    };
    let all = ["--scope", "user/*.rs"];
    let (login, first, second) = (account(), client("one"), client("two"));
    let by = |client: &str| token(&login, &[&all[..], &["--client", client]].concat());
    let in_study = |itself: &str, researcher| Study {
        house,
        operator: Person::operator(house),
        researcher,
        sponsor: person.clone(),
        itself: itself.to_owned(),
        patients: Vec::new(),
    };
    let study = in_study(&one, by(&first));
    for n in 0..40 {
        study.admit(if n < 20 { "female" } else { "male" }, if n < 17 { &["E11"] } else { &[] });
    }
    let ill = "_has:Condition:patient:code=http://hl7.org/fhir/sid/icd-10%7CE11";
    assert_eq!(study.number("Patient?gender=female"), Some(20));
    // three of the women are well: by the same application, by another, by another account, and in the study of another role
    let asked = format!("Patient?gender=female&{ill}");
    for itself in [&one, &other] {
        for researcher in [by(&first), by(&second), token(&account(), &all)] {
            assert_eq!(in_study(itself, researcher).number(&asked), None, "{itself}");
        }
    }
    // nor in the eyes of a token to which only a part is open
    let narrow = token(&login, &["--scope", "user/Condition.rs user/Observation.rs"]);
    narrow.get(&study.address("metadata")).expect(403);
    let refused = narrow.get(&study.address("Condition?_summary=count")).expect(403);
    assert!(refused.text.contains("user/*.rs"), "{}", refused.text);
    // what else there was to know
    assert_eq!(study.number("Patient"), Some(40));
}

fn restrictions_of_many_patients_are_one(house: &House) {
    const MANY: usize = 130;
    let study = Study::new(house, (0, 0, 0));
    let of_then = json!({"type": "permit", "purpose": [{"code": "HRESCH"}],
        "dataPeriod": {"start": "2019-01-01"},
        "actor": [{"role": {"text": "study"}, "reference": {"reference": study.sponsor}}]});
    let mut entries = Vec::new();
    for n in 0..MANY {
        let id = unique("restricts");
        let patient = format!("Patient/{id}");
        let observation = |year: usize| {
            json!({"resourceType": "Observation", "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
            "subject": {"reference": patient}, "effectiveDateTime": format!("{year}-02-02")})
        };
        let resource = json!({"resourceType": "Patient", "id": id, "birthDate": "1980-01-01",
            "gender": if n % 2 == 0 { "female" } else { "male" }});
        entries.push(json!({"resource": resource, "request": {"method": "PUT", "url": patient}}));
        let others =
            [observation(2020), observation(2018), consent(&patient, "research", &of_then)];
        for resource in others {
            let url = resource["resourceType"].clone();
            entries.push(json!({"resource": resource, "request": {"method": "POST", "url": url}}));
        }
    }
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
    study.operator.ask("POST", "/", &bundle.to_string()).expect(200);
    let weighed = "Observation?code=http://loinc.org%7C29463-7";
    assert_eq!(study.number(weighed), Some(MANY as u64));
    assert_eq!(study.number("Observation?status=final"), Some(MANY as u64));
    // of a Patient no time is known, so none is open
    assert_eq!(study.number("Observation?patient.gender=female"), None);
    assert_eq!(study.ask(&format!("{weighed}&_count=200")).expect(200).ids().len(), MANY);
}
