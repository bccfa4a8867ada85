//! Time to read a query: `cargo bench -p search --bench parse`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::{hint::black_box, time::Instant};

use fhir_model::ResourceType;
use search::{Handling, Reading, Registry, parse, parse_system};

/// How often each query is read; the fastest of the rounds counts.
const TIMES: u32 = 1000;
const ROUNDS: usize = 10;

const QUERIES: &[&str] = &[
    "Patient?identifier=http://hospital.example/mrn|1001",
    "Observation?patient=Patient/1&code=http://loinc.org|8867-4&_sort=-date&_count=20",
    "Patient?name=smith&birthdate=ge1980-01-01&_total=accurate",
    "Observation?value-quantity=gt5.4|http://unitsofmeasure.org|mg",
    "Encounter?subject:Patient.general-practitioner:Practitioner.family=grey",
    "Observation?subject.name=x",
    "Patient?_has:Observation:patient:code=8867-4&_revinclude=Condition:patient",
    "Observation?component-code-value-quantity=http://loinc.org|8480-6$gt100",
    "Patient?_filter=(family co \"muller\" or family co \"smith\") and gender eq female",
    "Provenance?target.patient.family=x",
    "?_id=x",
    "Patient?birthDate=2000",
];

fn main() {
    let registry = Registry::r4();
    let reading = Reading {
        handling: Handling::Strict,
        base: "http://own.example/fhir",
        now: fhir_model::Instant::from_millis(1_795_305_600_000),
    };
    for query in QUERIES {
        let (name, parameters) = query.split_once('?').unwrap_or((query, ""));
        let pairs: Vec<(String, String)> = parameters
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let read = || match ResourceType::named(name) {
            Some(ty) => parse(registry, ty, &pairs, &reading),
            None => parse_system(registry, &pairs, &reading),
        };
        let round = |_| {
            let started = Instant::now();
            for _ in 0..TIMES {
                drop(black_box(read()));
            }
            started.elapsed() / TIMES
        };
        let fastest = (0..ROUNDS).map(round).min().unwrap_or_default();
        println!("{:>8.2} us  {query}", fastest.as_secs_f64() * 1e6);
    }
}
