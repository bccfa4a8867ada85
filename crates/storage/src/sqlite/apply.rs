//! New versions and their index rows, row by row: prepared statements cost less here than sets.

use std::collections::BTreeMap;

use fhir_model::ResourceType;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};
use search::{ReferenceRow, Rows, Target};

use super::writer::Memory;
use crate::{body, tx::Delta};

/// Resources by key, as far as this transaction met them.
type Known = BTreeMap<(ResourceType, Box<str>), i64>;

/// Writes all versions of a transaction.
pub(super) fn apply(
    connection: &Connection,
    memory: &mut Memory,
    deltas: &[Delta],
) -> rusqlite::Result<()> {
    let mut known = Known::new();
    let mut numbers = Vec::with_capacity(deltas.len());
    for delta in deltas {
        let res = write_version(connection, memory, delta)?;
        known.insert((delta.change.key.resource_type, delta.change.key.id.as_str().into()), res);
        numbers.push(res);
    }
    let mut adding = adding(connection)?;
    let mut removing = removing(connection)?;
    for (delta, res) in deltas.iter().zip(numbers) {
        let mut scribe = Scribe { connection, memory, known: &mut known, res };
        scribe.each(&mut removing, &delta.removed)?;
        scribe.each(&mut adding, &delta.added)?;
    }
    Ok(())
}

/// Writes the version and moves the one it replaces into the history; the row's number.
fn write_version(
    connection: &Connection,
    memory: &mut Memory,
    delta: &Delta,
) -> rusqlite::Result<i64> {
    let packed = delta.body.as_deref().map(body::pack);
    let updated = delta.updated.millis();
    let method = delta.change.method.number();
    let commit_no = memory.last_commit;
    if let Some(head) = &delta.change.replaces {
        if head.version > 0 {
            let mut keep = connection.prepare_cached(
                "-- what was current becomes history
                 insert into history (res, version, type, id, updated, commit_no, method, body)
                 select res, version, type, id, updated, commit_no, method, body
                 from   resource
                 where  res = ?1",
            )?;
            keep.execute([head.res])?;
        }
        let mut replace = connection.prepare_cached(
            "update resource
             set    version = ?2, updated = ?3, commit_no = ?4, method = ?5, body = ?6
             where  res = ?1",
        )?;
        let version = i64::try_from(delta.version).unwrap_or(i64::MAX);
        replace.execute(params![head.res, version, updated, commit_no, method, packed])?;
        return Ok(head.res);
    }
    let key = &delta.change.key;
    memory.last_res += 1;
    let mut insert = connection.prepare_cached(
        "insert into resource (res, type, id, version, updated, commit_no, method, body)
         values (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7)
         -- somebody in this transaction may have referred to it before it came
         on conflict (type, id) do update
         set version = 1, updated = ?4, commit_no = ?5, method = ?6, body = ?7
         where resource.version = 0
         returning res",
    )?;
    insert.query_row(
        params![
            memory.last_res,
            key.resource_type.number(),
            key.id,
            updated,
            commit_no,
            method,
            packed
        ],
        |row| row.get(0),
    )
}

/// The number of a referenced resource; one that was never heard of gets one.
fn resolve(
    connection: &Connection,
    memory: &mut Memory,
    known: &mut Known,
    (ty, id): (ResourceType, &str),
) -> rusqlite::Result<i64> {
    let key = (ty, Box::from(id));
    if let Some(&res) = known.get(&key) {
        return Ok(res);
    }
    let found = connection
        .prepare_cached("select res from resource where type = ?1 and id = ?2")?
        .query_row(params![ty.number(), id], |row| row.get(0))
        .optional()?;
    let res = if let Some(res) = found {
        res
    } else {
        memory.last_res += 1;
        let mut insert = connection.prepare_cached(
            "insert into resource (res, type, id, version, updated, commit_no, method)
                 values (?1, ?2, ?3, 0, 0, 0, 0)",
        )?;
        insert.execute(params![memory.last_res, ty.number(), id])?;
        memory.last_res
    };
    known.insert(key, res);
    Ok(res)
}

/// The statements of the index tables, to add a row or to take it out.
struct Statements<'c> {
    token: CachedStatement<'c>,
    reference: CachedStatement<'c>,
    date: CachedStatement<'c>,
    string: CachedStatement<'c>,
    number: CachedStatement<'c>,
    quantity: CachedStatement<'c>,
    uri: CachedStatement<'c>,
    present: CachedStatement<'c>,
}

fn adding(connection: &Connection) -> rusqlite::Result<Statements<'_>> {
    Ok(Statements {
        token: connection.prepare_cached(
            "insert or ignore into idx_token (p, code, sys, res) values (?1, ?2, ?3, ?4)",
        )?,
        reference: connection.prepare_cached(
            "insert or ignore into idx_reference (p, target, res) values (?1, ?2, ?3)",
        )?,
        date: connection.prepare_cached(
            "insert or ignore into idx_date (p, lo, hi, res) values (?1, ?2, ?3, ?4)",
        )?,
        string: connection.prepare_cached(
            "insert or ignore into idx_string (p, folded, exact, res) values (?1, ?2, ?3, ?4)",
        )?,
        number: connection.prepare_cached(
            "insert or ignore into idx_number (p, value, res) values (?1, ?2, ?3)",
        )?,
        quantity: connection.prepare_cached(
            "insert or ignore into idx_quantity (p, value, code, sys, unit, res)
             values (?1, ?2, ?3, ?4, ?5, ?6)",
        )?,
        uri: connection.prepare_cached(
            "insert or ignore into idx_uri (p, uri, version, res) values (?1, ?2, ?3, ?4)",
        )?,
        present: connection
            .prepare_cached("insert or ignore into idx_present (p, res) values (?1, ?2)")?,
    })
}

fn removing(connection: &Connection) -> rusqlite::Result<Statements<'_>> {
    Ok(Statements {
        token: connection.prepare_cached(
            "delete from idx_token where p = ?1 and code = ?2 and sys = ?3 and res = ?4",
        )?,
        reference: connection.prepare_cached(
            "delete from idx_reference where p = ?1 and target = ?2 and res = ?3",
        )?,
        date: connection.prepare_cached(
            "delete from idx_date where p = ?1 and lo = ?2 and hi = ?3 and res = ?4",
        )?,
        string: connection.prepare_cached(
            "delete from idx_string where p = ?1 and folded = ?2 and exact = ?3 and res = ?4",
        )?,
        number: connection
            .prepare_cached("delete from idx_number where p = ?1 and value = ?2 and res = ?3")?,
        quantity: connection.prepare_cached(
            "delete from idx_quantity
             where p = ?1 and value = ?2 and code = ?3 and sys = ?4 and unit = ?5 and res = ?6",
        )?,
        uri: connection.prepare_cached(
            "delete from idx_uri where p = ?1 and uri = ?2 and version = ?3 and res = ?4",
        )?,
        present: connection.prepare_cached("delete from idx_present where p = ?1 and res = ?2")?,
    })
}

/// Writes the rows of one resource.
struct Scribe<'a> {
    connection: &'a Connection,
    memory: &'a mut Memory,
    known: &'a mut Known,
    res: i64,
}

impl Scribe<'_> {
    fn each(&mut self, into: &mut Statements<'_>, rows: &Rows) -> rusqlite::Result<()> {
        let res = self.res;
        for row in &rows.tokens {
            let sys = self.memory.system(self.connection, row.system.as_deref())?;
            into.token.execute(params![row.param.number(), row.code, sys, res])?;
        }
        for row in &rows.identifiers {
            let sys = self.memory.system(self.connection, row.system.as_deref())?;
            into.token.execute(params![-row.param.number(), row.code, sys, res])?;
        }
        for row in &rows.references {
            self.reference(into, row)?;
        }
        for row in &rows.strings {
            let exact = if row.exact == row.folded { "" } else { &row.exact };
            into.string.execute(params![row.param.number(), row.folded, exact, res])?;
        }
        for row in &rows.dates {
            into.date.execute(params![row.param.number(), row.span.lo, row.span.hi, res])?;
        }
        for row in &rows.numbers {
            into.number.execute(params![row.param.number(), row.value.0, res])?;
        }
        for row in &rows.quantities {
            let sys = self.memory.system(self.connection, row.system.as_deref())?;
            let code = row.code.as_deref().unwrap_or_default();
            let unit = row.unit.as_deref().unwrap_or_default();
            let p = row.param.number();
            into.quantity.execute(params![p, row.value.0, code, sys, unit, res])?;
        }
        for row in &rows.uris {
            into.uri.execute(params![row.param.number(), row.uri, "", res])?;
        }
        for param in &rows.valueless {
            into.present.execute(params![param.number(), res])?;
        }
        Ok(())
    }

    fn reference(&mut self, into: &mut Statements<'_>, row: &ReferenceRow) -> rusqlite::Result<()> {
        let p = row.param.number();
        match &row.target {
            Target::Local { ty, id } => {
                let target = resolve(self.connection, self.memory, self.known, (*ty, id))?;
                into.reference.execute(params![p, target, self.res])?;
            }
            Target::Contained { .. } => {}
            Target::Url { url, version } => {
                let version = version.as_deref().unwrap_or_default();
                into.uri.execute(params![p, url, version, self.res])?;
            }
        }
        Ok(())
    }
}
