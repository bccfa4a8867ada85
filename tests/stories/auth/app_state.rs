//! What apps keep for themselves: <https://hl7.org/fhir/smart-app-launch/STU2.2/app-state.html>.

use serde_json::{Value, json};

use super::{
    PASSWORD, a_doctor, a_patient,
    app::{App, Kind, ORIGIN},
    get_with, with_token,
};
use crate::house::{House, Reply, unique};

smart_stories!(
    an_app_keeps_state_about_its_patient,
    state_of_other_apps_is_named_by_scopes,
    state_about_people_and_about_nobody,
    what_is_no_state_is_refused,
);

/// App state under a code of the app, or of another.
fn state(system: &str, code: &str, subject: Option<&str>) -> Value {
    let mut state = json!({"resourceType": "Basic",
        "code": {"coding": [{"system": system, "code": code}]},
        "extension": [{"url": format!("{system}/settings-1"), "valueString": "{\"view\": \"list\"}"}]});
    if let Some(subject) = subject {
        state["subject"] = json!({"reference": subject});
    }
    state
}

fn change(
    house: &House,
    token: &str,
    (method, path): (&str, &str),
    (tag, body): (Option<&str>, &Value),
) -> Reply {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("Authorization", bearer.as_str())];
    headers.extend(tag.map(|tag| ("If-Match", tag)));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    house.send(method, path, &headers, &body)
}

fn found(house: &House, token: &str, query: &str) -> Vec<Value> {
    let bundle = get_with(house, token, &format!("/Basic?{query}")).expect(200).json();
    bundle["entry"].as_array().cloned().unwrap_or_default()
}

/// An access token of the app for somebody.
fn token(app: &App<'_>, login: &str, scope: &str) -> String {
    app.tokens(login, scope)["access_token"].as_str().unwrap().to_owned()
}

fn an_app_keeps_state_about_its_patient(house: &House) {
    let smart = house.get("/.well-known/smart-configuration").expect(200).json();
    let capabilities = smart["capabilities"].as_array().unwrap();
    assert!(capabilities.contains(&json!("smart-app-state")));

    let (login, id) = a_patient(house);
    let app = App::new(house, Kind::Public);
    let token = token(&app, &login, "launch/patient patient/Basic.cruds");
    let subject = format!("{}/Patient/{id}", house.base());
    let code = unique("settings");
    let made = state(ORIGIN, &code, Some(&subject));
    let created = change(house, &token, ("POST", "/Basic"), (None, &made)).expect(201);
    assert_eq!(created.header("ETag"), "W/\"1\"");
    let kept = created.json();
    for name in ["code", "subject", "extension"] {
        assert_eq!(kept[name], made[name], "{name}");
    }
    assert!(kept["id"].is_string() && kept["meta"]["versionId"] == "1");

    // asked for by code and subject
    let by_code = format!("code={ORIGIN}%7C{code}");
    let all = found(house, &token, &format!("{by_code}&subject={subject}"));
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["resource"], kept);
    assert!(found(house, &token, &format!("{by_code}&subject:missing=true")).is_empty());

    // changed by who knows the version
    let path = format!("/Basic/{}", kept["id"].as_str().unwrap());
    let mut next = kept.clone();
    next["extension"][0]["valueString"] = json!("{}");
    let put = |tag, body: &Value| change(house, &token, ("PUT", &path), (tag, body));
    put(None, &next).expect(400);
    let updated = put(Some("W/\"1\""), &next).expect(200);
    assert_eq!(updated.header("ETag"), "W/\"2\"");
    assert_eq!(updated.json()["extension"], next["extension"]);
    put(Some("W/\"1\""), &next).expect(412);
    let mut other = next.clone();
    other["code"]["coding"][0]["code"] = json!("other");
    put(Some("W/\"2\""), &other).expect(412);
    let mut other = next.clone();
    other.as_object_mut().unwrap().remove("subject");
    put(Some("W/\"2\""), &other).expect(412);
    let patch =
        json!([{"op": "replace", "path": "/code/coding/0/code", "value": "other"}]).to_string();
    let headers = [
        ("Authorization", format!("Bearer {token}")),
        ("If-Match", "W/\"2\"".to_owned()),
        ("Content-Type", "application/json-patch+json".to_owned()),
    ];
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    house.send("PATCH", &path, &headers, &patch).expect(412);

    // and deleted so; then it is no more, like what never was
    let delete = |tag| change(house, &token, ("DELETE", &path), (tag, &Value::Null));
    delete(None).expect(400);
    delete(Some("W/\"1\"")).expect(412);
    assert!([200, 204].contains(&delete(Some("W/\"2\"")).status));
    delete(Some("W/\"3\"")).expect(412);
    put(Some("W/\"3\""), &next).expect(412);
    let (gone, never) = (
        delete(Some("W/\"1\"")),
        change(house, &token, ("DELETE", "/Basic/never-was"), (Some("W/\"1\""), &Value::Null)),
    );
    assert_eq!((gone.status, never.status), (412, 412));
    let told = |reply: Reply, id: &str| reply.text.replace(id, "");
    assert_eq!(told(gone, kept["id"].as_str().unwrap()), told(never, "never-was"));
    assert!(found(house, &token, &by_code).is_empty());
}

fn state_of_other_apps_is_named_by_scopes(house: &House) {
    let (login, id) = a_patient(house);
    let (stranger, _) = a_patient(house);
    let app = App::new(house, Kind::Public);
    let subject = format!("{}/Patient/{id}", house.base());
    let post = |token: &str, body: &Value| change(house, token, ("POST", "/Basic"), (None, body));
    let own = token(&app, &login, "launch/patient patient/Basic.cruds");
    let keys = state("https://phr.example", "keys", Some(&subject));
    post(&own, &keys).expect(403);
    let named =
        token(&app, &login, "launch/patient patient/Basic.cruds?code=https://phr.example%7Ckeys");
    let kept = post(&named, &keys).expect(201).id();
    post(&named, &state("https://phr.example", "other", Some(&subject))).expect(403);
    let path = format!("/Basic/{kept}");
    get_with(house, &named, &path).expect(200);
    // without that scope it is not there, to read, to find, to change
    get_with(house, &own, &path).expect(404);
    assert!(found(house, &own, &format!("subject={subject}")).is_empty());
    change(house, &own, ("DELETE", &path), (Some("W/\"1\""), &Value::Null)).expect(412);
    // nor for somebody else
    let foreign = token(
        &app,
        &stranger,
        "launch/patient patient/Basic.cruds?code=https://phr.example%7Ckeys",
    );
    get_with(house, &foreign, &path).expect(404);
    post(&foreign, &keys).expect(403);
    // an app that looks only
    let looks =
        token(&app, &login, "launch/patient patient/Basic.s?code=https://phr.example%7Ckeys");
    assert_eq!(found(house, &looks, &format!("subject={subject}")).len(), 1);
    post(&looks, &keys).expect(403);
}

fn state_about_people_and_about_nobody(house: &House) {
    let (_, id) = a_patient(house);
    let (doctor, practitioner) = a_doctor(house, &id);
    let app = App::new(house, Kind::Public);
    let mine = token(&app, &doctor, "user/Basic.cruds");
    let post = |token: &str, body: &Value| change(house, token, ("POST", "/Basic"), (None, body));
    let (me, code) = (format!("{}/Practitioner/{practitioner}", house.base()), unique("view"));
    let kept = post(&mine, &state(ORIGIN, &code, Some(&me))).expect(201).id();
    assert_eq!(found(house, &mine, &format!("code={ORIGIN}%7C{code}&subject={me}")).len(), 1);
    // state about a patient under their care
    let patient = format!("{}/Patient/{id}", house.base());
    post(&mine, &state(ORIGIN, &code, Some(&patient))).expect(201);
    // another doctor sees neither
    let (_, other) = a_patient(house);
    let (colleague, _) = a_doctor(house, &other);
    let theirs = token(&app, &colleague, "user/Basic.cruds");
    get_with(house, &theirs, &format!("/Basic/{kept}")).expect(404);
    assert!(found(house, &theirs, &format!("code={ORIGIN}%7C{code}")).is_empty());
    post(&theirs, &state(ORIGIN, &code, Some(&me))).expect(403);

    // for the whole house: administrators write it, everybody's app reads it
    let login = unique("admin");
    let add = ["user", "add", "--login", &login, "--role", "admin", "--password", PASSWORD];
    house.medvault(&add);
    let admin = token(&app, &login, "user/Basic.cruds");
    let global = unique("config");
    post(&theirs, &state(ORIGIN, &global, None)).expect(403);
    post(&admin, &state(ORIGIN, &global, None)).expect(201);
    post(&admin, &state("https://phr.example", &global, None)).expect(403);
    let query = format!("code={ORIGIN}%7C{global}&subject:missing=true");
    assert_eq!(found(house, &theirs, &query).len(), 1);
    assert_eq!(found(house, &mine, &query).len(), 1);
    let (someone, _) = a_patient(house);
    let only = token(&app, &someone, "launch/patient patient/Basic.rs");
    assert!(found(house, &only, &query).is_empty());
}

fn what_is_no_state_is_refused(house: &House) {
    let (login, id) = a_patient(house);
    let app = App::new(house, Kind::Public);
    let token = token(&app, &login, "launch/patient patient/Basic.cruds");
    let subject = format!("{}/Patient/{id}", house.base());
    let good = state(ORIGIN, "x", Some(&subject));
    let with = |pointer: &str, value: Value| {
        let mut state = good.clone();
        *state.pointer_mut(pointer).unwrap() = value;
        state
    };
    let coding = &good["code"]["coding"][0];
    let long = "x".repeat(256 << 10);
    for (body, status) in [
        (with("/code/coding", json!([coding, coding])), 422),
        (with("/code", json!({"text": "settings"})), 422),
        (with("/code/coding/0", json!({"code": "x"})), 422),
        (with("/extension/0", json!({"url": "https://a.example", "valueInteger": 1})), 422),
        (with("/subject/reference", json!(format!("Patient/{id}"))), 422),
        (with("/subject/reference", json!(format!("{}/Organization/1", house.base()))), 422),
        (
            with("/subject/reference", json!(format!("https://other.example/fhir/Patient/{id}"))),
            422,
        ),
        (with("/extension/0/valueString", json!(long)), 413),
    ] {
        let short: String = body.to_string().chars().take(300).collect();
        let refused = with_token(house, &token, "POST", "/Basic", &body.to_string());
        assert_eq!(refused.status, status, "{short}: {}", refused.text);
    }
    // what goes into a transaction follows the same rules
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"resource": with("/code/coding", json!([])), "request": {"method": "POST", "url": "Basic"}}]});
    with_token(house, &token, "POST", "", &bundle.to_string()).expect(400);
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"request": {"method": "DELETE", "url": "Basic/x"}}]});
    with_token(house, &token, "POST", "", &bundle.to_string()).expect(400);
    // the server keeps what it was given under an id of its own
    let mut named = good.clone();
    named["id"] = json!("chosen");
    let kept = with_token(house, &token, "POST", "/Basic", &named.to_string()).expect(201).id();
    assert_ne!(kept, "chosen");
}
