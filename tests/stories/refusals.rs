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
);

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
