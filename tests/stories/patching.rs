//! A clerk corrects a record without sending all of it.

use serde_json::json;

use crate::house::{House, Reply};

stories!(
    json_patch,
    fhirpath_patch,
    merge_patch,
    a_patch_that_breaks_a_record_is_refused,
    a_patch_brings_no_reference_by_search,
);

fn patient(house: &House) -> String {
    let body = json!({"resourceType": "Patient", "gender": "male", "name": [{"family": "Rao"}]});
    format!("/Patient/{}", house.post("/Patient", &body).expect(201).id())
}

fn patch(house: &House, address: &str, media_type: &str, body: &serde_json::Value) -> Reply {
    house.send("PATCH", address, &[("Content-Type", media_type)], &body.to_string())
}

fn json_patch(house: &House) {
    let address = patient(house);
    let body = json!([{"op": "replace", "path": "/name/0/family", "value": "Iyer"}]);
    let patched = patch(house, &address, "application/json-patch+json", &body).expect(200).json();
    assert_eq!(patched["name"][0]["family"], "Iyer");
    assert_eq!(patched["meta"]["versionId"], "2");
    let test = json!([{"op": "test", "path": "/gender", "value": "female"}]);
    let failed = patch(house, &address, "application/json-patch+json", &test);
    assert!((400..=422).contains(&failed.status), "{}", failed.text);
    let history = house.get(&format!("{address}/_history")).json();
    assert_eq!(history["entry"][0]["request"]["method"], "PATCH");
}

fn fhirpath_patch(house: &House) {
    let address = patient(house);
    let body = json!({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
        {"name": "type", "valueCode": "add"},
        {"name": "path", "valueString": "Patient"},
        {"name": "name", "valueString": "birthDate"},
        {"name": "value", "valueDate": "1980-02-29"},
    ]}]});
    let patched = patch(house, &address, "application/fhir+json", &body).expect(200).json();
    assert_eq!(patched["birthDate"], "1980-02-29");
    // the same way, inside a transaction
    let body = json!({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Patient.birthDate"},
        {"name": "value", "valueDate": "1980-02-28"},
    ]}]});
    let url = address.trim_start_matches('/');
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"resource": body, "request": {"method": "PATCH", "url": url}}]});
    let answer = house.post("", &bundle).expect(200).json();
    assert!(answer["entry"][0]["response"]["status"].as_str().unwrap().starts_with("200"));
}

fn merge_patch(house: &House) {
    let address = patient(house);
    let body = json!({"gender": null, "active": true});
    let patched = patch(house, &address, "application/merge-patch+json", &body).expect(200).json();
    assert_eq!(patched.get("gender"), None);
    assert_eq!(patched["active"], true);
}

fn a_patch_that_breaks_a_record_is_refused(house: &House) {
    let address = patient(house);
    for body in [
        json!([{"op": "add", "path": "/shoeSize", "value": 43}]),
        json!([{"op": "replace", "path": "/gender", "value": "unheard-of"}]),
        json!([{"op": "replace", "path": "/id", "value": "another"}]),
        json!([{"op": "replace", "path": "/resourceType", "value": "Basic"}]),
        json!([{"op": "fly", "path": "/"}]),
    ] {
        let refused = patch(house, &address, "application/json-patch+json", &body);
        assert!((400..=422).contains(&refused.status), "{body}: {}", refused.text);
        assert_eq!(refused.json()["resourceType"], "OperationOutcome");
    }
    assert_eq!(house.get(&address).expect(200).header("ETag"), "W/\"1\"");
    let none = json!([{"op": "add", "path": "/active", "value": true}]);
    patch(house, "/Patient/nobody", "application/json-patch+json", &none).expect(404);
}

fn a_patch_brings_no_reference_by_search(house: &House) {
    let address = patient(house);
    let value = json!([{"reference": "Practitioner?identifier=urn:x|1"}]);
    let body = json!([{"op": "add", "path": "/generalPractitioner", "value": value}]);
    patch(house, &address, "application/json-patch+json", &body).expect(400);
}
