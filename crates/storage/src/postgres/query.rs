//! Statements run, rows read.

use std::{collections::BTreeSet, sync::Arc};

use auth::{Action, Permit};
use fhir_model::Outcome;
use sea_orm::sqlx::{self, Column as _, PgConnection, Row as _, TypeInfo as _, postgres::PgRow};
use search::{Filter, Plan, Subject};

use super::{Again, Shared, news, numbers, trouble};
use crate::find::{
    Columns, Version,
    ask::{Ask, Dialect, FOUND, Found, Shown},
    effort::Effort,
    left::Verdicts,
    position::{Commit, Route, SortValue},
    statement::{Bind, Sql, Statement},
};
use crate::{
    gate,
    totals::Stamp,
    vouched::{self, Asking, Before},
};

/// How much the clocks of two servers may differ.
const SKEW_MAX_MS: i64 = 60_000;

/// Whom a search asks.
#[derive(Debug)]
pub(super) struct Asked<'c> {
    connection: &'c mut PgConnection,
    shared: &'c Shared,
    last_commit: Commit,
    /// Whether what failed may go well when the transaction starts again.
    pub(super) again: Again,
    /// `None` in a transaction that sees what is not committed.
    memory: Option<Memory>,
}

/// What others said a moment ago, as far as a page relies on it. The statement of the page hears what was committed up to
/// its own snapshot; where nothing was of the types that were looked at, all of it holds on that snapshot.
#[derive(Debug)]
struct Memory {
    /// Drawn before any of it was asked for, and before the snapshot if there is one for all statements.
    before: Before,
    /// The snapshot up to which had been heard.
    since: Arc<str>,
    /// The types that were looked at.
    types: BTreeSet<u8>,
    snapshots: Snapshots,
}

/// On what the statements of a search look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Snapshots {
    /// Each on what is committed when it begins.
    OneEach,
    /// All on the same.
    One,
}

impl<'c> Asked<'c> {
    pub(super) fn new(connection: &'c mut PgConnection, shared: &'c Shared) -> Self {
        let number = shared.numbers.next();
        let last_commit = Commit { number, time: numbers::time(number) - SKEW_MAX_MS };
        Self { connection, shared, last_commit, again: Again::No, memory: None }
    }

    /// The same with what others said a moment ago, for who sees only what is committed and has asked nothing yet.
    pub(super) fn remembering(self, snapshots: Snapshots) -> Self {
        let news = &self.shared.news;
        let (before, since) = (news.changes.before(), news.until());
        let memory = Some(Memory { before, since, types: BTreeSet::new(), snapshots });
        Self { memory, ..self }
    }

    /// Hears what the statement of a page told besides; how many columns come before that. A page without rows tells
    /// nothing, and need not: what is empty without the permit's condition is empty with it.
    fn heard_with(&self, rows: &[PgRow]) -> Result<usize, sqlx::Error> {
        let Some(first) = rows.first() else { return Ok(0) };
        let columns = first.len();
        let has_told = columns > 2 && first.column(columns - 1).name() == "told";
        let Some(memory) = self.memory.as_ref().filter(|_| has_told) else { return Ok(columns) };
        self.shared.news.hear(&memory.since, (first, columns - 2))?;
        Ok(columns - 2)
    }

    /// What is visible now: equal snapshots see the same, whichever process wrote it.
    pub(super) async fn stamp(&mut self) -> Result<Stamp, Outcome> {
        let seen = sqlx::query_scalar("select cast(pg_current_snapshot() as text)");
        let seen: Result<String, _> = seen.fetch_one(&mut *self.connection).await;
        seen.map(|seen| Stamp(seen.into())).map_err(|error| trouble(&error))
    }

    async fn rows(&mut self, statement: &Statement) -> Result<Vec<PgRow>, Outcome> {
        statement.check()?;
        let rows = bound(statement).fetch_all(&mut *self.connection).await;
        rows.map_err(|error| {
            self.again = Again::after(&error);
            trouble(&error)
        })
    }
}

impl Ask for Asked<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn effort(&self) -> Effort {
        self.shared.effort.now()
    }

    fn known_system(&self, uri: &str) -> Option<i64> {
        self.shared.names.system(Some(uri)).map(i64::from)
    }

    fn learn_system(&self, uri: &str, number: i64) {
        self.shared.names.learn_system(uri, number);
    }

    fn known_way(&self, plan: &Plan) -> Option<Route> {
        self.shared.ways.of(plan)
    }

    fn learn_way(&self, plan: &Plan, route: &Route) {
        self.shared.ways.learn(plan, route);
    }

    fn remembers(&self) -> bool {
        self.memory.is_some()
    }

    async fn vouches(
        &mut self,
        (permit, action): (&Permit, Action),
        (filter, of, place): (&Filter, Subject<'_>, u64),
    ) -> Result<bool, Outcome> {
        let shared = self.shared;
        let news = &shared.news;
        let (changes, answers) = (&news.changes, &news.answers);
        let asking = permit.principal().map(|who| Asking { who, action, changes, answers });
        // not while others are looked at
        let mut memory = self.memory.take();
        if let Some(memory) = &mut memory {
            vouched::looked_at(filter, &mut memory.types);
        }
        let asking = asking.as_ref().zip(memory.as_ref().map(|memory| &memory.before));
        let holds = gate::looked(filter, (of, place), self, asking).await;
        self.memory = memory;
        holds
    }

    fn verdicts(&self) -> Option<&Verdicts> {
        self.memory.as_ref().map(|_| &self.shared.news.answers.verdicts)
    }

    fn heard(&self) -> Option<Sql> {
        let relying = self.memory.as_ref().filter(|memory| !memory.types.is_empty());
        relying.map(|memory| news::in_rows(&memory.since))
    }

    fn still_holds(&mut self) -> bool {
        let news = &self.shared.news;
        let Some(memory) = &mut self.memory else { return true };
        let holds = news.changes.are_as(&memory.before, &memory.types);
        if memory.snapshots == Snapshots::OneEach {
            (memory.before, memory.since) = (news.changes.before(), news.until());
        }
        memory.types.clear();
        holds
    }

    fn last_commit(&self) -> Commit {
        self.last_commit
    }

    async fn numbers(&mut self, statement: &Statement) -> Result<Vec<(i64, i64)>, Outcome> {
        let pair = |row: &PgRow| Ok((row.try_get(0)?, row.try_get(1)?));
        let rows = self.rows(statement).await?;
        rows.iter().map(pair).collect::<Result<_, sqlx::Error>>().map_err(|error| trouble(&error))
    }

    async fn found(&mut self, statement: &Statement) -> Result<Vec<Found>, Outcome> {
        let rows = self.rows(statement).await?;
        let columns = self.heard_with(&rows).map_err(|error| trouble(&error))?;
        let layout = Layout::of(&rows, columns);
        rows.iter().map(|row| layout.found(row)).collect()
    }

    async fn guessed(
        &mut self,
        statement: &Statement,
        _: u64,
    ) -> Result<Option<Vec<Found>>, Outcome> {
        let rows = self.rows(statement).await?;
        let columns = self.heard_with(&rows).map_err(|error| trouble(&error))?;
        let layout = Layout::of(&rows, columns);
        let mut all = Vec::with_capacity(rows.len());
        for row in &rows {
            let number: Option<i64> = cell(row, 0).map_err(|error| trouble(&error))?;
            if number.is_none() {
                return Ok(None);
            }
            all.push(layout.found(row)?);
        }
        Ok(Some(all))
    }

    async fn explained(&mut self, statement: &Statement) -> Result<Shown, Outcome> {
        let explain = Statement {
            sql: format!("explain (analyze, timing off, summary off) {}", statement.sql),
            binds: statement.binds.clone(),
        };
        let rows = self.rows(&explain).await?;
        let lines = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>();
        let lines = lines.map_err(|error| trouble(&error))?;
        Ok(Shown {
            work: lines.iter().filter_map(|line| looked_at(line)).sum(),
            plan: lines.join("\n"),
        })
    }
}

/// The rows that a step of a plan gave or threw away: `(actual rows=3 loops=2)`, `Rows Removed by Filter: 5`.
fn looked_at(line: &str) -> Option<u64> {
    let number = |text: &str| -> Option<u64> {
        text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
    };
    if let Some((_, removed)) = line.split_once("Rows Removed by Filter: ") {
        return number(removed);
    }
    // steps above others only pass rows on
    let (step, actual) = line.split_once("(actual rows=")?;
    let (_, loops) = actual.split_once("loops=")?;
    if step.contains("Scan") { Some(number(actual)? * number(loops)?) } else { None }
}

/// The statement with its values.
pub(super) fn bound(
    statement: &Statement,
) -> sqlx::query::Query<'_, sqlx::Postgres, sqlx::postgres::PgArguments> {
    let query = sqlx::query(sqlx::AssertSqlSafe(statement.sql.clone()));
    statement.binds.iter().fold(query, |query, bind| match bind {
        Bind::Integer(value) => query.bind(*value),
        Bind::Real(value) => query.bind(*value),
        Bind::Text(value) => query.bind(value.as_str()),
    })
}

/// The columns of [`Columns`].
pub(super) fn version(row: &PgRow) -> Result<Version, Outcome> {
    columns(row).map_err(|error| trouble(&error))?.version()
}

fn columns(row: &PgRow) -> Result<Columns<'_>, sqlx::Error> {
    Ok(Columns {
        res: cell(row, 0)?,
        resource_type: i64::from(cell::<i16>(row, 1)?),
        id: cell(row, 2)?,
        version: i64::from(cell::<i32>(row, 3)?),
        updated: cell(row, 4)?,
        method: i64::from(cell::<i16>(row, 5)?),
        body: cell(row, 6)?,
    })
}

/// A column of a page's rows. That the statement gives this type is not asked of each of them: it was the costly half of reading.
fn cell<'r, T>(row: &'r PgRow, column: usize) -> Result<T, sqlx::Error>
where
    T: sqlx::Decode<'r, sqlx::Postgres>,
{
    row.try_get_unchecked(column)
}

/// What lies where in the rows of [`Ask::found`].
struct Layout {
    shows_contained: bool,
    sorted_by: Vec<(usize, Kind)>,
}

/// Of a sort value.
#[derive(Clone, Copy)]
enum Kind {
    Integer,
    Real,
    Text,
}

impl Layout {
    /// So many columns of each row are read.
    fn of(rows: &[PgRow], columns: usize) -> Self {
        let Some(row) = rows.first() else {
            return Self { shows_contained: false, sorted_by: Vec::new() };
        };
        let shows_contained = columns > 8 && row.column(7).name() == FOUND;
        let kind = |column| match row.column(column).type_info().name() {
            "INT8" => Kind::Integer,
            "FLOAT8" => Kind::Real,
            _ => Kind::Text,
        };
        let first = if shows_contained { 9 } else { 7 };
        let sorted_by = (first..columns).map(|column| (column, kind(column))).collect();
        Self { shows_contained, sorted_by }
    }

    fn found(&self, row: &PgRow) -> Result<Found, Outcome> {
        let read = || -> Result<_, sqlx::Error> {
            let contained =
                if self.shows_contained { (cell(row, 7)?, cell(row, 8)?) } else { (None, None) };
            let mut values = Vec::with_capacity(self.sorted_by.len());
            for (column, kind) in &self.sorted_by {
                values.push(sort_value(row, *column, *kind)?);
            }
            Ok((columns(row)?, contained, values))
        };
        let (columns, contained, values) = read().map_err(|error| trouble(&error))?;
        Ok(Found::new(columns.version()?, contained, values))
    }
}

fn sort_value(row: &PgRow, column: usize, kind: Kind) -> Result<SortValue, sqlx::Error> {
    let value = match kind {
        Kind::Integer => cell::<Option<_>>(row, column)?.map(SortValue::Integer),
        Kind::Real => cell::<Option<_>>(row, column)?.map(SortValue::Real),
        Kind::Text => cell::<Option<_>>(row, column)?.map(SortValue::Text),
    };
    Ok(value.unwrap_or(SortValue::Missing))
}
