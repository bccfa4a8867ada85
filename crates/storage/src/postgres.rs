//! PostgreSQL, and what speaks its protocol: one transaction a request, written with a few statements over
//! arrays. No triggers, no stored procedures, no sequences: numbers come from the application.

mod columns;
mod index;
mod names;
mod numbers;
mod transaction;
mod versions;

use std::{sync::Arc, time::Duration};

use auth::Permit;
use fhir_model::{IssueType, Outcome};
use sea_orm::{
    DatabaseConnection,
    sqlx::{
        self, Column as _, PgPool, Row as _, TypeInfo as _,
        postgres::{PgColumn, PgRow},
    },
};

use crate::{
    Clock, Tx, Work,
    find::{
        Columns, Version,
        statement::{Bind, Statement},
    },
    parameters::{self, Parameters, Published},
    row::{Cell, Row},
    setting,
    tx::{Engine, Indexing},
};
use names::Names;
use numbers::Numbers;
pub(crate) use transaction::Transaction;

/// How often a transaction that another one got in the way of starts again.
const TRIES_MAX: u32 = 6;

/// A pool of connections.
#[derive(Debug)]
pub(crate) struct Postgres {
    pool: PgPool,
    clock: Clock,
    published: Published,
    shared: Arc<Shared>,
}

/// What all transactions of this process share.
#[derive(Debug)]
pub(crate) struct Shared {
    numbers: Numbers,
    names: Names,
}

impl Postgres {
    /// Over a connected, migrated database.
    ///
    /// # Errors
    /// When the second pool, for the dictionary of systems, cannot connect.
    pub(crate) async fn open(
        control: DatabaseConnection,
        url: &str,
        clock: Clock,
    ) -> Result<Self, Outcome> {
        // numbering a name commits at once, so it needs a connection that no transaction holds
        let dictionary = setting::connect(url, 2).await?;
        let names = Names::new(dictionary.get_postgres_connection_pool().clone());
        let pool = control.get_postgres_connection_pool().clone();
        let published = Published::new(Arc::new(kept(&pool).await?));
        Ok(Self { pool, clock, published, shared: Arc::new(Shared { numbers: Numbers::new(clock), names }) })
    }

    /// Where changes of the search parameters are told, once they are committed.
    pub(crate) fn published(&self) -> Published {
        self.published.clone()
    }

    /// Looks whether another node changed the search parameters.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn look_for_news(&self) -> Result<(), Outcome> {
        let told = self.rows(&parameters::epoch()).await?;
        let epoch = told.first().map_or("", |row| row.text(0)).parse().unwrap_or(0);
        if self.published.now().epoch < epoch {
            self.published.publish(&Arc::new(kept(&self.pool).await?));
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
                Ok(answer) => return Ok(answer),
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

    /// Runs a statement whose columns are those of [`Columns`].
    pub(crate) async fn find(
        &self,
        _permit: &Permit,
        statement: &Statement,
    ) -> Result<Vec<Version>, Outcome> {
        let rows = bound(statement).fetch_all(&self.pool).await.map_err(|error| trouble(&error))?;
        rows.iter().map(version).collect()
    }

    /// Runs a statement on the vault's own tables.
    pub(crate) async fn rows(&self, statement: &Statement) -> Result<Vec<Row>, Outcome> {
        let found = bound(statement).fetch_all(&self.pool).await;
        found.and_then(|found| found.iter().map(row).collect()).map_err(|error| trouble(&error))
    }

    /// Runs a statement that gives one number.
    pub(crate) async fn number(
        &self,
        _permit: &Permit,
        statement: &Statement,
    ) -> Result<i64, Outcome> {
        let row = bound(statement).fetch_one(&self.pool).await.map_err(|error| trouble(&error))?;
        row.try_get(0).map_err(|error| trouble(&error))
    }
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
    if Again::after(error) == Again::Yes {
        return Outcome::new(IssueType::Transient, "Another write was in the way; try again");
    }
    tracing::error!(%error, "postgres");
    Outcome::new(IssueType::Exception, "The database failed; nothing was stored")
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// The statement with its values.
fn bound(statement: &Statement) -> Query<'_> {
    let query = sqlx::query(sqlx::AssertSqlSafe(statement.sql.clone()));
    statement.binds.iter().fold(query, |query, bind| match bind {
        Bind::Integer(value) => query.bind(*value),
        Bind::Real(value) => query.bind(*value),
        Bind::Text(value) => query.bind(value.as_str()),
    })
}

/// The search parameters that are kept.
async fn kept(pool: &PgPool) -> Result<Parameters, Outcome> {
    let ask = parameters::all();
    let found = bound(&ask).fetch_all(pool).await.map_err(|error| trouble(&error))?;
    let rows: Result<Vec<Row>, sqlx::Error> = found.iter().map(row).collect();
    parameters::load(&rows.map_err(|error| trouble(&error))?)
}

/// A row of the vault's own tables.
fn row(row: &PgRow) -> Result<Row, sqlx::Error> {
    let cell = |column: &PgColumn| {
        let at = column.ordinal();
        let integer = |value: Option<i64>| value.map_or(Cell::Null, Cell::Integer);
        Ok(match column.type_info().name() {
            "INT2" => integer(row.try_get::<Option<i16>, _>(at)?.map(i64::from)),
            "INT4" => integer(row.try_get::<Option<i32>, _>(at)?.map(i64::from)),
            "INT8" => integer(row.try_get(at)?),
            _ => row.try_get::<Option<String>, _>(at)?.map_or(Cell::Null, Cell::Text),
        })
    };
    row.columns().iter().map(cell).collect::<Result<_, sqlx::Error>>().map(Row)
}

fn version(row: &PgRow) -> Result<Version, Outcome> {
    let columns = || -> Result<Columns<'_>, sqlx::Error> {
        Ok(Columns {
            res: row.try_get(0)?,
            resource_type: i64::from(row.try_get::<i16, _>(1)?),
            id: row.try_get(2)?,
            version: i64::from(row.try_get::<i32, _>(3)?),
            updated: row.try_get(4)?,
            method: i64::from(row.try_get::<i16, _>(5)?),
            body: row.try_get(6)?,
        })
    };
    columns().map_err(|error| trouble(&error))?.version()
}
