//! Every example resource of the R4 specification goes in and comes back, as JSON and as XML. They are read
//! from beside the repository; where they are not, there is nothing to tell.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use fhir_model::{json, json::Value, xml};

use crate::house::House;

stories!(json_examples_come_back_as_they_were, xml_examples_are_kept_as_json);

/// `docs/` of the examples; unpacked once.
fn examples() -> Option<&'static Path> {
    static UNPACKED: OnceLock<Option<PathBuf>> = OnceLock::new();
    let unpack = || {
        let archive = Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/conformance/examples/r4-official-examples.tar.xz"
        ));
        if !archive.exists() {
            println!("no official examples beside the repository: nothing to check");
            return None;
        }
        let to = std::env::temp_dir().join(crate::house::unique("medvault-examples"));
        std::fs::create_dir_all(&to).unwrap();
        let done = Command::new("tar").arg("xJf").arg(archive).arg("-C").arg(&to).status().unwrap();
        assert!(done.success());
        Some(to)
    };
    UNPACKED.get_or_init(unpack).as_deref()
}

fn files(ending: &str) -> Vec<PathBuf> {
    let Some(root) = examples() else { return Vec::new() };
    let mut folders = vec![root.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Files whose example breaks the specification's own rules; why is said there.
fn refused() -> BTreeSet<String> {
    include_str!("../../crates/fhir-model/tests/refused-examples.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('\t').next())
        .map(str::to_owned)
        .collect()
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

fn is_refused(refused: &BTreeSet<String>, path: &Path) -> bool {
    refused.iter().any(|file| file.split('.').next() == name(path).split('.').next())
}

fn value(text: &str) -> Value {
    let limits = json::Limits { string_bytes: usize::MAX, ..json::Limits::default() };
    Value::parse(text.as_bytes(), &limits).unwrap()
}

/// Without what is the server's own: `id` where it was made by the server, version and time.
fn without_identity(mut value: Value, given_id: Option<&str>) -> Value {
    let Value::Object(members) = &mut value else { return value };
    if given_id.is_none() {
        members.retain(|(name, _)| name != "id");
    }
    for (_, meta) in members.iter_mut().filter(|(name, _)| name == "meta") {
        if let Value::Object(meta) = meta {
            meta.retain(|(name, _)| name != "versionId" && name != "lastUpdated");
        }
    }
    members.retain(|(name, value)| name != "meta" || *value != Value::Object(Vec::new()));
    value
}

/// The same members in one order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> =
                members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(members)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => scalar,
    }
}

fn json_examples_come_back_as_they_were(house: &House) {
    let refused = refused();
    let files = files("json");
    for path in &files {
        let text = std::fs::read_to_string(path).unwrap();
        let sent = value(&text);
        let ty = sent.get("resourceType").and_then(Value::as_str).unwrap();
        let id = sent.get("id").and_then(Value::as_str);
        let (method, address) = match id {
            Some(id) => ("PUT", format!("/{ty}/{id}")),
            None => ("POST", format!("/{ty}")),
        };
        let stored = house.send(method, &address, &[], &text);
        if is_refused(&refused, path) {
            assert!((400..=422).contains(&stored.status), "{}: {}", path.display(), stored.status);
            continue;
        }
        assert!([200, 201].contains(&stored.status), "{}: {}", path.display(), stored.text);
        let address =
            format!("/{ty}/{}", value(&stored.text).get("id").and_then(Value::as_str).unwrap());
        let json =
            house.send("GET", &address, &[("Accept", "application/fhir+json")], "").expect(200);
        let back = value(&json.text);
        let expected = without_identity(sent.clone(), id);
        assert_eq!(without_identity(back.clone(), id), expected, "{}", path.display());
        let as_xml =
            house.send("GET", &address, &[("Accept", "application/fhir+xml")], "").expect(200);
        let again = xml::to_json(as_xml.text.as_bytes(), &json::Limits::default()).unwrap();
        let again = value(std::str::from_utf8(&again).unwrap());
        assert_eq!(sorted(again), sorted(back), "{}", path.display());
    }
    println!("{} JSON examples", files.len());
    assert!(files.is_empty() || files.len() == 2459);
}

fn xml_examples_are_kept_as_json(house: &House) {
    let refused = refused();
    let files = files("xml");
    for path in &files {
        let text = std::fs::read_to_string(path).unwrap();
        let sent = xml::to_json(text.as_bytes(), &json::Limits::default()).unwrap();
        let sent = value(std::str::from_utf8(&sent).unwrap());
        let ty = sent.get("resourceType").and_then(Value::as_str).unwrap();
        let headers =
            [("Content-Type", "application/fhir+xml"), ("Accept", "application/fhir+json")];
        let stored = house.send("POST", &format!("/{ty}"), &headers, &text);
        if is_refused(&refused, path) {
            assert!((400..=422).contains(&stored.status), "{}: {}", path.display(), stored.status);
            continue;
        }
        assert_eq!(stored.status, 201, "{}: {}", path.display(), stored.text);
        let back = without_identity(value(&stored.text), None);
        assert_eq!(back, without_identity(sent, None), "{}", path.display());
    }
    println!("{} XML examples", files.len());
    assert!(files.is_empty() || files.len() == 875);
}
