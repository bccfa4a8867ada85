//! `suite`: the whole comparison in one go, on servers it starts itself, several rounds, one table.

mod goals;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::fault::Fault;
use crate::load::Bench;
use crate::report::{Check, Report, Run, number};
use crate::server::{Recipe, Server};
use crate::workload::{create, crud, crud_k6, floor, import, race, read, txn};

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long)]
    pub(crate) server_binary: PathBuf,
    /// Folder of transaction Bundles.
    #[arg(long)]
    pub(crate) folder: PathBuf,
    /// Rounds, each on fresh data; the table shows the round in the middle.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// An empty `PostgreSQL` database to import into as well.
    #[arg(long)]
    pub(crate) postgres: Option<String>,
    /// Where the throw-away data goes; the disk is part of what is measured.
    #[arg(long)]
    pub(crate) work_dir: Option<PathBuf>,
}

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let mut all = Report::default();
    for _ in 0..options.rounds.max(1) {
        round(bench, options, &mut all).await?;
    }
    report.base_url = format!("{} serve", options.server_binary.display());
    report.runs = medians(&all.runs);
    report.rounds = all.runs;
    report.checks = goals::judge(&report.runs);
    report.checks.extend(worst(all.checks));
    Ok(())
}

async fn round(bench: &Bench, options: &Options, all: &mut Report) -> Result<(), Fault> {
    let folder = match &options.work_dir {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let recipe = Recipe {
        binary: options.server_binary.clone(),
        data_dir: folder.path().join("sqlite"),
        database_url: None,
    };
    let mut server = recipe.start().await?;
    on_sqlite(&bench.at(&server), options, &recipe, all).await?;
    server.kill()?;
    if let Some(url) = &options.postgres {
        let recipe = Recipe {
            data_dir: folder.path().join("postgres"),
            database_url: Some(url.clone()),
            ..recipe
        };
        let server = recipe.start().await?;
        on_postgres(bench, options, &server, all).await?;
    }
    Ok(())
}

async fn on_sqlite(
    bench: &Bench,
    options: &Options,
    recipe: &Recipe,
    all: &mut Report,
) -> Result<(), Fault> {
    import::run(bench, &importing(options), all).await?;
    let database = recipe.database();
    if let Some(run) = all.runs.last_mut() {
        let stored = run.fact_value("resources").unwrap_or_default();
        run.fact("disk", kib(&database) / stored, "KiB a resource");
    }
    all.runs.push(floor::replay::run(&database)?);

    let reads = floor::Options {
        connections: 32,
        resource_type: "Patient".to_owned(),
        hot: 100,
        database: None,
    };
    let (served, bare) = floor::reads(bench, &reads).await?;
    all.runs.extend([served, bare]);
    let cold = read::paths(bench, "Observation", 20_000).await?;
    all.runs.push(read::read(bench, "read, cold set", 32, cold).await);

    let patients = create::Options { clients: 64, resource_type: "Patient".to_owned() };
    create::run(bench, &patients, all).await?;
    crud::run(bench, &crud::Options { users: 32, resources: 3_200 }, all).await?;
    crud_k6::run(bench, &crud_k6::Options { users: 32 }, all).await?;
    txn::run(bench, &txn::Options { workers: 16 }, all).await?;
    let conditional = race::conditional::Options { clients: 64, identifiers: 500 };
    race::conditional::run(bench, &conditional, all).await?;
    race::increment::run(bench, &race::increment::Options { clients: 32 }, all).await
}

async fn on_postgres(
    bench: &Bench,
    options: &Options,
    server: &Server,
    all: &mut Report,
) -> Result<(), Fault> {
    import::run(&bench.at(server), &importing(options), all).await?;
    if let Some(run) = all.runs.last_mut() {
        goals::IMPORT_ON_POSTGRES.clone_into(&mut run.work);
    }
    Ok(())
}

fn importing(options: &Options) -> import::Options {
    import::Options { folder: options.folder.clone(), workers: 4, repeat: 1 }
}

/// Size of the file and its log.
fn kib(database: &Path) -> f64 {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let bytes = length(database) + length(&database.with_extension("sqlite-wal"));
    number(usize::try_from(bytes / 1024).unwrap_or_default())
}

/// Of each work the round whose rate is in the middle.
fn medians(runs: &[Run]) -> Vec<Run> {
    let mut medians: Vec<Run> = Vec::new();
    for run in runs {
        if medians.iter().any(|done| done.work == run.work) {
            continue;
        }
        let mut same: Vec<&Run> = runs.iter().filter(|other| other.work == run.work).collect();
        same.sort_by(|one, other| one.rate().total_cmp(&other.rate()));
        medians.extend(same.get((same.len() - 1) / 2).copied().cloned());
    }
    medians
}

/// Of each check the first that failed, else the last.
fn worst(checks: Vec<Check>) -> Vec<Check> {
    let mut worst: Vec<Check> = Vec::new();
    for check in checks {
        match worst.iter_mut().find(|known| known.name == check.name) {
            Some(known) if known.holds => *known = check,
            Some(_) => {}
            None => worst.push(check),
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_round_is_shown() {
        let run = |work: &str, rate| Run {
            work: work.to_owned(),
            requests_per_second: rate,
            ..Run::default()
        };
        let runs = [run("a", 3.0), run("b", 9.0), run("a", 1.0), run("a", 2.0)];
        let shown: Vec<_> =
            medians(&runs).iter().map(|run| (run.work.clone(), run.rate())).collect();
        assert_eq!(shown, [("a".to_owned(), 2.0), ("b".to_owned(), 9.0)]);
    }
}
