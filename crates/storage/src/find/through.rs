//! Chains and `_has` walked from the inside: index rows of what is inside, in the order they lie in, and from each
//! the way to what is searched. Nothing is collected, so a page costs the same however many are inside. A resource is
//! shown where the first row stands that leads to it.

mod first;
mod step;

use search::Filter;

use super::{
    ask::Dialect,
    check::{self, On},
    leader::Leaders,
    part::{Domain, Part},
    range::Range,
    statement::{Sql, sql},
    value,
    walk::{Walk, and},
};
use step::Step;

/// How a filter leads through other resources.
pub(super) struct Through<'p> {
    way: Way,
    /// The reference parameters.
    params: Vec<i64>,
    /// What is inside, and which of its filters leads there.
    inside: Vec<(Part<'p>, usize)>,
    /// The stretches that are walked, and whose they are.
    ranges: Vec<(usize, Range)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// What is searched refers to what is inside.
    Chain,
    /// What is inside refers to what is searched.
    Has,
}

impl Way {
    /// The columns of `idx_reference` with what is inside and with what is searched.
    fn columns(self) -> (&'static str, &'static str) {
        match self {
            Self::Chain => ("target", "res"),
            Self::Has => ("res", "target"),
        }
    }

    fn table(self, row: &str, dialect: Dialect) -> String {
        match self {
            Self::Chain => format!("idx_reference {row}"),
            Self::Has => dialect.by_resource("idx_reference", row),
        }
    }
}

impl<'p> Through<'p> {
    /// `None` when a filter does not lead through others, or when these have no order that can be walked. `chosen` says
    /// which filters lead inside; the best ones when it is empty.
    pub(super) fn of(
        filter: &'p Filter,
        part: &Part<'_>,
        leaders: Leaders<'_>,
        chosen: &[Option<u8>],
    ) -> Option<Self> {
        if part.domain != Domain::Own {
            return None;
        }
        let (way, params, parts) = match filter {
            Filter::Chain { params, targets } => {
                let parts = targets.iter().flat_map(|plan| Part::of_type(plan, Domain::Either));
                (Way::Chain, params, parts.collect::<Vec<_>>())
            }
            Filter::Has { params, source } => {
                (Way::Has, params, Part::of_type(source, Domain::Own))
            }
            Filter::All(_)
            | Filter::Any(_)
            | Filter::Not(_)
            | Filter::Id(_)
            | Filter::Updated(_)
            | Filter::Value { .. }
            | Filter::Present { .. }
            | Filter::Words { .. }
            | Filter::Near { .. }
            | Filter::During(_) => return None,
        };
        let mut through =
            Self { way, params: Domain::Own.numbers(params), inside: vec![], ranges: vec![] };
        for (n, inner) in parts.into_iter().enumerate() {
            let leader = match chosen.get(n) {
                Some(leader) => usize::from((*leader)?),
                None => leaders.sizes.best(&inner)?,
            };
            let filter = inner.filters.get(leader).filter(|filter| is_plain(filter))?;
            let ranges = leaders.ranges(filter, &inner)?.into_iter();
            let ranges = ranges.filter(|range| !range.condition().is_never());
            through.ranges.extend(ranges.map(|range| (n, range)));
            through.inside.push((inner, leader));
        }
        let kind = through.ranges.first().map(|(_, range)| range.kind);
        let can_be_walked =
            |(_, range): &(usize, Range)| Some(range.kind) == kind && tail(range).is_some();
        through.ranges.iter().all(can_be_walked).then_some(through)
    }

    /// Which filters lead inside.
    pub(super) fn leaders(&self) -> impl Iterator<Item = Option<u8>> {
        self.inside.iter().map(|(_, leader)| u8::try_from(*leader).ok())
    }

    /// Columns `k1` and `k2`, a value inside and the number of the resource that has it, and `res`, in their order.
    pub(super) fn walk(&self, walk: &Walk<'_, '_>, part: &Part<'_>, leader: usize) -> Sql {
        let mut branches = Vec::new();
        for ranges in self.stretches(walk.leaders.names.dialect) {
            for p in &self.params {
                let step = Step { through: self, ranges: &ranges, p: *p };
                branches.push(match (walk.leaders.names.dialect, ranges.as_slice()) {
                    (Dialect::Sqlite, [(n, range)]) => {
                        step.joined((*n, range), walk, self.outside(walk, part, &[leader], None))
                    }
                    (Dialect::Sqlite | Dialect::Postgres, _) => step.lateral(walk, part, leader),
                });
            }
        }
        let nothing = "select null as k1, null as k2, res from resource where false";
        walk.merged(branches, &["k1", "k2", "res"], nothing)
    }

    /// Whether few resources are met more than once: one refers to one other mostly, and many refer to one.
    pub(super) fn rarely_repeats(&self) -> bool {
        self.way == Way::Chain
    }

    /// Whether what is inside has one filter each, whose rows need not be looked through.
    pub(super) fn is_led_by_all(&self) -> bool {
        self.inside.iter().all(|(inner, _)| inner.filters.len() == 1)
    }

    /// The same as [`Self::walk`], of what is met first; then, unless that is all, a row without `res`. For PostgreSQL.
    pub(super) fn first_met(
        &self,
        walk: &Walk<'_, '_>,
        part: &Part<'_>,
        leader: usize,
    ) -> Option<Sql> {
        let (stretches, [p]) = (self.stretches(Dialect::Postgres), self.params.as_slice()) else {
            return None;
        };
        let [ranges] = stretches.as_slice() else { return None };
        let step = Step { through: self, ranges, p: *p };
        Some(match self.way {
            Way::Chain => step.first_referring(walk, part, leader),
            Way::Has => step.first_referred(walk, part, leader),
        })
    }

    /// The stretches that are walked as one, in the order of their values; those of one value lie in that of resources.
    /// SQLite walks each on its own.
    fn stretches(&self, dialect: Dialect) -> Vec<Vec<&(usize, Range)>> {
        let is_own = |range: &Range| range.is_fixed || dialect == Dialect::Sqlite;
        let (own, merged): (Vec<_>, Vec<_>) = self.ranges.iter().partition(|(_, one)| is_own(one));
        let own = own.into_iter().map(|one| vec![one]);
        own.chain([merged]).filter(|one| !one.is_empty()).collect()
    }

    /// The first resources that are met, as `res`, at most so many a stretch, whatever else must hold of them.
    pub(super) fn sample(&self, leaders: Leaders<'_>, at_most: i64) -> Vec<Sql> {
        let (inside, outside) = self.way.columns();
        let mut samples = Vec::new();
        for (n, range) in &self.ranges {
            for p in &self.params {
                let from = self.way.table("d", leaders.names.dialect);
                let n = n.to_owned();
                let order = order_inside(range, leaders.names.dialect);
                samples.push(
                    sql(format!("select d.{outside} as res from {} n", range.table), [])
                        .then(&format!(" cross join {from} where "))
                        .with(self.inside(n, range, leaders))
                        .then(" and d.p = ")
                        .bind(*p)
                        .then(&format!(" and d.{inside} = n.{} order by {order} limit ", range.res))
                        .bind(at_most),
                );
            }
        }
        samples
    }

    /// The conditions on the row `n` inside.
    fn inside(&self, n: usize, range: &Range, leaders: Leaders<'_>) -> Sql {
        let own = [range.seek.clone().on("n"), range.rest.clone().on("n")];
        let others = self.others(n, &format!("n.{}", range.res), leaders);
        let all = own.into_iter().chain([others]).filter(|one| !one.is_always());
        Sql::joined(all, "\n  and  ")
    }

    /// What else must hold inside.
    fn others(&self, n: usize, res: &str, leaders: Leaders<'_>) -> Sql {
        let Some((inner, leader)) = self.inside.get(n) else { return Sql::never() };
        let on = On { depth: 2, ..On::new(inner, res) };
        let others = inner.others(Some(*leader));
        Sql::all(others.map(|filter| check::holds(filter, &on, leaders.names)))
    }

    /// What must hold of what is searched, of the row `d` unless it is said otherwise, but for some of the filters.
    fn outside(
        &self,
        walk: &Walk<'_, '_>,
        part: &Part<'_>,
        but: &[usize],
        res: Option<&str>,
    ) -> Sql {
        let (_, outside) = self.way.columns();
        let on = On::new(part, res.map_or_else(|| format!("d.{outside}"), str::to_owned));
        let names = &walk.leaders.names.at_once();
        let there = match self.way {
            Way::Chain => Sql::always(),
            Way::Has => check::is_there(&on, names),
        };
        let others = part.filters.iter().enumerate().filter(|(n, _)| !but.contains(n));
        let others = others.map(|(_, filter)| check::holds(filter, &on, names));
        let all = [there].into_iter().chain(others).chain([walk.not_too_new(part, &on.res)]);
        all.fold(Sql::default(), |conditions, one| conditions.with(and(one)))
    }

    /// That no earlier row inside leads to the resource too. The row is told by its value and what has it.
    fn once(&self, (value, inner): (&str, &str), walk: &Walk<'_, '_>) -> Sql {
        let leaders = walk.leaders;
        let (inside, outside) = self.way.columns();
        let mut places: Vec<_> =
            self.ranges.iter().map(|(_, one)| (one.table, one.column, one.res)).collect();
        places.sort_unstable();
        places.dedup();
        let mut none = Sql::default();
        if walk.may_repeat {
            return none;
        }
        for place in places {
            let (table, column, res) = place;
            let dialect = leaders.names.dialect;
            let references = match (self.way, dialect) {
                (Way::Chain, Dialect::Sqlite) => dialect.by_resource("idx_reference", "e"),
                (Way::Chain | Way::Has, _) => "idx_reference e".to_owned(),
            };
            let earlier = format!(
                "\n  and  not exists (select 1 from {references} cross join {} where e.{outside} = d.{outside} and ",
                dialect.by_resource(table, "i")
            );
            let is_by_resource = matches!(self.ranges.as_slice(), [(_, one)] if one.is_fixed);
            let row_is_earlier = if is_by_resource {
                format!(" and i.{res} = e.{inside} and e.{inside} < {inner} and ")
            } else {
                format!(
                    " and i.{res} = e.{inside} and (i.{column}, i.{res}) < ({value}, {inner}) and "
                )
            };
            none = none
                .then(&earlier)
                .with(Sql::one_of("e.p", &self.params))
                .then(&row_is_earlier)
                .with(self.row_inside(place, leaders))
                .then(leaders.names.end);
        }
        none
    }
}

/// What a row `i` inside must be to lead on, said shortly: it is asked for each resource that is met.
impl Through<'_> {
    fn row_inside(&self, place: (&str, &str, &str), leaders: Leaders<'_>) -> Sql {
        let (inside, _) = self.way.columns();
        let inner = format!("e.{inside}");
        let mut rows = Vec::new();
        for (n, (part, leader)) in self.inside.iter().enumerate() {
            let others = self.others(n, &inner, leaders);
            let filter = part.filters.get(*leader).copied();
            let Some(Filter::Value { params, any }) = filter else {
                let here = |(at, one): &&(usize, Range)| {
                    *at == n && (one.table, one.column, one.res) == place
                };
                let row = |(_, one): &(usize, Range)| one.condition_among_own();
                let own = Sql::any(self.ranges.iter().filter(here).map(row));
                rows.push(Sql::all([own, others]));
                continue;
            };
            // what stands on its own and what is contained differ in the numbers of parameters alone
            let is_either = self.way == Way::Chain && others.is_always();
            let domain = if is_either { Domain::Either } else { part.domain };
            let of_table = value::rows(&domain.numbers(params), any, leaders.names);
            let own = of_table.into_iter().find(|(table, _)| *table == place.0);
            let row = Sql::all([own.map_or_else(Sql::never, |(_, row)| row), others]);
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        let row = Sql::any(rows);
        // a code leads to one row; but where values are walked along the parameter is no way to it, or PostgreSQL would
        // rather take that one
        let is_point = place.0 == "idx_token" || leaders.names.dialect == Dialect::Sqlite;
        if is_point { row } else { row.saying("p", "(@.p + 0)") }.on("i")
    }
}

/// Whether the rows of a filter are index rows and no more.
fn is_plain(filter: &Filter) -> bool {
    match filter {
        Filter::Value { .. } | Filter::Near { .. } => true,
        Filter::Any(inner) => inner.iter().all(is_plain),
        Filter::All(_)
        | Filter::Not(_)
        | Filter::Id(_)
        | Filter::Updated(_)
        | Filter::Present { .. }
        | Filter::Chain { .. }
        | Filter::Has { .. }
        | Filter::During(_)
        | Filter::Words { .. } => false,
    }
}

/// The columns of an index after the value and the resource, where these lie in it in this order and each row once.
fn tail(range: &Range) -> Option<&'static [&'static str]> {
    if range.each.is_some() || range.is_by_resource {
        return None;
    }
    match (range.table, range.column) {
        ("idx_token", "code") => Some(&["sys"]),
        ("idx_string", "folded") => Some(&["exact"]),
        ("idx_date", "lo") => Some(&["hi"]),
        ("idx_quantity", "value") => Some(&["code", "sys", "unit"]),
        ("idx_uri", "uri") => Some(&["version"]),
        ("idx_position", "x") => Some(&["y", "z"]),
        ("idx_number", "value") | ("idx_reference", "target") | ("idx_suffix", "suffix") => {
            Some(&[])
        }
        _ => None,
    }
}

/// The order of rows inside, so that a sample is what a walk meets first.
fn order_inside(range: &Range, dialect: Dialect) -> String {
    let tail = match dialect {
        Dialect::Sqlite => tail(range).unwrap_or_default(),
        Dialect::Postgres => &[],
    };
    let columns = [range.column, range.res].into_iter().chain(tail.iter().copied());
    columns.map(|column| format!("n.{column}")).collect::<Vec<_>>().join(", ")
}
