//! Somebody asks for values as they were told them: in another case, with more digits, by the URL of a definition.

use serde_json::{Value, json};

use crate::house::{House, unique};

stories!(
    texts_among_codes_have_no_case,
    a_leap_second_is_of_its_day,
    numbers_of_any_length_are_found,
    definitions_are_followed_by_their_url,
    what_refers_to_a_definition_by_its_url,
    too_many_definitions_are_told,
    what_is_inside_a_bundle_is_not_offered,
);

/// Stores a resource; its id.
fn post(house: &House, resource: &Value) -> String {
    let ty = resource["resourceType"].as_str().unwrap();
    house.post(&format!("/{ty}"), resource).expect(201).id()
}

/// The ids that a search finds, sorted.
fn found(house: &House, query: &str) -> Vec<String> {
    let reply = house.get(query).expect(200);
    let mut ids = reply.ids();
    ids.sort();
    let total = reply.json()["total"].as_u64();
    assert!(total.is_none_or(|total| total == ids.len() as u64), "{query}: {total:?}, {ids:?}");
    ids
}

fn sorted(ids: &[&String]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(|id| (*id).clone()).collect();
    ids.sort();
    ids
}

fn texts_among_codes_have_no_case(house: &House) {
    let word = unique("AbC");
    let medication = post(
        house,
        &json!({"resourceType": "Medication", "batch": {"lotNumber": word}, "code": {"coding": [{"system": "http://s.example", "code": word}]}}),
    );
    let (lower, upper) = (word.to_lowercase(), word.to_uppercase());
    let one = sorted(&[&medication]);
    for text in [&word, &lower, &upper] {
        assert_eq!(found(house, &format!("/Medication?lot-number={text}")), one, "{text}");
        let filter = format!("/Medication?_filter=lot-number%20eq%20{text}");
        assert_eq!(found(house, &filter), one, "{text}");
        let other = format!("/Medication?_id={medication}&lot-number:not={text}");
        assert!(found(house, &other).is_empty(), "{text}");
        // a code is what its system says that it is
        let coded = found(house, &format!("/Medication?code={text}"));
        assert_eq!(coded == one, *text == word, "{text}");
    }
    let patient = post(
        house,
        &json!({"resourceType": "Patient", "telecom": [{"system": "email", "value": format!("{word}@Example.com")}],
            "identifier": [{"system": "http://i.example", "value": word}]}),
    );
    let one = sorted(&[&patient]);
    for query in ["email=LOWER@example.com", "telecom=email|UPPER@EXAMPLE.COM", "identifier=WORD"] {
        let query = query.replace("LOWER", &lower).replace("UPPER", &upper).replace("WORD", &word);
        assert_eq!(found(house, &format!("/Patient?{query}")), one, "{query}");
    }
    assert!(found(house, &format!("/Patient?identifier={lower}")).is_empty());
    let url = format!("http://{lower}.example/vs");
    let value_set = post(
        house,
        &json!({"resourceType": "ValueSet", "url": url, "version": "1.0-RC", "status": "active"}),
    );
    let one = sorted(&[&value_set]);
    for query in ["&version=1.0-rc", "&version=1.0-RC", "|1.0-rc", "|1.0-RC"] {
        assert_eq!(found(house, &format!("/ValueSet?url={url}{query}")), one, "{query}");
    }
}

fn a_leap_second_is_of_its_day(house: &House) {
    let patient = post(house, &json!({"resourceType": "Patient"}));
    let observation = post(
        house,
        &json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"},
            "subject": {"reference": format!("Patient/{patient}")}, "effectiveDateTime": "2016-12-31T23:59:60Z"}),
    );
    let of = |date: &str| found(house, &format!("/Observation?patient={patient}&date={date}"));
    for date in ["2016", "2016-12", "2016-12-31", "2016-12-31T23:59:60Z", "2016-12-31T23:59Z"] {
        assert_eq!(of(date), sorted(&[&observation]), "{date}");
    }
    for date in ["2017", "2017-01-01", "ge2017"] {
        assert!(of(date).is_empty(), "{date}");
    }
}

fn numbers_of_any_length_are_found(house: &House) {
    let patient = post(house, &json!({"resourceType": "Patient"}));
    let with = |number: &str| {
        let body = format!(
            r#"{{"resourceType":"RiskAssessment","status":"final","subject":{{"reference":"Patient/{patient}"}},
                "prediction":[{{"probabilityDecimal":{number}}}]}}"#
        );
        house.send("POST", "/RiskAssessment", &[], &body).expect(201).id()
    };
    let numbers = ["0.33333333333333333", "9007199254740993", "1E+40", "0.5"];
    let ids = numbers.map(with);
    let of = |value: &str| {
        let value = value.replace('+', "%2B");
        found(house, &format!("/RiskAssessment?patient={patient}&probability={value}"))
    };
    for (number, id) in numbers.iter().zip(&ids) {
        assert_eq!(of(number), sorted(&[id]), "{number}");
        assert!(!of(&format!("ne{number}")).contains(id), "{number}");
    }
    assert_eq!(of("gt1e39"), sorted(&[&ids[2]]));
    assert_eq!(of("lt1e39").len(), 3);
    assert_eq!(of("10000000000000000000000000000000000000000"), sorted(&[&ids[2]]));
    house.get("/RiskAssessment?probability=1e999").expect(400);
}

/// Two versions of a Questionnaire, and what refers to them.
struct Questions {
    url: String,
    versions: [String; 2],
    responses: [String; 4],
}

impl Questions {
    fn new(house: &House) -> Self {
        let url = format!("http://{}.example/q", unique("questions"));
        let version = |version: &str, title: &str| {
            post(
                house,
                &json!({"resourceType": "Questionnaire", "url": url, "version": version, "status": "active", "title": title}),
            )
        };
        let versions = [version("1.0-RC", "Old questions"), version("2", "New questions")];
        let response = |questionnaire: String| {
            post(
                house,
                &json!({"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": questionnaire}),
            )
        };
        let responses = [
            response(url.clone()),
            response(format!("{url}|2")),
            response(format!("{url}|1.0-rc")),
            response(format!("Questionnaire/{}", versions[1])),
        ];
        Self { url, versions, responses }
    }
}

fn definitions_are_followed_by_their_url(house: &House) {
    let Questions { url, versions: [_, new], responses: [any, second, first, by_id] } =
        &Questions::new(house);
    let of = |query: &str| found(house, &format!("/QuestionnaireResponse?{query}"));
    let own = format!("questionnaire.url={url}");
    assert_eq!(of(&own), sorted(&[any, second, first, by_id]));
    assert_eq!(of(&format!("{own}&questionnaire.title=new")), sorted(&[any, second, by_id]));
    let both = |rest: &str| {
        format!("_filter=questionnaire%5Burl%20eq%20%22{url}%22%5D.title%20sw%20{rest}")
    };
    assert_eq!(of(&both("new")), sorted(&[any, second, by_id]));
    assert_eq!(of(&both("old")), sorted(&[any, first]));
    assert_eq!(
        of(&format!("questionnaire:Questionnaire._id={new}")),
        sorted(&[any, second, by_id])
    );
    let three = of(&format!("questionnaire.version=2&_id={any},{second},{first}"));
    assert_eq!(three, sorted(&[any, second]));
    assert!(of(&format!("{own}&questionnaire.status=draft")).is_empty());
    house.get("/QuestionnaireResponse?questionnaire:Patient.name=x").expect(400);
    house.get("/QuestionnaireResponse?questionnaire.nonsense=x").expect(400);
    // as a condition too
    let criteria = format!("/QuestionnaireResponse?questionnaire.url={url}&_id={second}");
    house.delete(&criteria).expect(204);
    assert_eq!(of(&own), sorted(&[any, first, by_id]));
}

fn what_refers_to_a_definition_by_its_url(house: &House) {
    let Questions { url, versions: [old, new], responses: [any, second, first, by_id] } =
        &Questions::new(house);
    let of = |id: &String| {
        let has = "_has:QuestionnaireResponse:questionnaire:_id";
        found(house, &format!("/Questionnaire?url={url}&{has}={id}"))
    };
    assert_eq!(of(any), sorted(&[old, new]));
    assert_eq!(of(second), sorted(&[new]));
    assert_eq!(of(first), sorted(&[old]));
    assert_eq!(of(by_id), sorted(&[new]));
    assert!(of(&"nobody".to_owned()).is_empty());
    let library = |more: Value| {
        let mut body =
            json!({"resourceType": "Library", "status": "active", "type": {"text": "x"}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post(house, &body)
    };
    let used = library(json!({"url": format!("{url}/library"), "name": url}));
    let using = library(
        json!({"relatedArtifact": [{"type": "depends-on", "resource": format!("{url}/library")}]}),
    );
    let forth = format!("/Library?depends-on:Library.name:exact={url}");
    assert_eq!(found(house, &forth), sorted(&[&using]));
    let back = format!("/Library?_has:Library:depends-on:_id={using}");
    assert_eq!(found(house, &back), sorted(&[&used]));
}

fn too_many_definitions_are_told(house: &House) {
    let word = unique("many");
    let entry = |n: usize| {
        json!({"resource": {"resourceType": "Questionnaire", "url": format!("http://{word}.example/{n}"), "status": "active", "publisher": word},
            "request": {"method": "POST", "url": "Questionnaire"}})
    };
    let entries: Vec<Value> = (0..101).map(entry).collect();
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
    house.post("", &bundle).expect(200);
    let path = format!("/QuestionnaireResponse?questionnaire.publisher={word}");
    let refused = house.get(&path).expect(422).json();
    assert_eq!(refused["issue"][0]["code"], "too-costly");
}

fn what_is_inside_a_bundle_is_not_offered(house: &House) {
    for query in [
        "composition=x",
        "composition.type=x",
        "message.code=x",
        "composition:missing=false",
        "_sort=message",
        "_include=Bundle:composition",
    ] {
        let refused = house.get(&format!("/Bundle?{query}")).expect(400).json();
        assert_eq!(refused["resourceType"], "OperationOutcome", "{query}");
    }
    house.get("/Composition?_has:Bundle:composition:_id=x").expect(400);
    let statement = house.get("/metadata").expect(200).json();
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let of = |ty: &str| resources.iter().find(|it| it["type"] == ty).unwrap();
    let names: Vec<&str> = (of("Bundle")["searchParam"].as_array().unwrap().iter())
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"identifier") && !names.contains(&"composition"), "{names:?}");
    assert!(!of("Composition")["searchRevInclude"].to_string().contains("Bundle:composition"));
}
