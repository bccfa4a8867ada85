//! Input that wants to hurt: refused quickly, in time that grows with its length only.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fhir_model::json::{self, Limits, Value};

/// Generous for slow machines and unoptimised builds; what is quadratic takes minutes.
const AT_MOST: Duration = Duration::from_secs(5);

/// Checks status and sentence, and that no reader takes long.
fn assert_refused(name: &str, text: String, status: u16, part: &str) {
    let bytes = Bytes::from(text);
    let start = Instant::now();
    let outcome = json::parse(bytes.clone(), &Limits::default()).unwrap_err();
    assert_eq!(outcome.status(), status, "{name}: {outcome}");
    assert!(outcome.to_string().contains(part), "{name}: {outcome}");
    assert!(!json::parse_trusted(bytes.clone()).is_empty(), "{name}");
    let _value = Value::parse(&bytes, &Limits::default());
    let mut small = Vec::new();
    json::minify_into(&mut small, &bytes);
    assert!(json::pretty(&bytes).len() < 200 * (bytes.len() + 1), "{name}");
    assert!(start.elapsed() < AT_MOST, "{name} took {:?}", start.elapsed());
}

fn patient(members: &str) -> String {
    format!(r#"{{"resourceType":"Patient",{members}}}"#)
}

#[test]
fn depth() {
    let extension = r#""extension":[{"url":"x","#;
    assert_refused(
        "extensions in extensions",
        patient(&extension.repeat(100_000)),
        400,
        "nest 64 deep",
    );
    assert_refused("arrays", patient(&format!("\"x\":{}", "[".repeat(100_000))), 400, "too deep");
    assert_refused("only arrays", "[".repeat(100_000), 400, "JSON object");
    assert_refused("objects", "{\"a\":".repeat(100_000), 400, "resourceType");
    let contained = r#"{"resourceType":"Patient","contained":["#;
    assert_refused("contained", contained.repeat(10_000), 422, "dom-2");
}

#[test]
fn depth_within_the_limit_is_read() {
    let levels = 30;
    let open = r#""extension":[{"url":"x","#.repeat(levels);
    let text = patient(&format!("{open}\"valueCode\":\"a\"{}", "}]".repeat(levels)));
    let tree = json::parse(text.into(), &Limits::default()).unwrap().tree().clone();
    assert_eq!(tree.len(), 1 + 2 * levels + 1);
}

#[test]
fn numbers_of_things() {
    let keys: Vec<String> = (0..40_000).map(|n| format!("\"key{n}\":1")).collect();
    assert_refused("unknown keys", patient(&keys.join(",")), 400, "no such element");
    let same = vec!["\"active\":true"; 40_000].join(",");
    assert_refused("one key again and again", patient(&same), 400, "twice");
    let names = vec![r#"{"family":"a"}"#; 50_001].join(",");
    assert_refused("items", patient(&format!("\"name\":[{names}]")), 413, "50000 items");
    let given = vec!["\"a\""; 50_001].join(",");
    let text = patient(&format!("\"name\":[{{\"given\":[{given}]}}]"));
    assert_refused("primitive items", text, 413, "50000 items");
    let nulls = vec!["null"; 40_000].join(",");
    let text = patient(&format!("\"name\":[{{\"_given\":[{nulls}],\"given\":[{nulls}]}}]"));
    assert_refused("nulls", text, 400, "ele-1");
    let entries = vec![r#"{"fullUrl":"urn:x:y"}"#; 10_001].join(",");
    let text = format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{entries}]}}"#);
    assert_refused("entries", text, 413, "10000 items");
    let nodes = Limits { nodes: 100, ..Limits::default() };
    let names = vec![r#"{"family":"a"}"#; 100].join(",");
    let outcome = json::parse(patient(&format!("\"name\":[{names}]")).into(), &nodes).unwrap_err();
    assert_eq!((outcome.status(), outcome.issues().len()), (413, 1), "{outcome}");
}

#[test]
fn sizes_of_values() {
    let digits = "9".repeat(1_000_000);
    assert_refused(
        "digits",
        patient(&format!("\"multipleBirthInteger\":{digits}")),
        400,
        "64 characters",
    );
    let long = "a".repeat((1 << 20) + 1);
    let text = patient(&format!("\"name\":[{{\"family\":\"{long}\"}}]"));
    assert_refused("string", text, 413, "1048576 bytes");
    let escapes = "\\n".repeat(1 << 20);
    let text = patient(&format!("\"name\":[{{\"family\":\"{escapes}\"}}]"));
    assert_refused("escapes", text, 413, "1048576 bytes");
    let key = "k".repeat(10_000_000);
    assert_refused("key", patient(&format!("\"{key}\":1")), 400, "no such element");
    let data = "QUJD".repeat(1 << 19);
    let text = patient(&format!("\"photo\":[{{\"data\":\"{data}\"}}]"));
    assert!(json::parse(text.into(), &Limits::default()).is_ok(), "base64 may be longer");
}

/// The type comes last at every level, so that each has to be searched for.
#[test]
fn resource_types_at_the_end_of_nested_bundles() {
    let mut text = r#"{"active":true,"resourceType":"Patient"}"#.to_owned();
    for _ in 0..20 {
        text = format!(
            r#"{{"entry":[{{"resource":{text}}}],"type":"batch","resourceType":"Bundle"}}"#
        );
    }
    let padding = " ".repeat(5_000_000);
    let text = text.replacen("true", &format!("{padding}true"), 1);
    let start = Instant::now();
    let bundle = json::parse(text.into(), &Limits::default()).unwrap();
    assert_eq!(bundle.tree().len(), 1 + 20 * 3 + 1);
    assert!(start.elapsed() < AT_MOST, "took {:?}", start.elapsed());
}

#[test]
fn lost_fragments_and_narratives() {
    let reference = r##"{"reference":"#lost"}"##;
    let all = vec![reference; 40_000].join(",");
    let text = patient(&format!("\"generalPractitioner\":[{all}]"));
    assert_refused("fragments", text, 422, "ref-1");
    let tags = "<b>".repeat(300_000);
    let div = format!("<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">{tags}</div>");
    let text = patient(&format!("\"text\":{{\"status\":\"generated\",\"div\":\"{div}\"}}"));
    assert_refused("tags", text, 422, "too deep");
    let attributes: Vec<String> = (0..40_000).map(|n| format!("a{n}='x'")).collect();
    let attributes = attributes.join(" ");
    let div = format!("<div xmlns='http://www.w3.org/1999/xhtml' {attributes}>x</div>");
    let text = patient(&format!("\"text\":{{\"status\":\"generated\",\"div\":\"{div}\"}}"));
    assert_refused("attributes", text, 422, "not allowed");
}
