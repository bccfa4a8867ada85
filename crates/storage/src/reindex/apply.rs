//! Writes the index rows of a batch, of each resource as it is now.

use fhir_model::{Outcome, ResourceType};

use super::batch::{Batch, Item, Maker};
use crate::{Key, Tx, delta::IndexDelta, row::ask};

/// Writes what is to be written; locks those resources.
pub(super) async fn apply(tx: &mut Tx<'_>, batch: &Batch, maker: &Maker) -> Result<(), Outcome> {
    if batch.items.is_empty() {
        return Ok(());
    }
    let is_current = current(tx, &batch.items).await?;
    let changed: Vec<Key> = batch
        .items
        .iter()
        .zip(&is_current)
        .filter(|(_, is_current)| !**is_current)
        .map(|(item, _)| Key::new(item.ty, item.id.as_str()))
        .collect();
    let mut fresh: Vec<(ResourceType, i64, IndexDelta)> = Vec::new();
    if !changed.is_empty() {
        for (key, head) in changed.iter().zip(tx.load(&changed).await?) {
            let Some(head) = head else { continue };
            let delta = maker.delta(key, head.body);
            fresh.extend(delta.map(|delta| (key.resource_type, head.res, delta)));
        }
    }
    let as_read = batch.items.iter().zip(is_current).filter(|(_, is_current)| *is_current);
    let deltas: Vec<(ResourceType, i64, &IndexDelta)> = as_read
        .map(|(item, _)| (item.ty, item.res, &item.delta))
        .chain(fresh.iter().map(|(ty, res, delta)| (*ty, *res, delta)))
        .collect();
    tx.index(&deltas).await
}

/// Which of them are still of the version that was read.
async fn current(tx: &mut Tx<'_>, items: &[Item]) -> Result<Vec<bool>, Outcome> {
    let mut list = String::with_capacity(items.len() * 12);
    for item in items {
        list.push(if list.is_empty() { '[' } else { ',' });
        list.push_str(&item.res.to_string());
    }
    list.push(']');
    let look = if tx.is_postgres() {
        // nobody changes them until this is committed
        "select r.res, r.version
         from   resource r
         where  r.res in (select value::bigint from json_array_elements_text(?::json))
         order  by r.res
         for    share"
    } else {
        "select r.res, r.version
         from   json_each(?) as wanted
         join   resource r on r.res = wanted.value"
    };
    let found = tx.rows(&ask(look, [list.as_str().into()])).await?;
    let mut found = found.iter().map(|row| (row.integer(0), row.integer(1))).peekable();
    let is_current = |item: &Item| {
        while found.next_if(|(res, _)| *res < item.res).is_some() {}
        let version = i64::try_from(item.version).unwrap_or(i64::MAX);
        found.peek() == Some(&(item.res, version))
    };
    Ok(items.iter().map(is_current).collect())
}
