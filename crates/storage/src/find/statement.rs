//! A search plan as one SQL statement, the same text for both databases.

use search::{Direction, Plan, SortKey};

use super::{Position, Turn, condition};

/// A statement and what it binds, `$1` first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) binds: Vec<Bind>,
}

/// A bound value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bind {
    Integer(i64),
    Real(f64),
    Text(String),
}

impl From<i64> for Bind {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Bind {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for Bind {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl Statement {
    /// Appends SQL in which each `?` is the next of the values.
    pub(crate) fn push<const N: usize>(&mut self, sql: &str, values: [Bind; N]) {
        let mut values = values.into_iter();
        for (n, piece) in sql.split('?').enumerate() {
            if n > 0 {
                self.binds.extend(values.next());
                self.sql.push('$');
                self.sql.push_str(&self.binds.len().to_string());
            }
            self.sql.push_str(piece);
        }
    }
}

/// The columns of [`super::Columns`].
pub(crate) const COLUMNS: &str = "res, type, id, version, updated, method, body";

/// The resources of a page and one more.
pub(crate) fn page(plan: &Plan, turn: &Turn, count: u32) -> Statement {
    let mut statement = Statement::default();
    let driver = condition::driver(plan);
    statement.push("select r.res, r.type, r.id, r.version, r.updated, r.method, r.body\n", []);
    condition::from_where(&mut statement, plan, driver);
    let order = Order::of(plan, driver);
    order.after(&mut statement, turn);
    order.by(&mut statement, turn);
    statement.push("limit ?", [Bind::Integer(i64::from(count) + 1)]);
    statement
}

/// How many resources there are in all.
pub(crate) fn count(plan: &Plan) -> Statement {
    let mut statement = Statement::default();
    statement.push("select count(*)\n", []);
    condition::from_where(&mut statement, plan, condition::driver(plan));
    statement
}

/// The columns a page is sorted by; the last is unique.
struct Order {
    columns: &'static [&'static str],
    descending: bool,
    value: fn(&Position) -> Vec<Bind>,
}

impl Order {
    fn of(plan: &Plan, driver: Option<usize>) -> Self {
        let first = plan.sort.first();
        let descending = first.is_some_and(|sort| sort.direction == Direction::Descending);
        match first.map(|sort| &sort.key) {
            Some(SortKey::Id) => Self {
                columns: &["r.id"],
                descending,
                value: |position| vec![position.id.as_str().into()],
            },
            Some(SortKey::Updated) => Self {
                columns: &["r.updated", "r.res"],
                descending,
                value: |position| vec![position.updated.into(), position.res.into()],
            },
            Some(SortKey::Value { .. }) | None => Self {
                // the index of the driver is clustered by res: its own column lets the database see that
                columns: if driver.is_some() { &["d.res"] } else { &["r.res"] },
                descending,
                value: |position| vec![position.res.into()],
            },
        }
    }

    fn after(&self, statement: &mut Statement, turn: &Turn) {
        let (position, forwards) = match turn {
            Turn::First => return,
            Turn::After(position) => (position, true),
            Turn::Before(position) => (position, false),
        };
        let sign = if forwards == self.descending { "<" } else { ">" };
        statement.push(&format!("  and  ({}) {sign} (", self.columns.join(", ")), []);
        for (n, value) in (self.value)(position).into_iter().enumerate() {
            statement.push(if n == 0 { "?" } else { ", ?" }, [value]);
        }
        statement.push(")\n", []);
    }

    fn by(&self, statement: &mut Statement, turn: &Turn) {
        let backwards = matches!(turn, Turn::Before(_));
        let direction = if backwards == self.descending { "" } else { " desc" };
        let columns: Vec<String> =
            self.columns.iter().map(|column| format!("{column}{direction}")).collect();
        statement.push(&format!("order  by {}\n", columns.join(", ")), []);
    }
}
