//! `bench`: the workloads by which FHIR servers are compared, against any base URL on this machine.

mod bundle;
mod bundle_folder;
mod call;
mod cli;
mod dice;
mod fault;
mod load;
mod nation;
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
use tokio::signal::unix::{SignalKind, signal};

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
    let report = tokio::task::LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            report = cli.run() => report,
            // Unwinding from here ends the servers that were started.
            stopped = stopped() => Err(stopped),
        }
    })?;
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

/// Waits for SIGINT or SIGTERM.
async fn stopped() -> Fault {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
    Fault::Usage("stopped by a signal; nothing is reported".into())
}
