//! Hostile JSON.

use super::wire::request;
use super::{Case, MALFORMED, Wanted};
use crate::target::Target;

const JSON: [(&str, &str); 1] = [("Content-Type", "application/fhir+json")];
const JSON_PATCH: [(&str, &str); 1] = [("Content-Type", "application/json-patch+json")];
const DEEP: usize = 100_000;

pub(crate) fn all(target: &Target) -> Vec<Case> {
    let mut cases: Vec<Case> = broken_documents()
        .into_iter()
        .chain(large_documents())
        .map(|(name, body)| Case {
            name,
            pieces: request(target, "POST Patient", &JSON, body),
            wanted: MALFORMED,
            crowd: false,
        })
        .collect();
    let many_entries = format!(
        r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}{{}}]}}"#,
        "{},".repeat(200_000)
    );
    cases.push(Case {
        name: "JSON: a transaction of 200,001 empty entries",
        pieces: request(target, "POST ", &JSON, many_entries),
        wanted: MALFORMED,
        crowd: false,
    });
    let long_path = format!(r#"[{{"op":"test","path":"{}","value":1}}]"#, "/a".repeat(50_000));
    cases.push(Case {
        name: "JSON Patch: a path of 50,000 steps",
        pieces: request(target, "PATCH Patient/none", &JSON_PATCH, long_path),
        wanted: Wanted::Outcome(&[400, 404, 413, 422]),
        crowd: false,
    });
    cases
}

fn patient(rest: impl std::fmt::Display) -> Vec<u8> {
    format!(r#"{{"resourceType":"Patient",{rest}}}"#).into_bytes()
}

/// Deep, long, many.
fn large_documents() -> Vec<(&'static str, Vec<u8>)> {
    let nested_extension = r#"{"url":"http://a","extension":["#.repeat(10_000);
    let closing = "]}".repeat(10_000);
    let unknown: Vec<String> = (0..100_000).map(|n| format!(r#""x{n}":1"#)).collect();
    vec![
        ("JSON: arrays 100,000 deep", patient(format!(r#""name":{}"#, "[".repeat(DEEP)))),
        (
            "JSON: arrays 100,000 deep and closed",
            patient(format!(r#""name":{}{}"#, "[".repeat(DEEP), "]".repeat(DEEP))),
        ),
        ("JSON: objects 100,000 deep", r#"{"contained":"#.repeat(DEEP).into_bytes()),
        (
            "JSON: extensions 10,000 deep, each valid",
            patient(format!(r#""extension":[{nested_extension}{closing}]"#)),
        ),
        (
            "JSON: 100,000 duplicate keys",
            patient(format!(r#"{}"active":true"#, r#""active":true,"#.repeat(100_000))),
        ),
        ("JSON: 100,000 unknown members", patient(unknown.join(","))),
        ("JSON: 1e999999999 as integer", patient(r#""multipleBirthInteger":1e999999999"#)),
        (
            "JSON: integer of 1,000,000 digits",
            patient(format!(r#""multipleBirthInteger":{}"#, "9".repeat(1_000_000))),
        ),
        (
            "JSON: date of 1,000,000 digits",
            patient(format!(r#""birthDate":"{}""#, "1".repeat(1_000_000))),
        ),
    ]
}

/// Not JSON, not text, not a resource.
fn broken_documents() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    let mut bad_utf8 = patient(r#""language":"  ""#);
    replace(&mut bad_utf8, b"  ", &[0xC3, 0x28]);
    let mut overlong = patient(r#""language":"  ""#);
    replace(&mut overlong, b"  ", &[0xC0, 0xAF]);
    vec![
        ("JSON: empty body", Vec::new()),
        ("JSON: not JSON", text("hello")),
        ("JSON: cut off", text(r#"{"resourceType":"Patient","name":[{"#)),
        ("JSON: an array", text("[]")),
        ("JSON: null", text("null")),
        ("JSON: no resourceType", text("{}")),
        ("JSON: resourceType is a number", text(r#"{"resourceType":7}"#)),
        ("JSON: another type than the URL", text(r#"{"resourceType":"Observation"}"#)),
        ("JSON: duplicate key", patient(r#""active":true,"active":false"#)),
        ("JSON: duplicate key, escaped", patient(r#""active":true,"\u0061ctive":false"#)),
        ("JSON: lone high surrogate", patient(r#""language":"\ud800""#)),
        ("JSON: lone low surrogate", patient(r#""language":"\udc00x""#)),
        ("JSON: surrogates the wrong way round", patient(r#""language":"\udc00\ud800""#)),
        ("JSON: bad UTF-8", bad_utf8),
        ("JSON: overlong UTF-8", overlong),
        ("JSON: byte order mark of UTF-16", vec![0xFF, 0xFE, b'{', 0, b'}', 0]),
        ("JSON: NUL in a string", patient(r#""language":"a\u0000b""#)),
        ("JSON: raw control character", patient("\"language\":\"a\u{1}b\"")),
        ("JSON: NaN", patient(r#""multipleBirthInteger":NaN"#)),
        ("JSON: 30th of February", patient(r#""birthDate":"2024-02-30""#)),
        ("JSON: fhir_comments", patient(r#""fhir_comments":["x"]"#)),
        (
            "JSON: text after the end",
            text(r#"{"resourceType":"Patient"} {"resourceType":"Patient"}"#),
        ),
    ]
}

fn replace(bytes: &mut [u8], what: &[u8], with: &[u8]) {
    let at = bytes.windows(what.len()).position(|window| window == what);
    if let Some(place) = at.and_then(|at| bytes.get_mut(at..at + with.len())) {
        place.copy_from_slice(with);
    }
}
