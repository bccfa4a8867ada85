//! Statements run, rows read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use auth::{Action, Permit};
use fhir_model::Outcome;
use rusqlite::{
    Connection, Row, ToSql, params_from_iter,
    types::{ToSqlOutput, ValueRef},
};

use search::{Filter, Subject};

use super::{deadline::Deadline, trouble};
use crate::find::{
    Columns, Version,
    ask::{Ask, Dialect, FOUND, Found, Shown},
    effort::Effort,
    left::Verdicts,
    position::{Commit, SortValue},
    statement::{Bind, Statement},
};
use crate::{
    gate,
    totals::Stamp,
    vouched::{self, Asking, Memory},
};

/// Whom a search asks.
#[derive(Debug)]
pub(crate) struct Asked<'c> {
    pub(super) connection: &'c Connection,
    pub(super) last_commit: Commit,
    pub(super) systems: &'c Systems,
    pub(super) effort: Effort,
    /// Ends what takes too long; without one nothing is guessed.
    pub(super) deadline: Option<&'c Deadline>,
    /// What others said a moment ago, for a snapshot that sees what was committed.
    pub(super) memory: Option<Memory<'c>>,
    /// The types of resources that were asked what they say.
    pub(super) looked_at: BTreeSet<u8>,
}

/// The numbers of systems, once looked up: they never change.
#[derive(Debug, Default)]
pub(crate) struct Systems(Mutex<BTreeMap<Box<str>, i64>>);

/// What they may hold: the systems of an answer come from who asks, but only those that are stored have numbers.
const SYSTEMS_MAX: usize = 10_000;

impl Systems {
    fn known(&self, uri: &str) -> Option<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(uri).copied()
    }

    fn learn(&self, uri: &str, number: i64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < SYSTEMS_MAX {
            known.insert(uri.into(), number);
        }
    }
}

impl<'c> Asked<'c> {
    /// The same with what others said a moment ago.
    pub(crate) fn with(self, memory: Memory<'c>) -> Self {
        Self { memory: Some(memory), ..self }
    }

    /// What is visible now.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp(self.last_commit.number.to_string().into())
    }
}

impl Ask for Asked<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn effort(&self) -> Effort {
        self.effort
    }

    fn known_system(&self, uri: &str) -> Option<i64> {
        self.systems.known(uri)
    }

    fn learn_system(&self, uri: &str, number: i64) {
        self.systems.learn(uri, number);
    }

    fn remembers(&self) -> bool {
        self.memory.is_some()
    }

    async fn vouches(
        &mut self,
        (permit, action): (&Permit, Action),
        (filter, of, place): (&Filter, Subject<'_>, u64),
    ) -> Result<bool, Outcome> {
        let memory = self.memory.zip(permit.principal());
        let asking = memory.map(|(Memory { changes, answers, before }, who)| {
            (Asking { who, action, changes, answers }, before)
        });
        let asking = asking.as_ref().map(|(asking, before)| (asking, *before));
        vouched::looked_at(filter, &mut self.looked_at);
        gate::looked(filter, (of, place), self, asking).await
    }

    fn verdicts(&self) -> Option<&Verdicts> {
        self.memory.map(|memory| &memory.answers.verdicts)
    }

    /// What was said on a later snapshot than this may not be so on this one.
    fn still_holds(&mut self) -> bool {
        self.memory.is_none_or(|memory| memory.changes.are_as(memory.before, &self.looked_at))
    }

    fn last_commit(&self) -> Commit {
        self.last_commit
    }

    async fn numbers(&mut self, statement: &Statement) -> Result<Vec<(i64, i64)>, Outcome> {
        rows(self.connection, statement, |row| Ok((row.get(0)?, row.get(1)?)))
    }

    async fn found(&mut self, statement: &Statement) -> Result<Vec<Found>, Outcome> {
        let found = rows(self.connection, statement, |row| Ok(found(row)))?;
        found.into_iter().collect()
    }

    async fn guessed(
        &mut self,
        statement: &Statement,
        steps: u64,
    ) -> Result<Option<Vec<Found>>, Outcome> {
        let Some(deadline) = self.deadline.filter(|_| steps > 0) else {
            return Ok(None);
        };
        statement.check()?;
        let read = || read(self.connection, statement, |row| Ok(found(row)));
        match deadline.within(steps, read) {
            Ok(found) => found.into_iter().collect::<Result<_, _>>().map(Some),
            Err(error) if is_interrupted(&error) && !deadline.is_over() => Ok(None),
            Err(error) => Err(trouble(&error)),
        }
    }

    async fn explained(&mut self, statement: &Statement) -> Result<Shown, Outcome> {
        let plan = Statement {
            sql: format!("explain query plan {}", statement.sql),
            binds: statement.binds.clone(),
        };
        let mut depths: Vec<(i64, usize)> = Vec::new();
        let lines = rows(self.connection, &plan, |row| {
            let (id, parent): (i64, i64) = (row.get(0)?, row.get(1)?);
            let depth =
                depths.iter().find(|(id, _)| *id == parent).map_or(0, |(_, depth)| depth + 1);
            depths.push((id, depth));
            Ok("  ".repeat(depth) + &row.get::<_, String>(3)?)
        })?;
        let mut compiled =
            self.connection.prepare_cached(&statement.sql).map_err(|error| trouble(&error))?;
        compiled.reset_status(rusqlite::StatementStatus::VmStep);
        let mut cursor = compiled
            .query(params_from_iter(statement.binds.iter()))
            .map_err(|error| trouble(&error))?;
        while cursor.next().map_err(|error| trouble(&error))?.is_some() {}
        drop(cursor);
        let steps = compiled.get_status(rusqlite::StatementStatus::VmStep);
        Ok(Shown { plan: lines.join("\n"), work: u64::try_from(steps).unwrap_or(0) })
    }
}

/// Runs a statement whose columns are those of [`Columns`].
pub(super) fn versions(
    connection: &Connection,
    statement: &Statement,
) -> Result<Vec<Version>, Outcome> {
    let found = rows(connection, statement, |row| Ok(columns(row)?.version()))?;
    found.into_iter().collect()
}

/// Runs a statement without values and without rows.
pub(super) fn run(connection: &Connection, sql: &str) -> Result<(), Outcome> {
    let done = connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    done.map(drop).map_err(|error| trouble(&error))
}

fn rows<T>(
    connection: &Connection,
    statement: &Statement,
    one: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Outcome> {
    statement.check()?;
    read(connection, statement, one).map_err(|error| trouble(&error))
}

fn read<T>(
    connection: &Connection,
    statement: &Statement,
    mut one: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut compiled = connection.prepare_cached(&statement.sql)?;
    let mut cursor = compiled.query(params_from_iter(statement.binds.iter()))?;
    let mut all = Vec::new();
    while let Some(row) = cursor.next()? {
        all.push(one(row)?);
    }
    Ok(all)
}

fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted)
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

/// The columns of [`Ask::found`].
fn found(row: &Row<'_>) -> Result<Found, Outcome> {
    let read = || -> rusqlite::Result<_> {
        let all = row.as_ref().column_count();
        let shows_contained = all > 8 && row.as_ref().column_name(7)? == FOUND;
        let (contained, first): ((_, Option<String>), _) =
            if shows_contained { ((row.get(7)?, row.get(8)?), 9) } else { ((None, None), 7) };
        let mut values = Vec::with_capacity(all.saturating_sub(first));
        for column in first..all {
            values.push(match row.get_ref(column)? {
                ValueRef::Null | ValueRef::Blob(_) => SortValue::Missing,
                ValueRef::Integer(value) => SortValue::Integer(value),
                ValueRef::Real(value) => SortValue::Real(value),
                ValueRef::Text(_) => SortValue::Text(row.get(column)?),
            });
        }
        Ok((columns(row)?, contained, values))
    };
    let (columns, contained, values) = read().map_err(|error| trouble(&error))?;
    let (res, name) = &contained;
    Ok(Found::new(columns.version()?, (*res, name.as_deref()), values))
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
