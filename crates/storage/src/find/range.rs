//! Index rows as they lie: a stretch of one table that holds what a test asks for.

use super::{ask::Dialect, statement::Sql};

/// A stretch of an index table. `@` in its conditions is the row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range {
    pub(super) table: &'static str,
    /// The column with the resource that the row is about.
    pub(super) res: &'static str,
    /// The column that comes before `res` in the index.
    pub(super) column: &'static str,
    pub(super) kind: Kind,
    /// Whether `column` is the same in all these rows: then they lie in the order of resources.
    pub(super) is_fixed: bool,
    /// Whether each resource has at most one of these rows.
    pub(super) is_once: bool,
    /// Where the stretch begins and ends.
    pub(super) seek: Sql,
    /// What is left to be checked of each row.
    pub(super) rest: Sql,
    /// Both together, said so that it is quickest for other rows of a resource that is known; where it differs.
    pub(super) among_own: Option<Sql>,
    /// Whether the seek is for resources and not for values.
    pub(super) is_by_resource: bool,
    /// Where the column is one of many numbers.
    pub(super) each: Option<Each>,
}

/// A stretch that is many, one for each of some numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Each {
    /// The numbers, as `res`.
    pub(super) of: Sql,
    /// Where the stretch of the number `t.res` begins and ends.
    pub(super) seek: Sql,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Real,
    Text,
}

impl Range {
    /// Rows with equal values, in the order of resources.
    pub(super) fn fixed(table: &'static str, column: &'static str, kind: Kind, seek: Sql) -> Self {
        let rest = Sql::always();
        Self {
            table,
            res: "res",
            column,
            kind,
            is_fixed: true,
            is_once: false,
            seek,
            rest,
            among_own: None,
            is_by_resource: false,
            each: None,
        }
    }

    /// Rows with different values, in the order of these.
    pub(super) fn spread(table: &'static str, column: &'static str, kind: Kind, seek: Sql) -> Self {
        Self { is_fixed: false, ..Self::fixed(table, column, kind, seek) }
    }

    /// Of which each resource has at most one.
    pub(super) fn once(self) -> Self {
        Self { is_once: true, ..self }
    }

    /// Of which only those count that satisfy the condition.
    pub(super) fn but(self, condition: Sql) -> Self {
        Self { rest: Sql::all([self.rest, condition]), ..self }
    }

    /// With another way to say what a row must be, for the rows of one resource.
    pub(super) fn among_own(self, condition: Sql) -> Self {
        Self { among_own: Some(condition), ..self }
    }

    /// What a row must be.
    pub(super) fn condition(&self) -> Sql {
        Sql::all([self.seek.clone(), self.rest.clone()])
    }

    /// The same, for the rows of one resource.
    pub(super) fn condition_among_own(&self) -> Sql {
        match &self.among_own {
            Some(condition) => Sql::all([condition.clone(), self.rest.clone()]),
            None => self.condition(),
        }
    }

    /// The table, with `d` for the row.
    pub(super) fn from(&self, dialect: Dialect) -> String {
        if self.is_by_resource {
            dialect.by_resource(self.table, "d")
        } else {
            format!("{} d", self.table)
        }
    }
}

impl Kind {
    /// Nothing, as a value of this kind.
    pub(super) fn null(self) -> &'static str {
        match self {
            Self::Integer => "cast(null as bigint)",
            Self::Real => "cast(null as double precision)",
            Self::Text => "cast(null as text)",
        }
    }
}
