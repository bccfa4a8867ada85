//! What is met first from the inside, for a guess: few rows inside, and of what these lead to not much. Where that ends, a
//! row without `res` stands in the place of all that follows.

use super::step::{CLOSE_MAX, Step};
use crate::find::{
    part::Part,
    statement::{Sql, sql},
    walk::Walk,
};

/// Of what is inside is looked at so many times what a page holds, at least.
const TIMES_A_PAGE: i64 = 4;

impl Step<'_, '_> {
    /// What refers to the first rows inside, as [`Step::lateral`] gives it.
    pub(super) fn first_referring(
        &self,
        walk: &Walk<'_, '_>,
        part: &Part<'_>,
        leader: usize,
    ) -> Sql {
        let effort = walk.leaders.names.effort;
        let and_if = " and not n.is_over";
        let referring = if let Some(code) = self.code(walk, part, leader) {
            self.close_or_not((walk, part, leader), code, ("n", and_if))
        } else {
            let conditions = self.through.outside(walk, part, &[leader], None);
            let referring =
                self.along_references(walk, sql(format!("\n {and_if}"), []).with(conditions));
            sql("(", []).with(referring.indented(1)).then(")")
        };
        let first = sql("select i.k1, i.k2, m.least, m.most, m.are_close,\n       row_number() over met > ? or sum(m.found) over met > ?", [
            effort.inside.into(),
            effort.met.into(),
        ])
        .then(" or m.found >= ")
        .bind(CLOSE_MAX)
        .then(" as is_over\nfrom   (\n  ")
        .with(self.rows(walk).indented(2))
        .then("\n  limit  ")
        .bind(effort.inside + 1)
        .then("\n) as i\n  cross join lateral (\n  ")
        .with(self.bounds("i").indented(2))
        .then(&format!(
            "\n) as m\nwindow met as (order by {} rows unbounded preceding)",
            self.place(["i.k1", "i.k2"]).join(", ")
        ));
        let place = self.place(["n.k1", "n.k2"]).into_iter().chain(["page.res"]);
        sql("select n.k1, n.k2, page.res as res\nfrom   (\n  ", [])
            .with(first.indented(2))
            .then("\n) as n\n  cross join lateral (\n  ")
            .with(referring.indented(2))
            .then("\n  union all\n  select cast(null as bigint) where n.is_over\n) as page\n")
            .then(&format!("order  by {}\nlimit  ", place.collect::<Vec<_>>().join(", ")))
            .bind(walk.limit)
    }

    /// What the first rows inside refer to: each once, where it is met first, which need not be looked for as all rows
    /// before are there.
    pub(super) fn first_referred(
        &self,
        walk: &Walk<'_, '_>,
        part: &Part<'_>,
        leader: usize,
    ) -> Sql {
        let met = walk.leaders.names.effort.met.min(walk.limit.saturating_mul(TIMES_A_PAGE));
        let own = |columns| self.place(columns).join(", ");
        let referred = sql("select d.target\nfrom   idx_reference d\nwhere  d.p = ? and d.res = n.k2\norder  by d.target\nlimit  ", [self.p.into()])
            .bind(met + 1);
        let pairs = sql("select n.k1, n.k2, d.target as res\nfrom   (\n  ", [])
            .with(self.rows(walk).indented(2))
            .then("\n) as n\n  cross join lateral (\n  ")
            .with(referred.indented(2))
            .then(&format!("\n) as d\norder  by {}, d.target\nlimit  ", own(["n.k1", "n.k2"])))
            .bind(met + 1);
        let at = format!("row_number() over (order by {}, o.res)", own(["o.k1", "o.k2"]));
        sql(format!("with pairs as materialized (\n  select o.k1, o.k2, o.res, {at} as at\n  from   (\n    "), [])
            .with(pairs.indented(4))
            .then("\n  ) as o\n)\nselect f.k1, f.k2, case when f.at > ")
            .bind(met)
            .then(" then null else f.res end as res\nfrom   (\n  select once.*\n  from   (\n    (select distinct on (p.res) p.* from pairs p where p.at <= ")
            .bind(met)
            .then(" order by p.res, p.at)\n    union all\n    select p.* from pairs p where p.at > ")
            .bind(met)
            .then("\n  ) as once\n  order  by once.at\n  offset 0\n) as f\nwhere  f.at > ")
            .bind(met)
            .then(" or (true")
            .with(self.through.outside(walk, part, &[leader], Some("f.res")))
            .then(")\norder  by f.at\nlimit  ")
            .bind(walk.limit)
    }

    /// Where a row inside stands, by these columns.
    fn place(&self, columns: [&'static str; 2]) -> Vec<&'static str> {
        // PostgreSQL does not see that an order by one value that is always the same is none
        let is_fixed = matches!(self.ranges, [(_, range)] if range.is_fixed);
        columns.into_iter().skip(usize::from(is_fixed)).collect()
    }
}
