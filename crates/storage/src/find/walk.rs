//! Index rows walked until a page is full. Each stretch is walked on its own, in the order it lies in, and gives a
//! page at most; of these together the first make the page. So a page costs the same whatever else is stored.

use super::{
    check::On,
    leader::Leaders,
    order::Order,
    part::{Domain, Part},
    position::Route,
    range::Range,
    statement::{Sql, sql},
};

/// What is walked: for each part the ranges of its leader.
pub(super) struct Walk<'a, 'p> {
    pub(super) parts: &'a [Part<'p>],
    pub(super) route: &'a Route,
    pub(super) leaders: Leaders<'a>,
    pub(super) order: &'a Order,
    /// How many resources make a page, and one more.
    pub(super) limit: i64,
}

impl Walk<'_, '_> {
    /// Columns `res`, in its order.
    pub(super) fn by_resource(&self) -> Sql {
        let mut branches = Vec::new();
        for (part, leader, ranges) in self.led() {
            for range in &ranges {
                let res = format!("d.{}", range.res);
                let select = if range.is_once { "select" } else { "select distinct" };
                let rows =
                    sql(format!("{select} {res} as res\nfrom   {} d\nwhere  ", range.table), []);
                branches.push(
                    rows.with(self.conditions(range, part, leader))
                        .with(and(self.order.beyond_in_index(&[&res])))
                        .then(&format!("\n{}", self.order.along(&[&res])))
                        .with(self.limit()),
                );
            }
        }
        self.merged(branches, &["res"], "select res from resource where false")
    }

    /// Columns `k1`, the value that was walked along, and `res`, in their order.
    pub(super) fn by_value(&self) -> Sql {
        let mut branches = Vec::new();
        for (part, leader, ranges) in self.led() {
            for range in &ranges {
                let (value, res) = (format!("d.{}", range.column), format!("d.{}", range.res));
                let rows = sql(
                    format!(
                        "select distinct {value} as k1, {res} as res\nfrom   {} d\nwhere  ",
                        range.table
                    ),
                    [],
                );
                branches.push(
                    rows.with(self.conditions(range, part, leader))
                        .with(self.only_once(range, &ranges))
                        .with(and(self.order.beyond_in_index(&[&value, &res])))
                        .then(&format!("\n{}", self.order.along(&[&value, &res])))
                        .with(self.limit()),
                );
            }
        }
        self.merged(branches, &["k1", "res"], "select null as k1, res from resource where false")
    }

    /// The parts with the ranges that lead them, and where these come from.
    fn led(&self) -> Vec<(&Part<'_>, Option<usize>, Vec<Range>)> {
        let leaders = self.route.leaders.iter().chain(std::iter::repeat(&None));
        let led = self.parts.iter().zip(leaders).map(|(part, leader)| {
            let leader = leader.map(usize::from);
            let filter = leader.and_then(|n| part.filters.get(n));
            match filter.and_then(|filter| self.leaders.ranges(filter, part)) {
                Some(ranges) => (part, leader, ranges),
                None => (part, None, vec![Leaders::every(part)]),
            }
        });
        let led = led.map(|(part, leader, mut ranges)| {
            ranges.retain(|range| !range.condition().is_never());
            (part, leader, ranges)
        });
        led.collect()
    }

    fn conditions(&self, range: &Range, part: &Part<'_>, leader: Option<usize>) -> Sql {
        let res = format!("d.{}", range.res);
        let conditions = self.leaders.conditions(range, part, leader);
        conditions.with(and(self.not_too_new(part, &res)))
    }

    /// Of the rows of a resource that are walked along only the least counts.
    fn only_once(&self, range: &Range, all: &[Range]) -> Sql {
        if all.iter().all(|one| one.is_fixed || one.table == "resource") {
            return Sql::default();
        }
        let mut places: Vec<(&str, &str, &str)> =
            all.iter().map(|one| (one.table, one.column, one.res)).collect();
        places.sort_unstable();
        places.dedup();
        let mut none = Sql::default();
        for place in places {
            let (table, column, res) = place;
            let rows = all.iter().filter(|one| (one.table, one.column, one.res) == place);
            let condition = Sql::any(rows.map(|one| one.condition().on("e")));
            let least = format!(
                "\n  and  not exists (select 1 from {table} e where e.{res} = d.{} and e.{column} < d.{} and ",
                range.res, range.column
            );
            none = none.then(&least).with(condition).then(")");
        }
        none
    }

    /// On later pages, that a resource was there when the first one was read.
    pub(super) fn not_too_new(&self, part: &Part<'_>, res: &str) -> Sql {
        let Some(commit) = self.order.commit() else { return Sql::always() };
        not_created_after(commit, &On::new(part, res))
    }

    fn limit(&self) -> Sql {
        sql("\nlimit  ?", [self.limit.into()])
    }

    /// Branches in one, without what is in two.
    pub(super) fn merged(&self, mut branches: Vec<Sql>, columns: &[&str], nothing: &str) -> Sql {
        match branches.len() {
            0 => sql(nothing, []),
            1 => branches.remove(0),
            _ => {
                let branch = |(n, branch): (usize, Sql)| {
                    sql("select * from (\n  ", [])
                        .with(branch.indented(2))
                        .then(&format!("\n) as b{n}"))
                };
                let branches = branches.into_iter().enumerate().map(branch);
                Sql::compound(branches.collect(), "\nunion\n")
                    .then(&format!("\n{}", self.order.along(columns)))
                    .with(self.limit())
            }
        }
    }
}

/// ` and ...` on a line of its own, or nothing.
pub(super) fn and(condition: Sql) -> Sql {
    if condition.is_always() { Sql::default() } else { sql("\n  and  ", []).with(condition) }
}

/// That a resource had a version at a commit.
pub(super) fn not_created_after(commit: i64, on: &On) -> Sql {
    let res = &on.res;
    let of = match on.domain {
        Domain::Own => "c.res",
        Domain::Contained | Domain::Either => "coalesce(c.container, c.res)",
    };
    let from = if on.domain == Domain::Own {
        "resource c where".to_owned()
    } else {
        "resource c join resource o on o.res = coalesce(c.container, c.res) where".to_owned()
    };
    let row = if on.domain == Domain::Own { "c" } else { "o" };
    sql(
        format!(
            "not exists (select 1 from {from} c.res = {res} and {row}.commit_no > ? and not exists (\n         \
             select 1 from history h where h.res = {of} and h.commit_no <= ?))"
        ),
        [commit.into(), commit.into()],
    )
}
