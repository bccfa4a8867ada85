//! Every official R4 example goes in and comes out as it was; the few that break the specification's own
//! rules are listed in `refused-examples.tsv`, and the list is exact.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use bytes::Bytes;
use fhir_model::{
    Instant, Valid,
    json::{self, Limits, Value},
};

/// Where the archive is, when it is there.
fn archive() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/conformance/examples/r4-official-examples.tar.xz");
    if path.exists() {
        return Some(path);
    }
    println!("not run: the official examples are not at {}", path.display());
    None
}

/// Name and content of every JSON example.
fn json_examples() -> Option<Vec<(String, Bytes)>> {
    let archive = archive()?;
    let folder = std::env::temp_dir().join(format!("r4-examples-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let unpacked =
        Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(&folder).status().unwrap();
    assert!(unpacked.success(), "tar could not unpack {}", archive.display());
    let mut examples = Vec::new();
    let mut folders = vec![folder.clone()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                examples.push((name, Bytes::from(fs::read(&path).unwrap())));
            }
        }
    }
    fs::remove_dir_all(&folder).unwrap();
    examples.sort();
    Some(examples)
}

/// `id` and `meta` out of the way, which stamping changes.
fn without_identity(bytes: &[u8]) -> Vec<(String, Value)> {
    let limits = Limits { depth: 128, ..Limits::default() };
    let Value::Object(mut members) = Value::parse(bytes, &limits).unwrap() else {
        panic!("a resource is an object");
    };
    members.retain(|(name, _)| name != "id" && name != "meta");
    members
}

/// What is left of `meta` when version and time are taken away.
fn rest_of_meta(bytes: &[u8]) -> Vec<(String, Value)> {
    let limits = Limits { depth: 128, ..Limits::default() };
    let value = Value::parse(bytes, &limits).unwrap();
    let Some(Value::Object(mut meta)) = value.get("meta").cloned() else { return Vec::new() };
    meta.retain(|(name, _)| name != "versionId" && name != "lastUpdated");
    meta
}

fn assert_survives(name: &str, source: &Bytes, valid: &Valid) {
    let stamped = valid.stamp("new-id", &[]).bytes(7, Instant::from_millis(0));
    assert_eq!(without_identity(source), without_identity(&stamped), "{name}");
    assert_eq!(rest_of_meta(source), rest_of_meta(&stamped), "{name}");
    let again = json::parse(stamped.clone(), &Limits::default()).unwrap();
    let root = again.tree().root();
    assert_eq!(root.child_text("id").as_deref(), Some("new-id"), "{name}");
    let meta = root.child("meta").unwrap();
    assert_eq!(meta.child_text("versionId").as_deref(), Some("7"), "{name}");
    let twice = again.stamp("new-id", &[]).bytes(7, Instant::from_millis(0));
    assert_eq!(twice, stamped, "{name}: stamping again changes nothing");
    let trusted = json::parse_trusted(stamped);
    let spans = |tree: &fhir_model::Tree| -> Vec<_> {
        tree.nodes().map(|node| (node.span(), node.kind(), node.ty(), node.path())).collect()
    };
    if trusted.len() < 2_000 {
        assert_eq!(spans(&trusted), spans(again.tree()), "{name}");
    }
    assert_eq!(trusted.len(), again.tree().len(), "{name}");
}

#[test]
fn every_example_survives_or_is_listed_with_the_reason() {
    let Some(examples) = json_examples() else { return };
    assert_eq!(examples.len(), 2_459);
    let mut refused = Vec::new();
    for (name, source) in &examples {
        match json::parse(source.clone(), &Limits::default()) {
            Ok(valid) => assert_survives(name, source, &valid),
            Err(outcome) => {
                for issue in outcome.issues() {
                    let expression = issue.expression.as_deref().unwrap_or_default();
                    refused.push(format!("{name}\t{expression}\t{}", issue.diagnostics));
                }
            }
        }
    }
    let listed: Vec<String> = include_str!("../refused-examples.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit_once('\t').unwrap().0.to_owned())
        .collect();
    assert_eq!(refused, listed, "refused, and listed in refused-examples.tsv");
}
