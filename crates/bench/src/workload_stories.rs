//! The workloads against the stub server: each has to come out without an error.

use clap::Parser as _;

use crate::cli::Cli;
use crate::fault::Fault;
use crate::report::Report;
use crate::stub;

fn measure(base: &str, arguments: &str) -> Result<Report, Fault> {
    let timed = ["--seconds", "0.3", "--warmup", "0.05", "--base-url", base];
    let arguments = ["bench"].into_iter().chain(arguments.split(' ')).chain(timed);
    let cli = Cli::try_parse_from(arguments).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, cli.run())
}

/// Every run has answers and no error, every check holds.
fn assert_clean(report: &Report) {
    let text = report.markdown();
    assert!(report.all_hold(), "{text}");
    assert!(report.runs.iter().all(|run| run.requests > 0 && run.errors == 0), "{text}");
}

#[test]
fn reads_seed_an_empty_server_and_then_read_it() {
    let base = stub::serve();
    let report = measure(&base, "read --hot 10 --cold 300 --connections 4").unwrap();
    assert_clean(&report);
    assert_eq!(report.runs.len(), 2);
    assert_eq!(report.runs[1].fact_value("distinct"), Some(300.0));
}

#[test]
fn creates_of_every_type_of_the_mix_are_counted() {
    let base = stub::serve();
    assert_clean(&measure(&base, "create --clients 4").unwrap());
    assert_clean(&measure(&base, "create --clients 4 --resource-type Observation").unwrap());
}

#[test]
fn an_import_counts_entries_and_a_refusal_fails_the_check() {
    let base = stub::serve();
    let folder = tempfile::tempdir().unwrap();
    let entry = r#"{"fullUrl":"urn:uuid:2c4e4abf-b81d-4791-9046-7cdff816061f","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}"#;
    let bundle = format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{entry}]}}"#);
    for file in ["a.json", "b.json", "c.json"] {
        std::fs::write(folder.path().join(file), &bundle).unwrap();
    }
    let arguments = format!("import --repeat 2 --workers 2 --folder {}", folder.path().display());
    let report = measure(&base, &arguments).unwrap();
    assert_clean(&report);
    assert_eq!(report.runs[1].fact_value("resources"), Some(3.0));
    std::fs::write(folder.path().join("d.json"), "{}").unwrap();
    let report = measure(&base, &arguments).unwrap();
    assert!(!report.all_hold());
    assert!(report.checks[0].found.starts_with("3 of 4; 400"), "{}", report.checks[0].found);
}

#[test]
fn the_mixes_meet_no_error() {
    let base = stub::serve();
    for work in ["crud --users 4 --resources 100", "crud-k6 --users 2", "txn --workers 2"] {
        assert_clean(&measure(&base, work).unwrap());
    }
    let base = stub::serve();
    assert_clean(&measure(&base, "readmix --users 2 --patients 50").unwrap());
    assert_clean(&measure(&base, "fill --resources 1001 --entries 50 --workers 2").unwrap());
}

#[test]
fn races_are_judged() {
    let base = stub::serve();
    assert_clean(&measure(&base, "race conditional --clients 8 --identifiers 20").unwrap());
    let report = measure(&base, "race increment --clients 4").unwrap();
    assert_clean(&report);
    assert!(report.checks[0].found.contains("412"), "{}", report.checks[0].found);
}

#[test]
fn a_server_that_is_not_there_is_said_so() {
    let fault = measure("http://127.0.0.1:9/fhir", "read").unwrap_err();
    assert!(fault.to_string().contains("127.0.0.1:9"), "{fault}");
}

#[test]
fn searches_are_measured_on_a_nation_that_grows() {
    let base = stub::serve();
    let only = "--only Patient?name --only Patient/{patient}";
    let report =
        measure(&base, &format!("search --patients 5,20 --clients 1 --settle 0 {only}")).unwrap();
    let text = report.markdown();
    let ladder = report.ladder.as_ref().unwrap();
    assert_eq!(ladder.patients, [5, 20]);
    assert!(
        ladder.rungs.iter().all(|rung| rung.errors() == 0 && rung.readings.len() == 2),
        "{text}"
    );
    let grown: Vec<_> = report.runs.iter().map(|run| run.fact_value("resources")).collect();
    assert_eq!(grown, [Some(155.0), Some(375.0)]);
    // the stub answers every query with all there are
    let all = ladder.rungs.iter().find(|rung| rung.shape == "Patient?name={name}").unwrap();
    assert_eq!(all.readings[1].resources_per_answer.to_string(), "20");
    let fault = measure(&base, "search --patients 9,4").unwrap_err();
    assert!(fault.to_string().contains("rising"), "{fault}");
}
