//! Indexes again what is there, of a type or everything: rows that should not be there go, those that should come.

use std::{sync::Arc, time::Instant};

use fhir_model::{Outcome, ResourceType};

use super::{
    Turn,
    apply::apply,
    batch::{Batch, Maker, Way},
    permit,
};
use crate::{Lock, Tx, Vault, Work, find::statement::Statement, row::ask, setting};

/// Resources indexed together: all their rows are written.
const BATCH: i64 = 200;

/// Works on the oldest job that is not finished.
pub(super) async fn work(vault: &Vault) -> Result<Turn, Outcome> {
    let Some(mut job) = Job::find(vault).await? else { return Ok(Turn::Idle) };
    let mut pace = vault.pace();
    let mut maker = Arc::new(Maker::now(vault));
    let mut batch = Batch::read(vault, job.next(), &maker).await?;
    while let Some(upto) = batch.upto {
        let started = Instant::now();
        let (epoch, ahead) = (vault.parameters().epoch, Job { from: upto, ..job });
        let step = Step { job, upto, batch, maker: Arc::clone(&maker), epoch };
        let (written, next) = tokio::join!(
            vault.commit_aside(permit()?, step),
            Batch::read(vault, ahead.next(), &maker)
        );
        // after a change of what is extracted, what was read ahead is read again
        if !written? || vault.parameters().epoch != epoch || vault.is_closing() {
            return Ok(Turn::Worked);
        }
        (job, batch) = (ahead, next?);
        pace.rest(started.elapsed()).await;
        maker = Arc::clone(&maker);
    }
    if vault.commit_aside(permit()?, Finish { job }).await? {
        vault.index_is_complete();
    }
    Ok(Turn::Worked)
}

/// After an upgrade that extracts otherwise, everything must be indexed again: there must be a job for that.
pub(crate) async fn prepare_upgrade(vault: &Vault) -> Result<(), Outcome> {
    vault.commit_aside(permit()?, Upgrade).await
}

impl Maker {
    fn now(vault: &Vault) -> Self {
        Self { registry: vault.registry(), base: vault.index_base(), way: Way::Instead }
    }
}

/// A job as it stands.
#[derive(Debug, Clone, Copy)]
struct Job {
    number: i64,
    /// `None`: everything.
    ty: Option<ResourceType>,
    from: i64,
    total: i64,
}

impl Job {
    async fn find(vault: &Vault) -> Result<Option<Self>, Outcome> {
        let ask_rows = ask(
            "select job, type, from_res, total
             from   reindex_job
             where  finished is null
             order  by job
             limit  1",
            [],
        );
        let rows = vault.rows(ask_rows).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let ty = u8::try_from(row.integer(1)).ok().and_then(ResourceType::from_number);
        let (number, from, mut total) = (row.integer(0), row.integer(2), row.integer(3));
        if total < 0 {
            let count = match ty {
                Some(ty) => ask(
                    "select count(*) from resource where type = ? and body is not null",
                    [i64::from(ty.number()).into()],
                ),
                None => ask("select count(*) from resource where version > 0", []),
            };
            total = vault.rows(count).await?.first().map_or(0, |row| row.integer(0));
        }
        Ok(Some(Self { number, ty, from, total }))
    }

    fn next(&self) -> Statement {
        let columns = "select res, type, id, version, updated, method, body\nfrom   resource\n";
        match self.ty {
            Some(ty) => ask(
                &format!(
                    "{columns}where  type = ? and body is not null and res > ? order by res limit ?"
                ),
                [i64::from(ty.number()).into(), self.from.into(), BATCH.into()],
            ),
            // what was deleted may have left rows behind
            None => ask(
                &format!("{columns}where  version > 0 and res > ? order by res limit ?"),
                [self.from.into(), BATCH.into()],
            ),
        }
    }
}

/// Writes a batch and how far that comes.
#[derive(Debug)]
struct Step {
    job: Job,
    upto: i64,
    batch: Batch,
    maker: Arc<Maker>,
    /// What the batch was extracted by.
    epoch: u64,
}

impl Work for Step {
    /// Whether it was still wanted.
    type Answer = bool;

    fn locks(&self) -> Vec<Lock> {
        Vec::new()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Outcome> {
        if tx.parameters().epoch != self.epoch {
            return Ok(false);
        }
        let Job { number, from, total, .. } = self.job;
        let lock = if tx.is_postgres() { " for update" } else { "" };
        let look = format!(
            "select job from reindex_job where job = ? and from_res = ? and finished is null{lock}"
        );
        if tx.rows(&ask(&look, [number.into(), from.into()])).await?.is_empty() {
            return Ok(false);
        }
        let read = i64::try_from(self.batch.read).unwrap_or(0);
        let walked = ask(
            "update reindex_job set from_res = ?, done = done + ?, total = ? where job = ?",
            [self.upto.into(), read.into(), total.into(), number.into()],
        );
        tx.execute(&walked).await?;
        apply(tx, &self.batch, &self.maker).await?;
        Ok(true)
    }
}

/// Ends a job.
#[derive(Debug)]
struct Finish {
    job: Job,
}

impl Work for Finish {
    /// Whether every row is now as this version makes it.
    type Answer = bool;

    fn locks(&self) -> Vec<Lock> {
        Vec::new()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Outcome> {
        let finish = ask(
            "update reindex_job set finished = ?, total = done where job = ? and finished is null",
            [tx.now().millis().into(), self.job.number.into()],
        );
        if tx.execute(&finish).await? == 0 {
            return Ok(false);
        }
        tracing::info!(job = self.job.number, "everything asked for is indexed again");
        if self.job.ty.is_some() {
            return Ok(false);
        }
        let complete = ask(
            "update setting set value = ? where name = 'index_generation'",
            [setting::INDEX_GENERATION.to_string().as_str().into()],
        );
        tx.execute(&complete).await?;
        Ok(true)
    }
}

/// Makes sure that a job for everything is there, from the start if an earlier version began it.
#[derive(Debug)]
struct Upgrade;

impl Work for Upgrade {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        vec![Lock::Parameters]
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        let generation = i64::from(setting::INDEX_GENERATION);
        let look =
            ask("select generation from reindex_job where type = 0 and finished is null", []);
        let open = tx.rows(&look).await?;
        if open.iter().any(|row| row.integer(0) == generation) {
            return Ok(());
        }
        let forget = "delete from reindex_job where finished is null";
        tx.execute(&ask(forget, [])).await?;
        super::status::insert(tx, None).await.map(drop)
    }
}
