//! Filters that can lead: whose index rows are walked, while the other filters are checked.

use search::{Filter, ParamId, Test, TypePlan, WordScope};

use super::{
    ask::Dialect,
    check::{self, On},
    names::Names,
    part::{Domain, Part},
    probe::Sizes,
    range::{Each, Kind, Range},
    statement::{Sql, sql},
    value,
};
use crate::words;

/// What leads is thought to find so many times more resources than there are targets.
const REFERRERS_PER_TARGET: u64 = 16;

/// Builds the ranges of filters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaders<'a> {
    pub(super) names: &'a Names,
    pub(super) sizes: &'a Sizes,
}

impl<'a> Leaders<'a> {
    pub(super) fn new(names: &'a Names, sizes: &'a Sizes) -> Self {
        Self { names, sizes }
    }

    /// The stretches of index rows that a filter finds, all together exactly what it means; `None` when it cannot
    /// lead.
    pub(super) fn ranges(self, filter: &Filter, part: &Part<'_>) -> Option<Vec<Range>> {
        match filter {
            Filter::Id(ids) if part.domain == Domain::Own => Some(vec![by_id(ids, part)]),
            Filter::Updated(any) if part.domain == Domain::Own => {
                let ty = i64::from(part.ty.number());
                Some(any.iter().flat_map(|test| value::updated_ranges(ty, test)).collect())
            }
            Filter::Value { params, any } => Some(self.of_values(params, any, part.domain)),
            Filter::Chain { params, targets } => self.of_chain(params, targets, part.domain),
            Filter::Has { params, source } if part.domain == Domain::Own => {
                self.of_has(params, source, part)
            }
            Filter::Words { scope, any } if part.domain == Domain::Own => {
                if any.iter().any(Vec::is_empty) {
                    return None;
                }
                Some(of_words((*scope, any), part, self.names))
            }
            Filter::Near { params, any } => Some(of_near(params, any, part.domain)),
            Filter::Any(inner) => {
                let all =
                    inner.iter().map(|one| self.ranges(one, part)).collect::<Option<Vec<_>>>();
                all.map(|ranges| ranges.into_iter().flatten().collect())
            }
            Filter::All(inner) => self.of_all(inner, part),
            Filter::Id(_)
            | Filter::Updated(_)
            | Filter::Has { .. }
            | Filter::Words { .. }
            | Filter::During(_)
            | Filter::Not(_)
            | Filter::Present { .. } => None,
        }
    }

    fn of_values(self, params: &[ParamId], any: &[Test], domain: Domain) -> Vec<Range> {
        let of_param = |p: i64| match value::lists(p, any, self.names) {
            Some(lists) => lists,
            None => any.iter().flat_map(|test| value::ranges(p, test, self.names)).collect(),
        };
        domain.numbers(params).into_iter().flat_map(of_param).collect()
    }

    /// What refers to resources that satisfy the plans: these are collected.
    fn of_chain(
        self,
        params: &[ParamId],
        targets: &[TypePlan],
        domain: Domain,
    ) -> Option<Vec<Range>> {
        let parts: Vec<Part<'_>> =
            targets.iter().flat_map(|plan| Part::of_type(plan, Domain::Either)).collect();
        let set = self.set(&parts)?;
        let satisfies = Sql::any(targets.iter().map(|plan| {
            let (res, domain) = ("@.target".to_owned(), Domain::Either);
            check::satisfies(plan, &On { res, ty: plan.ty, domain, depth: 2 }, self.names)
        }));
        let range = |p: i64| {
            let seek = sql("@.p = ? and @.target in (\n  ", [p.into()]);
            let seek = seek.with(set.clone().indented(2)).then(")");
            let own = Sql::all([sql("@.p = ?", [p.into()]), satisfies.clone()]);
            let each =
                Each { of: set.clone(), seek: sql("@.p = ? and @.target = t.res", [p.into()]) };
            let range = Range::spread("idx_reference", "target", Kind::Integer, seek);
            Range { each: Some(each), ..range }.once().among_own(own)
        };
        Some(domain.numbers(params).into_iter().map(range).collect())
    }

    /// What resources that satisfy the plan refer to: these are collected.
    fn of_has(self, params: &[ParamId], source: &TypePlan, part: &Part<'_>) -> Option<Vec<Range>> {
        let sources = self.set(&Part::of_type(source, Domain::Own))?;
        let target = check::is_there(&On::new(part, "@.target"), self.names);
        let range = |p: i64| {
            let seek = sql("@.p = ? and @.res in (\n  ", [p.into()]);
            let seek = seek.with(sources.clone().indented(2)).then(")");
            let range = Range::fixed("idx_reference", "target", Kind::Integer, seek);
            Range { res: "target", is_by_resource: true, ..range }.but(target.clone())
        };
        Some(Domain::Own.numbers(params).into_iter().map(range).collect())
    }

    /// Inside an alternative: the first that can lead, and the others as conditions.
    fn of_all(self, inner: &[Filter], part: &Part<'_>) -> Option<Vec<Range>> {
        let (at, ranges) = (inner.iter().enumerate())
            .find_map(|(n, filter)| self.ranges(filter, part).map(|ranges| (n, ranges)))?;
        let others = || inner.iter().enumerate().filter(|(n, _)| *n != at);
        let with_others = |range: Range| {
            let on = On { depth: 2, ..On::new(part, format!("@.{}", range.res)) };
            let checks = others().map(|(_, filter)| check::holds(filter, &on, self.names));
            range.but(Sql::all(checks))
        };
        Some(ranges.into_iter().map(with_others).collect())
    }

    /// The numbers of all resources of these parts: `select ...`. `None` when no index leads to them.
    pub(super) fn set(self, parts: &[Part<'_>]) -> Option<Sql> {
        let mut selects = Vec::new();
        for part in parts {
            let leader = self.sizes.best(part)?;
            let filter = part.filters.get(leader)?;
            for range in self.ranges(filter, part)? {
                selects.push(self.select(&range, part, Some(leader)));
            }
        }
        if selects.is_empty() {
            return Some(sql("select res from resource where false", []));
        }
        Some(Sql::compound(selects, "\nunion\n"))
    }

    /// The resources of a range that satisfy the other filters of the part, as `res`.
    pub(super) fn select(self, range: &Range, part: &Part<'_>, leader: Option<usize>) -> Sql {
        let (from, res) = (range.from(self.names.dialect), range.res);
        let row = sql(format!("select d.{res} as res\nfrom   {from}\nwhere  "), []);
        row.with(self.conditions(range, part, leader))
    }

    /// The conditions on a row of a range, a line each.
    pub(super) fn conditions(self, range: &Range, part: &Part<'_>, leader: Option<usize>) -> Sql {
        let on = On::new(part, format!("d.{}", range.res));
        let checks = part.others(leader).map(|filter| check::holds(filter, &on, self.names));
        let own = [range.seek.clone().on("d"), range.rest.clone().on("d")];
        let conditions = own.into_iter().chain(checks).filter(|one| !one.is_always());
        Sql::joined(conditions, "\n  and  ")
    }

    /// All resources of a part, one after the other.
    pub(super) fn every(part: &Part<'_>) -> Range {
        let ty = i64::from(part.ty.number());
        let seek = match part.domain {
            Domain::Own => "@.type = ? and @.body is not null",
            Domain::Contained => "@.type = ? and @.container is not null",
            Domain::Either => "@.type = ? and (@.body is not null or @.container is not null)",
        };
        Range::fixed("resource", "res", Kind::Integer, sql(seek, [ty.into()])).once()
    }
}

fn by_id(ids: &[Box<str>], part: &Part<'_>) -> Range {
    let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
    let ty = sql("@.type = ?", [i64::from(part.ty.number()).into()]);
    let seek = Sql::all([ty, Sql::one_of("@.id", &ids)]);
    let range = Range::fixed("resource", "id", Kind::Text, seek).once();
    range.but(sql("@.body is not null", []))
}

/// Rows of words, each resource once in each.
fn of_words(
    (scope, any): (WordScope, &[Vec<Box<str>>]),
    part: &Part<'_>,
    names: &Names,
) -> Vec<Range> {
    match names.dialect {
        Dialect::Sqlite if any.is_empty() => Vec::new(),
        Dialect::Sqlite => {
            let matches = words::sqlite_match(part.ty, scope, any);
            let seek = sql("@.idx_word match ?", [matches.into()]);
            let range = Range::fixed("idx_word", "rowid", Kind::Integer, seek).once();
            vec![Range { res: "rowid", ..range }]
        }
        Dialect::Postgres => {
            any.iter().flat_map(|list| of_all_words((scope, list), part, names)).collect()
        }
    }
}

/// What has the rarest of some words, counted so far, and the others too: a range for each place where words stand.
fn of_all_words(
    (scope, list): (WordScope, &[Box<str>]),
    part: &Part<'_>,
    names: &Names,
) -> Vec<Range> {
    let on = On::new(part, "@.res");
    let numbers: Vec<Vec<i64>> =
        list.iter().map(|word| words::numbers(part.ty, scope, word)).collect();
    let places = numbers.first().map_or(0, Vec::len);
    let few = i64::try_from(names.effort.few).unwrap_or(i64::MAX);
    let range = |place: usize| {
        // of equally many the first: the same one wherever it stands
        let counted = numbers.iter().enumerate().filter_map(|(at, all)| {
            let own = sql(
                format!("select cast(? as bigint) as word, count(*) as n, {at} as at"),
                [(*all.get(place)?).into()],
            );
            let rows = Sql::one_of("w.word", all);
            Some(
                own.then(" from (select 1 from idx_word w where ")
                    .with(rows)
                    .then(" limit ")
                    .bind(few)
                    .then(") as few"),
            )
        });
        let word = match numbers.as_slice() {
            [only] => sql("?", [(*only.get(place)?).into()]),
            _ => sql("(select c.word from (\n    ", [])
                .with(Sql::compound(counted.collect(), "\nunion all\n").indented(4))
                .then("\n  ) as c order by c.n, c.at limit 1)"),
        };
        let seek = sql("@.word = ", []).with(word);
        let others = match list {
            [_] => Sql::always(),
            all => Sql::all(all.iter().map(|word| check::has_word((scope, word), &on, names))),
        };
        Some(Range::fixed("idx_word", "word", Kind::Integer, seek).once().but(others))
    };
    (0..places).filter_map(range).collect()
}

/// A slice of the globe through each circle.
fn of_near(params: &[ParamId], any: &[search::Circle], domain: Domain) -> Vec<Range> {
    let mut ranges = Vec::new();
    for p in domain.numbers(params) {
        for circle in any {
            let [x, ..] = circle.middle;
            // a little wider than the circle: its own condition is exact
            let reach = circle.chord * (1.0 + f64::EPSILON * 4.0);
            let seek = sql(
                "@.p = ? and @.x >= ? and @.x <= ?",
                [p.into(), (x - reach).into(), (x + reach).into()],
            );
            let range = Range::spread("idx_position", "x", Kind::Real, seek);
            ranges.push(range.but(check::inside(circle)));
        }
    }
    ranges
}

/// How quickly a filter is thought to narrow a search when nobody has counted; least first.
pub(super) fn rank(filter: &Filter) -> u8 {
    use search::{ReferenceTest, Test};
    match filter {
        Filter::Id(_) => 0,
        Filter::Value { any, .. } => match any.first() {
            Some(Test::Identifier(_) | Test::Typed(_)) => 1,
            Some(Test::Reference(ReferenceTest::Local { .. } | ReferenceTest::Id { .. })) => 2,
            Some(Test::Reference(_) | Test::Uri(_)) => 3,
            Some(Test::Composite { .. }) => 4,
            Some(Test::Token(token)) if token.code.is_some() => 5,
            Some(Test::String(_) | Test::Mime(_)) => 6,
            Some(Test::Canonical(..) | Test::Quantity(..) | Test::Number(_)) => 8,
            Some(Test::Date(_)) => 9,
            Some(Test::Token(_) | Test::Text(_) | Test::Concepts(_) | Test::Numbers(..)) => 10,
            None => 0,
        },
        Filter::Words { .. } => 3,
        Filter::Near { .. } => 7,
        Filter::Has { .. } | Filter::Chain { .. } => 8,
        Filter::Updated(_) => 11,
        Filter::Any(inner) | Filter::All(inner) => inner.iter().map(rank).max().unwrap_or(0),
        Filter::Not(_) | Filter::Present { .. } | Filter::During(_) => u8::MAX,
    }
}

/// How many rows a filter of a chain leads to, when so many targets are found.
pub(super) fn referrers(targets: u64) -> u64 {
    targets.saturating_mul(REFERRERS_PER_TARGET)
}
