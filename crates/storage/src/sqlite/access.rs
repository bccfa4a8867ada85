//! What was done, written in bulk.

use rusqlite::{Connection, params};

use crate::access::{Columns, KEEP, KEEP_BEARER};

/// Writes narrow rows.
pub(super) fn keep(connection: &Connection, rows: &Columns<'_>) -> rusqlite::Result<()> {
    let mut bearer = connection.prepare_cached(KEEP_BEARER)?;
    for (digest, said) in rows.digests.iter().zip(&rows.said) {
        bearer.execute(params![digest, said])?;
    }
    let mut row = connection.prepare_cached(KEEP)?;
    let numbers = rows.ids.iter().zip(&rows.ats).zip(&rows.bearers).zip(&rows.outcomes);
    let texts = rows.whats.iter().zip(&rows.queries).zip(&rows.whys).zip(&rows.requests);
    let names = rows.interactions.iter().zip(&rows.patients);
    for (
        ((((id, at), bearer), outcome), (((what, query), why), request)),
        (interaction, patients),
    ) in numbers.zip(texts).zip(names)
    {
        row.execute(params![
            id,
            at,
            bearer,
            interaction,
            outcome,
            what,
            query,
            why,
            request,
            patients
        ])?;
    }
    Ok(())
}
