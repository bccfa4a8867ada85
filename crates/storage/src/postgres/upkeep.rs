//! PostgreSQL's own upkeep after much was written: without statistics it plans as for small tables, and without a
//! visibility map each row of an index is looked up in its table. Its own workers come by once a minute
//! (<https://www.postgresql.org/docs/15/routine-vacuuming.html>); who has just imported a nation need not wait for them.

use std::{
    sync::{
        Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sea_orm::sqlx::{self, PgPool};

use crate::vault::{Engine, Inner};

/// How often somebody looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Less than this is not worth it.
const RESOURCES_MIN: u64 = 1000;

/// So many times what was there, and the plans of then are bad ones, although others still write.
const GROWN_TIMES: u64 = 4;

/// One in so many new ones: what PostgreSQL itself begins at, unless told otherwise.
const ONE_IN: u64 = 5;

const TABLES: &str = "resource, history, idx_token, idx_reference, idx_date, idx_string, idx_number, idx_quantity, \
                      idx_uri, idx_present, idx_position, idx_word, idx_word_of, idx_suffix";

/// What was written since the last time.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    written: AtomicU64,
}

/// How much there was the last time, and how much was written when somebody looked.
#[derive(Debug, Default)]
struct Looked {
    there: Option<u64>,
    written: u64,
}

/// Looks after a vault until it is closed.
pub(crate) async fn keep_up(inner: Weak<Inner>) {
    let mut looked = Looked::default();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(vault) = inner.upgrade() else { return };
        let Engine::Postgres(engine) = &vault.engine else { return };
        let (pool, shared) = engine.tidying();
        // it may take a while, and closes nothing
        drop(vault);
        if let Err(error) = shared.upkeep.look(&mut looked, &pool).await {
            tracing::debug!(%error, "upkeep");
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Nothing,
    /// Statistics: quickly done.
    Analyze,
    /// That and the visibility map.
    Vacuum,
}

impl Upkeep {
    /// So many resources were written.
    pub(super) fn count(&self, resources: usize) {
        let resources = u64::try_from(resources).unwrap_or(u64::MAX);
        self.written.fetch_add(resources, Ordering::Relaxed);
    }

    /// Does what is due: after a look that found nothing new since the one before, or when very much is new.
    ///
    /// # Errors
    /// What the database says.
    async fn look(&self, looked: &mut Looked, pool: &PgPool) -> Result<(), sqlx::Error> {
        let there = match looked.there {
            Some(there) => there,
            None => *looked.there.insert(resources(pool).await?),
        };
        let written = self.written.load(Ordering::Relaxed);
        let lately = written.saturating_sub(looked.written);
        looked.written = written;
        let statement = match due((written, lately), there) {
            Due::Nothing => return Ok(()),
            // what somebody else works on is left to them
            Due::Analyze => format!("analyze (skip_locked) {TABLES}"),
            Due::Vacuum => format!("vacuum (analyze, skip_locked) {TABLES}"),
        };
        self.written.fetch_sub(written, Ordering::Relaxed);
        looked.written = 0;
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(pool).await?;
        looked.there = Some(resources(pool).await?);
        Ok(())
    }
}

/// How many resources there are, as the statistics say.
async fn resources(pool: &PgPool) -> Result<u64, sqlx::Error> {
    let ask = "select cast(greatest(reltuples, 0) as bigint) from pg_class where oid = 'resource'::regclass";
    let there: i64 = sqlx::query_scalar(ask).fetch_one(pool).await?;
    Ok(u64::try_from(there).unwrap_or(0))
}

/// What so much is, in all and since the look before, where there was so much.
fn due((written, lately): (u64, u64), there: u64) -> Due {
    if written >= RESOURCES_MIN.max(there / ONE_IN) && lately == 0 {
        Due::Vacuum
    } else if written >= RESOURCES_MIN.max(there.saturating_mul(GROWN_TIMES)) {
        Due::Analyze
    } else {
        Due::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_after_much_was_written_and_best_when_nobody_writes() {
        assert_eq!(due((999, 0), 0), Due::Nothing);
        assert_eq!(due((1_000, 0), 0), Due::Vacuum);
        assert_eq!(due((1_000, 9), 0), Due::Analyze);
        assert_eq!(due((3_999, 9), 1_000), Due::Nothing);
        assert_eq!(due((4_000, 9), 1_000), Due::Analyze);
        assert_eq!(due((1_999, 0), 10_000), Due::Nothing);
        assert_eq!(due((2_000, 0), 10_000), Due::Vacuum);
    }
}
