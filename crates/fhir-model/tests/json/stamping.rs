//! Identity is put in, all else stays.

use bytes::Bytes;
use fhir_model::{
    Instant, Valid,
    json::{self, Limits},
};

fn stamped(text: &str, replace: &[(&str, &str)]) -> String {
    let valid = json::parse(Bytes::copy_from_slice(text.as_bytes()), &Limits::default()).unwrap();
    let spans: Vec<_> = replace
        .iter()
        .map(|(old, new)| {
            let start = text.find(old).unwrap();
            (start..start + old.len(), (*new).to_owned())
        })
        .collect();
    let bytes = valid.stamp("n", &spans).bytes(2, Instant::from_millis(0));
    String::from_utf8(bytes.to_vec()).unwrap()
}

const HOLE: &str = r#""versionId":"2","lastUpdated":"1970-01-01T00:00:00.000Z""#;

#[test]
fn id_and_meta_are_set_in_place_or_put_in() {
    // what is sent, what is stored; @ stands for version and time
    let rows = [
        (r#"{"resourceType":"Patient"}"#, r#"{"resourceType":"Patient","id":"n","meta":{@}}"#),
        (
            r#"{"resourceType":"Patient","active":true}"#,
            r#"{"resourceType":"Patient","id":"n","meta":{@},"active":true}"#,
        ),
        (
            r#"{"resourceType":"Patient","active":true,"id":"o"}"#,
            r#"{"resourceType":"Patient","active":true,"id":"n","meta":{@}}"#,
        ),
        (
            r#"{"id":"o","resourceType":"Patient"}"#,
            r#"{"id":"n","meta":{@},"resourceType":"Patient"}"#,
        ),
        (
            r#"{"meta":{"versionId":"9"},"active":true,"resourceType":"Patient"}"#,
            r#"{"meta":{@},"active":true,"resourceType":"Patient","id":"n"}"#,
        ),
        (
            r#"{"resourceType":"Patient","meta":{"source":"a","versionId":"9","tag":[{"code":"x"}],"lastUpdated":"2020-01-01T00:00:00Z"},"id":"o"}"#,
            r#"{"resourceType":"Patient","meta":{@,"source":"a","tag":[{"code":"x"}]},"id":"n"}"#,
        ),
        (
            "{\n \"resourceType\" : \"Patient\",\n \"meta\" : { \"lastUpdated\" : \"2020-01-01T00:00:00Z\" , \"source\" : \"a  b\" } ,\n \"name\" : [ { \"text\" : \"a \\\" b\" } ]\n}\n",
            r#"{"resourceType":"Patient","id":"n","meta":{@,"source":"a  b"},"name":[{"text":"a \" b"}]}"#,
        ),
        (
            r#"{"resourceType":"Patient","contained":[{"resourceType":"Patient","id":"c","meta":{"versionId":"1"}}]}"#,
            r#"{"resourceType":"Patient","id":"n","meta":{@},"contained":[{"resourceType":"Patient","id":"c","meta":{"versionId":"1"}}]}"#,
        ),
        (
            r#"{"resourceType":"Basic","code":{"text":"\u00e9"},"extension":[{"url":"x","valueDecimal":1.10E+2}]}"#,
            r#"{"resourceType":"Basic","id":"n","meta":{@},"code":{"text":"\u00e9"},"extension":[{"url":"x","valueDecimal":1.10E+2}]}"#,
        ),
    ];
    for (sent, stored) in rows {
        // the URI of source has no spaces in the real thing
        let sent = sent.replace("a  b", "a");
        let stored = stored.replace("a  b", "a").replace('@', HOLE);
        assert_eq!(stamped(&sent, &[]), stored, "{sent}");
    }
}

#[test]
fn replacements_are_put_in_also_around_what_is_moved() {
    let sent = r#"{ "resourceType":"Patient", "implicitRules":"http://a",
        "meta": {"versionId":"9", "source":"http://b"}, "id": "http.c",
        "managingOrganization": {"reference":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}}"#;
    let stored = r#"{"resourceType":"Patient","implicitRules":"A","meta":{@,"source":"B"},"id":"n","managingOrganization":{"reference":"Organization/1"}}"#;
    let replace = [
        ("\"http://a\"", "\"A\""),
        ("\"9\"", "\"never\""),
        ("\"http://b\"", "\"B\""),
        ("\"http.c\"", "\"never\""),
        ("\"urn:uuid:c757873d-ec9a-4326-a141-556f43239520\"", "\"Organization/1\""),
    ];
    assert_eq!(stamped(sent, &replace), stored.replace('@', HOLE));
}

#[test]
fn a_nested_resource_is_stamped_without_its_surroundings() {
    let text = "\u{feff}{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[ {\"resource\": {\"resourceType\":\"Patient\", \"active\" :true} } ]}";
    let bundle = json::parse(Bytes::copy_from_slice(text.as_bytes()), &Limits::default()).unwrap();
    let resource = bundle.tree().root().child("entry").unwrap().child("resource").unwrap();
    let nested = Valid::from_node(resource).unwrap();
    let bytes = nested.stamp("n", &[]).bytes(2, Instant::from_millis(0));
    let expected = r#"{"resourceType":"Patient","id":"n","meta":{@},"active":true}"#;
    assert_eq!(std::str::from_utf8(&bytes).unwrap(), expected.replace('@', HOLE));
}
