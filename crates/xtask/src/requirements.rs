//! `docs/smart-requirements.csv`: which test holds which server requirement of SMART App Launch 2.2. A name there has
//! to be that of a test. `n/a: ` goes before the reason why a requirement is not the server's to meet; what SHALL or
//! SHALL NOT be has one or the other. `docs/negative-tests.csv` says the same of what must not happen.

use std::{collections::BTreeSet, fs, path::Path};

fn sources(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// Whether a name in a table is that of a test; `n/a: ` goes before a reason instead.
fn missing<'t>(names: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut texts = Vec::new();
    for directory in ["crates", "tests"] {
        sources(&root.join(directory), &mut texts);
    }
    let named: BTreeSet<&str> =
        names.filter(|it| !it.is_empty() && !it.starts_with("n/a: ")).collect();
    named
        .into_iter()
        .filter(|test| {
            let function = format!("fn {}(", test.rsplit("::").next().unwrap());
            !texts.iter().any(|text| text.contains(&function))
        })
        .collect()
}

fn table(name: &str) -> String {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    fs::read_to_string(root.join("docs").join(name)).unwrap()
}

#[test]
fn every_requirement_names_a_test_that_is_there() {
    let table = table("smart-requirements.csv");
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("id,conformance,test"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.splitn(3, ',').collect()).collect();
    assert_eq!(rows.len(), 263);
    let open: Vec<&str> = (rows.iter())
        .filter(|row| row[1].starts_with("SHALL") && row[2].is_empty())
        .map(|row| row[0])
        .collect();
    assert_eq!(open, Vec::<&str>::new());
    assert_eq!(missing(rows.iter().map(|row| row[2])), Vec::<&str>::new());
}

#[test]
fn every_negative_test_names_a_test_that_is_there() {
    let table = table("negative-tests.csv");
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("number,test"));
    let rows: Vec<(&str, &str)> = lines.map(|line| line.split_once(',').unwrap()).collect();
    let numbers: Vec<String> = (1..=85).map(|n| format!("N{n:02}")).collect();
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), numbers);
    assert!(rows.iter().all(|row| !row.1.is_empty()));
    assert_eq!(missing(rows.iter().map(|row| row.1)), Vec::<&str>::new());
}
