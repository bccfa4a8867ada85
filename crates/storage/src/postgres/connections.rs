//! Connections that read, lent to one question after the other. The pool they come from asks the database after each
//! use whether the connection is still well, which for a read is a second round trip; here one that did its work well
//! is kept as it is, the last one on top: its statements are prepared, its pages in the processor's cache.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use sea_orm::sqlx::{self, PgConnection, PgPool, Postgres, pool::PoolConnection};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long somebody waits for a connection.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// After this time a connection goes back to the pool, which replaces old ones.
const KEPT_MAX: Duration = Duration::from_mins(20);

/// All of them.
#[derive(Debug)]
pub(super) struct Connections {
    pool: PgPool,
    /// As many as the pool may have, so that who holds one finds a connection here or there.
    free: Semaphore,
    kept: Mutex<Vec<Kept>>,
}

/// A connection that nobody uses.
#[derive(Debug)]
struct Kept {
    inner: PoolConnection<Postgres>,
    since: Instant,
    /// What the network says to it is heard on this thread.
    home: ThreadId,
}

/// A connection on loan. Who has its answer gives it back with [`Lent::done`]; otherwise, after an error or when the
/// caller went away halfway, the pool looks what became of it, and of all others: when the database was started again,
/// one caller meets a dead connection and not as many as there are connections.
#[derive(Debug)]
pub(super) struct Lent<'c> {
    connection: Kept,
    alarm: Alarm<'c>,
    _free: SemaphorePermit<'c>,
}

/// Calls the kept connections in unless the work was done.
#[derive(Debug)]
struct Alarm<'c> {
    connections: &'c Connections,
    is_done: bool,
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            let mut kept = self.connections.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.clear();
        }
    }
}

impl Connections {
    pub(super) fn new(pool: PgPool) -> Self {
        let most = usize::try_from(pool.options().get_max_connections()).unwrap_or(1);
        Self { pool, free: Semaphore::new(most.max(1)), kept: Mutex::default() }
    }

    /// One of them; best one that was opened on this thread, since another one would have to be woken for each answer.
    ///
    /// # Errors
    /// When all are busy, or the database does not answer.
    pub(super) async fn lend(&self) -> Result<Lent<'_>, sqlx::Error> {
        let free = tokio::time::timeout(WAIT_MAX, self.free.acquire()).await;
        let free = free.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let free = free.map_err(|_| sqlx::Error::PoolClosed)?;
        let home = thread::current().id();
        let connection = match self.take(home) {
            Some(kept) => kept,
            None => Kept { inner: self.pool.acquire().await?, since: Instant::now(), home },
        };
        Ok(Lent { connection, alarm: Alarm { connections: self, is_done: false }, _free: free })
    }

    fn take(&self, home: ThreadId) -> Option<Kept> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.iter().rposition(|one| one.home == home) {
            Some(at) => Some(kept.remove(at)),
            None => kept.pop(),
        }
    }
}

impl Lent<'_> {
    /// Gives it back: nothing is under way on it.
    pub(super) fn done(self) {
        let Self { connection, mut alarm, .. } = self;
        alarm.is_done = true;
        if connection.since.elapsed() < KEPT_MAX {
            let mut kept = alarm.connections.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(connection);
        }
    }
}

impl Deref for Lent<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection.inner
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection.inner
    }
}
