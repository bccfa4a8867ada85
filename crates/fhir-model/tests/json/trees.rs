//! What the tree shows of a document.

use bytes::Bytes;
use fhir_model::{
    Kind, NodeRef, Tree, Valid,
    json::{self, Limits},
};

fn valid(text: &str) -> Valid {
    json::parse(Bytes::copy_from_slice(text.as_bytes()), &Limits::default()).unwrap()
}

/// Every node as `path kind text`.
fn rows(tree: &Tree) -> Vec<String> {
    tree.nodes()
        .map(|node| {
            format!("{} {:?} {}", node.path(), node.kind(), node.text().unwrap_or_default())
        })
        .collect()
}

#[test]
fn nodes_have_paths_kinds_and_texts() {
    let patient = valid(
        r#"{ "resourceType" : "Patient", "active":true, "deceasedDateTime":"2020",
            "name":[{"family":"\u00c5s"},{"given":["a","b"]}], "multipleBirthInteger":2 }"#,
    );
    assert_eq!(
        rows(patient.tree()),
        [
            "Patient Object ",
            "Patient.active Boolean true",
            "Patient.deceased String 2020",
            "Patient.name[0] Object ",
            "Patient.name[0].family String \u{c5}s",
            "Patient.name[1] Object ",
            "Patient.name[1].given[0] String a",
            "Patient.name[1].given[1] String b",
            "Patient.multipleBirth Number 2",
        ]
    );
    let deceased = patient.tree().root().child("deceased").unwrap();
    assert_eq!((deceased.json_name(), deceased.ty().name()), ("deceasedDateTime", "dateTime"));
}

/// The two halves of a primitive are one node, whichever comes first.
#[test]
fn companions_belong_to_their_primitive() {
    let halves = [
        r#""birthDate":"2020","_birthDate":{"extension":[{"url":"x","valueCode":"y"}]}"#,
        r#""_birthDate":{"extension":[{"url":"x","valueCode":"y"}]},"birthDate":"2020""#,
        r#""birthDate":"2020","active":true,"_birthDate":{"extension":[{"url":"x","valueCode":"y"}]}"#,
    ];
    for members in halves {
        let patient = valid(&format!(r#"{{"resourceType":"Patient",{members}}}"#));
        let root = patient.tree().root();
        let birth_date = root.child("birthDate").unwrap();
        assert_eq!(root.named("birthDate").count(), 1);
        assert_eq!(birth_date.text().as_deref(), Some("2020"));
        let extension = birth_date.child("extension").unwrap();
        assert_eq!(extension.path(), "Patient.birthDate.extension[0]");
        assert_eq!(
            extension.child("value").unwrap().path(),
            "Patient.birthDate.extension[0].value"
        );
        assert_eq!(birth_date.companion().map(NodeRef::path).as_deref(), Some("Patient.birthDate"));
    }
    let given = [
        r#""given":["a",null,"c"],"_given":[null,{"extension":[{"url":"x","valueCode":"y"}]},{"id":"i"}]"#,
        r#""_given":[null,{"extension":[{"url":"x","valueCode":"y"}]},{"id":"i"}],"given":["a",null,"c"]"#,
    ];
    for members in given {
        let patient = valid(&format!(r#"{{"resourceType":"Patient","name":[{{{members}}}]}}"#));
        let name = patient.tree().root().child("name").unwrap();
        let items: Vec<_> = name
            .named("given")
            .map(|item| (item.path(), item.kind(), item.children().map(NodeRef::path).collect()))
            .collect();
        let path = |suffix: &str| format!("Patient.name[0].given{suffix}");
        let expected: Vec<(String, Kind, Vec<String>)> = vec![
            (path("[0]"), Kind::String, vec![]),
            (path("[1]"), Kind::Absent, vec![path("[1].extension[0]")]),
            (path("[2]"), Kind::String, vec![path("[2].id")]),
        ];
        assert_eq!(items, expected);
        assert_eq!(items[1].1, Kind::Absent);
    }
}

#[test]
fn a_nested_resource_stands_on_its_own() {
    let bundle = valid(
        r#"{"type":"batch","entry":[{"resource":{"active":true}},
            {"resource":{"_birthDate":{"id":"x"},"birthDate":"2020","resourceType":"Patient",
             "name":[{"family":"a"}]}}],"resourceType":"Bundle"}"#
            .replace("{\"active\":true}", "{\"active\":true,\"resourceType\":\"Patient\"}")
            .as_str(),
    );
    let entries: Vec<_> = bundle.tree().root().named("entry").collect();
    let nested = Valid::from_node(entries[1].child("resource").unwrap()).unwrap();
    assert_eq!(nested.resource_type().name(), "Patient");
    let alone = valid(std::str::from_utf8(nested.tree().bytes()).unwrap());
    assert_eq!(rows(nested.tree()), rows(alone.tree()));
    let birth_date = nested.tree().root().child("birthDate").unwrap();
    assert_eq!(birth_date.child_text("id").as_deref(), Some("x"));
    assert!(Valid::from_node(entries[0]).is_none(), "an entry is no resource");
    let trusted = json::parse_trusted(bundle.tree().bytes().clone());
    assert!(Valid::from_node(trusted.root()).is_none(), "its tree was not checked");
}

#[test]
fn references_are_found_wherever_they_stand() {
    let text = r#"{"resourceType":"Patient",
        "text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"urn:uuid:c757873d-ec9a-4326-a141-556f43239520\">x</a></div>"},
        "extension":[{"url":"http://x","valueUuid":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}],
        "managingOrganization":{"reference":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520","display":"d"}}"#;
    let patient = valid(text);
    let places: Vec<_> = patient.references().map(NodeRef::path).collect();
    assert_eq!(
        places,
        [
            "Patient.text.div",
            "Patient.extension[0].url",
            "Patient.extension[0].value",
            "Patient.managingOrganization.reference",
        ]
    );
}

#[test]
fn trusted_reading_leaves_out_what_it_does_not_understand() {
    let text =
        r#"{"resourceType":"Patient","nonsense":[1,{"a":2}],"active":true,"gender":"x","name":7}"#;
    let tree = json::parse_trusted(text.into());
    assert_eq!(
        rows(&tree),
        ["Patient Object ", "Patient.active Boolean true", "Patient.gender String x"]
    );
    for text in [
        "",
        "[",
        "{",
        "\u{feff}",
        "{\"resourceType\":\"Nope\"}",
        "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"a",
    ] {
        let tree = json::parse_trusted(text.into());
        assert!(tree.root().children().count() <= 1);
        assert!(tree.root().span().end <= text.len());
    }
}
