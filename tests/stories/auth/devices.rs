//! A screen without a keyboard gets access: <https://www.rfc-editor.org/rfc/rfc8628>.

use serde_json::{Value, json};

use super::{
    PASSWORD, a_patient,
    browser::{Browser, Form},
    expect_error, get_with, post_form,
};
use crate::house::{House, Reply};

smart_stories!(a_person_connects_a_screen, a_person_says_no);

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Registers a screen; its id.
fn a_screen(house: &House) -> String {
    let operator = house.medvault(&["token", "--scope", "__register"]);
    let metadata = json!({
        "client_name": "Bedside screen", "token_endpoint_auth_method": "none", "grant_types": [GRANT],
    });
    let bearer = format!("Bearer {operator}");
    let headers = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
    let url = format!("{}/auth/register", house.issuer());
    let made = house.send("POST", &url, &headers, &metadata.to_string()).expect(201).json();
    made["client_id"].as_str().unwrap().to_owned()
}

fn begin(house: &House, id: &str) -> Value {
    let fields = [("client_id", id), ("scope", "launch/patient openid patient/*.rs")];
    post_form(house, "/auth/device_authorization", &[], &fields).expect(200).json()
}

fn poll(house: &House, id: &str, begun: &Value) -> Reply {
    let code = begun["device_code"].as_str().unwrap();
    let fields = [("grant_type", GRANT), ("client_id", id), ("device_code", code)];
    post_form(house, "/auth/token", &[], &fields)
}

fn a_person_connects_a_screen(house: &House) {
    let (login, patient) = a_patient(house);
    let id = a_screen(house);
    let begun = begin(house, &id);
    assert!(begun["verification_qr_svg"].as_str().unwrap().contains("<svg"));
    assert_eq!(begun["interval"], 5);
    expect_error(poll(house, &id, &begun), 400, "authorization_pending");
    expect_error(poll(house, &id, &begun), 400, "slow_down");
    let mut browser = Browser::new(house);
    let page = browser.get(begun["verification_uri_complete"].as_str().unwrap()).expect(200);
    let page = browser.log_in(&page, &login, PASSWORD).expect(200);
    assert!(page.text.contains("Bedside screen"));
    assert!(page.text.contains(begun["user_code"].as_str().unwrap()));
    let page = browser.submit(&Form::of(&page, "/auth/device").with("answer", "allow")).expect(200);
    assert!(page.text.contains("connected"));
    let answer = poll(house, &id, &begun).expect(200).json();
    assert_eq!(answer["patient"], patient);
    let token = answer["access_token"].as_str().unwrap();
    get_with(house, token, &format!("/Patient/{patient}")).expect(200);
    expect_error(poll(house, &id, &begun), 400, "invalid_grant");
    let other = a_screen(house);
    expect_error(poll(house, &other, &begin(house, &id)), 400, "invalid_grant");
}

fn a_person_says_no(house: &House) {
    let (login, _) = a_patient(house);
    let id = a_screen(house);
    let begun = begin(house, &id);
    let mut browser = Browser::new(house);
    let page = browser.get("/auth/device").expect(200);
    let page = browser.log_in(&page, &login, PASSWORD).expect(200);
    assert!(page.text.contains("Code that the device shows"));
    browser.get("/auth/device?user_code=AAAA-AAAA").expect(404);
    // any case, without the hyphen
    let typed = begun["user_code"].as_str().unwrap().replace('-', "").to_lowercase();
    let page = browser.get(&format!("/auth/device?user_code={typed}")).expect(200);
    browser.submit(&Form::of(&page, "/auth/device").with("answer", "deny")).expect(200);
    expect_error(poll(house, &id, &begun), 403, "access_denied");
}
