//! `floor`: what the machine would give without a FHIR server in between. Reads against a bare handler
//! that answers equal bytes from memory; writes of the same rows straight through the driver.

pub(crate) mod bare;
pub(crate) mod replay;
mod rows;

use std::path::PathBuf;

use clap::Args;

use crate::fault::Fault;
use crate::load::Bench;
use crate::report::{Report, Run};
use crate::workload::read::{paths, read};

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 32)]
    pub(crate) connections: usize,
    #[arg(long, default_value = "Patient")]
    pub(crate) resource_type: String,
    /// Distinct resources read.
    #[arg(long, default_value_t = 100)]
    pub(crate) hot: usize,
    /// The server's `SQLite` file after an import; without it only reads are compared.
    #[arg(long)]
    pub(crate) database: Option<PathBuf>,
}

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let (served, bare) = reads(bench, options).await?;
    let share = served.requests_per_second / bare.requests_per_second;
    report.runs.extend([served, bare]);
    report.check("reads, share of the bare handler", share >= READ_SHARE_MIN, percent(share));
    if let Some(database) = &options.database {
        report.runs.push(replay::run(database)?);
    }
    Ok(())
}

/// What reading must reach.
pub(crate) const READ_SHARE_MIN: f64 = 0.5;

/// The same requests to the server and to the bare handler, one after the other.
pub(crate) async fn reads(bench: &Bench, options: &Options) -> Result<(Run, Run), Fault> {
    let paths = paths(bench, &options.resource_type, options.hot).await?;
    let answers = bare::record(&mut bench.session(), &bench.target, &paths).await?;
    let served = read(bench, "read, hot set", options.connections, paths.clone()).await;
    let handler = bare::start(&answers).await?;
    let at_handler = bench.at(&handler.server);
    let bare = read(&at_handler, "floor: read, bare handler", options.connections, paths).await;
    Ok((served, bare))
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
