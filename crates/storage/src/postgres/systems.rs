//! Code systems as small numbers: looked up once, then known.

use std::sync::{Mutex, PoisonError};

use fhir_model::Outcome;
use sea_orm::sqlx::{self, PgPool};

use super::trouble;

#[expect(clippy::disallowed_types, reason = "looked up several times a resource; never iterated")]
type Known = std::collections::HashMap<Box<str>, i32>;

/// Systems remembered; beyond these all are forgotten and looked up again.
const KNOWN_MAX: usize = 50_000;

/// The dictionary `token_system`. A system is numbered in a transaction of its own, so its number holds
/// whatever becomes of the resource that brought it.
#[derive(Debug)]
pub(crate) struct Systems {
    pool: PgPool,
    known: Mutex<Known>,
}

impl Systems {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool, known: Mutex::default() }
    }

    /// The number of a system if it is known here; 0 for none.
    pub(crate) fn get(&self, uri: Option<&str>) -> Option<i32> {
        let Some(uri) = uri else { return Some(0) };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(uri).copied()
    }

    /// Makes these systems known; new ones are numbered.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) async fn learn(&self, mut unknown: Vec<String>) -> Result<(), Outcome> {
        unknown.sort_unstable();
        unknown.dedup();
        for uri in unknown {
            let sys = self.number(&uri).await.map_err(|error| trouble(&error))?;
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= KNOWN_MAX {
                known.clear();
            }
            known.insert(uri.into(), sys);
        }
        Ok(())
    }

    async fn number(&self, uri: &str) -> Result<i32, sqlx::Error> {
        loop {
            let known: Option<i32> =
                sqlx::query_scalar("select sys from token_system where uri = $1")
                    .bind(uri)
                    .fetch_optional(&self.pool)
                    .await?;
            if let Some(sys) = known {
                return Ok(sys);
            }
            // whoever is second, by name or by number, looks again
            sqlx::query(
                "insert into token_system (sys, uri)
                 select coalesce(max(sys), 0) + 1, $1 from token_system
                 on conflict do nothing",
            )
            .bind(uri)
            .execute(&self.pool)
            .await?;
        }
    }
}
