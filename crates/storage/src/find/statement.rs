//! SQL with its values. [`Sql`] is a piece, in which `?` stands for the next value and `@.` for the name of
//! the row it is about; a [`Statement`] is whole.

use std::collections::BTreeMap;

use fhir_model::{IssueType, Outcome};

/// A statement for either database.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Statement {
    /// With `$1`, `$2`, ... for the values.
    pub(crate) sql: String,
    /// The values, in order.
    pub(crate) binds: Vec<Bind>,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bind {
    Integer(i64),
    Real(f64),
    Text(String),
}

/// A piece of SQL. Values from outside are never part of the text.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Sql {
    text: String,
    binds: Vec<Bind>,
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

impl From<String> for Bind {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// A piece: text and values.
pub(crate) fn sql<const N: usize>(text: impl Into<String>, binds: [Bind; N]) -> Sql {
    Sql { text: text.into(), binds: binds.into() }
}

/// Values that each get a number of their own.
const OWN_BINDS_MAX: usize = 1_000;

/// The most values, and the longest text: somewhat less than what SQLite takes.
const BINDS_MAX: usize = 30_000;
const BYTES_MAX: usize = 900_000;

/// Selects side by side.
const SELECTS_MAX: usize = 400;

impl Sql {
    /// A condition that nothing satisfies.
    pub(crate) fn never() -> Self {
        sql("false", [])
    }

    /// A condition that everything satisfies.
    pub(crate) fn always() -> Self {
        sql("true", [])
    }

    pub(crate) fn is_never(&self) -> bool {
        self.text == "false"
    }

    pub(crate) fn is_always(&self) -> bool {
        self.text == "true"
    }

    /// Appends text.
    #[must_use]
    pub(crate) fn then(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Appends a piece.
    #[must_use]
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.text.push_str(&other.text);
        self.binds.extend(other.binds);
        self
    }

    /// Appends one value.
    #[must_use]
    pub(crate) fn bind(mut self, value: impl Into<Bind>) -> Self {
        self.text.push('?');
        self.binds.push(value.into());
        self
    }

    /// Names the row that the piece is about.
    #[must_use]
    pub(crate) fn on(mut self, row: &str) -> Self {
        self.text = self.text.replace("@.", &format!("{row}."));
        self
    }

    /// Says a column of the row otherwise.
    #[must_use]
    pub(crate) fn saying(mut self, column: &str, otherwise: &str) -> Self {
        self.text = self.text.replace(&format!("@.{column} "), &format!("{otherwise} "));
        self
    }

    /// Moves all lines but the first to the right.
    #[must_use]
    pub(crate) fn indented(mut self, columns: usize) -> Self {
        self.text = self.text.replace('\n', &format!("\n{}", " ".repeat(columns)));
        self
    }

    /// `(?, ?, ?)`
    pub(crate) fn list<B: Into<Bind>>(values: impl IntoIterator<Item = B>) -> Self {
        let pieces = values.into_iter().map(|value| sql("?", [value.into()]));
        sql("(", []).with(Self::joined(pieces, ", ")).then(")")
    }

    /// `column = ?`, or `column in (?, ?)`, or `false`.
    pub(crate) fn one_of<B: Into<Bind> + Clone>(column: &str, values: &[B]) -> Self {
        match values {
            [] => Self::never(),
            [one] => sql(format!("{column} = "), []).bind(one.clone()),
            many => sql(format!("{column} in "), []).with(Self::list(many.iter().cloned())),
        }
    }

    /// Selects with `union` or `union all` between. SQLite takes 500 of them side by side; more are nested.
    pub(crate) fn compound(mut selects: Vec<Self>, between: &str) -> Self {
        while selects.len() > SELECTS_MAX {
            let groups = selects.chunks(SELECTS_MAX).enumerate().map(|(n, group)| {
                let group = Self::joined(group.iter().cloned(), between);
                sql("select * from (\n", []).with(group).then(&format!("\n) as g{n}"))
            });
            selects = groups.collect();
        }
        Self::joined(selects, between)
    }

    /// Pieces one after the other.
    pub(crate) fn joined(pieces: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let mut all = Self::default();
        for (n, piece) in pieces.into_iter().enumerate() {
            if n > 0 {
                all.text.push_str(between);
            }
            all = all.with(piece);
        }
        all
    }

    /// Each of the conditions.
    pub(crate) fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        let mut pieces: Vec<Self> = conditions.into_iter().filter(|one| !one.is_always()).collect();
        if pieces.iter().any(Self::is_never) {
            return Self::never();
        }
        match pieces.len() {
            0 => Self::always(),
            1 => pieces.remove(0),
            _ => Self::joined(pieces, " and "),
        }
    }

    /// One of the conditions at least, in parentheses where needed.
    pub(crate) fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        let mut pieces: Vec<Self> = conditions.into_iter().filter(|one| !one.is_never()).collect();
        if pieces.iter().any(Self::is_always) {
            return Self::always();
        }
        match pieces.len() {
            0 => Self::never(),
            1 => pieces.remove(0),
            _ => {
                let pieces = pieces.into_iter().map(|one| sql("(", []).with(one).then(")"));
                sql("(", []).with(Self::joined(pieces, " or ")).then(")")
            }
        }
    }

    /// The condition does not hold. What it says must be true or false, never unknown.
    pub(crate) fn not(condition: Self) -> Self {
        if condition.is_never() {
            return Self::always();
        }
        if condition.is_always() {
            return Self::never();
        }
        sql("not (", []).with(condition).then(")")
    }

    /// Whole.
    pub(crate) fn statement(self) -> Statement {
        if self.binds.len() > OWN_BINDS_MAX {
            return self.with_shared_binds();
        }
        let mut statement = Statement::default();
        statement.take(self);
        statement
    }

    /// Equal values get one number: a long statement says the same in many places.
    fn with_shared_binds(self) -> Statement {
        let mut numbers: BTreeMap<(u8, u64, &str), usize> = BTreeMap::new();
        let mut values = self.binds.iter();
        let mut statement = Statement::default();
        for (n, text) in self.text.split('?').enumerate() {
            if n > 0
                && let Some(value) = values.next()
            {
                let key = match value {
                    Bind::Integer(value) => (0, value.cast_unsigned(), ""),
                    Bind::Real(value) => (1, value.to_bits(), ""),
                    Bind::Text(value) => (2, 0, value.as_str()),
                };
                let number = *numbers.entry(key).or_insert_with(|| {
                    statement.binds.push(value.clone());
                    statement.binds.len()
                });
                statement.sql.push('$');
                statement.sql.push_str(&number.to_string());
            }
            statement.sql.push_str(text);
        }
        statement
    }
}

impl Statement {
    /// Whether both databases take a statement of this length.
    ///
    /// # Errors
    /// `too-costly` when they do not.
    pub(crate) fn check(&self) -> Result<(), Outcome> {
        if self.binds.len() <= BINDS_MAX && self.sql.len() <= BYTES_MAX {
            return Ok(());
        }
        Err(Outcome::new(
            IssueType::TooCostly,
            "This search asks for too much at once; name fewer types, parameters or values",
        ))
    }

    /// Appends SQL in which each `?` is the next of the values.
    pub(crate) fn push<const N: usize>(&mut self, text: &str, values: [Bind; N]) {
        self.take(sql(text, values));
    }

    fn take(&mut self, piece: Sql) {
        let mut values = piece.binds.into_iter();
        for (n, text) in piece.text.split('?').enumerate() {
            if n > 0 {
                self.binds.extend(values.next());
                self.sql.push('$');
                self.sql.push_str(&self.binds.len().to_string());
            }
            self.sql.push_str(text);
        }
    }
}

/// The columns of [`super::Columns`].
pub(crate) const COLUMNS: &str = "res, type, id, version, updated, method, body";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_a_statement() {
        let piece = Sql::all([
            Sql::one_of("@.p", &[1_i64, 2]),
            Sql::always(),
            Sql::any([sql("@.code = ?", ["x".into()]), Sql::never(), sql("@.sys = 0", [])]),
        ]);
        let statement = piece.on("d").statement();
        assert_eq!(statement.sql, "d.p in ($1, $2) and ((d.code = $3) or (d.sys = 0))");
        assert_eq!(statement.binds, [1.into(), 2.into(), "x".into()]);
        assert!(Sql::all([Sql::always(), Sql::never()]).is_never());
        assert!(Sql::not(Sql::any([])).is_always());
    }

    #[test]
    fn long_statements_are_nested_and_share_values() {
        let select = |n: usize| sql("select ?", [i64::try_from(n % 7).unwrap().into()]);
        let statement = Sql::compound((0..1_001).map(select).collect(), " union ").statement();
        assert_eq!(statement.binds.len(), 7);
        assert!(statement.sql.starts_with("select * from (\nselect $1 union select $2 union "));
        assert!(statement.sql.ends_with("select $6 union select $7\n) as g2"));
        assert!(statement.check().is_ok());
        let codes: Vec<String> = (0..=BINDS_MAX).map(|n| n.to_string()).collect();
        let refused = Sql::one_of("code", &codes).statement().check().unwrap_err();
        assert_eq!(refused.status(), 422);
    }
}
