//! What patients permit and deny, from one request to the next.

use auth::{Caller, Grant, Role, User};
use serde_json::{Value, json};

use crate::nation::{Nation, alone, claim, client, coverage, patient, person, report};

/// A Consent of A.
pub(crate) fn consent(id: &str, provision: Value) -> Value {
    json!({"resourceType": "Consent", "id": id, "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]},
        "category": [{"coding": [{"code": "59284-0"}]}],
        "policyRule": {"coding": [{"code": "OPTIN"}]},
        "patient": {"reference": "Patient/a"}, "provision": provision})
}

fn actor(of: &str) -> Value {
    json!([{"role": {"coding": [{"code": "IRCP"}]}, "reference": {"reference": of}}])
}

pub(crate) async fn an_insurer_reads_with_consent_only(nation: &Nation) {
    let i1 = client(Role::Insurer, "i1", "system/*.rs");
    let claims = async || nation.get(&i1, "/Claim").await.expect(&[200]).names();
    let put = async |body: &Value| {
        nation.put(&patient("a", "patient/*.cruds"), body).await.expect(&[200, 201])
    };
    assert!(claims().await.is_empty());
    let mut consent = consent(
        "c",
        json!({"type": "permit", "actor": actor("Organization/i1"),
        "purpose": [{"code": "HPAYMT"}], "class": [{"code": "Claim"}, {"code": "Patient"}]}),
    );
    put(&consent).await;
    assert_eq!(claims().await, ["Claim/ca"]);
    nation.get(&i1, "/Claim/ca").await.expect(&[200]);
    nation.get(&i1, "/Claim/ca2").await.expect(&[404]);
    let found = nation.get(&i1, "/Claim?_include=Claim:patient&_revinclude=Observation:*").await;
    assert_eq!(found.expect(&[200]).names(), ["Claim/ca", "Patient/a"]);
    nation.get(&i1, "/Observation/oa").await.expect(&[404]);
    // somebody else's permission, another purpose, another class
    for (name, value) in [
        ("actor", actor("Organization/i2")),
        ("purpose", json!([{"code": "TREAT"}])),
        ("class", json!([{"code": "Coverage"}])),
        ("period", json!({"end": "2020-01-01"})),
        ("period", json!({"start": "2999-01-01"})),
        ("dataPeriod", json!({"start": "2020-01-02"})),
        ("code", json!([{"text": "whatever"}])),
    ] {
        let mut other = consent.clone();
        other["provision"][name] = value;
        put(&other).await;
        assert!(claims().await.is_empty(), "{name}");
        nation.get(&i1, "/Claim/ca").await.expect(&[404]);
    }
    let mut long = consent.clone();
    long["provision"]["period"] = json!({"start": "2020-01-01", "end": "2999-01-01"});
    put(&long).await;
    assert_eq!(claims().await, ["Claim/ca"]);
    // revoked: gone with the next request
    consent["status"] = json!("inactive");
    put(&consent).await;
    assert!(claims().await.is_empty());
    consent["status"] = json!("entered-in-error");
    put(&consent).await;
    nation.get(&i1, "/Claim/ca").await.expect(&[404]);
}

pub(crate) async fn an_insurer_sees_what_it_needs(nation: &Nation) {
    let i1 = client(Role::Insurer, "i1", "system/*.rs");
    let put = async |body: &Value| nation.put(&Caller::Operator, body).await.expect(&[200, 201]);
    let get = async |address: &str| nation.get(&i1, address).await.expect(&[200]);
    let status = async |address: &str| nation.get(&i1, address).await.status;
    let mut a = nation.get(&Caller::Operator, "/Patient/a").await.body;
    let member =
        json!({"type": {"coding": [{"system": "urn:v2-0203", "code": "MB"}]}, "value": "4711"});
    a["identifier"].as_array_mut().unwrap().push(member.clone());
    a["birthDate"] = json!("1980-02-29");
    a["telecom"] = json!([{"system": "phone", "value": "0123"}]);
    a["address"] = json!([{"city": "Pune"}]);
    put(&a).await;
    assert_eq!(status("/Patient/a").await, 404);
    let share = |data: Value| {
        let mut provision = json!({"type": "permit", "actor": actor("Organization/i1"),
            "purpose": [{"code": "HPAYMT"}]});
        provision["data"] = data;
        consent("share", provision)
    };
    let these = |ids: &[&str]| {
        let one = |id: &&str| json!({"meaning": "instance", "reference": {"reference": id}});
        ids.iter().map(one).collect::<Vec<Value>>().into()
    };
    put(&share(these(&["Patient/a", "Claim/ca", "Observation/oa"]))).await;
    // of the patient no more than who is insured, wherever they stand in an answer
    let is_minimal = |patient: &Value| {
        let names: Vec<&str> = patient.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["resourceType", "id", "meta", "name", "identifier", "birthDate"]);
        assert_eq!(patient["identifier"], json!([member]));
        assert_eq!(patient["meta"]["tag"][0]["code"], "SUBSETTED");
    };
    is_minimal(&get("/Patient/a").await.body);
    is_minimal(&get("/Patient/a?_elements=telecom,address,name,identifier,birthDate").await.body);
    is_minimal(&get("/Patient/a/_history/2").await.body);
    let found = get("/Claim?_include=Claim:patient").await;
    assert_eq!(found.names(), ["Claim/ca", "Patient/a"]);
    is_minimal(&found.body["entry"][1]["resource"]);
    let found = get("/Patient/a/_history").await;
    is_minimal(&found.body["entry"][0]["resource"]);
    let batch = json!({"resourceType": "Bundle", "type": "batch", "entry": [
        {"request": {"method": "GET", "url": "Patient/a"}},
        {"request": {"method": "GET", "url": "Patient?family=anand"}}]});
    let answered = nation.post(&i1, &batch).await.expect(&[200]);
    is_minimal(&answered.body["entry"][0]["resource"]);
    is_minimal(&answered.body["entry"][1]["resource"]["entry"][0]["resource"]);
    // and nothing is told by asking for the rest
    for query in [
        "/Patient?telecom=0123",
        "/Patient?address-city=Pune",
        "/Patient?gender:missing=false",
        "/Patient?organization=Organization/h1",
        "/Patient?_content=pune",
        "/Patient?_sort=gender",
        "/Claim?patient.address-city=Pune",
        "/Patient?_filter=address-city eq Pune",
        // numbers but those of a member, which could be tried until one is theirs
        "/Patient?identifier=4711",
        "/Patient?identifier:missing=false",
        "/Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|4711",
        "/Patient?identifier:of-type=x|MB|1,x|MR|1",
        "/Patient?_sort=identifier",
        "/Patient?_filter=identifier eq 4711",
        "/Claim?patient.identifier=4711",
    ] {
        assert_eq!(status(&query.replace(' ', "%20")).await, 403, "{query}");
    }
    assert_eq!(get("/Patient?family=anand&birthdate=1980-02-29").await.names(), ["Patient/a"]);
    assert_eq!(get("/Claim?patient.family=anand").await.names(), ["Claim/ca"]);
    let number = "identifier:of-type=urn:v2-0203|MB|4711";
    assert_eq!(get(&format!("/Patient?{number}")).await.names(), ["Patient/a"]);
    assert_eq!(get(&format!("/Claim?patient.{number}")).await.names(), ["Claim/ca"]);
    // what is clinical takes a contract that is in force besides, and the Consent to that very resource
    assert_eq!(status("/Observation/oa").await, 404);
    let mut contract = json!({"resourceType": "Contract", "id": "k", "status": "executed",
        "subject": [{"reference": "Patient/a"}],
        "signer": [{"type": {"code": "GRANTEE"}, "party": {"reference": "Organization/i1"},
            "signature": [{"type": [{"code": "1.2.840.10065.1.12.1.1"}],
                "when": "2026-01-01T00:00:00Z", "who": {"reference": "Organization/i1"}}]}]});
    put(&contract).await;
    assert_eq!(status("/Observation/oa").await, 200);
    assert_eq!(get("/Observation").await.names(), ["Observation/oa"]);
    assert_eq!(status("/DiagnosticReport/ra").await, 404);
    let i2 = client(Role::Insurer, "i2", "system/*.rs");
    nation.get(&i2, "/Observation/oa").await.expect(&[404]);
    contract["status"] = json!("terminated");
    put(&contract).await;
    assert_eq!(status("/Observation/oa").await, 404);
    contract["status"] = json!("executed");
    put(&contract).await;
    assert_eq!(status("/Observation/oa").await, 200);
    put(&share(these(&["Claim/ca"]))).await;
    assert_eq!(status("/Observation/oa").await, 404);
    assert_eq!(status("/Patient/a").await, 404);
    assert_eq!(status("/Claim/ca").await, 200);
}

pub(crate) async fn an_insurer_reads_of_who_was_insured_then(nation: &Nation) {
    let i1 = client(Role::Insurer, "i1", "system/*.rs");
    let put = async |body: &Value| nation.put(&Caller::Operator, body).await.expect(&[200, 201]);
    // by id, by search, in the history, and counted
    let sees = async || {
        let by_id = nation.get(&i1, "/Claim/ca").await.status == 200;
        let found = nation.get(&i1, "/Claim?_total=accurate&_id=ca").await.expect(&[200]);
        assert_eq!((by_id, by_id), (found.names() == ["Claim/ca"], found.total() == 1));
        let by_date = nation.get(&i1, "/Claim?patient=Patient/a&_sort=-created").await;
        assert_eq!(by_date.names().contains(&"Claim/ca".to_owned()), by_id);
        by_id
    };
    put(&consent(
        "c",
        json!({"type": "permit", "actor": actor("Organization/i1"), "purpose": [{"code": "HPAYMT"}]}),
    ))
    .await;
    assert!(sees().await);
    let served = |name: &str, value: Value| {
        let mut claim = claim("ca", "Organization/i1");
        claim[name] = value;
        claim
    };
    let item = |name: &str, value: Value| {
        let mut item = json!({"sequence": 1, "productOrService": {"text": "x"}});
        item[name] = value;
        json!([item])
    };
    let period = |start: &str, end: &str| json!({"start": start, "end": end});
    for (name, value, expected) in [
        ("billablePeriod", period("2020-03-01", "2020-12-31"), true),
        ("billablePeriod", period("2020-12-30", "2021-01-02"), false),
        ("billablePeriod", period("2019-12-30", "2020-01-02"), false),
        ("billablePeriod", period("2021-03-01", "2021-03-02"), false),
        ("item", item("servicedDate", json!("2020-12-31")), true),
        ("item", item("servicedDate", json!("2021-01-01")), false),
        ("item", item("servicedPeriod", period("2020-02-01", "2020-02-03")), true),
        ("item", item("servicedPeriod", period("2020-02-01", "2021-02-03")), false),
        ("created", json!("2019-12-31"), false),
        // a year is known to be covered by the whole of it only
        ("created", json!("2020"), true),
        ("created", json!("2019"), false),
    ] {
        put(&served(name, value.clone())).await;
        assert_eq!(sees().await, expected, "{name} {value}");
    }
    // each version by its own time
    let versions = nation.get(&i1, "/Claim/ca/_history").await.expect(&[200]);
    assert_eq!(versions.names().len(), 5, "{:?}", versions.names());
    // over the end of one year's Coverage into the next
    put(&served("billablePeriod", period("2020-12-30", "2021-01-02"))).await;
    let next = |status: &str, payor: &str, period: Value| {
        let mut next = coverage("next", payor, period);
        next["status"] = json!(status);
        next
    };
    let year = || period("2021-01-01", "2021-12-31");
    for (status, payor, when, expected) in [
        ("active", "Organization/i1", year(), true),
        ("cancelled", "Organization/i1", year(), true),
        ("cancelled", "Organization/i1", json!({"start": "2021-01-01"}), false),
        ("draft", "Organization/i1", year(), false),
        ("entered-in-error", "Organization/i1", year(), false),
        ("active", "Organization/i2", year(), false),
        ("active", "Organization/i1", json!({"start": "2021-01-03"}), false),
        ("active", "Organization/i1", json!({"end": "2021-01-02"}), true),
    ] {
        put(&next(status, payor, when.clone())).await;
        assert_eq!(sees().await, expected, "{status} {payor} {when}");
    }
    // of somebody else it does not count
    let mut other = next("active", "Organization/i1", year());
    other["beneficiary"] = json!({"reference": "Patient/b"});
    put(&other).await;
    assert!(!sees().await);
    // what explains a benefit goes the same way: by its own times, and with its Claim; when it was made says nothing
    let benefit = |created: &str, served: Option<&str>| {
        let mut one = json!({"resourceType": "ExplanationOfBenefit", "id": "eb", "status": "active", "use": "claim",
            "type": {"text": "x"}, "patient": {"reference": "Patient/a"}, "created": created,
            "insurer": {"reference": "Organization/i1"}, "provider": {"reference": "Organization/h1"},
            "outcome": "complete", "claim": {"reference": "Claim/ca"},
            "insurance": [{"focal": true, "coverage": {"reference": "Coverage/va"}}]});
        if let Some(day) = served {
            one["billablePeriod"] = period(day, day);
        }
        one
    };
    let explained = async |created: &str, served: Option<&str>| {
        put(&benefit(created, served)).await;
        let found = nation.get(&i1, "/ExplanationOfBenefit?_total=accurate").await.expect(&[200]);
        let by_id = nation.get(&i1, "/ExplanationOfBenefit/eb").await.status == 200;
        assert_eq!(
            (by_id, by_id),
            (found.names() == ["ExplanationOfBenefit/eb"], found.total() == 1)
        );
        by_id
    };
    assert!(!explained("2020-05-01", Some("2020-05-01")).await, "the Claim is not covered");
    assert!(!explained("2020-05-01", None).await);
    put(&served("created", json!("2020-05-01"))).await;
    assert!(explained("2020-05-01", Some("2020-05-01")).await);
    assert!(explained("2021-05-01", Some("2020-05-01")).await);
    assert!(!explained("2020-05-01", Some("2021-05-01")).await);
    assert!(!explained("2020-05-01", None).await);
}

pub(crate) async fn an_answer_shows_no_more_than_its_claim(nation: &Nation) {
    let i1 = client(Role::Insurer, "i1", "system/*.rs");
    let put = async |body: &Value| nation.put(&Caller::Operator, body).await.expect(&[200, 201]);
    put(&consent(
        "c",
        json!({"type": "permit", "actor": actor("Organization/i1"), "purpose": [{"code": "HPAYMT"}]}),
    ))
    .await;
    let created = async |day: &str| {
        let mut claim = claim("ca", "Organization/i1");
        claim["created"] = json!(day);
        put(&claim).await;
    };
    let answer = json!({"resourceType": "ClaimResponse", "id": "cr", "status": "active",
        "use": "claim", "type": {"text": "x"}, "created": "2020-06-01", "outcome": "complete",
        "patient": {"reference": "Patient/a"}, "insurer": {"reference": "Organization/i1"},
        "request": {"reference": "Claim/ca"}});
    let notice = json!({"resourceType": "PaymentNotice", "id": "pn", "status": "active",
        "created": "2020-06-01", "payment": {"display": "x"}, "amount": {"value": 1},
        "recipient": {"display": "x"}, "request": {"reference": "Claim/ca"}});
    put(&answer).await;
    put(&notice).await;
    let shown = async || {
        let by_id = nation.get(&i1, "/ClaimResponse/cr").await.status == 200;
        let found = nation.get(&i1, "/ClaimResponse?_total=accurate").await.expect(&[200]);
        assert_eq!((by_id, by_id), (found.names() == ["ClaimResponse/cr"], found.total() == 1));
        by_id
    };
    let noticed = async || nation.get(&i1, "/PaymentNotice/pn").await.status == 200;
    created("2020-05-01").await;
    // a payment is about no patient, so that nobody's Consent opens it
    assert!(shown().await && !noticed().await);
    // the service before the first Coverage
    created("2019-05-01").await;
    assert!(!shown().await && !noticed().await);
    created("2020-05-01").await;
    assert!(shown().await && !noticed().await);
    // nor does one that is no answer to a Claim
    let mut alone = answer.clone();
    alone.as_object_mut().unwrap().remove("request");
    put(&alone).await;
    assert!(!shown().await);
}

pub(crate) async fn a_denial_wins(nation: &Nation) {
    let d = person("doctor", "Practitioner/d", "user/*.rs");
    let h2 = client(Role::Hospital, "h2", "system/*.rs");
    let put = async |body: Value| nation.put(&Caller::Operator, &body).await.expect(&[200, 201]);
    let status = async |caller: &Caller, address: &str| nation.get(caller, address).await.status;
    // another hospital reads with a permission
    assert_eq!(status(&h2, "/DiagnosticReport/ra").await, 404);
    put(consent("all", json!({"type": "permit"}))).await;
    assert_eq!(status(&h2, "/DiagnosticReport/ra").await, 200);
    assert_eq!(
        nation.get(&h2, "/DiagnosticReport").await.sorted(),
        ["DiagnosticReport/ra", "DiagnosticReport/rb"]
    );
    // a denial for it among permissions for all
    put(consent("no", json!({"type": "deny", "actor": actor("Organization/h2")}))).await;
    assert_eq!(status(&h2, "/DiagnosticReport/ra").await, 404);
    assert_eq!(status(&d, "/DiagnosticReport/ra").await, 200);
    // what the hospital wrote itself it keeps
    assert_eq!(status(&h2, "/Observation/oa2").await, 200);
    // a class is denied to the doctor
    put(consent(
        "no",
        json!({"type": "deny", "actor": actor("Practitioner/d"),
        "class": [{"code": "DiagnosticReport"}]}),
    ))
    .await;
    assert_eq!(status(&d, "/DiagnosticReport/ra").await, 404);
    assert_eq!(status(&d, "/Observation/oa").await, 200);
    assert!(nation.get(&d, "/DiagnosticReport").await.names().is_empty());
    let found = nation.get(&d, "/Patient?_has:DiagnosticReport:patient:status=final").await;
    assert!(found.expect(&[200]).names().is_empty());
    // everything but an exception
    put(consent(
        "no",
        json!({"type": "deny",
        "provision": [{"type": "permit", "actor": actor("Practitioner/d")}]}),
    ))
    .await;
    assert_eq!(status(&d, "/DiagnosticReport/ra").await, 200);
    assert_eq!(status(&h2, "/DiagnosticReport/ra").await, 404);
    // what is sensitive in one way
    put(consent("no", json!({"type": "deny", "securityLabel": [{"code": "PSY"}]}))).await;
    assert_eq!(status(&d, "/DiagnosticReport/ra").await, 200);
    let mut labelled = report("ra", "Patient/a", "Organization/h1");
    labelled["meta"] = json!({"security": [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}]});
    put(labelled).await;
    assert_eq!(status(&d, "/DiagnosticReport/ra").await, 404);
    // the earlier version did not say so
    assert_eq!(status(&d, "/DiagnosticReport/ra/_history/1").await, 200);
    put(consent("no", json!({"type": "deny", "securityLabel": [{"code": "HIV"}]}))).await;
    assert_eq!(status(&d, "/DiagnosticReport/ra").await, 200);
    assert_eq!(status(&patient("a", "patient/*.rs"), "/DiagnosticReport/ra").await, 200);
}

pub(crate) async fn what_is_in_a_resource_decides(nation: &Nation) {
    let h2 = client(Role::Hospital, "h2", "system/*.rs");
    let put = async |body: Value| nation.put(&Caller::Operator, &body).await.expect(&[200, 201]);
    let seen = async || nation.get(&h2, "/Observation?_count=50").await.expect(&[200]).sorted();
    let own = seen().await;
    assert!(!own.contains(&"Observation/oa".to_owned()) && own.contains(&"Observation/oa2".into()));
    // some of what another hospital wrote: this one, of this time, with this code
    let some = |more: Value| {
        let mut provision = json!({"type": "permit", "actor": actor("Organization/h2"),
            "class": [{"code": "Observation"}]});
        for (name, value) in more.as_object().unwrap() {
            provision[name] = value.clone();
        }
        consent("some", provision)
    };
    let this = json!([{"meaning": "instance", "reference": {"reference": "Observation/oa"}}]);
    let sees_one = async |is_open: bool| {
        let mut wanted = own.clone();
        wanted.extend(is_open.then(|| "Observation/oa".to_owned()));
        wanted.sort();
        assert_eq!(seen().await, wanted);
        let status = if is_open { 200 } else { 404 };
        nation.get(&h2, "/Observation/oa").await.expect(&[status]);
        nation.get(&h2, "/Observation/oa/_history/1").await.expect(&[status]);
    };
    put(some(json!({"data": this}))).await;
    sees_one(true).await;
    let lab = json!([{"coding": [{"system": "http://c", "code": "laboratory"}]}]);
    put(some(json!({"data": this, "code": lab, "dataPeriod": {"start": "2020", "end": "2020"}})))
        .await;
    sees_one(true).await;
    for (name, value) in [
        ("dataPeriod", json!({"start": "2020-05-18"})),
        ("code", json!([{"coding": [{"system": "http://c", "code": "imaging"}]}])),
        ("code", json!([{"coding": [{"code": "laboratory"}]}])),
        ("purpose", json!([{"code": "HRESCH"}])),
        ("period", json!({"end": "2020"})),
        ("action", json!([{"coding": [{"code": "correct"}]}])),
        ("provision", json!([{"type": "deny", "code": lab}])),
    ] {
        let mut more = json!({"data": this});
        more[name] = value;
        put(some(more)).await;
        sees_one(false).await;
    }
    // one version is not the next
    let version =
        json!([{"meaning": "instance", "reference": {"reference": "Observation/oa/_history/1"}}]);
    put(some(json!({"data": version}))).await;
    sees_one(false).await;
    // what somebody says of another's record opens nothing
    let mut other = some(json!({"data": this}));
    other["patient"] = json!({"reference": "Patient/b"});
    put(other).await;
    sees_one(false).await;
    // what belongs to it
    let mut of_report = report("ra", "Patient/a", "Organization/h1");
    of_report["result"] = json!([{"reference": "Observation/oa"}]);
    put(of_report).await;
    let with = |meaning: &str, of: &str| {
        some(json!({"data": [{"meaning": meaning, "reference": {"reference": of}}]}))
    };
    put(with("related", "DiagnosticReport/ra")).await;
    sees_one(true).await;
    put(with("dependents", "DiagnosticReport/ra")).await;
    sees_one(false).await;
    put(with("authoredby", "Organization/h2")).await;
    sees_one(false).await;
    put(with("related", "DiagnosticReport/rb")).await;
    sees_one(false).await;
    // a denial that asks for what is inside wins as well
    put(with("instance", "Observation/oa")).await;
    sees_one(true).await;
    put(consent("no", json!({"type": "deny", "code": lab, "dataPeriod": {"end": "2020-05-17"}})))
        .await;
    sees_one(false).await;
    put(consent("no", json!({"type": "deny", "code": lab, "dataPeriod": {"end": "2020-05-16"}})))
        .await;
    sees_one(true).await;
}

pub(crate) fn account(role: &str, who: &str) -> Grant {
    let user = User {
        login: "x".into(),
        role: role.into(),
        fhir_user: Some(who.into()),
        organization: None,
        supervisor: None,
        until: None,
    };
    Grant { user: Some(user), ..alone("user/*.cruds") }
}

pub(crate) async fn relatives_act_as_far_as_they_are_let(nation: &Nation) {
    let put = async |body: &Value| nation.put(&Caller::Operator, body).await.expect(&[200, 201]);
    let status = async |address: &str| {
        let relative = nation.bearer(account("proxy", "RelatedPerson/p")).await.unwrap();
        nation.get(&relative, address).await.status
    };
    let mut relative = json!({"resourceType": "RelatedPerson", "id": "p", "active": true,
        "patient": {"reference": "Patient/a"}});
    put(&relative).await;
    assert_eq!(status("/Patient/a").await, 404);
    let lets = |class: &str| {
        consent(
            "c",
            json!({"type": "permit", "actor": actor("RelatedPerson/p"),
            "class": [{"code": class}, {"code": "Patient"}]}),
        )
    };
    put(&lets("Appointment")).await;
    assert_eq!(status("/Patient/a").await, 200);
    assert_eq!(status("/DiagnosticReport/ra").await, 404);
    put(&lets("DiagnosticReport")).await;
    assert_eq!(status("/DiagnosticReport/ra").await, 200);
    assert_eq!(status("/Patient/b").await, 404);
    relative["period"] = json!({"end": "2020-01-01"});
    put(&relative).await;
    assert_eq!(status("/DiagnosticReport/ra").await, 404);
    relative["period"] = json!({"start": "2020-01-01"});
    put(&relative).await;
    assert_eq!(status("/DiagnosticReport/ra").await, 200);
    relative["active"] = json!(false);
    put(&relative).await;
    assert_eq!(status("/DiagnosticReport/ra").await, 404);
}

pub(crate) async fn a_guardian_acts_until_majority(nation: &Nation) {
    let put = async |body: &Value| nation.put(&Caller::Operator, body).await.expect(&[200, 201]);
    let status = async |address: &str| {
        let guardian = nation.bearer(account("proxy", "RelatedPerson/g")).await.unwrap();
        nation.get(&guardian, address).await.status
    };
    let child = |born: &str| json!({"resourceType": "Patient", "id": "c", "birthDate": born});
    let related = |code: &str, period: Value| {
        json!({"resourceType": "RelatedPerson", "id": "g", "active": true, "period": period,
            "patient": {"reference": "Patient/c"},
            "relationship": [{"coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": code}]}]})
    };
    let open = json!({"start": "2020-01-01"});
    put(&child("2999-01-01")).await;
    put(&report("rc", "Patient/c", "Organization/h1")).await;
    put(&related("NBOR", open.clone())).await;
    assert_eq!(status("/Patient/c").await, 404);
    put(&related("MTH", open.clone())).await;
    assert_eq!(status("/Patient/c").await, 200);
    assert_eq!(status("/DiagnosticReport/rc").await, 200);
    assert_eq!(status("/Patient/b").await, 404);
    let guardian = nation.bearer(account("proxy", "RelatedPerson/g")).await.unwrap();
    assert_eq!(nation.get(&guardian, "/DiagnosticReport").await.names(), ["DiagnosticReport/rc"]);
    // what is confidential between the child and the doctor stays so
    let mut secret = report("rc", "Patient/c", "Organization/h1");
    secret["meta"] = json!({"security": [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]});
    put(&secret).await;
    assert_eq!(status("/DiagnosticReport/rc").await, 404);
    nation.delete(&Caller::Operator, "/DiagnosticReport/rc").await;
    put(&report("rc", "Patient/c", "Organization/h1")).await;
    // the guardianship ends, and the child grows up
    put(&related("MTH", json!({"end": "2020-12-31"}))).await;
    assert_eq!(status("/Patient/c").await, 404);
    put(&related("MTH", open)).await;
    put(&child("2000-01-01")).await;
    assert_eq!(status("/Patient/c").await, 404);
    // from then on it takes a Consent, and goes with it
    let mut lets = consent("c", json!({"type": "permit", "actor": actor("RelatedPerson/g")}));
    lets["patient"] = json!({"reference": "Patient/c"});
    put(&lets).await;
    assert_eq!(status("/Patient/c").await, 200);
    lets["status"] = json!("inactive");
    put(&lets).await;
    assert_eq!(status("/Patient/c").await, 404);
}

pub(crate) async fn interns_and_clients_are_what_the_record_says(nation: &Nation) {
    let put = async |body: &Value| nation.put(&Caller::Operator, body).await.expect(&[200, 201]);
    let status = async || match nation.bearer(account("intern", "Practitioner/t")).await {
        Ok(intern) => nation.get(&intern, "/Patient/a").await.status,
        Err(status) => status,
    };
    let role = |id: &str, of: &str| {
        json!({"resourceType": "PractitionerRole", "id": id, "active": true,
            "practitioner": {"reference": format!("Practitioner/{of}")}})
    };
    assert_eq!(status().await, 404);
    put(&role("rd", "d")).await;
    let mut intern = role("rt", "t");
    intern["extension"] = json!([{"url": "https://medvault.example/fhir/supervisor",
        "valueReference": {"reference": "PractitionerRole/rd"}}]);
    put(&intern).await;
    assert_eq!(status().await, 200);
    // the supervisor leaves
    let mut left = role("rd", "d");
    left["active"] = json!(false);
    put(&left).await;
    assert_eq!(status().await, 404);
    put(&role("rd", "d")).await;
    // the time is over
    intern["period"] = json!({"end": "2020-01-01"});
    put(&intern).await;
    assert_eq!(status().await, 401);
    // a client is what its organization is
    let of = |organization: &str| Grant {
        client_organization: Some(format!("Organization/{organization}")),
        ..alone("system/*.rs")
    };
    let h1 = nation.bearer(of("h1")).await.unwrap();
    nation.get(&h1, "/DiagnosticReport/ra").await.expect(&[200]);
    let i1 = nation.bearer(of("i1")).await.unwrap();
    nation.get(&i1, "/DiagnosticReport/ra").await.expect(&[404]);
    nation.get(&i1, "/Provenance/x").await.expect(&[403]);
    let none = nation.bearer(of("zz")).await.unwrap();
    nation.get(&none, "/DiagnosticReport/ra").await.expect(&[403]);
}
