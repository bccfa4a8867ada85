//! Compressed bodies, both ways: <https://www.rfc-editor.org/rfc/rfc9110#name-content-codings>.

use std::io::{Read as _, Write as _};

use crate::wire::Hospital;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::CompressorReader::new(bytes, 4096, 3, 20).read_to_end(&mut out).unwrap();
    out
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).unwrap()
}

type Pack = fn(&[u8]) -> Vec<u8>;

const CODINGS: [(&str, Pack); 3] = [("gzip", gzip), ("br", brotli), ("zstd", zstd)];

fn unpack(coding: Option<&str>, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match coding {
        Some("gzip") => flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap(),
        Some("br") => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut out).unwrap(),
        Some("zstd") => {
            zstd::stream::read::Decoder::new(bytes).unwrap().read_to_end(&mut out).unwrap()
        }
        other => panic!("{other:?}"),
    };
    out
}

#[test]
fn bodies_are_read_in_each_coding_and_answered_in_each() {
    let hospital = Hospital::open();
    let name = "Rao ".repeat(500);
    let patient = format!(r#"{{"resourceType":"Patient","name":[{{"text":"{}"}}]}}"#, name.trim());
    for (coding, pack) in CODINGS {
        let headers = [("Content-Type", "application/fhir+json"), ("Content-Encoding", coding)];
        let created = hospital.ask("POST /fhir/Patient", &headers, &pack(patient.as_bytes()));
        assert_eq!(created.status, 201, "{coding}");
        let line = format!("GET {}", created.path());
        let plain = hospital.ask(&line, &[], b"");
        assert_eq!(plain.header("content-encoding"), None);
        let packed = hospital.ask(&line, &[("Accept-Encoding", coding)], b"");
        assert_eq!(packed.header("content-encoding"), Some(coding));
        assert!(packed.body.len() * 2 < plain.body.len());
        assert_eq!(unpack(packed.header("content-encoding"), &packed.body), plain.body, "{coding}");
    }
}

#[test]
fn small_answers_are_not_worth_it() {
    let hospital = Hospital::open();
    let refused = hospital.ask("GET /fhir/Patient/none", &[("Accept-Encoding", "gzip")], b"");
    assert_eq!(refused.header("content-encoding"), None);
    assert_eq!(refused.issue(), "not-found");
}

#[test]
fn bombs_nests_and_damage_are_refused() {
    let hospital = Hospital::open();
    let zeros = vec![b' '; 64 << 20];
    for (coding, pack) in CODINGS {
        let ask = |encoding: &str, body: &[u8]| {
            let headers =
                [("Content-Type", "application/fhir+json"), ("Content-Encoding", encoding)];
            hospital.ask("POST /fhir/Patient", &headers, body)
        };
        let bomb = ask(coding, &pack(&zeros));
        assert_eq!((bomb.status, bomb.issue()), (413, "too-long"), "{coding}");
        let nested = ask(&format!("{coding}, {coding}"), &pack(&pack(b"{}")));
        assert_eq!((nested.status, nested.issue()), (415, "not-supported"), "{coding}");
        let damaged = ask(coding, b"\xff\xff\xff\xff this was never packed");
        assert_eq!((damaged.status, damaged.issue()), (400, "structure"), "{coding}");
    }
    assert_eq!(hospital.get("/health/live").status, 200);
}
