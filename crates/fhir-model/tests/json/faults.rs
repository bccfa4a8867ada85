//! Each kind of fault: its HTTP status, its place, and a sentence that helps.

use bytes::Bytes;
use fhir_model::{
    Outcome,
    json::{self, ConditionalReferences, Limits},
};

fn refusal(text: &str) -> Outcome {
    match json::parse(Bytes::copy_from_slice(text.as_bytes()), &Limits::default()) {
        Ok(_) => panic!("was accepted: {text}"),
        Err(outcome) => outcome,
    }
}

/// Members of a resource, the type's name first: `Patient "active":true`.
fn resource(short: &str) -> String {
    let (name, members) = short.split_once(' ').unwrap_or((short, ""));
    let comma = if members.is_empty() { "" } else { "," };
    format!(r#"{{"resourceType":"{name}"{comma}{members}}}"#)
}

/// Rows of: resource, status, expression, a part of the sentence.
fn check(rows: &[(&str, u16, &str, &str)]) {
    for (short, status, expression, part) in rows {
        let outcome = refusal(&resource(short));
        let issue = &outcome.issues()[0];
        assert_eq!(outcome.status(), *status, "{short}: {outcome}");
        assert_eq!(
            issue.expression.as_deref().unwrap_or_default(),
            *expression,
            "{short}: {outcome}"
        );
        assert!(issue.diagnostics.contains(part), "{short}: {outcome}");
        assert_eq!(outcome.issues().len(), 1, "{short}: {outcome}");
    }
}

#[test]
fn the_shape_is_checked() {
    check(&[
        (r#"Patient "brithDate":"2020""#, 400, "Patient.brithDate", "did you mean 'birthDate'?"),
        (r#"Patient "_name":[{"id":"a"}]"#, 400, "Patient._name", "no such element"),
        (
            r#"Patient "name":[{"familyName":"a"}]"#,
            400,
            "Patient.name[0].familyName",
            "HumanName has no",
        ),
        (r#"Patient "active":"true""#, 400, "Patient.active", "true or false"),
        (r#"Patient "birthDate":2020"#, 400, "Patient.birthDate", "JSON string"),
        (r#"Patient "birthDate":{}"#, 400, "Patient.birthDate", "JSON string"),
        (r#"Patient "multipleBirthInteger":"2""#, 400, "Patient.multipleBirth", "JSON number"),
        (r#"Patient "multipleBirthInteger":true"#, 400, "Patient.multipleBirth", "JSON number"),
        (r#"Patient "name":{"family":"a"}"#, 400, "Patient.name", "JSON array"),
        (r#"Patient "birthDate":["2020"]"#, 400, "Patient.birthDate", "not an array"),
        (r#"Patient "name":["a"]"#, 400, "Patient.name[0]", "JSON object of type HumanName"),
        (r#"Patient "name":[{"family":"a"},null]"#, 400, "Patient.name[1]", "JSON object"),
        (r#"Patient "birthDate":null"#, 400, "Patient.birthDate", "leave the element out"),
        (r#"Patient "maritalStatus":null"#, 400, "Patient.maritalStatus", "JSON object"),
        (r#"Patient "name":[]"#, 400, "Patient.name", "may not be empty"),
        (r#"Patient "name":[{"given":[]}]"#, 400, "Patient.name[0].given", "may not be empty"),
        (r#"Patient "maritalStatus":{}"#, 400, "Patient.maritalStatus", "may not be empty"),
        (r#"Patient "birthDate":"""#, 400, "Patient.birthDate", "a date"),
        (r#"Patient "name":[{"family":""}]"#, 400, "Patient.name[0].family", "not empty"),
        (r#"Patient "active":true,"active":true"#, 400, "Patient.active", "twice"),
        (r#"Patient "active":true,"\u0061ctive":true"#, 400, "Patient.active", "twice"),
        (
            r#"Patient "_active":{"id":"a"},"_active":{"id":"a"},"active":true"#,
            400,
            "Patient._active",
            "twice",
        ),
        (r#"Patient "resourceType":"Patient""#, 400, "Patient.resourceType", "twice"),
        (
            r#"Patient "name":[{"resourceType":"Patient"}]"#,
            400,
            "Patient.name[0].resourceType",
            "no such element",
        ),
        (
            r#"Patient "deceasedBoolean":true,"deceasedDateTime":"2020""#,
            400,
            "Patient.deceasedDateTime",
            "one type only",
        ),
    ]);
}

#[test]
fn what_must_be_there_is_checked() {
    check(&[
        (r#"Observation "status":"final""#, 400, "Observation.code", "needs 'code'"),
        (
            r#"MedicationRequest "status":"active","intent":"order","subject":{"display":"a"}"#,
            400,
            "MedicationRequest.medication",
            "medication[x]",
        ),
        (r#"Patient "name":[{"id":"a"}]"#, 422, "Patient.name[0]", "ele-1"),
        ("Pateint", 400, "", "did you mean 'Patient'?"),
        ("Resource", 400, "", "no resource type"),
        (
            r#"Bundle "type":"batch","entry":[{"resource":{"id":"a"}}]"#,
            400,
            "Bundle.entry[0].resource",
            "needs 'resourceType'",
        ),
        (
            r#"Bundle "type":"batch","entry":[{"resource":{"resourceType":"X"}}]"#,
            400,
            "Bundle.entry[0].resource",
            "no resource type",
        ),
        (
            r#"Patient "contained":[{"resourceType":"Patient","contained":[{"resourceType":"Patient"}]}]"#,
            422,
            "Patient.contained[0].contained[0]",
            "dom-2",
        ),
    ]);
}

#[test]
fn primitives_and_their_companions_are_checked() {
    check(&[
        (r#"Patient "id":"a_b""#, 400, "Patient.id", "1 to 64"),
        (r#"Patient "birthDate":"2023-02-29""#, 400, "Patient.birthDate", "calendar"),
        (
            r#"Patient "deceasedDateTime":"2023-02-28T10:00:00""#,
            400,
            "Patient.deceased",
            "time zone",
        ),
        (r#"Patient "multipleBirthInteger":1.0"#, 400, "Patient.multipleBirth", "whole number"),
        (
            r#"Patient "multipleBirthInteger":3000000000"#,
            400,
            "Patient.multipleBirth",
            "2147483647",
        ),
        (r#"Patient "telecom":[{"rank":0}]"#, 400, "Patient.telecom[0].rank", "from 1"),
        (r#"Patient "implicitRules":"a b""#, 400, "Patient.implicitRules", "URI"),
        (r#"Patient "photo":[{"data":"abc"}]"#, 400, "Patient.photo[0].data", "base64"),
        (
            r#"Patient "name":[{"family":"a\u0001"}]"#,
            400,
            "Patient.name[0].family",
            "Control characters",
        ),
        (r#"Patient "_birthDate":"a""#, 400, "Patient.birthDate", "companion"),
        (r#"Patient "_birthDate":{}"#, 400, "Patient.birthDate", "may not be empty"),
        (
            r#"Patient "_birthDate":{"value":"a"}"#,
            400,
            "Patient.birthDate.value",
            "no such element",
        ),
        (
            r#"Patient "_birthDate":{"extension":[{"valueString":"a"}]}"#,
            400,
            "Patient.birthDate.extension[0].url",
            "needs 'url'",
        ),
        (
            r#"Patient "name":[{"given":["a"],"_given":[null,null]}]"#,
            400,
            "Patient.name[0].given",
            "same length",
        ),
        (
            r#"Patient "name":[{"given":["a","b"],"_given":[{"id":"x"}]}]"#,
            400,
            "Patient.name[0].given",
            "same length",
        ),
        (r#"Patient "name":[{"given":["a",null]}]"#, 400, "Patient.name[0].given[1]", "ele-1"),
        (
            r#"Patient "name":[{"_given":[null,{"extension":[{"url":"x"}]}],"given":["a",null]}]"#,
            422,
            "Patient.name[0].given[1].extension[0]",
            "ext-1",
        ),
        (r#"Patient "extension":[{"url":"x"}]"#, 422, "Patient.extension[0]", "needs a value"),
        (
            r#"Patient "extension":[{"url":"x","valueCode":"a","extension":[{"url":"y","valueCode":"b"}]}]"#,
            422,
            "Patient.extension[0]",
            "not both",
        ),
    ]);
}

#[test]
fn codes_of_required_bindings_are_checked() {
    check(&[
        (r#"Patient "gender":"femal""#, 422, "Patient.gender", "female"),
        (r#"Patient "name":[{"use":"x"}]"#, 422, "Patient.name[0].use", "name-use"),
        (
            r#"Condition "subject":{"display":"a"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"actve"}]}"#,
            422,
            "Condition.clinicalStatus",
            "active",
        ),
        (
            r#"Condition "subject":{"display":"a"},"clinicalStatus":{"coding":[{"system":"http://x","code":"active"}]}"#,
            422,
            "Condition.clinicalStatus",
            "condition-clinical",
        ),
    ]);
    let good = resource(
        r#"Condition "subject":{"display":"a"},"clinicalStatus":{"coding":[{"code":"own"},{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]}"#,
    );
    assert!(json::parse(good.into(), &Limits::default()).is_ok());
}

#[test]
fn references_are_checked() {
    check(&[
        (
            r#"Patient "managingOrganization":{"reference":"Organisation/1"}"#,
            400,
            "Patient.managingOrganization.reference",
            "did you mean 'Organization'?",
        ),
        (
            r#"Patient "managingOrganization":{"reference":"Patient/1"}"#,
            400,
            "Patient.managingOrganization.reference",
            "Organization, not to Patient",
        ),
        (
            r#"Patient "managingOrganization":{"reference":"1"}"#,
            400,
            "Patient.managingOrganization.reference",
            "Type/id",
        ),
        (
            r#"Patient "managingOrganization":{"reference":"Organization?name=x"}"#,
            400,
            "Patient.managingOrganization.reference",
            "transaction",
        ),
        (
            r##"Patient "managingOrganization":{"reference":"#o"}"##,
            422,
            "Patient.managingOrganization.reference",
            "ref-1",
        ),
        (
            r##"Bundle "type":"batch","entry":[{"resource":{"resourceType":"Patient","managingOrganization":{"reference":"#o"}}},{"resource":{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o","name":"x"}]}}]"##,
            422,
            "Bundle.entry[0].resource.managingOrganization.reference",
            "ref-1",
        ),
    ]);
    let good = [
        r##"Patient "managingOrganization":{"reference":"#o"},"contained":[{"resourceType":"Organization","id":"o","partOf":{"reference":"#"}}]"##,
        r##"Patient "contained":[{"resourceType":"Organization","id":"o","name":"a"},{"resourceType":"Organization","id":"p","partOf":{"reference":"#o"}}],"managingOrganization":{"reference":"#p"}"##,
    ];
    for short in good {
        assert!(json::parse(resource(short).into(), &Limits::default()).is_ok(), "{short}");
    }
    let conditional =
        resource(r#"Patient "managingOrganization":{"reference":"Organization?name=x"}"#);
    let limits =
        Limits { conditional_references: ConditionalReferences::Allowed, ..Limits::default() };
    assert!(json::parse(conditional.into(), &limits).is_ok());
}

#[test]
fn narratives_are_checked() {
    let patient = |div: &str| {
        format!(r#"{{"resourceType":"Patient","text":{{"status":"generated","div":"{div}"}}}}"#)
    };
    let good = r#"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>a &amp; b<br/></p></div>"#;
    assert!(json::parse(patient(good).into(), &Limits::default()).is_ok());
    for bad in [
        r#"<div xmlns=\"http://www.w3.org/1999/xhtml\"><script>x</script></div>"#,
        r"<div>a</div>",
        "a",
    ] {
        let outcome = refusal(&patient(bad));
        assert_eq!(outcome.status(), 422);
        assert_eq!(outcome.issues()[0].expression.as_deref(), Some("Patient.text.div"));
    }
}

#[test]
fn what_is_not_json_is_told_with_line_and_column() {
    let rows = [
        ("", "line 1, column 1: the document ends too early"),
        ("[]", "must be a JSON object"),
        ("\"a\"", "must be a JSON object"),
        (
            "{\"resourceType\":\"Patient\",\n \"active\": tru}",
            "line 2, column 12: a value is missing",
        ),
        ("{\"resourceType\":\"Patient\"} x", "line 1, column 28: nothing may follow"),
        ("{\"resourceType\":\"Patient\",}", "member's name"),
        ("{\"resourceType\":\"Patient\",\"id\":\"\\ud83d\"}", "surrogate"),
        ("{\"resourceType\":\"Patient\",\"id\":\"\\u0000\"}", "NUL"),
        ("{\"resourceType\":\"Patient\",\"id\":\"a\nb\"}", "control character"),
        ("{\"resourceType\":\"Patient\",\"multipleBirthInteger\":01}", "leading zeros"),
        ("{\"resourceType\":\"Patient\",\"x\":{]}", "member's name"),
    ];
    for (text, part) in rows {
        let outcome = refusal(text);
        assert_eq!(outcome.status(), 400, "{text}: {outcome}");
        assert!(outcome.to_string().contains(part), "{text}: {outcome}");
    }
    let outcome = json::parse(Bytes::from_static(b"{\n\"\xff\"}"), &Limits::default()).unwrap_err();
    assert!(outcome.to_string().contains("Not UTF-8 at line 2, column 2"), "{outcome}");
}

#[test]
fn faults_are_told_together_up_to_a_limit() {
    let outcome = refusal(&resource(
        r#"Patient "gendr":"male","birthDate":"x","name":[{"family":1},{"given":["a",""]}]"#,
    ));
    let places: Vec<_> =
        outcome.issues().iter().filter_map(|issue| issue.expression.as_deref()).collect();
    assert_eq!(
        places,
        [
            "Patient.gendr",
            "Patient.birthDate",
            "Patient.name[0].family",
            "Patient.name[1].given[1]"
        ]
    );
    let many: Vec<String> = (0..1_000).map(|n| format!("\"x{n}\":{n}")).collect();
    assert_eq!(refusal(&resource(&format!("Patient {}", many.join(",")))).issues().len(), 50);
}
