//! How a connection is set up: <https://www.sqlite.org/pragma.html>.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, config::DbConfig};

/// Statements that a connection keeps compiled.
const STATEMENTS_MAX: usize = 256;

/// The only connection that writes. `synchronous = full`: a commit is on disk before it is answered.
/// Checkpoints run elsewhere, so that no commit waits for one.
pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    keep_compiled(&connection)?;
    connection.execute_batch(
        "pragma page_size = 4096;
         pragma journal_mode = wal;
         pragma synchronous = full;
         pragma wal_autocheckpoint = 0;
         pragma journal_size_limit = 33554432;
         pragma cache_size = -32768;
         pragma temp_store = memory;
         pragma busy_timeout = 5000;",
    )?;
    Ok(connection)
}

/// A connection that cannot write.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    keep_compiled(&connection)?;
    connection.execute_batch(
        "pragma cache_size = -16384;
         pragma temp_store = memory;
         pragma busy_timeout = 5000;",
    )?;
    Ok(connection)
}

/// Compiled statements stay so: without the guarantee that values do not change a plan, SQLite compiles a statement
/// again whenever its values are other ones.
fn keep_compiled(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// The connection that moves the log into the file, in small steps beside the writer.
pub(crate) fn open_checkpointer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch("pragma synchronous = full; pragma cache_size = -1024;")?;
    Ok(connection)
}

/// Moves into the file as much of the log as readers allow; nobody waits for anybody.
pub(crate) fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(()))
}
