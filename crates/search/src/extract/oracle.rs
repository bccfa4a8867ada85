//! What stands in the index under the sources of a parameter is what its whole expression gives. The engine
//! runs every expression as it stands in the registry, of composites those of the parts too; the official
//! examples lie beside the repository (`../shared/conformance`).

use std::{fs, path::Path, process::Command};

use fhir_model::{Kind, NodeRef, json};
use fhirpath::{Context, Expression};

use super::{
    extract,
    found::{self, Found},
    local::Local,
};
use crate::{
    ParamId, Parameter, Part, Registry, Rows, SearchKind,
    registry::{Leaf, Program, is_indexed},
    rows::{CompositeRow, Real},
};

const OWN: &[&str] = &[
    r##"{"resourceType":"Patient","id":"p","meta":{"tag":[{"system":"s","code":"t"}],"profile":["http://x"]},
        "name":[{"family":"Rao","given":["Asha","B"]}],"telecom":[{"system":"phone","value":"1"},
        {"system":"email","value":"a@b"},{"value":"2"}],"gender":"female","birthDate":"1974-12",
        "_birthDate":{"extension":[{"url":"http://y","valueString":"z"}]},"deceasedDateTime":"2020",
        "generalPractitioner":[{"reference":"Practitioner/1"},{"display":"somebody"}],
        "maritalStatus":{"text":"m"},"contained":[{"resourceType":"Organization","id":"o","name":"Own",
        "address":[{"city":"C"}]}],"managingOrganization":{"reference":"#o"},"identifier":[{"type":{"coding":[
        {"system":"s","code":"MR"}],"text":"record"},"system":"x","value":"7"}],
        "address":[{"text":"a","line":["l"],"city":"C","postalCode":"p","use":"home"}],
        "extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-extensions-Patient-mothersMaidenName",
        "valueString":"Iyer"}],"link":[{"other":{"reference":"Patient/2"},"type":"seealso"}]}"##,
    r##"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"l","code":"c"},{"display":"d"}]},
        "subject":{"reference":"http://own.example/fhir/Patient/1/_history/3"},
        "contained":[{"resourceType":"Patient","id":"x","active":true}],"effectivePeriod":{"start":"2020-01-01"},
        "performer":[{"reference":"#x"},{"identifier":{"system":"s","value":"v"}}],
        "valueQuantity":{"value":1,"system":"http://unitsofmeasure.org","code":"mg"},
        "component":[{"code":{"coding":[{"code":"d","display":"D"}],"text":"t"},"valueQuantity":{"value":1.50,"system":"http://unitsofmeasure.org","code":"mg"}},
        {"code":{"coding":[{"code":"e"}]},"valueCodeableConcept":{"coding":[{"code":"f"},{"code":"g"}]}},
        {"code":{"text":"t"},"valueString":"x"},{"code":{"text":"t"},"valueCodeableConcept":{"text":"y"}}]}"##,
    r#"{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},"subject":{"type":"Patient",
        "identifier":{"value":"1"}},"participant":[{"individual":{"reference":"PractitionerRole/1"}},
        {"individual":{"reference":"http://else.example/fhir/Practitioner/1"}}],"length":{"value":5,"unit":"h"}}"#,
    r#"{"resourceType":"ConceptMap","status":"draft","sourceCanonical":"http://x|1","targetUri":"http://y",
        "useContext":[{"code":{"code":"age"},"valueRange":{"low":{"value":1,"system":"http://unitsofmeasure.org","code":"a"}}},
        {"code":{"system":"s","code":"focus"},"valueCodeableConcept":{"coding":[{"code":"x"}]}}]}"#,
    r#"{"resourceType":"Observation","status":"final","code":{"coding":[{"code":"c"}]},"valueDateTime":"2020-01"}"#,
    r#"{"resourceType":"Observation","status":"final","code":{"coding":[{"code":"c"}]},"valueString":"Text"}"#,
    r#"{"resourceType":"DocumentReference","status":"current","relatesTo":[{"code":"replaces","target":{"reference":"DocumentReference/1"}}]}"#,
    r#"{"resourceType":"Group","characteristic":[{"code":{"coding":[{"code":"c"}]},"valueBoolean":true},
        {"code":{"coding":[{"code":"d"}]},"valueCodeableConcept":{"coding":[{"code":"e"}]}}]}"#,
    r#"{"resourceType":"MolecularSequence","coordinateSystem":1,"referenceSeq":{"chromosome":{"coding":[{"code":"1"}]},
        "referenceSeqId":{"coding":[{"code":"NC"}]},"windowStart":5,"windowEnd":9},"variant":[{"start":6,"end":7},{"start":8}]}"#,
    r#"{"resourceType":"Location","name":"L","alias":["M"],"position":{"longitude":-71.1,"latitude":42.3}}"#,
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
        let compiled = Expression::parse(&parameter.expression);
        assert!(compiled.is_ok(), "{} {}: {compiled:?}", parameter.ty, parameter.code);
    }
}

const BASE: &str = "http://own.example/fhir";

fn same_both_ways(name: &str, bytes: &[u8]) {
    let tree = json::parse_trusted(bytes.to_vec().into());
    let rows = extract(Registry::r4(), &tree, BASE);
    let local = Local::of(tree.root());
    same_rows(name, &rows, tree.root(), &local);
    let inner: Vec<_> = local.resources().collect();
    assert_eq!(rows.contained.len(), inner.len(), "{name}");
    for (contained, inner) in rows.contained.iter().zip(inner) {
        assert_eq!((contained.ty, &*contained.id), (inner.ty, &*inner.id), "{name}");
        same_rows(name, &contained.rows, inner.node, &local);
    }
}

/// Each parameter's rows, read from its sources, are those of the engine.
fn same_rows(name: &str, rows: &Rows, root: NodeRef<'_>, local: &Local<'_>) {
    let Some(ty) = root.ty().as_resource() else { return };
    let program = Program::default();
    for parameter in Registry::r4().of(ty).iter().filter(|parameter| is_indexed(parameter)) {
        let mut found = Found::new(&program, root, BASE, local);
        if parameter.kind == SearchKind::Composite {
            found.rows.composites = composite(parameter, root, local);
        } else {
            let leaf = Leaf { param: parameter.id, kind: parameter.kind, parts: u8::MAX };
            // by operand: a union drops equal values, rows do that themselves
            for expression in Expression::parse(&parameter.expression).unwrap().alternatives() {
                let items = expression.evaluate(&Context::new(root), root);
                for item in items.unwrap_or_else(|e| panic!("{name}: {}: {e:?}", parameter.code)) {
                    found.item(leaf, &item);
                }
            }
        }
        let mut expected = found.settle();
        let is_there = !expected.is_empty();
        expected.valueless.clear();
        let indexed = read(rows, &parameter.sources, parameter.id);
        assert_eq!(indexed, expected, "{name}: {ty} {}", parameter.code);
        let is_indexed =
            !indexed.is_empty() || rows.valueless.iter().any(|p| parameter.sources.contains(p));
        assert_eq!(is_indexed, is_there, "{name}: {ty} {}", parameter.code);
    }
}

/// The rows of some parameters as those of one.
fn read(rows: &Rows, sources: &[ParamId], param: ParamId) -> Rows {
    macro_rules! of {
        ($($list:ident)*) => {
            Rows { $($list: {
                let own = rows.$list.iter().filter(|row| sources.contains(&row.param)).cloned();
                own.map(|mut row| { row.param = param; row }).collect()
            },)* ..Rows::default() }
        };
    }
    let mut out = of!(tokens identifiers typed texts references strings dates numbers quantities
        canonical uris composites positions);
    out.settle();
    out
}

/// A composite by its definition: all combinations of what the parts' expressions give on each element.
fn composite(parameter: &Parameter, root: NodeRef<'_>, local: &Local<'_>) -> Vec<CompositeRow> {
    let context = Context::new(root);
    let bases = Expression::parse(&parameter.expression).unwrap().evaluate(&context, root).unwrap();
    let mut out = Vec::new();
    for base in bases.iter().filter_map(fhirpath::Item::node) {
        let parts: Vec<Rows> = parameter
            .components
            .iter()
            .map(|(url, text)| {
                let of_type = Registry::r4().of(parameter.ty);
                let kind = of_type.iter().find(|one| one.url == *url).unwrap().kind;
                let leaf = Leaf { param: parameter.id, kind, parts: u8::MAX };
                // the type that the definition means
                let text = text.replace("DateTime", "dateTime");
                let items = Expression::parse(&text).unwrap().evaluate(&context, base).unwrap();
                let mut rows = Rows::default();
                for node in items.iter().filter_map(fhirpath::Item::node) {
                    if node.kind() != Kind::Absent {
                        found::element(&mut rows, leaf, node, BASE, local);
                    }
                }
                rows
            })
            .collect();
        let key = parts.iter().position(|part| !part.tokens.is_empty());
        let Some(key) = key else { continue };
        let others: Vec<&Rows> =
            parts.iter().enumerate().filter(|(at, _)| *at != key).map(|(_, rows)| rows).collect();
        for token in &parts[key].tokens {
            out.extend(values(&others).into_iter().map(|part| CompositeRow {
                param: parameter.id,
                code: token.code.clone(),
                system: token.system.clone(),
                part,
            }));
        }
    }
    out
}

fn values(parts: &[&Rows]) -> Vec<Part> {
    let mut out = Vec::new();
    if let [a, b] = parts {
        let pair = |a: Real| b.numbers.iter().map(move |b| Part::Numbers(a, b.value));
        return a.numbers.iter().flat_map(|a| pair(a.value)).collect();
    }
    let one = parts[0].clone();
    out.extend(
        one.tokens.into_iter().map(|row| Part::Token { code: row.code, system: row.system }),
    );
    out.extend(
        one.strings.into_iter().map(|row| Part::String { folded: row.folded, exact: row.exact }),
    );
    out.extend(one.dates.into_iter().map(|row| Part::Date(row.span)));
    out.extend(one.quantities.into_iter().map(|row| Part::Quantity {
        value: row.value,
        system: row.system,
        code: row.code,
        unit: row.unit,
    }));
    let canonical = one.canonical.into_iter();
    out.extend(canonical.map(|row| Part::Canonical { value: row.value, unit: row.unit }));
    out.extend(one.references.into_iter().map(|row| Part::Reference(row.target)));
    out
}
