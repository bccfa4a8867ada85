//! Lines of the index tables turned by ninety degrees: an array a column, as `unnest` takes them.

use std::collections::BTreeMap;

use fhir_model::{IssueType, Outcome, ResourceType};
use sea_orm::sqlx;
use search::WordRow;

use super::names::Names;
use crate::{
    delta::{IndexDelta, Removed},
    index::{Line, Owner, Tables, lines},
    words,
};

/// Resources by key.
pub(super) type Known = BTreeMap<(ResourceType, String), i64>;

/// The cells of a column.
#[derive(Debug)]
pub(super) enum Cells {
    Integer(Vec<i32>),
    Long(Vec<i64>),
    Real(Vec<f64>),
    Text(Vec<String>),
}

/// An index table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: Vec<(&'static str, Cells)>,
    pub(super) len: usize,
}

/// No index leads from a resource to its words: `idx_word_of` does.
pub(super) const WORDS: &str = "idx_word";

/// All lines of a transaction, by table.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) tables: [Table; 11],
}

/// Gathers lines; everything they name must be known.
pub(super) struct Gathering<'a> {
    pub(super) columns: Columns,
    pub(super) known: &'a Known,
    pub(super) names: &'a Names,
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

impl Cells {
    /// The array's type.
    pub(super) fn ty(&self) -> &'static str {
        match self {
            Self::Integer(_) => "int[]",
            Self::Long(_) => "bigint[]",
            Self::Real(_) => "float8[]",
            Self::Text(_) => "text[]",
        }
    }

    pub(super) fn bind<'q>(&'q self, query: Query<'q>) -> Query<'q> {
        match self {
            Self::Integer(cells) => query.bind(cells),
            Self::Long(cells) => query.bind(cells),
            Self::Real(cells) => query.bind(cells),
            Self::Text(cells) => query.bind(cells),
        }
    }

    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Integer(cells), Cell::Integer(cell)) => cells.push(cell),
            (Self::Long(cells), Cell::Long(cell)) => cells.push(cell),
            (Self::Real(cells), Cell::Real(cell)) => cells.push(cell),
            (Self::Text(cells), Cell::Text(cell)) => cells.push(cell.to_owned()),
            (Self::Integer(_) | Self::Long(_) | Self::Real(_) | Self::Text(_), _) => {
                debug_assert!(false, "a cell of another type");
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Cell<'c> {
    Integer(i32),
    Long(i64),
    Real(f64),
    Text(&'c str),
}

fn integer() -> Cells {
    Cells::Integer(Vec::new())
}

fn long() -> Cells {
    Cells::Long(Vec::new())
}

fn real() -> Cells {
    Cells::Real(Vec::new())
}

fn text() -> Cells {
    Cells::Text(Vec::new())
}

impl Default for Columns {
    fn default() -> Self {
        let table = |name, mut columns: Vec<(&'static str, Cells)>| {
            columns.push(("res", long()));
            Table { name, columns, len: 0 }
        };
        let p = || ("p", integer());
        Self {
            tables: [
                table("idx_token", vec![p(), ("code", text()), ("sys", integer())]),
                table("idx_reference", vec![p(), ("target", long())]),
                table("idx_date", vec![p(), ("lo", long()), ("hi", long())]),
                table("idx_string", vec![p(), ("folded", text()), ("exact", text())]),
                table("idx_number", vec![p(), ("value", real())]),
                table(
                    "idx_quantity",
                    vec![
                        p(),
                        ("value", real()),
                        ("code", text()),
                        ("sys", integer()),
                        ("unit", text()),
                    ],
                ),
                table("idx_uri", vec![p(), ("uri", text()), ("version", text())]),
                table("idx_present", vec![p()]),
                table("idx_position", vec![p(), ("x", real()), ("y", real()), ("z", real())]),
                table("idx_suffix", vec![p(), ("suffix", text())]),
                table(WORDS, vec![("word", long())]),
            ],
        }
    }
}

impl Columns {
    fn push(&mut self, table: usize, cells: &[Cell<'_>]) {
        let Some(table) = self.tables.get_mut(table) else { return };
        debug_assert_eq!(table.columns.len(), cells.len(), "{}", table.name);
        for ((_, column), cell) in table.columns.iter_mut().zip(cells) {
            column.push(*cell);
        }
        table.len += 1;
    }
}

impl<'a> Gathering<'a> {
    pub(super) fn new(known: &'a Known, names: &'a Names) -> Self {
        Self { columns: Columns::default(), known, names }
    }

    /// The lines that come.
    pub(super) fn coming(
        &mut self,
        (ty, res): (ResourceType, i64),
        delta: &IndexDelta,
    ) -> Result<(), Outcome> {
        let root = &delta.root;
        lines(self, Owner { res, root, is_contained: false }, &delta.added)?;
        self.words((ty, res), &delta.added.words);
        for one in &delta.contained {
            let Some(rows) = &one.added else { continue };
            let res = self.local(one.ty, &one.id)?;
            lines(self, Owner { res, root, is_contained: true }, rows)?;
        }
        Ok(())
    }

    /// The lines that go.
    pub(super) fn going(
        &mut self,
        (ty, res): (ResourceType, i64),
        delta: &IndexDelta,
    ) -> Result<(), Outcome> {
        let root = &delta.root;
        if let Removed::Rows(rows) = &delta.removed {
            lines(self, Owner { res, root, is_contained: false }, rows)?;
            self.words((ty, res), &rows.words);
        }
        for one in &delta.contained {
            let Some(res) = self.contained(one.ty, &one.id)? else { continue };
            lines(self, Owner { res, root, is_contained: true }, &one.removed)?;
        }
        Ok(())
    }
}

impl Gathering<'_> {
    fn words(&mut self, (ty, res): (ResourceType, i64), rows: &[WordRow]) {
        for row in rows {
            let word = words::number(ty, row.scope, &row.word);
            self.columns.push(10, &[Cell::Long(word), Cell::Long(res)]);
        }
    }
}

impl Tables for Gathering<'_> {
    type Error = Outcome;

    fn system(&mut self, uri: Option<&str>) -> Result<i32, Outcome> {
        self.names.system(uri).ok_or_else(fault)
    }

    fn composite_key(&mut self, p: i32, code: &str, sys: i32) -> Result<i32, Outcome> {
        self.names.composite_key(p, sys, code).ok_or_else(fault)
    }

    fn local(&mut self, ty: ResourceType, id: &str) -> Result<i64, Outcome> {
        self.known.get(&(ty, id.to_owned())).copied().ok_or_else(fault)
    }

    fn contained(&mut self, ty: ResourceType, id: &str) -> Result<Option<i64>, Outcome> {
        Ok(self.known.get(&(ty, id.to_owned())).copied())
    }

    fn line(&mut self, res: i64, line: Line<&str>) -> Result<(), Outcome> {
        use Cell::{Integer, Long, Real, Text};
        let res = Long(res);
        let columns = &mut self.columns;
        match line {
            Line::Token { p, code, sys } => {
                columns.push(0, &[Integer(p), Text(code), Integer(sys), res]);
            }
            Line::Reference { p, target } => columns.push(1, &[Integer(p), Long(target), res]),
            Line::Date { p, lo, hi } => columns.push(2, &[Integer(p), Long(lo), Long(hi), res]),
            Line::String { p, folded, exact } => {
                columns.push(3, &[Integer(p), Text(folded), Text(exact), res]);
            }
            Line::Number { p, value } => columns.push(4, &[Integer(p), Real(value), res]),
            Line::Quantity { p, value, code, sys, unit } => columns
                .push(5, &[Integer(p), Real(value), Text(code), Integer(sys), Text(unit), res]),
            Line::Uri { p, uri, version } => {
                columns.push(6, &[Integer(p), Text(uri), Text(version), res]);
            }
            Line::Present { p } => columns.push(7, &[Integer(p), res]),
            Line::Position { p, x, y, z } => {
                columns.push(8, &[Integer(p), Real(x), Real(y), Real(z), res]);
            }
            Line::Suffix { p, suffix } => columns.push(9, &[Integer(p), Text(suffix), res]),
        }
        Ok(())
    }
}

/// The dictionaries were full meanwhile and began afresh, or it is a fault of ours.
fn fault() -> Outcome {
    Outcome::new(IssueType::Exception, "An index row has no number")
}
