//! Writes the rows of a database again into a fresh one, a transaction a commit, as durable as the
//! server does: <https://www.sqlite.org/wal.html>.

use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;

use rusqlite::{Connection, params_from_iter};

use super::rows::{Row, Rows};
use crate::fault::Fault;
use crate::process;
use crate::recorder::{Recorder, Window};
use crate::report::{Run, STORED, number};

pub(crate) const WORK: &str = "floor: the same rows through the driver";

/// Writes beside the database, so on the same disk.
pub(crate) fn run(database: &Path) -> Result<Run, Fault> {
    let rows = Rows::read(database)?;
    let beside = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = tempfile::tempdir_in(beside.unwrap_or_else(|| Path::new(".")))?;
    let file = folder.path().join("floor.sqlite");
    let connection = fresh(&file, &rows)?;
    let cpu = || process::usage(std::process::id()).unwrap_or_default().cpu_seconds;

    let (cpu_before, started) = (cpu(), Instant::now());
    let recorder = Recorder::within(Window { from: started, until: None });
    let checkpoints = checkpoint_beside(&file)?;
    for commit in rows.commits.values() {
        let began = Instant::now();
        write(&connection, &rows.inserts, commit)?;
        recorder.file("transaction", (began, Instant::now()), Ok(0));
        // When one wake-up is pending already, that is enough.
        checkpoints.try_send(()).unwrap_or_default();
    }
    let took = started.elapsed();

    let mut run = Run::new(WORK, 1, recorder.take());
    run.timed(took);
    run.client_cpu_seconds = cpu() - cpu_before;
    run.fact("resources", number(rows.resources), "");
    run.fact(STORED, number(rows.resources) / run.seconds, "resources/s");
    run.fact("rows", number(rows.count), "");
    Ok(run)
}

fn fresh(file: &Path, rows: &Rows) -> Result<Connection, Fault> {
    let connection = Connection::open(file)?;
    connection.set_prepared_statement_cache_capacity(rows.inserts.len());
    connection.execute_batch(&format!(
        "pragma page_size = {};
         pragma journal_mode = wal;
         pragma synchronous = full;
         pragma wal_autocheckpoint = 0;
         pragma cache_size = -65536;",
        rows.page_size
    ))?;
    for statement in &rows.schema {
        connection.execute_batch(statement)?;
    }
    Ok(connection)
}

fn write(connection: &Connection, inserts: &[String], commit: &[Row]) -> Result<(), Fault> {
    connection.execute_batch("begin immediate")?;
    for row in commit {
        let Some(insert) = inserts.get(row.table) else { continue };
        connection.prepare_cached(insert)?.execute(params_from_iter(&row.values))?;
    }
    connection.execute_batch("commit")?;
    Ok(())
}

/// Moves the log into the file beside the writer; ends when the sender is dropped.
fn checkpoint_beside(file: &Path) -> Result<SyncSender<()>, Fault> {
    let connection = Connection::open(file)?;
    let (wake, woken) = sync_channel::<()>(1);
    std::thread::spawn(move || {
        while woken.recv().is_ok() {
            // A failed checkpoint only leaves the log longer.
            drop(connection.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(())));
        }
    });
    Ok(wake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_the_transactions_they_came_in() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("medvault.sqlite");
        let source = Connection::open(&file).unwrap();
        source
            .execute_batch(
                "create table resource (res integer primary key, version integer, commit_no integer, body blob);
                 create table idx_token (p integer, code text, res integer, primary key (p, code, res)) without rowid;
                 create index idx_token_forward on idx_token (res, p);
                 create table setting (name text primary key);
                 insert into setting values ('a');
                 insert into resource values (1, 1, 1, x'00'), (2, 1, 1, x'01'), (3, 1, 2, null), (4, 0, 2, null);
                 insert into idx_token values (5, 'x', 1), (5, 'a', 3);",
            )
            .unwrap();
        let rows = Rows::read(&file).unwrap();
        let sizes: Vec<_> = rows.commits.iter().map(|(no, rows)| (*no, rows.len())).collect();
        assert_eq!(sizes, [(0, 1), (1, 3), (2, 3)]);
        let run = run(&file).unwrap();
        assert_eq!((run.requests, run.errors), (3, 0));
        assert_eq!((run.fact_value("resources"), run.fact_value("rows")), (Some(3.0), Some(7.0)));
    }

    #[test]
    fn the_copy_is_equal_to_the_source() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a.sqlite"), folder.path().join("b.sqlite"));
        Connection::open(&from)
            .unwrap()
            .execute_batch(
                "create table resource (res integer primary key, version integer, commit_no integer, body blob);
                 insert into resource values (1, 1, 7, x'0001'), (2, 2, 9, null);",
            )
            .unwrap();
        let rows = Rows::read(&from).unwrap();
        let copy = fresh(&to, &rows).unwrap();
        for commit in rows.commits.values() {
            write(&copy, &rows.inserts, commit).unwrap();
        }
        let count = "select count(*), sum(commit_no), sum(length(body)) from resource";
        let found = copy.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        assert_eq!(found.unwrap(), (2_i64, 16_i64, 2_i64));
    }
}
