//! Rows of the vault's own small tables, the same from both databases.

use crate::find::statement::{Bind, Statement};

/// A statement; each `?` is the next of the values.
pub(crate) fn ask<const N: usize>(sql: &str, values: [Bind; N]) -> Statement {
    let mut pieces = sql.split('?');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for (n, piece) in (1..).zip(pieces) {
        text.push('$');
        text.push_str(&u32::to_string(&n));
        text.push_str(piece);
    }
    Statement { sql: text, binds: values.into() }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row(pub(crate) Vec<Cell>);

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Integer(i64),
    Text(String),
    Null,
}

impl Row {
    /// The number in a column; 0 when there is none.
    pub(crate) fn integer(&self, column: usize) -> i64 {
        self.some_integer(column).unwrap_or(0)
    }

    /// The number in a column that may be null.
    pub(crate) fn some_integer(&self, column: usize) -> Option<i64> {
        match self.0.get(column) {
            Some(Cell::Integer(value)) => Some(*value),
            Some(Cell::Text(_) | Cell::Null) | None => None,
        }
    }

    /// The text in a column; empty when there is none.
    pub(crate) fn text(&self, column: usize) -> &str {
        match self.0.get(column) {
            Some(Cell::Text(value)) => value,
            Some(Cell::Integer(_) | Cell::Null) | None => "",
        }
    }
}
