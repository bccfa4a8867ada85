//! Hostile HTTP: sizes, encodings, framing, slowness.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use super::wire::{Piece, head, request};
use super::{Case, MALFORMED, Wanted};
use crate::target::Target;

const JSON: (&str, &str) = ("Content-Type", "application/fhir+json");
const EMPTY_PATIENT: &str = r#"{"resourceType":"Patient"}"#;
const BOMB_MIB: usize = 512;
const MIB: usize = 1 << 20;

const BAD_REQUEST: Wanted = Wanted::HttpRefusal(&[400]);
const TOO_LONG: Wanted = Wanted::HttpRefusal(&[400, 413, 414, 431]);
const TIMEOUT: Wanted = Wanted::HttpRefusal(&[400, 408]);

pub(crate) fn all(target: &Target) -> Vec<Case> {
    let mut cases = compressed(target);
    cases.extend(sized(target));
    cases.extend(framed(target));
    cases.extend(addressed(target));
    cases.extend(slow(target));
    cases
}

fn case(name: &'static str, pieces: Vec<Piece>, wanted: Wanted) -> Case {
    Case { name, pieces, wanted, crowd: false }
}

fn compressed(target: &Target) -> Vec<Case> {
    let post = |encoding: &str, body: Bytes| {
        request(target, "POST Patient", &[JSON, ("Content-Encoding", encoding)], body)
    };
    let truncated = gzip(EMPTY_PATIENT.as_bytes(), 1);
    let truncated = truncated.slice(..truncated.len().saturating_sub(10));
    let unknown = Wanted::Outcome(&[400, 415]);
    vec![
        case("gzip: a bomb of 512 MiB", post("gzip", gzip(&[b' '; MIB], BOMB_MIB)), MALFORMED),
        case("zstd: a bomb of 512 MiB", post("zstd", zstd_bomb()), MALFORMED),
        case("gzip: cut off", post("gzip", truncated), MALFORMED),
        case("gzip: not gzip", post("gzip", Bytes::from_static(b"hello")), MALFORMED),
        case("zstd: not zstd", post("zstd", Bytes::from_static(b"hello")), MALFORMED),
        case("br: not brotli", post("br", Bytes::from_static(b"\xFF\xFF\xFF\xFF")), MALFORMED),
        case("unknown encoding", post("compress", Bytes::from_static(b"hello")), unknown),
    ]
}

fn sized(target: &Target) -> Vec<Case> {
    let mut announced = head(target, "POST Patient", &[JSON]);
    announced.extend_from_slice(b"Content-Length: 1099511627776\r\n\r\n{");
    let mut chunked = head(target, "POST Patient", &[JSON, ("Transfer-Encoding", "chunked")]);
    chunked.extend_from_slice(b"\r\n");
    let mut chunk = format!("{MIB:x}\r\n").into_bytes();
    chunk.extend(std::iter::repeat_n(b' ', MIB));
    chunk.extend_from_slice(b"\r\n");
    let big = format!(r#"{{"resourceType":"Patient","language":"{}"}}"#, "a".repeat(100 * MIB));
    let long = "x".repeat(MIB);
    let many: Vec<(String, String)> = (0..5_000).map(|n| (format!("X-{n}"), "1".into())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let too_large = || Wanted::Outcome(&[413]);
    vec![
        case("a body of 1 TiB announced", vec![Piece::Bytes(announced.into())], too_large()),
        case("a body of 100 MiB", request(target, "POST Patient", &[JSON], big), too_large()),
        case(
            "a chunked body of 1 GiB",
            vec![Piece::Bytes(chunked.into()), Piece::Repeat(chunk.into(), 1024)],
            too_large(),
        ),
        case(
            "a header of 1 MiB",
            request(target, "GET metadata", &[("X-Long", &long)], ""),
            TOO_LONG,
        ),
        case("5,000 headers", request(target, "GET metadata", &many, ""), TOO_LONG),
        case(
            "a query of 1 MiB",
            request(target, &format!("GET Patient?name={long}"), &[], ""),
            TOO_LONG,
        ),
    ]
}

fn framed(target: &Target) -> Vec<Case> {
    let with = |lines: &str, body: &str| {
        let mut bytes = head(target, "POST Patient", &[JSON]);
        bytes.extend_from_slice(lines.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body.as_bytes());
        vec![Piece::Bytes(bytes.into())]
    };
    let both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n";
    let reversed = "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n";
    let smuggled = "0\r\n\r\nGET /fhir/Patient HTTP/1.1\r\nHost: x\r\n\r\n";
    let two_lengths = "Content-Length: 4\r\nContent-Length: 5\r\n";
    let raw = |bytes: &'static [u8]| vec![Piece::Bytes(Bytes::from_static(bytes))];
    vec![
        case("Content-Length and Transfer-Encoding", with(both, smuggled), BAD_REQUEST),
        case("Transfer-Encoding and Content-Length", with(reversed, smuggled), BAD_REQUEST),
        case("two Content-Lengths", with(two_lengths, "{}{}{"), BAD_REQUEST),
        case("negative Content-Length", with("Content-Length: -1\r\n", "{}"), BAD_REQUEST),
        case("Content-Length with a sign", with("Content-Length: +2\r\n", "{}"), BAD_REQUEST),
        case(
            "a chunk size that overflows",
            with("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n{}"),
            Wanted::HttpRefusal(&[400, 413]),
        ),
        case("a header without a colon", with("Broken header\r\n", ""), BAD_REQUEST),
        case("not HTTP", raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"), BAD_REQUEST),
        case("an unknown method", raw(b"BREW /fhir HTTP/1.1\r\nHost: x\r\n\r\n"), UNKNOWN_METHOD),
        case("HTTP/9.9", raw(b"GET /fhir/metadata HTTP/9.9\r\nHost: x\r\n\r\n"), UNKNOWN_VERSION),
    ]
}

const UNKNOWN_METHOD: Wanted = Wanted::HttpRefusal(&[400, 404, 405, 501]);
const CUT_DOWN: Wanted = Wanted::HttpRefusal(&[200, 400]);
const UNKNOWN_VERSION: Wanted = Wanted::HttpRefusal(&[400, 505]);

fn addressed(target: &Target) -> Vec<Case> {
    let get = |path: &str| request(target, &format!("GET {path}"), &[], "");
    let refused = || Wanted::HttpRefusal(&[400, 404]);
    let long_id = "a".repeat(65);
    vec![
        case("a path out of the base", get("/fhir/../../../etc/passwd"), refused()),
        case("the same, escaped", get("/fhir/%2e%2e%2f%2e%2e%2fetc%2fpasswd"), refused()),
        case("an id that is not UTF-8", get("Patient/%ff%fe"), refused()),
        case("an id with NUL", get("Patient/a%00b"), refused()),
        case("an id of 65 characters", get(&format!("Patient/{long_id}")), refused()),
        case("a query that is not UTF-8", get("Patient?name=%ff%fe"), refused()),
        case(
            "a token with SQL",
            get("Patient?identifier=';%20drop%20table%20resource--&_x=1"),
            refused(),
        ),
        // a server may also cut it down to its largest page
        case("_count that overflows", get("Patient?_count=99999999999999999999"), CUT_DOWN),
        case("a cursor nobody gave", get("Patient?_cursor=AAAA%27"), refused()),
    ]
}

fn slow(target: &Target) -> Vec<Case> {
    let headers = head(target, "GET metadata", &[]);
    let mut body = head(target, "POST Patient", &[JSON]);
    body.extend_from_slice(b"Content-Length: 1000\r\n\r\n");
    let drip = Bytes::from(vec![b'a'; 120]);
    vec![
        Case {
            name: "slow headers, a byte a second",
            pieces: vec![Piece::Bytes(headers.into()), Piece::Drip(drip.clone())],
            wanted: TIMEOUT,
            crowd: true,
        },
        Case {
            name: "a slow body, a byte a second",
            pieces: vec![Piece::Bytes(body.into()), Piece::Drip(drip)],
            wanted: TIMEOUT,
            crowd: true,
        },
    ]
}

/// The bytes so many times, packed.
fn gzip(bytes: &[u8], times: usize) -> Bytes {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..times {
        // Packing into memory does not fail.
        if packer.write_all(bytes).is_err() {
            break;
        }
    }
    packer.finish().map(Bytes::from).unwrap_or_default()
}

fn zstd_bomb() -> Bytes {
    let one = zstd::bulk::compress(&vec![b' '; 16 * MIB], 1).unwrap_or_default();
    // Frames may follow each other.
    Bytes::from(one.repeat(BOMB_MIB / 16))
}
