//! The project's search cases, as far as reading goes: every query is understood or refused as expected.
//! They lie beside the repository (`../shared/conformance/search`); without them the test says so.

use std::{fs, path::Path};

use fhir_model::{
    Instant, Issue, Outcome, ResourceType,
    json::{Limits, Value},
};

use super::{Handling, Reading, compartment_types, parse, parse_system, parse_types};
use crate::{Plan, Registry};

const BASE: &str = "http://own.example/fhir";

#[test]
fn every_case_is_understood_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/search");
    if !folder.exists() {
        println!("skipped: the search cases are not at {}", folder.display());
        return;
    }
    let cases =
        Value::parse(&fs::read(folder.join("cases.json")).unwrap(), &Limits::default()).unwrap();
    let Value::Array(cases) = cases else { panic!("no list") };
    let (mut failures, mut understood) = (Vec::new(), 0);
    for case in &cases {
        let text = |name| case.get(name).and_then(Value::as_str).unwrap_or_default();
        let status = match case.get("expect").and_then(|expect| expect.get("status")) {
            Some(Value::Number(status)) => status.parse().unwrap(),
            _ => 200,
        };
        let Some(answer) = read(case) else { continue };
        let found = answer.as_ref().map_or_else(Outcome::status, |_| 200);
        if found != status {
            let said = answer.as_ref().err().map(ToString::to_string);
            failures.push(format!("{} {}: {found} {said:?}", text("id"), text("query")));
        }
        understood += usize::from(answer.is_ok());
    }
    println!("{understood} of {} cases are understood", cases.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(understood > 300);
}

type Answer = Result<(Plan, Vec<Issue>), Outcome>;

/// `None` for a path that is no search.
fn read(case: &Value) -> Option<Answer> {
    let text = |name| case.get(name).and_then(Value::as_str).unwrap_or_default();
    let (path, query) = text("query").split_once('?').unwrap_or((text("query"), ""));
    let pairs: Vec<(String, String)> = [query, text("body")]
        .into_iter()
        .flat_map(|part| part.split('&'))
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(&value.replace("{base}", BASE))))
        .collect();
    let prefer = case.get("headers").and_then(|headers| headers.get("Prefer"));
    let handling = match prefer.and_then(Value::as_str) {
        Some("handling=lenient") => Handling::Lenient,
        _ => Handling::Strict,
    };
    let reading = Reading { handling, base: BASE, now: Instant::from_date(2026, 11, 22) };
    let registry = Registry::r4();
    let path = path.trim_end_matches("_search").trim_end_matches('/');
    match path.split('/').collect::<Vec<_>>().as_slice() {
        [""] => Some(parse_system(registry, &pairs, &reading)),
        [ty] | [_, _, ty] if *ty != "*" => {
            Some(parse(registry, ResourceType::named(ty)?, &pairs, &reading))
        }
        [center, _, "*"] => {
            let types = compartment_types(ResourceType::named(center)?);
            Some(parse_types(registry, &types, &pairs, &reading))
        }
        _ => None,
    }
}

/// Percent-encoding and `+` taken away.
fn decode(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex: Vec<u8> = bytes.by_ref().take(2).collect();
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(out).unwrap()
}
