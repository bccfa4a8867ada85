//! `start`: how long a server takes on an existing data directory until it is ready, and what memory it
//! holds then. It is ended by SIGKILL, so each start but the first also recovers.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::fault::Fault;
use crate::process;
use crate::report::{Report, Run, number};
use crate::server::Recipe;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long)]
    pub(crate) server_binary: PathBuf,
    #[arg(long)]
    pub(crate) data_dir: PathBuf,
    #[arg(long)]
    pub(crate) database_url: Option<String>,
    #[arg(long, default_value_t = 5)]
    pub(crate) starts: usize,
}

const READY_MAX_MS: f64 = 500.0;
const IDLE_MAX_MIB: f64 = 80.0;
/// Long enough for what a server does right after its start.
const SETTLE: Duration = Duration::from_secs(2);

pub(crate) async fn run(options: &Options, report: &mut Report) -> Result<(), Fault> {
    let recipe = Recipe {
        binary: options.server_binary.clone(),
        data_dir: options.data_dir.clone(),
        database_url: options.database_url.clone(),
    };
    let (mut ready_ms, mut idle_mib) = (Vec::new(), Vec::new());
    for _ in 0..options.starts.max(1) {
        let server = recipe.start().await?;
        ready_ms.push(server.ready_after.as_secs_f64() * 1000.0);
        tokio::time::sleep(SETTLE).await;
        idle_mib.push(process::usage(server.pid()).unwrap_or_default().rss_mib);
    }
    let longest = ready_ms.iter().copied().fold(0.0, f64::max);
    let largest = idle_mib.iter().copied().fold(0.0, f64::max);
    let mut run = Run { work: "start".to_owned(), ..Run::default() };
    run.fact("starts", number(ready_ms.len()), "");
    run.fact("longest", longest, "ms");
    run.fact("idle", largest, "MiB");
    report.runs.push(run);
    report.check("ready within 0.5 s", longest <= READY_MAX_MS, format!("{ready_ms:.0?} ms"));
    report.check("idle RSS at most 80 MiB", largest <= IDLE_MAX_MIB, format!("{idle_mib:.0?} MiB"));
    Ok(())
}
