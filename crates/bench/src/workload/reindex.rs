//! `reindex`: a new search parameter over many resources: how quickly it can be asked for, what that costs those
//! who read meanwhile, and that a SIGKILL on the way neither loses nor repeats anything.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};

use crate::call::Call;
use crate::dice::Dice;
use crate::fault::Fault;
use crate::load::{Bench, Pace, Step, VirtualUser};
use crate::report::{Report, Run, number};
use crate::server::Recipe;
use crate::session::Session;
use crate::workload::{fill, read::paths};

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The server to start and kill, `medvault`.
    #[arg(long)]
    pub(crate) server_binary: PathBuf,
    /// Filled where it holds too little.
    #[arg(long)]
    pub(crate) data_dir: PathBuf,
    #[arg(long)]
    pub(crate) database_url: Option<String>,
    /// Resources in all; 19 of 20 are Observations.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) resources: usize,
    /// Connections that read.
    #[arg(long, default_value_t = 2)]
    pub(crate) connections: usize,
    /// What is indexed; every Observation of the filling has a value.
    #[arg(long, default_value = "(Observation.value as Quantity).code")]
    pub(crate) expression: String,
    /// The value that all of them have.
    #[arg(long, default_value = "mm[Hg]")]
    pub(crate) value: String,
}

const RATE_MIN: f64 = 20_000.0;
const SLOWER_MAX: f64 = 1.2;
const POLL: Duration = Duration::from_millis(50);
const LIMIT: Duration = Duration::from_mins(30);
/// Distinct resources that are read.
const READ: usize = 20_000;

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let recipe = Recipe {
        binary: options.server_binary.clone(),
        data_dir: options.data_dir.clone(),
        database_url: options.database_url.clone(),
    };
    let mut server = recipe.start().await?;
    let at_server = bench.at(&server);
    let there = count(&at_server, "Observation?_summary=count").await?;
    if there < options.resources / 2 {
        let fill = fill::Options { resources: options.resources, workers: 4, entries: 400 };
        fill::run(&at_server, &fill, report).await?;
    }
    let observations = count(&at_server, "Observation?_summary=count").await?;
    let mut read = paths(&at_server, "Observation", READ).await?;
    Dice::new(bench.seed).shuffle(&mut read);
    let read: Rc<[String]> = read.into();

    let (before, _) =
        at_server.drive("read, before", Pace::Timed, readers(options, &read, &Rc::default())).await;
    let (while_read, asked) = under_reads(&at_server, options, &read, observations).await?;
    judge(report, &before, &while_read);
    report.runs.extend([before, while_read]);

    let quiet = new_code("quiet");
    let started = Instant::now();
    define(&at_server, options, &quiet).await?;
    ready(&at_server, &query(options, &quiet)).await?;
    let mut run = Run { work: "reindex, nobody reads".to_owned(), ..Run::default() };
    run.timed(started.elapsed());
    run.fact("indexed", number(observations) / run.seconds, "resources/s");
    report.runs.push(run);

    let killed = new_code("killed");
    define(&at_server, options, &killed).await?;
    let done_at_kill = under_way(&at_server, &killed, observations / 5).await?;
    server.kill()?;
    let server = recipe.start().await?;
    let at_server = bench.at(&server);
    let done_at_start = done(&at_server, &killed).await?.unwrap_or(observations);
    ready(&at_server, &query(options, &killed)).await?;
    report.check(
        "indexing goes on where SIGKILL stopped it",
        done_at_start >= done_at_kill,
        format!("{done_at_kill} then, {done_at_start} after the start"),
    );
    let mut found = Vec::new();
    for code in [&asked, &quiet, &killed] {
        found.push(count(&at_server, &query(options, code)).await?);
    }
    report.check(
        "every Observation is found",
        found.iter().all(|found| *found == observations),
        format!("{found:?} of {observations}"),
    );
    Ok(())
}

/// Reads as long as it takes until a new parameter can be asked for.
async fn under_reads(
    bench: &Bench,
    options: &Options,
    read: &Rc<[String]>,
    observations: usize,
) -> Result<(Run, String), Fault> {
    let code = new_code("read");
    let is_ready = Rc::new(Cell::new(false));
    let users = readers(options, read, &is_ready);
    let started = Instant::now();
    define(bench, options, &code).await?;
    let asked = query(options, &code);
    let wait = async {
        let waited = ready(bench, &asked).await;
        is_ready.set(true);
        waited.map(|()| started.elapsed())
    };
    let work = "read, while indexing";
    let (driven, took) =
        tokio::join!(bench.drive(work, Pace::UntilDone { at_most: LIMIT }, users), wait);
    let (mut run, _users) = driven;
    run.fact("indexed", number(observations) / took?.as_secs_f64(), "resources/s");
    Ok((run, code))
}

fn judge(report: &mut Report, before: &Run, during: &Run) {
    let rate = during.facts.iter().find(|fact| fact.name == "indexed").map_or(0.0, |it| it.value);
    report.check(
        "at least 20,000 resources/s while others read",
        rate >= RATE_MIN,
        format!("{rate:.0}"),
    );
    let slower = during.p50_ms / before.p50_ms;
    report.check(
        "reads at most 20 % slower meanwhile (p50)",
        slower <= SLOWER_MAX,
        format!("{slower:.2}"),
    );
    let fewer = before.requests_per_second / during.requests_per_second;
    report.check(
        "reads at most 20 % fewer meanwhile",
        fewer <= SLOWER_MAX,
        format!("{:.0}/s before, {:.0}/s", before.requests_per_second, during.requests_per_second),
    );
}

fn new_code(word: &str) -> String {
    format!("bench-{word}-{}", uuid::Uuid::now_v7().simple())
}

fn query(options: &Options, code: &str) -> String {
    let value = options.value.replace('[', "%5B").replace(']', "%5D");
    format!("Observation?{code}={value}&_summary=count")
}

async fn define(bench: &Bench, options: &Options, code: &str) -> Result<(), Fault> {
    let resource = json!({
        "resourceType": "SearchParameter",
        "url": format!("http://bench.example.org/SearchParameter/{code}"),
        "name": "Bench",
        "status": "active",
        "description": "For a measurement",
        "code": code,
        "base": ["Observation"],
        "type": "token",
        "expression": options.expression,
    });
    let body = Bytes::from(resource.to_string());
    bench.session().require(Call::create("define", "SearchParameter", body)).await.map(drop)
}

async fn body(bench: &Bench, path: &str) -> Result<Value, Fault> {
    let call = Call::get("ask", path).keeping_body();
    let answer = bench.session().require(call).await?;
    Ok(serde_json::from_slice(&answer.body)?)
}

async fn count(bench: &Bench, path: &str) -> Result<usize, Fault> {
    let total = body(bench, path).await?.get("total").and_then(Value::as_u64);
    let total = total.and_then(|total| usize::try_from(total).ok());
    total.ok_or_else(|| Fault::Answer(format!("{path}: no total")))
}

/// Waits until a parameter can be asked for.
async fn ready(bench: &Bench, path: &str) -> Result<(), Fault> {
    let started = Instant::now();
    let code = path.split_once('?').and_then(|(_, query)| query.split_once('='));
    let code = code.map_or("", |(code, _)| code);
    while done(bench, code).await?.is_some() {
        if started.elapsed() > LIMIT {
            return Err(Fault::Answer(format!("{code} was not ready within {LIMIT:?}")));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// How many resources were indexed for a parameter; `None` when it can be asked for.
async fn done(bench: &Bench, code: &str) -> Result<Option<usize>, Fault> {
    let status = body(bench, "$reindex-status").await?;
    let member = |of: &Value, name: &str, value: &str| {
        let parts = of.get("part")?.as_array()?;
        parts.iter().find(|part| part["name"] == name)?.get(value).cloned()
    };
    let all = status.get("parameter").and_then(Value::as_array);
    let own = all.and_then(|all| {
        all.iter().find(|one| member(one, "code", "valueCode").is_some_and(|it| it == code))
    });
    let done = own.and_then(|own| member(own, "done", "valueDecimal"));
    Ok(done.and_then(|done| done.as_u64()).and_then(|done| usize::try_from(done).ok()))
}

/// Waits until so many resources were indexed.
async fn under_way(bench: &Bench, code: &str, at_least: usize) -> Result<usize, Fault> {
    loop {
        match done(bench, code).await? {
            Some(done) if done >= at_least => return Ok(done),
            Some(_) => tokio::time::sleep(POLL).await,
            None => return Err(Fault::Answer("indexed before it could be killed".to_owned())),
        }
    }
}

fn readers(options: &Options, paths: &Rc<[String]>, is_over: &Rc<Cell<bool>>) -> Vec<Reader> {
    let stride = options.connections.max(1);
    let reader =
        |next| Reader { paths: Rc::clone(paths), next, stride, is_over: Rc::clone(is_over) };
    (0..stride).map(reader).collect()
}

/// Reads every n-th of the resources, again and again.
struct Reader {
    paths: Rc<[String]>,
    next: usize,
    stride: usize,
    is_over: Rc<Cell<bool>>,
}

impl VirtualUser for Reader {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let at = self.next % self.paths.len().max(1);
        self.next = self.next.wrapping_add(self.stride);
        let Some(path) = self.paths.get(at).filter(|_| !self.is_over.get()) else {
            return Ok(Step::Done);
        };
        session.send(Call::get("read", path)).await?;
        Ok(Step::Again)
    }
}
