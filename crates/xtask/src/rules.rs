//! The rules of the repository, held by tests: who may depend on whom, what files may be called, how long
//! they may be. See `ARCHITECTURE.md` and `CONTRIBUTING.md`.

use std::{collections::BTreeMap, path::Path, process::Command};

use serde_json::Value;

/// From the ground up. A crate may depend on crates of lower floors only.
const FLOORS: &[&[&str]] = &[
    &["beds", "fhir-model"],
    &["fhirpath"],
    &["search", "terminology"],
    &["auth"],
    &["storage"],
    &["interactions"],
    &["api"],
    &["medvault"],
    &["bench", "xtask"],
];

/// Crates without async, clock, environment, randomness or I/O.
const PURE: &[&str] = &["auth", "beds", "fhir-model", "fhirpath", "search", "terminology"];

/// What a pure crate must not depend on.
const IMPURE: &[&str] = &["actix-web", "rusqlite", "sea-orm", "tokio", "uuid"];

/// Names that say nothing.
const VAGUE: &[&str] =
    &["util", "utils", "helpers", "common", "misc", "shared", "core", "manager", "base"];

/// Lines beyond which a file tells more than one story.
const LINES_MAX: usize = 600;
/// Lines that nine files in ten stay below.
const LINES_P90: usize = 350;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    let listing = String::from_utf8(output.stdout).unwrap();
    listing.lines().filter(|path| root().join(path).is_file()).map(str::to_owned).collect()
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// Name, and whether it is needed for tests only.
fn dependencies(package: &Value) -> impl Iterator<Item = (&str, bool)> {
    package["dependencies"].as_array().unwrap().iter().map(|dependency| {
        (dependency["name"].as_str().unwrap(), dependency["kind"].as_str() == Some("dev"))
    })
}

#[test]
fn every_dependency_points_down() {
    let floor: BTreeMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(n, crates)| crates.iter().map(move |name| (*name, n)))
        .collect();
    let mut complaints = Vec::new();
    for package in &packages() {
        let name = package["name"].as_str().unwrap();
        let Some(here) = floor.get(name) else {
            complaints.push(format!("{name} has no floor"));
            continue;
        };
        for (below, is_dev) in dependencies(package) {
            if !is_dev && floor.get(below).is_some_and(|there| there >= here) {
                complaints.push(format!("{name} must not depend on {below}"));
            }
        }
    }
    assert_eq!(complaints, Vec::<String>::new());
}

#[test]
fn the_lower_floors_are_pure() {
    let mut complaints = Vec::new();
    for package in &packages() {
        let name = package["name"].as_str().unwrap();
        for (below, is_dev) in dependencies(package) {
            if PURE.contains(&name) && !is_dev && IMPURE.contains(&below) {
                complaints.push(format!("{name} must not depend on {below}"));
            }
            let is_actix = below.starts_with("actix");
            if is_actix && !is_dev && !["api", "medvault", "bench"].contains(&name) {
                complaints.push(format!("{name} must not know {below}"));
            }
        }
    }
    assert_eq!(complaints, Vec::<String>::new());
}

#[test]
fn no_crate_or_module_has_a_vague_name() {
    let files = files();
    let vague: Vec<&String> = files
        .iter()
        .filter(|path| path.split(['/', '.']).any(|part| VAGUE.contains(&part)))
        .collect();
    assert_eq!(vague, Vec::<&String>::new());
}

#[test]
fn files_stay_short() {
    let mut lengths: Vec<(usize, String)> = files()
        .into_iter()
        .filter(|path| is_rust(path))
        .map(|path| {
            let text = std::fs::read_to_string(root().join(&path)).unwrap();
            (text.lines().count(), path)
        })
        .collect();
    lengths.sort();
    let long: Vec<&(usize, String)> =
        lengths.iter().filter(|(lines, _)| *lines > LINES_MAX).collect();
    assert_eq!(long, Vec::<&(usize, String)>::new());
    let (p90, path) = &lengths[lengths.len() * 9 / 10];
    assert!(*p90 <= LINES_P90, "nine files in ten stay below {LINES_P90} lines; {path} has {p90}");
}

#[test]
fn only_storage_speaks_sql() {
    let speaks = |path: &str| {
        let text = std::fs::read_to_string(root().join(path)).unwrap_or_default();
        text.contains("rusqlite::") || text.contains("sqlx::")
    };
    let wrong: Vec<String> = files()
        .into_iter()
        .filter(|path| path.starts_with("crates/") && is_rust(path))
        .filter(|path| !path.starts_with("crates/storage/") && !path.starts_with("crates/bench/"))
        .filter(|path| path != "crates/xtask/src/rules.rs" && speaks(path))
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}
