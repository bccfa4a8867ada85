//! Nanoseconds per evaluation: `cargo bench -p fhirpath`. Each figure is the median of rounds.
#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::{hint::black_box, time::Instant};

use fhir_model::{Tree, json};
use fhirpath::{Context, Expression};

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p","meta":{"versionId":"1","lastUpdated":"2026-11-22T06:48:14.123Z"},
"identifier":[{"system":"https://example.org/mrn","value":"1"},{"system":"https://example.org/abha","value":"2"}],
"name":[{"use":"official","family":"Rao","given":["Asha","M"]},{"use":"maiden","family":"Iyer"}],
"telecom":[{"system":"phone","value":"1"},{"system":"email","value":"a@example.org"}],"gender":"female",
"birthDate":"1980-02-29","deceasedBoolean":false,"address":[{"city":"Pune","country":"IN"}],
"maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M"}]},
"generalPractitioner":[{"reference":"Practitioner/1"}],"managingOrganization":{"reference":"Organization/1"}}"#;

const EXPRESSIONS: &[&str] = &[
    "Patient.name.given",
    "Patient.telecom.where(system = 'email')",
    "Patient.generalPractitioner.where(resolve() is Practitioner)",
    "(Patient.deceased as dateTime)",
    "Patient.deceased.exists() and Patient.deceased != false",
    "Patient.name.where(use = 'official').given.first() = 'Asha' and Patient.birthDate < @2000",
    "contained.where((('#'+id in (%resource.descendants().reference))).not()).empty()",
    "Patient.descendants().count()",
];

fn main() {
    let tree = json::parse_trusted(PATIENT.as_bytes().into());
    for text in EXPRESSIONS {
        let parse = median(|| drop(black_box(Expression::parse(black_box(text)))));
        match Expression::parse(text) {
            Ok(expression) => {
                let evaluate = evaluate(&expression, &tree);
                println!("{evaluate:>7.0} ns (parse {parse:>6.0} ns)  {text}");
            }
            Err(error) => println!("{text}: {error}"),
        }
    }
}

fn evaluate(expression: &Expression, tree: &Tree) -> f64 {
    let context = Context::new(tree.root());
    median(|| drop(black_box(expression.evaluate(&context, black_box(tree.root())))))
}

/// Nanoseconds.
fn median(mut run: impl FnMut()) -> f64 {
    const RUNS: u32 = 2000;
    let mut rounds: Vec<f64> = (0..51)
        .map(|_| {
            let start = Instant::now();
            (0..RUNS).for_each(|_| run());
            start.elapsed().as_secs_f64() * 1e9 / f64::from(RUNS)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied().unwrap_or_default()
}
