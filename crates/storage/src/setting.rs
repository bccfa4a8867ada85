//! What a vault remembers about itself, and the connection for that.

use std::time::Duration;

use fhir_model::{IssueType, Outcome};
use ring::rand::{SecureRandom as _, SystemRandom};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbErr, EntityTrait as _, Set,
    sea_query::OnConflict,
};

/// The table `setting`.
#[expect(unreachable_pub, reason = "the derive macro writes public items")]
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "setting")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub value: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// How long the control plane waits for whoever else writes to the same file.
const BUSY_MAX: Duration = Duration::from_secs(15);

/// Connects for the control plane. A connection is not tested before each use: a broken one gives an error
/// once and is replaced, a test costs every read more than the read itself.
///
/// # Errors
/// When nobody answers.
pub(crate) async fn connect(
    url: &str,
    connections_max: u32,
) -> Result<DatabaseConnection, Outcome> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections_max)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .sqlx_logging(false)
        // the vault's writer moves the log into the file, and nobody waits for that
        .map_sqlx_sqlite_opts(|options| {
            options.pragma("wal_autocheckpoint", "0").busy_timeout(BUSY_MAX)
        });
    Database::connect(options).await.map_err(|error| trouble(&error))
}

/// Connects to PostgreSQL for searches. A search is written so that one way to answer it is right whatever the
/// statistics say, so that way is prescribed: along indexes, in the order in which tables are named.
///
/// # Errors
/// When nobody answers.
pub(crate) async fn connect_reading(
    url: &str,
    connections_max: u32,
) -> Result<DatabaseConnection, Outcome> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections_max)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(|options| options.options(READING));
    Database::connect(options).await.map_err(|error| trouble(&error))
}

/// <https://www.postgresql.org/docs/15/runtime-config-query.html>
///
/// Statements say themselves in which order tables and rows are gone through, each page with a limit. A plan is made once:
/// it takes longer than most pages, and would think too much of what it knows about values.
///
/// More than one process for a statement would take it from another one, and takes longer to call than a page.
const READING: [(&str, &str); 6] = [
    ("default_transaction_read_only", "on"),
    ("statement_timeout", "5000"),
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("max_parallel_workers_per_gather", "0"),
];

/// The vault's own secret, 32 bytes; made at the first call.
///
/// # Errors
/// What the database says.
pub(crate) async fn secret(database: &DatabaseConnection) -> Result<Vec<u8>, Outcome> {
    let mut fresh = [0; 32];
    SystemRandom::new()
        .fill(&mut fresh)
        .map_err(|_| Outcome::new(IssueType::Exception, "The system gives no random bytes"))?;
    let text = fresh.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let kept = keep_first(database, "secret", &text).await?;
    let bytes = kept.as_bytes().chunks(2).map(|pair| {
        std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())
    });
    bytes.collect::<Option<Vec<u8>>>().filter(|bytes| bytes.len() == 32).ok_or_else(|| {
        Outcome::new(IssueType::Exception, "The vault's secret in table setting is damaged")
    })
}

/// The URL that absolute references of this vault begin with: the one it was first served at.
///
/// # Errors
/// What the database says.
pub(crate) async fn index_base(
    database: &DatabaseConnection,
    base: &str,
) -> Result<String, Outcome> {
    let kept = keep_first(database, "index_base", base).await?;
    if kept != base {
        tracing::warn!(
            served_at = base,
            indexed_as = kept,
            "absolute references under the new base URL count as foreign until everything is indexed again"
        );
    }
    Ok(kept)
}

/// The generation of index rows that this version writes. It grows with every change to the schema of the
/// index tables or to what is extracted by R4's own parameters.
pub(crate) const INDEX_GENERATION: u32 = 9;

/// The generation that all index rows are of. When it is not [`INDEX_GENERATION`], resources are there that
/// must be indexed again.
///
/// # Errors
/// What the database says.
pub(crate) async fn index_generation(database: &DatabaseConnection) -> Result<u32, Outcome> {
    let kept = keep_first(database, "index_generation", &INDEX_GENERATION.to_string()).await?;
    Ok(kept.parse().unwrap_or(0))
}

/// Sets what is not set yet; what is set.
async fn keep_first(
    database: &DatabaseConnection,
    name: &str,
    value: &str,
) -> Result<String, Outcome> {
    let row = entity::ActiveModel { name: Set(name.to_owned()), value: Set(value.to_owned()) };
    let keep = OnConflict::column(entity::Column::Name).do_nothing().to_owned();
    entity::Entity::insert(row)
        .on_conflict(keep)
        .exec_without_returning(database)
        .await
        .map_err(|error| trouble(&error))?;
    let kept = entity::Entity::find_by_id(name).one(database).await;
    Ok(kept.map_err(|error| trouble(&error))?.map(|row| row.value).unwrap_or_default())
}

/// Lets the connection go.
///
/// # Errors
/// What the database says.
pub(crate) async fn close(database: DatabaseConnection) -> Result<(), Outcome> {
    database.close().await.map_err(|error| trouble(&error))
}

fn trouble(error: &DbErr) -> Outcome {
    Outcome::new(IssueType::Exception, format!("The database does not answer: {error}"))
}
