//! What a search needs of a database.

use auth::{Action, Permit};
use fhir_model::Outcome;
use search::{Filter, Plan, Subject};

use crate::gate;

use super::{
    Version,
    effort::Effort,
    left::Verdicts,
    position::{Commit, Route, SortValue},
    statement::{Sql, Statement},
};

/// Which SQL it speaks, where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// An index table, of which the rows of one resource are looked up. SQLite would rather walk along values where
    /// the least of them is wanted.
    pub(super) fn by_resource(self, table: &str, row: &str) -> String {
        match self {
            Self::Sqlite => format!("{table} {row} indexed by {table}_forward"),
            Self::Postgres => format!("{table} {row}"),
        }
    }
}

/// The column after those of [`super::Columns`] where what is contained is shown.
pub(crate) const FOUND: &str = "found";

/// A version with what it is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) version: Version,
    /// What was found: the resource, or one that it contains.
    pub(crate) res: i64,
    pub(crate) values: Vec<SortValue>,
}

/// How a database runs a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Its plan, a step a line.
    pub(crate) plan: String,
    /// How much it did: rows looked at, of SQLite steps of its machine.
    pub(crate) work: u64,
}

impl Found {
    /// A contained resource is named by `[type]/[id]#[its own id]`.
    pub(crate) fn new(
        version: Version,
        (found, contained): (Option<i64>, Option<&str>),
        values: Vec<SortValue>,
    ) -> Self {
        let local = contained.and_then(|name| name.split_once('#')).map(|(_, id)| id.to_owned());
        let res = found.unwrap_or(version.res);
        Self { version: Version { contained: local, ..version }, res, values }
    }
}

/// A database, or a transaction on it. All questions of one search see the same snapshot, where that matters.
pub(crate) trait Ask {
    /// Which SQL.
    fn dialect(&self) -> Dialect;

    /// How much is looked at to choose a way.
    fn effort(&self) -> Effort {
        Effort::default()
    }

    /// The number of a system, if it is remembered.
    fn known_system(&self, _uri: &str) -> Option<i64> {
        None
    }

    /// Remembers the number of a system.
    fn learn_system(&self, _uri: &str, _number: i64) {}

    /// The way that was chosen for a search a moment ago, if it is remembered.
    fn known_way(&self, _plan: &Plan) -> Option<Route> {
        None
    }

    /// Remembers the way that was chosen for a search.
    fn learn_way(&self, _plan: &Plan, _route: &Route) {}

    /// The last commit that what is asked can see; not older than what anybody was told of before.
    fn last_commit(&self) -> Commit;

    /// Whether it is remembered for a moment what other resources say of a patient.
    fn remembers(&self) -> bool {
        false
    }

    /// Whether a filter that stands at a place of what the permit says for an action holds of something.
    async fn vouches(
        &mut self,
        _who: (&Permit, Action),
        (filter, of, place): (&Filter, Subject<'_>, u64),
    ) -> Result<bool, Outcome>
    where
        Self: Sized,
    {
        gate::looked(filter, (of, place), self, None).await
    }

    /// What came of conditions for versions, of which it is remembered.
    fn verdicts(&self) -> Option<&Verdicts> {
        None
    }

    /// Columns `seen` and `told` that the statement of a page has besides: what was committed since others said what is
    /// remembered. Whoever asks for the page takes it in.
    fn heard(&self) -> Option<Sql> {
        None
    }

    /// Whether all that was vouched for still held when the page was looked at. If not, it is to be asked anew.
    fn still_holds(&mut self) -> bool {
        true
    }

    /// The rows of a statement whose columns are two whole numbers.
    async fn numbers(&mut self, statement: &Statement) -> Result<Vec<(i64, i64)>, Outcome>;

    /// The rows of a statement whose columns are those of [`super::Columns`]; then, where what is contained is shown, of
    /// such a resource its number, as [`FOUND`], and its name; then the sort values.
    async fn found(&mut self, statement: &Statement) -> Result<Vec<Found>, Outcome>;

    /// The same, of a [`super::guess`] that is worth so many of SQLite's steps; `None` when it was wrong.
    async fn guessed(&mut self, _: &Statement, _steps: u64) -> Result<Option<Vec<Found>>, Outcome> {
        Ok(None)
    }

    /// Runs a statement and says how.
    async fn explained(&mut self, statement: &Statement) -> Result<Shown, Outcome>;
}
