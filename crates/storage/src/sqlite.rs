//! The embedded database: one writer with group commit, readers in parallel on snapshots.

mod apply;
mod connection;
mod deadline;
mod group;
mod lines;
mod names;
mod query;
mod readers;
mod records;
mod writer;

use std::path::Path;

use fhir_model::{IssueType, Outcome};

use crate::parameters::Published;
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
}

impl Sqlite {
    /// Opens a migrated file.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn open(path: &Path, clock: crate::Clock) -> Result<Self, Outcome> {
        let writer = Writer::open(path, clock)?;
        let published = writer.published();
        let readers = Readers::new(path, writer.committed());
        Ok(Self { readers, group: Group::start(writer, path)?, published })
    }
}

/// Makes the file, if there is none, with the page size and the journal that it keeps for life.
///
/// # Errors
/// What SQLite says, for example that the directory is missing.
pub(crate) fn prepare(path: &Path) -> Result<(), Outcome> {
    connection::open_writer(path).map(drop).map_err(|error| {
        Outcome::new(IssueType::Exception, format!("{} cannot be opened: {error}", path.display()))
    })
}

/// Says to the caller what kind of trouble it is, and to the log which.
pub(crate) fn trouble(error: &rusqlite::Error) -> Outcome {
    tracing::error!(%error, "sqlite");
    eprintln!("DEBUG {error:?}");
    match error.sqlite_error_code() {
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
