//! A ward looks for a record.

use serde_json::json;

use crate::house::{House, unique};

stories!(
    by_what_is_written_in_it,
    a_change_is_found_by_its_new_value,
    pages_are_stable,
    what_is_not_understood_is_not_ignored,
    a_search_by_form,
);

fn by_what_is_written_in_it(house: &House) {
    let word = unique("sys");
    let patient = house
        .post(
            "/Patient",
            &json!({
                "resourceType": "Patient",
                "identifier": [{"system": format!("http://{word}"), "value": "A-1"}],
                "name": [{"family": "Müller-Rao", "given": ["Anjali"]}],
                "gender": "female",
                "birthDate": "1980-02-29",
            }),
        )
        .expect(201)
        .id();
    let observation = house
        .post(
            "/Observation",
            &json!({
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": word}]},
                "subject": {"reference": format!("Patient/{patient}")},
                "effectiveDateTime": "2020-05-17T10:00:00+02:00",
            }),
        )
        .expect(201)
        .id();
    let id = format!("_id={patient}");
    let found = [
        format!("/Patient?identifier=http://{word}|A-1"),
        format!("/Patient?identifier=http://{word}|"),
        format!("/Patient?{id}&family=muller"),
        format!("/Patient?{id}&name=anj"),
        format!("/Patient?{id}&name:exact=Anjali"),
        format!("/Patient?{id}&gender=female&birthdate=1980-02"),
        format!("/Patient?{id}&birthdate=ge1980&birthdate=lt1981"),
        format!("/Patient?{id}&_lastUpdated=gt2020"),
    ];
    for query in &found {
        assert_eq!(house.get(query).expect(200).ids(), std::slice::from_ref(&patient), "{query}");
    }
    let not_found = [
        format!("/Patient?identifier=http://other|A-1&{id}"),
        format!("/Patient?{id}&family=mueller"),
        format!("/Patient?{id}&name:exact=anjali"),
        format!("/Patient?{id}&gender=male"),
        format!("/Patient?{id}&birthdate=1980-03"),
        format!("/Patient?{id}&gender:not=female"),
    ];
    for query in &not_found {
        assert_eq!(house.get(query).expect(200).ids(), Vec::<String>::new(), "{query}");
    }
    for query in [
        format!("/Observation?code=http://loinc.org|{word}"),
        format!("/Observation?code={word}&patient={patient}"),
        format!("/Observation?subject=Patient/{patient}"),
        format!("/Observation?subject:Patient={patient}&date=2020-05-17"),
        format!("/Observation?patient={}/Patient/{patient}", house.base()),
        format!("/Observation?patient=Patient/{patient}&date=2020-05-17T08:00:00Z"),
    ] {
        assert_eq!(
            house.get(&query).expect(200).ids(),
            std::slice::from_ref(&observation),
            "{query}"
        );
    }
}

fn a_change_is_found_by_its_new_value(house: &House) {
    let body = json!({"resourceType": "Patient", "gender": "female"});
    let created = house.post("/Patient", &body).expect(201);
    let patient = created.id();
    let (id, mut body) = (format!("_id={patient}"), created.json());
    assert_eq!(
        house.get(&format!("/Patient?{id}&gender=female")).ids(),
        std::slice::from_ref(&patient)
    );
    body["gender"] = json!("other");
    house.put(&format!("/Patient/{patient}"), &body).expect(200);
    assert!(house.get(&format!("/Patient?{id}&gender=female")).ids().is_empty());
    assert_eq!(
        house.get(&format!("/Patient?{id}&gender=other")).ids(),
        std::slice::from_ref(&patient)
    );
    house.delete(&format!("/Patient/{patient}")).expect(204);
    assert!(house.get(&format!("/Patient?{id}")).ids().is_empty());
}

fn pages_are_stable(house: &House) {
    let word = unique("page");
    let make = || {
        let body = json!({"resourceType": "Basic", "code": {"coding": [{"system": "urn:x", "code": word}]}});
        house.post("/Basic", &body).expect(201).id()
    };
    let made: Vec<String> = (0..25).map(|_| make()).collect();
    for query in ["", "&_sort=_lastUpdated", "&_sort=-_lastUpdated", "&_sort=_id"] {
        let mut page = house.get(&format!("/Basic?code={word}&_count=10{query}")).expect(200);
        let mut seen = page.ids();
        let first = page.ids();
        while let Some(next) = page.link("next") {
            page = house.get(&next).expect(200);
            seen.extend(page.ids());
        }
        let mut sorted = seen.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), made.len(), "{query}: {seen:?}");
        assert_eq!(seen.len(), made.len(), "{query}");
        for _ in 0..2 {
            page = house.get(&page.link("previous").unwrap()).expect(200);
        }
        assert_eq!(page.ids(), first, "{query}");
        assert_eq!(page.link("previous"), None, "{query}");
    }
    let counted = house.get(&format!("/Basic?code={word}&_summary=count")).expect(200).json();
    assert_eq!(counted["total"], 25);
    let total =
        house.get(&format!("/Basic?code={word}&_count=5&_total=accurate")).expect(200).json();
    assert_eq!(total["total"], 25);
}

fn what_is_not_understood_is_not_ignored(house: &House) {
    let refused = house.get("/Patient?shoesize=43").expect(400).json();
    assert_eq!(refused["resourceType"], "OperationOutcome");
    house.get("/Patient?birthdate=yesterday").expect(400);
    house.get("/Patient?_count=many").expect(400);
    house.get("/Patient?_cursor=AAAA").expect(400);
    let lenient = [("Prefer", "handling=lenient")];
    let answered =
        house.send("GET", "/Patient?shoesize=43&_count=1", &lenient, "").expect(200).json();
    let entries = answered["entry"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["search"]["mode"] == "outcome"));
    assert!(!answered["link"][0]["url"].as_str().unwrap().contains("shoesize"));
}

fn a_search_by_form(house: &House) {
    let word = unique("form");
    let body = json!({"resourceType": "Basic", "code": {"coding": [{"code": word}]}});
    let id = house.post("/Basic", &body).expect(201).id();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let found = house.send("POST", "/Basic/_search", &form, &format!("code={word}")).expect(200);
    assert_eq!(found.ids(), [id]);
}
