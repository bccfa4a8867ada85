//! `bench`: the workloads by which FHIR servers are compared, against any base URL on this machine.

mod bundle;
mod bundle_folder;
mod call;
mod cli;
mod dice;
mod fault;
mod load;
mod population;
mod process;
mod recorder;
mod report;
mod sample;
mod server;
mod session;
#[cfg(test)]
mod stub;
mod target;
mod template;
mod workload;
#[cfg(test)]
mod workload_stories;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::fault::Fault;
use crate::report::Report;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match measure(&cli) {
        Ok(report) if report.all_hold() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(fault) => {
            drop(writeln!(std::io::stderr(), "bench: {fault}"));
            ExitCode::from(2)
        }
    }
}

fn measure(cli: &Cli) -> Result<Report, Fault> {
    if let Some(bare) = cli.bare_handler() {
        workload::floor::bare::serve(bare)?;
        return Ok(Report::default());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // All virtual users live on this one thread, so that the server keeps the rest of the machine.
    let report = tokio::task::LocalSet::new().block_on(&runtime, cli.run())?;
    let markdown = report.markdown();
    writeln!(std::io::stdout(), "{markdown}")?;
    if let Some(file) = &cli.common.markdown {
        std::fs::write(file, &markdown)?;
    }
    if let Some(file) = &cli.common.json {
        std::fs::write(file, serde_json::to_vec_pretty(&report)?)?;
    }
    Ok(report)
}
