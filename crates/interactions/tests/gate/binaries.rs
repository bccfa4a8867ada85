//! Binaries, by what `Binary.securityContext` names.

use auth::{Caller, Role};
use serde_json::{Value, json};

use crate::nation::{Nation, client, patient, person};

fn binary(id: &str, context: Option<&str>) -> Value {
    let mut binary = json!({"resourceType": "Binary", "id": id, "contentType": "text/plain",
        "data": "eA=="});
    if let Some(context) = context {
        binary["securityContext"] = json!({"reference": context});
    }
    binary
}

/// Binaries under what is A's, what is B's, what everybody sees, and under nothing.
async fn put_all(nation: &Nation) {
    for (id, context) in [
        ("of-a", Some("Observation/oa")),
        ("of-a-too", Some("http://vault.example/fhir/Patient/a/_history/1")),
        ("of-b", Some("Observation/ob")),
        ("of-all", Some("Organization/h1")),
        ("of-binary", Some("Binary/of-all")),
        ("of-gone", Some("Observation/nobody")),
        ("of-other", Some("https://other.example/fhir/Patient/a")),
        ("of-nothing", None),
    ] {
        nation.put(&Caller::Operator, &binary(id, context)).await.expect(&[201]);
    }
}

pub(crate) async fn a_binary_is_as_open_as_what_protects_it(nation: &Nation) {
    put_all(nation).await;
    let own = ["Binary/of-a", "Binary/of-a-too", "Binary/of-all"];
    let (a, d) = (patient("a", "patient/*.rs"), person("doctor", "Practitioner/d", "user/*.cruds"));
    let d2 = person("doctor", "Practitioner/d2", "user/*.rs");
    for (caller, sees) in [(&a, &own[..]), (&d, &own[..]), (&d2, &["Binary/of-all"][..])] {
        for id in
            ["of-a", "of-a-too", "of-b", "of-all", "of-binary", "of-gone", "of-other", "of-nothing"]
        {
            let name = format!("Binary/{id}");
            let status = if sees.contains(&name.as_str()) { 200 } else { 404 };
            for tail in ["", "/_history", "/_history/1"] {
                nation.get(caller, &format!("/{name}{tail}")).await.expect(&[status]);
            }
        }
        let found = nation.get(caller, "/Binary").await.expect(&[200]);
        assert_eq!((found.sorted(), found.total()), (to_vec(sees), sees.len() as u64));
        let versions = nation.get(caller, "/Binary/_history").await.expect(&[200]);
        assert_eq!(versions.sorted(), sees);
        let page = nation.get(caller, "/Binary?_count=1").await.expect(&[200]);
        assert!(sees.contains(&page.names()[0].as_str()));
    }
    // a scope that does not open what protects it does not open the content either, nor does one without Binary
    let only = patient("a", "patient/Binary.rs patient/Patient.rs");
    nation.get(&only, "/Binary/of-a").await.expect(&[404]);
    nation.get(&only, "/Binary/of-a-too").await.expect(&[200]);
    assert_eq!(nation.get(&only, "/Binary").await.names(), ["Binary/of-a-too"]);
    nation.get(&patient("a", "patient/Observation.rs"), "/Binary/of-a").await.expect(&[403]);
    // what includes lead to
    let item = |of: &str| json!({"item": {"reference": of}});
    let list = json!({"resourceType": "List", "id": "l", "status": "current", "mode": "working",
        "subject": {"reference": "Patient/a"},
        "entry": [item("Binary/of-a"), item("Binary/of-b"), item("Observation/oa")]});
    nation.put(&Caller::Operator, &list).await.expect(&[201]);
    let found = nation.get(&d, "/List?_id=l&_include=List:item").await.expect(&[200]);
    assert_eq!(found.sorted(), ["Binary/of-a", "List/l", "Observation/oa"]);
    for (id, expected) in [("of-a", 1), ("of-b", 0)] {
        let found = nation.get(&d, &format!("/List?item:Binary._id={id}")).await.expect(&[200]);
        assert_eq!(found.names().len(), expected, "{id}");
    }
    // under what they may read they put content themselves
    nation.post(&d, &binary("new", Some("Observation/oa"))).await.expect(&[201]);
    nation.post(&d, &binary("new", Some("Observation/ob"))).await.expect(&[403]);
    nation.post(&d, &binary("new", None)).await.expect(&[403]);
    nation.post(&a, &binary("new", Some("Observation/oa"))).await.expect(&[403]);
    // what was open a moment ago is closed with the next request
    nation.delete(&Caller::Operator, "/CareTeam/team").await.expect(&[200, 204]);
    nation.get(&d, "/Binary/of-a").await.expect(&[404]);
    assert_eq!(nation.get(&d, "/Binary").await.names(), ["Binary/of-all"]);
    nation.delete(&Caller::Operator, "/Observation/oa").await.expect(&[200, 204]);
    nation.get(&a, "/Binary/of-a").await.expect(&[404]);
}

fn to_vec(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) async fn content_is_part_of_everything(nation: &Nation) {
    put_all(nation).await;
    let document = json!({"resourceType": "DocumentReference", "id": "doc", "status": "current",
        "subject": {"reference": "Patient/a"}, "custodian": {"reference": "Organization/h1"}, "content": [
            {"attachment": {"contentType": "text/plain", "url": "Binary/of-a"}},
            {"attachment": {"url": "http://vault.example/fhir/Binary/of-a-too"}},
            {"attachment": {"url": "Binary/of-b"}}, {"attachment": {"url": "Binary/of-nothing"}}]});
    nation.put(&Caller::Operator, &document).await.expect(&[201]);
    let contents = async |caller: &Caller| -> Vec<String> {
        let all = nation.get(caller, "/Patient/a/$everything").await.expect(&[200]).sorted();
        all.into_iter().filter(|name| name.starts_with("Binary/")).collect()
    };
    assert_eq!(contents(&patient("a", "patient/*.rs")).await, ["Binary/of-a", "Binary/of-a-too"]);
    let none = contents(&patient("a", "patient/Patient.rs patient/DocumentReference.rs")).await;
    assert!(none.is_empty(), "{none:?}");
    assert_eq!(contents(&Caller::Operator).await.len(), 4);
    let hospital = client(Role::Hospital, "h1", "system/*.rs");
    assert_eq!(contents(&hospital).await, ["Binary/of-a", "Binary/of-a-too"]);
}
