//! Connections that read, each on a snapshot of its own; as many as were ever needed at once.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use fhir_model::Outcome;
use rusqlite::{Connection, Row, ToSql, params_from_iter, types::{ToSqlOutput, ValueRef}};

use super::{connection, trouble};
use crate::{
    find::{
        Columns, Version,
        statement::{Bind, Statement},
    },
    row::{Cell, Row as Record},
};

/// A stack of idle readers: the one used last is the one with the warm cache.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// Idle connections beyond these are closed.
const IDLE_MAX: usize = 8;

impl Readers {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::default() }
    }

    /// Runs a statement that gives versions.
    pub(crate) fn find(&self, statement: &Statement) -> Result<Vec<Version>, Outcome> {
        self.with(|connection| find(connection, statement))
    }

    /// Runs a statement that gives one number.
    pub(crate) fn number(&self, statement: &Statement) -> Result<i64, Outcome> {
        self.with(|connection| number(connection, statement))
    }

    /// Runs a statement on the vault's own tables.
    pub(crate) fn rows(&self, statement: &Statement) -> Result<Vec<Record>, Outcome> {
        self.with(|connection| rows(connection, statement))
    }

    /// Runs a query on a connection of the pool.
    pub(crate) fn with<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Outcome>,
    ) -> Result<T, Outcome> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connection::open_reader(&self.path).map_err(|error| trouble(&error))?,
        };
        let answer = query(&connection);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        answer
    }
}

/// Runs a statement whose columns are those of [`Columns`].
pub(super) fn find(
    connection: &Connection,
    statement: &Statement,
) -> Result<Vec<Version>, Outcome> {
    let mut compiled =
        connection.prepare_cached(&statement.sql).map_err(|error| trouble(&error))?;
    let mut rows = compiled
        .query(params_from_iter(statement.binds.iter()))
        .map_err(|error| trouble(&error))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(|error| trouble(&error))? {
        let columns = columns(row).map_err(|error| trouble(&error))?;
        found.push(columns.version()?);
    }
    Ok(found)
}

fn columns<'r>(row: &'r Row<'_>) -> rusqlite::Result<Columns<'r>> {
    Ok(Columns {
        res: row.get(0)?,
        resource_type: row.get(1)?,
        id: row.get(2)?,
        version: row.get(3)?,
        updated: row.get(4)?,
        method: row.get(5)?,
        body: row.get_ref(6)?.as_blob_or_null()?,
    })
}

/// Runs a statement that gives one number.
pub(super) fn number(connection: &Connection, statement: &Statement) -> Result<i64, Outcome> {
    connection
        .prepare_cached(&statement.sql)
        .and_then(|mut compiled| {
            compiled.query_row(params_from_iter(statement.binds.iter()), |row| row.get(0))
        })
        .map_err(|error| trouble(&error))
}

/// Runs a statement on the vault's own tables.
pub(super) fn rows(
    connection: &Connection,
    statement: &Statement,
) -> Result<Vec<Record>, Outcome> {
    let run = || {
        let mut compiled = connection.prepare_cached(&statement.sql)?;
        let columns = compiled.column_count();
        let mut rows = compiled.query(params_from_iter(statement.binds.iter()))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let cells = (0..columns).map(|column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Integer(value) => Cell::Integer(value),
                    ValueRef::Text(value) => Cell::Text(String::from_utf8_lossy(value).into_owned()),
                    ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Cell::Null,
                })
            });
            found.push(Record(cells.collect::<rusqlite::Result<_>>()?));
        }
        Ok(found)
    };
    run().map_err(|error| trouble(&error))
}

impl ToSql for Bind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Integer(value) => ToSqlOutput::from(*value),
            Self::Real(value) => ToSqlOutput::from(*value),
            Self::Text(value) => ToSqlOutput::from(value.as_str()),
        })
    }
}
