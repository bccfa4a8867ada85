//! Who gets in: accounts, clients, tokens, and every way to them that SMART App Launch 2.2 has.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/>

mod app;
mod app_state;
mod backend;
mod brands;
mod browser;
mod devices;
mod ehr;
mod federation;
mod finer;
mod issuer;
mod limits;
mod logins;
mod registration;
mod secured;
mod sign_in;
mod standalone;
mod tokens;

use serde_json::Value;

use crate::house::{House, PASSWORD, Reply, unique};

/// Sends a form to an address under the issuer.
fn post_form(
    house: &House,
    path: &str,
    headers: &[(&str, &str)],
    fields: &[(&str, &str)],
) -> Reply {
    let headers = [headers, &[("Content-Type", "application/x-www-form-urlencoded")]].concat();
    house.send("POST", &format!("{}{path}", house.issuer()), &headers, &encoded(fields))
}

/// Fields as a form.
fn encoded(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

/// Sends a request with a token.
fn with_token(house: &House, token: &str, method: &str, path: &str, body: &str) -> Reply {
    house.send(method, path, &[("Authorization", &format!("Bearer {token}"))], body)
}

fn get_with(house: &House, token: &str, path: &str) -> Reply {
    with_token(house, token, "GET", path, "")
}

/// Stores a resource as the operator; its id.
fn store(house: &House, resource: &Value) -> String {
    let operator = house.medvault(&["token", "--scope", "system/*.cruds"]);
    let path = format!("/{}", resource["resourceType"].as_str().unwrap());
    with_token(house, &operator, "POST", &path, &resource.to_string()).expect(201).id()
}

/// A patient in the record with an account; login and id.
fn a_patient(house: &House) -> (String, String) {
    let login = unique("patient");
    let resource = serde_json::json!({"resourceType": "Patient", "name": [{"family": login}]});
    let id = store(house, &resource);
    let reference = format!("Patient/{id}");
    house.account(&login, "patient", &["--fhir-user", &reference]);
    (login, id)
}

/// A doctor who treats that patient, with an account; login and id.
fn a_doctor(house: &House, patient: &str) -> (String, String) {
    let login = unique("doctor");
    let id = store(
        house,
        &serde_json::json!({"resourceType": "Practitioner", "name": [{"family": login}]}),
    );
    let (reference, patient) = (format!("Practitioner/{id}"), format!("Patient/{patient}"));
    store(
        house,
        &serde_json::json!({
            "resourceType": "CareTeam", "status": "active", "subject": {"reference": patient},
            "participant": [{"member": {"reference": reference}}],
        }),
    );
    house.account(&login, "doctor", &["--fhir-user", &reference]);
    (login, id)
}

#[track_caller]
fn expect_error(reply: Reply, status: u16, error: &str) {
    let reply = reply.expect(status);
    assert_eq!(reply.json()["error"], error, "{}", reply.text);
    assert!(reply.json()["error_description"].is_string());
    assert!(reply.header("Cache-Control").contains("no-store"));
}
