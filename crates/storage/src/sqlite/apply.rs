//! New versions, and what they do to the index tables.

use std::collections::BTreeMap;

use fhir_model::ResourceType;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    lines::{Lines, Verb, remove_all},
    writer::Memory,
};
use crate::{
    body,
    delta::{ContainedDelta, IndexDelta, Removed, Words},
    index::{Owner, lines},
    tx::Delta,
};

/// Resources by key, as far as this transaction met them.
pub(super) type Known = BTreeMap<(ResourceType, Box<str>), i64>;

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
    let changed = deltas
        .iter()
        .zip(numbers)
        .map(|(delta, res)| (res, delta.change.key.resource_type, &delta.index));
    index(connection, memory, &mut known, changed)
}

/// Decides what the group will write into the index tables.
pub(super) fn index<'d>(
    connection: &Connection,
    memory: &mut Memory,
    known: &mut Known,
    changed: impl Iterator<Item = (i64, ResourceType, &'d IndexDelta)> + Clone,
) -> rusqlite::Result<()> {
    for (res, _, delta) in changed.clone() {
        remove(connection, memory, known, (res, delta))?;
    }
    let mut adding = Lines { connection, memory, known, verb: Verb::Add };
    for (res, ty, delta) in changed {
        let contained = (!delta.contained.is_empty())
            .then(|| number_contained(connection, &mut adding, (res, delta)));
        let root = &delta.root;
        lines(&mut adding, Owner { res, root, is_contained: false }, &delta.added)?;
        for (res, rows) in contained.transpose()?.unwrap_or_default() {
            lines(&mut adding, Owner { res, root, is_contained: true }, rows)?;
        }
        if delta.words != Words::Stay {
            adding.memory.pending.words((ty, res), delta.words, &delta.whole);
        }
    }
    Ok(())
}

/// Takes out what goes.
fn remove(
    connection: &Connection,
    memory: &mut Memory,
    known: &mut Known,
    (res, delta): (i64, &IndexDelta),
) -> rusqlite::Result<()> {
    let root = &delta.root;
    match &delta.removed {
        Removed::Rows(rows) if !rows.is_empty() => {
            let mut removing = Lines { connection, memory, known, verb: Verb::Remove };
            lines(&mut removing, Owner { res, root, is_contained: false }, rows)?;
        }
        Removed::Rows(_) => {}
        Removed::Everything => {
            memory.pending.write(connection)?;
            remove_all(connection, res)?;
            for inner in contained_in(connection, res)? {
                remove_all(connection, inner)?;
            }
            let mut forget =
                connection.prepare_cached("delete from resource where container = ?1")?;
            forget.execute([res])?;
        }
    }
    // all lines first: some refer to what goes
    for one in &delta.contained {
        if let Some(res) = find(connection, known, (one.ty, &one.id))? {
            let mut removing = Lines { connection, memory, known, verb: Verb::Remove };
            lines(&mut removing, Owner { res, root, is_contained: true }, &one.removed)?;
        }
    }
    for one in delta.contained.iter().filter(|one| one.added.is_none()) {
        known.remove(&(one.ty, Box::from(one.id.as_str())));
        let mut forget =
            connection.prepare_cached("delete from resource where type = ?1 and id = ?2")?;
        forget.execute(params![one.ty.number(), one.id])?;
    }
    Ok(())
}

fn contained_in(connection: &Connection, res: i64) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached("select res from resource where container = ?1")?
        .query_map([res], |row| row.get(0))?
        .collect()
}

/// Numbers what is contained, before anything refers to it.
fn number_contained<'d>(
    connection: &Connection,
    adding: &mut Lines<'_>,
    (res, delta): (i64, &'d IndexDelta),
) -> rusqlite::Result<Vec<(i64, &'d search::Rows)>> {
    let number = |ContainedDelta { ty, id, added, .. }: &'d ContainedDelta| {
        let rows = added.as_ref()?;
        let key = (*ty, id.as_str());
        let number = resolve(connection, adding.memory, adding.known, key, Some(res));
        Some(number.map(|number| (number, rows)))
    };
    delta.contained.iter().filter_map(number).collect()
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
    let type_number = key.resource_type.number();
    insert.query_row(
        params![memory.last_res, type_number, key.id, updated, commit_no, method, packed],
        |row| row.get(0),
    )
}

/// The number of a resource, if it has one.
pub(super) fn find(
    connection: &Connection,
    known: &mut Known,
    (ty, id): (ResourceType, &str),
) -> rusqlite::Result<Option<i64>> {
    let key = (ty, Box::from(id));
    if let Some(&res) = known.get(&key) {
        return Ok(Some(res));
    }
    let found = connection
        .prepare_cached("select res from resource where type = ?1 and id = ?2")?
        .query_row(params![ty.number(), id], |row| row.get(0))
        .optional()?;
    if let Some(res) = found {
        known.insert(key, res);
    }
    Ok(found)
}

/// The number of a resource that is referenced or contained; one that was never heard of gets one.
pub(super) fn resolve(
    connection: &Connection,
    memory: &mut Memory,
    known: &mut Known,
    (ty, id): (ResourceType, &str),
    container: Option<i64>,
) -> rusqlite::Result<i64> {
    if let Some(res) = find(connection, known, (ty, id))? {
        return Ok(res);
    }
    memory.last_res += 1;
    let mut insert = connection.prepare_cached(
        "insert into resource (res, type, id, version, updated, commit_no, method, container)
         values (?1, ?2, ?3, 0, 0, 0, 0, ?4)",
    )?;
    insert.execute(params![memory.last_res, ty.number(), id, container])?;
    known.insert((ty, id.into()), memory.last_res);
    Ok(memory.last_res)
}
