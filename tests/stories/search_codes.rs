//! A registry selects by value sets and hierarchies of codes.

use serde_json::{Value, json};

use crate::house::{House, unique};

stories!(
    members_of_a_value_set,
    what_a_code_subsumes,
    value_sets_inside_other_searches,
    value_sets_that_cannot_be_used,
    long_value_sets,
    value_sets_as_conditions,
);

/// A code system `flu > {h1n1, h5n1}`, `cold`; a value set of all below flu; a condition of each code.
struct Codes {
    system: String,
    value_set: String,
    value_set_id: String,
    patient: String,
    conditions: Vec<String>,
}

const NAMES: [&str; 4] = ["cold", "flu", "h1n1", "h5n1"];

impl Codes {
    fn new(house: &House) -> Self {
        let word = unique("codes");
        let (system, value_set) = (format!("http://{word}/cs"), format!("http://{word}/vs"));
        let post = |resource: Value| {
            let ty = resource["resourceType"].as_str().unwrap().to_owned();
            house.post(&format!("/{ty}"), &resource).expect(201).id()
        };
        post(json!({
            "resourceType": "CodeSystem", "url": system, "status": "active", "content": "complete",
            "hierarchyMeaning": "is-a",
            "concept": [
                {"code": "cold"},
                {"code": "flu", "concept": [{"code": "h1n1"}, {"code": "h5n1"}]},
            ],
        }));
        let value_set_id = post(json!({
            "resourceType": "ValueSet", "url": value_set, "version": "1", "status": "active",
            "compose": {"include": [{
                "system": system,
                "filter": [{"property": "concept", "op": "is-a", "value": "flu"}],
            }]},
        }));
        let patient = post(json!({"resourceType": "Patient"}));
        let condition = |code: &str| {
            post(json!({
                "resourceType": "Condition",
                "code": {"coding": [{"system": system, "code": code}]},
                "subject": {"reference": format!("Patient/{patient}")},
            }))
        };
        let conditions = NAMES.map(condition).to_vec();
        Self { system, value_set, value_set_id, patient, conditions }
    }

    /// The codes of the conditions that a search finds.
    fn found(&self, house: &House, query: &str) -> Vec<&'static str> {
        let path = format!("/Condition?patient={}&{query}", self.patient);
        let ids = house.get(&path).expect(200).ids();
        let known = NAMES.iter().zip(&self.conditions);
        known.filter(|(_, id)| ids.contains(id)).map(|(name, _)| *name).collect()
    }
}

fn members_of_a_value_set(house: &House) {
    let codes = Codes::new(house);
    let Codes { value_set, value_set_id, .. } = &codes;
    let flu = ["flu", "h1n1", "h5n1"];
    for query in [
        format!("code:in={value_set}"),
        format!("code:in={value_set}%7C1"),
        format!("code:in=ValueSet/{value_set_id}"),
        format!("code:in={}/ValueSet/{value_set_id}", house.base()),
        format!("code:in={value_set},ValueSet/{value_set_id}"),
        format!(
            "code:in={value_set}&code:not-in=http://hl7.org/fhir/ValueSet/administrative-gender"
        ),
    ] {
        assert_eq!(codes.found(house, &query), flu, "{query}");
    }
    assert_eq!(codes.found(house, &format!("code:not-in={value_set}")), ["cold"]);
    // a value set that changes selects anew
    let body = house.get(&format!("/ValueSet/{value_set_id}")).json();
    let mut changed = body.clone();
    changed["compose"]["include"][0]["filter"][0]["value"] = json!("h1n1");
    house.put(&format!("/ValueSet/{value_set_id}"), &changed).expect(200);
    assert_eq!(codes.found(house, &format!("code:in={value_set}")), ["h1n1"]);
    changed["compose"]["exclude"] = changed["compose"]["include"].clone();
    house.put(&format!("/ValueSet/{value_set_id}"), &changed).expect(200);
    assert!(codes.found(house, &format!("code:in={value_set}")).is_empty());
    assert_eq!(codes.found(house, &format!("code:not-in={value_set}")), NAMES);
}

fn what_a_code_subsumes(house: &House) {
    let codes = Codes::new(house);
    let system = &codes.system;
    let cases: [(String, &[&str]); 4] = [
        (format!("code:below={system}|flu"), &["flu", "h1n1", "h5n1"]),
        (format!("code:below={system}|h1n1"), &["h1n1"]),
        (format!("code:above={system}|h1n1"), &["flu", "h1n1"]),
        (format!("code:below={system}|cold,{system}|h5n1"), &["cold", "h5n1"]),
    ];
    for (query, expected) in cases {
        assert_eq!(codes.found(house, &query), expected, "{query}");
    }
    house.get("/Condition?code:below=http://nobody.example/cs|x").expect(400);
}

fn value_sets_inside_other_searches(house: &House) {
    let codes = Codes::new(house);
    let Codes { value_set, patient, .. } = &codes;
    let has = format!("/Patient?_id={patient}&_has:Condition:patient:code:in={value_set}");
    assert_eq!(house.get(&has).expect(200).ids(), std::slice::from_ref(patient));
    let filter = format!("/Condition?patient={patient}&_filter=code%20in%20{value_set}");
    assert_eq!(house.get(&filter).expect(200).ids().len(), 3);
    let system = house.get(&format!("?_type=Condition&patient={patient}&code:in={value_set}"));
    assert_eq!(system.expect(200).ids().len(), 3);
    let inside = house.get(&format!("/Patient/{patient}/Condition?code:in={value_set}"));
    assert_eq!(inside.expect(200).ids().len(), 3);
}

fn value_sets_that_cannot_be_used(house: &House) {
    let word = unique("unusable");
    let url = format!("http://{word}/vs");
    let value_set = json!({
        "resourceType": "ValueSet", "url": url, "status": "active",
        "compose": {"include": [{"valueSet": [url]}]},
    });
    house.post("/ValueSet", &value_set).expect(201);
    for name in [url.as_str(), "http://nobody.example/vs", "ValueSet/nobody"] {
        let refused = house.get(&format!("/Condition?code:in={name}")).expect(400).json();
        let text = refused["issue"][0]["diagnostics"].as_str().unwrap();
        assert!(text.contains("ValueSet"), "{text}");
        house.get(&format!("/Condition?code:not-in={name}")).expect(400);
    }
}

fn value_sets_as_conditions(house: &House) {
    let codes = Codes::new(house);
    let Codes { value_set, patient, .. } = &codes;
    let criteria = format!("patient={patient}&code:in={value_set}&code=h1n1");
    let body = json!({
        "resourceType": "Condition", "subject": {"reference": format!("Patient/{patient}")},
    });
    let header = [("If-None-Exist", criteria.as_str())];
    house.send("POST", "/Condition", &header, &body.to_string()).expect(200);
    let bundle =
        |entry: Value| json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry]});
    let conditional = bundle(json!({
        "resource": body,
        "request": {"method": "POST", "url": "Condition", "ifNoneExist": criteria},
    }));
    let answer = house.post("", &conditional).expect(200).json();
    assert_eq!(answer["entry"][0]["response"]["status"], "200 OK");
    let search = bundle(json!({
        "request": {"method": "GET", "url": format!("Condition?patient={patient}&code:in={value_set}")},
    }));
    let answer = house.post("", &search).expect(200).json();
    assert_eq!(answer["entry"][0]["resource"]["entry"].as_array().unwrap().len(), 3);
    // where nothing can wait, it says so
    let mut referring = body.clone();
    referring["encounter"] = json!({"reference": format!("Encounter?type:in={value_set}")});
    let refused =
        bundle(json!({"resource": referring, "request": {"method": "POST", "url": "Condition"}}));
    house.post("", &refused).expect(400);
    let gone = house.delete(&format!("/Condition?{criteria}"));
    assert_eq!(gone.status, 204, "{}", gone.text);
}

fn long_value_sets(house: &House) {
    let word = unique("long");
    let system = format!("http://{word}/cs");
    let value_set = |length: usize| {
        let url = format!("http://{word}/vs-{length}");
        let concepts: Vec<Value> = (0..length).map(|n| json!({"code": format!("c{n}")})).collect();
        let include = json!([{"system": system, "concept": concepts}]);
        let body = json!({
            "resourceType": "ValueSet", "url": url, "status": "active", "compose": {"include": include},
        });
        house.post("/ValueSet", &body).expect(201);
        url
    };
    let basic = |code: &str| {
        let meta = json!({"tag": [{"system": "urn:long", "code": word}]});
        let coding = json!([{"system": system, "code": code}, {"system": system, "code": "c1"}]);
        let body = json!({"resourceType": "Basic", "meta": meta, "code": {"coding": coding}});
        house.post("/Basic", &body).expect(201).id()
    };
    let made = [basic("c7"), basic("c2999"), basic("c4999")];
    let long = value_set(3_000);
    let pages = |query: &str| {
        let mut page = house.get(&format!("/Basic?_tag={word}&{query}&_count=1")).expect(200);
        let mut ids = page.ids();
        while let Some(next) = page.link("next") {
            page = house.get(&next).expect(200);
            ids.extend(page.ids());
        }
        ids.sort();
        ids
    };
    let mut all = made.to_vec();
    all.sort();
    // each once, though two of its codes are in the set
    assert_eq!(pages(&format!("code:in={long}")), all);
    assert!(pages(&format!("code:not-in={long}")).is_empty());
    let counted = house.get(&format!("/Basic?code:in={long}&_summary=count")).expect(200).json();
    assert_eq!(counted["total"], 3);
    let too_long = value_set(5_001);
    let refused = house.get(&format!("/Basic?code:in={too_long}")).expect(422).json();
    assert_eq!(refused["issue"][0]["code"], "too-costly");
}
