//! The trie and the `FHIRPath` engine find the same values. The engine runs every expression as it stands
//! in the registry; the official examples lie beside the repository (`../shared/conformance`).

use std::{fs, path::Path, process::Command};

use fhir_model::json;
use fhirpath::{Context, Expression};

use super::{Found, Leaf, extract};
use crate::{Registry, Rows, registry::is_indexed};

const OWN: &[&str] = &[
    r#"{"resourceType":"Patient","id":"p","meta":{"tag":[{"system":"s","code":"t"}],"profile":["http://x"]},
        "name":[{"family":"Rao","given":["Asha","B"]}],"telecom":[{"system":"phone","value":"1"},
        {"system":"email","value":"a@b"},{"value":"2"}],"gender":"female","birthDate":"1974-12",
        "_birthDate":{"extension":[{"url":"http://y","valueString":"z"}]},"deceasedDateTime":"2020",
        "generalPractitioner":[{"reference":"Practitioner/1"},{"display":"somebody"}],
        "extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-extensions-Patient-mothersMaidenName",
        "valueString":"Iyer"}],"link":[{"other":{"reference":"Patient/2"},"type":"seealso"}]}"#,
    r##"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"l","code":"c"},{"display":"d"}]},
        "subject":{"reference":"http://own.example/fhir/Patient/1/_history/3"},
        "contained":[{"resourceType":"Patient","id":"x","active":true}],"effectivePeriod":{"start":"2020-01-01"},
        "performer":[{"reference":"#x"},{"identifier":{"system":"s","value":"v"}}],
        "component":[{"code":{"text":"t"},"valueQuantity":{"value":1.50,"system":"u","code":"mg"}},
        {"code":{"text":"t"},"valueString":"x"},{"code":{"text":"t"},"valueCodeableConcept":{"text":"y"}}]}"##,
    r#"{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},"subject":{"type":"Patient",
        "identifier":{"value":"1"}},"participant":[{"individual":{"reference":"PractitionerRole/1"}},
        {"individual":{"reference":"http://else.example/fhir/Practitioner/1"}}],"length":{"value":5,"unit":"h"}}"#,
    r#"{"resourceType":"ConceptMap","status":"draft","sourceCanonical":"http://x|1","targetUri":"http://y",
        "useContext":[{"code":{"code":"age"},"valueRange":{"low":{"value":1,"unit":"a"}}}]}"#,
    r#"{"resourceType":"RiskAssessment","status":"final","subject":{"reference":"urn:uuid:1"},
        "prediction":[{"probabilityDecimal":1e-1},{"probabilityRange":{"high":{"value":2}}}]}"#,
];

#[test]
fn own_samples_give_the_same_rows_both_ways() {
    for sample in OWN {
        same_both_ways(sample, sample.as_bytes());
    }
}

#[test]
fn official_examples_give_the_same_rows_both_ways() {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/conformance/examples/r4-official-examples.tar.xz");
    if !archive.exists() {
        println!("skipped: the official examples are not at {}", archive.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unpacked =
        Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(folder.path()).status();
    assert!(unpacked.unwrap().success());
    let mut count = 0;
    let mut folders = vec![folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                same_both_ways(&path.display().to_string(), &fs::read(&path).unwrap());
                count += 1;
            }
        }
    }
    println!("{count} examples");
    assert!(count > 2000);
}

#[test]
fn every_expression_compiles() {
    for parameter in Registry::r4().all().iter().filter(|p| !p.expression.is_empty()) {
        let compiled = Expression::parse(parameter.expression);
        assert!(compiled.is_ok(), "{} {}: {compiled:?}", parameter.ty, parameter.code);
    }
}

fn same_both_ways(name: &str, bytes: &[u8]) {
    let tree = json::parse_trusted(bytes.to_vec().into());
    let base = "http://own.example/fhir";
    let by_trie = extract(Registry::r4(), &tree, base);
    let mut found = Found { rows: Rows::default(), base };
    let Some(ty) = tree.resource_type() else { return };
    for parameter in Registry::r4()
        .of(ty)
        .iter()
        .filter(|parameter| is_indexed(parameter) && !parameter.expression.is_empty())
    {
        let leaf = Leaf { param: parameter.id, kind: parameter.kind };
        // by operand: a union drops equal values, rows do that themselves
        for expression in Expression::parse(parameter.expression).unwrap().alternatives() {
            let items = expression.evaluate(&Context::new(tree.root()), tree.root());
            for item in items.unwrap_or_else(|e| panic!("{name}: {}: {e:?}", parameter.code)) {
                found.item(leaf, &item);
            }
        }
    }
    assert_eq!(by_trie, found.settle(), "{name}");
}
