//! Side doors: sorting and filtering by what is hidden, patches and meta operations, references to what is hidden,
//! labels that need two clearances, elements that leave the labels out.

use auth::{Caller, Role};
use interactions::{Conditions, Verb};
use serde_json::{Value, json};

use crate::nation::{Nation, Reply, client, observation, patient, person, report};

const ALL: &str = "patient/*.cruds";

fn labelled(id: &str, codes: &[(&str, &str)]) -> Value {
    let mut one = observation(id, "Patient/a", "Organization/h1");
    let security: Vec<Value> = codes
        .iter()
        .map(|(system, code)| {
            json!({"system": format!("http://terminology.hl7.org/CodeSystem/{system}"), "code": code})
        })
        .collect();
    one["meta"] = json!({ "security": security });
    one
}

const RESTRICTED: (&str, &str) = ("v3-Confidentiality", "R");
const PSYCHIATRY: (&str, &str) = ("v3-ActCode", "PSY");

/// A consent of A's that lets everybody treat them.
fn permit() -> Value {
    json!({"resourceType": "Consent", "id": "all", "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]}, "category": [{"text": "privacy"}],
        "policyRule": {"text": "own"}, "patient": {"reference": "Patient/a"},
        "provision": {"type": "permit"}})
}

pub(crate) async fn what_is_hidden_orders_and_filters_nothing(nation: &Nation) {
    let a = patient("a", ALL);
    nation.get(&a, "/Observation?_sort=subject:Patient.birthdate").await.expect(&[400]);
    let only = patient("a", "patient/Observation.rs");
    for query in ["_filter=patient.name eq \"basu\"", "_filter=subject.name co \"basu\""] {
        nation.get(&only, &format!("/Observation?{query}")).await.expect(&[400, 403]);
    }
    // a focus is no membership, whatever it is asked by
    let found = nation.get(&a, "/Observation?focus=Patient/a").await;
    assert!(found.names().is_empty(), "{:?}", found.names());
    let found = nation.get(&a, "/Observation?focus.name=basu").await;
    assert!(found.names().is_empty(), "{:?}", found.names());
    let all = nation.get(&Caller::Operator, "/Observation?focus.name=basu").await;
    assert_eq!(all.names(), ["Observation/oa-on-b"]);
}

pub(crate) async fn patches_and_meta_operations_are_writes(nation: &Nation) {
    let patch = |path: &str, name: &str, value: Value| {
        let part = |name: &str, value: Value| {
            let mut part = json!({ "name": name });
            part.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
            part
        };
        json!({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
            part("type", json!({"valueCode": "add"})),
            part("path", json!({"valueString": path})),
            part("name", json!({"valueString": name})),
            part("value", value),
        ]}]})
    };
    let send = async |caller: &Caller, verb, address: &str, body: &Value| -> Reply {
        nation.send(caller, (verb, address), Conditions::default(), Some(body)).await
    };
    let a = patient("a", ALL);
    let gender = patch("Patient", "gender", json!({"valueCode": "female"}));
    send(&a, Verb::Patch, "/Patient/a", &gender).await.expect(&[403]);
    // no rule lets patients change Patients: decided before anything is looked up
    send(&a, Verb::Patch, "/Patient/b", &gender).await.expect(&[403]);
    let note = patch("Observation", "issued", json!({"valueInstant": "2026-01-01T00:00:00Z"}));
    send(&a, Verb::Patch, "/Observation/oa", &note).await.expect(&[403]);
    send(&a, Verb::Patch, "/Observation/ob", &note).await.expect(&[404]);
    // labels are not lowered by an operation either
    let h1 = client(Role::Hospital, "h1", "system/*.cruds");
    nation.put(&h1, &labelled("oa", &[RESTRICTED])).await.expect(&[200]);
    let label = labelled("oa", &[RESTRICTED])["meta"].clone();
    let meta = json!({"resourceType": "Parameters",
        "parameter": [{"name": "meta", "valueMeta": label}]});
    send(&h1, Verb::Post, "/Observation/oa/$meta-delete", &meta).await.expect(&[403]);
    send(&a, Verb::Post, "/Observation/oa/$meta-add", &meta).await.expect(&[403]);
    send(&a, Verb::Post, "/Observation/ob/$meta-add", &meta).await.expect(&[404]);
    nation.get(&a, "/Observation/ob/$meta").await.expect(&[404]);
    nation.get(&a, "/Observation/oa/$meta").await.expect(&[200]);
    for operation in ["/Patient/b/$everything", "/Patient/zz/$everything"] {
        nation.get(&a, operation).await.expect(&[403, 404]);
    }
    let own = nation.get(&a, "/Patient/a/$everything").await.expect(&[200]).names();
    assert!(own.contains(&"Observation/oa2".to_owned()), "{own:?}");
    for hidden in ["Patient/b", "Observation/ob", "DiagnosticReport/rb", "Observation/ob-on-a"] {
        assert!(!own.contains(&hidden.to_owned()), "{hidden}");
    }
    // who names no patient means themselves; that they looked is one event more each time
    let records = |names: Vec<String>| -> Vec<String> {
        names.into_iter().filter(|name| !name.starts_with("AuditEvent/")).collect()
    };
    let own = records(own);
    let unnamed = nation.get(&a, "/Patient/$everything").await.expect(&[200]).names();
    assert_eq!(records(unnamed), own);
    let doctor = person("doctor", "Practitioner/d", "user/*.rs");
    nation.get(&doctor, "/Patient/$everything").await.expect(&[404]);
    nation.get(&Caller::Operator, "/Patient/$everything").await.expect(&[404]);
    // page by page the same, and only for whom the link was made
    let (mut paged, mut path) = (Vec::new(), "/Patient/$everything?_count=1".to_owned());
    loop {
        let page = nation.get(&a, &path).await.expect(&[200]);
        paged.extend(records(page.names()));
        let links = page.body["link"].as_array().unwrap().iter();
        let Some(next) = links.into_iter().find(|it| it["relation"] == "next") else { break };
        let next = next["url"].as_str().unwrap();
        path = next.strip_prefix("http://vault.example/fhir").unwrap().to_owned();
        nation.get(&doctor, &path).await.expect(&[404]);
        nation.get(&Caller::Operator, &path).await.expect(&[404]);
    }
    assert!(paged.len() >= own.len() && own.iter().all(|one| paged.contains(one)), "{paged:?}");
    assert!(paged.iter().all(|one| own.contains(one)), "{paged:?}");
}

pub(crate) async fn a_reference_tells_nothing_of_its_target(nation: &Nation) {
    let h1 = client(Role::Hospital, "h1", "system/*.cruds");
    let mut answers = Vec::new();
    for target in ["Observation/ob", "Observation/zz"] {
        let mut body = report("x", "Patient/a", "Organization/h1");
        body["result"] = json!([{"reference": target}]);
        let reply = nation.post(&h1, &body).await;
        answers.push((reply.status, reply.body["issue"].to_string().replace(target, "?")));
        let found = nation
            .get(&h1, "/DiagnosticReport?_include=DiagnosticReport:result&_count=100")
            .await
            .expect(&[200]);
        assert!(!found.names().contains(&"Observation/ob".to_owned()));
    }
    assert_eq!(answers[0], answers[1]);
}

pub(crate) async fn every_label_has_to_be_cleared(nation: &Nation) {
    let put = async |body: Value| nation.put(&Caller::Operator, &body).await.expect(&[200, 201]);
    let h2 = client(Role::Hospital, "h2", "system/*.rs");
    put(permit()).await;
    put(labelled("oa", &[RESTRICTED])).await;
    nation.get(&h2, "/Observation/oa").await.expect(&[200]);
    put(labelled("oa", &[RESTRICTED, PSYCHIATRY])).await;
    nation.get(&h2, "/Observation/oa").await.expect(&[404]);
    assert!(!nation.get(&h2, "/Observation").await.names().contains(&"Observation/oa".to_owned()));
    let h1 = client(Role::Hospital, "h1", "system/*.rs");
    let doctor = person("doctor", "Practitioner/d", "user/*.rs");
    for caller in [&h1, &doctor, &patient("a", ALL)] {
        nation.get(caller, "/Observation/oa").await.expect(&[200]);
    }
    // what is shown in part still says how confidential it is
    for part in ["_elements=code", "_summary=true", "_summary=data"] {
        let shown =
            nation.get(&doctor, &format!("/Observation?_id=oa&{part}")).await.expect(&[200]);
        let meta = &shown.body["entry"][0]["resource"]["meta"];
        assert_eq!(meta["security"].as_array().map(Vec::len), Some(2), "{part}: {meta}");
        let read = nation.get(&doctor, &format!("/Observation/oa?{part}")).await.expect(&[200]);
        assert_eq!(read.body["meta"]["security"].as_array().map(Vec::len), Some(2), "{part}");
    }
}
