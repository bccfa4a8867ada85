//! The one connection that writes, and what it knows by heart.

use std::{path::Path, time::Duration};

use auth::Permit;
use fhir_model::{Instant, IssueType, Outcome};
use rusqlite::{Connection, OptionalExtension as _, params};
use search::Plan;

use super::{connection, trouble};
use crate::{
    Clock, Head, Key, body,
    find::{Turn, Version, statement},
    tx::Delta,
};

#[expect(clippy::disallowed_types, reason = "looked up several times a resource; never iterated")]
pub(super) type Systems = std::collections::HashMap<Box<str>, i32>;

/// Code systems remembered; beyond these all are forgotten and looked up again.
const SYSTEMS_MAX: usize = 50_000;

/// The writing side of a vault file. Lives on one thread.
#[derive(Debug)]
pub(crate) struct Writer {
    connection: Connection,
    clock: Clock,
    memory: Memory,
    /// Whether something was written since this was last set to false.
    pub(super) is_written: bool,
    /// What the open transaction changes, or tried to.
    pub(super) touched: Vec<Key>,
}

/// Where the counters stand and what was looked up before.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) last_res: i64,
    pub(super) last_commit: i64,
    last_time: Instant,
    systems: Systems,
    /// Systems first seen in the open savepoint and in the open transaction: gone if it is undone.
    fresh: Vec<Box<str>>,
}

impl Writer {
    /// Opens the file and reads where its counters stand.
    pub(crate) fn open(path: &Path, clock: Clock) -> Result<Self, Outcome> {
        let connection = connection::open_writer(path).map_err(|error| trouble(&error))?;
        let (last_res, last_time, last_commit) =
            counters(&connection).map_err(|error| trouble(&error))?;
        Ok(Self {
            connection,
            clock,
            memory: Memory {
                last_res,
                last_commit,
                last_time: Instant::from_millis(last_time),
                systems: Systems::default(),
                fresh: Vec::new(),
            },
            is_written: false,
            touched: Vec::new(),
        })
    }

    /// The time of the next transaction: the clock's, but never before an earlier transaction's.
    pub(crate) fn tick(&mut self) -> Instant {
        self.memory.last_time = self.memory.last_time.max(self.clock.now());
        self.memory.last_commit += 1;
        self.memory.last_time
    }

    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.run("begin immediate")
    }

    pub(super) fn commit(&mut self) -> rusqlite::Result<()> {
        self.run("commit")?;
        self.memory.fresh.clear();
        Ok(())
    }

    /// After a failed commit: nothing of the group is there.
    pub(super) fn roll_back(&mut self) {
        if let Err(error) = self.run("rollback") {
            tracing::error!(%error, "rollback");
        }
        self.memory.forget_fresh_systems();
        match counters(&self.connection) {
            Ok((res, ..)) => self.memory.last_res = res,
            Err(error) => tracing::error!(%error, "counters"),
        }
    }

    pub(super) fn savepoint(&mut self) -> rusqlite::Result<()> {
        self.run("savepoint request")
    }

    pub(super) fn release(&mut self) -> rusqlite::Result<()> {
        self.run("release request")
    }

    /// Undoes what the current request did, and only that.
    pub(super) fn undo(&mut self) -> rusqlite::Result<()> {
        self.memory.forget_fresh_systems();
        self.run("rollback to request")?;
        self.release()
    }

    fn run(&mut self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// How long the log is.
    pub(super) fn log_bytes(&self) -> u64 {
        let path = self.connection.path().unwrap_or_default();
        std::fs::metadata(format!("{path}-wal")).map_or(0, |file| file.len())
    }

    /// Moves into the file what the checkpointer left in the log.
    pub(super) fn checkpoint(&self) {
        if let Err(error) = connection::checkpoint(&self.connection) {
            tracing::warn!(%error, "checkpoint");
        }
    }

    /// Moves the whole log into the file and cuts it; whether no reader was in the way.
    pub(super) fn empty_log(&self) -> bool {
        let patience = |time| self.connection.busy_timeout(Duration::from_millis(time));
        let cut = patience(50)
            .and_then(|()| {
                let sql = "pragma wal_checkpoint(truncate)";
                self.connection.query_row(sql, [], |row| row.get::<_, bool>(0))
            })
            .and_then(|is_busy| patience(5000).map(|()| !is_busy));
        cut.unwrap_or_else(|error| {
            tracing::warn!(%error, "checkpoint");
            false
        })
    }

    /// See [`crate::Tx::load`].
    pub(crate) fn load(
        &mut self,
        _permit: &Permit,
        keys: &[Key],
    ) -> Result<Vec<Option<Head>>, Outcome> {
        keys.iter().map(|key| head(&self.connection, key)).collect()
    }

    /// See [`crate::Tx::find`].
    pub(crate) fn find(
        &mut self,
        _permit: &Permit,
        plan: &Plan,
        limit: u32,
    ) -> Result<Vec<Version>, Outcome> {
        super::readers::find(&self.connection, &statement::page(plan, &Turn::First, limit))
    }

    /// See [`crate::Tx::write`].
    pub(crate) fn write(&mut self, _permit: &Permit, deltas: &[Delta]) -> Result<(), Outcome> {
        self.is_written = true;
        self.touched.extend(deltas.iter().map(|delta| delta.change.key.clone()));
        super::apply::apply(&self.connection, &mut self.memory, deltas)
            .map_err(|error| trouble(&error))
    }
}

impl Memory {
    fn forget_fresh_systems(&mut self) {
        for uri in self.fresh.drain(..) {
            self.systems.remove(&uri);
        }
    }

    /// The number of a code system; a new one is numbered.
    pub(super) fn system(
        &mut self,
        connection: &Connection,
        uri: Option<&str>,
    ) -> rusqlite::Result<i32> {
        let Some(uri) = uri else { return Ok(0) };
        if let Some(&sys) = self.systems.get(uri) {
            return Ok(sys);
        }
        if self.systems.len() >= SYSTEMS_MAX {
            self.systems.clear();
        }
        let known = connection
            .prepare_cached("select sys from token_system where uri = ?1")?
            .query_row([uri], |row| row.get(0))
            .optional()?;
        let sys = match known {
            Some(sys) => sys,
            None => connection
                .prepare_cached("insert into token_system (uri) values (?1) returning sys")?
                .query_row([uri], |row| row.get(0))?,
        };
        self.systems.insert(uri.into(), sys);
        self.fresh.push(uri.into());
        Ok(sys)
    }
}

fn counters(connection: &Connection) -> rusqlite::Result<(i64, i64, i64)> {
    connection.query_row(
        "-- where the last commit left off; times never go back, so the last commit is among the last rows
         select (select coalesce(max(res), 0) from resource),
                coalesce(max(updated), 0),
                coalesce(max(commit_no), 0)
         from   resource
         where  version > 0
           and  updated = (select max(updated) from resource where version > 0)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

fn head(connection: &Connection, key: &Key) -> Result<Option<Head>, Outcome> {
    let found = connection
        .prepare_cached(
            "select res, version, updated, body from resource where type = ?1 and id = ?2",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![key.resource_type.number(), key.id], |row| {
                    let packed = row.get_ref(3)?.as_blob_or_null()?.map(body::unpack);
                    Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?, packed))
                })
                .optional()
        })
        .map_err(|error| trouble(&error))?;
    let Some((res, version, updated, packed)) = found else { return Ok(None) };
    let version = u64::try_from(version)
        .map_err(|_| Outcome::new(IssueType::Exception, "A stored version is negative"))?;
    let body = packed.transpose()?;
    Ok(Some(Head { res, version, updated: Instant::from_millis(updated), body }))
}
