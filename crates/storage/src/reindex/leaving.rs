//! Removes the index rows of a parameter that is no more.

use std::{sync::Arc, time::Duration};

use fhir_model::Outcome;
use search::ParamId;

use super::{Turn, permit};
use crate::{
    Lock, Tx, Vault, Work,
    find::statement::Bind,
    index::CONTAINED,
    parameters::{self, Stage},
    row::ask,
};

/// Rows of a table that go together.
const BATCH: i64 = 2000;
/// A search that was understood before the parameter went, here or on another node, still finds its rows.
const GRACE: Duration = Duration::from_secs(5);

/// The index tables and their keys.
const TABLES: &[(&str, &str)] = &[
    ("idx_token", "p, code, res, sys"),
    ("idx_reference", "p, target, res"),
    ("idx_date", "p, lo, hi, res"),
    ("idx_string", "p, folded, res, exact"),
    ("idx_number", "p, value, res"),
    ("idx_quantity", "p, value, code, sys, res, unit"),
    ("idx_uri", "p, uri, res, version"),
    ("idx_present", "p, res"),
    ("idx_position", "p, x, y, z, res"),
];

/// Removes until nothing is left.
pub(super) async fn work(vault: &Vault, param: ParamId) -> Result<Turn, Outcome> {
    let p = i64::from(param.number());
    let asked =
        vault.rows(ask("select since from search_parameter where p = ?", [p.into()])).await?;
    let since = asked.first().map_or(0, |row| row.integer(0));
    let age = vault.clock().now().millis().saturating_sub(since);
    let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
    if let Some(rest) = GRACE.checked_sub(age) {
        return Ok(Turn::Soon(rest));
    }
    let mut pace = vault.pace();
    loop {
        let started = std::time::Instant::now();
        if vault.commit_aside(permit()?, Remove(param)).await? {
            return Ok(Turn::Worked);
        }
        pace.rest(started.elapsed()).await;
        if vault.is_closing() {
            return Ok(Turn::Worked);
        }
    }
}

/// Removes some rows, or says that there are none.
#[derive(Debug)]
struct Remove(ParamId);

impl Work for Remove {
    /// Whether it is gone.
    type Answer = bool;

    fn locks(&self) -> Vec<Lock> {
        vec![Lock::Parameters]
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Outcome> {
        let own = self.0.number();
        let contained = own.saturating_add(CONTAINED);
        let numbers = [own, -own, contained, -contained].map(i64::from).map(Bind::from);
        let keys = "select k from composite_key where p in (?, ?)";
        let of = [i64::from(own), i64::from(contained)].map(Bind::from);
        let mut removed = 0;
        for (table, columns) in TABLES {
            let some = |condition: &str| {
                format!(
                    "delete from {table}
                     where  ({columns}) in (select {columns} from {table} where {condition} limit {BATCH})"
                )
            };
            removed += tx.execute(&ask(&some("p in (?, ?, ?, ?)"), numbers.clone())).await?;
            for sign in ["", "-"] {
                let keys = keys.replace("select k", &format!("select {sign}k"));
                removed += tx.execute(&ask(&some(&format!("p in ({keys})")), of.clone())).await?;
            }
        }
        if removed > 0 {
            return Ok(false);
        }
        tx.execute(&ask("delete from composite_key where p in (?, ?)", of)).await?;
        tx.know_parameters().await?;
        let next = Arc::new(tx.parameters().moved(&[self.0], Stage::Gone));
        let kept = parameters::set_stage(&[self.0], Stage::Gone, next.epoch, tx.now().millis());
        for statement in kept {
            tx.execute(&statement).await?;
        }
        tx.define(next);
        Ok(true)
    }
}
