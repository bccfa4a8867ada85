//! What an answer to a search holds: parts of resources, what belongs to them, totals, remarks, pages.

use serde_json::{Value, json};

use crate::house::{House, Reply, unique};

stories!(
    parts_of_resources,
    parts_of_a_read,
    what_belongs_to_a_match,
    too_much_belongs_to_a_match,
    what_is_contained,
    what_contains_something_has_a_place_in_every_order,
    how_many_there_are,
    the_self_link_says_how_many_were_used,
    links_cannot_be_altered,
    what_is_ignored_is_remarked,
    how_an_answer_is_found,
);

fn make(house: &House, resource: &Value) -> String {
    let ty = resource["resourceType"].as_str().unwrap().to_owned();
    house.post(&format!("/{ty}"), resource).expect(201).id()
}

/// A patient with a bit of everything.
fn anna(house: &House) -> String {
    make(
        house,
        &json!({
            "resourceType": "Patient",
            "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">A</div>"},
            "name": [{"family": unique("Anna")}],
            "gender": "female",
            "photo": [{"contentType": "image/png"}],
            "contact": [{"name": {"text": "B"}}],
        }),
    )
}

/// The names of a resource's elements.
fn members(resource: &Value) -> Vec<&str> {
    resource.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The entries of one mode.
fn entries(reply: &Reply, mode: &str) -> Vec<Value> {
    let bundle = reply.json();
    let all = bundle["entry"].as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|entry| entry["search"]["mode"] == mode).collect()
}

fn ids(entries: &[Value]) -> Vec<String> {
    entries.iter().map(|it| it["resource"]["id"].as_str().unwrap().to_owned()).collect()
}

const PARTS: &[(&str, &[&str])] = &[
    ("_summary=true", &["resourceType", "id", "meta", "name", "gender"]),
    ("_summary=text", &["resourceType", "id", "meta", "text"]),
    ("_summary=data", &["resourceType", "id", "meta", "name", "gender", "photo", "contact"]),
    ("_elements=photo", &["resourceType", "id", "meta", "photo"]),
    ("_elements=photo,gender", &["resourceType", "id", "meta", "gender", "photo"]),
];

fn is_tagged(resource: &Value) -> bool {
    let tags = resource["meta"]["tag"].as_array();
    tags.is_some_and(|tags| tags.iter().any(|tag| tag["code"] == "SUBSETTED"))
}

fn parts_of_resources(house: &House) {
    let id = anna(house);
    for (part, expected) in PARTS {
        let answer = house.get(&format!("/Patient?_id={id}&{part}")).expect(200).json();
        let resource = &answer["entry"][0]["resource"];
        assert_eq!(members(resource), *expected, "{part}");
        assert!(is_tagged(resource), "{part}");
    }
    let whole = house.get(&format!("/Patient?_id={id}&_summary=false")).expect(200).json();
    let whole = &whole["entry"][0]["resource"];
    assert_eq!((members(whole).len(), is_tagged(whole)), (8, false));
    let counted = house.get(&format!("/Patient?_id={id}&_summary=count")).expect(200).json();
    assert_eq!((&counted["total"], counted.get("entry")), (&json!(1), None));
    house.get("/Patient?_summary=most").expect(400);
    house.get("/Patient?_elements=shoesize").expect(400);
}

fn parts_of_a_read(house: &House) {
    let id = anna(house);
    for (part, expected) in PARTS {
        let resource = house.get(&format!("/Patient/{id}?{part}")).expect(200).json();
        assert_eq!(members(&resource), *expected, "{part}");
        assert!(is_tagged(&resource), "{part}");
        let version = house.get(&format!("/Patient/{id}/_history/1?{part}")).expect(200).json();
        assert_eq!(version, resource, "{part}");
    }
    assert_eq!(members(&house.get(&format!("/Patient/{id}?_summary=false")).json()).len(), 8);
    house.get(&format!("/Patient/{id}?_summary=count")).expect(400);
    house.get(&format!("/Patient/{id}?_elements=shoesize")).expect(400);
}

fn what_belongs_to_a_match(house: &House) {
    let code = unique("belongs");
    let patient = anna(house);
    let observation = |n: usize| {
        make(
            house,
            &json!({
                "resourceType": "Observation", "status": "final",
                "code": {"coding": [{"code": code}]}, "valueInteger": n,
                "subject": {"reference": format!("Patient/{patient}")},
            }),
        )
    };
    let observations = [observation(0), observation(1)];
    let query = format!("/Observation?code={code}&_include=Observation:patient&_elements=code");
    let reply = house.get(&query).expect(200);
    let (matches, included) = (entries(&reply, "match"), entries(&reply, "include"));
    assert_eq!((ids(&matches), ids(&included)), (observations.to_vec(), vec![patient.clone()]));
    assert_eq!(reply.json()["total"], 2);
    assert!(included[0]["fullUrl"].as_str().unwrap().ends_with(&format!("/Patient/{patient}")));
    // only what was searched for is cut
    assert!(matches[0]["resource"].get("valueInteger").is_none());
    assert_eq!(members(&included[0]["resource"]).len(), 8);
    let short = house.get(&query.replace("_elements=code", "_summary=true"));
    assert!(is_tagged(&entries(&short, "include")[0]["resource"]));
    let reply = house.get(&format!("/Patient?_id={patient}&_revinclude=Observation:subject"));
    assert_eq!(ids(&entries(&reply, "match")), [patient]);
    let mut found = ids(&entries(&reply, "include"));
    found.sort();
    let mut expected = observations.to_vec();
    expected.sort();
    assert_eq!(found, expected);
    house.get("/Observation?_include=Observation:nosuch").expect(400);
}

fn too_much_belongs_to_a_match(house: &House) {
    let code = unique("crowd");
    let patient = anna(house);
    let entry = |n: usize| {
        json!({
            "resource": {
                "resourceType": "Basic", "code": {"coding": [{"code": code}]}, "created": "2026-11-22",
                "identifier": [{"value": n.to_string()}],
                "subject": {"reference": format!("Patient/{patient}")},
            },
            "request": {"method": "POST", "url": "Basic"},
        })
    };
    let all: Vec<Value> = (0..1_010).map(entry).collect();
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": all});
    house.post("", &bundle).expect(200);
    let reply = house.get(&format!("/Patient?_id={patient}&_revinclude=Basic:patient")).expect(200);
    assert_eq!(entries(&reply, "include").len(), 1_000);
    let remarks = entries(&reply, "outcome");
    assert_eq!(remarks[0]["resource"]["issue"][0]["severity"], "warning");
    assert_eq!(remarks[0]["resource"]["issue"][0]["code"], "too-costly");
}

fn what_is_contained(house: &House) {
    let code = unique("inside");
    let request = make(
        house,
        &json!({
            "resourceType": "MedicationRequest", "status": "active", "intent": "order",
            "contained": [{
                "resourceType": "Medication", "id": "m", "status": "active",
                "code": {"coding": [{"code": code}]},
                "amount": {"numerator": {"value": 1}, "denominator": {"value": 2}},
            }],
            "medicationReference": {"reference": "#m"},
            "subject": {"display": "x"},
        }),
    );
    let query = format!("/Medication?code={code}");
    assert!(entries(&house.get(&query).expect(200), "match").is_empty());
    let container = entries(&house.get(&format!("{query}&_contained=true")).expect(200), "match");
    assert_eq!(ids(&container), std::slice::from_ref(&request));
    assert_eq!(container[0]["resource"]["resourceType"], "MedicationRequest");
    for (part, expected) in [
        ("", &["resourceType", "id", "status", "code", "amount"][..]),
        ("&_elements=code", &["resourceType", "id", "meta", "code"]),
    ] {
        let path = format!("{query}&_contained=both&_containedType=contained{part}");
        let alone = entries(&house.get(&path).expect(200), "match");
        assert_eq!(members(&alone[0]["resource"]), expected, "{part}");
        let url = alone[0]["fullUrl"].as_str().unwrap();
        assert!(url.ends_with(&format!("/MedicationRequest/{request}#m")), "{url}");
    }
}

fn what_contains_something_has_a_place_in_every_order(house: &House) {
    let tag = unique("kept-in");
    let code = json!({"coding": [{"code": unique("drug")}]});
    let tagged = json!({"tag": [{"code": tag}]});
    let alone = make(house, &json!({"resourceType": "Medication", "meta": tagged, "code": code}));
    let request = make(
        house,
        &json!({"resourceType": "MedicationRequest", "status": "active", "intent": "order", "meta": tagged,
            "contained": [{"resourceType": "Medication", "id": "m", "code": code}],
            "medicationReference": {"reference": "#m"}, "subject": {"display": "x"}}),
    );
    for order in ["code", "-code", "status", "_id", "-_lastUpdated", "code,_id"] {
        for (what, wanted) in [("true", vec![&request]), ("both", vec![&alone, &request])] {
            let path = format!("/Medication?_contained={what}&_sort={order}&_count=1000");
            let found = ids(&entries(&house.get(&path).expect(200), "match"));
            assert!(wanted.iter().all(|id| found.contains(id)), "{path}: {found:?}");
        }
    }
    // page by page
    let mut page = house.get("/Medication?_contained=both&_sort=code&_count=1").expect(200);
    let mut found = page.ids();
    while let Some(next) = page.link("next") {
        page = house.get(&next).expect(200);
        assert_eq!(page.ids().len(), 1, "{next}");
        found.extend(page.ids());
    }
    assert!(found.contains(&alone) && found.contains(&request), "{found:?}");
}

fn how_many_there_are(house: &House) {
    let code = unique("many");
    for _ in 0..5 {
        make(house, &json!({"resourceType": "Basic", "code": {"coding": [{"code": code}]}}));
    }
    let cases = [
        ("", Some(5)),
        ("&_total=none", None),
        ("&_count=2", None),
        ("&_count=2&_total=none", None),
        ("&_count=2&_total=accurate", Some(5)),
        ("&_count=2&_total=estimate", Some(5)),
        ("&_count=0", Some(5)),
        ("&_summary=count", Some(5)),
        // what fhirpy's count() sends
        ("&_count=0&_totalMethod=count", Some(5)),
    ];
    for (rest, expected) in cases {
        let answer = house.get(&format!("/Basic?code={code}{rest}")).expect(200).json();
        assert_eq!(answer.get("total").and_then(Value::as_u64), expected, "{rest}");
    }
    for bad in ["_total=maybe", "_totalMethod=maybe", "_count=-1"] {
        house.get(&format!("/Basic?{bad}")).expect(400);
    }
}

fn the_self_link_says_how_many_were_used(house: &House) {
    let code = unique("capped");
    for path in ["/Basic?", "/Basic/_history?"] {
        let criteria =
            if path.contains("_history") { String::new() } else { format!("code={code}&") };
        for (asked, used) in [("5000", "1000"), ("7", "7")] {
            let answer = house.get(&format!("{path}{criteria}_count={asked}")).expect(200);
            let link = answer.link("self").unwrap();
            assert!(link.ends_with(&format!("_count={used}")), "{link}");
        }
    }
}

fn links_cannot_be_altered(house: &House) {
    let code = unique("links");
    for _ in 0..3 {
        make(house, &json!({"resourceType": "Basic", "code": {"coding": [{"code": code}]}}));
    }
    let first = house.get(&format!("/Basic?code={code}&_count=1&_sort=code")).expect(200);
    let next = first.link("next").unwrap();
    house.get(&next).expect(200);
    let (rest, cursor) = next.split_once("_cursor=").unwrap();
    let altered = if cursor.starts_with('A') { "B" } else { "A" };
    for bad in [
        format!("{rest}_cursor={altered}{}", &cursor[1..]),
        format!("{rest}_cursor="),
        format!("{rest}_cursor={cursor}A"),
        next.replace("_count=1", "_count=2"),
        next.replace(&code, "another"),
        next.replace("/Basic?", "/Observation?"),
    ] {
        let refused = house.get(&bad).expect(400).json();
        assert_eq!(refused["issue"][0]["code"], "invalid", "{bad}");
    }
}

fn what_is_ignored_is_remarked(house: &House) {
    let id = anna(house);
    let lenient = [("Prefer", "handling=lenient")];
    let reply =
        house.send("GET", &format!("/Patient?_id={id}&shoesize=43"), &lenient, "").expect(200);
    assert_eq!(ids(&entries(&reply, "match")), [id]);
    let remarks = entries(&reply, "outcome");
    assert_eq!(remarks.len(), 1);
    assert_eq!(remarks[0]["resource"]["issue"][0]["severity"], "warning");
    assert!(!reply.link("self").unwrap().contains("shoesize"));
    house.get("/Patient?shoesize=43").expect(400);
}

fn how_an_answer_is_found(house: &House) {
    let answer = house.get("/Basic?code=why&_sort=-_lastUpdated&_explain=true").expect(200).json();
    assert_eq!(answer["resourceType"], "Parameters");
    let said = |name: &str| {
        let all = answer["parameter"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap().clone()
    };
    assert!(said("plan")["valueString"].as_str().unwrap().contains("\"why\""));
    assert!(said("route")["valueString"].as_str().unwrap().starts_with("Basic: "));
    assert!(said("sql")["valueString"].as_str().unwrap().contains("select"));
    assert!(!said("database-plan")["valueString"].as_str().unwrap().is_empty());
    assert!(said("work")["valueQuantity"]["value"].is_u64());
    assert_eq!(house.get("/Basic?_explain=false").expect(200).json()["type"], "searchset");
    house.get("/Basic?_explain=maybe").expect(400);
}
