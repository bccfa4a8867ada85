//! Formats in and out: <https://hl7.org/fhir/R4/http.html#mime-type>.

use crate::wire::Hospital;

const JSON: &str = r#"{"resourceType":"Patient","active":true}"#;
const XML: &str = r#"<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>"#;

#[test]
fn bodies_come_in_every_format_that_clients_send() {
    let hospital = Hospital::open();
    let cases = [
        (Some("application/fhir+json"), JSON, 201),
        (Some("application/fhir+json; charset=UTF-8"), JSON, 201),
        (Some("application/fhir+json; fhirVersion=4.0"), JSON, 201),
        (Some("application/json"), JSON, 201),
        (Some("text/json;charset=utf-8"), JSON, 201),
        (Some("application/fhir+xml"), XML, 201),
        (Some("application/xml"), XML, 201),
        (Some("text/xml"), XML, 201),
        (None, JSON, 201),
        (None, XML, 201),
        (None, "active=true", 415),
        (Some("text/plain"), JSON, 415),
        (Some("application/x-www-form-urlencoded"), JSON, 415),
        (Some("application/fhir+json; charset=iso-8859-1"), JSON, 415),
        (Some("application/fhir+json; fhirVersion=5.0"), JSON, 415),
        (Some("application/fhir+xml"), JSON, 400),
        (Some("application/fhir+json"), XML, 400),
        (Some("application/fhir+json"), "", 400),
    ];
    for (content_type, body, status) in cases {
        let headers: Vec<_> = content_type.map(|ty| ("Content-Type", ty)).into_iter().collect();
        let answer = hospital.ask("POST /fhir/Patient", &headers, body.as_bytes());
        assert_eq!(answer.status, status, "{content_type:?} {body} {}", answer.text());
        if status >= 400 {
            assert!(!answer.issue().is_empty());
        }
    }
}

#[test]
fn answers_come_in_the_format_that_is_asked_for() {
    let hospital = Hospital::open();
    let created = hospital.post("/fhir/Patient", JSON);
    let json = "application/fhir+json; charset=utf-8";
    let xml = "application/fhir+xml; charset=utf-8";
    let cases = [
        ("", None, 200, json),
        ("", Some("application/fhir+xml"), 200, xml),
        ("", Some("application/xml;q=0.2, application/json"), 200, json),
        ("?_format=xml", Some("application/fhir+json"), 200, xml),
        ("?_format=application/fhir+xml", None, 200, xml),
        ("?_format=ttl", None, 406, json),
        ("", Some("text/turtle"), 406, json),
        ("", Some("application/fhir+json;fhirVersion=3.0"), 406, json),
    ];
    for (query, accept, status, content_type) in cases {
        let headers: Vec<_> = accept.map(|accept| ("Accept", accept)).into_iter().collect();
        let answer = hospital.ask(&format!("GET {}{query}", created.path()), &headers, b"");
        assert_eq!(answer.status, status, "{query} {accept:?}");
        assert_eq!(answer.header("content-type"), Some(content_type), "{query} {accept:?}");
        assert_eq!(answer.text().starts_with('<'), content_type == xml);
    }
}

#[test]
fn refusals_and_bundles_are_xml_too() {
    let hospital = Hospital::open();
    let refused = hospital.get("/fhir/Patient/none?_format=xml");
    assert_eq!(refused.status, 404);
    assert!(refused.text().contains(
        "<OperationOutcome xmlns=\"http://hl7.org/fhir\"><issue><severity value=\"error\"/>"
    ));
    hospital.post("/fhir/Patient", JSON);
    let found = hospital.get("/fhir/Patient?_format=xml&_pretty=true");
    assert!(found.text().contains("\n  <type value=\"searchset\"/>\n"), "{}", found.text());
}

#[test]
fn forms_search_and_choose_the_format() {
    let hospital = Hospital::open();
    hospital.post("/fhir/Patient", r#"{"resourceType":"Patient","name":[{"family":"Rao"}]}"#);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let found = hospital.ask("POST /fhir/Patient/_search", &form, b"family=rao&_format=xml");
    assert_eq!(found.status, 200);
    assert_eq!(found.header("content-type"), Some("application/fhir+xml; charset=utf-8"));
    assert!(found.text().contains("<family value=\"Rao\"/>"));
    let json = [("Content-Type", "application/json")];
    let refused = hospital.ask("POST /fhir/Patient/_search", &json, b"{}");
    assert_eq!((refused.status, refused.issue()), (415, "not-supported"));
}

#[test]
fn patches_come_as_each_of_their_media_types() {
    let hospital = Hospital::open();
    let created = hospital.post("/fhir/Patient", JSON);
    let cases = [
        (
            "application/json-patch+json",
            r#"[{"op":"replace","path":"/active","value":false}]"#,
            200,
        ),
        ("application/merge-patch+json", r#"{"active":true}"#, 200),
        ("application/json", r#"{"active":false}"#, 200),
        (
            "application/fhir+json",
            r#"{"resourceType":"Parameters","parameter":[{"name":"operation","part":[
                {"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.active"},
                {"name":"value","valueBoolean":true}]}]}"#,
            200,
        ),
        ("text/plain", "active=true", 415),
    ];
    for (content_type, patch, status) in cases {
        let line = format!("PATCH {}", created.path());
        let answer = hospital.ask(&line, &[("Content-Type", content_type)], patch.as_bytes());
        assert_eq!(answer.status, status, "{content_type} {}", answer.text());
    }
}

#[test]
fn bundles_are_carried_out_with_references_by_search() {
    let hospital = Hospital::open();
    hospital.post(
        "/fhir/Patient",
        r#"{"resourceType":"Patient","identifier":[{"system":"urn:h","value":"1"}]}"#,
    );
    let observation = r#"{"resourceType":"Observation","status":"final","code":{"text":"pulse"},
        "subject":{"reference":"Patient?identifier=urn:h|1"}}"#;
    let bundle = format!(
        r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"resource":{observation},
           "request":{{"method":"POST","url":"Observation"}}}}]}}"#
    );
    let done = hospital.post("/fhir/", &bundle);
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(done.text().contains("201 Created"));
    let refused = hospital.post("/fhir/Observation", observation);
    assert_eq!(refused.status, 400, "{}", refused.text());
}
