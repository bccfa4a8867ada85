//! A transaction as the interactions see it, the same on every database.

mod clear;

use std::{future::Future, sync::Arc};

use auth::{Action, Permit};
use bytes::Bytes;
use fhir_model::{Instant, IssueType, Outcome, ResourceType, Stored, json};
use search::{Plan, Rows};

use crate::{
    Change, Version,
    access::Columns,
    beds,
    cores::on_all_cores,
    delta::IndexDelta,
    find::statement::Statement,
    gate::Sight,
    parameters::{self, Effect, Parameters},
    postgres, reindex,
    row::Row,
    sqlite,
};

/// Which resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// `Patient`, `Observation`, ...
    pub resource_type: ResourceType,
    /// The logical id.
    pub id: String,
}

impl Key {
    /// `Patient/1`.
    pub fn new(resource_type: ResourceType, id: impl Into<String>) -> Self {
        Self { resource_type, id: id.into() }
    }
}

/// What stands in the vault under a key.
#[derive(Debug, Clone)]
pub struct Head {
    /// The row's number inside the vault.
    pub(crate) res: i64,
    /// The current version; 0 when the key is only referenced so far.
    pub version: u64,
    /// When that version was written.
    pub updated: Instant,
    /// The current body; `None` when deleted or never stored.
    pub body: Option<Bytes>,
}

/// What a piece of work must have to itself, so that two of its kind run one after the other. The one
/// writer of SQLite runs everything one after the other anyway.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lock {
    /// A resource under an id that the client chose.
    Resource(Key),
    /// The answer to a search, because something is done on the condition of it.
    Criteria(ResourceType, String),
    /// What resources are indexed by: for changes of `SearchParameter` resources. Nobody else writes meanwhile.
    Parameters,
}

/// Something to be done in one transaction. It may run more than once: a database that finds two
/// transactions in each other's way lets one of them start again.
pub trait Work: Send + Sync + 'static {
    /// What the caller gets when the commit is on disk.
    type Answer: Send + 'static;

    /// What must be locked before the first look.
    fn locks(&self) -> Vec<Lock>;

    /// Whether it may still refuse once it has written. Undoing one piece of work and not its neighbours in a
    /// group costs a copy of every page it touches, so it is prepared only for those that ask.
    fn may_refuse_late(&self) -> bool {
        false
    }

    /// Whether resources change, so that what was found before may no longer be all there is.
    fn changes_resources(&self) -> bool {
        true
    }

    /// Looks, decides, writes. An `Err` undoes everything.
    fn run(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Self::Answer, Outcome>>;
}

/// An open transaction.
#[derive(Debug)]
pub struct Tx<'a> {
    permit: &'a Permit,
    indexing: Indexing,
    now: Instant,
    engine: Engine<'a>,
    /// What was found to lie inside the permit.
    cleared: Vec<(Key, Arc<Rows>)>,
    beds: beds::Heard,
}

/// What index rows depend on.
#[derive(Debug, Clone)]
pub(crate) struct Indexing {
    pub(crate) parameters: Arc<Parameters>,
    /// The server's own URL: absolute references under it are local.
    pub(crate) base: Arc<str>,
    /// Whether there may be index rows that were not made by this registry, or none where there should be
    /// some: then the rows of an old version are not extracted again but looked up.
    pub(crate) is_outdated: bool,
    /// Where beds that were left are cleaned.
    pub(crate) cleaning: beds::Cleaning,
    /// See [`crate::Vault::order_due_seconds`].
    pub(crate) order_due_seconds: u32,
}

impl Indexing {
    /// The index rows of a body.
    pub(crate) fn extract(&self, body: Bytes) -> Rows {
        search::extract(&self.parameters.registry, &json::parse_trusted(body), &self.base)
    }
}

#[derive(Debug)]
pub(crate) enum Engine<'a> {
    Sqlite(&'a mut sqlite::Writer),
    Postgres(&'a mut postgres::Transaction),
}

/// A new version and what it does to the index tables.
#[derive(Debug)]
pub(crate) struct Delta {
    pub(crate) change: Change,
    pub(crate) version: u64,
    pub(crate) updated: Instant,
    /// The bytes to be served; `None` for a deletion.
    pub(crate) body: Option<Bytes>,
    pub(crate) index: IndexDelta,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(
        permit: &'a Permit,
        indexing: Indexing,
        now: Instant,
        engine: Engine<'a>,
    ) -> Self {
        Self { permit, indexing, now, engine, cleared: Vec::new(), beds: beds::Heard::default() }
    }

    /// What was done to claims on beds.
    pub(crate) fn heard(&mut self) -> &mut beds::Heard {
        &mut self.beds
    }

    /// The URL under which absolute references are local.
    pub(crate) fn index_base(&self) -> Arc<str> {
        Arc::clone(&self.indexing.base)
    }

    /// Where beds that were left are cleaned.
    pub(crate) fn cleaning(&self) -> beds::Cleaning {
        self.indexing.cleaning
    }

    /// When the order for an emergency that gets a bed now is due.
    pub(crate) fn order_due(&self) -> Instant {
        Instant::from_millis(self.now.millis() + i64::from(self.indexing.order_due_seconds) * 1000)
    }

    /// The time of this transaction.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// What stands under these keys, in their order; locked against others until the end.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn load(&mut self, keys: &[Key]) -> Result<Vec<Option<Head>>, Outcome> {
        match &mut self.engine {
            Engine::Sqlite(writer) => writer.load(self.permit, keys),
            Engine::Postgres(transaction) => transaction.load(self.permit, keys).await,
        }
    }

    /// The first `limit` resources that a search finds, as of now and with what this transaction wrote.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn find(&mut self, plan: &Plan, limit: u32) -> Result<Vec<Version>, Outcome> {
        self.matching(plan, limit, &[Action::Search]).await
    }

    /// The same, for criteria of something that is done to what they find: of what may be touched by one of the
    /// actions.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn matching(
        &mut self,
        plan: &Plan,
        limit: u32,
        actions: &[Action],
    ) -> Result<Vec<Version>, Outcome> {
        let sight = Sight { permit: self.permit, actions };
        if self.indexing.is_outdated {
            reindex::refuse(plan)?;
        }
        match &mut self.engine {
            Engine::Sqlite(writer) => writer.find(sight, &self.indexing, plan, limit),
            Engine::Postgres(transaction) => {
                transaction.find(sight, &self.indexing, plan, limit).await
            }
        }
    }

    /// The refusal to give when what a search found was changed before it could be locked: the work starts
    /// again.
    pub fn start_again(&mut self) -> Outcome {
        if let Engine::Postgres(transaction) = &mut self.engine {
            transaction.start_again();
        }
        Outcome::new(IssueType::Transient, "Another write was in the way; try again")
    }

    /// Whether [`Tx::write`] would refuse one of these changes for what it defines.
    ///
    /// # Errors
    /// Which one, and why.
    pub fn check(&self, changes: &[Change]) -> Result<(), (usize, Outcome)> {
        Effect::of(&self.indexing.parameters, changes).map(drop)
    }

    /// Writes new versions; one a resource. The answer is in the order of the changes. What a
    /// `SearchParameter` defines is extracted from these versions on. What they say about beds is settled with
    /// the claims, see [`Tx::settle_beds`].
    ///
    /// # Errors
    /// What is wrong with a definition, before anything is written; the database's own trouble.
    pub async fn write(&mut self, mut changes: Vec<Change>) -> Result<Vec<Stored>, Outcome> {
        let asked = changes.len();
        self.clear(&changes).await.map_err(|(_, refusal)| refusal)?;
        // what follows from them for others is the vault's own doing
        changes.extend(self.follow_beds(&changes).await?);
        let known = self.indexing.parameters.epoch;
        let effect = Effect::of(&self.indexing.parameters, &changes);
        let effect = effect.map_err(|(_, refusal)| refusal)?;
        if let Some(effect) = &effect {
            self.be_alone().await?;
            self.indexing.parameters = Arc::clone(&effect.next);
        }
        let (indexing, now) = (&self.indexing, self.now);
        let deltas: Vec<Delta> = on_all_cores(changes, |change| delta(indexing, now, change));
        match &mut self.engine {
            Engine::Sqlite(writer) => writer.write(self.permit, &deltas)?,
            Engine::Postgres(transaction) => {
                transaction.write(self.permit, &deltas, known).await?;
            }
        }
        if let Some(Effect { next, changed }) = effect {
            for statement in parameters::keep(&changed, next.epoch, self.now.millis()) {
                self.execute(&statement).await?;
            }
            self.define(next);
        }
        Ok(deltas.into_iter().take(asked).map(Delta::into_stored).collect())
    }

    /// Waits until nobody else writes: whoever writes meanwhile would not extract what is being defined.
    pub(crate) async fn be_alone(&mut self) -> Result<(), Outcome> {
        match &mut self.engine {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(transaction) => transaction.be_alone().await,
        }
    }

    /// Changes the parameters for everybody, once this is committed.
    pub(crate) fn define(&mut self, next: Arc<Parameters>) {
        self.indexing.parameters = Arc::clone(&next);
        match &mut self.engine {
            Engine::Sqlite(writer) => writer.set_parameters(next),
            Engine::Postgres(transaction) => transaction.defines(next),
        }
    }

    /// Makes sure that [`Tx::parameters`] are those of the database; for who changes them, alone.
    ///
    /// # Errors
    /// To start again when they were not; the database's own trouble.
    pub(crate) async fn know_parameters(&mut self) -> Result<(), Outcome> {
        let known = self.indexing.parameters.epoch;
        match &mut self.engine {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(transaction) => transaction.know_parameters(known).await,
        }
    }

    /// Whether rows must be locked: SQLite has one writer only.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.engine, Engine::Postgres(_))
    }

    /// What resources are indexed by.
    pub(crate) fn parameters(&self) -> &Arc<Parameters> {
        &self.indexing.parameters
    }

    /// Runs a statement on the vault's own tables.
    ///
    /// # Errors
    /// The database's own trouble.
    pub(crate) async fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>, Outcome> {
        match &mut self.engine {
            Engine::Sqlite(writer) => writer.rows(statement),
            Engine::Postgres(transaction) => transaction.rows(statement).await,
        }
    }

    /// Runs a statement that changes the vault's own tables; how many rows it changed.
    ///
    /// # Errors
    /// The database's own trouble.
    pub(crate) async fn execute(&mut self, statement: &Statement) -> Result<u64, Outcome> {
        match &mut self.engine {
            Engine::Sqlite(writer) => writer.execute(statement),
            Engine::Postgres(transaction) => transaction.execute(statement).await,
        }
    }

    /// See [`Tx::record`].
    pub(crate) async fn keep_accesses(&mut self, rows: &Columns<'_>) -> Result<(), Outcome> {
        match &mut self.engine {
            Engine::Sqlite(writer) => writer.keep_accesses(rows),
            Engine::Postgres(transaction) => transaction.keep_accesses(rows).await,
        }
    }

    /// Runs a statement that changes the vault's own tables and tells which rows.
    pub(crate) async fn changed_rows(
        &mut self,
        statement: &Statement,
    ) -> Result<Vec<Row>, Outcome> {
        match &mut self.engine {
            Engine::Sqlite(writer) => writer.changed_rows(statement),
            Engine::Postgres(transaction) => transaction.rows(statement).await,
        }
    }

    /// Brings the index tables up to date; resources by type and number.
    ///
    /// # Errors
    /// The database's own trouble.
    pub(crate) async fn index(
        &mut self,
        deltas: &[(ResourceType, i64, &IndexDelta)],
    ) -> Result<(), Outcome> {
        let known = self.indexing.parameters.epoch;
        match &mut self.engine {
            Engine::Sqlite(writer) => writer.index(self.permit, deltas),
            Engine::Postgres(transaction) => transaction.index(self.permit, deltas, known).await,
        }
    }

    /// Writes the index rows of these resources anew, from their bodies, whatever rows there are; how many
    /// have a body.
    ///
    /// # Errors
    /// The database's own trouble.
    #[cfg_attr(not(test), expect(dead_code, reason = "for what indexes everything again"))]
    pub(crate) async fn index_again(&mut self, keys: &[Key]) -> Result<usize, Outcome> {
        let heads = self.load(keys).await?;
        let found = keys.iter().zip(heads).filter_map(|(key, head)| {
            let Head { res, body, .. } = head?;
            let rows = self.indexing.extract(body?);
            Some((key.resource_type, res, IndexDelta::anew(key, Arc::new(rows))))
        });
        let found: Vec<(ResourceType, i64, IndexDelta)> = found.collect();
        let found: Vec<_> = found.iter().map(|(ty, res, delta)| (*ty, *res, delta)).collect();
        self.index(&found).await?;
        Ok(found.len())
    }
}

impl Delta {
    fn into_stored(self) -> Stored {
        Stored {
            resource_type: self.change.key.resource_type,
            id: self.change.key.id,
            version: self.version,
            updated: self.updated,
            body: self.body,
        }
    }
}

fn delta(indexing: &Indexing, now: Instant, mut change: Change) -> Delta {
    let version = change.version();
    let updated = change.updated(now);
    let body = change.body.take().map(|stamped| stamped.bytes(version, updated));
    let rows = match &body {
        Some(body) if change.epoch != indexing.parameters.epoch => {
            Arc::new(indexing.extract(body.clone()))
        }
        _ => Arc::clone(&change.rows),
    };
    let before = change.replaces.as_ref().and_then(|head| head.body.clone());
    let index = match before {
        Some(before) => IndexDelta::next(indexing, &change.key, before, rows),
        None => IndexDelta::first(&change.key, rows),
    };
    Delta { change, version, updated, body, index }
}
