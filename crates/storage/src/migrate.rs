//! Brings a database to the schema of this version: the files of `migrations/`, in order, once each.

use fhir_model::{IssueType, Outcome};
use sea_orm::{
    ConnectionTrait as _, DatabaseBackend, DatabaseConnection, DbErr, Statement,
    TransactionTrait as _,
};

struct Migration {
    number: i32,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migration {
    ($number:literal, $name:literal) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../../migrations/", $name, ".sql")),
            postgres: include_str!(concat!("../../../migrations/", $name, ".sql")),
        }
    };
    ($number:literal, $name:literal, by_dialect) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../../migrations/", $name, ".sqlite.sql")),
            postgres: include_str!(concat!("../../../migrations/", $name, ".postgres.sql")),
        }
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_resource", by_dialect),
    migration!(2, "0002_index", by_dialect),
    migration!(3, "0003_setting"),
    migration!(4, "0004_search", by_dialect),
    migration!(5, "0005_search_parameter"),
    migration!(6, "0006_changed"),
    migration!(7, "0007_auth"),
    migration!(9, "0009_beds"),
    migration!(10, "0010_word", by_dialect),
    migration!(11, "0011_access", by_dialect),
    migration!(12, "0012_account_link"),
    migration!(13, "0013_beds"),
    migration!(15, "0015_gate", by_dialect),
    migration!(16, "0016_consent"),
    migration!(17, "0017_beds"),
    migration!(18, "0018_letter", by_dialect),
    migration!(19, "0019_beds"),
    migration!(20, "0020_people"),
    migration!(21, "0021_suffix", by_dialect),
    migration!(22, "0022_studies", by_dialect),
];

/// The number of the newest migration that this version knows.
pub(crate) fn newest() -> i32 {
    MIGRATIONS.last().map_or(0, |migration| migration.number)
}

/// Applies what is missing.
///
/// # Errors
/// What the database says, or that it was written by a newer version.
pub(crate) async fn migrate(database: &DatabaseConnection) -> Result<(), Outcome> {
    let applied = apply_missing(database).await.map_err(|error| {
        Outcome::new(IssueType::Exception, format!("The database could not be prepared: {error}"))
    })?;
    if applied > newest() {
        return Err(Outcome::new(
            IssueType::Exception,
            format!(
                "The database has schema {applied}, this version knows {}: use a newer medvault",
                newest()
            ),
        ));
    }
    Ok(())
}

/// The number of the newest migration that the database has seen.
async fn apply_missing(database: &DatabaseConnection) -> Result<i32, DbErr> {
    let backend = database.get_database_backend();
    let transaction = database.begin().await?;
    if backend == DatabaseBackend::Postgres {
        // two servers that start at once take turns
        transaction.execute_unprepared("select pg_advisory_xact_lock(7238401)").await?;
    }
    transaction
        .execute_unprepared(
            "create table if not exists migration (number integer primary key, name text not null)",
        )
        .await?;
    let ask =
        Statement::from_string(backend, "select coalesce(max(number), 0) as number from migration");
    let row = transaction.query_one_raw(ask).await?;
    let seen: i32 = row.map_or(Ok(0), |row| row.try_get("", "number"))?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.number > seen) {
        let sql = if backend == DatabaseBackend::Postgres {
            migration.postgres
        } else {
            migration.sqlite
        };
        transaction.execute_unprepared(sql).await?;
        transaction
            .execute_unprepared(&format!(
                "insert into migration (number, name) values ({}, '{}')",
                migration.number, migration.name
            ))
            .await?;
        tracing::info!(migration = migration.name, "migrated");
    }
    transaction.commit().await?;
    Ok(seen.max(newest()))
}
