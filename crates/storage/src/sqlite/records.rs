//! The vault's own small tables.

use fhir_model::Outcome;
use rusqlite::{Connection, params_from_iter, types::ValueRef};

use super::trouble;
use crate::{
    find::statement::Statement,
    row::{Cell, Row},
};

/// Runs a statement that asks.
pub(super) fn rows(connection: &Connection, statement: &Statement) -> Result<Vec<Row>, Outcome> {
    let run = || {
        let mut compiled = connection.prepare_cached(&statement.sql)?;
        let columns = compiled.column_count();
        let mut rows = compiled.query(params_from_iter(statement.binds.iter()))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let cells = (0..columns).map(|column| row.get_ref(column).map(cell));
            found.push(Row(cells.collect::<rusqlite::Result<_>>()?));
        }
        Ok(found)
    };
    run().map_err(|error| trouble(&error))
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Integer(value) => Cell::Integer(value),
        ValueRef::Text(value) => Cell::Text(String::from_utf8_lossy(value).into_owned()),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Cell::Null,
    }
}

/// Runs a statement that changes something; how many rows.
pub(super) fn execute(connection: &Connection, statement: &Statement) -> Result<u64, Outcome> {
    connection
        .prepare_cached(&statement.sql)
        .and_then(|mut compiled| compiled.execute(params_from_iter(statement.binds.iter())))
        .map(|rows| rows as u64)
        .map_err(|error| trouble(&error))
}
