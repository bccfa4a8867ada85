//! One step of a walk from the inside: rows inside in their order, and from each the references that lead out.

use search::Filter;

use super::{Through, Way, tail};
use crate::find::{
    part::Part,
    range::Range,
    statement::{Sql, sql},
    walk::{Walk, and},
};

/// What refers to a row inside is looked at so far to see whether it was written together.
pub(super) const CLOSE_MAX: i64 = 257;

/// So far apart are numbers, on average, of what was written together, at most.
const APART_MAX: i64 = 8;

/// Stretches that are walked as one, with the references of one parameter.
pub(super) struct Step<'t, 'p> {
    pub(super) through: &'t Through<'p>,
    pub(super) ranges: &'t [&'t (usize, Range)],
    pub(super) p: i64,
}

impl Step<'_, '_> {
    /// Each row with its references: SQLite takes tables in the order they are named in.
    pub(super) fn joined(
        &self,
        (n, range): (usize, &Range),
        walk: &Walk<'_, '_>,
        conditions: Sql,
    ) -> Sql {
        let through = self.through;
        let (inside, outside) = through.way.columns();
        let dialect = walk.leaders.names.dialect;
        let (value, inner) = (format!("n.{}", range.column), format!("n.{}", range.res));
        let outer = format!("d.{outside}");
        let select = format!(
            "select distinct {value} as k1, {inner} as k2, {outer} as res\nfrom   {} n\n  cross join {}\nwhere  ",
            range.table,
            through.way.table("d", dialect)
        );
        // the whole key, for SQLite to see that rows lie in this order
        let mut columns = vec![value.clone(), inner.clone()];
        columns.extend(tail(range).into_iter().flatten().map(|column| format!("n.{column}")));
        columns.push(outer.clone());
        sql(select, [])
            .with(through.inside(n, range, walk.leaders))
            .then("\n  and  d.p = ")
            .bind(self.p)
            .then(&format!(" and d.{inside} = {inner}"))
            .with(conditions)
            .with(through.once((&value, &inner), walk))
            .with(and(walk.order.since(&[&value, &inner])))
            .with(and(walk.order.beyond_in_index(&[&value, &inner, &outer])))
            .then(&format!("\n{}", walk.order.all_one_way(&columns)))
            .then("\nlimit  ")
            .bind(walk.limit)
    }

    /// Each row, and for it a page at most of its references: said so because PostgreSQL takes tables in any order.
    pub(super) fn lateral(&self, walk: &Walk<'_, '_>, part: &Part<'_>, leader: usize) -> Sql {
        let own = |text: &str| text.to_owned();
        // it does not see that an order by one value that is always the same is none
        let is_fixed = matches!(self.ranges, [(_, range)] if range.is_fixed);
        let value_first = (!is_fixed).then(|| own("n.k1"));
        let order: Vec<String> =
            value_first.into_iter().chain([own("n.k2"), own("page.res")]).collect();
        let referring = match self.code(walk, part, leader) {
            Some(code) => self.along_code(walk, part, leader, code),
            None => self.along_references(walk, self.through.outside(walk, part, &[leader], None)),
        };
        sql("select n.k1, n.k2, page.res as res\nfrom   (\n  ", [])
            .with(self.rows(walk).indented(2))
            .then("\n) as n\n  cross join lateral (\n  ")
            .with(referring.indented(2))
            .then("\n) as page\n")
            .then(&walk.order.all_one_way(&order))
            .then("\nlimit  ")
            .bind(walk.limit)
    }

    /// A page at most of what refers to a row inside.
    pub(super) fn along_references(&self, walk: &Walk<'_, '_>, conditions: Sql) -> Sql {
        let (inside, outside) = self.through.way.columns();
        sql(
            format!("select d.{outside} as res\nfrom   idx_reference d\nwhere  d.p = ? and d.{inside} = n.k2"),
            [self.p.into()],
        )
        .with(conditions)
        .with(self.page(walk))
    }

    /// The same, of what has a code. Where what refers to the row was written together, the rows of the code between
    /// its first and its last number are few, and quicker to look at than to ask each whether it has the code.
    fn along_code(
        &self,
        walk: &Walk<'_, '_>,
        part: &Part<'_>,
        leader: usize,
        code: (usize, Range),
    ) -> Sql {
        sql("select either.res\nfrom   (\n  ", [])
            .with(self.bounds("n").indented(2))
            .then("\n) as m\n  cross join lateral (\n  ")
            .with(self.close_or_not((walk, part, leader), code, ("m", "")).indented(2))
            .then("\n) as either")
    }

    /// What refers to a row inside and has the code: along the code's rows between the bounds of that name where these
    /// are close, and else along the references; and only if a condition says so, which begins with `and`.
    pub(super) fn close_or_not(
        &self,
        (walk, part, leader): (&Walk<'_, '_>, &Part<'_>, usize),
        (code, range): (usize, Range),
        (bounds, and_if): (&str, &str),
    ) -> Sql {
        let others = self.through.outside(walk, part, &[leader, code], None);
        let from = format!(
            "(select d.res as res\n from   {} d\n where  {bounds}.are_close{and_if} and ",
            range.table
        );
        let coded = sql(from, [])
            .with(range.condition().on("d"))
            .then(&format!(
                " and d.res >= {bounds}.least and d.res <= {bounds}.most\n   and  exists (select 1 "
            ))
            .with(self.refers("n", " and r.res = d.res"))
            .then(walk.leaders.names.end)
            .with(others.with(self.page(walk)).indented(1));
        let are_apart = sql(format!("\n  and  not {bounds}.are_close{and_if}"), []);
        let conditions = self.through.outside(walk, part, &[leader], None);
        let others = self.along_references(walk, are_apart.with(conditions));
        coded.then(")\nunion all\n(").with(others.indented(1)).then(")")
    }

    /// What refers to the row of this name inside.
    fn refers(&self, row: &str, to: &str) -> Sql {
        let text = format!("from idx_reference r where r.p = ? and r.target = {row}.k2{to}");
        sql(text, [self.p.into()])
    }

    /// Between which numbers that lies, how much it is, as far as it is counted, and whether it was written together.
    pub(super) fn bounds(&self, row: &str) -> Sql {
        sql("select min(f.res) as least, max(f.res) as most, cast(count(*) as int) as found,\n       count(*) < ", [])
            .bind(CLOSE_MAX)
            .then(" and max(f.res) - min(f.res) <= count(*) * ")
            .bind(APART_MAX)
            .then(" as are_close\nfrom   (select r.res ")
            .with(self.refers(row, " limit "))
            .bind(CLOSE_MAX)
            .then(") as f")
    }

    /// The code that what is searched must have, and its rows.
    pub(super) fn code(
        &self,
        walk: &Walk<'_, '_>,
        part: &Part<'_>,
        leader: usize,
    ) -> Option<(usize, Range)> {
        if self.through.way == Way::Has {
            return None;
        }
        let others = part.filters.iter().enumerate().filter(|(n, _)| *n != leader);
        others.filter(|(_, filter)| matches!(filter, Filter::Value { .. })).find_map(
            |(n, filter)| {
                let ranges = walk.leaders.ranges(filter, part)?;
                let [range] = ranges.as_slice() else { return None };
                let is_code = range.table == "idx_token" && range.is_fixed && range.is_once;
                is_code.then(|| (n, range.clone()))
            },
        )
    }

    /// That the row `d` leads to what is searched and no earlier row inside does; in its order, a page.
    pub(super) fn page(&self, walk: &Walk<'_, '_>) -> Sql {
        let (_, outside) = self.through.way.columns();
        let outer = format!("d.{outside}");
        (self.through.once(("n.k1", "n.k2"), walk))
            .with(and(walk.order.beyond_in_index(&["n.k1", "n.k2", &outer])))
            .then(&format!("\n{}", walk.order.all_one_way(&[outer])))
            .then("\nlimit  ")
            .bind(walk.limit)
    }

    /// The rows inside, as `k1` and `k2`, in their order: those of several stretches are merged while they are read, so
    /// that a page is filled once and not once a stretch.
    pub(super) fn rows(&self, walk: &Walk<'_, '_>) -> Sql {
        let is_one = self.ranges.len() == 1;
        let rows = |(n, range): &(usize, Range)| {
            let (value, inner) = (format!("n.{}", range.column), format!("n.{}", range.res));
            let select = if is_one { "select distinct" } else { "select" };
            let position = walk.order.since(&[&value, &inner]);
            let order = if range.is_fixed {
                vec![inner.clone()]
            } else {
                vec![value.clone(), inner.clone()]
            };
            sql(
                format!("{select} {value} as k1, {inner} as k2\nfrom   {} n\nwhere  ", range.table),
                [],
            )
            .with(self.through.inside(*n, range, walk.leaders))
            .with(and(position))
            .then(&format!("\n{}", walk.order.all_one_way(&order)))
        };
        let mut all: Vec<Sql> = self.ranges.iter().map(|one| rows(one)).collect();
        if is_one {
            return all.remove(0);
        }
        let all = all.into_iter().map(|rows| sql("(", []).with(rows.indented(1)).then(")"));
        sql("select distinct k1, k2\nfrom   (\n  ", [])
            .with(Sql::compound(all.collect(), "\nunion all\n").indented(2))
            .then("\n) as merged\n")
            .then(&walk.order.all_one_way(&["k1".to_owned(), "k2".to_owned()]))
    }
}
