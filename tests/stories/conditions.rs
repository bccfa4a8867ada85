//! Hospitals that do not know of each other send the same person: conditional interactions.

use serde_json::json;

use crate::house::{House, unique};

stories!(
    creating_twice_makes_one,
    updating_by_identifier,
    deleting_by_identifier,
    a_stale_version_is_refused,
    what_is_there_already_may_be_asked_for,
    an_id_that_is_taken_is_not_overwritten,
    reading_what_is_known,
);

fn person(identifier: &str, family: &str) -> serde_json::Value {
    json!({
        "resourceType": "Patient",
        "identifier": [{"system": "http://hospital.example/mrn", "value": identifier}],
        "name": [{"family": family}],
    })
}

fn creating_twice_makes_one(house: &House) {
    let mrn = unique("mrn");
    let criteria = format!("identifier=http://hospital.example/mrn|{mrn}");
    let create = || {
        let header = [("If-None-Exist", criteria.as_str())];
        house.send("POST", "/Patient", &header, &person(&mrn, "Rao").to_string())
    };
    let first = create().expect(201);
    let second = create().expect(200);
    assert_eq!(first.json()["id"], second.json()["id"]);
    house.post("/Patient", &person(&mrn, "Rao")).expect(201);
    assert_eq!(create().expect(412).json()["issue"][0]["code"], "multiple-matches");
}

fn updating_by_identifier(house: &House) {
    let mrn = unique("mrn");
    let address = format!("/Patient?identifier=http://hospital.example/mrn|{mrn}");
    let created = house.put(&address, &person(&mrn, "Rao")).expect(201);
    let updated = house.put(&address, &person(&mrn, "Rao-Iyer")).expect(200);
    assert_eq!(updated.json()["id"], created.json()["id"]);
    assert_eq!(updated.header("ETag"), "W/\"2\"");
    let mut other = person(&mrn, "Rao");
    other["id"] = json!("somebody-else");
    house.put(&address, &other).expect(400);
    house.put("/Patient", &person(&mrn, "Rao")).expect(400);
}

fn deleting_by_identifier(house: &House) {
    let mrn = unique("mrn");
    let address = format!("/Patient?identifier=http://hospital.example/mrn|{mrn}");
    house.delete(&address).expect(204);
    let id = house.post("/Patient", &person(&mrn, "Rao")).expect(201).id();
    house.delete(&address).expect(204);
    house.get(&format!("/Patient/{id}")).expect(410);
    assert_eq!(house.get(&address).expect(200).ids(), Vec::<String>::new());
    for _ in 0..2 {
        house.post("/Patient", &person(&mrn, "Rao")).expect(201);
    }
    house.delete(&address).expect(412);
}

fn a_stale_version_is_refused(house: &House) {
    let created = house.post("/Patient", &person(&unique("mrn"), "Rao")).expect(201);
    let address = format!("/Patient/{}", created.id());
    let mut body = created.json();
    body["active"] = json!(true);
    let put = |tag: &str| house.send("PUT", &address, &[("If-Match", tag)], &body.to_string());
    put("W/\"2\"").expect(412);
    put("W/\"1\"").expect(200);
    assert_eq!(put("W/\"1\"").expect(412).json()["issue"][0]["code"], "conflict");
    put("nonsense").expect(400);
    put("W/\"1\", W/\"7\"").expect(412);
    put("W/\"1\", nonsense").expect(400);
    put("W/\"7\", W/\"2\"").expect(200);
    let meta = json!({"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": [{"code": "x"}]}}]});
    let several = [("If-Match", "W/\"1\", W/\"2\"")];
    let address_of_meta = format!("{address}/$meta-add");
    house.send("POST", &address_of_meta, &several, &meta.to_string()).expect(400);
    house.send("DELETE", &address, &[("If-Match", "W/\"1\"")], "").expect(412);
    let absent = [("If-None-Match", "*")];
    house.send("PUT", &address, &absent, &body.to_string()).expect(412);
}

fn what_is_there_already_may_be_asked_for(house: &House) {
    let id = unique("there");
    let address = format!("/Basic/{id}");
    let body = json!({"resourceType": "Basic", "id": id, "code": {"text": "x"}}).to_string();
    let any = [("If-Match", "*")];
    house.send("PUT", &address, &any, &body).expect(412);
    house.send("PUT", &address, &[], &body).expect(201);
    house.send("PUT", &address, &any, &body.replace("\"x\"", "\"y\"")).expect(200);
    house.send("DELETE", &address, &any, "").expect(204);
    house.send("PUT", &address, &any, &body).expect(412);
}

fn an_id_that_is_taken_is_not_overwritten(house: &House) {
    let (mrn, other) = (unique("mrn"), unique("mrn"));
    let id = house.post("/Patient", &person(&mrn, "Rao")).expect(201).id();
    let mut stranger = person(&other, "Devi");
    stranger["id"] = json!(id);
    let address = format!("/Patient?identifier=http://hospital.example/mrn|{other}");
    let refused = house.put(&address, &stranger).expect(409).json();
    let text = refused["issue"][0]["diagnostics"].as_str().unwrap();
    assert!(text.contains("The criteria find nothing") && text.contains(&id), "{text}");
    assert_eq!(refused["issue"][0]["expression"][0], "Patient.id");
    let kept = house.get(&format!("/Patient/{id}")).expect(200).json();
    assert_eq!(kept["name"][0]["family"], "Rao");
    assert_eq!(kept["meta"]["versionId"], "1");
    // an id that nobody has is theirs, and what was deleted may come back
    stranger["id"] = json!(unique("free"));
    house.put(&address, &stranger).expect(201);
    house.put(&address, &stranger).expect(200);
    house.delete(&format!("/Patient/{}", stranger["id"].as_str().unwrap())).expect(204);
    house.put(&address, &stranger).expect(201);
}

fn reading_what_is_known(house: &House) {
    let created = house.post("/Patient", &person(&unique("mrn"), "Rao")).expect(201);
    let address = format!("/Patient/{}", created.id());
    let get = |name: &str, value: &str| house.send("GET", &address, &[(name, value)], "");
    assert_eq!(get("If-None-Match", "W/\"1\"").expect(304).text, "");
    get("If-None-Match", "W/\"2\"").expect(200);
    get("If-None-Match", "\"of-another-server\"").expect(200);
    let modified = house.get(&address).expect(200).header("Last-Modified").to_owned();
    get("If-Modified-Since", &modified).expect(304);
    get("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT").expect(200);
}
