//! All lines of a transaction in one statement: a round trip, whatever their number.

use std::fmt::Write as _;

use sea_orm::sqlx::{self, PgConnection, Row as _};

use super::columns::{Columns, Table, WORDS};

/// The words of resources, in parallel: `res`, and their numbers with blanks between them.
#[derive(Debug, Default)]
pub(super) struct WordColumns {
    pub(super) res: Vec<i64>,
    pub(super) words: Vec<String>,
}

/// Whether lines that come may be there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// No. If they are all the same, the statement fails, and the transaction starts again and asks for
    /// [`Lines::MayBeThere`].
    AreNew,
    /// Then they stay. To ask costs the database nearly as much again as the insertion.
    MayBeThere,
}

/// Adds lines, and all words of resources in the place of old ones. Tells the epoch of the search parameters that lines are to
/// be made by: in the same statement, so that it costs nothing.
pub(super) async fn add(
    connection: &mut PgConnection,
    (columns, words): (&Columns, &WordColumns),
    lines: Lines,
) -> Result<u64, sqlx::Error> {
    let conflict = match lines {
        Lines::AreNew => "",
        Lines::MayBeThere => " on conflict do nothing",
    };
    let mut statement = Statement::new();
    for table in columns.tables.iter().filter(|table| table.len > 0) {
        let (names, arrays) = (names(table, ""), statement.arrays(table));
        statement.part(&format!(
            "insert into {} ({names}) select * from unnest({arrays}){conflict}",
            table.name
        ));
    }
    let number = statement.binds;
    if !words.res.is_empty() {
        statement.part(&format!(
            "insert into idx_word_of (res, words)
             select res, string_to_array(words, ' ')::bigint[]
             from   unnest(${}::bigint[], ${}::text[]) as o (res, words)
             on conflict (res) do update set words = excluded.words",
            number + 1,
            number + 2
        ));
    }
    let mut query = sqlx::query(sqlx::AssertSqlSafe(statement.finish_with(EPOCH)));
    for table in columns.tables.iter().filter(|table| table.len > 0) {
        query = table.columns.iter().fold(query, |query, (_, cells)| cells.bind(query));
    }
    if !words.res.is_empty() {
        query = query.bind(&words.res).bind(&words.words);
    }
    let epoch: String = query.fetch_one(connection).await?.try_get(0)?;
    Ok(epoch.parse().unwrap_or(0))
}

const EPOCH: &str = "select value from setting where name = 'parameter_epoch'";

/// Takes lines out.
pub(super) async fn remove(
    connection: &mut PgConnection,
    columns: &Columns,
) -> Result<(), sqlx::Error> {
    let mut statement = Statement::new();
    for table in columns.tables.iter().filter(|table| table.len > 0) {
        let (own, old, arrays) = (names(table, "i."), names(table, "o."), statement.arrays(table));
        statement.part(&format!(
            "delete from {} i using unnest({arrays}) as o ({}) where ({own}) = ({old})",
            table.name,
            names(table, "")
        ));
    }
    if statement.parts == 0 {
        return Ok(());
    }
    let mut query = sqlx::query(sqlx::AssertSqlSafe(statement.finish()));
    for table in columns.tables.iter().filter(|table| table.len > 0) {
        query = table.columns.iter().fold(query, |query, (_, cells)| cells.bind(query));
    }
    query.execute(connection).await.map(drop)
}

/// Takes out every line of these resources and of what they contain, and what they contain.
pub(super) async fn remove_all(
    connection: &mut PgConnection,
    of: &[i64],
) -> Result<(), sqlx::Error> {
    let contained: Vec<i64> =
        sqlx::query_scalar("select res from resource where container = any($1)")
            .bind(of)
            .fetch_all(&mut *connection)
            .await?;
    let mut statement = Statement::new();
    for table in &Columns::default().tables {
        // nothing else leads from a resource to its words
        statement.part(&if table.name == WORDS {
            "delete from idx_word i using idx_word_of w, unnest(w.words) as o (word)
             where w.res = any($1) and i.word = o.word and i.res = w.res"
                .to_owned()
        } else {
            format!("delete from {} where res = any($1)", table.name)
        });
    }
    statement.part("delete from idx_word_of where res = any($1)");
    statement.part("delete from resource where res = any($2)");
    let every: Vec<i64> = of.iter().chain(&contained).copied().collect();
    let query = sqlx::query(sqlx::AssertSqlSafe(statement.finish())).bind(every).bind(contained);
    query.execute(connection).await.map(drop)
}

/// Forgets which words these resources had.
pub(super) async fn forget_words(
    connection: &mut PgConnection,
    of: &[i64],
) -> Result<(), sqlx::Error> {
    if of.is_empty() {
        return Ok(());
    }
    let query = sqlx::query("delete from idx_word_of where res = any($1)").bind(of);
    query.execute(connection).await.map(drop)
}

fn names(table: &Table, prefix: &str) -> String {
    let names: Vec<String> =
        table.columns.iter().map(|(name, _)| format!("{prefix}{name}")).collect();
    names.join(", ")
}

/// Several statements in one: `with a as (...), b as (...) select`.
struct Statement {
    sql: String,
    parts: usize,
    binds: usize,
}

impl Statement {
    fn new() -> Self {
        Self { sql: "-- each array is a column\n".to_owned(), parts: 0, binds: 0 }
    }

    fn part(&mut self, sql: &str) {
        let open = if self.parts == 0 { "with" } else { "," };
        // writing to a string never fails
        write!(self.sql, "{open} part_{} as (\n  {sql}\n)", self.parts).unwrap_or_default();
        self.parts += 1;
    }

    /// `$1::int[], $2::text[], ...`
    fn arrays(&mut self, table: &Table) -> String {
        let mut arrays = Vec::with_capacity(table.columns.len());
        for (_, cells) in &table.columns {
            self.binds += 1;
            arrays.push(format!("${}::{}", self.binds, cells.ty()));
        }
        arrays.join(", ")
    }

    fn finish(self) -> String {
        self.finish_with("select 1")
    }

    fn finish_with(mut self, last: &str) -> String {
        self.sql.push('\n');
        self.sql.push_str(last);
        self.sql
    }
}
