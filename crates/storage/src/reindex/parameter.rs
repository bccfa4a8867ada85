//! Indexes what is there for parameters that are new, until they can be asked for.

use std::{sync::Arc, time::Instant};

use fhir_model::{Outcome, ResourceType};
use search::ParamId;

use super::{
    Turn,
    apply::apply,
    batch::{Batch, Maker, Way},
    permit,
};
use crate::{
    Lock, Tx, Vault, Work,
    find::statement::Statement,
    parameters::{self, Stage},
    row::ask,
};

/// Resources read together. On SQLite each transaction takes the one writer, for some milliseconds; on PostgreSQL
/// it keeps nobody but the changes of these resources waiting.
const BATCH_SQLITE: i64 = 1000;
const BATCH_POSTGRES: i64 = 4000;

/// Parameters of one type that came equally far: one walk over the resources serves them all.
#[derive(Debug, Clone)]
struct Walk {
    ty: ResourceType,
    params: Vec<ParamId>,
    from: i64,
    done: u64,
    total: i64,
    /// How many resources to read together.
    batch: i64,
}

/// Walks on until there is no more, or something else is to be done.
pub(super) async fn work(vault: &Vault, ty: ResourceType) -> Result<Turn, Outcome> {
    let Some(mut walk) = Walk::find(vault, ty).await? else { return Ok(Turn::Idle) };
    let epoch = vault.parameters().epoch;
    let maker = Arc::new(Maker {
        registry: Arc::new(vault.registry().only(&walk.params)),
        base: vault.index_base(),
        way: Way::Beside,
    });
    let (mut pace, mut done) = (vault.pace(), walk.done);
    vault.progress().tell(&walk.params, done, walk.total);
    let mut batch = Batch::read(vault, walk.next(), &maker).await?;
    while let Some(upto) = batch.upto {
        let started = Instant::now();
        let ahead = Walk { from: upto, ..walk.clone() };
        let read = batch.read;
        let step = Step { walk, upto, batch, maker: Arc::clone(&maker) };
        // the next ones are read while these are written
        let (written, next) = tokio::join!(
            vault.commit_aside(permit()?, step),
            Batch::read(vault, ahead.next(), &maker)
        );
        if !written? || vault.parameters().epoch != epoch || vault.is_closing() {
            return Ok(Turn::Worked);
        }
        done += read as u64;
        vault.progress().tell(&ahead.params, done, ahead.total);
        (walk, batch) = (ahead, next?);
        pace.rest_steadily(started.elapsed(), read).await;
    }
    vault.commit_aside(permit()?, Finish { walk }).await?;
    Ok(Turn::Worked)
}

impl Walk {
    /// The parameters that are least far.
    async fn find(vault: &Vault, ty: ResourceType) -> Result<Option<Self>, Outcome> {
        let number = i64::from(ty.number());
        let ask_rows = ask(
            "select p, from_res, total, done
             from   search_parameter
             where  state = 1
               and  type = ?
             order  by from_res, p",
            [number.into()],
        );
        let rows = vault.rows(ask_rows).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let (from, mut total) = (first.integer(1), first.integer(2));
        let equally_far = rows.iter().take_while(|row| row.integer(1) == from);
        let param = |p: i64| u32::try_from(p).map(ParamId).ok();
        let params = equally_far.filter_map(|row| param(row.integer(0))).collect();
        if total < 0 {
            let count = ask(
                "select count(*) from resource where type = ? and body is not null and res > ?",
                [number.into(), from.into()],
            );
            total = vault.rows(count).await?.first().map_or(0, |row| row.integer(0));
        }
        let done = u64::try_from(first.integer(3)).unwrap_or(0);
        let batch = if vault.is_postgres() { BATCH_POSTGRES } else { BATCH_SQLITE };
        Ok(Some(Self { ty, params, from, done, total, batch }))
    }

    fn next(&self) -> Statement {
        ask(
            "select res, type, id, version, updated, method, body
             from   resource
             where  type = ?
               and  body is not null
               and  res > ?
             order  by res
             limit  ?",
            [i64::from(self.ty.number()).into(), self.from.into(), self.batch.into()],
        )
    }
}

/// Writes a batch and how far that comes.
#[derive(Debug)]
struct Step {
    walk: Walk,
    upto: i64,
    batch: Batch,
    maker: Arc<Maker>,
}

impl Work for Step {
    /// Whether it was still wanted.
    type Answer = bool;

    fn locks(&self) -> Vec<Lock> {
        Vec::new()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Outcome> {
        let Walk { params, from, total, .. } = &self.walk;
        for param in params {
            let p = i64::from(param.number());
            let is_there = |tx: &Tx<'_>| {
                if tx.is_postgres() { " for update" } else { "" }
            };
            let look = format!(
                "select p from search_parameter where p = ? and state = 1 and from_res = ?{}",
                is_there(tx)
            );
            if tx.rows(&ask(&look, [p.into(), (*from).into()])).await?.is_empty() {
                return Ok(false);
            }
        }
        let read = i64::try_from(self.batch.read).unwrap_or(0);
        for param in params {
            let walked = ask(
                "update search_parameter set from_res = ?, done = done + ?, total = ? where p = ?",
                [self.upto.into(), read.into(), (*total).into(), i64::from(param.number()).into()],
            );
            tx.execute(&walked).await?;
        }
        apply(tx, &self.batch, &self.maker).await?;
        Ok(true)
    }
}

/// Makes the parameters ready.
#[derive(Debug)]
struct Finish {
    walk: Walk,
}

impl Work for Finish {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        vec![Lock::Parameters]
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        tx.know_parameters().await?;
        let now = tx.parameters();
        let still = |param: &&ParamId| now.at(Stage::Building).any(|entry| entry.param == **param);
        let params: Vec<ParamId> = self.walk.params.iter().filter(still).copied().collect();
        if params.is_empty() {
            return Ok(());
        }
        let next = Arc::new(now.moved(&params, Stage::Ready));
        for statement in parameters::set_stage(&params, Stage::Ready, next.epoch, tx.now().millis())
        {
            tx.execute(&statement).await?;
        }
        for entry in next.entries.iter().filter(|entry| params.contains(&entry.param)) {
            let (ty, code) = (entry.definition.ty, entry.definition.code.as_str());
            tracing::info!(%ty, code, "a search parameter is ready");
        }
        tx.define(next);
        Ok(())
    }
}
