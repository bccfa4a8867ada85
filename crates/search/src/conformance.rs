//! The project's search cases, as far as the pure functions go: parse, extract, match.
//! They lie beside the repository (`../shared/conformance/search`); without them the test says so.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use fhir_model::{
    Instant, Issue, Outcome, ResourceType,
    json::{self, Limits, Value},
};

use crate::{
    Corpus, Handling, Plan, Reading, Registry, compartment_types, extract, parse, parse_system,
    parse_types,
};

const BASE: &str = "http://own.example/fhir";

/// Cases of codes that a terminology has to say first.
const OF_A_TERMINOLOGY: usize = 8;

#[test]
fn every_case_is_understood_or_refused() {
    let Some(folder) = folder() else { return };
    let (mut failures, mut understood) = (Vec::new(), 0);
    for case in items(&read(folder.join("cases.json"))) {
        let expected = match case.get("expect").and_then(|expect| expect.get("status")) {
            Some(Value::Number(status)) => status.parse().unwrap(),
            _ => 200,
        };
        let Some(parsed) = parsed(case) else { continue };
        let found = parsed.as_ref().map_or_else(Outcome::status, |_| 200);
        if found != expected {
            let said = parsed.as_ref().err().map(ToString::to_string);
            let (id, query) = (text(case, "id"), text(case, "query"));
            failures.push(format!("{id} {query}: {found} {said:?}"));
        }
        understood += usize::from(parsed.is_ok());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(understood > 300, "{understood} cases are understood");
}

#[test]
fn the_search_cases_hold() {
    let Some(folder) = folder() else { return };
    let corpus = fixture(&folder);
    let (mut failures, mut later, mut held) = (Vec::new(), 0, 0);
    for case in items(&read(folder.join("cases.json"))) {
        match answer(case, &corpus) {
            None => {}
            Some(Answer::Terminology) => later += 1,
            Some(answer) if wanted(case, &answer) == answer => held += 1,
            Some(answer) => failures.push(format!(
                "{} {}: {answer:?}, not {:?}",
                text(case, "id"),
                text(case, "query"),
                wanted(case, &answer)
            )),
        }
    }
    println!("{held} cases hold, {later} need a terminology");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(later, OF_A_TERMINOLOGY);
    assert!(held > 300, "{held} cases hold");
}

/// Where the cases are; `None`, and a line that says so, when they are not there.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/search");
    if !folder.exists() {
        println!("skipped: the search cases are not at {}", folder.display());
        return None;
    }
    Some(folder)
}

type Parsed = Result<(Plan, Vec<Issue>), Outcome>;

/// The search of a case, understood or refused; `None` for a path that is no search.
fn parsed(case: &Value) -> Option<Parsed> {
    let (path, query) = text(case, "query").split_once('?').unwrap_or((text(case, "query"), ""));
    let pairs: Vec<(String, String)> = [query, text(case, "body")]
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

#[derive(Debug, PartialEq)]
enum Answer {
    Found { ids: Vec<String>, included: Option<BTreeSet<String>> },
    Status(u16),
    Terminology,
}

/// In the form of what was answered: with or without an order, with or without includes.
fn wanted(case: &Value, answer: &Answer) -> Answer {
    let expect = case.get("expect").unwrap();
    let names = |name| {
        let list = expect.get(name).map(items).unwrap_or_default();
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    if let Some(Value::Number(status)) = expect.get("status") {
        return Answer::Status(status.parse().unwrap());
    }
    let mut ids = names("ids");
    if !is_ordered(case) {
        ids.sort();
    }
    let has_includes = matches!(answer, Answer::Found { included: Some(_), .. });
    let included = has_includes.then(|| names("included").into_iter().collect());
    Answer::Found { ids, included }
}

fn is_ordered(case: &Value) -> bool {
    case.get("expect").and_then(|expect| expect.get("ordered")).is_some()
}

/// `None` for what is not a search over one type or the system, or expects something else than resources.
fn answer(case: &Value, corpus: &Corpus) -> Option<Answer> {
    let (path, query) = text(case, "query").split_once('?')?;
    let expect = case.get("expect")?;
    let is_count = query.contains("_count=0") || query.contains("_summary=count");
    let says = expect.get("ids").is_some() || expect.get("status").is_some();
    let is_path = path.is_empty() || ResourceType::named(path).is_some();
    if case.get("method").is_some() || is_count || !says || !is_path || query.contains("_query") {
        return None;
    }
    if text(case, "kind") == "page" {
        return None;
    }
    Some(match parsed(case)? {
        Ok((plan, _)) if format!("{plan:?}").contains("Concepts(") => Answer::Terminology,
        Ok((plan, _)) => found(case, &plan, corpus),
        Err(outcome) => Answer::Status(outcome.status()),
    })
}

fn found(case: &Value, plan: &Plan, corpus: &Corpus) -> Answer {
    let hits = corpus.find(plan);
    let mut ids: Vec<String> = hits
        .iter()
        .map(|hit| match (corpus.name(*hit).rsplit_once('#'), corpus.ty(*hit)) {
            // a contained resource is named by its own type and id
            (Some((_, id)), Some(ty)) => format!("{ty}/{id}"),
            _ => corpus.name(*hit),
        })
        .collect();
    if !is_ordered(case) {
        ids.sort();
    }
    let included = corpus.include(&plan.includes, &hits);
    let included = case
        .get("expect")
        .and_then(|expect| expect.get("included"))
        .map(|_| included.into_iter().map(|hit| corpus.name(hit)).collect());
    Answer::Found { ids, included }
}

fn fixture(folder: &Path) -> Corpus {
    let bundle = read(folder.join("fixture.json"));
    let mut corpus = Corpus::default();
    for entry in items(bundle.get("entry").unwrap()) {
        let resource = entry.get("resource").unwrap();
        let id = resource.get("id").and_then(Value::as_str).unwrap();
        let tree = json::parse_trusted(resource.to_vec().into());
        let rows = extract(Registry::r4(), &tree, BASE);
        corpus.add(tree.resource_type().unwrap(), id, Instant::from_date(2026, 11, 22), rows);
    }
    corpus
}

fn read(path: PathBuf) -> Value {
    Value::parse(&fs::read(path).unwrap(), &Limits::default()).unwrap()
}

fn text<'v>(case: &'v Value, name: &str) -> &'v str {
    case.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn items(value: &Value) -> &[Value] {
    if let Value::Array(items) = value { items } else { &[] }
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
