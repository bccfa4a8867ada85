//! The command line.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::fault::Fault;
use crate::load::Bench;
use crate::report::Report;
use crate::target::Target;
use crate::workload;

/// Load generator for FHIR servers on this machine: closed-loop virtual users, HDR histograms.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    workload: Workload,
}

/// Options of every workload.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// FHIR base of the server to measure; loopback only.
    #[arg(long, global = true, default_value = "http://127.0.0.1:8080/fhir")]
    pub(crate) base_url: String,
    /// Bearer token to send.
    #[arg(long, global = true)]
    pub(crate) token: Option<String>,
    /// Process whose CPU seconds and memory are reported.
    #[arg(long, global = true)]
    pub(crate) server_pid: Option<u32>,
    /// Write the figures as JSON.
    #[arg(long, global = true)]
    pub(crate) json: Option<PathBuf>,
    /// Write the figures as Markdown.
    #[arg(long, global = true)]
    pub(crate) markdown: Option<PathBuf>,
    /// Measured time of workloads that are not finished by themselves: 10, of each shape of `search` 2.
    #[arg(long, global = true)]
    pub(crate) seconds: Option<f64>,
    /// Time before it that does not count: 2, for each shape of `search` 0.3.
    #[arg(long, global = true)]
    pub(crate) warmup: Option<f64>,
    /// Same seed, same order of requests.
    #[arg(long, global = true, default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Debug, Subcommand)]
enum Workload {
    /// Transaction Bundles from a folder.
    Import(workload::import::Options),
    /// Reads by id: a hot set, then a cold one.
    Read(workload::read::Options),
    /// Single durable creates.
    Create(workload::create::Options),
    /// Create 10, read 60, update 25, delete 5 of a hundred, over five types.
    Crud(workload::crud::Options),
    /// The 36-request iteration of the public k6 comparison.
    CrudK6(workload::crud_k6::Options),
    /// A transaction of a Patient, an Encounter and two Observations.
    Txn(workload::txn::Options),
    /// Reads, pages, a patient's observations and conditions, history.
    Readmix(workload::readmix::Options),
    /// Some seventy shapes of searches on a nation that grows, a table row each.
    Search(workload::search::Options),
    /// What tokens cost: the same at a server without them and at one with them.
    Gate(workload::gate::Options),
    /// Whether the time of a 404 tells what is hidden from what is not there.
    Oracle(workload::oracle::Options),
    /// Concurrency whose outcome is known exactly.
    #[command(subcommand)]
    Race(workload::race::Options),
    /// A queue before ten thousand beds: availability, allocation one by one and all at once.
    Beds(workload::beds::Options),
    /// SIGKILL under load; nothing acknowledged may be lost, no transaction halved.
    Crash(workload::crash::Options),
    /// Input made to break a server.
    Hostile(workload::hostile::Options),
    /// What the machine gives without a FHIR server in between.
    Floor(workload::floor::Options),
    /// Time and memory of a start on existing data.
    Start(workload::start::Options),
    /// Everything that the README reports, on servers started here; one table.
    Suite(workload::suite::Options),
    /// The handler that `floor` reads are compared with.
    #[command(hide = true)]
    Bare(workload::floor::bare::Options),
    /// Many small resources, quickly.
    Fill(workload::fill::Options),
    /// A new search parameter over many resources, on a server started here.
    Reindex(workload::reindex::Options),
}

impl Common {
    fn bench(&self, times: Times) -> Result<Bench, Fault> {
        let duration = |seconds: f64, name: &str| {
            Duration::try_from_secs_f64(seconds)
                .map_err(|_| Fault::Usage(format!("--{name} {seconds}: not a time")))
        };
        Ok(Bench {
            target: Rc::new(Target::parse(&self.base_url, self.token.as_deref())?),
            server_pid: self.server_pid,
            warmup: duration(self.warmup.unwrap_or(times.warmup), "warmup")?,
            measured: duration(self.seconds.unwrap_or(times.seconds), "seconds")?,
            seed: self.seed,
        })
    }
}

impl Cli {
    /// Set when this process is to be the bare handler; that one brings its own runtime.
    pub(crate) fn bare_handler(&self) -> Option<&workload::floor::bare::Options> {
        if let Workload::Bare(options) = &self.workload { Some(options) } else { None }
    }

    pub(crate) async fn run(&self) -> Result<Report, Fault> {
        let bench = self.common.bench(self.workload.times())?;
        let mut report = Report { base_url: bench.target.url(), ..Report::default() };
        self.workload.run(&bench, &mut report).await?;
        Ok(report)
    }
}

/// How long is measured when the command line does not say, in seconds.
#[derive(Debug, Clone, Copy)]
struct Times {
    warmup: f64,
    seconds: f64,
}

impl Workload {
    fn times(&self) -> Times {
        if matches!(self, Self::Search(_)) {
            return Times { warmup: 0.3, seconds: 2.0 };
        }
        Times { warmup: 2.0, seconds: 10.0 }
    }

    #[expect(clippy::cognitive_complexity, reason = "a line a workload")]
    async fn run(&self, bench: &Bench, report: &mut Report) -> Result<(), Fault> {
        match self {
            Self::Import(options) => workload::import::run(bench, options, report).await,
            Self::Read(options) => workload::read::run(bench, options, report).await,
            Self::Create(options) => workload::create::run(bench, options, report).await,
            Self::Crud(options) => workload::crud::run(bench, options, report).await,
            Self::CrudK6(options) => workload::crud_k6::run(bench, options, report).await,
            Self::Txn(options) => workload::txn::run(bench, options, report).await,
            Self::Readmix(options) => workload::readmix::run(bench, options, report).await,
            Self::Search(options) => workload::search::run(bench, options, report).await,
            Self::Gate(options) => workload::gate::run(bench, options, report).await,
            Self::Oracle(options) => workload::oracle::run(bench, options, report).await,
            Self::Race(options) => workload::race::run(bench, options, report).await,
            Self::Floor(options) => workload::floor::run(bench, options, report).await,
            Self::Bare(_) => Err(Fault::Usage("the bare handler brings its own runtime".into())),
            Self::Hostile(options) => workload::hostile::run(bench, options, report).await,
            Self::Start(options) => workload::start::run(options, report).await,
            Self::Suite(options) => workload::suite::run(bench, options, report).await,
            Self::Crash(options) => workload::crash::run(bench, options, report).await,
            Self::Beds(options) => workload::beds::run(bench, options, report).await,
            Self::Fill(options) => workload::fill::run(bench, options, report).await,
            Self::Reindex(options) => workload::reindex::run(bench, options, report).await,
        }
    }
}
