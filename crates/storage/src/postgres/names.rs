//! Code systems and keys of composites as small numbers: looked up once, then known.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use fhir_model::Outcome;
use sea_orm::sqlx::{self, PgConnection, PgPool, Row as _};

use super::trouble;
use crate::index::COMPOSITE_KEY_MIN;

#[expect(clippy::disallowed_types, reason = "looked up several times a resource; never iterated")]
type Map<K, V> = std::collections::HashMap<K, V>;

/// Names remembered; beyond these all are forgotten and looked up again.
const NAMES_MAX: usize = 50_000;

/// A composite's key: `p`, system and code.
pub(super) type CompositeKey = (i32, i32, String);

/// The dictionaries `token_system` and `composite_key`. A name is numbered in a transaction of its own, so its
/// number holds whatever becomes of the resource that brought it.
#[derive(Debug)]
pub(crate) struct Names {
    pool: PgPool,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    systems: Map<String, i32>,
    composite_keys: Map<(i32, i32), Map<String, i32>>,
    composite_keys_len: usize,
}

impl Names {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a system if it is known here; 0 for none.
    pub(crate) fn system(&self, uri: Option<&str>) -> Option<i32> {
        uri.map_or(Some(0), |uri| self.known().systems.get(uri).copied())
    }

    /// Remembers the number of a system that the database told.
    pub(crate) fn learn_system(&self, uri: &str, number: i64) {
        let Ok(number) = i32::try_from(number) else { return };
        let mut known = self.known();
        if known.systems.len() < NAMES_MAX {
            known.systems.insert(uri.to_owned(), number);
        }
    }

    /// The number of a composite's key if it is known here.
    pub(crate) fn composite_key(&self, p: i32, sys: i32, code: &str) -> Option<i32> {
        self.known().composite_keys.get(&(p, sys))?.get(code).copied()
    }

    /// Makes these systems known; new ones are numbered.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn learn_systems(&self, unknown: BTreeSet<&str>) -> Result<(), Outcome> {
        let numbered = self.number_systems(unknown.into_iter().collect()).await;
        let mut known = self.known();
        if known.systems.len() >= NAMES_MAX {
            known.systems.clear();
        }
        known.systems.extend(numbered.map_err(|error| trouble(&error))?);
        Ok(())
    }

    /// Makes these keys known; new ones are numbered.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn learn_composite_keys(
        &self,
        unknown: BTreeSet<CompositeKey>,
    ) -> Result<(), Outcome> {
        let numbered = self.number_composite_keys(unknown).await;
        let mut known = self.known();
        if known.composite_keys_len >= NAMES_MAX {
            known.composite_keys.clear();
            known.composite_keys_len = 0;
        }
        for (p, sys, code, k) in numbered.map_err(|error| trouble(&error))? {
            known.composite_keys.entry((p, sys)).or_default().insert(code, k);
            known.composite_keys_len += 1;
        }
        Ok(())
    }

    async fn number_systems(&self, uris: Vec<&str>) -> Result<Vec<(String, i32)>, sqlx::Error> {
        let ask = "select sys, uri from token_system where uri = any($1)";
        let rows = sqlx::query(ask).bind(&uris).fetch_all(&self.pool).await?;
        if rows.len() == uris.len() {
            return rows.iter().map(|row| Ok((row.try_get(1)?, row.try_get(0)?))).collect();
        }
        let mut transaction = self.pool.begin().await?;
        take_turns(&mut transaction).await?;
        sqlx::query(
            "insert into token_system (sys, uri)
             select (select coalesce(max(sys), 0) from token_system) + row_number() over (), uri
             from   unnest($1::text[]) as new (uri)
             where  not exists (select 1 from token_system s where s.uri = new.uri)",
        )
        .bind(&uris)
        .execute(&mut *transaction)
        .await?;
        let rows = sqlx::query(ask).bind(&uris).fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        rows.iter().map(|row| Ok((row.try_get(1)?, row.try_get(0)?))).collect()
    }

    async fn number_composite_keys(
        &self,
        keys: BTreeSet<CompositeKey>,
    ) -> Result<Vec<(i32, i32, String, i32)>, sqlx::Error> {
        let (mut ps, mut systems, mut codes) = (Vec::new(), Vec::new(), Vec::new());
        for (p, sys, code) in keys {
            ps.push(p);
            systems.push(sys);
            codes.push(code);
        }
        let ask = || {
            sqlx::query(
                "select k.p, k.sys, k.code, k.k
                 from   unnest($1::int[], $2::int[], $3::text[]) as o (p, sys, code)
                   join composite_key k on (k.p, k.sys, k.code) = (o.p, o.sys, o.code)",
            )
            .bind(&ps)
            .bind(&systems)
            .bind(&codes)
        };
        let mut rows = ask().fetch_all(&self.pool).await?;
        if rows.len() < ps.len() {
            let mut transaction = self.pool.begin().await?;
            take_turns(&mut transaction).await?;
            sqlx::query(
                "insert into composite_key (k, p, sys, code)
                 select (select coalesce(max(k) + 1, $4) from composite_key)
                          + row_number() over () - 1, p, sys, code
                 from   unnest($1::int[], $2::int[], $3::text[]) as o (p, sys, code)
                 where  not exists (select 1 from composite_key k
                                    where (k.p, k.sys, k.code) = (o.p, o.sys, o.code))",
            )
            .bind(&ps)
            .bind(&systems)
            .bind(&codes)
            .bind(COMPOSITE_KEY_MIN)
            .execute(&mut *transaction)
            .await?;
            rows = ask().fetch_all(&mut *transaction).await?;
            transaction.commit().await?;
        }
        let key = |row: &sqlx::postgres::PgRow| {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
        };
        rows.iter().map(key).collect()
    }
}

/// Whoever gives numbers gives them alone: nobody counts what another is about to write.
async fn take_turns(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock(7238402)").execute(connection).await.map(drop)
}
