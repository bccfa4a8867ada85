//! `docs/smart-requirements.csv`: which test holds which server requirement of SMART App Launch 2.2. A name there has
//! to be that of a test. `n/a: ` goes before the reason why a requirement is not the server's to meet; what SHALL or
//! SHALL NOT be has one or the other.

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

#[test]
fn every_requirement_names_a_test_that_is_there() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut texts = Vec::new();
    for directory in ["crates/api/src", "crates/auth/src", "crates/storage/src", "tests"] {
        sources(&root.join(directory), &mut texts);
    }
    let table = fs::read_to_string(root.join("docs/smart-requirements.csv")).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("id,conformance,test"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 263);
    let open: Vec<&str> = (rows.iter())
        .filter(|row| row[1].starts_with("SHALL") && row[2].is_empty())
        .map(|row| row[0])
        .collect();
    assert_eq!(open, Vec::<&str>::new());
    let named: BTreeSet<&str> = (rows.iter().map(|row| row[2]))
        .filter(|it| !it.is_empty() && !it.starts_with("n/a: "))
        .collect();
    let missing: Vec<&&str> = named
        .iter()
        .filter(|test| {
            let function = format!("fn {}(", test.rsplit("::").next().unwrap());
            !texts.iter().any(|text| text.contains(&function))
        })
        .collect();
    assert_eq!(missing, Vec::<&&str>::new());
}
