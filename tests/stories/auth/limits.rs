//! What scopes do not open: <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html>.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    a_patient,
    app::{App, Kind},
    get_with, store, with_token,
};
use crate::house::{House, unique};

smart_stories!(
    an_update_may_create,
    a_bundle_may_what_its_entries_may,
    linked_records_are_not_followed,
    who_is_nobody_in_the_record_is_not_named,
);

fn an_update_may_create(house: &House) {
    let token = |scope: &str| house.medvault(&["token", "--scope", scope]);
    let put = |scope: &str, id: &str| {
        let body = json!({"resourceType": "Patient", "id": id}).to_string();
        with_token(house, &token(scope), "PUT", &format!("/Patient/{id}"), &body)
    };
    let id = unique("upsert");
    put("system/Patient.c", &id).expect(403);
    put("system/Patient.u", &id).expect(201);
    put("system/Patient.u", &id).expect(200);
    put("system/Observation.u", &id).expect(403);
    // one letter does not open another
    let only_u = token("system/Patient.u");
    with_token(house, &only_u, "POST", "/Patient", r#"{"resourceType":"Patient"}"#).expect(403);
    get_with(house, &only_u, &format!("/Patient/{id}")).expect(403);
    with_token(house, &only_u, "DELETE", &format!("/Patient/{id}"), "").expect(403);
}

fn a_bundle_may_what_its_entries_may(house: &House) {
    let token = house.medvault(&["token", "--scope", "system/Patient.rs"]);
    let post = |kind: &str| {
        let entry = |url: &str| json!({"request": {"method": "GET", "url": url}});
        let entries = [entry("Patient?_count=1"), entry("Observation?_count=1")];
        let bundle = json!({"resourceType": "Bundle", "type": kind, "entry": entries});
        with_token(house, &token, "POST", "", &bundle.to_string())
    };
    let answered = post("batch").expect(200).json();
    let status = |n: usize| {
        answered["entry"][n]["response"]["status"].as_str().unwrap().get(..3).unwrap().to_owned()
    };
    assert_eq!([status(0), status(1)], ["200", "403"]);
    post("transaction").expect(403);
}

fn linked_records_are_not_followed(house: &House) {
    let (login, own) = a_patient(house);
    let other = store(house, &json!({"resourceType": "Patient"}));
    let operator = house.medvault(&["token", "--scope", "system/*.cruds"]);
    let linked = json!({"resourceType": "Patient", "id": own,
        "link": [{"type": "seealso", "other": {"reference": format!("Patient/{other}")}}]});
    with_token(house, &operator, "PUT", &format!("/Patient/{own}"), &linked.to_string())
        .expect(200);
    let of_other = store(
        house,
        &json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"},
            "subject": {"reference": format!("Patient/{other}")}}),
    );
    let token = ["token", "--scope", "patient/*.rs", "--user", &login, "--patient", &own];
    let token = house.medvault(&token);
    get_with(house, &token, &format!("/Patient/{own}")).expect(200);
    get_with(house, &token, &format!("/Patient/{other}")).expect(404);
    get_with(house, &token, &format!("/Observation/{of_other}")).expect(404);
    let found = get_with(house, &token, &format!("/Patient?_id={own}&_include=Patient:link"));
    assert_eq!(found.expect(200).ids(), [own]);
    // and that is said
    let security = house.get("/metadata").expect(200).json()["rest"][0]["security"].clone();
    assert!(security["description"].as_str().unwrap().contains("Patient.link"), "{security}");
}

fn who_is_nobody_in_the_record_is_not_named(house: &House) {
    let login = unique("auditor");
    house.account(&login, "auditor", &[]);
    let app = App::new(house, Kind::Public);
    let answer = app.tokens(&login, "openid fhirUser user/AuditEvent.rs");
    assert_eq!(answer["scope"], "openid user/AuditEvent.rs");
    let claims = answer["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert!(claims["sub"].is_string() && claims.get("fhirUser").is_none(), "{claims}");
}
