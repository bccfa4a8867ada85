//! Lines of the index tables, one by one: statements over many lines were not measurably quicker.

use fhir_model::ResourceType;
use rusqlite::{CachedStatement, Connection, params};

use super::{
    apply::{Known, find, resolve},
    writer::Memory,
};
use crate::index::{Line, Tables};

/// A statement for each kind of [`Line`].
type Texts = [&'static str; KINDS];

/// How many kinds of lines there are.
pub(super) const KINDS: usize = 10;

const ADD: Texts = [
    "insert or ignore into idx_token (p, code, sys, res) values (?1, ?2, ?3, ?4)",
    "insert or ignore into idx_reference (p, target, res) values (?1, ?2, ?3)",
    "insert or ignore into idx_date (p, lo, hi, res) values (?1, ?2, ?3, ?4)",
    "insert or ignore into idx_string (p, folded, exact, res) values (?1, ?2, ?3, ?4)",
    "insert or ignore into idx_number (p, value, res) values (?1, ?2, ?3)",
    "insert or ignore into idx_quantity (p, value, code, sys, unit, res) values (?1, ?2, ?3, ?4, ?5, ?6)",
    "insert or ignore into idx_uri (p, uri, version, res) values (?1, ?2, ?3, ?4)",
    "insert or ignore into idx_present (p, res) values (?1, ?2)",
    "insert or ignore into idx_position (p, x, y, z, res) values (?1, ?2, ?3, ?4, ?5)",
    "insert or ignore into idx_suffix (p, suffix, res) values (?1, ?2, ?3)",
];

const REMOVE: Texts = [
    "delete from idx_token where p = ?1 and code = ?2 and sys = ?3 and res = ?4",
    "delete from idx_reference where p = ?1 and target = ?2 and res = ?3",
    "delete from idx_date where p = ?1 and lo = ?2 and hi = ?3 and res = ?4",
    "delete from idx_string where p = ?1 and folded = ?2 and exact = ?3 and res = ?4",
    "delete from idx_number where p = ?1 and value = ?2 and res = ?3",
    "delete from idx_quantity
     where p = ?1 and value = ?2 and code = ?3 and sys = ?4 and unit = ?5 and res = ?6",
    "delete from idx_uri where p = ?1 and uri = ?2 and version = ?3 and res = ?4",
    "delete from idx_present where p = ?1 and res = ?2",
    "delete from idx_position where p = ?1 and x = ?2 and y = ?3 and z = ?4 and res = ?5",
    "delete from idx_suffix where p = ?1 and suffix = ?2 and res = ?3",
];

/// Every line of a resource, whatever it is.
const REMOVE_ALL: Texts = [
    "delete from idx_token where res = ?1",
    "delete from idx_reference where res = ?1",
    "delete from idx_date where res = ?1",
    "delete from idx_string where res = ?1",
    "delete from idx_number where res = ?1",
    "delete from idx_quantity where res = ?1",
    "delete from idx_uri where res = ?1",
    "delete from idx_present where res = ?1",
    "delete from idx_position where res = ?1",
    "delete from idx_suffix where res = ?1",
];

/// What is done with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// It comes; if it is there, nothing happens.
    Add,
    /// It goes.
    Remove,
}

/// The lines of a resource, on their way to [`super::pending::Pending`].
pub(super) struct Lines<'a> {
    pub(super) connection: &'a Connection,
    pub(super) memory: &'a mut Memory,
    pub(super) known: &'a mut Known,
    pub(super) verb: Verb,
}

impl Tables for Lines<'_> {
    type Error = rusqlite::Error;

    fn system(&mut self, uri: Option<&str>) -> rusqlite::Result<i32> {
        self.memory.system(self.connection, uri)
    }

    fn composite_key(&mut self, p: i32, code: &str, sys: i32) -> rusqlite::Result<i32> {
        self.memory.composite_key(self.connection, (p, sys), code)
    }

    fn local(&mut self, ty: ResourceType, id: &str) -> rusqlite::Result<i64> {
        resolve(self.connection, self.memory, self.known, (ty, id), None)
    }

    fn contained(&mut self, ty: ResourceType, id: &str) -> rusqlite::Result<Option<i64>> {
        find(self.connection, self.known, (ty, id))
    }

    fn line(&mut self, res: i64, line: Line<&str>) -> rusqlite::Result<()> {
        self.memory.pending.line(self.verb, res, line);
        Ok(())
    }
}

/// Takes out every line of a resource.
pub(super) fn remove_all(connection: &Connection, res: i64) -> rusqlite::Result<()> {
    for text in REMOVE_ALL {
        connection.prepare_cached(text)?.execute([res])?;
    }
    Ok(())
}

/// The statements of one table, compiled when they are first needed.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    adding: Option<CachedStatement<'c>>,
    removing: Option<CachedStatement<'c>>,
}

impl<'c> Statements<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, adding: None, removing: None }
    }

    /// Writes a line of the table, the same as before.
    pub(super) fn execute(
        &mut self,
        verb: Verb,
        res: i64,
        line: Line<&str>,
    ) -> rusqlite::Result<()> {
        let (slot, texts) = match verb {
            Verb::Add => (&mut self.adding, &ADD),
            Verb::Remove => (&mut self.removing, &REMOVE),
        };
        let statement = if let Some(statement) = slot {
            statement
        } else {
            let text = texts.get(kind(&line)).copied().unwrap_or_default();
            slot.insert(self.connection.prepare_cached(text)?)
        };
        match line {
            Line::Token { p, code, sys } => statement.execute(params![p, code, sys, res]),
            Line::Reference { p, target } => statement.execute(params![p, target, res]),
            Line::Date { p, lo, hi } => statement.execute(params![p, lo, hi, res]),
            Line::String { p, folded, exact } => statement.execute(params![p, folded, exact, res]),
            Line::Number { p, value } => statement.execute(params![p, value, res]),
            Line::Quantity { p, value, code, sys, unit } => {
                statement.execute(params![p, value, code, sys, unit, res])
            }
            Line::Uri { p, uri, version } => statement.execute(params![p, uri, version, res]),
            Line::Present { p } => statement.execute(params![p, res]),
            Line::Position { p, x, y, z } => statement.execute(params![p, x, y, z, res]),
            Line::Suffix { p, suffix } => statement.execute(params![p, suffix, res]),
        }
        .map(drop)
    }
}

/// The place of its table in the lists of statements.
pub(super) const fn kind<T>(line: &Line<T>) -> usize {
    match line {
        Line::Token { .. } => 0,
        Line::Reference { .. } => 1,
        Line::Date { .. } => 2,
        Line::String { .. } => 3,
        Line::Number { .. } => 4,
        Line::Quantity { .. } => 5,
        Line::Uri { .. } => 6,
        Line::Present { .. } => 7,
        Line::Position { .. } => 8,
        Line::Suffix { .. } => 9,
    }
}
