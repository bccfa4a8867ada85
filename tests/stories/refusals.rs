//! What is malformed is refused with its place and the way out; nothing of it is stored.

use serde_json::json;

use crate::house::House;

stories!(
    faults_are_named_with_their_places,
    addresses_that_do_not_exist,
    address_and_body_must_agree,
    formats_that_are_not_spoken,
    text_that_looks_like_sql_is_text,
    what_costs_too_much_is_refused_at_once,
    aadhaar_numbers_are_not_kept,
);

fn aadhaar_numbers_are_not_kept(house: &House) {
    let of = |system: &str, value: &str| {
        json!({"resourceType": "Patient", "identifier": [{"system": "urn:own", "value": "1"},
            {"system": system, "value": value}]})
    };
    let system = "https://uidai.gov.in";
    let number = of(system, "234567890124");
    let refused = house.post("/Patient", &number).expect(422).json();
    let issue = &refused["issue"][0];
    assert_eq!(issue["code"], "business-rule");
    assert_eq!(issue["expression"][0], "Patient.identifier[1].value");
    assert!(!refused.to_string().contains("234567890124"), "{refused}");
    for same in [of(system, "2345 6789-0124"), of("http://uidai.gov.in/", "234567890124")] {
        house.post("/Patient", &same).expect(422);
    }
    let escaped = number.to_string().replace("uidai", "\\u0075idai");
    house.send("POST", "/Patient", &[], &escaped).expect(422);
    // what stands for a number, and the numbers of others
    for other in [
        of(system, "234567890125"),
        of(system, "XXXXXXXX0124"),
        of(system, "23456789012"),
        of("urn:other", "234567890124"),
    ] {
        house.post("/Patient", &other).expect(201);
    }
    // no other way in either
    let id = house.post("/Patient", &json!({"resourceType": "Patient"})).expect(201).id();
    let patch = json!([{"op": "add", "path": "/identifier", "value": number["identifier"]}]);
    let json_patch = [("Content-Type", "application/json-patch+json")];
    house.send("PATCH", &format!("/Patient/{id}"), &json_patch, &patch.to_string()).expect(422);
    let mut changed = number.clone();
    changed["id"] = json!(id);
    house.put(&format!("/Patient/{id}"), &changed).expect(422);
    let inside = json!({"resourceType": "Basic", "code": {"text": "x"},
        "subject": {"reference": "#p", "identifier": {"system": system, "value": "234567890124"}},
        "contained": [{"resourceType": "Patient", "id": "p"}]});
    house.post("/Basic", &inside).expect(422);
    let extended = json!({"resourceType": "Basic", "code": {"text": "x"}, "extension": [
        {"url": "urn:x", "valueIdentifier": {"system": system, "value": "234567890124"}}]});
    house.post("/Basic", &extended).expect(422);
    let entry = json!({"request": {"method": "POST", "url": "Patient"}, "resource": number});
    let bundle = |kind: &str| json!({"resourceType": "Bundle", "type": kind, "entry": [entry]});
    let refused = house.post("", &bundle("transaction")).expect(422).json();
    let place = refused["issue"][0]["expression"][0].as_str().unwrap();
    assert!(place.starts_with("Bundle.entry[0]"), "{place}");
    let answers = house.post("", &bundle("batch")).expect(200).json();
    assert!(answers["entry"][0]["response"]["status"].as_str().unwrap().starts_with("422"));
    assert_eq!(house.get(&format!("/Patient/{id}/_history")).expect(200).json()["total"], 1);
}

fn text_that_looks_like_sql_is_text(house: &House) {
    for path in [
        "/Patient?name=%27%3B%20DROP%20TABLE%20resource%3B--",
        "/Patient?name=%25%27%20or%201%3D1--",
        "/Patient?identifier=a%7Cb%7Cc",
        "/Patient?_sort=name%27%3B--",
        "/Patient?_sort=%28select%201%29",
        "/Patient?%27%3B--=1",
        "/Patient?birthdate=2020%27",
        "/Patient?name=a%00b",
        "/Patient?_id=%27",
        "/Patient/%27%20or%201%3D1",
        "/Patient?_filter=name%20eq%20%22%27%3B%20drop%20table%20x%22",
    ] {
        let reply = house.get(path);
        assert!([200, 400, 404].contains(&reply.status), "{path}: {} {}", reply.status, reply.text);
        let text = reply.text.to_lowercase();
        for word in ["sqlite", "syntax error", "sqlx", "postgres", "near \\\""] {
            assert!(!text.contains(word), "{path}: {}", reply.text);
        }
        if reply.status == 200 {
            assert!(reply.ids().is_empty(), "{path}: {}", reply.text);
        }
    }
}

fn what_costs_too_much_is_refused_at_once(house: &House) {
    let includes = vec!["_include=Patient:organization"; 200].join("&");
    let alternatives = vec!["x"; 20_000].join(",");
    for path in [
        "/Patient?name:contains=a".to_owned(),
        format!("/Patient?{includes}"),
        format!("/Patient?name={}", &alternatives[..12_000]),
        "/Observation?subject:Patient.organization.partOf.partOf.partOf.partOf.name=x".to_owned(),
        "/Patient?_count=1000000000".to_owned(),
    ] {
        let started = std::time::Instant::now();
        let reply = house.get(&path);
        let short = path.get(..60).unwrap_or(&path);
        assert!([200, 400, 414, 422].contains(&reply.status), "{short}: {}", reply.status);
        assert!(!path.contains(":contains") || reply.status == 422, "{short}: {}", reply.status);
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "{short}");
    }
}

fn faults_are_named_with_their_places(house: &House) {
    let cases = [
        (r#"{"resourceType":"Patient","shoeSize":43}"#, "Patient.shoeSize"),
        (r#"{"resourceType":"Patient","birthDate":"1980-02-30"}"#, "Patient.birthDate"),
        (r#"{"resourceType":"Patient","name":{"family":"Rao"}}"#, "Patient.name"),
        (r#"{"resourceType":"Patient","name":[{"given":[1]}]}"#, "Patient.name[0].given[0]"),
        (r#"{"resourceType":"Patient","gender":"unheard-of"}"#, "Patient.gender"),
        (r#"{"resourceType":"Patient","active":true,"active":false}"#, "Patient.active"),
        (r#"{"resourceType":"Observation","status":"final"}"#, "Observation.code"),
        (
            r#"{"resourceType":"Patient","managingOrganization":{"reference":"Patient/1"}}"#,
            "Patient.managingOrganization.reference",
        ),
    ];
    for (body, place) in cases {
        let ty = if body.contains("Observation") { "/Observation" } else { "/Patient" };
        let refused = house.send("POST", ty, &[], body);
        assert!(refused.status == 400 || refused.status == 422, "{body}: {}", refused.text);
        let outcome = refused.json();
        let places: Vec<String> = outcome["issue"]
            .as_array()
            .unwrap()
            .iter()
            .map(|issue| issue["expression"][0].as_str().unwrap_or_default().to_owned())
            .collect();
        assert!(places.iter().any(|found| found.starts_with(place)), "{body}: {places:?}");
    }
    let several = r#"{"resourceType":"Patient","shoeSize":43,"birthDate":"x","gender":"y"}"#;
    let issues =
        house.send("POST", "/Patient", &[], several).json()["issue"].as_array().unwrap().len();
    assert_eq!(issues, 3);
    house.send("POST", "/Patient", &[], r#"{"resourceType":"Patient""#).expect(400);
    house.send("POST", "/Patient", &[], "[]").expect(400);
}

fn addresses_that_do_not_exist(house: &House) {
    house.get("/Patient/nobody").expect(404);
    house.get("/Nonsense/1").expect(404);
    house.get("/Patient/1/2/3/4").expect(404);
    house.get("/Patient/1/$nonsense").expect(404);
    house.get("/Patient/nobody/_history/1").expect(404);
    house.delete("/metadata").expect(405);
    house.send("POST", "/Patient/1", &[], r#"{"resourceType":"Patient"}"#).expect(405);
}

fn address_and_body_must_agree(house: &House) {
    house.post("/Patient", &json!({"resourceType": "Basic", "code": {"text": "x"}})).expect(400);
    house.put("/Patient/a", &json!({"resourceType": "Patient", "id": "b"})).expect(400);
    house.put("/Patient/a", &json!({"resourceType": "Patient"})).expect(400);
    house.post("", &json!({"resourceType": "Patient"})).expect(400);
    house.post("", &json!({"resourceType": "Bundle", "type": "collection"})).expect(400);
    house.send("POST", "/Patient", &[], "").expect(400);
}

fn formats_that_are_not_spoken(house: &House) {
    let csv = [("Content-Type", "text/csv")];
    house.send("POST", "/Patient", &csv, "a;b").expect(415);
    house.send("GET", "/metadata", &[("Accept", "text/turtle")], "").expect(406);
    house.get("/metadata?_format=ttl").expect(406);
    let xml = house.get("/metadata?_format=xml").expect(200);
    assert!(xml.header("Content-Type").starts_with("application/fhir+xml"));
    assert!(xml.text.contains("<CapabilityStatement xmlns=\"http://hl7.org/fhir\">"));
}
