//! Who did what.

use std::time::Duration;

use auth::{Caller, Role};
use serde_json::{Value, json};

use crate::nation::{Nation, client, observation, patient, person};

/// The events that a patient sees of what others did, once there are so many.
async fn events(nation: &Nation, of: &str, wanted: usize) -> Vec<Value> {
    let reader = patient(of, "patient/AuditEvent.rs");
    for _ in 0..100 {
        let look = format!("/AuditEvent?patient={of}&_sort=-date&_count=100");
        let found = nation.get(&reader, &look).await.expect(&[200]);
        let entries = found.body["entry"].as_array().cloned().unwrap_or_default();
        let all = entries.into_iter().map(|one| one["resource"].clone());
        let others: Vec<Value> = all.filter(|one| !is_own(one)).collect();
        if others.len() >= wanted {
            return others;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("there are no {wanted} events about {of}");
}

/// What the patient's own looks leave behind, and what was there from the start.
fn is_own(event: &Value) -> bool {
    event["id"] == "ev" || event["agent"][2]["role"][0]["text"] == "patient"
}

fn said(event: &Value) -> [&str; 3] {
    [&event["subtype"][0]["code"], &event["action"], &event["outcome"]]
        .map(|value| value.as_str().unwrap_or_default())
}

pub(crate) async fn patients_see_who_saw_their_record(nation: &Nation) {
    let d = person("doctor", "Practitioner/d", "user/*.rs");
    nation.get(&d, "/Observation/oa").await.expect(&[200]);
    let seen = events(nation, "a", 1).await;
    assert_eq!(said(&seen[0]), ["read", "R", "0"]);
    assert_eq!(seen[0]["agent"][2]["who"]["reference"], "Practitioner/d");
    assert_eq!(seen[0]["entity"][0]["what"]["reference"], "Observation/oa");
    assert_eq!(seen[0]["entity"][1]["what"]["reference"], "Patient/a");
    nation.get(&d, "/Observation?code=x").await.expect(&[200]);
    let seen = events(nation, "a", 2).await;
    let search = seen.iter().find(|event| said(event)[0] == "search-type").unwrap();
    // Observation?code=x
    assert_eq!(search["entity"][0]["query"], "T2JzZXJ2YXRpb24/Y29kZT14");
    // nobody else sees them, and nobody changes them
    let b = patient("b", "patient/*.cruds");
    let address = format!("/AuditEvent/{}", search["id"].as_str().unwrap());
    nation.get(&b, &address).await.expect(&[404]);
    let admin = person("admin", "Practitioner/d2", "user/*.cruds");
    for caller in [&b, &patient("a", "patient/*.cruds"), &admin] {
        nation.put(caller, search).await.expect(&[403, 405]);
        nation.delete(caller, &address).await.expect(&[403, 405]);
    }
}

pub(crate) async fn an_answer_shows_all_that_was_done_before(nation: &Nation) {
    let d = person("doctor", "Practitioner/d", "user/*.rs");
    for _ in 0..30 {
        nation.get(&d, "/Observation/oa").await.expect(&[200]);
    }
    nation.get(&d, "/Observation/oa/_history/1").await.expect(&[200]);
    nation.get(&d, "/Observation?patient=a&code=x").await.expect(&[200]);
    // at once, each exactly once, whoever asks and however
    let auditor = person("auditor", "Practitioner/d2", "user/AuditEvent.rs");
    let total = async |query: &str| {
        let found = nation.get(&auditor, &format!("/AuditEvent?{query}")).await.expect(&[200]);
        found.body["total"].as_u64().unwrap()
    };
    assert_eq!(total("patient=a&subtype=read&entity=Observation/oa&_summary=count").await, 31);
    assert_eq!(total("patient=Patient/a&subtype=search-type&_summary=count").await, 1);
    assert_eq!(total("agent=Practitioner/d&subtype=vread&_summary=count").await, 1);
    assert_eq!(total("agent=Practitioner/d&_summary=count").await, 32);
    assert_eq!(total("agent=Practitioner/d&_summary=count").await, 32);
    // what auditors did is recorded as well
    assert_eq!(total("agent=Practitioner/d2&subtype=search-type&_summary=count").await, 5);
    let all = nation.get(&auditor, "/AuditEvent?agent=Practitioner/d&_count=50").await;
    let ids: std::collections::BTreeSet<String> = all.expect(&[200]).names().into_iter().collect();
    assert_eq!(ids.len(), 32);
}

pub(crate) async fn events_follow_the_patterns(nation: &Nation) {
    let d = person("doctor", "Practitioner/d", "user/*.rs");
    let pattern = |event: &Value| event["meta"]["profile"][0].as_str().unwrap_or("").to_owned();
    let balp = |name: &str| {
        format!("https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.{name}")
    };
    nation.get(&d, "/Observation/oa/_history/1").await.expect(&[200]);
    let read = events(nation, "a", 1).await.remove(0);
    assert_eq!(pattern(&read), balp("PatientRead"));
    let codes = |event: &Value, path: &str| {
        let all = event.pointer(path).and_then(Value::as_array).cloned().unwrap_or_default();
        let code = |one: &Value| {
            let coding = one.pointer("/type/coding/0/code").or_else(|| one.get("code"));
            let coding = coding.or_else(|| one.pointer("/type/code"));
            coding.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        all.iter().map(code).collect::<Vec<String>>()
    };
    assert_eq!(codes(&read, "/subtype"), ["vread", "read"]);
    // the data go to the client; the user is who wants them
    assert_eq!(codes(&read, "/agent"), ["110152", "110153", "IRCP"]);
    assert_eq!(codes(&read, "/entity"), ["2", "1", "XrequestId"]);
    assert_eq!(read["entity"][2]["what"]["identifier"]["value"], "r-1");
    nation.get(&d, "/Observation?patient=a&code=x").await.expect(&[200]);
    let found = events(nation, "a", 2).await;
    let query = found.iter().find(|event| event["action"] == "E").unwrap();
    assert_eq!(pattern(query), balp("PatientQuery"));
    assert_eq!(codes(query, "/subtype"), ["search-type", "search"]);
    assert_eq!(codes(query, "/agent"), ["110153", "110152", "IRCP"]);
    assert_eq!(query["entity"][0]["description"], "Observation?patient=a&code=x");
    assert!(query["entity"][0].get("what").is_none());
    let h1 = client(Role::Hospital, "h1", "system/*.cruds");
    let made = observation("x", "Patient/a", "Organization/h1");
    let made = nation.post(&h1, &made).await.expect(&[201]);
    let id = made.body["id"].as_str().unwrap();
    nation.delete(&h1, &format!("/Observation/{id}")).await.expect(&[200, 204]);
    let found = events(nation, "a", 4).await;
    let deleted = found.iter().find(|event| event["action"] == "D").unwrap();
    assert_eq!(pattern(deleted), balp("PatientDelete"));
    assert_eq!(codes(deleted, "/agent"), ["110150", "custodian"]);
    assert_eq!(codes(deleted, "/entity"), ["2", "1", "XrequestId"]);
    // what was refused follows no pattern
    nation.get(&d, "/Patient/b").await.expect(&[404]);
    let auditor = person("auditor", "Practitioner/d2", "user/AuditEvent.rs");
    let refused = nation.get(&auditor, "/AuditEvent?outcome=4").await.expect(&[200]);
    assert_eq!(pattern(&refused.body["entry"][0]["resource"]), "");
    // an action never changes what is recorded: the same rows, read as a history
    let history = nation.get(&auditor, "/AuditEvent/_history?_count=100").await.expect(&[200]);
    assert!(history.body["entry"].as_array().unwrap().len() >= 5);
}

pub(crate) async fn writes_are_recorded_with_what_they_write(nation: &Nation) {
    let h1 = client(Role::Hospital, "h1", "system/*.cruds");
    let made = observation("x", "Patient/a", "Organization/h1");
    let made = nation.post(&h1, &made).await.expect(&[201]);
    let id = made.body["id"].as_str().unwrap();
    // it is there as soon as the write is
    let auditor = person("auditor", "Practitioner/d2", "user/AuditEvent.rs");
    let last = async || {
        let look = format!("/AuditEvent?entity=Observation/{id}&_sort=-_lastUpdated");
        let found = nation.get(&auditor, &look).await.expect(&[200]);
        (found.names().len(), found.body["entry"][0]["resource"].clone())
    };
    let (number, event) = last().await;
    assert_eq!((number, said(&event)), (1, ["create", "C", "0"]));
    let mut changed = observation(id, "Patient/a", "Organization/h1");
    changed["status"] = json!("amended");
    nation.put(&h1, &changed).await.expect(&[200]);
    let (number, event) = last().await;
    assert_eq!((number, said(&event)), (2, ["update", "U", "0"]));
    let what = &event["entity"][0]["what"]["reference"];
    assert_eq!(*what, format!("Observation/{id}/_history/2"));
    nation.delete(&h1, &format!("/Observation/{id}")).await.expect(&[200, 204]);
    let (number, event) = last().await;
    assert_eq!((number, said(&event)), (3, ["delete", "D", "0"]));
    assert_eq!(event["entity"][1]["what"]["reference"], "Patient/a");
    // the operator's own process leaves nothing behind
    let own = observation("op", "Patient/a", "Organization/h1");
    nation.put(&Caller::Operator, &own).await.expect(&[201]);
    let found = nation.get(&auditor, "/AuditEvent?entity=Observation/op").await.expect(&[200]);
    assert!(found.names().is_empty());
}

pub(crate) async fn refusals_are_recorded_and_say_nothing(nation: &Nation) {
    let auditor = person("auditor", "Practitioner/d2", "user/AuditEvent.rs");
    let a = patient("a", "patient/*.cruds");
    nation.get(&a, "/Observation/ob").await.expect(&[404]);
    nation.get(&a, "/Observation?patient=b").await.expect(&[403]);
    for _ in 0..100 {
        let found = nation.get(&auditor, "/AuditEvent?outcome=4").await.expect(&[200]);
        if found.names().len() == 2 {
            // B does not learn of what A tried
            let b = patient("b", "patient/AuditEvent.rs");
            let seen = nation.get(&b, "/AuditEvent?outcome=4").await.expect(&[200]);
            assert!(seen.names().is_empty());
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the refusals were not recorded");
}

pub(crate) async fn why_it_was_refused_is_for_auditors(nation: &Nation) {
    let auditor = person("auditor", "Practitioner/d2", "user/AuditEvent.rs");
    let d = person("doctor", "Practitioner/d", "user/*.cruds");
    // what the auditor reads of the last refusal of a look
    let mut seen = 0;
    let mut why = async |caller: &Caller, address: &str, status: u16| {
        let told = nation.get(caller, address).await.expect(&[status]);
        assert!(!told.body.to_string().contains("Consent/"), "{:#}", told.body);
        seen += 1;
        let look = "/AuditEvent?outcome=4&_sort=-_lastUpdated&_count=200";
        let found = nation.get(&auditor, look).await.expect(&[200]);
        assert_eq!(found.names().len(), seen);
        let events = found.body["entry"].as_array().unwrap();
        let mut events: Vec<&Value> = events.iter().map(|entry| &entry["resource"]).collect();
        events.sort_by_key(|event| event["id"].as_str().unwrap().to_owned());
        let last = events.last().unwrap();
        assert!(!last.to_string().contains("doctor panel"), "{last:#}");
        let explain = format!("/AuditEvent/{}/$explain-refusal", last["id"].as_str().unwrap());
        // nobody else is told
        for other in [
            caller,
            &patient("a", "patient/*.rs"),
            &person("admin", "Practitioner/d2", "user/*.rs"),
        ] {
            nation.get(other, &explain).await.expect(&[403]);
            seen += 1;
        }
        let told = nation.get(&auditor, &explain).await.expect(&[200]);
        let reasons = told.body["parameter"].as_array().cloned().unwrap_or_default();
        let texts = reasons.iter().map(|one| one["valueString"].as_str().unwrap().to_owned());
        texts.collect::<Vec<String>>()
    };
    assert_eq!(
        why(&d, "/Observation/ob", 404).await,
        ["doctor panel by user/*.cruds: no relation to the record"]
    );
    assert_eq!(why(&d, "/Observation/none", 404).await, ["Observation/none is not there"]);
    assert_eq!(why(&d, "/Claim", 403).await, ["no rule lets a doctor search Claim"]);
    let few = person("doctor", "Practitioner/d", "user/Patient.rs");
    assert_eq!(
        why(&few, "/Observation/oa", 403).await,
        ["no scope of the token lets it read Observation"]
    );
    let lab = person("doctor", "Practitioner/d", "user/Observation.rs?category=laboratory");
    assert_eq!(
        why(&lab, "/Observation/oa-on-b", 404).await,
        ["doctor panel by user/Observation.rs?category=laboratory: not what the scope is about"]
    );
    let h2 = client(Role::Hospital, "h2", "system/*.rs");
    assert_eq!(
        why(&h2, "/Observation/oa", 404).await,
        [
            "hospital authored by system/*.rs: no relation to the record",
            "hospital consented by system/*.rs: no Consent permits it"
        ]
    );
    // the Consent as it was then
    let deny = |more: Value| {
        let mut provision = json!({"type": "deny", "actor": [
            {"role": {"text": "reader"}, "reference": {"reference": "Practitioner/d"}}]});
        for (name, value) in more.as_object().unwrap() {
            provision[name] = value.clone();
        }
        crate::consents::consent("no", provision)
    };
    let put = async |body: &Value| {
        nation.put(&Caller::Operator, body).await.expect(&[200, 201]);
    };
    put(&deny(json!({"class": [{"code": "Observation"}]}))).await;
    let by = |version: u64| {
        vec![format!("doctor panel by user/*.cruds: denied by Consent/no/_history/{version}")]
    };
    assert_eq!(why(&d, "/Observation/oa", 404).await, by(1));
    put(&deny(json!({"dataPeriod": {"end": "2020-12-31"}}))).await;
    assert_eq!(why(&d, "/Observation/oa", 404).await, by(2));
    put(&deny(json!({"dataPeriod": {"end": "2019-12-31"}}))).await;
    nation.get(&d, "/Observation/oa").await.expect(&[200]);
    let mut labelled = observation("oa", "Patient/a", "Organization/h1");
    labelled["meta"] = json!({"security": [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}]});
    put(&labelled).await;
    assert_eq!(
        why(&d, "/Observation/oa", 404).await,
        ["doctor panel by user/*.cruds: not cleared for its security labels"]
    );
    // the version before had no label: it is open, and so is no reason to refuse it
    nation.get(&d, "/Observation/oa/_history/1").await.expect(&[200]);
}

pub(crate) async fn an_emergency_is_reasoned_told_and_reviewed(nation: &Nation) {
    let doctor = || crate::consents::account("doctor", "Practitioner/d");
    assert_eq!(nation.emergency(doctor(), " ").await.unwrap_err(), 400);
    let intern = crate::consents::account("intern", "Practitioner/t");
    assert_eq!(nation.emergency(intern, "unconscious").await.unwrap_err(), 403);
    let usual = nation.bearer(doctor()).await.unwrap();
    nation.get(&usual, "/Patient/b").await.expect(&[404]);
    let emergency = nation.emergency(doctor(), "unconscious at the roadside").await.unwrap();
    nation.get(&emergency, "/Patient/b").await.expect(&[200]);
    // it was recorded before it was shown
    let auditor = person("auditor", "Practitioner/d2", "user/*.rs");
    let found = nation.get(&auditor, "/AuditEvent?patient=b&outcome=0").await.expect(&[200]);
    let event = &found.body["entry"][0]["resource"];
    assert_eq!(event["purposeOfEvent"][0]["coding"][0]["code"], "BTG");
    assert_eq!(event["purposeOfEvent"][0]["text"], "unconscious at the roadside");
    nation.get(&emergency, "/Observation/ob").await.expect(&[200]);
    let found = nation.get(&emergency, "/Observation?patient=b").await.expect(&[200]);
    assert_eq!(found.sorted(), ["Observation/ob", "Observation/ob-on-a"]);
    // told and given to review once
    let b = patient("b", "patient/*.rs");
    let told = nation.get(&b, "/Communication").await.expect(&[200]);
    assert_eq!(told.names().len(), 1);
    assert!(told.body.to_string().contains("unconscious at the roadside"));
    let reviews = nation.get(&auditor, "/Task?code=review").await.expect(&[200]);
    assert_eq!(reviews.names().len(), 1);
    // not many, not everything, and nothing is changed
    for bulk in
        ["/Observation", "/Patient", "/?_type=Patient", "/_history", "/Observation/_history"]
    {
        nation.get(&emergency, bulk).await.expect(&[403]);
    }
    nation.get(&emergency, "/Observation?patient=b&_include=*").await.expect(&[403]);
    nation.delete(&emergency, "/Observation/ob").await.expect(&[403]);
    nation.put(&emergency, &observation("ob", "Patient/b", "Practitioner/d")).await.expect(&[403]);
    // and without the purpose it is as before
    nation.get(&usual, "/Patient/b").await.expect(&[404]);
}
