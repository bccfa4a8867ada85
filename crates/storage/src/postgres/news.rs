//! What was committed, by whichever process, as far as the gate has to know: of which types. Every transaction that
//! changes resources says so in `gate_change`; the statement that reads what is to be judged also reads what was said since
//! the snapshot up to which this process has heard.
//!
//! **Invariant**: when an answer of [`Vouched`] is taken after such a statement, it is no older than the statement, as far as
//! anybody changed something that it rests on. For an answer keeps how often its types had been changed before anything
//! was looked at. A change that was not to be seen by that look was committed after it; the first statement that sees it
//! counts it before its snapshot is the one up to which has been heard, and everybody who sends a later one finds it counted.
//! <https://www.postgresql.org/docs/15/functions-info.html#FUNCTIONS-INFO-SNAPSHOT>

use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use fhir_model::ResourceType;
use sea_orm::sqlx::{self, PgPool, Row as _, postgres::PgRow};

use crate::{
    find::statement::{Sql, sql},
    vouched::{Changes, Vouched},
};

/// How many changes are read one by one. If there are more, everything has changed.
const CHANGES_MAX: usize = 64;

/// For how long changes are told. Answers are good for a fraction of a second.
const KEPT_MS: i64 = 3_600_000;

/// What has been heard, and answers that rest on it.
#[derive(Debug)]
pub(super) struct News {
    /// The snapshot up to which `changes` counts.
    until: RwLock<Arc<str>>,
    pub(super) changes: Changes,
    pub(super) answers: Vouched,
}

impl News {
    /// From now on.
    ///
    /// # Errors
    /// What the database says.
    pub(super) async fn begin(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let now = sqlx::query_scalar("select cast(pg_current_snapshot() as text)");
        let now: String = now.fetch_one(pool).await?;
        let until = RwLock::new(now.into());
        Ok(Self { until, changes: Changes::new(), answers: Vouched::new() })
    }

    /// Up to which snapshot has been heard: to be drawn before a statement with [`columns`].
    pub(super) fn until(&self) -> Arc<str> {
        Arc::clone(&self.until.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in what a statement told that was asked with that snapshot; its columns begin at `at`.
    ///
    /// # Errors
    /// When the columns are missing.
    pub(super) fn hear(
        &self,
        since: &Arc<str>,
        (row, at): (&PgRow, usize),
    ) -> Result<(), sqlx::Error> {
        let now: &str = row.try_get(at)?;
        let told: Option<&str> = row.try_get(at + 1)?;
        let told: Vec<&str> = told.map_or_else(Vec::new, |told| told.split(',').collect());
        if told.len() >= CHANGES_MAX {
            self.changes.count_all();
        } else {
            let mut types: Vec<u8> = told.iter().filter_map(|ty| ty.parse().ok()).collect();
            types.sort_unstable();
            types.dedup();
            for ty in types {
                self.changes.count_type(ty);
            }
        }
        if *now != **since {
            let mut until = self.until.write().unwrap_or_else(PoisonError::into_inner);
            // whoever was first has told as much as is told here, or this is counted as well and told again
            if Arc::ptr_eq(&until, since) {
                *until = now.into();
            }
        }
        Ok(())
    }
}

/// The snapshot on which a statement looks.
const SEEN: &str = "cast(pg_current_snapshot() as text)";

/// Two columns of a statement: the snapshot on which it looks, and the types that were changed since the snapshot that
/// is its parameter of this number; empty ones were to be seen there already. On the same snapshot nothing is looked for.
pub(super) fn columns(parameter: &str) -> String {
    format!(
        "{SEEN} as seen,\n         {} as told",
        told_since(&format!("cast({parameter} as text)"))
    )
}

/// The same two in each row of a page, worked out once: see [`crate::find::ask::Ask::heard`].
pub(super) fn in_rows(since: &str) -> Sql {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let told = told_since("until.since");
        format!(
            "(select {SEEN}) as seen,\n       (select {told}\n        from   (select cast(? as text) as since) as until) as told"
        )
    });
    sql(TEXT.as_str(), [since.into()])
}

fn told_since(since: &str) -> String {
    format!(
        "case when {SEEN} = {since} then null else
           (select string_agg(
                     case
                       when pg_visible_in_snapshot(told.xid, cast({since} as pg_snapshot)) then ''
                       else cast(told.type as text)
                     end, ',')
            from   (select xid, type
                    from   gate_change
                    where  xid >= pg_snapshot_xmin(cast({since} as pg_snapshot))
                    limit  {CHANGES_MAX}) told)
         end"
    )
}

/// The types that a transaction has to tell of when it changes such resources. The record is only added to.
pub(super) fn told<'t>(types: impl Iterator<Item = &'t ResourceType>) -> Vec<i16> {
    let types = types.filter(|ty| ty.name() != "AuditEvent");
    let mut types: Vec<i16> = types.map(|ty| i16::from(ty.number())).collect();
    types.sort_unstable();
    types.dedup();
    types
}

/// Tells of them, in front of a statement that changes resources; the parameters of these names are the types and the time.
pub(super) fn telling(types: &str, now: &str) -> String {
    format!(
        "with told as (
           insert into gate_change (xid, type, at)
           select pg_current_xact_id(), told.type, {now}
           from   unnest({types}::smallint[]) as told (type))"
    )
}

/// Forgets what was told long ago.
///
/// # Errors
/// What the database says.
pub(super) async fn forget(pool: &PgPool, now_ms: i64) -> Result<(), sqlx::Error> {
    let delete = "delete from gate_change where at < $1";
    sqlx::query(delete).bind(now_ms - KEPT_MS).execute(pool).await.map(drop)
}
