//! How many resources a search finds.

use search::{ContainedType, Plan};

use super::{
    leader::Leaders,
    page,
    part::{Part, shown},
    position::Route,
    statement::{Statement, sql},
};

/// All of them; counted from index rows alone where one filter decides.
pub(super) fn statement(
    plan: &Plan,
    parts: &[Part<'_>],
    (route, leaders): (&Route, Leaders<'_>),
    at_most: Option<u64>,
) -> Statement {
    let mut found = page::every(parts, route, leaders);
    if shown(plan) == Some(ContainedType::Container) {
        found = sql("select distinct coalesce(c.container, c.res) as res\nfrom   (\n  ", [])
            .with(found.indented(2))
            .then("\n) as inner_one\n  join resource c on c.res = inner_one.res");
    }
    if let Some(bound) = at_most {
        found = sql("select * from (\n  ", [])
            .with(found.indented(2))
            .then("\n) as counted\nlimit  ")
            .bind(i64::try_from(bound).unwrap_or(i64::MAX));
    }
    sql("select count(*), cast(0 as bigint)\nfrom   (\n  ", [])
        .with(found.indented(2))
        .then("\n) as found")
        .statement()
}
