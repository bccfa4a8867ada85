//! PostgreSQL, and what speaks its protocol: one transaction a request, written with a few statements over
//! arrays. No triggers, no stored procedures, no sequences: numbers come from the application.

mod access;
mod columns;
mod connections;
mod hearing;
mod index;
mod names;
mod news;
mod numbers;
mod query;
mod records;
mod transaction;
mod upkeep;
mod versions;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use auth::Permit;
use fhir_model::{IssueType, Outcome, ResourceType};
use sea_orm::{
    DatabaseConnection,
    sqlx::{self, Connection as _, PgPool, Row as _, postgres::PgRow},
};
use search::{Filter, Plan, Subject};

use crate::{
    Clock, Key, Tx, Work,
    find::{
        Explanation, Page, Turn, Version,
        effort::{Effort, Said},
        explain, inquiry,
        statement::Statement,
        ways::Ways,
    },
    gate::{self, Sight},
    parameters::{self, Published},
    row::Row,
    setting,
    totals::Totals,
    tx::{Engine, Indexing},
    vouched::{Asking, Before, Changes, Vouched},
};
use connections::{Connections, Lent};
use hearing::Hearing;
use names::Names;
use news::News;
use numbers::Numbers;
use query::{Asked, Snapshots, bound, version};
pub(crate) use transaction::Transaction;
use upkeep::Upkeep;
pub(crate) use upkeep::keep_up;

/// How often a transaction that another one got in the way of starts again.
const TRIES_MAX: u32 = 6;

/// A pool of connections.
#[derive(Debug)]
pub(crate) struct Postgres {
    pool: PgPool,
    /// Connections that only read.
    reading: Connections,
    clock: Clock,
    published: Published,
    shared: Arc<Shared>,
    /// How often something was committed, to forget what was told now and then.
    commits: AtomicU32,
}

/// What all transactions of this process share.
#[derive(Debug)]
pub(crate) struct Shared {
    numbers: Numbers,
    names: Names,
    effort: Said,
    ways: Ways,
    news: News,
    hearing: Hearing,
    /// How often Consents were written.
    consents: AtomicU64,
    upkeep: Upkeep,
}

impl Postgres {
    /// Over a connected, migrated database.
    ///
    /// # Errors
    /// When the second pool, for the dictionary of systems, cannot connect.
    pub(crate) async fn open(
        control: DatabaseConnection,
        (url, connections_max): (&str, u32),
        clock: Clock,
    ) -> Result<Self, Outcome> {
        // numbering a name commits at once, so it needs a connection that no transaction holds
        let dictionary = setting::connect(url, 2).await?;
        let names = Names::new(dictionary.get_postgres_connection_pool().clone());
        let pool = control.get_postgres_connection_pool().clone();
        let published = Published::new(Arc::new(records::kept(&pool).await?));
        let reading = setting::connect_reading(url, connections_max).await?;
        let news = News::begin(&pool).await.map_err(|error| trouble(&error))?;
        let reading = Connections::new(reading.get_postgres_connection_pool().clone());
        let shared = Arc::new(Shared {
            numbers: Numbers::new(clock),
            names,
            effort: Said::default(),
            ways: Ways::default(),
            news,
            hearing: Hearing::default(),
            consents: AtomicU64::new(0),
            upkeep: Upkeep::default(),
        });
        Ok(Self { pool, reading, clock, published, shared, commits: AtomicU32::new(0) })
    }

    /// Where changes of the search parameters are told, once they are committed.
    pub(crate) fn published(&self) -> Published {
        self.published.clone()
    }

    /// How often this process has written Consents, counted once it is committed, and how often it has heard of that.
    pub(crate) fn consents_written(&self) -> u64 {
        let heard = ResourceType::named("Consent").map_or(0, |ty| self.changes().of(ty.number()));
        self.shared.consents.load(Ordering::SeqCst) + heard
    }

    /// See [`crate::Vault::choose_with`].
    pub(crate) fn choose_with(&self, effort: Effort) {
        self.shared.effort.say(effort);
    }

    /// For [`keep_up`].
    fn tidying(&self) -> (PgPool, Arc<Shared>) {
        (self.pool.clone(), Arc::clone(&self.shared))
    }

    /// Looks whether another node changed the search parameters.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn look_for_news(&self) -> Result<(), Outcome> {
        let told = self.rows(&parameters::epoch()).await?;
        let epoch = told.first().map_or("", |row| row.text(0)).parse().unwrap_or(0);
        if self.published.now().epoch < epoch {
            self.published.publish(&Arc::new(records::kept(&self.pool).await?));
        }
        Ok(())
    }

    /// See [`crate::Vault::commit`]; `indexing` tells what resources are indexed by now.
    pub(crate) async fn commit<W: Work>(
        &self,
        indexing: impl Fn() -> Indexing,
        permit: &Permit,
        work: &W,
    ) -> Result<W::Answer, Outcome> {
        let mut locks = work.locks();
        locks.sort();
        locks.dedup();
        let mut tries = 0;
        loop {
            tries += 1;
            let mut transaction = Transaction::begin(&self.pool, &self.shared, &locks).await?;
            if tries > 1 {
                transaction.expect_lines();
            }
            let now = self.clock.now();
            let mut tx = Tx::new(permit, indexing(), now, Engine::Postgres(&mut transaction));
            let result = match work.run(&mut tx).await {
                Ok(answer) => transaction.commit(&self.published).await.map(|()| answer),
                Err(refusal) => Err((transaction.roll_back().await, refusal)),
            };
            if matches!(result, Err((Again::Yes, _))) {
                self.look_for_news().await?;
            }
            match result {
                Ok(answer) => {
                    self.forget_news().await;
                    return Ok(answer);
                }
                Err((Again::Yes, _)) if tries < TRIES_MAX => {
                    tokio::time::sleep(Duration::from_millis(u64::from(tries * tries))).await;
                }
                Err((Again::Yes, _)) => {
                    return Err(Outcome::new(
                        IssueType::Transient,
                        "Other writes to the same resources kept getting in the way; try again",
                    ));
                }
                Err((Again::No, refusal)) => return Err(refusal),
            }
        }
    }

    /// Forgets what was told to other processes long ago, now and then.
    async fn forget_news(&self) {
        const EVERY: u32 = 10_000;
        if self.commits.fetch_add(1, Ordering::Relaxed).is_multiple_of(EVERY)
            && let Err(error) = news::forget(&self.pool, self.clock.now().millis()).await
        {
            tracing::warn!(%error, "what was told long ago could not be forgotten");
        }
    }

    /// How often resources of each type were changed, as far as has been heard.
    pub(crate) fn changes(&self) -> &Changes {
        &self.shared.news.changes
    }

    /// What other resources said a moment ago; to be asked when it has been heard what was committed since.
    pub(crate) fn vouched(&self) -> &Vouched {
        &self.shared.news.answers
    }

    /// Hears what was committed until now, by whichever process.
    ///
    /// # Errors
    /// The database's own trouble.
    pub(crate) async fn hear(&self) -> Result<(), Outcome> {
        let listen = async || {
            let mut connection = self.lend().await?;
            let since = self.shared.news.until();
            let ask = format!("select {}", news::columns("$1"));
            let ask = sqlx::query(sqlx::AssertSqlSafe(ask)).bind(&*since);
            let row = ask.fetch_one(&mut *connection).await.map_err(|error| trouble(&error))?;
            connection.done();
            self.shared.news.hear(&since, (&row, 0)).map_err(|error| trouble(&error))
        };
        self.shared.hearing.hear(listen).await
    }

    /// The current version, whoever may see it. What was committed has been heard.
    ///
    /// # Errors
    /// The database's own trouble.
    pub(crate) async fn read_and_hear(&self, key: &Key) -> Result<Option<Version>, Outcome> {
        let mut connection = self.lend().await?;
        let since = self.shared.news.until();
        let ask = format!(
            "select res, type, id, version, updated, method, body, heard.*
             from   (select {}) as heard
               left join resource on type = $2 and id = $3 and version > 0",
            news::columns("$1")
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(ask))
            .bind(&*since)
            .bind(i16::from(key.resource_type.number()))
            .bind(&key.id)
            .fetch_one(&mut *connection)
            .await;
        let row = row.map_err(|error| trouble(&error))?;
        connection.done();
        self.shared.news.hear(&since, (&row, HEARD)).map_err(|error| trouble(&error))?;
        is_version(&row)?.then(|| version(&row)).transpose()
    }

    /// Runs a statement that gives versions, in the order of columns of it, and hears what was committed up to its snapshot.
    ///
    /// # Errors
    /// The database's own trouble.
    pub(crate) async fn find_and_hear(
        &self,
        statement: &Statement,
        order: &str,
    ) -> Result<Vec<Version>, Outcome> {
        let mut connection = self.lend().await?;
        let since = self.shared.news.until();
        let mut binds = statement.binds.clone();
        binds.push((&*since).into());
        let sql = format!(
            "select found.*, heard.*
             from   (select {}) as heard
               left join (\n{}\n) as found on true
             {order}",
            news::columns(&format!("${}", binds.len())),
            statement.sql
        );
        let statement = Statement { sql, binds };
        let rows = bound(&statement).fetch_all(&mut *connection).await;
        let rows = rows.map_err(|error| trouble(&error))?;
        connection.done();
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        self.shared.news.hear(&since, (first, HEARD)).map_err(|error| trouble(&error))?;
        if is_version(first)? { rows.iter().map(version).collect() } else { Ok(Vec::new()) }
    }

    /// Runs a statement that gives versions.
    pub(crate) async fn find(
        &self,
        _permit: &Permit,
        statement: &Statement,
    ) -> Result<Vec<Version>, Outcome> {
        let mut connection = self.lend().await?;
        let rows = bound(statement).fetch_all(&mut *connection).await;
        let rows = rows.map_err(|error| trouble(&error))?;
        connection.done();
        rows.iter().map(version).collect()
    }

    /// Runs a statement on the vault's own tables.
    pub(crate) async fn rows(&self, statement: &Statement) -> Result<Vec<Row>, Outcome> {
        let found = bound(statement).fetch_all(&self.pool).await;
        let rows = found.and_then(|found| found.iter().map(records::row).collect());
        rows.map_err(|error| trouble(&error))
    }

    /// See [`crate::Vault::search`].
    pub(crate) async fn search(
        &self,
        permit: &Permit,
        indexing: &Indexing,
        plan: &Plan,
        page: (&Turn, u32),
    ) -> Result<Page, Outcome> {
        if inquiry::is_one_statement(plan, page.0) {
            let mut connection = self.lend().await?;
            let mut asked =
                Asked::new(&mut connection, &self.shared).remembering(Snapshots::OneEach);
            let sight = Sight::search(permit);
            let page = inquiry::search(plan, sight, page, indexing, &mut asked).await?;
            connection.done();
            return Ok(page);
        }
        // matches, what they refer to and what was changed since the first page, as they were at one time
        let begin = "begin isolation level repeatable read, read only";
        let mut connection = self.lend().await?;
        let begun = connection.begin_with(begin).await;
        let mut transaction = begun.map_err(|error| trouble(&error))?;
        let mut asked = Asked::new(&mut transaction, &self.shared).remembering(Snapshots::One);
        let page = inquiry::search(plan, Sight::search(permit), page, indexing, &mut asked).await?;
        transaction.commit().await.map_err(|error| trouble(&error))?;
        connection.done();
        Ok(page)
    }

    /// Whether a version satisfies a filter of its permit; what others say is remembered.
    pub(crate) async fn holds(
        &self,
        asking: Option<(&Asking<'_>, &Before)>,
        (filter, of): (&Filter, Subject<'_>),
    ) -> Result<bool, Outcome> {
        let mut connection = self.lend().await?;
        let mut asked = Asked::new(&mut connection, &self.shared);
        let holds = gate::looked(filter, (of, gate::ROOT), &mut asked, asking).await?;
        connection.done();
        Ok(holds)
    }

    /// See [`crate::Vault::count`].
    pub(crate) async fn count(
        &self,
        permit: &Permit,
        plan: &Plan,
        totals: &Totals,
    ) -> Result<u64, Outcome> {
        let mut connection = self.lend().await?;
        let mut asked = Asked::new(&mut connection, &self.shared);
        let stamp = asked.stamp().await?;
        let count = inquiry::count(plan, Sight::search(permit), &mut asked);
        let total = totals.total((plan, permit), stamp, count).await?;
        connection.done();
        Ok(total)
    }

    /// See [`crate::Vault::explain`].
    pub(crate) async fn explain(
        &self,
        permit: &Permit,
        plan: &Plan,
        count: u32,
    ) -> Result<Explanation, Outcome> {
        let mut connection = self.lend().await?;
        let mut asked = Asked::new(&mut connection, &self.shared);
        let how = explain::explain(plan, Sight::search(permit), count, &mut asked).await?;
        connection.done();
        Ok(how)
    }

    /// A connection that reads.
    async fn lend(&self) -> Result<Lent<'_>, Outcome> {
        self.reading.lend().await.map_err(|error| trouble(&error))
    }
}

/// How many columns a version has; then comes what was heard.
const HEARD: usize = 7;

/// Whether a row is more than what was heard.
fn is_version(row: &PgRow) -> Result<bool, Outcome> {
    let res: Result<Option<i64>, _> = row.try_get(0);
    res.map(|res| res.is_some()).map_err(|error| trouble(&error))
}

/// Whether a failed transaction may start again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    Yes,
    No,
}

impl Again {
    /// Serialization failure, deadlock, and a key that somebody else just took:
    /// <https://www.postgresql.org/docs/15/errcodes-appendix.html>.
    fn after(error: &sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        match code.as_deref() {
            Some("40001" | "40P01" | "23505") => Self::Yes,
            _ => Self::No,
        }
    }
}

/// Says to the caller what kind of trouble it is, and to the log which.
fn trouble(error: &sqlx::Error) -> Outcome {
    if matches!(error, sqlx::Error::PoolTimedOut) {
        return Outcome::new(IssueType::Transient, "All database connections are busy; try again");
    }
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    if code.as_deref() == Some("57014") {
        return Outcome::new(IssueType::TooCostly, "The query took too long and was stopped");
    }
    if Again::after(error) == Again::Yes {
        return Outcome::new(IssueType::Transient, "Another write was in the way; try again");
    }
    tracing::error!(%error, "postgres");
    Outcome::new(IssueType::Exception, "The database failed; nothing was stored")
}
