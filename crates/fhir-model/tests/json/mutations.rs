//! Random and damaged documents: never a panic, and what is accepted survives.

use bytes::Bytes;
use fhir_model::{
    Instant, Tree,
    json::{self, Limits, Value},
};
use proptest::prelude::*;

const SEEDS: [&str; 3] = [
    r##"{"resourceType":"Patient","id":"a","meta":{"versionId":"1","tag":[{"code":"x"}]},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p class='a'>x &amp; y</p></div>"},"contained":[{"resourceType":"Organization","id":"o","name":"\u00e9\ud83d\ude00"}],"extension":[{"url":"http://x","valueDecimal":1.50}],"active":true,"name":[{"given":["a",null,"c"],"_given":[null,{"extension":[{"url":"y","valueCode":"z"}]},null]}],"_birthDate":{"id":"b"},"birthDate":"2020-02-29","managingOrganization":{"reference":"#o"}}"##,
    r#"{"type":"transaction","entry":[{"fullUrl":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520","resource":{"id":"1","resourceType":"Patient"},"request":{"method":"PUT","url":"Patient/1"}},{"request":{"method":"GET","url":"Patient"}}],"resourceType":"Bundle"}"#,
    r#"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/1/_history/2"},"effectiveDateTime":"2015-02-07T13:28:17-05:00","component":[{"code":{"text":"a"},"valueQuantity":{"value":-1.0e2,"unit":"1"}}]}"#,
];

/// Pieces that are likely to matter where they are put.
const PIECES: [&str; 16] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "null",
    "0",
    "\"_name\":",
    "\"id\":\"x\",",
    "{}",
    "\"resourceType\":\"Bundle\",",
    "\u{e9}",
    " ",
];

/// Reads in every way; checks what must hold whatever the bytes are.
fn read(bytes: &Bytes) {
    let trusted = json::parse_trusted(bytes.clone());
    walk(&trusted);
    let _value = Value::parse(bytes, &Limits::default());
    let mut small = Vec::new();
    json::minify_into(&mut small, bytes);
    assert!(json::pretty(bytes).len() >= small.len());
    let Ok(valid) = json::parse(bytes.clone(), &Limits::default()) else { return };
    walk(valid.tree());
    assert_eq!(trusted.len(), valid.tree().len());
    let stamped = valid.stamp("s", &[]).bytes(1, Instant::from_millis(0));
    let again = json::parse(stamped.clone(), &Limits::default()).unwrap();
    assert_eq!(again.stamp("s", &[]).bytes(1, Instant::from_millis(0)), stamped);
}

fn walk(tree: &Tree) {
    let mut last = 0;
    for node in tree.nodes() {
        assert!(node.span().end <= tree.bytes().len());
        assert!(!node.path().is_empty());
        let _text = node.text();
        for child in node.children() {
            assert!(child.index() > node.index() || node.companion().is_some());
        }
        assert!(node.index() >= last);
        last = node.index();
    }
}

proptest! {
    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes.into());
    }

    #[test]
    fn random_json_text(pieces in proptest::collection::vec(0..PIECES.len(), 0..40)) {
        let text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        read(&text.into());
    }

    #[test]
    fn damaged_resources(
        seed in 0..SEEDS.len(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..20, 0..PIECES.len()), 1..4),
    ) {
        let mut bytes = SEEDS[seed].as_bytes().to_vec();
        for (place, removed, piece) in edits {
            let start = place.index(bytes.len());
            let end = (start + removed).min(bytes.len());
            bytes.splice(start..end, PIECES[piece].bytes());
            if bytes.is_empty() {
                break;
            }
        }
        read(&bytes.into());
    }

    #[test]
    fn strings_survive(text in any::<String>()) {
        let mut raw = Vec::new();
        json::write_string(&mut raw, &text);
        prop_assert_eq!(&json::unquote(&raw), &text);
    }
}

#[test]
fn the_seeds_are_good() {
    for seed in SEEDS {
        let bytes = Bytes::from_static(seed.as_bytes());
        json::parse(bytes.clone(), &Limits::default()).unwrap();
        read(&bytes);
    }
}
