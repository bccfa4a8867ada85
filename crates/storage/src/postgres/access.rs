//! What was done, written in bulk.

use sea_orm::sqlx::{self, PgConnection};

use crate::access::{Columns, KEEP_ALL, KEEP_BEARERS};

/// Writes narrow rows.
pub(super) async fn keep(
    connection: &mut PgConnection,
    rows: &Columns<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query(KEEP_BEARERS)
        .bind(&rows.digests)
        .bind(&rows.said)
        .execute(&mut *connection)
        .await?;
    sqlx::query(KEEP_ALL)
        .bind(&rows.ids)
        .bind(&rows.ats)
        .bind(&rows.bearers)
        .bind(&rows.interactions)
        .bind(&rows.outcomes)
        .bind(&rows.whats)
        .bind(&rows.queries)
        .bind(&rows.whys)
        .bind(&rows.requests)
        .bind(&rows.patients)
        .execute(connection)
        .await
        .map(drop)
}
