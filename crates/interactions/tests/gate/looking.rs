//! Reads, searches and histories.

use interactions::{Conditions, Verb};
use serde_json::json;

use crate::nation::{Nation, patient, person};

const ALL: &str = "patient/*.cruds";

pub(crate) async fn a_hidden_resource_is_not_there(nation: &Nation) {
    let a = patient("a", ALL);
    for (hidden, absent) in [
        ("Observation/ob", "Observation/zz"),
        ("Patient/b", "Patient/zz"),
        ("DiagnosticReport/rb", "DiagnosticReport/zz"),
    ] {
        for tail in ["", "/_history", "/_history/1"] {
            let one = nation.get(&a, &format!("/{hidden}{tail}")).await.expect(&[404]);
            let other = nation.get(&a, &format!("/{absent}{tail}")).await.expect(&[404]);
            let text = one.body.to_string().replace(hidden, absent);
            assert_eq!(text, other.body.to_string(), "{hidden}{tail}");
        }
    }
    nation.get(&a, "/Observation/oa").await.expect(&[200]);
    nation.get(&a, "/Patient/a").await.expect(&[200]);
    nation.get(&a, "/Organization/h1").await.expect(&[200]);
    // a patient's app may not even ask for what is not in the policy
    nation.get(&a, "/Group/x").await.expect(&[403]);
    // whoever has the version already does not learn that it is there
    let known = Conditions { if_none_match: vec![1], ..Conditions::default() };
    nation.send(&a, (Verb::Get, "/Observation/ob"), known, None).await.expect(&[404]);
    // what was deleted stays as hidden as it was
    nation.delete(&auth::Caller::Operator, "/Observation/ob").await.expect(&[200, 204]);
    nation.get(&a, "/Observation/ob").await.expect(&[404]);
    nation.delete(&auth::Caller::Operator, "/Observation/oa2").await.expect(&[200, 204]);
    nation.get(&a, "/Observation/oa2").await.expect(&[410]);
}

pub(crate) async fn searches_show_and_count_visible_rows_only(nation: &Nation) {
    let a = patient("a", ALL);
    let own = ["moved", "oa", "oa-on-b", "oa2"].map(|id| format!("Observation/{id}"));
    for query in [
        "",
        "?_sort=date",
        "?_sort=-_lastUpdated",
        "?code=http://l|x",
        "?status=final&_sort=code",
        "?patient=a",
        "?subject=Patient/a",
        "?_count=100",
        "?code:not=y",
        "?_filter=status eq final",
        "?_id=oa,oa2,oa-on-b,moved,ob,ob-on-a",
    ] {
        let found = nation.get(&a, &format!("/Observation{query}")).await.expect(&[200]);
        assert_eq!(found.sorted(), own, "{query}");
        let between = if query.is_empty() { "?" } else { "&" };
        for number in ["_summary=count", "_count=0", "_count=1&_total=accurate"] {
            let address = format!("/Observation{query}{between}{number}");
            let counted = nation.get(&a, &address).await.expect(&[200]);
            assert_eq!(counted.total(), 4, "{address}");
        }
    }
    assert_eq!(nation.get(&a, "/Patient").await.names(), ["Patient/a"]);
    assert!(
        nation.get(&a, "/Patient?identifier=urn:mrn|b").await.expect(&[200]).names().is_empty()
    );
    for named in [
        "/Observation?patient=b",
        "/Observation?subject=Patient/b",
        "/Observation?subject=b",
        "/Patient/b/Observation",
        "/Patient/b/*",
        "/Patient?_id=b",
    ] {
        nation.get(&a, named).await.expect(&[403]);
    }
    assert_eq!(nation.get(&a, "/Patient/a/Observation").await.expect(&[200]).sorted(), own);
    // the whole system: the types that are open, each narrowed
    let all = nation.get(&a, "/?_count=100").await.expect(&[200]);
    assert!(all.names().contains(&"Organization/h2".to_owned()), "{:?}", all.names());
    for hidden in ["Patient/b", "Observation/ob", "DiagnosticReport/rb", "Binary/x"] {
        assert!(!all.names().contains(&hidden.to_owned()), "{hidden}");
    }
    nation.get(&a, "/?_type=Patient,Group").await.expect(&[403]);
    nation.get(&a, "/Observation?_contained=true").await.expect(&[403]);
}

pub(crate) async fn includes_stay_inside(nation: &Nation) {
    let a = patient("a", ALL);
    let inside = |names: Vec<String>| {
        for name in names {
            let hidden =
                ["Patient/b", "Observation/ob", "Observation/ob-on-a", "DiagnosticReport/rb"];
            assert!(!hidden.contains(&name.as_str()), "{name}");
        }
    };
    let found = nation.get(&a, "/Observation?_id=oa-on-b&_include=Observation:focus").await;
    assert_eq!(found.names(), ["Observation/oa-on-b"]);
    let found = nation.get(&a, "/Patient?_id=a&_revinclude=Observation:focus").await;
    assert_eq!(found.names(), ["Patient/a"]);
    let found = nation.get(&a, "/Observation?_id=oa&_include=Observation:subject").await;
    assert_eq!(found.names(), ["Observation/oa", "Patient/a"]);
    for ways in [
        "_include=*",
        "_revinclude=*",
        "_include=*&_revinclude=*",
        "_include:iterate=*&_revinclude:iterate=*",
    ] {
        inside(nation.get(&a, &format!("/Observation?{ways}")).await.expect(&[200]).names());
        inside(nation.get(&a, &format!("/Patient?{ways}")).await.expect(&[200]).names());
    }
    // the operator gets them
    let operator = auth::Caller::Operator;
    let found = nation.get(&operator, "/Patient?_id=a&_revinclude=Observation:focus").await;
    assert_eq!(found.names(), ["Patient/a", "Observation/ob-on-a"]);
    // only types that a scope lets be read come along
    let only = patient("a", "patient/Observation.rs");
    let found = nation.get(&only, "/Observation?_id=oa&_include=Observation:subject").await;
    assert_eq!(found.names(), ["Observation/oa"]);
}

pub(crate) async fn chains_and_has_look_only_at_visible_rows(nation: &Nation) {
    let only = patient("a", "patient/Observation.rs");
    nation.get(&only, "/Observation?patient.name=anand").await.expect(&[403]);
    nation.get(&only, "/Observation?_has:DiagnosticReport:result:code=x").await.expect(&[403]);
    nation
        .get(&patient("a", "patient/Patient.rs"), "/Patient?_has:Observation:patient:code=x")
        .await
        .expect(&[403]);
    let a = patient("a", ALL);
    let found = nation.get(&a, "/Observation?patient.name=anand").await.expect(&[200]);
    assert_eq!(found.names().len(), 4);
    // what refers to A but is about B says nothing
    for (query, found) in [
        ("/Observation?focus:Patient.name=basu", 0),
        ("/Patient?_has:Observation:focus:status=final", 0),
        ("/Patient?_has:Observation:patient:code=x", 1),
        ("/Organization?_has:Patient:organization:name=basu", 0),
        ("/Organization?_has:Patient:organization:name=anand", 1),
        ("/Organization?_has:Patient:organization:_has:Observation:focus:code=x", 0),
        ("/Patient?organization.name=h1", 1),
    ] {
        let names = nation.get(&a, query).await.expect(&[200]).names();
        assert_eq!(names.len(), found, "{query}: {names:?}");
    }
    let operator = auth::Caller::Operator;
    let found = nation.get(&operator, "/Organization?_has:Patient:organization:name=basu").await;
    assert_eq!(found.names(), ["Organization/h2"]);
}

pub(crate) async fn scopes_with_conditions_are_never_widened(nation: &Nation) {
    let lab = patient("a", "patient/Observation.rs?category=http://c%7Claboratory");
    let found = nation.get(&lab, "/Observation").await.expect(&[200]);
    assert_eq!(found.sorted(), ["Observation/moved", "Observation/oa", "Observation/oa2"]);
    assert_eq!(found.total(), 3);
    nation.get(&lab, "/Observation/oa").await.expect(&[200]);
    nation.get(&lab, "/Observation/oa-on-b").await.expect(&[404]);
    nation.get(&lab, "/Patient/a").await.expect(&[403]);
    let two = "patient/Observation.rs?category=laboratory patient/Observation.rs?category=survey";
    let found = nation.get(&patient("a", two), "/Observation").await.expect(&[200]);
    assert_eq!(found.names().len(), 4);
    let read = patient(
        "a",
        "patient/Observation.r?category=laboratory patient/Observation.s?category=survey",
    );
    assert_eq!(nation.get(&read, "/Observation").await.names(), ["Observation/oa-on-b"]);
    nation.get(&read, "/Observation/oa-on-b").await.expect(&[404]);
}

pub(crate) async fn each_version_is_judged_by_itself(nation: &Nation) {
    let (a, b) = (patient("a", ALL), patient("b", ALL));
    let versions = |reply: &crate::nation::Reply| -> Vec<String> {
        let entries = reply.body["entry"].as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .map(|one| one["resource"]["meta"]["versionId"].as_str().unwrap().into())
            .collect()
    };
    let of_a = nation.get(&a, "/Observation/moved/_history").await.expect(&[200]);
    assert_eq!(versions(&of_a), ["2"]);
    let of_b = nation.get(&b, "/Observation/moved/_history").await.expect(&[200]);
    assert_eq!(versions(&of_b), ["1"]);
    nation.get(&a, "/Observation/moved/_history/1").await.expect(&[404]);
    nation.get(&a, "/Observation/moved/_history/2").await.expect(&[200]);
    nation.get(&b, "/Observation/moved").await.expect(&[404]);
    for address in ["/Observation/_history", "/_history", "/Observation/_history?_count=1"] {
        let mut page = nation.get(&a, address).await.expect(&[200]);
        let mut seen = page.names();
        while page.body["link"].as_array().unwrap().iter().any(|link| link["relation"] == "next") {
            page = nation.get(&a, &page.link("next")).await.expect(&[200]);
            seen.extend(page.names());
        }
        assert!(seen.contains(&"Observation/oa".to_owned()), "{address}: {seen:?}");
        for name in seen {
            assert!(
                !["Observation/ob", "Patient/b", "Observation/ob-on-a"].contains(&name.as_str())
            );
        }
    }
}

pub(crate) async fn cursors_are_personal(nation: &Nation) {
    let (a, b) = (patient("a", ALL), patient("b", ALL));
    let page = nation.get(&a, "/Observation?_count=1").await.expect(&[200]);
    let next = page.link("next");
    assert_eq!(nation.get(&a, &next).await.expect(&[200]).names().len(), 1);
    nation.get(&b, &next).await.expect(&[404]);
    nation.get(&auth::Caller::Operator, &next).await.expect(&[404]);
    let (head, cursor) = next.split_once("_cursor=").unwrap();
    let flipped = if cursor.starts_with('A') { "B" } else { "A" };
    nation.get(&a, &format!("{head}_cursor={flipped}{}", &cursor[1..])).await.expect(&[400]);
    // rows that are no longer the caller's are gone from the next page on
    let doctor = person("doctor", "Practitioner/d", "user/*.rs");
    let page = nation.get(&doctor, "/Observation?_count=1").await.expect(&[200]);
    let next = page.link("next");
    nation.delete(&auth::Caller::Operator, "/CareTeam/team").await.expect(&[200, 204]);
    assert!(nation.get(&doctor, &next).await.expect(&[200]).names().is_empty());
}

pub(crate) async fn batches_and_transactions_are_no_way_around(nation: &Nation) {
    let a = patient("a", ALL);
    let entry = |url: &str| json!({"request": {"method": "GET", "url": url}});
    let batch = json!({"resourceType": "Bundle", "type": "batch",
        "entry": [entry("Observation/ob"), entry("Observation/oa"), entry("Observation?patient=b")]});
    let reply = nation.post(&a, &batch).await.expect(&[200]);
    let status =
        |n: usize| reply.body["entry"][n]["response"]["status"].as_str().unwrap()[..3].to_owned();
    assert_eq!([status(0), status(1), status(2)], ["404", "200", "403"]);
    for (url, expected) in [
        ("Observation/oa", 200),
        ("Observation/ob", 404),
        ("Observation?patient=b", 403),
        ("Binary/x", 404),
        ("Group/x", 403),
    ] {
        let transaction =
            json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry(url)]});
        nation.post(&a, &transaction).await.expect(&[expected]);
    }
    let search =
        json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry("Observation")]});
    let reply = nation.post(&a, &search).await.expect(&[200]);
    assert!(!reply.body.to_string().contains("Patient/b\"},\"performer"), "{:#}", reply.body);
    assert_eq!(reply.body["entry"][0]["resource"]["entry"].as_array().unwrap().len(), 4);
}
