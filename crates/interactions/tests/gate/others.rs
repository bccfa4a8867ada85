//! Roles, relations, and tokens that say too little.

use auth::{Caller, Role};
use serde_json::json;

use crate::nation::{Nation, client, patient, person};

pub(crate) async fn each_role_sees_its_part(nation: &Nation) {
    let see = async |caller: &Caller, address: &str| nation.get(caller, address).await.status;
    let d = person("doctor", "Practitioner/d", "user/*.rs");
    assert_eq!(see(&d, "/Patient/a").await, 200);
    assert_eq!(see(&d, "/Observation/oa2").await, 200);
    assert_eq!(see(&d, "/Patient/b").await, 404);
    assert_eq!(see(&d, "/AuditEvent/ev").await, 403);
    assert_eq!(nation.get(&d, "/Patient").await.names(), ["Patient/a"]);
    assert_eq!(nation.get(&d, "/DiagnosticReport?_total=accurate").await.total(), 1);
    // a doctor's app for one patient shows that one
    let d2 = person("doctor", "Practitioner/d2", "user/*.rs");
    assert_eq!(see(&d2, "/Patient/a").await, 404);
    assert!(nation.get(&d2, "/Observation").await.names().is_empty());
    for (role, who) in [
        ("admin", "Practitioner/d2"),
        ("auditor", "Practitioner/d2"),
        ("researcher", "Practitioner/d2"),
    ] {
        let caller = person(role, who, "user/*.cruds");
        assert_eq!(see(&caller, "/Observation/oa").await, 403, "{role}");
        assert_eq!(see(&caller, "/Patient").await, 403, "{role}");
    }
    let auditor = person("auditor", "Practitioner/d2", "user/*.rs");
    assert_eq!(see(&auditor, "/AuditEvent/ev").await, 200);
    assert_eq!(see(&patient("a", "patient/*.rs"), "/AuditEvent/ev").await, 200);
    assert_eq!(see(&patient("b", "patient/*.rs"), "/AuditEvent/ev").await, 404);
    let h1 = client(Role::Hospital, "h1", "system/*.rs");
    assert_eq!(see(&h1, "/DiagnosticReport/ra").await, 200);
    assert_eq!(see(&h1, "/DiagnosticReport/rb").await, 404);
    assert_eq!(see(&h1, "/Observation/oa2").await, 404);
    assert_eq!(nation.get(&h1, "/Patient").await.names(), ["Patient/a"]);
    // an insurer without a patient's consent
    let i1 = client(Role::Insurer, "i1", "system/*.rs");
    assert_eq!(see(&i1, "/Claim/ca").await, 404);
    assert_eq!(see(&i1, "/Claim/ca2").await, 404);
    assert_eq!(see(&i1, "/Observation/oa").await, 404);
    assert_eq!(see(&Caller::Anonymous, "/Patient/a").await, 401);
    assert_eq!(see(&Caller::Anonymous, "/Organization/h1").await, 200);
}

pub(crate) async fn a_panel_follows_its_care_team(nation: &Nation) {
    let d2 = person("doctor", "Practitioner/d2", "user/*.rs");
    let status = async || nation.get(&d2, "/Observation/ob").await.status;
    let put = async |body| nation.put(&Caller::Operator, &body).await.expect(&[200, 201]);
    let encounter = |status: &str, end: &str| {
        json!({"resourceType": "Encounter", "id": "e", "status": status, "class": {"code": "IMP"},
            "subject": {"reference": "Patient/b"}, "period": {"start": "2026-01-01", "end": end},
            "participant": [{"individual": {"reference": "Practitioner/d2"}}]})
    };
    for (state, end, expected) in [
        ("in-progress", "2026-01-02", 200),
        ("finished", "2026-11-01", 200),
        ("finished", "2026-06-01", 404),
        ("cancelled", "2026-11-01", 404),
    ] {
        put(encounter(state, end)).await;
        assert_eq!(status().await, expected, "{state} {end}");
    }
    // by a role at a hospital
    put(json!({"resourceType": "PractitionerRole", "id": "r",
        "practitioner": {"reference": "Practitioner/d2"}}))
    .await;
    let request = |state: &str| {
        json!({"resourceType": "ServiceRequest", "id": "s", "status": state, "intent": "order",
            "subject": {"reference": "Patient/b"}, "performer": [{"reference": "PractitionerRole/r"}]})
    };
    put(request("active")).await;
    assert_eq!(status().await, 200);
    put(request("revoked")).await;
    assert_eq!(status().await, 404);
    let team = |period: serde_json::Value| {
        json!({"resourceType": "CareTeam", "id": "t", "status": "active", "period": period,
            "subject": {"reference": "Patient/b"},
            "participant": [{"member": {"reference": "Practitioner/d2"}}]})
    };
    put(team(json!({"start": "2026-01-01"}))).await;
    assert_eq!(status().await, 200);
    put(team(json!({"start": "2026-01-01", "end": "2026-02-01"}))).await;
    assert_eq!(status().await, 404);
    // nobody puts themselves on a team
    let claim = json!({"resourceType": "CareTeam", "status": "active",
        "subject": {"reference": "Patient/b"},
        "participant": [{"member": {"reference": "Practitioner/d2"}}]});
    let writer = person("doctor", "Practitioner/d2", "user/*.cruds");
    nation.post(&writer, &claim).await.expect(&[403]);
    assert_eq!(status().await, 404);
}

pub(crate) async fn tokens_without_a_patient_open_nothing(nation: &Nation) {
    // a client that belongs to nobody sees what everybody sees
    let nobody = client(Role::Public, "none", "system/*.cruds");
    assert_eq!(nation.get(&nobody, "/Patient").await.status, 403);
    assert_eq!(nation.get(&nobody, "/Organization/h1").await.status, 200);
    nation
        .post(&nobody, &json!({"resourceType": "Organization", "name": "x"}))
        .await
        .expect(&[403]);
    // who somebody is they may read, when that was asked for
    let narrow = "openid fhirUser user/Observation.rs";
    let d = person("doctor", "Practitioner/d", narrow);
    nation.get(&d, "/Practitioner/d").await.expect(&[200]);
    nation.get(&d, "/Practitioner/t").await.expect(&[404]);
    nation.get(&d, "/Practitioner").await.expect(&[403]);
    nation
        .get(&person("doctor", "Practitioner/d", "user/Observation.rs"), "/Practitioner/d")
        .await
        .expect(&[403]);
    // a hospital that the token does not name owns nothing
    let h9 = client(Role::Hospital, "h9", "system/*.rs");
    assert!(nation.get(&h9, "/Observation").await.expect(&[200]).names().is_empty());
}
