//! A first page in one statement, by a way that nobody has counted: most searches of some shapes go the same way, and to
//! count first costs as much as the page; on PostgreSQL each statement is a journey besides. There the statement looks at
//! few rows, and when these are not all and do not fill the page, says so with a row without a number. SQLite is stopped
//! after so many steps. Then the way is chosen as usual: a guess changes no answer, and a wrong one costs little.

use std::collections::BTreeSet;

use search::{Filter, Plan};

use super::{
    Turn,
    ask::{Dialect, Found},
    check::{self, On},
    leader::{Leaders, rank},
    names::Names,
    order::Order,
    page,
    part::{Domain, Part},
    position::{Mode, Route},
    probe::Sizes,
    range::Range,
    route::natural,
    sample::leads_through,
    sort,
    statement::{Sql, Statement, sql},
    through::Through,
    walk::{Changed, Walk},
};

/// What ranks so is about one resource mostly, and few rows lead to it: see [`rank`].
const CERTAIN: u8 = 2;

/// What is not probable, only possible, is worth so much less: as much as it costs to count.
const LESS: u64 = 5;

/// More stretches than these give too many rows that are thrown away.
const STRETCHES_MAX: usize = 16;

/// A way, and the page along it.
pub(super) struct Guess {
    pub(super) route: Route,
    pub(super) statement: Statement,
    /// Whether a resource may be there more than once, of which the first counts.
    repeats: bool,
    /// How many steps it is worth on SQLite.
    pub(super) steps: u64,
}

impl Guess {
    /// What the statement found for a page of so many and one more, each once; `None` when more was wanted.
    pub(super) fn each_once(&self, mut found: Vec<Found>, count: u32) -> Option<Vec<Found>> {
        if self.repeats && comes_again(&found) {
            let is_full = found.len() > usize::try_from(count).unwrap_or(usize::MAX);
            let mut seen = BTreeSet::new();
            found.retain(|one| seen.insert(one.res));
            if is_full {
                return None;
            }
        }
        Some(found)
    }
}

/// Whether anything is there more than once, which it rarely is.
fn comes_again(found: &[Found]) -> bool {
    let mut numbers: Vec<i64> = found.iter().map(|one| one.res).collect();
    numbers.sort_unstable();
    numbers.windows(2).any(|pair| pair.first() == pair.last())
}

/// The page by what most probably leads to it; `None` where nothing is probable, or nothing would be counted.
pub(super) fn guess(plan: &Plan, parts: &[Part<'_>], names: &Names, count: u32) -> Option<Guess> {
    let [part] = parts else { return None };
    if part.domain != Domain::Own {
        return None;
    }
    let nothing = Sizes::default();
    let leaders = Leaders::new(names, &nothing);
    let limit = i64::from(count) + 1;
    let certain =
        nothing.best(part).filter(|n| part.filters.get(*n).is_some_and(|one| is_certain(one)));
    match (certain, names.dialect) {
        (Some(_), _) if part.filters.len() == 1 && plan.sort.is_empty() => None,
        (Some(leader), Dialect::Sqlite) => {
            stretch(part, leader, leaders)?;
            let mode = if plan.sort.is_empty() { Mode::ByResource } else { Mode::Collected };
            Some(as_usual(plan, parts, (route(mode, leader)?, false), (leaders, count)))
        }
        (Some(leader), Dialect::Postgres) if plan.sort.is_empty() => {
            unsorted(plan, part, leader, (leaders, limit))
        }
        (Some(leader), Dialect::Postgres) => sorted(plan, part, leader, (leaders, limit)),
        (None, _) if plan.sort.is_empty() => along_values(plan, part, (leaders, limit))
            .or_else(|| through(plan, parts, (leaders, count)))
            .or_else(|| possible(plan, parts, (leaders, count))),
        (None, _) => None,
    }
}

/// The page as it would be found along a way that was counted. For SQLite.
fn as_usual(
    plan: &Plan,
    parts: &[Part<'_>],
    (route, repeats): (Route, bool),
    (leaders, count): (Leaders<'_>, u32),
) -> Guess {
    let statement = page::first(plan, parts, (&route, leaders, repeats), count);
    Guess { route, statement, repeats, steps: leaders.names.effort.steps }
}

/// The page by the filter that mostly finds the least, where others could lead as well. For SQLite.
fn possible(
    plan: &Plan,
    parts: &[Part<'_>],
    (leaders, count): (Leaders<'_>, u32),
) -> Option<Guess> {
    let [part] = parts else { return None };
    let able = leaders.sizes.ranked(part);
    let [best, _, ..] = able.as_slice() else { return None };
    let is_value = matches!(part.filters.get(*best)?, Filter::Value { .. });
    if leaders.names.dialect == Dialect::Postgres || !is_value {
        return None;
    }
    let route = natural(parts, &[Some(*best)], leaders);
    let guess = as_usual(plan, parts, (route, false), (leaders, count));
    Some(Guess { steps: guess.steps / LESS, ..guess })
}

fn is_certain(filter: &Filter) -> bool {
    matches!(filter, Filter::Value { .. }) && rank(filter) <= CERTAIN
}

/// The one stretch of rows, a resource each, that a filter leads to.
fn stretch(part: &Part<'_>, leader: usize, leaders: Leaders<'_>) -> Option<Range> {
    let mut ranges = leaders.ranges(part.filters.get(leader)?, part)?;
    let range = ranges.pop().filter(|_| ranges.is_empty())?;
    (range.is_fixed && range.is_once && !range.is_by_resource).then_some(range)
}

fn route(mode: Mode, leader: usize) -> Option<Route> {
    Some(Route { mode, leaders: vec![Some(u8::try_from(leader).ok()?)] })
}

/// The rows of the stretch, as `res`.
fn rows(range: &Range) -> Sql {
    let from = format!("select d.{} as res\nfrom   {} d\nwhere  ", range.res, range.table);
    sql(from, []).with(range.condition().on("d"))
}

/// What else must hold of the resource `led`.
fn others(part: &Part<'_>, leader: usize, leaders: Leaders<'_>) -> Sql {
    let on = On::new(part, "led.res");
    Sql::all(part.others(Some(leader)).map(|filter| check::holds(filter, &on, leaders.names)))
}

/// All that one filter leads to, sorted; nothing but the row without a number when that is too much.
fn sorted(
    plan: &Plan,
    part: &Part<'_>,
    leader: usize,
    (leaders, limit): (Leaders<'_>, i64),
) -> Option<Guess> {
    let range = stretch(part, leader, leaders)?;
    let few = i64::try_from(leaders.names.effort.few).ok()?;
    let order = Order::of(plan, &Turn::First);
    let names = page::names(order.values());
    let mut columns: Vec<&str> = names.iter().map(String::as_str).collect();
    let (mut values, mut nulls) = (String::new(), String::new());
    for (sort, name) in plan.sort.iter().zip(&names) {
        let value = sort::value(sort, "led.res", part.domain, leaders.names.dialect);
        values = values + ",\n       " + &value + " as " + name;
        nulls += "null, ";
    }
    let shown = columns.iter().fold(String::new(), |all, name| all + name + ", ");
    columns.push("res");
    let page = sql("with led as materialized (\n  ", [])
        .with(rows(&range).then("\nlimit  ").bind(few + 1).indented(2))
        .then(&format!(
            "\n), sorted as materialized (\n  select led.res{}\n  from   led",
            values.replace('\n', "\n  ")
        ))
        .then("\n  where  (select count(*) from led) <= ")
        .bind(few)
        .then("\n    and  ")
        .with(others(part, leader, leaders).indented(2))
        .then(&format!("\n)\n(select {shown}res from sorted\n {}\n limit  ", order.by(&columns)))
        .bind(limit)
        .then(&format!(")\nunion all\nselect {nulls}null where (select count(*) from led) > "))
        .bind(few);
    let statement = page::show_some(plan, page, &order, leaders.names);
    let steps = leaders.names.effort.steps;
    Some(Guess { route: route(Mode::Collected, leader)?, statement, repeats: false, steps })
}

/// The first rows that one filter leads to, in the order of resources.
fn unsorted(
    plan: &Plan,
    part: &Part<'_>,
    leader: usize,
    (leaders, limit): (Leaders<'_>, i64),
) -> Option<Guess> {
    let range = stretch(part, leader, leaders)?;
    let few = i64::try_from(leaders.names.effort.few).ok()?;
    let page = sql("select case when led.at > ? then null else led.res end as res", [few.into()])
        .then("\nfrom   (\n  select o.res, row_number() over (order by o.res) as at\n  from   (\n    ")
        .with(rows(&range).then(&format!("\norder  by d.{}\nlimit  ", range.res)).indented(4))
        .bind(few + 1)
        .then("\n  ) as o\n) as led\nwhere  led.at > ")
        .bind(few)
        .then(" or (")
        .with(others(part, leader, leaders))
        .then(")\norder  by led.res\nlimit  ")
        .bind(limit);
    let statement = page::show_some(plan, page, &Order::rising(0, &Turn::First), leaders.names);
    let steps = leaders.names.effort.steps;
    Some(Guess { route: route(Mode::ByResource, leader)?, statement, repeats: false, steps })
}

/// The first values of a stretch, one filter's alone: whether a resource has an earlier one is seen among them, and not
/// asked of each.
fn along_values(
    plan: &Plan,
    part: &Part<'_>,
    (leaders, limit): (Leaders<'_>, i64),
) -> Option<Guess> {
    let [filter @ Filter::Value { .. }] = part.filters.as_slice() else { return None };
    let ranges = leaders.ranges(filter, part)?;
    let kind = ranges.first()?.kind;
    let lies_so = |range: &Range| {
        !range.is_fixed && !range.is_by_resource && range.each.is_none() && range.kind == kind
    };
    if ranges.len() > STRETCHES_MAX || !ranges.iter().all(lies_so) {
        return None;
    }
    let order = Order::rising(1, &Turn::First);
    let first = |rows: Sql, columns: &[&str]| {
        rows.then(&format!("\n{}\nlimit  ", order.along(columns))).bind(limit)
    };
    let rows = |range: &Range| {
        let (value, res) = (format!("d.{}", range.column), format!("d.{}", range.res));
        sql(format!("select {value} as k1, {res} as res\nfrom   {} d\nwhere  ", range.table), [])
            .with(range.condition().on("d"))
    };
    let there = ranges.iter().filter(|range| !range.condition().is_never());
    let mut branches: Vec<Sql> = there.map(rows).collect();
    if branches.len() > 1 && leaders.names.dialect == Dialect::Postgres {
        let inner = |(n, rows)| {
            let inner = first(rows, &["k1", "res"]).indented(2);
            sql("select * from (\n  ", []).with(inner).then(&format!("\n) as b{n}"))
        };
        branches = branches.into_iter().enumerate().map(inner).collect();
    }
    if branches.is_empty() {
        return None;
    }
    // SQLite reads of each no more than what it gives on
    let page = first(Sql::compound(branches, "\nunion all\n"), &["k1", "res"]);
    let statement = page::show_some(plan, page, &order, leaders.names);
    let steps = leaders.names.effort.steps;
    Some(Guess { route: route(Mode::ByValue, 0)?, statement, repeats: true, steps })
}

/// The first resources met from the inside, where one filter alone leads there.
fn through(plan: &Plan, parts: &[Part<'_>], (leaders, count): (Leaders<'_>, u32)) -> Option<Guess> {
    let [part] = parts else { return None };
    let mut leading = part.filters.iter().enumerate().filter(|(_, one)| leads_through(one));
    let (leader, filter) = leading.next().filter(|_| leading.next().is_none())?;
    let inside = Through::of(filter, part, leaders, &[])?;
    if !inside.is_led_by_all() {
        return None;
    }
    let first = [Some(u8::try_from(leader).ok()?)].into_iter();
    let route = Route { mode: Mode::Through, leaders: first.chain(inside.leaders()).collect() };
    if leaders.names.dialect == Dialect::Sqlite {
        let ways = (route, inside.rarely_repeats());
        // one alone is not counted, and would be asked for the same statement again
        return (part.filters.len() > 1 || ways.1)
            .then(|| as_usual(plan, parts, ways, (leaders, count)));
    }
    let limit = i64::from(count) + 1;
    let order = Order::rising(2, &Turn::First);
    let repeats = inside.rarely_repeats();
    let walk = Walk {
        parts,
        route: &route,
        leaders,
        order: &order,
        limit,
        changed: Changed::Stay,
        may_repeat: repeats,
    };
    let page = inside.first_met(&walk, part, leader)?;
    let statement = page::show_some(plan, page, &order, leaders.names);
    let steps = leaders.names.effort.steps;
    Some(Guess { route, statement, repeats, steps })
}
