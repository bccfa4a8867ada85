//! Creates, updates, patches and deletes.

use auth::{Caller, Role};
use interactions::{Conditions, Query, Verb};
use serde_json::{Value, json};

use crate::nation::{Nation, client, intern, observation, patient, person, report};

const ALL: &str = "patient/*.cruds";

fn asserted(id: &str, subject: &str) -> Value {
    let mut said = observation(id, subject, "Patient/a");
    said["meta"] = json!({"tag": [{"system": "urn:x", "code": "patient-asserted"}]});
    said
}

pub(crate) async fn nobody_writes_outside_their_rows(nation: &Nation) {
    let a = patient("a", ALL);
    // patients write what they say themselves, about themselves
    let made = nation.post(&a, &asserted("x", "Patient/a")).await.expect(&[201]);
    let id = made.body["id"].as_str().unwrap().to_owned();
    nation.post(&a, &asserted("x", "Patient/b")).await.expect(&[403]);
    nation.post(&a, &observation("x", "Patient/a", "Organization/h1")).await.expect(&[403]);
    nation.post(&a, &report("x", "Patient/a", "Organization/h1")).await.expect(&[403]);
    nation.put(&a, &asserted(&id, "Patient/a")).await.expect(&[200]);
    nation.put(&a, &asserted(&id, "Patient/b")).await.expect(&[403]);
    nation.put(&a, &observation(&id, "Patient/a", "Patient/a")).await.expect(&[403]);
    // what somebody else wrote about them they read, and leave as it is
    nation.put(&a, &asserted("oa", "Patient/a")).await.expect(&[403]);
    nation.put(&a, &report("ra", "Patient/a", "Organization/h1")).await.expect(&[403]);
    nation.delete(&a, "/DiagnosticReport/ra").await.expect(&[403]);
    nation.put(&a, &asserted("ob", "Patient/a")).await.expect(&[404]);
    nation.delete(&a, "/Basic/zz").await.expect(&[400]);
    let known = Conditions { if_match: Some(1), ..Conditions::default() };
    nation.send(&a, (Verb::Delete, "/Basic/zz"), known, None).await.expect(&[412]);
    let link = json!({"resourceType": "Patient", "id": "a",
        "link": [{"other": {"reference": "Patient/b"}, "type": "seealso"}]});
    nation.put(&a, &link).await.expect(&[403]);
    // hospitals sign with their own name
    let h1 = client(Role::Hospital, "h1", "system/*.cruds");
    nation.post(&h1, &report("x", "Patient/a", "Organization/h1")).await.expect(&[201]);
    nation.post(&h1, &report("x", "Patient/a", "Organization/h2")).await.expect(&[403]);
    nation.put(&h1, &report("ra", "Patient/a", "Organization/h2")).await.expect(&[403]);
    nation.put(&h1, &report("rb", "Patient/b", "Organization/h1")).await.expect(&[404]);
    nation.delete(&h1, "/DiagnosticReport/rb").await.expect(&[404]);
    nation.delete(&h1, "/DiagnosticReport/zz").await.expect(&[404]);
    // scopes bound what a role could
    let narrow = client(Role::Hospital, "h1", "system/DiagnosticReport.cu");
    nation.post(&narrow, &report("x", "Patient/a", "Organization/h1")).await.expect(&[201]);
    nation.get(&narrow, "/DiagnosticReport/ra").await.expect(&[403]);
    nation.post(&narrow, &observation("x", "Patient/a", "Organization/h1")).await.expect(&[403]);
    let lab = "system/Observation.cu?category=laboratory";
    let lab = client(Role::Hospital, "h1", lab);
    nation.post(&lab, &observation("x", "Patient/a", "Organization/h1")).await.expect(&[201]);
    let mut survey = observation("oa", "Patient/a", "Organization/h1");
    survey["category"][0]["coding"][0]["code"] = json!("survey");
    nation.post(&lab, &survey).await.expect(&[403]);
    nation.put(&lab, &survey).await.expect(&[403]);
    survey["id"] = json!("oa-on-b");
    survey["category"][0]["coding"][0]["code"] = json!("laboratory");
    nation.put(&lab, &survey).await.expect(&[404]);
    // nothing of a transaction stays when one entry is refused
    let entry = |body: Value| json!({"resource": body, "request": {"method": "POST", "url": "Observation"}});
    let transaction = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        entry(asserted("x", "Patient/a")), entry(asserted("x", "Patient/b"))]});
    let before = nation.get(&a, "/Observation?_summary=count").await.total();
    let refused = nation.post(&a, &transaction).await.expect(&[403]);
    assert!(refused.body.to_string().contains("Bundle.entry[1]"), "{:#}", refused.body);
    assert_eq!(nation.get(&a, "/Observation?_summary=count").await.total(), before);
}

pub(crate) async fn conditions_find_visible_rows_only(nation: &Nation) {
    let h1 = client(Role::Hospital, "h1", "system/*.cruds");
    let create = |criteria: &str| Conditions {
        if_none_exist: Some(Query::parse(criteria).unwrap()),
        ..Conditions::default()
    };
    // somebody else's resource is no match
    let mine = json!({"resourceType": "Patient", "identifier": [{"system": "urn:mrn", "value": "b"}],
        "managingOrganization": {"reference": "Organization/h1"}});
    let made = nation
        .send(&h1, (Verb::Post, "/Patient"), create("identifier=urn:mrn|b"), Some(&mine))
        .await
        .expect(&[201]);
    assert_ne!(made.body["id"], "b");
    let found = nation
        .send(&h1, (Verb::Post, "/Patient"), create("identifier=urn:mrn|b"), Some(&mine))
        .await
        .expect(&[200]);
    assert_eq!(found.body["id"], made.body["id"]);
    // a conditional delete sees what its caller sees
    let d = person("doctor", "Practitioner/d", "user/*.cruds");
    nation.delete(&d, "/Observation?_id=ob").await.expect(&[200, 204]);
    nation.get(&Caller::Operator, "/Observation/ob").await.expect(&[200]);
    nation.delete(&d, "/Observation?_id=oa").await.expect(&[200, 204]);
    nation.get(&Caller::Operator, "/Observation/oa").await.expect(&[410]);
    // a reference by search finds what the caller could find
    let by_search = |family: &str| {
        json!({"resourceType": "Bundle", "type": "transaction", "entry": [{
            "resource": report("x", &format!("Patient?name={family}"), "Organization/h1"),
            "request": {"method": "POST", "url": "DiagnosticReport"}}]})
    };
    nation.post(&h1, &by_search("anand")).await.expect(&[200]);
    let hidden = nation.post(&h1, &by_search("basu")).await.expect(&[412]);
    let absent = nation.post(&h1, &by_search("nobody")).await.expect(&[412]);
    assert_eq!(hidden.body, absent.body);
    // criteria do not lead around either
    nation
        .send(
            &patient("a", "patient/Observation.cruds"),
            (Verb::Delete, "/Observation?patient.name=basu"),
            Conditions::default(),
            None,
        )
        .await
        .expect(&[403]);
}

pub(crate) async fn interns_write_what_is_preliminary(nation: &Nation) {
    let t = intern(Some("d"), "user/*.cruds");
    let with = |status: &str, subject: &str| {
        let mut report = report("x", subject, "Practitioner/t");
        report["status"] = json!(status);
        report
    };
    let refused = nation.post(&t, &with("final", "Patient/a")).await.expect(&[422]);
    assert!(refused.body.to_string().contains("cosign-required"), "{:#}", refused.body);
    // what is preliminary is refused for the label that it has, and for nothing else
    for (system, code) in [("v3-Confidentiality", "R"), ("v3-ActCode", "ETH")] {
        let system = format!("http://terminology.hl7.org/CodeSystem/{system}");
        let labelled = |status: &str| {
            let mut report = with(status, "Patient/a");
            report["meta"] = json!({"security": [{"system": system, "code": code}]});
            report
        };
        let refused = nation.post(&t, &labelled("preliminary")).await.expect(&[403]);
        assert!(refused.body.to_string().contains("security label"), "{:#}", refused.body);
        let place = &refused.body["issue"][0]["expression"][0];
        assert_eq!(place, "DiagnosticReport.meta.security", "{:#}", refused.body);
        let refused = nation.post(&t, &labelled("final")).await.expect(&[422]);
        assert!(refused.body.to_string().contains("cosign-required"), "{:#}", refused.body);
    }
    let made = nation.post(&t, &with("preliminary", "Patient/a")).await.expect(&[201]);
    let mut report = with("final", "Patient/a");
    report["id"] = made.body["id"].clone();
    nation.put(&t, &report).await.expect(&[422]);
    nation.post(&t, &with("preliminary", "Patient/b")).await.expect(&[403, 422]);
    let order = |intent: &str| {
        json!({"resourceType": "MedicationRequest", "status": "active",
        "intent": intent, "medicationCodeableConcept": {"text": "x"},
        "subject": {"reference": "Patient/a"}})
    };
    nation.post(&t, &order("order")).await.expect(&[422]);
    nation.post(&t, &order("proposal")).await.expect(&[201]);
    nation.get(&t, "/Patient/a").await.expect(&[200]);
    nation.get(&t, "/Patient/b").await.expect(&[404]);
    let id = made.body["id"].as_str().unwrap();
    nation.delete(&t, &format!("/DiagnosticReport/{id}")).await.expect(&[403]);
    // nobody's intern sees nobody
    let alone = intern(None, "user/*.cruds");
    nation.get(&alone, "/Patient/a").await.expect(&[404]);
    nation.post(&alone, &with("preliminary", "Patient/a")).await.expect(&[403, 422]);
    // the supervisor makes it final
    let d = person("doctor", "Practitioner/d", "user/*.cruds");
    nation.put(&d, &report).await.expect(&[200]);
    nation.put(&t, &with_id(with("preliminary", "Patient/a"), id)).await.expect(&[403, 422]);
}

fn with_id(mut body: Value, id: &str) -> Value {
    body["id"] = json!(id);
    body
}

pub(crate) async fn labels_and_audit_stay(nation: &Nation) {
    let h1 = client(Role::Hospital, "h1", "system/*.cruds");
    let operator = person("admin", "Practitioner/d2", "user/*.cruds");
    for caller in [&h1, &operator, &patient("a", ALL)] {
        nation.delete(caller, "/AuditEvent/ev").await.expect(&[403, 405]);
    }
    let labelled = |code: &str| {
        let mut one = observation("oa", "Patient/a", "Organization/h1");
        one["meta"] = json!({"security": [
            {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": code}]});
        one
    };
    nation.put(&h1, &labelled("R")).await.expect(&[200]);
    nation.put(&h1, &labelled("V")).await.expect(&[200]);
    nation.put(&h1, &labelled("N")).await.expect(&[403]);
    nation.put(&h1, &observation("oa", "Patient/a", "Organization/h1")).await.expect(&[403]);
    // a doctor is not cleared for what is very restricted
    let d = person("doctor", "Practitioner/d", "user/*.rs");
    nation.get(&d, "/Observation/oa").await.expect(&[404]);
    assert!(!nation.get(&d, "/Observation").await.names().contains(&"Observation/oa".to_owned()));
    nation.get(&d, "/Observation/oa2").await.expect(&[200]);
    nation.get(&patient("a", ALL), "/Observation/oa").await.expect(&[200]);
}
