//! Hostile XML.

use super::wire::request;
use super::{Case, MALFORMED};
use crate::target::Target;

const XML: [(&str, &str); 1] = [("Content-Type", "application/fhir+xml")];

pub(crate) fn all(target: &Target) -> Vec<Case> {
    documents()
        .into_iter()
        .map(|(name, body)| Case {
            name,
            pieces: request(target, "POST Patient", &XML, body),
            wanted: MALFORMED,
            crowd: false,
        })
        .collect()
}

fn documents() -> Vec<(&'static str, Vec<u8>)> {
    let patient =
        |inner: &str| format!(r#"<Patient xmlns="http://hl7.org/fhir">{inner}</Patient>"#);
    let attributes: Vec<String> = (0..40_000).map(|n| format!(r#" a{n}="""#)).collect();
    let attributes = attributes.concat();
    let same_attribute = r#" value="1""#.repeat(40_000);
    let mut bad_utf8 = patient(r#"<language value="??"/>"#).into_bytes();
    for byte in &mut bad_utf8 {
        if *byte == b'?' {
            *byte = 0xFF;
        }
    }
    let texts = [
        ("XML: 40,000 attributes", patient(&format!("<active{attributes}/>"))),
        ("XML: 40,000 equal attributes", patient(&format!("<active{same_attribute}/>"))),
        ("XML: 40,000 attributes at the root", format!("<Patient{attributes}/>")),
        ("XML: elements 100,000 deep", "<Patient xmlns='http://hl7.org/fhir'>".repeat(100_000)),
        (
            "XML: extensions 10,000 deep",
            patient(&format!(
                "{}{}",
                r#"<extension url="http://a">"#.repeat(10_000),
                "</extension>".repeat(10_000)
            )),
        ),
        ("XML: entity bomb", entity_bomb()),
        ("XML: entity of a file", with_entity(r#"SYSTEM "file:///etc/passwd""#)),
        ("XML: entity of a URL", with_entity(r#"SYSTEM "http://127.0.0.1:9/x""#)),
        (
            "XML: document type of a file",
            format!(
                r#"<!DOCTYPE Patient SYSTEM "file:///etc/passwd">{}"#,
                patient(r#"<active value="true"/>"#)
            ),
        ),
        ("XML: unknown entity", patient(r#"<language value="&nope;"/>"#)),
        ("XML: cut off", r#"<Patient xmlns="http://hl7.org/fhir"><name>"#.to_owned()),
        ("XML: crossed tags", patient("<name><given></name></given>")),
        ("XML: another namespace", r#"<Patient xmlns="http://example.org"/>"#.to_owned()),
        ("XML: two roots", format!("{}{}", patient(""), patient(""))),
        ("XML: NUL by reference", patient(r#"<language value="&#0;"/>"#)),
        ("XML: script in the narrative", patient(NARRATIVE_WITH_SCRIPT)),
        ("XML: JSON under its name", r#"{"resourceType":"Patient"}"#.to_owned()),
    ];
    let mut all: Vec<_> = texts.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
    all.push(("XML: bad UTF-8", bad_utf8));
    all
}

const NARRATIVE_WITH_SCRIPT: &str = concat!(
    r#"<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">"#,
    "<script>alert(1)</script></div></text>"
);

fn with_entity(definition: &str) -> String {
    format!(
        r#"<!DOCTYPE Patient [<!ENTITY e {definition}>]><Patient xmlns="http://hl7.org/fhir"><language value="&e;"/></Patient>"#
    )
}

/// Ten entities, each ten times the one before.
fn entity_bomb() -> String {
    let definitions: Vec<String> = (1..10)
        .map(|n| format!(r#"<!ENTITY e{n} "{}">"#, format!("&e{};", n - 1).repeat(10)))
        .collect();
    let definitions = definitions.concat();
    format!(
        r#"<!DOCTYPE Patient [<!ENTITY e0 "ha">{definitions}]><Patient xmlns="http://hl7.org/fhir"><language value="&e9;"/></Patient>"#
    )
}
