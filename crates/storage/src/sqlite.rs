//! The embedded database: one writer with group commit, readers in parallel on snapshots.

mod access;
mod apply;
mod claim;
mod connection;
mod deadline;
mod group;
mod lines;
mod names;
mod pending;
mod query;
mod readers;
mod records;
mod writer;

use std::{path::Path, sync::Arc};

use fhir_model::{IssueType, Outcome};

use crate::{
    Key, Version,
    cache::Cache,
    find::statement::Statement,
    parameters::Published,
    vouched::{Changes, Vouched},
};
pub(crate) use claim::Claim;
pub(crate) use deadline::TIME_MAX;
pub(crate) use group::{Finished, Group, Job};
pub(crate) use query::Asked;
pub(crate) use readers::Readers;
pub(crate) use writer::Writer;

/// Both sides of an open file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    pub(crate) readers: Readers,
    pub(crate) group: Group,
    pub(crate) published: Published,
    cache: Arc<Cache>,
    /// What other resources said a moment ago.
    pub(crate) vouched: Vouched,
    _claim: Claim,
}

impl Sqlite {
    /// Opens a migrated file.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn open(path: &Path, claim: Claim, clock: crate::Clock) -> Result<Self, Outcome> {
        let writer = Writer::open(path, clock)?;
        let published = writer.published();
        let cache = Arc::new(Cache::new());
        Ok(Self {
            readers: Readers::new(path, writer.committed()),
            group: Group::start(writer, Arc::clone(&cache), path)?,
            published,
            cache,
            vouched: Vouched::new(),
            _claim: claim,
        })
    }

    /// How often resources of each type were changed.
    pub(crate) fn changes(&self) -> &Changes {
        &self.cache.changes
    }

    /// The current version, and whether it was remembered: out of the cache, or asked for on the spot, which is quicker for one row by its
    /// key than to hand it to another thread.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn read(
        &self,
        key: &Key,
        current: fn(&Key) -> Statement,
    ) -> Result<(Option<Arc<Version>>, bool), Outcome> {
        let look = || self.readers.find(&current(key)).map(|mut found| found.pop().map(Arc::new));
        match self.cache.get(key) {
            Ok(version) => Ok((Some(version), true)),
            Err(ticket) => {
                let found = look()?;
                if let Some(version) = &found {
                    self.cache.put(ticket, key, version);
                }
                Ok((found, false))
            }
        }
    }
}

/// Makes the file, if there is none, with the page size and the journal that it keeps for life.
///
/// # Errors
/// What SQLite says, for example that the directory is missing.
pub(crate) fn prepare(path: &Path) -> Result<(), Outcome> {
    connection::open_writer(path).map(drop).map_err(|error| unopened(path, &error))
}

fn unopened(path: &Path, error: &dyn std::error::Error) -> Outcome {
    Outcome::new(IssueType::Exception, format!("{} cannot be opened: {error}", path.display()))
}

/// Says to the caller what kind of trouble it is, and to the log which.
pub(crate) fn trouble(error: &rusqlite::Error) -> Outcome {
    let code = error.sqlite_error_code();
    if code != Some(rusqlite::ErrorCode::OperationInterrupted) {
        tracing::error!(%error, "sqlite");
    }
    match code {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            Outcome::new(IssueType::Transient, "The database is busy; try again")
        }
        Some(rusqlite::ErrorCode::DiskFull) => {
            Outcome::new(IssueType::Transient, "The disk is full; nothing was stored")
        }
        Some(rusqlite::ErrorCode::OperationInterrupted) => {
            Outcome::new(IssueType::TooCostly, "The query took too long and was stopped")
        }
        _ => Outcome::new(IssueType::Exception, "The database failed; nothing was stored"),
    }
}
