//! The vault: everything that is kept, behind permits.

mod background;
mod closed;
mod refused;
mod seen;

pub use closed::no_way;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use auth::Permit;
use fhir_model::{IssueType, Outcome, ResourceType, Tree};
use futures_util::FutureExt as _;
use search::{Plan, Registry, Rows};
use tokio::sync::{Notify, oneshot};

use crate::{
    Accounts, Cleaning, Clock, DatabaseUrl, HistoryQuery, Key, Tx, Version, Work, accounts,
    find::{Effort, Explanation, Page, Turn, explain, inquiry, statement::Statement},
    gate::Sight,
    history, migrate,
    parameters::Published,
    postgres,
    reindex::{self, Progress, Traffic},
    setting, sqlite, terms,
    totals::Totals,
    tx::{Engine as TxEngine, Indexing},
    vouched::Memory,
};

/// How to open a vault.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which database.
    pub url: DatabaseUrl,
    /// Where the time comes from.
    pub clock: Clock,
    /// The server's own URL without a slash at the end: absolute references under it are local.
    pub base: String,
    /// PostgreSQL: connections at most.
    pub connections_max: u32,
}

/// An open vault. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vault {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) published: Published,
    clock: Clock,
    pub(crate) engine: Engine,
    secret: Vec<u8>,
    accounts: Accounts,
    base: Arc<str>,
    /// See [`Indexing::is_outdated`].
    index_is_outdated: AtomicBool,
    /// See [`Vault::clean_beds`].
    cleans_elsewhere: AtomicBool,
    /// See [`Vault::order_due_seconds`].
    order_due_seconds: AtomicU32,
    traffic: Traffic,
    progress: Progress,
    /// Told when there is something to index.
    wake: Arc<Notify>,
    totals: Totals,
    pub(crate) terms: terms::Read,
    stand_ins: refused::StandIns,
}

impl Inner {
    /// As of now.
    fn indexing(&self) -> Indexing {
        Indexing {
            parameters: self.published.now(),
            base: Arc::clone(&self.base),
            is_outdated: self.index_is_outdated.load(Ordering::Acquire),
            cleaning: if self.cleans_elsewhere.load(Ordering::Acquire) {
                Cleaning::Elsewhere
            } else {
                Cleaning::Here
            },
            order_due_seconds: self.order_due_seconds.load(Ordering::Acquire),
        }
    }
}

impl Inner {
    /// The answer, and whether its time is over.
    fn ask_sqlite<T>(
        &self,
        time_max: Duration,
        search: &impl Fn(&mut sqlite::Asked<'_>) -> Option<Result<T, Outcome>>,
    ) -> Result<(Result<T, Outcome>, bool), Outcome> {
        let Engine::Sqlite(engine) = &self.engine else { return Err(wrong_engine()) };
        let (changes, answers) = (engine.changes(), &engine.vouched);
        let before = &changes.before();
        let snapshot = engine.readers.snapshot(time_max)?;
        let asked = snapshot.asked().map(|asked| asked.with(Memory { changes, answers, before }));
        let answer = asked.and_then(|mut asked| search(&mut asked));
        let answer = answer.unwrap_or_else(|| {
            Err(Outcome::new(IssueType::Exception, "The search waited for something"))
        });
        Ok((answer, snapshot.is_over()))
    }
}

/// For how long an emergency may have a bed before the order when nobody says.
const ORDER_DUE_SECONDS: u32 = 60 * 60;

#[derive(Debug)]
pub(crate) enum Engine {
    Sqlite(Box<sqlite::Sqlite>),
    Postgres(postgres::Postgres),
}

impl Vault {
    /// Opens a database and brings its schema up to date.
    ///
    /// # Errors
    /// When it cannot be opened or was written by a newer version.
    pub async fn open(options: &Options) -> Result<Self, Outcome> {
        let (engine, secret, base, generation) = match &options.url {
            DatabaseUrl::Sqlite(path) => {
                let claim = sqlite::Claim::awaited(path).await?;
                sqlite::prepare(path)?;
                let url = format!("sqlite://{}?mode=rwc", path.display());
                let control = setting::connect(&url, 1).await?;
                migrate::migrate(&control).await?;
                let secret = setting::secret(&control).await?;
                let base = setting::index_base(&control, &options.base).await?;
                let generation = setting::index_generation(&control).await?;
                setting::close(control).await?;
                let engine = sqlite::Sqlite::open(path, claim, options.clock)?;
                (Engine::Sqlite(Box::new(engine)), secret, base, generation)
            }
            DatabaseUrl::Postgres(url) => {
                let control = setting::connect(url, options.connections_max).await?;
                migrate::migrate(&control).await?;
                let secret = setting::secret(&control).await?;
                let base = setting::index_base(&control, &options.base).await?;
                let generation = setting::index_generation(&control).await?;
                let engine = postgres::Postgres::open(
                    control,
                    (url, options.connections_max),
                    options.clock,
                )
                .await?;
                (Engine::Postgres(engine), secret, base, generation)
            }
        };
        let (clock, base) = (options.clock, Arc::from(base));
        let published = match &engine {
            Engine::Sqlite(engine) => engine.published.clone(),
            Engine::Postgres(engine) => engine.published(),
        };
        let others = match &options.url {
            DatabaseUrl::Sqlite(_) => accounts::Others::None,
            DatabaseUrl::Postgres(_) => accounts::Others::MayServe,
        };
        let control = Accounts::connect(&options.url).await?;
        let accounts = Accounts::over(control, secret.clone(), clock, others);
        let index_is_outdated = AtomicBool::new(generation != setting::INDEX_GENERATION);
        let (traffic, progress, wake) = (Traffic::default(), Progress::default(), Arc::default());
        let inner = Inner {
            published,
            clock,
            engine,
            secret,
            accounts,
            base,
            index_is_outdated,
            cleans_elsewhere: AtomicBool::new(false),
            order_due_seconds: AtomicU32::new(ORDER_DUE_SECONDS),
            traffic,
            progress,
            wake,
            totals: Totals::default(),
            terms: terms::Read::default(),
            stand_ins: refused::StandIns::default(),
        };
        let vault = Self { inner: Arc::new(inner) };
        if vault.index_is_outdated() {
            reindex::prepare_upgrade(&vault).await?;
        }
        tokio::spawn(reindex::run(Arc::downgrade(&vault.inner)));
        tokio::spawn(postgres::keep_up(Arc::downgrade(&vault.inner)));
        Ok(vault)
    }

    /// The search parameters as of now: R4's own and those of `SearchParameter` resources.
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.inner.published.now().registry)
    }

    /// The search parameters as of now, and which of their changes was the last: for [`crate::Change::epoch`].
    pub fn indexed_by(&self) -> (Arc<Registry>, u64) {
        let parameters = self.inner.published.now();
        (Arc::clone(&parameters.registry), parameters.epoch)
    }

    /// The index rows of a resource.
    pub fn extract(&self, tree: &Tree) -> Rows {
        search::extract(&self.registry(), tree, &self.inner.base)
    }

    /// The URL under which absolute references count as this vault's own: the one that the vault was first
    /// served at, so that the rows of old and new versions are always extracted alike.
    pub fn index_base(&self) -> Arc<str> {
        Arc::clone(&self.inner.base)
    }

    /// The vault's clock.
    pub fn clock(&self) -> Clock {
        self.inner.clock
    }

    /// 32 random bytes that this vault was born with; keys are derived from them.
    pub fn secret(&self) -> &[u8] {
        &self.inner.secret
    }

    /// Who may log in, which clients there are, what they were granted.
    pub fn accounts(&self) -> &Accounts {
        &self.inner.accounts
    }

    /// A fresh logical id: a UUID that sorts by time, <https://www.rfc-editor.org/rfc/rfc9562#section-5.7>.
    pub fn new_id(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }

    /// Does a piece of work in one transaction. The answer comes when the commit is on disk.
    ///
    /// # Errors
    /// The work's own refusal, or the database's trouble; nothing is stored then.
    pub async fn commit<W: Work>(&self, permit: Permit, work: W) -> Result<W::Answer, Outcome> {
        self.inner.traffic.count();
        self.commit_aside(permit, work).await
    }

    /// The same for work that nobody waits for.
    ///
    /// # Errors
    /// Those of [`Vault::commit`].
    pub async fn commit_aside<W: Work>(
        &self,
        permit: Permit,
        work: W,
    ) -> Result<W::Answer, Outcome> {
        match &self.inner.engine {
            Engine::Sqlite(engine) => {
                let (reply, answer) = oneshot::channel();
                // not the vault itself: the writer's thread must not be the last to hold it
                engine.group.submit(job(self.inner.indexing(), permit, work, reply))?;
                // the work comes back with the answer: to drop it is nothing for the one who writes
                answer.await.map_or_else(
                    |_| {
                        let why = "The write failed; nothing was stored";
                        Err(Outcome::new(IssueType::Exception, why))
                    },
                    |(result, _work)| result,
                )
            }
            Engine::Postgres(engine) => {
                engine.commit(|| self.inner.indexing(), &permit, &work).await
            }
        }
    }

    /// The current version; a deletion is one, with no body.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn read(&self, permit: &Permit, key: &Key) -> Result<Option<Arc<Version>>, Outcome> {
        self.inner.traffic.count();
        if permit.covers_all_rows() {
            return Ok(self.current(permit, key).await?.0);
        }
        self.read_seen(permit, key).await
    }

    /// The current version, whoever may see it, and whether it was in memory. What was committed has been heard.
    async fn current(
        &self,
        permit: &Permit,
        key: &Key,
    ) -> Result<(Option<Arc<Version>>, bool), Outcome> {
        match &self.inner.engine {
            // other processes may write there, so no version can be remembered
            Engine::Postgres(engine) if permit.principal().is_some() => {
                Ok((engine.read_and_hear(key).await?.map(Arc::new), false))
            }
            Engine::Postgres(engine) => {
                Ok((engine.find(permit, &current(key)).await?.pop().map(Arc::new), false))
            }
            Engine::Sqlite(engine) => engine.read(key, current),
        }
    }

    /// One version.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn vread(
        &self,
        permit: &Permit,
        key: &Key,
        version: u64,
    ) -> Result<Option<Version>, Outcome> {
        if permit.covers_all_rows() {
            return self.version(permit, key, version).await;
        }
        self.vread_seen(permit, key, version).await
    }

    /// One version, whoever may see it.
    async fn version(
        &self,
        permit: &Permit,
        key: &Key,
        version: u64,
    ) -> Result<Option<Version>, Outcome> {
        let found = self.inner.engine.find_at_once(permit, version_of(key, version)).await?.pop();
        Ok(found.filter(|found| found.version > 0))
    }

    /// A page of what a search finds.
    ///
    /// # Errors
    /// `too-costly`, or the database's own trouble.
    pub async fn search(
        &self,
        permit: &Permit,
        plan: &Plan,
        turn: &Turn,
        count: u32,
    ) -> Result<Page, Outcome> {
        self.be_indexed(plan)?;
        match &self.inner.engine {
            Engine::Postgres(engine) => {
                engine.search(permit, &self.inner.indexing(), plan, (turn, count)).await
            }
            Engine::Sqlite(_) => {
                let (plan, turn, inner) = (plan.clone(), turn.clone(), Arc::clone(&self.inner));
                let permit = permit.clone();
                self.on_snapshot(move |asked| {
                    let indexing = inner.indexing();
                    let sight = Sight::search(&permit);
                    inquiry::search(&plan, sight, (&turn, count), &indexing, asked).now_or_never()
                })
                .await
            }
        }
    }

    /// How many resources a search finds in all.
    ///
    /// # Errors
    /// `too-costly`, or the database's own trouble.
    pub async fn count(&self, permit: &Permit, plan: &Plan) -> Result<u64, Outcome> {
        self.be_indexed(plan)?;
        match &self.inner.engine {
            Engine::Postgres(engine) => engine.count(permit, plan, &self.inner.totals).await,
            Engine::Sqlite(_) => {
                let (plan, permit, inner) = (plan.clone(), permit.clone(), Arc::clone(&self.inner));
                self.on_snapshot(move |asked| {
                    let stamp = asked.stamp();
                    let count = inquiry::count(&plan, Sight::search(&permit), asked);
                    inner.totals.total((&plan, &permit), stamp, count).now_or_never()
                })
                .await
            }
        }
    }

    /// Says where beds that were left are cleaned.
    pub fn clean_beds(&self, cleaning: Cleaning) {
        self.inner.cleans_elsewhere.store(cleaning == Cleaning::Elsewhere, Ordering::Release);
    }

    /// For how long an emergency may have a bed before the doctor's order, in seconds.
    pub fn order_due_seconds(&self) -> u32 {
        self.inner.order_due_seconds.load(Ordering::Acquire)
    }

    /// Says for how long an emergency may have a bed before the doctor's order.
    pub fn expect_orders_within(&self, seconds: u32) {
        self.inner.order_due_seconds.store(seconds, Ordering::Release);
    }

    /// Lets searches look at so many rows before they choose a way; who says so first is heard. Small databases, as
    /// tests have them, go the ways of large ones with little effort.
    pub fn choose_with(&self, effort: Effort) {
        match &self.inner.engine {
            Engine::Postgres(engine) => engine.choose_with(effort),
            Engine::Sqlite(engine) => engine.readers.effort.say(effort),
        }
    }

    /// How the first page of a search is found; it is found to say so.
    ///
    /// # Errors
    /// `too-costly`, or the database's own trouble.
    pub async fn explain(
        &self,
        permit: &Permit,
        plan: &Plan,
        count: u32,
    ) -> Result<Explanation, Outcome> {
        match &self.inner.engine {
            Engine::Postgres(engine) => engine.explain(permit, plan, count).await,
            Engine::Sqlite(_) => {
                let (plan, permit) = (plan.clone(), permit.clone());
                self.on_snapshot(move |asked| {
                    let sight = Sight::search(&permit);
                    explain::explain(&plan, sight, count, asked).now_or_never()
                })
                .await
            }
        }
    }

    /// Refuses what index rows are needed for while they are made again after an upgrade: what is found would
    /// be too little, and nobody would know.
    fn be_indexed(&self, plan: &Plan) -> Result<(), Outcome> {
        if self.index_is_outdated() { reindex::refuse(plan) } else { Ok(()) }
    }

    /// A page of a history, newest first.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn history(&self, permit: &Permit, query: &HistoryQuery) -> Result<Page, Outcome> {
        if !permit.covers_all_rows() {
            return self.history_seen(permit, query).await;
        }
        let fetched = self.find(permit, history::statement(query)).await?;
        Ok(Page::cut(fetched, &query.turn, query.count))
    }

    /// Asks SQLite what a search asks, on one snapshot. Most searches are done sooner here on the spot than they
    /// are handed to another thread; one that is not quick begins again there.
    async fn on_snapshot<T: Send + 'static>(
        &self,
        search: impl Fn(&mut sqlite::Asked<'_>) -> Option<Result<T, Outcome>> + Send + 'static,
    ) -> Result<T, Outcome> {
        self.inner.traffic.count();
        match self.inner.ask_sqlite(QUICK, &search)? {
            (Err(_), true) => {}
            (answer, _) => return answer,
        }
        let inner = Arc::clone(&self.inner);
        elsewhere(move || inner.ask_sqlite(sqlite::TIME_MAX, &search)?.0).await
    }

    /// A query of somebody who waits for it.
    async fn find(&self, permit: &Permit, ask: Statement) -> Result<Vec<Version>, Outcome> {
        self.inner.traffic.count();
        self.find_aside(permit, ask).await
    }

    /// A query that may take long: not on the thread that serves requests.
    pub(crate) async fn find_aside(
        &self,
        permit: &Permit,
        ask: Statement,
    ) -> Result<Vec<Version>, Outcome> {
        match &self.inner.engine {
            Engine::Postgres(engine) => engine.find(permit, &ask).await,
            Engine::Sqlite(_) => {
                let inner = Arc::clone(&self.inner);
                elsewhere(move || match &inner.engine {
                    Engine::Sqlite(engine) => engine.readers.find(&ask),
                    Engine::Postgres(_) => Err(wrong_engine()),
                })
                .await
            }
        }
    }
}

/// How long a search may keep the thread that serves requests.
const QUICK: Duration = Duration::from_micros(1500);

/// One version of a resource; at most one row.
fn version_of(key: &Key, version: u64) -> Statement {
    // a version beyond all is none
    let version = i64::try_from(version).unwrap_or(0);
    let mut ask = Statement::default();
    for (n, table) in ["resource", "history"].into_iter().enumerate() {
        ask.push(if n == 0 { "" } else { "\nunion all\n" }, []);
        ask.push(
            &format!(
                "select v.res, v.type, v.id, v.version, v.updated, v.method, v.body
                 from   {table} v
                 where  v.res = (select res from resource where type = ? and id = ?)
                   and  v.version = ?"
            ),
            [i64::from(key.resource_type.number()).into(), key.id.as_str().into(), version.into()],
        );
    }
    ask
}

/// The current version of one resource.
fn current(key: &Key) -> Statement {
    let mut ask = Statement::default();
    ask.push(
        "select res, type, id, version, updated, method, body
         from   resource
         where  type = ?
           and  id = ?
           and  version > 0",
        [i64::from(key.resource_type.number()).into(), key.id.as_str().into()],
    );
    ask
}

impl Engine {
    /// How often this process has written Consents.
    pub(crate) fn consents_written(&self) -> u64 {
        let consent = ResourceType::named("Consent").map_or(0, ResourceType::number);
        match self {
            Self::Sqlite(engine) => engine.changes().of(consent),
            Self::Postgres(engine) => engine.consents_written(),
        }
    }

    async fn find_at_once(&self, permit: &Permit, ask: Statement) -> Result<Vec<Version>, Outcome> {
        match self {
            Self::Sqlite(engine) => engine.readers.find(&ask),
            Self::Postgres(engine) => engine.find(permit, &ask).await,
        }
    }
}

/// Runs work that takes its time on a thread that serves no requests.
///
/// # Errors
/// The work's own; `exception` when it panicked.
pub async fn elsewhere<T: Send + 'static>(
    query: impl FnOnce() -> Result<T, Outcome> + Send + 'static,
) -> Result<T, Outcome> {
    tokio::task::spawn_blocking(query)
        .await
        .unwrap_or_else(|_| Err(Outcome::new(IssueType::Exception, "The query failed")))
}

fn wrong_engine() -> Outcome {
    Outcome::new(IssueType::Exception, "The database changed under the query")
}

/// Wraps work for the writer's thread: it runs there to its end, since nothing in it waits.
fn job<W: Work>(
    indexing: Indexing,
    permit: Permit,
    work: W,
    reply: oneshot::Sender<(Result<W::Answer, Outcome>, W)>,
) -> sqlite::Job {
    let (may_refuse_late, changes) = (work.may_refuse_late(), work.changes_resources());
    let run = Box::new(move |writer: Result<&mut sqlite::Writer, Outcome>| {
        let result = writer.and_then(|writer| {
            let now = if changes { writer.tick() } else { writer.time() };
            // a neighbour in the queue may have changed the parameters
            let indexing = Indexing { parameters: writer.parameters(), ..indexing };
            let mut tx = Tx::new(&permit, indexing, now, TxEngine::Sqlite(writer));
            let done = work.run(&mut tx).now_or_never();
            done.unwrap_or_else(|| {
                Err(Outcome::new(IssueType::Exception, "The write waited for something"))
            })
        });
        sqlite::Finished {
            keep: result.is_ok(),
            acknowledge: Box::new(move |lost| {
                // nobody listens any more when the client went away
                drop(reply.send((lost.map_or(result, Err), work)));
            }),
        }
    });
    sqlite::Job { may_refuse_late, run }
}

/// What `medvault doctor` found out about the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// What was looked at.
    pub subject: String,
    /// What is wrong with it; `None` when nothing is.
    pub trouble: Option<String>,
}
