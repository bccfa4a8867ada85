//! Index rows walked until a page is full. Each stretch is walked on its own, in the order it lies in, and gives a
//! page at most; of these together the first make the page. So a page costs the same whatever else is stored.

use super::{
    ask::Dialect,
    check::On,
    leader::Leaders,
    order::Order,
    part::{Domain, Part},
    position::Route,
    range::{Each, Range},
    statement::{Bind, Sql, sql},
    through::Through,
};

/// What is walked: for each part the ranges of its leader.
pub(super) struct Walk<'a, 'p> {
    pub(super) parts: &'a [Part<'p>],
    pub(super) route: &'a Route,
    pub(super) leaders: Leaders<'a>,
    pub(super) order: &'a Order,
    /// How many resources make a page, and one more.
    pub(super) limit: i64,
    pub(super) changed: Changed,
    /// Whether from the inside a resource may come again, of which whoever reads the page takes the first.
    pub(super) may_repeat: bool,
}

/// What becomes, on later pages, of resources that were changed since the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    /// They stay where they are now, which is where they were.
    Stay,
    /// They are left out, and come where they were.
    ComeLater,
}

/// More stretches than these are not sought one by one among the rows of a resource.
const SOUGHT_EACH_MAX: usize = 8;

impl Walk<'_, '_> {
    /// Columns `res`, in its order.
    pub(super) fn by_resource(&self) -> Sql {
        let mut branches = Vec::new();
        for (part, leader, ranges) in self.led() {
            for range in &ranges {
                let res = format!("d.{}", range.res);
                let select = if range.is_once { "select" } else { "select distinct" };
                let from = range.from(self.leaders.names.dialect);
                let rows = sql(format!("{select} {res} as res\nfrom   {from}\nwhere  "), []);
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
                let only_once = self.only_once(range, &ranges);
                branches.push(match &range.each {
                    Some(each) if self.leaders.names.dialect == Dialect::Postgres => {
                        self.for_each(range, each, (part, leader), only_once)
                    }
                    _ => self.along(range, (part, leader), only_once),
                });
            }
        }
        self.merged(branches, &["k1", "res"], "select null as k1, res from resource where false")
    }

    /// The rows of a range, in their order.
    fn along(
        &self,
        range: &Range,
        (part, leader): (&Part<'_>, Option<usize>),
        only_once: Sql,
    ) -> Sql {
        let (value, res) = (format!("d.{}", range.column), format!("d.{}", range.res));
        let from = range.from(self.leaders.names.dialect);
        sql(format!("select distinct {value} as k1, {res} as res\nfrom   {from}\nwhere  "), [])
            .with(self.conditions(range, part, leader))
            .with(only_once)
            .with(and(self.order.beyond_in_index(&[&value, &res])))
            .then(&format!("\n{}", self.order.along(&[&value, &res])))
            .with(self.limit())
    }

    /// The same, a page at most for each number, one number after the other: said so because PostgreSQL does not see
    /// that an index gives the rows of many numbers in order.
    fn for_each(
        &self,
        range: &Range,
        each: &Each,
        (part, leader): (&Part<'_>, Option<usize>),
        only_once: Sql,
    ) -> Sql {
        let rows = Range { seek: each.seek.clone(), ..range.clone() };
        let (value, res) = (format!("d.{}", range.column), format!("d.{}", range.res));
        let rows = sql(format!("select {res} as res\nfrom   {} d\nwhere  ", range.table), [])
            .with(self.conditions(&rows, part, leader))
            .with(only_once)
            .with(and(self.order.beyond_in_index(&[&value, &res])))
            .then(&format!("\n{}", self.order.along(&[&res])))
            .with(self.limit());
        let from = self.order.since_first("s.res");
        sql("select t.res as k1, page.res as res\nfrom   (select distinct s.res from (\n  ", [])
            .with(each.of.clone().indented(2))
            .then("\n) as s\nwhere  ")
            .with(from)
            .then(&format!("\n{}) as t\n  cross join lateral (\n  ", self.order.first("s.res")))
            .with(rows.indented(2))
            .then(&format!("\n) as page\n{}", self.order.along(&["t.res", "page.res"])))
            .with(self.limit())
    }

    /// Columns `k1` and `k2`, what was walked along, and `res`, in their order.
    pub(super) fn through(&self) -> Sql {
        let nothing = || sql("select null as k1, null as k2, res from resource where false", []);
        let ([part], [Some(leader), inside @ ..]) = (self.parts, self.route.leaders.as_slice())
        else {
            return nothing();
        };
        let leader = usize::from(*leader);
        let filter = part.filters.get(leader).copied();
        let through = filter.and_then(|filter| Through::of(filter, part, self.leaders, inside));
        through.map_or_else(nothing, |through| through.walk(self, part, leader))
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
            let here = all.iter().filter(|one| (one.table, one.column, one.res) == place);
            let conditions: Vec<Sql> = here.map(|one| one.condition_among_own().on("e")).collect();
            // SQLite seeks each among the rows of one resource, and would read them all for either of several
            let is_each = self.leaders.names.dialect == Dialect::Sqlite
                && conditions.len() <= SOUGHT_EACH_MAX;
            let conditions =
                if is_each { conditions } else { vec![Sql::any(conditions.into_iter())] };
            let rows_of = self.leaders.names.dialect.by_resource(table, "e");
            let least = format!(
                "\n  and  not exists (select 1 from {rows_of} where e.{res} = d.{} and e.{column} < d.{} and ",
                range.res, range.column
            );
            for condition in conditions {
                none = none.then(&least).with(condition).then(self.leaders.names.end);
            }
        }
        none
    }

    /// On later pages, that a resource was there when the first one was read; where its place may have changed since,
    /// that it was not changed: see [`super::changed`].
    pub(super) fn not_too_new(&self, part: &Part<'_>, res: &str) -> Sql {
        let Some(commit) = self.order.commit() else { return Sql::always() };
        let on = On::new(part, res);
        match self.changed {
            Changed::Stay => not_created_after(commit.number, &on),
            Changed::ComeLater => not_changed_after(commit.number, &on),
        }
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
    changed_after(
        on,
        " and not exists (select 1 from history h where h.res = o.res and h.commit_no <= ?)",
        [commit.into(), commit.into()],
    )
}

/// That a resource has the version that it had at a commit.
pub(super) fn not_changed_after(commit: i64, on: &On) -> Sql {
    changed_after(on, "", [commit.into()])
}

/// What is contained comes and changes with what contains it.
fn changed_after<const N: usize>(on: &On, also: &str, binds: [Bind; N]) -> Sql {
    let res = &on.res;
    let from = match on.domain {
        Domain::Own => "resource o where o.res",
        Domain::Contained | Domain::Either => {
            "resource c join resource o on o.res = coalesce(c.container, c.res) where c.res"
        }
    };
    let text = format!("not exists (select 1 from {from} = {res} and o.commit_no > ?{also})");
    sql(text, binds)
}
