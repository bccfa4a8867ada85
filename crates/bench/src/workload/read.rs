//! `read`: Patients (or another type) by id, a small hot set first, then a large cold one.

use std::rc::Rc;

use clap::Args;

use crate::call::Call;
use crate::dice::Dice;
use crate::fault::Fault;
use crate::load::{Bench, Pace, Step, VirtualUser};
use crate::population::harvest_or_seed;
use crate::report::{Report, Run, number};
use crate::sample::Samples;
use crate::session::Session;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 32)]
    pub(crate) connections: usize,
    #[arg(long, default_value = "Patient")]
    pub(crate) resource_type: String,
    /// Distinct resources of the hot set.
    #[arg(long, default_value_t = 100)]
    pub(crate) hot: usize,
    /// Resource type of the cold set.
    #[arg(long, default_value = "Observation")]
    pub(crate) cold_type: String,
    /// Distinct resources of the cold set; each is read once before any is read again.
    #[arg(long, default_value_t = 20_000)]
    pub(crate) cold: usize,
}

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let hot = paths(bench, &options.resource_type, options.hot).await?;
    report.runs.push(read(bench, "read, hot set", options.connections, hot).await);
    let cold = paths(bench, &options.cold_type, options.cold).await?;
    report.runs.push(read(bench, "read, cold set", options.connections, cold).await);
    Ok(())
}

/// Paths `Type/id` of resources that exist.
pub(crate) async fn paths(
    bench: &Bench,
    resource_type: &str,
    count: usize,
) -> Result<Vec<String>, Fault> {
    harvest_or_seed(&mut bench.session(), &Samples::prepare(), resource_type, count).await
}

/// Reads the paths in a random order, all connections together, again and again.
pub(crate) async fn read(
    bench: &Bench,
    work: &str,
    connections: usize,
    mut paths: Vec<String>,
) -> Run {
    Dice::new(bench.seed).shuffle(&mut paths);
    let distinct = paths.len();
    let paths: Rc<[String]> = paths.into();
    let connections = connections.max(1);
    let readers = (0..connections)
        .map(|reader| Reader { paths: Rc::clone(&paths), next: reader, stride: connections })
        .collect();
    let (mut run, _readers) = bench.drive(work, Pace::Timed, readers).await;
    run.fact("distinct", number(distinct), "");
    run
}

/// Takes every n-th path, so that the readers together go once round the set.
struct Reader {
    paths: Rc<[String]>,
    next: usize,
    stride: usize,
}

impl VirtualUser for Reader {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let at = self.next % self.paths.len().max(1);
        self.next = self.next.wrapping_add(self.stride);
        let Some(path) = self.paths.get(at) else { return Ok(Step::Done) };
        session.send(Call::get("read", path)).await?;
        Ok(Step::Again)
    }
}
