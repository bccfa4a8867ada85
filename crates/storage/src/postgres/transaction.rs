//! One transaction: locks first, in one order for everybody; then looks; then writes.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
};

use auth::Permit;
use fhir_model::{IssueType, Outcome, ResourceType};
use sea_orm::sqlx::{self, PgPool};
use search::{Filter, Plan, Subject};

use super::{
    Again, Shared,
    columns::{Gathering, Known},
    index::{self, Lines, WordColumns},
    names::CompositeKey,
    query::{Asked, bound, version},
    records, trouble, versions,
};
use crate::{
    Head, Key, Lock,
    access::Columns,
    delta::{IndexDelta, Removed, Words},
    find::{Turn, Version, inquiry, statement::Statement},
    gate::{self, Sight},
    index as lines,
    parameters::{self, Parameters, Published},
    row::{Row, ask},
    tx::{Delta, Indexing},
    words,
};

/// An open transaction and whether its failure, if it failed, may go away by itself.
#[derive(Debug)]
pub(crate) struct Transaction {
    inner: sqlx::Transaction<'static, sqlx::Postgres>,
    shared: Arc<Shared>,
    again: Again,
    lines: Lines,
    /// Resources whose lines it wrote.
    written: usize,
    /// The search parameters from the commit on, if this transaction changes them.
    next: Option<Arc<Parameters>>,
    /// Whether it writes Consents.
    writes_consents: bool,
}

/// Whoever writes shares the right to know what there is to extract; nobody may change that meanwhile. Both
/// statements go to the database together.
const BEGIN: &str = "begin; lock table search_parameter in row share mode";

/// For who changes it. Readers are not in the way.
const BEGIN_ALONE: &str = "begin; lock table search_parameter in exclusive mode";

impl Transaction {
    /// Begins, and takes the locks, which are sorted.
    ///
    /// # Errors
    /// What the database says.
    pub(super) async fn begin(
        pool: &PgPool,
        shared: &Arc<Shared>,
        locks: &[Lock],
    ) -> Result<Self, Outcome> {
        let begin = if locks.contains(&Lock::Parameters) { BEGIN_ALONE } else { BEGIN };
        let mut inner = pool.begin_with(begin).await.map_err(|error| trouble(&error))?;
        let mut keys: Vec<i64> = locks.iter().filter_map(lock_key).collect();
        keys.sort_unstable();
        if !keys.is_empty() {
            sqlx::query(
                "-- whoever wants the same ones waits here, not halfway through
                 select pg_advisory_xact_lock(key)
                 from   (select key from unnest($1::bigint[]) as wanted (key) order by key) as sorted",
            )
            .bind(&keys)
            .execute(&mut *inner)
            .await
            .map_err(|error| trouble(&error))?;
        }
        Ok(Self {
            inner,
            shared: Arc::clone(shared),
            again: Again::No,
            lines: Lines::AreNew,
            written: 0,
            next: None,
            writes_consents: false,
        })
    }

    /// Makes it last, and tells what it changed for everybody.
    ///
    /// # Errors
    /// What the database says, and whether to start again.
    pub(super) async fn commit(self, published: &Published) -> Result<(), (Again, Outcome)> {
        let committed = self.inner.commit().await;
        committed.map_err(|error| (Again::after(&error), trouble(&error)))?;
        if self.writes_consents {
            self.shared.consents.fetch_add(1, Ordering::SeqCst);
        }
        self.shared.upkeep.count(self.written);
        if let Some(next) = &self.next {
            published.publish(next);
        }
        Ok(())
    }

    /// See [`crate::Tx::be_alone`].
    pub(crate) async fn be_alone(&mut self) -> Result<(), Outcome> {
        self.execute(&ask("lock table search_parameter in exclusive mode", [])).await.map(drop)
    }

    /// See [`crate::Tx::know_parameters`].
    pub(crate) async fn know_parameters(&mut self, known: u64) -> Result<(), Outcome> {
        let told = self.rows(&parameters::epoch()).await?;
        let epoch = told.first().map_or("", |row| row.text(0)).parse().unwrap_or(0);
        self.compare(epoch, known)
    }

    /// See [`crate::Tx::define`].
    pub(crate) fn defines(&mut self, next: Arc<Parameters>) {
        self.next = Some(next);
    }

    /// See [`crate::Tx::rows`].
    pub(crate) async fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>, Outcome> {
        let found = bound(statement).fetch_all(&mut *self.inner).await;
        let rows = found.and_then(|found| found.iter().map(records::row).collect());
        rows.map_err(|error| self.failed(&error))
    }

    /// See [`crate::Tx::record`].
    pub(crate) async fn keep_accesses(&mut self, rows: &Columns<'_>) -> Result<(), Outcome> {
        let kept = super::access::keep(&mut self.inner, rows).await;
        kept.map_err(|error| self.failed(&error))
    }

    /// See [`crate::Tx::execute`].
    pub(crate) async fn execute(&mut self, statement: &Statement) -> Result<u64, Outcome> {
        let done = bound(statement).execute(&mut *self.inner).await;
        done.map(|done| done.rows_affected()).map_err(|error| self.failed(&error))
    }

    /// Starts again when somebody changed what is extracted since this transaction looked.
    fn compare(&mut self, epoch: u64, known: u64) -> Result<(), Outcome> {
        if epoch == known {
            return Ok(());
        }
        self.again = Again::Yes;
        Err(Outcome::new(
            IssueType::Transient,
            "The search parameters were just changed; try again",
        ))
    }

    /// Undoes everything; whether to start again.
    pub(super) async fn roll_back(self) -> Again {
        if let Err(error) = self.inner.rollback().await {
            tracing::warn!(%error, "rollback");
        }
        self.again
    }

    /// Remembers whether the failure may go away by itself.
    fn failed(&mut self, error: &sqlx::Error) -> Outcome {
        self.again = Again::after(error);
        trouble(error)
    }

    /// Reckons with lines that are there already.
    pub(super) fn expect_lines(&mut self) {
        self.lines = Lines::MayBeThere;
    }

    /// See [`crate::Tx::start_again`].
    pub(crate) fn start_again(&mut self) {
        self.again = Again::Yes;
    }

    /// See [`crate::Tx::load`].
    pub(crate) async fn load(
        &mut self,
        _permit: &Permit,
        keys: &[Key],
    ) -> Result<Vec<Option<Head>>, Outcome> {
        let (types, ids): (Vec<i16>, Vec<&str>) =
            keys.iter().map(|key| (i16::from(key.resource_type.number()), key.id.as_str())).unzip();
        let rows = sqlx::query(
            "-- locked in the order of their numbers, so that two of these never wait for each other
             select r.res, r.type, r.id, r.version, r.updated, r.method, r.body
             from   resource r
             where  (r.type, r.id) in (select * from unnest($1::smallint[], $2::text[]))
             order  by r.res
             for    update",
        )
        .bind(&types)
        .bind(&ids)
        .fetch_all(&mut *self.inner)
        .await
        .map_err(|error| self.failed(&error))?;
        let found = rows.iter().map(version).collect::<Result<Vec<Version>, _>>()?;
        let found: BTreeMap<(ResourceType, &str), &Version> =
            found.iter().map(|row| ((row.resource_type, row.id.as_str()), row)).collect();
        let head = |key: &Key| {
            let row = found.get(&(key.resource_type, key.id.as_str()))?;
            let (version, updated, body) = (row.version, row.updated, row.body.clone());
            Some(Head { res: row.res, version, updated, body })
        };
        Ok(keys.iter().map(head).collect())
    }

    /// See [`crate::Tx::find`].
    pub(crate) async fn find(
        &mut self,
        sight: Sight<'_>,
        indexing: &Indexing,
        plan: &Plan,
        limit: u32,
    ) -> Result<Vec<Version>, Outcome> {
        let mut asked = Asked::new(&mut self.inner, &self.shared);
        let page = inquiry::search(plan, sight, (&Turn::First, limit), indexing, &mut asked).await;
        let again = asked.again;
        let page = page.inspect_err(|_| self.again = again)?;
        Ok(page.versions)
    }

    /// Whether a version satisfies a filter.
    pub(crate) async fn holds(
        &mut self,
        filter: &Filter,
        of: Subject<'_>,
    ) -> Result<bool, Outcome> {
        let mut asked = Asked::new(&mut self.inner, &self.shared);
        let holds = gate::holds(filter, of, &mut asked).await;
        let again = asked.again;
        holds.inspect_err(|_| self.again = again)
    }

    /// See [`crate::Tx::write`]; `epoch` is that of the parameters before this transaction.
    pub(crate) async fn write(
        &mut self,
        _permit: &Permit,
        deltas: &[Delta],
        epoch: u64,
    ) -> Result<(), Outcome> {
        let changed: Vec<&IndexDelta> = deltas.iter().map(|delta| &delta.index).collect();
        let is_consent = |delta: &Delta| delta.change.key.resource_type.name() == "Consent";
        self.writes_consents |= deltas.iter().any(is_consent);
        self.learn_names(&changed).await?;
        let commit_no = self.shared.numbers.next();
        let mut known = Known::new();
        let done = self.write_versions(deltas, &changed, commit_no, &mut known).await;
        done.map_err(|error| self.failed(&error))?;
        let mut numbered = Vec::with_capacity(deltas.len());
        for delta in deltas {
            let key = &delta.change.key;
            let Some(&res) = known.get(&(key.resource_type, key.id.clone())) else {
                // somebody else created it since this transaction looked
                self.again = Again::Yes;
                return Err(Outcome::new(IssueType::Transient, "The resource was just created"));
            };
            numbered.push((key.resource_type, res, &delta.index));
        }
        let now = self.write_lines(&numbered, &mut known).await?;
        self.compare(now, epoch)
    }

    /// See [`crate::Tx::index`].
    pub(crate) async fn index(
        &mut self,
        _permit: &Permit,
        deltas: &[(ResourceType, i64, &IndexDelta)],
        epoch: u64,
    ) -> Result<(), Outcome> {
        // where somebody wrote beside, lines are there: then it starts again and asks for each
        let changed: Vec<&IndexDelta> = deltas.iter().map(|(_, _, delta)| *delta).collect();
        self.learn_names(&changed).await?;
        let mut known = Known::new();
        let done = self.write_versions(&[], &changed, 0, &mut known).await;
        done.map_err(|error| self.failed(&error))?;
        let now = self.write_lines(deltas, &mut known).await?;
        self.compare(now, epoch)
    }

    /// Makes the numbers of systems and of composites' keys known.
    async fn learn_names(&self, changed: &[&IndexDelta]) -> Result<(), Outcome> {
        let names = &self.shared.names;
        let rows = || changed.iter().flat_map(|delta| delta.coming().chain(delta.going()));
        let unknown: BTreeSet<&str> = rows()
            .flat_map(lines::systems)
            .filter(|uri| names.system(Some(uri)).is_none())
            .collect();
        if !unknown.is_empty() {
            names.learn_systems(unknown).await?;
        }
        let keys = changed.iter().flat_map(|delta| delta.composite_keys());
        let unknown: BTreeSet<CompositeKey> = keys
            .filter_map(|(p, code, system)| {
                let sys = names.system(system)?;
                let is_known = names.composite_key(p, sys, code).is_some();
                (!is_known).then(|| (p, sys, code.to_owned()))
            })
            .collect();
        if unknown.is_empty() { Ok(()) } else { names.learn_composite_keys(unknown).await }
    }

    /// Writes the versions, and rows for what they refer to.
    async fn write_versions(
        &mut self,
        deltas: &[Delta],
        changed: &[&IndexDelta],
        commit_no: i64,
        known: &mut Known,
    ) -> Result<(), sqlx::Error> {
        let connection = &mut *self.inner;
        let own: BTreeSet<(ResourceType, &str)> = deltas
            .iter()
            .map(|delta| (delta.change.key.resource_type, delta.change.key.id.as_str()))
            .collect();
        let mut wanted: BTreeSet<_> = changed.iter().flat_map(|delta| delta.targets()).collect();
        wanted.retain(|(ty, id)| !own.contains(&(*ty, &**id)));
        versions::look(connection, wanted.iter(), known).await?;
        let numbers = (&self.shared.numbers, commit_no);
        let unheard = missing(&wanted, known);
        versions::insert(connection, numbers, deltas, &unheard, known).await?;
        if !unheard.is_empty() {
            // some may have been inserted by somebody else just now
            let rest: BTreeSet<_> = missing(&wanted, known)
                .into_iter()
                .map(|(ty, id)| (ty, Cow::Owned(id.to_owned())))
                .collect();
            versions::look(connection, rest.iter(), known).await?;
        }
        versions::replace(connection, deltas, commit_no, known).await
    }

    /// Brings the index tables up to date; the epoch of the parameters that the lines should be made by.
    async fn write_lines(
        &mut self,
        numbered: &[(ResourceType, i64, &IndexDelta)],
        known: &mut Known,
    ) -> Result<u64, Outcome> {
        self.written += numbered.len();
        self.remove_lines(numbered, known).await?;
        let mut contained = Vec::new();
        for (_, res, delta) in numbered {
            let coming = delta.contained.iter().filter(|one| one.added.is_some());
            contained.extend(
                coming
                    .filter(|one| !known.contains_key(&(one.ty, one.id.clone())))
                    .map(|one| (*res, one.ty, one.id.as_str())),
            );
        }
        let numbers = &self.shared.numbers;
        let done = versions::insert_contained(&mut self.inner, numbers, &contained, known).await;
        done.map_err(|error| self.failed(&error))?;
        let mut words = WordColumns::default();
        let shared = Arc::clone(&self.shared);
        let mut adding = Gathering::new(known, &shared.names);
        for (ty, res, delta) in numbered {
            // a dictionary was full meanwhile and began afresh
            adding.coming((*ty, *res), delta).inspect_err(|_| self.again = Again::Yes)?;
            if delta.words != Words::Stay && !delta.whole.words.is_empty() {
                words.res.push(*res);
                words.words.push(words::numbers_of(*ty, &delta.whole.words));
            }
        }
        let done = index::add(&mut self.inner, (&adding.columns, &words), self.lines).await;
        done.map_err(|error| self.failed(&error))
    }

    /// Takes out what goes.
    async fn remove_lines(
        &mut self,
        numbered: &[(ResourceType, i64, &IndexDelta)],
        known: &mut Known,
    ) -> Result<(), Outcome> {
        let everything: Vec<i64> = numbered
            .iter()
            .filter(|(_, _, delta)| matches!(delta.removed, Removed::Everything))
            .map(|(_, res, _)| *res)
            .collect();
        let wordless: Vec<i64> = numbered
            .iter()
            .filter(|(_, _, delta)| delta.words == Words::Change && delta.whole.words.is_empty())
            .map(|(_, res, _)| *res)
            .collect();
        let shared = Arc::clone(&self.shared);
        let mut removing = Gathering::new(known, &shared.names);
        for (ty, res, delta) in numbered {
            removing.going((*ty, *res), delta).inspect_err(|_| self.again = Again::Yes)?;
        }
        let removing = removing.columns;
        let mut gone = Vec::new();
        for one in numbered.iter().flat_map(|(_, _, delta)| &delta.contained) {
            if one.added.is_none() {
                gone.extend(known.remove(&(one.ty, one.id.clone())));
            }
        }
        let connection = &mut *self.inner;
        let done = async {
            if !everything.is_empty() {
                index::remove_all(connection, &everything).await?;
                known.retain(|(_, id), _| !id.contains('#'));
            }
            index::remove(connection, &removing).await?;
            index::forget_words(connection, &wordless).await?;
            versions::delete_contained(connection, &gone).await
        };
        done.await.map_err(|error| self.failed(&error))
    }
}

/// What is referenced and was never heard of; what is contained is numbered elsewhere.
fn missing<'w>(
    wanted: &'w BTreeSet<(ResourceType, Cow<'_, str>)>,
    known: &Known,
) -> Vec<(ResourceType, &'w str)> {
    wanted
        .iter()
        .filter(|(ty, id)| !id.contains('#') && !known.contains_key(&(*ty, id.to_string())))
        .map(|(ty, id)| (*ty, &**id))
        .collect()
}

/// Advisory locks are numbers; two names on one number only wait for each other needlessly.
fn lock_key(lock: &Lock) -> Option<i64> {
    let name = match lock {
        // a lock of its own: see BEGIN
        Lock::Parameters => return None,
        Lock::Resource(key) => format!("resource {} {}", key.resource_type, key.id),
        Lock::Criteria(ty, criteria) => format!("criteria {ty} {criteria}"),
    };
    // the same on every node, whatever it was built with
    let digest = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    digest.as_ref().first_chunk().map(|bytes| i64::from_be_bytes(*bytes))
}
