//! Connections that read, each on a snapshot of its own; as many as were ever needed at once.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fhir_model::Outcome;
use rusqlite::Connection;

use super::{
    connection,
    deadline::{self, Deadline},
    query, records, trouble,
};
use crate::{
    find::{Version, effort::Said, position::Commit, statement::Statement},
    row::Row,
};

/// A stack of idle readers: the one used last is the one with the warm cache.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
    last_commit: Arc<Mutex<Commit>>,
    systems: query::Systems,
    pub(crate) effort: Said,
}

#[derive(Debug)]
struct Reader {
    connection: Connection,
    deadline: Deadline,
}

/// A reader that sees one state of the database until it is dropped.
#[derive(Debug)]
pub(crate) struct Snapshot<'r> {
    readers: &'r Readers,
    reader: Option<Reader>,
    last_commit: Commit,
}

/// Idle connections beyond these are closed.
const IDLE_MAX: usize = 8;

impl Readers {
    /// Readers of a file; the writer says in `last_commit` how far it is.
    pub(crate) fn new(path: &Path, last_commit: Arc<Mutex<Commit>>) -> Self {
        let systems = query::Systems::default();
        let (idle, effort) = (Mutex::default(), Said::default());
        Self { path: path.to_owned(), idle, last_commit, systems, effort }
    }

    /// The number of the last commit that everybody sees.
    pub(crate) fn last_commit(&self) -> i64 {
        self.last_commit.lock().unwrap_or_else(PoisonError::into_inner).number
    }

    /// Runs a statement that gives versions.
    pub(crate) fn find(&self, statement: &Statement) -> Result<Vec<Version>, Outcome> {
        let reader = self.take(deadline::TIME_MAX)?;
        let answer = query::versions(&reader.connection, statement);
        self.put_back(reader);
        answer
    }

    /// Runs a statement on the vault's own tables.
    pub(crate) fn rows(&self, statement: &Statement) -> Result<Vec<Row>, Outcome> {
        let reader = self.take(deadline::TIME_MAX)?;
        let answer = records::rows(&reader.connection, statement);
        self.put_back(reader);
        answer
    }

    /// The state of the database as of now, for queries that take no longer than this.
    pub(crate) fn snapshot(&self, time_max: Duration) -> Result<Snapshot<'_>, Outcome> {
        // looked up before the snapshot begins: who was told of a commit finds it in both
        let last_commit = *self.last_commit.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = self.take(time_max)?;
        query::run(&reader.connection, "begin")?;
        Ok(Snapshot { readers: self, reader: Some(reader), last_commit })
    }

    fn take(&self, time_max: Duration) -> Result<Reader, Outcome> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => Reader::open(&self.path).map_err(|error| trouble(&error))?,
        };
        reader.deadline.begin(time_max);
        Ok(reader)
    }

    fn put_back(&self, reader: Reader) {
        reader.deadline.end();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX && reader.connection.is_autocommit() {
            idle.push(reader);
        }
    }
}

impl Reader {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = connection::open_reader(path)?;
        let deadline = Deadline::on(&connection)?;
        Ok(Self { connection, deadline })
    }
}

impl Snapshot<'_> {
    /// The connection, with the last commit that is known to be in the snapshot.
    pub(crate) fn asked(&self) -> Option<query::Asked<'_>> {
        let reader = self.reader.as_ref()?;
        let (connection, systems) = (&reader.connection, &self.readers.systems);
        let effort = self.readers.effort.now();
        let last_commit = self.last_commit;
        Some(query::Asked {
            connection,
            last_commit,
            systems,
            effort,
            deadline: Some(&reader.deadline),
            memory: None,
            looked_at: BTreeSet::default(),
        })
    }
}

impl Snapshot<'_> {
    /// Whether its time is over.
    pub(crate) fn is_over(&self) -> bool {
        self.reader.as_ref().is_none_or(|reader| reader.deadline.is_over())
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.deadline.end();
            // nothing was written; a connection that cannot even end is closed
            if query::run(&reader.connection, "rollback").is_ok() {
                self.readers.put_back(reader);
            }
        }
    }
}
