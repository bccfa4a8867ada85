//! Operations: what they take and give is in their definitions.

use serde_json::{Value, json};

use crate::house::{House, Reply, unique};

stories!(
    meta_is_read_added_to_and_taken_from,
    many_label_at_once,
    the_statement_says_what_labels_do,
    validate_finds_faults_and_stores_nothing,
    everything_about_a_patient,
    everything_of_some_types,
    everything_about_a_stay,
    a_profile_that_cannot_be_checked_is_an_error,
    the_last_observations_of_each_code,
    codings_of_one_code_mean_the_same,
    the_last_ones_are_asked_for_by_what_fits,
    parameters_are_checked,
    the_statement_lists_operations,
    our_own_definitions_can_be_read,
);

fn tags(reply: &Reply) -> Vec<String> {
    let meta = reply.json()["parameter"][0]["valueMeta"].clone();
    let tags = meta["tag"].as_array().cloned().unwrap_or_default();
    tags.iter().map(|tag| tag["code"].as_str().unwrap().to_owned()).collect()
}

fn meta_is_read_added_to_and_taken_from(house: &House) {
    let id = house.post("/Patient", &json!({"resourceType": "Patient"})).expect(201).id();
    let with = |codes: &[&str]| {
        let tags: Vec<Value> =
            codes.iter().map(|code| json!({"system": "urn:t", "code": code})).collect();
        json!({"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": tags}}]})
    };
    let at = |operation: &str| format!("/Patient/{id}/${operation}");
    assert!(tags(&house.get(&at("meta")).expect(200)).is_empty());
    let added = house.post(&at("meta-add"), &with(&["a", "b"])).expect(200);
    assert_eq!(tags(&added), ["a", "b"]);
    assert_eq!(tags(&house.post(&at("meta-add"), &with(&["b", "c"])).expect(200)), ["a", "b", "c"]);
    assert_eq!(tags(&house.post(&at("meta-delete"), &with(&["a", "x"])).expect(200)), ["b", "c"]);
    let read = house.get(&at("meta")).expect(200).json();
    assert_eq!(read["parameter"][0]["valueMeta"]["versionId"], "4");
    assert_eq!(
        house.get("/Patient?_tag=urn:t|c").expect(200).ids().iter().filter(|it| **it == id).count(),
        1
    );
    house.get("/Patient/nobody/$meta").expect(404);
    house.send("GET", &at("meta-add"), &[], "").expect(405);
    let late =
        house.send("POST", &at("meta-add"), &[("If-Match", "W/\"1\"")], &with(&["z"]).to_string());
    late.expect(412);
}

fn many_label_at_once(house: &House) {
    let id = house.post("/Patient", &json!({"resourceType": "Patient"})).expect(201).id();
    let at = format!("/Patient/{id}/$meta-add");
    std::thread::scope(|scope| {
        for n in 0..24 {
            let body = json!({"resourceType": "Parameters", "parameter": [{"name": "meta",
                "valueMeta": {"tag": [{"system": "urn:many-label", "code": format!("label-{n}")}]}}]});
            let at = &at;
            scope.spawn(move || house.post(at, &body).expect(200));
        }
    });
    let read = house.get(&format!("/Patient/{id}/$meta")).expect(200);
    let meta = &read.json()["parameter"][0]["valueMeta"];
    assert_eq!((tags(&read).len(), &meta["versionId"]), (24, &json!("25")));
    // each is a version of its own, and what was there before is as it was
    let first = house.get(&format!("/Patient/{id}/_history/1")).expect(200).json();
    assert_eq!(first["meta"]["tag"], Value::Null);
}

/// A label makes a version here, which HL7's definitions exclude.
fn the_statement_says_what_labels_do(house: &House) {
    let statement = house.get("/metadata").expect(200).json();
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    for resource in resources {
        let defined = |name: &str| {
            let operations = resource["operation"].as_array().unwrap().iter();
            let found: Vec<&Value> = operations.filter(|it| it["name"] == name).collect();
            assert_eq!(found.len(), 1, "{name} of {}", resource["type"]);
            found[0]["definition"].as_str().unwrap().to_owned()
        };
        for name in ["meta-add", "meta-delete"] {
            let ours = format!("https://medvault.example/fhir/OperationDefinition/{name}");
            assert_eq!(defined(name), ours);
        }
        assert_eq!(defined("meta"), "http://hl7.org/fhir/OperationDefinition/Resource-meta");
    }
}

fn validate_finds_faults_and_stores_nothing(house: &House) {
    let good = json!({"resourceType": "Patient", "birthDate": "1980-02-29"});
    let bad = json!({"resourceType": "Patient", "birthDate": "1980-02-30", "shoeSize": 43});
    let severities = |reply: Reply| {
        let issues = reply.expect(200).json()["issue"].as_array().unwrap().clone();
        issues.iter().map(|it| it["severity"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(severities(house.post("/Patient/$validate", &good)), ["information"]);
    assert_eq!(severities(house.post("/Patient/$validate", &bad)), ["error", "error"]);
    let wrapped = json!({"resourceType": "Parameters", "parameter": [
        {"name": "resource", "resource": good}, {"name": "mode", "valueCode": "create"}]});
    assert_eq!(severities(house.post("/Patient/$validate", &wrapped)), ["information"]);
    assert_eq!(severities(house.post("/Observation/$validate", &good)), ["error"]);
    house.send("POST", "/Patient/$validate", &[], "{").expect(200);
}

fn a_profile_that_cannot_be_checked_is_an_error(house: &House) {
    let patient = json!({"resourceType": "Patient", "gender": "female"});
    let with = |profile: &str| {
        json!({"resourceType": "Parameters", "parameter": [
            {"name": "resource", "resource": patient}, {"name": "profile", "valueUri": profile}]})
    };
    let refused = house.post("/Patient/$validate", &with("http://none.example/p")).expect(400);
    let issue = refused.json()["issue"][0].clone();
    assert_eq!((&issue["severity"], &issue["code"]), (&json!("error"), &json!("not-supported")));
    assert!(issue["diagnostics"].as_str().unwrap().contains("http://none.example/p"), "{issue}");
    house.post("/Patient/$validate?profile=http://none.example/p", &patient).expect(400);
    // what R4 itself says of the type is checked
    let own = "http://hl7.org/fhir/StructureDefinition/Patient";
    let answer = house.post("/Patient/$validate", &with(own)).expect(200).json();
    assert_eq!(answer["issue"][0]["severity"], "information");
    house.post("/Observation/$validate", &with(own)).expect(400);
}

/// A patient with a stay, a condition and observations.
fn record(house: &House) -> (String, String) {
    let doctor =
        house.post("/Practitioner", &json!({"resourceType": "Practitioner"})).expect(201).id();
    let patient = house
        .post(
            "/Patient",
            &json!({"resourceType": "Patient",
            "generalPractitioner": [{"reference": format!("Practitioner/{doctor}")}]}),
        )
        .expect(201)
        .id();
    let subject = json!({"reference": format!("Patient/{patient}")});
    let stay = house
        .post(
            "/Encounter",
            &json!({"resourceType": "Encounter", "status": "finished",
            "class": {"code": "IMP"}, "subject": subject, "period": {"start": "2020-01-01"}}),
        )
        .expect(201)
        .id();
    house
        .post(
            "/Condition",
            &json!({"resourceType": "Condition", "subject": subject,
        "encounter": {"reference": format!("Encounter/{stay}")}, "onsetDateTime": "2019-05-05"}),
        )
        .expect(201);
    for (code, day, value) in
        [("8867-4", "01", 70), ("8867-4", "02", 71), ("8867-4", "03", 72), ("9279-1", "01", 12)]
    {
        house.post("/Observation", &json!({"resourceType": "Observation", "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "subject": subject,
            "effectiveDateTime": format!("2020-01-{day}T10:00:00Z"), "valueQuantity": {"value": value}})).expect(201);
    }
    (patient, stay)
}

fn types(reply: &Reply) -> Vec<String> {
    let bundle = reply.json();
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let mut types: Vec<String> = entries
        .iter()
        .map(|it| it["resource"]["resourceType"].as_str().unwrap().to_owned())
        .collect();
    types.sort();
    types
}

fn everything_about_a_patient(house: &House) {
    let (patient, _) = record(house);
    let all = house.get(&format!("/Patient/{patient}/$everything")).expect(200);
    let expected = [
        "Condition",
        "Encounter",
        "Observation",
        "Observation",
        "Observation",
        "Observation",
        "Patient",
        "Practitioner",
    ];
    assert_eq!(types(&all), expected);
    assert_eq!(all.json()["entry"][0]["resource"]["resourceType"], "Patient");
    let some = house
        .get(&format!("/Patient/{patient}/$everything?_type=Observation,Condition"))
        .expect(200);
    assert_eq!(
        types(&some),
        ["Condition", "Observation", "Observation", "Observation", "Observation"]
    );
    let in_time = house
        .get(&format!("/Patient/{patient}/$everything?start=2020-01-02&end=2020-01-02"))
        .expect(200);
    assert_eq!(types(&in_time).iter().filter(|it| *it == "Observation").count(), 1);
    let mut page = house.get(&format!("/Patient/{patient}/$everything?_count=2")).expect(200);
    let mut seen = page.ids();
    while let Some(next) = page.link("next") {
        page = house.get(&next).expect(200);
        seen.extend(page.ids());
    }
    seen.sort();
    seen.dedup();
    assert!(seen.len() >= 7, "{seen:?}");
    house.get("/Patient/nobody/$everything").expect(404);
    house.get(&format!("/Patient/{patient}/$everything?_since=tomorrow")).expect(400);
}

fn everything_of_some_types(house: &House) {
    let (patient, _) = record(house);
    let everything = |rest: &str| house.get(&format!("/Patient/{patient}/$everything{rest}"));
    for (rest, expected) in [
        ("?_type=Practitioner", &["Practitioner"][..]),
        ("?_type=Practitioner,Patient", &["Patient", "Practitioner"]),
        ("?_type=Patient&_type=Practitioner", &["Patient", "Practitioner"]),
        ("?_type=Condition&_type=Encounter", &["Condition", "Encounter"]),
        ("?_type=Patient", &["Patient"]),
        ("?_type=Organization,Binary", &[]),
    ] {
        let answer = everything(rest).expect(200);
        assert_eq!(types(&answer), expected, "{rest}");
    }
    let body = json!({"resourceType": "Parameters", "parameter": [
        {"name": "_type", "valueCode": "Encounter"}, {"name": "_type", "valueCode": "Practitioner"}]});
    let answer = house.post(&format!("/Patient/{patient}/$everything"), &body).expect(200);
    assert_eq!(types(&answer), ["Encounter", "Practitioner"]);
    // what is not heeded is not passed over
    for rest in [
        "?_type=Nonsense",
        "?_type=Practitioner,Nonsense",
        "?_count=0",
        "?_count=-1",
        "?_summary=count",
        "?_total=none",
        "?_include=Observation:subject",
    ] {
        everything(rest).expect(400);
    }
}

fn everything_about_a_stay(house: &House) {
    let (_, stay) = record(house);
    let all = house.get(&format!("/Encounter/{stay}/$everything")).expect(200);
    let types = types(&all);
    assert!(
        types.contains(&"Encounter".to_owned()) && types.contains(&"Condition".to_owned()),
        "{types:?}"
    );
}

fn the_last_observations_of_each_code(house: &House) {
    let (patient, _) = record(house);
    let values = |path: &str| {
        let bundle = house.get(path).expect(200).json();
        let mut values: Vec<i64> = bundle["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["resource"]["valueQuantity"]["value"].as_i64().unwrap())
            .collect();
        values.sort_unstable();
        values
    };
    assert_eq!(values(&format!("/Observation/$lastn?subject=Patient/{patient}")), [12, 72]);
    assert_eq!(values(&format!("/Observation/$lastn?max=2&patient={patient}")), [12, 71, 72]);
    assert_eq!(values(&format!("/Observation/$lastn?patient={patient}&code=9279-1")), [12]);
    house.get("/Observation/$lastn?code=9279-1").expect(400);
}

/// The days of the observations that are the last ones: one for each list of codes, in this order.
fn last_days(house: &House, observations: &[(&str, &[&str])], max: usize) -> Vec<String> {
    let patient = house.post("/Patient", &json!({"resourceType": "Patient"})).expect(201).id();
    for (day, codes) in observations {
        let coding: Vec<Value> =
            codes.iter().map(|code| json!({"system": "urn:code", "code": code})).collect();
        let mut code = json!({"text": "the same for all"});
        if !coding.is_empty() {
            code["coding"] = json!(coding);
        }
        let observation = json!({"resourceType": "Observation", "status": "final", "code": code,
            "subject": {"reference": format!("Patient/{patient}")}, "effectiveDateTime": day});
        house.post("/Observation", &observation).expect(201);
    }
    let path = format!("/Observation/$lastn?patient=Patient/{patient}&max={max}");
    let bundle = house.get(&path).expect(200).json();
    let days = bundle["entry"].as_array().unwrap().iter();
    days.map(|it| it["resource"]["effectiveDateTime"].as_str().unwrap().to_owned()).collect()
}

fn codings_of_one_code_mean_the_same(house: &House) {
    let one: &[&str] = &["a"];
    // what binds two codes may be the newest, the oldest or in between
    for days in [["2022", "2021", "2020"], ["2021", "2020", "2022"], ["2020", "2022", "2021"]] {
        let found = [(days[0], one), (days[1], &["b"]), (days[2], &["a", "b"])];
        assert_eq!(last_days(house, &found, 1), ["2022"], "{days:?}");
        assert_eq!(last_days(house, &found, 2), ["2022", "2021"], "{days:?}");
    }
    let chained: [(&str, &[&str]); 4] =
        [("2022", &["a"]), ("2021", &["c"]), ("2020", &["b", "c"]), ("2019", &["b", "a"])];
    assert_eq!(last_days(house, &chained, 1), ["2022"]);
    let apart: [(&str, &[&str]); 5] =
        [("2022", &["a"]), ("2021", &["b"]), ("2020", &[]), ("2019", &[]), ("2018", &["a"])];
    assert_eq!(last_days(house, &apart, 1), ["2022", "2021", "2020"]);
}

fn the_last_ones_are_asked_for_by_what_fits(house: &House) {
    let (patient, _) = record(house);
    let at = |rest: &str| format!("/Observation/$lastn?patient={patient}{rest}");
    for unfit in [
        "&_count=1",
        "&_sort=date",
        "&_include=Observation:subject",
        "&_include:iterate=Observation:subject",
        "&_revinclude=Provenance:target",
        "&_summary=count",
        "&_total=none",
        "&nonsense=1",
        "&max=0",
    ] {
        house.get(&at(unfit)).expect(400);
    }
    let some = house.get(&at("&max=2&code=8867-4&_elements=id")).expect(200);
    assert_eq!(some.ids().len(), 2);
    assert!(some.json()["entry"][0]["resource"]["subject"].is_null());
    let own = some.link("self").unwrap();
    assert_eq!(house.get(&own).expect(200).ids(), some.ids(), "{own}");
}

fn parameters_are_checked(house: &House) {
    let id = unique("nobody");
    let send = |parameters: Value| {
        let mut body = json!({"resourceType": "Parameters", "parameter": parameters});
        if parameters == json!([]) {
            body = json!({"resourceType": "Parameters"});
        }
        house.post(&format!("/Task/{id}/$confirm-bed"), &body)
    };
    send(json!([{"name": "decision", "valueCode": "accept"}])).expect(404);
    let text = |reply: Reply| {
        reply.expect(400).json()["issue"][0]["diagnostics"].as_str().unwrap().to_owned()
    };
    assert!(text(send(json!([]))).contains("needs the parameter decision"));
    assert!(
        text(send(json!([{"name": "decison", "valueCode": "accept"}])))
            .contains("no parameter decison")
    );
    assert!(
        text(send(json!([{"name": "decision", "valueBoolean": true}])))
            .contains("has the type code")
    );
    let twice = json!([{"name": "decision", "valueCode": "accept"}, {"name": "decision", "valueCode": "accept"}]);
    assert!(text(send(twice)).contains("1 times at most"));
    let none =
        house.post("/Patient/$allocate-bed", &json!({"resourceType": "Parameters"})).expect(404);
    assert!(none.text.contains("$everything"), "{}", none.text);
    house.get("/Location/$bed-availability?_count=0").expect(400);
    house.get("/Location/$bed-availability?bedType=sofa").expect(400);
}

fn the_statement_lists_operations(house: &House) {
    let statement = house.get("/metadata").expect(200).json();
    let resources = statement["rest"][0]["resource"].as_array().unwrap().clone();
    let of = |ty: &str| {
        let found = resources.iter().find(|it| it["type"] == ty).unwrap();
        found["operation"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for (ty, operation) in [
        ("Patient", "everything"),
        ("Observation", "lastn"),
        ("Basic", "validate"),
        ("Location", "bed-availability"),
        ("Location", "bed-turnover"),
        ("ServiceRequest", "allocate-bed"),
        ("Task", "explain-allocation"),
        ("Encounter", "release-bed"),
    ] {
        assert!(of(ty).contains(&operation.to_owned()), "{ty} {operation}");
    }
}

fn our_own_definitions_can_be_read(house: &House) {
    const OURS: &str = "https://medvault.example/fhir/OperationDefinition/";
    let statement = house.get("/metadata").expect(200).json();
    let rest = &statement["rest"][0];
    let of_types = rest["resource"].as_array().unwrap().iter().map(|it| &it["operation"]);
    let all = of_types.chain([&rest["operation"]]).flat_map(|it| it.as_array().unwrap());
    let urls: std::collections::BTreeSet<&str> =
        all.map(|it| it["definition"].as_str().unwrap()).collect();
    let ours: Vec<&str> = urls.iter().filter_map(|url| url.strip_prefix(OURS)).collect();
    assert!(ours.contains(&"reindex") && ours.contains(&"cosign"), "{ours:?}");
    for id in ours {
        let definition = house.get(&format!("/OperationDefinition/{id}")).expect(200).json();
        assert_eq!(definition["url"], format!("{OURS}{id}"));
        assert_eq!(definition["id"], id);
        let checked = house.post("/OperationDefinition/$validate", &definition).expect(200);
        assert!(!checked.text.contains("error"), "{}", checked.text);
    }
    let xml = house.get("/OperationDefinition/reindex?_format=xml").expect(200);
    assert!(xml.text.contains("<OperationDefinition"), "{}", xml.text);
    house.get("/OperationDefinition/nobody").expect(404);
    house.get("/Basic/reindex").expect(404);
    // what is stored under such an id is what is read
    let own = json!({"resourceType": "OperationDefinition", "id": "hold-emergency-bed", "name": "Own", "status": "draft",
        "kind": "operation", "code": "own", "system": true, "type": false, "instance": false});
    let address = "/OperationDefinition/hold-emergency-bed";
    house.put(address, &own).expect(201);
    assert_eq!(house.get(address).expect(200).json()["name"], "Own");
    house.delete(address).expect(204);
    house.get(address).expect(410);
}
