//! The statement of a page.

use search::{ContainedType, Plan};

use super::{
    Turn,
    ask::{Dialect, FOUND, Found},
    changed::moves,
    check::{self, On},
    leader::Leaders,
    names::Names,
    order::Order,
    part::{Domain, Part, domain, shown},
    position::{Mode, Route},
    range::Range,
    sort::{self, Of},
    statement::{Sql, Statement, sql},
    walk::{Changed, Walk, and},
};

/// The resources of a page and one more.
pub(super) fn statement(
    plan: &Plan,
    parts: &[Part<'_>],
    (route, leaders): (&Route, Leaders<'_>),
    turn: &Turn,
    count: u32,
) -> Statement {
    let ways = (route, leaders, false);
    walked(plan, parts, ways, (turn, count))
}

/// The same of a first page, in which a resource that is met from the inside may come again, if that is said.
pub(super) fn first(
    plan: &Plan,
    parts: &[Part<'_>],
    ways: (&Route, Leaders<'_>, bool),
    count: u32,
) -> Statement {
    walked(plan, parts, ways, (&Turn::First, count))
}

fn walked(
    plan: &Plan,
    parts: &[Part<'_>],
    (route, leaders, may_repeat): (&Route, Leaders<'_>, bool),
    (turn, count): (&Turn, u32),
) -> Statement {
    let order = order(plan, route, turn);
    let limit = i64::from(count) + 1;
    let changed = if moves(plan, parts, route) { Changed::ComeLater } else { Changed::Stay };
    let walk = Walk { parts, route, leaders, order: &order, limit, changed, may_repeat };
    let page = match route.mode {
        Mode::ByResource => walk.by_resource(),
        Mode::ByValue => walk.by_value(),
        Mode::AlongSort => along_sort(plan, &walk),
        Mode::Collected => collected(plan, &walk),
        Mode::Through => walk.through(),
    };
    show(plan, page, ("join", leaders.names), &order)
}

/// The same of rows of which some may have no number.
pub(super) fn show_some(plan: &Plan, page: Sql, order: &Order, names: &Names) -> Statement {
    show(plan, page, ("left join", names), order)
}

/// The order of the pages.
pub(super) fn order(plan: &Plan, route: &Route, turn: &Turn) -> Order {
    match route.mode {
        Mode::ByResource => Order::rising(0, turn),
        Mode::ByValue => Order::rising(1, turn),
        Mode::Through => Order::rising(2, turn),
        Mode::AlongSort | Mode::Collected => Order::of(plan, turn),
    }
}

/// The page's rows with everything that is shown of them, and in each what was heard, if it is asked for. PostgreSQL sees
/// that they come in their order; SQLite would sort them again, bodies and all, so there [`arrange`] does.
fn show(plan: &Plan, page: Sql, (join, names): (&str, &Names), order: &Order) -> Statement {
    let (heard, dialect) = (names.heard.as_ref(), names.dialect);
    let values = self::names(order.values());
    let mut columns: Vec<String> = values.iter().map(|name| format!("page.{name}")).collect();
    let values = columns.iter().fold(String::new(), |all, column| all + ", " + column);
    columns.push("page.res".to_owned());
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let (found, join) = if shown(plan) == Some(ContainedType::Contained) {
        let join = format!(
            "  {join} resource f on f.res = page.res\n  {join} resource r on r.res = coalesce(f.container, f.res)"
        );
        let inside = |column| format!("case when f.container is not null then f.{column} end");
        (format!(",\n       {} as {FOUND}, {} as contained", inside("res"), inside("id")), join)
    } else {
        let join = format!("  {join} resource r on r.res = page.res");
        (String::new(), join)
    };
    let heard = heard.map_or_else(Sql::default, |heard| sql(",\n       ", []).with(heard.clone()));
    sql(
        format!(
            "select r.res, r.type, r.id, r.version, r.updated, r.method, r.body{found}{values}"
        ),
        [],
    )
    .with(heard)
    .then("\nfrom   (\n  ")
    .with(page.indented(2))
    .then(&format!("\n) as page\n{join}"))
    .then(&match dialect {
        Dialect::Sqlite => String::new(),
        Dialect::Postgres => format!("\n{}", order.by(&columns)),
    })
    .statement()
}

/// Brings what a statement of these pages found into its order: see [`show`].
pub(super) fn arrange(page: &mut [Found], order: &Order, dialect: Dialect) {
    if dialect == Dialect::Sqlite {
        order.arrange(page);
    }
}

/// Of so many values.
pub(super) fn names(values: usize) -> Vec<String> {
    (1..=values).map(|n| format!("k{n}")).collect()
}

/// All that is found, with its sort values, cut to a page.
fn collected(plan: &Plan, walk: &Walk<'_, '_>) -> Sql {
    let order = walk.order;
    let names = names(order.values());
    let is_container = shown(plan) == Some(ContainedType::Container);
    let domain = if is_container { Domain::Own } else { domain(plan) };
    let mut found = every(walk.parts, walk.route, walk.leaders);
    if is_container {
        found = sql("select distinct coalesce(c.container, c.res) as res\nfrom   (\n  ", [])
            .with(found.indented(2))
            .then("\n) as inner_one\n  join resource c on c.res = inner_one.res");
    }
    let mut sorted = sql("select f.res as res", []);
    for (sort, name) in plan.sort.iter().zip(&names) {
        let value = sort::value(sort, "f.res", domain, walk.leaders.names.dialect);
        sorted = sorted.then(&format!(",\n       {value} as {name}"));
    }
    sorted = sorted.then("\nfrom   found f");
    if let (Some(_), Some(part)) = (order.commit(), walk.parts.first()) {
        let part = Part { domain, ..part.clone() };
        sorted = sorted.then("\nwhere  ").with(walk.not_too_new(&part, "f.res"));
    }
    let mut columns: Vec<&str> = names.iter().map(String::as_str).collect();
    columns.push("res");
    let page = sql("with found as (\n  ", [])
        .with(found.indented(2))
        .then("\n), sorted as materialized (\n  ")
        .with(sorted.indented(2))
        .then("\n)\nselect * from sorted");
    let beyond = order.beyond(&columns);
    let page = if beyond.is_always() { page } else { page.then("\nwhere  ").with(beyond) };
    page.then(&format!("\n{}\nlimit  ", order.by(&columns))).bind(walk.limit)
}

/// The numbers of all that is found, each once, as `res`.
pub(super) fn every(parts: &[Part<'_>], route: &Route, leaders: Leaders<'_>) -> Sql {
    let mut selects = Vec::new();
    let (mut is_once, mut is_ordered) = (true, true);
    for (n, part) in parts.iter().enumerate() {
        let leader = route.leaders.get(n).copied().flatten().map(usize::from);
        let filter = leader.and_then(|n| part.filters.get(n));
        let (leader, ranges) = match filter.and_then(|filter| leaders.ranges(filter, part)) {
            Some(ranges) => (leader, ranges),
            None => (None, vec![Leaders::every(part)]),
        };
        let mut ranges: Vec<Range> = ranges;
        ranges.retain(|range| !range.condition().is_never());
        is_once &= matches!(ranges.as_slice(), [] | [Range { is_fixed: true, is_once: true, .. }]);
        is_ordered &= ranges.iter().all(|range| range.is_fixed);
        selects.extend(ranges.iter().map(|range| leaders.select(range, part, leader)));
    }
    if selects.is_empty() {
        return sql("select res from resource where false", []);
    }
    match (is_once, selects.len()) {
        // different types or domains have no resource in common
        (true, _) => Sql::compound(selects, "\nunion all\n"),
        (false, 1) => sql("select distinct res from (\n  ", [])
            .with(selects.remove(0).indented(2))
            .then("\n) as rows_found"),
        // asked for in their order, SQLite merges them instead of collecting the first
        (false, _) if is_ordered && leaders.names.dialect == Dialect::Sqlite => {
            Sql::compound(selects, "\nunion\n").then("\norder  by res")
        }
        (false, _) => Sql::compound(selects, "\nunion\n"),
    }
}

/// Along the index of the first sort key; then what has no such value, if the page is not full.
fn along_sort(plan: &Plan, walk: &Walk<'_, '_>) -> Sql {
    let order = walk.order;
    let Some(first) = plan.sort.first() else { return walk.by_resource() };
    let track = sort::track(first, walk.parts, domain(plan), walk.leaders.names);
    let valued = if order.is_among_missing() == Some(true) && !order.is_backwards() {
        None
    } else {
        Some(valued(plan, walk, &track))
    };
    let missing = match &track.missing {
        Some(none) if order.is_among_missing() != Some(false) || !order.is_backwards() => {
            Some(missing(plan, walk, none))
        }
        _ => None,
    };
    let names = names(order.values());
    let mut columns: Vec<&str> = names.iter().map(String::as_str).collect();
    columns.push("res");
    match (valued, missing) {
        (Some(one), None) | (None, Some(one)) => one.then("\nlimit  ").bind(walk.limit),
        (None, None) => sql("select res from resource where false", []),
        (Some(valued), Some(missing)) => {
            let (first, second) =
                if order.is_backwards() { (missing, valued) } else { (valued, missing) };
            sql("with first_ones as (\n  ", [])
                .with(first.indented(2))
                .then("\n  limit  ")
                .bind(walk.limit)
                .then("\n), second_ones as (\n  ")
                .with(second.indented(2))
                .then("\n  -- only as many as the page has room for\n  limit  (select ")
                .bind(walk.limit)
                .then(" - count(*) from first_ones)\n)\nselect * from first_ones union all select * from second_ones")
                .then(&format!("\n{}\nlimit  ", order.by(&columns)))
                .bind(walk.limit)
        }
    }
}

/// What has a first value, in its order. Of a resource the row that comes first stands for it.
fn valued(plan: &Plan, walk: &Walk<'_, '_>, track: &sort::Track) -> Sql {
    let order = walk.order;
    let names = names(order.values());
    let mut branches = Vec::new();
    for (range, of) in &track.ranges {
        let mut values = vec![format!("d.{}", range.column)];
        values.extend(
            plan.sort
                .iter()
                .skip(1)
                .map(|sort| sort::value(sort, "d.res", domain(plan), walk.leaders.names.dialect)),
        );
        let select: Vec<String> = values
            .iter()
            .zip(&names)
            .map(|(value, name)| format!("{value} as {name},\n       "))
            .collect();
        let mut places: Vec<&str> = values.iter().map(String::as_str).collect();
        places.push("d.res");
        let mut columns: Vec<&str> = vec![places.first().copied().unwrap_or("d.res")];
        columns.extend(names.iter().skip(1).map(String::as_str));
        columns.push("d.res");
        let position = match columns.as_slice() {
            [_, _] => order.beyond_in_index(&places),
            _ => Sql::all([
                order.since_first(places.first().copied().unwrap_or("d.res")),
                order.beyond(&places),
            ]),
        };
        branches.push(
            sql(
                format!(
                    "select {}d.res as res\nfrom   {} d\nwhere  ",
                    select.concat(),
                    range.table
                ),
                [],
            )
            .with(range.condition().on("d"))
            .with(and(track.sooner.clone().unwrap_or_else(Sql::always)))
            .with(and(belongs(walk, *of)))
            .with(and(position))
            .then(&format!("\n{}", order.along(&columns))),
        );
    }
    if branches.len() == 1 {
        return branches.remove(0);
    }
    let branch = |(n, branch): (usize, Sql)| {
        sql("select * from (\n  ", [])
            .with(branch.indented(2))
            .then("\n  limit  ")
            .bind(walk.limit)
            .then(&format!("\n) as b{n}"))
    };
    let branches = branches.into_iter().enumerate().map(branch);
    let mut columns: Vec<&str> = names.iter().map(String::as_str).collect();
    columns.push("res");
    Sql::compound(branches.collect(), "\nunion all\n").then(&format!("\n{}", order.along(&columns)))
}

/// That what a row of the sort key's index is about is searched, and satisfies the filters.
fn belongs(walk: &Walk<'_, '_>, of: Of) -> Sql {
    let parts: Vec<&Part<'_>> = match of {
        Of::Part(n) => walk.parts.get(n).into_iter().collect(),
        Of::Domain(domain) => walk.parts.iter().filter(|part| part.domain == domain).collect(),
    };
    let is_one = parts.len() == 1;
    let condition = |part: &Part<'_>| {
        let on = On::new(part, "d.res");
        let of_type = if is_one { Sql::always() } else { check::is_there(&on, walk.leaders.names) };
        let filters =
            part.filters.iter().map(|filter| check::holds(filter, &on, walk.leaders.names));
        let new = walk.not_too_new(part, "d.res");
        Sql::all([of_type].into_iter().chain(filters).chain([new]))
    };
    Sql::any(parts.into_iter().map(condition))
}

/// What has no first value.
fn missing(plan: &Plan, walk: &Walk<'_, '_>, none: &Sql) -> Sql {
    let order = walk.order;
    let names = names(order.values());
    let null = plan.sort.first().map_or("null", |sort| sort::kind(sort).null());
    let mut selects = Vec::new();
    for part in walk.parts {
        let mut row = sql(format!("select {null} as k1"), []);
        for (sort, name) in plan.sort.iter().zip(&names).skip(1) {
            let value = sort::value(sort, "d.res", domain(plan), walk.leaders.names.dialect);
            row = row.then(&format!(",\n       {value} as {name}"));
        }
        selects.push(
            row.then(", d.res as res\nfrom   resource d\nwhere  ")
                .with(walk.leaders.conditions(&Leaders::every(part), part, None))
                .with(and(none.clone()))
                .with(and(walk.not_too_new(part, "d.res"))),
        );
    }
    let mut columns: Vec<&str> = names.iter().skip(1).map(String::as_str).collect();
    let beyond_missing = order.is_among_missing() == Some(true);
    if columns.is_empty() && selects.len() == 1 {
        let row = selects.remove(0);
        let position = if beyond_missing { order.beyond(&["d.res"]) } else { Sql::always() };
        return row.with(and(position)).then(&format!("\n{}", order.by(&["d.res"])));
    }
    columns.push("res");
    let row = sql("select * from (\n  ", [])
        .with(Sql::compound(selects, "\nunion all\n").indented(2))
        .then("\n) as without");
    let beyond = if beyond_missing { order.beyond(&columns) } else { Sql::always() };
    let row = if beyond.is_always() { row } else { row.then("\nwhere  ").with(beyond) };
    row.then(&format!("\n{}", order.by(&columns)))
}
