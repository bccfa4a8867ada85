//! What is being indexed, for those who wait for it.

use auth::Permit;
use fhir_model::{Instant, Outcome, ResourceType};
use search::ParamId;

use crate::{
    Lock, Tx, Vault, Work,
    row::{Row, ask},
    setting,
};

/// Indexing again what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub number: u64,
    /// Resources of which type; `None`: everything.
    pub ty: Option<ResourceType>,
    /// How many were indexed.
    pub done: u64,
    /// Of how many, if they were counted.
    pub total: Option<u64>,
    /// When it was asked for.
    pub started: Instant,
    /// When it was done.
    pub finished: Option<Instant>,
}

/// A search parameter that cannot be asked for yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Building {
    /// The id of the `SearchParameter` resource.
    pub id: String,
    /// The type whose resources it will find.
    pub ty: ResourceType,
    /// Its name in queries.
    pub code: String,
    /// How many resources were indexed.
    pub done: u64,
    /// Of how many, if they were counted.
    pub total: Option<u64>,
}

impl Vault {
    /// Asks for everything of a type, or everything, to be indexed again in the background; the job's number. A
    /// job that is not begun yet serves as well.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn reindex(&self, permit: Permit, ty: Option<ResourceType>) -> Result<u64, Outcome> {
        let number = self.commit(permit, Ask(ty)).await?;
        self.wake().notify_one();
        Ok(number)
    }

    /// The latest jobs, newest first; or the one of this number.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn reindex_jobs(
        &self,
        _permit: &Permit,
        number: Option<u64>,
    ) -> Result<Vec<Job>, Outcome> {
        let columns = "select job, type, done, total, started, finished from reindex_job";
        let statement = match number {
            Some(number) => ask(
                &format!("{columns} where job = ?"),
                [i64::try_from(number).unwrap_or(-1).into()],
            ),
            None => ask(&format!("{columns} order by job desc limit 100"), []),
        };
        Ok(self.rows(statement).await?.iter().map(Job::of).collect())
    }

    /// How many resources were indexed for a parameter that cannot be asked for yet, of how many, as far as this
    /// process knows.
    pub fn indexed_so_far(&self, param: ParamId) -> Option<(u64, Option<u64>)> {
        self.progress().of(param)
    }

    /// The search parameters that cannot be asked for yet.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn parameters_being_indexed(
        &self,
        _permit: &Permit,
    ) -> Result<Vec<Building>, Outcome> {
        let statement = ask(
            "select id, type, code, done, total from search_parameter where state = 1 order by p",
            [],
        );
        Ok(self.rows(statement).await?.iter().filter_map(Building::of).collect())
    }
}

impl Job {
    fn of(row: &Row) -> Self {
        let instant = Instant::from_millis;
        Self {
            number: natural(row.integer(0)).unwrap_or(0),
            ty: resource_type(row.integer(1)),
            done: natural(row.integer(2)).unwrap_or(0),
            total: natural(row.integer(3)),
            started: instant(row.integer(4)),
            finished: row.some_integer(5).map(instant),
        }
    }
}

impl Building {
    fn of(row: &Row) -> Option<Self> {
        Some(Self {
            id: row.text(0).to_owned(),
            ty: resource_type(row.integer(1))?,
            code: row.text(2).to_owned(),
            done: natural(row.integer(3)).unwrap_or(0),
            total: natural(row.integer(4)),
        })
    }
}

fn resource_type(number: i64) -> Option<ResourceType> {
    u8::try_from(number).ok().and_then(ResourceType::from_number)
}

/// Negative: not counted yet.
fn natural(number: i64) -> Option<u64> {
    u64::try_from(number).ok()
}

/// Adds a job.
#[derive(Debug)]
struct Ask(Option<ResourceType>);

impl Work for Ask {
    type Answer = u64;

    fn locks(&self) -> Vec<Lock> {
        // so that two of them do not take one number
        vec![Lock::Parameters]
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, Outcome> {
        let look = ask(
            "select job from reindex_job where type = ? and from_res = 0 and finished is null",
            [number_of(self.0).into()],
        );
        match tx.rows(&look).await?.first() {
            Some(waiting) => Ok(natural(waiting.integer(0)).unwrap_or(0)),
            None => insert(tx, self.0).await,
        }
    }
}

fn number_of(ty: Option<ResourceType>) -> i64 {
    ty.map_or(0, |ty| i64::from(ty.number()))
}

/// Adds a job; its number.
pub(super) async fn insert(tx: &mut Tx<'_>, ty: Option<ResourceType>) -> Result<u64, Outcome> {
    let last = tx.rows(&ask("select coalesce(max(job), 0) from reindex_job", [])).await?;
    let number = last.first().map_or(0, |row| row.integer(0)) + 1;
    let insert = ask(
        "insert into reindex_job (job, type, from_res, done, total, started, generation)
         values (?, ?, 0, 0, -1, ?, ?)",
        [
            number.into(),
            number_of(ty).into(),
            tx.now().millis().into(),
            i64::from(setting::INDEX_GENERATION).into(),
        ],
    );
    tx.execute(&insert).await?;
    Ok(natural(number).unwrap_or(0))
}
