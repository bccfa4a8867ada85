//! Filters that can lead: whose index rows are walked, while the other filters are checked.

use search::{Filter, ParamId, StringTest, Test, TypePlan, letters};

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

/// More texts, each in a parameter, are not looked for by their letters on PostgreSQL: each is a walk of its own.
const LETTERS_MAX: usize = 32;

/// Builds the ranges of filters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaders<'a> {
    pub(super) names: &'a Names,
    pub(super) sizes: &'a Sizes,
    /// Whether what contains a text is found by its letters; else along all values.
    pub(super) letters: bool,
}

impl<'a> Leaders<'a> {
    pub(super) fn new(names: &'a Names, sizes: &'a Sizes) -> Self {
        Self { names, sizes, letters: true }
    }

    /// The same, along values only.
    pub(super) fn along_values(self) -> Self {
        Self { letters: false, ..self }
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
            Filter::Value { params, any } => {
                let letters = self.letters.then(|| by_letters(filter, part, self.names)).flatten();
                let by_value = || self.of_values(params, any, part.domain);
                Some(letters.unwrap_or_else(by_value))
            }
            Filter::Chain { params, targets } => self.of_chain(params, targets, part.domain),
            Filter::Has { params, source } if part.domain == Domain::Own => {
                self.of_has(params, source, part)
            }
            Filter::Words { scope, any } if part.domain == Domain::Own => {
                if any.iter().any(Vec::is_empty) {
                    return None;
                }
                let seek = check::words_match((*scope, any), part.ty, self.names.dialect);
                Some(vec![of_words(seek, self.names.dialect)])
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

/// Rows of words, a resource each.
fn of_words(seek: Sql, dialect: Dialect) -> Range {
    let res = match dialect {
        Dialect::Sqlite => "rowid",
        Dialect::Postgres => "res",
    };
    let range = Range::fixed("idx_word", "res", Kind::Integer, seek).once();
    Range { res, column: res, ..range }
}

/// What may contain a text, for it has the letters: whether it does is left to be checked.
fn by_letters(filter: &Filter, part: &Part<'_>, names: &Names) -> Option<Vec<Range>> {
    let Filter::Value { params, any } = filter else { return None };
    if part.domain != Domain::Own {
        return None;
    }
    let mut alternatives = Vec::new();
    for test in any {
        let text = contained(test)?;
        for param in params {
            alternatives.push((*param, letters(*param, text)?));
        }
    }
    let check = |range: Range, filter: &Filter| {
        let on = On::new(part, format!("@.{}", range.res));
        range.but(check::holds(filter, &on, names))
    };
    match names.dialect {
        Dialect::Sqlite => {
            let seek = sql("@.idx_word match ?", [words::letters_match(&alternatives).into()]);
            Some(vec![check(of_words(seek, names.dialect), filter)])
        }
        Dialect::Postgres if alternatives.len() > LETTERS_MAX => None,
        Dialect::Postgres => {
            let tests = any.iter().flat_map(|test| params.iter().map(move |_| test));
            let ranges = alternatives.iter().zip(tests).flat_map(|(one @ (param, _), test)| {
                let alone = Filter::Value { params: vec![*param], any: vec![test.clone()] };
                of_letters(one, names.effort.few).map(|range| check(range, &alone))
            });
            Some(ranges.collect())
        }
    }
}

/// Rows of the rarest of some letters of a parameter, counted so far, and of what has more letters than are kept.
fn of_letters((param, all): &(ParamId, Vec<Box<str>>), few: u64) -> [Range; 2] {
    let p = i64::from(param.number());
    let row = |letters: Sql| {
        let seek = sql("@.p = ? and @.letters = ", [p.into()]).with(letters);
        Range::fixed("idx_letter", "letters", Kind::Text, seek).once()
    };
    let counted = all.iter().map(|letters| {
        sql("select cast(? as text) as letters, count(*) as n from (select 1 from idx_letter l where l.p = ? and l.letters = ? limit ?) as few", [
            (&**letters).into(),
            p.into(),
            (&**letters).into(),
            i64::try_from(few).unwrap_or(i64::MAX).into(),
        ])
    });
    let rarest = match all.as_slice() {
        [only] => sql("?", [(&**only).into()]),
        _ => sql("(select c.letters from (\n    ", [])
            .with(Sql::compound(counted.collect(), "\nunion all\n").indented(4))
            .then("\n  ) as c order by c.n limit 1)"),
    };
    [row(rarest), row(sql("''", []))]
}

/// The text that a value must contain.
fn contained(test: &Test) -> Option<&str> {
    let Test::String(StringTest::Contains(text) | StringTest::EndsWith(text)) = test else {
        return None;
    };
    Some(text)
}

/// Whether a filter asks for what contains a text.
pub(super) fn asks_for_letters(filter: &Filter) -> bool {
    let Filter::Value { any, .. } = filter else { return false };
    any.iter().all(|test| contained(test).is_some())
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
