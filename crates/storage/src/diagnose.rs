//! What is wrong with a database, found out without changing it.

use fhir_model::{Instant, Outcome};
use sea_orm::{
    ConnectionTrait as _, DatabaseBackend, DatabaseConnection, DbErr, Statement, TryGetable,
};

use crate::{DatabaseUrl, Diagnosis, Options, Vault, migrate, setting};

/// PostgreSQL versions from this one on are tested; as the server writes it.
const POSTGRES_VERSION_MIN: i64 = 150_000;

impl Vault {
    /// Looks at the database: does it open, is its schema known, is the file whole, does the clock agree
    /// with it. A SQLite file that is not there yet is nothing wrong.
    pub async fn diagnose(options: &Options) -> Vec<Diagnosis> {
        let url = match &options.url {
            DatabaseUrl::Sqlite(path) if !path.exists() => {
                return vec![fine(format!(
                    "database {}, to be made by the first start",
                    options.url
                ))];
            }
            DatabaseUrl::Sqlite(path) => format!("sqlite://{}?mode=ro", path.display()),
            DatabaseUrl::Postgres(url) => url.clone(),
        };
        let subject = format!("database {}", options.url);
        let database = match setting::connect(&url, 1).await {
            Ok(database) => database,
            Err(outcome) => return vec![wrong(subject, outcome.to_string())],
        };
        let mut findings = vec![fine(subject)];
        findings.push(match database.get_database_backend() {
            DatabaseBackend::Sqlite => integrity(&database).await,
            DatabaseBackend::MySql | DatabaseBackend::Postgres | _ => {
                server_version(&database).await
            }
        });
        match is_empty(&database).await {
            Ok(true) => {
                findings.push(fine("database is empty, its schema is made by the first start"));
            }
            Ok(false) => {
                findings.push(schema(&database).await);
                findings.push(last_write(&database, options.clock.now()).await);
            }
            Err(error) => findings.push(wrong("database schema", error.to_string())),
        }
        if let Err(outcome) = close(database).await {
            findings.push(wrong("database", outcome.to_string()));
        }
        findings
    }
}

async fn close(database: DatabaseConnection) -> Result<(), Outcome> {
    setting::close(database).await
}

async fn integrity(database: &DatabaseConnection) -> Diagnosis {
    let subject = "database file is whole";
    match one::<String>(database, "pragma quick_check(1)", "quick_check").await {
        Ok(Some(verdict)) if verdict == "ok" => fine(subject),
        Ok(verdict) => {
            let verdict = verdict.unwrap_or_default();
            wrong(subject, format!("it is damaged, restore a backup: {verdict}"))
        }
        Err(error) => wrong(subject, error.to_string()),
    }
}

async fn server_version(database: &DatabaseConnection) -> Diagnosis {
    let subject = "PostgreSQL is new enough";
    let ask = "select current_setting('server_version_num')::bigint as version";
    match one::<i64>(database, ask, "version").await {
        Ok(Some(version)) if version >= POSTGRES_VERSION_MIN => fine(subject),
        Ok(version) => wrong(
            subject,
            format!("version {} is older than 15", version.unwrap_or_default() / 10_000),
        ),
        Err(error) => wrong(subject, error.to_string()),
    }
}

/// Whether no vault was ever opened here.
async fn is_empty(database: &DatabaseConnection) -> Result<bool, DbErr> {
    let ask = match database.get_database_backend() {
        DatabaseBackend::Sqlite => {
            "select count(*) as known from sqlite_master where type = 'table' and name = 'migration'"
        }
        DatabaseBackend::MySql | DatabaseBackend::Postgres | _ => {
            "select count(to_regclass('migration')) as known"
        }
    };
    Ok(one::<i64>(database, ask, "known").await? == Some(0))
}

async fn schema(database: &DatabaseConnection) -> Diagnosis {
    let subject = "database schema";
    let newest = migrate::newest();
    let ask = "select coalesce(max(number), 0) as number from migration";
    match one::<i32>(database, ask, "number").await {
        Ok(Some(number)) if number == newest => fine(format!("{subject} {number}")),
        Ok(Some(number)) if number < newest => {
            fine(format!("{subject} {number}, to be brought to {newest} by the next start"))
        }
        Ok(number) => wrong(
            subject,
            format!(
                "it is {}, this version knows {newest}: use a newer medvault",
                number.unwrap_or(0)
            ),
        ),
        Err(error) => wrong(subject, error.to_string()),
    }
}

async fn last_write(database: &DatabaseConnection, now: Instant) -> Diagnosis {
    let subject = "clock is not behind the last write";
    let ask = "select coalesce(max(updated), 0) as updated from resource where version > 0";
    match one::<i64>(database, ask, "updated").await {
        Ok(Some(updated)) if updated > now.millis() => wrong(
            subject,
            format!("the last write was at {}, it shows {now}", Instant::from_millis(updated)),
        ),
        Ok(_) => fine(subject),
        Err(error) => wrong(subject, error.to_string()),
    }
}

async fn one<T: TryGetable>(
    database: &DatabaseConnection,
    sql: &str,
    column: &str,
) -> Result<Option<T>, DbErr> {
    let ask = Statement::from_string(database.get_database_backend(), sql);
    let row = database.query_one_raw(ask).await?;
    row.map(|row| row.try_get("", column)).transpose()
}

fn fine(subject: impl Into<String>) -> Diagnosis {
    Diagnosis { subject: subject.into(), trouble: None }
}

fn wrong(subject: impl Into<String>, trouble: impl Into<String>) -> Diagnosis {
    Diagnosis { subject: subject.into(), trouble: Some(trouble.into()) }
}
