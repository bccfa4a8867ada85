//! A doctor opens an app out of the record: EHR launch.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch>

use serde_json::json;

use super::{
    PASSWORD, a_doctor, a_patient,
    app::{App, Kind, LAUNCH, came_back},
    browser::{Browser, Form, parameters},
    get_with, store, with_token,
};
use crate::house::House;

smart_stories!(
    a_doctor_opens_an_app_out_of_the_record,
    a_hospital_system_launches_with_more_context,
    a_launch_counts_once_and_for_one_app_and_one_person,
);

const SCOPE: &str = "launch openid fhirUser offline_access patient/Patient.rs user/Practitioner.rs user/Encounter.rs";

fn a_doctor_opens_an_app_out_of_the_record(house: &House) {
    let (_, patient) = a_patient(house);
    let (login, practitioner) = a_doctor(house, &patient);
    let visit = store(
        house,
        &json!({
            "resourceType": "Encounter", "status": "in-progress", "class": {"code": "AMB"},
            "subject": {"reference": format!("Patient/{patient}")},
        }),
    );
    let app = App::new(house, Kind::Public);
    let mut browser = Browser::new(house);
    let page = browser.get("/auth/launch").expect(200);
    let page = browser.log_in(&page, &login, PASSWORD).expect(200);
    let form = Form::of(&page, "/auth/launch");
    assert!(form.buttons("client_id").contains(&app.id.as_str()));
    let form = form.with("client_id", &app.id);
    browser.submit(&form.clone().with("patient", "nobody")).expect(404);
    let sent = browser.submit(&form.with("patient", &patient).with("encounter", &visit));
    let to = sent.expect(303).header("Location").to_owned();
    assert!(to.starts_with(LAUNCH), "{to}");
    let launched = parameters(&to);
    assert_eq!(launched["iss"], house.base());
    // the app sends the browser on; nobody has to log in or choose again
    let page = browser.get(&app.request(SCOPE, &[("launch", &launched["launch"])])).expect(200);
    let form = Form::of(&page, "/auth/decide").with("answer", "allow");
    let code = came_back(&browser.submit(&form))["code"].clone();
    let answer = app.exchange(&code).expect(200).json();
    assert_eq!((&answer["patient"], &answer["encounter"]), (&json!(patient), &json!(visit)));
    assert!(answer.get("need_patient_banner").is_some());
    let token = answer["access_token"].as_str().unwrap();
    get_with(house, token, &format!("/Patient/{patient}")).expect(200);
    get_with(house, token, &format!("/Encounter/{visit}")).expect(200);
    get_with(house, token, &format!("/Practitioner/{practitioner}")).expect(200);
    let again = app.refresh(answer["refresh_token"].as_str().unwrap(), "").expect(200).json();
    assert_eq!((&again["patient"], &again["encounter"]), (&json!(patient), &json!(visit)));
}

fn a_hospital_system_launches_with_more_context(house: &House) {
    let (_, patient) = a_patient(house);
    let (login, _) = a_doctor(house, &patient);
    let app = App::new(house, Kind::Asymmetric);
    let operator = house.medvault(&["token", "--scope", "system/*.cruds"]);
    let url = format!("{}/auth/launch", house.issuer());
    let bearer = format!("Bearer {operator}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let context = json!([{"reference": "ImagingStudy/1"}, {"canonical": "http://example.org/q", "type": "Questionnaire"}]);
    let asked = json!({
        "client_id": app.id, "login": login, "patient": patient, "intent": "reconcile-medications",
        "need_patient_banner": false, "fhirContext": context, "tenant": "ward-7",
    });
    let minted = house.send("POST", &url, &headers, &asked.to_string()).expect(201).json();
    let wrong = json!({"client_id": app.id, "fhirContext": [{"reference": "Patient/1"}]});
    house.send("POST", &url, &headers, &wrong.to_string()).expect(400);
    let nobody = [("Content-Type", "application/json")];
    house.send("POST", &url, &nobody, &asked.to_string()).expect(401);

    let mut browser = Browser::new(house);
    let launch = minted["launch"].as_str().unwrap();
    let page = browser.get(&app.request(SCOPE, &[("launch", launch)])).expect(200);
    let page = browser.log_in(&page, &login, PASSWORD).expect(200);
    let form = Form::of(&page, "/auth/decide").with("answer", "allow");
    let code = came_back(&browser.submit(&form))["code"].clone();
    let answer = app.exchange(&code).expect(200).json();
    assert_eq!(answer["fhirContext"], context);
    assert_eq!(answer["intent"], "reconcile-medications");
    assert_eq!(answer["tenant"], "ward-7");
    assert_eq!(answer["need_patient_banner"], false);
}

fn a_launch_counts_once_and_for_one_app_and_one_person(house: &House) {
    let (_, patient) = a_patient(house);
    let (login, _) = a_doctor(house, &patient);
    let app = App::new(house, Kind::Public);
    let operator = house.medvault(&["token", "--scope", "system/*.cruds"]);
    let asked = json!({"client_id": app.id, "login": login, "patient": patient}).to_string();
    let url = format!("{}/auth/launch", house.issuer());
    let bearer = format!("Bearer {operator}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let minted = house.send("POST", &url, &headers, &asked).expect(201).json();
    let launch = minted["launch"].as_str().unwrap();
    let mut browser = Browser::new(house);
    let other = App::new(house, Kind::Public);
    let back = came_back(&browser.get(&other.request(SCOPE, &[("launch", launch)])));
    assert_eq!(back["error"], "invalid_request");
    let without = came_back(&browser.get(&app.request(SCOPE, &[])));
    assert_eq!(without["error"], "invalid_request");
    let (stranger, _) = a_doctor(house, &patient);
    let request = app.request(SCOPE, &[("launch", launch)]);
    let page = browser.get(&request).expect(200);
    let back = browser.log_in(&page, &stranger, PASSWORD);
    assert_eq!(came_back(&back)["error"], "access_denied");
    browser.clear();
    let page = browser.get(&request).expect(200);
    let page = browser.log_in(&page, &login, PASSWORD).expect(200);
    let form = Form::of(&page, "/auth/decide").with("answer", "allow");
    assert!(came_back(&browser.submit(&form)).contains_key("code"));
    assert_eq!(came_back(&browser.submit(&form))["error"], "invalid_request");
    assert_eq!(came_back(&browser.get(&request))["error"], "invalid_request");
    // only who may mint launches mints them
    let token = house.medvault(&["token", "--scope", "user/*.rs", "--user", &login]);
    with_token(house, &token, "GET", "/metadata", "").expect(200);
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    house.send("POST", &url, &headers, &asked).expect(403);
}
