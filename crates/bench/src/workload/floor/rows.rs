//! All rows of a server's `SQLite` file in memory, in the groups in which they were committed.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

use crate::fault::Fault;

/// A database taken apart.
#[derive(Debug)]
pub(crate) struct Rows {
    /// `create` statements in their order.
    pub(crate) schema: Vec<String>,
    pub(crate) page_size: i64,
    /// One `insert` statement a table.
    pub(crate) inserts: Vec<String>,
    /// By commit number; 0 holds the rows that belong to no resource.
    pub(crate) commits: BTreeMap<i64, Vec<Row>>,
    /// Current versions of resources.
    pub(crate) resources: usize,
    pub(crate) count: usize,
}

#[derive(Debug)]
pub(crate) struct Row {
    /// Position in [`Rows::inserts`].
    pub(crate) table: usize,
    pub(crate) values: Vec<Value>,
}

/// The number of the resource that a row belongs to.
const RESOURCE_COLUMN: &str = "res";
/// The commit that wrote a version.
const COMMIT_COLUMN: &str = "commit_no";
const RESOURCE_TABLE: &str = "resource";
const NO_COMMIT: i64 = 0;

impl Rows {
    pub(crate) fn read(database: &Path) -> Result<Self, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(database, flags)?;
        let (schema, tables) = schema(&connection)?;
        let commit_of = commits_of_resources(&connection)?;
        let mut rows = Self {
            schema,
            page_size: connection.query_row("pragma page_size", [], |row| row.get(0))?,
            inserts: Vec::new(),
            commits: BTreeMap::new(),
            resources: commit_of.len(),
            count: 0,
        };
        for table in &tables {
            rows.read_table(&connection, table, &commit_of)?;
        }
        Ok(rows)
    }

    fn read_table(
        &mut self,
        connection: &Connection,
        table: &str,
        commit_of: &BTreeMap<i64, i64>,
    ) -> Result<(), Fault> {
        let mut select = connection.prepare(&format!("select * from \"{table}\""))?;
        let columns: Vec<String> = select.column_names().into_iter().map(str::to_owned).collect();
        let position = |name: &str| columns.iter().position(|column| column == name);
        let (resource_at, commit_at) = (position(RESOURCE_COLUMN), position(COMMIT_COLUMN));
        let places = vec!["?"; columns.len()].join(", ");
        let number = self.inserts.len();
        self.inserts.push(format!("insert into \"{table}\" values ({places})"));
        let mut found = select.query([])?;
        while let Some(row) = found.next()? {
            let commit = match (commit_at, resource_at) {
                (Some(at), _) => row.get(at)?,
                (None, Some(at)) => {
                    let resource: i64 = row.get(at)?;
                    commit_of.get(&resource).copied().unwrap_or(NO_COMMIT)
                }
                (None, None) => NO_COMMIT,
            };
            let values = (0..columns.len()).map(|at| row.get(at)).collect::<Result<_, _>>()?;
            self.commits.entry(commit).or_default().push(Row { table: number, values });
            self.count += 1;
        }
        Ok(())
    }
}

/// The statements of the schema, and the names of its tables.
fn schema(connection: &Connection) -> Result<(Vec<String>, Vec<String>), Fault> {
    let mut select = connection.prepare(
        "-- what a fresh database needs, tables before their indexes
         select type, name, sql
         from   sqlite_master
         where  sql is not null
           and  name not like 'sqlite_%'
         order  by type <> 'table', rowid",
    )?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let (mut schema, mut tables) = (Vec::new(), Vec::new());
    for row in rows {
        let (kind, name, sql): (String, String, String) = row?;
        if sql.to_ascii_lowercase().starts_with("create virtual") {
            // its rows lie in tables beside it, which are replayed like the others
            continue;
        }
        if kind == "table" {
            tables.push(name);
        }
        schema.push(sql);
    }
    Ok((schema, tables))
}

fn commits_of_resources(connection: &Connection) -> Result<BTreeMap<i64, i64>, Fault> {
    let mut select = connection.prepare(&format!(
        "select {RESOURCE_COLUMN}, {COMMIT_COLUMN} from {RESOURCE_TABLE} where version > 0"
    ))?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
