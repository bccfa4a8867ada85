//! `crash`: SIGKILL at a random moment under load, again and again. What was acknowledged must be there
//! afterwards, and of a transaction all or nothing. (SIGKILL leaves the kernel's cache alone: this shows
//! that no answer comes before its commit, not that the disk keeps its word.)

mod verify;
mod writer;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::task::JoinSet;

use self::verify::Verdict;
use self::writer::{Journal, Writer};
use crate::dice::Dice;
use crate::fault::Fault;
use crate::load::Bench;
use crate::population::surroundings;
use crate::report::{Report, Run, number};
use crate::sample::{References, Samples};
use crate::server::{Recipe, Server};
use crate::session::Session;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 200)]
    pub(crate) rounds: usize,
    #[arg(long, default_value_t = 16)]
    pub(crate) writers: usize,
    /// The server to start and kill, `medvault`.
    #[arg(long)]
    pub(crate) server_binary: PathBuf,
    /// Rounds in the same data directory before a fresh one, so that checks stay quick.
    #[arg(long, default_value_t = 20)]
    pub(crate) rounds_per_directory: usize,
    /// Database of the server when it is not the embedded one; its file is not checked then.
    #[arg(long)]
    pub(crate) database_url: Option<String>,
}

/// What all rounds came to.
#[derive(Debug, Default)]
struct Sum {
    verdict: Verdict,
    acknowledged: usize,
    uncertain: usize,
    refused: usize,
    damaged: Vec<String>,
    restarts_ms: Vec<f64>,
}

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let samples = Rc::new(Samples::prepare());
    let mut dice = Dice::new(bench.seed);
    let mut sum = Sum::default();
    let started = std::time::Instant::now();
    let mut left = options.rounds;
    while left > 0 {
        let rounds = left.min(options.rounds_per_directory.max(1));
        left -= rounds;
        in_one_directory(options, rounds, &samples, (&mut dice, &mut sum)).await?;
    }
    let mut run = Run { work: "crash".to_owned(), users: options.writers, ..Run::default() };
    run.timed(started.elapsed());
    sum.restarts_ms.sort_by(f64::total_cmp);
    run.fact("rounds", number(options.rounds), "");
    run.fact("acknowledged versions", number(sum.acknowledged), "");
    run.fact("transactions cut off", number(sum.uncertain), "");
    run.fact("restart median", at(&sum.restarts_ms, sum.restarts_ms.len() / 2), "ms");
    run.fact("restart longest", at(&sum.restarts_ms, sum.restarts_ms.len().wrapping_sub(1)), "ms");
    report.runs.push(run);
    sum.judge(report);
    if options.database_url.is_none() {
        let found = complaints(&sum.damaged);
        report.check("integrity_check ok", sum.damaged.is_empty(), found);
    }
    Ok(())
}

fn at(sorted: &[f64], index: usize) -> f64 {
    sorted.get(index).copied().unwrap_or_default()
}

impl Sum {
    fn judge(&self, report: &mut Report) {
        let Verdict { lost, half } = &self.verdict;
        report.check("acknowledged writes lost: 0", lost.is_empty(), complaints(lost));
        report.check("half transactions: 0", half.is_empty(), complaints(half));
        report.check("writes refused: 0", self.refused == 0, self.refused.to_string());
        let wrote = self.acknowledged > 0;
        report.check("something was acknowledged", wrote, self.acknowledged.to_string());
    }
}

fn complaints(all: &[String]) -> String {
    match all.first() {
        Some(first) => format!("{}; first: {first}", all.len()),
        None => "0".to_owned(),
    }
}

/// What the writers of a directory share.
struct Crew {
    samples: Rc<Samples>,
    hospital: Rc<References>,
}

async fn in_one_directory(
    options: &Options,
    rounds: usize,
    samples: &Rc<Samples>,
    (dice, sum): (&mut Dice, &mut Sum),
) -> Result<(), Fault> {
    let folder = tempfile::tempdir()?;
    let recipe = Recipe {
        binary: options.server_binary.clone(),
        data_dir: folder.path().join("data"),
        database_url: options.database_url.clone(),
    };
    let mut whole = Journal::default();
    let mut server = recipe.start().await?;
    let mut session = Session::unrecorded(Rc::clone(&server.target));
    let hospital = Rc::new(surroundings(&mut session, samples).await?);
    let crew = Crew { samples: Rc::clone(samples), hospital };
    for _ in 0..rounds {
        let journal = load_until_killed(&mut server, options.writers, &crew, dice).await?;
        if options.database_url.is_none() {
            let found = integrity(&recipe.database())?;
            if found != "ok" {
                sum.damaged.push(found);
            }
        }
        server = recipe.start().await?;
        sum.restarts_ms.push(server.ready_after.as_secs_f64() * 1000.0);
        sum.acknowledged += journal.acknowledged.len();
        sum.uncertain += journal.uncertain.len();
        sum.refused += journal.refused;
        sum.verdict.add(verify::journal(&server, samples, &journal).await?);
        whole.add(journal);
    }
    // What survived its own crash must survive the later ones too.
    sum.verdict.add(verify::journal(&server, samples, &whole).await?);
    server.kill()
}

/// Lets the writers write, kills the server after 200 to 800 ms, collects what they know.
async fn load_until_killed(
    server: &mut Server,
    writers: usize,
    crew: &Crew,
    dice: &mut Dice,
) -> Result<Journal, Fault> {
    let mut crowd = JoinSet::new();
    for _ in 0..writers.max(1) {
        let session = Session::unrecorded(Rc::clone(&server.target));
        let (samples, hospital) = (Rc::clone(&crew.samples), Rc::clone(&crew.hospital));
        let writer = Writer::new(samples, hospital, Dice::new(dice.roll()), session);
        crowd.spawn_local(writer.until_cut_off());
    }
    let load_ms = 200 + dice.below(600) as u64;
    tokio::time::sleep(Duration::from_millis(load_ms)).await;
    server.kill()?;
    let journals = tokio::time::timeout(Duration::from_secs(30), crowd.join_all())
        .await
        .map_err(|_| Fault::Answer("writers still waiting 30 s after the kill".into()))?;
    let mut whole = Journal::default();
    for journal in journals {
        whole.add(journal);
    }
    Ok(whole)
}

/// Looks without touching: the server, not this connection, has to recover from the log.
fn integrity(database: &Path) -> Result<String, Fault> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection.query_row("pragma integrity_check", [], |row| row.get(0))?)
}
