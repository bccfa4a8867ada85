//! The accounts: who may log in, which clients there are, what they were granted. The control plane of the vault,
//! in the same database as the records, over its own few connections.
//!
//! **Invariant**: a secret goes in and a hash is kept. **Invariant**: when a revocation is answered, no process
//! accepts what was revoked; see [`live`].

mod browsers;
mod clients;
mod codes;
mod consents;
mod devices;
mod keys;
mod launches;
mod links;
pub(crate) mod live;
mod passwords;
mod people;
mod secrets;
mod studies;
mod tokens;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use fhir_model::{Instant, IssueType, Outcome};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, QueryResult, Statement, TryGetable, Value,
};
use tokio::sync::{OnceCell, Semaphore};

use crate::{Clock, DatabaseUrl, Options, migrate, setting, sqlite};

pub use clients::Registered;
pub use codes::NewCode;
pub use consents::{Consent, Kept, Listed};
pub use devices::{Device, DeviceState};
pub use keys::SigningKey;
pub use links::Linked;
pub use people::{Account, Login, NewAccount};
pub use secrets::{fresh, hash};
pub use studies::{Question, Reply, Whose};
pub use tokens::{Minted, Minting};

use live::Live;

/// Who may log in, which clients there are, what they were granted. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    database: DatabaseConnection,
    clock: Clock,
    secret: Vec<u8>,
    live: Live,
    /// Passwords that are being hashed: each takes 19 MiB.
    hashing: Semaphore,
    /// How many were hashed to be compared.
    compared: Arc<AtomicU64>,
    signing: OnceCell<SigningKey>,
    /// How often tokens were made, to sweep now and then.
    made: AtomicU32,
    /// Who else may remember what this process revokes.
    others: Others,
}

/// Whether other processes may serve the same accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    /// No: this process serves the file.
    None,
    /// Yes: it is a command beside a server, or one of several servers.
    MayServe,
}

/// Connections to a file: one that writes and one that need not wait for it.
const SQLITE_CONNECTIONS: u32 = 2;

impl Accounts {
    /// Opens the accounts without the vault, beside a server that may be running.
    ///
    /// # Errors
    /// When the database cannot be opened or was written by a newer version.
    pub async fn open(options: &Options) -> Result<Self, Outcome> {
        if let DatabaseUrl::Sqlite(path) = &options.url {
            sqlite::prepare(path)?;
        }
        let control = Self::connect(&options.url).await?;
        migrate::migrate(&control).await?;
        let secret = setting::secret(&control).await?;
        Ok(Self::over(control, secret, options.clock, Others::MayServe))
    }

    pub(crate) async fn connect(url: &DatabaseUrl) -> Result<DatabaseConnection, Outcome> {
        match url {
            DatabaseUrl::Sqlite(path) => {
                let url = format!("sqlite://{}?mode=rwc", path.display());
                setting::connect(&url, SQLITE_CONNECTIONS).await
            }
            DatabaseUrl::Postgres(url) => setting::connect(url, 4).await,
        }
    }

    pub(crate) fn over(
        database: DatabaseConnection,
        secret: Vec<u8>,
        clock: Clock,
        others: Others,
    ) -> Self {
        let inner = Inner {
            database,
            clock,
            secret,
            live: Live::default(),
            hashing: Semaphore::new(2),
            compared: Arc::default(),
            signing: OnceCell::new(),
            made: AtomicU32::new(0),
            others,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The time here.
    pub fn now(&self) -> Instant {
        self.inner.clock.now()
    }

    /// A hash that only this vault can make: for what has to be found again, or recognised, but never told.
    pub fn keyed(&self, purpose: &str, text: &str) -> String {
        secrets::keyed(&self.inner.secret, purpose, text)
    }

    /// What is kept of a client's secret.
    pub fn keyed_secret(&self, secret: &str) -> String {
        self.keyed("client-secret", secret)
    }

    /// Forgets what is over, now and then.
    async fn sweep(&self) -> Result<(), Outcome> {
        const EVERY: u32 = 256;
        const DAY_MS: i64 = 86_400_000;
        if !self.inner.made.fetch_add(1, Ordering::Relaxed).is_multiple_of(EVERY) {
            return Ok(());
        }
        let now = self.now().millis();
        for table in ["oauth_jti", "launch_context", "web_session", "device_code"] {
            let sql = format!("delete from {table} where expires < $1");
            self.execute(&sql, [now.into()]).await?;
        }
        // a code or token that comes back after its end still tells of theft for a day
        for table in ["oauth_code", "oauth_token"] {
            let sql = format!("delete from {table} where expires < $1");
            self.execute(&sql, [(now - DAY_MS).into()]).await?;
        }
        let sql = "delete from login_try where last < $1";
        self.execute(sql, [(now - DAY_MS).into()]).await?;
        // codes are long gone by then
        let sql = "delete from oauth_grant
                   where  created < $1
                     and  not exists (select 1 from oauth_token t where t.grant_id = oauth_grant.id)";
        self.execute(sql, [(now - 2 * DAY_MS).into()]).await?;
        Ok(())
    }

    /// Makes what was just revoked count everywhere before anybody is told.
    async fn settle(&self) {
        self.inner.live.forget();
        if self.inner.others == Others::MayServe {
            tokio::time::sleep(live::LEASE + Duration::from_millis(20)).await;
        }
    }

    async fn execute<const N: usize>(&self, sql: &str, values: [Value; N]) -> Result<u64, Outcome> {
        execute(&self.inner.database, sql, values).await
    }

    async fn one<const N: usize>(
        &self,
        sql: &str,
        values: [Value; N],
    ) -> Result<Option<Row>, Outcome> {
        let database = &self.inner.database;
        let found = database.query_one_raw(statement(database, sql, values)).await;
        Ok(found.map_err(|error| trouble(&error))?.map(Row))
    }

    async fn all<const N: usize>(
        &self,
        sql: &str,
        values: [Value; N],
    ) -> Result<Vec<Row>, Outcome> {
        let database = &self.inner.database;
        let found = database.query_all_raw(statement(database, sql, values)).await;
        Ok(found.map_err(|error| trouble(&error))?.into_iter().map(Row).collect())
    }
}

/// A row that was found.
struct Row(QueryResult);

impl Row {
    fn get<T: TryGetable>(&self, column: &str) -> Result<T, Outcome> {
        self.0.try_get("", column).map_err(|error| trouble(&error))
    }

    /// A time.
    fn time(&self, column: &str) -> Result<Instant, Outcome> {
        self.get(column).map(Instant::from_millis)
    }

    /// A time that may be missing.
    fn some_time(&self, column: &str) -> Result<Option<Instant>, Outcome> {
        Ok(self.get::<Option<i64>>(column)?.map(Instant::from_millis))
    }
}

async fn execute<C: ConnectionTrait, const N: usize>(
    database: &C,
    sql: &str,
    values: [Value; N],
) -> Result<u64, Outcome> {
    let done = database.execute_raw(statement(database, sql, values)).await;
    Ok(done.map_err(|error| trouble(&error))?.rows_affected())
}

/// Both databases take `$1`.
fn statement<C: ConnectionTrait, const N: usize>(
    database: &C,
    sql: &str,
    values: [Value; N],
) -> Statement {
    Statement::from_sql_and_values(database.get_database_backend(), sql, values)
}

fn trouble(error: &DbErr) -> Outcome {
    tracing::error!(%error, "accounts");
    Outcome::new(IssueType::Exception, "The accounts could not be read or changed")
}
