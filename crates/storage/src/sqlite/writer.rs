//! The one connection that writes, and what it knows by heart.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use auth::Permit;
use fhir_model::{Instant, IssueType, Outcome, ResourceType};
use futures_util::FutureExt as _;
use rusqlite::{Connection, OptionalExtension as _, params};
use search::{Filter, Plan, Subject};

use super::{
    connection,
    deadline::{self, Deadline},
    names::Names,
    pending::Pending,
    query::{Asked, Systems},
    trouble,
};
use crate::{
    Clock, Head, Key,
    access::Columns,
    body,
    delta::IndexDelta,
    find::{Effort, Turn, Version, inquiry, position::Commit, statement::Statement},
    gate::{self, Sight},
    parameters::{self, Parameters, Published},
    row::Row,
    tx::{Delta, Indexing},
};

/// The writing side of a vault file. Lives on one thread.
#[derive(Debug)]
pub(crate) struct Writer {
    connection: Connection,
    clock: Clock,
    memory: Memory,
    parameters: Known,
    deadline: Deadline,
    /// The last commit that is on disk.
    committed: Arc<Mutex<Commit>>,
    /// Whether something was written since this was last set to false.
    pub(super) is_written: bool,
    /// What the open transaction changes, or tried to.
    pub(super) touched: Vec<Key>,
}

/// The search parameters, as the open transaction sees them.
#[derive(Debug)]
struct Known {
    now: Arc<Parameters>,
    /// What is undone with the open savepoint.
    before: Arc<Parameters>,
    /// What is committed.
    published: Published,
}

/// Where the counters stand and what was looked up before.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) last_res: i64,
    pub(super) last_commit: i64,
    last_time: Instant,
    names: Names,
    /// What the index tables lack until the group ends.
    pub(super) pending: Pending,
}

impl Writer {
    /// Opens the file and reads where its counters stand.
    pub(crate) fn open(path: &Path, clock: Clock) -> Result<Self, Outcome> {
        let connection = connection::open_writer(path).map_err(|error| trouble(&error))?;
        let (last_res, last_time, last_commit) =
            counters(&connection).map_err(|error| trouble(&error))?;
        let deadline = Deadline::on(&connection).map_err(|error| trouble(&error))?;
        let kept = super::records::rows(&connection, &parameters::all())?;
        let now = Arc::new(parameters::load(&kept)?);
        let published = Published::new(Arc::clone(&now));
        Ok(Self {
            connection,
            clock,
            parameters: Known { before: Arc::clone(&now), now, published },
            memory: Memory {
                last_res,
                last_commit,
                last_time: Instant::from_millis(last_time),
                names: Names::default(),
                pending: Pending::default(),
            },
            deadline,
            committed: Arc::new(Mutex::new(Commit { number: last_commit, time: last_time })),
            is_written: false,
            touched: Vec::new(),
        })
    }

    /// Where changes of the search parameters are told, once they are committed.
    pub(crate) fn published(&self) -> Published {
        self.parameters.published.clone()
    }

    /// The search parameters, as the open transaction sees them.
    pub(crate) fn parameters(&self) -> Arc<Parameters> {
        Arc::clone(&self.parameters.now)
    }

    /// Changes the search parameters for whoever writes from now on.
    pub(crate) fn set_parameters(&mut self, next: Arc<Parameters>) {
        self.parameters.now = next;
    }

    /// Where the number of the last commit can be read.
    pub(super) fn committed(&self) -> Arc<Mutex<Commit>> {
        Arc::clone(&self.committed)
    }

    /// The time of the next transaction: the clock's, but never before an earlier transaction's.
    pub(crate) fn tick(&mut self) -> Instant {
        self.memory.last_time = self.memory.last_time.max(self.clock.now());
        self.memory.last_commit += 1;
        self.memory.last_time
    }

    /// The time of a transaction that changes no resource.
    pub(crate) fn time(&self) -> Instant {
        self.memory.last_time.max(self.clock.now())
    }

    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.run("begin immediate")
    }

    pub(super) fn commit(&mut self) -> rusqlite::Result<()> {
        self.memory.pending.keep();
        self.write_pending()?;
        self.run("commit")?;
        self.parameters.published.publish(&self.parameters.now);
        *self.committed.lock().unwrap_or_else(PoisonError::into_inner) = self.memory.commit();
        self.memory.names.keep();
        Ok(())
    }

    /// After a failed commit: nothing of the group is there.
    pub(super) fn roll_back(&mut self) {
        if let Err(error) = self.run("rollback") {
            tracing::error!(%error, "rollback");
        }
        self.parameters.now = self.parameters.published.now();
        self.memory.pending.clear();
        self.memory.names.undo();
        match counters(&self.connection) {
            Ok((res, ..)) => self.memory.last_res = res,
            Err(error) => tracing::error!(%error, "counters"),
        }
    }

    pub(super) fn savepoint(&mut self) -> rusqlite::Result<()> {
        self.memory.pending.begin();
        self.parameters.before = Arc::clone(&self.parameters.now);
        self.run("savepoint request")
    }

    pub(super) fn release(&mut self) -> rusqlite::Result<()> {
        self.memory.pending.keep();
        self.run("release request")
    }

    /// Undoes what the current request did, and only that.
    pub(super) fn undo(&mut self) -> rusqlite::Result<()> {
        self.memory.pending.undo();
        self.parameters.now = Arc::clone(&self.parameters.before);
        self.memory.names.undo();
        self.run("rollback to request")?;
        self.release()
    }

    /// Writes what the index tables still lack: before whatever reads or changes them otherwise.
    fn write_pending(&mut self) -> rusqlite::Result<()> {
        self.memory.pending.write(&self.connection)
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
        sight: Sight<'_>,
        indexing: &Indexing,
        plan: &Plan,
        limit: u32,
    ) -> Result<Vec<Version>, Outcome> {
        self.write_pending().map_err(|error| trouble(&error))?;
        // numbers that may yet be taken back are not remembered
        let systems = Systems::default();
        let mut asked = self.asked(&systems);
        self.deadline.begin(deadline::TIME_MAX);
        let page = inquiry::search(plan, sight, (&Turn::First, limit), indexing, &mut asked)
            .now_or_never();
        self.deadline.end();
        let page = page.unwrap_or_else(|| {
            Err(Outcome::new(IssueType::Exception, "The search waited for something"))
        });
        Ok(page?.versions)
    }

    /// The transaction itself, as searches ask it.
    fn asked<'a>(&'a self, systems: &'a Systems) -> Asked<'a> {
        let (last_commit, effort) = (self.memory.commit(), Effort::default());
        Asked {
            connection: &self.connection,
            last_commit,
            systems,
            effort,
            deadline: None,
            memory: None,
            looked_at: BTreeSet::default(),
        }
    }

    /// Whether a version satisfies a filter of its permit.
    pub(crate) fn holds(&mut self, filter: &Filter, of: Subject<'_>) -> Result<bool, Outcome> {
        self.write_pending().map_err(|error| trouble(&error))?;
        // numbers that may yet be taken back are not remembered
        let systems = Systems::default();
        let mut asked = self.asked(&systems);
        gate::holds(filter, of, &mut asked).now_or_never().unwrap_or_else(|| {
            Err(Outcome::new(IssueType::Exception, "The look waited for something"))
        })
    }

    /// See [`crate::Tx::write`].
    pub(crate) fn write(&mut self, _permit: &Permit, deltas: &[Delta]) -> Result<(), Outcome> {
        self.is_written = true;
        self.touched.extend(deltas.iter().map(|delta| delta.change.key.clone()));
        super::apply::apply(&self.connection, &mut self.memory, deltas)
            .map_err(|error| trouble(&error))
    }

    /// See [`crate::Tx::record`].
    pub(crate) fn keep_accesses(&mut self, rows: &Columns<'_>) -> Result<(), Outcome> {
        self.is_written = true;
        super::access::keep(&self.connection, rows).map_err(|error| trouble(&error))
    }

    /// Runs a statement that changes something and tells what.
    pub(crate) fn changed_rows(&mut self, statement: &Statement) -> Result<Vec<Row>, Outcome> {
        self.is_written = true;
        super::records::rows(&self.connection, statement)
    }

    /// See [`crate::Tx::rows`].
    pub(crate) fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>, Outcome> {
        self.write_pending().map_err(|error| trouble(&error))?;
        super::records::rows(&self.connection, statement)
    }

    /// See [`crate::Tx::execute`].
    pub(crate) fn execute(&mut self, statement: &Statement) -> Result<u64, Outcome> {
        self.is_written = true;
        self.write_pending().map_err(|error| trouble(&error))?;
        super::records::execute(&self.connection, statement)
    }

    /// See [`crate::Tx::index_again`].
    pub(crate) fn index(
        &mut self,
        _permit: &Permit,
        deltas: &[(ResourceType, i64, &IndexDelta)],
    ) -> Result<(), Outcome> {
        self.is_written = true;
        let changed = deltas.iter().map(|(ty, res, delta)| (*res, *ty, *delta));
        let mut known = super::apply::Known::new();
        super::apply::index(&self.connection, &mut self.memory, &mut known, changed)
            .map_err(|error| trouble(&error))
    }
}

impl Memory {
    /// The commit that is being made, or the last one.
    fn commit(&self) -> Commit {
        Commit { number: self.last_commit, time: self.last_time.millis() }
    }

    /// The number of a code system; a new one is numbered.
    pub(super) fn system(
        &mut self,
        connection: &Connection,
        uri: Option<&str>,
    ) -> rusqlite::Result<i32> {
        uri.map_or(Ok(0), |uri| self.names.system(connection, uri))
    }

    /// The number of a composite's key; a new one is numbered.
    pub(super) fn composite_key(
        &mut self,
        connection: &Connection,
        of: (i32, i32),
        code: &str,
    ) -> rusqlite::Result<i32> {
        self.names.composite_key(connection, of, code)
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
