//! A hospital keeps a patient's record: create, read, update, delete.

use serde_json::json;

use crate::house::{House, unique};

stories!(
    a_record_lives_and_dies,
    what_comes_back_is_what_went_in,
    an_update_that_changes_nothing_adds_no_version,
    a_client_may_choose_the_id,
    answers_are_as_long_as_the_client_likes,
);

fn a_record_lives_and_dies(house: &House) {
    let created = house.post("/Patient", &json!({"resourceType": "Patient", "active": true}));
    let created = created.expect(201);
    let id = created.id();
    assert_eq!(created.header("ETag"), "W/\"1\"");
    assert_eq!(created.json()["meta"]["versionId"], "1");
    assert_eq!(created.header("Location"), format!("{}/Patient/{id}/_history/1", house.base()));

    let read = house.get(&format!("/Patient/{id}")).expect(200);
    assert_eq!(read.json(), created.json());
    assert!(!read.header("Last-Modified").is_empty());

    let body = json!({"resourceType": "Patient", "id": id, "active": false});
    let updated = house.put(&format!("/Patient/{id}"), &body).expect(200);
    assert_eq!(updated.json()["meta"]["versionId"], "2");
    let first = house.get(&format!("/Patient/{id}/_history/1")).expect(200);
    assert_eq!(first.json()["active"], true);

    house.delete(&format!("/Patient/{id}")).expect(204);
    house.delete(&format!("/Patient/{id}")).expect(204);
    let gone = house.get(&format!("/Patient/{id}")).expect(410);
    assert_eq!(gone.json()["issue"][0]["code"], "deleted");
    house.get(&format!("/Patient/{id}/_history/2")).expect(200);
    house.get(&format!("/Patient/{id}/_history/3")).expect(410);
    house.get(&format!("/Patient/{id}/_history/4")).expect(404);

    let back = house.put(&format!("/Patient/{id}"), &body).expect(201);
    assert_eq!(back.json()["meta"]["versionId"], "4");
}

fn what_comes_back_is_what_went_in(house: &House) {
    let sent = r#"{ "resourceType" : "Observation", "status":"final",
        "code":{"text":"pot\u00e4ssium \ud83e\ude7a"}, "valueQuantity":{"value":1.10,"unit":"mmol/L"},
        "component":[{"code":{"text":"b"},"valueQuantity":{"value":-0.0010e2}}],
        "extension":[{"url":"http://example.org/unknown","valueDecimal":10.00}],
        "_status":{"extension":[{"url":"http://example.org/why","valueString":"a\tb"}]},
        "meta":{"profile":["http://example.org/p"],"versionId":"77"} }"#;
    let created = house.send("POST", "/Observation", &[], sent).expect(201);
    let (id, time) = (created.id(), created.json()["meta"]["lastUpdated"].clone());
    let kept = format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"text":"pot\u00e4ssium \ud83e\ude7a"}},"valueQuantity":{{"value":1.10,"unit":"mmol/L"}},"component":[{{"code":{{"text":"b"}},"valueQuantity":{{"value":-0.0010e2}}}}],"extension":[{{"url":"http://example.org/unknown","valueDecimal":10.00}}],"_status":{{"extension":[{{"url":"http://example.org/why","valueString":"a\tb"}}]}},"meta":{{"versionId":"1","lastUpdated":{time},"profile":["http://example.org/p"]}}}}"#
    );
    assert_eq!(house.get(&format!("/Observation/{id}")).expect(200).text, kept);
}

fn an_update_that_changes_nothing_adds_no_version(house: &House) {
    let created =
        house.post("/Basic", &json!({"resourceType": "Basic", "code": {"text": "x"}})).expect(201);
    let address = format!("/Basic/{}", created.id());
    let again = house.put(&address, &created.json()).expect(200);
    assert_eq!(again.header("ETag"), "W/\"1\"");
    assert_eq!(house.get(&format!("{address}/_history")).expect(200).json()["total"], 1);
}

fn a_client_may_choose_the_id(house: &House) {
    let id = unique("chosen.ID");
    let body = json!({"resourceType": "Patient", "id": id});
    assert_eq!(house.put(&format!("/Patient/{id}"), &body).expect(201).id(), id);
    let long = "x".repeat(64);
    let body = json!({"resourceType": "Basic", "id": long, "code": {"text": "x"}});
    let status = house.put(&format!("/Basic/{long}"), &body).status;
    assert!(status == 201 || status == 200);
    let longer = "x".repeat(65);
    house
        .put(&format!("/Patient/{longer}"), &json!({"resourceType": "Patient", "id": longer}))
        .expect(400);
    house.put("/Patient/a_b", &json!({"resourceType": "Patient", "id": "a_b"})).expect(400);
}

fn answers_are_as_long_as_the_client_likes(house: &House) {
    let patient = r#"{"resourceType":"Patient"}"#;
    let post =
        |prefer: &str| house.send("POST", "/Patient", &[("Prefer", prefer)], patient).expect(201);
    assert_eq!(post("return=minimal").text, "");
    assert_eq!(post("return=representation").json()["resourceType"], "Patient");
    assert_eq!(post("return=OperationOutcome").json()["resourceType"], "OperationOutcome");
}
